//! The other services, as metadata needs them.

pub mod parts;
