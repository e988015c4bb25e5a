//! All that the doctor looks for, in the order in which it is best mended.

mod connection;
mod data_directory;
mod folder;
mod machine;
mod parts;
mod project;
mod servers;
mod token;
mod tools;

use super::check::Check;

/// The checks by what they are about.
pub const GROUPS: &[(&str, &[Check])] = &[
    ("The platform that you use", connection::CHECKS),
    ("Your token", token::CHECKS),
    ("This folder", folder::CHECKS),
    ("This folder's project", project::CHECKS),
    ("Programs", tools::CHECKS),
    ("This machine", machine::CHECKS),
    ("The data directory", data_directory::CHECKS),
    ("The platform's parts", parts::CHECKS),
    ("The platform's servers", servers::CHECKS),
];

/// Every check.
pub fn all() -> impl Iterator<Item = &'static Check> {
    GROUPS.iter().flat_map(|(_, checks)| checks.iter())
}
