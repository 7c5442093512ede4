//! What runs hooks: one folder a driver, one line in [`DRIVERS`].

pub mod native;

use std::{sync::Arc, time::Duration};

use super::Driver;

/// What drivers are told when they start.
#[derive(Debug, Clone)]
pub struct DriverSettings {
    /// Most threads that native hooks which may block can occupy.
    pub hook_threads: usize,
    /// The default time limit of a call.
    pub timeout: Duration,
}

/// A driver and the names that definitions give it, the usual one first.
pub struct DriverEntry {
    /// Names accepted in `custom_middleware.driver`.
    pub names: &'static [&'static str],
    /// Starts it.
    pub start: fn(&DriverSettings) -> Arc<dyn Driver>,
}

/// Every driver of this build.
pub const DRIVERS: &[DriverEntry] = &[DriverEntry { names: native::NAMES, start: native::start }];
