//! A real Redis for tests, set up as the platform sets up its own: a password
//! per service, its own keys only, no persistence, never evicting.

use std::{fs, net::Ipv4Addr, path::Path};

use anyhow::ensure;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::server::{Server, free_ports};

const USER: &str = "logs";
const PASSWORD: &str = "testkit-redis-password";
const RIGHTS: &str = "~katonic:logs:* resetchannels -@all +@read +@write +@scripting +@connection -@dangerous";

/// A running Redis, or one that was killed and may be started again.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    maxmemory: String,
    server: Option<Server>,
}

impl Redis {
    /// Starts a Redis with a memory limit such as `64mb`.
    ///
    /// # Errors
    /// Redis is not installed or does not start.
    pub async fn start(maxmemory: &str) -> anyhow::Result<Self> {
        let [port] = free_ports()?;
        let mut redis = Self { port, maxmemory: maxmemory.to_owned(), server: None };
        redis.restart().await?;
        Ok(redis)
    }

    /// The URI with user and password.
    pub fn uri(&self) -> String {
        format!("redis://{USER}:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// Starts it again, empty, on the same port.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        let port = self.port;
        let configuration = |folder: &Path| configure(folder, port, &self.maxmemory);
        let server = Server::start("redis", Path::new("redis-server"), configuration)?;
        server.wait_until(async || answers(port).await).await?;
        self.server = Some(server);
        Ok(())
    }

    /// Kills it: everything in it is gone.
    pub fn kill(&mut self) {
        self.server = None;
    }
}

fn configure(folder: &Path, port: u16, maxmemory: &str) -> anyhow::Result<Vec<String>> {
    let users = folder.join("users.acl");
    fs::write(&users, format!("user default off\nuser {USER} on >{PASSWORD} {RIGHTS}\n"))?;
    let file = folder.join("redis.conf");
    let (folder, users) = (folder.display(), users.display());
    let text = format!(
        "bind 127.0.0.1\nport {port}\nsave \"\"\nmaxmemory {maxmemory}\nmaxmemory-policy noeviction\n\
         aclfile {users}\ndir {folder}\n"
    );
    fs::write(&file, text)?;
    Ok(vec![file.display().to_string()])
}

async fn answers(port: u16) -> anyhow::Result<()> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    connection.write_all(b"PING\r\n").await?;
    // Any answer will do: without a password it is a refusal.
    let len = connection.read(&mut [0; 16]).await?;
    ensure!(len > 0, "the connection was closed");
    Ok(())
}
