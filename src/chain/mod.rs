//! The chain of one API and what travels along it.
//!
//! `Ctx`, `Api` and the middleware traits name each other, so they share this module; it knows no single
//! middleware. The order of the steps is the tables of `middleware`.

mod api;
mod ctx;
mod endpoint;
mod flow;
mod listen_path;
mod middleware;
mod router;
mod snapshot;
mod variables;

pub use api::Api;
pub use ctx::{Ctx, Loops, Outcome, Rewrite, Tracking, peer_ip};
pub use flow::{Denial, Flow, Origin, Response};
pub use middleware::{
    Blueprint, Build, BuildHooks, BuildResponse, Chain, Middleware, PerVersion, ResponseMiddleware,
    ResponseSlot, Slot,
};
pub use snapshot::{Services, Snapshot};
