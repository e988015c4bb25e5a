//! What search must find, found by looking at everything: a query as a tree
//! that can be written as text and asked of one execution at a time. It shares
//! nothing with the index.

use std::collections::HashMap;

use rand::{Rng, RngExt as _, seq::IndexedRandom as _};
use serde_json::Value;

use crate::{owner::Thing, things};

/// A condition.
#[derive(Debug, Clone)]
pub enum Ask {
    Word(String),
    Phrase(String),
    Prefix(String),
    Keyword(&'static str, String),
    KeywordPrefix(&'static str, String),
    Compare(String, &'static str, f64),
    Range(String, f64, f64, bool),
    Since(String),
    Label(String, String),
    Exists(String),
    All(Vec<Ask>),
    Any(Vec<Ask>),
    Not(Box<Ask>),
}

/// An execution as a plain filter sees it.
#[derive(Debug)]
pub struct Seen {
    pub id: String,
    pub project: String,
    texts: Vec<Vec<String>>,
    keywords: Vec<(&'static str, String)>,
    pub numbers: HashMap<String, f64>,
    labels: HashMap<String, String>,
}

impl Seen {
    pub fn new(thing: &Thing) -> Self {
        let data: Value = serde_json::from_str(&thing.snapshot).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let command: Vec<String> = data["spec"]["command"].as_array().into_iter().flatten().map(text).collect();
        let word = |value: &Value| text(value).split_once('_').map(|(_, word)| word.to_lowercase()).unwrap_or_default();
        let mut seen = Self {
            id: thing.id.to_string(),
            project: thing.project.to_string(),
            texts: vec![tokens(&text(&data["title"])), tokens(&command.join(" "))],
            keywords: vec![
                ("kind", "execution".to_owned()),
                ("project", thing.project.to_string()),
                ("owner", text(&data["ownerId"])),
                ("phase", word(&data["phase"])),
                ("reason", word(&data["reason"])),
                ("tier", text(&data["spec"]["tier"]["name"])),
            ],
            numbers: HashMap::new(),
            labels: HashMap::new(),
        };
        seen.keywords.extend(data["tags"].as_array().into_iter().flatten().map(|tag| ("tag", text(tag))));
        seen.keywords.retain(|(_, value)| !value.is_empty());
        seen.read_numbers(&data);
        seen
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of our times have 31 bits")]
    fn read_numbers(&mut self, data: &Value) {
        let seconds = |name: &str| {
            data[name]
                .as_str()
                .map(|text| text.parse::<katonic_domain::Timestamp>().expect("a time").as_second() as f64)
        };
        let (started, ended) = (seconds("startTime"), seconds("endTime"));
        let plain = [
            ("number", data["number"].as_str().and_then(|text| text.parse().ok())),
            ("created", seconds("createTime")),
            ("started", started),
            ("ended", ended),
            ("duration", started.zip(ended).map(|(from, to)| to - from)),
        ];
        self.numbers.extend(plain.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        for (name, value) in [
            ("loss", &data["metrics"]["loss"]),
            ("epoch", &data["metrics"]["epoch"]),
            ("val.acc", &data["metrics"]["val"]["acc"]),
        ] {
            self.numbers.extend(value.as_f64().map(|value| (format!("metric.{name}"), value)));
        }
        self.labels.extend(
            data["metrics"]["val"]["best"].as_bool().map(|best| ("metric.val.best".to_owned(), best.to_string())),
        );
        for name in ["lr", "optimizer"] {
            let Some(text) = data["params"][name].as_str() else { continue };
            self.labels.insert(format!("param.{name}"), text.to_owned());
            self.numbers.extend(text.parse().ok().map(|value: f64| (format!("param.{name}"), value)));
        }
    }

    /// The values that a facet counts.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.keywords.iter().filter(move |(field, _)| *field == name).map(|(_, value)| value.as_str())
    }

    #[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "equal is what was asked for")]
    pub fn fits(&self, ask: &Ask) -> bool {
        match ask {
            Ask::Word(word) => self.texts.iter().flatten().any(|token| alike(token, word)),
            Ask::Phrase(phrase) => {
                let wanted = tokens(phrase);
                self.texts.iter().any(|text| text.windows(wanted.len()).any(|part| part == wanted))
            }
            Ask::Prefix(start) => self.texts.iter().flatten().any(|token| token.starts_with(start)),
            Ask::Keyword(name, value) => self.values(name).any(|has| has == value),
            Ask::KeywordPrefix(name, start) => self.values(name).any(|has| has.starts_with(start)),
            Ask::Compare(name, sign, value) => self.number(name).is_some_and(|has| match *sign {
                "<" => has < *value,
                "<=" => has <= *value,
                ">" => has > *value,
                ">=" => has >= *value,
                _ => has == *value,
            }),
            Ask::Range(name, from, to, inside) => self
                .number(name)
                .is_some_and(|has| if *inside { has > *from && has < *to } else { has >= *from && has <= *to }),
            Ask::Since(day) => {
                let start: katonic_domain::Timestamp = format!("{day}T00:00:00Z").parse().expect("a day");
                self.number("created").is_some_and(|has| has >= start.as_second() as f64)
            }
            Ask::Label(path, text) => self.labels.get(path) == Some(text),
            Ask::Exists(name) => self.number(name).is_some(),
            Ask::All(parts) => parts.iter().all(|part| self.fits(part)),
            Ask::Any(parts) => parts.iter().any(|part| self.fits(part)),
            Ask::Not(part) => !self.fits(part),
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.numbers.get(name).copied()
    }
}

impl Ask {
    /// As a user writes it.
    pub fn text(&self) -> String {
        let joined = |parts: &[Self], by: &str| parts.iter().map(Self::text).collect::<Vec<_>>().join(by);
        match self {
            Self::Word(word) => word.clone(),
            Self::Phrase(phrase) => format!("\"{phrase}\""),
            Self::Prefix(start) => format!("{start}*"),
            Self::Keyword(name, value) => format!("{name}:{value}"),
            Self::KeywordPrefix(name, start) => format!("{name}:{start}*"),
            Self::Compare(name, sign, value) => format!("{name}{sign}{value}"),
            Self::Range(name, from, to, true) => format!("{name}:{{{from} TO {to}}}"),
            Self::Range(name, from, to, false) => format!("{name}:[{from} TO {to}]"),
            Self::Since(day) => format!("created>={day}"),
            Self::Label(path, text) => format!("{path}:\"{text}\""),
            Self::Exists(name) => format!("{name}:*"),
            Self::All(parts) => format!("({})", joined(parts, " ")),
            Self::Any(parts) => format!("({})", joined(parts, " OR ")),
            Self::Not(part) => format!("-{}", part.text()),
        }
    }

    /// Some query.
    pub fn random(random: &mut impl Rng, depth: usize) -> Self {
        let parts = |random: &mut _| (0..2 + depth % 2).map(|_| Self::random(random, depth - 1)).collect::<Vec<_>>();
        match if depth == 0 { 0 } else { random.random_range(0..4) } {
            1 => Self::Any(parts(random)),
            2 => Self::All(parts(random)),
            3 => {
                let mut parts = parts(random);
                // An exclusion is a part of a conjunction.
                parts.push(Self::Not(Box::new(Self::random(random, depth - 1))));
                Self::All(parts)
            }
            _ => Self::leaf(random),
        }
    }

    fn leaf(random: &mut impl Rng) -> Self {
        let word = |random: &mut _| (*things::WORDS.choose(random).expect("some")).to_owned();
        match random.random_range(0..11) {
            0 => Self::Word(word(random)),
            1 => {
                let word = word(random);
                Self::Word(misspelled(random, &word))
            }
            2 => Self::Phrase(format!("{} {}", word(random), word(random))),
            3 => Self::Prefix(word(random).chars().take(3).collect()),
            4 => keyword(random),
            5 => Self::KeywordPrefix("tier", (*["s", "gpu", "l"].choose(random).expect("some")).to_owned()),
            6 | 7 => compare(random),
            8 => {
                let from = f64::from(random.random_range(-20..20)) / 20.0;
                Self::Range(number(random), from, from + 0.5, random.random_bool(0.5))
            }
            9 => match random.random_range(0..3) {
                0 => Self::Label(
                    "param.optimizer".to_owned(),
                    (*things::OPTIMIZERS.choose(random).expect("some")).to_owned(),
                ),
                1 => Self::Label("metric.val.best".to_owned(), "true".to_owned()),
                _ => Self::Since(things::time(random.random_range(0..500_000))[..10].to_owned()),
            },
            _ => Self::Exists(number(random)),
        }
    }
}

fn number(random: &mut impl Rng) -> String {
    let names = ["metric.loss", "metric.epoch", "metric.val.acc", "param.lr", "number", "duration"];
    (*names.choose(random).expect("some")).to_owned()
}

fn compare(random: &mut impl Rng) -> Ask {
    let name = number(random);
    let value = match name.as_str() {
        "number" => f64::from(random.random_range(0..300)),
        "duration" => f64::from(random.random_range(0..50)),
        "metric.epoch" => f64::from(random.random_range(0..5)),
        "param.lr" => *[0.1, 0.01, 0.001].choose(random).expect("some"),
        _ => f64::from(random.random_range(-20..40)) / 20.0,
    };
    Ask::Compare(name, ["<", "<=", ">", ">=", "="].choose(random).expect("some"), value)
}

fn keyword(random: &mut impl Rng) -> Ask {
    let enum_word = |name: &str| name.split_once('_').expect("prefixed").1.to_lowercase();
    match random.random_range(0..5) {
        0 => Ask::Keyword("tag", (*things::TAGS.choose(random).expect("some")).to_owned()),
        1 => Ask::Keyword("tier", (*things::TIERS.choose(random).expect("some")).to_owned()),
        2 => Ask::Keyword("phase", enum_word(things::PHASES.choose(random).expect("some"))),
        3 => Ask::Keyword("reason", enum_word(things::REASONS.choose(random).expect("some"))),
        _ => Ask::Keyword("owner", format!("usr_{}", random.random_range(0..4))),
    }
}

/// A letter left out, doubled or swapped.
fn misspelled(random: &mut impl Rng, word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = random.random_range(0..letters.len() - 1);
    match random.random_range(0..3) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letters[at]),
        _ => letters.swap(at, at + 1),
    }
    letters.into_iter().collect()
}

fn alike(token: &str, word: &str) -> bool {
    let allowed = match word.chars().count() {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    };
    strsim::osa_distance(token, word) <= allowed
}

fn tokens(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty()).map(str::to_lowercase).collect()
}
