//! A plain HTTP/1.1 client: literal bytes out, one answer in.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::in_time;

/// What came back.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The first value of a header; names are compared without regard to case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The `error` of an error body.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap_or_default().to_owned())
    }
}

/// One connection; answers are read in the order of the requests.
pub(crate) struct Connection<S = TcpStream>(BufReader<S>);

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self(BufReader::with_capacity(64 << 10, stream))
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        in_time("sending", self.0.get_mut().write_all(bytes.as_ref())).await.unwrap();
        self.0.get_mut().flush().await.unwrap();
    }

    /// Sends if the other side still takes it.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        in_time("sending", self.0.get_mut().write_all(bytes.as_ref())).await
    }

    /// The next answer to a request that was not HEAD.
    pub(crate) async fn response(&mut self) -> Response {
        in_time("an answer", self.read(false)).await.expect("closed without an answer")
    }

    /// The next answer to a HEAD request.
    pub(crate) async fn head_response(&mut self) -> Response {
        in_time("an answer", self.read(true)).await.expect("closed without an answer")
    }

    /// The next answer; `None` if the connection ends first.
    pub(crate) async fn response_or_end(&mut self) -> Option<Response> {
        in_time("an answer or the end", self.read(false)).await
    }

    /// All that comes until the end.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = in_time("the end", self.0.read_to_end(&mut rest)).await;
        rest
    }

    /// True once the other side has closed.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.rest().await.is_empty()
    }

    async fn read(&mut self, head_request: bool) -> Option<Response> {
        let (start, headers) = self.head().await?;
        let status: u16 = start.split(' ').nth(1).unwrap().parse().unwrap();
        let mut response = Response { status, headers, body: Vec::new() };
        let bodiless = head_request || matches!(status, 100..=199 | 204 | 304);
        let chunked = response.header("transfer-encoding").is_some_and(|value| value == "chunked");
        let length = response.header("content-length").map(|length| length.parse().unwrap());
        response.body = match (bodiless, chunked, length) {
            (true, ..) => Vec::new(),
            (_, true, _) => chunks(&mut self.0).await,
            (_, _, Some(length)) => exactly(&mut self.0, length).await,
            _ => self.rest().await,
        };
        Some(response)
    }

    async fn head(&mut self) -> Option<(String, Vec<(String, String)>)> {
        let head = read_head(&mut self.0).await?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        assert!(start.starts_with("HTTP/1."), "no answer: {head:?}");
        let headers = lines.filter_map(|line| line.split_once(": ").or_else(|| line.split_once(':')));
        Some((start, headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}

/// The bytes of a head without its last empty line; `None` at the end of the connection.
pub(crate) async fn read_head(io: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if io.read_until(b'\n', &mut head).await.ok()? == 0 {
            return None;
        }
    }
    head.truncate(head.len() - 4);
    Some(head)
}

/// A chunked body, decoded. Trailers are dropped.
pub(crate) async fn chunks(io: &mut (impl AsyncBufReadExt + Unpin)) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        if io.read_line(&mut line).await.unwrap_or(0) == 0 {
            return body;
        }
        let size = usize::from_str_radix(line.trim().split(';').next().unwrap(), 16).unwrap();
        if size == 0 {
            let mut trailer = String::new();
            while io.read_line(&mut trailer).await.unwrap_or(0) > 2 {
                trailer.clear();
            }
            return body;
        }
        body.extend(exactly(io, size).await);
        exactly(io, 2).await;
    }
}

/// So many bytes, or fewer if the connection ends.
pub(crate) async fn exactly(io: &mut (impl AsyncBufReadExt + Unpin), length: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(length.min(1 << 20));
    let _ = io.take(length as u64).read_to_end(&mut body).await;
    body
}

/// A request on a connection of its own.
pub(crate) struct Request {
    address: SocketAddr,
    method: String,
    head: Vec<u8>,
    host: bool,
    body: Option<Vec<u8>>,
}

impl Request {
    pub(crate) fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        let head = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
        Self { address, method: method.to_owned(), head, host: false, body: None }
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.host |= name.eq_ignore_ascii_case("host");
        self.head.extend_from_slice(name.as_bytes());
        self.head.extend_from_slice(b": ");
        self.head.extend_from_slice(value.as_ref());
        self.head.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        self = self.header("Content-Length", body.len().to_string());
        self.body = Some(body);
        self
    }

    pub(crate) async fn send(self) -> Response {
        let method = self.method.clone();
        let mut connection = self.start().await;
        if method == "HEAD" { connection.head_response().await } else { connection.response().await }
    }

    /// Sends it and leaves the answer to the caller.
    pub(crate) async fn start(mut self) -> Connection {
        if !self.host {
            self = self.header("Host", "gateway.test");
        }
        let mut connection = Connection::open(self.address).await;
        self.head.extend_from_slice(b"\r\n");
        self.head.extend(self.body.unwrap_or_default());
        connection.send(&self.head).await;
        connection
    }
}
