//! A collection as those see it who project its aggregates elsewhere.

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream::BoxStream};
use katonic_proto::aggregates::{Aggregates, Error, Standing};

use crate::{
    aggregate::{Aggregate, Version},
    collection::Collection,
    error::StoreError,
};

impl<T: Aggregate> Aggregates for Collection<T> {
    fn entity(&self) -> &'static str {
        T::ENTITY
    }

    fn events<'a>(&'a self, id: &'a str, after: u64, limit: usize) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        async move {
            let entries = self.history_of(id, Version::new(after), limit).await.map_err(boxed)?;
            Ok(entries.into_iter().map(|entry| entry.body).collect())
        }
        .boxed()
    }

    fn walk(&self, portion: usize) -> BoxStream<'static, Result<Vec<Standing>, Error>> {
        let standings = self.table.standings().map_err(boxed);
        standings.try_chunks(portion).map_err(|cut| cut.1).boxed()
    }
}

fn boxed(error: StoreError) -> Error {
    Box::new(error)
}
