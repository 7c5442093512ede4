//! One hook of an API, for every driver: found when the API is compiled. `hook_run.rs` calls it.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use super::{Blueprint, HookPlan, SessionRules, code_of};
use crate::{
    definition::HookEntry,
    error::{Error, HookError, Result},
    hook::{Code, Family, Hook, HookKind, HookSource, Needs, Spec},
    metrics::{HookLabels, HookMetrics},
};

/// Where a hook that cannot be called is told about.
const LOG: &str = "see the log of the last load";

/// What a definition asks for.
pub struct Wish<'a> {
    /// Where it is called.
    pub kind: HookKind,
    /// Name of the driver, or an alias.
    pub driver: &'a str,
    /// Function.
    pub name: &'a str,
    /// Where the function is, or why that cannot be told.
    pub code: Result<Code, String>,
    /// The function is given the session.
    pub wants_session: bool,
    /// Only the raw bytes of a body are handed over.
    pub raw_body_only: bool,
    /// Milliseconds until a call counts as failed; else the gateway's default.
    pub timeout_ms: Option<u64>,
    /// gRPC plugin server; else that of the API, else that of the gateway.
    pub server: Option<&'a str>,
}

impl<'a> Wish<'a> {
    /// What an entry of `custom_middleware` asks for.
    pub fn of(kind: HookKind, plan: &'a HookPlan, entry: &'a HookEntry) -> Self {
        Self {
            kind,
            driver: plan.driver(entry),
            name: &entry.name,
            code: code_of(entry, plan.driver(entry)),
            wants_session: entry.require_session,
            raw_body_only: entry.raw_body_only,
            timeout_ms: entry.pinhook.as_ref().and_then(|own| own.timeout_ms),
            server: entry.pinhook.as_ref().and_then(|own| own.grpc_server.as_deref()),
        }
    }
}

/// One hook, ready to be called.
pub struct Call {
    /// Where it is called.
    pub kind: HookKind,
    /// Function.
    pub name: Arc<str>,
    /// What it reads of its API.
    pub spec: Arc<Spec>,
    /// Its metric handles.
    pub metrics: Arc<HookMetrics>,
    /// Whose rules hold for what it leaves.
    pub family: Family,
    /// What becomes of a session that an auth hook leaves.
    pub sessions: SessionRules,
    /// Something odd about its sessions has been said once.
    pub warned: AtomicBool,
    /// Nothing when it could not be loaded.
    pub hook: Option<Arc<dyn Hook>>,
    /// The setting that switches its driver off.
    pub off: Option<&'static str>,
    /// Its code was loaded, but has no such function.
    pub undefined: bool,
}

impl Call {
    /// Loads what a definition asks for. Trouble is noted; its requests are then answered 500.
    pub fn load(blueprint: &mut Blueprint<'_>, wish: &Wish<'_>, at: &str) -> Self {
        let code = match &wish.code {
            Ok(code) => code.clone(),
            Err(reason) => return Self::refused(blueprint, wish, at, &format!("its code {reason}")),
        };
        let services = blueprint.services;
        let source = HookSource {
            api_id: blueprint.spec.api_id.clone(),
            kind: wish.kind,
            name: wish.name.into(),
            code,
            siblings: blueprint.hooks.siblings(wish.driver),
            timeout: wish.timeout_ms.map(Duration::from_millis),
            wants_session: wish.wants_session,
            raw_body_only: wish.raw_body_only,
            server: blueprint.hooks.server(wish.server),
        };
        let loaded = services.hooks.load(wish.driver, &source);
        let mut call = Self::new(blueprint, wish);
        match loaded {
            Ok(hook) => call.hook = Some(hook),
            Err(error) => {
                if let Error::Hook(HookError::SwitchedOff { setting, .. }) = &error {
                    call.off = Some(setting);
                }
                call.undefined = matches!(error, Error::Hook(HookError::NoFunction { .. }));
                blueprint.refuse(at, format!("{}; requests that reach it are answered 500", error.chain()));
            }
        }
        call
    }

    /// One that must not be called, for a reason that is noted; its requests are answered 500.
    pub fn refused(blueprint: &mut Blueprint<'_>, wish: &Wish<'_>, at: &str, reason: &str) -> Self {
        blueprint.refuse(at, format!("{reason}; requests that reach it are answered 500"));
        Self::new(blueprint, wish)
    }

    fn new(blueprint: &Blueprint<'_>, wish: &Wish<'_>) -> Self {
        let services = blueprint.services;
        let name: Arc<str> = wish.name.into();
        let metrics = services.metrics.hook(HookLabels {
            api: blueprint.spec.api_id.clone(),
            hook: wish.kind.name(),
            driver: services.hooks.name(wish.driver).unwrap_or("unknown"),
            function: name.clone(),
        });
        Self {
            kind: wish.kind,
            name,
            spec: blueprint.spec.clone(),
            metrics,
            family: services.hooks.family(wish.driver),
            sessions: SessionRules::of(blueprint.definition),
            warned: AtomicBool::default(),
            hook: None,
            off: None,
            undefined: false,
        }
    }

    /// The bodies that it wants.
    pub fn needs(&self) -> Needs {
        self.hook.as_ref().map_or(Needs::NOTHING, |hook| hook.needs())
    }

    /// The function, if it could be loaded.
    ///
    /// # Errors
    /// It could not; the call counts as failed.
    pub fn hook(&self) -> Result<&Arc<dyn Hook>> {
        self.hook.as_ref().ok_or_else(|| {
            self.metrics.call(Duration::ZERO, true);
            let name = self.name.to_string();
            self.fault(match self.off {
                Some(setting) => HookError::SwitchedOff { name, setting },
                None if self.undefined => HookError::NoFunction { name, reason: LOG.to_owned() },
                None => HookError::NotLoaded { name, reason: LOG.to_owned() },
            })
        })
    }

    /// A failure of the hook as the fault of its request: each family has its own words for the client (plugins
    /// reference 4.7, 6.7, 6.8 and 11).
    pub fn fault(&self, error: HookError) -> Error {
        const MIDDLEWARE: (u16, &str) = (500, "Middleware error");
        const VIRTUAL: (u16, &str) =
            (500, "Error during virtual endpoint execution. Contact Administrator for more details.");
        let missing = matches!(error, HookError::NotLoaded { .. } | HookError::SwitchedOff { .. });
        let (status, message) = match (self.family, self.kind) {
            (_, HookKind::Virtual) => VIRTUAL,
            (Family::Native, _) => return error.into(),
            (_, HookKind::Response) => MIDDLEWARE,
            (Family::Script, _) if matches!(error, HookError::SwitchedOff { .. }) => MIDDLEWARE,
            (Family::Script, _) => return error.into(),
            (Family::Coprocess, _) if missing => return error.into(),
            (Family::Coprocess, HookKind::Auth) => (403, "Key not authorised"),
            (Family::Coprocess, _) => MIDDLEWARE,
        };
        HookError::Answered { status, message, source: Box::new(error) }.into()
    }

    /// Counts a wish that cannot be granted; the first one is named.
    pub fn skip(&self, wish: &str) {
        if self.metrics.skip() {
            tracing::warn!(
                api_id = &*self.spec.api_id,
                hook = self.kind.name(),
                function = &*self.name,
                "a hook wants {wish}: it is left out for such requests, this one and all to come"
            );
        }
    }
}
