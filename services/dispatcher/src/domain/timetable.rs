//! When a schedule is due: a cron pattern of five fields in a time zone.
//!
//! Patterns are those of Vixie cron as the `croner` library reads them, with `@daily` and the
//! like. What falls into an hour that a zone leaves out happens right after it; what falls into
//! an hour that comes twice happens once, unless it is to happen every hour or minute.

use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Zoned, tz::TimeZone};
use katonic_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// Why two texts are no timetable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pattern is none.
    #[error("is no cron pattern of five fields: {0}")]
    Pattern(CronError),
    /// It matches no time that there is, such as 30 February.
    #[error("matches no time in the years to come")]
    Never,
    /// There is no such time zone.
    #[error("is no time zone such as `Europe/Berlin` or `UTC`")]
    Zone,
}

/// A pattern and a zone, as people write them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Texts {
    cron: String,
    zone: String,
}

/// When a schedule is due.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Texts", into = "Texts")]
pub struct Timetable {
    texts: Texts,
    pattern: Cron,
    zone: TimeZone,
}

impl PartialEq for Timetable {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl Timetable {
    /// The timetable of a pattern and a zone of the IANA database.
    pub fn try_new(cron: &str, zone: &str) -> Result<Self, Error> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let pattern = parser.parse(cron).map_err(Error::Pattern)?;
        let texts = Texts { cron: cron.trim().to_owned(), zone: zone.to_owned() };
        let timetable = Self { texts, pattern, zone: TimeZone::get(zone).map_err(|_| Error::Zone)? };
        if timetable.after(Timestamp::UNIX_EPOCH).next().is_none() {
            return Err(Error::Never);
        }
        Ok(timetable)
    }

    /// The pattern as it was written.
    pub fn cron(&self) -> &str {
        &self.texts.cron
    }

    /// The name of the zone.
    pub fn zone(&self) -> &str {
        &self.texts.zone
    }

    /// The pattern in words.
    pub fn in_words(&self) -> String {
        self.pattern.describe()
    }

    /// When it is due after a time, soonest first.
    pub fn after(&self, time: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
        self.pattern.iter_after(self.zoned(time)).map(|due| due.timestamp())
    }

    /// When it was due up to a time, latest first.
    pub fn until(&self, time: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
        let from = self.zoned(time);
        self.pattern.iter_from(from, croner::Direction::Backward).map(|due| due.timestamp())
    }

    fn zoned(&self, time: Timestamp) -> Zoned {
        time.to_zoned(self.zone.clone())
    }
}

impl TryFrom<Texts> for Timetable {
    type Error = Error;

    fn try_from(texts: Texts) -> Result<Self, Error> {
        Self::try_new(&texts.cron, &texts.zone)
    }
}

impl From<Timetable> for Texts {
    fn from(timetable: Timetable) -> Self {
        timetable.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let timetable = Timetable::try_new(cron, zone).expect("a timetable");
        let after: Timestamp = after.parse().expect("a time");
        timetable.after(after).take(count).map(|time| time.to_string()).collect()
    }

    #[test]
    fn what_is_no_timetable_is_refused_with_why() {
        for cron in ["", "* * * *", "0 0 * * * *", "61 * * * *", "x y z a b", "0 0 30 2 *"] {
            assert!(Timetable::try_new(cron, "UTC").is_err(), "{cron:?} was taken");
        }
        assert!(matches!(Timetable::try_new("@daily", "Mars/Base"), Err(Error::Zone)));
    }

    #[test]
    fn an_hour_that_is_left_out_is_made_up_for_and_one_that_comes_twice_counts_once() {
        let spring = due("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3);
        assert_eq!(spring, ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
        let autumn = due("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn the_last_of_february_is_the_29th_in_a_leap_year() {
        let leap = due("0 0 L 2 *", "UTC", "2026-01-01T00:00:00Z", 3);
        assert_eq!(leap, ["2026-02-28T00:00:00Z", "2027-02-28T00:00:00Z", "2028-02-29T00:00:00Z"]);
    }

    #[test]
    fn backwards_is_forwards_the_other_way_round() {
        let timetable = Timetable::try_new("*/15 * * * *", "Australia/Lord_Howe").expect("a timetable");
        let (from, to): (Timestamp, Timestamp) =
            ("2026-04-04T00:00:00Z".parse().expect("a time"), "2026-04-06T00:00:00Z".parse().expect("a time"));
        let forwards: Vec<_> = timetable.after(from).take_while(|time| *time <= to).collect();
        let mut backwards: Vec<_> = timetable.until(to).take_while(|time| *time > from).collect();
        backwards.reverse();
        assert_eq!(forwards, backwards);
    }

    #[test]
    fn what_is_stored_reads_back() {
        let timetable = Timetable::try_new("0 6 * * 1-5", "Asia/Kathmandu").expect("a timetable");
        let stored = serde_json::to_value(&timetable).expect("serialises");
        assert_eq!(stored, serde_json::json!({"cron": "0 6 * * 1-5", "zone": "Asia/Kathmandu"}));
        assert_eq!(serde_json::from_value::<Timetable>(stored).ok(), Some(timetable));
    }
}
