//! What runs hooks.

mod go;
#[cfg(feature = "grpc")]
mod grpc;
#[cfg(feature = "js")]
mod js_examples;
#[cfg(feature = "lua")]
mod lua;
mod matrix;
mod native;
mod worker;
