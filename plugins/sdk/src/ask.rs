//! Requests that a hook makes itself.

use std::time::Duration;

use crate::{
    Error, Result,
    call::{done, utf8},
    raw::{Call, Str},
};

/// A request of a hook: to a URL, or to an API of this gateway (`tyk://API/path`, by id or name, also internal ones).
///
/// ```
/// use pinhook_plugin::{Ask, Flow, Request, Result, hooks};
///
/// hooks! {
///     UserWithOrders = user_with_orders;
/// }
///
/// fn user_with_orders(request: &mut Request<'_>) -> Result<Flow> {
///     let asks = [Ask::get("tyk://users/1"), Ask::get("http://orders:8080/?user=1").header("Accept", "text/plain")];
///     let replies = request.call_all(&asks)?; // both at once
///     let texts: Vec<_> = replies.iter().map(|reply| reply.text()).collect();
///     request.respond(200, &[], texts.join("\n"))
/// }
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Default)]
pub struct Ask {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout: Option<Duration>,
}

impl Ask {
    /// A request with this method.
    pub fn new(method: &str, url: &str) -> Self {
        Self { method: method.to_owned(), url: url.to_owned(), ..Self::default() }
    }

    /// A GET.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// A POST.
    pub fn post(url: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", url).body(body)
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// How long it may take. It never takes longer than the hook may.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// What a request came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// Its status; 0 if there was no answer.
    pub status: u16,
    /// Its headers, with names such as `Content-Type`.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// Why there was no answer.
    pub error: Option<String>,
}

impl Reply {
    /// The first value of a header. Names are compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// True for statuses from 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

struct View<'a> {
    call: Call<'a>,
}

pub(crate) fn must_have(there: bool) -> Result<()> {
    there.then_some(()).ok_or_else(|| Error::new("this gateway is too old to do that for hooks"))
}

/// Makes all of them at once.
pub(crate) fn all(call: Call<'_>, asks: &[Ask]) -> Result<Vec<Reply>> {
    must_have(has!(call, trigger_event))?;
    let view = View { call };
    let mut numbers = Vec::with_capacity(asks.len());
    for ask in asks {
        numbers.push(begin(&view, ask)?);
    }
    done("calls", "", call!(view.call_all()))?;
    Ok(numbers.into_iter().map(|number| reply(&view, number)).collect())
}

fn begin(view: &View<'_>, ask: &Ask) -> Result<u32> {
    let code = call!(view.call_begin(Str::new(ask.method.as_bytes()), Str::new(ask.url.as_bytes())));
    done("call", &ask.url, code)?;
    let number = u32::try_from(code)?;
    for (name, value) in &ask.headers {
        let code = call!(view.call_header(number, Str::new(name.as_bytes()), Str::new(value.as_bytes())));
        done("header", name, code)?;
    }
    if !ask.body.is_empty() {
        done("body", "", call!(view.call_body(number, Str::new(&ask.body))))?;
    }
    if let Some(timeout) = ask.timeout {
        let milliseconds = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).max(1);
        done("timeout", "", call!(view.call_timeout(number, milliseconds)))?;
    }
    Ok(number)
}

fn reply(view: &View<'_>, number: u32) -> Reply {
    let owned = |text: Option<&[u8]>| String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
    let headers = (0..call!(view.reply_headers_len(number))).map(|index| {
        (
            owned(text!(view.reply_header_name_at(number, index))),
            owned(text!(view.reply_header_value_at(number, index))),
        )
    });
    Reply {
        status: u16::try_from(call!(view.reply_status(number))).unwrap_or_default(),
        headers: headers.collect(),
        body: text!(view.reply_body(number)).unwrap_or_default().to_vec(),
        error: utf8(text!(view.reply_error(number))).map(str::to_owned),
    }
}
