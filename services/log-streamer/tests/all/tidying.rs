//! Merging long logs, and sweeping what no manifest lists.

use std::{sync::Arc, time::Duration};

use katonic_domain::{Clock, Timestamp};
use katonic_log_streamer::domain::Seq;

use crate::harness::{Harness, lines, must_be_lines};

/// An hour late.
struct Late;

impl Clock for Late {
    fn now(&self) -> Timestamp {
        Timestamp::now() + Duration::from_secs(3600)
    }
}

#[tokio::test]
async fn a_merged_log_reads_the_same_and_loses_what_was_replaced() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let log = harness.open(&replica).await?;
    for seq in 1..=513 {
        replica.logs.ingest.append(&log, lines(seq, seq), Seq::ZERO).await?;
        replica.logs.keeper.cut(&log).await?;
    }
    assert_eq!(harness.blob_count()?, 513);
    replica.logs.tidier.open_log(&harness.member).await?;
    // What was replaced stays for whoever reads by an older manifest.
    assert_eq!(harness.blob_count()?, 514);
    let later = harness.replica_at(Arc::new(Late)).await?;
    later.logs.tidier.open_log(&harness.member).await?;
    assert_eq!(harness.blob_count()?, 258);
    later.logs.tidier.open_log(&harness.member).await?;
    assert_eq!(harness.blob_count()?, 258, "a second time changes nothing");
    must_be_lines(&harness.read_all(&later).await?.0, 513)
}

#[tokio::test]
async fn an_orphan_is_swept_once_its_log_is_closed_for_a_while() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let (replica, later) = (harness.replica().await?, harness.replica_at(Arc::new(Late)).await?);
    let log = harness.open(&replica).await?;
    replica.logs.ingest.append(&log, lines(1, 10), Seq::ZERO).await?;
    replica.logs.keeper.cut(&log).await?;
    harness.leave_orphan()?;
    assert_eq!(later.logs.tidier.closed_logs().await?, 0, "it is open");
    replica.logs.keeper.close(&log, Seq::new(10)).await?;
    assert_eq!(replica.logs.tidier.closed_logs().await?, 0, "it was closed just now");
    assert_eq!(harness.blob_count()?, 2);
    assert_eq!(later.logs.tidier.closed_logs().await?, 1);
    assert_eq!(harness.blob_count()?, 1);
    assert_eq!(later.logs.tidier.closed_logs().await?, 0, "it is swept once");
    must_be_lines(&harness.read_all(&later).await?.0, 10)
}
