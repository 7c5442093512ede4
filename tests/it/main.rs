//! The integration tests: one binary, a module per area.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail; clippy.toml frees only functions marked as tests, not what they share"
)]

mod access_log;
mod analytics;
mod architecture;
mod auth;
mod calls;
mod cli;
mod cluster;
mod control;
mod counting;
mod definitions;
mod drain;
mod drivers;
mod events;
mod exchange;
mod framing;
mod jwt;
mod keys;
mod limits;
mod metrics;
mod migrating;
mod mtls;
mod oauth;
mod outage;
mod plugins;
mod process;
mod proxying;
mod rates;
mod record_hooks;
mod recording;
mod records;
mod reload;
mod response_cache;
mod scripts;
mod sticky;
mod store;
mod streaming;
mod support;
mod upgrade;
