//! How `katonic` says that something failed: the cause in one line, what to do
//! next in a second one, both on stderr.
//!
//! Each module has its own error enum; what makes such an error fit to be
//! shown is [`Explain`]. The source chain is joined here and nowhere else.

use std::{error::Error as StdError, fmt, io, process::ExitCode};

use anstyle::{AnsiColor, Style};

use crate::exit::Exit;

/// What an error must say to be shown to a person.
pub trait Explain: StdError + Send + Sync + 'static {
    /// What to do next, as an imperative sentence without a full stop.
    fn next_step(&self) -> String;

    /// Whether it only says that the reader of our output has gone.
    fn is_broken_pipe(&self) -> bool {
        false
    }
}

/// An error on its way to the person who ran the command.
#[derive(Debug)]
pub struct Failure {
    error: Box<dyn Explain>,
    exit: Exit,
}

impl Failure {
    /// The same failure with another exit code.
    #[must_use]
    pub fn exiting(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Prints the failure and answers the code to exit with.
    pub fn report(&self) -> ExitCode {
        if self.error.is_broken_pipe() {
            return Exit::BROKEN_PIPE.into();
        }
        let (red, dim) = (AnsiColor::Red.on_default().bold(), Style::new().dimmed());
        anstream::eprintln!("{red}katonic:{red:#} {self}");
        anstream::eprintln!("{dim}next:{dim:#} {}", one_line(&self.error.next_step()));
        self.exit.into()
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: Box::new(error), exit: Exit::FAILED }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", one_line(&self.error.to_string()))?;
        let mut source = self.error.source();
        while let Some(error) = source {
            write!(f, ": {}", one_line(&error.to_string()))?;
            source = error.source();
        }
        Ok(())
    }
}

/// Text without line breaks or other control characters: what a server, a
/// file name or Git says must not draw on the terminal.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '\n' => line.push_str("; "),
            other if other.is_control() => {}
            other => line.push(other),
        }
    }
    line
}

/// Why our own output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the output")]
pub struct OutputError(#[from] io::Error);

impl Explain for OutputError {
    fn next_step(&self) -> String {
        "free some space or write elsewhere, then repeat the command".to_owned()
    }

    fn is_broken_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the door")]
    struct Outer(#[source] io::Error);

    impl Explain for Outer {
        fn next_step(&self) -> String {
            "knock".to_owned()
        }
    }

    #[test]
    fn the_chain_of_causes_is_one_line() {
        let failure = Failure::from(Outer(io::Error::other("the key\nis \u{1b}[31mlost")));
        assert_eq!(failure.to_string(), "cannot open the door: the key; is [31mlost");
    }

    #[test]
    fn a_closed_pipe_is_told_apart() {
        let error = OutputError(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(error.is_broken_pipe());
        assert!(!OutputError(io::Error::from(io::ErrorKind::StorageFull)).is_broken_pipe());
    }
}
