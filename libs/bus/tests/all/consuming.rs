//! Consumer queues and what a consumer does with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use katonic_bus::{
    Attempts, Bus, BusConfig, Consumer, ConsumerConfig, Handler, IncomingEvent, Message, OutgoingEvent, Parked,
    Publisher, Verdict, Which,
    topology::{ConsumerQueue, Credentials, Delays, Login, Service, Topology, apply, check},
};
use katonic_testkit::broker::{Broker, Vhost, broker};
use lapin::{options::BasicGetOptions, types::AMQPValue};
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{channel, password};

const QUEUE: ConsumerQueue =
    ConsumerQueue { service: Service::Search, entity: "events", version: 1, patterns: &["*.project.#", "*.tier.#"] };
const PATIENCE: Duration = Duration::from_secs(60);

type Judge = Box<dyn Fn(&Message, usize) -> Verdict + Send + Sync>;

/// Remembers what it was handed and answers as told; the judge learns how often it saw the message before.
struct Recorder {
    judge: Judge,
    seen: Mutex<Vec<Message>>,
    news: Notify,
}

#[async_trait]
impl Handler for Shared {
    async fn handle(&self, batch: Vec<Message>) -> Vec<Verdict> {
        let verdicts = batch
            .iter()
            .map(|message| {
                let before = self.0.seen.lock().unwrap().iter().filter(|seen| *seen == message).count();
                self.0.seen.lock().unwrap().push(message.clone());
                (self.0.judge)(message, before)
            })
            .collect();
        self.0.news.notify_waiters();
        verdicts
    }
}

struct Shared(Arc<Recorder>);

impl Recorder {
    fn new(judge: impl Fn(&Message, usize) -> Verdict + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { judge: Box::new(judge), seen: Mutex::default(), news: Notify::new() })
    }

    /// Waits until what it saw is as wanted.
    async fn until(&self, wanted: impl Fn(&[Message]) -> bool) -> anyhow::Result<()> {
        let seen = async {
            loop {
                let news = self.news.notified();
                if wanted(&self.seen.lock().unwrap()) {
                    return;
                }
                news.await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.map_err(|_| anyhow::anyhow!("saw {:?}", self.seen.lock().unwrap()))
    }

    fn subjects(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(subject).collect()
    }
}

fn subject(message: &Message) -> String {
    match message {
        Message::Event(event) => event.subject.clone(),
        Message::Resync => "resync".to_owned(),
    }
}

/// A virtual host with one consumer queue and short delays, and the consuming service's own login.
struct Setup {
    vhost: Vhost,
    topology: Topology,
    credentials: Credentials,
    login: Login,
}

impl Setup {
    async fn new(broker: &Broker) -> anyhow::Result<Self> {
        let vhost = broker.vhost().await?;
        let delays = Delays { short: Duration::from_millis(100), long: Duration::from_millis(200) };
        let topology = Topology::of(&[QUEUE], delays);
        let login = Login { username: format!("search@{}", vhost.admin.vhost()), password: password()? };
        let credentials =
            Credentials { services: BTreeMap::from([(Service::Search, login.clone())]), subscriptions: None };
        apply(&vhost.admin, &topology, &credentials).await?;
        Ok(Self { vhost, topology, credentials, login })
    }

    async fn apply(&self) -> anyhow::Result<()> {
        apply(&self.vhost.admin, &self.topology, &self.credentials).await?;
        Ok(())
    }

    fn uri(&self) -> String {
        self.vhost.uri(&self.login.username, &self.login.password)
    }

    fn consume(&self, recorder: &Arc<Recorder>) -> Running {
        self.consume_with(recorder, |_| {})
    }

    fn consume_with(&self, recorder: &Arc<Recorder>, change: impl FnOnce(&mut ConsumerConfig)) -> Running {
        let mut config = ConsumerConfig::new(self.uri(), QUEUE);
        change(&mut config);
        let shutdown = CancellationToken::new();
        let consumer = Consumer::new(config, Shared(Arc::clone(recorder)));
        Running { tasks: started(consumer.run(shutdown.clone())), shutdown }
    }

    async fn publish(&self, events: &[OutgoingEvent]) -> anyhow::Result<()> {
        let bus = Bus::new(BusConfig::new(self.vhost.admin_uri(), "test"));
        for event in events {
            bus.publish(event).await?;
        }
        Ok(())
    }

    /// Reasons and bodies of what is parked, by the service's own login, without taking it.
    async fn parked(&self) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let (_connection, channel) = channel(&self.uri()).await?;
        let mut parked = Vec::new();
        while let Some(message) = channel.basic_get(QUEUE.parked().into(), BasicGetOptions::default()).await? {
            let headers = message.properties.headers().clone().unwrap_or_default();
            let Some(AMQPValue::LongString(reason)) = headers.inner().get("katonic-reason") else {
                anyhow::bail!("no reason in {headers:?}");
            };
            parked.push((reason.to_string(), message.data.clone()));
        }
        Ok(parked)
    }

    async fn until_parked(&self, count: usize) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let parked = self.parked().await?;
            if parked.len() >= count {
                return Ok(parked);
            }
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "{} of {count} are parked", parked.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

struct Running {
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    async fn end(mut self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}

fn started(run: impl Future<Output = ()> + Send + 'static) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(run);
    tasks
}

fn project(subject: &str, sequence: u64) -> Value {
    json!({
        "specversion": "1.0", "id": format!("{subject}.1.{sequence:020}"), "source": "/katonic/ins_x/metadata/1",
        "type": "io.katonic.project.changed.v1", "subject": subject, "time": "2026-01-02T03:04:05Z",
        "sequence": format!("{sequence:020}"), "partitionkey": subject,
        "datacontenttype": "application/json", "data": {"visibility": "PRIVATE"}
    })
}

fn event(subject: &str) -> OutgoingEvent {
    with_body(subject, project(subject, 1).to_string())
}

fn with_body(id: &str, body: String) -> OutgoingEvent {
    OutgoingEvent { body, ..crate::event(id, "_.project.changed") }
}

fn ack_all() -> Arc<Recorder> {
    Recorder::new(|_, _| Verdict::Ack)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_in_order_after_a_resync_of_the_new_queue() -> anyhow::Result<()> {
    let setup = Setup::new(broker().await?).await?;
    let recorder = ack_all();
    let names: Vec<String> = (0..100).map(|n| format!("prj_{n:03}")).collect();
    setup.publish(&names.iter().map(|name| event(name)).collect::<Vec<_>>()).await?;
    let running = setup.consume(&recorder);
    recorder.until(|seen| seen.len() == 101).await?;
    running.end().await?;
    // The resync makes up for what came before: it may be handled after its batch.
    let events: Vec<String> = recorder.subjects().into_iter().filter(|subject| subject != "resync").collect();
    assert_eq!(events, names);
    assert_eq!(setup.parked().await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_retried_comes_again_to_this_queue_only_and_is_given_up_in_the_end() -> anyhow::Result<()> {
    let setup = Setup::new(broker().await?).await?;
    let recorder = Recorder::new(|message, before| match subject(message).as_str() {
        "prj_flaky" if before < 3 => Verdict::Retry { reason: "not yet".to_owned() },
        "prj_never" => Verdict::Retry { reason: "never".to_owned() },
        _ => Verdict::Ack,
    });
    setup.publish(&[event("prj_flaky"), event("prj_never"), event("prj_good")]).await?;
    let running =
        setup.consume_with(&recorder, |config| config.attempts = Attempts { short: 2, long: 2, ..Attempts::default() });
    let parked = setup.until_parked(1).await?;
    assert_eq!(parked[0].0, "given up after 4 repetitions: never");
    assert_eq!(parked[0].1, project("prj_never", 1).to_string().into_bytes());
    running.end().await?;
    let count = |wanted: &str| recorder.subjects().iter().filter(|subject| *subject == wanted).count();
    assert_eq!((count("prj_flaky"), count("prj_never"), count("prj_good")), (4, 5, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_parked_with_its_reason_and_what_is_good_goes_on() -> anyhow::Result<()> {
    let setup = Setup::new(broker().await?).await?;
    let recorder = Recorder::new(|message, _| match message {
        Message::Event(event) => visibility(event),
        Message::Resync => Verdict::Ack,
    });
    let version = |field: &str, value: &str| {
        let mut body = project("prj_version", 1);
        body[field] = json!(value);
        body.to_string()
    };
    let mut unknown = project("prj_enum", 1);
    unknown["data"]["visibility"] = json!("TELEPATHIC");
    let deep = format!(r#"{{"specversion":"1.0","data":{}{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    let mut events = vec![event("prj_first")];
    events.extend(
        [
            "{\"specversion\":".to_owned(),
            version("specversion", "2.0"),
            version("type", "io.katonic.project.changed.v2"),
            unknown.to_string(),
            deep,
            "x".repeat(64 * 1024 * 1024),
        ]
        .into_iter()
        .map(|body| with_body("poison", body)),
    );
    events.push(event("prj_last"));
    setup.publish(&events).await?;
    let running = setup.consume(&recorder);
    recorder.until(|seen| seen.iter().any(|message| subject(message) == "prj_last")).await?;
    let parked = setup.until_parked(6).await?;
    running.end().await?;
    let codes: Vec<&str> = parked.iter().map(|(reason, _)| reason.split(':').next().unwrap_or("")).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    let expected = [
        "EVENT_VERSION_UNKNOWN",
        "EVENT_VERSION_UNKNOWN",
        "MESSAGE_NOT_AN_EVENT",
        "MESSAGE_NOT_AN_EVENT",
        "MESSAGE_TOO_LARGE",
        "VISIBILITY_UNKNOWN",
    ];
    assert_eq!(sorted, expected);
    assert!(parked.iter().any(|(_, body)| body.len() == 64 * 1024 * 1024), "nothing is cut off what is parked");
    assert_eq!(recorder.subjects().iter().filter(|subject| *subject == "prj_first").count(), 1);
    Ok(())
}

fn visibility(event: &IncomingEvent) -> Verdict {
    match event.data["visibility"].as_str() {
        Some("PRIVATE" | "SEARCHABLE" | "PUBLIC") => Verdict::Ack,
        _ => Verdict::Park { reason: "VISIBILITY_UNKNOWN".to_owned() },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_message_that_makes_the_handler_panic_is_parked() -> anyhow::Result<()> {
    let setup = Setup::new(broker().await?).await?;
    let recorder = Recorder::new(|message, _| {
        assert_ne!(subject(message), "prj_bad", "this is what is tried");
        Verdict::Ack
    });
    let events: Vec<_> = ["prj_a", "prj_b", "prj_bad", "prj_c"].map(event).into();
    setup.publish(&events).await?;
    let running = setup.consume(&recorder);
    let parked = setup.until_parked(1).await?;
    recorder.until(|seen| seen.iter().any(|message| subject(message) == "prj_c")).await?;
    setup.publish(&[event("prj_d")]).await?;
    recorder.until(|seen| seen.iter().any(|message| subject(message) == "prj_d")).await?;
    running.end().await?;
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].0, "HANDLER_PANICKED");
    assert_eq!(setup.parked().await?.len(), 1);
    Ok(())
}

/// Each death is a connection that ends without an answer, as when the process is killed.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_consumer_dies_of_is_parked_and_what_was_in_hand_with_it_is_handled() -> anyhow::Result<()> {
    struct Mortal(Arc<Recorder>, Arc<Notify>);
    #[async_trait]
    impl Handler for Mortal {
        async fn handle(&self, batch: Vec<Message>) -> Vec<Verdict> {
            if batch.iter().any(|message| subject(message).starts_with("prj_deadly")) {
                self.1.notify_waiters();
                std::future::pending::<()>().await;
            }
            Shared(Arc::clone(&self.0)).handle(batch).await
        }
    }
    const DEATHS: u32 = 8;
    let setup = Setup::new(broker().await?).await?;
    let subjects = ["prj_a", "prj_deadly_1", "prj_b", "prj_c", "prj_deadly_2", "prj_d"];
    setup.publish(&subjects.map(event)).await?;
    let (recorder, death) = (ack_all(), Arc::new(Notify::new()));
    for _ in 0..DEATHS {
        let met = death.notified();
        let mut config = ConsumerConfig::new(setup.uri(), QUEUE);
        config.attempts.unanswered = DEATHS;
        let consumer = Consumer::new(config, Mortal(Arc::clone(&recorder), Arc::clone(&death)));
        let dying = started(consumer.run(CancellationToken::new()));
        tokio::time::timeout(PATIENCE, met).await?;
        drop(dying);
    }
    let running = setup.consume_with(&recorder, |config| config.attempts.unanswered = DEATHS);
    let parked = setup.until_parked(2).await?;
    let wanted: BTreeSet<String> = ["prj_a", "prj_b", "prj_c", "prj_d", "resync"].map(str::to_owned).into();
    recorder.until(|seen| seen.iter().map(subject).collect::<BTreeSet<_>>() == wanted).await?;
    running.end().await?;
    assert_eq!(setup.parked().await?.len(), 2);
    for (reason, body) in &parked {
        assert_eq!(reason, "DELIVERY_LIMIT: delivered 8 times and never answered");
        assert!(String::from_utf8_lossy(body).contains("prj_deadly"), "an innocent one is parked");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_hangs_or_miscounts_costs_no_message() -> anyhow::Result<()> {
    struct Odd(Arc<Recorder>);
    #[async_trait]
    impl Handler for Odd {
        async fn handle(&self, batch: Vec<Message>) -> Vec<Verdict> {
            let first = self.0.seen.lock().unwrap().is_empty();
            self.0.seen.lock().unwrap().extend(batch.clone());
            self.0.news.notify_waiters();
            if first {
                std::future::pending::<()>().await;
            }
            // One too many for whatever comes in a batch of several.
            let extra = usize::from(batch.len() > 1);
            vec![Verdict::Ack; batch.len() + extra]
        }
    }
    let setup = Setup::new(broker().await?).await?;
    setup.publish(&["prj_a", "prj_b", "prj_c"].map(event)).await?;
    let recorder = ack_all();
    let mut config = ConsumerConfig::new(setup.uri(), QUEUE);
    config.handle_timeout = Duration::from_millis(300);
    config.resync_timeout = Duration::from_millis(300);
    let shutdown = CancellationToken::new();
    let consumer = Consumer::new(config, Odd(Arc::clone(&recorder)));
    let running = Running { tasks: started(consumer.run(shutdown.clone())), shutdown };
    recorder
        .until(|seen| {
            let seen: BTreeSet<String> = seen.iter().map(subject).collect();
            ["prj_a", "prj_b", "prj_c", "resync"].iter().all(|wanted| seen.contains(*wanted))
        })
        .await?;
    until_empty(&setup).await?;
    running.end().await?;
    assert_eq!(setup.parked().await?, []);
    Ok(())
}

/// Waits until nothing is in the queue or on its way back, acknowledged or not.
async fn until_empty(setup: &Setup) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let queues = setup.vhost.admin.queues().await?;
        if queues.iter().filter(|queue| queue.name.starts_with("katonic.search")).all(|queue| queue.messages == 0) {
            return Ok(());
        }
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "{queues:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_message_is_shown_and_sent_back_or_dropped() -> anyhow::Result<()> {
    let setup = Setup::new(broker().await?).await?;
    let recorder = Recorder::new(|message, before| match message {
        Message::Event(event) if before == 0 => {
            Verdict::Park { reason: format!("NOT_TODAY: {} may not", event.subject) }
        }
        _ => Verdict::Ack,
    });
    setup.publish(&["prj_a", "prj_b", "prj_c"].map(event)).await?;
    let running = setup.consume(&recorder);
    setup.until_parked(3).await?;
    let parked = Parked::of(&setup.uri(), Service::Search, vec![QUEUE]);
    for _ in 0..2 {
        // Parked side by side: in no order.
        let mut all = parked.list(&Which::All, 50).await?;
        all.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(all.iter().map(|message| message.id.as_str()).collect::<Vec<_>>(), ["prj_a", "prj_b", "prj_c"]);
        assert_eq!(all[1].reason, "NOT_TODAY: prj_b may not");
        assert_eq!((all[1].queue.as_str(), all[1].routing_key.as_str()), (QUEUE.name().as_str(), "_.project.changed"));
        assert_eq!(all[1].body, project("prj_b", 1).to_string());
        assert!(all[1].parked_at.is_some() && all[1].traceparent.is_some(), "{:?}", all[1]);
    }
    assert_eq!(parked.list(&Which::All, 2).await?.len(), 2);
    let one = Which::Id("prj_b".to_owned());
    assert_eq!(parked.list(&one, 50).await?.len(), 1);
    assert_eq!(parked.redrive(&one).await?, 1);
    recorder.until(|seen| seen.iter().filter(|message| subject(message) == "prj_b").count() == 2).await?;
    assert_eq!(parked.redrive(&one).await?, 0);
    assert_eq!(parked.discard(&Which::Id("prj_a".to_owned())).await?, 1);
    assert_eq!(parked.redrive(&Which::All).await?, 1);
    recorder.until(|seen| seen.iter().filter(|message| subject(message) == "prj_c").count() == 2).await?;
    until_empty(&setup).await?;
    running.end().await?;
    assert_eq!(recorder.subjects().iter().filter(|subject| *subject == "prj_a").count(), 1);
    Ok(())
}

/// On a broker of its own, which may come to harm: see the supervisor's `topology.rs`.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_comes_back_by_apply_and_its_consumer_resyncs() -> anyhow::Result<()> {
    let broker = Broker::start().await?;
    let setup = Setup::new(&broker).await?;
    let recorder = ack_all();
    let running = setup.consume_with(&recorder, |config| config.renew_after = Duration::from_secs(5));
    recorder.until(|seen| seen.len() == 1).await?;
    setup.vhost.admin.delete_queue(&QUEUE.name()).await?;
    let missing = check(&setup.vhost.admin, &setup.topology).await?;
    assert_eq!(missing.len(), 4, "the queue, two patterns and its way back: {missing:?}");
    setup.publish(&[event("prj_missed")]).await?;
    setup.apply().await?;
    assert_eq!(check(&setup.vhost.admin, &setup.topology).await?, []);
    recorder.until(|seen| seen.iter().filter(|message| **message == Message::Resync).count() == 2).await?;
    setup.publish(&[event("prj_after")]).await?;
    recorder.until(|seen| seen.iter().any(|message| subject(message) == "prj_after")).await?;
    running.end().await?;
    // Applying again asks for nothing.
    setup.apply().await?;
    until_empty(&setup).await
}

#[tokio::test(flavor = "multi_thread")]
async fn consuming_goes_on_after_the_broker_was_restarted() -> anyhow::Result<()> {
    let mut broker = Broker::start().await?;
    let setup = Setup::new(&broker).await?;
    let recorder = ack_all();
    let running = setup.consume(&recorder);
    setup.publish(&[event("prj_before")]).await?;
    recorder.until(|seen| seen.iter().any(|message| subject(message) == "prj_before")).await?;
    broker.restart().await?;
    setup.publish(&[event("prj_after")]).await?;
    recorder.until(|seen| seen.iter().any(|message| subject(message) == "prj_after")).await?;
    running.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_in_hand_when_a_consumer_died_comes_again() -> anyhow::Result<()> {
    struct Stuck(Arc<Notify>);
    #[async_trait]
    impl Handler for Stuck {
        async fn handle(&self, _batch: Vec<Message>) -> Vec<Verdict> {
            self.0.notify_one();
            std::future::pending().await
        }
    }
    let setup = Setup::new(broker().await?).await?;
    setup.publish(&[event("prj_held")]).await?;
    let held = Arc::new(Notify::new());
    let consumer = Consumer::new(ConsumerConfig::new(setup.uri(), QUEUE), Stuck(Arc::clone(&held)));
    let mut tasks = started(consumer.run(CancellationToken::new()));
    tokio::time::timeout(PATIENCE, held.notified()).await?;
    tasks.shutdown().await;
    let recorder = ack_all();
    let running = setup.consume(&recorder);
    recorder.until(|seen| seen.iter().any(|message| subject(message) == "prj_held")).await?;
    running.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consuming_service_may_read_its_own_queues_and_declare_nothing() -> anyhow::Result<()> {
    let setup = Setup::new(broker().await?).await?;
    let (connection, own) = channel(&setup.uri()).await?;
    own.basic_get(QUEUE.name().into(), BasicGetOptions::default()).await?;
    own.basic_get(QUEUE.parked().into(), BasicGetOptions::default()).await?;
    let other = connection.create_channel().await?;
    assert!(other.basic_get("katonic.sink".into(), BasicGetOptions::default()).await.is_err());
    let bus = Bus::new(BusConfig::new(setup.uri(), "test"));
    for exchange in ["katonic.metadata", "katonic.events", ""] {
        let forged = OutgoingEvent { exchange: exchange.to_owned(), ..event("prj_forged") };
        assert!(bus.publish(&forged).await.is_err(), "{exchange:?}");
    }
    let declaring = connection.create_channel().await?;
    let options = lapin::options::QueueDeleteOptions::default();
    assert!(declaring.queue_delete(QUEUE.name().into(), options).await.is_err());
    Ok(())
}
