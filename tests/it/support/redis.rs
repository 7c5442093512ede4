//! A real Redis server on a free port, gone with its handle.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use pinhook::config::{Storage, StorageKind};
use redis::{FromRedisValue, cmd};
use rustix::process::{Pid, Signal, kill_process};

/// A server with an empty database that keeps nothing on disk.
pub(crate) struct Redis {
    server: Child,
    port: u16,
}

impl Redis {
    /// Starts one. Fails the test when `redis-server` is not installed.
    pub(crate) fn start() -> Self {
        for _ in 0..5 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            if let Some(server) = launch(port) {
                return Self { server, port };
            }
        }
        panic!("no port for redis-server after 5 tries");
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
        self.server = launch(self.port).expect("redis-server starts on the port it had");
    }

    /// Sends a command and waits for the answer.
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let client = redis::Client::open(("127.0.0.1", self.port)).unwrap();
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(5)).unwrap();
        let [name, arguments @ ..] = command else { panic!("no command") };
        cmd(name).arg(arguments).query(&mut connection).unwrap()
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
fn launch(port: u16) -> Option<Child> {
    let mut server = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed (Debian: apt-get install redis-server)");
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if server.try_wait().unwrap().is_some() {
            return None;
        }
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Some(server);
        }
        sleep(Duration::from_millis(10));
    }
    let _ = server.kill();
    let _ = server.wait();
    panic!("redis-server does not accept connections on port {port}");
}
