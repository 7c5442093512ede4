//! pinhook's own settings, all below the one key `pinhook`.

use std::{thread, time::Duration};

use serde::{Deserialize, Serialize};

/// The `pinhook` object of the gateway config. Environment: `PINHOOK_` and the key in upper case.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct Pinhook {
    /// Address that serves Prometheus metrics, such as `127.0.0.1:9090`; absent = no metrics are served.
    pub metrics_address: Option<String>,
    /// Threads that take requests; 0 = the number of cores.
    pub threads: usize,
    /// Milliseconds that a hook may take; default 5,000.
    pub plugin_timeout_ms: u64,
    /// Request header in which a hook names the target of this request; empty = none.
    pub service_address_header: String,
    /// Bytes of a body that hooks may see; above it a request gets 413, a response 502; default 16 MiB.
    pub max_buffered_body: u64,
    /// Bytes of each body that a detailed record keeps, and no more; default 1 MiB.
    pub max_recorded_body: u64,
    /// Threads for native hooks that may block; default 32.
    pub hook_threads: usize,
    /// Threads for scripts that wait, or take long, of one language; default 256. A script that asks this gateway needs
    /// one more for the answer.
    pub script_threads: usize,
    /// Bytes that the scripts of one API may hold on one thread; default 64 MiB.
    pub script_memory: usize,
    /// Unix socket at which `run --upgrade` takes the listening sockets of the running process; default the pid file's
    /// name with `.sock`, without a pid file `/tmp/pinhook_upgrade_<listen_port>.sock`. Both processes must agree.
    pub upgrade_socket: String,
    /// Bytes of a request's head; above it 431; default and most 1,048,575.
    pub max_header_bytes: usize,
    /// Header lines of a request; above it 431; default and most 256.
    pub max_headers: usize,
    /// Seconds that a client's connection may be idle; 0 = `http_server_options.read_timeout`, as in Tyk.
    pub idle_timeout_s: u64,
    /// Requests after which a client's HTTP/1 connection is closed; 0 = no limit.
    pub requests_per_connection: u32,
    /// Seconds that a body, an event stream or a WebSocket may pause between an upstream and a client; 0 = no limit;
    /// default 600.
    pub upstream_idle_timeout_s: u64,
    /// Honour `override_messages`, which Tyk 5.14 loses while it starts.
    pub override_messages: bool,
    /// Honour `active: false` of API definitions, which Tyk ignores in files.
    pub respect_active: bool,
    /// Lets everybody use the control API who reaches it while `secret` is empty, as Tyk does; else nobody may.
    pub allow_empty_secret: bool,
    /// Keys that are kept in memory for ten seconds after they were looked up, at most; default 100,000, about 2 KiB
    /// each. 0 = none, as `local_session_cache.disable_cached_session_state`.
    pub session_cache_entries: usize,
    /// Where analytics records go.
    pub analytics: PinhookAnalytics,
    /// How gRPC plugin servers are called.
    pub grpc: PinhookGrpc,
    /// How Python hooks run.
    pub python: PinhookPython,
}

impl Default for Pinhook {
    fn default() -> Self {
        Self {
            metrics_address: None,
            threads: 0,
            plugin_timeout_ms: 5_000,
            service_address_header: String::new(),
            max_buffered_body: 16 << 20,
            max_recorded_body: 1 << 20,
            hook_threads: 32,
            script_threads: 256,
            script_memory: 64 << 20,
            upgrade_socket: String::new(),
            max_header_bytes: 1_048_575,
            max_headers: 256,
            idle_timeout_s: 0,
            requests_per_connection: 0,
            upstream_idle_timeout_s: 600,
            override_messages: false,
            respect_active: false,
            allow_empty_secret: false,
            session_cache_entries: 100_000,
            analytics: PinhookAnalytics::default(),
            grpc: PinhookGrpc::default(),
            python: PinhookPython::default(),
        }
    }
}

impl Pinhook {
    /// `plugin_timeout_ms` as a span.
    pub fn plugin_timeout(&self) -> Duration {
        Duration::from_millis(self.plugin_timeout_ms)
    }

    /// `max_buffered_body` as a length.
    pub fn buffered_body(&self) -> usize {
        usize::try_from(self.max_buffered_body).unwrap_or(usize::MAX)
    }

    /// `upstream_idle_timeout_s` as a span, unless there is no limit.
    pub fn upstream_idle_timeout(&self) -> Option<Duration> {
        (self.upstream_idle_timeout_s > 0).then(|| Duration::from_secs(self.upstream_idle_timeout_s))
    }

    pub(super) fn fill(&mut self) {
        if self.threads == 0 {
            self.threads = thread::available_parallelism().map_or(1, usize::from);
        }
    }
}

/// `pinhook.analytics`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct PinhookAnalytics {
    /// Where records go; default `redis` when the storage is Redis, else `file` when a path is given, else `stdout`.
    pub sink: SinkKind,
    /// File that takes one JSON object per line; for the sink `file`.
    pub path: String,
}

/// `pinhook.grpc`: what Tyk has no settings for. It holds for every gRPC plugin server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct PinhookGrpc {
    /// Encrypt calls. Servers on a Unix socket are called in the clear. An address that begins with `tls://` is called
    /// with TLS and one that begins with `http://` without, whatever stands here.
    pub tls: bool,
    /// PEM file of the authorities that servers are checked against; empty = those of the system.
    pub ca_file: String,
    /// PEM file of the certificate that servers are shown; empty = none.
    pub cert_file: String,
    /// PEM file of its key.
    pub key_file: String,
    /// Name that a server's certificate must bear; empty = the host of its address.
    pub server_name: String,
    /// Do not check the certificates of servers. Anybody on the way can then read and change calls.
    pub insecure_skip_verify: bool,
    /// Connections to each address of a server; default 2.
    pub connections: usize,
    /// Seconds without a byte from a server, while calls are open, after which it is asked for a sign of life; 0 = never;
    /// default 60. Go servers close connections that ask more than a few times in five minutes.
    pub keep_alive_s: u64,
}

impl Default for PinhookGrpc {
    fn default() -> Self {
        Self {
            tls: false,
            ca_file: String::new(),
            cert_file: String::new(),
            key_file: String::new(),
            server_name: String::new(),
            insecure_skip_verify: false,
            connections: 2,
            keep_alive_s: 60,
        }
    }
}

/// `pinhook.python`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct PinhookPython {
    /// The interpreter, 3.8 or later: a file, or a name in `PATH`; default `python3`, or what
    /// `coprocess_options.python_version` names.
    pub interpreter: String,
    /// Folder of a virtual environment whose interpreter runs.
    pub venv: String,
    /// Processes per plugin; each runs one call at a time; default `pinhook.threads`.
    pub workers: usize,
    /// Folders that modules are looked for in, after that of the plugin.
    pub path: Vec<String>,
}

/// Where analytics records go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// Lists in Redis, read by Tyk Pump.
    Redis,
    /// A file of JSON lines.
    File,
    /// JSON lines on standard output.
    Stdout,
    /// Nowhere.
    None,
    /// Not given; never after loading.
    #[default]
    #[serde(rename = "")]
    Unset,
}
