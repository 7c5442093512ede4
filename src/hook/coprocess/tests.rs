use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use pingora_http::{RequestHeader, ResponseHeader};
use serde_json::json;

use super::*;
use crate::{
    hook::{self, Manner, Parked, ResponsePart},
    url::Url,
};

fn object(target: &str) -> hook::Object {
    let mut object = hook::Object::without_request(Arc::new(Spec {
        api_id: "a1".into(),
        org_id: "o1".into(),
        config_data: r#"{"tier":"gold"}"#.into(),
        ..Spec::default()
    }));
    object.request = RequestHeader::build("GET", target.as_bytes(), None).unwrap();
    for (name, value) in [("host", "gw.local:80"), ("accept", "*/*"), ("x-two", "1"), ("x-two", "2")] {
        object.request.append_header(name, value).unwrap();
    }
    object.url = Url::from_target(target.as_bytes()).unwrap();
    object
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What an edit of the request makes of an object.
fn edit(object: &mut hook::Object, edit: impl FnOnce(&mut Request)) -> Result<(), String> {
    let mut sent = Object::of(HookKind::Pre, "F", object, Terms::default());
    edit(&mut sent.request);
    sent.apply(HookKind::Pre, object, Terms::default())
}

#[test]
fn a_pre_hook_is_given_what_tyk_gives() {
    let mut object = object("/shop/items?id=7&id=8&b=%20x");
    object.state = Some(Arc::default());
    let sent = Object::of(HookKind::Pre, "AddTrace", &object, Terms::default());
    assert_eq!(
        serde_json::to_value(&sent).unwrap(),
        json!({
            "hook_type": 1, "hook_name": "AddTrace",
            "request": {
                "headers": { "Host": "gw.local:80", "Accept": "*/*", "X-Two": "1" },
                "url": "/shop/items?id=7&id=8&b=%20x", "params": { "id": "7", "b": " x" },
                "method": "GET", "request_uri": "/shop/items?id=7&id=8&b=%20x", "scheme": "http",
                "return_overrides": { "response_code": -1 },
            },
            "spec": {
                "OrgID": "o1", "APIID": "a1", "bundle_hash": "d41d8cd98f00b204e9800998ecf8427e",
                "config_data": "{\"tier\":\"gold\"}",
            },
        })
    );
    let back: Object = serde_json::from_value(serde_json::to_value(&sent).unwrap()).unwrap();
    assert_eq!(back, sent);
    object.spec = Arc::new(Spec { config_data_disabled: true, ..Spec::default() });
    assert!(!spec(&object.spec).contains_key("config_data"));
}

#[test]
fn who_calls_is_told_by_kind() {
    let mut object = object("/");
    let state = r#"{"rate":7,"meta_data":{"m":"1","n":2},"enable_detail_recording":true,"certificate":"c"}"#;
    object.state = Some(Arc::new(serde_json::from_str(state).unwrap()));
    for (kind, told) in [
        (HookKind::Pre, false),
        (HookKind::Auth, false),
        (HookKind::PostKeyAuth, true),
        (HookKind::Post, true),
        (HookKind::Response, true),
    ] {
        let sent = Object::of(kind, "F", &object, Terms::default());
        assert_eq!((sent.session.is_some(), sent.metadata.is_empty()), (told, !told), "{kind}");
    }
    let sent = Object::of(HookKind::Post, "F", &object, Terms::default());
    let session = sent.session.unwrap();
    assert_eq!((session.rate, session.enable_detailed_recording, &*session.certificate), (7.0, true, ""));
    assert_eq!((&sent.metadata, &session.metadata), (&texts(&[("m", "1"), ("n", "2")]), &sent.metadata));
    object.state = None;
    assert_eq!(Object::of(HookKind::Post, "F", &object, Terms::default()).session, None);
    assert_eq!(Object::of(HookKind::Response, "F", &object, Terms::default()).session, Some(Box::default()));
}

#[test]
fn bodies_are_text_only_where_they_are_and_may_be() {
    let mut object = object("/");
    for (body, only, text) in
        [(&b"abc"[..], false, "abc"), (b"abc", true, ""), (b"\xff\0", false, ""), (b"", false, "")]
    {
        object.body = Some(Bytes::copy_from_slice(body));
        let terms = Terms { raw_body_only: only, ..Terms::default() };
        let sent = Object::of(HookKind::Pre, "F", &object, terms);
        assert_eq!((&*sent.request.raw_body, &*sent.request.body), (body, text));
        let back: Object = serde_json::from_str(&serde_json::to_string(&sent).unwrap()).unwrap();
        assert_eq!(back.request.raw_body, body);
    }
}

#[test]
fn the_raw_body_counts_and_an_unchanged_one_is_not_copied() {
    let mut object = object("/");
    object.body = Some(Bytes::from_static(b"abc"));
    edit(&mut object, |request| request.body = "ignored".to_owned()).unwrap();
    assert_eq!(object.body.as_ref().unwrap().as_ptr(), b"abc".as_ptr());
    edit(&mut object, |request| request.raw_body = Bytes::new()).unwrap();
    assert_eq!(object.body, Some(Bytes::new()), "an empty one clears it");
    object.body = None;
    edit(&mut object, |_| {}).unwrap();
    assert_eq!(object.body, None);
}

#[test]
fn headers_go_before_they_are_set() {
    let mut it = object("/");
    edit(&mut it, |request| {
        request.delete_headers =
            vec!["X-Two".to_owned(), "accept".to_owned(), "no name".to_owned(), "host".to_owned()];
        request.set_headers = texts(&[("x-two", "3"), ("Host", "evil"), ("content-length", "9")]);
    })
    .unwrap();
    let mut wire = Vec::new();
    it.request.header_to_h1_wire(&mut wire);
    assert_eq!(String::from_utf8(wire).unwrap(), "host: gw.local:80\r\nX-Two: 3\r\n");
    for (name, value) in [("a b", "x"), ("", "x"), ("x", "a\nb")] {
        let failed = edit(&mut it, |request| request.set_headers = texts(&[(name, value)]));
        assert!(failed.unwrap_err().contains("header"), "{name:?} {value:?}");
    }
    let as_written = Terms { names_as_written: true, ..Terms::default() };
    let mut sent = Object::of(HookKind::Pre, "F", &it, as_written);
    sent.request.set_headers = texts(&[("x-odd", "1")]);
    sent.apply(HookKind::Pre, &mut it, as_written).unwrap();
    let mut wire = Vec::new();
    it.request.header_to_h1_wire(&mut wire);
    assert!(String::from_utf8(wire).unwrap().contains("x-odd: 1"));
}

#[test]
fn parameters_are_edited_and_a_query_in_the_url_is_undone() {
    /// URL before, URL left, deleted, added, URL after.
    type Case<'a> = (&'a str, &'a str, &'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 7] = [
        ("/a?z=1&b=2", "/a?z=1&b=2", &[], &[], "/a?z=1&b=2"),
        ("/a?z=1&b=2", "/a?z=1&b=2", &["b"], &[], "/a?z=1"),
        ("/a?z=1&b=2", "/a?z=1&b=2", &[], &[("b", "x y"), ("a", "&")], "/a?a=%26&b=x+y&z=1"),
        ("/a?z=1&z=2&b=2", "/c?q=9", &[], &[], "/c?b=2&z=1&z=2"),
        ("/a?b=2&z=1", "/c?z=1&b=2", &[], &[], "/c?z=1&b=2"),
        ("/a", "http://elsewhere/c%20d", &[], &[], "/c%20d"),
        ("/a?x=1", "/a", &["x"], &[], "/a"),
    ];
    for (from, url, delete, add, to) in cases {
        let mut object = object(from);
        edit(&mut object, |request| {
            url.clone_into(&mut request.url);
            request.delete_params = delete.iter().map(|name| (*name).to_owned()).collect();
            request.add_params = texts(add);
        })
        .unwrap();
        assert_eq!(object.url.to_string(), to, "{from} {url} {delete:?} {add:?}");
    }
}

#[test]
fn a_url_or_method_that_cannot_be_used_fails() {
    for url in ["", "relative", "/a b%", "/\n", "?x=1"] {
        let failed = edit(&mut object("/"), |request| url.clone_into(&mut request.url));
        assert!(failed.unwrap_err().contains("url"), "{url:?}");
    }
    for method in ["A B", "\n"] {
        let failed = edit(&mut object("/"), |request| method.clone_into(&mut request.method));
        assert!(failed.unwrap_err().contains("method"), "{method:?}");
    }
    let mut object = object("/");
    edit(&mut object, |request| "PUT".clone_into(&mut request.method)).unwrap();
    assert_eq!(object.request.method, Method::PUT);
    edit(&mut object, |request| request.method.clear()).unwrap();
    assert_eq!(object.request.method, Method::GET);
}

#[test]
fn the_target_stays_what_the_client_wrote_while_hooks_move_the_url() {
    let mut object = object("/a|b?x=1");
    edit(&mut object, |request| {
        assert_eq!((&*request.url, &*request.request_uri), ("/a%7Cb?x=1", "/a|b?x=1"));
        "/moved?x=1".clone_into(&mut request.url);
    })
    .unwrap();
    let again = Object::of(HookKind::Pre, "F", &object, Terms::default());
    assert_eq!((&*again.request.url, &*again.request.request_uri), ("/moved?x=1", "/a|b?x=1"));
}

#[test]
fn what_is_parked_is_seen_and_edited_in_the_requests_place() {
    let mut object = object("/from?x=1");
    object.parked = Some(Box::new(Parked {
        url: Some(Url::parse("http://other:9/to?y=2").unwrap()),
        method: Some(Method::DELETE),
    }));
    let sent = Object::of(HookKind::Post, "F", &object, Terms::default());
    assert_eq!((&*sent.request.url, &*sent.request.method), ("http://other:9/to?y=2", "DELETE"));
    edit(&mut object, |request| {
        "tyk://api/new?y=3".clone_into(&mut request.url);
        "PUT".clone_into(&mut request.method);
        request.add_params = texts(&[("z", "1")]);
    })
    .unwrap();
    let parked = object.parked.take().unwrap();
    assert_eq!(parked.url.unwrap().to_string(), "tyk://api/new?y=3");
    assert_eq!((parked.method, &object.request.method), (Some(Method::PUT), &Method::GET));
    assert_eq!(object.url.to_string(), "/from?x=1&z=1");
}

#[test]
fn answers_are_refusals_unless_they_say_otherwise() {
    for (code, error, body, overrides, expected) in [
        (-1, "e", "b", true, None),
        (0, "e", "b", true, None),
        (200, "", "b", false, Some(("b", Manner::AsIs))),
        (302, "e", "b", false, Some(("e", Manner::AsIs))),
        (403, "", "", false, Some(("Key not authorised", Manner::Template))),
        (500, "e", "b", false, Some(("e", Manner::Template))),
        (500, "", "", true, Some(("", Manner::AsIs))),
    ] {
        let overrides = ReturnOverrides {
            response_code: code,
            response_error: error.to_owned(),
            response_body: body.to_owned(),
            override_error: overrides,
            headers: texts(&[("x-a", "1")]),
        };
        let answer = overrides.answer().unwrap();
        let seen = answer.as_ref().map(|answer| (std::str::from_utf8(&answer.body).unwrap(), answer.manner));
        assert_eq!(seen, expected, "{code}");
        assert!(
            answer.is_none_or(|answer| answer.headers["x-a"] == "1" && answer.status.as_u16() == code as u16)
        );
    }
    for code in [1, 99, 101, 1000, i32::MAX] {
        let overrides = ReturnOverrides { response_code: code, ..ReturnOverrides::default() };
        assert!(overrides.answer().unwrap_err().contains("status"), "{code}");
    }
}

fn response() -> ResponsePart {
    let mut head = ResponseHeader::build(200, None).unwrap();
    for (name, value) in [("set-cookie", "a"), ("set-cookie", "b"), ("etag", "1")] {
        head.append_header(name, value).unwrap();
    }
    ResponsePart { head, body: Some(Bytes::from_static(b"body")) }
}

/// The headers of a response after an edit.
fn answered(edit: impl FnOnce(&mut Response)) -> Result<(Vec<String>, u16, Bytes), String> {
    let mut part = response();
    let mut sent = Response::of(&part, Terms::default());
    edit(&mut sent);
    sent.apply(&mut part, Terms::default())?;
    let mut headers: Vec<String> =
        part.head.headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
    headers.sort();
    Ok((headers, part.head.status.as_u16(), part.body.unwrap()))
}

#[test]
fn a_response_is_rebuilt_from_the_list_or_by_the_first_values() {
    let all = ["etag=1", "set-cookie=a", "set-cookie=b"];
    assert_eq!(answered(|_| {}).unwrap(), (all.map(str::to_owned).to_vec(), 200, "body".into()));
    let (headers, ..) = answered(|response| {
        response.multivalue_headers.retain(|header| header.key != "Etag");
        response
            .multivalue_headers
            .push(Header { key: "X-N".to_owned(), values: vec!["1".into(), "2".into()] });
    })
    .unwrap();
    assert_eq!(headers, ["set-cookie=a", "set-cookie=b", "x-n=1", "x-n=2"]);
    let (headers, ..) = answered(|response| {
        response.headers.insert("Set-Cookie".into(), "c".into());
        response.headers.insert("X-N".into(), "1".into());
        response.headers.remove("Etag");
    })
    .unwrap();
    assert_eq!(headers, ["set-cookie=b", "set-cookie=c", "x-n=1"]);
}

#[test]
fn status_and_body_of_a_response() {
    let (_, status, body) = answered(|response| {
        response.status_code = 404;
        response.raw_body = Bytes::from_static(b"\xff");
    })
    .unwrap();
    assert_eq!((status, &*body), (404, &b"\xff"[..]));
    assert_eq!(answered(|response| response.status_code = 0).unwrap().1, 200, "0 leaves it");
    for code in [-1, 7, 100, 1000] {
        assert!(answered(|response| response.status_code = code).unwrap_err().contains("status"));
    }
    let missing = Object::default().apply(
        HookKind::Response,
        &mut hook::Object { response: Some(Box::new(response())), ..object("/") },
        Terms::default(),
    );
    assert!(missing.unwrap_err().contains("no response"));
}

#[test]
fn only_an_auth_hook_leaves_a_session() {
    for (kind, counts) in [(HookKind::Auth, true), (HookKind::PostKeyAuth, false), (HookKind::Post, false)] {
        let mut object = object("/");
        let mut sent = Object::of(kind, "F", &object, Terms::default());
        sent.session = Some(Box::new(Session {
            rate: 5.0,
            hmac_secret: "s".into(),
            metadata: texts(&[("tier", "gold")]),
            max_query_depth: 3,
            ..Session::default()
        }));
        sent.metadata = texts(&[("token", "t")]);
        sent.apply(kind, &mut object, Terms::default()).unwrap();
        assert_eq!(object.metadata.get("token").map(String::as_str), counts.then_some("t"), "{kind}");
        let state = object.state.as_deref();
        assert_eq!(
            state.map(|state| (
                state.rate,
                &*state.hmac_string,
                state.max_query_depth,
                state.meta_data["tier"].clone()
            )),
            counts.then_some((5.0, "s", 3, json!("gold")))
        );
    }
}

#[test]
fn a_session_survives_the_way_there_and_back() {
    let text = r#"{"last_check":1,"allowance":2.5,"rate":3,"per":4,"expires":5,"quota_max":6,"quota_renews":7,
        "quota_remaining":8,"quota_renewal_rate":9,"access_rights":{"a":{"api_name":"n","api_id":"a","versions":["v"],
        "allowed_urls":[{"url":"/x","methods":["GET"]}]}},"org_id":"o","oauth_client_id":"c","oauth_keys":{"k":"v"},
        "basic_auth_data":{"password":"p","hash_type":"bcrypt"},"jwt_data":{"secret":"j"},"hmac_enabled":true,
        "hmac_string":"h","is_inactive":true,"apply_policy_id":"p","data_expires":20,"monitor":{"trigger_limits":[50]},
        "enable_detailed_recording":true,"meta_data":{"m":"1"},"tags":["t"],"alias":"al","last_updated":"26",
        "id_extractor_deadline":27,"session_lifetime":28,"apply_policies":["x"],"post_expiry_action":"retain",
        "post_expiry_grace_period":34}"#;
    let state: SessionState = serde_json::from_str(text).unwrap();
    assert_eq!(SessionState::from(Session::of(&state, Some("k"))), state);
    let written = serde_json::to_value(Session::of(&state, Some("k"))).unwrap();
    assert_eq!(written.as_object().unwrap().len(), 32, "all but certificate and query depth: {written}");
}
