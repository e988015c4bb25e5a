//! One installation with everything that starting its parts needs to know.

use std::sync::Arc;

use super::{backend::Kind, error::Error, home::Home, installation::Installation, layout::Layout, secrets::Secrets};

/// What every part's launch, probe and preparation read.
pub struct Site {
    /// Where it lies.
    pub home: Home,
    /// Its id and ports.
    pub installation: Installation,
    /// Its passwords and keys.
    pub secrets: Secrets,
}

impl Site {
    /// The installation at `home`, which must be there.
    pub fn load(home: Home) -> Result<Self, Error> {
        let missing = || Error::NoPlatform(home.root().to_owned());
        let installation = Installation::load(&home)?.ok_or_else(missing)?;
        let secrets = Secrets::load(&home)?.ok_or_else(missing)?;
        Ok(Self { home, installation, secrets })
    }

    /// The installation at `home`, with the backend that is wanted, if any is;
    /// what is missing of it is made.
    ///
    /// Called under the supervisor's lock only.
    pub fn load_or_create(home: Home, layout: Layout, wanted: Option<Kind>) -> Result<Arc<Self>, Error> {
        home.create()?;
        let installation = Installation::load_or_create(&home, layout, wanted)?;
        let secrets = Secrets::load_or_create(&home)?;
        Ok(Arc::new(Self { home, installation, secrets }))
    }
}
