//! The doctor at a platform in which something is really wrong.
//!
//! What needs no platform is tried in `cli/tests`. Tests that break something
//! put it back and see the doctor agree.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use katonic_domain::{AccessToken, ProjectId};
use katonic_integration_tests::{
    Platform,
    parts::{kill_9, pid_of},
    wait,
};
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{Shared, alone, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        alone("a_healthy_platform_has_no_problem", a_healthy_platform_has_no_problem),
        shared("the_doctor_says_why_a_token_is_refused", it_says_why_a_token_is_refused),
        shared("the_doctor_finds_a_project_that_is_gone", it_finds_a_project_that_is_gone),
        shared("the_doctor_finds_jobs_that_wait", it_finds_jobs_that_wait),
        shared("the_doctor_finds_the_platform_that_was_meant", it_finds_the_platform_that_was_meant),
        alone("the_doctor_finds_parts_that_are_frozen_down_or_restarting", it_finds_parts_in_trouble),
        alone("the_doctor_finds_what_the_broker_lacks_and_holds_back", it_finds_trouble_at_the_broker),
        alone("the_doctor_finds_events_that_are_not_published", it_finds_old_events),
        alone("the_doctor_finds_a_full_redis", it_finds_a_full_redis),
        alone("the_doctor_finds_a_lost_agent_and_leftover_processes", it_finds_a_lost_agent_and_leftovers),
        alone("the_doctor_finds_a_lost_supervisor_and_a_platform_that_is_down", it_finds_a_platform_that_is_down),
    ]
}

/// What the doctor said.
struct Diagnosis(Value);

impl Diagnosis {
    fn of(doctor: &mut Command) -> Result<Self> {
        let output = doctor.args(["doctor", "--output", "json"]).output()?;
        let document = serde_json::from_slice(&output.stdout);
        Ok(Self(document.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?))
    }

    /// In a folder with little code.
    fn at(platform: &Platform) -> Result<Self> {
        Self::of(&mut doctor(platform, platform.scratch()?.path()))
    }

    fn facts(&self, code: &str) -> Vec<&str> {
        let findings = self.0["findings"].as_array().into_iter().flatten();
        findings.filter(|f| f["code"] == code).filter_map(|f| f["fact"].as_str()).collect()
    }

    /// Whether it was found, with these words in its fact.
    fn has(&self, code: &str, words: &str) -> bool {
        self.facts(code).iter().any(|fact| fact.contains(words))
    }

    fn finds(&self, code: &str, words: &str) -> Result<()> {
        ensure!(self.has(code, words), "no {code} with `{words}` in {:#}", self.0);
        Ok(())
    }

    fn lacks(&self, code: &str) -> Result<()> {
        ensure!(self.facts(code).is_empty(), "{code} in {:#}", self.0);
        Ok(())
    }
}

fn doctor(platform: &Platform, folder: &Path) -> Command {
    let mut command = platform.command("katonic");
    command.current_dir(folder);
    command
}

/// Asks the doctor until it finds something.
async fn found(platform: &Shared, code: &str, words: &str) -> Result<()> {
    wait::until(&format!("{code} with `{words}`"), async || Ok(Diagnosis::at(platform)?.has(code, words).then_some(())))
        .await
}

/// Asks the doctor until it finds something no more.
async fn gone(platform: &Shared, code: &str) -> Result<()> {
    wait::until(&format!("{code} is mended"), async || {
        Ok(Diagnosis::at(platform)?.facts(code).is_empty().then_some(()))
    })
    .await
}

async fn a_healthy_platform_has_no_problem(platform: Shared) -> Result<()> {
    let diagnosis = Diagnosis::at(&platform)?;
    ensure!(diagnosis.0["problems"] == 0, "{:#}", diagnosis.0);
    ensure!(diagnosis.0["checks"].as_u64() >= Some(40), "{:#}", diagnosis.0);
    Ok(())
}

async fn it_says_why_a_token_is_refused(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    let with = |secret: &str| Diagnosis::of(doctor(&platform, folder.path()).env("KATONIC_TOKEN", secret));
    let make = async |scope: &str, lifetime: &str| {
        let arguments = ["tokens", "create", "doctor", "--scope", scope, "--lifetime", lifetime];
        let made = cli.json(&arguments).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("{made}"));
        Ok::<_, anyhow::Error>((text(&made["token"]["tokenId"])?, text(&made["secret"])?))
    };
    let (_, narrow) = make("logs:read", "1h").await?;
    with(&narrow)?.finds("TOKEN_LACKS_SCOPE", "scope")?;
    let (id, revoked) = make("projects:read", "1h").await?;
    cli.ok(&["tokens", "revoke", &id]).await?;
    wait::until("the token is revoked", async || Ok(with(&revoked)?.has("TOKEN_REVOKED", "").then_some(()))).await?;
    let (_, brief) = make("projects:read", "1s").await?;
    wait::until("the token expires", async || Ok(with(&brief)?.has("TOKEN_EXPIRED", "").then_some(()))).await?;
    with(AccessToken::from_random(|| 9).expose())?.finds("TOKEN_UNKNOWN", "")
}

async fn it_finds_a_project_that_is_gone(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let project = ProjectId::generate();
    fs::write(folder.path().join(".katonic.toml"), format!("project = \"{project}\"\n"))?;
    Diagnosis::of(&mut doctor(&platform, folder.path()))?.finds("PROJECT_GONE", &project.to_string())
}

async fn it_finds_jobs_that_wait(platform: Shared) -> Result<()> {
    let (rest, folder) = (platform.rest(), platform.scratch()?);
    let project = rest.project("doctor-waiting").await?;
    fs::write(folder.path().join(".katonic.toml"), "project = \"doctor-waiting\"\n")?;
    let tiers = rest.get("/hardware-tiers").await?;
    let default = tiers["tiers"].as_array().and_then(|tiers| tiers.iter().find(|tier| tier["default"] == true));
    let places = default.and_then(|tier| tier["maxRunning"].as_u64()).context("no default tier")?;
    let mut submitted = Vec::new();
    for _ in 0..=places {
        submitted.push(rest.submit(&project, &["sleep", "600"]).await?);
    }
    let diagnosis = Diagnosis::of(&mut doctor(&platform, folder.path()));
    // Stopped before anything is asserted, so that a failure leaves no other test behind them.
    for id in submitted.iter().rev() {
        rest.post(&format!("/executions/{id}:stop"), &json!({})).await?;
    }
    diagnosis?.finds("JOBS_WAIT", "newest jobs wait")
}

async fn it_finds_the_platform_that_was_meant(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let elsewhere = folder.path().join("elsewhere");
    let diagnosis = Diagnosis::of(doctor(&platform, folder.path()).env("KATONIC_HOME", elsewhere))?;
    diagnosis.finds("OTHER_PLATFORM", &platform.home().display().to_string())
}

async fn it_finds_parts_in_trouble(platform: Shared) -> Result<()> {
    let redis = running(&platform, "redis")?;
    signal(redis, Signal::STOP)?;
    let frozen = Diagnosis::at(&platform);
    signal(redis, Signal::CONT)?;
    frozen?.finds("PART_NOT_READY", "redis")?;

    // A supervisor that stands still starts nothing again.
    let supervisor = running(&platform, "supervisor")?;
    signal(supervisor, Signal::STOP)?;
    kill_9(redis)?;
    let down = wait::until("redis is gone", async || {
        let diagnosis = Diagnosis::at(&platform)?;
        Ok(diagnosis.has("PART_DOWN", "redis").then_some(()))
    })
    .await;
    signal(supervisor, Signal::CONT)?;
    down?;

    let mut killed = redis;
    for _ in 0..2 {
        killed = next_process(&platform, "redis", killed).await?;
        kill_9(killed)?;
    }
    next_process(&platform, "redis", killed).await?;
    found(&platform, "PART_RESTARTS", "redis").await?;
    gone(&platform, "PART_NOT_READY").await
}

/// The process of a part once it is another than before.
async fn next_process(platform: &Shared, part: &str, before: i32) -> Result<i32> {
    wait::until(&format!("another {part}"), async || Ok(pid_of(platform, part)?.filter(|pid| *pid != before))).await
}

fn running(platform: &Shared, part: &str) -> Result<i32> {
    pid_of(platform, part)?.with_context(|| format!("no {part}"))
}

fn signal(pid: i32, signal: Signal) -> Result<()> {
    Ok(kill_process(Pid::from_raw(pid).context("a pid is positive")?, signal)?)
}

/// A JSON file of the data directory.
fn data(platform: &Platform, file: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&fs::read(platform.home().join(file))?)?)
}

/// The broker's management, as its administrator.
struct Broker {
    client: reqwest::Client,
    base: String,
    password: String,
    vhost: String,
}

impl Broker {
    fn of(platform: &Platform) -> Result<Self> {
        let (installation, passwords) =
            (data(platform, "installation.json")?, data(platform, "secrets/passwords.json")?);
        let id = installation["id"].as_str().and_then(|id| id.strip_prefix("ins_")).context("no id")?;
        Ok(Self {
            client: reqwest::Client::builder().no_proxy().build()?,
            base: format!("http://127.0.0.1:{}/api", installation["ports"]["management"]),
            password: passwords["broker_admin"].as_str().context("no password")?.to_owned(),
            vhost: format!("katonic-{id}"),
        })
    }

    async fn call(&self, method: reqwest::Method, kind: &str, rest: &str, body: &Value) -> Result<()> {
        let request = self.client.request(method, format!("{}/{kind}/{}/{rest}", self.base, self.vhost));
        let answer = request.basic_auth("katonic-admin", Some(&self.password)).json(body).send().await?;
        ensure!(answer.status().is_success(), "{kind} {rest}: {}", answer.status());
        Ok(())
    }
}

async fn it_finds_trouble_at_the_broker(platform: Shared) -> Result<()> {
    const PARKED: &str = "katonic.test.doctor.v1.parked";
    const BINDING: &str = "e/katonic.events/q/katonic.sink";
    let broker = Broker::of(&platform)?;
    let (put, post, delete) = (reqwest::Method::PUT, reqwest::Method::POST, reqwest::Method::DELETE);
    let nothing = json!({});

    broker.call(put, "queues", PARKED, &json!({ "durable": true })).await?;
    let message = json!({ "routing_key": PARKED, "payload": "{}", "payload_encoding": "string", "properties": {} });
    broker.call(post, "exchanges", "amq.default/publish", &message).await?;
    let parked = found(&platform, "MESSAGES_PARKED", PARKED).await;
    broker.call(delete.clone(), "queues", PARKED, &nothing).await?;
    parked?;

    // A supervisor that stands still makes nothing again.
    let supervisor = running(&platform, "supervisor")?;
    signal(supervisor, Signal::STOP)?;
    let deleted = broker.call(delete, "bindings", &format!("{BINDING}/%23"), &nothing).await;
    let missing = Diagnosis::at(&platform);
    signal(supervisor, Signal::CONT)?;
    deleted?;
    missing?.finds("TOPOLOGY_MISSING", "katonic.sink")?;
    gone(&platform, "TOPOLOGY_MISSING").await
}

async fn it_finds_old_events(platform: Shared) -> Result<()> {
    let broker = running(&platform, "rabbitmq")?;
    signal(broker, Signal::STOP)?;
    let found = async {
        // Accepted although nobody can be told.
        platform.rest().project("doctor-unpublished").await?;
        found(&platform, "OUTBOX_OLD", "metadata").await
    }
    .await;
    signal(broker, Signal::CONT)?;
    found?;
    gone(&platform, "OUTBOX_OLD").await
}

/// A connection to Redis as log-streamer.
struct Redis(BufReader<TcpStream>);

impl Redis {
    fn of(platform: &Platform) -> Result<Self> {
        let (installation, passwords) =
            (data(platform, "installation.json")?, data(platform, "secrets/passwords.json")?);
        let port = installation["ports"]["redis"].as_u64().and_then(|port| u16::try_from(port).ok());
        let stream = TcpStream::connect(("127.0.0.1", port.context("no port")?))?;
        let mut redis = Self(BufReader::new(stream));
        let password = passwords["redis_logs"].as_str().context("no password")?;
        ensure!(redis.call(&[b"AUTH", b"logs", password.as_bytes()])? == "+OK", "refused");
        Ok(redis)
    }

    /// The first line of the answer.
    fn call(&mut self, words: &[&[u8]]) -> Result<String> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&request)?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

async fn it_finds_a_full_redis(platform: Shared) -> Result<()> {
    let mut redis = Redis::of(&platform)?;
    let (filler, mut keys) = (vec![b'x'; 1 << 20], Vec::new());
    loop {
        let key = format!("katonic:logs:doctor:{}", keys.len()).into_bytes();
        let answer = redis.call(&[b"SET", &key, &filler])?;
        if answer.starts_with("-OOM") {
            break;
        }
        ensure!(answer == "+OK" && keys.len() < 1000, "{answer}");
        keys.push(key);
    }
    let diagnosis = Diagnosis::at(&platform);
    for key in &keys {
        redis.call(&[b"DEL", key])?;
    }
    diagnosis?.finds("REDIS_FULL", "of 128.0 MiB")?;
    Diagnosis::at(&platform)?.lacks("REDIS_FULL")
}

async fn it_finds_a_lost_agent_and_leftovers(platform: Shared) -> Result<()> {
    // A dispatcher that stands still starts no agent again.
    let (dispatcher, agent) = (running(&platform, "dispatcher")?, running(&platform, "agent")?);
    signal(dispatcher, Signal::STOP)?;
    kill_9(agent)?;
    let lost = found(&platform, "AGENT_GONE", "no agent").await;
    signal(dispatcher, Signal::CONT)?;
    lost?;
    gone(&platform, "AGENT_GONE").await?;

    let first = data(&platform, "installation.json")?["uid_first"].as_u64().and_then(|uid| u32::try_from(uid).ok());
    // The last of the installation's users: the dispatcher gives the first ones.
    let uid = first.context("no users")? + 999;
    let mut left = Command::new("/bin/sleep").arg("600").uid(uid).gid(uid).spawn()?;
    let diagnosis = Diagnosis::at(&platform);
    left.kill()?;
    left.wait()?;
    diagnosis?.finds("JOBS_LEFT_PROCESSES", &format!("process {} ", left.id()))
}

async fn it_finds_a_platform_that_is_down(platform: Shared) -> Result<()> {
    kill_9(running(&platform, "supervisor")?)?;
    let orphaned = found(&platform, "SUPERVISOR_GONE", "api-gateway").await;
    platform.up()?;
    orphaned?;
    gone(&platform, "SUPERVISOR_GONE").await?;

    platform.down(&[])?;
    let port = platform.url().rsplit(':').next().context("no port")?.to_owned();
    let taken = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    let diagnosis = Diagnosis::at(&platform);
    drop(taken);
    platform.up()?;
    let diagnosis = diagnosis?;
    diagnosis.finds("PLATFORM_DOWN", &platform.home().display().to_string())?;
    diagnosis.finds("PORT_TAKEN", &format!("port {port} of api-gateway"))?;
    if diagnosis.has("PART_DOWN", "") {
        bail!("parts of a platform that is down are no news: {:#}", diagnosis.0);
    }
    Ok(())
}
