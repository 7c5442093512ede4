//! The examples in `plugins/examples/js`, each in a whole gateway.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::Gateway,
    upstream::{Answer, Seen, Upstream},
};

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("plugins/examples/js").join(name)
}

fn with(id: &str, upstream: &Upstream, list: &str, function: &str, file: &str) -> Definition {
    let entry = json!({ "name": function, "path": example(file), "require_session": true });
    api(id).target(upstream).set("custom_middleware.driver", "otto").entry(list, entry)
}

async fn gateway(definitions: impl IntoIterator<Item = Definition>) -> Gateway {
    let mut builder = Gateway::build().config(|config| config.enable_jsvm = true);
    for definition in definitions {
        builder = builder.api(definition);
    }
    builder.start().await
}

async fn get(gateway: &Gateway, target: &str, headers: &[(&str, &str)]) -> Response {
    let request = gateway.get(target);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send().await
}

/// An upstream that answers this JSON.
async fn json_upstream(body: Value) -> Upstream {
    let text = body.to_string();
    Upstream::answering(Answer::By(std::sync::Arc::new(move |_: &Seen| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length";
        format!("{head}: {}\r\n\r\n{text}", text.len()).into_bytes()
    })))
    .await
}

#[tokio::test]
async fn requests_are_edited_and_moved() {
    let (up, blue) = (Upstream::named("up").await, Upstream::named("blue").await);
    let service = Upstream::named(&blue.url()).await;
    let sticky = json!({ "sticky": { "table": { "blue": blue.url() } } });
    let asked = json!({ "sticky_service": { "url": service.url(), "timeout": 2000 } });
    let gateway = gateway([
        with("add", &up, "pre", "addHeader", "add_header.js"),
        with("sticky", &up, "pre", "sticky", "sticky.js").set("config_data", sticky),
        with("asked", &up, "pre", "stickyService", "sticky_service.js").set("config_data", asked),
        with("rewrite", &up, "post", "rewrite", "rewrite.js"),
    ])
    .await;
    get(&gateway, "/add/x", &[]).await;
    assert_eq!(up.last().header("Foo").as_deref(), Some("Bar"));
    for (headers, expected) in [
        (&[("X-Sticky", "blue")][..], "blue"),
        (&[("Cookie", "a=b; sticky=blue")][..], "blue"),
        (&[("X-Sticky", "red")][..], "up"),
        (&[][..], "up"),
    ] {
        assert_eq!(get(&gateway, "/sticky/x", headers).await.text(), expected, "{headers:?}");
    }
    assert_eq!(get(&gateway, "/asked/x", &[("X-User", "ann")]).await.text(), "blue");
    assert_eq!(service.last().target, "/?key=ann");
    assert_eq!(get(&gateway, "/asked/x", &[]).await.text(), "up");
    let body = gateway.request("POST", "/rewrite/x?page=3&a=1").header("Content-Type", "application/json");
    body.body(r#"{"n":1}"#).send().await;
    assert_eq!(
        (up.last().target.as_str(), &*up.last().body),
        ("/x?a=1&offset=40", &br#"{"n":1,"via":"rewrite"}"#[..])
    );
}

#[tokio::test]
async fn callers_are_recognised_and_answers_given() {
    let up = Upstream::named("up").await;
    let tokens =
        json!({ "tokens": { "s3cret": { "alias": "alice", "rate": 100, "per": 1, "quota_max": -1 } } });
    let entry = json!({ "name": "checkToken", "path": example("check_token.js") });
    let closed = json!({ "maintenance": { "on": true, "retry_after": 120, "message": "Back at noon." } });
    let gateway = gateway([
        with("guarded", &up, "post_key_auth", "tagPartner", "tag_partner.js")
            .set("use_keyless", false)
            .set("custom_plugin_auth_enabled", true)
            .set("custom_middleware.auth_check", entry)
            .set("config_data", tokens),
        with("closed", &up, "pre", "maintenance", "maintenance.js").set("config_data", closed),
    ])
    .await;
    assert_eq!(get(&gateway, "/guarded/x", &[]).await.error(), (401, "X-Token is missing".to_owned()));
    assert_eq!(get(&gateway, "/guarded/x", &[("X-Token", "toString")]).await.status, 403);
    assert_eq!(up.count(), 0);
    assert_eq!(get(&gateway, "/guarded/x", &[("X-Token", "s3cret")]).await.status, 200);
    let seen = up.last();
    let got = (seen.header("X-Partner"), seen.header("X-Partner-Requests"));
    assert_eq!(got, (Some("alice".to_owned()), Some("1".to_owned())));
    let answer = get(&gateway, "/closed/x", &[]).await;
    let got = (answer.status, answer.header("Retry-After"), answer.text());
    assert_eq!(got, (503, Some("120"), "Back at noon.\n".to_owned()));
}

#[tokio::test]
async fn answers_are_masked_and_joined() {
    let card =
        json_upstream(json!({ "card": "4111111111111111", "deep": [{ "card": 12345678 }], "name": "Ann" }))
            .await;
    let (orders, stock) = (json_upstream(json!([1, 2])).await, json_upstream(json!({ "left": 7 })).await);
    let mask = json!({ "mask_json": { "fields": ["card"], "keep_last": 4 } });
    let parts = json!({ "dashboard": { "orders": "tyk://orders/", "stock": "tyk://stock/" } });
    let page = json!([{ "path": "/dashboard", "method": "GET", "response_function_name": "dashboard",
        "function_source_type": "file", "function_source_uri": example("dashboard.js") }]);
    let gateway = gateway([
        with("mask", &card, "response", "maskJson", "mask_json.js").set("config_data", mask),
        api("orders").target(&orders).set("internal", true),
        api("stock").target(&stock).set("internal", true),
        api("page").target(&card).endpoints("virtual", page).set("config_data", parts),
    ])
    .await;
    let masked = get(&gateway, "/mask/x", &[]).await.json();
    assert_eq!(
        masked,
        json!({ "card": "************1111", "deep": [{ "card": "****5678" }], "name": "Ann" })
    );
    let joined = get(&gateway, "/page/dashboard", &[("X-User", "ann")]).await;
    assert_eq!(joined.status, 200, "{}", joined.text());
    let expected = json!({ "user": "ann", "orders": [1, 2], "stock": { "left": 7 }, "missing": [] });
    assert_eq!(joined.json(), expected);
    assert_eq!(orders.last().target, "/ann");
    assert_eq!(get(&gateway, "/orders/x", &[]).await.status, 404, "internal");
}
