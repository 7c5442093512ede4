//! What this gateway does for hooks that only a running one can do.

use std::sync::{Arc, Weak};

use async_trait::async_trait;

use super::{
    Gateway, asked,
    keys::{self, Draft, SaveError},
};
use crate::{
    error::{Error, Result},
    hook::{Ask, GatewayCalls, SetKey},
    session::SessionState,
    upstream::Reply,
};

impl Gateway {
    /// Lets its hooks find it.
    pub(super) fn serve_hooks(self: &Arc<Self>) {
        let gateway: Weak<dyn GatewayCalls> = Arc::<Self>::downgrade(self);
        self.services.host.attach(gateway);
    }
}

#[async_trait]
impl GatewayCalls for Gateway {
    async fn ask_api(&self, ask: Ask) -> Result<Reply> {
        asked::ask(self, ask).await
    }

    async fn key(&self, key: &str, api_id: &str) -> Result<Option<SessionState>> {
        Ok(keys::detail(&self.snapshot(), api_id, "", key, false).await)
    }

    async fn set_key(&self, SetKey { key, state, keep_quota }: SetKey<'_>) -> Result<()> {
        let snapshot = self.snapshot();
        let hash = snapshot.services.sessions.hash(key);
        let mut draft = Draft::new(&snapshot, state);
        draft.save(&hash, !keep_quota).await.map_err(|error| match error {
            SaveError::Policy(error) => Error::Internal(error.into()),
            SaveError::Master => {
                Error::Internal("a key needs access rights while allow_master_keys is off".into())
            }
            SaveError::Store => Error::Store("the key was not saved".into()),
        })
    }

    fn trigger(&self, event: &str, payload: &str) {
        self.snapshot().services.events.fire_named(event, payload);
    }
}
