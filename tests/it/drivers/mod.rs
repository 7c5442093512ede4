//! What runs hooks.

mod matrix;
mod native;
