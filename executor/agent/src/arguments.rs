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
}

/// The command line is none of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("usage: katonic-agent --members DIR --git-cache DIR --gateway URI")]
pub struct UsageError;

impl Arguments {
    /// Reads the arguments after the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, UsageError> {
        let (mut members, mut git_cache, mut gateway) = (None, None, None);
        let mut arguments = arguments.into_iter();
        while let Some(flag) = arguments.next() {
            let slot = match flag.as_str() {
                "--members" => &mut members,
                "--git-cache" => &mut git_cache,
                "--gateway" => &mut gateway,
                _ => return Err(UsageError),
            };
            *slot = Some(arguments.next().ok_or(UsageError)?);
        }
        Ok(Self {
            members: members.ok_or(UsageError)?.into(),
            git_cache: git_cache.ok_or(UsageError)?.into(),
            gateway: gateway.ok_or(UsageError)?.trim_end_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_are_needed_and_nothing_else() {
        let parse = |line: &str| Arguments::parse(line.split_whitespace().map(str::to_owned));
        let good = parse("--members /m --git-cache /g --gateway http://127.0.0.1:1/").expect("arguments");
        assert_eq!(good.gateway, "http://127.0.0.1:1");
        for bad in ["", "--members /m", "--members /m --git-cache /g --gateway", "--member /m"] {
            assert_eq!(parse(bad), Err(UsageError), "{bad}");
        }
    }
}
