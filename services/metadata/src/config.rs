//! What metadata is told, one file for each role: `config/default.toml` lists
//! every key of the role `api`, `config/git.toml` those of the role `git`.

use katonic_bus::{AdminConfig, Password};
use katonic_domain::Name;
use katonic_service::config::{
    BrokerSection, Configuration, InstallationSection, KeysSection, LogSection, PeersSection, Secret, ServiceSection,
    TelemetrySection,
};
use katonic_store::StoreConfig;
use serde::{Deserialize, Serialize};

use crate::{
    domain::tier::{Seed, Size, check_seeds},
    git::GitSection,
};

/// What both roles are told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens.
    pub service: ServiceSection,
    /// Which installation it is part of.
    pub installation: InstallationSection,
    /// Keys of internal tokens.
    pub keys: KeysSection,
    /// metadata's own database.
    pub store: StoreConfig,
    /// metadata's own broker user.
    pub broker: BrokerSection,
    /// The other services.
    #[serde(default)]
    pub peers: PeersSection,
    /// How it logs.
    #[serde(default)]
    pub log: LogSection,
    /// Where its spans go.
    #[serde(default)]
    pub telemetry: TelemetrySection,
    /// The repositories: served by the role `git`, asked by the role `api`.
    pub git: GitSection,
    /// The first administrator; role `api` only.
    pub bootstrap: Option<BootstrapSection>,
    /// The broker's management; role `api` only.
    pub subscriptions: Option<SubscriptionsSection>,
    /// Hardware tiers of the first start; role `api` only. None means one `small`, the default.
    #[serde(default = "default_tiers")]
    pub tiers: Vec<Seed>,
}

impl Configuration for Config {
    fn log(&self) -> &LogSection {
        &self.log
    }

    fn telemetry(&self) -> &TelemetrySection {
        &self.telemetry
    }

    fn problems(&self) -> Vec<String> {
        check_seeds(&self.tiers).err().map(|error| format!("`tiers`: {error}")).into_iter().collect()
    }
}

/// `[bootstrap]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapSection {
    /// The first administrator's name.
    pub admin_name: Name,
    /// SHA-256 of their token, in hexadecimal.
    pub admin_token_sha256: String,
}

/// `[subscriptions]`: an administrative broker login, used for nothing else (DESIGN E4).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionsSection {
    /// Base URI of the management API.
    pub management_uri: String,
    /// Login.
    pub user: String,
    /// Its password.
    pub password: Secret<String>,
    /// Where subscribers' queues are.
    pub vhost: String,
    /// `host:port` that subscribers connect to.
    pub amqp_address: String,
}

impl SubscriptionsSection {
    /// How the management API is reached.
    pub fn admin(&self) -> AdminConfig {
        AdminConfig {
            url: self.management_uri.clone(),
            username: self.user.clone(),
            password: Password::new(self.password.expose()),
            vhost: self.vhost.clone(),
        }
    }

    /// `amqp://host:port/vhost`, without credentials.
    pub fn amqp_uri(&self) -> String {
        format!("amqp://{}/{}", self.amqp_address, self.vhost)
    }
}

/// Two jobs for each core, each with the memory that most machines have for one.
fn default_tiers() -> Vec<Seed> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let name = "small".parse().into_iter();
    let size = Size {
        cpu_millis: 1_000,
        memory_bytes: 1 << 30,
        max_running: u32::try_from(cores * 2).unwrap_or(u32::MAX),
        price_micros_per_hour: 0,
        currency: String::new(),
    };
    let tier = |name| Seed { name, default: true, size: size.clone() };
    name.map(tier).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use katonic_service::config::keys;

    use super::*;

    fn load(name: &str) -> Config {
        let file = format!("{}/config/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        katonic_service::config::load_file(file.as_ref()).expect("a valid file")
    }

    /// `config/default.toml` is the reference that docs/configuration.md is made from.
    #[test]
    fn the_default_file_shows_every_key_and_the_defaults() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config/default.toml"));
        let missing = keys::not_in_the_file::<Config>(file).expect("a valid file");
        assert!(missing.is_empty(), "give {missing:?} a line in config/default.toml, `# key = value` where optional");
        let other = keys::not_the_default::<Config>(file).expect("a valid file");
        // How many places there are depends on the machine.
        assert!(
            other.iter().all(|key| key == "tiers"),
            "config/default.toml says something else than the code of {other:?}"
        );
    }

    #[test]
    fn the_file_of_git_has_no_login_but_its_own() {
        let config = load("git");
        assert!(config.bootstrap.is_none() && config.subscriptions.is_none());
    }

    #[test]
    fn without_tiers_there_is_one_default() {
        assert_eq!((check_seeds(&default_tiers()), default_tiers().len()), (Ok(()), 1));
    }
}
