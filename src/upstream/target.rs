//! A target URL, read once: where requests can be sent.

use std::{net::Ipv6Addr, sync::Arc};

use http::HeaderValue;

use super::Addresses;
use crate::url::Url;

/// How a target is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Clear text; `ws` too.
    Http,
    /// TLS; `wss` too.
    Https,
    /// Clear text HTTP/2 with prior knowledge.
    H2c,
}

impl Scheme {
    /// True if the connection is encrypted.
    pub fn is_tls(self) -> bool {
        self == Self::Https
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "http" | "ws" => Some(Self::Http),
            "https" | "wss" => Some(Self::Https),
            "h2c" => Some(Self::H2c),
            _ => None,
        }
    }

    fn default_port(self) -> u16 {
        if self.is_tls() { 443 } else { 80 }
    }
}

/// Where requests can be sent: the `target_url` of an API, what a hook chose, or the host of a rewrite.
#[derive(Debug, Clone)]
pub struct Target {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Host name or address, without brackets.
    pub host: Box<str>,
    /// The address, when `host` is one: no look-up is needed.
    pub addresses: Option<Addresses>,
    /// Port, the scheme's own when the URL names none.
    pub port: u16,
    /// What its `Host` header says: host and port as written.
    pub authority: HeaderValue,
    /// The same as text, for logs and records.
    pub name: Arc<str>,
    /// Its URL; path and query stand in front of those of each request.
    pub url: Url,
}

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no URL.
    #[error("not a URL: {0}")]
    Url(#[from] crate::url::ParseError),
    /// Its scheme is none that requests can be sent by.
    #[error("the scheme must be http, https, h2c, ws or wss, not {0:?}")]
    Scheme(String),
    /// It names no host, or one that cannot be.
    #[error("no host that a request could be sent to")]
    Host,
    /// Its port is no number from 1 to 65535.
    #[error("the port must be from 1 to 65535")]
    Port,
}

impl Target {
    /// Reads a URL, or `host:port`, which means `http://host:port`.
    ///
    /// # Errors
    /// What makes the text no target.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        let url =
            if text.contains("://") { Url::parse(text)? } else { Url::parse(&format!("http://{text}"))? };
        Self::from_url(url)
    }

    /// Takes scheme and host of an absolute URL.
    ///
    /// # Errors
    /// What makes the URL no target.
    pub fn from_url(url: Url) -> Result<Self, TargetError> {
        let scheme =
            Scheme::from_name(url.scheme()).ok_or_else(|| TargetError::Scheme(url.scheme().to_owned()))?;
        let (host, port) = split(url.host())?;
        let port = match port {
            None => scheme.default_port(),
            Some(text) => text.parse().ok().filter(|port| *port != 0).ok_or(TargetError::Port)?,
        };
        let authority = HeaderValue::from_str(url.host()).map_err(|_| TargetError::Host)?;
        Ok(Self {
            scheme,
            addresses: host.parse().ok().map(Addresses::literal),
            host: host.into(),
            port,
            authority,
            name: url.host().into(),
            url,
        })
    }
}

/// Host without brackets, and the port's text if there is one that is not empty.
fn split(authority: &str) -> Result<(&str, Option<&str>), TargetError> {
    let (host, rest) = if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']').ok_or(TargetError::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| TargetError::Host)?;
        (host, rest)
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        authority.split_at(end)
    };
    if host.is_empty() {
        return Err(TargetError::Host);
    }
    match rest.strip_prefix(':') {
        Some("") => Ok((host, None)),
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(TargetError::Host),
    }
}
