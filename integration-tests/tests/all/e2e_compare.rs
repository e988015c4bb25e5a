//! Metrics logged by step, from the file that user code writes to what compares two runs.

use std::fs;

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::rest::text;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("two_runs_that_logged_steps_are_compared", two_runs_are_compared),
        shared("a_long_log_is_kept_thinned_with_its_ends_and_extremes", a_long_log_is_thinned),
        shared("a_wrong_line_of_the_metrics_is_named", a_wrong_line_is_named),
    ]
}

/// Logs a loss that halves from a parameter, leaves a model, and half a line.
const TRAIN: &str = r#"
case $KATONIC_PARAM_LR in 0.1) losses="4 2 1" ;; *) losses="8 4 2" ;; esac
step=0
for loss in $losses; do
    echo "{\"step\": $step, \"loss\": $loss, \"val/acc\": 0.5}" >> "$KATONIC_METRICS"
    step=$((step + 10))
done
printf '{"step": 30, "lo' >> "$KATONIC_METRICS"
echo "$losses" > model.txt
echo same > same.txt
"#;

async fn two_runs_are_compared(platform: Shared) -> Result<()> {
    let (rest, folder) = (platform.rest(), platform.scratch()?);
    let cli = platform.cli(folder.path());
    fs::write(folder.path().join("data.txt"), "data\n")?;
    let mut ids = Vec::new();
    for lr in ["lr=0.1", "lr=0.2"] {
        let run = ["run", "--project", "compared", "--title", "halving", "--param", lr, "--param", "seed=7"];
        let submitted = cli.json(&[&run[..], &["--detach", "--", "sh", "-c", TRAIN]].concat()).await?;
        let ended = rest.ended(&text(&submitted, "executionId")?).await?;
        ensure!(ended["phase"] == "PHASE_SUCCEEDED" && ended["conditions"].is_null(), "{ended}");
        ids.push(text(&ended, "executionId")?);
    }

    let execution = rest.get(&format!("/executions/{}", ids[0])).await?;
    ensure!(execution["metrics"] == json!({ "step": 20.0, "loss": 1.0, "val/acc": 0.5 }), "{execution}");
    let logged = rest.get(&format!("/executions/{}/metrics", ids[0])).await?;
    let loss = json!({ "name": "loss", "count": "3", "steps": ["0", "10", "20"], "values": [4.0, 2.0, 1.0] });
    ensure!(logged["series"][0] == loss && logged["series"][1]["name"] == "val/acc", "{logged}");
    let named = rest.get(&format!("/executions/{}/metrics?names=loss&names=other", ids[0])).await?;
    ensure!(named == json!({ "series": [loss] }), "{named}");

    let compare = ["jobs", "compare", "1", &ids[1], "--project", "compared", "--metric", "loss"];
    let compared = cli.json(&compare).await?;
    ensure!(row(&compared, "param.lr")? == &json!(["0.1", "0.2"]), "{compared}");
    ensure!(row(&compared, "metric.loss")? == &json!(["1", "2"]), "{compared}");
    ensure!(row(&compared, "input")?[0] == row(&compared, "input")?[1], "{compared}");
    let models = row(&compared, "file.model.txt")?;
    ensure!(models[0].as_str().is_some_and(|blob| blob.len() == 40) && models[0] != models[1], "{compared}");
    for same in ["param.seed", "file.same.txt", "command"] {
        ensure!(row(&compared, same).is_err(), "{same}: {compared}");
    }
    ensure!(compared["series"][1]["values"] == json!([8, 4, 2]), "{compared}");

    let shown = cli.ok(&compare).await?;
    let words = |name: &str| {
        let mut lines = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.find(|words| words.first() == Some(&name))
    };
    ensure!(words("JOB") == Some(vec!["JOB", "1", "2"]), "{shown}");
    ensure!(words("param.lr") == Some(vec!["param.lr", "0.1", "0.2"]), "{shown}");
    ensure!(words("20") == Some(vec!["20", "1", "2"]), "{shown}");
    let all = cli.ok(&["jobs", "compare", &ids[0], &ids[1], "--all"]).await?;
    ensure!(all.contains("param.seed") && all.contains("file.same.txt"), "{all}");
    let alone = cli.output(&["jobs", "compare", &ids[0]]).await?;
    ensure!(alone.status.code() == Some(2), "{alone:?}");
    Ok(())
}

/// The values of a row.
fn row<'a>(compared: &'a Value, name: &str) -> Result<&'a Value> {
    let rows = compared["rows"].as_array().context("no rows")?;
    let row = rows.iter().find(|row| row["name"] == name).with_context(|| format!("no {name}"))?;
    Ok(&row["values"])
}

async fn logged(platform: &Shared, project: &str, script: &str) -> Result<(Value, Value)> {
    let rest = platform.rest();
    let project = rest.project(project).await?;
    let id = rest.submit(&project, &["sh", "-c", script]).await?;
    let ended = rest.ended(&id).await?;
    Ok((ended, rest.get(&format!("/executions/{id}/metrics")).await?))
}

async fn a_long_log_is_thinned(platform: Shared) -> Result<()> {
    // It explodes once, where no regular point is.
    let script = r#"seq 0 9999 | sed 's/.*/{"step": &, "loss": &}/; s/ 4321}/ 1e9}/' > "$KATONIC_METRICS""#;
    let (ended, logged) = logged(&platform, "logged-at-length", script).await?;
    ensure!(ended["metrics"] == json!({ "step": 9999.0, "loss": 9999.0 }), "{ended}");
    let series = &logged["series"][0];
    let steps: Vec<&str> = series["steps"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    ensure!(series["count"] == "10000" && (100..=500).contains(&steps.len()), "{} steps", steps.len());
    ensure!(steps.first() == Some(&"0") && steps.last() == Some(&"9999") && steps.contains(&"4321"), "{steps:?}");
    let values = series["values"].as_array().context("no values")?;
    ensure!(values.len() == steps.len() && values.contains(&json!(1e9)), "{values:?}");
    Ok(())
}

async fn a_wrong_line_is_named(platform: Shared) -> Result<()> {
    let script = r#"printf '{"step": 1, "loss": 1}\n{"step": 2, "loss": NaN}\n' > "$KATONIC_METRICS""#;
    let (ended, logged) = logged(&platform, "logged-wrong", script).await?;
    ensure!(ended["phase"] == "PHASE_SUCCEEDED" && ended["metrics"].is_null(), "{ended}");
    ensure!(ended["conditions"] == json!(["CONDITION_METRICS_REFUSED"]), "{ended}");
    ensure!(ended["metricsRefusal"] == "line 2 is not a JSON object; NaN and Infinity are no JSON", "{ended}");
    ensure!(logged == json!({}), "{logged}");
    let explained = platform.rest().get(&format!("/executions/{}/explain", text(&ended, "executionId")?)).await?;
    let lost = json!({ "name": "lost", "value": format!("the metrics: {}", text(&ended, "metricsRefusal")?) });
    ensure!(explained["observations"].as_array().is_some_and(|all| all.contains(&lost)), "{explained}");
    Ok(())
}
