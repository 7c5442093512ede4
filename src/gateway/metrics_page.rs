//! The Prometheus endpoint on `pinhook.metrics_address`.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Response, header};
use pingora_core::{apps::http_app::ServeHttp, protocols::http::ServerSession};

use super::Gateway;
use crate::hook::DriverGauges;

/// Answers `/metrics`.
pub(super) struct MetricsPage(pub(super) Arc<Gateway>);

#[async_trait]
impl ServeHttp for MetricsPage {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let path = session.req_header().uri.path();
        if path != "/metrics" {
            return page(404, "text/plain; charset=utf-8", b"metrics are at /metrics\n".to_vec());
        }
        let gateway = self.0.clone();
        // With thousands of APIs this takes a while: not on a thread that serves requests.
        match tokio::task::spawn_blocking(move || gateway.render_metrics()).await {
            Ok(text) => page(200, "text/plain; version=0.0.4; charset=utf-8", text.into_bytes()),
            Err(error) => page(500, "text/plain; charset=utf-8", error.to_string().into_bytes()),
        }
    }
}

impl Gateway {
    /// Prometheus' text, with what the drivers hold right now. Megabytes with thousands of APIs: callers keep it off
    /// threads that serve requests.
    pub fn render_metrics(&self) -> String {
        let held =
            self.services.hooks.gauges().fold(DriverGauges::default(), |sum, (_, driver)| sum + driver);
        let metrics = self.metrics.hook_threads();
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        metrics.libraries.set(gauge(held.libraries));
        metrics.threads.set(gauge(held.threads));
        metrics.stuck.set(gauge(held.stuck_threads));
        self.metrics.render()
    }
}

fn page(status: u16, content_type: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let length = body.len();
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, length.into());
    response
}
