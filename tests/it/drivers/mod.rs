//! What runs hooks.

#[cfg(feature = "grpc")]
mod grpc;
mod matrix;
#[cfg(feature = "lua")]
mod lua;
mod native;
