//! Redis killed, emptied, full: no line is lost, none comes twice.

use katonic_log_streamer::domain::Seq;

use crate::harness::{Harness, lines, must_be_lines};

#[tokio::test]
async fn a_log_goes_on_while_redis_dies_and_comes_back_empty() -> anyhow::Result<()> {
    let mut harness = Harness::start().await?;
    let replica = harness.replica().await?;
    let (ingest, keeper) = (replica.logs.ingest.clone(), replica.logs.keeper.clone());
    let log = harness.open(&replica).await?;
    assert_eq!(ingest.append(&log, lines(1, 10), Seq::ZERO).await?, Seq::new(11));
    harness.redis.kill();
    assert_eq!(ingest.append(&log, lines(11, 20), Seq::ZERO).await?, Seq::new(21));
    harness.redis.restart().await?;
    assert_eq!(ingest.append(&log, lines(21, 30), Seq::ZERO).await?, Seq::new(31));
    keeper.cut(&log).await?;
    assert_eq!(ingest.append(&log, lines(31, 40), Seq::new(30)).await?, Seq::new(41));
    must_be_lines(&harness.read_all(&replica).await?.0, 40)?;
    keeper.close(&log, Seq::new(40)).await?;
    must_be_lines(&harness.read_all(&harness.replica().await?).await?.0, 40)
}

#[tokio::test]
async fn without_redis_everything_but_the_tail_for_others_works() -> anyhow::Result<()> {
    let mut harness = Harness::start().await?;
    harness.redis.kill();
    let (writer, other) = (harness.replica().await?, harness.replica().await?);
    let log = harness.open(&writer).await?;
    writer.logs.ingest.append(&log, lines(1, 10), Seq::ZERO).await?;
    must_be_lines(&harness.read_all(&writer).await?.0, 10)?;
    // Not by the viewer at the other replica yet; the cut comes by itself, after 2 s.
    let mut tip = log.tip();
    tip.wait_for(|tip| tip.durable == Seq::new(10)).await?;
    must_be_lines(&harness.read_all(&other).await?.0, 10)
}

#[tokio::test]
async fn a_full_redis_is_as_good_as_none() -> anyhow::Result<()> {
    let harness = Harness::with_redis_memory("2mb").await?;
    let replica = harness.replica().await?;
    let log = harness.open(&replica).await?;
    for thousand in 0..50 {
        let first = thousand * 1000 + 1;
        let expected = replica.logs.ingest.append(&log, lines(first, first + 999), Seq::ZERO).await?;
        assert_eq!(expected, Seq::new(first + 1000));
    }
    replica.logs.keeper.close(&log, Seq::new(50_000)).await?;
    must_be_lines(&harness.read_all(&replica).await?.0, 50_000)
}
