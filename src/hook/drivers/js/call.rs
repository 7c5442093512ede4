//! One function of a script: what it is called with, kind by kind, and what becomes of what it leaves.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rquickjs::{Function, Object as JsObject, Value, function::This};

use super::{
    super::script::{GatewayApi, NO_WAITING, Run, Script, Stop},
    engine::{self, Scope, compile},
    fault::{Done, Fault},
    object,
    program::{Entry, FILE, Program, is_name},
    read, record,
    request::{self, Edits},
    response::{self, Edits as ResponseEdits},
    session::{self, Caller},
};
use crate::hook::{HookKind, HookSource, Host, Object};

/// The longest that a script's top level may take at load.
const AT_LOAD: Duration = Duration::from_secs(2);

/// A function, found.
pub(super) struct JsFunction {
    program: Arc<Program>,
    entry: Entry,
    name: Arc<str>,
    wants_session: bool,
}

impl JsFunction {
    /// Finds the function of `source` in a unit of `program`.
    ///
    /// # Errors
    /// Why it cannot be called.
    pub(super) fn find(
        program: Arc<Program>,
        unit: usize,
        source: &HookSource,
        host: &Arc<Host>,
        timeout: Duration,
    ) -> Result<Self, String> {
        let name = source.name.clone();
        if !is_name(&name) {
            return Err(format!("{name:?} is no name of JavaScript"));
        }
        let entry = match program.known(unit, &name) {
            Some(entry) => entry,
            None => {
                let trial = Trial { program: &program, host, limit: timeout.min(AT_LOAD) };
                trial.exclude_faulty(unit);
                if let Some(reason) = program.fault(unit) {
                    return Err(reason);
                }
                trial.look_for(unit, &name, source.kind)?;
                program.remember(unit, &name)
            }
        };
        Ok(Self { program, entry, name, wants_session: source.wants_session })
    }

    pub(super) fn program(&self) -> &Program {
        &self.program
    }
}

/// Running a program at load, to see what is wrong with it.
struct Trial<'a> {
    program: &'a Arc<Program>,
    host: &'a Arc<Host>,
    limit: Duration,
}

impl Trial<'_> {
    /// Notes the units that do not parse or whose top level throws.
    fn exclude_faulty(&self, unit: usize) {
        let parts = self.program.parts(unit);
        if self.attempt(&parts, "", |_| Ok(())).is_ok() {
            return;
        }
        let mut sound = Vec::new();
        for part in parts {
            // Alone first: a text that does not end what it began would be the fault of the next one.
            let tried = self.attempt(&[part], "", |_| Ok(()));
            let parses = match &tried {
                Err(reason) if reason.contains("SyntaxError") => Err(reason.clone()),
                _ => Ok(()),
            };
            sound.push(part);
            let together = parses.and_then(|()| self.attempt(&sound, "", |_| Ok(())));
            if let Err(reason) = together {
                sound.pop();
                self.program.exclude(part, reason);
            }
        }
    }

    fn look_for(&self, unit: usize, name: &str, kind: HookKind) -> Result<(), String> {
        self.attempt(&self.program.parts(unit), name, |value| {
            if value.is_undefined() {
                let file = self.program.unit(unit).map_or("", |unit| &unit.name);
                return Err(Fault::wrong(format!("{file} defines no {name}")));
            }
            handler(value, kind).map(drop)
        })
    }

    fn attempt(
        &self,
        parts: &[usize],
        name: &str,
        check: impl for<'js> FnOnce(&Value<'js>) -> Done<()>,
    ) -> Result<(), String> {
        let (text, layout) = self.program.text(parts, name);
        let run = Run::new(Instant::now() + self.limit, self.host, None);
        let trace = |text: &str| self.program.place(&layout, text);
        let outcome = engine::aside(self.program, &run, trace, |scope| {
            let function = compile(scope.ctx, text, FILE)?;
            check(&function.call::<_, Value<'_>>(())?)
        });
        match outcome {
            // What it would do with an answer is not to be known at load.
            Err(Some(reason)) if reason.contains(NO_WAITING) => Ok(()),
            Err(None) => Err(format!("its top level did not end within {:?}", self.limit)),
            Err(Some(reason)) => Err(reason),
            Ok(()) => Ok(()),
        }
    }
}

impl Script for JsFunction {
    fn driver(&self) -> &'static str {
        self.program.dialect.name()
    }

    fn waits(&self) -> bool {
        self.program.habits.waits
    }

    fn run(&self, kind: HookKind, object: &mut Object, run: &Run<'_>) -> Result<(), Stop> {
        let trace = |text: &str| self.program.trace(&self.entry, text);
        let gateway = run.waiter.map(|_| GatewayApi::new(run, object));
        engine::with(&self.program, &self.name, run, gateway, trace, |scope| {
            let call = Call { script: self, kind, scope, target: scope.entry(&self.program, &self.entry)? };
            match kind {
                HookKind::Response => call.response(object),
                HookKind::Virtual => call.virtual_endpoint(object),
                HookKind::Event => call.event(object),
                HookKind::Analytics => call.record(object),
                HookKind::Auth => call.auth(object),
                HookKind::Pre | HookKind::PostKeyAuth | HookKind::Endpoint | HookKind::Post => {
                    call.request(object)
                }
            }
        })
    }
}

struct Call<'a, 'b, 'js> {
    script: &'a JsFunction,
    kind: HookKind,
    scope: &'a Scope<'b, 'js>,
    target: Value<'js>,
}

impl<'js> Call<'_, '_, 'js> {
    fn request(&self, object: &mut Object) -> Done<()> {
        let wants = self.script.wants_session
            && matches!(self.kind, HookKind::PostKeyAuth | HookKind::Post | HookKind::Endpoint);
        let left = self.call_request(object, wants)?;
        let edits = Edits::read(&part(&left, "Request")?, object)?;
        let meta = session::read_meta(&left, true)?;
        edits.apply(object)?;
        if wants {
            session::keep_meta(object, meta);
        }
        Ok(())
    }

    fn auth(&self, object: &mut Object) -> Done<()> {
        let left = self.call_request(object, false)?;
        let edits = Edits::read(&part(&left, "Request")?, object)?;
        let caller = Caller::read(&left)?;
        edits.apply(object)?;
        caller.keep(object);
        Ok(())
    }

    fn call_request(&self, object: &Object, wants_session: bool) -> Done<JsObject<'js>> {
        let session = session::build(self.scope.ctx, object, wants_session)?;
        let request = request::build(self.scope, object)?;
        let config = object::config(self.scope, object)?;
        self.whole(self.handler()?.call((This(self.target.clone()), request, session, config))?)
    }

    fn response(&self, object: &mut Object) -> Done<()> {
        let ctx = self.scope.ctx;
        let session = match &object.state {
            None => session::empty(ctx)?,
            Some(_) => session::build(ctx, object, self.script.wants_session)?,
        };
        let Some(part_given) = &object.response else { return Ok(()) };
        let response = response::build(self.scope, part_given)?;
        let request = request::build(self.scope, object)?;
        let config = object::config(self.scope, object)?;
        let this = This(self.target.clone());
        let left = self.whole(self.handler()?.call((this, response, request, session, config))?)?;
        let edits = ResponseEdits::read(&part(&left, "Response")?)?;
        // Tyk reads it, too, and has no use for it.
        session::read_meta(&left, true)?;
        edits.apply(object)
    }

    fn virtual_endpoint(&self, object: &mut Object) -> Done<()> {
        let wants = self.script.wants_session;
        let session = session::build(self.scope.ctx, object, wants)?;
        let request = request::build_virtual(self.scope, object)?;
        let config = object::config(self.scope, object)?;
        let left = self.handler()?.call((request.clone(), session, config))?;
        let (answer, whole) = response::read_virtual(self.scope, self.scope.settle(left)?)?;
        if wants {
            let meta = session::read_meta(&whole, false)?;
            session::keep_meta(object, meta);
        }
        object.answer = Some(answer);
        Ok(())
    }

    fn event(&self, object: &mut Object) -> Done<()> {
        let ctx = self.scope.ctx;
        let event = match &object.event {
            Some(text) => ctx.json_parse(&**text)?,
            None => Value::new_null(ctx.clone()),
        };
        let context = JsObject::new(ctx.clone())?;
        context.set("APIID", &*object.spec.api_id)?;
        context.set("OrgID", &*object.spec.org_id)?;
        let left = self.handler()?.call((This(self.target.clone()), event, context))?;
        self.scope.settle(left).map(drop)
    }

    /// Ours: `fn(record, config)` edits the record that it is given.
    fn record(&self, object: &mut Object) -> Done<()> {
        let config = object::config(self.scope, object)?;
        let Some(part) = object.record.as_mut() else { return Ok(()) };
        let given = record::build(self.scope.ctx, part)?;
        let left = self.handler()?.call((This(self.target.clone()), given.clone(), config))?;
        let left = self.scope.settle(left)?;
        record::apply(left.as_object().unwrap_or(&given), part)
    }

    fn handler(&self) -> Done<Function<'js>> {
        handler(&self.target, self.kind)
    }

    /// The object that a handler returned, itself or as JSON.
    fn whole(&self, left: Value<'js>) -> Done<JsObject<'js>> {
        let left = self.scope.settle(left)?;
        let left = match left.as_string() {
            Some(text) => self.scope.ctx.json_parse(text.to_string()?)?,
            None => left,
        };
        let name = &self.script.name;
        left.into_object().ok_or_else(|| {
            Fault::wrong(format!("its handler returned nothing: return {name}.ReturnData(...)"))
        })
    }
}

fn part<'js>(left: &JsObject<'js>, name: &str) -> Done<JsObject<'js>> {
    read::object(left, name)?.ok_or_else(|| Fault::wrong(format!("what its handler returned has no {name}")))
}

/// The function that is called for a hook of this kind.
fn handler<'js>(target: &Value<'js>, kind: HookKind) -> Done<Function<'js>> {
    let (own, set, entry) = match kind {
        HookKind::Virtual | HookKind::Analytics => ("", "", ""),
        HookKind::Event => ("Handle", "NewHandler", "DoProcessEvent"),
        HookKind::Response => ("ProcessResponse", "NewProcessResponse", "DoProcessResponse"),
        _ => ("ProcessRequest", "NewProcessRequest", "DoProcessRequest"),
    };
    if entry.is_empty() {
        return target.as_function().cloned().ok_or_else(|| Fault::wrong("it is no function"));
    }
    let Some(object) = target.as_object() else { return Err(Fault::wrong("it is no object")) };
    let found: Value<'js> = object.get(entry)?;
    let Some(function) = found.into_function() else {
        return Err(Fault::wrong(format!(
            "it has no {entry}: make it with new TykJS.TykMiddleware.NewMiddleware({{}})"
        )));
    };
    let handler: Value<'js> = object.get(own)?;
    let inherited =
        object.get_prototype().is_some_and(|prototype| prototype.contains_key(entry).unwrap_or(false));
    if inherited && !handler.is_function() {
        return Err(Fault::wrong(format!("it has no handler: give it one with {set}(function ...)")));
    }
    Ok(function)
}
