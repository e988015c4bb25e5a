//! Series of metrics as the store has them: one document for each execution that
//! logged some, beside the execution's own, so that no list and no event carries them (ADR 26).

use katonic_domain::ExecutionId;
use katonic_store::{Record, StoreError, Transaction};
use serde::{Deserialize, Serialize};

use super::Repository;
use crate::domain::series::Series;

/// What an execution logged: at most 64 metrics of 500 points, some 830 KiB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    execution: ExecutionId,
    series: Vec<Series>,
}

impl Record for Logged {
    type Id = ExecutionId;

    const COLLECTION: &'static str = "metric_series";
    const ENTITY: &'static str = "metric series";

    fn id(&self) -> ExecutionId {
        self.execution
    }
}

impl Repository {
    /// Keeps what an execution logged, with the write that ends it: that comes once.
    pub async fn keep_series(
        &self,
        tx: &mut Transaction,
        execution: ExecutionId,
        series: Vec<Series>,
    ) -> Result<(), StoreError> {
        tx.insert_record(&self.logged, Logged { execution, series }).await
    }

    /// What an execution logged.
    pub async fn series(&self, execution: ExecutionId) -> Result<Vec<Series>, StoreError> {
        Ok(self.logged.get(&execution).await?.map(|logged| logged.series).unwrap_or_default())
    }
}
