//! The control API: one file per resource, one line in [`ROUTES`] per call.
//!
//! Paths, texts and statuses are Tyk's (sessions-and-control reference 8 and 11).

mod api_health;
mod apis;
mod cache;
mod certs;
mod debug;
mod files;
mod health;
mod inspect;
mod keys;
mod oauth;
mod org_keys;
mod plugin_test;
mod policies;
mod reload;
mod reply;
#[cfg(test)]
mod tests;
mod token_events;

use std::{future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;
use http::Method;

use crate::{
    config::Config,
    gateway::{ControlAnswer, ControlApi, ControlRequest, Gateway},
};

/// A call: what it got from its path besides the request.
struct Call<'a> {
    gateway: &'a Arc<Gateway>,
    request: &'a ControlRequest<'a>,
    /// What stood in the place of the first `{id}`, decoded; empty if the route has none.
    id: &'a str,
    /// What stood in the place of the second.
    second: &'a str,
}

impl Call<'_> {
    /// A parameter of the query; empty when it is missing.
    fn query(&self, name: &str) -> String {
        crate::url::Values::parse(self.request.query).get(name).unwrap_or_default().into_owned()
    }
}

type Reply<'a> = Pin<Box<dyn Future<Output = ControlAnswer> + Send + 'a>>;
type Handler = for<'a> fn(Call<'a>) -> Reply<'a>;

/// Every call below `/tyk/`: method, path with at most two `{id}`, what answers.
const ROUTES: &[(Method, &str, Handler)] = &[
    (Method::GET, "reload", reload::this),
    (Method::GET, "reload/group", reload::group),
    (Method::GET, "keys", keys::list),
    (Method::POST, "keys", keys::add),
    (Method::PUT, "keys", keys::update),
    (Method::DELETE, "keys", keys::delete),
    (Method::POST, "keys/create", keys::create),
    (Method::POST, "keys/preview", keys::preview),
    (Method::GET, "keys/{id}", keys::one),
    (Method::POST, "keys/{id}", keys::add),
    (Method::PUT, "keys/{id}", keys::update),
    (Method::DELETE, "keys/{id}", keys::delete),
    (Method::POST, "keys/policy/{id}", keys::set_policies),
    (Method::GET, "apis", apis::list),
    (Method::POST, "apis", apis::add),
    (Method::GET, "apis/oas", apis::list_oas),
    (Method::POST, "apis/oas", apis::add_oas),
    (Method::POST, "apis/oas/import", apis::import_oas),
    (Method::GET, "apis/oas/export", apis::export_oas),
    (Method::GET, "apis/oas/{id}", apis::one_oas),
    (Method::PUT, "apis/oas/{id}", apis::replace_oas),
    (Method::PATCH, "apis/oas/{id}", apis::change_oas),
    (Method::DELETE, "apis/oas/{id}", apis::delete),
    (Method::GET, "apis/oas/{id}/versions", apis::versions),
    (Method::GET, "apis/oas/{id}/export", apis::export_oas),
    (Method::GET, "apis/{id}", apis::one),
    (Method::PUT, "apis/{id}", apis::update),
    (Method::DELETE, "apis/{id}", apis::delete),
    (Method::GET, "apis/{id}/status", apis::status),
    (Method::GET, "apis/{id}/versions", apis::versions),
    (Method::GET, "policies", policies::list),
    (Method::POST, "policies", policies::add),
    (Method::PUT, "policies", policies::update),
    (Method::DELETE, "policies", policies::delete),
    (Method::GET, "policies/{id}", policies::one),
    (Method::PUT, "policies/{id}", policies::update),
    (Method::DELETE, "policies/{id}", policies::delete),
    (Method::GET, "org/keys", org_keys::list),
    (Method::GET, "org/keys/{id}", org_keys::one),
    (Method::POST, "org/keys/{id}", org_keys::add),
    (Method::PUT, "org/keys/{id}", org_keys::update),
    (Method::DELETE, "org/keys/{id}", org_keys::delete),
    (Method::GET, "health", api_health::numbers),
    (Method::POST, "debug", debug::run),
    (Method::POST, "plugins/test", plugin_test::run),
    (Method::DELETE, "cache/jwks", cache::forget_key_sets),
    (Method::DELETE, "cache/jwks/{id}", cache::forget_key_sets),
    (Method::DELETE, "cache/{id}", cache::delete),
    (Method::GET, "certs", certs::list),
    (Method::POST, "certs", certs::add),
    (Method::GET, "certs/{id}", certs::some),
    (Method::DELETE, "certs/{id}", certs::delete),
    (Method::POST, "oauth/clients/create", oauth::create),
    (Method::GET, "oauth/clients/apis/{id}", oauth::apis_of),
    (Method::GET, "oauth/clients/{id}", oauth::list),
    (Method::GET, "oauth/clients/{id}/{id}", oauth::one),
    (Method::PUT, "oauth/clients/{id}/{id}", oauth::change),
    (Method::DELETE, "oauth/clients/{id}/{id}", oauth::delete),
    (Method::PUT, "oauth/clients/{id}/{id}/rotate", oauth::rotate),
    (Method::GET, "oauth/clients/{id}/{id}/tokens", oauth::list_tokens),
    (Method::DELETE, "oauth/refresh/{id}", oauth::drop_refresh),
    (Method::POST, "oauth/revoke", oauth::revoke),
    (Method::POST, "oauth/revoke_all", oauth::revoke_all),
    (Method::DELETE, "oauth/tokens", oauth::purge),
];

/// The control API of this build.
pub struct Admin;

#[async_trait]
impl ControlApi for Admin {
    fn owns(&self, gateway: &Gateway, request: &ControlRequest<'_>) -> bool {
        let path = request.path;
        path.starts_with("/tyk/")
            || path == "/tyk"
            || probe(gateway, path).is_some()
            || inspect::view(gateway, request).is_some()
    }

    async fn refusal(&self, gateway: &Gateway, request: &ControlRequest<'_>) -> Option<ControlAnswer> {
        if probe(gateway, request.path).is_some() {
            return None;
        }
        if let Some(list) = gateway.control_clients() {
            let vault = &gateway.snapshot().services.certificates;
            if let Err(refusal) = list.admits(request.client, request.tls, vault).await {
                return Some(reply::error(403, &refusal.to_string()));
            }
        }
        (!authorised(&gateway.config, request))
            .then(|| reply::error(403, "Attempted administrative access with invalid or missing key!"))
    }

    async fn answer(&self, gateway: &Arc<Gateway>, request: ControlRequest<'_>) -> ControlAnswer {
        if let Some(probe) = probe(gateway, request.path) {
            return probe(gateway, request.method);
        }
        if let Some(view) = inspect::view(gateway, &request) {
            return view(gateway, &request);
        }
        let path = request.path.strip_prefix("/tyk").unwrap_or_default().trim_matches('/');
        let mut known = false;
        for (method, pattern, handler) in ROUTES {
            if let Some([id, second]) = matches(pattern, path) {
                known = true;
                if method == request.method {
                    return handler(Call { gateway, request: &request, id, second }).await;
                }
            }
        }
        if known {
            reply::error(405, "Method not supported")
        } else {
            reply::plain(404, "404 page not found\n")
        }
    }
}

type Probe = fn(&Gateway, &Method) -> ControlAnswer;

/// What answers a probe's path, exact: these need no secret.
fn probe(gateway: &Gateway, path: &str) -> Option<Probe> {
    let name = path.strip_prefix('/')?;
    let config = &gateway.config;
    if name == config.health_check_endpoint_name {
        Some(health::hello)
    } else if name == config.readiness_check_endpoint_name {
        Some(health::ready)
    } else {
        None
    }
}

/// The texts in the places of `{id}` when `path` has the form of `pattern`.
fn matches<'a>(pattern: &str, path: &'a str) -> Option<[&'a str; 2]> {
    let mut found = [""; 2];
    let mut places = found.iter_mut();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        if expected == "{id}" {
            *places.next()? = segment;
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(found)
}

/// True if the request carries the secret.
fn authorised(config: &Config, request: &ControlRequest<'_>) -> bool {
    let given = request.headers.get("x-tyk-authorization").map(|value| value.as_bytes()).unwrap_or_default();
    config.admits(given)
}
