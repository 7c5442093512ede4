//! Keys in the store, for who makes and changes them: the control API and hooks (sessions reference 8.4).
//!
//! `find` looks a key up as the data plane would, `draft` is a state on its way into the store, `password` does what
//! its name says. The data plane itself saves what it has edited by `key_saving`.

mod draft;
pub(crate) mod find;
pub(crate) mod password;

pub(crate) use draft::{Draft, SaveError};
pub(crate) use find::{Found, detail, find};
