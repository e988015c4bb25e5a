//! Every integration test, against one platform made of the real binaries and
//! servers. `cargo test -p katonic-integration-tests -- <part of a name>` runs some.

mod api_authorisation;
mod api_canary;
mod api_fuzz;
mod api_idempotency;
mod api_input;
mod api_matrix;
mod api_operations;
mod api_pages;
mod api_projects;
mod api_roles;
mod docs_commands;
mod doctor;
mod e2e_admission;
mod e2e_after;
mod e2e_batch;
mod e2e_cli;
mod e2e_clients;
mod e2e_compare;
mod e2e_containers;
mod e2e_docker;
mod e2e_events;
mod e2e_examples;
mod e2e_isolation;
mod e2e_labels;
mod e2e_logs;
mod e2e_params;
mod e2e_rerun;
mod e2e_retry;
mod e2e_run;
mod e2e_schedules;
mod e2e_search;
mod e2e_traces;
mod e2e_usage;
mod fault_broker;
mod fault_restart;
mod fault_storage;
mod fault_storm;

use std::{
    future::Future,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use anyhow::{Result, anyhow};
use katonic_integration_tests::Platform;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

/// What every test is given.
type Shared = Arc<Platform>;

/// Started by the first test that needs it, so that listing tests is free.
static PLATFORM: OnceLock<Result<Shared, String>> = OnceLock::new();

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = [
        api_authorisation::trials(),
        api_canary::trials(),
        api_fuzz::trials(),
        api_idempotency::trials(),
        api_input::trials(),
        api_matrix::trials(),
        api_projects::trials(),
        api_roles::trials(),
        api_operations::trials(),
        api_pages::trials(),
        docs_commands::trials(),
        doctor::trials(),
        e2e_cli::trials(),
        e2e_admission::trials(),
        e2e_after::trials(),
        e2e_batch::trials(),
        e2e_clients::trials(),
        e2e_compare::trials(),
        e2e_containers::trials(),
        e2e_docker::trials(),
        e2e_events::trials(),
        e2e_examples::trials(),
        e2e_isolation::trials(),
        e2e_labels::trials(),
        e2e_logs::trials(),
        e2e_params::trials(),
        e2e_rerun::trials(),
        e2e_retry::trials(),
        e2e_run::trials(),
        e2e_traces::trials(),
        e2e_usage::trials(),
        fault_broker::trials(),
        e2e_schedules::trials(),
        e2e_search::trials(),
        fault_restart::trials(),
        fault_storage::trials(),
        fault_storm::trials(),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials.into_iter().flatten().collect());
    if let Some(Ok(platform)) = PLATFORM.get()
        && let Err(error) = platform.end(!conclusion.has_failed())
    {
        eprintln!("{error:#}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// A test that shares the platform with others.
fn shared<T, F>(name: &str, test: T) -> Trial
where
    T: FnOnce(Shared) -> F + Send + 'static,
    F: Future<Output = Result<()>>,
{
    trial(name, |platform| async move {
        let _whole = platform.shared().await;
        test(platform.clone()).await
    })
}

/// A test that breaks the platform and sees it mend.
fn alone<T, F>(name: &str, test: T) -> Trial
where
    T: FnOnce(Shared) -> F + Send + 'static,
    F: Future<Output = Result<()>>,
{
    trial(name, |platform| async move {
        let _whole = platform.alone().await;
        test(platform.clone()).await
    })
}

/// A test that changes what all share: on a platform of its own.
fn apart<T, F>(name: &str, test: T) -> Trial
where
    T: FnOnce(Shared) -> F + Send + 'static,
    F: Future<Output = Result<()>>,
{
    trial(name, |_first| async move {
        let own = Arc::new(Platform::start()?);
        let outcome = test(own.clone()).await;
        own.end(outcome.is_ok())?;
        outcome
    })
}

fn trial<T, F>(name: &str, test: T) -> Trial
where
    T: FnOnce(Shared) -> F + Send + 'static,
    F: Future<Output = Result<()>>,
{
    Trial::test(name, || {
        let run = || Runtime::new()?.block_on(test(platform()?));
        run().map_err(|error: anyhow::Error| Failed::from(format!("{error:?}")))
    })
}

fn platform() -> Result<Shared> {
    let start = || Platform::start().map(Arc::new).map_err(|error| format!("{error:?}"));
    PLATFORM.get_or_init(start).clone().map_err(|error| anyhow!(error))
}
