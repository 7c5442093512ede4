//! The integration tests: one binary, a module per area.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail; clippy.toml frees only functions marked as tests, not what they share"
)]

mod analytics;
mod architecture;
mod cli;
mod control;
mod definitions;
mod drivers;
mod framing;
mod limits;
mod metrics;
mod plugins;
mod process;
mod proxying;
mod recording;
mod sticky;
mod store;
mod streaming;
mod support;
