//! The connection to one worker process, from its first frame to its end. One task does all of it, so nothing of it is
//! shared.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Deserialize;
use tokio::{
    io::AsyncReadExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval},
};

use super::{
    Failed, Hello, Outcome, Plugin, Work, ask,
    calls::{Calls, SLOW},
    frame::{Decoder, Event, Frame, Garbage, Kind, Outgoing},
    load::Load,
    outbox::Outbox,
    output::Origin,
    registry::Told,
};
use crate::hook::Caller;

/// How long a worker may take to load its code.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How long one that is to end may take for the calls that it has.
const DRAIN: Duration = Duration::from_secs(60);
/// Messages that are taken at once.
const BATCH: usize = 64;
/// Calls that wait here, at most; beyond that they wait in the channel.
const WAITING: usize = 1024;
/// Room that is made for reads, and what is too little of it.
const READ: usize = 64 << 10;
const SCARCE: usize = 4 << 10;
/// Answers to a worker's wishes that wait to be written.
const ANSWERS: usize = 256;

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// Nobody needs this worker any more.
    Closed,
    /// The process closed it.
    Died,
    /// It sent what is no frame.
    Garbage(&'static str),
    /// Its code cannot be loaded.
    Refused(Failed),
    /// Every call is over its time limit, or it did not say hello.
    Hung,
}

/// An answer on its way to the worker.
struct Answer {
    frame: Outgoing,
    /// The call that gets it.
    call: u32,
}

/// What a connection works on.
pub(super) struct Link<'a> {
    pub(super) plugin: &'a Arc<Plugin>,
    pub(super) load: &'a Arc<Load>,
    pub(super) origin: &'a Origin,
    pub(super) work: &'a mut mpsc::Receiver<Work>,
    pub(super) calls: &'a mut Calls,
    /// Told of the hello.
    pub(super) ready: Option<oneshot::Sender<Hello>>,
    pub(super) number: usize,
}

struct Wire {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    input: Decoder,
    out: Outbox,
    answers: mpsc::Sender<Answer>,
    told: Told,
    started: Instant,
    up: bool,
    /// It takes no more frames.
    broken: bool,
    /// Since when nobody needs it.
    closing: Option<Instant>,
}

impl Link<'_> {
    /// Serves calls until the connection ends.
    pub(super) async fn serve(&mut self, connection: UnixStream) -> End {
        let (read, write) = connection.into_split();
        let (answers, mut answered) = mpsc::channel(ANSWERS);
        let mut wire = Wire {
            read,
            write,
            input: Decoder::new(self.plugin.largest_body),
            out: Outbox::default(),
            answers,
            told: Told::default(),
            started: Instant::now(),
            up: false,
            broken: false,
            closing: None,
        };
        if let Err(error) = self.configure(&mut wire) {
            return End::Refused(Failed::new(format!("it cannot be configured: {error}")));
        }
        let mut tick = interval(SLOW);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            if !wire.broken
                && let Err(error) = self.send(&mut wire)
            {
                // It takes no more. What it has said until then can still be read.
                wire.broken = true;
                self.load.set_up(false);
                self.calls.unsent(wire.out.clear());
                self.unread(&error, &wire);
            }
            let input = &mut wire.input.input;
            if input.capacity() - input.len() < SCARCE {
                input.reserve(READ);
            }
            let watched = !wire.up || self.calls.busy() || self.calls.waiting() > 0 || wire.closing.is_some();
            tokio::select! {
                taken = self.work.recv_many(&mut batch, BATCH), if wire.closing.is_none() && self.calls.waiting() < WAITING => {
                    if taken == 0 {
                        wire.closing = Some(Instant::now());
                        wire.out.push(Outgoing::bare(Kind::Shutdown, 0));
                    }
                    batch.drain(..).for_each(|work| self.take(work, &mut wire));
                }
                read = wire.read.read_buf(&mut wire.input.input) => {
                    if let Err(error) = &read {
                        self.unread(error, &wire);
                    }
                    if matches!(read, Ok(0) | Err(_)) {
                        return if wire.closing.is_some() { End::Closed } else { End::Died };
                    }
                    if let Err(end) = self.receive(&mut wire) {
                        return end;
                    }
                }
                Some(Answer { frame, call }) = answered.recv() => {
                    self.calls.resume(call, Instant::now());
                    wire.out.push(frame);
                }
                _ = wire.write.writable(), if !wire.broken && !wire.out.is_empty() => {}
                _ = tick.tick(), if watched => {
                    if let Some(end) = self.look(&mut wire) {
                        return end;
                    }
                }
            }
        }
    }

    fn configure(&self, wire: &mut Wire) -> io::Result<()> {
        let plugin = self.plugin;
        let mut head = serde_json::json!({
            "protocol": super::PROTOCOL,
            "gateway": concat!("pinhook ", env!("CARGO_PKG_VERSION")),
            "plugin": *plugin.name,
            "workers": plugin.workers,
            "number": self.number,
            "settings": plugin.settings,
        });
        let define = plugin.registry.news(&mut wire.told).and_then(|news| news.define);
        if let (Some(head), Some(serde_json::Value::Object(define))) = (head.as_object_mut(), define) {
            head.extend(define);
        }
        wire.out.push(Outgoing::new(Kind::Configure, 0, 0, &head, Vec::new())?);
        Ok(())
    }

    fn take(&mut self, work: Work, wire: &mut Wire) {
        match work {
            Work::Call(job) => self.calls.push(job),
            Work::Reload => wire.out.push(Outgoing::bare(Kind::Reload, 0)),
        }
    }

    /// Sends what may be sent and can be sent at once.
    fn send(&mut self, wire: &mut Wire) -> io::Result<()> {
        if wire.up && self.calls.waiting() > 0 {
            self.tell(wire)?;
            let now = Instant::now();
            while let Some((id, frame)) = self.calls.next(now) {
                wire.out.push_call(id, frame);
            }
        }
        let write = &wire.write;
        wire.out.write(|pieces| write.try_write_vectored(pieces))
    }

    /// Linux says so when a process has ended with bytes left unread: the last call has not begun.
    fn unread(&mut self, error: &io::Error, wire: &Wire) {
        if error.kind() == io::ErrorKind::ConnectionReset {
            self.calls.unsent(wire.out.unread().into_iter());
        }
    }

    /// A call never comes before the definition of its hook.
    fn tell(&self, wire: &mut Wire) -> io::Result<()> {
        let Some(news) = self.plugin.registry.news(&mut wire.told) else { return Ok(()) };
        for (kind, head) in [(Kind::Define, news.define), (Kind::Forget, news.forget)] {
            if let Some(head) = head {
                wire.out.push(Outgoing::new(kind, 0, 0, &head, Vec::new())?);
            }
        }
        Ok(())
    }

    fn receive(&mut self, wire: &mut Wire) -> Result<(), End> {
        loop {
            match wire.input.next() {
                Ok(Some(Event::Frame(frame))) => self.frame(frame, wire)?,
                Ok(Some(Event::TooLarge { kind: Kind::Reply, id })) => self.end(id, Outcome::TooLarge),
                Ok(Some(Event::TooLarge { .. })) => {
                    return Err(End::Garbage("a frame that is too large and no reply"));
                }
                Ok(None) => return Ok(()),
                Err(Garbage(what)) => return Err(End::Garbage(what)),
            }
        }
    }

    fn frame(&mut self, frame: Frame, wire: &mut Wire) -> Result<(), End> {
        match frame.kind {
            Kind::Reply => self.end(frame.id, Outcome::Reply(frame)),
            Kind::Error if !wire.up => return Err(End::Refused(Failed::read(&frame.head))),
            Kind::Error => self.end(frame.id, Outcome::Failed(Failed::read(&frame.head))),
            Kind::Hello => {
                let hello: Hello = serde_json::from_slice(&frame.head)
                    .map_err(|_| End::Garbage("a hello that cannot be read"))?;
                if hello.protocol != super::PROTOCOL {
                    let text = format!(
                        "it speaks version {} of the worker protocol, not {}: build it anew",
                        hello.protocol,
                        super::PROTOCOL
                    );
                    return Err(End::Refused(Failed::new(text)));
                }
                wire.up = true;
                self.calls.start(hello.concurrent);
                self.load.set_up(true);
                if let Some(ready) = self.ready.take() {
                    // Nobody listens where the load was given up.
                    let _ = ready.send(hello);
                }
            }
            Kind::Log => self.log(&frame.head),
            Kind::Ask => self.ask(frame, wire),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, id: u32, outcome: Outcome) {
        if let Some(job) = self.calls.end(id, Instant::now()) {
            // Nobody listens after its time limit.
            let _ = job.reply.send(outcome);
        }
    }

    fn log(&self, head: &[u8]) {
        #[derive(Deserialize)]
        #[serde(default)]
        struct Line {
            level: String,
            text: String,
        }
        impl Default for Line {
            fn default() -> Self {
                Self { level: "info".to_owned(), text: String::new() }
            }
        }
        let Line { level, text } = serde_json::from_slice(head).unwrap_or_default();
        self.origin.line(&level, &text);
    }

    fn ask(&mut self, frame: Frame, wire: &Wire) {
        let answers = wire.answers.clone();
        let id = frame.id;
        let wanted = match ask::read(&frame) {
            Ok(wanted) => wanted,
            Err(error) => {
                self.origin.line("warning", &format!("a wish that cannot be read: {error}"));
                let answer = ask::unreadable(id, &error);
                tokio::spawn(async move { deliver(answer, id, 0, &answers).await });
                return;
            }
        };
        let call = wanted.call;
        let now = Instant::now();
        let (caller, left) = match self.calls.get(call) {
            Some(job) => (Caller { client: job.client, depth: job.depth }, job.left(now)),
            None => (Caller::default(), self.plugin.timeout),
        };
        if wanted.parked {
            self.calls.park(call, now);
        }
        let host = self.plugin.host.clone();
        tokio::spawn(async move {
            let answer = ask::serve(wanted, frame, host, caller, left).await;
            deliver(answer, id, call, &answers).await;
        });
    }

    /// Looks at the clock.
    fn look(&mut self, wire: &mut Wire) -> Option<End> {
        let now = Instant::now();
        let limit = |since: Instant, limit: Duration| since + limit < now;
        if !wire.up && limit(wire.started, HANDSHAKE) {
            return Some(End::Hung);
        }
        if wire
            .closing
            .is_some_and(|since| limit(since, DRAIN) || !self.calls.busy() && self.calls.waiting() == 0)
        {
            return Some(End::Closed);
        }
        let found = self.calls.look(now);
        for id in found.cancelled {
            wire.out.push(Outgoing::bare(Kind::Cancel, id));
        }
        // Another may be up before it is.
        if !wire.up || self.calls.held_up(now) {
            self.plugin.hand_over_all(self.calls, self.number);
        }
        found.hung.then_some(End::Hung)
    }
}

async fn deliver(answer: io::Result<Outgoing>, id: u32, call: u32, answers: &mpsc::Sender<Answer>) {
    match answer {
        Ok(frame) if id != 0 => {
            // The worker that asked is gone.
            let _ = answers.send(Answer { frame, call }).await;
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "an answer to a worker cannot be written"),
    }
}
