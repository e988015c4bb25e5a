//! Pages of docs/book that are made from what they describe: the command line
//! and the events.

use clap::{Command, CommandFactory};
use katonic_cli::args::Cli;
use katonic_proto::{events, schema};

/// Columns of a help text, so that no terminal of the writer's shows in it.
const WIDTH: usize = 100;

/// Every command's own help, hidden ones left out.
pub fn command_line() -> String {
    let mut page = String::from(
        "# Command line\n\nMade from the program; `katonic help COMMAND` says the same. What it promises about output, signals \
         and exit codes is in `cli/README.md`.\n",
    );
    let mut command = Cli::command().term_width(WIDTH);
    command.build();
    add_command(&mut page, &mut command, "katonic");
    page
}

fn add_command(page: &mut String, command: &mut Command, name: &str) {
    // What is set where it is made would show.
    let help = command.clone().mut_args(|argument| argument.hide_env_values(true)).render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    *page += &format!("\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    let visible = |command: &&mut Command| !command.is_hide_set() && command.get_name() != "help";
    for inner in command.get_subcommands_mut().filter(visible) {
        let name = format!("{name} {}", inner.get_name());
        add_command(page, inner, &name);
    }
}

/// Every aggregate with its routing key, its facts and its payload's fields.
pub fn event_catalogue() -> String {
    let mut page = String::from(
        "# Events\n\nMade from the contracts. Every event is a CloudEvent 1.0 in JSON; its payload is the whole public state of \
         its subject.\nAn installation serves this catalogue at `/docs/events` and as AsyncAPI at `/api/v1/asyncapi.json`; JSON Schemas \
         are in `docs/schemas/`.\n\n[Receive events over AMQP](../how-to/amqp.md) shows how.\n",
    );
    for kind in events::catalogue() {
        let entity = &kind.aggregate.entity;
        let description = schema::description(&kind.payload);
        let exchange = &kind.aggregate.exchange;
        page += &format!(
            "\n## {entity}\n\n{description}\n\nRouting key `<project id or _>.{entity}.<fact>` over `{exchange}` and `katonic.events`.\n\n\
             | type | fact |\n|---|---|\n"
        );
        for (fact, event_type) in kind.aggregate.facts.iter().zip(kind.types()) {
            page += &format!("| `{event_type}` | {} |\n", fact.replace('_', " "));
        }
    }
    page
}
