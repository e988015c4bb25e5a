//! What the doctor knows before it judges: everything is looked at once, side
//! by side, and only read.

mod folder;
mod gateway;
mod given;
mod host;
mod tools;

pub use folder::Folder;
pub use gateway::{Asked, Gateway, Reached};
pub use given::Given;
pub use host::Host;
pub use tools::{Git, Tools};

use crate::{args::Global, platform::Home};

/// Everything that checks judge.
pub struct Facts {
    /// What flags and environment say.
    pub given: Given,
    /// The platform that is used, seen from here.
    pub gateway: Gateway,
    /// The folder that one stands in.
    pub folder: Folder,
    /// Programs that are needed on this machine.
    pub tools: Tools,
    /// This machine as the platform's home; none where another platform is named and none was ever started here.
    pub host: Option<Host>,
}

impl Facts {
    /// Looks at everything.
    pub async fn gather(global: Global) -> Self {
        let given = Given::gather(global);
        let home = Home::discover().ok();
        let access = home.as_ref().and_then(|home| home.access().ok());
        let is_host = given.url.is_none() || home.as_ref().is_some_and(|home| home.client_file().exists());
        let folder = tokio::task::spawn_blocking(Folder::gather);
        let (gateway, host, tools, folder) = tokio::join!(
            Gateway::gather(&given, access),
            async { if is_host { Host::gather(home).await } else { None } },
            Tools::gather(is_host),
            folder,
        );
        Self { given, gateway, folder: folder.unwrap_or_default(), tools, host }
    }
}
