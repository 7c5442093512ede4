//! One process in place of another, without a closed port and without a failed request.

use std::{fs, path::Path, process::Command};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    client::Request,
    definition::api,
    load::{Load, Mix},
    program::{Builder, Program},
    until,
    upstream::Upstream,
};

/// A process that is not a child of the test's, told to end with the test.
struct Stranger(Pid);

impl Stranger {
    /// Whom the pid file names, once that is another one than `before`.
    async fn named_by(file: &Path, before: u32) -> Self {
        let mut found = None;
        until("another process serves", async || {
            found = pid_in(file).filter(|pid| pid.as_raw_nonzero().get() != before as i32);
            found.is_some()
        })
        .await;
        Self(found.unwrap())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

fn pid_in(file: &Path) -> Option<Pid> {
    Pid::from_raw(fs::read_to_string(file).ok()?.trim().parse().ok()?)
}

/// A gateway with a pid file and the APIs `a`, and `b` on a port of its own.
fn gateway(upstream: &Upstream, port: u16) -> Builder {
    let builder = Program::build()
        .api(api("a").target(upstream))
        .api(api("b").target(upstream).set("listen_port", port));
    let file = builder.path("pinhook.pid");
    builder.set("pid_file_location", file.to_str().unwrap()).set("disable_ports_whitelist", true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_takes_over_under_load() {
    let upstream = Upstream::named("up").await;
    let port = crate::support::free_port();
    let mut old = gateway(&upstream, port).start().await;
    let own = Load::start(old.address(), &["/a/x"], Mix { kept: 4, fresh: 4, loyal: 0 });
    let other = Load::start(([127, 0, 0, 1], port).into(), &["/b/x"], Mix { kept: 2, fresh: 2, loyal: 0 });
    // Only the successor reads it.
    old.put(&api("later").target(&upstream));

    let mut new = old.again(&["--upgrade"]);
    until("the successor is ready", async || new.log().contains("ready: waiting")).await;
    assert_eq!(
        old.get("/later/x").send().await.status,
        404,
        "it does not serve before it is handed the sockets"
    );
    own.more(200).await;
    old.signal(Signal::QUIT);
    assert_eq!(old.end().await.code(), Some(0), "{}", old.log());
    own.more(200).await;
    other.more(100).await;

    assert_eq!(new.get("/later/x").send().await.text(), "up");
    assert_eq!(fs::read_to_string(new.file("pinhook.pid")).unwrap(), new.id().to_string());
    assert!(!new.file("pinhook.pid.sock").exists(), "the upgrade socket is gone");
    for load in [own, other] {
        let tally = load.end().await;
        println!("{} answered", tally.answered);
        assert_eq!(tally.failed, [""; 0], "of {}", tally.answered);
        assert_eq!(tally.refused, 0);
    }
    new.signal(Signal::TERM);
    assert_eq!(new.end().await.code(), Some(0), "{}", new.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigusr2_starts_the_successor() {
    let upstream = Upstream::named("up").await;
    let mut program = gateway(&upstream, crate::support::free_port()).start().await;
    let load = Load::start(program.address(), &["/a/x"], Mix { kept: 3, fresh: 3, loyal: 0 });
    let file = program.file("pinhook.pid");
    load.more(100).await;
    let mut before = program.id();
    let mut strangers = Vec::new();
    // A successor can have one, too.
    for _ in 0..2 {
        kill_process(Pid::from_raw(before as i32).unwrap(), Signal::USR2).unwrap();
        let next = Stranger::named_by(&file, before).await;
        before = next.0.as_raw_nonzero().get() as u32;
        strangers.push(next);
        load.more(100).await;
    }

    assert_eq!(program.end().await.code(), Some(0), "{}", program.log());
    let tally = load.end().await;
    assert_eq!(tally.failed, [""; 0], "of {}", tally.answered);
    assert_eq!(tally.refused, 0);
}

#[tokio::test]
async fn a_daemon_replaces_the_process_it_names() {
    let upstream = Upstream::named("up").await;
    let mut old = gateway(&upstream, crate::support::free_port()).start().await;
    let file = old.file("pinhook.pid");

    let mut launcher = old.again(&["-d", &format!("--upgrade={}", old.id())]);

    assert_eq!(launcher.end().await.code(), Some(0));
    let new = Stranger::named_by(&file, old.id()).await;
    assert_eq!(old.end().await.code(), Some(0), "{}", old.log());
    assert_ne!(new.0.as_raw_nonzero().get() as u32, launcher.id(), "it went into the background");
    assert_eq!(Request::new(old.address(), "GET", "/a/x").send().await.text(), "up");
    let left: Vec<_> = fs::read_dir(old.file("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("launching")), "{left:?}");
}

#[tokio::test]
async fn a_successor_that_fails_changes_nothing() {
    let upstream = Upstream::named("up").await;
    let program = gateway(&upstream, crate::support::free_port()).start().await;
    let good = fs::read_to_string(program.file("tyk.conf")).unwrap();

    fs::write(program.file("tyk.conf"), "{\n\"listen_port\": []}").unwrap();
    program.signal(Signal::USR2);
    until("it is named", async || program.log().contains("the successor ended")).await;
    assert_eq!(program.get("/a/x").send().await.text(), "up");
    fs::write(program.file("tyk.conf"), good.replace("127.0.0.1", "256.0.0.1")).unwrap();
    let mut next = program.again(&[&format!("--upgrade={}", program.id())]);
    assert_eq!(next.end().await.code(), Some(1), "{}", next.log());
    until("it is named", async || program.log().contains("no successor took the sockets")).await;

    assert_eq!(program.get("/a/x").send().await.text(), "up");
    assert_eq!(fs::read_to_string(program.file("pinhook.pid")).unwrap(), program.id().to_string());
    assert!(program.get("/ready").send().await.status == 200);
}

#[tokio::test]
async fn sigquit_without_a_successor_does_not_end_it_and_sigterm_does() {
    let mut program = Program::build().start().await;
    program.signal(Signal::QUIT);
    until("it looks for one", async || program.log().contains("handing the sockets over")).await;
    assert_eq!(program.get("/ready").send().await.status, 200);
    program.signal(Signal::USR1);
    program.signal(Signal::TERM);
    assert_eq!(program.end().await.code(), Some(0), "{}", program.log());
}

#[tokio::test]
async fn a_predecessor_that_is_not_there_is_named() {
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let program = Program::build().start().await;
    let mut next = program.again(&[&format!("--upgrade={}", gone.id())]);
    assert_eq!(next.end().await.code(), Some(2));
    assert!(next.log().contains(&format!("cannot tell process {}", gone.id())), "{}", next.log());
}
