//! Where requests go: targets, name look-ups, connection options, and the head that an upstream gets.
//!
//! Nothing here knows a request's `Ctx`: the proxy step of `gateway` decides and hands down plain values.

mod outbound;
mod peer;
mod resolver;
mod target;

#[cfg(test)]
mod tests;

pub use outbound::Outbound;
pub use peer::PeerSettings;
pub use resolver::{Addresses, Resolver};
pub use target::{Scheme, Target, TargetError};
