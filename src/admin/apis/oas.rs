//! `apis/oas`: APIs as OAS documents. The file pair that Tyk keeps is written: the document, and the Classic definition
//! that it converts to, which is what counts from the next reload on.

use http::{HeaderValue, header::CONTENT_DISPOSITION};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Call, Reply, base_header, not_found, reply,
    write::{OTHER_ID, Saved, no_versions, own, save},
};
use crate::{
    chain::Api,
    definition::oas::{self, Converted, EXTENSION, Fault, Wishes},
    gateway::ControlAnswer,
};

const CLASSIC: &str = "the requested API definition is in Tyk classic format, please use old api endpoint";
const NOT_OAS: &str =
    "the supplied API definition is in OAS format, please use the Tyk classic format for this API";
const WITHOUT: &str = "the payload should contain x-tyk-api-gateway";
const WITH: &str = "the import payload should not contain x-tyk-api-gateway";

/// `GET apis/oas`: every document.
pub(in crate::admin) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { reply::json(200, &all(&call)) })
}

/// `GET apis/oas/{id}`.
pub(in crate::admin) fn one(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let document = match live(&call, CLASSIC) {
            Ok((_, document)) => document,
            Err(refused) => return refused,
        };
        let mut answer = reply::json(200, &wanted(&call, document));
        answer.headers.extend(base_header(&call.gateway.snapshot(), call.id));
        answer
    })
}

/// `GET apis/oas/export` and `apis/oas/{id}/export`: the same as a file.
pub(in crate::admin) fn export(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let shown = match call.id {
            "" => all(&call),
            _ => match live(&call, CLASSIC) {
                Ok((_, document)) => wanted(&call, document),
                Err(refused) => return refused,
            },
        };
        let name = if is_public(&call) { "oas" } else { "TykOasApiDef" };
        let suffix = if call.id.is_empty() { String::new() } else { format!("-{}", call.id) };
        let file = HeaderValue::from_str(&format!("attachment; filename=\"{name}{suffix}.json\""));
        let mut answer = reply::file(&shown);
        answer.headers.extend(file.ok().map(|file| (CONTENT_DISPOSITION, file)));
        answer
    })
}

/// `POST apis/oas`: one more, or one in place of that with its id.
pub(in crate::admin) fn add(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { new(&call).await.unwrap_or_else(|refused| refused) })
}

async fn new(call: &Call<'_>) -> Result<ControlAnswer, ControlAnswer> {
    own(call)?;
    let document = body(call)?;
    if document.get(EXTENSION).is_none() {
        return Err(reply::error(400, WITHOUT));
    }
    no_versions(call)?;
    store(call, document, "added").await
}

/// `POST apis/oas/import`: a plain document, which gets the extension.
pub(in crate::admin) fn import(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { imported(&call).await.unwrap_or_else(|refused| refused) })
}

async fn imported(call: &Call<'_>) -> Result<ControlAnswer, ControlAnswer> {
    own(call)?;
    let mut document = body(call)?;
    if document.get(EXTENSION).is_some() {
        return Err(reply::error(400, WITH));
    }
    no_versions(call)?;
    oas::extend(&mut document, &wishes(call)?).map_err(|fault| refused(&[fault]))?;
    store(call, document, "added").await
}

/// `PUT apis/oas/{id}`: the whole document anew.
pub(in crate::admin) fn replace(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { replaced(&call).await.unwrap_or_else(|refused| refused) })
}

async fn replaced(call: &Call<'_>) -> Result<ControlAnswer, ControlAnswer> {
    own(call)?;
    live(call, NOT_OAS)?;
    let document = body(call)?;
    if document.get(EXTENSION).is_none() {
        return Err(reply::error(400, WITHOUT));
    }
    same_id(call, &document)?;
    store(call, document, "modified").await
}

/// `PATCH apis/oas/{id}`: another document, with the extension of the old one unless it has its own; parameters of
/// the query change what it says.
pub(in crate::admin) fn change(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { changed(&call).await.unwrap_or_else(|refused| refused) })
}

async fn changed(call: &Call<'_>) -> Result<ControlAnswer, ControlAnswer> {
    own(call)?;
    let (_, old) = live(call, NOT_OAS)?;
    let mut document = body(call)?;
    if document.get(EXTENSION).is_none()
        && let (Some(members), Some(extension)) = (document.as_object_mut(), old.get(EXTENSION))
    {
        members.insert(EXTENSION.to_owned(), extension.clone());
    }
    oas::extend(&mut document, &wishes(call)?).map_err(|fault| refused(&[fault]))?;
    same_id(call, &document)?;
    store(call, document, "modified").await
}

fn same_id(call: &Call<'_>, document: &Value) -> Result<(), ControlAnswer> {
    if oas::api_id(document) == call.id { Ok(()) } else { Err(reply::error(400, OTHER_ID)) }
}

/// The API of this id and its document, if it has one.
fn live(call: &Call<'_>, classic: &str) -> Result<(std::sync::Arc<Api>, Value), ControlAnswer> {
    let api = call.gateway.snapshot().api(call.id).cloned().ok_or_else(not_found)?;
    match document(&api) {
        Some(document) => Ok((api, document)),
        None => Err(reply::error(400, classic)),
    }
}

fn document(api: &Api) -> Option<Value> {
    serde_json::from_str(api.spec.oas.as_deref()?).ok()
}

fn all(call: &Call<'_>) -> Value {
    let snapshot = call.gateway.snapshot();
    let documents = snapshot.apis.iter().filter_map(|api| document(api));
    documents.map(|document| wanted(call, document)).collect()
}

fn wanted(call: &Call<'_>, document: Value) -> Value {
    if is_public(call) { oas::public(&document) } else { document }
}

fn is_public(call: &Call<'_>) -> bool {
    call.query("mode") == "public"
}

fn body(call: &Call<'_>) -> Result<Value, ControlAnswer> {
    let read = serde_json::from_slice::<Value>(&call.request.body).ok();
    read.filter(Value::is_object).ok_or_else(|| reply::error(400, "request malformed"))
}

fn refused(faults: &[Fault]) -> ControlAnswer {
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    reply::error(400, &lines.join("\n"))
}

/// The parameters of the query that say what the extension should.
fn wishes(call: &Call<'_>) -> Result<Wishes, ControlAnswer> {
    let text = |name: &str| Some(call.query(name)).filter(|value| !value.is_empty());
    let flag = |name: &str| match call.query(name).as_str() {
        "" => Ok(None),
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(reply::error(400, &format!("{name}: expected true or false"))),
    };
    Ok(Wishes {
        upstream: text("upstreamURL"),
        listen_path: text("listenPath"),
        domain: text("customDomain"),
        api_id: text("apiID"),
        allow_list: flag("allowList")?,
        validate: flag("validateRequest")?,
        mock: flag("mockResponse")?,
        authentication: flag("authentication")?,
    })
}

/// Checks a document, completes it, and writes it with its Classic form.
async fn store(call: &Call<'_>, mut document: Value, action: &str) -> Result<ControlAnswer, ControlAnswer> {
    if oas::api_id(&document).is_empty() {
        oas::set_api_id(&mut document, &Uuid::new_v4().simple().to_string());
    }
    let Converted { definition, problems, .. } =
        oas::convert(&document, "the request").map_err(|faults| refused(&faults))?;
    for problem in problems {
        tracing::warn!(api_id = definition.api_id, %problem, "an OAS document was taken");
    }
    let old = call.gateway.snapshot().api(&definition.api_id).and_then(|api| self::document(api));
    let base = base_url(call, if definition.domain_disabled { "" } else { &definition.domain });
    oas::set_servers(&mut document, old.as_ref(), &base);
    oas::tidy(&mut document);
    save(call, Saved { definition: &definition, document: Some(&document) }, action).await
}

/// Where clients reach this gateway: `http://host:port`.
fn base_url(call: &Call<'_>, domain: &str) -> String {
    let config = &call.gateway.config;
    let scheme = if config.http_server_options.use_ssl { "https" } else { "http" };
    let host = match (domain, config.listen_address.as_str()) {
        ("", "" | "0.0.0.0" | "::") => "localhost",
        ("", address) => address,
        (domain, _) => domain,
    };
    format!("{scheme}://{host}:{}", config.listen_port)
}
