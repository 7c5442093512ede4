//! One program on one thread: a runtime of its own, made when the thread first needs it and kept until the program is
//! gone. No thread ever waits for another one here.
//!
//! What scripts can reach is frozen, unless they extend the language itself: each of their calls then gets a context of
//! its own, which costs far more. What a call leaves in the global object is taken away after it. A context that
//! cannot be trusted any more (out of time, out of memory, a global that cannot be removed) is thrown away.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Weak},
    time::Instant,
};

use rquickjs::{
    Context, Ctx, Filter, Function, Object as JsObject, Persistent, Runtime, Value, context::EvalOptions,
};

use super::{
    super::script::{GatewayApi, Run, Stop},
    fault::{Done, Fault},
    gateway,
    helpers::{self, State},
    program::{Dialect, Entry, FILE, Program},
};
use crate::error::HookError;

/// Bytes of a thread's stack that a script may use. Threads that serve requests have 2 MiB.
const STACK: usize = 256 << 10;
const LIBRARY: &str = include_str!("library.js");
const FREEZE: &str = include_str!("freeze.js");

type Kept<T> = Persistent<T>;

thread_local! {
    static ENGINES: RefCell<Engines> = RefCell::default();
}

#[derive(Default)]
struct Engines {
    /// [`Program::gone`] when this thread last looked.
    gone: u64,
    live: HashMap<u64, Rc<Engine>>,
}

/// A program on a thread. Its fields are dropped in their order: values before their context.
pub(super) struct Engine {
    entries: RefCell<Vec<Option<Kept<Function<'static>>>>>,
    makers: Kept<JsObject<'static>>,
    context: Context,
    state: Rc<State>,
    /// Which members of the global object a call may leave.
    watched: Filter,
    /// How many of those there are when no call has left any.
    globals: usize,
    program: Weak<Program>,
}

/// What a call works with.
pub(super) struct Scope<'a, 'js> {
    pub(super) ctx: &'a Ctx<'js>,
    makers: JsObject<'js>,
    engine: &'a Engine,
}

impl<'js> Scope<'_, 'js> {
    /// Runs the top level of the program and gives what `entry` names.
    pub(super) fn entry(&self, program: &Program, entry: &Entry) -> Done<Value<'js>> {
        let known = self.engine.entries.borrow().get(entry.index).cloned().flatten();
        let function = match known {
            Some(function) => function.restore(self.ctx)?,
            None => {
                let function: Function<'js> = compile(self.ctx, program.source(entry), FILE)?;
                let mut entries = self.engine.entries.borrow_mut();
                if entries.len() <= entry.index {
                    entries.resize(entry.index + 1, None);
                }
                if let Some(place) = entries.get_mut(entry.index) {
                    *place = Some(Persistent::save(self.ctx, function.clone()));
                }
                function
            }
        };
        Ok(function.call(())?)
    }

    /// A function of the library that makes objects.
    pub(super) fn maker(&self, name: &str) -> Done<Function<'js>> {
        Ok(self.makers.get(name)?)
    }

    /// What a function returned: a promise is waited for.
    pub(super) fn settle(&self, value: Value<'js>) -> Done<Value<'js>> {
        match value.as_promise() {
            Some(promise) => Ok(promise.finish()?),
            None => Ok(value),
        }
    }
}

/// Does some work with a program on this thread.
///
/// # Errors
/// The script failed, in words that `trace` has been given, or its time was up.
pub(super) fn with<T>(
    program: &Arc<Program>,
    name: &str,
    run: &Run<'_>,
    gateway: Option<GatewayApi>,
    trace: impl Fn(&str) -> String,
    work: impl for<'a, 'js> FnOnce(&Scope<'a, 'js>) -> Done<T>,
) -> Result<T, Stop> {
    let started = Instant::now();
    let fail = |reason: String| Stop::Failed(HookError::Script { name: name.to_owned(), reason });
    if program.habits.extends_language {
        let engine = Engine::new(program).map_err(fail)?;
        let deadline = run.deadline + started.elapsed();
        let (outcome, _) = engine.work(run, deadline, gateway, trace, work);
        return outcome.map_err(|reason| reason.map_or(Stop::OutOfTime, fail));
    }
    let known = ENGINES.with_borrow_mut(|engines| engines.find(program.id));
    let mut deadline = run.deadline;
    let engine = match known {
        Some(engine) => engine,
        None => {
            let engine = Rc::new(Engine::new(program).map_err(fail)?);
            ENGINES.with_borrow_mut(|engines| engines.live.insert(program.id, engine.clone()));
            // Its making is no fault of the script's.
            deadline += started.elapsed();
            engine
        }
    };
    let (outcome, usable) = engine.work(run, deadline, gateway, trace, work);
    if !usable {
        ENGINES.with_borrow_mut(|engines| engines.live.remove(&program.id));
    }
    outcome.map_err(|reason| reason.map_or(Stop::OutOfTime, fail))
}

/// The same in a context of its own, which ends with it.
///
/// # Errors
/// The script failed; nothing is said where its time was up.
pub(super) fn aside<T>(
    program: &Arc<Program>,
    run: &Run<'_>,
    trace: impl Fn(&str) -> String,
    work: impl for<'a, 'js> FnOnce(&Scope<'a, 'js>) -> Done<T>,
) -> Result<T, Option<String>> {
    Engine::new(program).map_err(Some)?.work(run, run.deadline, None, trace, work).0
}

impl Engines {
    fn find(&mut self, id: u64) -> Option<Rc<Engine>> {
        let gone = Program::gone();
        if gone != self.gone {
            self.gone = gone;
            self.live.retain(|_, engine| engine.program.strong_count() > 0);
        }
        self.live.get(&id).cloned()
    }
}

impl Engine {
    fn new(program: &Arc<Program>) -> Result<Self, String> {
        let fault = |error: rquickjs::Error| format!("no context could be made: {error}");
        let state = Rc::new(State::new());
        let runtime = Runtime::new().map_err(fault)?;
        runtime.set_memory_limit(program.memory);
        runtime.set_max_stack_size(STACK);
        let watched = state.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || watched.is_over())));
        let context = Context::full(&runtime).map_err(fault)?;
        // What is not enumerable takes far longer to count, and an assignment makes none of that kind.
        let all = Filter::new().string().symbol();
        let watched = if program.habits.hides_members { all } else { all.enum_only() };
        let made = context.with(|ctx| {
            prepare(&ctx, program, &state)
                .map(|makers| (Persistent::save(&ctx, makers), count(&ctx.globals(), watched)))
                .map_err(|fault| fault.text(&ctx).text)
        });
        let (makers, globals) = made.map_err(|reason| format!("no context could be made: {reason}"))?;
        Ok(Self {
            entries: RefCell::default(),
            makers,
            context,
            state,
            watched,
            globals,
            program: Arc::downgrade(program),
        })
    }

    /// What came of it, and whether this engine may be used again.
    fn work<T>(
        &self,
        run: &Run<'_>,
        deadline: Instant,
        gateway: Option<GatewayApi>,
        trace: impl Fn(&str) -> String,
        work: impl for<'a, 'js> FnOnce(&Scope<'a, 'js>) -> Done<T>,
    ) -> (Result<T, Option<String>>, bool) {
        self.state.begin(deadline, gateway);
        let (outcome, usable) = self.context.with(|ctx| {
            let outcome = self
                .makers
                .clone()
                .restore(&ctx)
                .map_err(Fault::from)
                .and_then(|makers| work(&Scope { ctx: &ctx, makers, engine: self }));
            let mut report = outcome.map_err(|fault| fault.text(&ctx));
            while !self.state.is_out_of_time() && ctx.execute_pending_job() {}
            let mut usable = !self.state.is_out_of_time();
            if let Err(report) = &mut report {
                usable &= !report.broken;
                report.text = trace(&report.text);
            }
            usable = usable && self.sweep(&ctx);
            (report.map_err(|report| report.text), usable)
        });
        self.state.end(run);
        let outcome = match outcome {
            _ if self.state.is_out_of_time() => Err(None),
            outcome => outcome.map_err(Some),
        };
        (outcome, usable)
    }

    /// Takes away what a call left in the global object; false if that cannot be done.
    fn sweep(&self, ctx: &Ctx<'_>) -> bool {
        let globals = ctx.globals();
        if count(&globals, self.watched) == self.globals {
            return true;
        }
        let names: Vec<String> = globals.own_keys(self.watched).flatten().skip(self.globals).collect();
        for name in names {
            if globals.remove(name).is_err() {
                drop(ctx.catch());
                return false;
            }
        }
        count(&globals, self.watched) == self.globals
    }
}

fn count(globals: &JsObject<'_>, which: Filter) -> usize {
    globals.own_keys::<rquickjs::Atom<'_>>(which).count()
}

fn prepare<'js>(ctx: &Ctx<'js>, program: &Program, state: &Rc<State>) -> Done<JsObject<'js>> {
    let globals = ctx.globals();
    helpers::install(ctx, &globals, state)?;
    gateway::install(ctx, &globals, state)?;
    let json = match program.dialect {
        Dialect::Otto => "go",
        Dialect::JavaScript => "own",
    };
    let library: Function<'js> = compile(ctx, LIBRARY.to_owned(), "pinhook-library")?;
    let makers: JsObject<'js> = library.call((globals.clone(), json))?;
    if program.habits.extends_language {
        return Ok(makers);
    }
    let freeze: Function<'js> = compile(ctx, FREEZE.to_owned(), "pinhook-freeze")?;
    let prototypes: Value<'js> = makers.get("prototypes")?;
    freeze.call::<_, ()>((globals, prototypes, makers.clone()))?;
    Ok(makers)
}

/// The value of a script's text. Scripts decide themselves whether they are strict.
pub(super) fn compile<'js>(ctx: &Ctx<'js>, text: String, file: &str) -> Done<Function<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(file.to_owned());
    Ok(ctx.eval_with_options(text, options)?)
}

/// How many engines this thread has.
#[cfg(test)]
pub(super) fn live() -> usize {
    ENGINES.with_borrow(|engines| engines.live.len())
}
