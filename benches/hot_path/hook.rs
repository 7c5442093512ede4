//! A native hook that sets a header: the price of one call. Goal: at most 1 µs when it is NON_BLOCKING. The same
//! hook on the pool shows what a thread change costs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench may fail, and nothing is served by it")]

use std::{hint::black_box, path::PathBuf, sync::Arc};

use criterion::Criterion;
use pingora_http::RequestHeader;
use pinhook::{
    config::Config,
    hook::{
        Code, Hook, HookKind, HookSource, Host, Object, Spec,
        drivers::{DriverSettings, native},
    },
    store::MemoryStore,
    url::Url,
};
use tokio::runtime::Builder;

#[allow(dead_code, reason = "the tests share this file with the benches")]
#[path = "../../tests/it/support/plugins.rs"]
mod plugins;

pub(super) fn bench(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("native hook");
    group.noise_threshold(0.05);
    let cases = [
        ("sets a header, non-blocking", plugins::build_release("add_header"), "AddFooHeader"),
        ("does nothing, non-blocking", plugins::build_release("rough"), "NothingAtOnce"),
        ("does nothing, on the pool", plugins::build_release("rough"), "Nothing"),
    ];
    for (name, path, function) in cases {
        let hook = load(path, function);
        let mut object = Some(object());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let given = object.take().unwrap();
                let returned = runtime.block_on(hook.dispatch(HookKind::Pre, black_box(given)));
                object = Some(returned.unwrap_or_else(|failure| panic!("{}", failure.error)));
            });
        });
    }
    group.finish();
}

fn load(path: PathBuf, function: &str) -> Arc<dyn Hook> {
    let source = HookSource {
        api_id: "api".into(),
        kind: HookKind::Pre,
        name: function.into(),
        code: Code::File(path),
        siblings: Arc::default(),
        timeout: None,
        wants_session: false,
        raw_body_only: false,
        server: None,
    };
    let host = Arc::new(Host::new(Arc::default(), Arc::new(MemoryStore::default()), 1 << 20));
    let driver = native::start(&DriverSettings::new(&Config::default(), host));
    driver.load(&source).unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// What a browser sends.
fn object() -> Box<Object> {
    let mut request = RequestHeader::build("GET", b"/greeters/hello?name=x", None).unwrap();
    for (name, value) in [
        ("Host", "gateway.example:8080"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"),
        ("Accept", "text/html,application/xhtml+xml"),
        ("Accept-Language", "en-GB,en;q=0.5"),
        ("Accept-Encoding", "gzip, deflate, br"),
        ("Cookie", "session=0123456789abcdef"),
    ] {
        request.append_header(name, value).unwrap();
    }
    let spec = Arc::new(Spec {
        api_id: "api".into(),
        org_id: "org".into(),
        api_name: "greeter".into(),
        ..Spec::default()
    });
    Box::new(Object {
        request,
        url: Url::from_target(b"/greeters/hello?name=x").unwrap(),
        client: "192.0.2.1".parse().ok(),
        ..Object::without_request(spec)
    })
}
