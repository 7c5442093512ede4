//! pingora's phases, mapped onto ours. No logic lives here: each phase is a few lines that call down.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use pingora_core::{protocols::Digest, upstreams::peer::HttpPeer};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, ProxyHttp, Session};

use super::{Gateway, answer, cached, exchange, fault, observe, request, rest, stream};
use crate::chain::Ctx;

/// The proxy behind every listener.
pub(super) struct Proxy {
    pub(super) gateway: Arc<Gateway>,
}

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Door {
    /// `listen_port` of the APIs behind it; 0 is the gateway's own port.
    pub(super) port: u16,
    /// APIs are served here.
    pub(super) traffic: bool,
    /// The control API is served here.
    pub(super) control: bool,
}

impl Door {
    /// The one that the request came by, told by the port it arrived at. What cannot be told serves nothing.
    fn of(session: &Session, gateway: &Gateway) -> Self {
        let address = session.as_downstream().server_addr().and_then(|address| address.as_inet());
        let config = &gateway.config;
        match address.map(|address| address.port()) {
            Some(port) if port == gateway.port() => {
                Self { port: 0, traffic: true, control: config.control_api_port == 0 }
            }
            Some(port) if port == config.control_api_port => Self { port: 0, traffic: false, control: true },
            Some(port) => Self { port, traffic: true, control: false },
            None => Self { port: 0, traffic: false, control: false },
        }
    }
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = Ctx;

    fn new_ctx(&self) -> Ctx {
        Ctx::new(self.gateway.snapshot())
    }

    async fn early_request_filter(&self, session: &mut Session, _ctx: &mut Ctx) -> pingora_core::Result<()> {
        request::begin(&self.gateway.config, session);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> pingora_core::Result<bool> {
        request::handle(&self.gateway, Door::of(session, &self.gateway), session, ctx).await
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        ctx: &mut Ctx,
    ) -> pingora_core::Result<Box<HttpPeer>> {
        request::peer(session, ctx).map(Box::new).map_err(fault::into_pingora)
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Ctx,
        error: Box<pingora_core::Error>,
    ) -> Box<pingora_core::Error> {
        fault::next_address(ctx, error)
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        #[cfg(unix)] _fd: std::os::unix::io::RawFd,
        _digest: Option<&Digest>,
        ctx: &mut Ctx,
    ) -> pingora_core::Result<()> {
        if let (false, Some(outbound)) = (reused, &ctx.outbound) {
            outbound.addresses.worked(outbound.attempt);
        }
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        head: &mut RequestHeader,
        ctx: &mut Ctx,
    ) -> pingora_core::Result<()> {
        observe::attempt(ctx);
        match &ctx.outbound {
            Some(outbound) => outbound.apply(head),
            None => Ok(()),
        }
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Ctx,
    ) -> pingora_core::Result<()> {
        observe::request_chunk(ctx, body.as_ref());
        request::body(session, body.as_ref(), end_of_stream, ctx)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> pingora_core::Result<()> {
        if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(());
        }
        if self.gateway.health.closing() {
            exchange::close(session, ctx);
        }
        request::answered(session, head.status, ctx).map_err(fault::into_pingora)?;
        answer::from_upstream(session, ctx, head).await.map_err(fault::into_pingora)
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        ctx: &mut Ctx,
    ) -> pingora_core::Result<Option<Duration>> {
        observe::response_chunk(ctx, body.as_ref());
        cached::add(ctx, body.as_ref());
        Ok(None)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &pingora_core::Error,
        ctx: &mut Ctx,
    ) -> FailToProxy {
        exchange::abandon(session, ctx);
        let error_code = fault::answer(&self.gateway, session, ctx, error).await;
        FailToProxy { error_code, can_reuse_downstream: false }
    }

    fn suppress_error_log(&self, _session: &Session, _ctx: &Ctx, _error: &pingora_core::Error) -> bool {
        true
    }

    async fn logging(&self, session: &mut Session, error: Option<&pingora_core::Error>, ctx: &mut Ctx) {
        exchange::end(&self.gateway, session, ctx).await;
        cached::end(ctx, error.is_some());
        observe::finished(&self.gateway, session, error, ctx);
        rest::read(session).await;
        if let Some(life) = stream::life(session) {
            life.end();
        }
    }
}
