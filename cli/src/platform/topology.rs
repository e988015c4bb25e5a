//! `broker apply` on one machine: virtual host, exchanges, queues, and a login
//! for each service, by the administrator (DESIGN B1, E3, E4, M7).
//!
//! What is lost while the platform runs, such as a queue that somebody deleted,
//! is made again within seconds: no returned publish tells of one lost queue (W2).

use std::{collections::BTreeMap, time::Duration};

use katonic_bus::{
    Admin, AdminConfig, Password,
    topology::{Credentials, Login, Missing, Service, Topology},
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{error::Error, note::note, part::Part, process::Process, rabbitmq, site::Site, state::Board};

/// Between two looks whether all is there; three small requests each.
const LOOK_PAUSE: Duration = Duration::from_secs(5);

/// After so many looks at a broker that answers and cannot mend it, it is started again.
const ROUNDS_IN_VAIN: u32 = 3;

/// Declares what is missing. Repeating it is harmless.
pub async fn apply(site: &Site) -> Result<(), Error> {
    let admin = admin(site)?;
    katonic_bus::topology::apply(&admin, &Topology::katonic(), &credentials(site))
        .await
        .map(drop)
        .map_err(|error| Error::Broker(Box::new(error)))
}

/// Makes again what gets lost while the broker runs, until `stop` is cancelled.
pub async fn keep(site: &Site, board: &Board, stop: &CancellationToken) {
    let looking = async {
        let (mut last, mut in_vain) = (String::new(), 0);
        loop {
            sleep(LOOK_PAUSE).await;
            if !board.state().all_ready(&[Part::Rabbitmq]) {
                continue;
            }
            // A broker that is about to end, or arguments that only a person can change: said once.
            let found = mend(site).await.map_or_else(|error| error.chain(), |()| String::new());
            if found != last && !found.is_empty() {
                note(format_args!("broker topology: {found}"));
            }
            in_vain = if !found.is_empty() && is_broken(site).await { in_vain + 1 } else { 0 };
            if in_vain == ROUNDS_IN_VAIN {
                restart(site).await;
                in_vain = 0;
            }
            last = found;
        }
    };
    tokio::select! {
        () = looking => {}
        () = stop.cancelled() => {}
    }
}

/// Whether something is missing that the broker ought to make when asked.
async fn is_broken(site: &Site) -> bool {
    let missing = check(site).await.unwrap_or_default();
    missing.iter().any(|missing| !matches!(missing, Missing::Arguments(_)))
}

/// The broker answers and cannot make its queues. RabbitMQ 3.10 comes to that where several
/// queues that dead-letter at least once are deleted together: what does so ends for good.
async fn restart(site: &Site) {
    note("broker topology: the broker cannot mend it and is started again");
    let broker = Process::adopt(&site.home.identity(Part::Rabbitmq.name()));
    let stopped = match broker {
        Ok(Some(mut broker)) => broker.stop(Part::Rabbitmq.stop_limit()).await.map_err(|error| error.to_string()),
        Ok(None) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = stopped {
        note(format_args!("broker topology: the broker cannot be stopped: {error}"));
    }
}

async fn mend(site: &Site) -> Result<(), Error> {
    let missing = check(site).await?;
    if missing.is_empty() {
        return Ok(());
    }
    apply(site).await?;
    for missing in &missing {
        note(format_args!("broker topology: {missing}: mended"));
    }
    Ok(())
}

/// What is missing.
async fn check(site: &Site) -> Result<Vec<Missing>, Error> {
    katonic_bus::topology::check(&admin(site)?, &Topology::katonic())
        .await
        .map_err(|error| Error::Broker(Box::new(error)))
}

/// Whether the broker answers, knows the administrator and has no alarm.
pub async fn health(site: &Site) -> Result<(), Error> {
    admin(site)?.health().await.map_err(|error| Error::Broker(Box::new(error)))
}

/// The administrator of the broker.
pub fn admin(site: &Site) -> Result<Admin, Error> {
    let config = AdminConfig {
        url: rabbitmq::management_uri(site),
        username: rabbitmq::ADMIN.to_owned(),
        password: Password::new(site.secrets.passwords.broker_admin.clone()),
        vhost: site.installation.vhost(),
    };
    Admin::new(&config).map_err(|error| Error::Broker(Box::new(error)))
}

fn credentials(site: &Site) -> Credentials {
    let passwords = &site.secrets.passwords;
    let login = |username: &str, password: &String| Login {
        username: username.to_owned(),
        password: Password::new(password.clone()),
    };
    Credentials {
        services: BTreeMap::from([
            (Service::Metadata, login("metadata", &passwords.broker.metadata)),
            (Service::Dispatcher, login("dispatcher", &passwords.broker.dispatcher)),
            (Service::Logs, login("logs", &passwords.broker.logs)),
            (Service::Search, login("search", &passwords.broker.search)),
        ]),
        subscriptions: Some(login(rabbitmq::SUBSCRIPTIONS, &passwords.broker_subscriptions)),
    }
}
