//! Figures beside their targets.

mod idle;
mod ready;
mod run;

pub use ready::of as start;

use anyhow::Result;
use katonic_integration_tests::Platform;

use crate::{figure::Figure, fsync, side::Side, turns};

/// All of them.
pub async fn all(platform: &Platform, product: &Side) -> Result<Vec<Figure>> {
    let mut figures = vec![fsync::of_4_kib(&platform.home())?];
    figures.push(idle::resident_memory(platform).await?);
    figures.push(run::run_true(platform).await?);
    let lines = turns::lines::once(product).await?;
    figures.push(Figure::new("line to follower at 2,000 lines/s", "ms", Some(10.0), lines));
    figures.extend(ready::of_each_service(platform).await?);
    Ok(figures)
}
