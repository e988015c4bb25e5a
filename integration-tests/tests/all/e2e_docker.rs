//! Jobs in containers, on a platform of its own with a container engine of its
//! own and the image that `scripts/base-image` makes.

use std::{fs, path::Path, process::Command, sync::Arc};

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::Platform;
use katonic_testkit::engine::{Engine, Kind};
use libtest_mimic::Trial;

use crate::{Shared, trial};

pub fn trials() -> Vec<Trial> {
    // An engine needs root; who is not root has the other backend.
    if !rustix::process::geteuid().is_root() {
        return Vec::new();
    }
    vec![trial("jobs_run_in_containers", |_first| jobs_run_in_containers())]
}

async fn jobs_run_in_containers() -> Result<()> {
    let engine = Engine::start(Kind::Docker)?;
    make_image(&engine.socket())?;
    let host = format!("unix://{}", engine.socket().display());
    let platform = Arc::new(Platform::start_with(&["--backend", "docker"], &[("DOCKER_HOST", &host)])?);
    let outcome = async {
        a_job_has_input_log_and_results(&platform).await?;
        ends_are_told_apart(&platform).await?;
        a_running_job_outlives_the_platform(&platform, &engine).await
    };
    let outcome = outcome.await;
    platform.end(outcome.is_ok())?;
    outcome
}

fn make_image(socket: &Path) -> Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/base-image");
    let output = Command::new(script).arg("--socket").arg(socket).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

const PROGRAM: &str = r#"
import json, os, socket
print("input:", open("input.txt").read())
print("user:", os.getuid() != 0, os.path.exists("/.dockerenv"), os.listdir("/sys/class/net"))
with open("output.txt", "w") as file:
    file.write("made in a container")
with open(os.environ["KATONIC_METRICS"], "w") as file:
    json.dump({"accuracy": 0.5}, file)
"#;

async fn a_job_has_input_log_and_results(platform: &Shared) -> Result<()> {
    let folder = platform.scratch()?;
    fs::write(folder.path().join("input.txt"), "hello")?;
    fs::write(folder.path().join("train.py"), PROGRAM)?;
    let cli = platform.cli(folder.path());
    let output = cli.output(&["run", "--", "python3", "train.py"]).await?;
    let log = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.code() == Some(0), "{output:?}");
    ensure!(log.contains("input: hello") && log.contains("user: True True ['lo']"), "{output:?}");
    let jobs = cli.json(&["jobs", "list"]).await?;
    let id = jobs["executions"][0]["executionId"].as_str().with_context(|| format!("{jobs}"))?;
    let execution = platform.rest().ended(id).await?;
    ensure!(execution["metrics"]["accuracy"] == 0.5, "{execution}");
    ensure!(execution["resultsCommit"].as_str().is_some_and(|commit| !commit.is_empty()), "{execution}");
    ensure!(
        execution["spec"]["imageDigest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")),
        "{execution}"
    );
    let into = folder.path().join("results");
    cli.ok(&["results", "pull", id, "--into", &into.display().to_string()]).await?;
    let pulled = fs::read_to_string(into.join("output.txt")).context("the result file")?;
    ensure!(pulled == "made in a container", "{pulled}");
    Ok(())
}

async fn ends_are_told_apart(platform: &Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("in-containers").await?;
    for (command, reason) in [
        ("exit 3", "REASON_EXIT_CODE"),
        ("kill -SEGV $$", "REASON_KILLED_BY_SIGNAL"),
        ("x=a; while :; do x=$x$x; done", "REASON_OUT_OF_MEMORY"),
        ("echo '{\"reason\":\"completed\"}' > /katonic/answers/exit.json; exit 4", "REASON_EXIT_CODE"),
        ("echo lost; rm -rf /katonic/answers/*; exit 5", "REASON_EXIT_CODE"),
    ] {
        let execution = rest.ended(&rest.submit(&project, &["sh", "-c", command]).await?).await?;
        ensure!(execution["reason"] == reason, "{command}: {execution}");
    }
    Ok(())
}

/// Down and up again: the container is the same, and the next dispatcher ends it as ever.
async fn a_running_job_outlives_the_platform(platform: &Shared, engine: &Engine) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("outlives").await?;
    let id = rest.submit(&project, &["sh", "-c", "echo begun; sleep 600"]).await?;
    rest.in_phase(&id, "PHASE_RUNNING").await?;
    platform.down(&[])?;
    platform.up()?;
    let members = fs::read_dir(platform.home().join("members"))?;
    let names: Vec<String> = members.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let name = names.iter().find(|name| name.starts_with("exe-")).with_context(|| format!("{names:?}"))?;
    engine.delete(&format!("/containers/{name}?force=true"))?;
    let execution = rest.ended(&id).await?;
    ensure!(execution["reason"] == "REASON_CONTAINER_REMOVED", "{execution}");
    Ok(())
}
