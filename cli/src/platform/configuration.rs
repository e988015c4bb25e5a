//! The configuration of each service: `config/<part>.toml`, 0600, written at
//! every start from what the installation has chosen, so that it never ages.
//!
//! A service's file holds its own credentials and nobody else's (DESIGN I4).

use std::path::Path;

use toml::{Table, Value};

use super::{
    backend::{Backend, IMAGE},
    error::Error,
    files,
    home::ClientFile,
    part::Part,
    rabbitmq, redis,
    site::Site,
    store, tools,
};

const ADMIN_NAME: &str = "admin";

/// Writes the services' files and the CLI's.
pub fn write(site: &Site) -> Result<(), Error> {
    write_file(site, Part::Metadata, &metadata(site))?;
    write_file(site, Part::Git, &git(site))?;
    write_file(site, Part::Dispatcher, &dispatcher(site)?)?;
    write_file(site, Part::LogStreamer, &log_streamer(site))?;
    write_file(site, Part::ApiGateway, &gateway(site)?)?;
    write_file(site, Part::SearchIndexer, &search_indexer(site))?;
    let client = ClientFile { gateway: base_uri(site, Part::ApiGateway) };
    files::write_private(&site.home.client_file(), toml::to_string(&client)?.as_bytes())
}

fn write_file(site: &Site, part: Part, sections: &Table) -> Result<(), Error> {
    files::write_private(&site.home.config(part), toml::to_string(sections)?.as_bytes())
}

/// What every service has.
fn common(site: &Site, part: Part) -> Table {
    let installation = &site.installation;
    let listen = format!("{}:{}", installation.layout.listen(), installation.ports.of(part)[0]);
    let keys = site.home.keys();
    let signing_key = keys.join(format!("{}.key.pem", site.secrets.key_id));
    Table::from_iter([
        section("service", [("listen", listen.into())]),
        section("keys", [("dir", path(&keys)), ("signing_key", path(&signing_key))]),
        section(
            "peers",
            [
                ("metadata", base_uri(site, Part::Metadata).into()),
                ("dispatcher", base_uri(site, Part::Dispatcher).into()),
                ("logs", base_uri(site, Part::LogStreamer).into()),
                ("search", base_uri(site, Part::SearchIndexer).into()),
                ("git", base_uri(site, Part::Git).into()),
                ("gateway", base_uri(site, Part::ApiGateway).into()),
            ],
        ),
        section("log", [("format", "json".into()), ("level", "info".into())]),
    ])
}

fn gateway(site: &Site) -> Result<Table, Error> {
    let mut sections = common(site, Part::ApiGateway);
    if let Some(pages) = tools::pages()? {
        sections.extend([section("pages", [("dir", path(&pages))])]);
    }
    Ok(sections)
}

/// What an owner of data has: `owner` is its user of the store and names its database.
fn owner(site: &Site, part: Part, owner: &str, password: &str) -> Table {
    let incarnation = i64::try_from(site.installation.incarnation).unwrap_or(i64::MAX);
    let uri = store::uri(site, owner, password);
    let mut sections = common(site, part);
    sections.extend([
        section("installation", [("id", site.installation.id.to_string().into()), ("incarnation", incarnation.into())]),
        section("store", [("uri", uri.into()), ("database", store::database(owner).into())]),
    ]);
    sections
}

/// Where a service publishes its events.
fn broker(site: &Site, user: &str, password: &str) -> (String, Value) {
    section("broker", [("uri", rabbitmq::uri(site, user, password).into())])
}

fn metadata(site: &Site) -> Table {
    let passwords = &site.secrets.passwords;
    let mut sections = owner(site, Part::Metadata, "metadata", &passwords.store.metadata);
    sections.extend([
        broker(site, "metadata", &passwords.broker.metadata),
        repositories(site),
        section(
            "bootstrap",
            [("admin_name", ADMIN_NAME.into()), ("admin_token_sha256", site.secrets.admin_token_sha256.clone().into())],
        ),
        section(
            "subscriptions",
            [
                ("management_uri", rabbitmq::management_uri(site).into()),
                ("user", rabbitmq::SUBSCRIPTIONS.into()),
                ("password", passwords.broker_subscriptions.clone().into()),
                ("vhost", site.installation.vhost().into()),
                ("amqp_address", site.installation.address(Part::Rabbitmq).into()),
            ],
        ),
    ]);
    sections
}

fn git(site: &Site) -> Table {
    let passwords = &site.secrets.passwords;
    let mut sections = owner(site, Part::Git, "metadata", &passwords.store.metadata);
    sections.extend([broker(site, "metadata", &passwords.broker.metadata), repositories(site)]);
    sections
}

/// Where metadata's git role keeps the repositories.
fn repositories(site: &Site) -> (String, Value) {
    section("git", [("repositories", path(&site.home.repos()))])
}

fn dispatcher(site: &Site) -> Result<Table, Error> {
    let passwords = &site.secrets.passwords;
    let members = section(
        "process",
        [
            ("members", path(&site.home.members())),
            ("work", path(site.home.work())),
            ("git_cache", path(&site.home.git_cache())),
            ("agent", path(&tools::own("katonic-agent")?)),
            ("shim", path(&tools::own("katonic-shim")?)),
            ("gateway", base_uri(site, Part::ApiGateway).into()),
            ("uid_first", i64::from(site.installation.uid_first).into()),
        ],
    );
    let chosen = &site.installation.backend;
    let mut sections = owner(site, Part::Dispatcher, "dispatcher", &passwords.store.dispatcher);
    sections.extend([
        broker(site, "dispatcher", &passwords.broker.dispatcher),
        section("backend", [("kind", chosen.kind().name().into())]),
        members,
    ]);
    if let Backend::Docker { socket } = chosen {
        sections.extend([section("docker", [("socket", path(socket)), ("image", IMAGE.into())])]);
    }
    Ok(sections)
}

fn log_streamer(site: &Site) -> Table {
    let passwords = &site.secrets.passwords;
    let mut sections = owner(site, Part::LogStreamer, "logs", &passwords.store.logs);
    sections.extend([
        section("redis", [("uri", redis::uri(site).into())]),
        section("blobs", [("dir", path(&site.home.blobs())), ("key_file", path(&site.home.blob_key_file()))]),
    ]);
    sections
}

fn search_indexer(site: &Site) -> Table {
    let passwords = &site.secrets.passwords;
    let mut sections = owner(site, Part::SearchIndexer, "search", &passwords.store.search);
    sections.extend([
        broker(site, "search", &passwords.broker.search),
        section("index", [("dir", path(&site.home.search()))]),
    ]);
    sections
}

fn section<const N: usize>(name: &str, keys: [(&str, Value); N]) -> (String, Value) {
    (name.to_owned(), Value::Table(keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
}

fn path(path: &Path) -> Value {
    path.to_string_lossy().into_owned().into()
}

fn base_uri(site: &Site, part: Part) -> String {
    format!("http://{}", site.installation.address(part))
}
