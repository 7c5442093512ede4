//! What runs hooks.

mod native;
