//! The gate: every method of an API in turn.

use std::sync::Arc;

use pingora_proxy::Session;

use super::{AuthMethod, METHODS, Verdict, key};
use crate::{
    chain::{Blueprint, Call, Ctx, Denial, Flow, used_names},
    error::Result,
};

/// The context variable that holds the key.
const TOKEN: &str = "token";

/// The methods of one API.
pub struct Gate {
    methods: Vec<Entry>,
    /// The name of the context variable for the key, where something reads it.
    token: Option<Arc<str>>,
}

struct Entry {
    method: Box<dyn AuthMethod>,
    /// Its key becomes that of the request.
    gives_identity: bool,
}

impl Gate {
    /// The methods that a definition switches on, auth tokens when it switches on none; nothing for a keyless API.
    pub fn build(blueprint: &mut Blueprint<'_>) -> Option<Self> {
        if blueprint.definition.use_keyless {
            return None;
        }
        let base = blueprint.definition.base_identity_provided_by.clone();
        let gives_identity = |identity: &str| base.is_empty() || base == identity;
        let mut methods: Vec<_> = METHODS
            .iter()
            .filter_map(|line| {
                let method = (line.build)(blueprint)?;
                Some(Entry { method, gives_identity: gives_identity(line.identity) })
            })
            .collect();
        if methods.is_empty() {
            let method = key::always(blueprint);
            methods.push(Entry { method, gives_identity: gives_identity(key::IDENTITY) });
        }
        if !methods.iter().any(|entry| entry.gives_identity) {
            let message =
                format!("no method of this API is {base:?}: nobody is recognised, every request gets 400");
            blueprint.warn("base_identity_provided_by", message);
        }
        Some(Self { methods, token: token_variable(blueprint) })
    }

    /// The hooks among the methods.
    pub fn hooks(&self) -> impl Iterator<Item = &Call> {
        self.methods.iter().filter_map(|entry| entry.method.hook())
    }

    /// Asks every method; the first refusal ends it. On an ignored path only native and script hooks are
    /// asked.
    ///
    /// # Errors
    /// The fault of the method that had one.
    pub async fn pass(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        if self.methods.is_empty() {
            return Ok(Flow::Deny(Denial::FORBIDDEN));
        }
        for Entry { method, gives_identity } in &self.methods {
            if ctx.ignored && method.spares_ignored() {
                continue;
            }
            match method.authenticate(session, ctx).await? {
                Verdict::Granted(key) if *gives_identity => ctx.state = Some(key),
                Verdict::Granted(_) | Verdict::Passed => {}
                Verdict::Denied(denial) => return Ok(Flow::Deny(denial)),
                Verdict::Answered(response) => return Ok(Flow::Respond(response)),
            }
        }
        if let (Some(name), Some(key)) = (&self.token, &ctx.state) {
            ctx.variables.get_or_insert_default().set(name, &*key.id);
        }
        Ok(Flow::Next)
    }
}

fn token_variable(blueprint: &Blueprint<'_>) -> Option<Arc<str>> {
    blueprint.definition.enable_context_vars.then_some(())?;
    used_names(blueprint.versions, &blueprint.secrets()).get(TOKEN).cloned()
}
