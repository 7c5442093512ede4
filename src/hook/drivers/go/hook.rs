//! One function of a Go plugin, ready for calls.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::{
    super::worker::{Call, Fault, HookEntry, Reply},
    GoPlugin, NAME, marshal,
};
use crate::{
    error::HookError,
    hook::{Failure, Hook, HookKind, HookSource, Needs, Object, Spec},
};

/// A function and the worker that has it.
pub(super) struct GoHook {
    plugin: Arc<GoPlugin>,
    /// Its number, once its API is known: the first call tells.
    number: OnceLock<u32>,
    api_id: Arc<str>,
    entry: HookEntry,
    timeout: Option<Duration>,
}

impl GoHook {
    pub(super) fn new(source: &HookSource, plugin: Arc<GoPlugin>) -> Self {
        Self {
            plugin,
            number: OnceLock::new(),
            api_id: source.api_id.clone(),
            entry: HookEntry { kind: source.kind, function: source.name.clone(), raw_body_only: false },
            timeout: source.timeout,
        }
    }

    fn number(&self, spec: &Spec) -> u32 {
        *self.number.get_or_init(|| self.plugin.workers.define(api(spec), self.entry.clone()))
    }

    async fn call(&self, object: &Object) -> Result<Reply, HookError> {
        let call = Call {
            function: &self.entry.function,
            hook: self.number(&object.spec),
            head: &marshal::Head(object),
            parts: marshal::bodies(object),
            limit: self.timeout,
            client: object.client,
            depth: object.depth,
        };
        self.plugin.workers.call(call).await.map_err(|fault| match fault {
            Fault::Failed(failed) => {
                let trace = failed.traceback.trim_end();
                tracing::error!(
                    api_id = &*self.api_id,
                    hook = self.entry.kind.name(),
                    driver = NAME,
                    function = &*self.entry.function,
                    "a hook failed: {}\n{trace}",
                    failed.message
                );
                self.failed(failed.message)
            }
            Fault::Other(error) => error,
        })
    }

    fn failed(&self, reason: String) -> HookError {
        HookError::Script { name: self.entry.function.to_string(), reason }
    }

    /// An answer that its hook has not masked must not get out.
    fn fault(&self, kind: HookKind, error: HookError) -> HookError {
        match kind {
            HookKind::Response => {
                HookError::Answered { status: 500, message: "Internal Server Error", source: Box::new(error) }
            }
            _ => error,
        }
    }
}

/// What workers are told of an API.
fn api(spec: &Spec) -> Map<String, Value> {
    let mut members = Map::from_iter([
        ("api_id".to_owned(), json!(*spec.api_id)),
        ("org_id".to_owned(), json!(*spec.org_id)),
        ("name".to_owned(), json!(*spec.api_name)),
    ]);
    let document = spec.oas.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let classic = spec.definition.as_deref().and_then(|definition| serde_json::to_value(definition).ok());
    match (document, classic) {
        (Some(document), _) => drop(members.insert("oas".to_owned(), document)),
        (None, Some(classic)) => drop(members.insert("classic".to_owned(), classic)),
        (None, None) => {}
    }
    members
}

impl Drop for GoHook {
    fn drop(&mut self) {
        if let Some(number) = self.number.get() {
            self.plugin.workers.forget(*number);
        }
    }
}

#[async_trait]
impl Hook for GoHook {
    fn may_be_abandoned(&self) -> bool {
        // The object stays here: a worker gets a copy.
        false
    }

    fn needs(&self) -> Needs {
        // As in Tyk: what a function reads cannot be told from outside.
        Needs {
            request_body: self.entry.kind != HookKind::Analytics,
            response_body: self.entry.kind == HookKind::Response,
        }
    }

    async fn dispatch(&self, kind: HookKind, mut object: Box<Object>) -> Result<Box<Object>, Failure> {
        let applied = match self.call(&object).await {
            Ok(reply) => marshal::apply(reply, &mut object).map_err(|reason| self.failed(reason)),
            Err(error) => Err(error),
        };
        match applied {
            Ok(()) => Ok(object),
            Err(error) => Err(Failure::new(self.fault(kind, error), object)),
        }
    }
}
