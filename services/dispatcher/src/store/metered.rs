//! What members used: read by id only, one row a member of which something was said.

use katonic_domain::{ExecutionId, MemberId};
use katonic_store::{Record, Records, StoreError};

use super::Repository;
use crate::{domain::metered::Metered, error::Error};

impl Record for Metered {
    type Id = MemberId;

    const COLLECTION: &'static str = "metered";
    const ENTITY: &'static str = "usage";

    fn id(&self) -> MemberId {
        self.member.clone()
    }
}

impl Repository {
    /// What members used.
    pub const fn metered(&self) -> &Records<Metered> {
        &self.metered
    }

    /// What the members of an attempt used, as far as something was said.
    pub async fn metered_of(&self, execution: ExecutionId, attempt: u32) -> Result<Vec<Metered>, StoreError> {
        let mut all = Vec::new();
        for member in self.members_of(execution).await? {
            if member.id.attempt == attempt {
                all.extend(self.metered.get(&member.id).await?);
            }
        }
        Ok(all)
    }

    /// Takes what was said of a member, unless something later is known.
    pub async fn meter(&self, said: &Metered) -> Result<(), Error> {
        let advance = |known: &mut Metered| {
            known.advance(said);
            Ok::<_, Error>(())
        };
        match self.metered.update(&said.member, advance).await {
            Err(Error::Store(StoreError::NotFound { .. })) => match self.metered.insert(said.clone(), None).await {
                // Something was said in the same moment: what is said next will be later.
                Ok(_) | Err(StoreError::Duplicate { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            },
            updated => updated.map(drop),
        }
    }
}
