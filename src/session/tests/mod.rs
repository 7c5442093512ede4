//! Keys in a store, as requests and control calls see them.

mod look_up;
mod stored;
mod support;
mod writes;
