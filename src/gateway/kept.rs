//! HTTP/1 connections between two requests.
//!
//! pingora waits for the next request inside the machinery that serves it: 22 KiB per connection, most of it the state
//! of a request that has not come. So we wait ourselves, in little more than the stream, and hand the connection to
//! pingora with its first bytes. That is only right while pingora holds no bytes of the next request: when all that
//! was read for the last one was its head, whole, in the first read, and as many bytes as its `Content-Length` says
//! (`Life::was_sole_request`). After any other request, one with a chunked body above all, pingora waits as it always
//! does.
//!
//! Measured (2026-11-22, debug builds, 5,000 connections that had a request each): see the table in
//! `docs/reliability.md`. Turned down: taking the stream back from a waiting pingora after some seconds, which needs
//! to know the same and costs every stream an indirection.

use std::{sync::Arc, time::Duration};

use pingora::time::timeout;
use pingora_core::{
    apps::{HttpPersistentSettings, HttpServerApp, ServerApp},
    protocols::{ALPN, Stream, http::ServerSession},
    server::ShutdownWatch,
};
use pingora_proxy::HttpProxy;
use tokio::sync::watch;

use super::{
    listen::{App, Work},
    proxy::Proxy,
    stream,
};

/// Seconds that a new connection is kept without a request, until its first request sets what is configured. It is
/// pingora's own value; what counts is that there is one.
const KEEP: u64 = 60;

/// The proxy as an app that waits for requests itself.
pub(super) struct Kept {
    proxy: Arc<HttpProxy<Proxy>>,
    closing: watch::Sender<bool>,
    idle: Duration,
}

impl Kept {
    /// Keeps a connection for `idle` without a request.
    pub(super) fn new(proxy: HttpProxy<Proxy>, idle: Duration) -> Self {
        Self { proxy: Arc::new(proxy), closing: watch::Sender::new(false), idle }
    }

    /// Serves a request that comes by no connection.
    pub(super) async fn asked(&self, session: ServerSession) {
        let running = watch::Sender::new(false);
        self.proxy.process_new_http(session, &running.subscribe()).await;
    }

    async fn http1(&self, stream: Stream, shutdown: ShutdownWatch) {
        let mut closing = self.closing.subscribe();
        let mut next = self.proxy.process_new_http(self.first(stream, &shutdown), &shutdown).await;
        while let Some(reused) = next {
            let (mut stream, settings) = reused.consume();
            let pingora_holds_nothing =
                stream::life_of_stream(&*stream).is_some_and(|life| life.was_sole_request());
            if pingora_holds_nothing && !self.began(&mut stream, &mut closing).await {
                return;
            }
            next = self.proxy.process_new_http(following(stream, settings), &shutdown).await;
        }
    }

    /// Waits for the first bytes of the next request. False when the connection has to end without one.
    async fn began(&self, stream: &mut Stream, closing: &mut watch::Receiver<bool>) -> bool {
        tokio::select! {
            biased; // What has come is served, also when we are closing.
            // pingora's timer, because tokio's takes a lock that all threads share.
            peeked = timeout(self.idle, stream.try_peek(&mut [])) => matches!(peeked, Ok(Ok(_))),
            // Fails only when the app is gone.
            _ = closing.wait_for(|closing| *closing) => false,
        }
    }

    /// The first session of a connection, set up as pingora's own loop does.
    fn first(&self, stream: Stream, shutdown: &ShutdownWatch) -> ServerSession {
        let mut session = ServerSession::new_http1(stream);
        session.set_keepalive((!*shutdown.borrow()).then_some(KEEP));
        let options = self.proxy.server_options();
        session.set_keepalive_reuses_remaining(options.and_then(|options| options.keepalive_request_limit));
        session
    }
}

impl App for Kept {
    fn serve(self: Arc<Self>, mut stream: Stream, shutdown: ShutdownWatch) -> Work<'static> {
        Box::pin(async move {
            if is_http2(&mut stream).await {
                self.proxy.process_new(stream, &shutdown).await;
            } else {
                self.http1(stream, shutdown).await;
            }
        })
    }

    fn cleanup(&self) -> Work<'_> {
        self.closing.send_replace(true);
        Box::pin(ServerApp::cleanup(&*self.proxy))
    }
}

/// By what TLS agreed on, or by prior knowledge. The stream has begun, so this does not wait.
async fn is_http2(stream: &mut Stream) -> bool {
    if stream.get_ssl_digest().is_some() {
        return stream.selected_alpn_proto() == Some(ALPN::H2);
    }
    let mut first = [0; stream::H2_PREFACE.len()];
    stream.try_peek(&mut first).await.is_ok() && first == stream::H2_PREFACE
}

fn following(stream: Stream, settings: Option<HttpPersistentSettings>) -> ServerSession {
    let mut session = ServerSession::new_http1(stream);
    if let Some(settings) = settings {
        settings.apply_to_session(&mut session);
    }
    session
}
