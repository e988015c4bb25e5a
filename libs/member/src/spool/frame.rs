//! One frame: its bytes and back. Drawn in [`super`].

use super::{Content, GapReason, Record, Seq, Stream};
use crate::time::UnixNanos;

/// Longest line of one entry; what is longer goes on in further entries.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// Length and CRC.
const PREFIX: usize = 8;
/// Sequence, time, kind, flags.
const HEAD: usize = 18;
const CONTINUED: u8 = 1;
const GAP: u8 = 4;

/// What stands at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A frame of that many bytes.
    Frame(Record, usize),
    /// The beginning of a frame.
    Incomplete,
    /// Something that no writer wrote.
    Corrupt,
}

/// Appends the frame of a record. A line beyond [`MAX_LINE_BYTES`] is cut to it:
/// writers split before.
pub fn encode(record: &Record, into: &mut Vec<u8>) {
    match &record.content {
        Content::Line { stream, data, continued } => {
            encode_line(record.seq, record.time, *stream, data, *continued, into);
        }
        Content::Gap { to, reason } => {
            let mut payload = [0; 9];
            payload[..8].copy_from_slice(&to.map_or(0, Seq::get).to_le_bytes());
            payload[8] = gap_code(*reason);
            append(record.seq, record.time, GAP, 0, &payload, into);
        }
    }
}

/// [`encode`] for a line whose bytes stay where they are.
pub(super) fn encode_line(seq: Seq, time: UnixNanos, stream: Stream, data: &[u8], continued: bool, into: &mut Vec<u8>) {
    let data = data.get(..MAX_LINE_BYTES).unwrap_or(data);
    append(seq, time, stream_code(stream), if continued { CONTINUED } else { 0 }, data, into);
}

fn append(seq: Seq, time: UnixNanos, kind: u8, flags: u8, payload: &[u8], into: &mut Vec<u8>) {
    let start = into.len();
    let length = u32::try_from(HEAD + payload.len()).unwrap_or(u32::MAX);
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(&[0; 4]);
    into.extend_from_slice(&seq.get().to_le_bytes());
    into.extend_from_slice(&time.get().to_le_bytes());
    into.extend_from_slice(&[kind, flags]);
    into.extend_from_slice(payload);
    let crc = crc32fast::hash(&into[start + PREFIX..]);
    into[start + 4..start + PREFIX].copy_from_slice(&crc.to_le_bytes());
}

/// Reads the frame at the start of `bytes`.
pub fn decode(bytes: &[u8]) -> Decoded {
    let (Some(length), Some(crc)) = (number(bytes, 0), number(bytes, 4)) else { return Decoded::Incomplete };
    let Ok(length) = usize::try_from(length) else { return Decoded::Corrupt };
    if !(HEAD..=HEAD + MAX_LINE_BYTES).contains(&length) {
        return Decoded::Corrupt;
    }
    let Some(body) = bytes.get(PREFIX..PREFIX + length) else { return Decoded::Incomplete };
    if crc32fast::hash(body) != crc {
        return Decoded::Corrupt;
    }
    record(body).map_or(Decoded::Corrupt, |record| Decoded::Frame(record, PREFIX + length))
}

fn record(body: &[u8]) -> Option<Record> {
    let seq = Seq::new(u64::from_le_bytes(body.get(0..8)?.try_into().ok()?))?;
    let time = UnixNanos::new(i64::from_le_bytes(body.get(8..16)?.try_into().ok()?));
    let (kind, flags, payload) = (*body.get(16)?, *body.get(17)?, body.get(HEAD..)?);
    let content = if kind == GAP {
        let to = u64::from_le_bytes(payload.get(0..8)?.try_into().ok()?);
        Content::Gap { to: Seq::new(to), reason: gap_reason(*payload.get(8)?)? }
    } else {
        Content::Line { stream: stream(kind)?, data: payload.to_vec(), continued: flags & CONTINUED != 0 }
    };
    Some(Record { seq, time, content })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

const fn stream_code(stream: Stream) -> u8 {
    match stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
        Stream::Prepare => 3,
    }
}

const fn stream(code: u8) -> Option<Stream> {
    match code {
        1 => Some(Stream::Stdout),
        2 => Some(Stream::Stderr),
        3 => Some(Stream::Prepare),
        _ => None,
    }
}

const fn gap_code(reason: GapReason) -> u8 {
    match reason {
        GapReason::SpoolFull => 1,
        GapReason::Disk => 2,
        GapReason::Lost => 3,
    }
}

const fn gap_reason(code: u8) -> Option<GapReason> {
    match code {
        1 => Some(GapReason::SpoolFull),
        2 => Some(GapReason::Disk),
        3 => Some(GapReason::Lost),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn any_record() -> impl Strategy<Value = Record> {
        let line = (
            prop_oneof![Just(Stream::Stdout), Just(Stream::Stderr), Just(Stream::Prepare)],
            vec(any::<u8>(), 0..300),
            any::<bool>(),
        )
            .prop_map(|(stream, data, continued)| Content::Line { stream, data, continued });
        let gap = (any::<u64>(), prop_oneof![Just(GapReason::SpoolFull), Just(GapReason::Disk), Just(GapReason::Lost)])
            .prop_map(|(to, reason)| Content::Gap { to: Seq::new(to), reason });
        (1..=1_u64 << 53, any::<i64>(), prop_oneof![line, gap]).prop_map(|(seq, time, content)| Record {
            seq: Seq(seq),
            time: UnixNanos::new(time),
            content,
        })
    }

    proptest! {
        #[test]
        fn records_survive_their_frames(records in vec(any_record(), 0..20)) {
            let mut bytes = Vec::new();
            records.iter().for_each(|record| encode(record, &mut bytes));
            let mut rest = &bytes[..];
            for expected in records {
                let Decoded::Frame(record, length) = decode(rest) else { return Err(TestCaseError::fail("no frame")) };
                prop_assert_eq!(record, expected);
                rest = &rest[length..];
            }
            prop_assert_eq!(decode(rest), Decoded::Incomplete);
        }

        #[test]
        fn a_torn_frame_is_incomplete(record in any_record(), cut in any::<prop::sample::Index>()) {
            let mut bytes = Vec::new();
            encode(&record, &mut bytes);
            bytes.truncate(cut.index(bytes.len()));
            prop_assert_eq!(decode(&bytes), Decoded::Incomplete);
        }

        #[test]
        fn a_changed_byte_never_passes(record in any_record(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
            let mut bytes = Vec::new();
            encode(&record, &mut bytes);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(!matches!(decode(&bytes), Decoded::Frame(..)));
        }
    }
}
