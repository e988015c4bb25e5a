//! The store: `mongod` as a replica set of one, or `SecantusDB`, which needs no set-up.
//!
//! Both demand a password. Each owner has a user that may read and write its
//! own database only (DESIGN I4). The administrator is made through the
//! exception that both make for the first user from localhost.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use mongodb::{
    Client,
    bson::{Document, doc},
    error::{Error as MongoError, ErrorKind},
    options::{AuthMechanism, ClientOptions, Credential, ServerAddress},
};

use super::{
    error::Error,
    files,
    installation::StoreEngine,
    launch::{Launch, server_folder},
    layout::Layout,
    part::Part,
    site::Site,
    tools,
};

const ADMIN: &str = "admin";
/// Far above what a local server takes; the caller tries again.
const TIMEOUT: Duration = Duration::from_secs(5);
/// `MongoDB`'s codes for a user, or a replica set, that is there already.
const USER_EXISTS: i32 = 51003;
const ALREADY_INITIALIZED: i32 = 23;

/// Each owner's user and database.
pub fn database(owner: &str) -> String {
    format!("katonic_{owner}")
}

/// Connection string of an owner's user.
pub fn uri(site: &Site, user: &str, password: &str) -> String {
    let address = site.installation.address(Part::Store);
    format!("mongodb://{user}:{password}@{address}/?authSource=admin&directConnection=true")
}

/// How the store is started.
pub fn launch(site: &Site) -> Result<Launch, Error> {
    let folder = server_folder(site, Part::Store)?;
    let program = tools::store(site.installation.store_engine)?;
    let port = site.installation.ports.store.to_string();
    let data = folder.join("data");
    files::make_dir(&data, 0o700)?;
    let data = data.into_os_string();
    Ok(match site.installation.store_engine {
        StoreEngine::Secantus => {
            let mut launch =
                Launch::new(program, ["--host", "127.0.0.1", "--port", &port, "--auth", "--sync-on-commit"]);
            launch.arguments.extend(["--cache-size", "512M", "--log-level", "WARNING"].map(Into::into));
            launch.arguments.extend(["--storage-path".into(), data]);
            // Its default configuration file is looked for in the working directory and HOME.
            let config = folder.join("secantusd.toml");
            files::write_private(&config, b"")?;
            launch.arguments.extend(["--config".into(), config.into()]);
            launch
        }
        StoreEngine::Mongod => {
            let key = folder.join("replica.key");
            files::write_private(&key, site.secrets.passwords.store_admin.as_bytes())?;
            fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).map_err(Error::file("protect", &key))?;
            let mut launch = Launch::new(program, ["--bind_ip", "127.0.0.1", "--port", &port, "--replSet", "katonic"]);
            launch.arguments.extend(["--wiredTigerCacheSizeGB", "0.5", "--quiet"].map(Into::into));
            launch.arguments.extend(["--dbpath".into(), data, "--keyFile".into(), key.into()]);
            launch
        }
    })
}

/// Makes the users that are missing. Repeating it is harmless.
pub async fn prepare(site: &Site) -> Result<(), Error> {
    if site.installation.store_engine == StoreEngine::Mongod {
        initiate_replica_set(site).await?;
    }
    let passwords = &site.secrets.passwords;
    let admin = as_admin(site)?;
    if admin.database(ADMIN).run_command(doc! { "usersInfo": 1 }).await.is_err() {
        let anyone = Client::with_options(options(site, None))?;
        let roles = doc! { "role": "root", "db": ADMIN };
        create_user(&anyone, ADMIN, &passwords.store_admin, roles).await?;
    }
    let owners = [
        ("metadata", &passwords.store.metadata),
        ("dispatcher", &passwords.store.dispatcher),
        ("logs", &passwords.store.logs),
        ("search", &passwords.store.search),
    ];
    for (owner, password) in owners {
        create_user(&admin, owner, password, doc! { "role": "readWrite", "db": database(owner) }).await?;
    }
    Ok(())
}

/// Whether it answers and knows the administrator.
pub async fn ping(site: &Site) -> Result<(), Error> {
    as_admin(site)?.database(ADMIN).run_command(doc! { "ping": 1 }).await?;
    Ok(())
}

async fn create_user(client: &Client, user: &str, password: &str, role: Document) -> Result<(), MongoError> {
    let command = doc! { "createUser": user, "pwd": password, "roles": [role] };
    match client.database(ADMIN).run_command(command).await {
        Err(error) if code(&error) == Some(USER_EXISTS) => Ok(()),
        answer => answer.map(|_| ()),
    }
}

async fn initiate_replica_set(site: &Site) -> Result<(), Error> {
    let host = site.installation.address(Part::Store);
    let set = doc! { "_id": "katonic", "members": [{ "_id": 0, "host": host }] };
    let client = match site.installation.layout {
        Layout::OneMachine => Client::with_options(options(site, None))?,
        // From another host nobody may without a password; the image has made the administrator.
        Layout::Containers => as_admin(site)?,
    };
    match client.database(ADMIN).run_command(doc! { "replSetInitiate": set }).await {
        // Once there is a user, only an answer without authorisation is left: it was done before.
        Err(error) if matches!(code(&error), Some(ALREADY_INITIALIZED | 13)) => Ok(()),
        answer => Ok(answer.map(|_| ())?),
    }
}

fn code(error: &MongoError) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

fn as_admin(site: &Site) -> Result<Client, MongoError> {
    let credential = Credential::builder()
        .username(ADMIN.to_owned())
        .password(site.secrets.passwords.store_admin.clone())
        .source(ADMIN.to_owned())
        .mechanism(AuthMechanism::ScramSha256)
        .build();
    Client::with_options(options(site, Some(credential)))
}

fn options(site: &Site, credential: Option<Credential>) -> ClientOptions {
    let host = site.installation.layout.host(Part::Store).to_owned();
    let host = ServerAddress::Tcp { host, port: Some(site.installation.ports.store) };
    let mut options = ClientOptions::builder()
        .hosts(vec![host])
        .direct_connection(true)
        .server_selection_timeout(TIMEOUT)
        .connect_timeout(TIMEOUT)
        .build();
    options.credential = credential;
    options
}
