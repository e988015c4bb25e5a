//! What a log is: records in one sequence, cut into segments that one manifest lists.
//!
//! Pure: no IO, no async; everything that decides whether a record is taken,
//! kept or read is here.

pub mod batch;
pub mod codec;
pub mod manifest;
pub mod position;
pub mod record;
pub mod seq;
pub mod window;

pub use batch::Batch;
pub use manifest::{Manifest, Place, Segment};
pub use position::Position;
pub use record::{Content, GapReason, Record, Stream};
pub use seq::Seq;
pub use window::Window;
