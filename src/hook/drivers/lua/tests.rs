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
    // Reversing takes a while in a debug build of nothing: it is C.
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
    let set = "local o = request.return_overrides ";
    let _ = set;
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

#[tokio::test]
async fn what_cannot_be_loaded_is_named() {
    let bench = Bench::new();
    for (name, text, expected) in [
        ("F", "function F(\nrequest) x = = 1 end", "hook.lua:2:"),
        ("F", "function G() end", "no global function 'F'"),
        ("F", "F = 7", "'F' but a number"),
        ("F", "error('at the top')", "hook.lua:1: at the top"),
        ("F", "while true do end", "did not end within"),
        ("F", "local m = require 'gone' function F() end", "module 'gone' not found"),
        ("F", "\x1bLJ", "compiled Lua"),
        ("", "function F() end", "names no function"),
        ("F", "call('http://x') function F() end", "waits for the gateway"),
    ] {
        let refused = bench.refused(name, text);
        assert!(refused.contains(expected), "{text}: {refused}");
    }
    let mut source = bench.source(HookKind::Pre, "F", "");
    source.code = Code::File("/nowhere/x.lua".into());
    assert!(bench.driver.load(&source).is_err());
    source.code = Code::Text("function F(request) end".into());
    assert!(bench.driver.load(&source).is_ok());
}

#[tokio::test]
async fn errors_carry_their_place() {
    let bench = Bench::new();
    let text = "local function inner() error('on purpose') end\nfunction F() inner() end";
    let failed = reason(bench.load(HookKind::Pre, "F", text).dispatch(HookKind::Pre, object()).await);
    assert!(failed.contains("hook.lua:1: on purpose") && failed.contains("stack traceback"), "{failed}");
    for (body, expected) in [
        ("return 'text'", "returned a string where a request is expected"),
        ("request.set_headers = 7", "set_headers is a"),
        ("request.set_header('X-A', {})", "X-A is a table"),
        ("request.set_header('a b', 'x')", "header name"),
        ("request.set_header('X-A', 'a\\nb')", "header X-A"),
        ("request.url = 'nowhere'", "url \"nowhere\""),
        ("request.method = 'A B'", "method \"A B\""),
        ("request.return_overrides.response_code = 7", "status 7"),
        ("request.return_overrides.response_code = 1e300", "response_code"),
        ("request.set_target('::')", "target"),
        ("local x = nil; x.y = 1", "hook.lua:2:"),
        ("error({})", "F failed"),
    ] {
        let failed = reason(bench.pre(body).await);
        assert!(failed.contains(expected), "{body}: {failed}");
    }
}

#[tokio::test]
async fn a_script_that_does_not_end_costs_its_request_alone() {
    let bench = Bench::new();
    for body in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local co = coroutine.wrap(function() while true do end end) co()",
        "local function f() return pcall(f) end while true do f() end",
        "for _ = 1, 1e12 do end",
        "local s = ('x'):rep(1000) while true do s:gsub('x', function() end) end",
    ] {
        let failed = reason(bench.pre(body).await);
        assert!(failed.contains("did not return within 300ms"), "{body}: {failed}");
        assert_eq!(bench.eval("1 + 1").await, "2");
    }
}

#[tokio::test]
async fn a_script_that_eats_memory_costs_its_request_alone() {
    let bench = Bench::with(|settings| settings.script_memory = 8 << 20);
    for body in [
        "local t = {} for at = 1, 1e9 do t[at] = ('x'):rep(1000) .. at end",
        "local s = ('x'):rep(1e9)",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(100000) .. #t end) end",
        "local function f(n) return 1 + f(n) end f(1)",
    ] {
        let failed = reason(bench.pre(body).await);
        let expected = ["memory", "stack overflow", "did not return"];
        assert!(expected.iter().any(|text| failed.contains(text)), "{body}: {failed}");
        assert_eq!(bench.eval("1 + 1").await, "2");
    }
    // Garbage of many calls is no reason to fail.
    let text = "function F(request) local s = ('x'):rep(1e6) request.set_header('X-Out', #s) end";
    let hook = bench.load(HookKind::Pre, "F", text);
    for _ in 0..50 {
        assert_eq!(header(&hook.dispatch(HookKind::Pre, object()).await.unwrap(), "x-out"), "1000000");
    }
}

#[tokio::test]
async fn nothing_is_left_for_the_next_call() {
    let bench = Bench::new();
    let text = "count = (count or 0) + 1
        function F(request)
            request.set_header('X-Out', table.concat({ count, tostring(stray), type(string.upper),
                tostring(table.mine), ('x'):upper(), type(pairs), tostring(cjson.mine), tostring(package.loaded.mine),
                tostring(math.pi > 3), tostring(getmetatable('')), tostring(tyk.mine), type(call) }, ' '))
            count, stray = 5, 'yes'
            string.upper, table.mine, cjson.mine, tyk.mine = nil, 1, 1, 1
            package.loaded.mine = 1
            rawset(string, 'format', nil) rawset(_G, 'pairs', nil)
            math.pi = 1
            pcall(function() getmetatable('').__index = {} end)
            pcall(setmetatable, string, { __index = function() return 1 end })
            setmetatable(_G, { __index = function() return 'trap' end })
        end";
    let hook = bench.load(HookKind::Pre, "F", text);
    for _ in 0..3 {
        let left = hook.dispatch(HookKind::Pre, object()).await.unwrap();
        assert_eq!(header(&left, "x-out"), "1 nil function nil X function nil nil true nil nil function");
    }
    for gone in [
        "jit",
        "ffi",
        "debug",
        "io",
        "os.execute",
        "os.getenv",
        "os.exit",
        "os.remove",
        "os.tmpname",
        "package.loadlib",
        "getfenv",
        "setfenv",
        "dofile",
        "loadfile",
        "newproxy",
        "string.dump",
        "package.preload",
    ] {
        assert_eq!(bench.eval(gone).await, "nil", "{gone}");
    }
    assert_eq!(bench.eval("pcall(require, 'ffi')").await, "false");
    assert_eq!(bench.eval("pcall(require, 'jit.util')").await, "false");
    assert_eq!(bench.eval("select(2, loadstring('\\27LJ'))").await, "attempt to load a binary chunk");
    assert_eq!(bench.eval("load('return type(request), stray')()").await, "nil");
    assert_eq!(bench.eval("load(function() return nil end) ~= nil").await, "true");
}

#[tokio::test]
async fn modules_beside_the_script_are_required() {
    let bench = Bench::new();
    std::fs::create_dir(bench.folder.path().join("lib")).unwrap();
    std::fs::write(
        bench.folder.path().join("lib/a.lua"),
        "local M = { n = 0 } loads = (loads or 0) + 1 return M",
    )
    .unwrap();
    let text = "local a = require('lib.a')
        function F(request)
            a.n = a.n + 1
            request.set_header('X-Out', a.n .. ' ' .. loads .. ' ' .. tostring(require 'lib.a' == a))
        end";
    let hook = bench.load(HookKind::Pre, "F", text);
    for _ in 0..2 {
        let left = hook.dispatch(HookKind::Pre, object()).await.unwrap();
        assert_eq!(header(&left, "x-out"), "1 1 true");
    }
    assert_eq!(bench.eval("pcall(require, '../hook')").await, "false");
}

#[tokio::test]
async fn states_of_programs_that_are_gone_are_dropped() {
    let bench = Bench::new();
    for round in 0..20 {
        let text = format!("function F(request) request.set_header('X-Out', {round}) end");
        let hook = bench.load(HookKind::Pre, "F", &text);
        let left = hook.dispatch(HookKind::Pre, object()).await.unwrap();
        assert_eq!(header(&left, "x-out"), round.to_string());
        drop(hook);
        assert!(engine::held() <= 2, "{}", engine::held());
    }
}

#[tokio::test]
async fn cjson_is_cjson() {
    let bench = Bench::new();
    for (expression, expected) in [
        ("cjson.encode({})", "{}"),
        ("cjson.encode({1, 2.5, 'a/b', true, cjson.null})", r#"[1,2.5,"a\/b",true,null]"#),
        ("cjson.encode({a = {b = 'c\\n\\1'}})", r#"{"a":{"b":"c\n\u0001"}}"#),
        ("cjson.encode({[1] = 1, [3] = 3})", "[1,null,3]"),
        ("cjson.encode(setmetatable({}, cjson.array_mt))", "[]"),
        ("cjson.encode(cjson.empty_array)", "[]"),
        ("(function() cjson.encode_empty_table_as_object(false) return cjson.encode({}) end)()", "[]"),
        ("cjson.encode({})", "{}"),
        (
            "cjson.encode(0.1) .. cjson.encode(1e15) .. ' ' .. cjson.encode(123456789012)",
            "0.11e+15 123456789012",
        ),
        ("cjson.encode({[2] = 'x', a = 1}):find('\"2\":\"x\"', 1, true) ~= nil", "true"),
        ("cjson.decode('{\"a\":[1,{\"b\":null}]}').a[2].b == cjson.null", "true"),
        ("cjson.decode('\"\\\\u00e9\"')", "\u{e9}"),
        (
            "select(2, pcall(cjson.encode, print)):match('Cannot serialise function: type not supported')",
            "Cannot serialise function: type not supported",
        ),
        (
            "select(2, require('cjson.safe').encode({[1000] = 1}))",
            "Cannot serialise table: excessively sparse array",
        ),
        (
            "select(2, require('cjson.safe').encode(0/0))",
            "Cannot serialise number: must not be NaN or Infinity",
        ),
        (
            "select(2, require('cjson.safe').decode('{x}'))",
            "Expected value but found invalid token at character 2",
        ),
        (
            "select(2, require('cjson.safe').encode((function() local t = {} t.t = t return t end)()))",
            "Cannot serialise, excessive depth (1001)",
        ),
        ("require('cjson').null == cjson.null", "true"),
    ] {
        let body = format!("request.set_headers['X-Out'] = tostring({expression})");
        let left = bench.pre(&body).await.unwrap_or_else(|failure| panic!("{expression}: {}", failure.error));
        let out = left.request.headers["x-out"].as_bytes();
        assert_eq!(std::str::from_utf8(out).unwrap(), expected, "{expression}");
    }
}

#[test]
fn numbers_are_written_as_lua_writes_them() {
    for (number, text) in [
        (0.0, "0"),
        (-1.5, "-1.5"),
        (1e15, "1e+15"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "1e-07"),
        (123456.789, "123456.789"),
        (1e100, "1e+100"),
        (99_999_999_999_999.0, "99999999999999"),
        (1.0 / 3.0, "0.33333333333333"),
    ] {
        assert_eq!(cjson::number(number), text);
    }
}
