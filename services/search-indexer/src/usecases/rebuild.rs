//! Asking for the index to be made anew, and hearing that it was: asked twice
//! is asked once.

use tokio::sync::watch;

/// Asks for rebuilds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rebuilds(watch::Sender<bool>);

impl Default for Rebuilds {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Rebuilds {
    /// Asks for one; answers whether one was under way already.
    pub fn ask(&self) -> bool {
        !self.0.send_if_modified(|wanted| !std::mem::replace(wanted, true))
    }

    /// Waits until none is wanted or under way.
    pub async fn done(&self) {
        // Never an error: the sender is ours.
        let mut wanted = self.0.subscribe();
        let _done = wanted.wait_for(|wanted| !wanted).await;
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        let mut wanted = self.0.subscribe();
        let _asked = wanted.wait_for(|wanted| *wanted).await;
    }

    /// The one that was asked for is there.
    pub fn finished(&self) {
        self.0.send_replace(false);
    }
}
