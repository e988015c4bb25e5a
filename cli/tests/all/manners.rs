//! How `katonic` behaves towards people, pipes and terminals.

use std::process::Stdio;

use clap::{Command, CommandFactory};
use katonic_cli::args::Cli;

use crate::sandbox::Sandbox;

#[test]
fn a_mistyped_command_is_answered_by_the_right_one() {
    let output = Sandbox::new().katonic(&["job", "list"]).output().expect("started");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("'jobs'"), "{output:?}");
}

#[test]
fn what_names_no_execution_is_refused_with_what_would() {
    let output = Sandbox::new().katonic(&["logs", "prj_01h4"]).output().expect("started");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a number such as 12"), "{output:?}");
}

#[test]
fn a_failure_is_its_cause_and_the_next_step() {
    let output = Sandbox::new().katonic(&["jobs", "list"]).output().expect("started");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(output.stdout.is_empty() && lines.len() == 2, "{output:?}");
    assert!(lines[0].starts_with("katonic: ") && lines[1].starts_with("next: "), "{lines:?}");
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.katonic(&["man"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(141));
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let sandbox = Sandbox::new();
    let doctor = format!("{} doctor", env!("CARGO_BIN_EXE_katonic"));
    let shown = |no_color: &str| {
        // A terminal of its own, which `script` copies to its output.
        let mut terminal = sandbox.program("script", &["--quiet", "--command", &doctor, "/dev/null"]);
        terminal.env("TERM", "xterm").env("NO_COLOR", no_color);
        String::from_utf8_lossy(&terminal.output().expect("started").stdout).into_owned()
    };
    assert!(shown("").contains("\u{1b}["), "{}", shown(""));
    assert!(shown("1").contains("NO_PLATFORM") && !shown("1").contains("\u{1b}["), "{}", shown("1"));
    let piped = sandbox.katonic(&["doctor"]).output().expect("started");
    assert!(!String::from_utf8_lossy(&piped.stdout).contains('\u{1b}'), "{piped:?}");
}

#[test]
fn the_help_of_every_command_with_arguments_has_an_example() {
    let without = commands_without_example(&Cli::command());
    assert!(without.is_empty(), "show how to use them, by `after_help`: {without:?}");
}

fn commands_without_example(command: &Command) -> Vec<String> {
    let mut without: Vec<String> = command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
        .flat_map(commands_without_example)
        .map(|name| format!("{} {name}", command.get_name()))
        .collect();
    let is_shown = command.get_after_help().is_some_and(|help| help.to_string().contains("Example"));
    if !command.has_subcommands() && command.get_arguments().next().is_some() && !is_shown {
        without.push(command.get_name().to_owned());
    }
    without
}
