//! Dates of signed requests: `Mon, 02 Jan 2006 15:04:05 MST`, or with `-07` for the zone.

use chrono::{DateTime, Duration, NaiveDateTime, Utc};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The moment. A zone that has a name counts as UTC, as Go has it; the day of the week is not checked against the date.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let (day, rest) = text.trim().split_once(", ")?;
    if !DAYS.contains(&day.to_ascii_lowercase().as_str()) {
        return None;
    }
    let (local, zone) = rest.rsplit_once(' ')?;
    let local = NaiveDateTime::parse_from_str(local, "%d %b %Y %H:%M:%S").ok()?;
    Some((local - offset(zone)?).and_utc())
}

fn offset(zone: &str) -> Option<Duration> {
    if (3..=5).contains(&zone.len()) && zone.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Some(Duration::zero());
    }
    let (sign, hours) = zone.split_at_checked(1)?;
    if hours.len() != 2 || !hours.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours = Duration::hours(hours.parse().ok()?);
    match sign {
        "+" => Some(hours),
        "-" => Some(-hours),
        _ => None,
    }
}
