//! A Lua state for one program on one thread.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    mem,
    rc::Rc,
    sync::{Arc, Weak},
    time::Instant,
};

use mlua::{Error, Function, HookTriggers, Lua, LuaOptions, StdLib, Table, VmState, chunk::ChunkMode};

use super::{
    LuaFunction,
    apply::{self, Left},
    cjson, gateway, pattern,
    program::{Program, Unit, gone},
    read, record,
};
use crate::{
    error::HookError,
    hook::{
        HookKind, Object,
        coprocess::Terms,
        drivers::script::{GatewayApi, Level, Run, Stop},
    },
};

pub(super) const STRINGS: &str = include_str!("strings.lua");
const PRELUDE: &str = include_str!("prelude.lua");

/// How many instructions run between two looks at the clock: some tens of microseconds.
const STRIDE: u32 = 10_000;

thread_local! {
    static ENGINES: RefCell<Engines> = RefCell::default();
}

#[derive(Default)]
struct Engines {
    /// How many programs were gone when the list was last looked through.
    gone: u64,
    all: HashMap<u64, Engine>,
}

/// What the functions of a Lua state know of the call that they are in.
pub(super) struct Live {
    deadline: Cell<Instant>,
    /// The time was up.
    over: Cell<bool>,
    pub(super) kind: Cell<HookKind>,
    pub(super) terms: Cell<Terms>,
    pub(super) object: RefCell<Option<Object>>,
    pub(super) gateway: RefCell<Option<GatewayApi>>,
    pub(super) target: RefCell<Option<String>>,
    pub(super) lines: RefCell<Vec<(Level, String)>>,
    /// Fills a table that is filled when it is looked at.
    pub(super) filled: RefCell<Option<Function>>,
    pub(super) json: cjson::Options,
}

/// The functions of the prelude.
struct Calls {
    parameters: Function,
    request: Function,
    auth: Function,
    response: Function,
    virtual_: Function,
    event: Function,
    analytics: Function,
}

struct Engine {
    lua: Lua,
    calls: Calls,
    main: Function,
    live: Rc<Live>,
    program: Weak<Program>,
}

/// How many parameters the function names.
///
/// # Errors
/// The file cannot be run, or there is no such function.
pub(super) fn parameters(function: &LuaFunction, object: &mut Object, run: &Run<'_>) -> Result<u32, Stop> {
    within(function, HookKind::Pre, object, run, |engine| {
        engine.calls.parameters.call::<u32>((&engine.main, &*function.name)).map_err(|error| reason(&error))
    })
}

/// Calls the function. The object is edited only if all ends well.
pub(super) fn call(
    function: &LuaFunction,
    kind: HookKind,
    object: &mut Object,
    run: &Run<'_>,
) -> Result<(), Stop> {
    let left = within(function, kind, object, run, |engine| engine.dispatch(function, kind))?;
    left.apply(object, function.terms, run).map_err(|reason| failed(function, reason))
}

fn failed(function: &LuaFunction, reason: String) -> Stop {
    Stop::Failed(HookError::Script { name: function.name.to_string(), reason })
}

/// Does something with this thread's state of a program. One that ended badly is not kept.
fn within<T>(
    function: &LuaFunction,
    kind: HookKind,
    object: &mut Object,
    run: &Run<'_>,
    work: impl FnOnce(&Engine) -> Result<T, String>,
) -> Result<T, Stop> {
    let engine = match take(function.program.id) {
        Some(engine) => engine,
        None => Engine::new(&function.program).map_err(|error| failed(function, reason(&error)))?,
    };
    engine.live.begin(function, kind, object, run);
    let outcome = work(&engine);
    engine.live.end(object, run);
    if engine.live.over.get() {
        return Err(Stop::OutOfTime);
    }
    if engine.is_sound() {
        keep(function.program.id, engine);
    }
    outcome.map_err(|reason| failed(function, reason))
}

/// A state is out of the list while it runs: a helper that waits must not meet it there.
fn take(id: u64) -> Option<Engine> {
    ENGINES.with_borrow_mut(|engines| {
        let gone = gone();
        if engines.gone != gone {
            engines.gone = gone;
            engines.all.retain(|_, engine| engine.program.strong_count() > 0);
        }
        engines.all.remove(&id)
    })
}

fn keep(id: u64, engine: Engine) {
    ENGINES.with_borrow_mut(|engines| engines.all.insert(id, engine));
}

/// How many states this thread holds.
#[cfg(test)]
pub(super) fn held() -> usize {
    ENGINES.with_borrow(|engines| engines.all.len())
}

/// What an error says, without the kind that mlua puts in front.
pub(super) fn reason(error: &Error) -> String {
    match error {
        Error::RuntimeError(text) | Error::SyntaxError { message: text, .. } => text.clone(),
        Error::MemoryError(_) => "it is out of memory (pinhook.script_memory)".to_owned(),
        Error::CallbackError { traceback, cause } => format!("{}\n{traceback}", reason(cause)),
        other => other.to_string(),
    }
}

impl Live {
    pub(super) fn new(deadline: Instant) -> Self {
        Self {
            deadline: Cell::new(deadline),
            over: Cell::new(false),
            kind: Cell::new(HookKind::Pre),
            terms: Cell::default(),
            object: RefCell::default(),
            gateway: RefCell::default(),
            target: RefCell::default(),
            lines: RefCell::default(),
            filled: RefCell::default(),
            json: cjson::Options::default(),
        }
    }

    /// The time of the call is up.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline.get()
    }

    fn begin(&self, function: &LuaFunction, kind: HookKind, object: &mut Object, run: &Run<'_>) {
        self.deadline.set(run.deadline);
        self.over.set(false);
        self.kind.set(kind);
        self.terms.set(function.terms);
        self.json.reset();
        self.target.borrow_mut().take();
        let spec = object.spec.clone();
        if function.program.asks {
            *self.gateway.borrow_mut() = Some(GatewayApi::new(run, object));
        }
        *self.object.borrow_mut() = Some(mem::replace(object, Object::without_request(spec)));
    }

    fn end(&self, object: &mut Object, run: &Run<'_>) {
        if let Some(held) = self.object.borrow_mut().take() {
            *object = held;
        }
        self.gateway.borrow_mut().take();
        for (level, text) in self.lines.borrow_mut().drain(..) {
            run.log(level, text);
        }
    }
}

impl Engine {
    fn new(program: &Arc<Program>) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE
            | StdLib::STRING
            | StdLib::MATH
            | StdLib::OS
            | StdLib::BIT
            | StdLib::PACKAGE
            | StdLib::JIT;
        // Scripts that catch errors are to use Lua's own functions for it.
        let lua = Lua::new_with(libraries, LuaOptions::new().catch_rust_panics(false))?;
        lua.load("jit.off()").exec()?;
        lua.set_memory_limit(program.memory)?;
        let live = Rc::new(Live::new(Instant::now()));
        let host = lua.create_table()?;
        read::register(&lua, &host, &live)?;
        gateway::register(&lua, &host, &live)?;
        cjson::register(&lua, &host, &live)?;
        pattern::register(&lua, &host, &live)?;
        lua.load(STRINGS).set_name("=pinhook").call::<()>(&host)?;
        let modules = lua.create_table()?;
        for (name, unit) in &program.files.modules {
            modules.raw_set(name.as_str(), compile(&lua, unit)?)?;
        }
        let calls: Table = lua.load(PRELUDE).set_name("=pinhook").call((&host, modules))?;
        *live.filled.borrow_mut() = host.raw_get("filled")?;
        let calls = Calls {
            parameters: calls.raw_get("parameters")?,
            request: calls.raw_get("request")?,
            auth: calls.raw_get("auth")?,
            response: calls.raw_get("response")?,
            virtual_: calls.raw_get("virtual")?,
            event: calls.raw_get("event")?,
            analytics: calls.raw_get("analytics")?,
        };
        let main = compile(&lua, &program.files.main)?;
        watch(&lua, &live)?;
        Ok(Self { lua, calls, main, live, program: Arc::downgrade(program) })
    }

    fn dispatch(&self, function: &LuaFunction, kind: HookKind) -> Result<Left, String> {
        let calls = &self.calls;
        let name = &*function.name;
        let given = (&self.main, name, function.parameters);
        let lua = |error: Error| reason(&error);
        match kind {
            HookKind::Auth => apply::auth(calls.auth.call(given).map_err(lua)?, &self.live),
            HookKind::Response => apply::response(calls.response.call(given).map_err(lua)?, &self.live),
            HookKind::Virtual => apply::answer(&calls.virtual_.call(given).map_err(lua)?, &self.live),
            HookKind::Event => calls.event.call(given).map_err(lua).map(|()| Left::Nothing),
            HookKind::Analytics => record::left(&calls.analytics.call(given).map_err(lua)?),
            HookKind::Pre | HookKind::PostKeyAuth | HookKind::Endpoint | HookKind::Post => {
                apply::request(calls.request.call(given).map_err(lua)?, &self.live).map(Left::Request)
            }
        }
    }

    /// False if it must not be used again. Garbage is collected before it eats up what the next call may need.
    fn is_sound(&self) -> bool {
        let Some(program) = self.program.upgrade() else { return false };
        if self.lua.used_memory() > program.memory / 4 {
            return self.lua.gc_collect().is_ok() && self.lua.used_memory() <= program.memory / 2;
        }
        true
    }
}

/// Stops scripts whose time is up.
fn watch(lua: &Lua, live: &Rc<Live>) -> mlua::Result<()> {
    let live = live.clone();
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(STRIDE), move |lua, _| {
        if live.is_over() { Err(stop(lua, &live)?) } else { Ok(VmState::Continue) }
    })
}

/// The error that ends a script. `pcall` catches it, too: from now on every instruction is stopped.
///
/// # Errors
/// The hook cannot be set.
pub(super) fn stop(lua: &Lua, live: &Live) -> mlua::Result<Error> {
    let late = || Error::runtime("its time is up");
    if !live.over.replace(true) {
        lua.set_global_hook(HookTriggers::new().every_nth_instruction(1), move |_, _| Err(late()))?;
    }
    Ok(late())
}

fn compile(lua: &Lua, unit: &Unit) -> mlua::Result<Function> {
    lua.load(&*unit.text).set_name(format!("@{}", unit.name)).set_mode(ChunkMode::Text).into_function()
}
