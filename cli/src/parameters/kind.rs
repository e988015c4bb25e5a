//! What values a parameter may have. Any is a text on its way to the command;
//! a kind says which texts.

use std::fmt;

use serde::Serialize;

/// What values a parameter may have.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Kind {
    /// A whole number.
    Int(Range<i64>),
    /// A number.
    Float(Range<f64>),
    /// `true` or `false`.
    Bool,
    /// Any text.
    String,
    /// One of a few.
    Choice {
        /// Which.
        choices: Vec<String>,
    },
}

/// How small and how large a number may be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Range<T> {
    /// The smallest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<T>,
    /// The largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<T>,
}

impl Kind {
    /// Whether a text is such a value.
    pub fn takes(&self, text: &str) -> bool {
        match self {
            Self::Int(range) => text.parse::<i64>().is_ok_and(|number| range.holds(&number)),
            Self::Float(range) => text.parse::<f64>().is_ok_and(|number| range.holds(&number)),
            Self::Bool => matches!(text, "true" | "false"),
            Self::String => true,
            Self::Choice { choices } => choices.iter().any(|choice| choice == text),
        }
    }
}

impl<T: PartialOrd> Range<T> {
    /// What is no number lies within no bound.
    fn holds(&self, number: &T) -> bool {
        self.min.as_ref().is_none_or(|min| number >= min) && self.max.as_ref().is_none_or(|max| number <= max)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(range) => write!(f, "a whole number{range}"),
            Self::Float(range) => write!(f, "a number{range}"),
            Self::Bool => f.write_str("true or false"),
            Self::String => f.write_str("a text"),
            Self::Choice { choices } => write!(f, "one of {}", choices.join(", ")),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => write!(f, " from {min} to {max}"),
            (Some(min), None) => write!(f, " of at least {min}"),
            (None, Some(max)) => write!(f, " of at most {max}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &Kind, taken: &[&str], refused: &[&str]) {
        for text in taken {
            assert!(kind.takes(text), "{text:?} is {kind}");
        }
        for text in refused {
            assert!(!kind.takes(text), "{text:?} is not {kind}");
        }
    }

    #[test]
    fn a_value_is_of_its_kind() {
        let (whole, any) = (Range { min: None, max: None }, Range { min: None, max: None });
        check(&Kind::Int(whole), &["0", "-3", "+3", "9223372036854775807"], &["", "ten", "1.5", "1e3", " 1"]);
        check(&Kind::Float(any), &["1", "-0.5", "1e-7", "inf", "nan"], &["", "ten", "0,5", "1 "]);
        check(&Kind::Bool, &["true", "false"], &["", "True", "1", "yes"]);
        check(&Kind::String, &["", "any text"], &[]);
        check(&Kind::Choice { choices: vec!["adam".into(), "16".into()] }, &["adam", "16"], &["", "Adam", "sgd"]);
    }

    #[test]
    fn a_number_is_within_its_range() {
        check(&Kind::Int(Range { min: Some(1), max: Some(3) }), &["1", "3"], &["0", "4"]);
        check(&Kind::Float(Range { min: Some(0.0), max: None }), &["0", "1e300"], &["-1e-9", "nan"]);
        check(&Kind::Float(Range { min: None, max: Some(1.0) }), &["-inf", "1.0"], &["1.01", "nan"]);
    }

    #[test]
    fn a_kind_is_said_in_words() {
        let kinds = [
            (Kind::Int(Range { min: Some(1), max: None }), "a whole number of at least 1"),
            (Kind::Float(Range { min: Some(0.0), max: Some(0.5) }), "a number from 0 to 0.5"),
            (Kind::Choice { choices: vec!["a".into(), "b".into()] }, "one of a, b"),
        ];
        for (kind, words) in kinds {
            assert_eq!(kind.to_string(), words);
        }
    }
}
