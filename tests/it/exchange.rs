//! Streamed and buffered exchanges: one list of cases over both (`same`), and what only the buffered one can do
//! (`bodies`).

mod bodies;
mod same;

use std::path::PathBuf;

use crate::support::{
    definition::{Definition, api},
    plugins::build_c,
    upstream::Upstream,
};

/// What makes an exchange streamed or buffered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nobody wants a body.
    Streamed,
    /// A hook wants the request's.
    Request,
    /// A hook wants the answer's head only.
    Head,
    /// A hook wants the answer's.
    Response,
    /// Hooks want both.
    Both,
}

const MODES: [Mode; 5] = [Mode::Streamed, Mode::Request, Mode::Head, Mode::Response, Mode::Both];

impl Mode {
    /// The API `a` in this mode.
    fn api(self, upstream: &Upstream) -> Definition {
        let (pre, response) = match self {
            Self::Streamed => (None, None),
            Self::Request => (Some("SeesRequest"), None),
            Self::Head => (None, Some("SeesHead")),
            Self::Response => (None, Some("SeesResponse")),
            Self::Both => (Some("SeesRequest"), Some("SeesResponse")),
        };
        let mut definition = api("a").target(upstream);
        for (list, hook) in [("pre", pre), ("response", response)] {
            if let Some(hook) = hook {
                definition = definition.hook(list, &plugin(), hook);
            }
        }
        definition
    }

    fn reads_requests(self) -> bool {
        matches!(self, Self::Request | Self::Both)
    }

    fn holds_answers(self) -> bool {
        matches!(self, Self::Response | Self::Both)
    }
}

fn plugin() -> PathBuf {
    build_c("bodies.c", &[])
}

/// Bytes that no two places of a body share.
fn body(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for chunk in body.chunks(size) {
        all.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        all.extend_from_slice(chunk);
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"0\r\n\r\n");
    all
}
