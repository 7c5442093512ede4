//! From the client's bytes to the upstream's and back: what the recorded cases in `tests/golden` do not reach.

mod bodies;
mod faults;
mod input;
mod loops;
mod ports;
pub(crate) mod protocols;
mod rest;
