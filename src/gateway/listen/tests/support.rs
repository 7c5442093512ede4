use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use pingora_core::{apps::HttpServerOptions, server::configuration::ServerConf, upstreams::peer::HttpPeer};
use pingora_http::ResponseHeader;
use pingora_proxy::{HttpProxy, ProxyHttp, Session};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::super::{App, Endpoint, serve};

pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// Proxies everything to one origin; answers `/who` itself with the client's address and the protocol.
pub(super) struct Bare(pub SocketAddr);

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn early_request_filter(&self, session: &mut Session, _: &mut ()) -> pingora_core::Result<()> {
        session.as_downstream_mut().set_pipelining_enabled(true);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, _: &mut ()) -> pingora_core::Result<bool> {
        if session.req_header().uri.path() != "/who" {
            return Ok(false);
        }
        let body = format!("{} {:?}", session.client_addr().unwrap(), session.req_header().version);
        let mut head = ResponseHeader::build(200, None)?;
        head.insert_header("content-length", body.len())?;
        session.write_response_header(Box::new(head), false).await?;
        session.write_response_body(Some(body.into()), true).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _: &mut Session, _: &mut ()) -> pingora_core::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

pub(super) fn app(origin: SocketAddr) -> Arc<dyn App> {
    let mut proxy = HttpProxy::new(Bare(origin), Arc::new(ServerConf::default()));
    let mut options = HttpServerOptions::default();
    options.h2c = true;
    proxy.server_options = Some(options);
    proxy.handle_init_modules();
    Arc::new(proxy)
}

/// The listener under test in front of an [`origin`].
pub(super) struct Gateway {
    pub address: SocketAddr,
    pub connections: Arc<std::sync::atomic::AtomicI64>,
    pub go_on: Arc<Notify>,
    pub stop: watch::Sender<bool>,
    pub done: JoinHandle<()>,
}

pub(super) async fn gateway(tls: Option<Arc<rustls::ServerConfig>>) -> Gateway {
    let go_on = Arc::new(Notify::new());
    let origin = origin(go_on.clone()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let connections = Arc::default();
    let endpoint = Endpoint::new(app(origin), tls, Arc::clone(&connections));
    let done = tokio::spawn(serve(listener, endpoint, stopped));
    Gateway { address, connections, go_on, stop, done }
}

impl Gateway {
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Answers by path: `/hello`, `/empty`, `/large`, `/stream` (second chunk when told), `/upgrade` (then echoes bytes),
/// `/echo` (the body).
pub(super) async fn origin(go_on: Arc<Notify>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, go_on.clone()));
        }
    });
    address
}

async fn answer(mut socket: TcpStream, go_on: Arc<Notify>) {
    while let Some(head) = read_head(&mut socket).await {
        let path = head.split(' ').nth(1).unwrap_or_default();
        match path {
            "/empty" => write(&mut socket, "HTTP/1.1 204 No Content\r\n\r\n").await,
            "/large" => {
                write(&mut socket, &format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n")).await;
                write(&mut socket, &"x".repeat(LARGE)).await;
            }
            "/stream" => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
                write(&mut socket, &format!("{head}5\r\nfirst\r\n")).await;
                go_on.notified().await;
                write(&mut socket, "6\r\nsecond\r\n0\r\n\r\n").await;
            }
            "/upgrade" => {
                let head =
                    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
                write(&mut socket, head).await;
                let (mut from, mut to) = socket.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
                return;
            }
            "/echo" => {
                let length = length(&head);
                if head.to_ascii_lowercase().contains("expect: 100-continue") {
                    write(&mut socket, "HTTP/1.1 100 Continue\r\n\r\n").await;
                }
                let mut body = vec![0; length];
                socket.read_exact(&mut body).await.unwrap();
                write(&mut socket, &format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")).await;
                socket.write_all(&body).await.unwrap();
            }
            _ => write(&mut socket, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await,
        }
    }
}

pub(super) const LARGE: usize = 300_000;

pub(super) async fn write(io: &mut (impl AsyncWrite + Unpin), text: &str) {
    io.write_all(text.as_bytes()).await.unwrap();
    io.flush().await.unwrap();
}

fn length(head: &str) -> usize {
    let value = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    value.unwrap_or(0)
}

pub(super) async fn read_head(io: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// Head and body (by content-length) of the next answer, within the deadline.
pub(super) async fn read_answer(io: &mut (impl AsyncRead + Unpin)) -> (String, String) {
    let read = async {
        let head = read_head(io).await.expect("an answer");
        let mut body = vec![0; length(&head)];
        io.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    };
    tokio::time::timeout(DEADLINE, read).await.expect("an answer in time")
}

/// Waits until `text` has come in.
pub(super) async fn read_until(io: &mut (impl AsyncRead + Unpin), text: &str) -> String {
    let read = async {
        let mut all = Vec::new();
        while !all.ends_with(text.as_bytes()) {
            all.push(io.read_u8().await.expect("more bytes"));
        }
        String::from_utf8(all).unwrap()
    };
    tokio::time::timeout(DEADLINE, read).await.unwrap_or_else(|_| panic!("{text:?} did not come"))
}

/// Waits until `condition` holds.
pub(super) async fn eventually(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.expect("the condition holds in time");
}
