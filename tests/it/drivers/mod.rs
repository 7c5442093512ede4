//! What runs hooks.

#[cfg(feature = "grpc")]
mod grpc;
mod go;
mod matrix;
#[cfg(feature = "lua")]
mod lua;
mod matrix;
mod native;
