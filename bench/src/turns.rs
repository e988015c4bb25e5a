//! Product and floor by turns, in one run: what disturbs the machine disturbs
//! both. Who comes first alternates too.

pub mod launch;
pub mod lines;
mod requests;

use anyhow::Result;

use crate::{comparison::Comparison, side::Side};

/// Every path that has a floor.
pub async fn all(product: &mut Side, floor: &mut Side) -> Result<Vec<Comparison>> {
    let mut comparisons = requests::compare(product, floor).await?;
    comparisons.extend(launch::compare(product, floor).await?);
    comparisons.push(lines::compare(product, floor).await?);
    Ok(comparisons)
}

/// Both sides in the order of a round.
fn turn<'a>(round: usize, product: &'a mut Side, floor: &'a mut Side) -> [&'a mut Side; 2] {
    if round.is_multiple_of(2) { [product, floor] } else { [floor, product] }
}
