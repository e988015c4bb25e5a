//! The promises of a backend, tried on each with real shims and real engines:
//! `process`, Docker, and Podman where it is installed.
//!
//! The test plays the agent's part: it lets the shim go, orders stops, and
//! judges the end as the agent does. Engines are started on sockets and data
//! folders of their own, once, and ended with the run.

#[path = "conformance/bench.rs"]
mod bench;
#[path = "conformance/common.rs"]
mod common;
#[path = "conformance/contained.rs"]
mod contained;

use std::{
    future::Future,
    process::ExitCode,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use anyhow::{Context, Result, anyhow, ensure};
use katonic_testkit::engine::{self, Engine, Kind};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use crate::bench::Where;

/// Engines that a case has started; ended after the last one.
static ENGINES: Mutex<Vec<Arc<Engine>>> = Mutex::new(Vec::new());

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = trials_on("process", None);
    // An engine needs root; who is not root has the other backend.
    if rustix::process::geteuid().is_root() {
        trials.push(Trial::test("docker::is_installed", || Ok(is_installed("dockerd")?)));
        trials.extend(trials_on("docker", Some(Kind::Docker)));
        if engine::program("podman").is_some() {
            trials.extend(trials_on("podman", Some(Kind::Podman)));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The engines' processes end with what keeps them.
    ENGINES.lock().unwrap_or_else(PoisonError::into_inner).clear();
    conclusion.exit_code()
}

fn is_installed(program: &str) -> Result<()> {
    ensure!(engine::program(program).is_some(), "{program} is missing: `scripts/test` installs it");
    Ok(())
}

fn trials_on(name: &'static str, kind: Option<Kind>) -> Vec<Trial> {
    let mut trials = Vec::new();
    common::cases(&mut Cases { name, kind, trials: &mut trials });
    if kind.is_some() {
        contained::cases(&mut Cases { name, kind, trials: &mut trials });
    }
    trials
}

/// The cases of one backend.
pub struct Cases<'a> {
    name: &'static str,
    kind: Option<Kind>,
    trials: &'a mut Vec<Trial>,
}

impl Cases<'_> {
    /// Adds a case.
    pub fn add<F: Future<Output = Result<()>> + Send>(
        &mut self,
        case: &'static str,
        run: impl FnOnce(Where) -> F + Send + 'static,
    ) {
        let kind = self.kind;
        let name = format!("{}::{case}", self.name);
        self.trials.push(Trial::test(name, move || {
            let run = || -> Result<()> {
                let place = place(kind)?;
                runtime()?.block_on(run(place))
            };
            run().map_err(|error| Failed::from(format!("{error:?}")))
        }));
    }
}

fn place(kind: Option<Kind>) -> Result<Where> {
    let Some(kind) = kind else { return Ok(Where::Process) };
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(engine) = engines.iter().find(|engine| engine.kind() == kind) {
        return Ok(Where::Engine(Arc::clone(engine)));
    }
    let engine = Arc::new(Engine::start_with_images(kind).with_context(|| format!("{kind:?} cannot be started"))?);
    engines.push(Arc::clone(&engine));
    Ok(Where::Engine(engine))
}

fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let built = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().map_err(|error| error.to_string())
    });
    built.as_ref().map_err(|error| anyhow!("no runtime: {error}"))
}
