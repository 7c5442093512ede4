//! Writing calls: a definition becomes a file of `app_path`. It counts from the next reload on.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;
use uuid::Uuid;

use super::{Call, Reply, files, not_found, reply, rules, shown};
use crate::{
    definition::{self, ApiDefinition},
    gateway::ControlAnswer,
};

const DASHBOARD: &str = "Due to enabled use_db_app_configs, please use the Dashboard API";
pub(super) const OTHER_ID: &str =
    "Request APIID does not match that in Definition! For Update operations these must match.";
const NOT_CLASSIC: &str =
    "this API endpoint only supports Tyk Classic APIs; please use the appropriate Tyk OAS API endpoint";

/// `POST apis`: one more, or one in place of that with its id.
pub(in crate::admin) fn add(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { new(&call).await.unwrap_or_else(|refused| refused) })
}

async fn new(call: &Call<'_>) -> Result<ControlAnswer, ControlAnswer> {
    own(call)?;
    let mut definition = read(call)?;
    no_versions(call)?;
    if definition.api_id.is_empty() {
        definition.api_id = Uuid::new_v4().simple().to_string();
    }
    save(call, Saved { definition: &definition, document: None }, "added").await
}

/// Refuses to make an API a version of another.
pub(super) fn no_versions(call: &Call<'_>) -> Result<(), ControlAnswer> {
    let parameters = ["base_api_id", "base_api_version_name", "new_version_name", "set_default"];
    match parameters.into_iter().find(|parameter| !call.query(parameter).is_empty()) {
        None => Ok(()),
        Some(parameter) => {
            let message =
                format!("pinhook does not make versions of APIs yet, so {parameter} cannot be honoured");
            Err(reply::error(501, &message))
        }
    }
}

/// `PUT apis/{id}`: the whole definition anew.
pub(in crate::admin) fn update(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { replace(&call).await.unwrap_or_else(|refused| refused) })
}

async fn replace(call: &Call<'_>) -> Result<ControlAnswer, ControlAnswer> {
    own(call)?;
    let snapshot = call.gateway.snapshot();
    let old = snapshot.api(call.id).ok_or_else(not_found)?;
    if old.definition.is_oas {
        return Err(reply::error(400, NOT_CLASSIC));
    }
    let definition = read(call)?;
    if definition.api_id != call.id {
        return Err(reply::error(400, OTHER_ID));
    }
    save(call, Saved { definition: &definition, document: None }, "modified").await
}

/// `DELETE apis/{id}`.
pub(in crate::admin) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let Some(api) = call.gateway.snapshot().api(call.id).cloned() else { return not_found() };
        if let Err(error) = files::remove(api.file.clone()).await {
            tracing::error!(api_id = call.id, %error, "the file of an API was not removed");
            return reply::error(500, "Delete failed");
        }
        let half = oas_half(&api.file);
        if api.definition.is_oas
            && half.exists()
            && let Err(error) = files::remove(half).await
        {
            tracing::warn!(api_id = call.id, %error, "the OAS half of an API was not removed");
        }
        reply::modified(call.id, "deleted")
    })
}

fn oas_half(classic: &Path) -> PathBuf {
    let stem = classic.file_stem().unwrap_or_default().to_string_lossy();
    classic.with_file_name(format!("{stem}-oas.json"))
}

/// Refuses where definitions belong to somebody else.
pub(super) fn own(call: &Call<'_>) -> Result<(), ControlAnswer> {
    if call.gateway.config.use_db_app_configs { Err(reply::error(500, DASHBOARD)) } else { Ok(()) }
}

fn read(call: &Call<'_>) -> Result<ApiDefinition, ControlAnswer> {
    let malformed = || reply::error(400, "Request malformed");
    let text = std::str::from_utf8(&call.request.body).map_err(|_| malformed())?;
    definition::parse(text, "the request").map_err(|problem| {
        tracing::warn!(%problem, "a definition was refused");
        malformed()
    })
}

/// What a call wants to be kept.
pub(super) struct Saved<'a> {
    /// The definition.
    pub(super) definition: &'a ApiDefinition,
    /// The document that it was converted from.
    pub(super) document: Option<&'a Value>,
}

pub(super) async fn save(
    call: &Call<'_>,
    Saved { definition, document }: Saved<'_>,
    action: &str,
) -> Result<ControlAnswer, ControlAnswer> {
    if let Some(reason) = rules::broken(definition) {
        let message = format!("Validation of API Definition failed. Reason: {reason}.");
        return Err(reply::error(400, &message));
    }
    let id = &definition.api_id;
    if !files::is_plain(id) {
        return Err(reply::error(400, "Invalid API ID"));
    }
    // A second file with its id would be refused by the next load, so the file that it came from is written.
    let known = call.gateway.snapshot().api(id).map(|api| api.file.clone());
    let path = known.unwrap_or_else(|| Path::new(&call.gateway.config.app_path).join(format!("{id}.json")));
    match write(path, definition, document).await {
        Ok(()) => Ok(reply::modified(id, action)),
        Err(error) => {
            tracing::error!(api_id = id, %error, "the file of an API was not written");
            Err(reply::error(500, "file object creation failed, write error"))
        }
    }
}

/// The document goes first: without its Classic half it serves the same API, which the other way round is not so.
async fn write(path: PathBuf, definition: &ApiDefinition, document: Option<&Value>) -> io::Result<()> {
    if let Some(document) = document {
        files::write(oas_half(&path), document).await?;
    }
    files::write(path, &shown(definition)).await
}
