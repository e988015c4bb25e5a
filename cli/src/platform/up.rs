//! `katonic up`: starts the supervisor, shows what becomes ready, and returns
//! when all is.
//!
//! It only watches: interrupted, it leaves the supervisor at work, and running
//! it again shows the rest.

use std::{
    collections::BTreeSet,
    env,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    backend::Kind,
    error::Error,
    files,
    home::Home,
    installation::Installation,
    lock::Lock,
    part::Part,
    process::is_alive,
    state::{PartPhase, Phase, State},
};
use crate::exit::Exit;

/// Arguments of `katonic up`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  katonic up
  katonic up --backend process")]
pub struct UpArgs {
    /// Where jobs run; kept from then on. Not said: the kept one, and at first containers where an engine answers that
    /// has the image of executions, else processes
    #[arg(long, value_name = "BACKEND")]
    backend: Option<Kind>,
}

/// Between two looks at the supervisor's report.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
const TAIL_LINES: usize = 15;

/// Starts the platform on this machine and returns when it is ready.
///
/// # Errors
/// What keeps it from getting ready; the end of that part's log is printed.
pub async fn up(args: &UpArgs) -> Result<Exit, Error> {
    let home = Home::discover()?;
    files::make_dir(home.root(), 0o700)?;
    if let Some(state) = running(&home)? {
        is_kept(&home, args.backend)?;
        if state.phase == Phase::Up {
            anstream::println!("Katonic is up already.");
            return said_how(&home);
        }
        return Follower::new(home, None).follow().await;
    }
    anstream::println!("Starting Katonic in {}", home.root().display());
    let supervisor = spawn(&home, args.backend)?;
    Follower::new(home, Some(supervisor)).follow().await
}

/// Refuses another backend than the one that runs.
fn is_kept(home: &Home, wanted: Option<Kind>) -> Result<(), Error> {
    let kept = Installation::load(home)?.map(|installation| installation.backend.kind());
    match (kept, wanted) {
        (Some(kept), Some(wanted)) if kept != wanted => Err(Error::BackendInUse { kept: kept.name(), why: "it is up" }),
        _ => Ok(()),
    }
}

/// The report of the supervisor that is at work, if one is.
fn running(home: &Home) -> Result<Option<State>, Error> {
    if Lock::try_acquire(home)?.is_some() {
        return Ok(None);
    }
    read_state(home)
}

/// The report of a supervisor that is alive.
pub fn read_state(home: &Home) -> Result<Option<State>, Error> {
    let state = files::read_json::<State>(&home.state_file())?;
    Ok(state.filter(|state| is_alive(&state.supervisor)))
}

fn spawn(home: &Home, backend: Option<Kind>) -> Result<Child, Error> {
    let failed = |source| Error::Supervisor { action: "start", source };
    files::make_dir(&home.root().join("log"), 0o700)?;
    let log = files::open_log(&home.log("supervisor"))?;
    let program = env::current_exe().map_err(failed)?;
    Command::new(program)
        .arg("supervise")
        .args(backend.map(|backend| format!("--backend={}", backend.name())))
        .env("KATONIC_HOME", home.root())
        .current_dir(home.root())
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .spawn()
        .map_err(failed)
}

/// Prints each part as it becomes ready.
struct Follower {
    home: Home,
    supervisor: Option<Child>,
    begun: Instant,
    shown: BTreeSet<Part>,
}

impl Follower {
    fn new(home: Home, supervisor: Option<Child>) -> Self {
        Self { home, supervisor, begun: Instant::now(), shown: BTreeSet::new() }
    }

    async fn follow(mut self) -> Result<Exit, Error> {
        loop {
            // The order matters: what is read after its end is the supervisor's last word.
            let ended = self.ended()?;
            if let Some(state) = self.report()? {
                self.show(&state);
                if state.phase == Phase::Up {
                    anstream::println!("Katonic is up after {:.1} s.", self.begun.elapsed().as_secs_f64());
                    return said_how(&self.home);
                }
                if state.phase == Phase::Failed && (ended.is_some() || self.supervisor.is_none()) {
                    return Err(self.failed(&state));
                }
            }
            match ended {
                // Another `up` was faster: its supervisor is followed.
                Some(status) if status.success() => self.supervisor = None,
                Some(status) => return Err(self.died(status)),
                None if self.supervisor.is_none() && Lock::try_acquire(&self.home)?.is_some() => {
                    return Err(Error::NotReady("it was stopped".to_owned()));
                }
                None => {}
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    /// The report of the supervisor that is followed, its last one included; an earlier supervisor's is none.
    fn report(&self) -> Result<Option<State>, Error> {
        let state = files::read_json::<State>(&self.home.state_file())?;
        let own = self.supervisor.as_ref().and_then(|child| i32::try_from(child.id()).ok());
        Ok(state.filter(|state| own == Some(state.supervisor.pid) || is_alive(&state.supervisor)))
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        let failed = |source| Error::Supervisor { action: "watch", source };
        self.supervisor.as_mut().map_or(Ok(None), |child| child.try_wait().map_err(failed))
    }

    fn show(&mut self, state: &State) {
        for (part, found) in &state.parts {
            if found.phase == PartPhase::Ready && self.shown.insert(*part) {
                let how = if found.adopted { "taken over" } else { "ready" };
                anstream::println!("  {part:<14} {how} after {:.1} s", self.begun.elapsed().as_secs_f64());
            }
        }
    }

    fn failed(&self, state: &State) -> Error {
        let Some(failure) = &state.failure else { return Error::NotReady("no cause is known".to_owned()) };
        let Some(part) = failure.part else { return Error::NotReady(failure.cause.clone()) };
        self.print_tail(part.name());
        Error::NotReady(format!("{part}: {}", failure.cause))
    }

    fn died(&self, status: ExitStatus) -> Error {
        self.print_tail("supervisor");
        Error::NotReady(format!("the supervisor ended with {status}"))
    }

    fn print_tail(&self, name: &str) {
        let log = self.home.log(name);
        anstream::eprintln!("The end of {}:", log.display());
        for line in files::tail(&log, TAIL_LINES) {
            anstream::eprintln!("  | {line}");
        }
    }
}

fn said_how(home: &Home) -> Result<Exit, Error> {
    let installation = Installation::load(home)?.ok_or_else(|| Error::NoPlatform(home.root().to_owned()))?;
    let port = installation.ports.gateway;
    anstream::println!("  REST     http://127.0.0.1:{port}/api/v1");
    anstream::println!("  gRPC     127.0.0.1:{port}");
    anstream::println!("  backend  {}", installation.backend);
    anstream::println!("  token    {}", home.admin_token_file().display());
    anstream::println!("  run      katonic run -- python3 train.py");
    anstream::println!("  stop     katonic down");
    Ok(Exit::OK)
}
