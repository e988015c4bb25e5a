//! The image that executions run in: found or pulled when a job is submitted,
//! and pinned by its content from then on.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::Mutex;
use tracing::{debug, info};

use super::engine::Engine;
use crate::backend::Error;

/// Where programs are in an image that does not say.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `sha256:…` of its configuration, which names the digest of each layer.
    pub digest: String,
    /// Its environment, less its PATH.
    pub variables: BTreeMap<String, String>,
    /// Its PATH.
    pub path: Option<String>,
}

impl Image {
    /// The PATH of commands in it.
    pub fn path(&self) -> String {
        self.path.clone().unwrap_or_else(|| DEFAULT_PATH.to_owned())
    }
}

/// A name with its tag: of one without, the engine would pull every tag that there is.
fn tagged(name: String) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) { name } else { format!("{name}:latest") }
}

/// Finds and pulls the configured image.
#[derive(Debug, Clone)]
pub struct Images {
    engine: Engine,
    name: String,
    /// Whoever pulls; everybody else waits for it instead of pulling too.
    pulling: Arc<Mutex<()>>,
}

impl Images {
    /// Of an image's name.
    pub fn new(engine: Engine, name: String) -> Self {
        Self { engine, name: tagged(name), pulling: Arc::default() }
    }

    /// The image as it is now; pulled where it is not on this machine.
    pub async fn current(&self) -> Result<Image, Error> {
        self.found_or_pulled(&self.name).await
    }

    /// The image of a digest that was pinned. Pulling its name helps only while
    /// the name still means it.
    pub async fn pinned(&self, digest: &str) -> Result<Image, Error> {
        self.found_or_pulled(digest).await
    }

    async fn found_or_pulled(&self, wanted: &str) -> Result<Image, Error> {
        if let Some(image) = self.find(wanted).await? {
            return Ok(image);
        }
        let _alone = self.pulling.lock().await;
        if let Some(image) = self.find(wanted).await? {
            return Ok(image);
        }
        info!(image = self.name, "pulling");
        self.engine.pull(&self.name, |step| debug!(image = self.name, step, "pulling")).await?;
        self.find(wanted).await?.ok_or(Error::ImageChanged)
    }

    async fn find(&self, wanted: &str) -> Result<Option<Image>, Error> {
        let Some(found) = self.engine.image(wanted).await? else { return Ok(None) };
        let Some(id) = found.id else { return Ok(None) };
        let environment = found.config.and_then(|config| config.env).unwrap_or_default();
        let mut variables: BTreeMap<String, String> = environment
            .iter()
            .filter_map(|entry| entry.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let path = variables.remove("PATH");
        // Podman leaves the algorithm out.
        let digest = if id.starts_with("sha256:") { id } else { format!("sha256:{id}") };
        Ok(Some(Image { digest, variables, path }))
    }
}

#[cfg(test)]
mod tests {
    use super::tagged;

    #[test]
    fn a_name_without_a_tag_means_the_latest() {
        for (name, expected) in [
            ("science", "science:latest"),
            ("localhost:5000/science", "localhost:5000/science:latest"),
            ("localhost:5000/science:2", "localhost:5000/science:2"),
            ("science@sha256:00", "science@sha256:00"),
        ] {
            assert_eq!(tagged(name.to_owned()), expected);
        }
    }
}
