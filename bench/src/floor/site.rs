//! Where the platform's servers are, and room of the floor's own on them.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};
use katonic_bus::{Admin, AdminConfig, Password, admin::Destination, subscriber::amqp_uri, topology::ExchangeKind};
use katonic_integration_tests::Platform;
use serde_json::{Value, json};

use super::{Settings, projects::EXCHANGE};

/// The broker's administrator on one machine.
const ADMIN: &str = "katonic-admin";
const VHOST: &str = "floor";
const QUEUE: &str = "floor";

/// The servers of a platform.
pub struct Site {
    ports: Value,
    passwords: Value,
}

impl Site {
    /// Of a platform that runs.
    pub fn of(platform: &Platform) -> Result<Self> {
        let read = |file: &str| -> Result<Value> {
            Ok(serde_json::from_str(&fs::read_to_string(platform.home().join(file))?)?)
        };
        Ok(Self { ports: read("installation.json")?["ports"].take(), passwords: read("secrets/passwords.json")? })
    }

    /// Makes a virtual host with the same kind of exchange and queue as the
    /// product's subscribers have; answers the queue's name.
    pub async fn prepare(&self) -> Result<String> {
        let admin = Admin::new(&AdminConfig {
            url: format!("http://127.0.0.1:{}", self.port("management")?),
            username: ADMIN.to_owned(),
            password: self.broker_password()?,
            vhost: VHOST.to_owned(),
        })?;
        admin.put_vhost().await?;
        admin.put_exchange(EXCHANGE, ExchangeKind::Topic).await?;
        let arguments = BTreeMap::from([("x-max-length", json!(100_000)), ("x-overflow", json!("drop-head"))]);
        admin.put_queue(QUEUE, &arguments).await?;
        admin.bind(EXCHANGE, Destination::Queue(QUEUE), "#").await?;
        Ok(QUEUE.to_owned())
    }

    /// What the floor's processes are told of them.
    pub fn settings(&self) -> Result<Settings> {
        let store = format!(
            "mongodb://admin:{}@127.0.0.1:{}/?authSource=admin&directConnection=true",
            self.password("store_admin")?,
            self.port("store")?
        );
        let broker = amqp_uri("127.0.0.1", self.port("amqp")?, VHOST, ADMIN, &self.broker_password()?);
        let redis = format!("redis://logs:{}@127.0.0.1:{}/0", self.password("redis_logs")?, self.port("redis")?);
        Ok(Settings { store, broker, redis, ..Settings::default() })
    }

    fn broker_password(&self) -> Result<Password> {
        Ok(Password::new(self.password("broker_admin")?))
    }

    fn password(&self, name: &str) -> Result<&str> {
        self.passwords[name].as_str().with_context(|| format!("no password {name}"))
    }

    fn port(&self, name: &str) -> Result<u16> {
        let port = self.ports[name].as_u64().with_context(|| format!("no port {name}"))?;
        Ok(u16::try_from(port)?)
    }
}
