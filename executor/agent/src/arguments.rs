//! The command line, as the dispatcher gives it.

use std::path::PathBuf;

/// What the agent is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// The folder of member directories.
    pub members: PathBuf,
    /// The folder of cached input commits, one bare repository a project.
    pub git_cache: PathBuf,
    /// Base URI of the gateway, such as `http://127.0.0.1:8080`.
    pub gateway: String,
    /// Where its spans go, by OTLP; nowhere where not given.
    pub otlp_endpoint: Option<String>,
}

/// The command line is none of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("usage: katonic-agent --members DIR --git-cache DIR --gateway URI [--otlp-endpoint URI]")]
pub struct UsageError;

impl Arguments {
    /// Reads the arguments after the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, UsageError> {
        let (mut members, mut git_cache, mut gateway, mut otlp_endpoint) = (None, None, None, None);
        let mut arguments = arguments.into_iter();
        while let Some(flag) = arguments.next() {
            let slot = match flag.as_str() {
                "--members" => &mut members,
                "--git-cache" => &mut git_cache,
                "--gateway" => &mut gateway,
                "--otlp-endpoint" => &mut otlp_endpoint,
                _ => return Err(UsageError),
            };
            *slot = Some(arguments.next().ok_or(UsageError)?);
        }
        Ok(Self {
            members: members.ok_or(UsageError)?.into(),
            git_cache: git_cache.ok_or(UsageError)?.into(),
            gateway: gateway.ok_or(UsageError)?.trim_end_matches('/').to_owned(),
            otlp_endpoint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_are_needed_and_one_may_be_there() {
        let parse = |line: &str| Arguments::parse(line.split_whitespace().map(str::to_owned));
        let good = parse("--members /m --git-cache /g --gateway http://127.0.0.1:1/").expect("arguments");
        assert_eq!((good.gateway.as_str(), good.otlp_endpoint), ("http://127.0.0.1:1", None));
        let traced = parse("--members /m --git-cache /g --gateway http://g --otlp-endpoint http://o");
        assert_eq!(traced.ok().and_then(|traced| traced.otlp_endpoint).as_deref(), Some("http://o"));
        for bad in ["", "--members /m", "--members /m --git-cache /g --gateway", "--member /m"] {
            assert_eq!(parse(bad), Err(UsageError), "{bad}");
        }
    }
}
