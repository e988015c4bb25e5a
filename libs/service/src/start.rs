//! From a command line to a running service: the same for all of them.

use std::{error::Error, future::Future, process::ExitCode};

use crate::{
    config::{self, Configuration, Flags},
    runtime::{self, Shutdown, chain},
    telemetry,
};

/// Wrong usage, or a configuration that is not valid.
const WRONG: u8 = 2;

/// What a service starts from.
pub struct Start<C> {
    /// Its configuration.
    pub config: C,
    /// What its server shows of the process.
    pub telemetry: telemetry::Handle,
    /// Cancelled when it should end.
    pub shutdown: Shutdown,
}

/// Runs a service until it returns, or only checks or shows its configuration,
/// where the flags say so. `name` is in its log lines, traces and metrics.
///
/// Exit codes: 0, 1 it failed, 2 the configuration is not valid.
pub fn run<C, M, F, E>(name: &'static str, flags: &Flags, main: M) -> ExitCode
where
    C: Configuration,
    M: FnOnce(Start<C>) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let config = match config::load::<C>(flags) {
        Ok(config) => config,
        Err(error) => return refused(name, &error),
    };
    if flags.instead.check_config {
        println!("{} is valid", flags.config.display());
        return ExitCode::SUCCESS;
    }
    if flags.instead.print_config {
        return match config::shown::<C>(flags) {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => refused(name, &error),
        };
    }
    runtime::run(name, |shutdown| async move {
        let guard = telemetry::init(config.log(), config.telemetry(), name)?;
        let start = Start { config, telemetry: guard.handle(), shutdown };
        main(start).await.map_err(Into::into)
    })
}

fn refused(name: &str, error: &config::Error) -> ExitCode {
    eprintln!("katonic-{name}: {}", chain(error));
    ExitCode::from(WRONG)
}
