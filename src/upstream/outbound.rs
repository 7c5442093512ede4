//! The head that an upstream gets.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderName, HeaderValue, Method, header};
use pingora_http::RequestHeader;

use super::{Addresses, Target};

/// Sent when the client names no agent of its own.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("pinhook/", env!("CARGO_PKG_VERSION")));
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What one request sends and where, decided once, before a connection is chosen: retries use it again.
#[derive(Debug)]
pub struct Outbound {
    /// Where it goes.
    pub target: Arc<Target>,
    /// Addresses of the target.
    pub addresses: Addresses,
    /// Attempts to connect so far.
    pub attempt: usize,
    /// Method, when it differs from the client's.
    pub method: Option<Method>,
    /// Path and query as sent.
    pub uri: Vec<u8>,
    /// Path of `uri`, decoded: what records and response steps see.
    pub path: String,
    /// `Host`; `None` keeps the client's.
    pub host: Option<HeaderValue>,
    /// Peer of the client's connection, added to `X-Forwarded-For`; `None` leaves that header alone.
    pub forwarded_for: Option<IpAddr>,
    /// The client accepts trailers: the one `TE` value that is passed on.
    pub trailers: bool,
    /// The body is here already, so nobody waits for `100 Continue`.
    pub body_read: bool,
}

impl Outbound {
    /// Writes it over a copy of the client's head, from which pingora has already removed hop-by-hop fields.
    /// Writing twice gives the same head, since pingora starts from a fresh copy on each retry.
    ///
    /// # Errors
    /// pingora's, when the method or the URI cannot stand in a request line.
    pub fn apply(&self, head: &mut RequestHeader) -> pingora_core::Result<()> {
        if let Some(method) = &self.method {
            head.set_method(method.clone());
        }
        if head.raw_path() != self.uri.as_slice() {
            head.set_raw_path(&self.uri)?;
        }
        // The client has been told to send its body.
        head.remove_header(&header::EXPECT);
        if let Some(host) = &self.host {
            head.insert_header(header::HOST, host.clone())?;
        }
        if !head.headers.contains_key(header::USER_AGENT) {
            head.insert_header(header::USER_AGENT, USER_AGENT)?;
        }
        if self.trailers {
            head.insert_header(header::TE, "trailers")?;
        }
        if self.body_read {
            head.remove_header(&header::EXPECT);
        }
        if let Some(ip) = self.forwarded_for {
            forward_for(head, ip)?;
        }
        Ok(())
    }
}

/// Joins the values that came, then adds the peer (api-definition reference 6.2).
fn forward_for(head: &mut RequestHeader, ip: IpAddr) -> pingora_core::Result<()> {
    let mut all: Vec<u8> = Vec::with_capacity(16);
    for value in head.headers.get_all(X_FORWARDED_FOR) {
        all.extend_from_slice(value.as_bytes());
        all.extend_from_slice(b", ");
    }
    all.extend_from_slice(ip.to_string().as_bytes());
    head.insert_header(X_FORWARDED_FOR, all)
}
