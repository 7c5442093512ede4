//! `POST /tyk/plugins/test`.

use serde_json::{Value, json};

use crate::support::{client::Response, gateway::Gateway};

async fn gateway() -> Gateway {
    let configured = Gateway::build().config(|config| {
        config.enable_jsvm = true;
        config.jsvm_timeout = 1;
    });
    configured.start().await
}

async fn try_out(gateway: &Gateway, wish: impl ToString) -> Response {
    gateway.control("POST", "/tyk/plugins/test").body(wish.to_string()).send().await
}

fn wish(kind: &str, code: &str) -> Value {
    json!({ "code": code, "hook_type": kind, "org_id": "o", "api_id": "a" })
}

const EDIT: &str = r#"
    var m = new TykJS.TykMiddleware.NewMiddleware({});
    m.NewProcessRequest(function (request, session, config) {
        log("hello " + config.config_data.who);
        request.SetHeaders["X-New"] = "1";
        request.DeleteHeaders.push("X-Old");
        request.AddParams["b"] = "2";
        request.DeleteParams.push("a");
        request.Body = "new " + request.Body;
        if (request.Headers["X-Deny"]) {
            request.ReturnOverrides.ResponseCode = 418;
            request.ReturnOverrides.ResponseBody = "no";
        }
        return m.ReturnData(request, {});
    });"#;

#[cfg(feature = "js")]
#[tokio::test]
async fn a_script_shows_what_it_does_to_a_request() {
    let gateway = gateway().await;
    let mut asked = wish("pre", EDIT);
    asked["config_data"] = json!({ "who": "you" });
    asked["request"] =
        json!({ "Method": "POST", "URL": "/x?a=1", "Headers": { "X-Old": ["0"] }, "Body": "body" });
    let answer = try_out(&gateway, &asked).await;
    let got = answer.json();
    assert_eq!((answer.status, &got["error"]), (200, &Value::Null), "{got}");
    let after = &got["request_after"];
    assert_eq!(after["SetHeaders"], json!({ "X-New": "1" }));
    assert_eq!(after["DeleteHeaders"], json!(["X-Old"]));
    assert_eq!((&after["AddParams"], &after["DeleteParams"]), (&json!({ "b": "2" }), &json!(["a"])));
    assert_eq!((&after["Body"], &after["ReturnOverrides"]["ResponseCode"]), (&json!("new body"), &json!(0)));
    assert_eq!(got["request_before"]["Headers"], json!({ "X-Old": ["0"] }));
    assert_eq!((&got["logs"][0]["level"], &got["logs"][0]["message"]), (&json!("info"), &json!("hello you")));
    assert!(got["execution_ms"].is_number() && got["logs"][0]["time"].is_string(), "{got}");

    asked["request"]["Headers"]["X-Deny"] = json!("1");
    let overrides = try_out(&gateway, &asked).await.json()["request_after"]["ReturnOverrides"].take();
    assert_eq!((&overrides["ResponseCode"], &overrides["ResponseBody"]), (&json!(418), &json!("no")));
}

#[cfg(feature = "js")]
#[tokio::test]
async fn a_script_that_fails_says_how() {
    let gateway = gateway().await;
    let made = "var m = new TykJS.TykMiddleware.NewMiddleware({});";
    for (code, kind) in [
        (format!("{made} function ("), "syntax"),
        (format!("{made} m.NewProcessRequest(function () {{ throw new Error('x'); }});"), "runtime"),
        (format!("{made} m.NewProcessRequest(function () {{ while (true) {{}} }});"), "timeout"),
        ("var nothing = 1;".to_owned(), "runtime"),
    ] {
        let got = try_out(&gateway, wish("pre", &code)).await.json();
        assert_eq!(got["error"]["type"], kind, "{code}: {got}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let gateway = gateway().await;
    let kinds = "invalid hook_type: must be one of pre, post, post_key_auth, auth_check, response";
    for (asked, said) in [
        (json!({}), "code is required"),
        (json!({ "code": "x", "hook_type": "what" }), kinds),
        (json!({ "code": "x", "hook_type": "pre" }), "org_id is required"),
        (wish("response", "x"), "response is required for response hooks"),
    ] {
        let answer = try_out(&gateway, &asked).await;
        assert_eq!((answer.status, answer.json()), (400, json!({ "error": said })));
    }
    let answer = try_out(&gateway, "[").await;
    assert!(answer.json()["error"].as_str().unwrap().starts_with("invalid request body: "));
    let unknown = gateway.request("POST", "/tyk/plugins/test").body("{}").send().await;
    assert_eq!(unknown.status, 403);
}
