//! Hardware tiers, as the installation's configuration lists them.

use katonic_domain::Name;
use serde::{Deserialize, Serialize};

/// A named size with a limit of how many members may hold it at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Unique.
    pub name: Name,
    /// To be raised with every change; a launch pins it.
    pub revision: u32,
    /// CPU in thousandths of a core.
    pub cpu_millis: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// How many members may run at once.
    pub max_running: u32,
    /// Whether a launch that names no tier gets this one.
    #[serde(default)]
    pub default: bool,
}

/// Why a list of tiers is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two of one name.
    #[error("there are two tiers of the name {0}")]
    Twice(Name),
    /// None or several are the default.
    #[error("exactly one tier is the default")]
    Default,
    /// A limit that lets nothing run.
    #[error("the tier {0} lets nothing run")]
    Empty(Name),
}

/// The tiers of the installation, by name.
#[derive(Debug, Clone)]
pub struct Tiers(Vec<Tier>);

impl Tiers {
    /// Checks a list.
    ///
    /// # Errors
    /// [`Error`].
    pub fn new(mut tiers: Vec<Tier>) -> Result<Self, Error> {
        tiers.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = tiers.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(Error::Twice(pair[0].name.clone()));
        }
        if let Some(tier) = tiers.iter().find(|tier| tier.max_running == 0) {
            return Err(Error::Empty(tier.name.clone()));
        }
        if tiers.iter().filter(|tier| tier.default).count() != 1 {
            return Err(Error::Default);
        }
        Ok(Self(tiers))
    }

    /// All, by name.
    pub fn all(&self) -> &[Tier] {
        &self.0
    }

    /// The tier of a name; the default where it is empty.
    pub fn find(&self, name: &str) -> Option<&Tier> {
        self.0.iter().find(|tier| if name.is_empty() { tier.default } else { tier.name.as_str() == name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(name: &str, default: bool) -> Tier {
        let name = name.parse().expect("a name");
        Tier { name, revision: 1, cpu_millis: 1000, memory_bytes: 1 << 30, max_running: 2, default }
    }

    #[test]
    fn there_is_exactly_one_default() {
        assert_eq!(Tiers::new(vec![tier("a", false)]).err(), Some(Error::Default));
        assert_eq!(Tiers::new(vec![tier("a", true), tier("b", true)]).err(), Some(Error::Default));
        let tiers = Tiers::new(vec![tier("b", true), tier("a", false)]).expect("one default");
        assert_eq!(tiers.find("").map(|tier| tier.name.as_str()), Some("b"));
        assert_eq!(tiers.find("c"), None);
    }

    #[test]
    fn names_are_unique() {
        assert!(matches!(Tiers::new(vec![tier("a", true), tier("a", false)]), Err(Error::Twice(_))));
    }
}
