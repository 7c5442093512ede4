//! `POST /tyk/debug`: one request through a definition that need not be live (sessions reference 8.7).

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;

use super::{Call, Reply, reply};
use crate::{
    definition,
    error::Severity,
    gateway::{ControlAnswer, TrialFault},
};

/// The host of a request that names none.
const HOST: &str = "example.com";

/// What messages call the definition.
const PLACE: &str = "the request";

#[derive(Deserialize)]
struct Wish {
    request: Option<Request>,
    spec: Option<Value>,
    oas: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    method: String,
    path: String,
    body: String,
    headers: BTreeMap<String, Vec<String>>,
}

/// Runs it and tells both ways, and what was logged.
pub(super) fn run(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { trial(&call).await.unwrap_or_else(|refused| refused) })
}

async fn trial(call: &Call<'_>) -> Result<ControlAnswer, ControlAnswer> {
    let malformed = || reply::error(400, "Request malformed");
    let wish: Wish = serde_json::from_slice(&call.request.body).map_err(|_| malformed())?;
    if wish.spec.is_none() && wish.oas.is_none() {
        return Err(reply::error(400, "Spec field is missing"));
    }
    let request = wish.request.ok_or_else(|| reply::error(400, "Request field is missing"))?;
    let (definition, oas) = match (wish.spec, wish.oas) {
        (None, Some(document)) => {
            let made = definition::oas::convert(&document, PLACE).map_err(|faults| unloadable(&faults))?;
            (made.definition, Some(document.to_string().into()))
        }
        (spec, _) => {
            let text = spec.unwrap_or_default().to_string();
            (definition::parse(&text, PLACE).map_err(|_| malformed())?, None)
        }
    };
    let wire = request.wire().ok_or_else(malformed)?;
    let log = Log::default();
    let lines = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
    let answer = call.gateway.try_api(definition, oas, &wire).with_subscriber(lines).await;
    match answer {
        Ok(answer) => {
            let (request, answer) = (text(&request.shown()), text(&whole(&answer)));
            let response = format!("====== Request ======\n{request}\n====== Response ======\n{answer}");
            Ok(reply::json(200, &json!({"message": "ok", "response": response, "logs": log.text()})))
        }
        Err(TrialFault::Definition(problems)) => {
            let said = problems.iter().map(|problem| {
                let level = if problem.severity == Severity::Error { "error" } else { "warning" };
                json!({"level": level, "msg": problem.to_string()}).to_string() + "\n"
            });
            let logs = log.text() + &said.collect::<String>();
            Err(reply::json(400, &json!({"message": "error", "response": "", "logs": logs})))
        }
        Err(TrialFault::Run(error)) => {
            tracing::error!(error = error.chain(), "a definition could not be tried");
            Err(reply::error(500, "Unexpected failure: the definition could not be tried"))
        }
    }
}

/// What is said of a document that gives no API.
fn unloadable(faults: &[definition::oas::Fault]) -> ControlAnswer {
    let line = |fault| json!({"level": "error", "msg": format!("{PLACE}: {fault}")}).to_string() + "\n";
    let logs: String = faults.iter().map(line).collect();
    reply::json(400, &json!({"message": "error", "response": "", "logs": logs}))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Request {
    /// In wire form; nothing where a part of it would be more than that part.
    fn wire(&self) -> Option<Vec<u8>> {
        let plain = |byte: u8| byte > b' ' && byte != 0x7f;
        if !self.path.is_empty() && (!self.path.starts_with('/') || !self.path.bytes().all(plain)) {
            return None;
        }
        Method::from_bytes(self.method().as_bytes()).ok()?;
        for (name, values) in &self.headers {
            HeaderName::from_bytes(name.as_bytes()).ok()?;
            for value in values {
                HeaderValue::from_str(value).ok()?;
            }
        }
        Some(self.written(&format!("Connection: close\r\nContent-Length: {}\r\n", self.body.len())))
    }

    /// As the answer shows it.
    fn shown(&self) -> Vec<u8> {
        self.written("")
    }

    fn written(&self, framing: &str) -> Vec<u8> {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        let given = |wanted: &str| self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let host = given("host").and_then(|(_, values)| values.first()).map_or(HOST, String::as_str);
        let mut text = format!("{} {path} HTTP/1.1\r\nHost: {host}\r\n{framing}", self.method());
        for (name, values) in &self.headers {
            let ours = ["host", "connection", "content-length", "transfer-encoding"];
            if !ours.iter().any(|other| name.eq_ignore_ascii_case(other)) {
                values.iter().for_each(|value| text.push_str(&format!("{name}: {value}\r\n")));
            }
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        text.into_bytes()
    }

    fn method(&self) -> &str {
        if self.method.is_empty() { "GET" } else { &self.method }
    }
}

/// The answer with its body in one piece.
fn whole(answer: &[u8]) -> Vec<u8> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return answer.to_vec() };
    let (head, body) = answer.split_at(end + 4);
    let chunked = text(head).to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked\r\n");
    let mut whole = head.to_vec();
    if !chunked {
        whole.extend_from_slice(body);
        return whole;
    }
    let mut rest = body;
    while let Some(line) = rest.windows(2).position(|bytes| bytes == b"\r\n") {
        let (size, after) = rest.split_at(line);
        let size = usize::from_str_radix(text(size).trim(), 16).unwrap_or(0);
        let Some((chunk, after)) = after.get(2..).and_then(|after| after.split_at_checked(size)) else {
            break;
        };
        if size == 0 {
            break;
        }
        whole.extend_from_slice(chunk);
        rest = after.get(2..).unwrap_or_default();
    }
    whole
}

/// What is logged meanwhile.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        text(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_exactly_what_was_asked_for() {
        let mut request = Request {
            method: "POST".to_owned(),
            path: "/a?b=c".to_owned(),
            body: "hi".to_owned(),
            headers: BTreeMap::from([
                ("Host".to_owned(), vec!["h".to_owned()]),
                ("X-A".to_owned(), vec!["1".to_owned(), "2".to_owned()]),
                ("content-length".to_owned(), vec!["9".to_owned()]),
            ]),
        };
        assert_eq!(text(&request.shown()), "POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\n\r\nhi");
        assert!(text(&request.wire().unwrap()).contains("\r\nConnection: close\r\nContent-Length: 2\r\n"));
        for path in ["x", "/a b", "/a\r\nX: y"] {
            request.path = path.to_owned();
            assert!(request.wire().is_none(), "{path:?}");
        }
        let smuggled = Request {
            headers: BTreeMap::from([("X".to_owned(), vec!["1\r\nY: 2".to_owned()])]),
            ..Request::default()
        };
        assert!(smuggled.wire().is_none());
        assert_eq!(text(&Request::default().shown()), "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    }

    #[test]
    fn chunks_are_joined() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let joined = whole(format!("{head}3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n").as_bytes());
        assert_eq!(text(&joined), format!("{head}abc0123456789"));
        for broken in ["", "zz\r\nabc", "5\r\nabc"] {
            assert_eq!(text(&whole(format!("{head}{broken}").as_bytes())), head, "{broken:?}");
        }
        let plain = b"HTTP/1.1 200 OK\r\n\r\n3\r\nabc\r\n";
        assert_eq!(whole(plain), plain);
    }
}
