//! Words for values: times, durations, sizes, phases and reasons.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use katonic_proto::dispatcher::v1::{Execution, Phase, Priority, Reason};

/// A time of the wire in the local time zone, to the second; empty where unset.
pub fn time(timestamp: Option<&prost_types::Timestamp>) -> String {
    let Some(timestamp) = timestamp else { return String::new() };
    match Timestamp::new(timestamp.seconds, timestamp.nanos) {
        Ok(time) => time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => String::new(),
    }
}

/// How long it took from one time to another, such as `1.2 s` or `3 min 20 s`; empty where one is unset.
pub fn elapsed(from: Option<&prost_types::Timestamp>, to: Option<&prost_types::Timestamp>) -> String {
    let (Some(from), Some(to)) = (from, to) else { return String::new() };
    let millis = (to.seconds - from.seconds) * 1000 + i64::from(to.nanos - from.nanos) / 1_000_000;
    duration(SignedDuration::from_millis(millis.max(0)))
}

/// A duration such as `1.2 s` or `3 min 20 s`.
pub fn duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A duration in the form of the wire.
pub fn wire_duration(duration: SignedDuration) -> prost_types::Duration {
    prost_types::Duration { seconds: duration.as_secs(), nanos: duration.subsec_nanos() }
}

/// A number of bytes with a binary unit.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    #[allow(clippy::cast_precision_loss, reason = "only three digits are shown")]
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// An amount in millionths of a currency; empty where it is nothing.
pub fn money(micros: u64, currency: &str) -> String {
    let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
    match (whole, rest) {
        (0, 0) => String::new(),
        (_, 0) => format!("{whole} {currency}"),
        _ => format!("{whole}.{} {currency}", format!("{rest:06}").trim_end_matches('0')),
    }
}

/// A phase as one word in lower case.
pub fn phase(phase: Phase) -> String {
    phase.as_str_name().trim_start_matches("PHASE_").to_ascii_lowercase()
}

/// A priority as one word in lower case.
pub fn priority(priority: Priority) -> String {
    priority.as_str_name().trim_start_matches("PRIORITY_").to_ascii_lowercase()
}

/// A reason in lower case with spaces.
pub fn reason(reason: Reason) -> String {
    match reason {
        Reason::Unspecified => String::new(),
        stated => words(stated.as_str_name().trim_start_matches("REASON_")),
    }
}

/// `UPPER_SNAKE_CASE` as words.
pub fn words(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', " ")
}

/// Whether nothing more will happen to an execution.
pub fn has_ended(execution: &Execution) -> bool {
    matches!(execution.phase(), Phase::Succeeded | Phase::Failed | Phase::Stopped)
}

/// A command as one could type it into a shell.
pub fn command(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_one_reads() {
        let shown = |millis| duration(SignedDuration::from_millis(millis));
        assert_eq!([shown(40), shown(1234), shown(59_999)], ["0.0 s", "1.2 s", "59 s"]);
        assert_eq!([shown(200_000), shown(7_500_000)], ["3 min 20 s", "2 h 5 min"]);
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!([bytes(0), bytes(1023), bytes(1536), bytes(3 << 30)], ["0 B", "1023 B", "1.5 KiB", "3.0 GiB"]);
    }

    #[test]
    fn amounts_are_written_as_people_do() {
        let shown = [0, 2_000_000, 1_250_000, 5_125].map(|micros| money(micros, "EUR"));
        assert_eq!(shown, ["", "2 EUR", "1.25 EUR", "0.005125 EUR"]);
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let typed = ["python3", "-c", "print('x y')", ""].map(str::to_owned);
        assert_eq!(command(&typed), r"python3 -c 'print('\''x y'\'')' ''");
    }

    #[test]
    fn phases_and_reasons_are_words() {
        assert_eq!(phase(Phase::Queued), "queued");
        assert_eq!(reason(Reason::KilledBySignal), "killed by signal");
        assert_eq!(reason(Reason::Unspecified), "");
    }
}
