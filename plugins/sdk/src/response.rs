//! The upstream's answer as a response hook sees it.

use std::borrow::Cow;

use crate::{
    Flow, Level, Request, Result,
    call::{done, utf8},
    raw::{Call, Str},
};

/// The upstream's answer, before the client gets it. Edits are seen by all later steps.
///
/// ```
/// use pinhook_plugin::{Flow, NON_BLOCKING, Response, Result, hooks};
///
/// hooks! {
///     TellTheRoute [NON_BLOCKING] = tell_the_route;
/// }
///
/// fn tell_the_route(response: &mut Response<'_>) -> Result<Flow> {
///     if response.status() >= 500 {
///         return response.respond(503, &[("Retry-After", "5")], "try again");
///     }
///     let path = response.request().path().to_owned();
///     response.set_header("X-Route", &path)?;
///     Ok(Flow::Next)
/// }
/// # fn main() {}
/// ```
pub struct Response<'a> {
    call: Call<'a>,
    request: Request<'a>,
}

impl<'a> Response<'a> {
    pub(crate) fn new(call: Call<'a>) -> Self {
        Self { call, request: Request::new(call) }
    }

    /// The request that it answers: to read, it is gone.
    pub fn request(&self) -> &Request<'a> {
        &self.request
    }

    /// Writes a line to the gateway's log.
    pub fn log(&self, level: Level, text: &str) {
        self.request.log(level, text);
    }

    /// Leaves a text for later response hooks of this request.
    ///
    /// # Errors
    /// When the gateway refuses it.
    pub fn set_metadata(&mut self, key: &str, value: &str) -> Result<()> {
        self.request.set_metadata(key, value)
    }

    /// The status, such as 200.
    pub fn status(&self) -> u16 {
        u16::try_from(call!(self.response_status())).unwrap_or_default()
    }

    /// Replaces the status.
    ///
    /// # Errors
    /// When it is not from 200 to 999.
    pub fn set_status(&mut self, status: u16) -> Result<()> {
        done("status", &status.to_string(), call!(self.set_response_status(u32::from(status))))
    }

    /// The first value of a header, if it is UTF-8. Names are compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        utf8(text!(self.response_header(Str::new(name.as_bytes()))))
    }

    /// All values of a header.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let count = call!(self.response_header_count(Str::new(name.as_bytes())));
        (0..count).filter_map(move |nth| {
            text!(self.response_header_nth(Str::new(name.as_bytes()), nth)).map(String::from_utf8_lossy)
        })
    }

    /// All headers, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        (0..call!(self.response_headers_len())).filter_map(|index| {
            let name = utf8(text!(self.response_header_name_at(index)))?;
            Some((name, text!(self.response_header_value_at(index))?))
        })
    }

    /// Sets a header; other values of it go.
    ///
    /// # Errors
    /// When name or value cannot stand in a header, and for `Content-Length` and `Transfer-Encoding`, which are the
    /// gateway's business.
    pub fn set_header(&mut self, name: &str, value: &str) -> Result<()> {
        let code = call!(self.set_response_header(Str::new(name.as_bytes()), Str::new(value.as_bytes())));
        done("header", name, code)
    }

    /// Adds a value to a header.
    ///
    /// # Errors
    /// As for [`Response::set_header`].
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<()> {
        let code = call!(self.add_response_header(Str::new(name.as_bytes()), Str::new(value.as_bytes())));
        done("header", name, code)
    }

    /// Takes a header away. False if there was none, or if it is not a hook's to take.
    pub fn remove_header(&mut self, name: &str) -> bool {
        call!(self.remove_response_header(Str::new(name.as_bytes()))) == 0
    }

    /// The whole body, unpacked, if the hook's flags have [`RESPONSE_BODY`](crate::RESPONSE_BODY). None for what is
    /// never held back: event streams, upgrades and gRPC.
    pub fn body(&self) -> Option<&[u8]> {
        text!(self.response_body())
    }

    /// Replaces the body; the gateway adjusts length and encoding.
    ///
    /// # Errors
    /// When there is no [`Response::body`].
    pub fn set_body(&mut self, body: impl AsRef<[u8]>) -> Result<()> {
        done("response body", "", call!(self.set_response_body(Str::new(body.as_ref()))))
    }

    /// Puts another answer in the place of the upstream's: `return response.respond(503, &[], "later")`. It needs no
    /// body flag.
    ///
    /// # Errors
    /// As for [`Request::respond`].
    pub fn respond(&mut self, status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Result<Flow> {
        self.request.respond(status, headers, body)
    }
}

impl crate::config::OfApi for Response<'_> {
    fn id_and_config(&self) -> (&str, &str) {
        self.request.id_and_config()
    }
}
