//! Clients that ask one request after the other and account for every one of them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinHandle,
};

use super::{
    client::{exactly, read_head},
    until,
};

/// Load that runs until it is told to end, or the port is closed.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Tally>>,
}

struct Shared {
    address: SocketAddr,
    targets: Vec<String>,
    end: AtomicBool,
    answered: AtomicUsize,
}

/// How many clients of which kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mix {
    /// Keep their connection for as long as they may, then make another one.
    pub(crate) kept: usize,
    /// Use each connection for one request.
    pub(crate) fresh: usize,
    /// Keep their connection and end with it, once they are told that it ends.
    pub(crate) loyal: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Kept,
    Fresh,
    Loyal,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: usize,
    /// Why a request that was sent has no proper answer, or no connection was to be had.
    pub(crate) failed: Vec<String>,
    pub(crate) connections: usize,
    /// Clients that ended because nobody listens any more.
    pub(crate) refused: usize,
    /// Loyal clients that were told that their connection ends.
    pub(crate) told: usize,
    /// How long each answer took.
    pub(crate) took: Vec<Duration>,
}

impl Load {
    /// Each client asks for `targets` in turn: a path that ends in `none` has to be answered 404, any other 200.
    pub(crate) fn start(address: SocketAddr, targets: &[&str], mix: Mix) -> Self {
        let shared = Arc::new(Shared {
            address,
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
            end: AtomicBool::new(false),
            answered: AtomicUsize::new(0),
        });
        let kinds = [(Kind::Kept, mix.kept), (Kind::Fresh, mix.fresh), (Kind::Loyal, mix.loyal)];
        let kinds = kinds.into_iter().flat_map(|(kind, count)| std::iter::repeat_n(kind, count));
        let clients =
            kinds.enumerate().map(|(number, kind)| tokio::spawn(client(Arc::clone(&shared), kind, number)));
        Self { clients: clients.collect(), shared }
    }

    pub(crate) fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Waits until `count` more requests have been answered.
    pub(crate) async fn more(&self, count: usize) {
        let enough = self.answered() + count;
        until("load", async || self.answered() >= enough || self.all_ended()).await;
    }

    fn all_ended(&self) -> bool {
        self.clients.iter().all(JoinHandle::is_finished)
    }

    /// Waits until every client has ended by itself.
    pub(crate) async fn ended(self) -> Tally {
        until("the clients end", async || self.all_ended()).await;
        self.end().await
    }

    /// Lets each client finish its request.
    pub(crate) async fn end(self) -> Tally {
        self.shared.end.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for client in self.clients {
            let one = client.await.unwrap();
            all.answered += one.answered;
            all.failed.extend(one.failed);
            all.connections += one.connections;
            all.refused += one.refused;
            all.told += one.told;
            all.took.extend(one.took);
        }
        all
    }
}

async fn client(shared: Arc<Shared>, kind: Kind, first: usize) -> Tally {
    let mut tally = Tally::default();
    let mut kept: Option<BufReader<TcpStream>> = None;
    let mut targets = shared.targets.iter().cycle().skip(first);
    while !shared.end.load(Ordering::Relaxed) {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => match TcpStream::connect(shared.address).await {
                Ok(stream) => {
                    stream.set_nodelay(true).unwrap();
                    tally.connections += 1;
                    BufReader::new(stream)
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    tally.refused += 1;
                    return tally;
                }
                Err(error) => {
                    tally.failed.push(format!("connecting: {error}"));
                    continue;
                }
            },
        };
        let started = Instant::now();
        let target = targets.next().unwrap();
        match ask(&mut connection, target, kind != Kind::Fresh).await {
            Ok(stays) => {
                tally.took.push(started.elapsed());
                tally.answered += 1;
                shared.answered.fetch_add(1, Ordering::Relaxed);
                if kind == Kind::Loyal && !stays {
                    tally.told += 1;
                    return tally;
                }
                kept = Some(connection).filter(|_| kind != Kind::Fresh && stays);
            }
            Err(error) => tally.failed.push(format!("{target} after {} answers: {error}", tally.answered)),
        }
    }
    tally
}

/// Whether the connection may be used again.
async fn ask(connection: &mut BufReader<TcpStream>, target: &str, keep: bool) -> Result<bool, String> {
    let close = if keep { "" } else { "Connection: close\r\n" };
    let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\n{close}\r\n");
    connection.get_mut().write_all(request.as_bytes()).await.map_err(|error| format!("sending: {error}"))?;
    let head = read_head(connection).await.ok_or("closed before the answer")?;
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    let length: usize = length.ok_or_else(|| format!("no length: {head}"))?;
    let body = exactly(connection, length).await;
    if body.len() < length {
        return Err(format!("closed after {} of {length} bytes", body.len()));
    }
    let status = if target.ends_with("none") { "http/1.1 404" } else { "http/1.1 200" };
    if head.starts_with(status) { Ok(!head.contains("connection: close")) } else { Err(head) }
}
