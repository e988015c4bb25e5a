//! What is shown of executions that nobody ran.

use katonic_proto::dispatcher::v1::{Attempt, LaunchSpec, Phase};
use prost_types::Timestamp;

use super::*;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

/// Queued for a second, then run for two.
fn execution(number: u64, params: &[(&str, &str)], metrics: Value) -> Execution {
    Execution {
        project_id: "prj_a".to_owned(),
        number,
        phase: Phase::Succeeded.into(),
        spec: Some(LaunchSpec {
            command: vec!["true".to_owned()],
            input_commit: COMMIT.to_owned(),
            ..Default::default()
        }),
        params: params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        metrics: json::to_struct(metrics),
        attempts: vec![Attempt { admit_time: at(1), ..Default::default() }],
        create_time: at(0),
        start_time: at(2),
        end_time: at(4),
        ..Default::default()
    }
}

fn files(versions: &[(&str, &str)]) -> Versions {
    versions.iter().map(|(path, version)| (path.into(), (*version).to_owned())).collect()
}

fn two() -> Comparison {
    Comparison {
        executions: vec![
            execution(1, &[("lr", "0.1"), ("seed", "7")], json!({"loss": 0.5, "val": {"loss": 3}})),
            execution(2, &[("lr", "0.2"), ("seed", "7"), ("new", "x")], json!({"loss": 0.25})),
        ],
        files: Some(vec![
            files(&[("model", "a"), ("same", "b"), ("gone", "deleted")]),
            files(&[("model", "c"), ("same", "b")]),
        ]),
        logged: None,
    }
}

fn shown(rows: &[Row]) -> Vec<(&str, [&str; 2])> {
    rows.iter().map(|row| (row.name.as_str(), [row.values[0].as_str(), row.values[1].as_str()])).collect()
}

#[test]
fn what_was_given_is_shown_where_it_differs_and_what_became_of_it_always() {
    let rows = two().rows(false);
    assert_eq!(
        shown(&rows),
        [
            ("phase", ["succeeded", "succeeded"]),
            ("environment", [" ", " "]),
            ("input", [COMMIT, COMMIT]),
            ("param.lr", ["0.1", "0.2"]),
            ("param.new", ["", "x"]),
            ("tier", [" (revision 0)", " (revision 0)"]),
            ("metric.loss", ["0.5", "0.25"]),
            ("metric.val.loss", ["3", ""]),
            ("queued", ["1.0 s", "1.0 s"]),
            ("ran", ["2.0 s", "2.0 s"]),
            ("file.gone", ["deleted", ""]),
            ("file.model", ["a", "c"]),
        ]
    );
}

#[test]
fn all_is_shown_where_it_is_asked_for() {
    let rows = two().rows(true);
    for same in ["command", "param.seed", "priority", "file.same"] {
        assert!(rows.iter().any(|row| row.name == same && !row.differs()), "{same}");
    }
}

#[test]
fn people_read_the_beginning_of_a_digest_and_programs_all_of_it() {
    let comparison = two();
    let text = comparison.text(false);
    assert!(text.contains(&COMMIT[..12]) && !text.contains(COMMIT), "{text}");
    let document = comparison.document(false);
    let rows = document["rows"].as_array().expect("rows");
    let input = rows.iter().find(|row| row["name"] == "input").expect("the input");
    assert_eq!(*input, json!({"name": "input", "differs": false, "values": [COMMIT, COMMIT]}));
    assert_eq!(document["filesCompared"], true);
    assert_eq!(document["executions"][1]["params"]["lr"], "0.2");
}

#[test]
fn executions_of_several_projects_are_named_by_their_ids() {
    let mut comparison = two();
    assert_eq!(comparison.headers("JOB"), ["JOB", "1", "2"]);
    for (execution, project) in comparison.executions.iter_mut().zip(["a", "b"]) {
        (execution.project_id, execution.execution_id) = (format!("prj_{project}"), format!("exe_{project}"));
    }
    assert_eq!(comparison.headers("JOB"), ["JOB", "exe_a", "exe_b"]);
}

#[test]
fn what_was_logged_is_shown_by_step() {
    let series = |steps: &[u64], values: &[f64]| MetricSeries {
        name: "loss".to_owned(),
        count: steps.len() as u64,
        steps: steps.to_vec(),
        values: values.to_vec(),
    };
    let series = vec![Some(series(&[0, 10, 0], &[3.0, 0.5, 2.0])), None, Some(series(&[5], &[1e-7]))];
    let logged = Logged { metric: "loss".to_owned(), series };
    assert_eq!(logged.rows(), [["0", "2", "", ""], ["5", "", "", "1e-7"], ["10", "0.5", "", ""]]);
}
