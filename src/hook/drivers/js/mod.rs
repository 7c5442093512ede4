//! Drivers `otto` and `javascript`: scripts in this process, run by QuickJS.
//!
//! It answers for reading scripts, refusing at load what does not parse or throws, and handing out functions as
//! [`ScriptHook`]s. [`program`] is the source of one API, [`engine`] runs it on one thread, [`call`] knows what each kind
//! of hook is given and leaves.
//!
//! Tyk has an engine for each name; here both are the same, and the names tell what scripts may rely on: those of `otto`
//! share one name space per API and get Go's JSON, each file of `javascript` has a scope of its own (plugins reference
//! 6.2 and trap 36). Either way globals are fresh for every call: a file is compiled once, as the body of a function
//! that each call calls anew.

mod answer;
mod call;
mod engine;
mod fault;
mod gateway;
mod helpers;
mod object;
mod program;
mod read;
mod record;
mod request;
mod response;
mod session;
#[cfg(test)]
mod tests;
mod words;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use self::{
    call::JsFunction,
    program::{Dialect, Program, Unit},
};
use super::{
    DriverSettings, JsvmSettings,
    pool::Pool,
    script::{Job, ScriptHook},
};
use crate::{
    error::{HookError, Result},
    hook::{Code, Driver, DriverGauges, Family, Hook, HookKind, HookSource, Host, Needs},
};

/// Names of the driver whose scripts share one name space per API.
pub const OTTO: &[&str] = &["otto"];
/// Names of the driver whose scripts have a scope of their own.
pub const JAVASCRIPT: &[&str] = &["javascript"];

/// Starts driver `otto`. No thread runs before the first call that needs one.
pub fn start_otto(settings: &DriverSettings) -> Arc<dyn Driver> {
    Arc::new(JsDriver::new(Dialect::Otto, settings))
}

/// Starts driver `javascript`. No thread runs before the first call that needs one.
pub fn start_javascript(settings: &DriverSettings) -> Arc<dyn Driver> {
    Arc::new(JsDriver::new(Dialect::JavaScript, settings))
}

struct JsDriver {
    dialect: Dialect,
    jsvm: JsvmSettings,
    memory: usize,
    host: Arc<Host>,
    pool: Arc<Pool<Job<JsFunction>>>,
    /// The programs in use, so that all hooks of an API share one, and a reload keeps those that did not change.
    programs: Mutex<HashMap<Key, Weak<Program>>>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    api_id: Arc<str>,
    units: Vec<Unit>,
}

impl Driver for JsDriver {
    fn load(&self, source: &HookSource) -> Result<Arc<dyn Hook>> {
        let name = || source.name.to_string();
        if !self.jsvm.enabled {
            return Err(HookError::SwitchedOff { name: name(), setting: "enable_jsvm" }.into());
        }
        let timeout = source.timeout.unwrap_or(self.jsvm.timeout);
        let script =
            self.find(source, timeout).map_err(|reason| HookError::NotLoaded { name: name(), reason })?;
        let rules = (needs(source.kind, script.program()), Family::Script);
        Ok(Arc::new(ScriptHook::new((source, timeout), script, rules, &self.host, &self.pool)))
    }

    fn gauges(&self) -> DriverGauges {
        let (threads, stuck_threads) = self.pool.threads();
        DriverGauges { libraries: 0, threads, stuck_threads }
    }
}

impl JsDriver {
    fn new(dialect: Dialect, settings: &DriverSettings) -> Self {
        Self {
            dialect,
            jsvm: settings.jsvm.clone(),
            memory: settings.script_memory,
            host: settings.host.clone(),
            pool: Arc::new(Pool::new(dialect.name(), settings.script_threads)),
            programs: Mutex::default(),
        }
    }

    fn find(&self, source: &HookSource, timeout: Duration) -> Result<JsFunction, String> {
        let own = Unit::read(&source.code)?;
        let mut units = vec![];
        if let Some(path) = &self.jsvm.library {
            let library = Unit::read(&Code::File(path.clone()));
            units.push(library.map_err(|reason| format!("tyk_js_path: {reason}"))?);
        }
        // What cannot be read is the trouble of the entry that names it.
        units.extend(source.siblings.iter().filter_map(|code| Unit::read(code).ok()));
        let unit = units.iter().position(|unit| *unit == own).unwrap_or_else(|| {
            units.push(own);
            units.len() - 1
        });
        let program = self.program(source.api_id.clone(), units);
        JsFunction::find(program, unit, source, &self.host, timeout)
    }

    fn program(&self, api_id: Arc<str>, units: Vec<Unit>) -> Arc<Program> {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Key { api_id, units };
        if let Some(program) = programs.get(&key).and_then(Weak::upgrade) {
            return program;
        }
        programs.retain(|_, program| program.strong_count() > 0);
        let shared = usize::from(self.jsvm.library.is_some());
        let program = Arc::new(Program::new(self.dialect, key.units.clone(), shared, self.memory));
        programs.insert(key, Arc::downgrade(&program));
        program
    }
}

/// The bodies that a hook of this kind gets: one whose code can name neither is not worth holding a body back for.
fn needs(kind: HookKind, program: &Program) -> Needs {
    let reads = program.habits.reads_bodies;
    Needs {
        request_body: reads && !matches!(kind, HookKind::Analytics | HookKind::Event | HookKind::Response),
        response_body: reads && kind == HookKind::Response,
    }
}
