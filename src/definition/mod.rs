//! The API definition as data: what users write, read and checked, without any behaviour. Requests are the
//! business of `chain` and `middleware`.
//!
//! Every field that a Classic definition may have has a typed home here, also when its feature comes later, and a
//! member that nobody knows survives the way in and out. OAS documents will be converted into the same
//! [`ApiDefinition`].

mod api;
mod auth;
mod events;
mod member;
mod options;
mod paths;
mod plugins;
mod proxy;
mod rewrite;
mod value;
mod version;

pub use api::ApiDefinition;
pub use auth::*;
pub use events::*;
pub use options::*;
pub use paths::*;
pub use plugins::*;
pub use proxy::*;
pub use rewrite::*;
pub use value::{Expiry, ReadableDuration};
pub use version::*;
