//! From the text of `katonic.toml` to parameters, or to what is wrong with each.

use std::collections::BTreeMap;

use katonic_domain::typo;
use toml::{Table, Value};

use super::{
    Parameter,
    kind::{Kind, Range},
};

const KINDS: &str = "one of int, float, bool, string, choice";

/// What is wrong with a declaration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A key that nothing has.
    #[error("unknown key `{key}`: {hint}")]
    Unknown {
        /// In full.
        key: String,
        /// What may be meant.
        hint: String,
    },
    /// A key that must be there.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A value that cannot stand where it does.
    #[error("`{key}` is not {wanted}")]
    Wrong {
        /// In full.
        key: String,
        /// What may stand there.
        wanted: String,
    },
}

/// The parameters of a document; none where it says nothing of them.
pub fn parameters(document: &Table) -> Result<Option<BTreeMap<String, Parameter>>, Vec<Problem>> {
    let whole = Section { path: String::new(), table: document };
    let mut problems = whole.unknown(&["params"]);
    let declared = document.get("params").and_then(|params| {
        let table = params.as_table();
        problems.extend(table.is_none().then(|| whole.wrong("params", "a table")));
        table
    });
    let mut found = BTreeMap::new();
    for (name, value) in declared.into_iter().flatten() {
        match parameter(&format!("params.{name}"), value) {
            Ok(parameter) => {
                found.insert(name.clone(), parameter);
            }
            Err(wrong) => problems.extend(wrong),
        }
    }
    if problems.is_empty() { Ok(declared.map(|_| found)) } else { Err(problems) }
}

fn parameter(path: &str, value: &Value) -> Result<Parameter, Vec<Problem>> {
    let Some(table) = value.as_table() else {
        return Err(vec![Problem::Wrong { key: path.to_owned(), wanted: "a table that says its `type`".to_owned() }]);
    };
    let section = Section { path: path.to_owned(), table };
    let kind = table.get("type").and_then(Value::as_str).unwrap_or_default();
    let unknown = section.unknown(keys(kind));
    if unknown.is_empty() { section.parameter().map_err(|wrong| vec![wrong]) } else { Err(unknown) }
}

/// What may be said of a parameter of some type; of one without, anything.
fn keys(kind: &str) -> &'static [&'static str] {
    match kind {
        "int" | "float" => &["type", "default", "help", "min", "max"],
        "choice" => &["type", "default", "help", "choices"],
        "bool" | "string" => &["type", "default", "help"],
        _ => &["type", "default", "help", "min", "max", "choices"],
    }
}

/// A table and where it stands.
struct Section<'a> {
    path: String,
    table: &'a Table,
}

impl<'a> Section<'a> {
    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn wrong(&self, key: &str, wanted: impl Into<String>) -> Problem {
        Problem::Wrong { key: self.key(key), wanted: wanted.into() }
    }

    fn unknown(&self, known: &[&str]) -> Vec<Problem> {
        let hint = |key: &str| match typo::meant(key, known.iter().copied()) {
            Some(meant) => format!("did you mean `{}`?", self.key(meant)),
            None => format!("what may stand there is {}", known.join(", ")),
        };
        let unknown = self.table.keys().filter(|key| !known.contains(&key.as_str()));
        unknown.map(|key| Problem::Unknown { key: self.key(key), hint: hint(key) }).collect()
    }

    fn parameter(&self) -> Result<Parameter, Problem> {
        let kind = self.kind()?;
        let default = self.default(&kind)?;
        let help = self.text("help")?.unwrap_or_default().to_owned();
        Ok(Parameter { kind, default, help })
    }

    fn kind(&self) -> Result<Kind, Problem> {
        match self.text("type")? {
            None => Err(Problem::Missing(self.key("type"))),
            Some("int") => Ok(Kind::Int(self.range("a whole number", Value::as_integer)?)),
            Some("float") => Ok(Kind::Float(self.range("a number", number)?)),
            Some("bool") => Ok(Kind::Bool),
            Some("string") => Ok(Kind::String),
            Some("choice") => Ok(Kind::Choice { choices: self.choices()? }),
            Some(_) => Err(self.wrong("type", KINDS)),
        }
    }

    fn text(&self, key: &str) -> Result<Option<&'a str>, Problem> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| self.wrong(key, "a text"));
        self.table.get(key).map(text).transpose()
    }

    fn range<T: PartialOrd>(&self, wanted: &str, read: fn(&Value) -> Option<T>) -> Result<Range<T>, Problem> {
        let bound = |key: &str| {
            let value = self.table.get(key).map(|value| read(value).ok_or_else(|| self.wrong(key, wanted)));
            value.transpose()
        };
        let range = Range { min: bound("min")?, max: bound("max")? };
        match (&range.min, &range.max) {
            (Some(min), Some(max)) if min > max => Err(self.wrong("min", "at most `max`")),
            _ => Ok(range),
        }
    }

    fn choices(&self) -> Result<Vec<String>, Problem> {
        let listed = self.table.get("choices").ok_or_else(|| Problem::Missing(self.key("choices")))?;
        let choices: Option<Vec<String>> = listed.as_array().and_then(|values| values.iter().map(scalar).collect());
        let choices = choices.filter(|choices| !choices.is_empty());
        choices.ok_or_else(|| self.wrong("choices", "a list of at least one text or number"))
    }

    /// A default is held to what a value that was given is.
    fn default(&self, kind: &Kind) -> Result<Option<String>, Problem> {
        let Some(value) = self.table.get("default") else { return Ok(None) };
        let text = scalar(value).filter(|text| kind.takes(text));
        text.map(Some).ok_or_else(|| self.wrong("default", kind.to_string()))
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(_) | Value::Float(_) => scalar(value)?.parse().ok(),
        _ => None,
    }
}

/// A value as one would write it on the command line.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        // As short as tells it from others, and with a fraction or an exponent.
        Value::Float(number) => Some(format!("{number:?}")),
        Value::Boolean(is) => Some(is.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<BTreeMap<String, Parameter>>, Vec<Problem>> {
        parameters(&toml::from_str(text).expect("TOML"))
    }

    fn wrong(text: &str) -> Vec<String> {
        read(text).expect_err("was taken").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_parameter_has_its_type_default_and_help() {
        let text = "[params.epochs]\ntype = \"int\"\ndefault = 10\nmin = 1\nhelp = \"how often\"\n\
            [params.lr]\ntype = \"float\"\nmin = 0\ndefault = 1e-7\n\
            [params.optimizer]\ntype = \"choice\"\nchoices = [\"adam\", 16]\n\
            [params.fast]\ntype = \"bool\"\ndefault = true\n\
            [params.name]\ntype = \"string\"\n";
        let found = read(text).expect("valid").expect("declared");
        let epochs = &found["epochs"];
        assert_eq!(epochs.kind, Kind::Int(Range { min: Some(1), max: None }));
        assert_eq!((epochs.default.as_deref(), epochs.help.as_str()), (Some("10"), "how often"));
        assert_eq!(found["lr"].kind, Kind::Float(Range { min: Some(0.0), max: None }));
        assert_eq!(found["optimizer"].kind, Kind::Choice { choices: vec!["adam".to_owned(), "16".to_owned()] });
        let defaults = ["fast", "lr", "name", "optimizer"].map(|name| found[name].default.as_deref());
        assert_eq!(defaults, [Some("true"), Some("1e-7"), None, None]);
    }

    #[test]
    fn nothing_said_of_parameters_is_not_that_there_are_none() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("[params]"), Ok(Some(BTreeMap::new())));
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest_name() {
        for (text, expected) in [
            ("[parms.a]\ntype = \"int\"", "unknown key `parms`: did you mean `params`?"),
            ("[params.a]\ntpye = \"int\"", "unknown key `params.a.tpye`: did you mean `params.a.type`?"),
            (
                "[params.a]\ntype = \"int\"\ndefualt = 1",
                "unknown key `params.a.defualt`: did you mean `params.a.default`?",
            ),
            (
                "[params.a]\ntype = \"string\"\nmin = 1",
                "unknown key `params.a.min`: what may stand there is type, default, help",
            ),
        ] {
            assert_eq!(wrong(text), [expected]);
        }
    }

    #[test]
    fn what_cannot_be_is_named_for_each_parameter() {
        let text = "[params]\na = 1\nb = { default = 1 }\nc = { type = \"integer\" }\nd = { type = \"int\", default = \"ten\" }\n\
            e = { type = \"int\", min = 1.5 }\nf = { type = \"float\", min = 2, max = 1 }\ng = { type = \"choice\" }\n\
            h = { type = \"choice\", choices = [] }\ni = { type = \"bool\", help = 1 }\n";
        assert_eq!(
            wrong(text),
            [
                "`params.a` is not a table that says its `type`",
                "`params.b.type` is missing",
                "`params.c.type` is not one of int, float, bool, string, choice",
                "`params.d.default` is not a whole number",
                "`params.e.min` is not a whole number",
                "`params.f.min` is not at most `max`",
                "`params.g.choices` is missing",
                "`params.h.choices` is not a list of at least one text or number",
                "`params.i.help` is not a text",
            ]
        );
        assert_eq!(wrong("params = 1"), ["`params` is not a table"]);
    }
}
