//! The examples, as their READMEs say to run them.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("the_iris_example_ends_with_metrics_and_a_plot", the_iris_example),
        shared("the_many_lines_example_arrives_whole", the_many_lines_example),
        shared("two_runs_in_one_folder_at_once_do_not_disturb_each_other", two_runs_at_once),
        shared("the_folders_own_git_stays_untouched", own_git_stays_untouched),
    ]
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").arg("-R").arg(from.join(".")).arg(to).status()?;
    ensure!(status.success());
    Ok(())
}

fn example(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

async fn newest_job(platform: &Shared, folder: &Path) -> Result<Value> {
    let jobs = platform.cli(folder).json(&["jobs", "list"]).await?;
    jobs["executions"].get(0).cloned().context("no job")
}

async fn the_iris_example(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    copy(&example("iris"), folder.path())?;
    let cli = platform.cli(folder.path());
    cli.ok(&["run", "--project", "iris", "--", "python3", "train.py"]).await?;
    fs::write(folder.path().join(".katonic.toml"), "project = \"iris\"\n")?;
    let job = newest_job(&platform, folder.path()).await?;
    ensure!(job["phase"] == "PHASE_SUCCEEDED", "{job}");
    ensure!(job["metrics"]["accuracy"].as_f64().is_some_and(|accuracy| accuracy > 0.8), "{job}");
    ensure!(job["spec"]["inputCommit"].is_string() && job["resultsCommit"].is_string(), "{job}");
    let id = job["executionId"].as_str().unwrap_or_default();
    let results = platform.scratch()?;
    let into = results.path().join("results").display().to_string();
    cli.ok(&["results", "pull", id, "--into", &into]).await?;
    let plot = fs::read_dir(&into)?.flatten().find(|entry| entry.path().extension().is_some_and(|e| e == "svg"));
    let plot = fs::read_to_string(plot.context("no SVG among the results")?.path())?;
    ensure!(plot.contains("<svg"), "{plot}");
    Ok(())
}

async fn the_many_lines_example(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    copy(&example("many-lines"), folder.path())?;
    let output = platform
        .cli(folder.path())
        .output(&["run", "--project", "many-lines-example", "--", "python3", "many_lines.py"])
        .await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (out, err) = (folder.path().join("captured.out"), folder.path().join("captured.err"));
    fs::write(&out, &output.stdout)?;
    fs::write(&err, &output.stderr)?;
    let check = Command::new("python3")
        .arg(folder.path().join("check.py"))
        .arg("--stdout")
        .arg(&out)
        .arg("--stderr")
        .arg(&err)
        .output()?;
    ensure!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    Ok(())
}

async fn two_runs_at_once(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    fs::write(folder.path().join("answer.txt"), "42\n")?;
    let cli = platform.cli(folder.path());
    let arguments = ["run", "--project", "two-at-once", "--", "cat", "answer.txt"];
    let (one, two) = tokio::try_join!(cli.ok(&arguments), cli.ok(&arguments))?;
    ensure!(one == "42\n" && two == "42\n", "{one:?} {two:?}");
    Ok(())
}

async fn own_git_stays_untouched(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let git = |arguments: &[&str]| Command::new("git").current_dir(folder.path()).args(arguments).output();
    git(&["init", "-q"])?;
    fs::write(folder.path().join("kept.txt"), "kept")?;
    fs::write(folder.path().join("secret.env"), "not for the platform")?;
    fs::write(folder.path().join(".gitignore"), "*.env\n")?;
    git(&["add", "kept.txt"])?;
    let before = contents(&folder.path().join(".git"))?;
    let listed = platform.cli(folder.path()).ok(&["run", "--project", "own-git", "--", "ls", "-A"]).await?;
    ensure!(contents(&folder.path().join(".git"))? == before, "the folder's own .git changed");
    ensure!(listed == ".gitignore\nkept.txt\n", "{listed:?}");
    Ok(())
}

/// Every file below a folder, with its bytes.
fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(contents(&path)?);
        } else {
            found.insert(path.display().to_string(), fs::read(&path)?);
        }
    }
    Ok(found)
}
