//! What an execution used and what that costs. Only what was counted is kept:
//! what was wasted and the price follow from the tier that was pinned.

use katonic_domain::usage::Totals;
use serde::{Deserialize, Serialize};

use crate::domain::{metered::Metered, spec::Tier};

const MS_PER_HOUR: u128 = 3_600_000;

/// What was used, by all attempts and their members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumption {
    /// How long user code ran, added up.
    pub run_ms: u64,
    /// What was measured meanwhile; none where nothing was.
    pub measured: Option<Measured>,
}

/// What was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Processor time.
    pub cpu_ms: u64,
    /// The most memory that one member held.
    pub peak_memory_bytes: u64,
    /// Bytes that were read from disks.
    pub read_bytes: u64,
    /// Bytes that were written to disks.
    pub written_bytes: u64,
}

/// What a tier offered and nobody used, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wasted {
    /// Of the processor time, while it ran.
    pub cpu: u32,
    /// Of the memory, even at the peak.
    pub memory: u32,
}

impl Consumption {
    /// Counts one more attempt.
    pub fn add(&mut self, other: &Self) {
        self.run_ms = self.run_ms.saturating_add(other.run_ms);
        self.measured = Measured::of(self.measured.into_iter().chain(other.measured));
    }

    /// What it costs, in millionths of the tier's currency: half of one is one.
    pub fn cost_micros(&self, tier: &Tier) -> u64 {
        let micro_ms = u128::from(tier.price_micros_per_hour) * u128::from(self.run_ms);
        u64::try_from((micro_ms + MS_PER_HOUR / 2) / MS_PER_HOUR).unwrap_or(u64::MAX)
    }

    /// What of the tier was wasted; none where that is not known.
    pub fn wasted(&self, tier: &Tier) -> Option<Wasted> {
        let measured = self.measured?;
        let offered_ms = u128::from(self.run_ms) * u128::from(tier.cpu_millis) / 1000;
        Some(Wasted {
            cpu: unused_percent(offered_ms, measured.cpu_ms.into())?,
            memory: unused_percent(tier.memory_bytes.into(), measured.peak_memory_bytes.into())?,
        })
    }
}

impl Measured {
    /// The sum; none of none.
    pub fn of(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|sum, other| Self {
            cpu_ms: sum.cpu_ms.saturating_add(other.cpu_ms),
            peak_memory_bytes: sum.peak_memory_bytes.max(other.peak_memory_bytes),
            read_bytes: sum.read_bytes.saturating_add(other.read_bytes),
            written_bytes: sum.written_bytes.saturating_add(other.written_bytes),
        })
    }

    /// That of some members.
    pub fn of_members<'a>(metered: impl IntoIterator<Item = &'a Metered>) -> Option<Self> {
        Self::of(metered.into_iter().map(|one| Self::from(one.series.totals())))
    }
}

impl From<&Totals> for Measured {
    fn from(totals: &Totals) -> Self {
        let Totals { cpu_ms, peak_memory_bytes, read_bytes, written_bytes, peak_processes: _ } = *totals;
        Self { cpu_ms, peak_memory_bytes, read_bytes, written_bytes }
    }
}

/// Rounded down; none of nothing.
fn unused_percent(offered: u128, used: u128) -> Option<u32> {
    let unused = (offered.saturating_sub(used) * 100).checked_div(offered)?;
    u32::try_from(unused).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{metered::tests::metered, spec::tests::spec};

    /// One core, 1 GiB, at a price for an hour.
    fn tier(price_micros_per_hour: u64) -> Tier {
        Tier { price_micros_per_hour, ..spec("small", 1).tier }
    }

    fn ran(run_ms: u64) -> Consumption {
        Consumption { run_ms, measured: None }
    }

    #[test]
    fn the_cost_is_price_times_run_time_and_rounded_once() {
        assert_eq!(ran(3_600_000).cost_micros(&tier(1_500_000)), 1_500_000);
        assert_eq!(ran(12_345).cost_micros(&tier(1_500_000)), 5_144);
        assert_eq!([1, 2].map(|run_ms| ran(run_ms).cost_micros(&tier(1_200_000))), [0, 1]);
        assert_eq!(ran(u64::MAX).cost_micros(&tier(0)), 0);
        assert_eq!(ran(u64::MAX).cost_micros(&tier(u64::MAX)), u64::MAX);
        let mut thrice = ran(1);
        thrice.add(&ran(1));
        thrice.add(&ran(1));
        assert_eq!(thrice.cost_micros(&tier(1_200_000)), 1, "not three times nothing");
    }

    #[test]
    fn attempts_add_up_and_the_peak_is_the_highest() {
        let mut all = Consumption::default();
        all.add(&ran(1_000));
        assert_eq!(all.measured, None);
        for (samples, gib) in [(2, 3), (1, 2)] {
            all.add(&Consumption { run_ms: 5_000, measured: Measured::of_members([&metered(samples, gib)]) });
        }
        let measured = Measured { cpu_ms: 15_000, peak_memory_bytes: 3 << 30, ..Measured::default() };
        assert_eq!(all, Consumption { run_ms: 11_000, measured: Some(measured) });
    }

    #[test]
    fn wasted_is_what_was_offered_and_not_used() {
        let used = |cpu_ms, peak_memory_bytes| Consumption {
            run_ms: 10_000,
            measured: Some(Measured { cpu_ms, peak_memory_bytes, ..Measured::default() }),
        };
        let wasted = |used: Consumption| used.wasted(&tier(0));
        assert_eq!(wasted(used(2_500, 256 << 20)), Some(Wasted { cpu: 75, memory: 75 }));
        assert_eq!(wasted(used(40_000, 4 << 30)), Some(Wasted { cpu: 0, memory: 0 }), "more than was offered");
        assert_eq!(wasted(ran(10_000)), None, "nothing was measured");
        assert_eq!(Consumption { run_ms: 0, ..used(0, 0) }.wasted(&tier(0)), None, "nothing was offered");
    }
}
