//! What the dispatcher does, one file a deed: each takes checked input, reads
//! and writes the store, and announces what it wrote.

pub mod access;
pub mod admit;
pub mod claim;
pub mod edit;
pub mod end;
pub mod give_up;
pub mod read;
pub mod report;
pub mod schedules;
pub mod stop;
pub mod submit;
pub mod tick;
pub mod watch;

#[cfg(test)]
mod tests;
