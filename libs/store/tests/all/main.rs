//! The store against a real server: what DESIGN W1 to W4 and X6 promise.

mod changing;
mod fixture;
mod inserting;
mod leasing;
mod listing;
mod relaying;
mod transacting;
