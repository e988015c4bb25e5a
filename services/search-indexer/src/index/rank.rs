//! The best of what is found, from a place on; how many there are; and how
//! often values occur. One pass over all matches, memory for one page.
//!
//! Every match has a rank of its own: the key, then the id. A page ends with a
//! rank and the next begins after it, so pages neither overlap nor leave out,
//! whatever is added meanwhile.

use std::{collections::BinaryHeap, fmt, str::FromStr};

use tantivy::{
    DocAddress, DocId, Score, SegmentOrdinal, SegmentReader, TantivyError,
    collector::{Collector, SegmentCollector},
    columnar::{Column, ColumnType, StrColumn},
};

use super::fields::{NUMBERS, TIMES};

/// By what results are put in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// How well they fit the words.
    Relevance,
    /// A number, by its column.
    Column(String),
}

/// An order of results. What lacks the key comes last; equals: the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Order {
    /// By what.
    pub key: Key,
    /// Whether small values come first.
    pub ascending: bool,
}

impl Order {
    /// The newest first.
    pub fn newest() -> Self {
        Self { key: Key::Column("created".to_owned()), ascending: false }
    }

    /// The most relevant first.
    pub const fn relevance() -> Self {
        Self { key: Key::Relevance, ascending: false }
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, direction) = text.rsplit_once(':').unwrap_or((text, "desc"));
        let ascending = match direction {
            "asc" => true,
            "desc" => false,
            _ => return Err("after `:` comes `asc` or `desc`".to_owned()),
        };
        let key = match super::fields::Asked::of(name) {
            _ if name == "relevance" => Key::Relevance,
            Some(super::fields::Asked::Dynamic(path)) => Key::Column(format!("numbers.{path}")),
            _ if NUMBERS.contains(&name) || TIMES.contains(&name) => Key::Column(name.to_owned()),
            _ => return Err("it is relevance, created, started, ended, number, duration or metric.<name>".to_owned()),
        };
        Ok(Self { key, ascending })
    }
}

/// The place of a match among all: lower comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    missing: bool,
    key: u64,
    id: u128,
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}.{:x}", u8::from(self.missing), self.key, self.id)
    }
}

impl FromStr for Rank {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(());
        let missing = match next()? {
            "0" => false,
            "1" => true,
            _ => return Err(()),
        };
        let key = u64::from_str_radix(next()?, 16).map_err(drop)?;
        let id = u128::from_str_radix(next()?, 16).map_err(drop)?;
        let rank = Self { missing, key, id };
        if rank.to_string() == text { Ok(rank) } else { Err(()) }
    }
}

/// A match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Its place among all.
    pub rank: Rank,
    /// Where it is in the index.
    pub address: DocAddress,
    /// How well it fits the words; 0 where nobody asked.
    pub score: Score,
}

impl Eq for Match {}

impl PartialOrd for Match {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Match {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// What a search came to.
#[derive(Debug, Default)]
pub struct Found {
    /// The best, best first, at most one more than a page.
    pub best: Vec<Match>,
    /// How many there are in all.
    pub total: u64,
    /// For each facet how often each value occurs, most frequent first.
    pub facets: Vec<Vec<(String, u64)>>,
}

/// Collects the best `limit` of what comes after a rank.
#[derive(Debug, Clone)]
pub struct Best {
    /// In which order.
    pub order: Order,
    /// After which rank.
    pub after: Option<Rank>,
    /// How many.
    pub limit: usize,
    /// Of which fields values are counted.
    pub facets: Vec<&'static str>,
}

/// [`Best`] of one segment.
pub struct SegmentBest {
    segment: SegmentOrdinal,
    order: Order,
    after: Option<Rank>,
    limit: usize,
    key: Option<(Column<u64>, ColumnType)>,
    id: [Column<u64>; 2],
    heap: BinaryHeap<Match>,
    total: u64,
    facets: Vec<Option<Counts>>,
}

/// How often each term of a column occurs.
struct Counts {
    column: StrColumn,
    by_ord: Vec<u64>,
}

impl Collector for Best {
    type Fruit = Found;
    type Child = SegmentBest;

    fn for_segment(&self, segment: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<SegmentBest> {
        let columns = reader.fast_fields();
        let numeric = [ColumnType::F64, ColumnType::I64, ColumnType::U64];
        let key = match &self.order.key {
            Key::Relevance => None,
            Key::Column(name) => columns.u64_lenient_for_type(Some(&numeric), name)?,
        };
        let counts = |name: &&'static str| {
            let column = columns.str(name)?;
            Ok(column.map(|column| Counts { by_ord: vec![0; column.num_terms()], column }))
        };
        Ok(SegmentBest {
            segment,
            order: self.order.clone(),
            after: self.after,
            limit: self.limit,
            key,
            id: [columns.u64("id_high")?, columns.u64("id_low")?],
            heap: BinaryHeap::with_capacity(self.limit + 1),
            total: 0,
            facets: self.facets.iter().map(counts).collect::<tantivy::Result<_>>()?,
        })
    }

    fn requires_scoring(&self) -> bool {
        self.order.key == Key::Relevance
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<Found>>) -> tantivy::Result<Found> {
        let mut all = Found { facets: vec![Vec::new(); self.facets.len()], ..Found::default() };
        let mut counts = vec![std::collections::BTreeMap::<String, u64>::new(); self.facets.len()];
        for segment in segments {
            let segment = segment?;
            all.total += segment.total;
            all.best.extend(segment.best);
            for (sum, part) in counts.iter_mut().zip(segment.facets) {
                part.into_iter().for_each(|(value, count)| *sum.entry(value).or_default() += count);
            }
        }
        all.best.sort_unstable();
        all.best.truncate(self.limit);
        all.facets = counts.into_iter().map(most_frequent_first).collect();
        Ok(all)
    }
}

fn most_frequent_first(counts: std::collections::BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut values: Vec<(String, u64)> = counts.into_iter().collect();
    // Stable: equals stay in the order of their names.
    values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    values
}

impl SegmentCollector for SegmentBest {
    type Fruit = tantivy::Result<Found>;

    fn collect(&mut self, doc: DocId, score: Score) {
        self.total += 1;
        for counts in self.facets.iter_mut().flatten() {
            for ord in counts.column.term_ords(doc) {
                if let Some(count) = usize::try_from(ord).ok().and_then(|ord| counts.by_ord.get_mut(ord)) {
                    *count += 1;
                }
            }
        }
        let rank = self.rank(doc, score);
        if self.after.is_some_and(|after| rank <= after) {
            return;
        }
        let found = Match { rank, address: DocAddress::new(self.segment, doc), score };
        if self.heap.len() < self.limit {
            self.heap.push(found);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && rank < worst.rank
        {
            *worst = found;
        }
    }

    fn harvest(self) -> tantivy::Result<Found> {
        let facets = self.facets.into_iter().map(|counts| counts.map_or(Ok(Vec::new()), Counts::named));
        Ok(Found { best: self.heap.into_vec(), total: self.total, facets: facets.collect::<Result<_, _>>()? })
    }
}

impl SegmentBest {
    fn rank(&self, doc: DocId, score: Score) -> Rank {
        let key = match (&self.order.key, &self.key) {
            (Key::Relevance, _) => Some(f64::from(score)),
            (Key::Column(_), Some((column, kind))) => column.first(doc).map(|bits| as_f64(bits, *kind)),
            (Key::Column(_), None) => None,
        };
        let bits = |half: &Column<u64>| u128::from(half.first(doc).unwrap_or_default());
        let id = (bits(&self.id[0]) << 64) | bits(&self.id[1]);
        let sorted = key.map(tantivy::f64_to_u64);
        Rank {
            missing: sorted.is_none(),
            key: sorted.map_or(0, |key| if self.order.ascending { key } else { !key }),
            // The newest first.
            id: !id,
        }
    }
}

impl Counts {
    fn named(self) -> tantivy::Result<Vec<(String, u64)>> {
        let mut named = Vec::new();
        for (ord, count) in (0..).zip(self.by_ord).filter(|(_, count)| *count > 0) {
            let mut value = String::new();
            self.column.ord_to_str(ord, &mut value).map_err(|error| TantivyError::IoError(error.into()))?;
            named.push((value, count));
        }
        Ok(named)
    }
}

/// A number as tantivy's column keeps it, which may be narrower than what was put in.
fn as_f64(bits: u64, kind: ColumnType) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "it was a float before it was put into a narrower column")]
    match kind {
        ColumnType::I64 => tantivy::u64_to_i64(bits) as f64,
        ColumnType::U64 => bits as f64,
        _ => tantivy::u64_to_f64(bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_key_and_a_direction() {
        let by = |text: &str| text.parse::<Order>();
        assert_eq!(by("created"), Ok(Order::newest()));
        let metric = Order { key: Key::Column("numbers.metric.val/acc".to_owned()), ascending: true };
        assert_eq!(by("metric.val/acc:asc"), Ok(metric));
        assert_eq!(by("relevance:desc"), Ok(Order::relevance()));
        for bad in ["", "title", "created:up", ":asc", "metric.", "id"] {
            assert!(by(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rank_survives_its_text_and_nothing_else_passes() {
        for rank in [Rank { missing: false, key: 0, id: 0 }, Rank { missing: true, key: u64::MAX, id: u128::MAX }] {
            assert_eq!(rank.to_string().parse(), Ok(rank));
        }
        for bad in ["", "0", "0.1", "2.1.1", "0.01.1", "0.1.g", "0.1.1.1", "0.+1.1"] {
            assert!(bad.parse::<Rank>().is_err(), "{bad}");
        }
    }
}
