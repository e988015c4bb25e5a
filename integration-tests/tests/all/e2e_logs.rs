//! Logs arrive whole: every line once, in order, byte for byte.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use eventsource_stream::Eventsource;
use futures::{StreamExt, future::try_join_all};
use katonic_integration_tests::rest::{Rest, text};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::Value;

use crate::{Shared, shared};

const LINES: usize = 100_000;

pub fn trials() -> Vec<Trial> {
    vec![
        shared("200_000_lines_reach_a_follower_that_reconnects_all_the_time", many_lines_reach_a_follower),
        shared("a_50_ms_job_shows_its_100_lines_200_times_of_200", short_jobs_show_all_their_lines),
        shared("a_line_of_10_mib_is_split_and_marked", a_huge_line_is_split),
        shared("bytes_that_are_no_text_and_escapes_arrive_as_they_were", bytes_arrive_as_they_were),
        shared("the_cli_writes_each_stream_to_its_own", the_cli_writes_each_stream_to_its_own),
    ]
}

/// Both streams at full speed; line n of a stream says so.
const MANY: &str = "
import sys
out, err = sys.stdout.buffer, sys.stderr.buffer
for n in range(100000):
    out.write(b'out %d\\n' % n)
    err.write(b'err %d\\n' % n)
    if n % 1000 == 999: out.flush()
";

async fn many_lines_reach_a_follower(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("many-lines").await?;
    let id = rest.submit(&project, &["python3", "-c", MANY]).await?;
    let mut lines = Lines::default();
    follow_with_reconnects(&rest, &id, &mut lines).await?;
    lines.check()?;
    let execution = rest.ended(&id).await?;
    ensure!(execution["phase"] == "PHASE_SUCCEEDED", "{execution}");
    // The pages say the same.
    let mut pages = Lines::default();
    for entry in rest.log(&id).await? {
        pages.take(&entry)?;
    }
    pages.check()
}

/// Lines of both streams as they arrived.
#[derive(Default)]
struct Lines {
    last_seq: u64,
    streams: BTreeMap<String, Vec<String>>,
}

impl Lines {
    fn take(&mut self, entry: &Value) -> Result<()> {
        let seq: u64 = text(entry, "seq")?.parse()?;
        ensure!(seq == self.last_seq + 1, "{seq} came after {}", self.last_seq);
        self.last_seq = seq;
        if entry["stream"] != "STREAM_PREPARE" {
            self.streams.entry(text(entry, "stream")?).or_default().push(text(entry, "text")?);
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        for (stream, prefix) in [("STREAM_STDOUT", "out"), ("STREAM_STDERR", "err")] {
            let lines = self.streams.get(stream).with_context(|| format!("nothing on {stream}"))?;
            ensure!(lines.len() == LINES, "{} lines on {stream}", lines.len());
            let wrong = lines.iter().enumerate().find(|(n, line)| **line != format!("{prefix} {n}"));
            ensure!(wrong.is_none(), "{stream}: {wrong:?}");
        }
        Ok(())
    }
}

/// Follows by SSE, breaking off every 100 ms and resuming after the last `id:`.
async fn follow_with_reconnects(rest: &Rest, id: &str, lines: &mut Lines) -> Result<()> {
    let mut last_event_id: Option<String> = None;
    loop {
        let mut request = rest.request(Method::GET, &format!("/executions/{id}/logs:follow"));
        if let Some(last) = &last_event_id {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await?.error_for_status()?;
        let mut events = response.bytes_stream().eventsource();
        let break_off = tokio::time::sleep(Duration::from_millis(100));
        tokio::pin!(break_off);
        loop {
            tokio::select! {
                () = &mut break_off => break,
                event = events.next() => {
                    let Some(event) = event else { break };
                    let event = event?;
                    ensure!(event.event != "problem", "{}", event.data);
                    let answer: Value = serde_json::from_str(&event.data)?;
                    for entry in answer["entries"].as_array().into_iter().flatten() {
                        lines.take(entry)?;
                    }
                    last_event_id = Some(event.id);
                    if answer["ended"] == true {
                        return Ok(());
                    }
                }
            }
        }
    }
}

async fn short_jobs_show_all_their_lines(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("short-jobs").await?;
    let script = "i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i+1)); done; sleep 0.05";
    for _ in 0..20 {
        let jobs = (0..10).map(|_| async {
            let id = rest.submit(&project, &["sh", "-c", script]).await?;
            let execution = rest.ended(&id).await?;
            ensure!(execution["phase"] == "PHASE_SUCCEEDED", "{execution}");
            let entries = rest.log(&id).await?;
            let lines: Vec<_> = entries.iter().filter(|e| e["stream"] == "STREAM_STDOUT").collect();
            ensure!(lines.len() == 100, "{} lines in {id}", lines.len());
            let wrong = lines.iter().enumerate().find(|(n, line)| line["text"] != format!("line {n}"));
            ensure!(wrong.is_none(), "{id}: {wrong:?}");
            Ok(())
        });
        try_join_all(jobs).await?;
    }
    Ok(())
}

async fn a_huge_line_is_split(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("huge-line").await?;
    let script = "import sys; sys.stdout.write('x' * (10 << 20) + '\\nshort\\n')";
    let id = rest.submit(&project, &["python3", "-c", script]).await?;
    rest.ended(&id).await?;
    let entries = rest.log(&id).await?;
    let mut total = 0;
    let mut parts = entries.iter().filter(|e| e["stream"] == "STREAM_STDOUT");
    for part in parts.by_ref() {
        total += text(part, "text")?.len();
        if part["continued"] != true {
            break;
        }
    }
    ensure!(total == 10 << 20, "{total} bytes of the long line");
    ensure!(parts.next().is_some_and(|entry| entry["text"] == "short"), "the next line follows");
    Ok(())
}

async fn bytes_arrive_as_they_were(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let script = "import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\x00 raw\\n\\x1b[31mred\\x1b[0m\\nno newline')";
    let output = platform.cli(folder.path()).output(&["run", "--", "python3", "-c", script]).await?;
    ensure!(output.stdout.starts_with(b"\xff\xfe\x00 raw\n\x1b[31mred\x1b[0m\nno newline"), "{output:?}");
    Ok(())
}

async fn the_cli_writes_each_stream_to_its_own(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let output = platform.cli(folder.path()).output(&["run", "--", "sh", "-c", "echo to-out; echo to-err >&2"]).await?;
    ensure!(output.stdout == b"to-out\n", "{output:?}");
    ensure!(String::from_utf8_lossy(&output.stderr).contains("to-err\n"), "{output:?}");
    Ok(())
}
