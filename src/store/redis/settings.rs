//! From the config to clients: who is called, as whom, and how it proves itself.

use std::{fs, path::Path, time::Duration};

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    RedisResult, TlsCertificates, TlsMode, aio::MultiplexedConnection, cluster::ClusterClient,
    io::tcp::TcpSettings,
};

use crate::{
    config::{Secret, Storage},
    error::Problem,
};

pub(super) const DEFAULT_PORT: u16 = 6379;
/// The default of `timeout`.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a command to a cluster is tried again while its slots move, and the pauses between, in milliseconds.
const TRIES: u32 = 3;
const PAUSES: std::ops::Range<u64> = 50..500;

/// Everything that a connection is made from.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) addresses: Vec<(String, u16)>,
    pub(super) kind: Kind,
    pub(super) timeout: Duration,
    username: String,
    password: Secret,
    database: i64,
    tls: Option<Tls>,
}

/// What stands at the addresses.
#[derive(Clone)]
pub(super) enum Kind {
    Node,
    Cluster,
    /// Sentinels: the name of what they watch, and their password.
    Sentinel(String, Secret),
}

#[derive(Clone)]
struct Tls {
    insecure: bool,
    certificates: TlsCertificates,
}

/// A member of the config that cannot be used, and why.
pub(super) struct Unusable {
    pub(super) member: &'static str,
    pub(super) message: String,
}

fn unusable(member: &'static str, message: impl Into<String>) -> Unusable {
    Unusable { member, message: message.into() }
}

impl Settings {
    pub(super) fn new(config: &Storage) -> Result<Self, Unusable> {
        let kind = match (config.enable_cluster, config.master_name.is_empty()) {
            (true, true) => Kind::Cluster,
            (false, true) => Kind::Node,
            // Tyk asks for the name first.
            (_, false) => Kind::Sentinel(config.master_name.clone(), config.sentinel_password.clone()),
        };
        let timeout = config.timeout();
        Ok(Self {
            addresses: addresses(config)?,
            database: if matches!(kind, Kind::Cluster) { 0 } else { config.database },
            kind,
            timeout: if timeout.is_zero() { TIMEOUT } else { timeout },
            username: config.username.clone(),
            password: config.password.clone(),
            tls: if config.use_ssl { Some(Tls::read(config)?) } else { None },
        })
    }

    /// A client of the first address.
    pub(super) fn node(&self) -> RedisResult<Client> {
        let (host, port) = self.addresses.first().cloned().unwrap_or_else(|| (String::new(), DEFAULT_PORT));
        self.client(&host, port)
    }

    /// A client of a Redis elsewhere.
    pub(super) fn client(&self, host: &str, port: u16) -> RedisResult<Client> {
        self.open(self.info(host, port, self.login())?)
    }

    /// A client of a sentinel. Sentinels have a password of their own, and no databases.
    pub(super) fn sentinel(&self, host: &str, port: u16, password: &Secret) -> RedisResult<Client> {
        let mut login = RedisConnectionInfo::default().set_skip_set_lib_name();
        if !password.is_empty() {
            login = login.set_password(&**password);
        }
        self.open(self.info(host, port, login)?)
    }

    pub(super) fn cluster(&self) -> RedisResult<ClusterClient> {
        let infos: RedisResult<Vec<ConnectionInfo>> =
            self.addresses.iter().map(|(host, port)| self.info(host, *port, self.login())).collect();
        let mut builder = ClusterClient::builder(infos?)
            // Nodes that are silent must leave time for those that are not: each is tried twice while one dials.
            .connection_timeout(self.timeout / 4)
            .response_timeout(self.timeout)
            .retries(TRIES)
            .min_retry_wait(PAUSES.start)
            .max_retry_wait(PAUSES.end)
            .tcp_settings(tcp());
        if let Some(tls) = &self.tls {
            let mode = if tls.insecure { TlsMode::Insecure } else { TlsMode::Secure };
            builder = builder.tls(mode);
            if tls.has_certificates() {
                builder = builder.certs(tls.certificates.clone());
            }
        }
        builder.build()
    }

    fn open(&self, info: ConnectionInfo) -> RedisResult<Client> {
        match &self.tls {
            Some(tls) if tls.has_certificates() => Client::build_with_tls(info, tls.certificates.clone()),
            _ => Client::open(info),
        }
    }

    fn info(&self, host: &str, port: u16, login: RedisConnectionInfo) -> RedisResult<ConnectionInfo> {
        let host = host.to_owned();
        let address = match &self.tls {
            Some(tls) => ConnectionAddr::TcpTls { host, port, insecure: tls.insecure, tls_params: None },
            None => ConnectionAddr::Tcp(host, port),
        };
        Ok(address.into_connection_info()?.set_redis_settings(login).set_tcp_settings(tcp()))
    }

    fn login(&self) -> RedisConnectionInfo {
        let mut login = RedisConnectionInfo::default().set_db(self.database).set_skip_set_lib_name();
        if !self.username.is_empty() {
            login = login.set_username(&self.username);
        }
        if !self.password.is_empty() {
            login = login.set_password(&*self.password);
        }
        login
    }
}

/// Opens a connection without limits of its own: whoever uses it has one.
pub(super) async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let unlimited =
        redis::AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&unlimited).await
}

fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn addresses(config: &Storage) -> Result<Vec<(String, u16)>, Unusable> {
    if config.addrs.is_empty() {
        let host = if config.host.is_empty() { "127.0.0.1" } else { &config.host };
        return Ok(vec![(host.to_owned(), if config.port == 0 { DEFAULT_PORT } else { config.port })]);
    }
    let wrong = |address| unusable("addrs", format!("{address:?} is not an address, expected host:port"));
    config.addrs.iter().map(|address| split(address).ok_or_else(|| wrong(address))).collect()
}

/// Host and port of `host:port`, `[v6]:port` or `host`.
pub(super) fn split(address: &str) -> Option<(String, u16)> {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
        _ => (address, DEFAULT_PORT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

impl Tls {
    fn read(config: &Storage) -> Result<Self, Unusable> {
        // The crate takes what the process has settled on; we speak TLS with ring alone.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root_cert = pem("ca_file", &config.ca_file)?;
        let client_tls = match (pem("cert_file", &config.cert_file)?, pem("key_file", &config.key_file)?) {
            (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
            (None, None) => None,
            (Some(_), None) => return Err(unusable("key_file", "is missing: cert_file needs its key")),
            (None, Some(_)) => {
                return Err(unusable("cert_file", "is missing: key_file needs its certificate"));
            }
        };
        let certificates = TlsCertificates { client_tls, root_cert };
        Ok(Self { insecure: config.ssl_insecure_skip_verify, certificates })
    }

    fn has_certificates(&self) -> bool {
        self.certificates.client_tls.is_some() || self.certificates.root_cert.is_some()
    }
}

fn pem(member: &'static str, path: &str) -> Result<Option<Vec<u8>>, Unusable> {
    if path.is_empty() {
        return Ok(None);
    }
    let wrong = |what: String| unusable(member, what);
    let text = fs::read(Path::new(path)).map_err(|error| wrong(format!("{path} cannot be read: {error}")))?;
    if !text.windows(11).any(|part| part == b"-----BEGIN ") {
        return Err(wrong(format!("{path} holds no PEM")));
    }
    Ok(Some(text))
}

/// What a storage of type Redis asks for and does not get. `place` is the config file, `path` the object in it.
pub fn redis_problems(config: &Storage, place: &str, path: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let settings = match Settings::new(config) {
        Ok(settings) => settings,
        Err(Unusable { member, message }) => {
            return vec![Problem::error(place, format!("{path}.{member}"), message)];
        }
    };
    let mut warn = |member: &str, message: &str| {
        problems.push(Problem::warning(place, format!("{path}.{member}"), message));
    };
    match settings.kind {
        Kind::Node if config.addrs.len() > 1 => {
            warn("addrs", "several addresses, but neither Cluster nor Sentinel: only the first is used");
        }
        Kind::Sentinel(..) if config.enable_cluster => {
            warn("enable_cluster", "master_name names a set of sentinels, so this is no Cluster");
        }
        Kind::Cluster if config.database != 0 => {
            warn("database", "a Redis Cluster has no databases: everything is kept in its only one");
        }
        _ => {}
    }
    let versions = [
        ("tls_min_version", &config.tls_min_version, "1.2"),
        ("tls_max_version", &config.tls_max_version, "1.3"),
    ];
    for (member, version, offered) in versions {
        if config.use_ssl && !version.is_empty() && version != offered {
            warn(member, "not supported yet: TLS 1.2 and 1.3 are offered");
        }
    }
    problems
}
