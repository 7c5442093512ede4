//! The response cache's part of a request: whether its answer is kept, and the answer while it passes (api-definition
//! reference 3.14). How an answer is stored is `entry`'s business.
//!
//! An answer is copied while it streams to the client, so nobody waits for it and nothing is held that would not be
//! anyway. Of one that turns out too long, or does not come to its end, the copy is dropped.

mod entry;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pingora_http::ResponseHeader;

pub use self::entry::{CachedAnswer, Entry};
use super::body::Gather;

/// The upstream's word that this answer is to be kept.
const KEEP: HeaderName = HeaderName::from_static("x-tyk-cache-action-set");
/// Longer is not kept; no store counts to the end of an `i64`.
const LONGEST: i64 = 10 * 365 * 24 * 60 * 60;
/// Answers to what only this request asked: a range, a condition. To another one they would be wrong.
const OF_ONE_REQUEST: [StatusCode; 4] = [
    StatusCode::PARTIAL_CONTENT,
    StatusCode::NOT_MODIFIED,
    StatusCode::PRECONDITION_FAILED,
    StatusCode::RANGE_NOT_SATISFIABLE,
];

/// Which answers are kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRule {
    /// Statuses; with none, all but those that answer a range or a condition.
    pub codes: Box<[i64]>,
    /// Seconds. Nothing is kept for none.
    pub timeout: i64,
    /// The upstream may ask for an answer to be kept, and says in this header for how many seconds.
    pub control: Option<HeaderName>,
}

impl CacheRule {
    /// How long an answer with this head is kept; nothing if it is not.
    fn ttl(&self, head: &ResponseHeader) -> Option<Duration> {
        let named = self.codes.contains(&head.status.as_u16().into());
        let (mut wanted, mut seconds) = (self.codes.is_empty() || named, self.timeout);
        if let Some(control) = &self.control {
            let text = |name: &HeaderName| {
                head.headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
            };
            wanted |= text(&KEEP).is_some();
            seconds = text(control).and_then(|text| text.parse().ok()).unwrap_or(seconds);
        }
        if !wanted || (OF_ONE_REQUEST.contains(&head.status) && !named) || head.status.is_informational() {
            return None;
        }
        u64::try_from(seconds.min(LONGEST)).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
    }
}

/// An answer that may be kept, on its way to the client.
#[derive(Debug)]
pub struct Storing {
    rule: Arc<CacheRule>,
    key: String,
    is_head: bool,
    limit: usize,
    passing: Option<Passing>,
}

#[derive(Debug)]
struct Passing {
    status: StatusCode,
    reason: Option<String>,
    headers: HeaderMap,
    ttl: Duration,
    body: Gather,
    length: usize,
    /// Bytes that have to come before it is whole.
    declared: Option<usize>,
}

impl Storing {
    /// For a request whose answer goes under `key`, with a body of at most `limit` bytes. `is_head`: it is a HEAD
    /// request, whose answer tells a length that does not come.
    pub fn new(rule: Arc<CacheRule>, key: String, is_head: bool, limit: usize) -> Self {
        Self { rule, key, is_head, limit, passing: None }
    }

    /// The answer begins with this head, as the response chain left it. False if it is not kept.
    pub fn begin(&mut self, head: &ResponseHeader) -> bool {
        let Some(ttl) = self.rule.ttl(head).filter(|_| !head.headers.contains_key(header::TRAILER)) else {
            return false;
        };
        let length = head.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let bodiless = self.is_head || is_bodiless(head.status);
        if !bodiless && length.is_some_and(|length| length > self.limit) {
            return false;
        }
        self.passing = Some(Passing {
            status: head.status,
            reason: head.get_reason_phrase().map(str::to_owned),
            headers: head.headers.clone(),
            ttl,
            body: Gather::new(self.limit, length),
            length: 0,
            declared: length.filter(|_| !bodiless),
        });
        true
    }

    /// A piece of the body passes. False if it has become too long.
    pub fn add(&mut self, chunk: &Bytes) -> bool {
        let Some(passing) = self.passing.as_mut().filter(|_| !self.is_head) else { return true };
        passing.length += chunk.len();
        passing.body.push(chunk.clone()).is_ok()
    }

    /// The body is this one, whole, in this coding if it is given anew; whatever has passed.
    pub fn whole(&mut self, body: Bytes, coding: Option<HeaderValue>) {
        let Some(passing) = &mut self.passing else { return };
        passing.body = Gather::new(usize::MAX, None);
        passing.length = body.len();
        passing.declared = None;
        if let Some(coding) = coding {
            passing.headers.insert(header::CONTENT_ENCODING, coding);
        }
        // There is no limit that it could exceed.
        let _ = passing.body.push(body);
    }

    /// The exchange has ended well: the answer, if all of it came.
    pub fn finish(self) -> Option<Entry> {
        let Passing { status, reason, headers, ttl, body, length, declared } = self.passing?;
        if declared.is_some_and(|declared| declared != length) || length > self.limit {
            return None;
        }
        let body = if self.is_head { Bytes::new() } else { body.finish() };
        Some(Entry { key: self.key, ttl, is_head: self.is_head, status, reason, headers, body })
    }
}

/// True if answers of this status have no body and no length.
pub(crate) fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
mod tests;
