//! Bodies and connections that flow: nothing is gathered, nothing waits for what comes later.

mod http2;
mod upgrades;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use crate::support::{
    client::{Connection, read_head},
    definition::api,
    gateway::Gateway,
    in_time,
    program::Program,
    upstream::{Answer, Upstream},
};

const MIB: usize = 1 << 20;
/// Bytes of one write of a large body.
const PIECE: usize = MIB / 4;

type Io = BufReader<TcpStream>;

/// An upstream that plays `script` on each connection.
async fn scripted<F, W>(script: F) -> SocketAddr
where
    F: Fn(Io) -> W + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(script(BufReader::with_capacity(64 << 10, stream)));
        }
    });
    address
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Resident memory of a process.
fn resident(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// Bytes of a large body: 100 MiB, or `PINHOOK_TEST_MIB`.
#[allow(clippy::disallowed_methods, reason = "a setting of the test, not of the gateway")]
fn large_body() -> usize {
    std::env::var("PINHOOK_TEST_MIB").map_or(100, |count| count.parse::<usize>().unwrap()) * MIB
}

/// Plays an upstream of large transfers: tells how long an upload was, or sends a large body.
async fn large(mut io: Io) {
    let Some(head) = read_head(&mut io).await else { return };
    let head = text(&head).to_lowercase();
    if head.starts_with("post") {
        let total = match head.split("content-length: ").nth(1) {
            Some(rest) => drain(&mut io, rest.lines().next().unwrap().parse().unwrap()).await,
            None => drain_chunks(&mut io).await,
        };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{total}", total.to_string().len());
        io.write_all(answer.as_bytes()).await.unwrap();
        return;
    }
    let chunked = head.starts_with("get /chunked");
    let framing = framing(chunked);
    io.write_all(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n").as_bytes()).await.unwrap();
    let piece = piece(chunked);
    for _ in 0..large_body() / PIECE {
        io.write_all(&piece).await.unwrap();
    }
    if chunked {
        io.write_all(b"0\r\n\r\n").await.unwrap();
    }
}

fn framing(chunked: bool) -> String {
    if chunked { "Transfer-Encoding: chunked".into() } else { format!("Content-Length: {}", large_body()) }
}

fn piece(chunked: bool) -> Vec<u8> {
    let bytes = vec![b'd'; PIECE];
    if chunked { [format!("{PIECE:x}\r\n").as_bytes(), &bytes, b"\r\n"].concat() } else { bytes }
}

/// Reads so many bytes and counts them.
async fn drain(io: &mut Io, length: usize) -> usize {
    let mut space = vec![0; PIECE];
    let mut total = 0;
    while total < length {
        let room = PIECE.min(length - total);
        total += io.read_exact(&mut space[..room]).await.unwrap();
    }
    total
}

async fn drain_chunks(io: &mut Io) -> usize {
    let mut size = String::new();
    let mut total = 0;
    loop {
        size.clear();
        io.read_line(&mut size).await.unwrap();
        let length = usize::from_str_radix(size.trim(), 16).unwrap();
        total += drain(io, length).await;
        io.read_exact(&mut [0; 2]).await.unwrap();
        if length == 0 {
            return total;
        }
    }
}

async fn download(program: &Program, target: &str) -> usize {
    let mut stream = TcpStream::connect(program.address()).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut space = vec![0; 256 << 10];
    let mut total = 0;
    loop {
        match in_time("more", stream.read(&mut space)).await.unwrap() {
            0 => return total,
            count => total += count,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_pass_in_flat_memory() {
    let upstream = scripted(large).await;
    let program = Program::build().api(api("a").target_url(format!("http://{upstream}"))).start().await;
    assert_eq!(program.get("/hello").send().await.status, 200);
    let before = resident(program.id());
    let mut most = before;
    let watch = async {
        loop {
            most = most.max(resident(program.id()));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let work = async {
        assert!(download(&program, "/a/length").await > large_body());
        assert!(download(&program, "/a/chunked").await > large_body());
        for chunked in [false, true] {
            let mut connection = program.connect().await;
            connection.send(format!("POST /a/up HTTP/1.1\r\nHost: h\r\n{}\r\n\r\n", framing(chunked))).await;
            let piece = piece(chunked);
            for _ in 0..large_body() / PIECE {
                connection.send(&piece).await;
            }
            if chunked {
                connection.send("0\r\n\r\n").await;
            }
            assert_eq!(connection.response().await.text(), large_body().to_string());
        }
    };
    tokio::select! {
        () = watch => {}
        () = work => {}
    }
    let more = (most - before) as f64 / MIB as f64;
    println!("{more:.1} MiB more");
    // What threads of a debug build take besides; a body that is held would show at 100.
    assert!(more < 24.0, "{more} MiB more");
}

#[tokio::test]
async fn an_event_arrives_before_the_next_is_sent() {
    let next = Arc::new(Notify::new());
    let wait = next.clone();
    let upstream = scripted(move |mut io| {
        let wait = wait.clone();
        async move {
            read_head(&mut io).await.unwrap();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
            io.write_all(head.as_bytes()).await.unwrap();
            for number in 0..5 {
                io.write_all(format!("data: {number}\n\n").as_bytes()).await.unwrap();
                wait.notified().await;
            }
        }
    })
    .await;
    let gateway = Gateway::build().api(api("a").target_url(format!("http://{upstream}"))).start().await;
    let mut stream = BufReader::new(TcpStream::connect(gateway.address()).await.unwrap());
    stream.write_all(b"GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let head = in_time("the head", read_head(&mut stream)).await.unwrap();
    assert!(text(&head).to_lowercase().contains("text/event-stream"), "{}", text(&head));
    for number in 0..5 {
        let mut line = String::new();
        while !line.contains("data: ") {
            line.clear();
            in_time("an event", stream.read_line(&mut line)).await.unwrap();
        }
        assert_eq!(line, format!("data: {number}\n"));
        next.notify_one();
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_never_waits_in_vain() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = Gateway::build()
        .api(api("a").target(&upstream))
        .config(|config| config.http_server_options.max_request_body_size = 1_000)
        .start()
        .await;
    for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let mut connection = gateway.connect().await;
        let head = format!("POST /a/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n{framing}\r\n\r\n");
        connection.send(head).await;
        assert_eq!(connection.response().await.status, 100, "{framing}");
        let body = if framing.starts_with('C') { "hello" } else { "5\r\nhello\r\n0\r\n\r\n" };
        connection.send(body).await;
        let response = connection.response().await;
        assert_eq!((response.status, response.text().as_str()), (200, "hello"), "{framing}");
        assert_eq!(upstream.last().header("expect"), None);
        // And on.
        connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(connection.response().await.status, 200, "{framing}");
    }
    for (target, length, status) in [("/a/x", 2_000, 413), ("/none", 5, 404)] {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut connection = gateway.connect().await;
        connection.send(head).await;
        assert_eq!(connection.response().await.status, status, "a body that nobody wants is not asked for");
    }
}

#[tokio::test]
async fn a_fault_after_100_still_has_an_answer() {
    let dead = Upstream::raw("").await;
    let gateway = Gateway::build().api(api("a").target(&dead)).start().await;
    let mut connection = gateway.connect().await;
    connection
        .send("POST /a/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    assert_eq!(connection.response().await.status, 100);
    connection.send("hello").await;
    assert_eq!(connection.response().await.status, 500);
}

#[tokio::test]
async fn ranges_are_the_upstreams_matter() {
    let answer = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/10\r\nAccept-Ranges: bytes\r\n\
                  Content-Length: 3\r\n\r\ncde";
    let upstream = Upstream::raw(answer).await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let response = gateway.get("/a/x").header("Range", "bytes=2-4").header("If-Range", "\"e\"").send().await;
    assert_eq!((response.status, response.text().as_str()), (206, "cde"));
    assert_eq!(response.header("content-range"), Some("bytes 2-4/10"));
    let seen = upstream.last();
    let sent = (seen.header("range"), seen.header("if-range"));
    assert_eq!(sent, (Some("bytes=2-4".to_owned()), Some("\"e\"".to_owned())));
}

#[tokio::test]
async fn an_upload_that_breaks_off_never_looks_whole() {
    let (told, mut ends) = tokio::sync::mpsc::channel(16);
    let upstream = scripted(move |mut io| {
        let told = told.clone();
        async move {
            let mut all = Vec::new();
            // A reset is an end, too.
            let _ = io.read_to_end(&mut all).await;
            told.send(text(&all)).await.unwrap();
        }
    })
    .await;
    let gateway = Gateway::build().api(api("a").target_url(format!("http://{upstream}"))).start().await;
    for (framing, part) in [
        ("Transfer-Encoding: chunked", "4\r\npart\r\n"),
        ("Content-Length: 10", "part"),
        ("Transfer-Encoding: chunked", "4\r\npart\r\nzz\r\n"),
    ] {
        let mut connection = gateway.connect().await;
        connection.send(format!("POST /a/x HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n{part}")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(connection);
        let all = in_time("the end of the upload", ends.recv()).await.unwrap();
        assert!(all.starts_with("POST") && !all.ends_with("0\r\n\r\n"), "{framing}: {all}");
    }
}

/// A chunked body with trailers, in one direction or the other: what is left of them.
#[tokio::test]
async fn trailers_of_http_1_are_dropped_and_the_body_stays_whole() {
    let body = "4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n";
    let head = "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
    let upstream = Upstream::answering(Answer::RawKept([head, body].concat().into_bytes())).await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let mut connection = gateway.connect().await;
    for _ in 0..2 {
        let head = "POST /a/x HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
        connection.send([head, body].concat()).await;
        let response = connection.response().await;
        assert_eq!((response.text().as_str(), response.header("trailer")), ("body", None));
        let seen = upstream.last();
        assert_eq!((seen.body.as_slice(), seen.header("trailer")), (&b"body"[..], None));
    }
}

#[tokio::test]
async fn a_chunk_reaches_the_upstream_before_the_next_is_sent() {
    let (told, mut seen) = tokio::sync::mpsc::channel(16);
    let upstream = scripted(move |mut io| {
        let told = told.clone();
        async move {
            read_head(&mut io).await.unwrap();
            let mut line = String::new();
            while io.read_line(&mut line).await.unwrap() > 0 {
                told.send(std::mem::take(&mut line)).await.unwrap();
            }
        }
    })
    .await;
    let gateway = Gateway::build().api(api("a").target_url(format!("http://{upstream}"))).start().await;
    let mut connection = gateway.connect().await;
    connection.send("POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for number in 0..5 {
        connection.send(format!("2\r\n{number}.\r\n")).await;
        assert_eq!(in_time("a chunk's size", seen.recv()).await.unwrap(), "2\r\n");
        assert_eq!(in_time("a chunk", seen.recv()).await.unwrap(), format!("{number}.\r\n"));
    }
}

async fn open(gateway: &Gateway) -> Connection {
    gateway.connect().await
}
