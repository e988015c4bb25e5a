//! Executions side by side: what they were given, what became of them, and where they differ.
//!
//! It knows what the API and Git answer about them and nothing else, so that
//! whoever reads them may compare them.

use std::collections::{BTreeMap, BTreeSet};

use katonic_proto::{
    dispatcher::v1::{Execution, MetricSeries},
    json,
};
use serde_json::{Value, json};

use crate::{
    differences,
    output::{side_by_side, whole},
    results::Versions,
    text,
};

/// Inputs that are shown even where they are the same.
const INPUTS: [&str; 3] = ["environment", "input", "tier"];
/// How much of a digest tells it from others.
const DIGEST: usize = 12;

/// Fields by name.
type Fields = BTreeMap<String, String>;

/// What is compared.
pub struct Comparison {
    /// The executions.
    pub executions: Vec<Execution>,
    /// The files that each made or changed; none where they could not be looked at.
    pub files: Option<Vec<Versions>>,
    /// What each logged of one metric, where that is asked for.
    pub logged: Option<Logged>,
}

/// What executions logged of a metric.
pub struct Logged {
    /// The metric.
    pub metric: String,
    /// By execution; none where it did not log it.
    pub series: Vec<Option<MetricSeries>>,
}

/// One thing about all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: String,
    values: Vec<String>,
}

impl Row {
    fn differs(&self) -> bool {
        self.values.windows(2).any(|pair| pair[0] != pair[1])
    }
}

impl Comparison {
    /// For programs.
    pub fn document(&self, all: bool) -> Value {
        let shown = |row: Row| json!({ "name": row.name, "differs": row.differs(), "values": row.values });
        let mut document = json!({
            "executions": self.executions.iter().map(|one| whole(json::to_value(one))).collect::<Vec<_>>(),
            "rows": self.rows(all).into_iter().map(shown).collect::<Vec<_>>(),
            "filesCompared": self.files.is_some(),
        });
        if let Some(logged) = &self.logged {
            let series = logged.series.iter().map(|series| series.as_ref().map(|series| whole(json::to_value(series))));
            document["series"] = json!(series.collect::<Vec<_>>());
        }
        document
    }

    /// For people.
    pub fn text(&self, all: bool) -> String {
        let row = |row: Row| -> Vec<String> {
            let digests = INPUTS.contains(&&*row.name) || row.name.starts_with("file.");
            let shown = row.values.into_iter().map(|value| if digests { shortened(&value) } else { value });
            [row.name].into_iter().chain(shown).collect()
        };
        let mut text = side_by_side(&self.headers("JOB"), self.rows(all).into_iter().map(row).collect());
        if let Some(logged) = &self.logged {
            text.push_str(&format!("\n{}\n", logged.metric));
            text.push_str(&side_by_side(&self.headers("STEP"), logged.rows()));
        }
        text
    }

    /// Their numbers, or their ids where they are of several projects.
    fn headers(&self, first: &str) -> Vec<String> {
        let projects: BTreeSet<&String> = self.executions.iter().map(|one| &one.project_id).collect();
        let name = |one: &Execution| if projects.len() > 1 { one.execution_id.clone() } else { one.number.to_string() };
        [first.to_owned()].into_iter().chain(self.executions.iter().map(name)).collect()
    }

    /// What is shown: what was given where it differs, and what became of it.
    fn rows(&self, all: bool) -> Vec<Row> {
        let mut rows = self.rows_of("", outcome);
        let given = self.rows_of("", differences::launched);
        rows.extend(given.into_iter().filter(|row| all || row.differs() || INPUTS.contains(&&*row.name)));
        rows.extend(self.rows_of("metric.", metrics));
        rows.extend(self.rows_of("", durations));
        let files = self.files.iter().flat_map(|files| rows_of("file.", &files.iter().map(paths).collect::<Vec<_>>()));
        rows.extend(files.filter(|row| all || row.differs()));
        rows.retain(|row| row.values.iter().any(|value| !value.is_empty()));
        rows
    }

    fn rows_of(&self, prefix: &str, fields: impl Fn(&Execution) -> Fields) -> Vec<Row> {
        rows_of(prefix, &self.executions.iter().map(fields).collect::<Vec<_>>())
    }
}

/// A row for each name that any of them has.
fn rows_of(prefix: &str, all: &[Fields]) -> Vec<Row> {
    let names: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let values = |name: &String| all.iter().map(|fields| fields.get(name).cloned().unwrap_or_default()).collect();
    names.into_iter().map(|name| Row { name: format!("{prefix}{name}"), values: values(name) }).collect()
}

fn named<const N: usize>(fields: [(&str, String); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn outcome(execution: &Execution) -> Fields {
    named([
        ("title", execution.title.clone()),
        ("phase", text::phase(execution.phase())),
        ("reason", text::reason(execution.reason())),
    ])
}

fn durations(execution: &Execution) -> Fields {
    let admitted = execution.attempts.first().and_then(|attempt| attempt.admit_time.as_ref());
    named([
        ("queued", text::elapsed(execution.create_time.as_ref(), admitted)),
        ("ran", text::elapsed(execution.start_time.as_ref(), execution.end_time.as_ref())),
    ])
}

/// The last value of each, by its name as a search has it: `{"val": {"loss": 1}}` is `val.loss`.
fn metrics(execution: &Execution) -> Fields {
    let mut found = Fields::new();
    if let Some(metrics) = &execution.metrics {
        flatten("", whole(json::from_struct(metrics)), &mut found);
    }
    found
}

fn flatten(name: &str, value: Value, into: &mut Fields) {
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                let name = if name.is_empty() { inner } else { format!("{name}.{inner}") };
                flatten(&name, value, into);
            }
        }
        Value::String(text) => {
            into.insert(name.to_owned(), text);
        }
        other => {
            into.insert(name.to_owned(), other.to_string());
        }
    }
}

fn paths(versions: &Versions) -> Fields {
    versions.iter().map(|(path, version)| (path.display().to_string(), version.clone())).collect()
}

/// Commits and digests cut to what tells them apart.
fn shortened(value: &str) -> String {
    let short = |word: &str| {
        let digest = word.rsplit(':').next().unwrap_or(word);
        let is_one = digest.len() >= 40 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_one { digest[..DIGEST].to_owned() } else { word.to_owned() }
    };
    value.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

impl Logged {
    /// The values of all at each step that any of them logged; at one that was logged again, the later.
    fn rows(&self) -> Vec<Vec<String>> {
        let mut rows: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (place, series) in self.series.iter().enumerate() {
            let points = series.iter().flat_map(|series| series.steps.iter().zip(&series.values));
            for (step, value) in points {
                let values = rows.entry(*step).or_insert_with(|| vec![String::new(); self.series.len()]);
                values[place] = whole(json!(value)).to_string();
            }
        }
        rows.into_iter().map(|(step, values)| [vec![step.to_string()], values].concat()).collect()
    }
}

#[cfg(test)]
mod tests;
