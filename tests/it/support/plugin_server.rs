//! A gRPC plugin server on bare HTTP/2, so that it can also answer what no gRPC library would.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use bytes::{BufMut, Bytes, BytesMut};
use h2::{RecvStream, server::SendResponse};
use http::{HeaderMap, Request, Response};
use pinhook::hook::drivers::grpc::proto::{Event, Object};
use prost::Message;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

/// What a call is answered.
pub(crate) enum Reply {
    /// An object.
    Object(Box<Object>),
    /// A failure of the plugin.
    Status(u32, &'static str),
    /// The start of a message that says it has so many bytes, these bytes, and the status 0.
    Raw(u32, Bytes),
    /// An answer that is no gRPC.
    Page,
    /// None, while the connection stays open.
    Silence,
    /// The end of the connection.
    Cut,
}

type Handler = dyn Fn(Object) -> Reply + Send + Sync;

/// A server; it ends when it is dropped, connections included.
pub(crate) struct PluginServer {
    target: String,
    task: JoinHandle<()>,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    calls: AtomicUsize,
    connections: AtomicUsize,
    heads: Mutex<Vec<Request<()>>>,
    events: Mutex<Vec<String>>,
}

struct Service {
    handler: Box<Handler>,
    log: Arc<Log>,
}

impl PluginServer {
    /// One on a free port.
    pub(crate) async fn start(handler: impl Fn(Object) -> Reply + Send + Sync + 'static) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), handler).await
    }

    pub(crate) async fn at(
        address: SocketAddr,
        handler: impl Fn(Object) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let target = format!("tcp://{}", listener.local_addr().unwrap());
        Self::new(target, handler, |service| async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, service.clone()));
            }
        })
    }

    pub(crate) fn unix(path: &Path, handler: impl Fn(Object) -> Reply + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        Self::new(format!("unix://{}", path.display()), handler, |service| async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, service.clone()));
            }
        })
    }

    pub(crate) async fn tls(
        config: rustls::ServerConfig,
        handler: impl Fn(Object) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("tls://{}", listener.local_addr().unwrap());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::new(target, handler, |service| async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, service) = (acceptor.clone(), service.clone());
                connections.spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, service).await;
                    }
                });
            }
        })
    }

    fn new<F>(
        target: String,
        handler: impl Fn(Object) -> Reply + Send + Sync + 'static,
        listen: impl FnOnce(Arc<Service>) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let log = Arc::<Log>::default();
        let service = Arc::new(Service { handler: Box::new(handler), log: log.clone() });
        Self { target, task: tokio::spawn(listen(service)), log }
    }

    /// What definitions call it.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// Host and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.target.split_once("://").unwrap().1.parse().unwrap()
    }

    /// Calls of `Dispatch` so far.
    pub(crate) fn calls(&self) -> usize {
        self.log.calls.load(SeqCst)
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(SeqCst)
    }

    /// The head of the last call.
    pub(crate) fn last_head(&self) -> Request<()> {
        self.log.heads.lock().unwrap().last().unwrap().clone()
    }

    /// What it was told with `DispatchEvent`.
    pub(crate) fn events(&self) -> Vec<String> {
        self.log.events.lock().unwrap().clone()
    }
}

impl Drop for PluginServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(io: impl AsyncRead + AsyncWrite + Unpin, service: Arc<Service>) {
    service.log.connections.fetch_add(1, SeqCst);
    let Ok(mut connection) = h2::server::handshake(io).await else { return };
    let (cut, mut is_cut) = mpsc::channel(1);
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            _ = is_cut.recv() => return,
            call = connection.accept() => match call {
                Some(Ok((request, answer))) => {
                    calls.spawn(call_one(request, answer, service.clone(), cut.clone()));
                }
                _ => return,
            },
        }
    }
}

async fn call_one(
    request: Request<RecvStream>,
    mut answer: SendResponse<Bytes>,
    service: Arc<Service>,
    cut: mpsc::Sender<()>,
) {
    let (head, mut body) = request.into_parts();
    let path = head.uri.path().to_owned();
    service.log.heads.lock().unwrap().push(Request::from_parts(head, ()));
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let Ok(chunk) = chunk else { return };
        let _ = body.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    let message = bytes.split_off(5);
    if path == "/coprocess.Dispatcher/DispatchEvent" {
        let event = Event::decode(message.freeze()).unwrap();
        service.log.events.lock().unwrap().push(event.payload);
        return finish(&mut answer, 0, Bytes::new(), (0, ""));
    }
    assert_eq!(path, "/coprocess.Dispatcher/Dispatch");
    service.log.calls.fetch_add(1, SeqCst);
    match (service.handler)(Object::decode(message.freeze()).unwrap()) {
        Reply::Object(object) => {
            let bytes = Bytes::from(object.encode_to_vec());
            finish(&mut answer, u32::try_from(bytes.len()).unwrap(), bytes, (0, ""));
        }
        Reply::Status(code, message) => {
            let head = Response::builder().header("content-type", "application/grpc");
            let head = head.header("grpc-status", code).header("grpc-message", message);
            answer.send_response(head.body(()).unwrap(), true).unwrap();
        }
        Reply::Raw(length, bytes) => finish(&mut answer, length, bytes, (0, "")),
        Reply::Page => {
            let head = Response::builder().status(502).header("content-type", "text/html");
            let mut out = answer.send_response(head.body(()).unwrap(), false).unwrap();
            out.send_data("<h1>Bad Gateway</h1>".into(), true).unwrap();
        }
        Reply::Silence => std::future::pending().await,
        Reply::Cut => cut.send(()).await.unwrap(),
    }
}

/// One message and a status.
fn finish(answer: &mut SendResponse<Bytes>, length: u32, bytes: Bytes, status: (u32, &str)) {
    let head = Response::builder().header("content-type", "application/grpc+proto").body(()).unwrap();
    // A caller that is gone wants nothing.
    let Ok(mut out) = answer.send_response(head, false) else { return };
    let mut message = BytesMut::with_capacity(bytes.len() + 5);
    message.put_u8(0);
    message.put_u32(length);
    message.put(bytes);
    let _ = out.send_data(message.freeze(), false);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.0.into());
    trailers.insert("grpc-message", status.1.parse().unwrap());
    let _ = out.send_trailers(trailers);
}
