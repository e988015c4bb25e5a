//! How the CLI lets people name things and reads to them.

use std::{process::Stdio, time::Duration};

use anyhow::{Result, ensure};
use katonic_integration_tests::rest::text;
use libtest_mimic::Trial;

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("an_execution_is_named_by_number_or_beginning", an_execution_is_named_by_number_or_beginning),
        shared("whole_metrics_are_shown_whole", whole_metrics_are_shown_whole),
        shared("a_list_into_a_closed_pipe_ends_quietly", a_list_into_a_closed_pipe_ends_quietly),
        shared("the_programs_version_fits_its_platforms", the_programs_version_fits_its_platforms),
    ]
}

async fn an_execution_is_named_by_number_or_beginning(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    for word in ["first", "second"] {
        cli.ok(&["run", "--project", "by-number", "--", "echo", word]).await?;
    }
    for (number, word) in [("1", "first\n"), ("2", "second\n")] {
        ensure!(cli.ok(&["logs", number, "--project", "by-number"]).await? == word, "{number}");
    }
    let second = cli.json(&["jobs", "show", "2", "--project", "by-number"]).await?;
    let id = text(&second, "executionId")?;
    // Without --project it is the folder's own.
    std::fs::write(folder.path().join(".katonic.toml"), "project = \"by-number\"\n")?;
    ensure!(cli.ok(&["logs", &id[..id.len() - 1]]).await? == "second\n", "by its beginning");
    let ambiguous = cli.output(&["logs", "exe_0"]).await?;
    let stderr = String::from_utf8_lossy(&ambiguous.stderr);
    ensure!(ambiguous.status.code() == Some(1) && stderr.contains(&id), "{ambiguous:?}");
    let missing = cli.output(&["jobs", "stop", "77"]).await?;
    ensure!(String::from_utf8_lossy(&missing.stderr).contains("there is no job 77"), "{missing:?}");
    Ok(())
}

async fn whole_metrics_are_shown_whole(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    let script = "echo '{\"epochs\": 3, \"loss\": 0.5}' > \"$KATONIC_METRICS\"";
    cli.ok(&["run", "--project", "whole-metrics", "--", "sh", "-c", script]).await?;
    let shown = cli.ok(&["jobs", "show", "1", "--project", "whole-metrics"]).await?;
    ensure!(shown.contains(r#"{"epochs":3,"loss":0.5}"#), "{shown}");
    Ok(())
}

async fn a_list_into_a_closed_pipe_ends_quietly(platform: Shared) -> Result<()> {
    let mut command = platform.command("katonic");
    command.args(["tiers", "list", "--output", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    drop(child.stdout.take());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    let output = tokio::time::timeout(Duration::from_secs(60), output).await???;
    ensure!(output.status.code() == Some(141) && output.stderr.is_empty(), "{output:?}");
    Ok(())
}

async fn the_programs_version_fits_its_platforms(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let compared = platform.cli(folder.path()).json(&["version", "--check"]).await?;
    ensure!(compared["compatible"] == true && compared["platform"]["version"] == compared["version"], "{compared}");
    ensure!(compared["platform"]["url"] == platform.url(), "{compared}");
    Ok(())
}
