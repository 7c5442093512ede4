//! The examples of `plugins/examples`, made and started as their READMEs say. One list of cases for all languages.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use pinhook::config::SinkKind;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{gateway, grpc, with_auth, with_hook};
use crate::support::{
    definition::Definition,
    gateway::Gateway,
    until,
    upstream::{Answer, Upstream},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The output of a command that ends well; nothing where the tools for it cannot be had, which is said.
#[expect(clippy::print_stderr, reason = "a test that is left out has to say so")]
fn tool(example: &str, command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
        }
        other => {
            eprintln!("SKIPPED: the example {example}: {command:?} does not work here: {other:?}");
            None
        }
    }
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A server as a process of its own, on a Unix socket.
struct Server {
    process: Child,
    folder: TempDir,
    output: PathBuf,
}

impl Server {
    async fn start(mut command: Command, folder: TempDir) -> Self {
        let (socket, output) = (folder.path().join("s"), folder.path().join("output"));
        let file = fs::File::create(&output).unwrap();
        command.arg(format!("unix://{}", socket.display())).stdin(Stdio::null()).stdout(file);
        let server = Self { process: command.spawn().unwrap(), folder, output };
        until("the server", async || server.output().contains("listening on")).await;
        server
    }

    fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }

    fn target(&self) -> String {
        format!("unix://{}", self.folder.path().join("s").display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python() {
    let example = root().join("plugins/examples/grpc-python");
    let Some(python) = tool("grpc-python", &mut Command::new(root().join("scripts/grpc-python"))) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let protos = root().join("plugins/proto");
    let files = fs::read_dir(&protos).unwrap().map(|entry| entry.unwrap().path());
    let made = folder.path().display();
    run(Command::new(&python)
        .args(["-m", "grpc_tools.protoc", "-I"])
        .arg(&protos)
        .args([format!("--python_out={made}"), format!("--grpc_python_out={made}")])
        .args(files));
    let mut command = Command::new(&python);
    command
        .env("PYTHONPATH", folder.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(example.join("server.py"));
    cases(&Server::start(command, folder).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go() {
    let example = root().join("plugins/examples/grpc-go");
    let mut download = Command::new("go");
    if tool("grpc-go", download.args(["mod", "download"]).current_dir(&example)).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("server");
    run(Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(&example));
    cases(&Server::start(Command::new(program), folder).await).await;
}

fn definitions(upstream: &Upstream, elsewhere: &Upstream) -> Vec<Definition> {
    let config = json!({
        "targets": { "ann": elsewhere.url() },
        "tokens": { "s3cret": "ann" },
        "sources": { "here": format!("{}/a", elsewhere.url()), "gone": "http://127.0.0.1:9/" },
        "mask": ["secret"],
    });
    let token = with_auth(grpc("token", upstream), "CheckToken")
        .entry("post_key_auth", json!({ "name": "TagCaller" }))
        .entry("post", json!({ "name": "Envelope" }));
    let handlers = json!([{ "handler_name": "cp_dynamic_handler", "handler_meta": { "name": "OnFailure" } }]);
    let record = json!({ "enable": true, "func_name": "Anonymise", "pinhook": { "driver": "grpc" } });
    let page = json!([{ "path": "/page", "method": "GET", "response_function_name": "Aggregate",
        "function_source_type": "file", "function_source_uri": "grpc", "pinhook": { "driver": "grpc" } }]);
    let here = json!([{ "path": "/here", "method": "GET", "func_name": "AddFooHeader", "pinhook": { "driver": "grpc" } }]);
    [
        grpc("places", upstream).endpoints("virtual", page).endpoints("go_plugin", here),
        with_hook("foo", "pre", "AddFooHeader", upstream).set("analytics_plugin", record),
        with_hook("sticky", "pre", "Sticky", upstream),
        token.set("event_handlers.events.AuthFailure", handlers),
        with_hook("all", "pre", "Aggregate", upstream),
        with_hook("mask", "response", "MaskJson", upstream),
        with_hook("none", "pre", "NoSuchHook", upstream),
    ]
    .map(|definition| definition.set("config_data", config.clone()))
    .into()
}

async fn cases(server: &Server) {
    let body = r#"{"secret":"x","plain":"yes"}"#;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let upstream = Upstream::answering(Answer::Raw((head + body).into_bytes())).await;
    let elsewhere = Upstream::named("elsewhere").await;
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records.jsonl");
    let path = records.display().to_string();
    let mut builder = gateway(&server.target()).config(move |config| {
        config.enable_analytics = true;
        config.pinhook.analytics.sink = SinkKind::File;
        config.pinhook.analytics.path = path;
    });
    for definition in definitions(&upstream, &elsewhere) {
        builder = builder.api(definition);
    }
    let gateway = builder.start().await;
    requests(&gateway, &upstream).await;
    callers(&gateway, &upstream).await;
    until("the event", async || server.output().contains("event OnFailure AuthFailure")).await;
    until("the record", async || {
        let text = fs::read_to_string(&records).unwrap_or_default();
        let mut all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let tagged = |record: &Value| {
            record["tags"].as_array().is_some_and(|tags| tags.contains(&json!("anonymised")))
        };
        all.any(|record| record["api_id"] == "foo" && record["ip_address"] == "" && tagged(&record))
    })
    .await;
}

async fn requests(gateway: &Gateway, upstream: &Upstream) {
    gateway.get("/foo/x").send().await;
    assert_eq!(upstream.last().header("Foo").as_deref(), Some("Bar"));
    let moved = gateway.get("/sticky/x").header("X-User", "ann").send().await;
    assert_eq!(moved.text(), "elsewhere");
    gateway.get("/sticky/x").header("X-User", "bob").send().await;
    assert_eq!(upstream.last().target, "/x");
    let all = gateway.get("/all/x").send().await;
    let answer: Value = serde_json::from_str(&all.text()).unwrap();
    assert_eq!((all.status, &answer["here"]["body"]), (200, &json!("elsewhere")), "{answer}");
    assert_eq!(answer["gone"]["status"], 0, "{answer}");
    let page = gateway.get("/places/page").send().await;
    assert_eq!((page.status, page.text()), (200, all.text()));
    for (target, expected) in [("/places/here", Some("Bar")), ("/places/there", None)] {
        gateway.get(target).send().await;
        assert_eq!(upstream.last().header("Foo").as_deref(), expected, "{target}");
    }
    let masked = gateway.get("/mask/x").send().await;
    assert_eq!(masked.header("X-Masked"), Some("1"));
    let body: Value = serde_json::from_str(&masked.text()).unwrap();
    assert_eq!(body, json!({ "secret": "***", "plain": "yes" }));
    let unknown = gateway.get("/none/x").send().await;
    assert_eq!((unknown.status, unknown.text().contains("Middleware error")), (500, true));
}

async fn callers(gateway: &Gateway, upstream: &Upstream) {
    let request = gateway.request("POST", "/token/x").header("Authorization", "s3cret").body("7");
    assert_eq!(request.send().await.status, 200);
    let seen = upstream.last();
    let caller = (seen.header("X-Caller"), seen.header("X-Caller-User"));
    assert_eq!(caller, (Some("ann".to_owned()), Some("ann".to_owned())));
    assert_eq!(String::from_utf8_lossy(&seen.body), r#"{"payload":7}"#);
    let refused = gateway.get("/token/x").header("Authorization", "wrong").send().await;
    assert_eq!((refused.status, refused.text().contains("unknown token")), (401, true));
}
