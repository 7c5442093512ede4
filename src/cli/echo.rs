//! `pinhook echo`: an upstream that answers what it saw. For trying things out; it speaks HTTP/1.1 and keeps
//! connections open.

use std::{process::ExitCode, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderValue, Response, StatusCode, header};
use pingora_core::{
    apps::{ServerApp, http_app::ServeHttp},
    protocols::http::ServerSession,
};
use serde_json::{Map, Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{failed, report};
use crate::error::{Error, Result};

/// Bytes of a request body that are echoed; a longer one gets 413.
const MAX_BODY: usize = 16 << 20;

/// Arguments of `echo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    listen: String,
    /// Name in the answers and in their X-Upstream header
    #[arg(long, default_value = "echo", value_parser = name)]
    name: String,
}

fn name(text: &str) -> Result<String, String> {
    match HeaderValue::from_str(text) {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("expected a text that fits into a header".to_owned()),
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime
        .map_err(|source| Error::Io { what: "cannot start threads".to_owned(), source })
        .and_then(|runtime| runtime.block_on(serve(args)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => failed(&err),
    }
}

async fn serve(args: &Args) -> Result<()> {
    let what = || format!("cannot listen on {}", args.listen);
    let listener =
        TcpListener::bind(&args.listen).await.map_err(|source| Error::Io { what: what(), source })?;
    let address = listener.local_addr().map_err(|source| Error::Io { what: what(), source })?;
    report::line(&format!("{} listens on http://{address}", args.name));
    // Kept to the end: its loss would tell every connection to close.
    let (_running, shutdown) = watch::channel(false);
    let app = Arc::new(Echo { name: args.name.clone() });
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (app, shutdown) = (app.clone(), shutdown.clone());
                tokio::spawn(async move { app.process_new(Box::new(prepare(stream)), &shutdown).await });
            }
            // Too many open files, most likely: that passes when connections end.
            Err(err) => {
                report::line(&format!("cannot accept: {err}"));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn prepare(stream: TcpStream) -> pingora_core::protocols::l4::stream::Stream {
    // Only a matter of speed.
    let _ = stream.set_nodelay(true);
    stream.into()
}

struct Echo {
    name: String,
}

#[async_trait]
impl ServeHttp for Echo {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let (status, answer) = match read_body(session).await {
            Ok(body) => (StatusCode::OK, self.describe(session, &body)),
            Err((status, message)) => {
                // What is left of the body would be taken for the next request.
                session.set_keepalive(None);
                (status, json!({ "upstream": self.name, "error": message }))
            }
        };
        let mut bytes = answer.to_string().into_bytes();
        let length = bytes.len();
        if session.req_header().method == http::Method::HEAD {
            bytes.clear();
        }
        let mut response = Response::new(bytes);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        if let Ok(name) = HeaderValue::from_str(&self.name) {
            headers.insert("X-Upstream", name);
        }
        response
    }
}

impl Echo {
    /// What came in. Bytes that are not UTF-8 are shown as `U+FFFD`.
    fn describe(&self, session: &ServerSession, body: &[u8]) -> Value {
        let request = session.req_header();
        json!({
            "upstream": self.name,
            "method": request.method.as_str(),
            "path": request.uri.path(),
            "query": request.uri.query().unwrap_or_default(),
            "headers": headers(session),
            "body": String::from_utf8_lossy(body),
        })
    }
}

/// Header names as they were written; a repeated header gives a list.
fn headers(session: &ServerSession) -> Map<String, Value> {
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in session.req_header().case_header_iter() {
        let name = String::from_utf8_lossy(name.as_slice()).into_owned();
        let value = Value::from(String::from_utf8_lossy(value.as_bytes()));
        match headers.get_mut(&name) {
            None => {
                headers.insert(name, value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    headers
}

#[expect(clippy::disallowed_methods, reason = "an upstream of its own, not the gateway")]
async fn read_body(session: &mut ServerSession) -> Result<Vec<u8>, (StatusCode, &'static str)> {
    let expects = session.req_header().headers.get(header::EXPECT);
    if expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        session.write_continue_response().await.map_err(|_| (StatusCode::BAD_REQUEST, "connection lost"))?;
    }
    let mut body = Vec::new();
    loop {
        match session.read_request_body().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY => {
                return Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 16 MiB"));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(_) => return Err((StatusCode::BAD_REQUEST, "the body is broken")),
        }
    }
}
