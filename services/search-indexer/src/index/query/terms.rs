//! Words and terms as tantivy looks them up.

use tantivy::{
    query::{
        BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, FuzzyTermQuery, Occur, PhrasePrefixQuery, PhraseQuery,
        Query, TermQuery,
    },
    schema::{Field, IndexRecordOption, Term},
    tokenizer::{LowerCaser, RemoveLongFilter, SimpleTokenizer, TextAnalyzer},
};

use crate::index::fields::{Fields, TEXTS};

/// Tokens of so many bytes or more are not indexed, as tantivy's default analysis does.
const LONG: usize = 40;
/// What is written exactly so counts more than what is nearly so.
const NEARLY: f32 = 0.2;
/// Titles count more than descriptions and commands.
const TITLE: f32 = 3.0;

/// The words of a text, as they are indexed.
pub fn words(text: &str) -> Vec<String> {
    let mut analyzer = TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(LONG))
        .filter(LowerCaser)
        .build();
    let mut words = Vec::new();
    analyzer.token_stream(text).process(&mut |token| words.push(token.text.clone()));
    words
}

/// By how many letters a word may differ and still be found.
pub fn distance(word: &str) -> u8 {
    match word.chars().count() {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    }
}

/// Words in any of the texts; one word also where it is spelled nearly so.
pub(super) fn anywhere(fields: &Fields, words: &[String], plain: bool, prefix: bool) -> Box<dyn Query> {
    let mut parts: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for name in TEXTS {
        let field = fields.named(name);
        let exact = in_field(field, words, prefix);
        let weight = if name == "title" { TITLE } else { 1.0 };
        parts.push((Occur::Should, Box::new(BoostQuery::new(exact, weight))));
        if let ([word], true, false) = (words, plain, prefix)
            && distance(word) > 0
        {
            let nearly = FuzzyTermQuery::new(Term::from_field_text(field, word), distance(word), true);
            parts.push((Occur::Should, Box::new(ConstScoreQuery::new(Box::new(nearly), NEARLY * weight))));
        }
    }
    Box::new(BooleanQuery::new(parts))
}

/// Words that follow each other in one text; the last may be a beginning.
pub(super) fn in_field(field: Field, words: &[String], prefix: bool) -> Box<dyn Query> {
    let term = |word: &String| Term::from_field_text(field, word);
    match (words, prefix) {
        ([], _) => Box::new(EmptyQuery),
        ([word], true) => starting(field, word),
        ([word], false) => Box::new(TermQuery::new(term(word), IndexRecordOption::WithFreqs)),
        (words, true) => Box::new(PhrasePrefixQuery::new(words.iter().map(term).collect())),
        (words, false) => Box::new(PhraseQuery::new(words.iter().map(term).collect())),
    }
}

/// Terms that begin so.
pub(super) fn starting(field: Field, start: &str) -> Box<dyn Query> {
    Box::new(FuzzyTermQuery::new_prefix(Term::from_field_text(field, start), 0, true))
}

/// A text of a metric or parameter.
pub(super) fn label(fields: &Fields, path: &str, text: &str) -> Box<dyn Query> {
    let mut term = Term::from_field_json_path(fields.labels, path, true);
    term.append_type_and_str(text);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// A number of a metric or parameter.
pub(super) fn dynamic_number(fields: &Fields, path: &str, value: f64) -> Term {
    let mut term = Term::from_field_json_path(fields.numbers, path, true);
    term.append_type_and_fast_value(value);
    term
}
