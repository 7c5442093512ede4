//! `/tyk/keys`: what keys may do (sessions reference 8.4).
//!
//! What is done with them is `gateway::keys`' business, which hooks share; `list` and `policy` do what their names say.

mod list;
mod policy;

pub(super) use self::{
    list::list,
    policy::{preview, set as set_policies},
};
use super::{Call, Reply, reply, token_events};
use crate::{
    event::EventKind,
    gateway::{
        ControlAnswer,
        keys::{
            Draft, Found, SaveError, detail, find, find::remove as remove_all, find::reset_counters, password,
        },
    },
    session::{SessionState, token},
    store::keys,
};

const NOT_SAVED: &str = "Failed to create key, ensure security settings are correct.";

/// What a call that changes a key answers.
type Changed = Result<ControlAnswer, ControlAnswer>;

/// `POST keys/create`: a key with a random name.
pub(super) fn create(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { new(&call).await.unwrap_or_else(|refused| refused) })
}

async fn new(call: &Call<'_>) -> Changed {
    let snapshot = call.gateway.snapshot();
    let config = &snapshot.services.config;
    let state = call.state().ok_or_else(|| reply::error(500, "Unmarshalling failed"))?;
    let mut draft = Draft::new(&snapshot, state);
    if draft.state.hmac_enabled {
        draft.state.hmac_string = password::secret();
    }
    let id = if draft.state.certificate.is_empty() {
        token::random(&draft.state.org_id, &config.hash_key_function)
    } else {
        token::generate(&draft.state.org_id, &draft.state.certificate, &config.hash_key_function)
    };
    let hash = snapshot.services.sessions.hash(&id);
    if !draft.state.certificate.is_empty()
        && find(&snapshot.services, &draft.state.org_id, &id, false).await.is_some()
    {
        let message = format!("Failed to create key - Key with given certificate already found:{id}");
        return Err(reply::error(500, &message));
    }
    if draft.state.access_rights.is_empty() && !config.allow_master_keys {
        let message = "Failed to create key, keys must have at least one Access Rights record set.";
        return Err(reply::error(400, message));
    }
    draft.date();
    draft.hash_password().await.map_err(|_| reply::error(500, NOT_SAVED))?;
    draft.save(&hash, true).await.map_err(|error| match error {
        SaveError::Policy(error) => reply::error(500, &format!("Failed to create key - {error}")),
        SaveError::Master | SaveError::Store => reply::error(500, NOT_SAVED),
    })?;
    token_events::tell(call.gateway, EventKind::TokenCreated, "Key generated.", &draft.state.org_id, &id);
    Ok(reply::added(&id, config.hash_keys.then_some(&*hash)))
}

/// `POST keys` and `POST keys/{id}`: a key of this name, made or replaced.
pub(super) fn add(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { replace(&call).await.unwrap_or_else(|refused| refused) })
}

async fn replace(call: &Call<'_>) -> Changed {
    let snapshot = call.gateway.snapshot();
    let config = &snapshot.services.config;
    let state = call.state().ok_or_else(malformed)?;
    let (length, least) = (call.id.len(), usize::try_from(config.min_token_length).unwrap_or(0));
    if (1..least).contains(&length) {
        return Err(reply::error(400, &too_short(length, least)));
    }
    let mut draft = Draft::new(&snapshot, state);
    let id = match call.id {
        "" => token::random(&draft.state.org_id, &config.hash_key_function),
        id => token::generate(&draft.state.org_id, id, &config.hash_key_function),
    };
    let hash = if call.hashed() { id.clone() } else { snapshot.services.sessions.hash(&id) };
    draft.date();
    if draft.is_over() {
        draft.state.expires = 0;
    }
    let basic = !draft.state.basic_auth_data.password.is_empty();
    draft.hash_password().await.map_err(|_| reply::error(500, NOT_SAVED))?;
    draft.save(&hash, !call.suppresses_reset()).await.map_err(|_| reply::error(500, NOT_SAVED))?;
    token_events::tell(call.gateway, EventKind::TokenCreated, "Key modified.", &draft.state.org_id, &id);
    let shown = if basic && config.hash_keys { "" } else { &id };
    Ok(reply::added(shown, config.hash_keys.then_some(&*hash)))
}

fn malformed() -> ControlAnswer {
    reply::error(400, "Request malformed")
}

fn too_short(length: usize, least: usize) -> String {
    format!(
        "custom key ID length {length} is less than min_token_length ({least}); the key would be unreachable at \
         auth time. Use an ID of at least min_token_length characters, or lower min_token_length in the gateway \
         configuration."
    )
}

/// `PUT keys/{id}`: the whole state of a key anew.
pub(super) fn update(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { any_name(&call, Work::Change).await })
}

async fn change(call: &Call<'_>, name: &str) -> Changed {
    let snapshot = call.gateway.snapshot();
    let state = call.state().ok_or_else(malformed)?;
    let mut draft = Draft::new(&snapshot, state);
    let found = find(&snapshot.services, &draft.state.org_id, name, call.hashed()).await;
    let Found { id, hash, state: old } = found.ok_or_else(|| reply::error(404, "Key is not found"))?;
    if draft.state.certificate != old.certificate {
        if draft.state.certificate.is_empty() {
            return Err(reply::error(400, "Key cannot be used without a certificate"));
        }
        let stored = keys::certificate(&draft.state.certificate);
        if !matches!(snapshot.services.store.get_many(&[&stored]).await.as_deref(), Ok([Some(_)])) {
            return Err(reply::error(400, "Key must be used with an existent certificate"));
        }
    }
    let reset = !call.suppresses_reset();
    if !reset {
        draft.keep_periods(&old);
    }
    if draft.is_over() {
        draft.state.expires = old.expires;
    }
    draft.state.date_created = old.date_created;
    let password = &draft.state.basic_auth_data.password;
    if password.is_empty() {
        draft.state.basic_auth_data = old.basic_auth_data;
    } else if *password != old.basic_auth_data.password {
        draft.hash_password().await.map_err(|_| reply::error(500, NOT_SAVED))?;
    }
    draft.save(&hash, reset).await.map_err(|_| reply::error(500, NOT_SAVED))?;
    token_events::tell(call.gateway, EventKind::TokenUpdated, "Key modified.", &draft.state.org_id, &id);
    Ok(reply::modified(&id, "modified"))
}

/// `GET keys/{id}`: the state of a key, policies applied, as much of its quota left as the counter says.
pub(super) fn one(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { any_name(&call, Work::Show).await })
}

async fn show(call: &Call<'_>, name: &str) -> Changed {
    let snapshot = call.gateway.snapshot();
    let services = &snapshot.services;
    if call.hashed() && !services.config.hash_keys {
        let message = "Key requested by hash but key hashing is not enabled";
        return Err(reply::error(400, message));
    }
    let (api_id, org_id) = (call.query("api_id"), call.query("org_id"));
    let state = detail(&snapshot, &api_id, &org_id, name, call.hashed()).await;
    let state = state.ok_or_else(|| reply::error(404, "Key not found"))?;
    Ok(reply::json(200, &state))
}

/// `DELETE keys/{id}`.
pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { any_name(&call, Work::Remove).await })
}

async fn remove(call: &Call<'_>, name: &str) -> Changed {
    let snapshot = call.gateway.snapshot();
    let services = &snapshot.services;
    let org_id = call.query("org_id");
    let found = find(services, &org_id, name, call.hashed()).await;
    let Found { id, hash, state } = found.ok_or_else(|| reply::error(404, "There is no such key found"))?;
    // The name may also be stored in the form that the config gives new ones.
    let generated = services.sessions.hash(&services.sessions.token(&org_id, &id));
    let hashes = if call.hashed() { vec![&*hash] } else { vec![&*hash, &*generated] };
    if remove_all(services, &hashes).await.is_err() {
        return Err(reply::error(400, "Failed to remove the key"));
    }
    reset_counters(services, &hash, &state).await;
    if call.query("api_id") == "-1" {
        return Ok(reply::json(200, &serde_json::Value::Null));
    }
    token_events::tell(call.gateway, EventKind::TokenDeleted, "Key deleted.", &org_id, &id);
    Ok(reply::modified(&id, "deleted"))
}

/// What is to be done with a key that exists.
#[derive(Clone, Copy)]
enum Work {
    Change,
    Show,
    Remove,
}

/// Does it to the key that the path names; where that is a user's name, to the key of that user, and where that fails
/// to one of exactly that name.
async fn any_name(call: &Call<'_>, work: Work) -> ControlAnswer {
    let mut names = vec![call.id.to_owned()];
    if call.query("username") == "true" {
        let function = &call.gateway.config.hash_key_function;
        names.insert(0, token::generate(&call.query("org_id"), call.id, function));
        names.truncate(if function.is_empty() { 1 } else { 2 });
    }
    let mut refused = reply::error(404, "Key not found");
    for name in names {
        let done = match work {
            Work::Change => change(call, &name).await,
            Work::Show => show(call, &name).await,
            Work::Remove => remove(call, &name).await,
        };
        match done {
            Ok(answer) => return answer,
            Err(answer) => refused = answer,
        }
    }
    refused
}

impl Call<'_> {
    /// The state in its body; nothing if it is none.
    fn state(&self) -> Option<SessionState> {
        serde_json::from_slice(&self.request.body).ok()
    }

    /// Its path names a hash.
    fn hashed(&self) -> bool {
        !self.query("hashed").is_empty()
    }

    /// Counters and periods are to be left as they are.
    fn suppresses_reset(&self) -> bool {
        self.query("suppress_reset") == "1"
    }
}
