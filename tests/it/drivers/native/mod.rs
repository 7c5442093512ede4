//! The native driver with real libraries: what it loads, how it calls, and the examples.

mod call;
mod examples;
mod load;
mod parts;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pingora_http::RequestHeader;
use pinhook::{
    config::Config,
    hook::{
        Code, Driver, Hook, HookKind, HookSource, Host, Object, Spec,
        drivers::{DriverSettings, native},
    },
    store::MemoryStore,
    url::Url,
};

fn driver(hook_threads: usize) -> Arc<dyn Driver> {
    native::start(&settings(hook_threads))
}

fn source(path: impl Into<PathBuf>, name: &str) -> HookSource {
    HookSource {
        api_id: "api".into(),
        kind: HookKind::Post,
        name: name.into(),
        code: Code::File(path.into()),
        siblings: Arc::default(),
        timeout: Some(Duration::from_secs(10)),
        wants_session: false,
        raw_body_only: false,
        server: None,
    }
}

/// The settings of a gateway without a configuration.
fn settings(hook_threads: usize) -> DriverSettings {
    let host = Arc::new(Host::new(Arc::default(), Arc::new(MemoryStore::default()), 1 << 20));
    DriverSettings { hook_threads, ..DriverSettings::new(&Config::default(), host) }
}

/// The hook, loaded by a driver of its own.
fn load(path: &Path, name: &str) -> Arc<dyn Hook> {
    driver(4).load(&source(path, name)).unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// Why it cannot be loaded.
fn refusal(path: &Path, name: &str) -> String {
    match driver(4).load(&source(path, name)) {
        Ok(_) => panic!("{} was loaded", path.display()),
        Err(error) => error.chain(),
    }
}

fn object(target: &str, headers: &[(&'static str, &str)]) -> Box<Object> {
    with_config(target, headers, "{}")
}

fn with_config(target: &str, headers: &[(&'static str, &str)], config_data: &str) -> Box<Object> {
    let mut request = RequestHeader::build("GET", target.as_bytes(), None).unwrap();
    for (name, value) in headers {
        request.append_header(*name, *value).unwrap();
    }
    Box::new(Object {
        request,
        url: Url::from_target(target.as_bytes()).unwrap(),
        client: "192.0.2.1".parse().ok(),
        ..Object::without_request(Arc::new(Spec {
            api_id: "api".into(),
            org_id: "org".into(),
            api_name: "name".into(),
            config_data: config_data.into(),
            ..Spec::default()
        }))
    })
}

fn header<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.request.headers.get(name).map(|value| value.to_str().unwrap())
}
