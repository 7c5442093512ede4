//! What runs hooks.

mod go;
mod matrix;
#[cfg(feature = "lua")]
mod lua;
mod native;
