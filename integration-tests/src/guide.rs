//! The commands of a document, as a reader would type them.
//!
//! A comment before a code block says what it is; one of `sh` must have one:
//!
//! ```text
//! <!-- run -->            typed into the page's one shell; must succeed
//! <!-- run exit=3 -->     must end with 3
//! <!-- not run: why -->   only read
//! <!-- output -->         lines that the block before wrote, in this order; `…` stands for anything
//! ```

use std::{fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use crate::platform::Platform;

/// How long a page may take on the slowest machine.
const LIMIT: Duration = Duration::from_mins(5);
/// Stands before what each block writes.
const MARK: char = '\u{1e}';

/// Commands that are typed together, and what they show.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    commands: String,
    exit: u8,
    shown: Vec<String>,
}

/// Types a page's commands in a folder.
pub async fn follow(platform: &Platform, folder: &Path, markdown: &str) -> Result<()> {
    let blocks = blocks(markdown)?;
    let mut shell = tokio::process::Command::from(platform.shell()?);
    shell.args(["-c", &script(&blocks)]).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, shell.output()).await.context("it does not end")??;
    let (said, wrote) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{}\n{said}\n{wrote}", output.status);
    for (block, said) in blocks.iter().zip(said.split(MARK).skip(1)) {
        let missing = missing(&block.shown, said);
        ensure!(missing.is_none(), "{:?} is not shown by\n{}\nbut\n{said}\n{wrote}", missing, block.commands);
    }
    Ok(())
}

/// Whether a document has commands to follow.
pub fn has_commands(document: &Path) -> Result<bool> {
    Ok(!blocks(&fs::read_to_string(document)?)?.is_empty())
}

fn blocks(markdown: &str) -> Result<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut mark, mut code) = (None, None);
    for event in Parser::new(markdown) {
        match event {
            Event::Html(text) => mark = marker(&text).map(str::to_owned).or(mark),
            Event::Start(Tag::CodeBlock(kind)) => {
                let typed = matches!(&kind, CodeBlockKind::Fenced(language) if &**language == "sh");
                ensure!(!typed || mark.is_some(), "commands that are not marked, after {:?}", blocks.last());
                code = Some(String::new());
            }
            Event::Text(text) => {
                if let Some(code) = &mut code {
                    code.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if let (Some(mark), Some(code)) = (mark.take(), code.take()) {
                    add(&mut blocks, &mark, code)?;
                }
            }
            _ => {}
        }
    }
    Ok(blocks)
}

fn marker(html: &str) -> Option<&str> {
    let words = html.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    let known = words == "output" || words == "run" || words.starts_with("run exit=") || words.starts_with("not run: ");
    known.then_some(words)
}

fn add(blocks: &mut Vec<Block>, mark: &str, code: String) -> Result<()> {
    if mark == "output" {
        let before = blocks.last_mut().context("an output without commands before it")?;
        before.shown = code.lines().map(str::to_owned).collect();
        return Ok(());
    }
    if mark.starts_with("not run") {
        return Ok(());
    }
    let exit = mark.strip_prefix("run exit=").map_or(Ok(0), str::parse).with_context(|| format!("<!-- {mark} -->"))?;
    blocks.push(Block { commands: code, exit, shown: Vec::new() });
    Ok(())
}

/// One shell for the page: variables and the folder stay from block to block.
fn script(blocks: &[Block]) -> String {
    let mut script = String::from("set -euo pipefail\n");
    for Block { commands, exit, .. } in blocks {
        script.push_str("printf '\\036'\n");
        match exit {
            0 => script.push_str(commands),
            exit => script.push_str(&format!(
                "status=0\n(\n{commands}\n) || status=$?\n[ $status = {exit} ] || {{ echo \"exit code $status\"; exit 1; }}\n"
            )),
        }
    }
    script
}

/// The first line that is not there after those before it.
fn missing<'s>(shown: &'s [String], said: &str) -> Option<&'s String> {
    let mut lines = said.lines();
    shown.iter().find(|wanted| !lines.any(|line| fits(wanted, line)))
}

fn fits(wanted: &str, line: &str) -> bool {
    let mut parts = wanted.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut open = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        open = part.is_empty();
    }
    open || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_blocks_and_what_they_show_are_found() {
        let page = "<!-- run -->\n```sh\necho one\n```\n\nThat shows\n\n<!-- output -->\n```text\no…e\n```\n\n<!-- not run: why -->\n```sh\nrm -r /\n```\n\n<!-- run exit=3 -->\n```sh\nexit 3\n```\n";
        let blocks = blocks(page).expect("valid");
        assert_eq!(
            blocks,
            [
                Block { commands: "echo one\n".to_owned(), exit: 0, shown: vec!["o…e".to_owned()] },
                Block { commands: "exit 3\n".to_owned(), exit: 3, shown: Vec::new() },
            ]
        );
    }

    #[test]
    fn commands_without_a_mark_are_refused() {
        assert!(blocks("Type\n\n```sh\nls\n```\n").is_err());
        assert!(blocks("<!-- rum -->\n```sh\nls\n```\n").is_err());
        assert!(blocks("It answers\n\n```text\nls\n```\n").is_ok());
    }

    #[test]
    fn an_ellipsis_stands_for_anything_and_nothing_else_does() {
        for (wanted, line, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a…", "ab", true),
            ("…b", "ab", true),
            ("…a…c…", "xabcx", true),
            ("a…c", "abcd", false),
            ("…c…a…", "abc", false),
        ] {
            assert_eq!(fits(wanted, line), expected, "{wanted} {line}");
        }
    }
}
