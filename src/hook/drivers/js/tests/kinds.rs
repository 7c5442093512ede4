//! What each kind of hook is given and leaves.

use super::*;

fn run(kind: HookKind, text: &str, object: Object) -> Result<Box<Object>, Failure> {
    dispatch(&*load(Dialect::JavaScript, &source(kind, text)), kind, object)
}

#[test]
fn an_object_for_requests_has_all_members() {
    let text = handler(
        "throw new Error(JSON.stringify(request) + JSON.stringify(session) + JSON.stringify(config));",
    );
    let mut given = object("/a?b=1&b=2");
    given.tls = true;
    let said = reason(pre(Dialect::JavaScript, &text, given).unwrap_err());
    let expected = r#"{"Headers":{"Host":["h.example"]},"SetHeaders":{},"DeleteHeaders":[],"Body":"body","IgnoreBody":false,"URL":"/a?b=1&b=2","Params":{"b":["1","2"]},"AddParams":{},"ExtendedParams":{},"DeleteParams":[],"ReturnOverrides":{"ResponseCode":0,"ResponseError":"","ResponseBody":"","ResponseHeaders":{},"OverrideError":false},"Method":"POST","RequestURI":"/a?b=1&b=2","Scheme":"https"}{}{"OrgID":"org","APIID":"api","config_data":{"tier":"gold"}}"#;
    assert!(said.contains(expected), "{said}");
}

#[test]
fn otto_writes_json_as_go_does() {
    let text =
        handler("request.SetHeaders.x = JSON.stringify({b: '<&>', a: [{d: 1, c: null}], e: undefined});");
    let left = pre(Dialect::Otto, &text, object("/")).unwrap();
    assert_eq!(header(&left, "x"), Some(r#"{"a":[{"c":null,"d":1}],"b":"\u003c\u0026\u003e"}"#));
    let left = pre(Dialect::JavaScript, &text, object("/")).unwrap();
    assert_eq!(header(&left, "x"), Some(r#"{"b":"<&>","a":[{"d":1,"c":null}]}"#));
}

#[test]
fn an_answer_has_one_of_two_manners() {
    for (code, as_it_is, manner) in
        [(200, "false", Manner::Script), (403, "false", Manner::Template), (403, "true", Manner::Script)]
    {
        let text = handler(&format!(
            "request.ReturnOverrides = {{ResponseCode: {code}, ResponseError: 'e', ResponseBody: 'b', \
             ResponseHeaders: {{'X-A': '1'}}, OverrideError: {as_it_is}}};"
        ));
        let answer = pre(Dialect::Otto, &text, object("/")).unwrap().answer.unwrap();
        assert_eq!((answer.status.as_u16(), answer.manner), (code, manner));
        assert_eq!((&*answer.body, &answer.headers["x-a"]), (b"e".as_slice(), &"1".parse().unwrap()));
    }
}

#[test]
fn a_redirect_to_an_api_of_the_gateway_is_taken() {
    let text = handler(
        "request.ReturnOverrides.ResponseCode = 302; request.ReturnOverrides.ResponseHeaders.Location = 'tyk://b/x';",
    );
    let left = pre(Dialect::Otto, &text, object("/")).unwrap();
    assert!(left.answer.is_none());
    assert_eq!(left.url.to_string(), "tyk://b/x");
}

#[test]
fn a_request_can_be_sent_elsewhere() {
    let left = pre(Dialect::Otto, &handler("request.SetTarget('http://a:1');"), object("/")).unwrap();
    assert_eq!(left.target.as_deref(), Some("http://a:1"));
    let left = pre(Dialect::Otto, &handler("request.URL = '/other?x=1';"), object("/a?b=1")).unwrap();
    assert_eq!(left.url.request_uri(), "/other?x=1");
}

#[test]
fn a_session_is_seen_only_where_it_is_asked_for_and_its_metadata_replaced() {
    let text = handler("log(session.alias); return {Request: request, SessionMeta: {n: '2'}};");
    let state = SessionState {
        alias: "al".into(),
        meta_data: serde_json::from_str(r#"{"n":"1"}"#).unwrap(),
        ..SessionState::default()
    };
    let mut wanted = source(HookKind::Post, &text);
    for (wants, kind, n) in
        [(false, HookKind::Post, "1"), (true, HookKind::Post, "2"), (true, HookKind::Pre, "1")]
    {
        wanted.wants_session = wants;
        let mut given = object("/");
        given.state = Some(Arc::new(state.clone()));
        let left = dispatch(&*load(Dialect::Otto, &wanted), kind, given).unwrap();
        assert_eq!(left.state.unwrap().meta_data["n"], n, "{wants} {kind}");
    }
    wanted.code = Code::Text(handler("if (session !== null) { throw 1; }").into());
    assert!(dispatch(&*load(Dialect::Otto, &wanted), HookKind::Post, object("/")).is_ok());
}

#[test]
fn metadata_of_request_hooks_is_of_texts() {
    let text = handler("return {Request: request, SessionMeta: {n: 2}};");
    let said = reason(pre(Dialect::Otto, &text, object("/")).unwrap_err());
    assert!(said.contains("n is int, not a text"), "{said}");
}

#[test]
fn an_auth_script_says_who_calls() {
    let text = handler("return {Request: request, Session: {alias: 'a', rate: 5}, AuthValue: 'key'};");
    let left = run(HookKind::Auth, &text, object("/")).unwrap();
    let state = left.state.unwrap();
    assert_eq!((&*state.alias, state.rate, &*left.metadata["token"]), ("a", 5.0, "key"));
    let left = run(HookKind::Auth, &handler(""), object("/")).unwrap();
    assert!(left.state.is_none() && left.metadata.is_empty());
    let text = handler("return m.ReturnAuthData(request, {rate: 'x'});");
    assert!(reason(run(HookKind::Auth, &text, object("/")).unwrap_err()).contains("Session"));
}

#[test]
fn a_response_is_edited() {
    let text = "var m = new TykJS.TykMiddleware.NewMiddleware({});
        m.NewProcessResponse(function (response, request, session, config) {
            response.SetHeaders['X-New'] = response.Headers['X-Old'][0] + request.Body + config.APIID;
            response.DeleteHeaders.push('x-old');
            response.Body += '!';
            response.StatusCode = 410;
            return m.ReturnResponseData(response, session.meta_data);
        });";
    let mut given = object("/");
    given.body = None;
    let mut head = ResponseHeader::build(404, None).unwrap();
    head.insert_header("X-Old", "1").unwrap();
    given.response = Some(Box::new(ResponsePart { head, body: Some("up".into()) }));
    let part = run(HookKind::Response, text, given).unwrap().response.unwrap();
    assert_eq!((part.head.status.as_u16(), part.body.as_deref()), (410, Some(b"up!".as_slice())));
    assert_eq!(part.head.headers["x-new"], "1api");
    assert!(!part.head.headers.contains_key("x-old"));
}

#[test]
fn a_virtual_endpoint_answers() {
    let text = "function m(request, session, config) {
        return TykJsResponse({Body: request.Params.a.join() + request.Body + (request.Headers.Host || '-'),
            Headers: {'X-A': '1'}, Code: 201}, {n: [1]});
    }";
    let mut given = object("/?a=1");
    given.request.insert_header("Content-Type", "application/x-www-form-urlencoded").unwrap();
    given.body = Some("a=2".into());
    given.state = Some(Arc::new(SessionState::default()));
    let mut wanted = source(HookKind::Virtual, text);
    wanted.wants_session = true;
    let left = dispatch(&*load(Dialect::Otto, &wanted), HookKind::Virtual, given).unwrap();
    let answer = left.answer.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.body), (201, b"2,1a=2-".as_slice()));
    assert_eq!((answer.manner, &answer.headers["x-a"]), (Manner::Script, &"1".parse().unwrap()));
    assert_eq!(left.state.unwrap().meta_data["n"], serde_json::json!([1]));
    for text in ["function m() { return 1; }", "function m() { return TykJsResponse({Body: 'b'}, {}); }"] {
        assert!(run(HookKind::Virtual, text, object("/")).is_err(), "{text}");
    }
}

#[test]
fn a_promise_is_waited_for() {
    let text = handler(
        "return Promise.resolve(1).then(async function () { await null;\n\
        request.SetHeaders.x = 'later'; return m.ReturnData(request, {}); });",
    );
    assert_eq!(header(&pre(Dialect::JavaScript, &text, object("/")).unwrap(), "x"), Some("later"));
    let said = reason(
        pre(Dialect::JavaScript, &handler("return new Promise(function () {});"), object("/")).unwrap_err(),
    );
    assert!(said.contains("never settled"), "{said}");
}

#[test]
fn an_event_reaches_its_handler() {
    let text = "var m = new TykJS.TykEventHandlers.NewEventHandler();
        m.NewHandler(function (event, context) {
            if (event.Type !== 'X' || context.APIID !== 'api' || context.OrgID !== 'org') { throw event; }
        });";
    let mut given = object("/");
    given.event = Some(r#"{"Type":"X"}"#.into());
    assert!(run(HookKind::Event, text, given).is_ok());
    let mut given = object("/");
    given.event = Some(r#"{"Type":"Y"}"#.into());
    assert!(run(HookKind::Event, text, given).is_err());
}

#[test]
fn a_record_is_edited() {
    let record = || {
        let fields = [
            ("path", Value::Text("/p".into())),
            ("response_code", Value::Number(200)),
            ("timestamp", Value::Time(i64::MAX)),
            ("tags", Value::Texts(vec!["a".into()])),
        ];
        let mut given = object("/");
        given.record = Some(Box::new(RecordPart::new(fields)));
        given
    };
    let text = "function m(record) { record.path = '/masked'; record.tags.push('b'); }";
    let left = run(HookKind::Analytics, text, record()).unwrap().record.unwrap();
    let edited: Vec<_> = left.into_edited().collect();
    let tags = Value::Texts(vec!["a".into(), "b".into()]);
    assert_eq!(edited, [("path", Value::Text("/masked".into())), ("tags", tags)]);
    for text in ["function m(r) { r.nothing = 1 }", "function m(r) { r.response_code = 'x' }"] {
        assert!(run(HookKind::Analytics, text, record()).is_err(), "{text}");
    }
}

#[test]
fn helpers_are_those_of_tyk() {
    let text = handler(
        "request.SetHeaders.x = [b64enc('a?b>c'), b64dec('aGVsbG8='), b64dec('aGVsbG8'), rawb64enc('a'), \
         rawb64dec('YQ'), String(b64dec('*'))].join();",
    );
    let left = pre(Dialect::Otto, &text, object("/")).unwrap();
    assert_eq!(header(&left, "x"), Some("YT9iPmM=,hello,hello,YQ,a,undefined"));
}
