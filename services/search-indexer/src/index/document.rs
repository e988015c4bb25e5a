//! From an event's snapshot to what is indexed of it. Read as JSON, field by
//! field: what a later version adds is left out and breaks nothing.

use std::str::FromStr as _;

use katonic_domain::{ExecutionId, ProjectId, Timestamp};
use serde_json::Value;
use tantivy::{TantivyDocument, schema::OwnedValue};

use super::fields::{Fields, METRIC, PARAM};

/// What an event means for the index.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The aggregate is like this now.
    Put(Item),
    /// It is no more.
    Remove,
    /// It is nothing that is searched.
    Nothing,
}

/// What is searched of an aggregate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    /// Values of keyword fields; a field may have several.
    pub keywords: Vec<(&'static str, String)>,
    /// Texts.
    pub texts: Vec<(&'static str, String)>,
    /// Numbers and times.
    pub numbers: Vec<(&'static str, f64)>,
    /// Numbers of metrics and parameters, by path.
    pub dynamic_numbers: Vec<(String, f64)>,
    /// Texts of metrics and parameters, by path.
    pub labels: Vec<(String, String)>,
    /// Whether it is archived.
    pub archived: bool,
    /// The id's bits.
    pub id_bits: u128,
    /// The whole snapshot as JSON.
    pub snapshot: String,
}

/// What an event of this type about this aggregate means.
pub fn change(event_type: &str, subject: &str, data: &Value) -> Change {
    let mut words = event_type.split('.').skip(2);
    let (entity, fact) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (entity, fact) {
        ("project" | "execution", "deleted") => Change::Remove,
        ("project", _) => project(subject, data).map_or(Change::Nothing, Change::Put),
        ("execution", _) => execution(subject, data).map_or(Change::Nothing, Change::Put),
        _ => Change::Nothing,
    }
}

fn project(subject: &str, data: &Value) -> Option<Item> {
    let id = ProjectId::from_str(subject).ok()?;
    let mut item = Item { id_bits: id.as_u128(), ..Item::common(subject, data) };
    item.keyword("kind", "project");
    item.keyword("project", subject);
    item.text("title", data["name"].as_str());
    item.text("description", data["description"].as_str());
    item.archived = data["archived"] == true || data["archiveTime"].is_string();
    Some(item)
}

fn execution(subject: &str, data: &Value) -> Option<Item> {
    let id = ExecutionId::from_str(subject).ok()?;
    let mut item = Item { id_bits: id.as_u128(), ..Item::common(subject, data) };
    item.keyword("kind", "execution");
    item.keyword("project", data["projectId"].as_str()?);
    item.text("title", data["title"].as_str());
    item.text("description", data["notes"].as_str());
    item.archived = data["archived"] == true;
    let command: Vec<&str> = list(&data["spec"]["command"]).filter_map(Value::as_str).collect();
    item.text("command", Some(&command.join(" ")));
    item.keyword("phase", &enum_word(&data["phase"], "PHASE_"));
    item.keyword("reason", &enum_word(&data["reason"], "REASON_"));
    item.keyword("tier", data["spec"]["tier"]["name"].as_str().unwrap_or_default());
    item.number("number", data["number"].as_str().and_then(|number| number.parse().ok()));
    let (started, ended) = (seconds(&data["startTime"]), seconds(&data["endTime"]));
    item.number("started", started);
    item.number("ended", ended);
    item.number("duration", started.zip(ended).map(|(from, to)| to - from));
    item.dynamic(METRIC, &data["metrics"]);
    item.dynamic(PARAM, if data["params"].is_object() { &data["params"] } else { &data["spec"]["params"] });
    Some(item)
}

impl Item {
    fn common(subject: &str, data: &Value) -> Self {
        let mut item = Self { snapshot: data.to_string(), ..Self::default() };
        item.keyword("id", subject);
        item.keyword("owner", data["ownerId"].as_str().unwrap_or_default());
        for tag in list(&data["tags"]).filter_map(Value::as_str) {
            item.keyword("tag", tag);
        }
        item.number("created", seconds(&data["createTime"]));
        item
    }

    fn keyword(&mut self, name: &'static str, value: &str) {
        if !value.is_empty() {
            self.keywords.push((name, value.to_owned()));
        }
    }

    fn text(&mut self, name: &'static str, value: Option<&str>) {
        self.texts.extend(value.filter(|text| !text.is_empty()).map(|text| (name, text.to_owned())));
    }

    fn number(&mut self, name: &'static str, value: Option<f64>) {
        self.numbers.extend(value.map(|value| (name, unsigned_zero(value))));
    }

    /// Metrics or parameters, `{"val": {"loss": 1}}` as `val.loss`.
    fn dynamic(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(inner) => {
                inner.iter().for_each(|(name, value)| self.dynamic(&format!("{path}.{name}"), value));
            }
            Value::Number(number) => self.dynamic_number(path, number.as_f64()),
            Value::Bool(flag) => self.labels.push((path.to_owned(), flag.to_string())),
            Value::String(text) => {
                self.labels.push((path.to_owned(), text.clone()));
                // Parameters come as texts; what reads as a number can be compared as one.
                self.dynamic_number(path, text.parse().ok());
            }
            Value::Null | Value::Array(_) => {}
        }
    }

    fn dynamic_number(&mut self, path: &str, value: Option<f64>) {
        let finite = value.filter(|value| value.is_finite());
        self.dynamic_numbers.extend(finite.map(|value| (path.to_owned(), unsigned_zero(value))));
    }

    /// As tantivy takes it.
    pub fn document(&self, fields: &Fields) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        for (name, value) in self.keywords.iter().chain(&self.texts) {
            document.add_text(fields.named(name), value);
        }
        for (name, value) in &self.numbers {
            document.add_f64(fields.named(name), *value);
        }
        let [high, low] = [self.id_bits >> 64, self.id_bits & u128::from(u64::MAX)]
            .map(|half| u64::try_from(half).expect("half of 128 bits"));
        document.add_u64(fields.id_bits[0], high);
        document.add_u64(fields.id_bits[1], low);
        document.add_text(fields.archived, self.archived.to_string());
        document.add_text(fields.snapshot, &self.snapshot);
        let number = |(path, value): &(String, f64)| (path.clone(), OwnedValue::F64(*value));
        document.add_object(fields.numbers, self.dynamic_numbers.iter().map(number).collect());
        let label = |(path, text): &(String, String)| (path.clone(), OwnedValue::Str(text.clone()));
        document.add_object(fields.labels, self.labels.iter().map(label).collect());
        document
    }
}

/// -0 and 0 are one number to people but two to an index.
pub const fn unsigned_zero(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

/// `PHASE_FAILED` as `failed`.
fn enum_word(value: &Value, prefix: &str) -> String {
    value.as_str().unwrap_or_default().trim_start_matches(prefix).to_ascii_lowercase()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn seconds(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok().map(seconds_of)
}

/// Seconds since 1970, exact to the microsecond for some 200 years.
pub fn seconds_of(time: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of our times have 51 bits")]
    let micros = time.as_microsecond() as f64;
    micros / 1e6
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_execution_is_read_from_its_snapshot() {
        let (id, project) = (ExecutionId::generate().to_string(), ProjectId::generate().to_string());
        let data = json!({
            "executionId": id, "projectId": project, "number": "7", "title": "train", "ownerId": "usr_x",
            "spec": {"command": ["python3", "train.py"], "tier": {"name": "small"}},
            "phase": "PHASE_FAILED", "reason": "REASON_EXIT_CODE", "tags": ["prod", "nlp"],
            "metrics": {"loss": 0.25, "val": {"acc": 1}, "model": "resnet", "list": [1]},
            "params": {"lr": "0.01", "name": "x"},
            "createTime": "2026-01-02T03:04:05Z", "startTime": "2026-01-02T03:04:06Z", "endTime": "2026-01-02T03:04:08.5Z",
        });
        let Change::Put(item) = change("io.katonic.execution.finished.v1", &id, &data) else { unreachable!("put") };
        for keyword in
            [("phase", "failed"), ("reason", "exit_code"), ("tag", "prod"), ("tag", "nlp"), ("tier", "small")]
        {
            assert!(item.keywords.contains(&(keyword.0, keyword.1.to_owned())), "{keyword:?}");
        }
        assert!(item.numbers.contains(&("number", 7.0)) && item.numbers.contains(&("duration", 2.5)));
        let numbers = [("metric.loss", 0.25), ("metric.val.acc", 1.0), ("param.lr", 0.01)];
        assert_eq!(item.dynamic_numbers, numbers.map(|(path, value)| (path.to_owned(), value)));
        assert!(item.labels.contains(&("metric.model".to_owned(), "resnet".to_owned())));
    }

    #[test]
    fn what_is_not_searched_changes_nothing() {
        assert_eq!(change("io.katonic.token.created.v1", "tok_x", &json!({})), Change::Nothing);
        assert_eq!(change("io.katonic.execution.queued.v1", "exe_bad", &json!({})), Change::Nothing);
        let project = ProjectId::generate().to_string();
        assert_eq!(change("io.katonic.project.deleted.v1", &project, &Value::Null), Change::Remove);
    }
}
