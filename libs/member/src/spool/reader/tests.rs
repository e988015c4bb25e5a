//! Writer and reader together, as shim and agent use them.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::FileExt as _};

use super::{
    super::{Stream, Writer},
    *,
};

const ALL: usize = usize::MAX;

fn write(writer: &mut Writer, texts: &[&str]) {
    for text in texts {
        writer.line(Stream::Stdout, UnixNanos::new(1), text.as_bytes(), false);
    }
}

fn texts(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .map(|record| match &record.content {
            Content::Line { data, .. } => format!("{} {}", record.seq.get(), String::from_utf8_lossy(data)),
            Content::Gap { to, reason } => format!("{}-{:?} {reason:?}", record.seq.get(), to.map(Seq::get)),
        })
        .collect()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).expect("not 0")
}

#[test]
fn a_reader_follows_a_writer_across_segments() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::create(folder.path(), 30).expect("a spool");
    let mut reader = Reader::open(folder.path(), Seq::FIRST);
    assert!(reader.read(ALL).expect("read").is_empty());
    for batch in [&["a", "b"][..], &["c"], &["d", "e"]] {
        write(&mut writer, batch);
        writer.flush().expect("written");
    }
    assert_eq!(texts(&reader.read(ALL).expect("read")), ["1 a", "2 b", "3 c", "4 d", "5 e"]);
    write(&mut writer, &["f"]);
    writer.flush().expect("written");
    assert_eq!(texts(&reader.read(ALL).expect("read")), ["6 f"]);
    let mut from_four = Reader::open(folder.path(), seq(4));
    assert_eq!(texts(&from_four.read(1).expect("read")), ["4 d"]);
}

#[test]
fn durable_segments_go_and_make_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::create(folder.path(), 1).expect("a spool");
    for text in ["a", "b", "c"] {
        write(&mut writer, &[text]);
        writer.flush().expect("written");
    }
    let before = writer.used_bytes();
    Reader::remove_durable(folder.path(), seq(2)).expect("removed");
    assert!(writer.used_bytes() < before);
    assert_eq!(texts(&Reader::open(folder.path(), seq(3)).read(ALL).expect("read")), ["3 c"]);
    let from_one = Reader::open(folder.path(), Seq::FIRST).read(ALL).expect("read");
    assert_eq!(texts(&from_one), ["1-Some(2) Disk", "3 c"]);
}

#[test]
fn dropped_lines_are_counted_into_one_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::create(folder.path(), 1 << 20).expect("a spool");
    write(&mut writer, &["a"]);
    writer.flush().expect("written");
    write(&mut writer, &["b", "c"]);
    writer.drop_pending(GapReason::SpoolFull);
    write(&mut writer, &["d"]);
    writer.flush().expect("written");
    write(&mut writer, &["e"]);
    writer.flush().expect("written");
    let records = Reader::open(folder.path(), Seq::FIRST).read(ALL).expect("read");
    assert_eq!(texts(&records), ["1 a", "2-Some(4) SpoolFull", "5 e"]);
    assert_eq!(writer.last_seq(), Seq::new(5));
    // Resending from the middle of a gap is the rest of that gap.
    let records = Reader::open(folder.path(), seq(3)).read(ALL).expect("read");
    assert_eq!(texts(&records), ["3-Some(4) SpoolFull", "5 e"]);
}

#[test]
fn a_torn_frame_at_the_end_is_waited_for_and_passed_over_by_the_next_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::create(folder.path(), 1 << 20).expect("a spool");
    write(&mut writer, &["a"]);
    writer.flush().expect("written");
    drop(writer);
    let path = segment::path(folder.path(), Seq::FIRST);
    OpenOptions::new().append(true).open(&path).and_then(|mut file| file.write_all(&[40, 0, 0])).expect("torn");
    let mut reader = Reader::open(folder.path(), Seq::FIRST);
    assert_eq!(texts(&reader.read(ALL).expect("read")), ["1 a"]);
    assert!(reader.read(ALL).expect("waits").is_empty());
    let mut next = Writer::resume(folder.path(), 1 << 20).expect("resumed");
    next.open_gap(GapReason::Lost);
    next.flush().expect("written");
    assert_eq!(texts(&reader.read(ALL).expect("read")), ["2-None Lost"]);
}

#[test]
fn an_empty_spool_is_resumed_at_one() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(Writer::create(folder.path(), 1 << 20).expect("a spool"));
    let writer = Writer::resume(folder.path(), 1 << 20).expect("resumed");
    assert_eq!(writer.last_seq(), None);
}

#[test]
fn damage_is_reported_and_given_up_once_the_end_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::create(folder.path(), 1 << 20).expect("a spool");
    write(&mut writer, &["a", "b", "c"]);
    writer.flush().expect("written");
    let path = segment::path(folder.path(), Seq::FIRST);
    let frame = 8 + 18 + 1;
    OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| file.write_all_at(b"X", 8 + frame + frame - 1))
        .expect("damaged");
    let mut reader = Reader::open(folder.path(), Seq::FIRST);
    assert_eq!(texts(&reader.read(30).expect("read")), ["1 a"]);
    assert!(matches!(reader.read(ALL), Err(ReadError::Corrupt(at)) if at == seq(2)));
    let gap = reader.give_up(Seq::new(3)).expect("missing");
    assert_eq!(texts(&[gap]), ["2-Some(3) Disk"]);
    assert!(reader.give_up(Seq::new(3)).is_none());
}
