use proptest::prelude::*;

use super::*;
use crate::domain::spec::tests::form;

const START: &str = "2026-01-01T00:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A schedule that was made at [`START`].
pub(crate) fn schedule(cron: &str, zone: &str, catch_up: CatchUp) -> Schedule {
    let plan = Plan {
        name: "nightly".parse().expect("a name"),
        timetable: Timetable::try_new(cron, zone).expect("a timetable"),
        overlap: Overlap::Forbid,
        catch_up,
        paused: false,
        job: form(),
    };
    Schedule::new(ScheduleId::generate(), ProjectId::generate(), Number(1), UserId::generate(), plan, time(START))
}

fn launched(at: Timestamp) -> Tick {
    Tick { at, fate: Fate::Launched(ExecutionId::generate()) }
}

fn decide_all(schedule: &mut Schedule, now: Timestamp) -> Vec<Timestamp> {
    let due = schedule.due(now);
    for at in &due {
        assert!(schedule.decide(launched(*at)), "decided twice");
    }
    due
}

#[test]
fn a_new_one_makes_up_for_nothing_and_each_time_is_decided_once() {
    let mut hourly = schedule("0 * * * *", "UTC", CatchUp::All(100));
    assert_eq!(decide_all(&mut hourly, time(START)), []);
    assert_eq!(decide_all(&mut hourly, time("2026-01-01T01:00:30Z")), [time("2026-01-01T01:00:00Z")]);
    assert_eq!(decide_all(&mut hourly, time("2026-01-01T01:00:31Z")), []);
    assert!(!hourly.decide(launched(time("2026-01-01T01:00:00Z"))), "a repeated decision changes nothing");
}

#[test]
fn what_was_missed_is_made_up_for_as_said() {
    let later = time("2026-01-01T05:30:00Z");
    for (catch_up, expected) in [(CatchUp::None, vec![]), (CatchUp::Last, vec![5]), (CatchUp::All(3), vec![3, 4, 5])] {
        let mut missed = schedule("0 * * * *", "UTC", catch_up);
        let hours: Vec<Timestamp> = expected.iter().map(|hour| time(&format!("2026-01-01T0{hour}:00:00Z"))).collect();
        assert_eq!(decide_all(&mut missed, later), hours, "{catch_up:?}");
        assert_eq!(decide_all(&mut missed, time("2026-01-01T06:01:00Z")), [time("2026-01-01T06:00:00Z")]);
    }
}

#[test]
fn what_rested_is_not_made_up_for() {
    let mut hourly = schedule("0 * * * *", "UTC", CatchUp::All(100));
    let (owner, paused) = (hourly.owner, Plan { paused: true, ..hourly.plan.clone() });
    assert!(hourly.change(paused.clone(), owner, time("2026-01-01T00:30:00Z")));
    assert!(!hourly.change(paused.clone(), owner, time("2026-01-01T00:40:00Z")), "the same again is no news");
    assert_eq!(hourly.due(time("2026-01-01T03:00:10Z")), []);
    hourly.change(Plan { paused: false, ..paused }, owner, time("2026-01-01T03:30:00Z"));
    assert_eq!(decide_all(&mut hourly, time("2026-01-01T04:00:10Z")), [time("2026-01-01T04:00:00Z")]);
}

#[test]
fn whoever_changes_it_launches_it_and_a_deleted_one_launches_nothing() {
    let mut hourly = schedule("0 * * * *", "UTC", CatchUp::None);
    let (before, editor) = (hourly.owner, UserId::generate());
    let other = Plan { overlap: Overlap::Replace, ..hourly.plan.clone() };
    assert!(hourly.change(other, editor, time(START)) && hourly.owner == editor && editor != before);
    assert!(hourly.delete(time(START)) && !hourly.delete(time(START)));
    assert_eq!((hourly.is_active(), hourly.generation), (false, 3));
}

/// A clock that goes on by minutes, and by up to ten days while the platform is down.
fn looks(seed: &[u32]) -> Vec<Timestamp> {
    let (mut now, end) = (time(START), time("2027-01-01T00:00:00Z"));
    let mut looks = Vec::new();
    let mut gaps = seed.iter().cycle();
    while now < end {
        let gap = gaps.next().copied().unwrap_or(60);
        now = now.checked_add(SignedDuration::from_secs(i64::from(gap))).expect("in range");
        looks.push(now.min(end));
    }
    looks
}

const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"];
const PATTERNS: [&str; 6] =
    ["30 2 * * *", "0 */6 * * *", "15 1-3 * * SUN", "0 0 L * *", "*/45 22-23 * 3,4,9,10 *", "0 9 29 2 *"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Over a year, across changes of the clocks and however long nobody looks, what is launched is what the
    /// library says, less what is to be left out.
    #[test]
    fn a_year_is_as_the_library_says(
        zone in 0..ZONES.len(),
        pattern in 0..PATTERNS.len(),
        seed in prop::collection::vec(prop_oneof![3 => 600_u32..7200, 1 => 86_400_u32..864_000], 8),
    ) {
        let looks = looks(&seed);
        let end = *looks.last().expect("some");
        let all = Timetable::try_new(PATTERNS[pattern], ZONES[zone]).expect("a timetable");
        let all: Vec<Timestamp> = all.after(time(START)).take_while(|due| *due <= end).collect();
        let run = |catch_up| {
            let mut schedule = schedule(PATTERNS[pattern], ZONES[zone], catch_up);
            looks.iter().flat_map(|now| decide_all(&mut schedule, *now)).collect::<Vec<_>>()
        };
        prop_assert_eq!(&run(CatchUp::All(u32::MAX)), &all);
        let mut before = time(START);
        let (mut latest, mut in_time) = (Vec::new(), Vec::new());
        for now in &looks {
            let last = all.iter().copied().filter(|due| *due > before && due <= now).max();
            latest.extend(last);
            in_time.extend(last.filter(|due| now.duration_since(*due) <= IN_TIME));
            before = *now;
        }
        prop_assert_eq!(run(CatchUp::Last), latest);
        prop_assert_eq!(run(CatchUp::None), in_time);
    }
}
