//! Analytics.
pub mod json;
pub mod msgpack;
pub mod protobuf;
mod record;
pub use record::{Latency, Moment, Observed, Record, RecordedApi};

#[cfg(test)]
mod golden_tests;
