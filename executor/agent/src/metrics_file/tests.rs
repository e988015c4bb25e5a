//! Files as user code leaves them.

use std::{fs, os::unix::fs::symlink};

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parsed(text: &str) -> Result<Metrics, Refused> {
    parse(text.as_bytes(), text.len() as u64)
}

fn last(metrics: &Metrics) -> Value {
    json::from_struct(&metrics.last)
}

fn at(line: u64, wrong: Wrong) -> Refused {
    Refused::Line { line, wrong }
}

#[test]
fn only_an_object_or_a_log_in_a_real_file_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("metrics.json");
    assert_eq!(read(folder.path()), Ok(None));
    fs::write(&file, "{\n  \"accuracy\": 0.5,\n  \"best\": {\"epoch\": 3}\n}").expect("written");
    let metrics = read(folder.path()).expect("taken").expect("there");
    assert_eq!(last(&metrics), json!({"accuracy": 0.5, "best": {"epoch": 3.0}}));
    assert!(metrics.series.is_empty());
    for bad in ["", "\n", "[1]", "7", "{"] {
        fs::write(&file, bad).expect("written");
        assert_eq!(read(folder.path()), Err(Refused::Empty), "{bad}");
    }
    fs::write(&file, format!("{{\"a\": \"{}\"}}", "x".repeat(MOST_BYTES))).expect("written");
    assert_eq!(read(folder.path()), Err(at(1, Wrong::Long)));
    File::create(&file).and_then(|file| file.set_len(MOST_LOG_BYTES + 1)).expect("grown");
    assert_eq!(read(folder.path()), Err(Refused::Size));
    fs::remove_file(&file).expect("removed");
    symlink("/etc/hostname", &file).expect("linked");
    assert_eq!(read(folder.path()), Err(Refused::File));
}

#[test]
fn of_a_log_the_last_value_of_each_metric_counts() {
    let lines = [
        "{\"step\": 0, \"loss\": 3}",
        "",
        "{\"step\": 1, \"loss\": 2, \"acc\": 0.5}\r",
        "{\"step\": 2, \"loss\": 1.5}",
    ];
    let metrics = parsed(&lines.join("\n")).expect("taken");
    assert_eq!(last(&metrics), json!({"step": 2.0, "loss": 1.5, "acc": 0.5}));
    let series = |name: &str, steps: &[u64], values: &[f64]| MetricSeries {
        name: name.to_owned(),
        count: steps.len() as u64,
        steps: steps.to_vec(),
        values: values.to_vec(),
    };
    assert_eq!(metrics.series, [series("acc", &[1], &[0.5]), series("loss", &[0, 1, 2], &[3.0, 2.0, 1.5])]);
}

#[test]
fn one_object_is_the_same_whether_it_is_a_log_or_not() {
    let metrics = parsed(r#"{"step": 3, "loss": 0.5}"#).expect("taken");
    assert_eq!((last(&metrics), metrics.series.len()), (json!({"step": 3.0, "loss": 0.5}), 1));
    let metrics = parsed(r#"{"step": 3, "model": "large"}"#).expect("taken");
    assert_eq!((last(&metrics), metrics.series.len()), (json!({"step": 3.0, "model": "large"}), 0));
}

#[test]
fn a_wrong_line_is_named() {
    let good = "{\"step\": 1, \"loss\": 1}\n";
    let name = "x".repeat(MOST_NAME_BYTES + 1);
    let many: Map<String, Value> = (0..=MOST_SERIES).map(|one| (format!("m{one}"), json!(one))).collect();
    let many = Value::from(many).to_string().replacen('{', "{\"step\": 2, ", 1);
    let long = format!("{{\"step\": 2, \"loss\": 1{}}}", " ".repeat(MOST_BYTES));
    for (bad, wrong) in [
        ("{\"step\": 2, \"loss\": NaN}", Wrong::Json),
        ("[]", Wrong::Json),
        ("{\"loss\": 1}", Wrong::Step),
        ("{\"step\": -1}", Wrong::Step),
        ("{\"step\": 1.5}", Wrong::Step),
        ("{\"step\": 9007199254740993}", Wrong::Step),
        ("{\"step\": 2, \"loss\": \"1\"}", Wrong::Value),
        ("{\"step\": 2, \"loss\": null}", Wrong::Value),
        ("{\"step\": 2, \"\": 1}", Wrong::Name),
        (&*format!("{{\"step\": 2, \"{name}\": 1}}"), Wrong::Name),
        (&*many, Wrong::Count),
        (&*long, Wrong::Long),
    ] {
        assert_eq!(parsed(&format!("{good}{bad}\n{good}")).expect_err("was taken"), at(2, wrong), "{bad:.40}");
    }
    assert_eq!(at(7, Wrong::Value).to_string(), "line 7 has a value that is no number");
}

proptest! {
    #[test]
    fn a_log_that_was_cut_off_anywhere_is_taken_up_to_its_last_whole_line(cut in 26_usize..=260) {
        let log: String = (0..10).map(|step| format!("{{\"step\": {step}, \"loss\": 1.{step}}}\n")).collect();
        let cut = cut.min(log.len());
        let metrics = parsed(&log[..cut]).expect("taken");
        // A line that lacks no more than its end is whole.
        let whole = log[..(cut + 1).min(log.len())].matches('\n').count();
        prop_assert_eq!(metrics.series[0].steps.len(), whole);
    }
}
