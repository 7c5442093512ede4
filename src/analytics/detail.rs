//! What a detailed record keeps of a request and its answer, taken while they pass (analytics reference 2.5).
//!
//! Heads are copied and bodies sampled on the request's thread; the images are made from them by the queue's other
//! end. A body is never waited for, so the image of a request that was refused has only what had come by then.

use http::{HeaderMap, Method, Version};

/// The parts of both images of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// The request, once it has ended.
    pub request: Option<RequestHead>,
    /// Its body, or the start of it.
    pub request_body: Sample,
    /// The answer; nothing when none was sent.
    pub response: Option<ResponseHead>,
    /// Its body, or the start of it.
    pub response_body: Sample,
}

impl Detail {
    /// Keeps at most `room` bytes of each body.
    pub fn new(room: usize) -> Self {
        Self { request_body: Sample::new(room), response_body: Sample::new(room), ..Self::default() }
    }

    /// Bytes of both samples: what makes a record heavy.
    pub(super) fn weight(&self) -> usize {
        self.request_body.bytes.len() + self.response_body.bytes.len()
    }
}

/// A copy of the start of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    bytes: Vec<u8>,
    room: usize,
}

impl Sample {
    /// Keeps at most `room` bytes; allocates nothing yet.
    pub fn new(room: usize) -> Self {
        Self { bytes: Vec::new(), room }
    }

    /// Takes the next piece of the body, as far as there is room.
    pub fn add(&mut self, chunk: &[u8]) {
        let count = chunk.len().min(self.room - self.bytes.len());
        self.bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }

    /// Forgets what came: the body is sent once more.
    pub fn restart(&mut self) {
        self.bytes.clear();
    }

    /// What was kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Most bytes that are kept.
    pub(super) fn room(&self) -> usize {
        self.room
    }
}

/// The head of a request after the chain: edits of steps are in, headers that only the upstream gets are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// The method as it went upstream.
    pub method: Method,
    /// Path and query of the upstream URL; of the stripped request when it did not get that far.
    pub uri: String,
    /// The client's `Host`.
    pub host: String,
    /// The client's protocol.
    pub version: Version,
    /// Its headers.
    pub headers: HeaderMap,
    /// An upstream answered it: hop-by-hop headers are left out.
    pub proxied: bool,
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// Who made it: the form of the image follows.
    pub form: Form,
    /// Its status.
    pub status: u16,
    /// Its reason phrase; nothing for a status that has none.
    pub reason: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
}

/// The form of an answer's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An upstream's answer.
    Upstream {
        /// The upstream's protocol.
        version: Version,
        /// The client named encodings, so a compressed body is shown as it reads.
        decode: bool,
    },
    /// A hook's answer.
    Hook,
    /// An error body of the gateway: Tyk prints `HTTP/0.0` and no length.
    Error,
}
