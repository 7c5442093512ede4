//! How a connection to a plugin server is made, worked out when a hook is loaded.

use std::{net::SocketAddr, time::Duration};

use http::Uri;
use tonic::transport::Endpoint;

use super::{
    target::{Target, authority},
    tls::Tls,
};
use crate::hook::drivers::GrpcSettings;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a server may take to give the sign of life that `keep_alive_s` asks for.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// Idle TCP connections are probed after this, so that one that a firewall forgot is not used.
const PROBE: Duration = Duration::from_secs(30);
/// HTTP/2 windows: a message of usual size never waits for one.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
/// What gRPC clients send as `:authority` to a Unix socket.
const LOCAL: &str = "localhost";

/// What tells one server from another. Hooks that agree in it share connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Dial {
    pub(super) target: Target,
    /// Calls go round all addresses of a name.
    pub(super) round_robin: bool,
    /// Connections to each address.
    pub(super) connections: usize,
    tls: Option<Tls>,
    authority: Option<String>,
    keep_alive: Option<Duration>,
}

impl Dial {
    /// How to get to `target`.
    ///
    /// # Errors
    /// What cannot work, for the author of the definition.
    pub(super) fn new(target: &str, settings: &GrpcSettings) -> Result<Self, String> {
        let (tyk, own) = (&settings.tyk, &settings.own);
        let target = Target::parse(target)?;
        let encrypted = match &target {
            Target::Unix(_) => false,
            Target::Tcp { tls, .. } => tls.unwrap_or(own.tls),
        };
        let dial = Self {
            target,
            round_robin: tyk.grpc_round_robin_load_balancing,
            connections: own.connections.max(1),
            tls: if encrypted { Some(Tls::load(own)?) } else { None },
            authority: Some(tyk.grpc_authority.clone()).filter(|authority| !authority.is_empty()),
            keep_alive: Some(Duration::from_secs(own.keep_alive_s)).filter(|after| !after.is_zero()),
        };
        // What cannot be used is named now, not by the first call.
        dial.endpoints()?;
        Ok(dial)
    }

    /// The endpoints as the target names them; names are looked up whenever one connects.
    pub(super) fn endpoints(&self) -> Result<Vec<Endpoint>, String> {
        match &self.target {
            Target::Unix(path) => {
                let endpoint = Endpoint::from_shared(format!("unix://{path}"));
                let endpoint = endpoint.map_err(|error| super::chain(&error))?;
                Ok(vec![self.finish(endpoint, "http", LOCAL)?])
            }
            Target::Tcp { places, .. } => {
                places.iter().map(|(host, port)| self.endpoint(host, &authority(host, *port))).collect()
            }
        }
    }

    /// An address that `host` stands for.
    pub(super) fn at(&self, host: &str, address: SocketAddr) -> Result<Endpoint, String> {
        self.endpoint(host, &address.to_string())
    }

    fn endpoint(&self, host: &str, address: &str) -> Result<Endpoint, String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"));
        let mut endpoint = endpoint.map_err(|error| super::chain(&error))?;
        if let Some(tls) = &self.tls {
            endpoint = tls.apply(endpoint, host)?;
        }
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or_default();
        self.finish(endpoint, scheme, &authority(host, port))
    }

    fn finish(&self, endpoint: Endpoint, scheme: &str, host: &str) -> Result<Endpoint, String> {
        let name = self.authority.as_deref().unwrap_or(host);
        let origin: Uri = format!("{scheme}://{name}")
            .parse()
            .map_err(|error| format!("coprocess_options.grpc_authority: {name:?}: {error}"))?;
        let mut endpoint = endpoint
            .origin(origin)
            .connect_timeout(CONNECT)
            .tcp_keepalive(Some(PROBE))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        if let Some(after) = self.keep_alive {
            endpoint = endpoint.http2_keep_alive_interval(after).keep_alive_timeout(SIGN_OF_LIFE);
        }
        endpoint
            .user_agent(concat!("pinhook/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| super::chain(&error))
    }
}
