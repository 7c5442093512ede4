//! One function of a Python plugin, ready for calls.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::{
    super::worker::{Call, Fault, HookEntry, Reply, Workers},
    NAME,
    marshal::{self, Head},
};
use crate::{
    error::HookError,
    hook::{
        Failure, Family, Hook, HookKind, HookSource, Needs, Object, Spec,
        coprocess::{self, Terms},
    },
};

type Outcome = Result<Box<Object>, Failure>;

/// A function and the workers that have it.
pub(super) struct PythonHook {
    workers: Arc<Workers>,
    /// Its number, once its API is known: the first call tells.
    number: std::sync::OnceLock<u32>,
    api_id: Arc<str>,
    name: Arc<str>,
    entry: HookEntry,
    timeout: Option<Duration>,
    terms: Terms,
}

impl PythonHook {
    pub(super) fn new(source: &HookSource, workers: Arc<Workers>, terms: Terms) -> Self {
        Self {
            workers,
            number: std::sync::OnceLock::new(),
            api_id: source.api_id.clone(),
            name: source.name.clone(),
            entry: HookEntry {
                kind: source.kind,
                function: source.name.clone(),
                raw_body_only: source.raw_body_only,
            },
            timeout: source.timeout,
            terms,
        }
    }

    fn number(&self, spec: &Spec) -> u32 {
        *self.number.get_or_init(|| self.workers.define(api(spec), self.entry.clone()))
    }

    async fn call(&self, kind: HookKind, object: &Object) -> Result<Reply, HookError> {
        let call = Call {
            function: &self.name,
            hook: self.number(&object.spec),
            head: &Head { kind, object },
            parts: marshal::bodies(kind, object),
            limit: self.timeout,
            client: object.client,
            depth: object.depth,
        };
        self.workers.call(call).await.map_err(|fault| match fault {
            Fault::Failed(failed) => {
                let traceback = failed.traceback.trim_end();
                tracing::error!(
                    api_id = &*self.api_id,
                    hook = kind.name(),
                    driver = NAME,
                    function = &*self.name,
                    "a hook raised an exception\n{traceback}"
                );
                HookError::Script { name: self.name.to_string(), reason: failed.message }
            }
            Fault::Other(error) => error,
        })
    }
}

/// What workers are told of an API.
fn api(spec: &Spec) -> Map<String, Value> {
    let about = json!({
        "api_id": *spec.api_id,
        "org_id": *spec.org_id,
        "name": *spec.api_name,
        "spec": coprocess::spec(spec),
    });
    match about {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

impl Drop for PythonHook {
    fn drop(&mut self) {
        if let Some(number) = self.number.get() {
            self.workers.forget(*number);
        }
    }
}

#[async_trait]
impl Hook for PythonHook {
    fn may_be_abandoned(&self) -> bool {
        // The object stays here: a worker gets a copy.
        false
    }

    fn needs(&self) -> Needs {
        // As in Tyk: what a function reads cannot be told from outside.
        Needs {
            request_body: !matches!(self.entry.kind, HookKind::Analytics | HookKind::Event),
            response_body: self.entry.kind == HookKind::Response,
        }
    }

    fn family(&self) -> Family {
        Family::Coprocess
    }

    async fn dispatch(&self, kind: HookKind, mut object: Box<Object>) -> Outcome {
        let reply = match self.call(kind, &object).await {
            Ok(reply) => reply,
            Err(error) => return Err(Failure::new(error, object)),
        };
        match marshal::apply(kind, reply, &mut object, self.terms) {
            Ok(()) => Ok(object),
            Err(reason) => {
                let error = HookError::Script { name: self.name.to_string(), reason };
                Err(Failure::new(error, object))
            }
        }
    }
}
