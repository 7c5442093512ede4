//! Requests that go on to another API, or in circles.

use serde_json::json;

use crate::support::{definition::api, gateway::Gateway, upstream::Upstream};

#[tokio::test]
async fn targets_that_lead_in_a_circle_end() {
    let gateway = Gateway::build()
        .api(api("one").target_url("tyk://two"))
        .api(api("two").target_url("tyk://one"))
        .api(api("lost").target_url("tyk://nobody"))
        .start()
        .await;

    assert_eq!(gateway.get("/one/x").send().await.error(), (500, "Loop level too deep".to_owned()));
    assert_eq!(gateway.get("/lost/x").send().await.error(), (500, "Couldn't detect target".to_owned()));
}

#[tokio::test]
async fn a_target_may_be_another_api() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(api("front").target_url("tyk://back"))
        .api(api("back").target(&upstream).set("internal", true))
        .start()
        .await;

    assert_eq!(gateway.get("/front/x?y=1").send().await.text(), "up");
    assert_eq!(upstream.last().target, "/x?y=1");
    assert_eq!(gateway.get("/back/x").send().await.status, 404, "it is internal");
}

#[tokio::test]
async fn a_loop_may_change_the_method() {
    let upstream = Upstream::named("up").await;
    let to = |url: &str| json!([{ "path": "/x", "method": "GET", "match_pattern": "/x", "rewrite_to": url }]);
    for (method, sent) in [("POST", "POST"), ("HEAD", "HEAD"), ("PURGE", "PURGE")] {
        let url = format!("tyk://self/y?method={method}&kept=1");
        let definition = api("a").target(&upstream).endpoints("url_rewrites", to(&url));
        let gateway = Gateway::build().api(definition).start().await;

        let response = gateway.get("/a/x?dropped=1").send().await;

        assert_eq!(response.status, 200, "{method}");
        let seen = upstream.last();
        assert_eq!((seen.method.as_str(), seen.target.as_str()), (sent, "/y?kept=1"));
    }
}

#[tokio::test]
async fn an_endless_loop_is_refused() {
    let rewrite = json!([{
        "path": "/x", "method": "GET", "match_pattern": "/x", "rewrite_to": "tyk://self/x?loop_limit=2",
    }]);
    let gateway = Gateway::build().api(api("a").endpoints("url_rewrites", rewrite)).start().await;

    let (status, message) = gateway.get("/a/x").send().await.error();

    assert_eq!(status, 500);
    assert_eq!(message, "Loop level too deep. Found more than 2 loops in single request");
}
