//! What a part needs beyond running: users in the store, topology in the broker.
//!
//! Done after every start of the part, so that a store or broker that lost its
//! files is whole again (DESIGN M7, W2). Each step may be repeated.

use super::{error::Error, part::Part, site::Site, store, topology};

/// Makes what is missing inside a part that listens.
pub async fn prepare(site: &Site, part: Part) -> Result<(), Error> {
    match part {
        Part::Store => store::prepare(site).await,
        Part::Rabbitmq => topology::apply(site).await,
        _ => Ok(()),
    }
}
