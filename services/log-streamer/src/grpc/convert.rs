//! Between the contract's messages and the domain.

use bytes::Bytes;
use katonic_domain::Timestamp;
use katonic_proto::{logs::v1 as proto, time::timestamp};

use crate::{
    domain::{Batch, Content, GapReason, Record, Seq, Stream},
    error::Error,
};

/// The batch of a message.
pub fn batch(records: Vec<proto::Record>) -> Result<Batch, Error> {
    let records = records.into_iter().map(record).collect::<Result<Vec<_>, _>>()?;
    Ok(Batch::try_new(records)?)
}

fn record(record: proto::Record) -> Result<Record, Error> {
    let seq = record.seq;
    let wrong = |problem: &str| Error::invalid("records", format!("record {seq} {problem}"));
    let stream = record.stream();
    let time = record.time.ok_or_else(|| wrong("has no time"))?;
    let time = Timestamp::new(time.seconds, time.nanos).map_err(|_| wrong("has no valid time"))?;
    let content = match record.gap {
        Some(gap) if record.data.is_empty() => Content::Gap {
            to: gap.to.map(Seq::new),
            reason: gap_reason(gap.reason()).ok_or_else(|| wrong("is a gap without a reason"))?,
        },
        Some(_) => return Err(wrong("is both line and gap")),
        None => Content::Line {
            stream: only(stream).ok_or_else(|| wrong("is of no stream"))?,
            data: Bytes::from(record.data),
            continued: record.continued,
        },
    };
    Ok(Record { seq: Seq::new(seq), time, content })
}

/// The entry that a reader sees of a record.
pub fn entry(record: Record) -> proto::Entry {
    use proto::entry::Content as Shown;
    let (stream, content, continued) = match record.content {
        Content::Line { stream, data, continued } => (shown(stream), text_or_raw(&data), continued),
        Content::Gap { to, reason } => {
            let gap = proto::Gap { to: to.map(Seq::get), reason: shown_reason(reason).into() };
            (proto::Stream::Unspecified, Shown::Gap(gap), false)
        }
    };
    let time = timestamp(record.time);
    proto::Entry { seq: record.seq.get(), stream: stream.into(), time: Some(time), continued, content: Some(content) }
}

fn text_or_raw(data: &Bytes) -> proto::entry::Content {
    match str::from_utf8(data) {
        Ok(text) => proto::entry::Content::Text(text.to_owned()),
        Err(_) => proto::entry::Content::Raw(data.to_vec()),
    }
}

/// The stream that a reader wants; `None` means all.
pub const fn only(stream: proto::Stream) -> Option<Stream> {
    match stream {
        proto::Stream::Unspecified => None,
        proto::Stream::Stdout => Some(Stream::Stdout),
        proto::Stream::Stderr => Some(Stream::Stderr),
        proto::Stream::Prepare => Some(Stream::Prepare),
    }
}

const fn shown(stream: Stream) -> proto::Stream {
    match stream {
        Stream::Stdout => proto::Stream::Stdout,
        Stream::Stderr => proto::Stream::Stderr,
        Stream::Prepare => proto::Stream::Prepare,
    }
}

const fn gap_reason(reason: proto::GapReason) -> Option<GapReason> {
    match reason {
        proto::GapReason::Unspecified => None,
        proto::GapReason::SpoolFull => Some(GapReason::SpoolFull),
        proto::GapReason::Disk => Some(GapReason::Disk),
        proto::GapReason::Lost => Some(GapReason::Lost),
    }
}

const fn shown_reason(reason: GapReason) -> proto::GapReason {
    match reason {
        GapReason::SpoolFull => proto::GapReason::SpoolFull,
        GapReason::Disk => proto::GapReason::Disk,
        GapReason::Lost => proto::GapReason::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(data: &[u8]) -> proto::Record {
        proto::Record {
            seq: 1,
            stream: proto::Stream::Stderr.into(),
            time: Some(prost_types::Timestamp { seconds: 7, nanos: 9 }),
            data: data.to_vec(),
            continued: true,
            gap: None,
        }
    }

    #[test]
    fn bytes_arrive_as_text_where_they_are_and_raw_where_not() {
        for (data, text) in
            [(b"\x1b[31mred\0".as_slice(), true), (b"\xff\xfe".as_slice(), false), (b"".as_slice(), true)]
        {
            let shown = entry(record(sent(data)).expect("a record"));
            assert_eq!((shown.seq, shown.continued), (1, true));
            assert_eq!(shown.time, sent(data).time);
            match shown.content {
                Some(proto::entry::Content::Text(found)) => assert!(text && found.as_bytes() == data),
                Some(proto::entry::Content::Raw(found)) => assert!(!text && found == data),
                other => assert_eq!(other, None, "{data:?} became something else"),
            }
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let gap = proto::Gap { to: None, reason: proto::GapReason::Disk.into() };
        for wrong in [
            proto::Record { stream: 0, ..sent(b"x") },
            proto::Record { stream: 99, ..sent(b"x") },
            proto::Record { time: None, ..sent(b"x") },
            proto::Record { time: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }), ..sent(b"x") },
            proto::Record { gap: Some(gap), ..sent(b"x") },
            proto::Record { gap: Some(proto::Gap { reason: 0, ..gap }), ..sent(b"") },
        ] {
            assert!(record(wrong.clone()).is_err(), "{wrong:?} was taken");
        }
        assert!(record(proto::Record { gap: Some(gap), stream: 0, ..sent(b"") }).is_ok());
    }
}
