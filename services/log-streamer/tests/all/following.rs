//! Following: while queued, live, across attempts, and again and again from a cursor.

use std::{pin::pin, sync::Arc};

use anyhow::Context as _;
use futures::StreamExt as _;
use katonic_domain::ExecutionId;
use katonic_log_streamer::{
    domain::{Content, Position, Seq},
    usecases::{follow::Followed, live::Attachment},
};
use katonic_service::runtime;

use crate::harness::{Harness, line, lines, member, must_be_lines, to_the_end, view, views};

const LINES: u64 = 200_000;
const BATCH: u64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_200_000_arrives_once_though_the_follower_keeps_reconnecting() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let log = harness.open(&replica).await?;
    let logs = replica.logs.clone();
    let agent = runtime::spawn("agent", async move {
        let attached = Attachment::to(log.clone());
        for first in (1..=LINES).step_by(usize::try_from(BATCH)?) {
            logs.ingest.append(attached.log(), lines(first, first + BATCH - 1), Seq::ZERO).await?;
        }
        logs.keeper.close(&log, Seq::new(LINES)).await?;
        anyhow::Ok(())
    });
    let execution = || views(vec![view(harness.project, &[(&harness.member, true)], true)]);
    let mut cursor: Option<String> = None;
    let mut seen = 0;
    'reconnecting: loop {
        let start = cursor.as_deref().map(str::parse::<Position>).transpose()?;
        let mut parts = pin!(replica.logs.follower.clone().follow(start, execution()));
        // A connection lives for three parts.
        for _ in 0..3 {
            match parts.next().await.context("it ended without saying so")?? {
                Followed::Records { records, after } => {
                    for record in records {
                        seen += 1;
                        assert_eq!(record, line(seen));
                    }
                    cursor = Some(after.to_string());
                }
                Followed::Ended { .. } => break 'reconnecting,
            }
        }
    }
    assert_eq!(seen, LINES);
    agent.await??;
    must_be_lines(&harness.read_all(&harness.replica().await?).await?.0, LINES)
}

#[tokio::test]
async fn a_follower_waits_while_queued_and_crosses_attempts() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let second = member(harness.member.execution, 2)?;
    let (send, receive) = tokio::sync::mpsc::channel(8);
    let coming =
        futures::stream::unfold(receive, |mut receive| async move { Some((Ok(receive.recv().await?), receive)) });
    let follower = runtime::spawn("follower", to_the_end(replica.logs.follower.clone().follow(None, Box::pin(coming))));
    send.send(view(harness.project, &[], false)).await?;
    send.send(view(harness.project, &[(&harness.member, true)], false)).await?;
    let logs = &replica.logs;
    let log = harness.open(&replica).await?;
    logs.ingest.append(&log, lines(1, 3), Seq::ZERO).await?;
    logs.keeper.close(&log, Seq::new(3)).await?;
    send.send(view(harness.project, &[(&harness.member, false), (&second, true)], false)).await?;
    let log = logs.ingest.open(&second, harness.project).await?;
    logs.ingest.append(&log, lines(1, 2), Seq::ZERO).await?;
    logs.keeper.close(&log, Seq::new(2)).await?;
    send.send(view(harness.project, &[(&harness.member, false), (&second, false)], true)).await?;
    let seqs: Vec<u64> = follower.await??.iter().map(|record| record.seq.get()).collect();
    assert_eq!(seqs, [1, 2, 3, 1, 2]);
    Ok(())
}

#[tokio::test]
async fn an_execution_that_never_ran_ends_without_a_line() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let follower = &replica.logs.follower;
    let stopped_in_queue = views(vec![view(harness.project, &[], true)]);
    assert_eq!(to_the_end(follower.clone().follow(None, stopped_in_queue)).await?, []);
    let never_claimed = views(vec![view(harness.project, &[(&harness.member, false)], true)]);
    assert_eq!(to_the_end(follower.clone().follow(None, never_claimed)).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_follower_at_another_replica_sees_lines_come_and_the_log_close() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let (writer, elsewhere) = (harness.replica().await?, harness.replica().await?);
    let log = harness.open(&writer).await?;
    let execution = views(vec![view(harness.project, &[(&harness.member, true)], true)]);
    let mut parts = Box::pin(elsewhere.logs.follower.clone().follow(None, execution));
    writer.logs.ingest.append(&log, lines(1, 5), Seq::ZERO).await?;
    let part = parts.next().await.context("a part")??;
    assert!(matches!(part, Followed::Records { records, .. } if records.len() == 5));
    writer.logs.keeper.close(&log, Seq::new(5)).await?;
    assert_eq!(to_the_end(parts).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_log_that_nobody_will_close_is_closed_for_its_follower() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let log = harness.open(&replica).await?;
    replica.logs.ingest.append(&log, lines(1, 5), Seq::ZERO).await?;
    let execution = views(vec![view(harness.project, &[(&harness.member, false)], true)]);
    let mut records = to_the_end(replica.logs.follower.clone().follow(None, execution)).await?;
    let gap = records.pop().context("a gap")?;
    assert!(matches!(gap.content, Content::Gap { to: None, .. }));
    must_be_lines(&records, 5)
}

#[tokio::test]
async fn a_cursor_of_an_unknown_member_is_refused() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let replica = Arc::new(harness.replica().await?);
    let start = Position { member: member(ExecutionId::generate(), 9)?, next: Seq::FIRST };
    let execution = views(vec![view(harness.project, &[(&harness.member, true)], false)]);
    assert!(to_the_end(replica.logs.follower.clone().follow(Some(start), execution)).await.is_err());
    Ok(())
}
