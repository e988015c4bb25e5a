//! What is being waited for, as one line that goes away again: on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::{failure::one_line, output::Output};

/// A line on stderr that says what is being waited for.
#[derive(Debug)]
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// A progress line, where `output` shows any.
    pub fn new(output: Output) -> Self {
        Self(output.shows_notices().then(|| {
            let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        }))
    }

    /// Says what is being waited for now.
    pub fn say(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(one_line(text));
        }
    }

    /// Takes the line off the screen, before something else is written.
    pub fn clear(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
