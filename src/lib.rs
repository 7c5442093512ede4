//! pinhook: an API gateway data plane on pingora.
//!
//! The modules stand in dependency order: each may use only those above it. `tests/it/architecture.rs` holds
//! us to it. `analytics` stands above `chain` because a record is made from plain values; what an API's records
//! have in common is kept with the API.

pub mod error;

pub mod hex;

pub mod url;

pub mod config;

pub mod metrics;

pub mod definition;

pub mod store;

pub mod cluster;

pub mod certificate;

pub mod session;

pub mod limit;

pub mod upstream;

pub mod hook;

pub mod event;

pub mod analytics;

pub mod chain;

pub mod auth;

pub mod middleware;

pub mod gateway;

pub mod admin;

pub mod cli;
