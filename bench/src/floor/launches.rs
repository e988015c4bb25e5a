//! From submit to user code.
//!
//! Hops: client → gateway → owner, answered once the execution is stored;
//! owner → fork and exec of the parent; agent (inotify) → gateway → owner for
//! the claim; agent → parent (fifo) → fork and exec of the command.
//!
//! Durable writes, one after the other, and what a crash would do without each:
//! 1. the execution with its event: an accepted job would be forgotten;
//! 2. admission, one transaction of execution and member: a place would be given twice;
//! 3. the member's folder with its launch file: a member would run that nobody finds again;
//! 4. the agent's nonce: after its restart it could not go on with its own claim;
//! 5. the claim, a compare-and-set: two agents might both let user code start;
//! 6. `started`, exclusively: a second parent would start user code a second time.
#![expect(clippy::disallowed_methods, reason = "a floor is what our libraries are measured against")]

use std::{path::PathBuf, process::Stdio, sync::Arc};

use anyhow::Result;
use bson::{Document, doc};
use katonic_service::runtime::spawn;
use mongodb::{Client, Collection, Database};
use serde_json::json;
use tokio::process::Command;

use super::{Settings, member, pb, projects::durable};

/// Executions of the floor.
pub struct Launches(Arc<Inner>);

struct Inner {
    client: Client,
    executions: Collection<Document>,
    members: Collection<Document>,
    folder: PathBuf,
    parent: PathBuf,
}

impl Launches {
    /// Opens the collections.
    pub fn open(database: &Database, settings: &Settings) -> Self {
        Self(Arc::new(Inner {
            client: database.client().clone(),
            executions: durable(database, "executions"),
            members: durable(database, "members"),
            folder: settings.members.clone().into(),
            parent: settings.parent.clone().into(),
        }))
    }

    /// Accepts a job; it starts after the answer.
    pub async fn submit(&self, job: pb::Job) -> Result<pb::Execution> {
        let id = format!("exe_{}", uuid::Uuid::now_v7().simple());
        let execution = pb::Execution {
            execution_id: id.clone(),
            phase: "PHASE_QUEUED".into(),
            command: job.command,
            create_time: jiff::Timestamp::now().to_string(),
        };
        let event = json!({"type": "io.katonic.execution.queued.v1", "subject": id, "data": execution}).to_string();
        let row = doc! {"_id": &id, "version": 1, "state": bson::serialize_to_bson(&execution)?, "outbox": [event]};
        self.0.executions.insert_one(row).await?;
        let (inner, started) = (Arc::clone(&self.0), execution.clone());
        spawn("launch", async move {
            if let Err(error) = inner.launch(&started).await {
                eprintln!("the floor does not launch: {error:#}");
            }
        });
        Ok(execution)
    }

    /// Takes the right to run an execution; false where somebody has it.
    pub async fn claim(&self, id: &str) -> Result<bool> {
        let free = doc! {"_id": id, "claimed": false};
        let claimed = self.0.members.update_one(free, doc! {"$set": {"claimed": true}}).await?;
        Ok(claimed.modified_count == 1)
    }
}

impl Inner {
    async fn launch(&self, execution: &pb::Execution) -> Result<()> {
        let id = &execution.execution_id;
        self.admit(id).await?;
        let folder = member::create(&self.folder, id, &execution.command)?;
        let mut parent = Command::new(&self.parent);
        parent.arg(&folder).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
        parent.spawn()?.wait().await?;
        Ok(())
    }

    async fn admit(&self, id: &str) -> Result<()> {
        let mut session = self.client.start_session().await?;
        session.start_transaction().await?;
        let event = json!({"type": "io.katonic.execution.admitted.v1", "subject": id}).to_string();
        let admitted = doc! {
            "$set": {"state.phase": "PHASE_STARTING"}, "$inc": {"version": 1}, "$push": {"outbox": event},
        };
        self.executions.update_one(doc! {"_id": id, "version": 1}, admitted).session(&mut session).await?;
        let member = doc! {"_id": id, "claimed": false, "holding": true};
        self.members.insert_one(member).session(&mut session).await?;
        Ok(session.commit_transaction().await?)
    }
}
