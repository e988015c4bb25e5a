//! What `compose/` is made of fits together, as far as it shows without a container engine: the files that
//! `katonic containers init` makes are those that services and servers are given, and services accept them.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::Platform;
use libtest_mimic::Trial;
use serde_yaml_ng::Value;

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("the_files_for_containers_are_accepted_by_every_service", services_accept_their_files),
        shared("a_container_is_given_files_that_are_made", every_secret_is_made),
        shared("what_the_compose_file_names_is_declared_in_it", what_is_named_is_declared),
        shared("a_platform_in_containers_is_not_started_on_one_machine", one_layout_a_folder),
    ]
}

/// A program of ours with arguments, in a data directory that is no running platform's.
fn run(platform: &Platform, home: &Path, program: &str, arguments: &[&str]) -> Result<(bool, String)> {
    let output = platform.command(program).env("KATONIC_HOME", home).args(arguments).output()?;
    Ok((output.status.success(), format!("{output:?}")))
}

/// A data directory as `init` leaves it; a second `init` changes no secret.
fn initialised(platform: &Platform, folder: &Path) -> Result<PathBuf> {
    let home = folder.join("site");
    let mut tokens = BTreeSet::new();
    for _ in 0..2 {
        let (done, said) = run(platform, &home, "katonic", &["containers", "init"])?;
        ensure!(done, "{said}");
        tokens.insert(fs::read(home.join("secrets/admin-token"))?);
    }
    ensure!(tokens.len() == 1, "the token has changed");
    Ok(home)
}

async fn services_accept_their_files(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let home = initialised(&platform, folder.path())?;
    for (part, role) in [
        ("metadata", Some("api")),
        ("git", Some("git")),
        ("dispatcher", None),
        ("log-streamer", None),
        ("search-indexer", None),
        ("api-gateway", None),
    ] {
        let program = if role.is_some() { "katonic-metadata".to_owned() } else { format!("katonic-{part}") };
        let file = home.join(format!("config/{part}.toml"));
        let mut arguments = vec!["--check-config", "--config", file.to_str().context("a path")?];
        arguments.extend(role.into_iter().flat_map(|role| ["--role", role]));
        let (valid, said) = run(&platform, &home, &program, &arguments)?;
        ensure!(valid, "{part}: {said}");
        let text = fs::read_to_string(&file)?;
        ensure!(!text.contains("127.0.0.1") && text.contains("http://api-gateway:7100"), "{part}: {text}");
    }
    Ok(())
}

async fn every_secret_is_made(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let home = initialised(&platform, folder.path())?;
    for name in names(&compose()?["secrets"]) {
        let file = compose()?["secrets"][&name]["file"].as_str().context("a file")?.to_owned();
        let path = home.join(file.strip_prefix("./site/").with_context(|| file.clone())?);
        let mode = fs::metadata(&path).with_context(|| path.display().to_string())?.permissions().mode();
        ensure!(mode & 0o777 == 0o600, "{name}: {mode:o}");
    }
    Ok(())
}

/// What `docker compose config` would refuse, beyond the schema that `just compose` holds it to.
async fn what_is_named_is_declared(_platform: Shared) -> Result<()> {
    let compose = compose()?;
    for (service, definition) in compose["services"].as_mapping().context("services")? {
        for (kind, declared) in
            [("secrets", "secrets"), ("networks", "networks"), ("depends_on", "services"), ("volumes", "volumes")]
        {
            let declared: BTreeSet<String> = names(&compose[declared]).into_iter().collect();
            let missing: Vec<String> = used(&definition[kind]).filter(|name| !declared.contains(name)).collect();
            ensure!(missing.is_empty(), "{service:?} uses {kind} {missing:?}");
        }
    }
    Ok(())
}

async fn one_layout_a_folder(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let home = initialised(&platform, folder.path())?;
    let (started, said) = run(&platform, &home, "katonic", &["up"])?;
    ensure!(!started && said.contains("in containers"), "{said}");
    Ok(())
}

/// The Compose file, with what it says once in the places where it holds.
fn compose() -> Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose/compose.yaml");
    let mut compose: Value = serde_yaml_ng::from_str(&fs::read_to_string(path)?)?;
    compose.apply_merge()?;
    Ok(compose)
}

/// The keys of a mapping.
fn names(mapping: &Value) -> Vec<String> {
    let keys = mapping.as_mapping().into_iter().flat_map(|mapping| mapping.keys());
    keys.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What a service uses of a kind: a list of names, of `name:path`, of mappings with a `source`; or a mapping.
/// Folders of the host are no volumes.
fn used(value: &Value) -> impl Iterator<Item = String> {
    let listed = value.as_sequence().into_iter().flatten();
    let listed = listed.filter_map(|item| item.as_str().or_else(|| item["source"].as_str()));
    let listed: Vec<String> = listed.map(|item| item.split(':').next().unwrap_or(item).to_owned()).collect();
    listed.into_iter().chain(names(value)).filter(|name| !name.starts_with('.'))
}
