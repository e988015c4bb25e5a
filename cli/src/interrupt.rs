//! What Ctrl-C and TERM mean while a job is being watched.
//!
//! On a terminal the first Ctrl-C asks whether to stop the job or to leave it
//! running; a second one leaves it, also after the answer was to stop. Elsewhere nobody can answer, so INT, TERM
//! and HUP leave the job running: the platform never ends work because whoever
//! looked at it has gone.

use std::{
    io::{self, IsTerminal, Write},
    thread,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use crate::{exit::Exit, failure::Explain};

/// Signals cannot be received.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for signals")]
pub struct Error(#[from] io::Error);

impl Explain for Error {
    fn next_step(&self) -> String {
        "raise the limit of open files, or use --detach".to_owned()
    }
}

/// What the person wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Stop the job and see it end.
    Stop,
    /// Leave the job running and exit with this code.
    Detach(Exit),
    /// Go on watching.
    Continue,
}

/// Signals and the answers to our question.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    interactive: bool,
    asking: bool,
    stopping: bool,
    answers: Option<mpsc::Receiver<String>>,
}

impl Interrupts {
    /// Takes the signals over from here on.
    pub fn listen() -> Result<Self, Error> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            asking: false,
            stopping: false,
            answers: None,
        })
    }

    /// Whether the question is on the screen and should stay readable.
    pub fn is_asking(&self) -> bool {
        self.asking
    }

    /// The next wish. May be dropped and called again without losing one.
    pub async fn next(&mut self) -> Wish {
        loop {
            let answer = async {
                match &mut self.answers {
                    Some(answers) if self.asking => answers.recv().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => {
                    if !self.interactive || self.asking || self.stopping {
                        return Wish::Detach(Exit::INTERRUPTED);
                    }
                    self.ask();
                }
                _ = self.terminate.recv() => return Wish::Detach(Exit::TERMINATED),
                _ = self.hang_up.recv() => return Wish::Detach(Exit::TERMINATED),
                answer = answer => {
                    self.asking = false;
                    match answer.as_deref().map(understand) {
                        Some(Some(wish)) => {
                            self.stopping |= wish == Wish::Stop;
                            return wish;
                        }
                        Some(None) => self.ask(),
                        // Nobody can answer any more.
                        None => return Wish::Detach(Exit::INTERRUPTED),
                    }
                }
            }
        }
    }

    /// Asks; each answer is one line, read by a thread of its own, which ends with the process.
    fn ask(&mut self) {
        self.asking = true;
        let mut stderr = anstream::stderr().lock();
        let _ = write!(stderr, "\nkatonic: [s]top the job, [d]etach and leave it running, [c]ontinue watching? ");
        let _ = stderr.flush();
        if self.answers.is_none() {
            let (sender, receiver) = mpsc::channel(1);
            self.answers = Some(receiver);
            thread::spawn(move || {
                for line in io::stdin().lines().map_while(Result::ok) {
                    if sender.blocking_send(line).is_err() {
                        return;
                    }
                }
            });
        }
    }
}

fn understand(answer: &str) -> Option<Wish> {
    match answer.trim().to_ascii_lowercase().as_str() {
        "s" | "stop" => Some(Wish::Stop),
        "d" | "detach" => Some(Wish::Detach(Exit::INTERRUPTED)),
        "c" | "continue" => Some(Wish::Continue),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood_by_their_first_letter_or_word() {
        assert_eq!(understand(" S\n"), Some(Wish::Stop));
        assert_eq!(understand("detach"), Some(Wish::Detach(Exit::INTERRUPTED)));
        assert_eq!(understand("c"), Some(Wish::Continue));
        assert_eq!([understand(""), understand("q"), understand("stopp")], [None, None, None]);
    }
}
