//! The parameters that a folder declares in its `katonic.toml`: what is given
//! by `--param` is held against them before anything is sent, and the others
//! get their defaults (ADR 30).
//!
//! The platform knows nothing of it: a job has the parameters that it was
//! submitted with, whatever the file says later.

mod file;
mod kind;

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
};

use katonic_domain::typo;
use serde::Serialize;

use self::{file::Problem, kind::Kind};
use crate::failure::Explain;

const FILE: &str = "katonic.toml";

/// Why parameters are not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is there and cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        #[source]
        /// Why.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("{} is no TOML", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        #[source]
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// The file declares something else than parameters.
    #[error("{} is wrong: {}", path.display(), listed(problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// What was given is not what is declared.
    #[error("the parameters are not those that this folder declares: {}", listed(.0))]
    Refused(Vec<Refusal>),
}

impl Explain for Error {
    fn next_step(&self) -> String {
        match self {
            Self::Read { .. } => "make it readable, or run from another folder".to_owned(),
            Self::Parse { .. } | Self::Invalid { .. } => {
                "correct it as the book's page on parameters shows, or remove it to give any".to_owned()
            }
            Self::Refused(_) => "look at `katonic params`, and give others by --param NAME=VALUE".to_owned(),
        }
    }
}

/// Why a parameter is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody declared it.
    #[error("there is none called `{name}`{}", hint(meant.as_deref()))]
    Unknown {
        /// As it was given.
        name: String,
        /// What may be meant.
        meant: Option<String>,
    },
    /// It cannot have this value.
    #[error("`{name}` is `{value}` and not {wanted}")]
    Value {
        /// The parameter.
        name: String,
        /// As it was given.
        value: String,
        /// What it may be.
        wanted: String,
    },
    /// It was not given and has no default.
    #[error("`{0}` must be given")]
    Missing(String),
}

/// What a folder declares of one parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parameter {
    /// What values it may have.
    #[serde(flatten)]
    pub kind: Kind,
    /// What it is where nothing was said; where there is none it must be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub help: String,
}

/// All that a folder declares, by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Declared(BTreeMap<String, Parameter>);

/// What a folder declares; none where it says nothing of parameters.
pub fn of_folder(folder: &Path) -> Result<Option<Declared>, Error> {
    let path = folder.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path, source }),
    };
    let document: toml::Table = match toml::from_str(&text) {
        Ok(document) => document,
        Err(source) => return Err(Error::Parse { path, source: Box::new(source) }),
    };
    match file::parameters(&document) {
        Ok(declared) => Ok(declared.map(Declared)),
        Err(problems) => Err(Error::Invalid { path, problems }),
    }
}

/// The parameters of a job with a folder's files: those that were given, and the defaults of the others.
/// `given_later` is one that comes on top.
pub fn complete(
    folder: &Path,
    given: BTreeMap<String, String>,
    given_later: Option<&str>,
) -> Result<BTreeMap<String, String>, Error> {
    match of_folder(folder)? {
        Some(declared) => declared.complete(given, given_later).map_err(Error::Refused),
        None => Ok(given),
    }
}

impl Declared {
    /// Each, in order of name.
    pub fn all(&self) -> impl Iterator<Item = (&String, &Parameter)> {
        self.0.iter()
    }

    fn complete(
        &self,
        mut params: BTreeMap<String, String>,
        given_later: Option<&str>,
    ) -> Result<BTreeMap<String, String>, Vec<Refusal>> {
        let mut refused: Vec<Refusal> = params.iter().filter_map(|(name, value)| self.refusal(name, value)).collect();
        for (name, parameter) in &self.0 {
            if params.contains_key(name) || given_later == Some(name.as_str()) {
                continue;
            }
            match &parameter.default {
                Some(default) => {
                    params.insert(name.clone(), default.clone());
                }
                None => refused.push(Refusal::Missing(name.clone())),
            }
        }
        if refused.is_empty() { Ok(params) } else { Err(refused) }
    }

    fn refusal(&self, name: &str, value: &str) -> Option<Refusal> {
        let Some(parameter) = self.0.get(name) else {
            let meant = typo::meant(name, self.0.keys().map(String::as_str)).map(str::to_owned);
            return Some(Refusal::Unknown { name: name.to_owned(), meant });
        };
        let (name, value, wanted) = (name.to_owned(), value.to_owned(), parameter.kind.to_string());
        (!parameter.kind.takes(&value)).then_some(Refusal::Value { name, value, wanted })
    }
}

fn hint(meant: Option<&str>) -> String {
    meant.map(|name| format!(": did you mean `{name}`?")).unwrap_or_default()
}

fn listed<T: Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EPOCHS_AND_DATA: &str =
        "[params.epochs]\ntype = \"int\"\ndefault = 10\nmin = 1\n[params.data]\ntype = \"string\"\n";

    fn folder(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(FILE), text).expect("a file");
        folder
    }

    fn params(given: &[(&str, &str)]) -> BTreeMap<String, String> {
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn refused(given: &[(&str, &str)]) -> Vec<String> {
        let outcome = complete(folder(EPOCHS_AND_DATA).path(), params(given), None);
        let Err(Error::Refused(refusals)) = outcome else { unreachable!("it was taken") };
        refusals.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_not_given_has_its_default() {
        let folder = folder(EPOCHS_AND_DATA);
        let complete = |given: &[(&str, &str)]| complete(folder.path(), params(given), None).expect("taken");
        assert_eq!(complete(&[("data", "x")]), params(&[("data", "x"), ("epochs", "10")]));
        assert_eq!(complete(&[("data", ""), ("epochs", "3")]), params(&[("data", ""), ("epochs", "3")]));
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        assert_eq!(
            refused(&[("epoch", "3"), ("epochs", "ten"), ("x", "y")]),
            [
                "there is none called `epoch`: did you mean `epochs`?",
                "`epochs` is `ten` and not a whole number of at least 1",
                "there is none called `x`",
                "`data` must be given",
            ]
        );
    }

    #[test]
    fn what_comes_on_top_need_not_be_given_nor_declared() {
        let folder = folder(EPOCHS_AND_DATA);
        let complete = |later| complete(folder.path(), params(&[("epochs", "3")]), Some(later));
        assert_eq!(complete("data").expect("taken"), params(&[("epochs", "3")]));
        assert!(matches!(complete("index"), Err(Error::Refused(refusals)) if refusals.len() == 1));
    }

    #[test]
    fn a_folder_without_a_word_about_it_takes_any() {
        let any = params(&[("x", "y")]);
        let without = tempfile::tempdir().expect("a folder");
        assert_eq!(complete(without.path(), any.clone(), None).expect("taken"), any);
        assert_eq!(complete(folder("").path(), any.clone(), None).expect("taken"), any);
        assert!(matches!(complete(folder("[params]").path(), any, None), Err(Error::Refused(_))));
    }

    #[test]
    fn a_file_that_says_something_else_is_refused() {
        assert!(matches!(of_folder(folder("params: 1").path()), Err(Error::Parse { .. })));
        assert!(matches!(of_folder(folder("project = \"churn\"").path()), Err(Error::Invalid { .. })));
    }

    #[test]
    fn programs_read_it_as_the_file_has_it() {
        let declared = of_folder(folder(EPOCHS_AND_DATA).path()).expect("valid");
        let expected = json!({"data": {"type": "string"}, "epochs": {"type": "int", "min": 1, "default": "10"}});
        assert_eq!(json!(declared), expected);
    }
}
