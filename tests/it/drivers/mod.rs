//! What runs hooks.

#[cfg(feature = "lua")]
mod lua;
mod matrix;
mod native;
mod worker;
