//! What a step says: go on, answer, refuse, or enter another API.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use pingora_http::ResponseHeader;

/// What a request step says.
#[derive(Debug)]
pub enum Flow {
    /// The next step runs.
    Next,
    /// The chain ends; this is the answer, as it stands.
    Respond(Box<Response>),
    /// The chain ends; `gateway/reply.rs` writes the error body in the API's form.
    Deny(Denial),
}

/// An answer made by the gateway or by a hook. Length and framing are set when it is written.
#[derive(Debug)]
pub struct Response {
    /// Status and headers.
    pub head: ResponseHeader,
    /// The whole body.
    pub body: Bytes,
    /// Who made it.
    pub origin: Origin,
}

/// Who made a [`Response`]: it decides what else is put on it and how it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A hook answered by itself; the response chain does not run on it.
    Hook,
    /// A rich plugin did. It is recorded as an answer of the hook's whatever its status (plugins reference 1.6).
    RichPlugin,
    /// A script of Tyk's did, or a virtual endpoint: it goes out as an upstream's answer would (plugins reference 6.4).
    Script {
        /// The response chain runs on it.
        edited: bool,
        /// It leaves a record.
        recorded: bool,
    },
    /// The response cache has it: it goes out as the upstream's did, and no response step runs on it again.
    Cache,
    /// A mock reply of an allow, block or mock entry.
    Mock,
    /// A page that the gateway itself has below an API, such as those of OAuth. Like a mock reply it leaves no record.
    Page,
}

/// A refusal: not a fault, but an answer that the API's definition asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Its status.
    pub status: u16,
    /// The text of the error body.
    pub message: Cow<'static, str>,
    /// Headers of its own, such as `WWW-Authenticate`. Those of the error template win.
    pub headers: Option<Box<HeaderMap>>,
}

impl Denial {
    /// Tyk's answer for a blocked, not allowed or internal endpoint (api-definition reference 3.4).
    pub const FORBIDDEN: Self = Self::new(403, "Requested endpoint is forbidden");

    /// A refusal with a fixed text.
    pub const fn new(status: u16, message: &'static str) -> Self {
        Self { status, message: Cow::Borrowed(message), headers: None }
    }

    /// A refusal with a text made for this request.
    pub fn with(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: Cow::Owned(message.into()), headers: None }
    }

    /// The same with a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.get_or_insert_default().insert(name, value);
        self
    }
}
