//! What commands print: tables and sentences for people, proto3 JSON for
//! programs, on stdout; what is only said in passing, on stderr.
//!
//! With `--output json` stdout carries exactly one JSON document, or one per
//! line where the command streams. Colour, progress and notices appear only on
//! a terminal, so that redirected output holds nothing but the output. On a
//! narrow one only the last column of a table is broken over lines: what one
//! copies from the others stays whole.

use std::io::{self, IsTerminal, Write};

use anstyle::Style;
use comfy_table::{Attribute, Cell, ColumnConstraint, ContentArrangement, Table, Width, presets};
use katonic_proto::json;
use prost_reflect::ReflectMessage;
use serde_json::Value;

use crate::failure::{OutputError, one_line};

/// In which form output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Tables and sentences.
    Human,
    /// proto3 JSON.
    Json,
}

/// Writes output in the form that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
    notices: bool,
}

impl Output {
    /// An output in `format`.
    pub fn new(format: Format) -> Self {
        Self { format, notices: format == Format::Human && io::stderr().is_terminal() }
    }

    /// Whether programs read it.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Whether passing remarks are shown.
    pub fn shows_notices(self) -> bool {
        self.notices
    }

    /// Prints the answer of a command: the message itself, or its human form.
    pub fn answer<M: ReflectMessage>(self, message: &M, human: impl FnOnce(&M) -> String) -> Result<(), OutputError> {
        match self.format {
            Format::Json => self.document(&whole(json::to_value(message))),
            Format::Human => print(&human(message)),
        }
    }

    /// Prints one JSON document.
    pub fn document(self, value: &Value) -> Result<(), OutputError> {
        print(&format!("{value:#}\n"))
    }

    /// Prints one document of a stream of them, on a line of its own.
    pub fn item(self, value: &Value) -> Result<(), OutputError> {
        print(&format!("{value}\n"))
    }

    /// Says something in passing, on a terminal only.
    pub fn notice(self, text: &str) {
        if self.notices {
            let dim = Style::new().dimmed();
            anstream::eprintln!("{dim}katonic: {}{dim:#}", one_line(text));
        }
    }

    /// Says what must be known, on stderr, wherever that goes.
    pub fn warning(self, text: &str) {
        anstream::eprintln!("katonic: {}", one_line(text));
    }
}

/// Prints text on stdout, without its colours where they are not wanted.
pub fn print(text: &str) -> Result<(), OutputError> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Writes bytes to stdout as they are.
pub fn bytes(bytes: &[u8]) -> Result<(), OutputError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

/// The same value, with numbers that are whole written without a fraction:
/// JSON has one kind of number, and `3.0` runs read like a measurement.
pub fn whole(value: Value) -> Value {
    // Beyond this a double does not tell neighbours apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            #[allow(clippy::cast_possible_truncation, reason = "it is whole and within the range")]
            Some(double) if number.is_f64() && double.fract() == 0.0 && double.abs() < EXACT => (double as i64).into(),
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, field)| (name, whole(field))).collect(),
        other => other,
    }
}

/// The narrowest that a column becomes whose cells are broken over lines.
const BROKEN_COLUMN: u16 = 16;

/// A table with a bold head line and nothing drawn; a sentence where it has no rows.
pub fn table<const N: usize>(headers: [&str; N], rows: Vec<[String; N]>, nothing: &str) -> String {
    if rows.is_empty() {
        return format!("{nothing}\n");
    }
    rendered(arranged(&headers, rows, N - 1))
}

/// A table of things side by side, each of which has a column beside the first; these may all be broken.
pub fn side_by_side(headers: &[String], rows: Vec<Vec<String>>) -> String {
    rendered(arranged(headers, rows, 1))
}

/// The first `whole` columns are never broken.
fn arranged<R>(headers: &[impl AsRef<str>], rows: Vec<R>, whole: usize) -> Table
where
    R: IntoIterator<Item = String>,
{
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headers.iter().map(|header| Cell::new(header.as_ref()).add_attribute(Attribute::Bold)));
    for row in rows {
        table.add_row(row.into_iter().map(|cell| one_line(&cell)));
    }
    for (place, column) in table.column_iter_mut().enumerate() {
        let broken = ColumnConstraint::LowerBoundary(Width::Fixed(BROKEN_COLUMN));
        column.set_padding((0, 2));
        column.set_constraint(if place < whole { ColumnConstraint::ContentWidth } else { broken });
    }
    table
}

fn rendered(table: Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Lines of `name  value`, names aligned; what has no value is left out.
pub fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name:width$}  {}\n", one_line(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_aligns_and_has_no_line_ends_inside() {
        let rows = vec![["a".to_owned(), "one\ntwo".to_owned()], ["long".to_owned(), "x".to_owned()]];
        assert_eq!(table(["ID", "TEXT"], rows, "none"), "ID    TEXT\na     one; two\nlong  x\n");
    }

    #[test]
    fn on_a_narrow_terminal_only_the_last_column_is_broken() {
        let row = ["exe_01h455vb4pex5vsknk084sn02q".to_owned(), "a title of several words".to_owned()];
        let mut table = arranged(&["ID", "TITLE"], vec![row], 1);
        table.set_width(20);
        let text = rendered(table);
        assert!(text.contains("exe_01h455vb4pex5vsknk084sn02q  a title of\n"), "{text}");
        assert!(text.lines().count() > 2, "{text}");
    }

    #[test]
    fn of_things_side_by_side_only_their_names_stay_whole() {
        let headers = ["JOB", "1", "2"].map(str::to_owned);
        let row = ["param.learning_rate", "one of several words", "and another of them"].map(str::to_owned);
        assert_eq!(
            side_by_side(&headers, vec![row.to_vec()]),
            "JOB                  1                     2\n\
             param.learning_rate  one of several words  and another of them\n"
        );
        let mut table = arranged(&headers, vec![row], 1);
        table.set_width(60);
        let text = rendered(table);
        assert!(text.contains("param.learning_rate  ") && text.lines().count() == 3, "{text}");
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        let value = serde_json::json!({"epochs": 3.0, "loss": 0.5, "list": [-1.0, 1e300], "seq": "7"});
        assert_eq!(whole(value).to_string(), r#"{"epochs":3,"list":[-1,1e+300],"loss":0.5,"seq":"7"}"#);
    }

    #[test]
    fn an_empty_table_is_a_sentence() {
        assert_eq!(table(["ID"], vec![], "There are none."), "There are none.\n");
    }

    #[test]
    fn fields_without_a_value_are_left_out() {
        let text = fields(&[("name", "churn".to_owned()), ("description", String::new()), ("id", "prj".to_owned())]);
        assert_eq!(text, "name         churn\nid           prj\n");
    }
}
