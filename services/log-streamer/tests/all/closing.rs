//! Closing logs: whole ones, empty ones, lost ones.

use katonic_domain::error::Classified as _;
use katonic_log_streamer::domain::{Content, GapReason, Seq, Stream};
use katonic_log_streamer::usecases::page::{PageEnd, Query};

use crate::harness::{Harness, lines, must_be_lines};

#[tokio::test]
async fn a_small_closed_log_lies_in_its_manifest_and_survives_everything_else() -> anyhow::Result<()> {
    let mut harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let log = harness.open(&replica).await?;
    replica.logs.ingest.append(&log, lines(1, 100), Seq::ZERO).await?;
    replica.logs.keeper.close(&log, Seq::new(100)).await?;
    assert_eq!(harness.blob_count()?, 0);
    harness.redis.kill();
    let (records, complete) = harness.read_all(&harness.replica().await?).await?;
    assert!(complete);
    must_be_lines(&records, 100)
}

#[tokio::test]
async fn a_log_closes_only_where_it_ends_and_then_takes_nothing() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let logs = &replica.logs;
    let log = harness.open(&replica).await?;
    logs.ingest.append(&log, lines(1, 10), Seq::ZERO).await?;
    let behind = logs.keeper.close(&log, Seq::new(11)).await.expect_err("a record is missing");
    assert_eq!(behind.reason(), "LOG_BEHIND");
    assert!(logs.keeper.close(&log, Seq::new(9)).await.is_err());
    logs.keeper.close(&log, Seq::new(10)).await?;
    let late = logs.ingest.append(&log, lines(11, 11), Seq::ZERO).await.expect_err("a late line");
    assert_eq!(late.reason(), "LOG_CLOSED");
    let again = harness.open(&replica).await.expect_err("it is closed");
    assert_eq!(again.reason(), "LOG_CLOSED");
    must_be_lines(&harness.read_all(&replica).await?.0, 10)
}

#[tokio::test]
async fn an_empty_log_is_complete_at_once() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let replica = harness.replica().await?;
    assert_eq!(harness.read_all(&replica).await?, (vec![], false));
    let log = harness.open(&replica).await?;
    replica.logs.keeper.close(&log, Seq::ZERO).await?;
    assert_eq!(harness.read_all(&replica).await?, (vec![], true));
    Ok(())
}

#[tokio::test]
async fn a_lost_log_keeps_what_redis_had_and_states_the_gap() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let (gone, replica) = (harness.replica().await?, harness.replica().await?);
    let log = harness.open(&gone).await?;
    gone.logs.ingest.append(&log, lines(1, 10), Seq::ZERO).await?;
    gone.logs.keeper.cut(&log).await?;
    gone.logs.ingest.append(&log, lines(11, 15), Seq::ZERO).await?;
    let lost = &replica.logs.lost;
    assert_eq!(lost.close(&harness.member, harness.project).await?, Seq::new(16));
    assert_eq!(lost.close(&harness.member, harness.project).await?, Seq::new(16), "twice is the same");
    let (mut records, complete) = harness.read_all(&replica).await?;
    assert!(complete);
    let gap = records.pop().map(|record| (record.seq, record.content));
    assert_eq!(gap, Some((Seq::new(16), Content::Gap { to: None, reason: GapReason::Lost })));
    must_be_lines(&records, 15)?;
    let late = gone.logs.keeper.close(&log, Seq::new(15)).await;
    assert!(late.is_err(), "the agent that came back closed it again");
    Ok(())
}

#[tokio::test]
async fn a_page_has_what_was_asked_for() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let log = harness.open(&replica).await?;
    replica.logs.ingest.append(&log, lines(1, 100), Seq::ZERO).await?;
    let page = |from, limit, only| {
        let query = Query { from: Seq::new(from), limit, only };
        let (reader, member) = (replica.logs.reader.clone(), harness.member.clone());
        async move {
            let page = reader.page(&member, query).await?;
            let seqs: Vec<u64> = page.records.iter().map(|record| record.seq.get()).collect();
            anyhow::Ok((seqs, page.next.get(), page.end))
        }
    };
    assert_eq!(page(5, 3, None).await?, (vec![5, 6, 7], 8, PageEnd::Full));
    assert_eq!(page(1, 3, Some(Stream::Stderr)).await?, (vec![7, 14, 21], 22, PageEnd::Full));
    assert_eq!(page(99, 10, None).await?, (vec![99, 100], 101, PageEnd::NotYet));
    assert_eq!(page(500, 10, None).await?, (vec![], 500, PageEnd::NotYet));
    replica.logs.keeper.close(&log, Seq::new(100)).await?;
    assert_eq!(page(99, 2, None).await?, (vec![99, 100], 101, PageEnd::Closed));
    assert_eq!(page(500, 10, None).await?, (vec![], 500, PageEnd::Closed));
    Ok(())
}
