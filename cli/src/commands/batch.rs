//! Many jobs in one call: `katonic run --array` and `katonic jobs submit`.

use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
};

use clap::Args;
use katonic_domain::ProjectId;
use katonic_proto::{
    dispatcher::v1::{JobProblem, SubmitJobRequest, SubmitJobsAnswer, SubmitJobsRequest, SubmitJobsResponse},
    json,
};

use super::{Context, run::current_folder};
use crate::{
    client::IdempotencyKey,
    exit::Exit,
    failure::{Explain, Failure},
    output::table,
    project::{self, ProjectRef},
};

/// Jobs in one call.
const MOST: usize = 1_000;

/// Arguments of `jobs submit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Each line is a job as the API takes it; the first line is item 0:
  {\"command\": [\"python3\", \"train.py\"], \"params\": {\"lr\": \"0.1\"}, \"tags\": [\"sweep\"]}
  {\"command\": [\"python3\", \"evaluate.py\"], \"afterItems\": [{\"item\": 0}]}

Examples:
  katonic jobs submit sweep.jsonl
  make-sweep | katonic jobs submit --project churn -")]
pub struct SubmitArgs {
    /// The project, by name or id; this folder's where unset.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectRef>,
    /// A file with a job in each line, or `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// The jobs cannot be read.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("cannot read {}", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("line {line} is no job: {why}")]
    Line { line: usize, why: String },
    #[error("jobs that wait for others of their file are sent together, and there are more than {MOST}")]
    TooMany,
}

impl Explain for Unreadable {
    fn next_step(&self) -> String {
        match self {
            Self::File(..) => "name a file that you may read".to_owned(),
            Self::Line { .. } => "see `katonic jobs submit --help` for what a line looks like".to_owned(),
            Self::TooMany => "submit them in parts, and name what is submitted before by `after`".to_owned(),
        }
    }
}

/// Submits the jobs of a file and says what became of each.
pub async fn submit(context: &Context, args: SubmitArgs) -> Result<Exit, Failure> {
    let jobs = jobs(&read(&args.file)?)?;
    let named = project::of_folder(args.project, &current_folder()?)?;
    let project = project::find(&context.client, &named).await?;
    submit_all(context, project, jobs).await
}

/// Submits jobs, a thousand in a call, and says what became of each.
pub async fn submit_all(context: &Context, project: ProjectId, jobs: Vec<SubmitJobRequest>) -> Result<Exit, Failure> {
    let project_id = project.to_string();
    let mut answers = Vec::with_capacity(jobs.len());
    for part in jobs.chunks(MOST) {
        let request = SubmitJobsRequest { project_id: project_id.clone(), jobs: part.to_vec() };
        answers.extend(context.client.submit_jobs(IdempotencyKey::generate(), request).await?.answers);
    }
    let refused = answers.iter().any(|answer| answer.problem.is_some());
    context.output.answer(&SubmitJobsResponse { answers, project_id }, |all| {
        let rows = all.answers.iter().enumerate().map(|(place, answer)| row(place, answer)).collect();
        table(["JOB", "NO", "ID", "PROBLEM"], rows, "There are no jobs.")
    })?;
    Ok(if refused { Exit::FAILED } else { Exit::OK })
}

fn row(place: usize, answer: &SubmitJobsAnswer) -> [String; 4] {
    let number = if answer.number == 0 { String::new() } else { answer.number.to_string() };
    let problem = answer.problem.as_ref().map(in_words).unwrap_or_default();
    [(place + 1).to_string(), number, answer.execution_id.clone(), problem]
}

fn in_words(problem: &JobProblem) -> String {
    let fields = problem.violations.iter().map(|wrong| format!("; {} {}", wrong.field, wrong.description));
    format!("{}: {}{}", problem.code, problem.detail, fields.collect::<String>())
}

fn read(file: &PathBuf) -> Result<String, Unreadable> {
    let failed = |error| Unreadable::File(file.clone(), error);
    if file.as_os_str() != "-" {
        return fs::read_to_string(file).map_err(failed);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Empty lines are none.
fn jobs(text: &str) -> Result<Vec<SubmitJobRequest>, Unreadable> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let jobs = lines.map(|(index, line)| {
        let wrong = |why: String| Unreadable::Line { line: index + 1, why };
        let value = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        json::from_value::<SubmitJobRequest>(value).map_err(|error| wrong(error.to_string()))
    });
    let jobs = jobs.collect::<Result<Vec<_>, _>>()?;
    // An item is a place in its call.
    let apart = jobs.len() > MOST && jobs.iter().any(|job| !job.after_items.is_empty());
    if apart { Err(Unreadable::TooMany) } else { Ok(jobs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_job_and_a_wrong_one_is_named() {
        let read = jobs("{\"command\": [\"true\"]}\n\n{\"command\": [\"false\"], \"params\": {\"lr\": \"1\"}}\n");
        let read = read.expect("jobs");
        assert_eq!(read.iter().map(|job| job.command[0].as_str()).collect::<Vec<_>>(), ["true", "false"]);
        for (text, line) in [("{", 1), ("{\"command\": [\"true\"]}\n{\"comand\": []}", 2)] {
            let refused = jobs(text).expect_err("was taken");
            assert!(matches!(refused, Unreadable::Line { line: named, .. } if named == line), "{refused}");
        }
    }

    #[test]
    fn jobs_that_wait_for_one_another_fit_into_one_call() {
        let many = |last: &str| jobs(&["{\"command\": [\"true\"]}\n".repeat(MOST).as_str(), last].concat());
        assert_eq!(many("").map(|jobs| jobs.len()).ok(), Some(MOST));
        let last = "{\"command\": [\"true\"], \"afterItems\": [{\"item\": 0}]}";
        assert!(matches!(many(last), Err(Unreadable::TooMany)));
        assert_eq!(jobs(&format!("{{\"command\": [\"true\"]}}\n{last}")).expect("two").len(), 2);
    }
}
