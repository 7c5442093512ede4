//! How much a worker has to do: what picks it for the next call, and what the metrics show.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use super::outage::Outages;
use crate::metrics::WorkerMetrics;

/// The numbers of one worker.
pub(super) struct Load {
    /// Calls given to it that have not ended, without parked ones.
    calls: AtomicUsize,
    /// It takes calls at once.
    up: AtomicBool,
    /// Those of its plugin.
    outages: Arc<Outages>,
    metrics: Arc<WorkerMetrics>,
}

impl Load {
    pub(super) fn new(outages: Arc<Outages>, metrics: Arc<WorkerMetrics>) -> Self {
        Self { calls: AtomicUsize::new(0), up: AtomicBool::new(false), outages, metrics }
    }

    pub(super) fn set_up(&self, up: bool) {
        if self.up.swap(up, Relaxed) != up {
            self.outages.changed(up, Instant::now());
            self.metrics.up(up);
        }
    }

    /// What it costs to give it another call; one that is down costs more than any other.
    pub(super) fn cost(&self) -> usize {
        let down = if self.up.load(Relaxed) { 0 } else { usize::MAX / 2 };
        down.saturating_add(self.calls.load(Relaxed))
    }
}

/// The place that one call takes.
pub(super) struct Ticket {
    load: Arc<Load>,
    sent: bool,
    parked: bool,
    was_parked: bool,
}

impl Ticket {
    pub(super) fn new(load: &Arc<Load>) -> Self {
        load.calls.fetch_add(1, Relaxed);
        load.metrics.waiting(1);
        Self { load: load.clone(), sent: false, parked: false, was_parked: false }
    }

    /// The worker has it.
    pub(super) fn sent(&mut self) {
        self.sent = true;
        self.load.metrics.waiting(-1);
        self.load.metrics.in_flight(1);
    }

    /// The worker has not begun it and is gone.
    pub(super) fn unsent(&mut self) {
        self.sent = false;
        self.load.metrics.in_flight(-1);
        self.load.metrics.waiting(1);
    }

    pub(super) fn park(&mut self) {
        (self.parked, self.was_parked) = (true, true);
        self.load.calls.fetch_sub(1, Relaxed);
    }

    pub(super) fn resume(&mut self) {
        self.parked = false;
        self.load.calls.fetch_add(1, Relaxed);
    }

    pub(super) fn was_parked(&self) -> bool {
        self.was_parked
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.parked {
            self.load.calls.fetch_sub(1, Relaxed);
        }
        match self.sent {
            true => self.load.metrics.in_flight(-1),
            false => self.load.metrics.waiting(-1),
        }
    }
}
