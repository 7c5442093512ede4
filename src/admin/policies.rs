//! `/tyk/policies`: policies as they are loaded, and their files (sessions reference 8.5). What is written counts
//! from the next reload on.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Call, Reply, files, reply};
use crate::{gateway::ControlAnswer, session::Policy};

/// Every loaded policy.
pub(super) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let snapshot = call.gateway.snapshot();
        reply::json(200, &snapshot.policies.iter().map(|policy| shown(policy)).collect::<Vec<_>>())
    })
}

/// A loaded policy.
pub(super) fn one(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        match call.gateway.snapshot().policies.by_id(call.id) {
            Some(policy) => reply::json(200, &shown(policy)),
            None => reply::error(404, "Policy not found"),
        }
    })
}

/// A policy as Tyk prints it.
fn shown(policy: &Policy) -> Value {
    let mut shown = json!(policy);
    if let Value::Object(members) = &mut shown {
        members.entry("_id").or_insert_with(|| "".into());
    }
    shown
}

/// `POST policies`.
pub(super) fn add(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { write(&call, "added").await.unwrap_or_else(|refused| refused) })
}

/// `PUT policies/{id}`.
pub(super) fn update(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        if call.id.is_empty() {
            return reply::error(400, "Must specify an apiID to update");
        }
        write(&call, "modified").await.unwrap_or_else(|refused| refused)
    })
}

async fn write(call: &Call<'_>, action: &str) -> Result<ControlAnswer, ControlAnswer> {
    own(call)?;
    let policy = serde_json::from_slice::<Policy>(&call.request.body);
    let policy = policy.map_err(|_| reply::error(400, "Request malformed"))?;
    if !call.id.is_empty() && policy.id != call.id {
        let message = "Request ID does not match that in policy! For Update operations these must match.";
        return Err(reply::error(400, message));
    }
    if policy.id.is_empty() {
        return Err(reply::error(400, "Unable to create policy without id."));
    }
    let path = file(call, &policy.id)?;
    match files::write(path, &shown(&policy)).await {
        Ok(()) => Ok(reply::modified(&policy.id, action)),
        Err(error) => {
            tracing::error!(policy = policy.id, %error, "the file of a policy was not written");
            Err(reply::error(500, "Failed to create file!"))
        }
    }
}

/// `DELETE policies/{id}`.
pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        if call.id.is_empty() {
            return reply::error(400, "Must specify an apiID to delete");
        }
        remove(&call).await.unwrap_or_else(|refused| refused)
    })
}

async fn remove(call: &Call<'_>) -> Result<ControlAnswer, ControlAnswer> {
    own(call)?;
    let path = file(call, call.id)?;
    match files::remove(path).await {
        Ok(()) => Ok(reply::modified(call.id, "deleted")),
        Err(error) => {
            tracing::error!(policy = call.id, %error, "the file of a policy was not removed");
            Err(reply::error(500, "Delete failed"))
        }
    }
}

/// Refuses where policies belong to somebody else.
fn own(call: &Call<'_>) -> Result<(), ControlAnswer> {
    if call.gateway.config.policies.policy_source == "service" {
        let message = "Due to enabled service policy source, please use the Dashboard API";
        return Err(reply::error(500, message));
    }
    Ok(())
}

/// The file of a policy. Without `policy_path` no file would ever be read, so none is written.
fn file(call: &Call<'_>, id: &str) -> Result<PathBuf, ControlAnswer> {
    let config = &call.gateway.config;
    let fits = if config.allow_unsafe_policy_ids { files::is_file_name } else { files::is_plain };
    if !fits(id) {
        let message = "Invalid Policy ID: Allowed characters: a-z, A-Z, 0-9, ., _, -, ~";
        return Err(reply::error(400, message));
    }
    if config.policies.policy_path.is_empty() {
        tracing::error!(policy = id, "policies are not read from a folder: set policies.policy_path");
        return Err(reply::error(500, "Unable to access policy storage."));
    }
    Ok(Path::new(&config.policies.policy_path).join(format!("{id}.json")))
}
