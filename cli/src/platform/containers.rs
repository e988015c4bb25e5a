//! `katonic containers`: what a platform needs beyond the programs where
//! something else than our supervisor keeps the parts, such as `compose/`.
//!
//! ```text
//! init     secrets, keys, a file of configuration for each part ──> the data directory, once and for all
//! prepare  users ──> store      topology, users ──> broker           before the services, at every start
//! ```
//! Both may be repeated: what is there is kept.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{
    backend::Kind, configuration, error::Error, files, home::Home, launch::server_folder, layout::Layout, lock::Lock,
    note::note, part::Part, prepare, rabbitmq, redis, site::Site,
};
use crate::exit::Exit;

/// A server's first start takes some seconds, on a slow disk many.
const LIMIT: Duration = Duration::from_mins(4);
const PAUSE: Duration = Duration::from_secs(1);

/// What is done for a platform in containers.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum ContainersCommand {
    /// Make secrets, keys and configuration in the data directory, where they are missing.
    Init,
    /// Make users in the store and topology in the broker, once both answer.
    Prepare,
}

/// Does it.
///
/// # Errors
/// The data directory is another's; a server refuses.
pub async fn containers(command: ContainersCommand) -> Result<Exit, Error> {
    let home = Home::discover()?;
    match command {
        ContainersCommand::Init => init(home)?,
        ContainersCommand::Prepare => prepare_servers(&Site::load(home)?).await?,
    }
    Ok(Exit::OK)
}

fn init(home: Home) -> Result<(), Error> {
    files::make_dir(home.root(), 0o700)?;
    // Who holds it is a supervisor, and so keeps a platform of the other layout.
    let Some(_lock) = Lock::try_acquire(&home)? else { return Err(Error::OtherLayout(home.root().to_owned())) };
    let site = Site::load_or_create(home, Layout::Containers, Some(Kind::Process))?;
    configuration::write(&site)?;
    // The secret by which members of a replica set know each other is the administrator's, as on one machine.
    write(&site, Part::Store, "admin", &site.secrets.passwords.store_admin)?;
    write(&site, Part::Rabbitmq, "rabbitmq.conf", &rabbitmq::first_start(&site))?;
    write(&site, Part::Redis, "users.acl", &redis::users_file(&site))?;
    anstream::println!("The files for the containers are in {}", site.home.root().display());
    Ok(())
}

fn write(site: &Site, part: Part, name: &str, content: &str) -> Result<(), Error> {
    files::write_private(&server_folder(site, part)?.join(name), content.as_bytes())
}

async fn prepare_servers(site: &Site) -> Result<(), Error> {
    for part in [Part::Store, Part::Rabbitmq] {
        prepare_in_time(site, part).await?;
        anstream::println!("{part} is prepared");
    }
    Ok(())
}

/// A server that answers may still be on its way to more: tried until its time is over.
async fn prepare_in_time(site: &Site, part: Part) -> Result<(), Error> {
    let begun = Instant::now();
    let mut last = String::new();
    loop {
        let error = match prepare::prepare(site, part).await {
            Err(error) if begun.elapsed() < LIMIT => error.chain(),
            ended => return ended,
        };
        if error != last {
            note(format_args!("{part}: {error}"));
            last = error;
        }
        sleep(PAUSE).await;
    }
}
