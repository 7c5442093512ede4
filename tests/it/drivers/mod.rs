//! What runs hooks.

#[cfg(feature = "grpc")]
mod grpc;
#[cfg(feature = "lua")]
mod lua;
mod matrix;
mod native;
