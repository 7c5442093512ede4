//! Driver `lua`: scripts in this process, run by LuaJIT's interpreter.
//!
//! It answers for reading scripts, refusing at load what does not parse, throws or lacks its function, and handing out
//! functions as [`ScriptHook`]s. [`program`] is a file with its modules, [`engine`] runs it on one thread, `prelude.lua` is
//! what scripts see, [`read`] and [`apply`] move values in and out. What a hook is given and what counts of its
//! answer are Tyk's rules for rich plugins ([`crate::hook::coprocess`]).
//!
//! Decisions:
//! - The interpreter alone: a count hook stops it, compiled code would not be stopped (decisions 4). No hook stops a call of
//!   a C function: those that match patterns get short subjects only, all others are matched in Rust ([`pattern`]).
//! - Helpers that wait simply wait: a script that names one runs on script threads only, so coroutines, which would
//!   have to be kept apart from the script's own, are not needed (decisions 4 had them).
//! - Globals are a fresh table per call. A file is compiled once per thread and its main function is called anew with a
//!   new environment, which costs one table; no function has to be made again. Libraries are copied into the
//!   environment when they are first named, so a script may edit them for itself.
//! - Requests, sessions and the rest are tables that are filled when a script looks at them: a hook that only sets a
//!   header moves no other text into Lua.
//! - A Lua state serves one file of one API on one thread; the memory limit is its own. One that ran out of memory or time
//!   is dropped with whatever it was in the middle of.
//! - A hook whose function is missing is not loaded. Tyk leaves the request unchanged, which opens the gate for auth.

mod apply;
mod cjson;
mod engine;
mod gateway;
mod pattern;
mod program;
mod read;
mod record;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use self::program::{Files, Program};
use super::{
    DriverSettings,
    pool::Pool,
    script::{Job, Run, Script, ScriptHook, Stop},
};
use crate::{
    error::{HookError, Result},
    hook::{
        Driver, DriverGauges, Family, Hook, HookKind, HookSource, Host, Needs, Object, Spec, coprocess::Terms,
    },
};

const NAME: &str = "lua";

/// Its names in definitions, the usual one first.
pub const NAMES: &[&str] = &[NAME];

/// Starts the driver. No thread runs before the first call that needs one.
pub fn start(settings: &DriverSettings) -> Arc<dyn Driver> {
    Arc::new(LuaDriver {
        timeout: settings.timeout,
        memory: settings.script_memory,
        names_as_written: settings.names_as_written,
        host: settings.host.clone(),
        pool: Arc::new(Pool::new(NAME, settings.script_threads)),
        programs: Mutex::default(),
    })
}

struct LuaDriver {
    timeout: Duration,
    memory: usize,
    names_as_written: bool,
    host: Arc<Host>,
    pool: Arc<Pool<Job<LuaFunction>>>,
    /// The programs in use, so that all hooks of a file share one, and a reload keeps those that did not change.
    programs: Mutex<Programs>,
}

/// By API and the files that a program is made of.
type Programs = HashMap<(Arc<str>, Files), Weak<Program>>;

impl Driver for LuaDriver {
    fn load(&self, source: &HookSource) -> Result<Arc<dyn Hook>> {
        let timeout = source.timeout.unwrap_or(self.timeout);
        let script = self
            .find(source, timeout)
            .map_err(|reason| HookError::NotLoaded { name: source.name.to_string(), reason })?;
        let rules = (needs(source.kind, &script.program), Family::Coprocess);
        Ok(Arc::new(ScriptHook::new((source, timeout), script, rules, &self.host, &self.pool)))
    }

    fn gauges(&self) -> DriverGauges {
        let (threads, stuck_threads) = self.pool.threads();
        DriverGauges { libraries: 0, threads, stuck_threads }
    }
}

impl LuaDriver {
    fn find(&self, source: &HookSource, timeout: Duration) -> Result<LuaFunction, String> {
        if source.name.is_empty() {
            return Err("it names no function".to_owned());
        }
        let program = self.program(source.api_id.clone(), Files::read(&source.code)?);
        let mut script = LuaFunction {
            program,
            name: source.name.clone(),
            parameters: 0,
            terms: Terms { raw_body_only: source.raw_body_only, names_as_written: self.names_as_written },
        };
        let mut object = Object::without_request(Arc::new(Spec::default()));
        let run = Run::new(Instant::now() + timeout, &self.host, None);
        script.parameters = match engine::parameters(&script, &mut object, &run) {
            Ok(parameters) => parameters,
            Err(Stop::OutOfTime) => return Err(format!("its file did not end within {timeout:?}")),
            Err(Stop::Failed(HookError::Script { reason, .. })) => return Err(reason),
            Err(Stop::Failed(error)) => return Err(error.to_string()),
        };
        Ok(script)
    }

    fn program(&self, api_id: Arc<str>, files: Files) -> Arc<Program> {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (api_id, files);
        if let Some(program) = programs.get(&key).and_then(Weak::upgrade) {
            return program;
        }
        programs.retain(|_, program| program.strong_count() > 0);
        let program = Arc::new(Program::new(key.1.clone(), self.memory));
        programs.insert(key, Arc::downgrade(&program));
        program
    }
}

/// The bodies that a hook of this kind gets: one whose code can name neither is not worth holding a body back for.
fn needs(kind: HookKind, program: &Program) -> Needs {
    let reads = program.reads_bodies;
    Needs {
        request_body: reads && !matches!(kind, HookKind::Analytics | HookKind::Event | HookKind::Response),
        response_body: reads && kind == HookKind::Response,
    }
}

/// A global function of a file.
pub(super) struct LuaFunction {
    program: Arc<Program>,
    name: Arc<str>,
    /// How many parameters it names: they decide what it is given.
    parameters: u32,
    terms: Terms,
}

impl Script for LuaFunction {
    fn driver(&self) -> &'static str {
        NAME
    }

    fn waits(&self) -> bool {
        self.program.waits
    }

    fn run(&self, kind: HookKind, object: &mut Object, run: &Run<'_>) -> Result<(), Stop> {
        engine::call(self, kind, object, run)
    }
}
