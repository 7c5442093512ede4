//! Writing calls: a definition becomes a file of `app_path`. It counts from the next reload on.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{Call, Reply, files, not_found, reply, rules, shown};
use crate::{
    definition::{self, ApiDefinition},
    gateway::ControlAnswer,
};

const DASHBOARD: &str = "Due to enabled use_db_app_configs, please use the Dashboard API";
const OTHER_ID: &str =
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
    for parameter in ["base_api_id", "base_api_version_name", "new_version_name", "set_default"] {
        if !call.query(parameter).is_empty() {
            let message =
                format!("pinhook does not make versions of APIs yet, so {parameter} cannot be honoured");
            return Err(reply::error(501, &message));
        }
    }
    if definition.api_id.is_empty() {
        definition.api_id = Uuid::new_v4().simple().to_string();
    }
    save(call, &definition, "added").await
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
    save(call, &definition, "modified").await
}

/// `DELETE apis/{id}`.
pub(in crate::admin) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let Some(api) = call.gateway.snapshot().api(call.id).cloned() else { return not_found() };
        if let Err(error) = files::remove(api.file.clone()).await {
            tracing::error!(api_id = call.id, %error, "the file of an API was not removed");
            return reply::error(500, "Delete failed");
        }
        if api.definition.is_oas
            && let Err(error) = files::remove(oas_half(&api.file)).await
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
fn own(call: &Call<'_>) -> Result<(), ControlAnswer> {
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

async fn save(
    call: &Call<'_>,
    definition: &ApiDefinition,
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
    match files::write(path, &shown(definition)).await {
        Ok(()) => Ok(reply::modified(id, action)),
        Err(error) => {
            tracing::error!(api_id = id, %error, "the file of an API was not written");
            Err(reply::error(500, "file object creation failed, write error"))
        }
    }
}
