//! Brings what runs to what is wanted: [`plan`] decides and is pure, [`apply`]
//! does, [`queue`] says which execution to look at next.
//!
//! Level-triggered: a plan is made from the whole present state, so a lost or
//! doubled trigger changes nothing but the moment.

pub mod apply;
pub mod plan;
pub mod queue;
