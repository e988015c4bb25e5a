//! The authorisation matrix: every RPC, over REST and gRPC, and Git, by every
//! kind of caller, against a table kept by hand (`api_matrix/table.txt`).
//!
//! A call is made with ids that there are and else with as little as it takes
//! to be decided on: what is refused afterwards, as incomplete or stale, was
//! allowed. So nothing that matters to other rows changes.

mod callers;
mod calls;
mod table;

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use katonic_integration_tests::rest::Rest;
use katonic_proto::{routes::routes, rules};
use libtest_mimic::Trial;
use reqwest::Method;

use self::{
    callers::{Caller, World},
    table::{Outcome, Table},
};
use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("every_rpc_has_a_row_in_the_authorisation_matrix", || {
            every_rpc_has_a_row().map_err(|error| format!("{error:#}").into())
        }),
        shared("who_may_call_what_over_rest_grpc_and_git_is_the_matrix", who_may_call_what),
        shared("no_verb_that_a_route_does_not_declare_does_anything", undeclared_verbs_do_nothing),
    ]
}

fn every_rpc_has_a_row() -> Result<()> {
    let table = Table::read()?;
    let known: BTreeSet<String> = rules::methods().map(|method| name(&rules::path(&method))).collect();
    let missing: Vec<&String> = known.iter().filter(|rpc| table.row(rpc).is_none()).collect();
    ensure!(missing.is_empty(), "say in {} who may call {missing:#?}", table::FILE);
    let gone: Vec<&str> = table.rpcs().filter(|rpc| !known.contains(*rpc)).collect();
    ensure!(gone.is_empty(), "take out of {}, since there is no such call: {gone:#?}", table::FILE);
    Ok(())
}

/// `metadata.ProjectService/GetProject`
fn name(path: &str) -> String {
    path.trim_start_matches("/katonic.").replace(".v1.", ".")
}

async fn who_may_call_what(platform: Shared) -> Result<()> {
    let (table, world) = (Table::read()?, World::make(&platform).await?);
    let mut wrong = Vec::new();
    for caller in world.callers() {
        for method in rules::methods() {
            let rpc = name(&rules::path(&method));
            let Some(wanted) = table.cell(&rpc, caller.name) else { bail!("{} has no row {rpc}", table::FILE) };
            let found = calls::over_grpc(&platform, &world, caller, &method).await?;
            note(&mut wrong, (&rpc, "gRPC", caller.name), wanted, found);
            if let Some(route) = routes().iter().find(|route| route.rpc.full_name() == method.full_name()) {
                let found = calls::over_rest(&platform, &world, caller, route).await?;
                note(&mut wrong, (&rpc, "REST", caller.name), wanted, found);
            }
        }
        for service in ["upload-pack", "receive-pack"] {
            let row = format!("git/{service}");
            let Some(wanted) = table.cell(&row, caller.name) else { bail!("{} has no row {row}", table::FILE) };
            let found = calls::over_git(&platform, &world, caller, service).await?;
            note(&mut wrong, (&row, "Git", caller.name), wanted, found);
        }
    }
    ensure!(wrong.is_empty(), "{} cells are not as the table says:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

fn note(wrong: &mut Vec<String>, call: (&str, &str, &str), wanted: Outcome, found: Outcome) {
    if wanted != found {
        let (rpc, transport, caller) = call;
        wrong.push(format!("{rpc} over {transport} by {caller}: {found}, not {wanted}"));
    }
}

async fn undeclared_verbs_do_nothing(platform: Shared) -> Result<()> {
    let world = World::make(&platform).await?;
    let declared: BTreeSet<(String, String)> =
        routes().iter().map(|route| (route.verb.to_owned(), route.template.to_string())).collect();
    let (anonymous, administrator) = (Rest::new(platform.url(), None), platform.rest());
    for route in routes() {
        for verb in ["HEAD", "OPTIONS", "TRACE", "GET", "PUT", "PATCH", "DELETE", "POST", "PROPFIND"] {
            if declared.contains(&(verb.to_owned(), route.template.to_string())) {
                continue;
            }
            // `HEAD` may be answered as what it is to `GET`.
            let read = verb == "HEAD" && declared.contains(&("GET".to_owned(), route.template.to_string()));
            for rest in [&anonymous, &administrator] {
                let path = calls::path(&world, route);
                let answer = Rest::send(rest.request(Method::from_bytes(verb.as_bytes())?, &path)).await?;
                let status = answer.status.as_u16();
                ensure!(read && status == 200 || refuses(status), "{verb} {path}: {answer:?}");
            }
        }
    }
    Ok(())
}

/// Nothing there, not taken, or nobody known.
fn refuses(status: u16) -> bool {
    matches!(status, 400 | 401 | 404 | 405 | 501)
}
