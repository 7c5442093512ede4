//! How connections to the upstreams of an API are made.

use std::{net::SocketAddr, time::Duration};

use pingora_core::{
    protocols::{ALPN, TcpKeepalive},
    upstreams::peer::{H1UpgradePolicy, HttpPeer},
};

use super::{Scheme, Target};

/// Tyk's fixed limit for a TLS handshake (api-definition reference 6.3), on top of the dial timeout.
const TLS_HANDSHAKE: Duration = Duration::from_secs(10);

/// Finds upstreams that are gone while nothing is sent to them. Go's dialer asks as often.
const KEEP_ALIVE: TcpKeepalive = TcpKeepalive {
    idle: Duration::from_secs(30),
    interval: Duration::from_secs(30),
    count: 9,
    #[cfg(target_os = "linux")]
    user_timeout: Duration::ZERO,
};

/// Connection options of one API, fixed when it is compiled.
#[derive(Debug, Clone)]
pub struct PeerSettings {
    /// Limit for the dial, and for the wait for the head of the answer.
    pub timeout: Duration,
    /// Limit for a pause in a body, in either direction; `None` is no limit. It takes the place of `timeout` for
    /// reading only where somebody else limits the wait for the head.
    pub pause: Option<Duration>,
    /// How long an unused connection is kept.
    pub idle: Duration,
    /// Check the upstream's certificate and its name.
    pub verify: bool,
    /// Offer HTTP/2 to TLS upstreams.
    pub http2: bool,
    /// Use each connection once.
    pub close: bool,
    /// Pass WebSocket upgrades on.
    pub websocket: bool,
}

impl PeerSettings {
    /// The pingora peer for `target` at `address`. SNI is the target's host name.
    pub fn peer(&self, target: &Target, address: SocketAddr) -> HttpPeer {
        let sni = if target.scheme.is_tls() { target.host.to_string() } else { String::new() };
        let mut peer = HttpPeer::new(address, target.scheme.is_tls(), sni);
        let options = &mut peer.options;
        options.connection_timeout = Some(self.timeout);
        options.total_connection_timeout =
            Some(if target.scheme.is_tls() { self.timeout + TLS_HANDSHAKE } else { self.timeout });
        options.read_timeout = Some(self.timeout);
        options.write_timeout = self.pause;
        options.tcp_keepalive = Some(KEEP_ALIVE);
        options.idle_timeout = Some(if self.close { Duration::ZERO } else { self.idle });
        options.verify_cert = self.verify;
        options.verify_hostname = self.verify;
        options.alpn = match target.scheme {
            Scheme::H2c => ALPN::H2,
            Scheme::Https if self.http2 => ALPN::H2H1,
            _ => ALPN::H1,
        };
        options.http_upstream_request_policy.h1_upgrade =
            if self.websocket { H1UpgradePolicy::WebSocketOnly } else { H1UpgradePolicy::Deny };
        // Tyk forwards such requests; the odd nomination then names no field and nothing is removed for it.
        options.http_upstream_request_policy.reject_malformed_connection_nominations = false;
        peer
    }
}
