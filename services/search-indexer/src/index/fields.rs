//! What is indexed, under which name, and what can be asked of it.
//!
//! Numbers and times are all `f64`, so that ranges and sorting know one type;
//! metrics and parameters lie in two dynamic fields: `numbers` and `labels`.

use tantivy::schema::{
    FAST, Field, IndexRecordOption, JsonObjectOptions, NumericOptions, STORED, STRING, Schema, SchemaBuilder, TEXT,
    TextFieldIndexing,
};

/// Raised when fields or their analysis change: an index of another format is made anew.
pub const FORMAT: u32 = 1;

/// Names of keyword fields, each value one term.
pub const KEYWORDS: [&str; 8] = ["id", "kind", "owner", "phase", "project", "reason", "tag", "tier"];
/// Names of fields with words.
pub const TEXTS: [&str; 3] = ["title", "description", "command"];
/// Names of fields with numbers.
pub const NUMBERS: [&str; 2] = ["number", "duration"];
/// Names of fields with times, kept as seconds since 1970.
pub const TIMES: [&str; 3] = ["created", "started", "ended"];
/// What facets count.
pub const FACETS: [&str; 7] = ["kind", "phase", "reason", "owner", "tag", "tier", "project"];

/// Before the name of a metric in `numbers` and `labels`.
pub const METRIC: &str = "metric";
/// Before the name of a parameter.
pub const PARAM: &str = "param";

/// The fields of the index.
#[derive(Debug, Clone)]
pub struct Fields {
    schema: Schema,
    /// Whole snapshots, stored.
    pub snapshot: Field,
    /// The id's 128 bits, which put equals in order.
    pub id_bits: [Field; 2],
    /// Whether a project is archived: `true` or `false`.
    pub archived: Field,
    /// Numbers of metrics and parameters.
    pub numbers: Field,
    /// Texts of metrics and parameters.
    pub labels: Field,
}

impl Default for Fields {
    fn default() -> Self {
        let mut builder = SchemaBuilder::new();
        for name in KEYWORDS {
            builder.add_text_field(name, STRING | FAST | STORED);
        }
        for name in TEXTS {
            builder.add_text_field(name, TEXT);
        }
        for name in NUMBERS.into_iter().chain(TIMES) {
            builder.add_f64_field(name, NumericOptions::default().set_fast());
        }
        let raw = TextFieldIndexing::default().set_tokenizer("raw").set_index_option(IndexRecordOption::Basic);
        let dynamic = JsonObjectOptions::default().set_expand_dots_enabled();
        let snapshot = builder.add_text_field("snapshot", STORED);
        let id_bits =
            ["id_high", "id_low"].map(|name| builder.add_u64_field(name, NumericOptions::default().set_fast()));
        let archived = builder.add_text_field("archived", STRING | FAST);
        let numbers = builder.add_json_field("numbers", dynamic.clone().set_fast("raw"));
        let labels = builder.add_json_field("labels", dynamic.set_indexing_options(raw));
        Self { schema: builder.build(), snapshot, id_bits, archived, numbers, labels }
    }
}

impl Fields {
    /// The schema that they make.
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A field of one of the lists above.
    pub fn named(&self, name: &str) -> Field {
        self.schema.get_field(name).expect("a field of the schema")
    }
}

/// What a name in a query means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Words.
    Text(&'static str),
    /// One term.
    Keyword(&'static str),
    /// A number, by its column.
    Number(String),
    /// A time, by its column.
    Time(&'static str),
    /// A metric or parameter, by its path: a number or a text.
    Dynamic(String),
}

impl Asked {
    /// The meaning of a name; `None` where it names no field of ours.
    pub fn of(name: &str) -> Option<Self> {
        let listed = |names: &[&'static str]| names.iter().copied().find(|known| *known == name);
        // A project's title is its name.
        if name == "name" {
            return Some(Self::Text("title"));
        }
        if name == "archived" {
            return Some(Self::Keyword("archived"));
        }
        listed(&TEXTS)
            .map(Self::Text)
            .or_else(|| listed(&KEYWORDS).map(Self::Keyword))
            .or_else(|| listed(&NUMBERS).map(|name| Self::Number(name.to_owned())))
            .or_else(|| listed(&TIMES).map(Self::Time))
            .or_else(|| Self::dynamic(name))
    }

    /// A metric of a bare name, as in `loss<0.3`.
    pub fn metric(name: &str) -> Option<Self> {
        Self::dynamic(&format!("{METRIC}.{name}"))
    }

    fn dynamic(name: &str) -> Option<Self> {
        let (prefix, path) = name.split_once('.')?;
        let prefix = [METRIC, PARAM, "metrics", "params"].into_iter().find(|known| *known == prefix)?;
        let plain = |c: char| c.is_alphanumeric() || "_-./@+% #".contains(c);
        let usable = !path.is_empty() && path.len() <= 128 && path.chars().all(plain);
        usable.then(|| Self::Dynamic(format!("{}.{path}", prefix.trim_end_matches('s'))))
    }

    /// Every name that is no metric or parameter.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KEYWORDS.into_iter().chain(TEXTS).chain(NUMBERS).chain(TIMES).chain(["archived", "name"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_fields_metrics_or_nothing() {
        assert_eq!(Asked::of("title"), Some(Asked::Text("title")));
        assert_eq!(Asked::of("tag"), Some(Asked::Keyword("tag")));
        assert_eq!(Asked::of("created"), Some(Asked::Time("created")));
        assert_eq!(Asked::of("metrics.val/loss"), Some(Asked::Dynamic("metric.val/loss".to_owned())));
        assert_eq!(Asked::of("param.lr"), Some(Asked::Dynamic("param.lr".to_owned())));
        for unknown in ["loss", "metric.", "snapshot", "id_high", "numbers.x", "metric.a\u{1}b", "metric.a\\b", ""] {
            assert_eq!(Asked::of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_listed_name_is_a_field() {
        let fields = Fields::default();
        for name in KEYWORDS.into_iter().chain(TEXTS).chain(NUMBERS).chain(TIMES).chain(FACETS) {
            fields.named(name);
        }
    }
}
