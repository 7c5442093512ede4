//! Values that the gateway writes as text: Go durations and expiry dates (api-definition reference 2.4, 1.5).

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::member::Member;

/// A Go duration (`"1m30s"`). Text that is none counts as zero, as in Tyk, and is kept so that lint can name it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadableDuration {
    nanos: i64,
    unreadable: Option<Box<str>>,
}

impl ReadableDuration {
    /// Reads Go's form.
    pub fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        match parse_nanos(text) {
            Some(nanos) => Self { nanos, unreadable: None },
            None => Self { nanos: 0, unreadable: Some(text.into()) },
        }
    }

    /// Its length; a negative one is none at all.
    pub fn duration(&self) -> Option<Duration> {
        u64::try_from(self.nanos).ok().filter(|nanos| *nanos > 0).map(Duration::from_nanos)
    }

    /// The text, if it could not be read.
    pub fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }
}

impl From<Duration> for ReadableDuration {
    fn from(value: Duration) -> Self {
        Self { nanos: i64::try_from(value.as_nanos()).unwrap_or(i64::MAX), unreadable: None }
    }
}

impl Member for ReadableDuration {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map_or_else(Self::default, |text| Self::parse(&text)))
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.unreadable {
            Some(text) => text.serialize(to),
            None => format_nanos(self.nanos).serialize(to),
        }
    }
    fn is_zero(&self) -> bool {
        self.nanos == 0 && self.unreadable.is_none()
    }
}

/// Go's `time.ParseDuration`.
fn parse_nanos(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        let scale = unit_nanos(unit)?;
        if !whole.is_empty() {
            total += whole.parse::<i64>().ok().map(i128::from)?.checked_mul(scale)?;
        }
        let mut step = scale as f64;
        for digit in fraction.chars().filter_map(|c| c.to_digit(10)) {
            step /= 10.0;
            total += (f64::from(digit) * step).round() as i128;
        }
        rest = tail;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn unit_nanos(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Go's `Duration.String`.
fn format_nanos(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    if size == 0 {
        return "0s".into();
    }
    if size < 1_000_000_000 {
        let (unit, scale) = match size {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{sign}{}{unit}", fraction(size, scale));
    }
    let minutes = size / 60_000_000_000;
    let seconds = fraction(size % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// `value / scale` with as many decimals as it takes.
fn fraction(value: u64, scale: u64) -> String {
    let rest = value % scale;
    if rest == 0 {
        return (value / scale).to_string();
    }
    let digits = scale.ilog10() as usize;
    let decimals = format!("{rest:0digits$}");
    format!("{}.{}", value / scale, decimals.trim_end_matches('0'))
}

/// When something stops being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// No date, or `-1`.
    Never,
    /// At this time (UTC).
    At(SystemTime),
    /// The text is no date of the form `2006-01-02 15:04`. Tyk treats it as past.
    Unreadable,
}

impl Expiry {
    /// Reads `2006-01-02 15:04` as UTC.
    pub fn parse(text: &str) -> Self {
        if text.is_empty() || text == "-1" {
            return Self::Never;
        }
        seconds_of(text)
            .and_then(|seconds| {
                let size = Duration::from_secs(seconds.unsigned_abs());
                if seconds < 0 {
                    SystemTime::UNIX_EPOCH.checked_sub(size)
                } else {
                    SystemTime::UNIX_EPOCH.checked_add(size)
                }
            })
            .map_or(Self::Unreadable, Self::At)
    }

    /// Whether it has passed.
    pub fn is_past(self, now: SystemTime) -> bool {
        match self {
            Self::Never => false,
            Self::At(time) => now >= time,
            Self::Unreadable => true,
        }
    }
}

/// Seconds since 1970 of `YYYY-MM-DD hh:mm`.
fn seconds_of(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    let (hour, minute) = time.split_once(':')?;
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    // Days from the civil calendar: a year that begins in March puts the leap day at its end.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}
