//! What upstreams do wrong, by name.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::client::read_head;

/// One kind of misbehaviour, shown on every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Closes before the request is read.
    ClosesAtOnce,
    /// Reads the head, then closes.
    ClosesUnanswered,
    /// Reads the head, then resets the connection.
    Resets,
    /// Says nothing.
    Silent,
    /// Answers with bytes that are no HTTP.
    Garbage,
    /// Ends within the status line.
    HalfStatus,
    /// Ends within the headers.
    HalfHead,
    /// Stalls within the headers.
    StalledHead,
    /// A head that never ends.
    EndlessHead,
    /// Two lengths that differ.
    TwoLengths,
    /// A length that is no number.
    BadLength,
    /// Closes before as many bytes as it said.
    ShortBody,
    /// Resets before as many bytes as it said.
    ResetBody,
    /// A chunk size that is none.
    BadChunk,
    /// Chunks without the last one.
    UnendedChunks,
    /// More bytes than it said: the start of an answer that nobody asked for.
    ExtraAnswer,
    /// `100 Continue` over and over, then an answer.
    ManyContinues,
    /// `101` to a request that did not ask.
    Unasked101,
    /// An answer before the request, which nobody can tell from one to it.
    Greets,
}

impl Fault {
    pub(crate) const ALL: &[Self] = &[
        Self::ClosesAtOnce,
        Self::ClosesUnanswered,
        Self::Resets,
        Self::Silent,
        Self::Garbage,
        Self::HalfStatus,
        Self::HalfHead,
        Self::StalledHead,
        Self::EndlessHead,
        Self::TwoLengths,
        Self::BadLength,
        Self::ShortBody,
        Self::ResetBody,
        Self::BadChunk,
        Self::UnendedChunks,
        Self::ExtraAnswer,
        Self::ManyContinues,
        Self::Unasked101,
        Self::Greets,
    ];

    /// What it sends after the head of a request.
    fn bytes(self) -> &'static str {
        match self {
            Self::Garbage => "\x16\x03\x01 no HTTP at all\r\n\r\n",
            Self::HalfStatus => "HTTP/1.1 2",
            Self::HalfHead | Self::StalledHead => "HTTP/1.1 200 OK\r\nContent-Le",
            Self::TwoLengths => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nwhole",
            Self::BadLength => "HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\nfour",
            Self::ShortBody | Self::ResetBody => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            Self::BadChunk => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n0\r\n\r\n",
            Self::UnendedChunks => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            Self::ExtraAnswer => {
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwholeHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
            }
            Self::Unasked101 => {
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw"
            }
            Self::Greets => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole",
            _ => "",
        }
    }

    async fn play(self, stream: TcpStream) {
        let mut io = BufReader::new(stream);
        if self == Self::ClosesAtOnce {
            return;
        }
        if self == Self::Greets {
            // The other side may be gone already.
            let _ = io.write_all(self.bytes().as_bytes()).await;
            let _ = read_head(&mut io).await;
            return;
        }
        while read_head(&mut io).await.is_some() {
            if io.write_all(self.bytes().as_bytes()).await.is_err() {
                return;
            }
            match self {
                Self::Silent | Self::StalledHead => drop(io.read_to_end(&mut Vec::new()).await),
                Self::Resets | Self::ResetBody => io.get_ref().set_zero_linger().unwrap(),
                Self::EndlessHead => while io.write_all(b"X-More: and more\r\n").await.is_ok() {},
                Self::ManyContinues => {
                    let all = "HTTP/1.1 100 Continue\r\n\r\n".repeat(50)
                        + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole";
                    let _ = io.write_all(all.as_bytes()).await;
                    continue;
                }
                Self::ExtraAnswer => continue,
                _ => {}
            }
            return;
        }
    }
}

/// An upstream with a fault.
pub(crate) struct FaultyUpstream {
    url: String,
    accepting: JoinHandle<()>,
}

impl FaultyUpstream {
    pub(crate) async fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(fault.play(stream));
            }
        });
        Self { url, accepting }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for FaultyUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
