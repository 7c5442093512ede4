//! Requests by method and status, without a lock and without room for what never occurs.
//!
//! A full table (ten methods, 501 codes) would take 40 KiB per API; most APIs answer with a handful of codes. So
//! each method owns a chain of short blocks that is only ever appended to, made with the method's first request.

use std::sync::{
    OnceLock,
    atomic::{AtomicU16, AtomicU64, Ordering::Relaxed},
};

use http::Method;

/// Method labels, by index.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "other"];
const OTHER_METHOD: usize = METHODS.len() - 1;

/// Status of a slot that is still free.
const FREE: u16 = 0;
/// Stands for every status outside 100 to 599.
const OTHER_STATUS: u16 = 1;

/// Seven slots and the way on: 80 bytes, while one chain holds at most 502 statuses.
const SLOTS: usize = 7;

pub(super) struct Statuses {
    methods: [OnceLock<Box<Block>>; METHODS.len()],
}

#[derive(Default)]
struct Block {
    statuses: [AtomicU16; SLOTS],
    counts: [AtomicU64; SLOTS],
    next: OnceLock<Box<Block>>,
}

impl Statuses {
    pub(super) const fn new() -> Self {
        Self { methods: [const { OnceLock::new() }; METHODS.len()] }
    }

    pub(super) fn count(&self, method: &Method, status: u16) {
        let status = if (100..600).contains(&status) { status } else { OTHER_STATUS };
        let Some(first) = self.methods.get(index(method)) else { return };
        let mut block = first.get_or_init(Box::default);
        while !block.count(status) {
            block = block.next.get_or_init(Box::default);
        }
    }

    /// Calls back with method, status and count of each series.
    pub(super) fn each(&self, mut visit: impl FnMut(&str, &str, u64)) {
        for (method, first) in METHODS.iter().zip(&self.methods) {
            let mut next = first.get();
            while let Some(block) = next {
                for (status, count) in block.statuses.iter().zip(&block.counts) {
                    match status.load(Relaxed) {
                        FREE => {}
                        OTHER_STATUS => visit(method, "other", count.load(Relaxed)),
                        code => visit(method, itoa::Buffer::new().format(code), count.load(Relaxed)),
                    }
                }
                next = block.next.get();
            }
        }
    }
}

impl Block {
    /// False when the block is full of other statuses.
    fn count(&self, status: u16) -> bool {
        for (slot, count) in self.statuses.iter().zip(&self.counts) {
            let taken = match slot.load(Relaxed) {
                FREE => slot.compare_exchange(FREE, status, Relaxed, Relaxed).unwrap_or_else(|other| other),
                taken => taken,
            };
            // A slot that was free and is ours now reports `FREE`: the exchange returns the old value.
            if taken == status || taken == FREE {
                count.fetch_add(1, Relaxed);
                return true;
            }
        }
        false
    }
}

fn index(method: &Method) -> usize {
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::DELETE => 4,
        Method::CONNECT => 5,
        Method::OPTIONS => 6,
        Method::TRACE => 7,
        Method::PATCH => 8,
        _ => OTHER_METHOD,
    }
}
