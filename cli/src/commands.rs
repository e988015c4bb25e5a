//! The commands, one file each, and the way into them.

use katonic_domain::ExecutionId;
use tokio::runtime;

use crate::{
    args::{Cli, Command, Global},
    client::Client,
    config, doctor,
    exit::Exit,
    failure::{Explain, Failure},
    output::Output,
    platform,
};

pub mod admin;
pub mod attach;
mod batch;
mod compare;
pub mod completions;
pub mod events;
pub mod explain;
pub mod jobs;
mod launch;
pub mod limits;
pub mod logs;
pub mod man;
pub mod orgs;
pub mod params;
pub mod projects;
mod rerun;
pub mod results;
pub mod run;
pub mod schedules;
pub mod search;
pub mod subscriptions;
pub mod tiers;
pub mod tokens;
mod usage;
pub mod users;
pub mod version;

/// What a command works with.
pub struct Context {
    /// The gateway.
    pub client: Client,
    /// Where answers go.
    pub output: Output,
}

impl Context {
    fn new(global: Global) -> Result<Self, Failure> {
        let endpoint = config::endpoint(global.url.as_deref(), global.token_file)?;
        Ok(Self { client: Client::new(endpoint)?, output: Output::new(global.output) })
    }
}

/// Runs one command to its end.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Start)?;
    let result = runtime.block_on(dispatch(cli));
    // A blocked read of the terminal must not keep the process.
    runtime.shutdown_background();
    result
}

async fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let output = Output::new(cli.global.output);
    match cli.command {
        Command::Version(args) => version::run(args, cli.global.url.as_deref(), output).await,
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(args, output),
        Command::Params(_) => params::run(output),
        Command::Up(args) => Ok(platform::up(&args).await?),
        Command::Down(args) => Ok(platform::down(&args).await?),
        Command::Status(args) => Ok(platform::status(&args, output).await?),
        Command::Doctor(_) => doctor::run(cli.global, output).await,
        Command::Containers(command) => Ok(platform::containers(command).await?),
        Command::Supervise(args) => Ok(platform::supervise(&args).await?),
        Command::Run(args) => {
            // The job's own code must not be confused with one of ours.
            let failed = |failure: Failure| failure.exiting(Exit::PLATFORM);
            run::run(&Context::new(cli.global).map_err(failed)?, args).await.map_err(failed)
        }
        Command::Logs(args) => logs::run(&Context::new(cli.global)?, args).await,
        Command::Results(command) => results::run(&Context::new(cli.global)?, command).await,
        Command::Jobs(command) => jobs::run(&Context::new(cli.global)?, command).await,
        Command::Schedules(command) => schedules::run(&Context::new(cli.global)?, command).await,
        Command::Explain(args) => explain::run(&Context::new(cli.global)?, args).await,
        Command::Events(args) => events::run(&Context::new(cli.global)?, args).await,
        Command::Search(args) => search::run(&Context::new(cli.global)?, args).await,
        Command::Projects(command) => projects::run(&Context::new(cli.global)?, command).await,
        Command::Users(command) => users::run(&Context::new(cli.global)?, command).await,
        Command::Orgs(command) => orgs::run(&Context::new(cli.global)?, command).await,
        Command::Tokens(command) => tokens::run(&Context::new(cli.global)?, command).await,
        Command::Subscriptions(command) => subscriptions::run(&Context::new(cli.global)?, command).await,
        Command::Admin(command) => admin::run(&Context::new(cli.global)?, command).await,
        Command::Tiers(command) => tiers::run(&Context::new(cli.global)?, command).await,
        Command::Limits(command) => limits::run(&Context::new(cli.global)?, command).await,
    }
}

/// The process cannot even start its threads.
#[derive(Debug, thiserror::Error)]
#[error("cannot start")]
struct Start(#[source] std::io::Error);

impl Explain for Start {
    fn next_step(&self) -> String {
        "raise the limits of processes and open files, then repeat the command".to_owned()
    }
}

/// The platform's answer lacks what its contract promises.
#[derive(Debug, thiserror::Error)]
#[error("the platform's answer has no {0}")]
pub struct Incomplete(pub &'static str);

impl Explain for Incomplete {
    fn next_step(&self) -> String {
        "use a `katonic` of the same version as the platform".to_owned()
    }
}

/// The execution as the gateway now has it.
async fn get_execution(client: &Client, id: ExecutionId) -> Result<katonic_proto::dispatcher::v1::Execution, Failure> {
    let request = katonic_proto::dispatcher::v1::GetExecutionRequest { execution_id: id.to_string() };
    Ok(client.get_execution(request).await?.execution.ok_or(Incomplete("execution"))?)
}
