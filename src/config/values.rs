//! Value types that config sections share.

use std::{fmt, ops::Deref, time::Duration};

use serde::{Deserialize, Serialize, Serializer};

/// A text that must not reach a log. In the config it may be a reference: `env://NAME`, `secrets://name`,
/// `file://path`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// What stands for a secret wherever the config is shown.
pub(super) const REDACTED: &str = "*REDACTED*";

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(if self.0.is_empty() { "" } else { REDACTED })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(\"\")" } else { "Secret(****)" })
    }
}

/// A span of time: nanoseconds as a number, or a text such as `1m30s` (Go's syntax).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct GoDuration(i64);

impl GoDuration {
    /// From nanoseconds.
    pub fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds.
    pub fn nanos(self) -> i64 {
        self.0
    }

    /// The span; zero when it is negative.
    pub fn get(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// Reads Go's syntax: numbers with the units `ns`, `us`, `ms`, `s`, `m`, `h`, such as `1h2m` or `0.5s`.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (-1.0, rest),
            None => (1.0, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut nanos = 0.0;
        while !rest.is_empty() {
            let split = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, tail) = rest.split_at(split);
            let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, after) = tail.split_at(unit_end);
            nanos += number.parse::<f64>().ok()? * nanos_of(unit)?;
            rest = after;
        }
        // Saturates: three hundred years are as good as forever.
        Some(Self((sign * nanos) as i64))
    }
}

fn nanos_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        _ => return None,
    })
}

/// What the log shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What an operator wants to know.
    #[default]
    Info,
    /// What may need attention.
    Warn,
    /// What failed.
    Error,
    /// Not given: `info`.
    #[serde(rename = "")]
    Unset,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
    /// Tyk's older text form; pinhook writes `text`.
    Legacy,
    /// Not given: text on a terminal, JSON otherwise.
    #[default]
    #[serde(rename = "")]
    Unset,
}

impl LogFormat {
    /// True if lines are JSON. `terminal` says whether logs go to one.
    pub fn is_json(self, terminal: bool) -> bool {
        match self {
            Self::Json => true,
            Self::Text | Self::Legacy => false,
            Self::Unset => !terminal,
        }
    }
}
