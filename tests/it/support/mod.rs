//! Builders of the processes that tests talk to.

pub(crate) mod plugins;
pub(crate) mod redis;
