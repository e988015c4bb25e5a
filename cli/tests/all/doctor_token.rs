//! Mistakes with tokens that can be seen without asking anybody.

use katonic_domain::AccessToken;

use crate::sandbox::{Diagnosis, Sandbox};

/// A port at which nothing may listen.
const URL: &str = "http://127.0.0.1:1";

fn doctor(sandbox: &Sandbox, more: &[&str], token: Option<&str>) -> Diagnosis {
    let mut command = sandbox.katonic(&["doctor", "--output", "json", "--url", URL]);
    command.args(more);
    if let Some(token) = token {
        command.env("KATONIC_TOKEN", token);
    }
    Diagnosis::of(command)
}

fn token(digit: u8) -> String {
    AccessToken::from_random(|| digit).expose().to_owned()
}

fn with_file(sandbox: &Sandbox, content: &str, mode: u32) -> Diagnosis {
    let path = sandbox.file("token", content, mode).display().to_string();
    doctor(sandbox, &["--token-file", &path], None)
}

#[test]
fn a_named_platform_needs_a_token() {
    let sandbox = Sandbox::new();
    doctor(&sandbox, &[], None).finds("TOKEN_MISSING", URL);
    doctor(&sandbox, &[], Some(&token(7))).lacks("TOKEN_MISSING");
}

#[test]
fn a_token_file_that_is_not_there_or_empty_is_found() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("none").display().to_string();
    let next = doctor(&sandbox, &["--token-file", &path], None).finds("TOKEN_FILE_UNREADABLE", &path);
    assert!(next.contains(&path), "{next}");
    with_file(&sandbox, " \n", 0o600).finds("TOKEN_FILE_EMPTY", "token is empty");
}

#[test]
fn what_is_no_token_is_found_and_not_shown() {
    let sandbox = Sandbox::new();
    for junk in ["hunter2", &format!("\"{}\"", token(7)), &token(7)[..30], &format!("{}\nmore", token(7))] {
        let diagnosis = with_file(&sandbox, junk, 0o600);
        diagnosis.finds("TOKEN_MALFORMED", "characters that are no token");
        assert!(!format!("{:?}", diagnosis.all("TOKEN_MALFORMED")).contains(junk));
    }
    with_file(&sandbox, &format!("{}\n", token(7)), 0o600).lacks("TOKEN_MALFORMED");
}

#[test]
fn a_token_that_others_may_read_is_found() {
    let sandbox = Sandbox::new();
    let next = with_file(&sandbox, &token(7), 0o644).finds("TOKEN_FILE_OPEN", "mode 0644");
    assert!(next.contains("chmod 600 /"), "{next}");
    with_file(&sandbox, &token(7), 0o600).lacks("TOKEN_FILE_OPEN");
}

#[test]
fn two_different_tokens_are_found() {
    let sandbox = Sandbox::new();
    let path = sandbox.file("token", &token(7), 0o600).display().to_string();
    doctor(&sandbox, &["--token-file", &path], Some(&token(8))).finds("TOKENS_DISAGREE", "KATONIC_TOKEN");
    doctor(&sandbox, &["--token-file", &path], Some(&token(7))).lacks("TOKENS_DISAGREE");
}
