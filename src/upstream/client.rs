//! Calls that the gateway makes itself: key sets, webhooks, OAuth notifications.
//!
//! One pool serves them all. It is made with the first call, since nothing may be started before the process forks.
//! Requests of clients never come this way: they go through pingora's connector.

use std::{sync::OnceLock, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use reqwest::Url;
use rustls::crypto::ring;

use crate::error::{CallError, Cause, Result};

/// Sent when the caller names no agent of its own.
const USER_AGENT: &str = concat!("pinhook/", env!("CARGO_PKG_VERSION"));
/// How long a connection may take, name look-up and handshake included.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a whole call may take, unless the caller says otherwise. Tyk's limit for webhooks.
const TOTAL: Duration = Duration::from_secs(30);
/// Size of an answer's body, unless the caller says otherwise.
const BODY: usize = 4 << 20;
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(90);
/// Unused connections kept per host.
const IDLE_PER_HOST: usize = 8;

/// One call. What is not set has the defaults of [`Call::new`].
#[derive(Debug, Clone)]
pub struct Call {
    /// Method.
    pub method: Method,
    /// An `http` or `https` URL. Credentials in it are sent as basic authentication.
    pub url: String,
    /// Headers; `Host` and the framing come from URL and body.
    pub headers: HeaderMap,
    /// Body; empty is none.
    pub body: Bytes,
    /// How long everything may take, to the last byte of the answer.
    pub timeout: Duration,
    /// Most bytes of the answer's body; a larger one is an error.
    pub limit: usize,
    /// False takes any certificate, for settings such as `jwt_ssl_insecure_skip_verify`.
    pub verify: bool,
}

impl Call {
    /// A call without headers and body: 30 s, 4 MiB of answer, certificates checked.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: TOTAL,
            limit: BODY,
            verify: true,
        }
    }

    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }
}

/// The whole answer to a call.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Any status: an answer is no error.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, as sent: no coding is asked for and none is undone.
    pub body: Bytes,
}

/// The pool of connections for calls of the gateway itself. HTTP/2 where a TLS server offers it; up to ten redirects
/// are followed; no egress proxy is used.
#[derive(Debug, Default)]
pub struct Client {
    checked: OnceLock<reqwest::Client>,
    unchecked: OnceLock<reqwest::Client>,
}

impl Client {
    /// Makes a call and takes its whole answer. Dropping the future ends the call.
    ///
    /// # Errors
    /// [`CallError`]: not an answer of any status, but why there is none.
    pub async fn send(&self, call: Call) -> Result<Reply> {
        let url = Url::parse(&call.url).map_err(|error| CallError::Url(Box::new(error)))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(CallError::Url(format!("expected http or https, not {}", url.scheme()).into()).into());
        }
        let faults = Faults { to: shown(&url), limit: call.timeout };
        let mut request =
            self.pool(call.verify)?.request(call.method, url).headers(call.headers).timeout(call.timeout);
        if !call.body.is_empty() {
            request = request.body(call.body);
        }
        let mut answer = request.send().await.map_err(|error| faults.of(error))?;
        let too_large = || CallError::TooLarge { to: faults.to.clone(), limit: call.limit };
        if answer.content_length() > Some(call.limit as u64) {
            return Err(too_large().into());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| faults.of(error))? {
            if body.len() + chunk.len() > call.limit {
                return Err(too_large().into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status: answer.status(),
            headers: std::mem::take(answer.headers_mut()),
            body: body.freeze(),
        })
    }

    /// The pool, made at first use. Two first calls at once may make two, of which one is kept.
    fn pool(&self, verify: bool) -> Result<&reqwest::Client, CallError> {
        let home = if verify { &self.checked } else { &self.unchecked };
        match home.get() {
            Some(pool) => Ok(pool),
            None => {
                let made = build(verify).map_err(|error| CallError::Setup(Box::new(error)))?;
                Ok(home.get_or_init(|| made))
            }
        }
    }
}

/// reqwest takes its cryptography from a default of the process and panics without one.
fn build(verify: bool) -> reqwest::Result<reqwest::Client> {
    // An error says that there is a default already: that one serves as well.
    let _ = ring::default_provider().install_default();
    if !verify {
        return settings().tls_danger_accept_invalid_certs(true).build();
    }
    settings().build().or_else(|error| {
        // Plain http has to work on a machine without certificate authorities; https then trusts nobody.
        tracing::warn!(%error, "the system's certificate authorities cannot be read: outbound https calls will fail");
        settings().tls_certs_only([]).build()
    })
}

fn settings() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .no_proxy()
}

/// A URL as it may stand in a log.
fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

struct Faults {
    to: String,
    limit: Duration,
}

impl Faults {
    fn of(&self, error: reqwest::Error) -> CallError {
        let timeout = error.is_timeout() && !error.is_connect();
        let source: Cause = Box::new(error.without_url());
        match timeout {
            true => CallError::Timeout { to: self.to.clone(), limit: self.limit, source },
            false => CallError::Failed { to: self.to.clone(), source },
        }
    }
}

#[cfg(test)]
mod tests;
