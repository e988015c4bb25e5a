//! Records as bytes, the same in Redis and in segments.
//!
//! ```text
//! record = kind 1 | seq 8 | seconds 8 | nanoseconds 4 | len 4 | data len     (little endian)
//! kind   = 0 stdout, 1 stderr, 2 prepare; + 0x10 continued
//!          0x20 + reason: gap, whose data is its `to` in 8 bytes, or nothing
//! ```
//!
//! Segments live as long as their log, so a kind is never given another meaning.

use bytes::{Buf as _, BufMut as _, Bytes};
use katonic_domain::Timestamp;

use crate::domain::{Content, GapReason, Record, Seq, Stream};

const HEADER_LEN: usize = 1 + 8 + 8 + 4 + 4;
const CONTINUED: u8 = 0x10;
const GAP: u8 = 0x20;

/// Why bytes are not records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// They end inside a record.
    #[error("the bytes end inside a record")]
    Truncated,
    /// A record has a kind that this version does not know.
    #[error("a record has the unknown kind {0}")]
    Kind(u8),
    /// A record has a time that does not exist.
    #[error("a record has no valid time")]
    Time,
}

/// The bytes of records.
pub fn encode<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        put(&mut bytes, record);
    }
    bytes
}

fn put(bytes: &mut Vec<u8>, record: &Record) {
    let to_bytes;
    let (kind, data): (u8, &[u8]) = match &record.content {
        Content::Line { stream, data, continued } => {
            (stream_code(*stream) | if *continued { CONTINUED } else { 0 }, data)
        }
        Content::Gap { to: None, reason } => (GAP | reason_code(*reason), &[]),
        Content::Gap { to: Some(to), reason } => {
            to_bytes = to.get().to_le_bytes();
            (GAP | reason_code(*reason), &to_bytes)
        }
    };
    bytes.put_u8(kind);
    bytes.put_u64_le(record.seq.get());
    bytes.put_i64_le(record.time.as_second());
    bytes.put_i32_le(record.time.subsec_nanosecond());
    // A record comes in a message of a few MiB.
    bytes.put_u32_le(u32::try_from(data.len()).unwrap_or(u32::MAX));
    bytes.extend_from_slice(data);
}

/// The records of bytes; lines share the bytes' memory.
pub fn decode(mut bytes: Bytes) -> Result<Vec<Record>, CodecError> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        records.push(take(&mut bytes)?);
    }
    Ok(records)
}

fn take(bytes: &mut Bytes) -> Result<Record, CodecError> {
    if bytes.len() < HEADER_LEN {
        return Err(CodecError::Truncated);
    }
    let kind = bytes.get_u8();
    let seq = Seq::new(bytes.get_u64_le());
    let time = Timestamp::new(bytes.get_i64_le(), bytes.get_i32_le()).map_err(|_| CodecError::Time)?;
    let len = usize::try_from(bytes.get_u32_le()).map_err(|_| CodecError::Truncated)?;
    if bytes.len() < len {
        return Err(CodecError::Truncated);
    }
    let data = bytes.split_to(len);
    Ok(Record { seq, time, content: content(kind, data)? })
}

fn content(kind: u8, data: Bytes) -> Result<Content, CodecError> {
    if kind & GAP != 0 {
        let reason = reason_of(kind & !GAP).ok_or(CodecError::Kind(kind))?;
        let to = match data.first_chunk::<8>() {
            Some(to) => Some(Seq::new(u64::from_le_bytes(*to))),
            None if data.is_empty() => None,
            None => return Err(CodecError::Truncated),
        };
        return Ok(Content::Gap { to, reason });
    }
    let stream = stream_of(kind & !CONTINUED).ok_or(CodecError::Kind(kind))?;
    Ok(Content::Line { stream, data, continued: kind & CONTINUED != 0 })
}

const fn stream_code(stream: Stream) -> u8 {
    match stream {
        Stream::Stdout => 0,
        Stream::Stderr => 1,
        Stream::Prepare => 2,
    }
}

const fn stream_of(code: u8) -> Option<Stream> {
    match code {
        0 => Some(Stream::Stdout),
        1 => Some(Stream::Stderr),
        2 => Some(Stream::Prepare),
        _ => None,
    }
}

const fn reason_code(reason: GapReason) -> u8 {
    match reason {
        GapReason::SpoolFull => 1,
        GapReason::Disk => 2,
        GapReason::Lost => 3,
    }
}

const fn reason_of(code: u8) -> Option<GapReason> {
    match code {
        1 => Some(GapReason::SpoolFull),
        2 => Some(GapReason::Disk),
        3 => Some(GapReason::Lost),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn streams() -> impl Strategy<Value = Stream> {
        prop_oneof![Just(Stream::Stdout), Just(Stream::Stderr), Just(Stream::Prepare)]
    }

    fn reasons() -> impl Strategy<Value = GapReason> {
        prop_oneof![Just(GapReason::SpoolFull), Just(GapReason::Disk), Just(GapReason::Lost)]
    }

    fn contents() -> impl Strategy<Value = Content> {
        let line = (streams(), prop::collection::vec(any::<u8>(), 0..200), any::<bool>())
            .prop_map(|(stream, data, continued)| Content::Line { stream, data: data.into(), continued });
        let gap =
            (any::<Option<u64>>(), reasons()).prop_map(|(to, reason)| Content::Gap { to: to.map(Seq::new), reason });
        prop_oneof![3 => line, 1 => gap]
    }

    fn records() -> impl Strategy<Value = Record> {
        (any::<u64>(), -1_000_000_000..4_000_000_000_i64, 0..1_000_000_000_i32, contents()).prop_map(
            |(seq, seconds, nanos, content)| {
                let time = Timestamp::new(seconds, nanos).expect("in range");
                Record { seq: Seq::new(seq), time, content }
            },
        )
    }

    proptest! {
        #[test]
        fn records_survive_their_bytes(records in prop::collection::vec(records(), 0..20)) {
            prop_assert_eq!(decode(encode(&records).into()), Ok(records));
        }

        #[test]
        fn any_bytes_are_records_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(decode(bytes.into()));
        }

        #[test]
        fn bytes_that_end_early_are_an_error(record in records(), keep in any::<prop::sample::Index>()) {
            let bytes = encode([&record]);
            let keep = keep.index(bytes.len());
            prop_assume!(keep > 0);
            prop_assert!(decode(bytes[..keep].to_vec().into()).is_err());
        }
    }
}
