//! Whether this `katonic` and a platform fit: one rule for `version --check` and the doctor.
//!
//! Contracts only grow, so a platform knows all that an older program of its
//! line may ask, and not what a newer one may. A line is a major version, and
//! before 1.0 a minor one, as for Cargo. Patches never matter.

use std::cmp::Ordering;

use semver::{Error, Version};

/// The version of this program.
pub const OWN: &str = env!("CARGO_PKG_VERSION");

/// How a program and a platform stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The platform knows whatever the program may ask.
    Fits,
    /// The program may ask what the platform does not know.
    PlatformIsOlder,
    /// The platform may have left off what the program asks.
    ProgramIsOlder,
}

impl Fit {
    /// How this program stands to a platform of that version.
    ///
    /// # Errors
    /// It is no version.
    pub fn with_platform(version: &str) -> Result<Self, Error> {
        Ok(Self::of(&OWN.parse()?, &version.parse()?))
    }

    fn of(program: &Version, platform: &Version) -> Self {
        match line(platform).cmp(&line(program)) {
            Ordering::Less => Self::PlatformIsOlder,
            Ordering::Greater => Self::ProgramIsOlder,
            Ordering::Equal if platform.minor < program.minor => Self::PlatformIsOlder,
            Ordering::Equal => Self::Fits,
        }
    }
}

/// What versions must have in common.
fn line(version: &Version) -> (u64, u64) {
    (version.major, if version.major == 0 { version.minor } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_fits_the_programs_of_its_line_that_are_not_newer() {
        for (program, platform, expected) in [
            ("1.2.3", "1.2.3", Fit::Fits),
            ("1.2.3", "1.2.0", Fit::Fits),
            ("1.2.3", "1.3.0", Fit::Fits),
            ("1.2.3", "1.1.9", Fit::PlatformIsOlder),
            ("1.2.3", "2.2.3", Fit::ProgramIsOlder),
            ("2.0.0", "1.9.0", Fit::PlatformIsOlder),
            ("1.10.0", "1.9.0", Fit::PlatformIsOlder),
        ] {
            let fit = Fit::of(&program.parse().expect("a version"), &platform.parse().expect("a version"));
            assert_eq!(fit, expected, "{program} at {platform}");
        }
    }

    #[test]
    fn before_1_0_a_minor_version_is_a_line() {
        for (program, platform, expected) in [
            ("0.1.0", "0.1.0", Fit::Fits),
            ("0.1.5", "0.1.0", Fit::Fits),
            ("0.1.0", "0.2.0", Fit::ProgramIsOlder),
            ("0.2.0", "0.1.9", Fit::PlatformIsOlder),
            ("0.9.0", "1.0.0", Fit::ProgramIsOlder),
            ("1.0.0", "0.9.0", Fit::PlatformIsOlder),
        ] {
            let fit = Fit::of(&program.parse().expect("a version"), &platform.parse().expect("a version"));
            assert_eq!(fit, expected, "{program} at {platform}");
        }
    }

    #[test]
    fn what_is_no_version_is_told_apart() {
        assert_eq!(Fit::with_platform(OWN).ok(), Some(Fit::Fits));
        for bad in ["", "1", "v1.0.0", "newest"] {
            assert!(Fit::with_platform(bad).is_err(), "{bad:?} was taken");
        }
    }
}
