//! RabbitMQ as an ordinary process with its own node, data and port mapper.
//!
//! Nothing of it listens beyond loopback: AMQP and management by configuration,
//! Erlang distribution by a kernel parameter, and `epmd` is started by us,
//! since the one that Erlang would start by itself outlives the node and
//! listens everywhere. No admin tool is used: `rabbitmqctl` listens on all
//! addresses while it runs; topology goes through the management HTTP API.

use super::{
    error::Error,
    files,
    launch::{Launch, server_folder},
    part::Part,
    site::Site,
    tools,
};

/// The administrator's user.
pub const ADMIN: &str = "katonic-admin";
/// metadata's user for subscriptions (DESIGN E4).
pub const SUBSCRIPTIONS: &str = "katonic-subscriptions";

/// Connection string of a service's user.
pub fn uri(site: &Site, user: &str, password: &str) -> String {
    let address = site.installation.address(Part::Rabbitmq);
    format!("amqp://{user}:{password}@{address}/{}", site.installation.vhost())
}

/// Base URI of the management HTTP API.
pub fn management_uri(site: &Site) -> String {
    let installation = &site.installation;
    format!("http://{}:{}", installation.layout.host(Part::Rabbitmq), installation.ports.management)
}

/// How Erlang's port mapper is started; in the foreground, so that it is supervised like the others.
pub fn launch_epmd(site: &Site) -> Result<Launch, Error> {
    let port = site.installation.ports.epmd.to_string();
    Ok(Launch::new(tools::server("epmd")?, ["-address", "127.0.0.1", "-port", &port]))
}

/// How the broker is started.
pub fn launch(site: &Site) -> Result<Launch, Error> {
    let folder = server_folder(site, Part::Rabbitmq)?;
    let ports = &site.installation.ports;
    let config = folder.join("rabbitmq.conf");
    files::write_private(&config, configuration(site).as_bytes())?;
    let plugins = folder.join("enabled_plugins");
    files::write_private(&plugins, b"[rabbitmq_management].\n")?;
    let mut launch = Launch::new(tools::rabbitmq()?, Vec::<String>::new());
    launch.environment = vec![
        ("HOME", folder.clone().into()),
        ("RABBITMQ_NODENAME", "katonic@localhost".into()),
        ("RABBITMQ_NODE_PORT", ports.amqp.to_string().into()),
        ("RABBITMQ_DIST_PORT", ports.distribution.to_string().into()),
        ("RABBITMQ_MNESIA_BASE", folder.join("mnesia").into()),
        ("RABBITMQ_LOG_BASE", folder.join("log").into()),
        ("RABBITMQ_GENERATED_CONFIG_DIR", folder.join("generated").into()),
        ("RABBITMQ_CONFIG_FILE", config.into()),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", plugins.into()),
        ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}".into()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
        ("ERL_EPMD_PORT", ports.epmd.to_string().into()),
        // Makes the script become the node instead of waiting for it, so that our TERM reaches the node.
        ("RUNNING_UNDER_SYSTEMD", "true".into()),
    ];
    Ok(launch)
}

fn configuration(site: &Site) -> String {
    format!(
        "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {management}\n\
         disk_free_limit.absolute = 256MB\n\
         log.file = false\n\
         log.console = true\n\
         log.console.level = warning\n\
         {first_start}",
        amqp = site.installation.ports.amqp,
        management = site.installation.ports.management,
        first_start = first_start(site),
    )
}

/// The first start makes the administrator and the virtual host of it; later ones ignore it.
pub fn first_start(site: &Site) -> String {
    format!(
        "default_user = {ADMIN}\n\
         default_pass = {password}\n\
         default_user_tags.administrator = true\n\
         default_vhost = {vhost}\n",
        password = site.secrets.passwords.broker_admin,
        vhost = site.installation.vhost(),
    )
}
