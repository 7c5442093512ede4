use std::{
    future::poll_fn,
    sync::{Mutex, MutexGuard},
};

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A socket that gives `input` in its pieces, then ends, and takes at most `accept` bytes per send, every other time
/// nothing at first. It keeps each send apart.
#[derive(Debug, Default)]
struct Wire {
    input: Vec<Vec<u8>>,
    accept: usize,
    wait: bool,
    sends: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Wire {
    fn new(input: &[&str]) -> (Self, Sends) {
        let input = input.iter().rev().map(|piece| piece.as_bytes().to_vec()).collect();
        let wire = Self { input, accept: usize::MAX, ..Self::default() };
        let sends = Sends(wire.sends.clone());
        (wire, sends)
    }
}

struct Sends(Arc<Mutex<Vec<Vec<u8>>>>);

impl Sends {
    fn get(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.input.pop() {
            let rest = piece.split_off(piece.len().min(buf.remaining()));
            buf.put_slice(&piece);
            self.input.extend(Some(rest).filter(|rest| !rest.is_empty()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.wait = !self.wait && self.accept != usize::MAX;
        if self.wait {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut sent = bufs.concat_slices();
        sent.truncate(self.accept);
        let count = sent.len();
        self.sends.lock().unwrap().push(sent);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

trait Concat {
    fn concat_slices(&self) -> Vec<u8>;
}

impl Concat for [IoSlice<'_>] {
    fn concat_slices(&self) -> Vec<u8> {
        self.iter().flat_map(|slice| slice.iter().copied()).collect()
    }
}

#[async_trait]
impl Shutdown for Wire {
    async fn shutdown(&mut self) {}
}

impl UniqueID for Wire {
    fn id(&self) -> UniqueIDType {
        7
    }
}

impl Ssl for Wire {}
impl Peek for Wire {}

impl GetTimingDigest for Wire {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Wire {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Wire {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

#[tokio::test]
async fn head_and_body_leave_in_one_send() {
    for length in [100, WRITE_BUFFER, 100_000] {
        let (wire, sends) = Wire::new(&[]);
        let mut stream = Buffered::writes(wire, PATIENCE);
        stream.write_all(b"head").await.unwrap();
        assert!(sends.get().is_empty());
        stream.write_all(&vec![b'x'; length]).await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(sends.get().iter().map(Vec::len).collect::<Vec<_>>(), [4 + length]);
        assert_eq!(stream.gathered.capacity(), 0, "an idle connection has no buffer");
    }
}

#[tokio::test]
async fn a_flush_a_shutdown_and_a_drop_send_what_was_gathered() {
    let (wire, sends) = Wire::new(&[]);
    let mut stream = Buffered::writes(wire, PATIENCE);
    stream.write_all(b"one").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(*sends.get(), [b"one"]);
    stream.write_all(b"two").await.unwrap();
    Shutdown::shutdown(&mut stream).await;
    assert_eq!(*sends.get(), [b"one", b"two"]);
    stream.write_all(b"six").await.unwrap();
    drop(stream);
    assert_eq!(*sends.get(), [b"one", b"two", b"six"]);
}

#[tokio::test]
async fn a_look_ahead_takes_nothing_away() {
    let preface = std::str::from_utf8(&H2_PREFACE).unwrap();
    let (start, end) = preface.split_at(3);
    for (input, is_http2) in [
        (&[preface][..], true),
        (&[start, end, "frames"], true),
        (&["GET / HTTP/1.0\r\n\r\n"], false),
        (&["P", "OST / HTTP/1.1\r\n\r\n"], false),
        (&["PRI"], false),
    ] {
        let mut stream = Buffered::writes(Wire::new(input).0, PATIENCE);
        let mut seen = [0; 24];
        assert!(stream.try_peek(&mut seen).await.unwrap());
        assert_eq!(seen == H2_PREFACE, is_http2, "{input:?}");
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, input.concat());
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_its_first_byte_is_a_fault() {
    let mut stream = Buffered::writes(Wire::new(&[]).0, PATIENCE);
    let fault = stream.try_peek(&mut [0; 24]).await.unwrap_err();
    assert_eq!(fault.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn an_absolute_target_gives_host_its_value() {
    for (head, expected) in [
        (
            "GET http://a:1/x HTTP/1.1\r\nX: y\r\nHost:  b \r\n\r\nbody",
            "GET http://a:1/x HTTP/1.1\r\nX: y\r\nHost:  a:1 \r\n\r\nbody",
        ),
        ("GET https://a?q HTTP/1.1\r\nhost:\r\n\r\n", "GET https://a?q HTTP/1.1\r\nhost:a\r\n\r\n"),
        // What is refused, or not HTTP's, stays as it is.
        (
            "GET http://a/ HTTP/1.1\r\nHost: b\r\nHost: c\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: b\r\nHost: c\r\n\r\n",
        ),
        ("GET http://a/ HTTP/1.1\r\n\r\n", "GET http://a/ HTTP/1.1\r\n\r\n"),
        ("GET ftp://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "GET ftp://a/ HTTP/1.1\r\nHost: b\r\n\r\n"),
        ("GET http:///x HTTP/1.1\r\nHost: b\r\n\r\n", "GET http:///x HTTP/1.1\r\nHost: b\r\n\r\n"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: b\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: b\r\n\r\n"),
        // It ends before it is complete.
        ("GET http://a/ HTTP/1.1\r\nHost: b\r\n", "GET http://a/ HTTP/1.1\r\nHost: b\r\n"),
    ] {
        for size in [1, 7, head.len()] {
            let pieces: Vec<&str> =
                head.as_bytes().chunks(size).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
            let mut stream = Buffered::writes(Wire::new(&pieces).0, PATIENCE);
            let mut all = String::new();
            stream.read_to_string(&mut all).await.unwrap();
            assert_eq!(all, expected, "by {size}");
        }
    }
}

#[tokio::test]
async fn bytes_of_a_request_that_is_served_are_left_alone() {
    let body = "x http://a/ \r\nHost: b\r\n\r\n";
    let mut stream = Buffered::writes(Wire::new(&[body]).0, PATIENCE);
    stream.life.begin(Some(0));
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    assert_eq!(all, body);

    let (wire, sends) = Wire::new(&[]);
    let mut stream = Buffered::writes(wire, PATIENCE);
    stream.life.begin(Some(0));
    let answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(sends.0.lock().unwrap().concat(), answer.as_bytes());
}

#[tokio::test]
async fn only_pingoras_refusal_of_a_head_is_replaced() {
    for (answer, replaced) in [("HTTP/1.1 400 Bad Request\r\n\r\n", true), ("HTTP/1.1 405 No\r\n\r\n", false)]
    {
        let (wire, sends) = Wire::new(&["GET / HTTP/1.1\r\nBad Name: x\r\n\r\n"]);
        let mut stream = Buffered::writes(wire, PATIENCE);
        stream.read_to_string(&mut String::new()).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let sent = String::from_utf8(sends.0.lock().unwrap().concat()).unwrap();
        assert_eq!(sent != answer, replaced, "{sent}");
    }
}

#[tokio::test]
async fn below_tls_one_read_fetches_a_whole_record() {
    let record = "r".repeat(READ_BUFFER);
    let (wire, _) = Wire::new(&[&record, "next"]);
    let mut stream = Buffered::reads(wire);
    let mut piece = [0; 4096];
    for _ in 0..READ_BUFFER / piece.len() {
        assert_eq!(stream.read(&mut piece).await.unwrap(), piece.len());
        assert_eq!(stream.inner.input.len(), 1, "nothing more was read from the socket");
    }
    assert_eq!(stream.read(&mut piece).await.unwrap(), 4);
    assert_eq!(stream.read(&mut piece).await.unwrap(), 0);
}

/// Lengths of writes; a length of 0 stands for a flush.
fn writes() -> impl Strategy<Value = Vec<Vec<usize>>> {
    let length = prop_oneof![Just(0_usize), 1..200_usize, 3000..9000_usize];
    proptest::collection::vec(proptest::collection::vec(length, 1..6), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_byte_is_lost_or_moved(writes in writes(), accept in 1..6000_usize) {
        let (mut wire, sends) = Wire::new(&[]);
        wire.accept = accept;
        let mut stream = Buffered::writes(wire, PATIENCE);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut expected = Vec::new();
        runtime.block_on(async {
            for lengths in &writes {
                let parts: Vec<Vec<u8>> = lengths.iter().map(|length| part(expected.len(), *length)).collect();
                let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
                let mut left = &mut slices[..];
                while left.iter().any(|slice| !slice.is_empty()) {
                    let count = poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, left)).await.unwrap();
                    assert!(count > 0);
                    IoSlice::advance_slices(&mut left, count);
                }
                expected.extend(parts.concat());
                if lengths[0] == 0 {
                    stream.flush().await.unwrap();
                    assert_eq!(sends.get().concat(), expected);
                }
            }
            stream.flush().await.unwrap();
        });
        prop_assert_eq!(sends.get().concat(), expected);
    }
}

fn part(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| ((seed + at) % 251) as u8).collect()
}

#[tokio::test]
async fn only_a_request_that_came_alone_and_its_head_whole_is_one() {
    let head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let cases: [(&[&str], Option<u64>, bool); 14] = [
        (&[head], Some(0), true),
        (&[head, head], Some(0), false),
        (&[head, "GET "], Some(0), false),
        (&["GET / HTTP/1.1\r\n\r\nGET "], Some(0), false),
        (&["GET / HTTP/1.1\r\nHo", "st: h\r\n\r\n"], Some(0), false),
        (&["POST / HTTP/1.1\r\n\r\n\r\n\r\n"], Some(4), true),
        (&["POST / HTTP/1.1\r\n\r\n\r\n\r\n"], Some(0), false),
        (&["POST / HTTP/1.1\r\n\r\nbo", "d", "y"], Some(4), true),
        (&["POST / HTTP/1.1\r\n\r\nbo", "dyG"], Some(4), false),
        (&["POST / HTTP/1.1\r\n\r\nbody", head], Some(4), false),
        (&["POST / HTTP/1.1\r\n\r\nbo"], Some(4), false),
        (&["POST / HTTP/1.1\r\n\r\n0\r\n\r\n"], None, false),
        (&["\r\n"], Some(0), false),
        (&[], Some(0), false),
    ];
    for (reads, body, sole) in cases {
        let (mut stream, mut client) = connected().await;
        for (number, read) in reads.iter().enumerate() {
            client.write_all(read.as_bytes()).await.unwrap();
            let mut buf = vec![0; 1024];
            assert_eq!(stream.read(&mut buf).await.unwrap(), read.len());
            if number == 0 {
                stream.life.begin(body);
            }
        }
        let stream: Box<dyn IO> = Box::new(stream);
        let life = life_of_stream(&*stream).unwrap();
        assert_eq!(life.was_sole_request(), sole, "{reads:?}");
        assert!(!life.was_sole_request(), "asking starts anew");
    }
}

async fn connected() -> (Buffered<L4Stream>, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (Buffered::writes(listener.accept().await.unwrap().0.into(), PATIENCE), client)
}
