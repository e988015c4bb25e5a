//! The life of a process: started once, ended by TERM or INT through one
//! cancellation token, tasks named.
//!
//! [`spawn`] is the only place that starts a task, so that none is anonymous
//! and none dies of a panic unseen.

use std::{error::Error, future::Future, io, process::ExitCode};

use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, info_span};

/// Cancelled when the process should end. Cheap to clone.
pub type Shutdown = tokio_util::sync::CancellationToken;

/// Runs a service until it returns; TERM or INT cancels its [`Shutdown`], and a
/// second one ends the process at once.
pub fn run<M, F, E>(service: &'static str, main: M) -> ExitCode
where
    M: FnOnce(Shutdown) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_name(service).build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(service, &error),
    };
    let outcome = runtime.block_on(async {
        let (shutdown, cut) = (Shutdown::new(), Shutdown::new());
        cancel_on_signal(&shutdown, &cut)?;
        tokio::select! {
            ended = main(shutdown) => ended.map_err(Into::into),
            () = cut.cancelled() => Err("asked twice to end".into()),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(service, &*error),
    }
}

fn failed(service: &str, error: &dyn Error) -> ExitCode {
    let chain = chain(error);
    tracing::error!(service, error = %chain, "the service ends");
    // Before telemetry is set up there is no other way to be heard.
    eprintln!("katonic-{service}: {chain}");
    ExitCode::FAILURE
}

/// An error and its causes in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn cancel_on_signal(shutdown: &Shutdown, cut: &Shutdown) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (shutdown, cut) = (shutdown.clone(), cut.clone());
    spawn("signals", async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "TERM",
                _ = interrupt.recv() => "INT",
            };
            if shutdown.is_cancelled() {
                return cut.cancel();
            }
            info!(signal = name, "draining");
            shutdown.cancel();
        }
    });
    Ok(())
}

/// Starts a named task. A panic in it is logged with its name and is the
/// handle's error, never silent.
#[expect(clippy::disallowed_methods, reason = "the one place where tasks start")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(watched(name, future))
}

async fn watched<F: Future>(name: &'static str, future: F) -> F::Output {
    let _watch = PanicWatch(name);
    future.instrument(info_span!("task", task = name)).await
}

struct PanicWatch(&'static str);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.0, "a task panicked");
        }
    }
}

/// Tasks that end together: all are waited for by [`Tasks::finish`].
#[derive(Debug, Clone, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// Starts a named task that belongs to the set.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn(name, self.0.track_future(future))
    }

    /// Waits until every task of the set has ended.
    pub async fn finish(&self) {
        self.0.close();
        self.0.wait().await;
    }
}
