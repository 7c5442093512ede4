//! `eh_dynamic_handler` and `cp_dynamic_handler`: a function of the user's hears of events (plugins reference 9.4).
//!
//! The first is JavaScript by `otto` whatever the API's driver, the second is run by that driver. A handler is told of
//! one event after the other: one that is slow holds up nobody else, and what it has no time for is dropped and counted.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use serde_json::json;

use super::{Built, EventHandler, Note, Owner, Settings, switch, text};
use crate::{
    error::Error,
    event::{Event, Maker},
    hook::{Code, Hook, HookKind, HookSource, Object, Spec},
    metrics::{HookLabels, HookMetrics, Metrics},
};

/// `path` of a `cp_dynamic_handler` is ours: scripts need a file.
pub(super) const MEMBERS: &[&str] = &["disabled", "id", "name", "path"];

/// What runs scripts for events, whatever the API's driver.
const SCRIPT_DRIVER: &str = "otto";
/// Most events that wait for one handler.
const ROOM: usize = 256;

/// A user's function.
struct Dynamic {
    hook: Arc<dyn Hook>,
    name: Arc<str>,
    spec: Arc<Spec>,
    calls: Arc<HookMetrics>,
    metrics: Arc<Metrics>,
    line: Mutex<Line>,
}

/// The events of one handler.
#[derive(Default)]
struct Line {
    waiting: VecDeque<Arc<str>>,
    /// Somebody is telling it.
    busy: bool,
}

/// `eh_dynamic_handler`.
pub(super) fn build_script(
    settings: &Settings,
    maker: &Maker,
    owner: Option<&Owner>,
    _note: Note<'_>,
) -> Result<Built, String> {
    build(settings, maker, owner, SCRIPT_DRIVER)
}

/// `cp_dynamic_handler`.
pub(super) fn build_rich(
    settings: &Settings,
    maker: &Maker,
    owner: Option<&Owner>,
    _note: Note<'_>,
) -> Result<Built, String> {
    let driver = owner.map(|owner| &*owner.driver).unwrap_or_default();
    if owner.is_some() && !maker.hooks.knows(driver) {
        return Err("no plugin driver is available".to_owned());
    }
    build(settings, maker, owner, driver)
}

fn build(settings: &Settings, maker: &Maker, owner: Option<&Owner>, driver: &str) -> Result<Built, String> {
    if switch(settings, "disabled")? {
        return Ok(Built::Disabled);
    }
    let Some(owner) = owner else {
        return Err("Handler not found: events of the gateway go to logs and web hooks".to_owned());
    };
    let name: Arc<str> = text(settings, "name")?.into();
    if name.is_empty() {
        return Err("name is missing: the function to call".to_owned());
    }
    let code = Code::File(text(settings, "path")?.into());
    let source = HookSource {
        api_id: owner.spec.api_id.clone(),
        kind: HookKind::Event,
        name: name.clone(),
        siblings: [code.clone()].into(),
        code,
        timeout: None,
        wants_session: false,
        raw_body_only: false,
        server: owner.server.clone(),
    };
    let hook = maker.hooks.load(driver, &source).map_err(|error| error.chain())?;
    let calls = maker.metrics.hook(HookLabels {
        api: owner.spec.api_id.clone(),
        hook: HookKind::Event.name(),
        driver: maker.hooks.name(driver).unwrap_or("unknown"),
        function: name.clone(),
    });
    let (spec, metrics) = (owner.spec.clone(), maker.metrics.clone());
    Ok(Built::Ready(Arc::new(Dynamic { hook, name, spec, calls, metrics, line: Mutex::default() })))
}

impl Dynamic {
    /// Puts an event into the line. True if nobody is working on it yet.
    fn join(&self, event: Arc<str>) -> bool {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.waiting.len() >= ROOM {
            self.metrics.events().dropped.inc();
            return false;
        }
        line.waiting.push_back(event);
        !std::mem::replace(&mut line.busy, true)
    }

    fn next(&self) -> Option<Arc<str>> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let next = line.waiting.pop_front();
        line.busy = next.is_some();
        next
    }

    async fn tell(&self, event: Arc<str>) {
        let mut object = Box::new(Object::without_request(self.spec.clone()));
        object.event = Some(event);
        let started = Instant::now();
        let outcome = self.hook.dispatch(HookKind::Event, object).await;
        self.calls.call(started.elapsed(), outcome.is_err());
        if let Err(failure) = outcome {
            let (api_id, function) = (&*self.spec.api_id, &*self.name);
            let error = Error::from(failure).chain();
            tracing::error!(api_id, function, error, "an event handler failed");
        }
    }
}

/// Lets the next event begin anew where a handler broke.
struct Working<'a>(&'a Dynamic);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner).busy = false;
    }
}

#[async_trait]
impl EventHandler for Dynamic {
    async fn handle(&self, event: &Event) {
        let text = json!({ "Type": event.name, "Meta": event.meta, "TimeStamp": event.time_stamp() });
        if !self.join(text.to_string().into()) {
            return;
        }
        let working = Working(self);
        while let Some(event) = self.next() {
            self.tell(event).await;
        }
        // The line is empty and marked so; an event that came since has its own turn.
        std::mem::forget(working);
    }

    fn runs_code(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
