//! What a platform costs that has run for long: the same questions with 500
//! executions behind it and with 50,000, in one run on one platform.
//!
//! A ratio near 1 is what is wanted: a list costs its page, a start costs what
//! is not over. The floor's `get` is asked at both sizes too: where that grew,
//! the store or the machine did, and not the product's share.

mod questions;
mod seed;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use katonic_integration_tests::Platform;
use serde::Serialize;

use self::{questions::Questions, seed::Seeder};
use crate::{figure::Figure, side::Side};

const FEW: usize = 500;

/// A question's cost at both sizes.
#[derive(Debug, Serialize)]
pub struct Growth {
    few: Figure,
    many: Figure,
    /// Many over few, of the medians.
    ratio: f64,
}

/// Every question, at both sizes.
pub async fn all(platform: &Platform, product: &Side, floor: &Side, many: usize) -> Result<Vec<Growth>> {
    let seeder = Seeder::open(platform, product).await?;
    let questions = Questions { platform, product, floor };
    let mut executions = seeder.executions(FEW).await?;
    questions.warm_up(&executions).await?;
    let few = questions.pose(&executions).await?;
    eprintln!("{}", crate::figure::table(&few));
    executions.extend(seeder.executions(many.saturating_sub(FEW)).await?);
    questions.warm_up(&executions).await?;
    let many = questions.pose(&executions).await?;
    seeder.close().await;
    Ok(few.into_iter().zip(many).map(|(few, many)| Growth { ratio: many.median() / few.median(), few, many }).collect())
}

/// All questions, for people.
pub fn table(growths: &[Growth], many: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["question", "n", &format!("at {FEW}"), &format!("at {many}"), "ratio"]);
    for Growth { few, many, ratio } in growths {
        let numbers = [few.median(), many.median(), *ratio].map(|number| format!("{number:.2}"));
        table.add_row([vec![few.title(), few.count().to_string()], numbers.to_vec()].concat());
    }
    table.column_iter_mut().skip(1).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    table
}
