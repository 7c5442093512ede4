//! The started drivers, found by the names that definitions use.

use std::sync::Arc;

use super::{
    Driver, DriverGauges, Family, Hook, HookSource,
    drivers::{DRIVERS, DriverEntry, DriverSettings},
};
use crate::error::{HookError, Result};

/// Every driver of this build, started.
pub struct Hooks {
    drivers: Vec<(&'static DriverEntry, Arc<dyn Driver>)>,
}

impl Hooks {
    /// Starts all drivers. Call it after the fork: drivers own threads.
    pub fn start(settings: &DriverSettings) -> Self {
        Self { drivers: DRIVERS.iter().map(|entry| (entry, (entry.start)(settings))).collect() }
    }

    /// True if `driver` names a driver of this build.
    pub fn knows(&self, driver: &str) -> bool {
        self.find(driver).is_some()
    }

    /// Finds the function of `source` with the driver of that name.
    ///
    /// # Errors
    /// `HookError::NotLoaded` for an unknown driver, and what the driver says.
    pub fn load(&self, driver: &str, source: &HookSource) -> Result<Arc<dyn Hook>> {
        let found = self.find(driver).ok_or_else(|| HookError::NotLoaded {
            name: source.name.to_string(),
            reason: format!("there is no driver {driver:?} in this build"),
        })?;
        found.load(source)
    }

    /// Tells every driver that the APIs of a load are live. Call it inside a runtime.
    pub fn reloaded(&self) {
        for (_, driver) in &self.drivers {
            driver.reloaded();
        }
    }

    /// What each driver holds right now, under its usual name.
    pub fn gauges(&self) -> impl Iterator<Item = (&'static str, DriverGauges)> + '_ {
        self.drivers
            .iter()
            .map(|(entry, driver)| (entry.names.first().copied().unwrap_or_default(), driver.gauges()))
    }

    /// The usual name of a driver, whichever of its names `driver` is.
    pub fn name(&self, driver: &str) -> Option<&'static str> {
        self.entry(driver)?.names.first().copied()
    }

    /// Whose rules hold for hooks of that driver. One that is not named, or not known, is read as a rich plugin's, as
    /// in Tyk.
    pub fn family(&self, driver: &str) -> Family {
        self.entry(driver).map_or(Family::Coprocess, |entry| entry.family)
    }

    fn entry(&self, driver: &str) -> Option<&'static DriverEntry> {
        self.drivers.iter().map(|(entry, _)| *entry).find(|entry| entry.names.contains(&driver))
    }

    fn find(&self, driver: &str) -> Option<&Arc<dyn Driver>> {
        self.drivers.iter().find(|(entry, _)| entry.names.contains(&driver)).map(|(_, driver)| driver)
    }
}
