//! What a command finds in its environment, and what a folder declares of its
//! parameters. That parameters reach it is in `e2e_labels`.

use std::{fs, process::Stdio};

use anyhow::{Result, ensure};
use katonic_integration_tests::rest::{Rest, text};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::json;

use crate::{Shared, shared};

const DECLARED: &str = r#"
[params.epochs]
type = "int"
default = 10
min = 1
help = "how often"
[params.optimizer]
type = "choice"
choices = ["adam", "sgd"]
default = "adam"
"#;

pub fn trials() -> Vec<Trial> {
    vec![
        shared("variables_reach_the_command_its_readers_and_its_reruns", variables_reach_the_command),
        shared("a_variable_without_a_value_is_the_callers", a_variable_is_the_callers),
        shared("jobs_of_schedules_and_files_have_variables", schedules_and_files_have_variables),
        shared("wrong_variables_are_named", wrong_variables_are_named),
        shared("nothing_is_sent_of_what_the_folder_does_not_declare", nothing_undeclared_is_sent),
        shared("what_is_declared_has_its_default_and_a_rerun_any_parameter", declared_parameters_have_defaults),
        shared("a_schedule_is_held_to_the_folder_that_it_takes", schedules_are_held_to_their_folder),
    ]
}

async fn variables_reach_the_command(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    let script = r#"echo "$GREETING/$LANG/$LD_BIND_NOW/$PYTHONUNBUFFERED""#;
    let env = ["--env", "GREETING=a=b c", "--env", "LANG=C", "--env", "LD_BIND_NOW=1"];
    let run = ["run", "--project", "with-variables"];
    let said = cli.ok(&[&run[..], &env, &["--", "sh", "-c", script]].concat()).await?;
    ensure!(said.contains("a=b c/C/1/1"), "{said}");

    let project = ["--project", "with-variables"];
    let first = cli.json(&[&["jobs", "show", "1"][..], &project].concat()).await?;
    ensure!(first["env"] == json!({ "GREETING": "a=b c", "LANG": "C", "LD_BIND_NOW": "1" }), "{first}");
    let shown = cli.ok(&[&["jobs", "show", "1"][..], &project].concat()).await?;
    ensure!(shown.contains("'GREETING=a=b c' LANG=C LD_BIND_NOW=1"), "{shown}");

    let rerun = cli.output(&["jobs", "rerun", &text(&first, "executionId")?, "--env", "LANG=POSIX"]).await?;
    let (said, remarks) = (String::from_utf8_lossy(&rerun.stdout), String::from_utf8_lossy(&rerun.stderr));
    ensure!(said.contains("a=b c/POSIX/1/1") && remarks.contains("env.LANG: C -> POSIX"), "{rerun:?}");
    ensure!(!remarks.contains("GREETING"), "{remarks}");
    let compared = cli.json(&[&["jobs", "compare", "1", "2"][..], &project].concat()).await?;
    let row = json!({ "name": "env.LANG", "differs": true, "values": ["C", "POSIX"] });
    ensure!(compared["rows"].as_array().is_some_and(|rows| rows.contains(&row)), "{compared}");
    Ok(())
}

async fn a_variable_is_the_callers(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let run = ["run", "--project", "callers-variables", "--env", "FROM_HERE", "--", "sh", "-c", "echo $FROM_HERE"];
    let mut command = platform.command("katonic");
    command.args(run).env("FROM_HERE", "the caller's").current_dir(folder.path()).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(String::from_utf8_lossy(&output.stdout).contains("the caller's"), "{output:?}");
    let unset = platform.cli(folder.path()).output(&run).await?;
    let said = String::from_utf8_lossy(&unset.stderr);
    ensure!(unset.status.code() == Some(2) && said.contains("FROM_HERE"), "{unset:?}");
    Ok(())
}

async fn schedules_and_files_have_variables(platform: Shared) -> Result<()> {
    let (rest, folder) = (platform.rest(), platform.scratch()?);
    let cli = platform.cli(folder.path());
    let project = rest.project("variables-of-others").await?;
    let create = ["schedules", "create", "nightly", "--cron", "0 3 * * *", "--project", "variables-of-others"];
    let made = cli.json(&[&create[..], &["--env", "THREADS=2", "--", "true"]].concat()).await?;
    ensure!(made["job"]["env"] == json!({ "THREADS": "2" }), "{made}");

    let line = json!({ "command": ["true"], "env": { "THREADS": "4" } });
    fs::write(folder.path().join("jobs.jsonl"), format!("{line}\n"))?;
    cli.ok(&["jobs", "submit", "jobs.jsonl", "--project", "variables-of-others"]).await?;
    let jobs = rest.get(&format!("/projects/{project}/jobs")).await?;
    ensure!(jobs["executions"][0]["env"] == json!({ "THREADS": "4" }), "{jobs}");
    Ok(())
}

async fn wrong_variables_are_named(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("wrong-variables").await?;
    for name in ["1ST", "A-B", "PATH", "KATONIC_METRICS"] {
        let body = json!({ "command": ["true"], "env": { name: "x" } });
        let request = rest.request(Method::POST, &format!("/projects/{project}/jobs"));
        let answer = Rest::send(request.json(&body)).await?;
        ensure!(answer.status == 400 && answer.body["violations"][0]["field"] == "env", "{name}: {answer:?}");
    }
    Ok(())
}

async fn nothing_undeclared_is_sent(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    fs::write(folder.path().join("katonic.toml"), DECLARED)?;
    for (given, expected) in [
        ("epochs=ten", "`epochs` is `ten` and not a whole number of at least 1"),
        ("epochs=0", "a whole number of at least 1"),
        ("epoch=3", "did you mean `epochs`?"),
        ("optimizer=lion", "one of adam, sgd"),
    ] {
        let refused = cli.output(&["run", "--project", "undeclared", "--param", given, "--", "true"]).await?;
        let said = String::from_utf8_lossy(&refused.stderr);
        ensure!(refused.status.code() == Some(125) && said.contains(expected), "{given}: {refused:?}");
    }
    let jobs = cli.output(&["jobs", "list", "--project", "undeclared"]).await?;
    ensure!(!jobs.status.success(), "the project was made: {jobs:?}");

    let listed = cli.json(&["params"]).await?;
    let epochs = json!({ "type": "int", "min": 1, "default": "10", "help": "how often" });
    ensure!(listed["params"]["epochs"] == epochs, "{listed}");
    let shown = cli.ok(&["params"]).await?;
    ensure!(shown.contains("how often") && shown.contains("one of adam, sgd"), "{shown}");
    Ok(())
}

async fn declared_parameters_have_defaults(platform: Shared) -> Result<()> {
    let (rest, folder) = (platform.rest(), platform.scratch()?);
    let cli = platform.cli(folder.path());
    let project = rest.project("declared").await?;
    fs::write(folder.path().join("katonic.toml"), DECLARED)?;
    let run = ["run", "--project", "declared"];
    let script = "echo $KATONIC_PARAM_EPOCHS $KATONIC_PARAM_OPTIMIZER";
    let said = cli.ok(&[&run[..], &["--param", "epochs=3", "--", "sh", "-c", script]].concat()).await?;
    ensure!(said.contains("3 adam"), "{said}");
    cli.ok(&[&run[..], &["--array", "1", "--", "true"]].concat()).await?;
    let jobs = rest.get(&format!("/projects/{project}/jobs")).await?;
    let params = &jobs["executions"][0]["params"];
    ensure!(*params == json!({ "epochs": "10", "index": "0", "optimizer": "adam" }), "{jobs}");

    let rerun = ["jobs", "rerun", "1", "--project", "declared", "--param", "epochs=ten", "--param", "new=x"];
    let again = cli.json(&[&rerun[..], &["--detach"]].concat()).await?;
    ensure!(again["params"] == json!({ "epochs": "ten", "new": "x", "optimizer": "adam" }), "{again}");
    Ok(())
}

async fn schedules_are_held_to_their_folder(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    fs::write(folder.path().join("katonic.toml"), DECLARED)?;
    let create = |name| ["schedules", "create", name, "--cron", "0 3 * * *", "--project", "declared-schedules"];
    let refused = cli.output(&[&create("wrong")[..], &["--param", "epochs=ten", "--", "true"]].concat()).await?;
    ensure!(refused.status.code() == Some(1), "{refused:?}");
    let made = cli.json(&[&create("folder")[..], &["--param", "epochs=3", "--", "true"]].concat()).await?;
    ensure!(made["job"]["params"] == json!({ "epochs": "3", "optimizer": "adam" }), "{made}");
    let main = ["--follow-main", "--param", "epochs=ten", "--", "true"];
    let made = cli.json(&[&create("main")[..], &main].concat()).await?;
    ensure!(made["job"]["params"] == json!({ "epochs": "ten" }), "{made}");
    Ok(())
}
