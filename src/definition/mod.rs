//! The API definition as data: what users write, read and checked, without any behaviour. Requests are the
//! business of `chain` and `middleware`.
//!
//! Every field that a Classic definition may have has a typed home here, also when its feature comes later, and a
//! member that nobody knows survives the way in and out. OAS documents are converted into the same
//! [`ApiDefinition`] ([`oas`]).

mod api;
mod auth;
mod checks;
mod endpoints;
mod events;
mod lint;
mod listen_path;
mod load;
pub(crate) mod member;
pub mod oas;
mod oas_twin;
mod options;
mod parse;
mod paths;
mod plugins;
mod proxy;
pub mod re2;
mod reading;
mod rewrite;
mod substitute;
mod support;
mod value;
mod version;
mod versions;

#[cfg(test)]
mod tests;

pub use api::ApiDefinition;
pub use auth::*;
pub use endpoints::Endpoint;
pub use events::*;
pub use lint::{Lint, lint, refusals};
pub use listen_path::{listen_path_fault, normalise_listen_path, template_fault};
pub use load::{Broken, Identity, LoadOptions, Loaded, Source, give_way, json_files, load_dir, load_file};
pub use member::Extra;
pub use options::*;
pub use parse::parse;
pub use paths::*;
pub use plugins::*;
pub use proxy::*;
pub use rewrite::*;
pub use substitute::Secrets;
pub use value::{Expiry, ReadableDuration};
pub use version::*;
pub use versions::NoVersion;
