//! Where the control API answers, and whom.

use pinhook::config::Secret;

use super::{FORBIDDEN, outcome};
use crate::support::{
    client::Request,
    definition::api,
    free_port,
    gateway::{Gateway, SECRET},
};

#[tokio::test]
async fn without_a_secret_every_call_is_refused_and_probes_are_not() {
    let gateway = Gateway::build().config(|config| config.secret = Secret::default()).start().await;
    for request in [
        gateway.get("/tyk/apis"),
        gateway.get("/tyk/apis").header("X-Tyk-Authorization", ""),
        gateway.get("/tyk/x"),
    ] {
        assert_eq!(outcome(&request.send().await), (403, FORBIDDEN.to_owned()));
    }
    for probe in ["/hello", "/ready"] {
        assert_eq!(gateway.get(probe).send().await.status, 200);
    }
}

#[tokio::test]
async fn an_empty_secret_may_be_asked_for() {
    let builder = Gateway::build().config(|config| {
        config.secret = Secret::default();
        config.pinhook.allow_empty_secret = true;
    });
    let gateway = builder.start().await;
    assert_eq!(gateway.get("/tyk/apis").send().await.status, 200);
    let wrong = gateway.get("/tyk/apis").header("X-Tyk-Authorization", "x").send().await;
    assert_eq!(outcome(&wrong), (403, FORBIDDEN.to_owned()));
}

#[tokio::test]
async fn with_a_port_of_its_own_the_main_port_knows_no_control_paths() {
    let port = free_port();
    let builder = Gateway::build().api(api("one")).config(|config| config.control_api_port = port);
    let gateway = builder.start().await;
    let control = format!("127.0.0.1:{port}").parse().unwrap();
    let traffic = gateway.addresses().into_iter().find(|address| address.port() != port).unwrap();
    for path in ["/hello", "/ready", "/tyk/apis", "/tyk/keys", "/tyk/reload?block=true"] {
        let at = |address| Request::new(address, "GET", path).header("X-Tyk-Authorization", SECRET).send();
        assert_eq!(at(traffic).await.status, 404, "{path}");
        assert_eq!(at(control).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn slashes_at_the_end_do_not_count_and_methods_do() {
    let gateway = Gateway::build().api(api("one")).start().await;
    for path in ["/tyk/apis/", "/tyk/apis/one/", "/tyk/keys/", "/tyk/policies/", "/tyk/org/keys/"] {
        assert_eq!(gateway.control("GET", path).send().await.status, 200, "{path}");
    }
    for (method, path) in [
        ("PATCH", "/tyk/keys/abc"),
        ("GET", "/tyk/keys/policy/abc"),
        ("PATCH", "/tyk/apis/one"),
        ("PATCH", "/tyk/policies"),
        ("POST", "/tyk/policies/x"),
        ("GET", "/tyk/cache/one"),
        ("POST", "/tyk/health"),
    ] {
        let response = gateway.control(method, path).send().await;
        assert_eq!(outcome(&response), (405, "error: Method not supported".to_owned()), "{method} {path}");
    }
    let unknown = gateway.control("GET", "/tyk/apis/x/y/z").send().await;
    assert_eq!((unknown.status, unknown.header("x-content-type-options")), (404, Some("nosniff")));
}

#[tokio::test]
async fn no_call_is_admitted_by_another_header_or_half_a_secret() {
    let gateway = Gateway::build().start().await;
    for (name, value) in
        [("Authorization", SECRET), ("X-Tyk-Authorization", "sesam"), ("X-Tyk-Authorization", "SESAME")]
    {
        for path in ["/tyk/keys", "/tyk/none"] {
            let response = gateway.get(path).header(name, value).send().await;
            assert_eq!(outcome(&response), (403, FORBIDDEN.to_owned()), "{name} {path}");
        }
    }
}

#[tokio::test]
async fn the_config_is_shown_on_demand_to_who_knows_the_secret() {
    let closed = Gateway::build().start().await;
    assert_eq!(closed.control("GET", "/config").send().await.status, 404);

    let builder = Gateway::build().api(api("root").listen("/")).config(|config| {
        config.enable_config_inspection = true;
        config.control_api_hostname = "admin.example".to_owned();
    });
    let gateway = builder.start().await;
    let at = |path: &str| gateway.get(path).header("Host", "admin.example");
    for path in ["/config", "/env"] {
        assert_eq!(outcome(&at(path).send().await), (403, FORBIDDEN.to_owned()));
        let shown = at(path).header("X-Tyk-Authorization", SECRET).send().await;
        assert_eq!(shown.status, 200, "{path}");
        assert!(shown.text().contains("*REDACTED*") && !shown.text().contains(SECRET), "{path}");
    }
    let field = at("/config?field=http_server_options.read_timeout");
    assert_eq!(field.header("X-Tyk-Authorization", SECRET).send().await.json(), 120);
    let elsewhere = gateway.control("GET", "/config").send().await;
    assert_eq!(elsewhere.status, 500, "another host: the API on / takes it, and its upstream is down");
}
