//! Segments: runs of records as compressed, sealed bytes.
//!
//! ```text
//! plain bytes of a segment = version 1 | zstd of the records (codec.rs)
//! ```
//!
//! Every segment is written under a path of its own, so that two replicas that
//! cut the same records never replace one another's; the one whose manifest
//! write is refused deletes its own. A crash in between leaves an orphan.

use std::{
    io::{self, Read as _},
    sync::Arc,
};

use bytes::Bytes;
use katonic_blob::{BlobPath, Blobs};
use katonic_domain::{MemberId, ProjectId};
use moka::future::Cache;

use crate::domain::{Batch, Place, Record, Segment, Seq, codec};

const VERSION: u8 = 1;
/// Fast, and log lines still shrink to a fifth.
const ZSTD_LEVEL: i32 = 1;
/// A sealed segment up to this size may lie in the manifest.
const INLINE_LEN: usize = 64 << 10;
/// Above what a segment can have: 4 MiB of records and one message of 8 MiB, with their headers.
const PLAIN_CAP: u64 = 64 << 20;
/// Decoded segments that readers share: about 16 of the largest.
const DECODED_WEIGHT: u64 = 64 << 20;

/// Why a segment cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The blob store, or its keys.
    #[error("the segment cannot be kept or read")]
    Blob(#[from] katonic_blob::Error),
    /// It did not compress, or not decompress.
    #[error("the segment does not decompress")]
    Zstd(#[source] io::Error),
    /// Its records do not decode.
    #[error("the segment's records do not decode")]
    Codec(#[from] codec::CodecError),
    /// It has a format that this version does not know.
    #[error("the segment has an unknown format")]
    Format,
    /// The machine gave no random bytes for its name.
    #[error("the machine gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// The runtime is shutting down.
    #[error("the work was cancelled by a shutdown")]
    Cancelled,
}

/// Whether a small segment may lie in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// Always a blob: more segments follow.
    Blob,
    /// In the manifest where it is small: it is the log's last.
    InlineIfSmall,
}

/// Writes and reads segments.
#[derive(Debug, Clone)]
pub struct Segments {
    blobs: Blobs,
    decoded: Cache<BlobPath, Arc<Vec<Record>>>,
}

impl Segments {
    /// Segments in a blob store.
    pub fn new(blobs: Blobs) -> Self {
        let weigh = |_: &BlobPath, records: &Arc<Vec<Record>>| {
            u32::try_from(records.iter().map(Record::weight).sum::<usize>()).unwrap_or(u32::MAX)
        };
        Self { blobs, decoded: Cache::builder().weigher(weigh).max_capacity(DECODED_WEIGHT).build() }
    }

    /// Makes a segment of batches durable; it counts once a manifest lists it.
    pub async fn write(
        &self,
        member: &MemberId,
        project: ProjectId,
        batches: &[Arc<Batch>],
        home: Home,
    ) -> Result<Segment, SegmentError> {
        let first = batches.first().map_or(Seq::ZERO, |batch| batch.first());
        let last = batches.last().map_or(Seq::ZERO, |batch| batch.last());
        let path = path(member, project, first, last)?;
        let plain = pack(batches.to_vec()).await?;
        let sealed = self.blobs.seal(project, &path, plain).await?;
        let place = if home == Home::InlineIfSmall && sealed.len() <= INLINE_LEN {
            Place::Inline { path, sealed: sealed.to_vec() }
        } else {
            self.blobs.put_sealed(&path, sealed).await?;
            Place::Blob { path }
        };
        let weight = batches.iter().map(|batch| batch.weight() as u64).sum();
        Ok(Segment { first, last, weight, place })
    }

    /// The records of a segment.
    pub async fn read(&self, project: ProjectId, segment: &Segment) -> Result<Arc<Vec<Record>>, SegmentError> {
        let path = segment.place.path();
        if let Some(records) = self.decoded.get(path).await {
            return Ok(records);
        }
        let plain = match &segment.place {
            Place::Blob { path } => self.blobs.get(project, path, PLAIN_CAP).await?,
            Place::Inline { path, sealed } => self.blobs.open(project, path, sealed.clone().into()).await?,
        };
        let records = Arc::new(unpack(plain).await?);
        self.decoded.insert(path.clone(), records.clone()).await;
        Ok(records)
    }

    /// Makes one segment of a run of them; their records are the same.
    pub async fn merge(&self, member: &MemberId, project: ProjectId, run: &[Segment]) -> Result<Segment, SegmentError> {
        let mut records = Vec::new();
        for segment in run {
            records.extend_from_slice(&self.read(project, segment).await?);
        }
        let batch = Batch::try_new(records).map_err(|_| SegmentError::Format)?;
        self.write(member, project, &[Arc::new(batch)], Home::Blob).await
    }

    /// Deletes a segment that no manifest lists.
    pub async fn discard(&self, segment: &Segment) {
        if let Place::Blob { path } = &segment.place
            && let Err(error) = self.delete(path).await
        {
            tracing::warn!(%path, %error, "an unused segment stays until its log is swept");
        }
    }

    /// Deletes a segment's blob; that there is none is no error.
    pub async fn delete(&self, path: &BlobPath) -> Result<(), SegmentError> {
        Ok(self.blobs.delete(path).await?)
    }

    /// All blobs of a log, listed by its manifest or not.
    pub async fn of_log(&self, member: &MemberId, project: ProjectId) -> Result<Vec<BlobPath>, SegmentError> {
        Ok(self.blobs.list(&folder(member, project)).await?)
    }
}

fn path(member: &MemberId, project: ProjectId, first: Seq, last: Seq) -> Result<BlobPath, SegmentError> {
    let mut unique = [0; 8];
    getrandom::fill(&mut unique).map_err(SegmentError::Random)?;
    let path = format!("{}/{first}-{last}-{}", folder(member, project), hex::encode(unique));
    Ok(path.parse().expect("ids, names and numbers make a blob path"))
}

fn folder(member: &MemberId, project: ProjectId) -> BlobPath {
    format!("logs/{project}/{}", member.container_name()).parse().expect("ids and names make a blob path")
}

async fn pack(batches: Vec<Arc<Batch>>) -> Result<Bytes, SegmentError> {
    offloaded(batches.iter().map(|batch| batch.weight()).sum(), move || {
        let records = codec::encode(batches.iter().flat_map(|batch| batch.records()));
        let mut plain = vec![VERSION];
        zstd::stream::copy_encode(records.as_slice(), &mut plain, ZSTD_LEVEL).map_err(SegmentError::Zstd)?;
        Ok(Bytes::from(plain))
    })
    .await
}

async fn unpack(plain: Bytes) -> Result<Vec<Record>, SegmentError> {
    offloaded(plain.len(), move || {
        let Some((&VERSION, compressed)) = plain.split_first() else { return Err(SegmentError::Format) };
        let decoder = zstd::Decoder::new(compressed).map_err(SegmentError::Zstd)?;
        let mut records = Vec::new();
        decoder.take(PLAIN_CAP).read_to_end(&mut records).map_err(SegmentError::Zstd)?;
        Ok(codec::decode(records.into())?)
    })
    .await
}

/// Runs `work` here, or on the blocking pool where `len` makes it long.
async fn offloaded<T, F>(len: usize, work: F) -> Result<T, SegmentError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, SegmentError> + Send + 'static,
{
    const LONG: usize = 64 << 10;
    if len < LONG {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| SegmentError::Cancelled)?
}
