//! Series by hook: calls, errors, time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{
    histogram::{FAST, Histogram},
    table::Table,
    text::Family,
};

/// What tells one hook from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HookLabels {
    /// Id of the API.
    pub api: Arc<str>,
    /// Kind of the hook, such as `pre`.
    pub hook: &'static str,
    /// Name of its driver.
    pub driver: &'static str,
    /// Function name of the definition.
    pub function: Arc<str>,
}

/// The handle of one hook: kept with it, used by all its calls at once.
pub struct HookMetrics {
    labels: HookLabels,
    calls: AtomicU64,
    errors: AtomicU64,
    skipped: AtomicU64,
    time: Histogram,
    home: Arc<Table<HookLabels, HookMetrics>>,
}

impl HookMetrics {
    pub(super) fn new(labels: HookLabels, home: Arc<Table<HookLabels, Self>>) -> Self {
        Self {
            labels,
            calls: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            time: Histogram::new(),
            home,
        }
    }

    /// Counts one call that has ended. `failed` is a fault of the hook, not an answer of its own.
    pub fn call(&self, time: Duration, failed: bool) {
        self.calls.fetch_add(1, Relaxed);
        if failed {
            self.errors.fetch_add(1, Relaxed);
        }
        self.time.observe(&FAST, time);
    }

    /// Counts a call that was left out since the body it wants is never whole. True for the first one.
    pub fn skip(&self) -> bool {
        self.skipped.fetch_add(1, Relaxed) == 0
    }

    fn labels(&self) -> [(&'static str, &str); 4] {
        let HookLabels { api, hook, driver, function } = &self.labels;
        [("api", api), ("hook", hook), ("driver", driver), ("function", function)]
    }
}

impl Drop for HookMetrics {
    fn drop(&mut self) {
        self.home.forget(&self.labels, self);
    }
}

/// One of the counters.
type Pick = fn(&HookMetrics) -> &AtomicU64;

/// Prints the families of all hooks, called or not.
pub(super) fn render(hooks: &[Arc<HookMetrics>], out: &mut String) {
    let counters: [(_, _, Pick); 3] = [
        ("pinhook_hook_calls_total", "Calls of hooks that have ended.", |hook| &hook.calls),
        ("pinhook_hook_errors_total", "Calls of hooks that ended in a fault.", |hook| &hook.errors),
        (
            "pinhook_hook_skipped_total",
            "Calls left out because the body that the hook wants is streamed.",
            |hook| &hook.skipped,
        ),
    ];
    for (name, help, count) in counters {
        let mut family = Family::start(out, name, "counter", help);
        for hook in hooks {
            let labels = family.labels(&hook.labels());
            family.counter(&labels, count(hook).load(Relaxed));
        }
    }
    let help = "Time of hook calls, waiting for a thread included.";
    let mut family = Family::start(out, "pinhook_hook_duration_seconds", "histogram", help);
    for hook in hooks {
        hook.time.render(&FAST, &mut family, &hook.labels());
    }
}
