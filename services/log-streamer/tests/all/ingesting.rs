//! Order, repeats, and two replicas that write one log.

use katonic_domain::error::Classified as _;
use katonic_log_streamer::domain::Seq;

use crate::harness::{Harness, lines, must_be_lines};

#[tokio::test]
async fn only_the_next_batch_is_taken_and_a_resent_one_not_twice() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let log = harness.open(&replica).await?;
    let ingest = &replica.logs.ingest;
    assert_eq!(ingest.append(&log, lines(1, 10), Seq::ZERO).await?, Seq::new(11));
    assert_eq!(ingest.append(&log, lines(1, 10), Seq::ZERO).await?, Seq::new(11));
    assert_eq!(ingest.append(&log, lines(5, 15), Seq::ZERO).await?, Seq::new(11));
    assert_eq!(ingest.append(&log, lines(12, 15), Seq::ZERO).await?, Seq::new(11));
    assert_eq!(ingest.append(&log, lines(11, 15), Seq::ZERO).await?, Seq::new(16));
    must_be_lines(&harness.read_all(&replica).await?.0, 15)?;
    replica.logs.keeper.close(&log, Seq::new(15)).await?;
    let (records, complete) = harness.read_all(&replica).await?;
    assert!(complete);
    must_be_lines(&records, 15)
}

#[tokio::test]
async fn another_replica_takes_over_what_redis_has() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let (first, second) = (harness.replica().await?, harness.replica().await?);
    let log = harness.open(&first).await?;
    first.logs.ingest.append(&log, lines(1, 10), Seq::ZERO).await?;
    let taken_over = harness.open(&second).await?;
    assert_eq!(taken_over.tip().borrow().next, Seq::new(11));
    must_be_lines(&harness.read_all(&second).await?.0, 10)
}

#[tokio::test]
async fn of_two_replicas_that_keep_one_log_one_wins_and_nothing_is_twice() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let (first, second) = (harness.replica().await?, harness.replica().await?);
    let one = harness.open(&first).await?;
    first.logs.ingest.append(&one, lines(1, 10), Seq::ZERO).await?;
    let two = harness.open(&second).await?;
    // An agent that reconnected elsewhere, while its old stream still delivers.
    assert_eq!(second.logs.ingest.append(&two, lines(11, 20), Seq::ZERO).await?, Seq::new(21));
    assert_eq!(first.logs.ingest.append(&one, lines(11, 15), Seq::ZERO).await?, Seq::new(21));
    let (cut_one, cut_two) = tokio::join!(first.logs.keeper.cut(&one), second.logs.keeper.cut(&two));
    cut_one?;
    cut_two?;
    assert_eq!(one.tip().borrow().durable, Seq::new(20));
    assert_eq!(two.tip().borrow().durable, Seq::new(20));
    assert_eq!(harness.blob_count()?, 1, "the one that lost left its blob");
    second.logs.keeper.close(&two, Seq::new(20)).await?;
    // The other one does not know yet; what it takes is not kept and never acknowledged.
    first.logs.ingest.append(&one, lines(21, 21), Seq::ZERO).await?;
    let refused = first.logs.keeper.cut(&one).await.expect_err("the log is closed");
    assert_eq!(refused.reason(), "LOG_CLOSED");
    assert_eq!(one.tip().borrow().durable, Seq::new(20));
    must_be_lines(&harness.read_all(&harness.replica().await?).await?.0, 20)
}

#[tokio::test]
async fn a_reader_elsewhere_sees_segments_and_hot_tail_as_one() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let (writer, reader) = (harness.replica().await?, harness.replica().await?);
    let log = harness.open(&writer).await?;
    for hundred in 0..5 {
        let first = hundred * 100 + 1;
        writer.logs.ingest.append(&log, lines(first, first + 99), Seq::ZERO).await?;
        if hundred < 3 {
            writer.logs.keeper.cut(&log).await?;
        }
        must_be_lines(&harness.read_all(&reader).await?.0, (hundred + 1) * 100)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_draining_replica_keeps_what_it_buffered() -> anyhow::Result<()> {
    let mut harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let log = harness.open(&replica).await?;
    replica.logs.ingest.append(&log, lines(1, 10), Seq::ZERO).await?;
    replica.stop().await;
    harness.redis.kill();
    must_be_lines(&harness.read_all(&harness.replica().await?).await?.0, 10)
}
