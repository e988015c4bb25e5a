//! In what two executions were launched differently.

use std::{collections::BTreeMap, fmt};

use katonic_proto::dispatcher::v1::Execution;

use crate::text;

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    field: String,
    before: String,
    after: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &str| if value.is_empty() { "nothing".to_owned() } else { value.to_owned() };
        write!(f, "{}: {} -> {}", self.field, shown(&self.before), shown(&self.after))
    }
}

/// Every field of the launch that is not the same in both, in order of name.
pub fn between(before: &Execution, after: &Execution) -> Vec<Difference> {
    let (before, after) = (launched(before), launched(after));
    let fields: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |of: &BTreeMap<String, String>, field: &String| of.get(field).cloned().unwrap_or_default();
    fields
        .into_iter()
        .map(|field| Difference { field: field.clone(), before: value(&before, field), after: value(&after, field) })
        .filter(|difference| difference.before != difference.after)
        .collect()
}

/// What an execution was launched with, by name of the field; a parameter is `param.<name>`, a variable `env.<name>`.
pub fn launched(execution: &Execution) -> BTreeMap<String, String> {
    let spec = execution.spec.clone().unwrap_or_default();
    let retry = spec.retry.unwrap_or_default();
    let (tier, revision) = spec.tier.map(|tier| (tier.name, tier.revision)).unwrap_or_default();
    let fields = [
        ("command", text::command(&spec.command)),
        ("input", spec.input_commit),
        ("environment", format!("{} {}", spec.environment, spec.image_digest)),
        ("tier", format!("{tier} (revision {revision})")),
        ("timeout", seconds(spec.timeout)),
        ("grace", seconds(spec.grace)),
        ("priority", text::priority(execution.priority())),
        ("attempts", retry.max_attempts.to_string()),
        ("tags", execution.tags.join(", ")),
    ];
    let params = execution.params.iter().map(|(name, value)| (format!("param.{name}"), value.clone()));
    let env = execution.env.iter().map(|(name, value)| (format!("env.{name}"), value.clone()));
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(params).chain(env).collect()
}

fn seconds(duration: Option<prost_types::Duration>) -> String {
    duration.map(|duration| format!("{} s", duration.seconds)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use katonic_proto::dispatcher::v1::LaunchSpec;

    use super::*;

    fn execution(command: &str, params: &[(&str, &str)]) -> Execution {
        Execution {
            spec: Some(LaunchSpec { command: vec![command.to_owned()], ..Default::default() }),
            params: params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn only_what_differs_is_named() {
        let before = execution("true", &[("lr", "0.1"), ("seed", "1")]);
        let mut after = execution("false", &[("lr", "0.2"), ("seed", "1"), ("new", "x")]);
        after.env.insert("THREADS".to_owned(), "2".to_owned());
        let found: Vec<String> = between(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["command: true -> false", "env.THREADS: nothing -> 2", "param.lr: 0.1 -> 0.2", "param.new: nothing -> x"]
        );
        assert_eq!(between(&before, &before), []);
    }
}
