//! An upstream that remembers what it saw and answers as it is told, down to single bytes.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use super::client::{chunks, exactly, read_head};

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}

/// Makes the bytes of an answer.
pub(crate) type Reaction = dyn Fn(&Seen) -> Vec<u8> + Send + Sync;

/// How requests are answered.
#[derive(Clone)]
pub(crate) enum Answer {
    /// 200 with this text.
    Text(String),
    /// 200 with the request's body.
    Echo,
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, and on to the next request.
    RawKept(Vec<u8>),
    /// As [`Answer::Raw`], made from the request.
    By(Arc<Reaction>),
    /// These bytes before anything was asked, then the end of the connection.
    Greet(Vec<u8>),
    /// These pieces with a pause between any two, then the end of the connection.
    Pieces(Vec<Vec<u8>>, Duration),
    /// Nothing, until the other side goes away.
    Hang,
}

pub(crate) struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    answer: Answer,
    seen: Mutex<Vec<Seen>>,
    connections: Mutex<usize>,
    gate: watch::Sender<bool>,
}

impl Upstream {
    /// Answers with its name.
    pub(crate) async fn named(name: &str) -> Self {
        Self::answering(Answer::Text(name.to_owned())).await
    }

    /// Answers with these bytes and closes.
    pub(crate) async fn raw(bytes: &str) -> Self {
        Self::answering(Answer::Raw(bytes.as_bytes().to_vec())).await
    }

    pub(crate) async fn answering(answer: Answer) -> Self {
        Self::on("127.0.0.1:0", answer).await
    }

    pub(crate) async fn on(address: &str, answer: Answer) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer,
            seen: Mutex::default(),
            connections: Mutex::default(),
            gate: watch::Sender::new(true),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How many requests came so far.
    pub(crate) fn count(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }

    /// How many connections came so far.
    pub(crate) fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Seen {
        self.shared.seen.lock().unwrap().last().expect("the upstream saw a request").clone()
    }

    /// From now on answers wait until [`Upstream::open`].
    pub(crate) fn close(&self) {
        self.shared.gate.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.shared.gate.send_replace(true);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Gone with this task, and its connections with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        *shared.connections.lock().unwrap() += 1;
        connections.spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).unwrap();
    let mut io = BufReader::with_capacity(64 << 10, stream);
    if let Answer::Greet(bytes) = &shared.answer {
        // The other side may be gone already.
        let _ = io.get_mut().write_all(bytes).await;
        return;
    }
    while let Some(seen) = read_request(&mut io).await {
        shared.seen.lock().unwrap().push(seen.clone());
        // The sender lives in `shared`, so this cannot fail.
        let _ = shared.gate.subscribe().wait_for(|open| *open).await;
        if let Answer::Pieces(pieces, pause) = &shared.answer {
            for piece in pieces {
                if io.get_mut().write_all(piece).await.is_err() {
                    return;
                }
                tokio::time::sleep(*pause).await;
            }
            return;
        }
        let (bytes, goes_on) = match &shared.answer {
            Answer::Text(text) => (with_length(text.as_bytes(), &seen), true),
            Answer::Echo => (with_length(&seen.body, &seen), true),
            Answer::Raw(bytes) => (bytes.clone(), false),
            Answer::RawKept(bytes) => (bytes.clone(), true),
            Answer::By(answer) => (answer(&seen), false),
            Answer::Hang | Answer::Greet(_) | Answer::Pieces(..) => (Vec::new(), true),
        };
        if io.get_mut().write_all(&bytes).await.is_err() || !goes_on {
            return;
        }
    }
}

fn with_length(body: &[u8], seen: &Seen) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let body = if seen.method == "HEAD" { &[] } else { body };
    [head.as_bytes(), body].concat()
}

async fn read_request(io: &mut BufReader<TcpStream>) -> Option<Seen> {
    let head = read_head(io).await?;
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = String::from_utf8_lossy(lines.next()?).into_owned();
    let mut parts = start.split(' ').map(str::to_owned);
    let (method, target) = (parts.next()?, parts.next()?);
    let headers = lines
        .map(|line| {
            let colon = line.iter().position(|byte| *byte == b':').unwrap();
            let name = String::from_utf8(line[..colon].to_vec()).unwrap();
            (name, line[colon + 1..].trim_ascii().to_vec())
        })
        .collect();
    let mut seen = Seen { method, target, headers, body: Vec::new() };
    if seen.header("transfer-encoding").is_some() {
        seen.body = chunks(io).await;
    } else if let Some(length) = seen.header("content-length") {
        seen.body = exactly(io, length.parse().unwrap()).await;
    }
    Some(seen)
}
