//! How much is kept of the metrics that user code writes: what its agent keeps
//! within, and the dispatcher takes.

/// Bytes of the metrics of an execution, as one JSON object.
pub const MOST_BYTES: usize = 16 * 1024;
/// Metrics of an execution that have a series of values by step.
pub const MOST_SERIES: usize = 64;
/// Points of a series.
pub const MOST_POINTS: usize = 500;
/// Bytes of the name of a metric that has a series.
pub const MOST_NAME_BYTES: usize = 128;
/// The highest step: every whole number of JSON is exact up to here.
pub const LAST_STEP: u64 = 1 << 53;
