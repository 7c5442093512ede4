//! Plugins that run in processes of their own: started, fed, watched and replaced here. Drivers `python` and Go stand on
//! it; what their calls say is theirs. The contract with the processes is docs/worker-protocol.md.
//!
//! A plugin has several workers. A call goes to the first of those that have least to do, so that a gateway with little to
//! do uses one, whose state then counts on. A worker that dies is started again: at once when it has served for a
//! while, else after a pause that grows. Calls that it had not begun wait for that, or go to another.

mod ask;
mod calls;
mod frame;
mod launch;
mod link;
mod load;
mod outage;
mod outbox;
mod output;
mod process;
pub(super) mod record;
mod registry;
mod slot;

use std::{
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc, oneshot},
};

use self::{
    calls::{Calls, Job},
    frame::{Frame, Kind, Outgoing},
    load::{Load, Ticket},
    outage::Outages,
    registry::Registry,
    slot::Slot,
};
pub(super) use self::{
    frame::Part,
    launch::{Failed, Function, Hello, Launch},
    process::Program,
    registry::HookEntry,
};
use crate::{
    error::HookError,
    hook::Host,
    metrics::{WorkerLabels, WorkerMetrics},
};

/// The version of docs/worker-protocol.md.
const PROTOCOL: u32 = 1;
/// Calls that may wait for one worker.
const QUEUE: usize = 4096;

/// A call that is to be made.
pub(super) struct Call<'a, T: Serialize> {
    /// The function, for messages.
    pub(super) function: &'a str,
    /// The number that [`Workers::define`] gave.
    pub(super) hook: u32,
    /// Head of the frame.
    pub(super) head: &'a T,
    /// The request's body, then the response's.
    pub(super) parts: Vec<Part>,
    /// How long it may take, without the time in which no worker takes calls; else what [`Launch::timeout`] says.
    pub(super) limit: Option<Duration>,
    /// Client of the request.
    pub(super) client: Option<IpAddr>,
    /// [`crate::hook::Object::depth`] of the request.
    pub(super) depth: u8,
}

/// What came back of a call.
pub(super) struct Reply {
    /// JSON; empty is the same as `{}`.
    pub(super) head: Bytes,
    parts: Vec<Part>,
}

impl Reply {
    /// Takes a part; nothing if it is absent.
    pub(super) fn part(&mut self, number: usize) -> Part {
        self.parts.get_mut(number)?.take()
    }
}

/// Why nothing came back.
#[derive(Debug)]
pub(super) enum Fault {
    /// The function failed: what it says.
    Failed(Failed),
    /// Everything else.
    Other(HookError),
}

/// How a call ended for its worker.
#[derive(Debug)]
enum Outcome {
    Reply(Frame),
    Failed(Failed),
    TooLarge,
    Ended,
}

/// A message to the task of one worker.
enum Work {
    Call(Box<Job>),
    Reload,
}

/// What all workers of a plugin share.
struct Plugin {
    driver: &'static str,
    name: Arc<str>,
    program: Program,
    settings: Value,
    workers: usize,
    timeout: Duration,
    largest_body: usize,
    host: Arc<Host>,
    registry: Registry,
    outages: Arc<Outages>,
    last_id: AtomicU32,
    slots: OnceLock<Vec<SlotHandle>>,
}

/// One worker as seen by who calls. The sender is weak: the plugin is shared with the tasks that receive.
struct SlotHandle {
    load: Arc<Load>,
    work: mpsc::WeakSender<Work>,
}

/// The workers of one plugin. They drain and end when this is dropped.
pub(super) struct Workers {
    plugin: Arc<Plugin>,
    senders: Vec<mpsc::Sender<Work>>,
    hello: Hello,
}

impl Workers {
    /// Starts the first worker, waits until its code is loaded, and has the others started in the background. It blocks,
    /// so not on a thread that serves requests.
    ///
    /// # Errors
    /// Why the program cannot be started, or its code not be loaded.
    pub(super) fn start(launch: Launch) -> Result<Self, Failed> {
        let runtime = runtime()?;
        let labels = WorkerLabels { driver: launch.driver, plugin: launch.name.clone() };
        let metrics = match &launch.metrics {
            Some(metrics) => metrics.workers(labels),
            None => Arc::new(WorkerMetrics::uncounted(labels)),
        };
        let plugin = Arc::new(Plugin {
            driver: launch.driver,
            name: launch.name,
            program: launch.program,
            settings: launch.settings,
            workers: launch.workers.max(1),
            timeout: launch.timeout,
            largest_body: launch.largest_body,
            host: launch.host,
            registry: Registry::default(),
            outages: Arc::new(Outages::new()),
            last_id: AtomicU32::new(0),
            slots: OnceLock::new(),
        });
        let mut slots = Vec::new();
        let (mut senders, mut handles) = (Vec::new(), Vec::new());
        for number in 0..plugin.workers {
            let (sender, receiver) = mpsc::channel(QUEUE);
            let load = Arc::new(Load::new(plugin.outages.clone(), metrics.clone()));
            handles.push(SlotHandle { load: load.clone(), work: sender.downgrade() });
            senders.push(sender);
            slots.push(Slot::new(plugin.clone(), number, load, receiver, metrics.clone()));
        }
        // It is empty: this is the one place that fills it.
        let _ = plugin.slots.set(handles);
        let mut slots = slots.into_iter();
        let (ready, hello) = std::sync::mpsc::sync_channel(1);
        if let Some(first) = slots.next() {
            runtime.spawn(first.run(Some(ready)));
        }
        let hello = hello.recv().unwrap_or_else(|_| Err(Failed::new("its worker was not started")))?;
        for slot in slots {
            runtime.spawn(slot.run(None));
        }
        Ok(Self { plugin, senders, hello })
    }

    /// What its code offers.
    pub(super) fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Tells the workers of a hook, and of its API with these members, before its first call; the number to call it by.
    pub(super) fn define(&self, api: Map<String, Value>, hook: HookEntry) -> u32 {
        self.plugin.registry.add(api, hook)
    }

    /// The hook with this number is gone.
    pub(super) fn forget(&self, hook: u32) {
        self.plugin.registry.remove(hook);
    }

    /// Tells the workers that the gateway has loaded its definitions anew.
    pub(super) fn reloaded(&self) {
        for sender in &self.senders {
            // One with a full queue has more urgent work, and its code is what it was.
            let _ = sender.try_send(Work::Reload);
        }
    }

    /// Makes a call and waits for what comes of it.
    ///
    /// # Errors
    /// The function failed, did not return in time, or its worker died.
    pub(super) async fn call<T: Serialize>(&self, call: Call<'_, T>) -> Result<Reply, Fault> {
        let name = || call.function.to_owned();
        let other = |reason: String| Fault::Other(HookError::Script { name: name(), reason });
        let id = self.plugin.next_id();
        let frame = Outgoing::new(Kind::Call, id, call.hook, call.head, call.parts)
            .map_err(|error| other(format!("its call cannot be written: {error}")))?;
        let limit = call.limit.unwrap_or(self.plugin.timeout);
        let since = Instant::now();
        let (reply, outcome) = oneshot::channel();
        let (load, sender) = self.pick().ok_or_else(|| other("it has no workers".to_owned()))?;
        let ticket = Ticket::new(load);
        let job = Job { id, frame, since, limit, client: call.client, depth: call.depth, ticket, reply };
        if sender.try_send(Work::Call(Box::new(job))).is_err() {
            return Err(Fault::Other(HookError::Busy { name: name(), waiting: QUEUE }));
        }
        match self.plugin.outages.wait(since, limit, outcome).await {
            Ok(Ok(Outcome::Reply(Frame { head, parts, .. }))) => Ok(Reply { head, parts }),
            Ok(Ok(Outcome::Failed(failed))) => Err(Fault::Failed(failed)),
            Ok(Ok(Outcome::TooLarge)) => Err(other(format!(
                "it left more than the {} bytes of pinhook.max_buffered_body",
                self.plugin.largest_body
            ))),
            Ok(Ok(Outcome::Ended) | Err(_)) => Err(other("its worker died".to_owned())),
            Err(_) => Err(Fault::Other(HookError::Timeout { name: name(), limit })),
        }
    }

    /// The first of those that have least to do.
    fn pick(&self) -> Option<(&Arc<Load>, &mpsc::Sender<Work>)> {
        let slots = self.plugin.slots.get()?;
        let (mut best, mut least) = (None, usize::MAX);
        for (slot, sender) in slots.iter().zip(&self.senders) {
            let cost = slot.load.cost();
            if cost < least {
                (best, least) = (Some((&slot.load, sender)), cost);
            }
            if cost == 0 {
                break;
            }
        }
        best
    }
}

impl Plugin {
    fn next_id(&self) -> u32 {
        match self.last_id.fetch_add(1, Relaxed).wrapping_add(1) {
            0 => self.last_id.fetch_add(1, Relaxed).wrapping_add(1),
            id => id,
        }
    }

    /// Gives the calls that wait for the worker `from` to others, as far as they can take them.
    fn hand_over_all(&self, calls: &mut Calls, from: usize) {
        for job in calls.take_waiting() {
            if let Some(job) = self.hand_over(job, from) {
                calls.push(job);
            }
        }
    }

    /// Gives a call that waits for the worker `from` to one that takes calls and has less to do; it comes back if there
    /// is none.
    fn hand_over(&self, mut job: Box<Job>, from: usize) -> Option<Box<Job>> {
        let slots = self.slots.get().map(Vec::as_slice).unwrap_or_default();
        let own = slots.get(from).map_or(usize::MAX, |slot| slot.load.cost());
        let others = slots.iter().enumerate().filter(|(number, _)| *number != from);
        let Some((_, slot)) = others.min_by_key(|(_, slot)| slot.load.cost()) else { return Some(job) };
        // Its own place counts where it stands now.
        if slot.load.cost() + 1 >= own {
            return Some(job);
        }
        let Some(sender) = slot.work.upgrade() else { return Some(job) };
        job.ticket = Ticket::new(&slot.load);
        match sender.try_send(Work::Call(job)) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(work) | mpsc::error::TrySendError::Closed(work)) => {
                match work {
                    Work::Call(job) => Some(job),
                    Work::Reload => None,
                }
            }
        }
    }
}

/// The runtime that serves requests. A check of definitions has none: it gets one of its own.
fn runtime() -> Result<Handle, Failed> {
    static OWN: OnceLock<Runtime> = OnceLock::new();
    if let Ok(handle) = Handle::try_current() {
        return Ok(handle);
    }
    if let Some(runtime) = OWN.get() {
        return Ok(runtime.handle().clone());
    }
    let made = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let made = made.map_err(|error| Failed::new(format!("there is no runtime for it: {error}")))?;
    Ok(OWN.get_or_init(|| made).handle().clone())
}
