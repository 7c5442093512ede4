//! What a plugin exports, and the wall around a hook.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    Error, Flow, Gateway, Level, Record, Request, Response, Result,
    raw::{self, Call},
};

/// Exports functions as hooks, under the names that API definitions use. Once per library.
///
/// Each line is `Name = function;`, or `Name [flags] = function;`. Flags are joined by `|`:
/// [`NON_BLOCKING`](crate::NON_BLOCKING), [`REQUEST_BODY`](crate::REQUEST_BODY),
/// [`RESPONSE_BODY`](crate::RESPONSE_BODY). What a function takes says where it belongs:
///
/// | Function | Where definitions may name it |
/// | --- | --- |
/// | `fn(&mut Request<'_>) -> Result<Flow>` | `pre`, `auth_check`, `post_key_auth`, `post`, `go_plugin` |
/// | `fn(&mut Response<'_>) -> Result<Flow>` | `response` |
/// | `fn(&mut Record<'_>) -> Result<()>` | `analytics_plugin` |
///
/// ```
/// use pinhook_plugin::{Flow, NON_BLOCKING, Request, Result, hooks};
///
/// hooks! {
///     Teapot [NON_BLOCKING] = teapot;
/// }
///
/// fn teapot(request: &mut Request<'_>) -> Result<Flow> {
///     request.respond(418, &[("Content-Type", "text/plain")], "short and stout")
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! hooks {
    ($($(#[$attribute:meta])* $name:ident $([$flags:expr])? = $function:path;)+) => {
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn pinhook_abi() -> u32 {
                $crate::raw::ABI
            }
        };
        $($(#[$attribute])* const _: () = {
            #[unsafe(export_name = concat!(stringify!($name), "_flags"))]
            static FLAGS: u32 = 0 $(| ($flags))?;

            #[unsafe(export_name = stringify!($name))]
            unsafe extern "C" fn hook(api: *const $crate::raw::Api, object: *mut $crate::raw::Object) -> i32 {
                // SAFETY: the gateway hands over its table and a request for the time of this call.
                unsafe { $crate::run(api, object, $function) }
            }
        };)+
    };
}

/// Exports a function that is called in the background each time that definitions have been loaded and are live, the
/// first time included: to renew what the plugin keeps. Hooks may run at the same time. Once per library.
///
/// ```
/// use pinhook_plugin::{Gateway, Level, Result, on_reload};
///
/// on_reload!(renew);
///
/// fn renew(gateway: &mut Gateway<'_>) -> Result<()> {
///     gateway.log(Level::Info, "tables are read again");
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! on_reload {
    ($function:path) => {
        const _: () = {
            #[unsafe(export_name = "pinhook_on_reload")]
            unsafe extern "C" fn on_reload(
                api: *const $crate::raw::Api,
                object: *mut $crate::raw::Object,
            ) -> i32 {
                // SAFETY: the gateway hands over its table and an object for the time of this call.
                unsafe { $crate::run(api, object, $function) }
            }
        };
    };
}

/// A function that can be exported; `View` tells the shapes apart.
#[doc(hidden)]
pub trait Exported<View> {
    fn call(&self, call: Call<'_>, kind: u32) -> Result<i32>;
}

#[doc(hidden)]
pub enum OfRequest {}
#[doc(hidden)]
pub enum OfResponse {}
#[doc(hidden)]
pub enum OfRecord {}
#[doc(hidden)]
pub enum OfGateway {}

impl<F: Fn(&mut Request<'_>) -> Result<Flow>> Exported<OfRequest> for F {
    fn call(&self, call: Call<'_>, kind: u32) -> Result<i32> {
        if [raw::ANALYTICS, raw::RELOAD].contains(&kind) {
            return Err(misplaced("a request", kind));
        }
        self(&mut Request::new(call)).map(code)
    }
}

impl<F: Fn(&mut Response<'_>) -> Result<Flow>> Exported<OfResponse> for F {
    fn call(&self, call: Call<'_>, kind: u32) -> Result<i32> {
        if kind != raw::RESPONSE || !has!(call, set_response_body) {
            return Err(misplaced("a response", kind));
        }
        self(&mut Response::new(call)).map(code)
    }
}

impl<F: Fn(&mut Record<'_>) -> Result<()>> Exported<OfRecord> for F {
    fn call(&self, call: Call<'_>, kind: u32) -> Result<i32> {
        if kind != raw::ANALYTICS || !has!(call, remove_record_tag) {
            return Err(misplaced("an analytics record", kind));
        }
        self(&mut Record::new(call)).map(|()| raw::NEXT)
    }
}

impl<F: Fn(&mut Gateway<'_>) -> Result<()>> Exported<OfGateway> for F {
    fn call(&self, call: Call<'_>, kind: u32) -> Result<i32> {
        if kind != raw::RELOAD {
            return Err(misplaced("a reload", kind));
        }
        self(&mut Gateway::new(call)).map(|()| raw::NEXT)
    }
}

fn code(flow: Flow) -> i32 {
    match flow {
        Flow::Next => raw::NEXT,
        Flow::Respond => raw::RESPOND,
    }
}

fn misplaced(expected: &str, kind: u32) -> Error {
    Error::new(format!("this function is for {expected}, but was called as a hook of kind {kind}"))
}

/// Calls a hook: its error and its panic become numbers, and log lines.
///
/// # Safety
/// `api` and `object` must be what the gateway handed over, during its call.
#[doc(hidden)]
pub unsafe fn run<View>(
    api: *const raw::Api,
    object: *mut raw::Object,
    function: impl Exported<View>,
) -> i32 {
    // SAFETY: the caller vouches for both.
    let call = unsafe { Call::new(api, object) };
    let gateway = Gateway::new(call);
    let kind = gateway.hook_kind();
    match catch_unwind(AssertUnwindSafe(|| function.call(call, kind))) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            gateway.log(Level::Error, &error.to_string());
            raw::FAILED
        }
        Err(panic) => {
            gateway.log(Level::Error, &format!("the hook panicked: {}", message(panic.as_ref())));
            // A payload may panic again when it is dropped.
            std::mem::forget(panic);
            raw::PANICKED
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
