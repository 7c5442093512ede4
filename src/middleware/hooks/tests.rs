mod family;

use std::sync::{Arc, atomic::AtomicBool};

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::{
    chain::{Origin, SessionRules},
    config::Config,
    error::HookError,
    hook::{Answer, Failure, Hook, Manner, Needs, Object, Spec},
    metrics::HookLabels,
    middleware::tests::{Bench, Request, fault, passed},
};

/// A hook made of a function; the object may get lost if `loses` says so.
struct Fake {
    kind: HookKind,
    loses: bool,
    run: fn(Box<Object>) -> Result<Box<Object>, Failure>,
}

#[async_trait]
impl Hook for Fake {
    fn may_be_abandoned(&self) -> bool {
        self.loses
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    async fn dispatch(&self, kind: HookKind, object: Box<Object>) -> Result<Box<Object>, Failure> {
        assert_eq!(kind, self.kind);
        (self.run)(object)
    }
}

type Run = fn(Box<Object>) -> Result<Box<Object>, Failure>;

fn call(loses: bool, run: Run) -> Call {
    Call {
        hook: Some(Arc::new(Fake { kind: HookKind::Pre, loses, run })),
        ..call_of(Family::Native, HookKind::Pre, run)
    }
}

/// A hook of a driver of this family, called at this place.
fn call_of(family: Family, kind: HookKind, run: Run) -> Call {
    let metrics = crate::metrics::Metrics::new(true).unwrap();
    let labels = HookLabels { api: "app".into(), hook: "pre", driver: "fake", function: "F".into() };
    Call {
        kind,
        name: "F".into(),
        spec: Arc::new(Spec {
            api_id: "app".into(),
            org_id: "org".into(),
            api_name: "App".into(),
            config_data: "{}".into(),
            ..Spec::default()
        }),
        metrics: metrics.hook(labels),
        family,
        sessions: SessionRules { identify: true, count: true },
        warned: AtomicBool::default(),
        off: None,
        undefined: false,
        hook: Some(Arc::new(Fake { kind, loses: false, run })),
    }
}

async fn request() -> Request {
    Bench::new(json!({}), json!({})).request("GET /app/x?q=1 HTTP/1.1\r\nHost: h\r\nX-In: 1\r\n\r\n").await
}

async fn run(call: &Call) -> (Request, Result<Flow>) {
    let mut request = request().await;
    let flow = call.run(&mut request.session, &mut request.ctx).await;
    (request, flow)
}

#[tokio::test]
async fn edits_come_back() {
    let edits = call(false, |mut object| {
        assert_eq!((object.url.to_string().as_str(), &*object.spec.api_name), ("/app/x?q=1", "App"));
        assert_eq!(object.request.headers["x-in"], "1");
        object.request.insert_header("Foo", "Bar").unwrap();
        object.request.set_method(http::Method::PUT);
        object.url.set_query("q=2");
        object.target = Some("http://10.0.0.7:9000".into());
        object.metadata.insert("seen".into(), "yes".into());
        Ok(object)
    });
    let (mut request, flow) = run(&edits).await;
    assert!(passed(&flow));
    assert_eq!((request.header("foo"), request.header("x-in")), (vec!["Bar"], vec!["1"]));
    assert_eq!(request.session.req_header().method, http::Method::PUT);
    assert_eq!(request.ctx.url.to_string(), "/app/x?q=2");
    assert_eq!(request.ctx.target.as_ref().map(|target| target.port), Some(9000));
    assert_eq!(request.ctx.metadata.as_ref().unwrap()["seen"], "yes");

    let next = call(true, |object| {
        assert_eq!(object.metadata["seen"], "yes");
        Ok(object)
    });
    assert!(passed(&next.run(&mut request.session, &mut request.ctx).await));
    assert!(request.ctx.target.is_some(), "a later hook that says nothing keeps the target");
}

#[tokio::test]
async fn an_answer_ends_the_chain() {
    let call = call(false, |mut object| {
        let mut headers = HeaderMap::new();
        headers.append("x-a", "1".parse().unwrap());
        headers.append("x-a", "2".parse().unwrap());
        object.answer = Some(Answer {
            status: StatusCode::IM_A_TEAPOT,
            headers,
            body: "tea".into(),
            manner: Manner::AsIs,
        });
        Ok(object)
    });
    let Ok(Flow::Respond(response)) = run(&call).await.1 else { panic!("no answer") };
    assert_eq!(
        (response.head.status.as_u16(), response.origin, &*response.body),
        (418, Origin::Hook, &b"tea"[..])
    );
    assert_eq!(response.head.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
}

#[tokio::test]
async fn a_failed_hook_answers_500_and_leaves_the_request_to_record() {
    let kept: Run = |object| Err(Failure::new(HookError::Failed { name: "F".into(), code: -1 }, object));
    let lost: Run = |_| Err(Failure::lost(HookError::Panicked { name: "F".into() }));
    for (loses, run_it) in [(false, kept), (true, lost)] {
        let (request, flow) = run(&call(loses, run_it)).await;
        assert_eq!(fault(flow), (500, "Internal Server Error".into()));
        assert_eq!(request.header("x-in"), ["1"]);
        assert_eq!(request.ctx.url.to_string(), "/app/x?q=1");
    }
}

#[tokio::test]
async fn a_target_that_is_none_is_a_fault() {
    let call = call(false, |mut object| {
        object.target = Some("ftp://x".into());
        Ok(object)
    });
    let (request, flow) = run(&call).await;
    assert_eq!(fault(flow).0, 500);
    assert_eq!(request.header("x-in"), ["1"]);
}

fn hooked(root: Value) -> Bench {
    Bench::new(json!({}), json!({ "custom_middleware": root }))
}

#[tokio::test]
async fn a_hook_that_cannot_be_loaded_never_opens_the_gate() {
    let missing = json!([{ "name": "F", "path": "/nowhere/x.so" }]);
    for custom in [
        json!({ "driver": "goplugin", "pre": missing }),
        json!({ "driver": "goplugin", "post": missing }),
        json!({ "driver": "brainfuck", "pre": missing }),
        json!({ "driver": "otto", "pre": missing }),
        json!({ "driver": "", "pre": [{ "name": "F", "path": "x", "pinhook": { "driver": "nope" } }] }),
    ] {
        let bench = hooked(custom.clone());
        // The words differ by family, and by whether scripts are on.
        assert_eq!(fault(bench.get("/app/x", "").await.1).0, 500, "{custom}");
        assert!(
            bench.problems.iter().any(|problem| problem.message.contains("are answered 500")),
            "{custom}"
        );
        assert!(bench.chain.has_hooks());
    }
}

#[tokio::test]
async fn what_tyk_leaves_out_is_left_out_and_named() {
    for (custom, at) in [
        (json!({ "driver": "grpc", "pre": [{ "name": "F" }] }), "custom_middleware.pre[0]"),
        (
            json!({ "post": [{ "disabled": true, "name": "a" }, { "name": "F" }] }),
            "custom_middleware.post[1]",
        ),
        (json!({ "driver": "goplugin", "pre": [{ "name": "F" }] }), "custom_middleware.pre[0]"),
        (json!({ "driver": "goplugin", "pre": [{ "path": "x.so" }] }), "custom_middleware.pre[0]"),
    ] {
        let bench = hooked(custom.clone());
        assert_eq!(bench.chain.request_steps().count(), 0, "{custom}");
        assert!(bench.problem_at(at).contains("as in Tyk"), "{custom}");
    }
    let mut config = Config::default();
    config.coprocess_options.enable_coprocess = true;
    let root = json!({ "custom_middleware": { "pre": [{ "name": "F" }] } });
    let bench = Bench::with(json!({}), root, config);
    assert_eq!(fault(bench.get("/app/x", "").await.1).0, 500);
}

#[tokio::test]
async fn endpoint_hooks_run_for_their_endpoint_and_make_empty_entries_count() {
    let version = json!({ "extended_paths": { "go_plugin": [
        { "path": "/off", "method": "GET", "plugin_path": "/nowhere/x.so", "func_name": "F", "disabled": true },
        { "path": "/hooked", "method": "GET", "plugin_path": "/nowhere/x.so", "func_name": "F" },
    ] } });
    let bench = Bench::new(version.clone(), json!({}));
    assert_eq!(bench.chain.request_steps().collect::<Vec<_>>(), ["go_plugin"]);
    assert!(passed(&bench.get("/app/off", "").await.1));
    assert!(passed(&bench.get("/app/other", "").await.1));
    assert_eq!(fault(bench.get("/app/hooked", "").await.1).0, 500);

    let empty = json!({ "custom_middleware": { "driver": "goplugin", "pre": [{ "name": "F" }] } });
    let bench = Bench::new(version, empty);
    assert_eq!(fault(bench.get("/app/other", "").await.1).0, 500);
}
