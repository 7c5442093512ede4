//! `keys/policy/{hash}` and `keys/preview`: what policies make of a key.

use serde::Deserialize;

use super::{super::Reply, Call, Draft, find, reply};
use crate::{
    gateway::keys::find as stored,
    session::{Lifetime, unix_now},
    store::If,
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Instruction {
    policy: String,
    apply_policies: Vec<String>,
}

/// `POST keys/policy/{hash}`: gives a key other policies. It is written without an expiry, as in Tyk.
pub(in crate::admin) fn set(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let Ok(instruction) = serde_json::from_slice::<Option<Instruction>>(&call.request.body) else {
            return reply::error(400, "Couldn't decode instruction");
        };
        let Instruction { policy, mut apply_policies } = instruction.unwrap_or_default();
        if !policy.is_empty() {
            apply_policies.push(policy);
        }
        let snapshot = call.gateway.snapshot();
        let Some(mut found) = find(&snapshot.services, "", call.id, true).await else {
            return reply::error(404, "Key not found");
        };
        found.state.last_updated = unix_now().to_string();
        found.state.apply_policy_id.clear();
        found.state.apply_policies = apply_policies;
        match stored::write(&snapshot.services, &found.hash, &found.state, Lifetime::Unset, If::Exists).await
        {
            Ok(()) => reply::modified(call.id, "updated"),
            Err(_) => reply::error(500, "Could not write key data"),
        }
    })
}

/// `POST keys/preview`: the state that a key would have, without making it.
pub(in crate::admin) fn preview(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let Some(state) = call.state() else { return reply::error(500, "Unmarshalling failed") };
        let snapshot = call.gateway.snapshot();
        let mut draft = Draft::new(&snapshot, state);
        draft.state.last_updated = unix_now().to_string();
        draft.date();
        reply::json(200, &draft.state)
    })
}
