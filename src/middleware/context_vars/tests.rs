use serde_json::json;

use crate::middleware::tests::Bench;

/// What `$tyk_context.NAME` prints for a request.
async fn value(name: &str, target: &str, headers: &str) -> String {
    let version = json!({ "global_headers": { "X-Out": format!("[$tyk_context.{name}]") } });
    let bench = Bench::new(version, json!({ "enable_context_vars": true }));
    let (request, _) = bench.get(target, headers).await;
    request.header("x-out").concat().trim_matches(['[', ']']).to_owned()
}

#[tokio::test]
async fn variables_have_the_values_of_the_reference() {
    let headers = "X-Request-Id: 7\r\nX-Request-Id: 8\r\nCookie: a-b=1; q=\"two\"\r\nCookie: a-b=3\r\n\
                   X-Real-IP: 7.7.7.7\r\nUser-Agent: u/1\r\n";
    for (name, expected) in [
        ("path", "/app/a b"),
        ("path_parts", "app,a b"),
        ("remote_addr", "7.7.7.7"),
        ("headers_X_Request_Id", "7"),
        ("headers_User_Agent", "u/1"),
        ("headers_x_request_id", ""),
        ("headers_Host", "h"),
        ("headers", ""),
        ("cookies_a_b", "3"),
        ("cookies_q", "two"),
        ("cookies_none", ""),
        ("request_data_k_1", "v 1"),
        ("request_data", "k-1:v 1,v2;z:"),
        ("unknown", ""),
    ] {
        assert_eq!(value(name, "/app/a%20b?k-1=v+1&z=&k-1=v2", headers).await, expected, "{name}");
    }
}

#[tokio::test]
async fn each_request_has_an_id_of_its_own() {
    let (one, two) = (value("request_id", "/app/", "").await, value("request_id", "/app/", "").await);
    assert_ne!(one, two);
    assert_eq!(uuid::Uuid::parse_str(&one).unwrap().to_string(), one);
}

#[tokio::test]
async fn what_is_read_but_not_there_is_named() {
    let version =
        json!({ "global_headers": { "X-Out": "[$tyk_context.jwt_claims_sub$tyk_context.request_data]" } });
    let bench = Bench::new(version.clone(), json!({ "enable_context_vars": true }));
    assert!(bench.problem_at("enable_context_vars").contains("jwt_claims_sub"));
    let bench = Bench::new(version, json!({}));
    assert!(bench.problem_at("enable_context_vars").contains("is off"));
    assert_eq!(bench.chain.request_steps().collect::<Vec<_>>(), ["transform_headers"]);
    assert_eq!(bench.get("/app/x?a=b", "").await.0.header("x-out"), ["[]"]);
}

#[tokio::test]
async fn a_form_body_comes_before_the_query() {
    let version = json!({ "global_headers": {
        "X-Out": "[$tyk_context.request_data_a|$tyk_context.request_data_q|$tyk_context.request_data]" } });
    let bench = Bench::new(version, json!({ "enable_context_vars": true }));
    for (method, kind, expected) in [
        ("POST", "application/x-www-form-urlencoded; charset=utf-8", "[1 2|3|a:1 2,4;b:;q:3]"),
        ("DELETE", "application/x-www-form-urlencoded", "[4|3|q:3;a:4]"),
        ("POST", "text/plain", "[4|3|q:3;a:4]"),
    ] {
        let raw = format!(
            "{method} /app/x?q=3&a=4 HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: 8\r\n\r\na=1+2&b="
        );
        let (request, _) = bench.send(&raw).await;
        assert_eq!(request.header("x-out"), [expected], "{method} {kind}");
    }
}
