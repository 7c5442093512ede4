//! Driver `grpc` against servers that do as they are told.

mod calls;
mod examples;
mod extractor;
mod faults;
pub(super) mod functions;
mod servers;

use pinhook::hook::drivers::grpc::proto::Object;
use serde_json::json;

use crate::support::{
    definition::{Definition, api},
    gateway::{Builder, Gateway},
    plugin_server::Reply,
    upstream::Upstream,
};

/// A gateway whose rich plugins are on that server.
fn gateway(target: &str) -> Builder {
    let target = target.to_owned();
    Gateway::build().config(move |config| {
        config.coprocess_options.enable_coprocess = true;
        config.coprocess_options.coprocess_grpc_server = target;
        config.pinhook.service_address_header = "X-Service-Address".to_owned();
    })
}

/// An API with one function in one list.
fn with_hook(id: &str, list: &str, function: &str, upstream: &Upstream) -> Definition {
    grpc(id, upstream).entry(list, json!({ "name": function }))
}

fn grpc(id: &str, upstream: &Upstream) -> Definition {
    api(id).target(upstream).set("custom_middleware.driver", "grpc")
}

/// The same API for callers that an auth hook recognises.
fn with_auth(definition: Definition, function: &str) -> Definition {
    definition
        .set("use_keyless", false)
        .set("custom_plugin_auth_enabled", true)
        .set("custom_middleware.auth_check", json!({ "name": function }))
}

/// Sets one header and sends the object back.
fn mark(mut object: Object, value: &str) -> Reply {
    let request = object.request.as_mut().unwrap();
    request.set_headers.insert("X-Mark".into(), value.into());
    Reply::Object(Box::new(object))
}
