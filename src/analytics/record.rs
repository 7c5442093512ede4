//! One analytics record, as Tyk Pump reads it, and what a request leaves behind to make it from.
//!
//! The wire record has 35 entries. `Geo`, `Network`, `GraphQLStats`, `MCPStats` and `CollectionName` are always
//! empty here: no feature that fills them is built yet, so they have no field and each form writes them as
//! constants.

use std::{
    borrow::Cow,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderValue, Method};

use super::{Detail, RecordHook};
use crate::session::KeyState;

/// What all records of one API have in common: made when it is compiled, shared by its requests.
#[derive(Debug, Clone, Default)]
pub struct RecordedApi {
    /// `name`, whole, with any `#category`.
    pub name: String,
    /// `api_id`.
    pub id: String,
    /// `org_id`.
    pub org_id: String,
    /// `proxy.listen_path`.
    pub listen_path: String,
    /// `tags` of the API, copied to each record.
    pub tags: Vec<String>,
    /// `expire_analytics_after`; `None` (0) keeps records for 36,500 days.
    pub expire_after: Option<Duration>,
    /// `analytics_plugin`: sees and edits each record before it is written.
    pub hook: Option<Arc<RecordHook>>,
    /// It was asked for and could not be loaded.
    pub lacks_hook: bool,
}

/// What a request left behind. Made on the request's thread, so every field is a handle, a number or text that
/// had to be owned anyway; all else is worked out by the queue's other end.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The API that ended the chain.
    pub api: Arc<RecordedApi>,
    /// When the answer ended.
    pub at: SystemTime,
    /// The method after any transform.
    pub method: Method,
    /// Host and port of the chosen upstream; of `target_url` when none was chosen.
    pub host: Arc<str>,
    /// Path of the upstream URL; the stripped request path when the request was refused (analytics reference 2.4).
    pub path: String,
    /// `path` of the track entry that matched, verbatim.
    pub tracked: Option<Arc<str>>,
    /// The path as received.
    pub original_path: String,
    /// Declared length of the request: 0 for none, -1 for chunked.
    pub content_length: i64,
    /// The client's `User-Agent`.
    pub user_agent: Option<HeaderValue>,
    /// Status of the answer.
    pub status: u16,
    /// The key, if authentication succeeded: its token in clear, its alias, its OAuth client, its tags.
    pub caller: Option<KeyState>,
    /// Name of the API's version; `None` when not versioned.
    pub version: Option<Arc<str>>,
    /// From the request's arrival to the end of the answer.
    pub total: Duration,
    /// The round trip until the upstream's response head; zero when it gave none.
    pub upstream: Duration,
    /// Address of the client, after `X-Real-IP` and `X-Forwarded-For`.
    pub client: Option<IpAddr>,
    /// Tags of this request's headers; those of the caller, API, node and ids are added later.
    pub tags: Vec<String>,
    /// The response cache answered, which is a tag of its own.
    pub cached: bool,
    /// Request and answer as they were, when recorded in detail.
    pub detail: Option<Box<Detail>>,
}

/// A point in time as the wire has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Unix time in seconds.
    pub seconds: i64,
    /// The rest in nanoseconds.
    pub nanos: u32,
}

impl Moment {
    /// This much later.
    pub fn after(self, time: Duration) -> Self {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Self { seconds: self.seconds.saturating_add(seconds), nanos: self.nanos }
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanos: since.subsec_nanos() }
    }
}

/// Milliseconds, each truncated by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// The whole request.
    pub total: i64,
    /// Until the upstream's response head.
    pub upstream: i64,
    /// `total - upstream`.
    pub gateway: i64,
}

/// A finished record. It borrows from [`Observed`] what needs no change.
///
/// Fields carry Tyk's meaning; their order and names on the wire are `msgpack`'s and `json`'s.
#[expect(missing_docs, reason = "the rule of each field is table 2.4 of the analytics reference")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record<'a> {
    pub method: Cow<'a, str>,
    pub host: Cow<'a, str>,
    pub path: Cow<'a, str>,
    pub raw_path: Cow<'a, str>,
    pub content_length: i64,
    pub user_agent: Cow<'a, str>,
    pub day: u32,
    pub month: u32,
    pub year: i32,
    pub hour: u32,
    pub response_code: i32,
    pub api_key: Cow<'a, str>,
    pub timestamp: Moment,
    pub api_version: Cow<'a, str>,
    pub api_name: Cow<'a, str>,
    pub api_id: Cow<'a, str>,
    pub org_id: Cow<'a, str>,
    pub oauth_id: Cow<'a, str>,
    pub request_time: i64,
    pub raw_request: Cow<'a, str>,
    pub raw_response: Cow<'a, str>,
    pub ip_address: Cow<'a, str>,
    pub latency: Latency,
    pub tags: Vec<Cow<'a, str>>,
    pub alias: Cow<'a, str>,
    pub track_path: bool,
    pub expire_at: Moment,
    pub api_schema: Cow<'a, str>,
    pub original_path: Cow<'a, str>,
    pub listen_path: Cow<'a, str>,
}
