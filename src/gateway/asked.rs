//! Requests that hooks make of this gateway's own APIs (`tyk://api/path`), without a socket.
//!
//! Decided 2026-11-22: such a request is a pingora session of our own ([`Asking`]), served by the same proxy as every
//! other: the whole chain, limits, analytics and the upstream are the same lines of code. Neither bytes are written nor
//! parsed. Turned down: an in-process stream with an HTTP/1.1 client at its other end, which does all of that twice,
//! and pingora's subrequests, whose session is one of its own that tells neither client nor depth.
//!
//! What such a session is ([`Asked`]) is written on its digest, where no byte of a client's can reach. It runs as a task
//! of its own, so that a hook which gives up leaves it as a client leaves: noticed, recorded, and without a half-done
//! chain.

mod session;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use http::{HeaderValue, header};
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use tokio::{sync::oneshot, time::timeout};

use super::{Gateway, kept::Kept};
use crate::{
    chain::Api,
    error::{CallError, Error, Result},
    hook::Ask,
    upstream::{Call, Reply},
    url::Url,
};
use session::Asking;

/// How many requests of hooks may lead to one another: beyond are loops.
const DEPTH: u8 = 10;

/// What a request is that a hook makes.
pub(super) struct Asked {
    /// Whom it is for, and the APIs as they were when it was made.
    pub(super) api: Arc<Api>,
    /// Path and query as the API's chain sees them.
    pub(super) url: Url,
    /// How many requests of hooks led to it, itself included.
    pub(super) depth: u8,
}

/// What this request is, if a hook makes it.
pub(super) fn of(session: &Session) -> Option<&Asked> {
    session.digest()?.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
}

/// Has the proxy answer a hook's request.
///
/// # Errors
/// No such API, too deep, no whole answer in time, or a larger one than wanted.
pub(super) async fn ask(gateway: &Gateway, ask: Ask) -> Result<Reply> {
    let Ask { call, client, depth } = ask;
    if depth >= DEPTH {
        return Err(CallError::TooDeep { limit: DEPTH }.into());
    }
    let sockets = gateway.sockets.get();
    let sockets = sockets.ok_or_else(|| Error::Internal("the gateway does not serve yet".into()))?;
    let mut url = Url::parse(&call.url).map_err(|error| CallError::Url(error.into()))?;
    let to = url.host().to_owned();
    let snapshot = gateway.snapshot();
    let api = snapshot.loop_target(&to).cloned().ok_or_else(|| {
        CallError::Url(format!("there is no API {to:?} on this gateway, neither by id nor by name").into())
    })?;
    url.drop_origin();
    if url.path().is_empty() {
        url.set_path("/", None);
    }
    let head = head(&call, &url, &to)?;
    let client = client.map(|client| SocketAddr::new(client, 0));
    let (limit, time) = (call.limit, call.timeout);
    let (reply, answer) = oneshot::channel();
    let asked = Asked { api, url, depth: depth + 1 };
    let session = Asking::new(head, call.body, client, asked, limit, reply);
    let open = Open::new(sockets.set.connections());
    tokio::spawn(serve(sockets.proxy.clone(), session, open));
    let to = || format!("tyk://{to}");
    let failed = |source: crate::error::Cause| CallError::Failed { to: to(), source };
    match timeout(time, answer).await {
        Ok(Ok(Some(reply))) if reply.body.len() > limit => {
            Err(CallError::TooLarge { to: to(), limit }.into())
        }
        Ok(Ok(Some(reply))) => Ok(reply),
        Ok(Ok(None)) => Err(CallError::TooLarge { to: to(), limit }.into()),
        Ok(Err(_)) => Err(failed("the answer broke off".into()).into()),
        Err(late) => Err(CallError::Timeout { to: to(), limit: time, source: late.into() }.into()),
    }
}

/// Boxed, as every request's future is.
async fn serve(proxy: Arc<Kept>, session: Asking, open: Open) {
    Box::pin(proxy.asked(ServerSession::Custom(Box::new(session)))).await;
    drop(open);
}

/// A request under way, which a shutdown waits for as for a connection.
struct Open(Arc<AtomicI64>);

impl Open {
    fn new(count: &Arc<AtomicI64>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn head(call: &Call, url: &Url, to: &str) -> Result<RequestHeader> {
    let fault = |error: Box<pingora_core::Error>| CallError::Url(error.into());
    let uri = url.request_uri();
    let mut head = RequestHeader::build(call.method.clone(), uri.as_bytes(), Some(call.headers.len() + 2))
        .map_err(fault)?;
    let host = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("localhost"));
    head.insert_header(header::HOST, host).map_err(fault)?;
    for (name, value) in &call.headers {
        match *name {
            header::HOST => head.insert_header(name, value).map_err(fault)?,
            // There is no connection that they could be about.
            header::CONNECTION | header::UPGRADE | header::EXPECT | header::TRANSFER_ENCODING => {}
            header::CONTENT_LENGTH => {}
            _ => drop(head.append_header(name, value).map_err(fault)?),
        }
    }
    if !call.body.is_empty() {
        head.insert_header(header::CONTENT_LENGTH, call.body.len()).map_err(fault)?;
    }
    Ok(head)
}
