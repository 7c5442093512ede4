mod bad;
mod json;
mod pattern;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use pingora_http::{RequestHeader, ResponseHeader};
use tempfile::TempDir;

use super::*;
use crate::{
    config::Config,
    error::Error,
    hook::{Code, Failure, Manner, RecordPart, ResponsePart, Value},
    store::MemoryStore,
    upstream::Client,
    url::Url,
};

/// A driver and a folder for its scripts.
struct Bench {
    driver: Arc<dyn Driver>,
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut DriverSettings)) -> Self {
        let host =
            Arc::new(Host::new(Arc::new(Client::default()), Arc::new(MemoryStore::default()), 1 << 20));
        let mut settings = DriverSettings::new(&Config::default(), host);
        settings.timeout = Duration::from_millis(300);
        change(&mut settings);
        Self { driver: start(&settings), folder: tempfile::tempdir().unwrap() }
    }

    fn source(&self, kind: HookKind, name: &str, text: &str) -> HookSource {
        let file = self.folder.path().join("hook.lua");
        std::fs::write(&file, text).unwrap();
        HookSource {
            api_id: "api".into(),
            kind,
            name: name.into(),
            code: Code::File(file),
            siblings: Arc::default(),
            timeout: None,
            wants_session: false,
            raw_body_only: false,
            server: None,
        }
    }

    fn load(&self, kind: HookKind, name: &str, text: &str) -> Arc<dyn Hook> {
        let loaded = self.driver.load(&self.source(kind, name, text));
        loaded.unwrap_or_else(|error| panic!("{}", error.chain()))
    }

    fn refused(&self, name: &str, text: &str) -> String {
        match self.driver.load(&self.source(HookKind::Pre, name, text)) {
            Ok(_) => panic!("it was loaded: {text}"),
            Err(error) => error.chain(),
        }
    }

    /// Runs the body of a pre hook `F(request, session, spec)`.
    async fn pre(&self, body: &str) -> Result<Box<Object>, Failure> {
        let text = format!("function F(request, session, spec)\n{body}\nend");
        self.load(HookKind::Pre, "F", &text).dispatch(HookKind::Pre, object()).await
    }

    /// What a pre hook's expressions give, as texts in `X-Out`.
    async fn eval(&self, expression: &str) -> String {
        let object = self.pre(&format!("request.set_header('X-Out', tostring({expression}))")).await;
        header(&object.unwrap_or_else(|failure| panic!("{expression}: {}", failure.error)), "x-out")
            .to_owned()
    }
}

fn object() -> Box<Object> {
    let spec = Spec {
        api_id: "a1".into(),
        org_id: "o1".into(),
        config_data: r#"{"tier":"gold"}"#.into(),
        ..Spec::default()
    };
    let mut object = Object::without_request(Arc::new(spec));
    object.request = RequestHeader::build("GET", b"/x?a=1&a=2&b=3", None).unwrap();
    for (name, value) in [("host", "gw.local"), ("x-two", "1"), ("x-two", "2")] {
        object.request.append_header(name, value).unwrap();
    }
    object.url = Url::from_target(b"/x?a=1&a=2&b=3").unwrap();
    Box::new(object)
}

fn header<'a>(object: &'a Object, name: &str) -> &'a str {
    object.request.headers.get(name).map_or("-", |value| value.to_str().unwrap())
}

fn reason(outcome: Result<Box<Object>, Failure>) -> String {
    Error::from(outcome.expect_err("it should have failed")).chain()
}

#[tokio::test]
async fn a_script_reads_the_request() {
    let bench = Bench::new();
    for (expression, expected) in [
        ("request.headers['X-Two']", "1"),
        ("request.headers.Host", "gw.local"),
        ("request.headers['Nope']", "nil"),
        ("request.params.a .. request.params.b", "13"),
        ("request.url", "/x?a=1&a=2&b=3"),
        ("request.request_uri", "/x?a=1&a=2&b=3"),
        ("request.method .. ' ' .. request.scheme", "GET http"),
        ("request.raw_body .. '|' .. request.body", "|"),
        ("request.return_overrides.response_code", "-1"),
        ("spec.APIID .. spec.OrgID", "a1o1"),
        ("spec.bundle_hash", "d41d8cd98f00b204e9800998ecf8427e"),
        ("cjson.decode(spec.config_data).tier", "gold"),
        ("session.alias", "nil"),
        ("(function() local n = 0 for _ in pairs(request) do n = n + 1 end return n end)()", "14"),
        ("next(spec) ~= nil", "true"),
        ("getmetatable(request)", "nil"),
        ("cjson.decode(cjson.encode(request)).method", "GET"),
        ("b64dec(b64enc('a\\0b')) == 'a\\0b'", "true"),
    ] {
        assert_eq!(bench.eval(expression).await, expected, "{expression}");
    }
}

#[tokio::test]
async fn edits_in_place_and_returned_ones_count() {
    let bench = Bench::new();
    let object = bench
        .pre(
            "request.set_header('X-A', 1) request:set_header('X-B', 'b') request.set_headers['x-c'] = 'c'
             request.delete_headers[1] = 'X-Two' request.add_params.new = 'n' request.delete_params = {'a'}
             request.method = 'PUT' request.url = '/y' request.set_target('http://other:1')",
        )
        .await
        .unwrap();
    assert_eq!((header(&object, "x-a"), header(&object, "x-b"), header(&object, "x-c")), ("1", "b", "c"));
    assert_eq!(header(&object, "x-two"), "-");
    assert_eq!((object.url.to_string().as_str(), object.request.method.as_str()), ("/y?b=3&new=n", "PUT"));
    assert_eq!(object.target.as_deref(), Some("http://other:1"));
    let object = bench.pre("return { set_headers = { ['X-New'] = 'made' } }, session").await.unwrap();
    assert_eq!((header(&object, "x-new"), object.url.path()), ("made", "/x"));
}

#[tokio::test]
async fn bodies_are_bytes() {
    let bench = Bench::new();
    let text = "function F(request) request.raw_body = request.raw_body:reverse() .. '\\255' end";
    let hook = bench.load(HookKind::Pre, "F", text);
    assert!(hook.needs().request_body);
    let mut object = object();
    let mut large = vec![b'a'; 10 << 20];
    large[0] = 0;
    object.body = Some(large.into());
    let body = hook.dispatch(HookKind::Pre, object).await.unwrap().body.unwrap();
    assert_eq!((body.len(), body[0], &body[body.len() - 2..]), ((10 << 20) + 1, b'a', &b"\0\xff"[..]));
    let hook = bench.load(HookKind::Pre, "F", "function F(request) request.set_header('a', 'b') end");
    assert!(!hook.needs().request_body, "a script that cannot see the body does not hold it back");
}

#[tokio::test]
async fn answers_follow_the_rules_of_return_overrides() {
    let bench = Bench::new();
    let answer = |text: &'static str| {
        let bench = &bench;
        async move { bench.pre(text).await.unwrap().answer.map(|it| (it.status.as_u16(), it.body, it.manner)) }
    };
    assert_eq!(
        answer("local o = request.return_overrides o.response_code = 403 o.response_error = 'no'").await,
        Some((403, "no".into(), Manner::Template))
    );
    assert_eq!(
        answer(
            "request.return_overrides = { response_code = 418, response_body = 'b', override_error = true }"
        )
        .await,
        Some((418, "b".into(), Manner::AsIs))
    );
    assert_eq!(answer("request.return_overrides.response_body = 'b'").await, None);
}

#[tokio::test]
async fn an_auth_hook_leaves_session_and_token() {
    let bench = Bench::new();
    let text = "function Four(request, session, metadata, spec)
            session.rate, session.per, session.alias = 5, 1.5, 'al'
            session.access_rights = { a1 = { api_id = 'a1', versions = {'Default'}, allowed_urls = {} } }
            session.tags = {}
            metadata.token = 't'
            return request, session, metadata
        end
        function Three(request, session) session.metadata = { token = 't3' } return request, session end
        function Token(request, session, metadata, spec) metadata.token = 'x' end
        function Nothing(request, session, metadata, spec) end
        function Wrong(request, session, metadata, spec) session.rate = 'fast' end";
    let call =
        async |name: &str| bench.load(HookKind::Auth, name, text).dispatch(HookKind::Auth, object()).await;
    let four = call("Four").await.unwrap();
    let state = four.state.as_deref().unwrap();
    assert_eq!((state.rate, state.per, &*state.alias), (5.0, 1.5, "al"));
    assert_eq!(
        (&*state.access_rights["a1"].versions, &*four.metadata["token"]),
        (&["Default".to_owned()][..], "t")
    );
    let three = call("Three").await.unwrap();
    assert_eq!(three.state.unwrap().meta_data["token"], "t3");
    assert!(call("Token").await.unwrap().state.is_some());
    assert!(call("Nothing").await.unwrap().state.is_none());
    assert!(reason(call("Wrong").await).contains("session cannot be used"));
}

#[tokio::test]
async fn later_hooks_see_the_session_but_do_not_change_it() {
    let bench = Bench::new();
    let text = "function F(request, session, metadata, spec)
            request.set_header('X-Out', session.alias .. session.rate .. metadata.n .. session.metadata.n)
            session.alias = 'other' metadata.n = 'x'
            return request, session, metadata
        end";
    let hook = bench.load(HookKind::PostKeyAuth, "F", text);
    let mut given = object();
    let state = Arc::new(serde_json::from_str(r#"{"alias":"al","rate":7,"meta_data":{"n":2}}"#).unwrap());
    given.state = Some(Arc::clone(&state));
    let left = hook.dispatch(HookKind::PostKeyAuth, given).await.unwrap();
    assert_eq!(header(&left, "x-out"), "al722");
    assert!(Arc::ptr_eq(left.state.as_ref().unwrap(), &state) && left.metadata.is_empty());
}

#[tokio::test]
async fn a_response_hook_edits_the_answer() {
    let bench = Bench::new();
    let text = "function F(request, response, session, metadata, spec)
            response.headers['X-Resp'] = request.method .. response.status_code
            response.headers['X-Inner'] = nil
            response.status_code = 410
            response.raw_body = response.raw_body .. '|' .. response.body
            return response
        end
        function Status(request, response) response.status_code = 99 end
        function Text(request, response) return 'text' end
        function Look(request, response) local _ = request.url end";
    let run = async |name: &str| {
        let hook = bench.load(HookKind::Response, name, text);
        assert!(hook.needs().response_body && !hook.needs().request_body);
        let mut given = object();
        let mut head = ResponseHeader::build(200, None).unwrap();
        head.append_header("x-inner", "secret").unwrap();
        head.append_header("set-cookie", "a").unwrap();
        head.append_header("set-cookie", "b").unwrap();
        given.response = Some(Box::new(ResponsePart { head, body: Some(Bytes::from_static(b"up")) }));
        hook.dispatch(HookKind::Response, given).await
    };
    let part = run("F").await.unwrap().response.unwrap();
    assert_eq!((part.head.status.as_u16(), part.body.as_deref()), (410, Some(&b"up|up"[..])));
    assert_eq!(part.head.headers["x-resp"], "GET200");
    assert!(!part.head.headers.contains_key("x-inner"));
    assert_eq!(part.head.headers.get_all("set-cookie").iter().count(), 2);
    assert!(reason(run("Status").await).contains("status 99"));
    assert!(reason(run("Text").await).contains("returned a string"));
    assert_eq!(run("Look").await.unwrap().response.unwrap().head.status, 200);
}

#[tokio::test]
async fn virtual_endpoints_answer() {
    let bench = Bench::new();
    let text = "function F(request, session, spec)
            return { status = 203, headers = { ['X-A'] = { 1, 'b' } }, body = 'page ' .. request.method }
        end
        function Code() return { code = '404' } end
        function Nil() end
        function Odd() return { status = 7 } end
        function Line() return { headers = { a = 'x\\ny' } } end";
    let run = async |name: &str| {
        bench.load(HookKind::Virtual, name, text).dispatch(HookKind::Virtual, object()).await
    };
    let answer = run("F").await.unwrap().answer.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.body), (203, &b"page GET"[..]));
    assert_eq!(answer.headers.get_all("x-a").iter().count(), 2);
    assert_eq!(run("Code").await.unwrap().answer.unwrap().status, 404);
    assert!(reason(run("Nil").await).contains("returned a nil where an answer is expected"));
    assert!(reason(run("Odd").await).contains("status 7"));
    assert!(reason(run("Line").await).contains("header a"));
}

#[tokio::test]
async fn records_and_events() {
    let bench = Bench::new();
    let text = "function Note(record)
            record.alias = record.alias .. '!' record.tags[#record.tags + 1] = 'lua' record.response_code = 418
        end
        function Bad(record) record.nope = 1 end
        function Kind(record) record.tags = 'x' end
        function Tell(event, spec) assert(event.Meta.Message == 'm' and spec.APIID == 'a1') end";
    let record = || {
        RecordPart::new([
            ("alias", Value::Text("al".into())),
            ("response_code", Value::Number(200)),
            ("timestamp", Value::Time(1_700_000_000_123_456_789)),
            ("track_path", Value::Flag(true)),
            ("tags", Value::Texts(vec![])),
        ])
    };
    let run = async |name: &str| {
        let mut given = object();
        given.record = Some(Box::new(record()));
        bench.load(HookKind::Analytics, name, text).dispatch(HookKind::Analytics, given).await
    };
    let edited: Vec<_> = run("Note").await.unwrap().record.unwrap().into_edited().collect();
    assert_eq!(
        edited,
        [
            ("alias", Value::Text("al!".into())),
            ("response_code", Value::Number(418)),
            ("tags", Value::Texts(vec!["lua".into()])),
        ]
    );
    assert!(reason(run("Bad").await).contains("no field \"nope\""));
    assert!(reason(run("Kind").await).contains("another kind"));
    let mut given = object();
    given.event = Some(r#"{"Meta":{"Message":"m"}}"#.into());
    bench.load(HookKind::Event, "Tell", text).dispatch(HookKind::Event, given).await.unwrap();
}
