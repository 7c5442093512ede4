//! `monitor`: tells a web hook that a quota is used up to a percentage (sessions reference 6).

use std::{sync::Arc, time::SystemTime};

use serde_json::{Map, Value, json};

use super::{Event, EventHandler, EventKind, Maker, handlers::WebHook};
use crate::{config, error::Problem, session::unix_now};

/// How much of a quota is used, after a request.
#[derive(Debug, Clone, Copy)]
pub struct Usage<'a> {
    /// The organisation.
    pub org_id: &'a str,
    /// The key's token; the organisation itself for the quota of an organisation.
    pub key: &'a str,
    /// Requests per period.
    pub max: i64,
    /// Requests left.
    pub remaining: i64,
    /// When the period ends, in Unix seconds.
    pub renews: i64,
    /// `monitor.trigger_limits` of the session, in percent.
    pub limits: &'a [f64],
}

/// Watches quotas. Does nothing unless the config switches it on.
#[derive(Default)]
pub struct Monitor(Option<Watch>);

struct Watch {
    hook: Arc<dyn EventHandler>,
    maker: Maker,
    /// Percent; 0 is none.
    global: f64,
    keys: bool,
    organisations: bool,
}

impl Monitor {
    /// The monitor of the config. What cannot be used is noted, with `place` as its file.
    pub fn new(wish: &config::Monitor, maker: &Maker, place: &str, problems: &mut Vec<Problem>) -> Self {
        if !wish.enable_trigger_monitors {
            return Self(None);
        }
        let hook = &wish.configuration;
        let settings = json!({
            "method": hook.method,
            "target_path": hook.target_path,
            "template_path": hook.template_path,
            "header_map": hook.header_map,
            "event_timeout": hook.event_timeout,
        });
        let settings = settings.as_object().cloned().unwrap_or_default();
        let at = |member: &str| format!("monitor.configuration.{member}");
        let made = WebHook::new(&settings, maker, &mut |member, message| {
            problems.push(Problem::warning(place, at(member), message));
        });
        match made {
            Ok(hook) => Self(Some(Watch {
                hook: Arc::new(hook),
                maker: maker.clone(),
                global: wish.global_trigger_limit,
                keys: wish.monitor_user_keys,
                organisations: wish.monitor_org_keys,
            })),
            Err(why) => {
                let message = format!("Failed to init event handler: {why}; quotas are not watched");
                problems.push(Problem::warning(place, "monitor.configuration", message));
                Self(None)
            }
        }
    }

    /// True if quotas of keys are watched: only then is it worth counting what [`Monitor::key`] wants to know.
    pub fn watches_keys(&self) -> bool {
        self.0.as_ref().is_some_and(|watch| watch.keys)
    }

    /// True if quotas of organisations are watched.
    pub fn watches_organisations(&self) -> bool {
        self.0.as_ref().is_some_and(|watch| watch.organisations)
    }

    /// A key has used its quota once more. Never waits.
    pub fn key(&self, usage: Usage<'_>) {
        if let Some(watch) = self.0.as_ref().filter(|watch| watch.keys) {
            watch.look(usage);
        }
    }

    /// An organisation has used its quota once more. Never waits.
    pub fn organisation(&self, usage: Usage<'_>) {
        if let Some(watch) = self.0.as_ref().filter(|watch| watch.organisations) {
            watch.look(usage);
        }
    }
}

impl Watch {
    /// Tells of the global limit and of the highest of the session's that has been reached.
    fn look(&self, usage: Usage<'_>) {
        if usage.max <= 0 || usage.renews <= unix_now() {
            return;
        }
        let used = (usage.max - usage.remaining) as f64 / usage.max as f64 * 100.0;
        let reached = |limit: &f64| *limit > 0.0 && used >= *limit;
        let global = Some(self.global).filter(reached);
        let own = usage.limits.iter().copied().filter(reached).reduce(f64::max);
        for limit in global.into_iter().chain(own.filter(|own| Some(*own) != global)) {
            self.tell(usage, limit, used);
        }
    }

    fn tell(&self, usage: Usage<'_>, limit: f64, used: f64) {
        let meta = [
            ("Message", Value::from("Quota trigger reached")),
            ("OriginatingRequest", "".into()),
            ("org_id", usage.org_id.into()),
            ("key", usage.key.into()),
            ("trigger_limit", (limit as i64).into()),
            ("usage_percentage", (used as i64).into()),
        ];
        let meta: Map<_, _> = meta.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let event = Event { name: EventKind::TriggerExceeded.name().into(), meta, at: SystemTime::now() };
        self.maker.courier.hand_over(self.hook.clone(), Arc::new(event));
    }
}
