//! What one request carries from phase to phase.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Method;
use pingora_proxy::Session;
use uuid::Uuid;

use super::{Api, Loan, Scope, Snapshot, Storing, Variables};
use crate::{
    analytics::Detail,
    limit::Numbers,
    session::KeyState,
    upstream::{Outbound, Target},
    url::Url,
};

/// One request. Rare parts are `Option`; nothing is allocated for a feature that the API does not use.
pub struct Ctx {
    /// When the head had been read.
    pub started: Instant,
    /// The APIs as they were when the request came; it keeps them to its end.
    pub snapshot: Arc<Snapshot>,
    /// The API that handles it, once found. A loop replaces it.
    pub api: Option<Arc<Api>>,
    /// Path and query as the chain sees them. The session's own URI stays as the client sent it.
    pub url: Url,
    /// Index of the chosen version entry of the definition.
    pub version: usize,
    /// An `ignored` entry matched: guards are skipped.
    pub ignored: bool,
    /// Who calls, once auth has found out.
    pub state: Option<KeyState>,
    /// The id under which the session of an auth hook is stored, where it is not the hook's to say.
    pub session_id: Option<Box<str>>,
    /// What the limiters have found.
    pub limits: Numbers,
    /// Parked by `url_rewrite`, applied by the proxy step.
    pub rewrite: Option<Box<Rewrite>>,
    /// The path before a rewrite whose pattern matched: response steps match endpoints against it.
    pub path_before_rewrite: Option<Box<str>>,
    /// Parked by `method_transform`, applied by the proxy step.
    pub method: Option<Method>,
    /// Context variables; `None` until a step needs them.
    pub variables: Option<Box<Variables>>,
    /// Where a hook sends this request.
    pub target: Option<Arc<Target>>,
    /// Texts that hooks leave for each other.
    pub metadata: Option<Box<std::collections::BTreeMap<String, String>>>,
    /// Headers that hooks put on whatever answer the client gets.
    pub answer_headers: Option<Box<http::HeaderMap>>,
    /// `X-Forwarded-For` was removed by the definition, so the proxy step does not write it either.
    pub no_forwarded_for: bool,
    /// The request's body, once a step has asked for it ([`Ctx::body`]) or made one.
    pub body: Option<Bytes>,
    /// The client's session while a stand-in has it: the exchange is buffered.
    pub loan: Option<Loan>,
    /// What the response cache wants of the answer; nothing where it is not to be kept.
    pub storing: Option<Box<Storing>>,
    /// What goes upstream, decided by the proxy step.
    pub outbound: Option<Box<Outbound>>,
    /// How many requests of the gateway's own hooks led to this one.
    pub depth: u8,
    /// How deep this request has looped.
    pub loops: Loops,
    /// Set by the track lists.
    pub tracking: Tracking,
    /// What is kept for a detailed record; nothing unless the API wants one.
    pub detail: Option<Box<Detail>>,
    /// What happened, for the record.
    pub outcome: Outcome,
    request_id: Option<Uuid>,
}

/// A rewritten URL on its way to the proxy step.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// The new URL.
    pub url: Url,
    /// It names its own host and is final: neither target nor balancer is asked.
    pub retain_host: bool,
}

/// The depth of `tyk://` loops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loops {
    /// Loops so far.
    pub count: u32,
    /// `loop_limit` of the first loop URL that gave one.
    pub limit: Option<u32>,
    /// `check_limits` of the current loop URL.
    pub check_limits: bool,
    /// The current loop leads to the API it came from.
    pub to_self: bool,
    /// Hand-overs by a `target_url` of the form `tyk://…`, which count as no loop.
    pub uncounted: u32,
}

/// What the track lists say of this request.
#[derive(Debug, Clone, Default)]
pub enum Tracking {
    /// Nothing.
    #[default]
    Plain,
    /// Recorded under the entry's path.
    Tracked(Arc<str>),
    /// Not recorded.
    Untracked,
}

/// What happened to the request, filled while it goes on.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Status that was sent, or the one to record when nothing was sent.
    pub status: u16,
    /// The method at the end of the chain, where a loop URL changed it.
    pub method: Option<Method>,
    /// Bytes of the request body that came, counted only where its length is limited and not declared.
    pub received: u64,
    /// When the request was sent upstream.
    pub upstream_started: Option<Instant>,
    /// How long the upstream took until its head arrived.
    pub upstream: Option<Duration>,
    /// Status of the upstream's answer, before response steps.
    pub upstream_status: Option<u16>,
    /// Who gave the answer.
    pub answered: Answered,
    /// How long the hook took that gave the answer, or the response cache.
    pub hook: Option<Duration>,
    /// The fault that ended it, for the log.
    pub error: Option<String>,
    /// Its class, for the access log.
    pub fault: Option<Fault>,
}

/// Who gave the answer. Records differ by it (analytics reference 2.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answered {
    /// The gateway: a refusal, a fault, or a hook with a status of 400 or above. Nobody, if the client left first.
    #[default]
    Gateway,
    /// The upstream.
    Upstream,
    /// A hook, with a status below 400.
    Hook,
    /// The response cache.
    Cache,
    /// A mock reply of the definition, or an endpoint of the gateway below the API: it leaves no record.
    Mock,
}

/// The class of a fault: what access logs say besides the status (api-definition reference 7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Tyk's three letters, such as `UCF`.
    pub flag: &'static str,
    /// The same in words.
    pub details: &'static str,
}

impl Ctx {
    /// A new request under the given APIs.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self {
            started: Instant::now(),
            snapshot,
            api: None,
            url: Url::default(),
            version: 0,
            ignored: false,
            state: None,
            session_id: None,
            answer_headers: None,
            limits: Numbers::default(),
            rewrite: None,
            path_before_rewrite: None,
            method: None,
            variables: None,
            target: None,
            metadata: None,
            no_forwarded_for: false,
            body: None,
            loan: None,
            storing: None,
            outbound: None,
            depth: 0,
            loops: Loops::default(),
            tracking: Tracking::default(),
            detail: None,
            outcome: Outcome::default(),
            request_id: None,
        }
    }

    /// The id of this request: `$tyk_context.request_id`, and what logs say. Made when first asked for, the same
    /// to the end; it is sent nowhere that a definition does not put it.
    pub fn request_id(&mut self) -> Uuid {
        *self.request_id.get_or_insert_with(Uuid::new_v4)
    }

    /// Begins the chain of the next API of a loop: what the last one parked or found out is forgotten, what hooks
    /// said of this request is kept.
    pub fn enter(&mut self, url: Url) {
        self.url = url;
        self.version = 0;
        self.ignored = false;
        self.rewrite = None;
        self.method = None;
        self.storing = None;
        self.variables = None;
        self.tracking = Tracking::default();
    }

    /// What templates print from.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            variables: self.variables.as_deref(),
            meta: self.state.as_ref().map(|key| &key.state.meta_data),
        }
    }

    /// True while the request runs in an API that another one (or itself) looped to.
    pub fn looped(&self) -> bool {
        self.loops.count > 0
    }
}

/// The peer of the connection.
pub fn peer_ip(session: &Session) -> Option<IpAddr> {
    session.client_addr().and_then(|addr| addr.as_inet()).map(std::net::SocketAddr::ip)
}
