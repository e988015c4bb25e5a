//! Configuration as a service's owner meets it: a file, variables and flags.

use clap::Parser;
use figment::Jail;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    service: ServiceSection,
    redis: RedisSection,
    #[serde(default)]
    log: LogSection,
    #[serde(default)]
    telemetry: TelemetrySection,
    #[serde(default)]
    limits: Limits,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    requests: u32,
    streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: 10, streams: 20 }
    }
}

impl Configuration for Config {
    fn log(&self) -> &LogSection {
        &self.log
    }

    fn telemetry(&self) -> &TelemetrySection {
        &self.telemetry
    }

    fn problems(&self) -> Vec<String> {
        if self.limits.requests == 0 { vec!["`limits.requests` lets nothing in".to_owned()] } else { Vec::new() }
    }
}

const FILE: &str = "[service]\nlisten = \"127.0.0.1:7001\"\n[redis]\nuri = \"redis://u:hunter2@h\"\n";

fn flags(line: &[&str]) -> Flags {
    Flags::parse_from(["service", "--config", "c.toml"].iter().chain(line))
}

fn problems(jail: &mut Jail, text: &str, line: &[&str]) -> Vec<String> {
    jail.create_file("c.toml", text).expect("a jail");
    match load::<Config>(&flags(line)) {
        Err(Error::Invalid { problems, .. }) => problems,
        other => vec![format!("{other:?}")],
    }
}

fn in_jail(test: impl FnOnce(&mut Jail)) {
    Jail::expect_with(|jail| {
        jail.create_file("c.toml", FILE)?;
        test(jail);
        Ok(())
    });
}

#[test]
fn flags_override_the_environment_and_that_the_file() {
    in_jail(|jail| {
        jail.set_env("KATONIC_SERVICE__LISTEN", "127.0.0.1:7002");
        jail.set_env("KATONIC_LIMITS__REQUESTS", "7");
        jail.set_env("KATONIC_HOME", "/elsewhere");
        let config: Config = load(&flags(&["--set", "limits.requests=8"])).expect("valid");
        assert_eq!((config.service.listen.port(), config.limits.requests), (7002, 8));
        assert_eq!(config.redis.uri.expose(), "redis://u:hunter2@h");
    });
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_name_and_its_line() {
    in_jail(|jail| {
        let text = format!("{FILE}[limits]\nreqests = 1\n");
        let wanted = "unknown key `limits.reqests` (c.toml, line 6): did you mean `limits.requests`?";
        assert_eq!(problems(jail, &text, &[]), [wanted]);
        let text = FILE.replace("[service]", "[servce]");
        let wanted = "unknown key `servce.listen` (c.toml, line 2): did you mean `service.listen`?";
        assert_eq!(problems(jail, &text, &[]), [wanted, "`service` is missing"]);
        let wanted = "unknown key `limits.colour` (flag --set limits.colour): \
                      what may stand there is `requests` or `streams`";
        assert_eq!(problems(jail, FILE, &["--set", "limits.colour=red"]), [wanted]);
    });
}

#[test]
fn several_mistakes_are_told_at_once() {
    in_jail(|jail| {
        jail.set_env("KATONIC_LOG__FORMAT", "yaml");
        let text = format!("{FILE}[limits]\nreqests = 1\nstreams = \"many\"\n[log]\nlevel = \"debgu\"\n");
        let found = problems(jail, &text, &["--set", "limits.requests=0x"]);
        assert_eq!(
            found,
            [
                "unknown key `limits.reqests` (c.toml, line 6): did you mean `limits.requests`?",
                "`limits.requests` (flag --set limits.requests) is not u32",
                "`limits.streams` (c.toml, line 7) is not u32",
                "`log.format` (environment, KATONIC_LOG__FORMAT) is not `json` or `pretty`",
                "`log.level` (c.toml, line 9): is not a filter such as `debug` or `info,katonic_store=debug`",
            ]
        );
    });
}

#[test]
fn what_only_the_service_knows_is_told_too() {
    in_jail(|jail| {
        assert_eq!(problems(jail, FILE, &["--set", "limits.requests=0"]), ["`limits.requests` lets nothing in"]);
    });
}

#[test]
fn digits_are_a_text_where_a_text_is_wanted() {
    in_jail(|jail| {
        jail.set_env("KATONIC_REDIS__URI", "0123");
        let config: Config = load(&flags(&[])).expect("valid");
        assert_eq!(config.redis.uri.expose(), "0123");
        jail.set_env("KATONIC_REDIS__URI", "123");
        let config: Config = load(&flags(&[])).expect("valid");
        assert_eq!(config.redis.uri.expose(), "123");
    });
}

#[test]
fn no_message_and_no_rendering_shows_a_secret() {
    in_jail(|jail| {
        let config: Config = load(&flags(&[])).expect("valid");
        assert!(!format!("{config:?}").contains("hunter2"));
        for broken in ["uri = \"redis://u:hunter2@h\" x", "uri = [\"hunter2\"]", "hunter2 \"hunter2\""] {
            let text = FILE.replace("uri = \"redis://u:hunter2@h\"", broken);
            let found = problems(jail, &text, &[]).join(" ");
            assert!(found.contains("line 4") && !found.contains("hunter2"), "{found}");
        }
    });
}

#[test]
fn a_secret_in_a_flag_is_refused() {
    in_jail(|jail| {
        let found = problems(jail, FILE, &["--set", "redis.uri=redis://u:hunter2@h"]);
        assert!(found.len() == 1 && found[0].starts_with("`redis.uri` is a secret"), "{found:?}");
    });
}

#[test]
fn a_configuration_is_shown_with_where_each_value_is_from() {
    in_jail(|jail| {
        jail.set_env("KATONIC_LIMITS__STREAMS", "30");
        let text = shown::<Config>(&flags(&["--set", "log.level=debug"])).expect("valid");
        let wanted = "\
[limits]
requests = 10  # default
streams = 30  # environment, KATONIC_LIMITS__STREAMS

[log]
format = \"json\"  # default
level = \"debug\"  # flag --set log.level

[redis]
uri = \"***\"  # c.toml, line 4

[service]
listen = \"127.0.0.1:7001\"  # c.toml, line 2

[telemetry]
sample_ratio = 1.0  # default
";
        assert_eq!(text, wanted);
    });
}

#[test]
fn a_missing_file_is_named() {
    let missing = load_file::<Config>("/nowhere/c.toml".as_ref());
    assert!(matches!(missing, Err(Error::Missing(file)) if file.ends_with("c.toml")));
}

#[test]
fn keys_are_known_and_what_a_file_lacks_is_told() {
    in_jail(|jail| {
        let text = format!("{FILE}# [telemetry]\n# [log]\n# how it looks\n[limits]\n# streams = 20\nrequests = 11\n");
        jail.create_file("c.toml", &text).expect("a jail");
        let file = Path::new("c.toml");
        let known = keys::keys::<Config>(file).expect("valid");
        let wanted = ["limits.requests", "limits.streams", "log", "redis.uri", "service.listen", "telemetry"];
        assert_eq!(known.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
        assert_eq!(keys::not_in_the_file::<Config>(file).expect("valid"), Vec::<String>::new());
        assert_eq!(keys::not_the_default::<Config>(file).expect("valid"), ["limits.requests"]);
        jail.create_file("c.toml", FILE).expect("a jail");
        assert_eq!(keys::not_in_the_file::<Config>(file).expect("valid"), ["limits", "log", "telemetry"]);
    });
}
