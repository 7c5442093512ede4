//! The gate: every method of an API in turn.

use pingora_proxy::Session;

use super::{AuthMethod, METHODS, Verdict};
use crate::{
    chain::{Blueprint, Ctx, Flow},
    error::Result,
};

/// The methods of one API.
pub struct Gate {
    methods: Vec<Entry>,
}

struct Entry {
    method: Box<dyn AuthMethod>,
    /// Its key becomes that of the request.
    gives_identity: bool,
}

impl Gate {
    /// The methods that a definition switches on; nothing for a keyless API.
    pub fn build(blueprint: &mut Blueprint<'_>) -> Option<Self> {
        if blueprint.definition.use_keyless {
            return None;
        }
        let base = blueprint.definition.base_identity_provided_by.clone();
        let methods = METHODS
            .iter()
            .filter_map(|line| {
                let method = (line.build)(blueprint)?;
                Some(Entry { method, gives_identity: base.is_empty() || base == line.identity })
            })
            .collect();
        Some(Self { methods })
    }

    /// Asks every method; the first refusal ends it.
    ///
    /// # Errors
    /// The fault of the method that had one.
    pub async fn pass(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        for Entry { method, gives_identity } in &self.methods {
            match method.authenticate(session, ctx).await? {
                Verdict::Granted(key) if *gives_identity => ctx.state = Some(key),
                Verdict::Granted(_) => {}
                Verdict::Denied(denial) => return Ok(Flow::Deny(denial)),
            }
        }
        Ok(Flow::Next)
    }
}
