//! What a plugin exports, and the wall around a hook.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{Flow, Level, Request, Result, raw};

/// Exports functions as hooks, under the names that API definitions use. Once per library.
///
/// Each line is `Name = function;`, or `Name [flags] = function;`. Flags are numbers, joined by `|`; the only one
/// that helps today is [`NON_BLOCKING`](crate::NON_BLOCKING). A function takes `&mut Request<'_>` and returns
/// `Result<Flow>`.
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

/// Calls a hook: its error and its panic become numbers, and log lines.
///
/// # Safety
/// `api` and `object` must be what the gateway handed over, during its call.
#[doc(hidden)]
pub unsafe fn run(
    api: *const raw::Api,
    object: *mut raw::Object,
    hook: fn(&mut Request<'_>) -> Result<Flow>,
) -> i32 {
    // SAFETY: the caller vouches for both.
    let mut request = unsafe { Request::new(&*api, object) };
    match catch_unwind(AssertUnwindSafe(|| hook(&mut request))) {
        Ok(Ok(Flow::Next)) => raw::NEXT,
        Ok(Ok(Flow::Respond)) => raw::RESPOND,
        Ok(Err(error)) => {
            request.log(Level::Error, &error.to_string());
            raw::FAILED
        }
        Err(panic) => {
            request.log(Level::Error, &format!("the hook panicked: {}", message(panic.as_ref())));
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
