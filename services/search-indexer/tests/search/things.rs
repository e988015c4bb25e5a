//! Executions as users might have run them, made from a seed.

use katonic_domain::{ExecutionId, ProjectId, Timestamp};
use rand::{Rng, RngExt as _, seq::IndexedRandom as _};
use serde_json::{Map, Value, json};

pub const WORDS: [&str; 14] = [
    "train",
    "trains",
    "training",
    "baseline",
    "churn",
    "model",
    "gradient",
    "descent",
    "resnet50",
    "über",
    "evaluate",
    "evaluation",
    "lr",
    "seed",
];
pub const TAGS: [&str; 5] = ["prod", "nightly", "nlp", "Vision", "to-do"];
pub const TIERS: [&str; 3] = ["small", "large", "gpu-a100"];
pub const PHASES: [&str; 4] = ["PHASE_RUNNING", "PHASE_SUCCEEDED", "PHASE_FAILED", "PHASE_STOPPED"];
pub const REASONS: [&str; 3] = ["REASON_COMPLETED", "REASON_EXIT_CODE", "REASON_TIMED_OUT"];
pub const OPTIMIZERS: [&str; 3] = ["adam", "sgd", "ada max"];

/// A seconds-precise time within some days.
pub fn time(second: i64) -> String {
    Timestamp::from_second(1_767_225_600 + second).expect("a time of 2026").to_string()
}

/// The snapshot of an execution.
pub fn snapshot(random: &mut impl Rng, id: ExecutionId, project: ProjectId, number: u64) -> Value {
    let words = |random: &mut dyn FnMut() -> &'static str, most: usize| (0..most).map(|_| random()).collect::<Vec<_>>();
    let mut word = || *WORDS.choose(random).expect("some");
    let title = words(&mut word, 3).join(" ");
    let command = ["python3".to_owned(), format!("{}.py", word()), format!("--{}={}", word(), word())];
    let made = random.random_range(0..500_000);
    let phase = *PHASES.choose(random).expect("some");
    let mut data = json!({
        "executionId": id.to_string(),
        "projectId": project.to_string(),
        "number": number.to_string(),
        "title": title,
        "ownerId": format!("usr_{}", random.random_range(0..4)),
        "spec": {"command": command, "tier": {"name": *TIERS.choose(random).expect("some")}},
        "phase": phase,
        "createTime": time(made),
    });
    if phase != "PHASE_RUNNING" {
        data["reason"] = json!(*REASONS.choose(random).expect("some"));
        data["startTime"] = json!(time(made + 3));
        data["endTime"] = json!(time(made + 3 + random.random_range(0..50)));
    }
    let tags: Vec<&str> = TAGS.into_iter().filter(|_| random.random_bool(0.3)).collect();
    if !tags.is_empty() {
        data["tags"] = json!(tags);
    }
    if random.random_bool(0.8) {
        data["metrics"] = metrics(random);
    }
    if random.random_bool(0.8) {
        let rate = ["0.1", "0.01", "1e-3", "auto"].choose(random).expect("some");
        data["params"] = json!({"lr": rate, "optimizer": OPTIMIZERS.choose(random).expect("some")});
    }
    data
}

fn metrics(random: &mut impl Rng) -> Value {
    let mut metrics = Map::new();
    let steps = |random: &mut dyn Rng| f64::from(random.random_range(-20..40)) / 20.0;
    if random.random_bool(0.8) {
        metrics.insert("loss".to_owned(), json!(steps(random)));
    }
    if random.random_bool(0.5) {
        // Whole numbers beside fractions, as user code writes them.
        metrics.insert("epoch".to_owned(), json!(random.random_range(0..5)));
    }
    if random.random_bool(0.5) {
        metrics.insert("val".to_owned(), json!({"acc": steps(random), "best": random.random_bool(0.5)}));
    }
    Value::Object(metrics)
}
