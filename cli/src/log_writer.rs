//! Writing log entries where they belong: a job's stdout to our stdout, its
//! stderr to our stderr, byte for byte.
//!
//! What the platform did before the command started is shown on a terminal
//! only, or when it is asked for. A gap is always stated, on stderr. Each
//! answer of the server is written at once and flushed: a line is never held
//! back, and 200,000 of them are not 200,000 system calls.

use std::io::{self, Write};

use katonic_proto::{
    json,
    logs::v1::{Entry, Gap, GapReason, Stream, entry::Content},
};
use serde_json::{Value, json};

use crate::{failure::OutputError, output::Output, text};

/// What of a log is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection {
    /// Entries with lower sequences are left out.
    pub from: u64,
    /// Only this stream; unspecified means all.
    pub stream: Stream,
}

/// Where an entry comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The attempt.
    pub attempt: u32,
    /// `<role>/<index>`.
    pub member: &'a str,
}

/// Writes the entries of one log, in order.
#[derive(Debug)]
pub struct LogWriter {
    output: Output,
    selection: Selection,
    /// Whether each JSON document says by `entry` what it is.
    wrapped: bool,
}

impl LogWriter {
    /// A writer of what is selected.
    pub fn new(output: Output, selection: Selection) -> Self {
        Self { output, selection, wrapped: false }
    }

    /// A writer for a stream that also holds other documents.
    pub fn among_others(output: Output) -> Self {
        Self { output, selection: Selection::default(), wrapped: true }
    }

    /// Writes one answer of the server.
    pub fn write(&self, origin: Origin<'_>, entries: &[Entry]) -> Result<(), OutputError> {
        let mut buffers = Buffers::default();
        for entry in entries.iter().filter(|entry| self.is_selected(entry)) {
            if self.output.is_json() {
                let line = format!("{}\n", self.document(origin, entry));
                buffers.stdout.extend_from_slice(line.as_bytes());
            } else {
                self.render(entry, &mut buffers);
            }
        }
        Ok(buffers.flush()?)
    }

    fn is_selected(&self, entry: &Entry) -> bool {
        let of_stream = self.selection.stream == Stream::Unspecified || entry.stream() == self.selection.stream;
        entry.seq >= self.selection.from && (of_stream || matches!(entry.content, Some(Content::Gap(_))))
    }

    fn document(&self, origin: Origin<'_>, entry: &Entry) -> Value {
        let mut document = json::to_value(entry);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("attempt".to_owned(), origin.attempt.into());
            fields.insert("member".to_owned(), origin.member.into());
        }
        if self.wrapped { json!({ "entry": document }) } else { document }
    }

    fn render(&self, entry: &Entry, buffers: &mut Buffers) {
        let prepare_wanted = self.output.shows_notices() || self.selection.stream == Stream::Prepare;
        let line: &[u8] = match &entry.content {
            Some(Content::Text(text)) => text.as_bytes(),
            Some(Content::Raw(bytes)) => bytes,
            Some(Content::Gap(gap)) => {
                let sentence = format!("katonic: {}\n", gap_sentence(entry.seq, gap));
                return buffers.stderr.extend_from_slice(sentence.as_bytes());
            }
            None => return,
        };
        let buffer = match entry.stream() {
            Stream::Stderr => &mut buffers.stderr,
            Stream::Prepare if prepare_wanted => &mut buffers.stderr,
            Stream::Prepare => return,
            Stream::Stdout | Stream::Unspecified => &mut buffers.stdout,
        };
        buffer.extend_from_slice(line);
        if !entry.continued {
            buffer.push(b'\n');
        }
    }
}

fn gap_sentence(first: u64, gap: &Gap) -> String {
    let which = match gap.to {
        Some(last) => format!("log entries {first} to {last} are missing"),
        None => format!("log entries from {first} on are missing"),
    };
    match gap.reason() {
        GapReason::Unspecified => which,
        reason => format!("{which}: {}", text::words(reason.as_str_name().trim_start_matches("GAP_REASON_"))),
    }
}

#[derive(Default)]
struct Buffers {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Buffers {
    fn flush(self) -> io::Result<()> {
        if !self.stdout.is_empty() {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&self.stdout)?;
            stdout.flush()?;
        }
        if !self.stderr.is_empty() {
            io::stderr().lock().write_all(&self.stderr)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;

    fn line(seq: u64, stream: Stream, content: Content, continued: bool) -> Entry {
        Entry { seq, stream: stream.into(), content: Some(content), continued, ..Entry::default() }
    }

    fn text(seq: u64, stream: Stream, text: &str) -> Entry {
        line(seq, stream, Content::Text(text.to_owned()), false)
    }

    fn rendered(selection: Selection, entries: &[Entry]) -> (Vec<u8>, Vec<u8>) {
        let writer = LogWriter::new(Output::new(Format::Human), selection);
        let mut buffers = Buffers::default();
        entries.iter().filter(|e| writer.is_selected(e)).for_each(|entry| writer.render(entry, &mut buffers));
        (buffers.stdout, buffers.stderr)
    }

    #[test]
    fn each_stream_goes_to_its_own_place_byte_for_byte() {
        let entries = [
            text(1, Stream::Stdout, "out \u{1b}[1mbold"),
            text(2, Stream::Stderr, "err"),
            line(3, Stream::Stdout, Content::Raw(vec![0xff, 0x00]), false),
            text(4, Stream::Stdout, ""),
        ];
        let (stdout, stderr) = rendered(Selection::default(), &entries);
        assert_eq!(stdout, b"out \x1b[1mbold\n\xff\x00\n\n");
        assert_eq!(stderr, b"err\n");
    }

    #[test]
    fn a_split_line_is_put_together_again() {
        let part = |seq, text: &str| line(seq, Stream::Stdout, Content::Text(text.to_owned()), true);
        let entries = [part(1, "a"), text(2, Stream::Stderr, "between"), text(3, Stream::Stdout, "b")];
        assert_eq!(rendered(Selection::default(), &entries).0, b"ab\n");
    }

    #[test]
    fn a_gap_is_stated_whatever_is_selected() {
        let gap = Gap { to: Some(9), reason: GapReason::SpoolFull.into() };
        let entries = [text(1, Stream::Stdout, "a"), line(4, Stream::Stdout, Content::Gap(gap), false)];
        let selection = Selection { from: 2, stream: Stream::Stderr };
        let (stdout, stderr) = rendered(selection, &entries);
        assert_eq!(stdout, b"");
        assert_eq!(stderr, b"katonic: log entries 4 to 9 are missing: spool full\n");
    }

    #[test]
    fn as_json_an_entry_says_where_it_is_from() {
        let writer = LogWriter::new(Output::new(Format::Json), Selection::default());
        let document = writer.document(Origin { attempt: 2, member: "main/0" }, &text(7, Stream::Stdout, "x"));
        let expected = json!({"seq": "7", "stream": "STREAM_STDOUT", "text": "x", "attempt": 2, "member": "main/0"});
        assert_eq!(document, expected);
    }
}
