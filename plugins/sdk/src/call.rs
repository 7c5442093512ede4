//! How the views of this crate call the gateway.

use crate::{Error, Result};

/// Calls an entry of the table.
macro_rules! call {
    ($view:ident.$entry:ident($($argument:expr),*)) => {{
        let call = $view.call;
        // SAFETY: table and object are valid during the hook's call, which `'a` stands for, and the borrow of the
        // view keeps the field from being edited while a text of it is in use. The entry is there: those that an
        // older gateway lacks are asked for before.
        unsafe { ((*call.api).$entry)(call.object, $($argument),*) }
    }};
}

/// Borrows the text that an entry returns.
macro_rules! text {
    ($view:ident.$entry:ident($($argument:expr),*)) => {{
        let text = call!($view.$entry($($argument),*));
        // SAFETY: as above.
        unsafe { text.get() }
    }};
}

/// True if the running gateway has an entry that is younger than ABI 1.
macro_rules! has {
    ($call:expr, $entry:ident) => {
        $call.has(std::mem::offset_of!(crate::raw::Api, $entry))
    };
}

/// What every view can do.
macro_rules! gateway {
    ($view:ident) => {
        impl $view<'_> {
            /// The gateway's version, such as `1.4.0`.
            pub fn gateway_version(&self) -> &str {
                utf8(text!(self.gateway_version())).unwrap_or_default()
            }

            /// Writes a line to the gateway's log. API and hook are added there.
            pub fn log(&self, level: crate::Level, text: &str) {
                call!(self.log(level as u32, crate::raw::Str::new(text.as_bytes())));
            }

            /// Makes one request: `request.call(Ask::get("tyk://users/1"))?`.
            ///
            /// # Errors
            /// Only when this hook may not call at all: it is `NON_BLOCKING`, or the gateway is too old. A request
            /// that fails is a [`Reply`](crate::Reply) with status 0.
            pub fn call(&self, ask: crate::Ask) -> crate::Result<crate::Reply> {
                crate::ask::all(self.call, &[ask]).map(|mut replies| replies.pop().unwrap_or_default())
            }

            /// Makes several requests at once; the replies are in their order.
            ///
            /// # Errors
            /// As for one.
            pub fn call_all(&self, asks: &[crate::Ask]) -> crate::Result<Vec<crate::Reply>> {
                crate::ask::all(self.call, asks)
            }

            /// Keeps data for all gateways on the same Redis, for `ttl_seconds`, 0 for ever.
            ///
            /// # Errors
            /// When the store does not answer, or this hook may not wait.
            pub fn store_data(
                &self,
                key: &str,
                value: impl AsRef<[u8]>,
                ttl_seconds: i64,
            ) -> crate::Result<()> {
                crate::ask::must_have(has!(self.call, trigger_event))?;
                let (name, value) =
                    (crate::raw::Str::new(key.as_bytes()), crate::raw::Str::new(value.as_ref()));
                done("data", key, call!(self.store_data(name, value, ttl_seconds)))
            }

            /// Data that was kept so. None if there is none, and when the store does not answer.
            pub fn get_data(&self, key: &str) -> Option<&[u8]> {
                if !has!(self.call, trigger_event) {
                    return None;
                }
                text!(self.get_data(crate::raw::Str::new(key.as_bytes())))
            }

            /// Fires an event, by any name, for the `event_handlers` of the gateway's configuration.
            ///
            /// # Errors
            /// When the gateway refuses it.
            pub fn trigger_event(&self, name: &str, payload: &str) -> crate::Result<()> {
                crate::ask::must_have(has!(self.call, trigger_event))?;
                let texts = (crate::raw::Str::new(name.as_bytes()), crate::raw::Str::new(payload.as_bytes()));
                done("event", name, call!(self.trigger_event(texts.0, texts.1)))
            }
        }
    };
}

/// What a view that belongs to an API can do as well.
macro_rules! of_api {
    ($view:ident) => {
        gateway!($view);

        impl $view<'_> {
            /// `api_id` of the API.
            pub fn api_id(&self) -> &str {
                utf8(text!(self.api_id())).unwrap_or_default()
            }

            /// `org_id` of the API.
            pub fn org_id(&self) -> &str {
                utf8(text!(self.org_id())).unwrap_or_default()
            }

            /// `name` of the API.
            pub fn api_name(&self) -> &str {
                utf8(text!(self.api_name())).unwrap_or_default()
            }

            /// `config_data` of the API as JSON text, `{}` if it has none. [`Config`](crate::Config) spares parsing
            /// it anew.
            pub fn config_data(&self) -> &str {
                utf8(text!(self.config_data())).unwrap_or_default()
            }
        }

        impl crate::config::OfApi for $view<'_> {
            fn id_and_config(&self) -> (&str, &str) {
                (self.api_id(), self.config_data())
            }
        }
    };
}

pub(crate) fn utf8(text: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(text?).ok()
}

/// What an edit came to.
pub(crate) fn done(what: &str, subject: &str, code: i32) -> Result<()> {
    let why = match code {
        0.. => return Ok(()),
        -1 => "there is none",
        -2 => "it is malformed or not allowed",
        -3 => "this call has no such part, or the hook's flags do not ask for it",
        -4 => "it waits, and the hook is NON_BLOCKING",
        -5 => "it failed, the gateway's log says why",
        _ => "for a reason that this crate does not know",
    };
    Err(Error::new(format!("{what} {subject:?} was refused: {why} (code {code})")))
}
