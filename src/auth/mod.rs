//! Who calls: a folder per method, a line each in [`METHODS`], and the [`Gate`] that combines them.
//!
//! All methods that a definition switches on must pass, in the order of the table (sessions reference 3.1).

mod gate;

use async_trait::async_trait;
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Ctx, Denial},
    error::Result,
    session::KeyState,
};
pub use gate::Gate;

/// What a method found out.
#[derive(Debug)]
pub enum Verdict {
    /// This key calls.
    Granted(KeyState),
    /// The request is refused.
    Denied(Denial),
}

/// One way to tell who calls.
#[async_trait]
pub trait AuthMethod: Send + Sync {
    /// Runs once per request. A refusal fires its event itself.
    ///
    /// # Errors
    /// A fault, which ends the request; no key and a wrong key are none.
    async fn authenticate(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Verdict>;
}

/// A line of [`METHODS`].
pub struct Method {
    /// Name, for messages.
    pub name: &'static str,
    /// What `base_identity_provided_by` calls it.
    pub identity: &'static str,
    /// Builds it, or nothing when the definition does not switch it on.
    pub build: fn(&mut Blueprint<'_>) -> Option<Box<dyn AuthMethod>>,
}

/// Every method, in the order in which they run.
pub const METHODS: &[Method] = &[];
