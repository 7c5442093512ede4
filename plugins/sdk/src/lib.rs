//! Write native hooks for the pinhook API gateway.
//!
//! A hook is a function that sees a request on its way through the gateway, may edit it, send it to another target,
//! or answer it. A plugin is a library (`crate-type = ["cdylib"]`) that exports hooks by the names which API
//! definitions use:
//!
//! ```
//! use pinhook_plugin::{Flow, NON_BLOCKING, Request, Result, hooks};
//!
//! hooks! {
//!     AddFoo [NON_BLOCKING] = add_foo;
//!     MoveToBlue = move_to_blue;
//! }
//!
//! fn add_foo(request: &mut Request<'_>) -> Result<Flow> {
//!     request.set_header("Foo", "Bar")?;
//!     Ok(Flow::Next)
//! }
//!
//! fn move_to_blue(request: &mut Request<'_>) -> Result<Flow> {
//!     if request.header("X-Team") == Some("blue") {
//!         request.set_target("http://10.0.0.7:9000")?; // this request only
//!     }
//!     Ok(Flow::Next)
//! }
//! # fn main() {}
//! ```
//!
//! Other functions see and edit the answer ([`Response`]) or the analytics record ([`Record`]); [`hooks!`] tells them
//! apart by what they take.
//!
//! An `Err` is logged and the client gets 500. So does a panic: it is caught here, unless the library is built with
//! `panic = "abort"`.

#[macro_use]
mod call;
mod ask;
mod config;
mod error;
mod export;
#[doc(hidden)]
pub mod raw;
mod record;
mod request;
mod response;

pub use ask::{Ask, Reply};
pub use config::{Config, OfApi};
pub use error::{Error, Result};
#[doc(hidden)]
pub use export::run;
pub use record::{Gateway, Record};
pub use request::{Level, Request};
pub use response::Response;

/// Flag of a hook that needs the whole request body. Bodies that no hook asks for are streamed.
pub const REQUEST_BODY: u32 = 1;

/// Flag of a response hook that needs the whole response body.
pub const RESPONSE_BODY: u32 = 2;

/// Flag of a hook that never waits: no I/O, no sleep, no lock held for long. The gateway calls it at once, without a
/// time limit, on the thread that serves the connection. One that waits all the same holds up other requests.
pub const NON_BLOCKING: u32 = 4;

/// What becomes of the request after a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Next,
    /// The answer that was set ends it; without one, an empty 200. Made by [`Request::respond`] and
    /// [`Response::respond`].
    Respond,
}

/// Where in the chain a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookKind {
    /// Before authentication.
    Pre,
    /// Last before the request goes upstream.
    Post,
    /// Like [`HookKind::Post`], for one endpoint.
    Endpoint,
    /// On the upstream's answer.
    Response,
    /// Decides who calls.
    AuthCheck,
    /// Once it is known who calls.
    PostKeyAuth,
    /// Answers in the upstream's place, for one endpoint.
    Virtual,
    /// Hears of an event.
    Event,
    /// One that this crate does not know yet.
    Other(u32),
}
