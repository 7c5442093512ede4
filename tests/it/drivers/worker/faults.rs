//! Plugins that fail, hang, die, or talk nonsense.

use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::support::{program::Program, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_raises_fails_its_call_only() {
    let upstream = Upstream::named("up").await;
    let plugin = [
        pre("Raise", &["raise ValueError('on purpose')"]),
        pre("Leave", &["sys.exit(3)"]),
        pre("Interrupt", &["raise KeyboardInterrupt"]),
        pre("Wrong", &["request.add_header('X-Number', 7)"]),
        pre("Unsendable", &["request.add_header('bad name', 'x')"]),
        pre("Lone", &["request.add_header('X-Lone', '\\ud800')"]),
        pre("Nowhere", &["request.object.url = 'no path'"]),
        pre("Typed", &["request.object.return_overrides.headers['X'] = 1"]),
    ];
    let hooks = ["Raise", "Leave", "Interrupt", "Wrong", "Unsendable", "Lone", "Nowhere", "Typed"];
    let gateway = with_plugin(1, &upstream, &plugin.concat(), &hooks).await;
    let before = worker(&gateway).await;
    for hook in hooks {
        let answer = get(&gateway, &format!("/{}/", hook.to_lowercase())).await;
        assert_eq!((hook, answer.status), (hook, 500));
        assert_error(&answer, MIDDLEWARE_ERROR);
    }
    assert_eq!(worker(&gateway).await, before, "it is the same process");
    assert_eq!(upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auth_hook_that_fails_or_has_died_denies() {
    let upstream = Upstream::named("up").await;
    let text = format!(
        "{START}@Hook\ndef Check(request, session, metadata, spec):\n    \
         if request.get_header('X-Die'):\n        os._exit(1)\n    raise ValueError('on purpose')\n"
    );
    let builder = gateway(1).file("plugin.py", text);
    let check = entry(&builder.folder().join("plugin.py"), "Check");
    let definition = api("a")
        .target(&upstream)
        .set("use_keyless", false)
        .set("custom_plugin_auth_enabled", true)
        .set("custom_middleware.driver", "python")
        .set("custom_middleware.auth_check", check);
    let gateway = builder.api(definition).start().await;
    assert_error(&get(&gateway, "/a/").await, (403, "Key not authorised"));
    assert_error(&gateway.get("/a/").header("X-Die", "1").send().await, (403, "Key not authorised"));
    assert_error(&get(&gateway, "/a/").await, (403, "Key not authorised"));
    assert_eq!(upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_dies_in_a_call_is_replaced() {
    let upstream = Upstream::named("up").await;
    let gateway = with_plugin(1, &upstream, &pre("Die", &["os._exit(1)"]), &["Die"]).await;
    let before = worker(&gateway).await;
    let died = Instant::now();
    assert_error(&get(&gateway, "/die/").await, MIDDLEWARE_ERROR);
    until("another worker", async || get(&gateway, "/say/").await.status == 200).await;
    assert_ne!(worker(&gateway).await, before);
    assert!(died.elapsed() < 5 * SOON, "{:?}", died.elapsed());
    assert_eq!(metric(&gateway, "pinhook_worker_restarts_total"), Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_hangs_fails_alone_and_its_worker_is_replaced() {
    let upstream = Upstream::named("up").await;
    let plugin = [pre("Hang", &["time.sleep(60)"]), pre("Spin", &["while True: pass"])];
    let gateway = with_plugin(1, &upstream, &plugin.concat(), &["Hang", "Spin"]).await;
    for hang in ["/hang/", "/spin/"] {
        let before = worker(&gateway).await;
        let began = Instant::now();
        let (hung, other) = tokio::join!(get(&gateway, hang), async {
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            get(&gateway, "/say/").await
        });
        assert_error(&hung, MIDDLEWARE_ERROR);
        assert!(began.elapsed() < 10 * SOON, "{:?}", began.elapsed());
        // It came behind the one that hangs and was not begun. Its own limit may end it while the new process starts.
        assert!([200, 500].contains(&other.status));
        until("another worker", async || {
            let answer = get(&gateway, "/say/").await;
            answer.status == 200 && answer.text() != before.as_raw_nonzero().to_string()
        })
        .await;
        assert!(is_gone(before), "the old one was killed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_does_not_wait_behind_a_slow_one() {
    let upstream = Upstream::named("up").await;
    let gateway = with_plugin(2, &upstream, &pre("Slow", &["time.sleep(0.4)"]), &["Slow"]).await;
    until("both workers", async || metric(&gateway, "pinhook_workers") == Some(2.0)).await;
    for _ in 0..50 {
        worker(&gateway).await;
    }
    let slow = tokio::spawn(gateway.get("/slow/").send());
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    let began = Instant::now();
    for _ in 0..20 {
        worker(&gateway).await;
    }
    assert!(began.elapsed() < std::time::Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(slow.await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_talks_nonsense_is_replaced() {
    let upstream = Upstream::named("up").await;
    let plugin = [
        pre("Http", &["os.write(3, b'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n')"]),
        pre("Noise", &["os.write(3, bytes(range(256)) * 50)"]),
        pre("Type", &["os.write(3, bytes([16, 0, 0, 0, 77]) + bytes(15))"]),
        pre("Close", &["os.close(3)", "time.sleep(60)"]),
    ];
    let hooks = ["Http", "Noise", "Type", "Close"];
    let gateway = with_plugin(1, &upstream, &plugin.concat(), &hooks).await;
    for hook in hooks {
        let before = worker(&gateway).await;
        assert_error(&get(&gateway, &format!("/{}/", hook.to_lowercase())).await, MIDDLEWARE_ERROR);
        until("another worker", async || {
            let answer = get(&gateway, "/say/").await;
            answer.status == 200 && answer.text() != before.as_raw_nonzero().to_string()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_fails_its_call_only() {
    let upstream = Upstream::named("up").await;
    let plugin = [
        pre("Huge", &["request.object.raw_body = b'x' * (20 << 20)"]),
        pre("Large", &["request.object.raw_body = b'y' * (15 << 20)"]),
    ];
    let gateway = with_plugin(1, &upstream, &plugin.concat(), &["Huge", "Large"]).await;
    let before = worker(&gateway).await;
    assert_error(&gateway.request("POST", "/huge/").body("x").send().await, MIDDLEWARE_ERROR);
    assert_eq!(upstream.count(), 0);
    assert_eq!(gateway.request("POST", "/large/").body("x").send().await.status, 200);
    assert_eq!(upstream.last().body.len(), 15 << 20);
    assert_eq!(worker(&gateway).await, before, "it is the same process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_loaded_answers_500_and_the_rest_lives() {
    let upstream = Upstream::named("up").await;
    let builder = gateway(1)
        .file("import.py", "import no_such_module\n")
        .file("syntax.py", "def (:\n")
        .file("exit.py", "import sys\nsys.exit(0)\n")
        .file("abort.py", "import os\nos.abort()\n")
        .file("few.py", format!("{START}@Hook\ndef F(request):\n    pass\n"))
        .file("none.py", format!("{START}def F(request, session, spec):\n    return request, session\n"))
        .file("good.py", format!("{START}{}", says("'good'")));
    let folder = builder.folder();
    let file = |name: &str| entry(&folder.join(format!("{name}.py")), "F");
    let broken = ["import", "syntax", "exit", "abort", "few", "absent"];
    let mut builder = builder.api(hooked("good", &upstream, "pre", entry(&folder.join("good.py"), "Say")));
    for name in broken.iter().chain(&["none"]) {
        builder = builder.api(hooked(name, &upstream, "pre", file(name)));
    }
    let gateway = builder.start().await;
    for name in broken {
        assert_error(&get(&gateway, &format!("/{name}/")).await, SERVER_ERROR);
    }
    // The module is there, the function is not: as an unknown hook in Tyk.
    assert_error(&get(&gateway, "/none/").await, MIDDLEWARE_ERROR);
    assert_eq!(get(&gateway, "/good/").await.text(), "good");
    assert_eq!(upstream.count(), 0);
    let report = gateway.reload().await;
    for (name, says) in [
        ("import", "ModuleNotFoundError: No module named 'no_such_module' (import.py:"),
        ("syntax", "(syntax.py:"),
        ("exit", "SystemExit"),
        ("abort", "it ended before its code was loaded"),
        ("few", "it takes 1 parameters"),
        ("absent", "is not there"),
        ("none", "mark them with @Hook"),
    ] {
        let named = report.problems.iter().any(|problem| {
            problem.to_string().contains(&format!("{name}.json")) && problem.message.contains(says)
        });
        assert!(named, "{name}: {:#?}", report.problems);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interpreter_that_is_not_there_is_named() {
    let upstream = Upstream::named("up").await;
    let builder = gateway(1).file("good.py", format!("{START}{}", says("1")));
    let file = builder.folder().join("good.py");
    let builder = builder.config(|config| config.pinhook.python.interpreter = "python0.0".to_owned());
    let gateway = builder.api(hooked("a", &upstream, "pre", entry(&file, "Say"))).start().await;
    assert_error(&get(&gateway, "/a/").await, SERVER_ERROR);
    let report = gateway.reload().await;
    let named = report.problems.iter().any(|problem| problem.message.contains("python0.0 cannot be started"));
    assert!(named, "{:#?}", report.problems);
}

#[tokio::test]
async fn no_worker_outlives_its_gateway() {
    let upstream = Upstream::named("up").await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("plugin.py");
    let text = format!("{START}{}{}", says("os.getpid()"), pre("Spin", &["while True: pass"]));
    std::fs::write(&file, text).unwrap();
    let interpreter = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join("python3"))
        .find(|file| file.exists())
        .unwrap();
    let program = Program::build()
        .set("coprocess_options", json!({ "enable_coprocess": true }))
        .set("pinhook.python", json!({ "workers": 1, "interpreter": interpreter }))
        .api(hooked("say", &upstream, "pre", entry(&file, "Say")))
        .api(hooked("spin", &upstream, "pre", entry(&file, "Spin")))
        .start()
        .await;
    let answer = program.get("/say/").send().await;
    let worker = Pid::from_raw(answer.text().parse().unwrap()).unwrap();
    // One that hangs in a hook does not hear of the end by itself.
    let _hangs = program.get("/spin/").start().await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    program.signal(Signal::KILL);
    until("the end of the worker", async || is_gone(worker)).await;
}
