//! Hooks on records: `analytics_plugin` of a definition. Calls run beside the queue's task, a few at a time, so that a
//! slow hook holds up neither other records nor requests; what waits for them is bounded like the queue itself.
//!
//! The hook sees a record before keys are hashed and the tags of node, key and ids are added, as in Tyk. A call that
//! fails leaves its record as it was.

use std::{collections::VecDeque, fmt, sync::Arc, time::Instant};

use tokio::task::{JoinError, JoinSet};

use super::Observed;
use crate::{
    error::Error,
    hook::{Failure, Hook, HookKind, Object, RecordPart, Spec},
    metrics::HookMetrics,
};

/// Most calls at once.
const RUNNING: usize = 32;

/// The hook on the records of one API.
pub struct RecordHook {
    /// The function.
    pub hook: Arc<dyn Hook>,
    /// What the hook may read of its API's definition.
    pub spec: Arc<Spec>,
    /// Counts its calls.
    pub metrics: Arc<HookMetrics>,
}

impl fmt::Debug for RecordHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordHook").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl RecordHook {
    /// Calls it. Nothing when the call failed, which is logged.
    async fn edit(&self, part: RecordPart) -> Option<RecordPart> {
        let started = Instant::now();
        let mut object = Object::without_request(self.spec.clone());
        object.record = Some(Box::new(part));
        let outcome = self.hook.dispatch(HookKind::Analytics, Box::new(object)).await;
        self.metrics.call(started.elapsed(), outcome.is_err());
        match outcome {
            Ok(object) => object.record.map(|part| *part),
            Err(failure) => {
                self.report(failure);
                None
            }
        }
    }

    fn report(&self, Failure { error, .. }: Failure) {
        let api_id = &*self.spec.api_id;
        tracing::error!(
            api_id,
            error = Error::from(error).chain(),
            "an analytics hook failed: its record stays as it was"
        );
    }
}

/// A record whose hook is done with it.
pub(super) struct Edited {
    /// What it is made from.
    pub(super) observed: Observed,
    /// The hook's edits; nothing when it failed.
    pub(super) part: Option<RecordPart>,
}

/// Records that are with their hooks, or wait for it.
pub(super) struct Edits {
    waiting: VecDeque<(Arc<RecordHook>, Observed)>,
    running: JoinSet<Edited>,
    room: usize,
}

impl Edits {
    /// At most `room` records wait.
    pub(super) fn new(room: usize) -> Self {
        Self { waiting: VecDeque::new(), running: JoinSet::new(), room }
    }

    /// Takes a record; false when as many wait as may, and this one is lost.
    pub(super) fn add(&mut self, hook: Arc<RecordHook>, observed: Observed) -> bool {
        let taken = self.waiting.len() < self.room;
        if taken {
            self.waiting.push_back((hook, observed));
        }
        taken
    }

    /// Starts as many calls as may run. `part` makes what the hook sees; nothing for a record that nobody wants.
    pub(super) fn start(&mut self, mut part: impl FnMut(&Observed) -> Option<RecordPart>) {
        while self.running.len() < RUNNING
            && let Some((hook, observed)) = self.waiting.pop_front()
        {
            let seen = part(&observed);
            self.running.spawn(async move {
                let part = match seen {
                    Some(part) => hook.edit(part).await,
                    None => None,
                };
                Edited { observed, part }
            });
        }
    }

    /// The next record whose hook is done, in no particular order; at once nothing when none runs. An error means that
    /// a call broke and took its record along.
    pub(super) async fn next(&mut self) -> Option<Result<Edited, JoinError>> {
        self.running.join_next().await
    }

    /// One that is done already.
    pub(super) fn ready(&mut self) -> Option<Result<Edited, JoinError>> {
        self.running.try_join_next()
    }
}

#[cfg(test)]
mod tests;
