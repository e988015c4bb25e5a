//! `broker apply` on one machine: virtual host, exchanges, queues, and a login
//! for each service, by the administrator (DESIGN B1, E3, E4, M7).

use std::collections::BTreeMap;

use katonic_bus::{
    Admin, AdminConfig, Password,
    topology::{Credentials, Login, Producer, Topology},
};

use super::{error::Error, rabbitmq, site::Site};

/// Declares what is missing. Repeating it is harmless.
pub async fn apply(site: &Site) -> Result<(), Error> {
    let admin = admin(site)?;
    katonic_bus::topology::apply(&admin, &Topology::katonic(), &credentials(site))
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
        producers: BTreeMap::from([
            (Producer::Metadata, login("metadata", &passwords.broker.metadata)),
            (Producer::Dispatcher, login("dispatcher", &passwords.broker.dispatcher)),
            (Producer::Logs, login("logs", &passwords.broker.logs)),
        ]),
        subscriptions: Some(login(rabbitmq::SUBSCRIPTIONS, &passwords.broker_subscriptions)),
    }
}
