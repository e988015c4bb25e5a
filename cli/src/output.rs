//! What commands print: tables and sentences for people, proto3 JSON for
//! programs, on stdout; what is only said in passing, on stderr.
//!
//! With `--output json` stdout carries exactly one JSON document, or one per
//! line where the command streams. Colour, progress and notices appear only on
//! a terminal, so that redirected output holds nothing but the output.

use std::io::{self, IsTerminal, Write};

use anstyle::Style;
use comfy_table::{Attribute, Cell, ContentArrangement, Table, presets};
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
            Format::Json => self.document(&json::to_value(message)),
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

/// A table with a bold head line and nothing drawn; a sentence where it has no rows.
pub fn table<const N: usize>(headers: [&str; N], rows: Vec<[String; N]>, nothing: &str) -> String {
    if rows.is_empty() {
        return format!("{nothing}\n");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headers.map(|header| Cell::new(header).add_attribute(Attribute::Bold)));
    for row in rows {
        table.add_row(row.map(|cell| one_line(&cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
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
    fn an_empty_table_is_a_sentence() {
        assert_eq!(table(["ID"], vec![], "There are none."), "There are none.\n");
    }

    #[test]
    fn fields_without_a_value_are_left_out() {
        let text = fields(&[("name", "churn".to_owned()), ("description", String::new()), ("id", "prj".to_owned())]);
        assert_eq!(text, "name         churn\nid           prj\n");
    }
}
