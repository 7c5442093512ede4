//! Whole chains over a session, and what tests of single steps share.

mod order;

use std::sync::Arc;

use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::{REQUEST, RESPONSE};
use crate::{
    chain::{
        Blueprint, Chain, Ctx, Flow, HookPlan, ListenPath, Middleware, ResponseMiddleware, ResponseSlot,
        Router, Services, Slot, Snapshot,
    },
    config::{Config, Secret},
    definition::{self, ApiDefinition, VersionInfo},
    error::{Problem, Result},
    hook::{HookKind, ResponsePart, Spec},
    url::Url,
};

/// Shared handles with this config.
pub(super) fn services(config: Config) -> Services {
    let environment = |name: &str| (name == "TYK_SECRET_KEY").then(|| "from-env".to_owned());
    Services { environment, ..Services::alone(config).unwrap() }
}

/// A definition that listens on `/app/`, with these members of its only version and these of its own.
pub(super) fn definition(version: Value, root: Value) -> ApiDefinition {
    let mut all = json!({
        "name": "app", "api_id": "app", "org_id": "org", "use_keyless": true,
        "proxy": { "listen_path": "/app/", "target_url": "http://up", "strip_listen_path": true },
        "version_data": { "not_versioned": true, "versions": { "Default": {
            "name": "Default", "use_extended_paths": true
        } } },
    });
    let into = all["version_data"]["versions"]["Default"].as_object_mut().unwrap();
    into.extend(version.as_object().unwrap().clone());
    all.as_object_mut().unwrap().extend(root.as_object().unwrap().clone());
    definition::parse(&all.to_string(), "test").unwrap()
}

/// A compiled chain and what a request through it needs.
pub(super) struct Bench {
    pub(super) chain: Chain,
    pub(super) problems: Vec<Problem>,
    services: Services,
}

impl Bench {
    pub(super) fn new(version: Value, root: Value) -> Self {
        Self::with(version, root, Config::default())
    }

    pub(super) fn with(version: Value, root: Value, config: Config) -> Self {
        Self::of(&definition(version, root), config, REQUEST, RESPONSE)
    }

    pub(super) fn of(
        definition: &ApiDefinition,
        config: Config,
        request: &[Slot],
        response: &[ResponseSlot],
    ) -> Self {
        let services = services(config);
        let spec = Arc::new(Spec {
            api_id: definition.api_id.as_str().into(),
            org_id: "org".into(),
            api_name: "app".into(),
            config_data: "{}".into(),
            ..Spec::default()
        });
        let versions: Vec<VersionInfo> =
            definition.version_data.only().ok().map(|(_, version)| version.clone()).into_iter().collect();
        let mut problems = Vec::new();
        let chain = Chain::build(
            request,
            response,
            &mut Blueprint {
                definition,
                versions: &versions,
                listen_path: &ListenPath::compile(&definition.proxy.listen_path).unwrap(),
                services: &services,
                hooks: &HookPlan::new(definition, &services.config, None),
                spec: &spec,
                place: "test",
                problems: &mut problems,
            },
        );
        Self { chain, problems, services }
    }

    /// A request as it stands before the first step.
    pub(super) async fn request(&self, raw: &str) -> Request {
        let session = session(raw).await;
        let mut ctx = Ctx::new(Arc::new(Snapshot::new(
            self.services.clone(),
            Arc::default(),
            Router::empty(),
            Vec::new(),
        )));
        ctx.url = Url::from_target(session.req_header().raw_path()).unwrap();
        Request { session, ctx }
    }

    /// Sends a `GET` with these header lines through the request side.
    pub(super) async fn get(&self, path: &str, headers: &str) -> (Request, Result<Flow>) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n")).await
    }

    pub(super) async fn send(&self, raw: &str) -> (Request, Result<Flow>) {
        let mut request = self.request(raw).await;
        let flow = self.chain.request(&mut request.session, &mut request.ctx).await;
        (request, flow)
    }

    /// Messages of the problems found, with their paths.
    pub(super) fn problem_at(&self, path: &str) -> &str {
        let found = self.problems.iter().find(|problem| problem.path == path);
        found.map_or_else(|| panic!("nothing at {path}: {:?}", self.problems), |problem| &problem.message)
    }
}

pub(super) struct Request {
    pub(super) session: Session,
    pub(super) ctx: Ctx,
}

impl Request {
    /// Values of a request header.
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        self.session.req_header().headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// The parked URL.
    pub(super) fn rewritten(&self) -> Option<String> {
        self.ctx.rewrite.as_ref().map(|rewrite| rewrite.url.to_string())
    }
}

pub(super) async fn session(raw: &str) -> Session {
    let (mut client, server) = tokio::io::duplex(1 << 16);
    client.write_all(raw.as_bytes()).await.unwrap();
    let mut session = Session::new_h1(Box::new(server));
    assert!(session.downstream_session.read_request().await.unwrap());
    session
}

/// Status and text of a refusal.
pub(super) fn denied(flow: &Result<Flow>) -> (u16, &str) {
    match flow {
        Ok(Flow::Deny(denial)) => (denial.status, &denial.message),
        other => panic!("{other:?}"),
    }
}

/// Status and text of a fault.
pub(super) fn fault(flow: Result<Flow>) -> (u16, String) {
    let (status, message) = flow.unwrap_err().answer();
    (status, message.into_owned())
}

pub(super) fn passed(flow: &Result<Flow>) -> bool {
    matches!(flow, Ok(Flow::Next))
}

#[test]
fn an_api_that_asks_for_nothing_has_no_steps() {
    let bench = Bench::new(json!({}), json!({ "enable_context_vars": true }));
    assert_eq!(bench.chain.request_steps().count() + bench.chain.response_steps().count(), 0);
    assert!(!bench.chain.has_hooks());
    assert!(bench.problems.is_empty());
}

#[tokio::test]
async fn steps_are_built_and_run_in_the_order_of_the_table() {
    struct Recorder(&'static str);
    #[async_trait::async_trait]
    impl Middleware for Recorder {
        async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
            session.req_header_mut().append_header("X-Seen", self.0).unwrap();
            ctx.ignored = true;
            Ok(if self.0 == "last" { Flow::Deny(crate::chain::Denial::FORBIDDEN) } else { Flow::Next })
        }
    }
    #[async_trait::async_trait]
    impl ResponseMiddleware for Recorder {
        async fn response(&self, _: &mut Session, _: &mut Ctx, answer: &mut ResponsePart) -> Result<()> {
            answer.head.append_header("X-Seen", self.0).unwrap();
            Ok(())
        }
    }
    let request = [
        Slot::Step("first", |_| Some(Box::new(Recorder("first")))),
        Slot::Hooks(HookKind::Pre, |_, _| vec![Box::new(Recorder("one")), Box::new(Recorder("two"))]),
        Slot::Step("unwanted", |_| None),
        Slot::Guard("guard", |_| Some(Box::new(Recorder("guard")))),
        Slot::Step("last", |_| Some(Box::new(Recorder("last")))),
        Slot::Step("never", |_| Some(Box::new(Recorder("never")))),
    ];
    let response = [
        ResponseSlot("a", |_| Some(Box::new(Recorder("a")))),
        ResponseSlot("b", |_| Some(Box::new(Recorder("b")))),
    ];
    let bench = Bench::of(&definition(json!({}), json!({})), Config::default(), &request, &response);
    assert_eq!(
        bench.chain.request_steps().collect::<Vec<_>>(),
        ["first", "pre", "pre", "guard", "last", "never"]
    );
    assert!(bench.chain.has_hooks());
    let (mut request, flow) = bench.get("/app/x", "").await;
    assert_eq!(denied(&flow).0, 403);
    assert_eq!(request.header("x-seen"), ["first", "one", "two", "last"]);
    let mut answer = ResponsePart { head: ResponseHeader::build(200, None).unwrap(), body: None };
    bench.chain.response(&mut request.session, &mut request.ctx, &mut answer).await.unwrap();
    assert_eq!(answer.head.headers.get_all("x-seen").iter().collect::<Vec<_>>(), ["a", "b"]);
}

#[tokio::test]
async fn methods_are_parked_and_odd_ones_refused() {
    let version = json!({ "extended_paths": { "method_transforms": [
        { "path": "/m", "method": "GET", "to_method": "post" },
        { "path": "/odd", "method": "GET", "to_method": "BREW" },
        { "path": "/off", "method": "GET", "to_method": "PUT", "disabled": true },
    ] } });
    let bench = Bench::new(version, json!({}));
    let (request, flow) = bench.get("/app/m", "").await;
    assert!(passed(&flow));
    assert_eq!(request.ctx.method, Some(http::Method::POST));
    assert_eq!(request.session.req_header().method, http::Method::GET);
    assert_eq!(denied(&bench.get("/app/odd", "").await.1), (405, "Method not allowed"));
    assert_eq!(bench.get("/app/off", "").await.0.ctx.method, None);
}

#[tokio::test]
async fn endpoints_are_tracked_unless_said_otherwise() {
    use crate::chain::Tracking;
    let version = json!({ "extended_paths": {
        "track_endpoints": [{ "path": "/tr/{id}", "method": "GET" }],
        "do_not_track_endpoints": [{ "path": "/tr/no", "method": "GET" }],
    } });
    let on = || Config { enable_analytics: true, ..Config::default() };
    let bench = Bench::with(version.clone(), json!({}), on());
    let tracking = |request: Request| request.ctx.tracking;
    assert!(
        matches!(tracking(bench.get("/app/tr/7", "").await.0), Tracking::Tracked(path) if *path == *"/tr/{id}")
    );
    assert!(matches!(tracking(bench.get("/app/tr/no", "").await.0), Tracking::Untracked));
    assert!(matches!(tracking(bench.get("/app/x", "").await.0), Tracking::Plain));
    for (root, config) in [(json!({}), Config::default()), (json!({ "do_not_track": true }), on())] {
        assert_eq!(Bench::with(version.clone(), root, config).chain.request_steps().count(), 0);
    }
}

#[tokio::test]
async fn request_headers_are_removed_then_set_globally_then_by_endpoint() {
    let version = json!({
        "global_headers_remove": ["X-Gone", "x-forwarded-FOR"],
        "global_headers": { "x-set": "global", "X-Both": "global", "X-Secret": "$secret_env.key/$secret_conf.s" },
        "extended_paths": { "transform_headers": [
            { "path": "/h", "method": "GET", "delete_headers": ["X-Set"],
              "add_headers": { "X-Both": "endpoint", "X-Ctx": "$tyk_context.headers_X_In" } },
            { "path": "/h", "method": "GET", "add_headers": { "X-Never": "1" } },
        ] },
    });
    let mut config = Config::default();
    config.secrets.insert("s".into(), Secret::new("conf"));
    let bench = Bench::with(version, json!({ "enable_context_vars": true }), config);
    let lines = "X-Gone: 1\r\nX-Forwarded-For: 1.1.1.1\r\nX-Both: a\r\nX-Both: b\r\nX-In: a b&c\r\n";
    let (request, flow) = bench.get("/app/h", lines).await;
    assert!(passed(&flow));
    assert!(request.header("x-gone").is_empty() && request.header("x-forwarded-for").is_empty());
    assert!(request.header("x-set").is_empty() && request.header("x-never").is_empty());
    assert_eq!(request.header("x-both"), ["endpoint"]);
    assert_eq!(request.header("x-secret"), ["from-env/conf"]);
    assert_eq!(request.header("x-ctx"), ["a b&c"]);
    assert!(request.ctx.no_forwarded_for);
    let (request, _) = bench.get("/app/other", lines).await;
    assert_eq!((request.header("x-both"), request.header("x-set")), (vec!["global"], vec!["global"]));
    assert!(request.header("x-ctx").is_empty());
}

#[tokio::test]
async fn header_names_are_sent_canonical_or_as_written() {
    let wire = |request: &Request| {
        let mut out = Vec::new();
        request.session.req_header().header_to_h1_wire(&mut out);
        String::from_utf8(out).unwrap()
    };
    let version = json!({ "global_headers": { "x-lower-CASE": "1" } });
    let bench = Bench::new(version.clone(), json!({}));
    assert!(wire(&bench.get("/app/x", "").await.0).contains("X-Lower-Case: 1\r\n"));
    let config = Config { ignore_canonical_mime_header_key: true, ..Config::default() };
    let bench = Bench::with(version, json!({}), config);
    assert!(wire(&bench.get("/app/x", "").await.0).contains("x-lower-CASE: 1\r\n"));
}

#[tokio::test]
async fn headers_that_belong_to_the_gateway_cannot_be_edited() {
    let version = json!({
        "global_headers": { "Host": "set.example", "Content-Length": "7", "bad name": "x", "X-Bad": "a\u{0}b" },
        "global_headers_remove": ["Transfer-Encoding"],
    });
    let bench = Bench::new(version, json!({}));
    assert_eq!(bench.chain.request_steps().count(), 0);
    assert!(
        bench
            .problem_at("version_data.versions.Default.global_headers.Host")
            .contains("preserve_host_header")
    );
    assert_eq!(bench.problems.len(), 5, "{:?}", bench.problems);
    let version = json!({ "global_headers": { "X-Q": "$tyk_context.request_data_q" } });
    let bench = Bench::new(version, json!({ "enable_context_vars": true }));
    assert_eq!(fault(bench.get("/app/x?q=a%0Ab", "").await.1).0, 500);
    assert_eq!(bench.get("/app/x?q=ab", "").await.0.header("x-q"), ["ab"]);
}

#[tokio::test]
async fn response_headers_are_edited_by_endpoint_then_globally() {
    let version = json!({
        "global_response_headers": { "X-Both": "global" },
        "global_response_headers_remove": ["X-Gone"],
        "extended_paths": { "transform_response_headers": [
            { "path": "/h", "method": "GET", "delete_headers": ["X-Upstream"],
              "add_headers": { "X-Both": "endpoint", "X-End": "$tyk_context.path" } },
            { "path": "/rewritten", "method": "GET", "add_headers": { "X-Rewritten": "1" } },
        ], "url_rewrites": [{ "path": "/from", "method": "GET", "match_pattern": "from", "rewrite_to": "/rewritten" }] },
    });
    let root = json!({ "enable_context_vars": true, "expiration": "2099-01-02 03:04" });
    let bench = Bench::new(version, root);
    let answer = async |path: &str| {
        let (mut request, flow) = bench.get(path, "").await;
        assert!(passed(&flow));
        let mut head = ResponseHeader::build(200, None).unwrap();
        for name in ["X-Upstream", "X-Gone", "X-Both"] {
            head.append_header(name, "upstream").unwrap();
        }
        let mut answer = ResponsePart { head, body: None };
        bench.chain.response(&mut request.session, &mut request.ctx, &mut answer).await.unwrap();
        answer.head
    };
    let head = answer("/app/h").await;
    assert!(!head.headers.contains_key("x-upstream") && !head.headers.contains_key("x-gone"));
    assert_eq!(head.headers.get_all("x-both").iter().collect::<Vec<_>>(), ["global"]);
    assert_eq!(head.headers["x-end"], "/app/h");
    assert_eq!(head.headers["x-tyk-api-expires"], "Fri, 02 Jan 2099 03:04:00 UTC");
    let head = answer("/app/other").await;
    assert_eq!(
        (&head.headers["x-upstream"], head.headers.get("x-end")),
        (&"upstream".parse().unwrap(), None)
    );
    // A rewrite matched: the path that the client sent counts.
    assert!(!answer("/app/from").await.headers.contains_key("x-rewritten"));
}
