//! What runs hooks.

mod matrix;
#[cfg(feature = "lua")]
mod lua;
mod native;
