//! Values in queries: numbers, times, and comparisons such as `loss<0.3`.

use std::ops::Bound;

use katonic_domain::Timestamp;

use super::document::{seconds_of, unsigned_zero};

const DAY_SECONDS: f64 = 86_400.0;

/// A range of numbers.
pub type Range = (Bound<f64>, Bound<f64>);

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

impl Compare {
    const SIGNS: [(&'static str, Self); 5] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Less), (">", Self::More), ("=", Self::Equal)];

    /// A word that is a comparison: name, sign, value.
    pub fn split(word: &str) -> Option<(&str, Self, &str)> {
        let at = word.find(['<', '>', '='])?;
        let (name, rest) = word.split_at(at);
        let (sign, compare) = Self::SIGNS.into_iter().find(|(sign, _)| rest.starts_with(sign))?;
        let value = &rest[sign.len()..];
        (!name.is_empty() && !value.is_empty()).then_some((name, compare, value))
    }

    /// What is in the given relation to a point, or to what lies from its start to its end.
    pub const fn range(self, from: f64, to: Option<f64>) -> Range {
        match (self, to) {
            (Self::Less, _) => (Bound::Unbounded, Bound::Excluded(from)),
            (Self::AtMost, None) => (Bound::Unbounded, Bound::Included(from)),
            (Self::AtMost, Some(to)) => (Bound::Unbounded, Bound::Excluded(to)),
            (Self::Equal, None) => (Bound::Included(from), Bound::Included(from)),
            (Self::Equal, Some(to)) => (Bound::Included(from), Bound::Excluded(to)),
            (Self::AtLeast, _) => (Bound::Included(from), Bound::Unbounded),
            (Self::More, None) => (Bound::Excluded(from), Bound::Unbounded),
            (Self::More, Some(to)) => (Bound::Included(to), Bound::Unbounded),
        }
    }
}

/// A finite number.
pub fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite()).map(unsigned_zero)
}

/// A time as seconds since 1970: an instant, or a day of UTC from its start to its end.
pub fn time(text: &str) -> Option<(f64, Option<f64>)> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some((seconds_of(instant), None));
    }
    let start: Timestamp = format!("{text}T00:00:00Z").parse().ok().filter(|_| text.len() == 10)?;
    let start = seconds_of(start);
    Some((start, Some(start + DAY_SECONDS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_told_from_words() {
        assert_eq!(Compare::split("loss<0.3"), Some(("loss", Compare::Less, "0.3")));
        assert_eq!(Compare::split("val/acc>=-1e3"), Some(("val/acc", Compare::AtLeast, "-1e3")));
        assert_eq!(Compare::split("tag=prod"), Some(("tag", Compare::Equal, "prod")));
        for word in ["loss", "<3", "loss<", "=", ""] {
            assert_eq!(Compare::split(word), None, "{word}");
        }
    }

    #[test]
    fn a_day_is_a_range_and_an_instant_a_point() {
        let day = time("2026-01-02").expect("a day");
        assert_eq!(day.1, Some(day.0 + DAY_SECONDS));
        assert_eq!(time("2026-01-02T00:00:00Z"), Some((day.0, None)));
        for text in ["", "yesterday", "2026-13-01", "2026-1-2", "2026-01-02T"] {
            assert_eq!(time(text), None, "{text}");
        }
        let after = Compare::More.range(day.0, day.1);
        assert_eq!(after, (Bound::Included(day.0 + DAY_SECONDS), Bound::Unbounded));
    }

    #[test]
    fn numbers_are_finite_and_zero_has_no_sign() {
        assert_eq!(number("-0").map(f64::to_bits), Some(0));
        for text in ["inf", "NaN", "1e999", "", "0x1", "1_0"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
