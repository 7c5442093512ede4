//! The life of the process: start, signals, exit codes.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::{
    client::Request,
    definition::api,
    free_port,
    program::{Program, pinhook, ready},
    until,
    upstream::Upstream,
};

#[test]
fn a_port_in_use_ends_the_start_with_a_clear_text() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let builder = Program::build();
    let start = Instant::now();

    let status = builder.command(port).status().unwrap();

    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(status.code(), Some(1));
    let log = fs::read_to_string(builder.path("log")).unwrap();
    assert!(log.contains(&format!("127.0.0.1:{port}")) && log.contains("in use"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_wrong_type_ends_the_start_with_2() {
    let builder = Program::build().set("enable_analytics", "perhaps");
    assert_eq!(builder.command(free_port()).status().unwrap().code(), Some(2));
    let log = fs::read_to_string(builder.path("log")).unwrap();
    assert!(log.contains("enable_analytics: expected"), "{log}");
}

#[tokio::test]
async fn an_idle_gateway_ends_within_a_second() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = Program::build().start().await;
        // An idle connection is no reason to stay.
        let _idle = program.connect().await;
        let start = Instant::now();
        program.signal(signal);
        assert_eq!(program.end().await.code(), Some(0), "{}", program.log());
        assert!(start.elapsed() < Duration::from_secs(1), "{signal:?}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn sigterm_loses_no_request_in_flight() {
    let upstream = Upstream::named("up").await;
    let mut program = Program::build().api(api("a").target(&upstream)).start().await;
    upstream.close();
    let mut clients = Vec::new();
    for number in 0..50 {
        clients.push(program.get(&format!("/a/{number}")).start().await);
    }
    until("all are upstream", async || upstream.count() == clients.len()).await;

    program.signal(Signal::TERM);
    until("it stops accepting", async || tokio::net::TcpStream::connect(program.address()).await.is_err())
        .await;
    upstream.open();

    for client in &mut clients {
        let response = client.response().await;
        assert_eq!((response.status, response.text().as_str()), (200, "up"));
    }
    assert_eq!(program.end().await.code(), Some(0));
}

/// Each client sends its next request when the last is answered, until the gateway has gone.
#[tokio::test]
async fn sigterm_under_load_answers_all_that_it_took() {
    let upstream = Upstream::named("up").await;
    let mut program = Program::build().api(api("a").target(&upstream)).start().await;
    let address = program.address();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(async move {
                let mut answered = 0;
                while tokio::net::TcpStream::connect(address).await.is_ok() {
                    let mut connection = crate::support::client::Connection::open(address).await;
                    loop {
                        connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
                        let Some(response) = connection.response_or_end().await else { break };
                        assert_eq!((response.status, response.text().as_str()), (200, "up"));
                        answered += 1;
                        if response.header("connection") == Some("close") {
                            break;
                        }
                    }
                }
                answered
            })
        })
        .collect();
    until("load", async || upstream.count() > 500).await;
    program.signal(Signal::TERM);
    assert_eq!(program.end().await.code(), Some(0), "{}", program.log());
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    assert_eq!(answered, upstream.count(), "what reached the upstream was answered");
}

#[tokio::test]
async fn the_pid_file_names_the_process() {
    let builder = Program::build();
    let file = builder.path("pinhook.pid");
    let program = builder.set("pid_file_location", file.to_str().unwrap()).start().await;
    // It is written once the process serves, which a probe may see first.
    let id = program.id().to_string();
    until("the pid file", async || fs::read_to_string(&file).is_ok_and(|text| text.trim() == id)).await;
}

#[tokio::test]
async fn a_daemon_serves_until_its_pid_is_told_to_end() {
    let upstream = Upstream::named("up").await;
    let builder = Program::build().api(api("a").target(&upstream));
    let file = builder.path("pinhook.pid");
    let builder = builder.set("pid_file_location", file.to_str().unwrap());
    let port = free_port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));

    let started = builder.command(port).arg("-d").status().unwrap();

    assert_eq!(started.code(), Some(0));
    ready(address, || {}).await;
    assert_eq!(Request::new(address, "GET", "/a/x").send().await.text(), "up");
    let read = || fs::read_to_string(&file).ok()?.trim().parse().ok();
    until("the pid file", async || read().is_some()).await;
    let pid = Pid::from_raw(read().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    until("the daemon ends", async || tokio::net::TcpStream::connect(address).await.is_err() && gone(pid))
        .await;
}

/// True once the process has ended; one that nobody has waited for yet has ended, too.
fn gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    test_kill_process(pid).is_err() || stat.contains(") Z ")
}

#[test]
fn check_and_lint_judge_definitions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = |args: &[&str]| {
        let output = pinhook().args(args).current_dir(root).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let samples: Vec<String> = fs::read_dir(root.join("conf/apis"))
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    let all: Vec<&str> = ["lint"].into_iter().chain(samples.iter().map(String::as_str)).collect();
    let (code, text) = run(&all);
    assert_eq!(code, 0, "{text}");

    let builder = Program::build().file("apps/broken.json", "{\n\"name\": ").api(api("good"));
    builder.command(free_port());
    let (conf, broken) = (builder.path("tyk.conf"), builder.path("apps/broken.json"));
    for args in [&["check", "--conf", conf.to_str().unwrap()][..], &["lint", broken.to_str().unwrap()]] {
        let (code, text) = run(args);
        assert_eq!(code, 2, "{args:?}: {text}");
        assert!(text.contains("broken.json:2") && text.contains("1 error"), "{text}");
    }
    fs::remove_file(&broken).unwrap();
    let (code, text) = run(&["check", "--conf", conf.to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn the_samples_pass_the_check() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The samples name libraries that `make run` builds; they stand in for them here.
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root.join("conf"), folder.path().join("conf")).unwrap();
    let libraries = folder.path().join("target/plugins");
    fs::create_dir_all(&libraries).unwrap();
    for name in ["add_header", "sticky"] {
        fs::copy(crate::support::plugins::build(name), libraries.join(format!("{name}.so"))).unwrap();
    }
    let mut command = pinhook();
    let output =
        command.args(["check", "--conf", "conf/pinhook.yaml"]).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("error"), "{text}");
}

#[tokio::test]
async fn a_kept_connection_costs_little_while_it_is_idle() {
    const COUNT: usize = 400;
    let upstream = Upstream::named("up").await;
    let get = "GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n".to_owned();
    let post = format!("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n{}", "b".repeat(9000));
    for request in [get, post] {
        let program = Program::build().api(api("a").target(&upstream)).start().await;
        let mut idle = Vec::new();
        let mut before = 0.0;
        // The first half warms up what is shared.
        for number in 0..2 * COUNT {
            if number == COUNT {
                before = program.resident();
            }
            let mut connection = program.connect().await;
            connection.send(&request).await;
            assert_eq!(connection.response().await.status, 200);
            idle.push(connection);
        }
        let each = (program.resident() - before) / COUNT as f64;
        assert!(each < 10.0, "{each} KiB per connection after {:.4}", request);

        for connection in &mut idle {
            connection.send(&request).await;
            assert_eq!(connection.response().await.status, 200, "it still serves");
        }
    }
}
