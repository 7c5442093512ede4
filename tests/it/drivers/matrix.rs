//! One list of cases over every driver and every kind of hook. A driver is a [`Column`]: where its code is and which cases
//! it has no place for. Its functions bear the same names as everybody's (tests/fixtures/matrix, and
//! tests/fixtures/native/matrix).

use std::{fs, path::PathBuf};

use pinhook::config::SinkKind;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::Gateway,
    plugins, until,
    upstream::{Answer, Seen, Upstream},
};

/// One driver.
struct Column {
    /// What definitions call it.
    driver: &'static str,
    /// What its functions call themselves in headers.
    mark: &'static str,
    /// The file that holds them.
    file: PathBuf,
    /// Cases that it has no place for; `docs/compatibility.md` says why.
    lacks: &'static [&'static str],
}

fn matrix_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/matrix").join(name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native() {
    let file = plugins::build("matrix");
    run(&Column { driver: "goplugin", mark: "native", file, lacks: &[] }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go() {
    let file = plugins::build_go("tests/fixtures/go/matrix");
    run(&Column { driver: "goplugin", mark: "go", file, lacks: &["virtual"] }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn otto() {
    run(&Column { driver: "otto", mark: "js", file: matrix_file("matrix.js"), lacks: &[] }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript() {
    run(&Column { driver: "javascript", mark: "js", file: matrix_file("matrix.js"), lacks: &[] }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lua() {
    run(&Column { driver: "lua", mark: "lua", file: matrix_file("matrix.lua"), lacks: &[] }).await;
}

#[cfg(feature = "grpc")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc() {
    use super::grpc::functions;
    let server = crate::support::plugin_server::PluginServer::start(functions::dispatch).await;
    let file = PathBuf::from(server.target());
    run(&Column { driver: "grpc", mark: "grpc", file, lacks: &[] }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python() {
    let file = matrix_file("matrix.py");
    run(&Column { driver: "python", mark: "python", file, lacks: &[] }).await;
}

/// A gateway with one API per case, and what stands around it.
struct World<'a> {
    column: &'a Column,
    gateway: Gateway,
    upstream: Upstream,
    elsewhere: Upstream,
    records: TempDir,
}

/// Where the hooks of requests stand that all edit and answer alike.
const REQUEST_LISTS: [&str; 3] = ["pre", "post_key_auth", "post"];

impl<'a> World<'a> {
    async fn new(column: &'a Column) -> Self {
        let upstream = Upstream::answering(Answer::By(std::sync::Arc::new(answer))).await;
        let (elsewhere, records) = (Upstream::named("elsewhere").await, tempfile::tempdir().unwrap());
        let path = records.path().join("records.jsonl").display().to_string();
        let mut builder = Gateway::build().config(|config| {
            config.enable_jsvm = true;
            // Where drivers of languages have a file, a server has its address.
            config.coprocess_options.coprocess_grpc_server = column.file.display().to_string();
            config.pinhook.service_address_header = "X-Service-Address".to_owned();
            config.coprocess_options.enable_coprocess = true;
            config.enable_analytics = true;
            config.pinhook.analytics.sink = SinkKind::File;
            config.pinhook.analytics.path = path;
        });
        for definition in column.definitions(&upstream, &elsewhere) {
            builder = builder.api(definition);
        }
        let gateway = builder.start().await;
        Self { column, gateway, upstream, elsewhere, records }
    }

    /// Sends a request with these headers to the API of a case.
    async fn send(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let mut request = self.gateway.request(method, target).header("X-Key", "good");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !body.is_empty() {
            request = request.body(body);
        }
        request.send().await
    }

    /// What the upstream saw of a request, which has to get there.
    async fn sent(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        let before = self.upstream.count();
        let answer = self.send(target, headers, body).await;
        assert_eq!(self.upstream.count(), before + 1, "{}: {target}: {}", self.column.driver, answer.text());
        self.upstream.last()
    }
}

/// 404 for a path with `missing`, else 200.
fn answer(seen: &Seen) -> Vec<u8> {
    let status = if seen.target.contains("missing") { "404 Not Found" } else { "200 OK" };
    format!("HTTP/1.1 {status}\r\nX-Inner: secret\r\nContent-Length: 2\r\nConnection: close\r\n\r\nup")
        .into_bytes()
}

impl Column {
    fn has(&self, case: &str) -> bool {
        !self.lacks.contains(&case)
    }

    fn entry(&self, function: &str) -> Value {
        json!({ "name": function, "path": self.file, "require_session": true })
    }

    fn api(&self, id: &str, upstream: &Upstream, elsewhere: &Upstream) -> Definition {
        api(id)
            .target(upstream)
            .set("custom_middleware.driver", self.driver)
            .set("config_data", json!({ "tier": "gold", "targets": { "bob": elsewhere.url() } }))
    }

    fn definitions(&self, upstream: &Upstream, elsewhere: &Upstream) -> Vec<Definition> {
        let api = |id: &str| self.api(id, upstream, elsewhere);
        let mut all = Vec::new();
        for list in REQUEST_LISTS {
            for function in ["Edit", "Tier", "Deny", "Move", "Path", "Fail"] {
                let id = format!("{list}-{}", function.to_lowercase());
                all.push(self.known(list, api(&id)).entry(list, self.entry(function)));
            }
            let both = self.known(list, api(&format!("{list}-order")));
            all.push(both.entry(list, self.entry("First")).entry(list, self.entry("Second")));
        }
        all.push(self.auth(api("auth")));
        all.push(self.auth(api("auth-who")).entry("post_key_auth", self.entry("Who")));
        all.push(self.auth(api("auth-post")).entry("post", self.entry("Who")));
        let failing = api("auth-fail").set("use_keyless", false).set("custom_plugin_auth_enabled", true);
        all.push(failing.set("custom_middleware.auth_check", self.entry("Fail")));
        for function in ["Mask", "FailAnswer"] {
            all.push(api(&function.to_lowercase()).entry("response", self.entry(function)));
        }
        if self.has("endpoint") {
            all.push(api("endpoint").endpoints("go_plugin", json!([self.endpoint("Edit")])));
        }
        if self.has("virtual") {
            all.push(api("virtual").endpoints("virtual", json!([self.page()])));
        }
        if self.has("analytics") {
            let hook = json!({ "enable": true, "plugin_path": self.file, "func_name": "Note",
                "pinhook": { "driver": self.driver } });
            all.push(api("analytics").set("analytics_plugin", hook));
        }
        all
    }

    /// Hooks after auth want somebody to have been recognised.
    fn known(&self, list: &str, definition: Definition) -> Definition {
        if list == "post_key_auth" { self.auth(definition) } else { definition }
    }

    fn auth(&self, definition: Definition) -> Definition {
        definition
            .set("use_keyless", false)
            .set("custom_plugin_auth_enabled", true)
            .set("custom_middleware.auth_check", self.entry("Auth"))
    }

    fn endpoint(&self, function: &str) -> Value {
        json!({ "path": "/here", "method": "GET", "plugin_path": self.file, "func_name": function,
            "pinhook": { "driver": self.driver } })
    }

    fn page(&self) -> Value {
        json!({ "path": "/page", "method": "GET", "response_function_name": "Page",
            "function_source_type": "file", "function_source_uri": self.file,
            "pinhook": { "driver": self.driver } })
    }
}

async fn run(column: &Column) {
    let world = World::new(column).await;
    for list in REQUEST_LISTS {
        edits(&world, list).await;
        config(&world, list).await;
        answers(&world, list).await;
        moves(&world, list).await;
        failures(&world, list).await;
    }
    auth(&world).await;
    responses(&world).await;
    if column.has("endpoint") {
        endpoint(&world).await;
    }
    if column.has("virtual") {
        virtual_endpoint(&world).await;
    }
    if column.has("analytics") {
        analytics(&world).await;
    }
}

async fn edits(world: &World<'_>, list: &str) {
    let headers = [("X-Ow", "old"), ("X-Del", "1")];
    let seen = world.sent(&format!("/{list}-edit/x?a=1&gone=1"), &headers, "in").await;
    let got = (seen.header("X-Set"), seen.header("X-Ow"), seen.header("X-Del"));
    assert_eq!(got, (Some(world.column.mark.to_owned()), Some("new".to_owned()), None), "{list}");
    assert_eq!((seen.target.as_str(), &*seen.body), ("/x?a=1&b=2", &b"in|edited"[..]), "{list}");
    let seen = world.sent(&format!("/{list}-order/x"), &[], "").await;
    assert_eq!(seen.header("X-Order").as_deref(), Some("12"), "{list}");
    let seen = world.sent(&format!("/{list}-path/old"), &[], "").await;
    assert_eq!(seen.target, "/new", "{list}");
}

async fn config(world: &World<'_>, list: &str) {
    let seen = world.sent(&format!("/{list}-tier/x"), &[], "").await;
    assert_eq!(seen.header("X-Tier").as_deref(), Some("gold"), "{list}");
    assert_eq!(seen.header("X-Ids"), Some(format!("{list}-tier/org")), "{list}");
}

async fn answers(world: &World<'_>, list: &str) {
    for code in ["200", "302", "418", "503"] {
        let before = world.upstream.count();
        let answer = world.send(&format!("/{list}-deny/x"), &[("X-Code", code)], "").await;
        let got = (answer.status.to_string(), answer.header("X-Why"), answer.text());
        assert_eq!(got, (code.to_owned(), Some("because"), "denied".to_owned()), "{list}");
        assert_eq!(world.upstream.count(), before, "{list}");
    }
    world.sent(&format!("/{list}-deny/x"), &[], "").await;
}

async fn moves(world: &World<'_>, list: &str) {
    let answer = world.send(&format!("/{list}-move/x"), &[("X-User", "bob")], "").await;
    assert_eq!(answer.text(), "elsewhere", "{list}");
    assert_eq!(world.elsewhere.last().target, "/x");
    // That request alone.
    world.sent(&format!("/{list}-move/x"), &[("X-User", "ann")], "").await;
}

async fn failures(world: &World<'_>, list: &str) {
    let before = world.upstream.count();
    let answer = world.send(&format!("/{list}-fail/x"), &[], "").await;
    assert_eq!(answer.status, 500, "{list}");
    assert_eq!(world.upstream.count(), before, "{list}");
}

async fn auth(world: &World<'_>) {
    let seen = world.sent("/auth/x", &[], "").await;
    assert_eq!(seen.target, "/x");
    for api in ["auth-who", "auth-post"] {
        let seen = world.sent(&format!("/{api}/x"), &[], "").await;
        assert_eq!(seen.header("X-Who").as_deref(), Some("ann/gold"), "{api}");
    }
    let refused = world.gateway.get("/auth/x").header("X-Key", "bad").send().await;
    assert_eq!((refused.status, refused.text()), (403, "no such key".to_owned()));
    let before = world.upstream.count();
    let failed = world.gateway.get("/auth-fail/x").send().await;
    assert!([403, 500].contains(&failed.status), "{}", failed.status);
    assert_eq!(world.upstream.count(), before);
}

async fn responses(world: &World<'_>) {
    for (target, status) in [("/mask/x", 200), ("/mask/missing", 410)] {
        let answer = world.send(target, &[], "").await;
        let got = (answer.status, answer.header("X-Resp"), answer.header("X-Inner"), answer.text());
        assert_eq!(got, (status, Some(world.column.mark), None, "up|masked".to_owned()));
    }
    // Where Tyk's Go plugin fails the answer goes out as it stands; every other driver refuses it.
    let failed = world.send("/failanswer/x", &[], "").await;
    let expected = if world.column.mark == "native" { (200, true) } else { (500, false) };
    assert_eq!((failed.status, failed.text() == "up"), expected);
}

async fn endpoint(world: &World<'_>) {
    let seen = world.sent("/endpoint/here", &[], "").await;
    assert_eq!(seen.header("X-Set").as_deref(), Some(world.column.mark));
    let seen = world.sent("/endpoint/there", &[], "").await;
    assert_eq!(seen.header("X-Set"), None);
}

async fn virtual_endpoint(world: &World<'_>) {
    let before = world.upstream.count();
    let answer = world.send("/virtual/page", &[("X-In", "seven")], "").await;
    let got = (answer.status, answer.header("X-Page"), answer.text());
    assert_eq!(got, (203, Some(world.column.mark), "page seven".to_owned()));
    assert_eq!(world.upstream.count(), before);
}

async fn analytics(world: &World<'_>) {
    world.sent("/analytics/x", &[], "").await;
    let file = world.records.path().join("records.jsonl");
    let record = async || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        records.find(|record| record["api_id"] == "analytics")
    };
    until("the record", async || record().await.is_some()).await;
    let record = record().await.unwrap();
    assert_eq!(record["alias"], "noted", "{record}");
    assert!(record["tags"].as_array().unwrap().contains(&json!(world.column.mark)), "{record}");
}
