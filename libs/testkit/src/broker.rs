//! A real RabbitMQ for tests: one a test process, a virtual host a test.
//!
//! A node takes seconds to start and 150 MB, a virtual host milliseconds. It
//! listens on loopback only, Erlang distribution and port mapper included.
//!
//! Must hold: it ends with the test process however that ends. A small shell
//! script holds the node and reads a pipe from us: the kernel closes the pipe.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use katonic_bus::{Admin, AdminConfig, Password, subscriber::amqp_uri};
use tokio::{sync::OnceCell, time::sleep};

const ADMIN: &str = "testkit";
/// Starting takes 5 to 10 s on a quiet machine; this only ends a hopeless wait.
const PATIENCE: Duration = Duration::from_secs(240);

/// The broker of this test process; started by whoever asks first.
///
/// # Errors
/// RabbitMQ is not installed or does not start.
pub async fn broker() -> anyhow::Result<&'static Broker> {
    // Tests of one process have nothing else in common that could hold it.
    static SHARED: OnceCell<Broker> = OnceCell::const_new();
    SHARED.get_or_try_init(Broker::start).await
}

/// A running RabbitMQ.
pub struct Broker {
    keeper: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    port: u16,
    admin: AdminConfig,
    vhosts: AtomicU32,
}

impl Broker {
    /// Starts a broker of one's own, for tests that restart it.
    ///
    /// # Errors
    /// RabbitMQ is not installed or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let [port, management, distribution, epmd] = free_ports()?;
        let password = Password::generate()?;
        let folder = prepare(port, management, &password)?;
        let mut keeper = keeper(&folder, port, distribution, epmd).spawn().context("sh")?;
        let commands = keeper.stdin.take();
        let answers = BufReader::new(keeper.stdout.take().context("stdout is piped")?);
        let admin = AdminConfig {
            url: format!("http://127.0.0.1:{management}"),
            username: ADMIN.to_owned(),
            password,
            vhost: "/".to_owned(),
        };
        let broker = Self { keeper, commands, answers, port, admin, vhosts: AtomicU32::new(0) };
        broker.wait_until_ready().await.with_context(|| format!("see {}/log", folder.display()))?;
        Ok(broker)
    }

    /// Its AMQP port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A virtual host of one's own, empty.
    ///
    /// # Errors
    /// The broker is gone.
    pub async fn vhost(&self) -> anyhow::Result<Vhost> {
        let name = format!("test {}", self.vhosts.fetch_add(1, Ordering::Relaxed));
        // A client of its own: pooled connections belong to the runtime of the test that opened them.
        let admin = Admin::new(&self.admin)?.in_vhost(name);
        admin.put_vhost().await?;
        Ok(Vhost { admin, port: self.port, password: self.admin.password.clone() })
    }

    /// Stops the node and starts it again; what was durable is there again.
    ///
    /// # Errors
    /// It does not come back.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.commands.as_mut().context("the keeper is there")?.write_all(b"restart\n")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        self.wait_until_ready().await
    }

    async fn wait_until_ready(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        let admin = Admin::new(&self.admin)?;
        while let Err(error) = admin.health().await {
            if started.elapsed() > PATIENCE {
                bail!("RabbitMQ is not ready: {error:?}");
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.commands.take();
        if let Err(error) = self.keeper.wait() {
            eprintln!("the broker's keeper did not end: {error}");
        }
    }
}

/// A virtual host of a test.
pub struct Vhost {
    /// Its administrator.
    pub admin: Admin,
    port: u16,
    password: Password,
}

impl Vhost {
    /// The address for a user of this virtual host.
    pub fn uri(&self, username: &str, password: &Password) -> String {
        amqp_uri("127.0.0.1", self.port, self.admin.vhost(), username, password)
    }

    /// The address for somebody who may do everything here.
    pub fn admin_uri(&self) -> String {
        self.uri(ADMIN, &self.password)
    }
}

fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    // All at once, so that they differ.
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

fn prepare(port: u16, management: u16, password: &Password) -> anyhow::Result<PathBuf> {
    let folder = tempfile::Builder::new().prefix("katonic-rabbitmq-").tempdir()?.keep();
    std::fs::create_dir(folder.join("log"))?;
    std::fs::write(folder.join("plugins"), "[rabbitmq_management].\n")?;
    let config = format!(
        "listeners.tcp.1 = 127.0.0.1:{port}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {management}\n\
         default_user = {ADMIN}\n\
         default_pass = {}\n\
         default_user_tags.administrator = true\n\
         log.file = false\n\
         log.console = true\n\
         log.console.level = warning\n",
        password.expose()
    );
    std::fs::write(folder.join("rabbitmq.conf"), config)?;
    Ok(folder)
}

fn keeper(folder: &PathBuf, port: u16, distribution: u16, epmd: u16) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(include_str!("broker.sh")).arg("broker.sh").arg(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
        .env("HOME", folder)
        .env("RABBITMQ_NODENAME", "testkit@localhost")
        .env("RABBITMQ_NODE_PORT", port.to_string())
        .env("RABBITMQ_DIST_PORT", distribution.to_string())
        .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_GENERATED_CONFIG_DIR", folder.join("generated"))
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", epmd.to_string())
        // The script becomes the node instead of waiting for it, so that a signal reaches the node.
        .env("RUNNING_UNDER_SYSTEMD", "true");
    command
}
