//! The examples in `plugins/examples/python`: they do what they say.

use std::{fs, path::PathBuf};

use pinhook::config::SinkKind;

use super::*;
use crate::support::until;

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("plugins/examples/python").join(name)
}

fn of(id: &str, upstream: &Upstream, list: &str, name: &str) -> Definition {
    hooked(id, upstream, list, entry(&example(&format!("{id}.py")), name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests() {
    let (blue, green) = (Upstream::named("blue").await, Upstream::named("green").await);
    let sticky = json!({ "sticky": { "table": { "green": green.url() } } });
    let gateway = gateway(1)
        .api(of("add_header", &blue, "pre", "AddHeader"))
        .api(of("sticky", &blue, "pre", "Sticky").set("config_data", sticky))
        .api(
            of("maintenance", &blue, "pre", "Maintenance")
                .set("config_data", json!({ "maintenance": { "on": true, "retry_after": 120 } })),
        )
        .api(of("envelope", &blue, "post", "Envelope"))
        .start()
        .await;
    assert_eq!(get(&gateway, "/add_header/").await.text(), "blue");
    assert_eq!(blue.last().header("Foo").as_deref(), Some("Bar"));
    assert_eq!(get(&gateway, "/sticky/").await.text(), "blue");
    assert_eq!(gateway.get("/sticky/").header("X-Sticky", "green").send().await.text(), "green");
    assert_eq!(gateway.get("/sticky/").header("Cookie", "a=b; sticky=green").send().await.text(), "green");
    let answer = get(&gateway, "/maintenance/").await;
    assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("120")));
    let sent = gateway.request("PATCH", "/envelope/x?debug=1&a=b").body(r#"{"n":1}"#).send().await;
    assert_eq!(sent.status, 200);
    let seen = blue.last();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/x?a=b&via=gateway"));
    assert_eq!(&*seen.body, br#"{"api": "envelope", "data": {"n": 1}}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_knows_where_users_belong() {
    let (blue, green) = (Upstream::named("blue").await, Upstream::named("green").await);
    let service = Upstream::named(&green.url()).await;
    let config =
        json!({ "sticky": { "service": format!("{}/where/", service.url()), "fallback": blue.url() } });
    let api = of("sticky_service", &blue, "pre", "StickyService").set("config_data", config);
    let gateway = gateway(1).api(api).start().await;
    for _ in 0..2 {
        let answer = gateway.get("/sticky_service/").header("X-User", "ann").send().await;
        assert_eq!(answer.text(), "green");
    }
    assert_eq!((service.count(), service.last().target.as_str()), (1, "/where/ann"));
    service.close();
    let answer = gateway.get("/sticky_service/").header("X-User", "bob").send().await;
    assert_eq!(answer.text(), "blue");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls() {
    let upstream = Upstream::named("up").await;
    let tokens = json!({ "tokens": { "s3cret": { "alias": "alice", "rate": 10, "per": 1 } } });
    let definition = of("tag_partner", &upstream, "post_key_auth", "TagPartner")
        .set("use_keyless", false)
        .set("custom_plugin_auth_enabled", true)
        .set("config_data", tokens)
        .set("custom_middleware.auth_check", entry(&example("check_token.py"), "CheckToken"));
    let gateway = gateway(1).api(definition).start().await;
    assert_error(&get(&gateway, "/tag_partner/").await, (401, "X-Token is missing"));
    let wrong = gateway.get("/tag_partner/").header("X-Token", "guess").send().await;
    assert_error(&wrong, (403, "unknown token"));
    let right = gateway.get("/tag_partner/").header("X-Token", "s3cret").send().await;
    assert_eq!(right.status, 200, "{}", right.text());
    let seen = upstream.last();
    assert_eq!(
        (seen.header("X-Partner"), seen.header("X-Tier")),
        (Some("alice".into()), Some("basic".into()))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers() {
    let orders = Upstream::raw(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n{\"card\":\"1\",\"rest\":[2]}",
    )
    .await;
    let config = json!({
        "mask": ["card"], "dashboard": { "orders": "tyk://mask_json/", "stock": "tyk://nowhere/" },
    });
    let gateway = gateway(1)
        .api(of("mask_json", &orders, "response", "MaskJson").set("config_data", config.clone()))
        .api(of("dashboard", &orders, "pre", "Dashboard").set("config_data", config))
        .start()
        .await;
    let masked = get(&gateway, "/mask_json/").await;
    assert_eq!(masked.json(), json!({ "card": "***", "rest": [2] }));
    assert_eq!(masked.header("X-Masked"), Some("yes"));
    let page = gateway.get("/dashboard/").header("X-User", "ann").send().await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(
        page.json(),
        json!({ "user": "ann", "orders": { "card": "***", "rest": [2] }, "stock": null, "missing": ["stock"] })
    );
    assert_eq!(orders.last().target, "/ann");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_and_events() {
    let upstream = Upstream::named("up").await;
    let records = tempfile::tempdir().unwrap();
    let file = records.path().join("records");
    let hook = json!({
        "enable": true, "plugin_path": example("anonymise.py"), "func_name": "Anonymise", "pinhook": { "driver": "python" },
    });
    let handler = json!({
        "handler_name": "cp_dynamic_handler", "handler_meta": { "name": "Tell", "path": example("tell.py") },
    });
    let count = format!("{START}{}", says("tyk.get_data('auth-failures')"));
    let builder = gateway(1).file("count.py", count);
    let say = entry(&builder.folder().join("count.py"), "Say");
    let gateway = builder
        .config(|config| {
            config.enable_analytics = true;
            config.pinhook.analytics.sink = SinkKind::File;
            config.pinhook.analytics.path = file.display().to_string();
        })
        .api(api("a").target(&upstream).set("analytics_plugin", hook))
        .api(
            api("b")
                .target(&upstream)
                .set("use_keyless", false)
                .set("use_standard_auth", true)
                .set("custom_middleware.driver", "python")
                .set("event_handlers.events.AuthFailure", json!([handler])),
        )
        .api(hooked("say", &upstream, "pre", say))
        .start()
        .await;
    assert_eq!(get(&gateway, "/a/").await.status, 200);
    until("the record", async || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        text.contains("127.0.0.0") && text.contains("anonymised")
    })
    .await;
    for _ in 0..2 {
        assert_eq!(gateway.get("/b/").header("Authorization", "guess").send().await.status, 403);
    }
    until("the count", async || get(&gateway, "/say/").await.text() == "b'2'").await;
}
