//! What user code wrote to `$KATONIC_METRICS`: a JSON object of at most 16 KiB,
//! or a log with an object in each line, a `step` and numbers.
//!
//! Of a log the last number of each metric counts; the numbers by step are kept
//! thinned. Its last line may be half written: its writer was perhaps killed.
//! The file is hostile: what is read of it, and what is kept, is bounded.

mod thinned;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use katonic_domain::metric::{LAST_STEP, MOST_BYTES, MOST_NAME_BYTES, MOST_SERIES};
use katonic_member::hostile;
use katonic_proto::{dispatcher::v1::MetricSeries, json};
use prost_types::Struct;
use rustix::fs::OFlags;
use serde_json::{Map, Value};

use self::thinned::Thinned;

/// A log of some 400,000 steps.
const MOST_LOG_BYTES: u64 = 16 * 1024 * 1024;

/// What is to be reported of it.
#[derive(Debug, PartialEq)]
pub struct Metrics {
    /// The object; of a log the last step and the last value of each metric.
    pub last: Struct,
    /// The values of each metric by step, in order of name; none where it is no log.
    pub series: Vec<MetricSeries>,
}

/// Why nothing of it is kept: in words for its writer, without any of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A link, a folder, or nothing that can be read.
    #[error("they are in no file that can be read")]
    File,
    /// Larger than is read.
    #[error("their file is larger than 16 MiB")]
    Size,
    /// There is no line that is whole.
    #[error("their file holds neither a JSON object nor lines of them")]
    Empty,
    /// One of its lines.
    #[error("line {line} {wrong}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        wrong: Wrong,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("is longer than 16 KiB")]
    Long,
    #[error("is not a JSON object; NaN and Infinity are no JSON")]
    Json,
    #[error("has no `step` that is a whole number from 0 to 2^53")]
    Step,
    #[error("has a value that is no number")]
    Value,
    #[error("has a metric whose name is empty or longer than {MOST_NAME_BYTES} bytes")]
    Name,
    #[error("has one metric more than the {MOST_SERIES} that are kept")]
    Count,
}

/// Reads the metrics below an attempt's folder; `None` where there is no such file.
pub fn read(folder: &Path) -> Result<Option<Metrics>, Refused> {
    match open(folder) {
        Ok((_, bytes)) if bytes > MOST_LOG_BYTES => Err(Refused::Size),
        // What is appended meanwhile is not looked at.
        Ok((file, bytes)) => parse(BufReader::new(file.take(bytes)), bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) => Err(Refused::File),
    }
}

fn open(folder: &Path) -> io::Result<(File, u64)> {
    let folder = hostile::open_folder(folder)?;
    let file = hostile::open_below(&folder, "metrics.json", OFlags::empty())?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata.len())) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn parse(mut input: impl BufRead, bytes: u64) -> Result<Metrics, Refused> {
    if bytes > MOST_BYTES as u64 {
        return Log::read(input)?.into_metrics();
    }
    let mut text = Vec::new();
    input.read_to_end(&mut text).map_err(|_| Refused::File)?;
    let log = Log::read(text.as_slice()).and_then(Log::into_metrics);
    // One object may be a log of one line: then both say the same.
    match (log, serde_json::from_slice(&text)) {
        (Err(_), Ok(object)) => Ok(Metrics { last: as_struct(object)?, series: Vec::new() }),
        (log, _) => log,
    }
}

fn as_struct(object: Map<String, Value>) -> Result<Struct, Refused> {
    json::to_struct(Value::Object(object)).ok_or(Refused::Empty)
}

/// What was logged so far.
#[derive(Debug, Default)]
struct Log {
    step: Option<u64>,
    series: BTreeMap<String, Thinned>,
}

impl Log {
    fn read(mut input: impl BufRead) -> Result<Self, Refused> {
        let mut log = Self::default();
        let mut text = Vec::new();
        for line in 1.. {
            let refused = |wrong| Refused::Line { line, wrong };
            text.clear();
            let part = input.by_ref().take(MOST_BYTES as u64 + 1).read_until(b'\n', &mut text);
            part.map_err(|_| Refused::File)?;
            let whole = text.ends_with(b"\n");
            match serde_json::from_slice(&text) {
                _ if text.is_empty() => break,
                _ if !whole && text.len() > MOST_BYTES => return Err(refused(Wrong::Long)),
                _ if text.trim_ascii().is_empty() => {}
                Ok(object) => log.take(object).map_err(refused)?,
                Err(_) if whole => return Err(refused(Wrong::Json)),
                // Half written.
                Err(_) => break,
            }
        }
        Ok(log)
    }

    fn take(&mut self, mut object: Map<String, Value>) -> Result<(), Wrong> {
        let step = object.remove("step").and_then(|step| step.as_u64());
        let step = step.filter(|step| *step <= LAST_STEP).ok_or(Wrong::Step)?;
        for (name, value) in object {
            let value = value.as_f64().ok_or(Wrong::Value)?;
            if name.is_empty() || name.len() > MOST_NAME_BYTES {
                return Err(Wrong::Name);
            }
            if self.series.len() == MOST_SERIES && !self.series.contains_key(&name) {
                return Err(Wrong::Count);
            }
            let series = self.series.entry(name);
            series.and_modify(|series| series.push(step, value)).or_insert_with(|| Thinned::new(step, value));
        }
        self.step = Some(step);
        Ok(())
    }

    fn into_metrics(self) -> Result<Metrics, Refused> {
        let step = self.step.ok_or(Refused::Empty)?;
        let values = self.series.iter().map(|(name, series)| (name.clone(), Value::from(series.last())));
        let last = values.chain([("step".to_owned(), Value::from(step))]).collect();
        let series = self.series.into_iter().map(|(name, series)| series.into_series(name)).collect();
        Ok(Metrics { last: as_struct(last)?, series })
    }
}

#[cfg(test)]
mod tests;
