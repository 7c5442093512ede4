//! Request targets and URLs as Go's `net/http` and `net/url` read and write them, because every path, capture and
//! escape that a definition relies on was shaped by them.
//!
//! It answers for reading a target, the decoded and the escaped form of its path, joining it to an upstream's URL,
//! the query, and the cleaning redirect. It does not know APIs.
//!
//! Decisions:
//! - The path is text. Go keeps bytes; here bytes that are no UTF-8 show as U+FFFD in [`Url::path`] (what Go's
//!   regular expressions see as well) while [`Url::raw_path`] keeps the escapes, so they reach the upstream unchanged.
//! - Path and query share one buffer: a target without escapes costs one allocation and its
//!   [`Url::request_uri`] none.
//! - User information and fragment are checked but not kept: they are never sent to an upstream.

mod clean;
mod escape;
mod join;
mod loops;
mod parse;
mod query;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt, sync::Arc};

pub use clean::clean_path;
pub use escape::{path_escape, path_unescape, query_escape, query_unescape};
pub use loops::{loop_host, loop_name};
pub use parse::ParseError;
pub use query::Values;

/// A request target or URL. Made by [`Url::from_target`] or [`Url::parse`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Url {
    /// The decoded path; then, if there is a query, `?` and the query.
    text: String,
    path_end: usize,
    /// The escaped path, only where it is not the default escaping of the path.
    raw_path: Option<Box<str>>,
    /// The default escaping of the path is the path itself.
    plain: bool,
    origin: Option<Arc<Origin>>,
}

/// Scheme and host of an absolute URL.
#[derive(PartialEq, Eq)]
struct Origin {
    scheme: Box<str>,
    host: Box<str>,
}

impl Url {
    fn new(path: &str, raw_path: Option<&str>, query: Option<&str>, origin: Option<Arc<Origin>>) -> Self {
        let mut text = String::with_capacity(path.len() + query.map_or(0, |query| query.len() + 1));
        text.push_str(path);
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        Self {
            text,
            path_end: path.len(),
            raw_path: raw_path.filter(|raw| *raw != path_escape(path)).map(Box::from),
            plain: escape::is_plain_path(path.as_bytes()),
            origin,
        }
    }

    /// The decoded path, empty if there is none. What is no UTF-8 shows as U+FFFD.
    pub fn path(&self) -> &str {
        self.text.get(..self.path_end).unwrap_or_default()
    }

    /// The path as it was written, only if that differs from the default escaping of [`Url::path`].
    pub fn raw_path(&self) -> Option<&str> {
        self.raw_path.as_deref()
    }

    /// The query as it was written, without `?`; empty if there is none.
    pub fn query(&self) -> &str {
        self.text.get(self.path_end + 1..).unwrap_or_default()
    }

    /// True if there is a `?`, even with nothing after it.
    pub fn has_query(&self) -> bool {
        self.text.len() > self.path_end
    }

    fn query_if_any(&self) -> Option<&str> {
        self.has_query().then(|| self.query())
    }

    /// The scheme in lower case; empty for a relative URL.
    pub fn scheme(&self) -> &str {
        self.origin.as_ref().map_or("", |origin| &origin.scheme)
    }

    /// Host and port as written; empty for a relative URL.
    pub fn host(&self) -> &str {
        self.origin.as_ref().map_or("", |origin| &origin.host)
    }

    /// The path with escapes: as it was written if that is valid and still means [`Url::path`], else the default
    /// escaping of it (Go's `EscapedPath`).
    pub fn escaped_path(&self) -> Cow<'_, str> {
        let path = self.path();
        if self.plain && self.raw_path.is_none() || path == "*" {
            return Cow::Borrowed(path);
        }
        match self.raw_path() {
            Some(raw)
                if escape::is_valid_path(raw)
                    && path_unescape(raw).is_some_and(|decoded| decoded == path) =>
            {
                Cow::Borrowed(raw)
            }
            _ => path_escape(path),
        }
    }

    /// Path (`/` if empty) and query as sent in a request line. The subject of URL rewrites.
    pub fn request_uri(&self) -> Cow<'_, str> {
        match self.escaped_path() {
            Cow::Borrowed(path) if self.path_end > 0 && std::ptr::eq(path, self.path()) => {
                Cow::Borrowed(&self.text)
            }
            path => Cow::Owned(self.with_query(path)),
        }
    }

    /// What an upstream is sent. The default rule: a path written without any escape is escaped anew (`(` becomes
    /// `%28`), another one stays as [`Url::escaped_path`] gives it. With `skip_target_path_escaping` it stays as
    /// it was written, whatever that is.
    pub fn upstream_uri(&self, skip_target_path_escaping: bool) -> Cow<'_, str> {
        match self.raw_path() {
            Some(raw) if skip_target_path_escaping => Cow::Owned(self.with_query(Cow::Borrowed(raw))),
            Some(raw) if raw == self.path() => Cow::Owned(self.with_query(path_escape(raw))),
            _ => self.request_uri(),
        }
    }

    fn with_query(&self, path: Cow<'_, str>) -> String {
        let mut uri = if path.is_empty() { "/".to_owned() } else { path.into_owned() };
        if let Some(query) = self.query_if_any() {
            uri.push('?');
            uri.push_str(query);
        }
        uri
    }

    /// Replaces the path. `raw` is its escaped form; without one the default escaping counts.
    pub fn set_path(&mut self, path: &str, raw: Option<&str>) {
        let origin = self.origin.take();
        *self = Self::new(path, raw, self.query_if_any(), origin);
    }

    /// Changes the decoded path and, if there is one, the escaped path in the same way.
    pub fn map_path(&mut self, change: impl Fn(&str) -> Cow<'_, str>) {
        let path = change(self.path());
        let raw = self.raw_path().map(&change);
        if path != self.path() || raw.as_deref() != self.raw_path() {
            *self = Self::new(&path, raw.as_deref(), self.query_if_any(), self.origin.clone());
        }
    }

    /// Takes scheme and host away: what is left is a path on the gateway itself.
    pub fn drop_origin(&mut self) {
        self.origin = None;
    }

    /// Replaces the query. An empty one takes the `?` away.
    pub fn set_query(&mut self, query: &str) {
        self.text.truncate(self.path_end);
        if !query.is_empty() {
            self.text.push('?');
            self.text.push_str(query);
        }
    }

    /// The decoded parameters of the query.
    pub fn values(&self) -> Values<'_> {
        Values::parse(self.query())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.escaped_path();
        if let Some(origin) = &self.origin {
            if !origin.scheme.is_empty() {
                write!(f, "{}:", origin.scheme)?;
            }
            write!(f, "//{}", escape::host_escape(&origin.host))?;
            if !path.is_empty() && !path.starts_with('/') {
                f.write_str("/")?;
            }
        } else if path.split('/').next().is_some_and(|segment| segment.contains(':')) {
            f.write_str("./")?;
        }
        f.write_str(&path)?;
        match self.query_if_any() {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}
