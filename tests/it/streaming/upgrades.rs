//! WebSocket: the bytes of both sides pass as they are once the upstream has agreed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{Io, open, scripted, text};
use crate::support::{
    client::read_head,
    definition::api,
    gateway::Gateway,
    in_time,
    program::Program,
    upstream::{Answer, Upstream},
};

const ASK: &str = "GET /a/ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: ";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Agrees, sends a greeting at once, then echoes frames until a close frame, which it answers.
async fn echo(mut io: Io) {
    let Some(head) = read_head(&mut io).await else { return };
    let head = text(&head).to_lowercase();
    assert!(head.contains("upgrade: websocket") && head.contains("connection: upgrade"), "{head}");
    io.write_all(&[AGREE.as_bytes(), &frame(1, b"hello")].concat()).await.unwrap();
    while let Some((kind, payload)) = read_frame(&mut io).await {
        if io.write_all(&frame(kind, &payload)).await.is_err() || kind == 8 {
            return;
        }
    }
}

/// An unmasked frame of less than 64 KiB.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut frame = vec![0x80 | kind];
    match u8::try_from(length) {
        Ok(short) if short < 126 => frame.push(short),
        _ => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

async fn read_frame(io: &mut Io) -> Option<(u8, Vec<u8>)> {
    let kind = io.read_u8().await.ok()? & 0x0f;
    let length = match io.read_u8().await.ok()? {
        126 => usize::from(io.read_u16().await.ok()?),
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    io.read_exact(&mut payload).await.ok()?;
    Some((kind, payload))
}

async fn gateway(target: String) -> Gateway {
    let builder = Gateway::build().api(api("a").target_url(target)).config(|config| {
        config.http_server_options.enable_websockets = true;
        config.http_server_options.read_timeout = 1;
        config.proxy_default_timeout = 0.5;
    });
    builder.start().await
}

async fn agreed(gateway: SocketAddr, connection: &str) -> Io {
    let mut io = BufReader::new(TcpStream::connect(gateway).await.unwrap());
    io.write_all(format!("{ASK}{connection}\r\n\r\n").as_bytes()).await.unwrap();
    let head = in_time("the answer", read_head(&mut io)).await.unwrap();
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", text(&head));
    io
}

/// A connection that has got its first message. On a machine with more to do than it can, pingora now and then ends a
/// tunnel at its beginning (cloudflare/pingora#946, docs/reliability.md): asked again, as a client would.
async fn greeted(gateway: SocketAddr, connection: &str) -> Io {
    for _ in 0..10 {
        let mut io = agreed(gateway, connection).await;
        if let Some(greeting) = in_time("the greeting", read_frame(&mut io)).await {
            assert_eq!(greeting, (1, b"hello".to_vec()));
            return io;
        }
    }
    panic!("no tunnel of ten stayed open");
}

#[tokio::test]
async fn messages_pass_both_ways_until_one_side_closes() {
    let builder = Program::build().api(api("a").target_url(format!("http://{}", scripted(echo).await)));
    let program = builder.set("http_server_options.enable_websockets", true).start().await;
    for (connection, messages) in [("Upgrade", 10_000), ("keep-alive, Upgrade", 10), ("upgrade", 10)] {
        let mut io = greeted(program.address(), connection).await;
        for number in 0..messages {
            let payload = vec![b'm'; number * 7_usize % 3_000];
            io.write_all(&frame(2, &payload)).await.unwrap();
            assert!(in_time("an echo", read_frame(&mut io)).await.unwrap() == (2, payload), "{number}");
        }
        // 1001, going away.
        io.write_all(&frame(8, b"\x03\xe9bye")).await.unwrap();
        assert_eq!(in_time("the close", read_frame(&mut io)).await.unwrap(), (8, b"\x03\xe9bye".to_vec()));
        assert_eq!(in_time("the end", io.read(&mut [0])).await.unwrap(), 0, "{connection}");
    }
}

#[tokio::test]
async fn a_silent_websocket_outlives_every_timeout_of_requests() {
    let gateway = gateway(format!("ws://{}", scripted(echo).await)).await;
    let mut io = agreed(gateway.address(), "Upgrade").await;
    read_frame(&mut io).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    io.write_all(&frame(1, b"still there")).await.unwrap();
    assert_eq!(in_time("an echo", read_frame(&mut io)).await.unwrap(), (1, b"still there".to_vec()));
}

#[tokio::test]
async fn an_end_on_one_side_is_an_end_on_the_other() {
    let (told, mut ends) = tokio::sync::mpsc::channel(16);
    let told = Arc::new(told);
    let upstream = scripted(move |mut io| {
        let told = told.clone();
        async move {
            read_head(&mut io).await.unwrap();
            io.write_all(AGREE.as_bytes()).await.unwrap();
            // A reset is an end, too.
            let _ = io.read(&mut [0; 16]).await;
            told.send(()).await.unwrap();
        }
    })
    .await;
    let gateway = gateway(format!("http://{upstream}")).await;
    drop(agreed(gateway.address(), "Upgrade").await);
    in_time("the end upstream", ends.recv()).await.unwrap();
}

#[tokio::test]
async fn a_refused_upgrade_is_an_answer_like_any_other() {
    let upstream = Upstream::named("no").await;
    let gateway = gateway(upstream.url()).await;
    let mut connection = open(&gateway).await;
    for _ in 0..2 {
        connection.send(format!("{ASK}Upgrade\r\n\r\n")).await;
        assert_eq!(connection.response().await.text(), "no");
    }
}

#[tokio::test]
async fn without_enable_websockets_the_upgrade_is_dropped() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let mut connection = open(&gateway).await;
    connection.send(format!("{ASK}Upgrade\r\n\r\n")).await;
    assert_eq!(connection.response().await.status, 200);
    let seen = upstream.last();
    assert_eq!((seen.header("upgrade"), seen.header("connection")), (None, None));
}
