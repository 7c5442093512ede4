//! What an organisation may do with all its keys together: whether it is active, its quota, its rate (`enforce_org_quotas`,
//! sessions reference 7.4).
//!
//! `experimental_process_org_off_thread`: a request is told what the one before it found out, and nobody waits.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use async_trait::async_trait;
use pingora_proxy::Session;

use super::rate_limit::is_exempt;
use crate::{
    chain::{Blueprint, Ctx, Denial, Flow, Middleware, key_failure},
    error::Result,
    event::{EventKind, Monitor as QuotaMonitor, Usage},
    hook::Spec,
    limit::{Ask, KeyLimits, Limiter, QuotaAsk, RateAsk, Refusal, Run},
    session::Sessions,
};

const INACTIVE: Denial =
    Denial::new(403, "this organisation access has been disabled, please contact your API administrator");
const OVER_QUOTA: Denial =
    Denial::new(403, "This organisation quota has been exceeded, please contact your API administrator");
const OVER_RATE: Denial =
    Denial::new(403, "This organisation rate limit has been exceeded, please contact your API administrator");
const BARRED: Denial = Denial::new(
    403,
    "This organization access has been disabled or quota/rate limit is exceeded, please contact your API administrator",
);

struct Monitor {
    judge: Arc<Judge>,
    /// What the last request found out, where nobody waits for it.
    last: Option<Arc<AtomicU8>>,
}

struct Judge {
    spec: Arc<Spec>,
    hash: String,
    limiter: Arc<Limiter>,
    sessions: Arc<Sessions>,
    monitor: Arc<QuotaMonitor>,
}

/// What an organisation may do right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    Inactive,
    OverQuota,
    OverRate,
}

const STANDINGS: [Standing; 4] =
    [Standing::Good, Standing::Inactive, Standing::OverQuota, Standing::OverRate];

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let services = blueprint.services;
    if !services.config.enforce_org_quotas {
        return None;
    }
    let judge = Judge {
        spec: blueprint.spec.clone(),
        hash: services.sessions.hash(&blueprint.spec.org_id),
        limiter: services.limiter.clone(),
        sessions: services.sessions.clone(),
        monitor: services.monitor.clone(),
    };
    let aside = services.config.experimental_process_org_off_thread;
    Some(Box::new(Monitor { judge: Arc::new(judge), last: aside.then(Arc::default) }))
}

#[async_trait]
impl Middleware for Monitor {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        if is_exempt(ctx) {
            return Ok(Flow::Next);
        }
        let Some(last) = &self.last else {
            let standing = self.judge.standing().await;
            tell(standing, session, ctx, &self.judge.spec.org_id);
            return Ok(standing.denial().map_or(Flow::Next, Flow::Deny));
        };
        let before = STANDINGS.get(usize::from(last.load(Ordering::Relaxed)));
        let (judge, last) = (self.judge.clone(), last.clone());
        tokio::spawn(async move { last.store(judge.standing().await as u8, Ordering::Relaxed) });
        let standing = before.copied().unwrap_or(Standing::Good);
        tell(standing, session, ctx, &self.judge.spec.org_id);
        Ok(standing.denial().map_or(Flow::Next, |_| Flow::Deny(BARRED)))
    }
}

impl Judge {
    /// Counts a request of the organisation. One without a state may do everything, and so may all while the store does
    /// not answer.
    async fn standing(&self) -> Standing {
        let state = match self.sessions.find_organisation(&self.spec.org_id).await {
            Ok(Some(state)) => state,
            Ok(None) => return Standing::Good,
            Err(error) => {
                let org_id = &*self.spec.org_id;
                tracing::debug!(org_id, error = error.chain(), "an organisation could not be looked up");
                return Standing::Good;
            }
        };
        if state.is_inactive {
            return Standing::Inactive;
        }
        let Some(limits) = KeyLimits::of(&state, &self.spec.api_id) else { return Standing::OverRate };
        let rate = RateAsk {
            rate: limits.rate,
            per: limits.per,
            smoothing: limits.smoothing,
            endpoint: "",
            generation: &state.last_updated,
        };
        let ask = Ask {
            scope: limits.scope,
            id: &self.hash,
            rate: (state.rate > 0.0 && state.per > 0.0).then_some(rate),
            quota: Some(QuotaAsk { limit: limits.quota_max, renewal: limits.quota_renewal_rate }),
        };
        let checked = self.limiter.check(&ask, Run::Real).await;
        if let (Some(quota), None) = (checked.quota, &checked.refused) {
            self.monitor.organisation(Usage {
                org_id: &self.spec.org_id,
                key: &self.spec.org_id,
                max: quota.limit,
                remaining: quota.remaining,
                renews: quota.renews,
                limits: &state.monitor.trigger_limits,
            });
        }
        match checked.refused {
            None | Some(Refusal::Fault(_)) => Standing::Good,
            Some(Refusal::Rate) => Standing::OverRate,
            Some(Refusal::Quota) => Standing::OverQuota,
        }
    }
}

impl Standing {
    fn denial(self) -> Option<Denial> {
        match self {
            Self::Good => None,
            Self::Inactive => Some(INACTIVE),
            Self::OverQuota => Some(OVER_QUOTA),
            Self::OverRate => Some(OVER_RATE),
        }
    }
}

fn tell(standing: Standing, session: &Session, ctx: &Ctx, org_id: &str) {
    let (kind, message) = match standing {
        Standing::Good | Standing::Inactive => return,
        Standing::OverQuota => (EventKind::OrgQuotaExceeded, "Organisation quota has been exceeded"),
        Standing::OverRate => (EventKind::OrgRateLimitExceeded, "Organisation rate limit has been exceeded"),
    };
    key_failure(session, ctx, kind, message, org_id);
}
