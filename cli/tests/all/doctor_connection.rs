//! Mistakes about where the platform is.

use std::{net::TcpListener, process::Command};

use crate::{
    answering::answering,
    sandbox::{Diagnosis, Sandbox},
};

fn doctor_of(sandbox: &Sandbox, url: &str) -> Diagnosis {
    Diagnosis::of(with_url(sandbox, url))
}

fn with_url(sandbox: &Sandbox, url: &str) -> Command {
    let mut command = sandbox.katonic(&["doctor", "--output", "json"]);
    command.env("KATONIC_URL", url).env("KATONIC_TOKEN", "kat_x");
    command
}

#[test]
fn without_a_platform_it_says_how_to_get_one() {
    let sandbox = Sandbox::new();
    let diagnosis = sandbox.doctor();
    assert!(diagnosis.finds("NO_PLATFORM", &sandbox.data().display().to_string()).contains("katonic up"));
    assert_eq!(diagnosis.code, Some(1));
    assert!(!sandbox.data().exists(), "it makes nothing");
}

#[test]
fn a_url_that_is_none_is_told_apart_by_its_fault() {
    let sandbox = Sandbox::new();
    doctor_of(&sandbox, "https://127.0.0.1:7400").finds("URL_IS_HTTPS", "https://127.0.0.1:7400");
    doctor_of(&sandbox, "http://127.0.0.1:7400/api/v1").finds("URL_HAS_A_PATH", "/api/v1");
    doctor_of(&sandbox, "127.0.0.1:7400").finds("URL_INVALID", "127.0.0.1:7400");
    doctor_of(&sandbox, "http://user:secret@127.0.0.1").finds("URL_INVALID", "user");
}

#[test]
fn a_host_without_an_address_is_found() {
    doctor_of(&Sandbox::new(), "http://no-such-host.invalid:7400").finds("HOST_UNKNOWN", "no-such-host.invalid");
}

#[test]
fn a_port_where_nobody_listens_is_found() {
    // Bound and given back: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let url = format!("http://127.0.0.1:{port}");
    doctor_of(&Sandbox::new(), &url).finds("GATEWAY_UNREACHABLE", &url);
}

#[test]
fn the_other_loopback_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://[::1]:{}", listener.local_addr().expect("bound").port());
    let next = doctor_of(&Sandbox::new(), &url).finds("LOOPBACK_IS_IPV6", &url);
    assert!(next.contains("127.0.0.1"), "{next}");
}

#[test]
fn who_is_no_gateway_is_found() {
    let address = answering("200 OK", "hello");
    doctor_of(&Sandbox::new(), &format!("http://{address}")).finds("NOT_A_GATEWAY", &address.to_string());
}

#[test]
fn a_gateway_of_another_version_and_time_is_found() {
    // No platform of another version, or on a machine with another clock, can be started here.
    let head = "200 OK\r\ncontent-type: application/json\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT";
    let address = answering(head, r#"{"info":{"title":"Katonic","version":"0.0.1"}}"#);
    let diagnosis = doctor_of(&Sandbox::new(), &format!("http://{address}"));
    diagnosis.finds("VERSION_DIFFERS", "version 0.0.1");
    diagnosis.finds("CLOCK_SKEW", "behind");
}

#[test]
fn a_proxy_that_catches_loopback_is_found() {
    let sandbox = Sandbox::new();
    let mut caught = sandbox.katonic(&["doctor", "--output", "json"]);
    caught.env("http_proxy", "http://proxy.invalid:3128");
    Diagnosis::of(caught).finds("PROXY_CATCHES_LOOPBACK", "http_proxy");
    let mut excepted = sandbox.katonic(&["doctor", "--output", "json"]);
    excepted.env("http_proxy", "http://proxy.invalid:3128").env("NO_PROXY", "localhost,127.0.0.1");
    Diagnosis::of(excepted).lacks("PROXY_CATCHES_LOOPBACK");
}
