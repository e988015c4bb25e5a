//! Redis: a bounded cache of log tails, nothing on disk (DESIGN L3).
//!
//! The default user is off; log-streamer's may use its own keys only and no
//! administrative command, the supervisor's may only say PING.

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{
    error::Error,
    files,
    launch::{Launch, server_folder},
    part::Part,
    secrets::sha256_hex,
    site::Site,
    tools,
};

const MAX_MEMORY: &str = "128mb";

/// Connection string of log-streamer.
pub fn uri(site: &Site) -> String {
    format!("redis://logs:{}@{}/0", site.secrets.passwords.redis_logs, site.installation.address(Part::Redis))
}

/// How Redis is started.
pub fn launch(site: &Site) -> Result<Launch, Error> {
    let folder = server_folder(site, Part::Redis)?;
    let users = folder.join("users.acl");
    files::write_private(&users, users_file(site).as_bytes())?;
    let config = folder.join("redis.conf");
    let text = format!(
        "bind 127.0.0.1\nport {port}\nprotected-mode yes\ndir \"{dir}\"\naclfile \"{users}\"\nsave \"\"\n\
         appendonly no\nmaxmemory {MAX_MEMORY}\nmaxmemory-policy noeviction\ndaemonize no\nlogfile \"\"\n\
         loglevel notice\nset-proc-title no\n",
        port = site.installation.ports.redis,
        dir = folder.display(),
        users = users.display(),
    );
    files::write_private(&config, text.as_bytes())?;
    Ok(Launch::new(tools::server("redis-server")?, [config]))
}

/// Passwords as SHA-256, so that the file itself lets nobody in.
pub fn users_file(site: &Site) -> String {
    let passwords = &site.secrets.passwords;
    format!(
        "user default reset off\n\
         user probe reset on #{probe} -@all +ping +auth\n\
         user logs reset on #{logs} ~katonic:logs:* resetchannels -@all +@read +@write +@scripting +@connection +@keyspace -@dangerous -@admin +info\n",
        probe = sha256_hex(passwords.redis_probe.as_bytes()),
        logs = sha256_hex(passwords.redis_logs.as_bytes()),
    )
}

/// Whether it answers.
pub async fn ping(site: &Site) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", site.installation.ports.redis)).await?;
    let words = format!("AUTH probe {}\r\nPING\r\n", site.secrets.passwords.redis_probe);
    stream.write_all(words.as_bytes()).await?;
    let mut answer = [0; b"+OK\r\n+PONG\r\n".len()];
    stream.read_exact(&mut answer).await?;
    if &answer == b"+OK\r\n+PONG\r\n" { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

/// Bytes that it uses, and may use.
pub async fn memory(site: &Site) -> std::io::Result<(u64, u64)> {
    let mut stream = TcpStream::connect(("127.0.0.1", site.installation.ports.redis)).await?;
    let words = format!("AUTH logs {}\r\nINFO memory\r\n", site.secrets.passwords.redis_logs);
    stream.write_all(words.as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    let (mut used, mut limit) = (None, None);
    while let Some(line) = lines.next_line().await? {
        match line.split_once(':') {
            Some(("used_memory", bytes)) => used = bytes.parse().ok(),
            Some(("maxmemory", bytes)) => limit = bytes.parse().ok(),
            // An error is the whole answer.
            _ if line.starts_with('-') => break,
            _ => {}
        }
        if let (Some(used), Some(limit)) = (used, limit) {
            return Ok((used, limit));
        }
    }
    Err(std::io::ErrorKind::InvalidData.into())
}
