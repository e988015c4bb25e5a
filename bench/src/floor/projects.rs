//! Create, get, list, and the event of a create.
//!
//! - create: client → gateway → owner → store. One durable write: the document
//!   with its first event inside, so that neither is there without the other.
//! - commit to consumer: the same, then one confirmed publish → topic exchange
//!   → queue → consumer. A second durable write, after the publish, takes the
//!   event off the document; without it a restart would publish all over again.
//! - get: one read by id. list: one read of a window of 50 by number, newest
//!   first, by an index. (The number is counted in memory: a floor may start
//!   at 1 again.)
#![expect(clippy::disallowed_methods, reason = "a floor is what our libraries are measured against")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use anyhow::{Result, ensure};
use bson::doc;
use futures::TryStreamExt;
use katonic_service::runtime::spawn;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, options};
use mongodb::{
    Collection, Database, IndexModel,
    options::{CollectionOptions, WriteConcern},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;

use super::pb;

/// The exchange of the floor.
pub const EXCHANGE: &str = "floor";
/// More than a bench has under way.
const UNPUBLISHED: usize = 1024;

/// As the store keeps it.
#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(rename = "_id")]
    id: String,
    number: i64,
    version: i64,
    state: pb::Project,
    outbox: Vec<String>,
}

/// Projects of the floor.
pub struct Projects {
    rows: Collection<Row>,
    number: AtomicI64,
    published: mpsc::Sender<(String, String)>,
}

/// A collection whose writes are acknowledged when they are on disk.
pub fn durable<T: Send + Sync>(database: &Database, name: &str) -> Collection<T> {
    let mut concern = WriteConcern::majority();
    concern.journal = Some(true);
    database.collection_with_options(name, CollectionOptions::builder().write_concern(concern).build())
}

impl Projects {
    /// Opens the collection and a channel to the broker.
    pub async fn open(database: &Database, broker: &str) -> Result<Self> {
        let rows = durable(database, "projects");
        rows.create_index(IndexModel::builder().keys(doc! {"number": 1}).build()).await?;
        let connection = Connection::connect(broker, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(options::ConfirmSelectOptions::default()).await?;
        let (published, events) = mpsc::channel(UNPUBLISHED);
        let publisher = Publisher { rows: rows.clone(), channel, _connection: Arc::new(connection) };
        spawn("publisher", publisher.run(events));
        Ok(Self { rows, number: AtomicI64::new(1), published })
    }

    /// Durable with its event when this returns.
    pub async fn create(&self, asked: pb::Project) -> Result<pb::Project> {
        let id = format!("prj_{}", uuid::Uuid::now_v7().simple());
        let state = pb::Project {
            project_id: id.clone(),
            owner_id: "usr_01kb1qg1m0e8nr7q6e5jx3dz5a".into(),
            etag: "g1".into(),
            create_time: jiff::Timestamp::now().to_string(),
            ..asked
        };
        let event = event(&state);
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let row = Row { id: id.clone(), number, version: 1, state, outbox: vec![event.clone()] };
        self.rows.insert_one(&row).await?;
        self.published.send((id, event)).await?;
        Ok(row.state)
    }

    /// One by its id.
    pub async fn get(&self, id: &str) -> Result<Option<pb::Project>> {
        Ok(self.rows.find_one(doc! {"_id": id}).await?.map(|row| row.state))
    }

    /// The newest ones.
    pub async fn newest(&self, size: u32) -> Result<Vec<pb::Project>> {
        let next = self.number.load(Ordering::Relaxed);
        let window = doc! {"number": {"$gte": next - i64::from(size), "$lt": next}};
        let rows = self.rows.find(window).sort(doc! {"number": -1}).limit(i64::from(size)).await?;
        Ok(rows.map_ok(|row| row.state).try_collect().await?)
    }
}

/// A `CloudEvent` of the product's size.
fn event(project: &pb::Project) -> String {
    json!({
        "specversion": "1.0",
        "id": format!("{}-1-00000000000000000001", project.project_id),
        "source": "/katonic/ins_01kb1qg1m0e8nr7q6e5jx3dz5a/metadata/1",
        "type": "io.katonic.project.created.v1",
        "subject": project.project_id,
        "time": project.create_time,
        "datacontenttype": "application/json",
        "sequence": "00000000000000000001",
        "partitionkey": project.project_id,
        "data": project,
    })
    .to_string()
}

/// Publishes in order, one at a time.
struct Publisher {
    rows: Collection<Row>,
    channel: Channel,
    _connection: Arc<Connection>,
}

impl Publisher {
    async fn run(self, mut events: mpsc::Receiver<(String, String)>) {
        while let Some((id, event)) = events.recv().await {
            if let Err(error) = self.publish(&id, &event).await {
                eprintln!("the floor does not publish: {error:#}");
            }
        }
    }

    async fn publish(&self, id: &str, event: &str) -> Result<()> {
        let mandatory = options::BasicPublishOptions { mandatory: true, ..Default::default() };
        let persistent = BasicProperties::default().with_delivery_mode(2);
        let key = format!("{id}.project.created");
        let publish = self.channel.basic_publish(EXCHANGE.into(), key.into(), mandatory, event.as_bytes(), persistent);
        let confirmation = publish.await?.await?;
        ensure!(matches!(confirmation, Confirmation::Ack(None)), "{confirmation:?}");
        self.rows.update_one(doc! {"_id": id}, doc! {"$pull": {"outbox": event}}).await?;
        Ok(())
    }
}
