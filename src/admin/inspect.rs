//! `/config` and `/env`: the config as it counts, while `enable_config_inspection` is on (sessions reference 8.7).

use http::{Method, header::HOST};

use super::reply;
use crate::gateway::{ControlAnswer, ControlRequest, Gateway};

type View = fn(&Gateway, &ControlRequest<'_>) -> ControlAnswer;

/// What answers this path on this host, if the config lets itself be looked at.
pub(super) fn view(gateway: &Gateway, request: &ControlRequest<'_>) -> Option<View> {
    let view: View = match request.path.trim_end_matches('/') {
        "/config" => config,
        "/env" => environment,
        _ => return None,
    };
    let config = &gateway.config;
    let named = [&config.control_api_hostname, &config.hostname].into_iter().find(|name| !name.is_empty());
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let here = named.is_none_or(|name| name.eq_ignore_ascii_case(host));
    (config.enable_config_inspection && here).then_some(view)
}

/// The whole, or what `field` names: names joined by dots.
fn config(gateway: &Gateway, request: &ControlRequest<'_>) -> ControlAnswer {
    if let Some(refusal) = other_method(request) {
        return refusal;
    }
    let shown = gateway.config.shown();
    match crate::url::Values::parse(request.query).get("field") {
        None => reply::json(200, &shown),
        Some(field) => match field.split('.').try_fold(&shown, |at, step| at.get(step)) {
            Some(value) => reply::json(200, value),
            None => reply::error(404, "field not found"),
        },
    }
}

fn environment(gateway: &Gateway, request: &ControlRequest<'_>) -> ControlAnswer {
    other_method(request).unwrap_or_else(|| reply::json(200, &gateway.config.shown_variables()))
}

fn other_method(request: &ControlRequest<'_>) -> Option<ControlAnswer> {
    (request.method != Method::GET).then(|| reply::error(405, "Method not supported"))
}
