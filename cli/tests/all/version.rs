//! `katonic version --check`, at platforms of other versions.

use std::net::SocketAddr;

use serde_json::Value;

use crate::{
    answering::{answering, gateway},
    sandbox::Sandbox,
};

/// The exit code and the answer of `version --check`.
fn checked(address: SocketAddr) -> (Option<i32>, Value) {
    let url = format!("http://{address}");
    let sandbox = Sandbox::new();
    let mut command = sandbox.katonic(&["version", "--check", "--url", &url, "--output", "json"]);
    let output = command.output().expect("started");
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[test]
fn a_platform_of_the_same_version_fits() {
    let own = env!("CARGO_PKG_VERSION");
    let (code, answer) = checked(gateway(own));
    assert_eq!((code, &answer["compatible"]), (Some(0), &Value::Bool(true)), "{answer}");
    assert_eq!((answer["version"].as_str(), answer["platform"]["version"].as_str()), (Some(own), Some(own)));
}

#[test]
fn a_platform_of_another_line_does_not_and_has_an_exit_code_of_its_own() {
    for other in ["0.0.1", "99.0.0"] {
        let (code, answer) = checked(gateway(other));
        assert_eq!((code, &answer["compatible"]), (Some(3), &Value::Bool(false)), "{answer}");
    }
}

#[test]
fn who_cannot_be_compared_is_a_failure() {
    assert_eq!(checked(gateway("newest")).0, Some(1));
    assert_eq!(checked(answering("200 OK", "hello")).0, Some(1));
}

#[test]
fn people_are_told_what_to_do() {
    let url = format!("http://{}", gateway("99.0.0"));
    let output = Sandbox::new().katonic(&["version", "--check", "--url", &url]).output().expect("started");
    assert!(String::from_utf8_lossy(&output.stdout).contains("use a newer `katonic`"), "{output:?}");
}
