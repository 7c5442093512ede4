//! The smallest plugin: every request gets the header `Foo: Bar` on its way to the upstream.
//!
//! In the API definition:
//! `"custom_middleware": {"driver": "goplugin", "pre": [{"name": "AddFooHeader", "path": "libadd_header.so"}]}`

use pinhook_plugin::{Flow, NON_BLOCKING, Request, Result, hooks};

// Exports the function under the name that definitions use. NON_BLOCKING says that it never waits for anything, so
// the gateway calls it directly instead of on a thread of its own.
hooks! {
    AddFooHeader [NON_BLOCKING] = add_foo_header;
}

fn add_foo_header(request: &mut Request<'_>) -> Result<Flow> {
    request.set_header("Foo", "Bar")?;
    Ok(Flow::Next) // the request goes on
}
