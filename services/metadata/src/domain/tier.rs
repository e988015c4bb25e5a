//! Hardware tiers: named sizes with a price and a limit of how many members may
//! hold one at once. Each change is a revision; a launch pins one.
//!
//! Must hold: exactly one tier that is in use is the default; the revision is
//! the aggregate's version, so that each is found again in its history.

use katonic_domain::{Name, ProjectId, TierId, Timestamp, error::Violation};
use katonic_store::{Aggregate, Fact, Index, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::snapshot;

/// It was made.
pub const CREATED: Fact = Fact("created");
/// It was changed.
pub const UPDATED: Fact = Fact("updated");
/// It is out of use.
pub const RETIRED: Fact = Fact("retired");

const MAX_CPU_MILLIS: u32 = 10_000_000;
const MEMORY_BYTES: std::ops::RangeInclusive<u64> = 1 << 20..=1 << 50;
const MAX_RUNNING: u32 = 65_536;
const MAX_PRICE_MICROS: u64 = 1_000_000_000_000_000;

/// What a tier gives, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// CPU in thousandths of a core.
    pub cpu_millis: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// How many members may run at once.
    pub max_running: u32,
    /// What an hour of one member costs, in millionths of the currency.
    pub price_micros_per_hour: u64,
    /// ISO 4217; empty where it costs nothing.
    pub currency: String,
}

impl Size {
    /// Checks every field and names all that are wrong.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(&self) -> Result<(), Vec<Violation>> {
        let coded = self.currency.len() == 3 && self.currency.bytes().all(|b| b.is_ascii_uppercase());
        let priced = if self.price_micros_per_hour == 0 { self.currency.is_empty() || coded } else { coded };
        let wrong = [
            ("cpu_millis", (1..=MAX_CPU_MILLIS).contains(&self.cpu_millis), "is not between 1 and 10,000,000"),
            ("memory_bytes", MEMORY_BYTES.contains(&self.memory_bytes), "is not between 1 MiB and 1 PiB"),
            ("max_running", self.max_running <= MAX_RUNNING, "is more than 65,536"),
            ("price_micros_per_hour", self.price_micros_per_hour <= MAX_PRICE_MICROS, "is more than 10^15"),
            ("currency", priced, "is not three capital letters (ISO 4217)"),
        ];
        let violations: Vec<Violation> = wrong
            .into_iter()
            .filter(|(_, right, _)| !right)
            .map(|(field, _, why)| Violation::new(field, why))
            .collect();
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }
}

impl Size {
    /// As [`Self::check`], for a new tier: it lets something run.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check_new(&self) -> Result<(), Vec<Violation>> {
        let mut violations = self.check().err().unwrap_or_default();
        if self.max_running == 0 {
            violations.push(Violation::new("max_running", "lets nothing run"));
        }
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }
}

/// What is to be changed of a tier; none means that it stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TierChange {
    /// CPU in thousandths of a core.
    pub cpu_millis: Option<u32>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// How many members may run at once.
    pub max_running: Option<u32>,
    /// What an hour of one member costs, in millionths of the currency.
    pub price_micros_per_hour: Option<u64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Whether it becomes the default.
    pub default: bool,
}

impl TierChange {
    /// The size that it leads to.
    pub fn size(&self, size: &Size) -> Size {
        Size {
            cpu_millis: self.cpu_millis.unwrap_or(size.cpu_millis),
            memory_bytes: self.memory_bytes.unwrap_or(size.memory_bytes),
            max_running: self.max_running.unwrap_or(size.max_running),
            price_micros_per_hour: self.price_micros_per_hour.unwrap_or(size.price_micros_per_hour),
            currency: self.currency.clone().unwrap_or_else(|| size.currency.clone()),
        }
    }
}

/// A tier that the configuration lists, for the first start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Section", into = "Section")]
pub struct Seed {
    /// Unique.
    pub name: Name,
    /// Whether a launch that names no tier gets this one.
    pub default: bool,
    /// What it gives.
    pub size: Size,
}

/// `[[tiers]]`: flat, so that an unknown key is refused.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    name: Name,
    #[serde(default)]
    default: bool,
    cpu_millis: u32,
    memory_bytes: u64,
    max_running: u32,
    #[serde(default)]
    price_micros_per_hour: u64,
    #[serde(default)]
    currency: String,
}

impl From<Seed> for Section {
    fn from(seed: Seed) -> Self {
        let Seed { name, default, size } = seed;
        Self {
            name,
            default,
            cpu_millis: size.cpu_millis,
            memory_bytes: size.memory_bytes,
            max_running: size.max_running,
            price_micros_per_hour: size.price_micros_per_hour,
            currency: size.currency,
        }
    }
}

impl From<Section> for Seed {
    fn from(section: Section) -> Self {
        let Section { name, default, cpu_millis, memory_bytes, max_running, price_micros_per_hour, currency } = section;
        let size = Size { cpu_millis, memory_bytes, max_running, price_micros_per_hour, currency };
        Self { name, default, size }
    }
}

/// Why a list of tiers is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// Two of one name.
    #[error("there are two tiers of the name {0}")]
    Twice(Name),
    /// None or several are the default.
    #[error("exactly one tier is the default")]
    Default,
    /// A field that cannot be.
    #[error("the tier {0}: {1} {2}")]
    Field(Name, String, String),
}

/// Checks a list of the configuration.
///
/// # Errors
/// [`SeedError`].
pub fn check_seeds(seeds: &[Seed]) -> Result<(), SeedError> {
    for (index, seed) in seeds.iter().enumerate() {
        if seeds[..index].iter().any(|other| other.name == seed.name) {
            return Err(SeedError::Twice(seed.name.clone()));
        }
        if let Err(violations) = seed.size.check_new()
            && let Some(Violation { field, description }) = violations.into_iter().next()
        {
            return Err(SeedError::Field(seed.name.clone(), field, description));
        }
    }
    if seeds.iter().filter(|seed| seed.default).count() == 1 { Ok(()) } else { Err(SeedError::Default) }
}

/// A tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Which.
    pub id: TierId,
    /// Unique.
    pub name: Name,
    /// Rises with every change.
    pub revision: u32,
    /// Whether a launch that names no tier gets this one.
    pub default: bool,
    /// What it gives.
    pub size: Size,
    /// Since when.
    pub created_at: Timestamp,
    /// Since when it is out of use.
    pub retired_at: Option<Timestamp>,
}

impl Tier {
    /// A new one.
    pub fn made(seed: Seed, now: Timestamp) -> Self {
        let Seed { name, default, size } = seed;
        Self { id: TierId::generate(), name, revision: 1, default, size, created_at: now, retired_at: None }
    }

    /// Whether it is out of use.
    pub const fn is_retired(&self) -> bool {
        self.retired_at.is_some()
    }

    /// Changes what it gives. Answers whether that was news: a new revision.
    pub fn resize(&mut self, size: Size) -> bool {
        self.revise(|tier| tier.size = size)
    }

    /// Makes it the default, or no longer. Answers whether that was news.
    pub fn set_default(&mut self, default: bool) -> bool {
        self.revise(|tier| tier.default = default)
    }

    /// Takes it out of use. Answers whether that was news.
    pub fn retire(&mut self, now: Timestamp) -> bool {
        self.revise(|tier| tier.retired_at = tier.retired_at.or(Some(now)))
    }

    fn revise(&mut self, change: impl FnOnce(&mut Self)) -> bool {
        let before = self.clone();
        change(self);
        let news = *self != before;
        self.revision += u32::from(news);
        news
    }

    /// What names the revision that a reader has seen.
    pub fn etag(&self) -> String {
        self.revision.to_string()
    }
}

impl Aggregate for Tier {
    type Id = TierId;

    const COLLECTION: &'static str = "tiers";
    const ENTITY: &'static str = "tier";
    const EXCHANGE: &'static str = "katonic.metadata";
    const INDEXES: &'static [Index] = &[Index::unique(&["name"])];

    fn id(&self) -> TierId {
        self.id
    }

    fn project(&self) -> Option<ProjectId> {
        None
    }

    fn snapshot(&self, _: Version) -> Value {
        katonic_proto::json::to_value(&snapshot::tier(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(name: &str, default: bool) -> Seed {
        let size = Size {
            cpu_millis: 1000,
            memory_bytes: 1 << 30,
            max_running: 2,
            price_micros_per_hour: 0,
            currency: String::new(),
        };
        Seed { name: name.parse().expect("a name"), default, size }
    }

    #[test]
    fn there_is_exactly_one_default_and_names_are_unique() {
        assert_eq!(check_seeds(&[seed("a", false)]), Err(SeedError::Default));
        assert_eq!(check_seeds(&[seed("a", true), seed("b", true)]), Err(SeedError::Default));
        assert!(matches!(check_seeds(&[seed("a", true), seed("a", false)]), Err(SeedError::Twice(_))));
        assert_eq!(check_seeds(&[seed("a", true), seed("b", false)]), Ok(()));
        let mut empty = seed("a", true);
        empty.size.max_running = 0;
        assert!(matches!(check_seeds(&[empty]), Err(SeedError::Field(..))));
    }

    #[test]
    fn every_change_that_is_one_is_a_revision() {
        let now = Timestamp::from_second(1).expect("a time");
        let mut tier = Tier::made(seed("a", false), now);
        assert!(!tier.resize(tier.size.clone()) && !tier.set_default(false));
        assert!(tier.set_default(true) && tier.retire(now) && !tier.retire(now));
        assert_eq!(tier.revision, 3);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = Size {
            cpu_millis: 0,
            memory_bytes: 1,
            max_running: MAX_RUNNING + 1,
            price_micros_per_hour: MAX_PRICE_MICROS + 1,
            currency: "eur".into(),
        };
        let fields: Vec<_> =
            wrong.check().expect_err("was taken").into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["cpu_millis", "memory_bytes", "max_running", "price_micros_per_hour", "currency"]);
        let priced =
            |currency: &str| Size { price_micros_per_hour: 5, currency: currency.into(), ..seed("a", true).size };
        assert!(priced("EUR").check().is_ok() && priced("").check().is_err());
    }
}
