//! Where requests go: targets, name look-ups, connection options, and the head that an upstream gets. And the client
//! for calls that the gateway makes itself.
//!
//! Nothing here knows a request's `Ctx`: the proxy step of `gateway` decides and hands down plain values.

mod client;
mod outbound;
mod peer;
mod resolver;
mod target;

#[cfg(test)]
mod tests;

pub use client::{Call, Client, Reply};
pub use outbound::Outbound;
pub use peer::PeerSettings;
pub use resolver::{Addresses, Resolver};
pub use target::{Scheme, Target, TargetError};
