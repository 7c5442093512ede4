//! pinhook: an API gateway data plane on pingora.
//!
//! The modules stand in dependency order: each may use only those above it. `tests/it/architecture.rs` holds
//! us to it.

pub mod error;

pub mod url;

pub mod config;

pub mod metrics;

pub mod definition;

pub mod upstream;

pub mod hook;

pub mod cli;
