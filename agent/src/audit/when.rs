//! Moments as operators write them, and as they are shown: in UTC, as the store has them.

use std::time::SystemTime;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// What is understood.
const EXPECTED: &str = "a time ago (30m, 12h, 7d, 4w), a day (today, yesterday, tuesday, 2026-11-24), or a moment \
                        (2026-11-24T10:30, 2026-11-24T10:30:00Z); without a zone it is UTC";

/// A moment in microseconds since 1970. `tuesday` is the begin of the last one before today.
///
/// # Errors
/// What is understood.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<i64, String> {
    let moment = relative(text, now)
        .or_else(|| named_day(text, now))
        .or_else(|| text.parse::<Timestamp>().ok())
        .or_else(|| of_utc(text.parse::<DateTime>().ok()?))
        .or_else(|| of_utc(text.parse::<Date>().ok()?.into()));
    moment.map(Timestamp::as_microsecond).ok_or_else(|| EXPECTED.to_owned())
}

fn relative(text: &str, now: Timestamp) -> Option<Timestamp> {
    let unit = text.chars().next_back()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number >= 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    now.checked_sub(SignedDuration::from_secs(number.checked_mul(seconds)?)).ok()
}

fn named_day(text: &str, now: Timestamp) -> Option<Timestamp> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let day = match text.to_ascii_lowercase().as_str() {
        "today" => today,
        "yesterday" => today.checked_sub(1.day()).ok()?,
        name => today.nth_weekday(-1, weekday(name)?).ok()?,
    };
    of_utc(day.into())
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

fn of_utc(moment: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(moment).ok()
}

/// Now.
pub(super) fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `2026-11-24 10:30:00`.
pub(super) fn show(micros: i64) -> String {
    Timestamp::from_microsecond(micros)
        .map_or_else(|_| micros.to_string(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// As RFC 3339 has it, with microseconds.
pub(super) fn exact(micros: i64) -> String {
    Timestamp::from_microsecond(micros)
        .map_or_else(|_| micros.to_string(), |moment| moment.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_each_way() {
        // A Monday.
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("30m", "2026-11-30T11:30:00.000000Z"),
            ("12h", "2026-11-30T00:00:00.000000Z"),
            ("7d", "2026-11-23T12:00:00.000000Z"),
            ("2w", "2026-11-16T12:00:00.000000Z"),
            ("0s", "2026-11-30T12:00:00.000000Z"),
            ("today", "2026-11-30T00:00:00.000000Z"),
            ("yesterday", "2026-11-29T00:00:00.000000Z"),
            ("Tuesday", "2026-11-24T00:00:00.000000Z"),
            ("monday", "2026-11-23T00:00:00.000000Z"),
            ("2026-11-24", "2026-11-24T00:00:00.000000Z"),
            ("2026-11-24T10:30", "2026-11-24T10:30:00.000000Z"),
            ("2026-11-24 10:30:15", "2026-11-24T10:30:15.000000Z"),
            ("2026-11-24T10:30:15.5+02:00", "2026-11-24T08:30:15.500000Z"),
        ] {
            assert_eq!(parse(text, now).map(exact), Ok(expected.to_owned()), "{text}");
        }
        for wrong in ["", "m", "-5m", "5y", "99999999999999999w", "someday", "2026-13-01"] {
            assert!(parse(wrong, now).is_err(), "{wrong}");
        }
        assert_eq!(show(1_795_478_400_000_000), "2026-11-24 00:00:00");
        assert_eq!(show(i64::MAX), i64::MAX.to_string());
    }
}
