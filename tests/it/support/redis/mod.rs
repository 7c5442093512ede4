//! Real Redis servers on free ports, gone with their handles: one here, sets of them in the modules below.

pub(crate) mod cluster;
pub(crate) mod sentinel;
pub(crate) mod tls;

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use pinhook::config::{Storage, StorageKind};
use redis::{FromRedisValue, cmd};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A server with an empty database that keeps nothing on disk.
pub(crate) struct Redis {
    server: Child,
    port: u16,
    arguments: Vec<String>,
    /// What a replica writes, it writes here.
    folder: TempDir,
}

impl Redis {
    /// Starts one. Fails the test when `redis-server` is not installed.
    pub(crate) fn start() -> Self {
        Self::with(|_| Vec::new())
    }

    /// Starts one with these arguments besides, which may depend on its port.
    pub(super) fn with(more: impl Fn(u16) -> Vec<String>) -> Self {
        Self::run(|port| {
            let port = port.to_string();
            let plain = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port];
            [arguments(&plain), more(port.parse().unwrap())].concat()
        })
    }

    fn run(arguments: impl Fn(u16) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..5 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let arguments = arguments(port);
            if let Some(server) = launch(port, &arguments, folder.path()) {
                return Self { server, port, arguments, folder };
            }
        }
        panic!("no port for redis-server after 5 tries");
    }

    /// Starts a sentinel, whose settings are all in a file.
    pub(super) fn sentinel(file: impl Fn(u16) -> std::path::PathBuf) -> Self {
        Self::run(|port| vec![file(port).display().to_string(), "--sentinel".to_owned()])
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The config that reaches it.
    pub(crate) fn storage(&self) -> Storage {
        Storage {
            kind: StorageKind::Redis,
            host: "127.0.0.1".to_owned(),
            port: self.port,
            timeout: 1,
            ..Storage::default()
        }
    }

    /// Stops the process where it stands: connections stay open and nothing answers.
    pub(crate) fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    /// Lets it go on after [`Redis::freeze`].
    pub(crate) fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// Ends the process; connections are refused until [`Redis::restart`].
    pub(crate) fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again, empty, on the same port.
    pub(crate) fn restart(&mut self) {
        self.server = launch(self.port, &self.arguments, self.folder.path())
            .expect("redis-server starts on the port it had");
    }

    /// Sends a command and waits for the answer.
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command).unwrap()
    }

    pub(super) fn try_ask<T: FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(("127.0.0.1", self.port)).unwrap();
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(5))?;
        let [name, arguments @ ..] = command else { panic!("no command") };
        cmd(name).arg(arguments).query(&mut connection)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.server)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may be gone already, and a frozen process dies of SIGKILL too.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// `None` when the port was taken meanwhile.
fn launch(port: u16, arguments: &[String], folder: &Path) -> Option<Child> {
    let mut server = Command::new("redis-server")
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed (Debian: apt-get install redis-server)");
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if server.try_wait().unwrap().is_some() {
            return None;
        }
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            // A node of a cluster accepts before it finds its bus port taken, and ends. With TLS no PING is answered.
            if !answers(port) {
                sleep(Duration::from_millis(200));
            }
            return server.try_wait().unwrap().is_none().then_some(server);
        }
        sleep(Duration::from_millis(10));
    }
    let _ = server.kill();
    let _ = server.wait();
    panic!("redis-server does not answer on port {port}");
}

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    stream.write_all(b"PING\r\n").is_ok() && stream.read(&mut [0]).is_ok_and(|count| count > 0)
}

/// Waits until `condition` holds, on this thread: servers are set up before a test's runtime has work to do.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + super::DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(20));
    }
}

fn arguments(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
