//! Cutting a stream of bytes into lines of bounded length.

use katonic_member::spool::MAX_LINE_BYTES;

/// Holds the beginning of a line until its end is read: at most
/// [`MAX_LINE_BYTES`], whatever the stream does.
#[derive(Debug, Default)]
pub struct Splitter {
    partial: Vec<u8>,
}

impl Splitter {
    /// Takes what was read and passes on each whole line, without its newline.
    /// A line that is longer than fits is passed on in parts, each but the last
    /// with the mark that no newline follows.
    pub fn push(&mut self, mut bytes: &[u8], mut line: impl FnMut(&[u8], bool)) {
        while !bytes.is_empty() {
            let room = MAX_LINE_BYTES - self.partial.len();
            // One byte more than fits may be the newline.
            let window = bytes.get(..=room).unwrap_or(bytes);
            match window.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    self.emit(&bytes[..end], false, &mut line);
                    bytes = &bytes[end + 1..];
                }
                None if bytes.len() > room => {
                    self.emit(&bytes[..room], true, &mut line);
                    bytes = &bytes[room..];
                }
                None => {
                    self.partial.extend_from_slice(bytes);
                    return;
                }
            }
        }
    }

    /// The stream has ended: passes on what has no newline.
    pub fn finish(&mut self, line: impl FnOnce(&[u8])) {
        if !self.partial.is_empty() {
            line(&self.partial);
            self.partial.clear();
        }
    }

    fn emit(&mut self, end: &[u8], continued: bool, line: &mut impl FnMut(&[u8], bool)) {
        if self.partial.is_empty() {
            line(end, continued);
        } else {
            self.partial.extend_from_slice(end);
            line(&self.partial, continued);
            self.partial.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(chunks: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, |line, continued| lines.push((line.to_vec(), continued)));
        }
        splitter.finish(|line| lines.push((line.to_vec(), true)));
        lines
    }

    #[test]
    fn lines_do_not_depend_on_how_they_arrive() {
        assert_eq!(split(&[b"a\n\nb", b"c\n", b"d"]), split(&[b"a\n\nbc\nd"]));
        assert_eq!(split(&[b"a\n"]), [(b"a".to_vec(), false)]);
        assert_eq!(split(&[]), []);
    }

    #[test]
    fn a_line_that_just_fits_is_whole_and_one_byte_more_is_not() {
        let fits = vec![b'x'; MAX_LINE_BYTES];
        assert_eq!(split(&[&fits, b"\n"]), [(fits.clone(), false)]);
        assert_eq!(split(&[&fits, b"y\n"]), [(fits, true), (b"y".to_vec(), false)]);
    }

    proptest! {
        #[test]
        fn every_byte_arrives_once(text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..400), chunk in 1_usize..50) {
            let chunks: Vec<&[u8]> = text.chunks(chunk).collect();
            let mut joined = Vec::new();
            for (line, continued) in split(&chunks) {
                joined.extend(line);
                if !continued {
                    joined.push(b'\n');
                }
            }
            prop_assert_eq!(joined, text);
        }
    }
}
