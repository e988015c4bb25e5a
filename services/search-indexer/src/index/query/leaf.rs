//! One condition: a word, a value of a field, a range, a set.

use std::ops::Bound;

use tantivy::{
    query::{AllQuery, BooleanQuery, ExistsQuery, Occur, Query, RangeQuery},
    query_grammar::{Delimiter, UserInputBound, UserInputLeaf, UserInputLiteral},
    schema::Term,
};

use super::{Compiler, keyword, terms};
use crate::index::{
    fields::Asked,
    value::{self, Compare, Range},
};

/// How alike a name must be to be proposed.
const ALIKE: f64 = 0.75;

impl Compiler<'_> {
    pub(super) fn leaf(&mut self, leaf: UserInputLeaf) -> Result<Box<dyn Query>, String> {
        match leaf {
            UserInputLeaf::All => Ok(Box::new(AllQuery)),
            UserInputLeaf::Literal(literal) => self.literal(literal),
            UserInputLeaf::Range { field, lower, upper } => {
                let name = field.ok_or("a range needs a field before it, as in `number:[1 TO 5]`")?;
                self.range(&name, &lower, &upper)
            }
            UserInputLeaf::Set { field, elements } => {
                let name = field.ok_or("a set needs a field before it, as in `tag: IN [a b]`")?;
                let asked = asked(&name)?;
                let values = elements.iter().map(|value| Ok((Occur::Should, self.value(&asked, value, false)?)));
                Ok(Box::new(BooleanQuery::new(values.collect::<Result<_, String>>()?)))
            }
            UserInputLeaf::Exists { field } => self.exists(&field),
            UserInputLeaf::Regex { .. } => Err("regular expressions are not taken: use `prefix*`".to_owned()),
        }
    }

    fn literal(&mut self, literal: UserInputLiteral) -> Result<Box<dyn Query>, String> {
        let UserInputLiteral { field_name, phrase, delimiter, slop, prefix } = literal;
        if slop > 0 {
            return Err("`~` is not taken: words find what is spelled nearly so by themselves".to_owned());
        }
        let plain = delimiter == Delimiter::None;
        // The grammar knows `*` after a phrase only.
        let (text, prefix) = match phrase.strip_suffix('*').filter(|_| plain) {
            Some(start) => (start, true),
            None => (phrase.as_str(), prefix),
        };
        match field_name {
            Some(name) => {
                let asked = asked(&name)?;
                self.value(&asked, text, prefix)
            }
            None => match Compare::split(text).filter(|_| plain) {
                Some((name, compare, value)) => self.compared(name, compare, value),
                None => self.anywhere(text, plain, prefix),
            },
        }
    }

    /// A word or phrase in any text.
    fn anywhere(&mut self, text: &str, plain: bool, prefix: bool) -> Result<Box<dyn Query>, String> {
        self.has_words = true;
        let words = terms::words(text);
        self.spend(words.len().max(1))?;
        Ok(terms::anywhere(self.fields, &words, plain, prefix))
    }

    /// `field:value`.
    fn value(&mut self, asked: &Asked, text: &str, prefix: bool) -> Result<Box<dyn Query>, String> {
        self.spend(1)?;
        match asked {
            Asked::Text(name) => {
                let words = terms::words(text);
                self.spend(words.len())?;
                Ok(terms::in_field(self.fields.named(name), &words, prefix))
            }
            Asked::Keyword(name) if prefix => Ok(terms::starting(self.fields.named(name), &folded(name, text))),
            Asked::Keyword(name) => Ok(keyword(self.fields, name, &folded(name, text))),
            _ if prefix => Err("`*` follows words and keywords only".to_owned()),
            Asked::Number(_) | Asked::Time(_) => self.numbers(asked, bounds(asked, Compare::Equal, text)?),
            Asked::Dynamic(path) => {
                let label = terms::label(self.fields, path, text);
                let Some(number) = value::number(text) else { return Ok(label) };
                let number = self.numbers(asked, Compare::Equal.range(number, None))?;
                Ok(Box::new(BooleanQuery::new(vec![(Occur::Should, label), (Occur::Should, number)])))
            }
        }
    }

    /// `name<value`: a bare name that is no field is a metric.
    fn compared(&mut self, name: &str, compare: Compare, text: &str) -> Result<Box<dyn Query>, String> {
        let asked = Asked::of(name).or_else(|| Asked::metric(name)).ok_or_else(|| unknown(name))?;
        match &asked {
            Asked::Text(_) | Asked::Keyword(_) if compare == Compare::Equal => self.value(&asked, text, false),
            Asked::Dynamic(_) if compare == Compare::Equal => self.value(&asked, text, false),
            _ => {
                self.spend(1)?;
                let range = bounds(&asked, compare, text)?;
                self.numbers(&asked, range)
            }
        }
    }

    fn range(&mut self, name: &str, lower: &UserInputBound, upper: &UserInputBound) -> Result<Box<dyn Query>, String> {
        self.spend(1)?;
        let asked = Asked::of(name).or_else(|| Asked::metric(name)).ok_or_else(|| unknown(name))?;
        let from = match lower {
            UserInputBound::Inclusive(text) => bounds(&asked, Compare::AtLeast, text)?.0,
            UserInputBound::Exclusive(text) => bounds(&asked, Compare::More, text)?.0,
            UserInputBound::Unbounded => Bound::Unbounded,
        };
        let to = match upper {
            UserInputBound::Inclusive(text) => bounds(&asked, Compare::AtMost, text)?.1,
            UserInputBound::Exclusive(text) => bounds(&asked, Compare::Less, text)?.1,
            UserInputBound::Unbounded => Bound::Unbounded,
        };
        self.numbers(&asked, (from, to))
    }

    /// Everything whose number lies in a range; without bounds, everything that has one.
    fn numbers(&self, asked: &Asked, (from, to): Range) -> Result<Box<dyn Query>, String> {
        let from = if from == Bound::Unbounded && to == Bound::Unbounded { Bound::Included(f64::MIN) } else { from };
        let term = |value: f64| match asked {
            Asked::Number(name) => Term::from_field_f64(self.fields.named(name), value),
            Asked::Time(name) => Term::from_field_f64(self.fields.named(name), value),
            Asked::Dynamic(path) => terms::dynamic_number(self.fields, path, value),
            Asked::Text(_) | Asked::Keyword(_) => unreachable!("they have no numbers: `bounds` refused them"),
        };
        match asked {
            Asked::Text(name) | Asked::Keyword(name) => Err(no_range(name)),
            Asked::Number(_) | Asked::Time(_) | Asked::Dynamic(_) => {
                Ok(Box::new(RangeQuery::new(from.map(term), to.map(term))))
            }
        }
    }

    fn exists(&mut self, name: &str) -> Result<Box<dyn Query>, String> {
        self.spend(1)?;
        match asked(name)? {
            Asked::Keyword(name) => Ok(Box::new(ExistsQuery::new(name.to_owned(), false))),
            Asked::Text(_) => Err(format!("`{name}:*` is not taken: name a word")),
            numbers => self.numbers(&numbers, (Bound::Unbounded, Bound::Unbounded)),
        }
    }
}

fn asked(name: &str) -> Result<Asked, String> {
    Asked::of(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> String {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    let alike = |known: &&str| strsim::jaro_winkler(known, &shown);
    let nearest = Asked::names().max_by(|a, b| alike(a).total_cmp(&alike(b))).filter(|known| alike(known) >= ALIKE);
    match nearest {
        Some(known) => format!("there is no field `{shown}`: did you mean `{known}`?"),
        None => format!("there is no field `{shown}`: a metric is `metric.{shown}`"),
    }
}

/// The range that a comparison with a text means for a field.
fn bounds(asked: &Asked, compare: Compare, text: &str) -> Result<Range, String> {
    match asked {
        Asked::Number(_) | Asked::Dynamic(_) => {
            let number = value::number(text).ok_or_else(|| format!("`{}` is not a number", shortened(text)))?;
            Ok(compare.range(number, None))
        }
        Asked::Time(_) => {
            let time = value::time(text);
            let (from, to) = time.ok_or_else(|| format!("`{}` is not a time such as 2026-01-31", shortened(text)))?;
            Ok(compare.range(from, to))
        }
        Asked::Text(name) | Asked::Keyword(name) => Err(no_range(name)),
    }
}

fn no_range(name: &str) -> String {
    format!("`{name}` has no range: it is no number and no time")
}

fn shortened(text: &str) -> String {
    text.chars().take(32).collect()
}

/// Phases, reasons and kinds may be written as people read them.
fn folded(name: &str, text: &str) -> String {
    match name {
        "phase" | "reason" | "kind" | "archived" => text.to_lowercase().replace([' ', '-'], "_"),
        _ => text.to_owned(),
    }
}
