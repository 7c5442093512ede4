//! What limiters tell: the context variables `rate_limit_…` and `quota_…`, and the events of smoothing.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    chain::{Blueprint, Ctx, used_names},
    event::EventKind,
    limit::{Move, Numbers},
    session::KeyState,
};

type Read = fn(&Numbers) -> Option<i64>;

/// Every variable that a limiter sets.
const KNOWN: [(&str, Read); 6] = [
    ("rate_limit_limit", |numbers| Some(numbers.rate?.limit)),
    ("rate_limit_remaining", |numbers| Some(numbers.rate?.remaining)),
    ("rate_limit_reset", |numbers| Some(numbers.rate?.reset())),
    ("quota_limit", |numbers| Some(numbers.quota?.limit)),
    ("quota_remaining", |numbers| Some(numbers.quota?.remaining)),
    ("quota_reset", |numbers| Some(numbers.quota?.renews)),
];

/// Those that the API reads.
pub(in crate::middleware) struct LimitVariables(Box<[(Arc<str>, Read)]>);

impl LimitVariables {
    /// Nothing if the API reads none.
    pub(in crate::middleware) fn build(blueprint: &Blueprint<'_>) -> Option<Self> {
        if !blueprint.definition.enable_context_vars {
            return None;
        }
        let used = used_names(blueprint.versions, &blueprint.secrets());
        let wanted: Box<[_]> =
            KNOWN.iter().filter_map(|(name, read)| Some((used.get(*name)?.clone(), *read))).collect();
        (!wanted.is_empty()).then_some(Self(wanted))
    }

    /// True if a limiter sets it.
    pub(in crate::middleware) fn knows(name: &str) -> bool {
        KNOWN.iter().any(|(known, _)| *known == name)
    }

    /// Sets them to what the limiters have found so far.
    pub(in crate::middleware) fn set(&self, ctx: &mut Ctx) {
        let mut variables = ctx.variables.take().unwrap_or_default();
        for (name, read) in &self.0 {
            if let Some(number) = read(&ctx.limits) {
                variables.set(name, number.to_string());
            }
        }
        ctx.variables = Some(variables);
    }
}

/// Tells who wants to hear of it that a key's allowed rate has moved.
pub(in crate::middleware) fn tell(moved: Move, id: &str, key: &KeyState, ctx: &Ctx) {
    let (kind, message) = match moved {
        Move::Up => (EventKind::RateLimitSmoothingUp, "Rate limit increased"),
        Move::Down => (EventKind::RateLimitSmoothingDown, "Rate limit decreased"),
    };
    let Some(api) = ctx.api.as_ref().filter(|api| api.events.wants(kind)) else { return };
    let meta = [("Message", message), ("Org", &key.state.org_id), ("Key", id)];
    let meta = meta.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text)));
    api.events.fire(kind, meta.collect::<Map<_, _>>());
}
