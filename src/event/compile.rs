//! From `event_handlers` of a definition or of the gateway config to [`Events`].

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{
    Courier, EventHandler, EventKind, Events, Flusher, Worker,
    handlers::{Built, HANDLERS, HandlerLine, OF_THE_DASHBOARD, Owner, Settings},
    queue::queue,
};
use crate::{
    definition::{self, EventHandler as Wish},
    error::Problem,
    hook::Hooks,
    metrics::Metrics,
    store::Store,
    upstream::Client,
};

/// What handlers are made from and work with.
#[derive(Clone)]
pub struct Maker {
    pub(super) courier: Courier,
    pub(super) client: Arc<Client>,
    /// For the cool-downs of web hooks.
    pub(super) store: Arc<dyn Store>,
    pub(super) metrics: Arc<Metrics>,
    /// Runs the functions of users.
    pub(super) hooks: Arc<Hooks>,
    /// The gateway's.
    pub(super) template_path: Arc<str>,
}

/// A queue of events. Needs no runtime: events may be fired at once, and [`Worker::run`] is spawned after the fork.
/// `template_path` is the gateway's.
pub fn open(
    client: Arc<Client>,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    hooks: Arc<Hooks>,
    template_path: &str,
) -> (Maker, Worker, Flusher) {
    let (courier, worker, flusher) = queue(&metrics);
    (Maker { courier, client, store, metrics, hooks, template_path: template_path.into() }, worker, flusher)
}

/// Whose handlers they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// An API's.
    Api,
    /// The gateway's.
    Gateway,
}

/// Compiles the handlers of an API. What cannot be used is noted and dropped; the API stays.
pub fn compile_api(
    wishes: &definition::EventHandlers,
    owner: &Owner,
    maker: &Maker,
    place: &str,
    problems: &mut Vec<Problem>,
) -> Events {
    Compiler { owner: Some(owner), maker, place, problems }.events(&wishes.events)
}

/// Compiles the handlers of the gateway config.
pub fn compile_gateway(
    wishes: &BTreeMap<String, Value>,
    maker: &Maker,
    place: &str,
    problems: &mut Vec<Problem>,
) -> Events {
    let mut read = BTreeMap::new();
    for (name, list) in wishes {
        match serde_json::from_value::<Vec<Wish>>(list.clone()) {
            Ok(list) => {
                read.insert(name.clone(), list);
            }
            Err(error) => problems.push(Problem::warning(
                place,
                format!("event_handlers.events.{name}"),
                format!("Failed to init event handler: {error}; nobody is told"),
            )),
        }
    }
    Compiler { owner: None, maker, place, problems }.events(&read)
}

struct Compiler<'a> {
    owner: Option<&'a Owner>,
    maker: &'a Maker,
    place: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Compiler<'_> {
    fn scope(&self) -> Scope {
        if self.owner.is_some() { Scope::Api } else { Scope::Gateway }
    }

    fn events(mut self, wishes: &BTreeMap<String, Vec<Wish>>) -> Events {
        let mut events = Events::default();
        for (name, list) in wishes.iter().filter(|(_, list)| !list.is_empty()) {
            let at = format!("event_handlers.events.{name}");
            let kind = self.kind(name, &at);
            if kind.is_none() && self.scope() == Scope::Api {
                continue;
            }
            let name: Arc<str> = name.as_str().into();
            for (index, wish) in list.iter().enumerate() {
                let Some(handler) = self.handler(wish, &format!("{at}[{index}]")) else { continue };
                if self.scope() == Scope::Gateway {
                    events.named.push((name.clone(), handler.clone()));
                }
                events.handlers.extend(kind.map(|kind| (kind, handler)));
            }
        }
        let silent = events.handlers.is_empty() && events.named.is_empty();
        events.courier = (!silent).then(|| self.maker.courier.clone());
        events
    }

    /// The kind of this name, if its events come this way.
    fn kind(&mut self, name: &str, at: &str) -> Option<EventKind> {
        let kind = EventKind::named(name);
        let why = match (kind.map(EventKind::scope), self.scope()) {
            (Some(Some(scope)), own) if scope == own => return kind,
            (Some(None), _) => "only the monitor of the gateway config tells of this event",
            (Some(Some(Scope::Gateway)), _) => {
                "this event goes to event_handlers of the gateway config, not to an API's"
            }
            (Some(Some(Scope::Api)), _) => {
                "this event goes to event_handlers of API definitions, not to the gateway's"
            }
            (None, _) => "no event of this name is fired",
        };
        let then = match self.scope() {
            Scope::Api => "no handler is called",
            Scope::Gateway => "its handlers hear only of what plugins fire under this name",
        };
        self.warn(at.to_owned(), format!("{why}: {then}"));
        None
    }

    fn handler(&mut self, wish: &Wish, at: &str) -> Option<Arc<dyn EventHandler>> {
        let Some(line) = HANDLERS.iter().find(|line| line.name == wish.handler_name) else {
            let known: Vec<_> = HANDLERS.iter().map(|line| line.name).collect();
            let message = format!("Failed to init event handler: {:?} is none", wish.handler_name);
            let problem = Problem::warning(self.place, format!("{at}.handler_name"), message);
            self.problems.push(problem.hint(format!("known are {}", known.join(", "))));
            return None;
        };
        let mut settings: Settings = wish.handler_meta.clone();
        settings.retain(|_, value| !value.is_null());
        self.name_unknown(line, &settings, at);
        let (place, problems) = (self.place, &mut *self.problems);
        let built = (line.build)(&settings, self.maker, self.owner, &mut |member, message| {
            problems.push(Problem::warning(place, format!("{at}.handler_meta.{member}"), message));
        });
        match built {
            Ok(Built::Ready(handler)) => Some(handler),
            Ok(Built::Disabled) => None,
            Err(why) => {
                self.warn(
                    format!("{at}.handler_meta"),
                    format!("Failed to init event handler: {why}; it is dropped"),
                );
                None
            }
        }
    }

    fn name_unknown(&mut self, line: &HandlerLine, settings: &Settings, at: &str) {
        for name in settings.keys() {
            let name = name.as_str();
            if !line.members.contains(&name) && !OF_THE_DASHBOARD.contains(&name) {
                self.warn(
                    format!("{at}.handler_meta.{name}"),
                    format!("unknown member of {}, it has no effect", line.name),
                );
            }
        }
    }

    fn warn(&mut self, path: String, message: String) {
        self.problems.push(Problem::warning(self.place, path, message));
    }
}
