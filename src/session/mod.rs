//! What a key may do: its state, the policies merged into it, how tokens are written and hashed, and where states
//! are kept.

pub mod hash;
mod key;
mod policy;
mod sessions;
mod state;
pub mod token;

pub use key::KeyState;
pub use policy::{Partitions, Policies, Policy, PolicyError};
pub use sessions::Sessions;
pub use state::{
    AccessDefinition, AccessSpec, ApiLimit, BasicAuthData, EndpointLimits, EndpointMethod, GraphqlType,
    JwtData, RateLimit, SessionMonitor, SessionState, Smoothing,
};
