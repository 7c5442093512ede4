//! Reloads while requests run: none of them notices, and nothing of the old generation stays.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use crate::support::{
    client::Request,
    definition::{Definition, api},
    free_port,
    load::{Load, Mix},
    plugins::build_c,
    program::Program,
    until,
    upstream::Upstream,
};

const APIS: usize = 100;
const RELOADS: usize = 200;

fn generation(number: usize) -> std::path::PathBuf {
    build_c("generation.c", &[&format!("-DGENERATION=\"{number}\"")])
}

fn numbered(number: usize, upstream: &Upstream, library: &Path) -> Definition {
    api(&format!("api{number}")).target(upstream).hook("pre", library, "Generation")
}

/// How long it took.
async fn reload(program: &Program) -> Duration {
    let start = Instant::now();
    assert_eq!(program.get("/tyk/reload?block=true").send().await.status, 200);
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_reloads_under_load() {
    let upstream = Upstream::named("up").await;
    let builder = Program::build().set("disable_ports_whitelist", true);
    let library = builder.path("hook.so");
    let builds = [generation(0), generation(1)];
    fs::copy(&builds[0], &library).unwrap();
    let port = free_port();
    let mut builder = builder.api(api("ported").target(&upstream).set("listen_port", port));
    for number in 0..APIS {
        builder = builder.api(numbered(number, &upstream, &library));
    }
    let program = builder.start().await;
    let mix = Mix { kept: 4, fresh: 2, loyal: 0 };
    let load = Load::start(program.address(), &["/api0/x", "/api7/x", "/api50/x", "/api99/x"], mix);
    let other = Load::start(SocketAddr::from(([127, 0, 0, 1], port)), &["/ported/x"], Mix { kept: 2, ..mix });
    load.more(100).await;
    let mut before = 0.0;
    let mut took = Vec::new();

    for number in 1..=RELOADS {
        fs::write(&library, fs::read(&builds[number % 2]).unwrap()).unwrap();
        for change in 0..3 {
            let changed = numbered((number + change) % APIS, &upstream, &library);
            program.put(&changed.set("config_data.generation", number));
        }
        took.push(reload(&program).await);
        if number % 20 == 0 {
            assert_eq!(program.get("/api7/check").send().await.status, 200);
            let seen = upstream.seen().into_iter().rev().find(|seen| seen.target == "/check").unwrap();
            assert_eq!(seen.header("generation"), Some((number % 2).to_string()), "reload {number}");
        }
        if number == RELOADS / 2 {
            before = program.resident();
        }
    }

    let after = program.resident();
    let clients = 4 + 2 + 2 + 2 + 1;
    assert!(
        upstream.connections() <= 2 * clients,
        "upstream connections are kept: {}",
        upstream.connections()
    );
    took.sort_unstable();
    println!("a reload took {:?}, at most {:?}", took[RELOADS / 2], took[RELOADS - 1]);
    println!("{before} KiB after half of the reloads, {after} KiB after all");
    // A further thread of the pool that loads takes 4 MiB for its heap, once; scripts/reliability looks longer.
    assert!(after <= before * 1.05 + 4_500.0, "{before} KiB after half of them, {after} KiB after all");
    for load in [load, other] {
        let tally = load.end().await;
        println!("{} answered", tally.answered);
        assert_eq!(tally.failed, [""; 0], "of {}", tally.answered);
        assert_eq!(tally.refused, 0);
    }
}

#[tokio::test]
async fn ports_come_and_go() {
    let upstream = Upstream::named("up").await;
    let builder = Program::build().set("disable_ports_whitelist", true);
    let program = builder.api(api("a").target(&upstream)).start().await;
    let port = free_port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    for _ in 0..3 {
        program.put(&api("ported").target(&upstream).set("listen_port", port));
        reload(&program).await;
        assert_eq!(Request::new(address, "GET", "/ported/x").send().await.text(), "up");
        assert_eq!(program.get("/ported/x").send().await.status, 404, "it is behind its own port alone");

        upstream.close();
        let mut flying = Request::new(address, "GET", "/ported/slow").start().await;
        until("it is upstream", async || upstream.last().target == "/slow").await;
        fs::remove_file(program.file("apps/ported.json")).unwrap();
        reload(&program).await;
        upstream.open();
        let response = flying.response().await;
        assert_eq!((response.status, response.text().as_str()), (200, "up"), "what was begun is finished");
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is closed");
        assert_eq!(program.get("/a/x").send().await.text(), "up");
    }
}

#[tokio::test]
async fn a_request_outlives_its_definition() {
    let upstream = Upstream::named("up").await;
    let library = generation(0);
    let program = Program::build().api(numbered(1, &upstream, &library)).start().await;
    upstream.close();
    let mut flying = program.get("/api1/x").start().await;
    until("it is upstream", async || upstream.count() == 1).await;

    fs::remove_file(program.file("apps/api1.json")).unwrap();
    reload(&program).await;
    assert_eq!(program.get("/api1/x").send().await.status, 404);
    upstream.open();

    let response = flying.response().await;
    assert_eq!((response.status, response.text().as_str()), (200, "up"));
}
