//! What a key may do: its state, the policies merged into it, how tokens are written and hashed, and where states
//! are kept.

mod cache;
pub mod hash;
mod key;
mod lifetime;
mod organisations;
mod policy;
mod quota_writes;
mod sessions;
mod state;
pub mod token;

#[cfg(test)]
mod tests;

pub use key::KeyState;
pub use lifetime::{ApiLifetime, Lifetime, unix_now};
pub use policy::{Partitions, Policies, Policy, PolicyError};
pub use quota_writes::QuotaLeft;
pub use sessions::Sessions;
pub use state::{
    AccessDefinition, AccessSpec, ApiLimit, BasicAuthData, EndpointLimits, EndpointMethod, GraphqlType,
    JwtData, RateLimit, SessionMonitor, SessionState, Smoothing,
};
