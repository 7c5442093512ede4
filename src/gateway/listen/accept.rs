//! From a listening socket to a served connection.

use std::{
    borrow::Cow,
    io,
    net::SocketAddr,
    os::fd::AsRawFd,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use pingora_core::{
    listeners::tls::Acceptor,
    protocols::{GetSocketDigest, IO, SocketDigest, Stream, l4::stream::Stream as L4Stream, tls::TlsStream},
    server::ShutdownWatch,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

use super::Endpoint;
use crate::gateway::{stream::Buffered, tls::Asking};

/// Time a client has for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time for the first bytes of a connection after its socket was closed.
const LAST_CALL: Duration = Duration::from_millis(500);
/// First and longest pause after the system refused to give us a connection (Go's net/http waits as long).
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Accepts from one socket until `shutdown` turns true, without a pingora `Server`: for tests and tools.
pub async fn serve(listener: TcpListener, endpoint: Endpoint, mut shutdown: ShutdownWatch) {
    let app = endpoint.app.clone();
    let stop = Arc::new(watch::Sender::new(false));
    let mut accepting =
        std::pin::pin!(accept(listener, Arc::new(ArcSwap::from_pointee(endpoint)), stop.clone()));
    tokio::select! {
        () = &mut accepting => {}
        () = turned(&mut shutdown) => {
            stop.send_replace(true);
            accepting.await;
        }
    }
    app.cleanup().await;
}

/// Accepts until `stop` turns true, then serves what the kernel had queued and closes the socket.
pub(super) async fn accept(
    listener: TcpListener,
    endpoint: Arc<ArcSwap<Endpoint>>,
    stop: Arc<watch::Sender<bool>>,
) {
    let mut stopped = stop.subscribe();
    let mut pause = PAUSE.0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = turned(&mut stopped) => break,
        };
        match accepted {
            Ok((socket, client)) => {
                pause = PAUSE.0;
                spawn(socket, client, &endpoint, &stop);
            }
            Err(error) if client_gave_up(&error) => {}
            Err(error) => {
                tracing::error!(%error, ?pause, "accept failed");
                // Stopping cuts the pause short; the loop sees it next.
                let _ = timeout(pause, turned(&mut stopped)).await;
                pause = (pause * 2).min(PAUSE.1);
            }
        }
    }
    serve_queued(listener, &endpoint, &stop);
}

/// Waits until `watch` is true.
pub(super) async fn turned(watch: &mut ShutdownWatch) {
    // Fails only when the sender is gone, and with it whoever could want more.
    let _ = watch.wait_for(|now| *now).await;
}

fn client_gave_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// Closing a socket resets the connections in its queue, so they are taken out first.
fn serve_queued(listener: TcpListener, endpoint: &ArcSwap<Endpoint>, stop: &Arc<watch::Sender<bool>>) {
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((socket, client)) = listener.accept() {
        if socket.set_nonblocking(true).is_ok()
            && let Ok(socket) = TcpStream::from_std(socket)
        {
            spawn(socket, client, endpoint, stop);
        }
    }
}

fn spawn(
    socket: TcpStream,
    client: SocketAddr,
    endpoint: &ArcSwap<Endpoint>,
    stop: &Arc<watch::Sender<bool>>,
) {
    let endpoint = endpoint.load_full();
    let open = Counted::new(&endpoint.connections);
    let stop = stop.clone();
    tokio::spawn(async move {
        // Held to the end: pingora's HTTP/2 loop takes a lost sender for a fault.
        let _open = (open, stop.clone());
        let established = Box::pin(establish(socket, client, &endpoint, stop.subscribe()));
        match established.await {
            Ok(stream) => endpoint.app.clone().serve(stream, stop.subscribe()).await,
            Err(reason) => tracing::debug!(%client, %reason, "no connection"),
        }
    });
}

/// Makes the stream and waits for its first bytes: pingora neither gives up that wait when we shut down, nor serves a
/// connection whose request it has not begun to read by then.
async fn establish(
    socket: TcpStream,
    client: SocketAddr,
    endpoint: &Endpoint,
    mut stop: ShutdownWatch,
) -> Result<Stream, Cow<'static, str>> {
    let socket = prepare(socket, client).map_err(|error| error.to_string())?;
    let patience = endpoint.app.head_timeout();
    let Some(tls) = &endpoint.tls else {
        return begun(Box::new(Buffered::writes(socket, patience)), patience, &mut stop).await;
    };
    // Boxed, as the streams are: a task is as large as the largest of its parts, to the end of its connection.
    match timeout(HANDSHAKE, Box::pin(shake_hands(socket, tls, endpoint.asking.as_deref()))).await {
        Ok(Ok(stream)) => begun(Box::new(Buffered::writes(stream, patience)), patience, &mut stop).await,
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err("no TLS handshake in time".into()),
    }
}

/// Asks for a certificate where that is wanted.
async fn shake_hands(
    socket: L4Stream,
    tls: &Acceptor,
    asking: Option<&Asking>,
) -> Result<TlsStream<Buffered<L4Stream>>, String> {
    let mut socket = Buffered::reads(socket);
    let acceptor = match asking {
        Some(asking) if asking.needs_name() => {
            let name = socket.server_name().await.map_err(|error| error.to_string())?;
            asking.of(name.as_deref())
        }
        Some(asking) => asking.of(None),
        None => None,
    };
    acceptor.unwrap_or(tls).tls_handshake(socket).await.map_err(|error| error.to_string())
}

/// A connection without TLS that is nobody's but ours, its first bytes there.
///
/// # Errors
/// The system's, or the end of the connection.
pub(in crate::gateway) async fn plain(
    socket: TcpStream,
    client: SocketAddr,
    patience: Duration,
) -> io::Result<Stream> {
    let mut stream = Box::new(Buffered::writes(prepare(socket, client)?, patience));
    stream.begun().await?;
    Ok(stream)
}

async fn begun<S: IO + 'static>(
    mut stream: Box<Buffered<S>>,
    patience: Duration,
    stop: &mut ShutdownWatch,
) -> Result<Stream, Cow<'static, str>> {
    let last_call = async {
        turned(stop).await;
        tokio::time::sleep(LAST_CALL).await;
    };
    tokio::select! {
        begun = timeout(patience, stream.begun()) => match begun {
            Ok(begun) => begun.map_err(|error| error.to_string())?,
            Err(_) => return Err("no request in time".into()),
        },
        () = last_call => return Err("no request when the socket was closed".into()),
    }
    Ok(stream)
}

/// Sets what pingora's own listener sets. Addresses of version 4 are told as such, although a socket for all
/// addresses sees them inside version 6: IP lists and records speak of the former.
fn prepare(socket: TcpStream, client: SocketAddr) -> io::Result<L4Stream> {
    socket.set_nodelay(true)?;
    let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
    // A new cell is empty, so these cannot fail.
    let _ = digest.peer_addr.set(Some(canonical(client).into()));
    let _ = digest.local_addr.set(Some(canonical(socket.local_addr()?).into()));
    let mut stream = L4Stream::from(socket);
    stream.set_socket_digest(digest);
    Ok(stream)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// One open connection, as long as it lives.
struct Counted(Arc<AtomicI64>);

impl Counted {
    fn new(count: &Arc<AtomicI64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
