//! Queries: text to a tantivy query, by a known grammar and a list of fields.
//!
//! The grammar is tantivy's (words, "phrases", `field:value`, ranges, sets,
//! `OR`, `-`, parentheses); what a name or a word means is decided here. Caps on
//! length, depth and terms come first: no text is a fault of ours or costs more
//! than some milliseconds.

mod leaf;
mod terms;

use tantivy::{
    query::{AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, Occur, Query, TermQuery, TermSetQuery},
    query_grammar::{self, UserInputAst},
    schema::{IndexRecordOption, Term},
};

use crate::{
    domain::{Projects, Visible},
    error::Error,
    index::fields::Fields,
};

pub use terms::{distance, words};

/// Longest text.
const LONGEST: usize = 1_024;
/// Deepest nesting.
const DEEPEST: usize = 8;
/// Terms of one text; each costs one look into a dictionary of terms.
const MOST_TERMS: usize = 64;
/// Largest weight that a part can be given by `^`.
const HEAVIEST: f64 = 10.0;

/// A text as a query.
pub struct Compiled {
    /// What it finds.
    pub query: Box<dyn Query>,
    /// Whether it has words, by which what is found can be ranked.
    pub has_words: bool,
}

/// Compiles a text; `field` is where it came from, for errors.
///
/// # Errors
/// [`Error::Invalid`] with what is wrong.
pub fn compile(fields: &Fields, field: &'static str, text: &str) -> Result<Compiled, Error> {
    if text.trim().is_empty() {
        return Ok(Compiled { query: Box::new(AllQuery), has_words: false });
    }
    check_size(text).map_err(|problem| Error::invalid(field, problem))?;
    let ast = query_grammar::parse_query(text).map_err(|_| {
        Error::invalid(field, "it cannot be read: look for a quote, bracket or `:` without its other half")
    })?;
    let mut compiler = Compiler { fields, left: MOST_TERMS, has_words: false };
    let query = compiler.part(ast, DEEPEST).map_err(|problem| Error::invalid(field, problem))?;
    Ok(Compiled { query, has_words: compiler.has_words })
}

fn check_size(text: &str) -> Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    if text.contains(|c: char| c.is_control() && !c.is_whitespace()) {
        return Err("it has control characters".to_owned());
    }
    // Before parsing: the parser takes longer the deeper it nests.
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("it nests deeper than {DEEPEST} levels"));
        }
    }
    Ok(())
}

/// Turns what was parsed into what is looked up; an error is a sentence for the caller.
struct Compiler<'a> {
    fields: &'a Fields,
    left: usize,
    has_words: bool,
}

impl Compiler<'_> {
    fn part(&mut self, ast: UserInputAst, depth: usize) -> Result<Box<dyn Query>, String> {
        let deeper = depth.checked_sub(1).ok_or_else(|| format!("it nests deeper than {DEEPEST} levels"))?;
        match ast {
            UserInputAst::Leaf(leaf) => self.leaf(*leaf),
            UserInputAst::Boost(part, weight) => {
                let weight = weight.into_inner();
                if !(weight > 0.0 && weight <= HEAVIEST) {
                    return Err(format!("a weight is above 0 and at most {HEAVIEST}"));
                }
                #[expect(clippy::cast_possible_truncation, reason = "a weight of at most 10")]
                Ok(Box::new(BoostQuery::new(self.part(*part, deeper)?, weight as f32)))
            }
            UserInputAst::Clause(parts) => {
                let mut all = Vec::with_capacity(parts.len() + 1);
                for (occur, part) in parts {
                    all.push((occur.unwrap_or(Occur::Must), self.part(part, deeper)?));
                }
                Ok(joined(all))
            }
        }
    }

    /// Counts a term; refuses one too many.
    fn spend(&mut self, terms: usize) -> Result<(), String> {
        let left = self.left.checked_sub(terms);
        self.left = left.ok_or_else(|| format!("it has more than {MOST_TERMS} terms"))?;
        Ok(())
    }
}

/// All parts together. What only excludes excludes from everything.
fn joined(mut parts: Vec<(Occur, Box<dyn Query>)>) -> Box<dyn Query> {
    if parts.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        parts.push((Occur::Must, Box::new(AllQuery)));
    }
    Box::new(BooleanQuery::new(parts))
}

/// `query` narrowed by others that do not count for relevance.
pub fn narrowed(query: Box<dyn Query>, by: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    let silent = |query| (Occur::Must, Box::new(ConstScoreQuery::new(query, 0.0)) as Box<dyn Query>);
    let mut parts = vec![(Occur::Must, query)];
    parts.extend(by.into_iter().map(silent));
    Box::new(BooleanQuery::new(parts))
}

/// What a reader may see: part of the query itself, so that neither counts nor
/// facets nor pages tell of anything else (DESIGN B5).
pub fn permission(fields: &Fields, visible: &Visible) -> Option<Box<dyn Query>> {
    match (&visible.projects, &visible.executions) {
        (Projects::All, Projects::All) => None,
        (projects, executions) if projects == executions => Some(among(fields, projects)),
        (projects, executions) => {
            let of_kind = |kind: &str, projects: &Projects| -> (Occur, Box<dyn Query>) {
                (Occur::Should, narrowed(keyword(fields, "kind", kind), vec![among(fields, projects)]))
            };
            Some(Box::new(BooleanQuery::new(vec![of_kind("project", projects), of_kind("execution", executions)])))
        }
    }
}

fn among(fields: &Fields, projects: &Projects) -> Box<dyn Query> {
    let field = fields.named("project");
    match projects {
        Projects::All => Box::new(AllQuery),
        Projects::Some(projects) if projects.is_empty() => Box::new(EmptyQuery),
        Projects::Some(projects) => {
            Box::new(TermSetQuery::new(projects.iter().map(|id| Term::from_field_text(field, &id.to_string()))))
        }
    }
}

/// Only things of these kinds.
pub fn of_kinds(fields: &Fields, kinds: &[String]) -> Box<dyn Query> {
    let field = fields.named("kind");
    Box::new(TermSetQuery::new(kinds.iter().map(|kind| Term::from_field_text(field, kind))))
}

fn keyword(fields: &Fields, name: &str, value: &str) -> Box<dyn Query> {
    let term = Term::from_field_text(fields.named(name), value);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn compiled(text: &str) -> Result<Compiled, String> {
        compile(&Fields::default(), "q", text).map_err(|error| match error {
            Error::Invalid { problem, .. } => problem,
            other => other.to_string(),
        })
    }

    #[test]
    fn what_people_write_is_taken() {
        for text in [
            "",
            "  ",
            "training",
            "train* \"gradient descent\"",
            "loss<0.3 tag:prod",
            "metric.val/acc:>=0.9 -phase:failed",
            "(tag:a OR tag:b) number:[1 TO 5] created>2026-01-01",
            "param.lr=0.01 param.opt:adam",
            "tier: IN [small large] duration:{10 TO *}",
            "title:\"first run\" owner:usr_x archived:false *",
            "metric.loss:* phase:* tag:pro*",
        ] {
            assert!(compiled(text).is_ok(), "{text}: {:?}", compiled(text).err());
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_reason() {
        for (text, why) in [
            ("title:", "cannot be read"),
            ("\"open", "cannot be read"),
            ("titel:x", "did you mean `title`"),
            ("loss:high", "no field `loss`"),
            ("number:many", "not a number"),
            ("created:yesterday", "not a time"),
            ("number:[a TO b]", "not a number"),
            ("title:[a TO b]", "no range"),
            ("/a.*/", "expressions"),
            ("a^99", "weight"),
            ("snapshot:x", "no field"),
            ("loss<high", "not a number"),
            ("title<3", "no range"),
            // The grammar takes the same word twice for one.
            (&(0..65).map(|n| format!("a{n}")).collect::<Vec<_>>().join(" "), "terms"),
            (&"a".repeat(1025), "longer"),
            (&format!("{}a{}", "(".repeat(9), ")".repeat(9)), "deeper"),
            ("a\u{0}", "control"),
        ] {
            let problem = compiled(text).err().unwrap_or_else(|| "taken".to_owned());
            assert!(problem.contains(why), "{text}: {problem}");
        }
    }

    #[test]
    fn the_worst_nesting_is_read_in_time() {
        let started = Instant::now();
        for text in ["((((((((".to_owned(), format!("{}a{}", "(a OR ".repeat(8), ")".repeat(8)), "(a ".repeat(8)] {
            let _either = compiled(&text);
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic_or_a_fault_of_ours(text in "\\PC{0,80}", odd in "[()\\[\\]{}:\"'*<>=^~ \\-+a-c0-9./\\\\]{0,60}") {
            for text in [text, odd] {
                if let Err(error) = compile(&Fields::default(), "q", &text) {
                    prop_assert!(matches!(error, Error::Invalid { .. }), "{}: {}", text, error);
                }
            }
        }
    }
}
