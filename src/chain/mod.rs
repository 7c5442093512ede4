//! The chain of one API and what travels along it.
//!
//! `Ctx`, `Api` and the middleware traits name each other, so they share this module; it knows no single
//! middleware. The order of the steps is the tables of `middleware`.

mod api;
mod blueprint;
mod body;
mod cached;
mod client;
mod ctx;
mod endpoint;
mod failure;
mod flow;
mod hook_answer;
mod hook_call;
mod hook_folder;
mod hook_plan;
mod hook_run;
mod hook_session;
mod key_sets;
mod listen_path;
mod loan;
mod messages;
mod middleware;
mod real_ip;
mod router;
mod snapshot;
mod variables;

pub use api::{Api, Base, TagHeaders};
pub use blueprint::{Blueprint, version_path};
pub use body::{invite_body, is_grpc};
pub use cached::{CacheRule, CachedAnswer, Entry, Storing};
pub use client::{client_certificate, is_tls};
pub use ctx::{Answered, Ctx, Fault, Loops, Outcome, Rewrite, Tracking, peer_ip};
pub use endpoint::{Candidates, EndpointPaths, Endpoints, EndpointsBuilder, PathStyle, Place, VersionStrip};
pub use failure::{key_failure, version_failure};
pub use flow::{Denial, Flow, Origin, Response};
pub use hook_answer::respond;
pub use hook_call::{Call, Wish};
pub use hook_plan::{HookPlan, code_of, code_of_virtual, driver_of_virtual};
pub use hook_run::is_same;
pub use hook_session::{AUTH_FAILURE, CUSTOM_AUTH, SessionRules};
pub use key_sets::KeySets;
pub use listen_path::{ListenPath, TemplateError};
pub use loan::{Held, Left, Loan};
pub use messages::{Messages, Refusal};
pub use middleware::{
    Build, BuildHooks, BuildResponse, Chain, Middleware, PerVersion, ResponseMiddleware, ResponseSlot, Slot,
};
pub use real_ip::real_ip;
pub use router::{Claim, Route, Router, RouterOptions, resolve_conflicts};
pub use snapshot::{Services, Snapshot};
pub use variables::{Complaint, Scope, Secrets, Template, Variables, used_names};
