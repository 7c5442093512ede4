//! One record for every way a request can end (analytics reference 2.4): its code, its times, its paths.

use std::{fs, path::PathBuf};

use pinhook::config::{Config, SinkKind};
use serde_json::{Value, json};

use crate::support::{
    client::Connection,
    definition::{Definition, api},
    free_port,
    gateway::Gateway,
    plugins::build,
    until,
    upstream::{Answer, Upstream},
};

mod detailed;
mod shutdown;

/// A gateway whose records are lines of a file.
struct Recorded {
    gateway: Gateway,
    file: PathBuf,
}

impl Recorded {
    async fn start(apis: impl IntoIterator<Item = Definition>, config: impl FnOnce(&mut Config)) -> Self {
        let builder = apis.into_iter().fold(Gateway::build(), |builder, api| builder.api(api));
        let file = builder.folder().join("records.jsonl");
        let path = file.display().to_string();
        let builder = builder.config(|config| {
            config.enable_analytics = true;
            config.pinhook.analytics.sink = SinkKind::File;
            config.pinhook.analytics.path = path;
        });
        Self { gateway: builder.config(config).start().await, file }
    }

    /// All records, once the gateway has stopped.
    async fn end(self) -> Vec<Value> {
        self.gateway.stop().await;
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The one record of the request for this path.
fn of<'a>(records: &'a [Value], original_path: &str) -> &'a Value {
    let found: Vec<_> = records.iter().filter(|record| record["original_path"] == original_path).collect();
    let [record] = found.as_slice() else { panic!("{original_path}: {found:#?}") };
    record
}

fn latency(record: &Value, part: &str) -> i64 {
    record["latency"][part].as_i64().unwrap()
}

/// A way to end: an API, the path that is asked for, the status of the answer, and path and host of the record.
struct End {
    api: Definition,
    path: &'static str,
    status: u16,
    record: Option<(&'static str, String)>,
}

fn end(api: Definition, path: &'static str, status: u16, record: Option<(&'static str, String)>) -> End {
    End { api, path, status, record }
}

/// An API with a target that has a path of its own.
fn based(id: &str, host: &str) -> Definition {
    api(id).target_url(format!("http://{host}/base"))
}

/// `GET /x` has this action.
fn action(action: Value) -> Value {
    json!([{ "path": "/x", "method_actions": { "GET": action } }])
}

/// Ends that are the gateway's own doing.
fn own(up: &Upstream) -> Vec<End> {
    let (rough, host) = (build("rough"), up.authority());
    let blocked = action(json!({ "action": "no_action", "code": 200 }));
    let reply = action(json!({ "action": "reply", "code": 203, "data": "m", "headers": {} }));
    let maintenance = json!({ "maintenance": { "on": true } });
    vec![
        end(
            based("refused", &host).endpoints("black_list", blocked),
            "/refused/x",
            403,
            Some(("/x", host.clone())),
        ),
        end(based("mock", &host).endpoints("white_list", reply), "/mock/x", 203, None),
        end(
            based("faults", &host).hook("pre", &rough, "Fails"),
            "/faults/x",
            500,
            Some(("/x", host.clone())),
        ),
        end(
            based("refuses", &host)
                .hook("pre", &build("maintenance"), "Maintenance")
                .set("config_data", maintenance),
            "/refuses/x",
            503,
            Some(("/x", host.clone())),
        ),
        // The hook moves it to `/new/path`, which is not stripped.
        end(
            based("answers", &host).listen("/new/").hook("pre", &rough, "MovesAndAnswers"),
            "/new/x",
            201,
            Some(("/new/path", host.clone())),
        ),
        end(based("found", &host), "/nowhere/x", 404, None),
        end(based("untracked", &host).set("do_not_track", true), "/untracked/x", 200, None),
    ]
}

/// Ends that are an upstream's.
fn upstreams(up: &Upstream, [busy, garbage, dies, silent]: [&Upstream; 4]) -> Vec<End> {
    let nobody = format!("127.0.0.1:{}", free_port());
    let nowhere = "no-such-host.invalid";
    let loops = json!([
        { "path": "/x", "method": "GET", "match_pattern": "/x", "rewrite_to": "tyk://proxied/y" }
    ]);
    let tracked = json!([{ "path": "/{id}", "method": "GET" }]);
    let known = |id: &str, host: &Upstream, path, status| {
        let host = host.authority();
        end(based(id, &host), path, status, Some(("/base/x", host)))
    };
    vec![
        known("proxied", up, "/proxied/x", 200),
        known("busy", busy, "/busy/x", 503),
        known("garbage", garbage, "/garbage/x", 500),
        known("dies", dies, "/dies/x", 200),
        known("silent", silent, "/silent/x", 504),
        end(based("down", &nobody), "/down/x", 500, Some(("/base/x", nobody.clone()))),
        end(based("unknown", nowhere), "/unknown/x", 500, Some(("/base/x", nowhere.to_owned()))),
        // On its way upstream it is stripped once more, since no answer came.
        end(based("again", &nobody).listen("/base/"), "/base/x", 500, Some(("/x", nobody.clone()))),
        end(
            based("tracked", &up.authority()).endpoints("track_endpoints", tracked),
            "/tracked/x",
            200,
            Some(("/{id}", up.authority())),
        ),
        // Recorded by the API that ended the chain.
        end(
            based("loops", &nobody).endpoints("url_rewrites", loops),
            "/loops/x",
            200,
            Some(("/base/y", up.authority())),
        ),
    ]
}

fn check(end: &End, records: &[Value]) {
    let Some((path, host)) = &end.record else {
        assert!(records.iter().all(|record| record["original_path"] != end.path), "{}", end.path);
        return;
    };
    let record = of(records, end.path);
    let id = end.api.id();
    let (api, raw) = match id {
        "loops" => ("proxied", *path),
        "tracked" => (id, "/base/x"),
        _ => (id, *path),
    };
    for (field, expected) in [
        ("response_code", json!(end.status)),
        ("path", json!(path)),
        ("raw_path", json!(raw)),
        ("host", json!(host)),
        ("api_id", json!(api)),
        ("tags", json!(["org-org", format!("api-{api}")])),
        ("user_agent", json!("test/1")),
        ("ip_address", json!("127.0.0.1")),
        ("track_path", json!(id == "tracked")),
        ("raw_request", json!("")),
    ] {
        assert_eq!(record[field], expected, "{field}: {record:#}");
    }
    assert_eq!(
        latency(record, "gateway"),
        latency(record, "total") - latency(record, "upstream"),
        "{record:#}"
    );
    assert_eq!(record["request_time"], record["latency"]["total"]);
}

#[tokio::test]
async fn every_end_leaves_the_record_that_it_leaves_at_tyk() {
    let raw = |bytes: &str| Answer::Raw(bytes.as_bytes().to_vec());
    let up = Upstream::named("up").await;
    let busy = Upstream::answering(raw("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")).await;
    let garbage = Upstream::answering(raw("\x16\x03 no HTTP\r\n\r\n")).await;
    let dies = Upstream::answering(raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")).await;
    let silent = Upstream::answering(Answer::Hang).await;
    let ends = own(&up).into_iter().chain(upstreams(&up, [&busy, &garbage, &dies, &silent]));
    let ends: Vec<End> = ends.collect();
    let recorded = Recorded::start(ends.iter().map(|end| end.api.clone()), |config| {
        config.proxy_default_timeout = 0.3;
    })
    .await;
    for end in &ends {
        let response = recorded.gateway.get(end.path).header("User-Agent", "test/1").send().await;
        assert_eq!(response.status, end.status, "{}", end.path);
    }
    let records = recorded.end().await;
    for end in &ends {
        check(end, &records);
    }
    assert_eq!(records.len(), ends.iter().filter(|end| end.record.is_some()).count());
    let silent = of(&records, "/silent/x");
    assert_eq!(latency(silent, "upstream"), 0, "the gateway's time, as it gave no answer: {silent:#}");
    assert!(latency(silent, "total") >= 290, "{silent:#}");
    assert_eq!(of(&records, "/new/x")["method"], "PATCH");
}

#[tokio::test]
async fn times_are_the_hooks_alone_when_it_answers_and_the_upstreams_until_its_head() {
    let slow = Upstream::named("up").await;
    let rough = build("rough");
    let answers = api("answers").hook("pre", &rough, "Sleeps").hook("pre", &rough, "MovesAndAnswers");
    let recorded = Recorded::start([answers, api("slow").target(&slow)], |_| {}).await;
    let asked = recorded.gateway.get("/answers/x").header("Sleep-Ms", "150").send();
    assert_eq!(asked.await.status, 201);
    slow.close();
    let mut waiting = recorded.gateway.get("/slow/x").start().await;
    until("the upstream is asked", async || slow.count() == 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    slow.open();
    assert_eq!(waiting.response().await.status, 200);

    let records = recorded.end().await;
    let answered = of(&records, "/answers/x");
    assert!(latency(answered, "total") < 100, "{answered:#}");
    assert_eq!(
        (latency(answered, "upstream"), latency(answered, "gateway")),
        (0, latency(answered, "total"))
    );
    let slow = of(&records, "/slow/x");
    assert!(latency(slow, "upstream") >= 95, "{slow:#}");
    assert!(latency(slow, "gateway") < latency(slow, "upstream"), "{slow:#}");
}

/// A head of which the body is still to come.
async fn head_of_an_upload(recorded: &Recorded, path: &str) -> Connection {
    let mut connection = recorded.gateway.connect().await;
    connection.send(format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\npart")).await;
    connection
}

#[tokio::test]
async fn a_client_that_leaves_is_a_499_until_the_answer_has_begun() {
    let silent = Upstream::answering(Answer::Hang).await;
    let begins = Upstream::answering(Answer::RawKept(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n".to_vec(),
    ))
    .await;
    let apis = [
        api("silent").target(&silent),
        api("begins").target(&begins),
        api("upload").target(&silent),
        api("early").target(&silent).hook("pre", &build("rough"), "Sleeps"),
    ];
    let recorded = Recorded::start(apis, |_| {}).await;

    drop(recorded.gateway.get("/early/x").header("Sleep-Ms", "50").start().await);
    until("the upstream is asked", async || silent.count() == 1).await;

    let waiting = recorded.gateway.get("/silent/x").start().await;
    until("the upstream is asked", async || silent.count() == 2).await;
    drop(waiting);
    let upload = head_of_an_upload(&recorded, "/upload/x").await;
    until("the upload has begun", async || silent.connections() == 3).await;
    drop(upload);
    let mut reading = recorded.gateway.get("/begins/x").start().await;
    reading.first_byte().await;
    drop(reading);

    let records = recorded.end().await;
    for (path, code) in [("/early/x", 499), ("/silent/x", 499), ("/upload/x", 499), ("/begins/x", 200)] {
        let record = of(&records, path);
        assert_eq!((&record["response_code"], &record["path"]), (&json!(code), &json!("/x")), "{record:#}");
    }
    assert_eq!(latency(of(&records, "/silent/x"), "upstream"), 0);
    assert_eq!(of(&records, "/upload/x")["content_length"], 100);
}

#[tokio::test]
async fn a_body_above_the_limit_leaves_a_record_only_once_it_has_passed_the_chain() {
    let up = Upstream::answering(Answer::Echo).await;
    let recorded = Recorded::start([api("a").target(&up)], |config| {
        config.http_server_options.max_request_body_size = 1000;
    })
    .await;
    let declared = recorded.gateway.request("POST", "/a/declared").body(vec![b'x'; 1001]).send().await;
    assert_eq!(declared.status, 413);
    let mut chunked = recorded.gateway.connect().await;
    chunked.send("POST /a/chunked HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n").await;
    chunked.send(vec![b'x'; 1001]).await;
    assert_eq!(chunked.response().await.status, 413);

    let records = recorded.end().await;
    assert_eq!(records.len(), 1, "{records:#?}");
    let record = of(&records, "/a/chunked");
    assert_eq!((&record["response_code"], &record["content_length"]), (&json!(413), &json!(-1)));
}
