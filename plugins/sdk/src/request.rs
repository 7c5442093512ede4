//! The request as a hook sees it.

use std::borrow::Cow;

use crate::{
    Error, Flow, HookKind, Result,
    call::{done, utf8},
    raw::{Call, Str},
};

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Level {
    /// Something failed.
    Error = 1,
    /// Something is odd.
    Warn = 2,
    /// Something happened.
    Info = 3,
    /// For whoever looks for a fault.
    Debug = 4,
    /// Every step.
    Trace = 5,
}

/// One request on its way through the gateway. What is read is borrowed until the next edit; edits hold for this
/// request only and are seen by all later steps.
pub struct Request<'a> {
    call: Call<'a>,
}

of_api!(Request);

impl<'a> Request<'a> {
    pub(crate) fn new(call: Call<'a>) -> Self {
        Self { call }
    }

    /// Where in the chain this call is made.
    pub fn hook_kind(&self) -> HookKind {
        match call!(self.hook_kind()) {
            1 => HookKind::Pre,
            2 => HookKind::Post,
            3 => HookKind::Endpoint,
            4 => HookKind::Response,
            7 => HookKind::AuthCheck,
            8 => HookKind::PostKeyAuth,
            9 => HookKind::Virtual,
            10 => HookKind::Event,
            other => HookKind::Other(other),
        }
    }

    /// IP address of the connection.
    pub fn client_address(&self) -> Option<&str> {
        utf8(text!(self.client_address()))
    }

    /// A text that an earlier hook of this request left.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        utf8(text!(self.metadata(Str::new(key.as_bytes()))))
    }

    /// Leaves a text for later hooks of this request.
    ///
    /// # Errors
    /// When the gateway refuses it.
    pub fn set_metadata(&mut self, key: &str, value: &str) -> Result<()> {
        let code = call!(self.set_metadata(Str::new(key.as_bytes()), Str::new(value.as_bytes())));
        done("metadata", key, code)
    }

    /// Takes a text away. False if there was none.
    pub fn remove_metadata(&mut self, key: &str) -> bool {
        call!(self.remove_metadata(Str::new(key.as_bytes()))) == 0
    }

    /// The session of the key that calls, as JSON with Tyk's member names. None while nobody is known.
    pub fn session(&self) -> Option<&str> {
        if !has!(self.call, remove_session_metadata) {
            return None;
        }
        utf8(text!(self.session()))
    }

    /// Makes this the session, as a whole. Its policies are applied, and it is stored.
    ///
    /// # Errors
    /// When it is no session, and in a hook that is no auth hook where there is none yet.
    pub fn set_session(&mut self, json: &str) -> Result<()> {
        self.ask_for_sessions()?;
        done("session", "", call!(self.set_session(Str::new(json.as_bytes()))))
    }

    /// For an auth hook: `session` is what the key `token` may do. Both are stored.
    ///
    /// # Errors
    /// When `session` is no session, or this is no auth hook.
    pub fn authenticate(&mut self, token: &str, session: &str) -> Result<Flow> {
        self.set_session(session)?;
        self.set_metadata("token", token)?;
        Ok(Flow::Next)
    }

    /// A member of the session's `meta_data`: a text as it is, anything else as JSON.
    pub fn session_metadata(&self, key: &str) -> Option<&str> {
        if !has!(self.call, remove_session_metadata) {
            return None;
        }
        utf8(text!(self.session_metadata(Str::new(key.as_bytes()))))
    }

    /// Sets a member of the session's `meta_data`; it is stored.
    ///
    /// # Errors
    /// When there is no session.
    pub fn set_session_metadata(&mut self, key: &str, value: &str) -> Result<()> {
        self.ask_for_sessions()?;
        let code = call!(self.set_session_metadata(Str::new(key.as_bytes()), Str::new(value.as_bytes())));
        done("session metadata", key, code)
    }

    /// Takes a member out of the session's `meta_data`. False if there was none.
    pub fn remove_session_metadata(&mut self, key: &str) -> bool {
        has!(self.call, remove_session_metadata)
            && call!(self.remove_session_metadata(Str::new(key.as_bytes()))) == 0
    }

    fn ask_for_sessions(&self) -> Result<()> {
        if has!(self.call, remove_session_metadata) {
            return Ok(());
        }
        Err(Error::new("this gateway is too old to hand sessions to hooks"))
    }

    /// The method, such as `GET`.
    pub fn method(&self) -> &str {
        utf8(text!(self.method())).unwrap_or_default()
    }

    /// Replaces the method.
    ///
    /// # Errors
    /// When it is no HTTP method.
    pub fn set_method(&mut self, method: &str) -> Result<()> {
        done("method", method, call!(self.set_method(Str::new(method.as_bytes()))))
    }

    /// The path without escapes, with the listen path: `/greeters/a b`.
    pub fn path(&self) -> &str {
        utf8(text!(self.path())).unwrap_or_default()
    }

    /// Replaces the path. It is escaped on its way upstream.
    ///
    /// # Errors
    /// When it does not start with `/`.
    pub fn set_path(&mut self, path: &str) -> Result<()> {
        done("path", path, call!(self.set_path(Str::new(path.as_bytes()))))
    }

    /// The path with its escapes: `/greeters/a%20b`.
    pub fn raw_path(&self) -> &str {
        utf8(text!(self.raw_path())).unwrap_or_default()
    }

    /// Replaces the path by one that is escaped already.
    ///
    /// # Errors
    /// When an escape is broken, or it holds what cannot stand in a path.
    pub fn set_raw_path(&mut self, path: &str) -> Result<()> {
        done("raw path", path, call!(self.set_raw_path(Str::new(path.as_bytes()))))
    }

    /// The query without `?`, as it was sent; empty if there is none.
    pub fn query(&self) -> &str {
        utf8(text!(self.query())).unwrap_or_default()
    }

    /// Replaces the query; an empty one takes the `?` away.
    ///
    /// # Errors
    /// When it holds spaces, control characters or `#`.
    pub fn set_query(&mut self, query: &str) -> Result<()> {
        done("query", query, call!(self.set_query(Str::new(query.as_bytes()))))
    }

    /// Raw path and query: `/greeters/a%20b?c=d`.
    pub fn request_target(&self) -> &str {
        utf8(text!(self.request_target())).unwrap_or_default()
    }

    /// Replaces path and query.
    ///
    /// # Errors
    /// As for [`Request::set_raw_path`] and [`Request::set_query`].
    pub fn set_request_target(&mut self, target: &str) -> Result<()> {
        done("request target", target, call!(self.set_request_target(Str::new(target.as_bytes()))))
    }

    /// The first value of a header, if it is UTF-8. Names are compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        utf8(text!(self.header(Str::new(name.as_bytes()))))
    }

    /// All values of a header.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let count = call!(self.header_count(Str::new(name.as_bytes())));
        (0..count).filter_map(move |nth| {
            text!(self.header_nth(Str::new(name.as_bytes()), nth)).map(String::from_utf8_lossy)
        })
    }

    /// All headers, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        (0..call!(self.headers_len())).filter_map(|index| {
            let name = utf8(text!(self.header_name_at(index)))?;
            Some((name, text!(self.header_value_at(index))?))
        })
    }

    /// Sets a header; other values of it go.
    ///
    /// # Errors
    /// When name or value cannot stand in a header, and for `Content-Length` and `Transfer-Encoding`, which are the
    /// gateway's business.
    pub fn set_header(&mut self, name: &str, value: &str) -> Result<()> {
        let code = call!(self.set_header(Str::new(name.as_bytes()), Str::new(value.as_bytes())));
        done("header", name, code)
    }

    /// Adds a value to a header.
    ///
    /// # Errors
    /// As for [`Request::set_header`].
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<()> {
        let code = call!(self.add_header(Str::new(name.as_bytes()), Str::new(value.as_bytes())));
        done("header", name, code)
    }

    /// Takes a header away. False if there was none, or if it is not a hook's to take.
    pub fn remove_header(&mut self, name: &str) -> bool {
        call!(self.remove_header(Str::new(name.as_bytes()))) == 0
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let count = call!(self.header_count(Str::new(b"cookie")));
        (0..count)
            .filter_map(|nth| utf8(text!(self.header_nth(Str::new(b"cookie"), nth))))
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    /// The whole body, if the hook's flags have [`REQUEST_BODY`](crate::REQUEST_BODY). None for what is never held
    /// back: upgrades and gRPC.
    pub fn body(&self) -> Option<&[u8]> {
        if !has!(self.call, request_body) {
            return None;
        }
        text!(self.request_body())
    }

    /// Replaces the body; the gateway adjusts the length.
    ///
    /// # Errors
    /// When there is no [`Request::body`].
    pub fn set_body(&mut self, body: impl AsRef<[u8]>) -> Result<()> {
        if !has!(self.call, set_request_body) {
            return Err(Error::new("this gateway is too old to hand request bodies to hooks"));
        }
        done("request body", "", call!(self.set_request_body(Str::new(body.as_ref()))))
    }

    /// Sends this one request elsewhere: to a URL (`http`, `https`, `h2c`, `ws` or `wss`), or to `host:port` by HTTP.
    ///
    /// # Errors
    /// When `url` is neither.
    pub fn set_target(&mut self, url: &str) -> Result<()> {
        done("target", url, call!(self.set_target(Str::new(url.as_bytes()))))
    }

    /// Answers the request: `return request.respond(503, &[("Retry-After", "60")], "later")`.
    ///
    /// # Errors
    /// When a header is not allowed (see [`Request::set_header`]) or the status is not from 200 to 999.
    pub fn respond(&mut self, status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Result<Flow> {
        done("status", &status.to_string(), call!(self.respond(u32::from(status))))?;
        for (name, value) in headers {
            let code = call!(self.add_answer_header(Str::new(name.as_bytes()), Str::new(value.as_bytes())));
            done("header", name, code)?;
        }
        done("body", "", call!(self.set_answer_body(Str::new(body.as_ref()))))?;
        Ok(Flow::Respond)
    }
}
