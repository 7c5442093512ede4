//! What gateways that share a Redis tell each other: notices on one channel, signed with the secret they share, and
//! who of them is alive.
//!
//! What a notice causes is not decided here: the gateway listens and acts, for it owns what is reloaded or dropped.

mod members;
mod notice;
mod notices;
mod signature;
#[cfg(test)]
mod tests;

pub use members::Members;
pub use notice::{Command, Notice};
pub use notices::{CHANNEL, Notices, Refused};
pub use signature::PublicKey;
