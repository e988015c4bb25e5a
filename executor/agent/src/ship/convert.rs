//! From the spool's records to the contract's.

use katonic_member::{
    UnixNanos,
    spool::{Content, GapReason, Record, Seq, Stream},
};
use katonic_proto::logs::v1 as proto;
use prost_types::Timestamp;

/// What a record costs in the window, beside its bytes.
const OVERHEAD_BYTES: usize = 48;

/// The record as it is sent.
pub fn record(record: &Record) -> proto::Record {
    let sent = proto::Record { seq: record.seq.get(), time: Some(timestamp(record.time)), ..proto::Record::default() };
    match &record.content {
        Content::Line { stream: from, data, continued } => {
            proto::Record { stream: stream(*from).into(), data: data.clone(), continued: *continued, ..sent }
        }
        Content::Gap { to, reason } => {
            let gap = proto::Gap { to: to.map(Seq::get), reason: gap_reason(*reason).into() };
            proto::Record { gap: Some(gap), ..sent }
        }
    }
}

/// About how many bytes it takes.
pub const fn weight(record: &Record) -> usize {
    match &record.content {
        Content::Line { data, .. } => data.len() + OVERHEAD_BYTES,
        Content::Gap { .. } => OVERHEAD_BYTES,
    }
}

/// A time as protobuf has it.
pub fn timestamp(time: UnixNanos) -> Timestamp {
    let (seconds, nanos) = time.parts();
    Timestamp { seconds, nanos }
}

const fn stream(stream: Stream) -> proto::Stream {
    match stream {
        Stream::Stdout => proto::Stream::Stdout,
        Stream::Stderr => proto::Stream::Stderr,
        Stream::Prepare => proto::Stream::Prepare,
    }
}

const fn gap_reason(reason: GapReason) -> proto::GapReason {
    match reason {
        GapReason::SpoolFull => proto::GapReason::SpoolFull,
        GapReason::Disk => proto::GapReason::Disk,
        GapReason::Lost => proto::GapReason::Lost,
    }
}
