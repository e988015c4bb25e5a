//! Secrets stay where they belong: canaries are put in wherever people and
//! services have them, and looked for wherever others can read.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use katonic_domain::AccessToken;
use katonic_integration_tests::rest::{Rest, text};
use katonic_proto::routes::routes;
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Shared, alone, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        alone("a_secret_of_a_user_shows_in_no_answer_event_or_log_line", secrets_of_users_show_nowhere),
        alone("no_secret_of_the_installation_shows_to_anybody", secrets_of_the_installation_show_nowhere),
        shared("a_command_is_readable_by_readers_of_its_project", a_command_is_readable),
    ]
}

/// The services, by the part that their file is named after, and their programs.
const SERVICES: [(&str, &str); 5] = [
    ("metadata", "katonic-metadata"),
    ("git", "katonic-metadata"),
    ("dispatcher", "katonic-dispatcher"),
    ("log-streamer", "katonic-log-streamer"),
    ("api-gateway", "katonic-api-gateway"),
];

/// Text that is looked for, by what it was.
type Canaries = BTreeMap<&'static str, String>;

async fn secrets_of_users_show_nowhere(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    // The most that is ever written.
    for (part, _) in SERVICES {
        rest.post(&format!("/parts/{part}:setLogLevel"), &json!({ "filter": "trace" })).await?;
    }
    let mut canaries = Canaries::new();
    let mut answers = with_a_good_token(&platform, &mut canaries).await?;
    answers.extend(with_bad_credentials(&platform, &mut canaries).await?);
    answers.extend(with_a_job(&platform, &mut canaries).await?);
    for (part, _) in SERVICES {
        rest.post(&format!("/parts/{part}:setLogLevel"), &json!({ "filter": "" })).await?;
    }
    for (what, canary) in &canaries {
        for answer in &answers {
            ensure!(!answer.contains(canary), "{what} shows in {answer}");
        }
        shows_in_no_log(&platform, what, canary)?;
        shows_in_no_process(what, canary)?;
    }
    Ok(())
}

/// A token that is made, used, and carried where it does not belong.
async fn with_a_good_token(platform: &Shared, canaries: &mut Canaries) -> Result<Vec<String>> {
    let rest = platform.rest();
    let made = rest.post("/tokens", &json!({ "name": "canary", "scopes": ["*"] })).await?;
    let secret = text(&made, "secret")?;
    let user = Rest::new(platform.url(), Some(&secret));
    let project = user.project("canary").await?;
    let answers = vec![
        user.get("/self").await?.to_string(),
        rest.get("/tokens").await?.to_string(),
        body(user.request(Method::GET, &format!("/projects?token={secret}"))).await?,
        body(user.request(Method::GET, "/self").header("x-api-key", &secret).header("cookie", &secret)).await?,
    ];
    let git = platform.url().replace("http://", &format!("http://x:{secret}@"));
    let output = Command::new("git").args(["ls-remote", &format!("{git}/git/{project}.git")]).output()?;
    ensure!(output.status.success(), "git does not take the token: {output:?}");
    canaries.insert("a token", secret);
    Ok(answers)
}

/// Credentials that are refused, on every route.
async fn with_bad_credentials(platform: &Shared, canaries: &mut Canaries) -> Result<Vec<String>> {
    let mut digit = 0;
    let unknown = AccessToken::from_random(|| {
        digit = (digit + 17) % 62;
        digit
    });
    canaries.insert("an unknown token", unknown.expose().to_owned());
    canaries.insert("a password", "canary-of-a-password".to_owned());
    canaries.insert("garbage", "canary-of-garbage".to_owned());
    let nobody = Rest::new(platform.url(), None);
    let mut answers = Vec::new();
    for route in routes() {
        let path = route.template.to_string().replace("/api/v1", "").replace(['{', '}'], "");
        let request = || route.verb.parse().map(|verb| nobody.request(verb, &path));
        answers.push(body(request()?.bearer_auth(unknown.expose())).await?);
        answers.push(body(request()?.basic_auth("user", Some("canary-of-a-password"))).await?);
        answers.push(body(request()?.bearer_auth("canary-of-garbage")).await?);
    }
    Ok(answers)
}

/// A line of a job's log is its readers' and nobody else's.
async fn with_a_job(platform: &Shared, canaries: &mut Canaries) -> Result<Vec<String>> {
    let rest = platform.rest();
    let project = rest.project("canary-log").await?;
    let id = rest.submit(&project, &["sh", "-c", "echo canary-of-$(echo a-line)"]).await?;
    rest.settled(&id).await?;
    let log = rest.log(&id).await?;
    ensure!(format!("{log:?}").contains("canary-of-a-line"), "{log:?}");
    canaries.insert("a log line", "canary-of-a-line".to_owned());
    let mut answers = Vec::new();
    for path in ["", "/events", "/explain"] {
        answers.push(rest.get(&format!("/executions/{id}{path}")).await?.to_string());
    }
    if routes().iter().any(|route| route.template.to_string() == "/api/v1/search") {
        answers.push(body(rest.request(Method::GET, "/search?q=canary-of-a-line")).await?);
    }
    Ok(answers)
}

async fn body(request: reqwest::RequestBuilder) -> Result<String> {
    Ok(Rest::send(request).await?.body.to_string())
}

async fn secrets_of_the_installation_show_nowhere(platform: Shared) -> Result<()> {
    let secrets = secrets(&platform.home().join("secrets"))?;
    ensure!(secrets.len() > 10, "{} secrets were found", secrets.len());
    for (part, program) in SERVICES {
        let shown = shown_configuration(&platform, part, program)?;
        ensure!(shown.contains("# ") && (part == "api-gateway" || shown.contains("\"***\"")), "{part}: {shown}");
        for secret in &secrets {
            ensure!(!shown.contains(secret.as_str()), "{part} --print-config shows a secret: {shown}");
        }
    }
    for secret in &secrets {
        shows_in_no_log(&platform, "a secret", secret)?;
        shows_in_no_process("a secret", secret)?;
    }
    Ok(())
}

fn shown_configuration(platform: &Shared, part: &str, program: &str) -> Result<String> {
    let mut command = platform.command(program);
    if program == "katonic-metadata" {
        command.args(["--role", if part == "git" { "git" } else { "api" }]);
    }
    let file = platform.home().join(format!("config/{part}.toml"));
    let output = command.arg("--config").arg(file).arg("--print-config").stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{part}: {output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Every password, token and key below a folder.
fn secrets(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(secrets(&path)?);
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let name = path.to_string_lossy();
        if name.ends_with(".json") {
            strings(&serde_json::from_str(&text)?, &mut found);
        } else if name.ends_with(".key.pem") {
            found.extend(text.lines().filter(|line| !line.starts_with('-')).map(ToOwned::to_owned));
        } else if !name.ends_with(".pub.pem") {
            found.push(text.trim().to_owned());
        }
    }
    Ok(found)
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, found)),
        _ => {}
    }
}

/// The platform's own lines: those of services, servers and agent.
fn shows_in_no_log(platform: &Shared, what: &str, canary: &str) -> Result<()> {
    let mut logs: Vec<_> =
        fs::read_dir(platform.home().join("log"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    logs.push(platform.home().join("members/.agent.log"));
    for log in logs {
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let line = text.lines().find(|line| line.contains(canary));
        ensure!(line.is_none(), "{what} shows in {}: {}", log.display(), line.unwrap_or_default());
    }
    Ok(())
}

/// What every user of the machine can see of processes, and root of their environment.
fn shows_in_no_process(what: &str, canary: &str) -> Result<()> {
    for entry in fs::read_dir("/proc")? {
        let folder = entry?.path();
        for file in ["cmdline", "environ"] {
            // A process may be gone by now.
            let text = fs::read(folder.join(file)).unwrap_or_default();
            let shows = text.windows(canary.len()).any(|window| window == canary.as_bytes());
            let program = fs::read_to_string(folder.join("comm")).unwrap_or_default();
            ensure!(!shows, "{what} shows in the {file} of {}", program.trim());
        }
    }
    Ok(())
}

async fn a_command_is_readable(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("readable-command").await?;
    let id = rest.submit(&project, &["echo", "readable-by-readers"]).await?;
    let execution = rest.get(&format!("/executions/{id}")).await?;
    ensure!(execution.to_string().contains("readable-by-readers"), "{execution}");
    let contract = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.yaml"))?;
    ensure!(contract.contains("put no secret into it"), "docs/openapi.yaml does not say who reads a command");
    Ok(())
}
