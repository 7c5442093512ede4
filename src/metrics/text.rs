//! Prometheus' text format, as far as our own families need it.

use std::fmt::Write;

/// One family being printed: its head, then its series.
pub(super) struct Family<'a> {
    out: &'a mut String,
    name: &'static str,
}

impl<'a> Family<'a> {
    /// Prints the head. `kind` is `counter` or `histogram`.
    pub(super) fn start(out: &'a mut String, name: &'static str, kind: &str, help: &str) -> Self {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Self { out, name }
    }

    /// `a="b",c="d"`, with values escaped.
    pub(super) fn labels(&self, labels: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for (name, value) in labels {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(name);
            text.push_str("=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    other => text.push(other),
                }
            }
            text.push('"');
        }
        text
    }

    /// One counter.
    pub(super) fn counter(&mut self, labels: &str, value: u64) {
        let _ = writeln!(self.out, "{}{{{labels}}} {value}", self.name);
    }

    /// One cumulated bucket of a histogram.
    pub(super) fn bucket(&mut self, labels: &str, bound: &str, value: u64) {
        let _ = writeln!(self.out, "{}_bucket{{{labels},le=\"{bound}\"}} {value}", self.name);
    }

    /// Sum and count of a histogram.
    pub(super) fn total(&mut self, labels: &str, sum_micros: u64, count: u64) {
        let (seconds, micros) = (sum_micros / 1_000_000, sum_micros % 1_000_000);
        let _ = writeln!(self.out, "{}_sum{{{labels}}} {seconds}.{micros:06}", self.name);
        let _ = writeln!(self.out, "{}_count{{{labels}}} {count}", self.name);
    }
}
