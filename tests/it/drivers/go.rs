//! Go plugins in a whole gateway, with the examples as fixtures, and `pinhook plugin build`. What every driver has in
//! common is tested by the matrix.

use std::{fs, path::Path, process::Command};

use pinhook::config::SinkKind;
use serde_json::{Value, json};

use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::Gateway,
    plugins::{build_go, temporary},
    until,
    upstream::{Answer, Upstream},
};

fn go(id: &str, upstream: &Upstream) -> Definition {
    api(id).target(upstream).set("custom_middleware.driver", "goplugin")
}

fn example(name: &str) -> std::path::PathBuf {
    build_go(&format!("plugins/examples/go/{name}"))
}

fn faults() -> std::path::PathBuf {
    build_go("tests/fixtures/go/faults")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_examples() {
    let (upstream, elsewhere) = (Upstream::named("up").await, Upstream::named("elsewhere").await);
    let parts =
        json!({ "parts": { "one": upstream.url(), "two": "tyk://inner/x", "three": "http://127.0.0.1:1/" } });
    let page = json!([{ "path": "/page", "method": "GET", "plugin_path": example("dashboard"), "func_name": "Dashboard" }]);
    let gateway = Gateway::build()
        .api(go("add", &upstream).hook("pre", &example("add_header"), "AddHeader"))
        .api(
            go("sticky", &upstream)
                .hook("pre", &example("sticky"), "Sticky")
                .set("config_data", json!({ "upstreams": [elsewhere.url()] })),
        )
        .api(go("inner", &elsewhere).set("internal", true))
        .api(api("board").target(&upstream).set("config_data", parts).endpoints("go_plugin", page))
        .start()
        .await;

    gateway.get("/add/x").header("foo", "old").header("x-many", "1").header("x-internal", "1").send().await;
    let seen = upstream.last();
    assert_eq!((seen.header("foo").as_deref(), seen.header("x-internal")), (Some("Bar"), None));

    assert_eq!(gateway.get("/sticky/x").send().await.text(), "up");
    assert_eq!(gateway.get("/sticky/x").header("Cookie", "sid=1").send().await.text(), "elsewhere");
    assert_eq!(
        gateway.get("/sticky/x").header("Service-Address", elsewhere.url()).send().await.text(),
        "elsewhere"
    );

    let page = gateway.get("/board/page").send().await;
    assert_eq!(page.header("content-type"), Some("application/json"));
    assert_eq!(page.json(), json!({ "one": "up", "two": "elsewhere", "three": { "error": "no answer" } }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_response_and_analytics_examples() {
    let upstream = Upstream::answering(Answer::By(std::sync::Arc::new(|_| {
        b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\nConnection: close\r\n\r\ncard 4111111111111111".to_vec()
    })))
    .await;
    let records = tempfile::tempdir().unwrap();
    let file = records.path().join("records.jsonl");
    let path = file.display().to_string();
    let hook = json!({ "enable": true, "plugin_path": example("anonymise"), "func_name": "Anonymise" });
    let checked = go("auth", &upstream)
        .set("use_keyless", false)
        .set("custom_plugin_auth_enabled", true)
        .set("custom_middleware.auth_check", json!({ "name": "CheckToken", "path": example("check_token") }))
        .hook("post_key_auth", &example("check_token"), "TellCaller");
    let gateway = Gateway::build()
        .config(|config| {
            config.enable_analytics = true;
            config.pinhook.analytics.sink = SinkKind::File;
            config.pinhook.analytics.path = path;
        })
        .api(checked)
        .api(
            go("res", &upstream)
                .hook("response", &example("stamp_response"), "StampResponse")
                .set("analytics_plugin", hook),
        )
        .start()
        .await;

    let refused = gateway.get("/auth/x").header("Authorization", "nobody").send().await;
    assert_eq!((refused.status, refused.text().as_str()), (403, "who are you?\n"));
    for expected in [200, 200, 200, 200, 200, 429] {
        assert_eq!(
            gateway.get("/auth/x").header("Authorization", "let-ann-in").send().await.status,
            expected
        );
    }
    let seen = upstream.last();
    assert_eq!(
        (seen.header("x-caller").as_deref(), seen.header("x-tier").as_deref()),
        (Some("ann"), Some("gold"))
    );

    let stamped = gateway.get("/res/x").send().await;
    assert_eq!((stamped.text().as_str(), stamped.header("x-stamped")), ("card ****", Some("GET /x")));
    let record = || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        records.find(|record| record["api_id"] == "res")
    };
    until("the record", async || record().is_some()).await;
    let record = record().unwrap();
    assert_eq!((&record["ip_address"], &record["api_key"]), (&json!(""), &json!("hidden")));
}

async fn fault(gateway: &Gateway, api: &str, what: &str) -> Response {
    gateway.get(&format!("/{api}/x")).header("X-Fault", what).send().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hook_does_wrong_fails_its_request_and_no_other() {
    let upstream = Upstream::named("up").await;
    let hook = json!({ "name": "Fault", "path": faults(), "pinhook": { "timeout_ms": 700 } });
    let gateway = Gateway::build()
        .config(|config| config.pinhook.max_buffered_body = 1 << 20)
        .api(go("f", &upstream).entry("pre", hook))
        .api(go("res", &upstream).hook("response", &faults(), "FaultResponse"))
        .start()
        .await;

    assert_eq!(fault(&gateway, "f", "none").await.text(), "up");
    for what in ["panic", "nil", "goexit", "bad-header", "bad-method", "large"] {
        assert_eq!(
            fault(&gateway, "f", what).await.error(),
            (500, "Internal Server Error".to_owned()),
            "{what}"
        );
        assert_eq!(fault(&gateway, "f", "none").await.text(), "up", "after {what}");
    }
    assert_eq!(
        upstream.last().header("x-calls").as_deref(),
        Some("13"),
        "the worker lived through all of it"
    );
    let masked = gateway.get("/res/x").send().await;
    assert_eq!((masked.status, masked.text().contains("up")), (500, false));

    // Go ends a process whose code races or exits, the gateway one that does nothing but hang: a new worker takes over.
    for what in ["exit", "race", "hang"] {
        assert_eq!(fault(&gateway, "f", what).await.status, 500, "{what}");
        until("the next worker", async || fault(&gateway, "f", "none").await.status == 200).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_of_a_request_share_its_context() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(go("c", &upstream).hook("pre", &faults(), "Leave").hook("pre", &faults(), "Find").hook(
            "response",
            &faults(),
            "FindResponse",
        ))
        .api(go("e", &upstream).hook("pre", &faults(), "Edges"))
        .start()
        .await;
    for keep in ["", "", "1"] {
        let answer = gateway.get("/c/x").header("X-Keep", keep).send().await;
        assert_eq!(answer.header("x-found"), Some("of an earlier hook two"), "{}", answer.text());
        let seen = upstream.last();
        assert_eq!(seen.header("x-found").as_deref(), Some("of an earlier hook"));
        assert_eq!(seen.header("x-token").as_deref(), Some("first"));
    }

    assert_eq!(gateway.get("/e/x?flush").send().await.text(), "up", "a flush is no answer");
    assert_eq!(gateway.get("/e/x?relative").send().await.status, 200);
    assert_eq!(upstream.last().target, "/no/slash?relative");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugins_keep_data_in_the_gateways_store() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(go("f", &upstream).hook("pre", &faults(), "Fault")).start().await;
    assert_eq!(fault(&gateway, "f", "store").await.status, 200);
    assert_eq!(upstream.last().header("x-store").as_deref(), Some("kept true true"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_is_one_worker_and_new_code_is_taken_at_a_reload() {
    let upstream = Upstream::named("up").await;
    let file = temporary("replaced.so");
    fs::copy(faults(), &file).unwrap();
    let calls = || upstream.last().header("x-calls");
    let gateway = Gateway::build()
        .api(go("a", &upstream).hook("pre", &file, "Fault"))
        .api(go("b", &upstream).hook("pre", &file, "Fault"))
        .start()
        .await;
    for (api, expected) in [("a", "1"), ("b", "2"), ("a", "3")] {
        gateway.get(&format!("/{api}/x")).send().await;
        assert_eq!(calls().as_deref(), Some(expected), "two APIs share the package");
    }
    gateway.reload().await;
    gateway.get("/a/x").send().await;
    assert_eq!(calls().as_deref(), Some("4"), "a reload leaves it running");

    fs::copy(example("add_header"), &file).unwrap();
    gateway.put(&go("a", &upstream).hook("pre", &file, "AddHeader"));
    gateway.reload().await;
    gateway.get("/a/x").send().await;
    assert_eq!(upstream.last().header("foo").as_deref(), Some("Bar"));
    gateway.get("/b/x").send().await;
    assert_eq!(calls().as_deref(), Some("5"), "an API whose function is gone keeps the code that has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_is_not_there_or_of_another_shape_never_opens_the_gate() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(go("missing", &upstream).hook("pre", &faults(), "Nothing"))
        .api(go("shape", &upstream).hook("pre", &faults(), "FaultResponse"))
        .api(go("response", &upstream).hook("response", &faults(), "Fault"))
        .start()
        .await;
    for api in ["missing", "shape", "response"] {
        assert_eq!(gateway.get(&format!("/{api}/x")).send().await.status, 500, "{api}");
    }
}

fn plugin_build(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pinhook"))
        .args(["plugin", "build"])
        .arg(folder)
        .args(args)
        .env("GOPROXY", "off")
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn source(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

const HOOK: &str =
    "package main\n\nimport \"net/http\"\n\nfunc Hook(w http.ResponseWriter, r *http.Request) {}\n";

#[test]
fn a_build_that_cannot_be_says_why() {
    let cases: [(&[(&str, &str)], &str); 6] = [
        (
            &[("main.go", "package main\n\nfunc Hook() { undefined() }\n")],
            "main.go:3:15: undefined: undefined",
        ),
        (&[("main.go", "package hooks\n\nfunc Hook() {}\n")], "it is `package hooks`"),
        (&[("main.go", "package main\n\nfunc hook() {}\n")], "it exports no function"),
        (&[("main.go", "package main\n\nimport \"C\"\n\nfunc Hook() {}\n")], "need cgo"),
        (&[("README.md", "nothing")], "no Go files"),
        (
            &[("main.go", "package main\n\nimport _ \"example.com/missing\"\n\nfunc Hook() {}\n")],
            "go mod vendor",
        ),
    ];
    for (files, expected) in cases {
        let folder = source(files);
        let (code, text) = plugin_build(folder.path(), &["-o", "/dev/null"]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let folder = source(&[("main.go", HOOK)]);
    let (code, text) = plugin_build(folder.path(), &["--go", "no-such-go"]);
    assert!(code == 2 && text.contains("go.dev/dl"), "{text}");
    let (code, text) = plugin_build(Path::new("/no/such/folder"), &[]);
    assert!(code == 2 && text.contains("no such folder"), "{text}");
}

/// A module as plugins of Tyk have it: its go.mod asks for Tyk and for much that Tyk alone needs, and a folder beside the hook
/// holds more of its code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_build_offline_with_and_without_vendor() {
    let go_mod = "module example.com/plugin\n\ngo 1.21\n\nrequire (\n\tgithub.com/TykTechnologies/tyk v1.9.2-0.20230330071232-370295d796b5\n\t\
                  github.com/hashicorp/nowhere v1.2.3 // indirect\n)\n\nreplace github.com/TykTechnologies/tyk => ../tyk\n";
    let main = "package main\n\nimport (\n\t\"net/http\"\n\n\t\"example.com/plugin/inner\"\n\t\"github.com/TykTechnologies/tyk/log\"\n)\n\n\
                func Hook(w http.ResponseWriter, r *http.Request) {\n\tlog.Get().Info(\"called\")\n\tr.Header.Set(\"Foo\", inner.Text)\n}\n\nfunc main() {}\n";
    let inner = "package inner\n\nconst Text = \"inner\"\n";
    let plain = source(&[("go.mod", go_mod), ("main.go", main), ("inner/inner.go", inner)]);
    let vendored = source(&[
        ("go.mod", go_mod),
        (
            "main.go",
            &main.replace("inner.Text", "inner.Text + far.Text").replace(
                "\"github.com/TykTechnologies/tyk/log\"",
                "\"github.com/TykTechnologies/tyk/log\"\n\t\"github.com/hashicorp/nowhere/far\"",
            ),
        ),
        ("inner/inner.go", inner),
        ("vendor/github.com/hashicorp/nowhere/far/far.go", "package far\n\nconst Text = \"+far\"\n"),
        (
            "vendor/github.com/TykTechnologies/tyk/log/log.go",
            "package log\n\nimport _ \"github.com/never/there\"\n",
        ),
        (
            "vendor/modules.txt",
            "# github.com/TykTechnologies/tyk v1.9.2-0.20230330071232-370295d796b5 => ../tyk\n## explicit; go 1.16\n\
             github.com/TykTechnologies/tyk/log\n# github.com/hashicorp/nowhere v1.2.3\n## explicit; go 1.16\n\
             github.com/hashicorp/nowhere/far\n# github.com/TykTechnologies/tyk => ../tyk\n",
        ),
    ]);
    let (first, second) = (temporary("plain.so"), temporary("vendored.so"));
    for (folder, file) in [(&plain, &first), (&vendored, &second)] {
        let (code, text) = plugin_build(folder.path(), &["-o", file.to_str().unwrap()]);
        assert_eq!(code, 0, "{text}");
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            left.len() <= 4 && fs::read_to_string(folder.path().join("go.mod")).unwrap() == go_mod,
            "{left:?}"
        );
    }
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(go("plain", &upstream).hook("pre", &first, "Hook"))
        .api(go("vendored", &upstream).hook("pre", &second, "Hook"))
        .start()
        .await;
    for (api, expected) in [("plain", "inner"), ("vendored", "inner+far")] {
        gateway.get(&format!("/{api}/x")).send().await;
        assert_eq!(
            upstream.last().header("foo").as_deref(),
            Some(expected),
            "two plugins with one module path"
        );
    }
}

#[test]
fn a_new_plugin_builds_and_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let new = || {
        Command::new(env!("CARGO_BIN_EXE_pinhook"))
            .args(["plugin", "new"])
            .arg(folder.path())
            .output()
            .unwrap()
            .status
    };
    assert!(new().success());
    let (code, text) = plugin_build(folder.path(), &["-o", folder.path().join("a.so").to_str().unwrap()]);
    assert!(code == 0 && text.contains("functions: Request, Response"), "{text}");
    assert_eq!(new().code(), Some(2));
}

#[test]
fn the_default_name_tells_what_it_is_built_for() {
    let folder = source(&[("main.go", HOOK)]);
    let name = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
    let (code, text) = plugin_build(folder.path(), &["--os", "linux", "--arch", "arm64"]);
    assert_eq!(code, 0, "{text}");
    let file = folder.path().join(format!("{name}_abi1_linux_arm64.so"));
    assert_eq!(fs::read(file).unwrap()[18..20], [0xb7, 0], "the processor of its ELF header");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_for_another_processor_is_refused() {
    let upstream = Upstream::named("up").await;
    let folder = source(&[("main.go", HOOK)]);
    let file = folder.path().join("other.so");
    let arch = if cfg!(target_arch = "x86_64") { "arm64" } else { "amd64" };
    assert_eq!(plugin_build(folder.path(), &["--arch", arch, "-o", file.to_str().unwrap()]).0, 0);
    let gateway = Gateway::build().api(go("a", &upstream).hook("pre", &file, "Hook")).start().await;
    assert_eq!(gateway.get("/a/x").send().await.status, 500);
}
