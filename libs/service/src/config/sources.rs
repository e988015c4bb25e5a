//! Where values come from: the file, then the environment, then `--set`, each
//! over the one before.

use std::{env, fmt, fs, io, path::Path};

use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Env, Format, Toml},
    util::nest,
    value::{Dict, Map, Value},
};
use toml::de::{DeTable, DeValue};

use super::{Error, Override};

const PREFIX: &str = "KATONIC_";

/// All values, and whence.
pub(super) struct Sources<'a> {
    file: &'a Path,
    text: String,
    overrides: &'a [Override],
}

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A line of the file.
    File { name: String, line: usize },
    /// This variable.
    Environment(String),
    /// `--set` of this key.
    Flag(String),
    /// Nobody said.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line } => write!(f, "{name}, line {line}"),
            Self::Environment(variable) => write!(f, "environment, {variable}"),
            Self::Flag(key) => write!(f, "flag --set {key}"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl<'a> Sources<'a> {
    /// Reads the file; its syntax must be right.
    pub(super) fn open(file: &'a Path, overrides: &'a [Override]) -> Result<Self, Error> {
        let text = fs::read_to_string(file).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::Missing(file.to_owned()),
            _ => Error::Read { file: file.to_owned(), source },
        })?;
        // The parser's own message quotes the line, which may hold a secret.
        if let Err(error) = DeTable::parse(&text) {
            let line = line_at(&text, error.span().map_or(0, |span| span.start));
            let problem = format!("line {line}: {}", error.message());
            return Err(Error::Invalid { file: file.to_owned(), problems: vec![problem] });
        }
        Ok(Self { file, text, overrides })
    }

    pub(super) fn file(&self) -> &Path {
        self.file
    }

    /// Everything, merged.
    pub(super) fn values(&self) -> Result<Value, Error> {
        // Only names with a section: KATONIC_HOME and such are not keys.
        let environment = Env::prefixed(PREFIX).filter(|name| name.as_str().contains("__")).split("__");
        let merged = Figment::new().merge(Toml::string(&self.text)).merge(environment).merge(Flags(self.overrides));
        let dict: Dict = merged.extract().map_err(|error| Error::Merge(Box::new(error)))?;
        Ok(dict.into())
    }

    /// Where the value of a key is from.
    pub(super) fn origin(&self, path: &[String]) -> Origin {
        if let Some(set) = self.overrides.iter().rfind(|set| path.starts_with(&set.path)) {
            return Origin::Flag(set.path.join("."));
        }
        if env::var_os(variable(path)).is_some() {
            return Origin::Environment(variable(path));
        }
        self.line(path).map_or(Origin::Default, |line| {
            let name = self.file.file_name().unwrap_or(self.file.as_os_str());
            Origin::File { name: name.to_string_lossy().into_owned(), line }
        })
    }

    /// The text that environment or flag gave, before it was taken for a number or such.
    pub(super) fn text_outside_the_file(&self, path: &[String]) -> Option<String> {
        let set = self.overrides.iter().rfind(|set| set.path == path);
        set.map(|set| set.text.clone()).or_else(|| env::var(variable(path)).ok())
    }

    fn line(&self, path: &[String]) -> Option<usize> {
        let table = DeTable::parse(&self.text).ok()?;
        let (first, rest) = path.split_first()?;
        let (key, value) = table.get_ref().iter().find(|(key, _)| key.get_ref() == first)?;
        let mut at = key.span().start;
        let mut value = value.get_ref();
        for part in rest {
            let (start, next) = match value {
                DeValue::Table(table) => {
                    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == part)?;
                    (key.span().start, value)
                }
                DeValue::Array(items) => {
                    let item = items.get(part.parse::<usize>().ok()?)?;
                    (item.span().start, item)
                }
                _ => return None,
            };
            (at, value) = (start, next.get_ref());
        }
        Some(line_at(&self.text, at))
    }
}

fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

fn variable(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join("__").to_ascii_uppercase())
}

/// `--set`, as figment wants it.
struct Flags<'a>(&'a [Override]);

impl Provider for Flags<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named("--set")
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let mut all = Figment::new();
        for set in self.0 {
            // As in the environment: what is no number, list or such is a text.
            let value: Value = set.text.parse().expect("anything is a text");
            all = all.merge(Nested(nest(&set.path.join("."), value)));
        }
        all.data()
    }
}

struct Nested(Value);

impl Provider for Nested {
    fn metadata(&self) -> Metadata {
        Metadata::named("--set")
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let dict = self.0.clone().into_dict().expect("a nested value is a table");
        Ok(Map::from([(Profile::Default, dict)]))
    }
}
