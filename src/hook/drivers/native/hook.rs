//! One function of a library, ready for calls.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::{runtime::Handle, sync::oneshot, time};

use super::super::pool::{Pool, Rejected, Task};
use super::{
    abi::{API, HookFn, NEXT, NON_BLOCKING, PANICKED, RESPOND},
    answer,
    call::{Call, Site},
    calls::Waiter,
    library::Library,
};
use crate::{
    error::HookError,
    hook::{Failure, Hook, HookKind, Needs, Object},
};

type Outcome = Result<Box<Object>, Failure>;

/// A function and what its calls need.
pub(super) struct Function {
    pub(super) entry: HookFn,
    pub(super) flags: u32,
    pub(super) site: Site,
    /// Where `entry` points into.
    pub(super) library: Arc<Library>,
}

/// A hook that runs on the calling thread or on the pool, as its flags say.
pub(super) struct NativeHook {
    pub(super) function: Arc<Function>,
    pub(super) pool: Arc<Pool<Job>>,
    pub(super) timeout: Duration,
    pub(super) needs: Needs,
}

/// One call on its way to a pool thread and back.
pub(super) struct Job {
    function: Arc<Function>,
    kind: Option<HookKind>,
    object: Box<Object>,
    deadline: Instant,
    runtime: Handle,
    reply: oneshot::Sender<Outcome>,
}

impl Task for Job {
    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(self) {
        let waiter = Waiter { runtime: self.runtime, deadline: self.deadline };
        let outcome = self.function.call(self.kind, self.object, Some(waiter));
        // Nobody listens after a timeout: the object ends here.
        drop(self.reply.send(outcome));
    }
}

#[async_trait]
impl Hook for NativeHook {
    fn may_be_abandoned(&self) -> bool {
        !self.non_blocking()
    }

    fn needs(&self) -> Needs {
        self.needs
    }

    async fn dispatch(&self, kind: HookKind, object: Box<Object>) -> Outcome {
        self.run(Some(kind), object).await
    }
}

impl NativeHook {
    /// A call; without a kind it is the one after a reload.
    pub(super) async fn run(&self, kind: Option<HookKind>, object: Box<Object>) -> Outcome {
        if self.non_blocking() {
            return self.function.call(kind, object, None);
        }
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.timeout;
        let (function, runtime) = (Arc::clone(&self.function), Handle::current());
        let job = Job { function, kind, object, deadline, runtime, reply };
        self.pool.submit(job).map_err(|rejected| self.rejected(rejected))?;
        match time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(outcome)) => outcome,
            // The thread unwound with the object: dropping it is all it can still have been doing.
            Ok(Err(_)) => Err(Failure::lost(HookError::Panicked { name: self.name() })),
            Err(_) => Err(Failure::lost(HookError::Timeout { name: self.name(), limit: self.timeout })),
        }
    }

    /// The file that holds the function.
    pub(super) fn file(&self) -> &str {
        self.function.library.file()
    }

    fn non_blocking(&self) -> bool {
        self.function.flags & NON_BLOCKING != 0
    }

    fn name(&self) -> String {
        self.function.site.function.to_string()
    }

    fn rejected(&self, rejected: Rejected<Job>) -> Failure {
        let name = self.name();
        let (job, error) = match rejected {
            Rejected::Stuck(job) => (job, HookError::Stuck { name, threads: self.pool.limit() }),
            Rejected::Full(job, waiting) => (job, HookError::Busy { name, waiting }),
            Rejected::NoThread(job, source) => (job, HookError::NoThread { name, source }),
        };
        Failure::new(error, job.object)
    }
}

impl Function {
    /// Calls it on this thread.
    fn call(&self, kind: Option<HookKind>, mut object: Box<Object>, waiter: Option<Waiter>) -> Outcome {
        let mut call = Call::new(&mut object, kind, &self.site).waiting(waiter);
        // SAFETY: `entry` follows ABI v1 (its library said so when it was loaded); table and call outlive it.
        let returned =
            catch_unwind(AssertUnwindSafe(|| unsafe { (self.entry)(&raw const API, &raw mut call) }));
        let name = || self.site.function.to_string();
        match returned {
            Ok(NEXT) => {
                object.answer = None;
                Ok(object)
            }
            Ok(RESPOND) if !matches!(kind, None | Some(HookKind::Analytics)) => {
                object.answer.get_or_insert_with(answer::empty);
                Ok(object)
            }
            Ok(PANICKED) | Err(_) => Err(Failure::new(HookError::Panicked { name: name() }, object)),
            Ok(code) => Err(Failure::new(HookError::Failed { name: name(), code }, object)),
        }
    }
}
