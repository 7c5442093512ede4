//! What scripts may ask of the gateway (plugins reference 5.3 and 6.6), for every language: its binding has only to
//! move texts in and out.
//!
//! All of it waits, so it is for script threads; elsewhere it fails with [`NO_WAITING`]. It waits no longer than the
//! script may still run.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{runtime::Handle, time::timeout};

use super::Run;
use crate::{
    hook::{Caller, GatewayCalls, HookCall, HookReply, Host, Object, SetKey, Spec, Stored},
    session::SessionState,
};

/// Why a function of the gateway failed that was called where a script may not wait. The driver should have known by
/// the names in its code ([`super::Script::waits`]).
pub(in crate::hook::drivers) const NO_WAITING: &str = "this function waits for the gateway: call it by its name, so that the gateway can see that the script waits";
/// Why one failed whose script has no time left.
const TOO_LATE: &str = "the time of the script is up";
/// Tyk's answer for a key that does not exist.
const NO_KEY: &str = r#"{"status":"error","message":"Key not found"}"#;

/// The gateway as one run of a script sees it. It owns what it needs, so that a binding may keep it for the run.
#[derive(Clone)]
pub(in crate::hook::drivers) struct GatewayApi {
    deadline: Instant,
    host: Arc<Host>,
    waiter: Option<Handle>,
    caller: Caller,
    pub(super) spec: Arc<Spec>,
}

impl GatewayApi {
    /// For the run of a script on this object.
    pub(in crate::hook::drivers) fn new(run: &Run<'_>, object: &Object) -> Self {
        Self {
            deadline: run.deadline,
            host: run.host.clone(),
            waiter: run.waiter.cloned(),
            caller: Caller::of(object),
            spec: object.spec.clone(),
        }
    }

    /// `call(url, options)`: one request.
    ///
    /// # Errors
    /// The script may not wait here. A call that fails is a reply with a text in `error`.
    pub(in crate::hook::drivers) fn call(&self, call: HookCall) -> Result<HookReply, String> {
        Ok(self.call_all(vec![call])?.pop().unwrap_or_default())
    }

    /// `callAll(calls)`: several at once; replies in their order.
    ///
    /// # Errors
    /// As [`GatewayApi::call`].
    pub(in crate::hook::drivers) fn call_all(&self, calls: Vec<HookCall>) -> Result<Vec<HookReply>, String> {
        let waiter = self.waiter()?;
        Ok(waiter.block_on(self.host.call_all(calls, self.caller, self.left())))
    }

    /// The same for texts: an object of `url` and options, and an object.
    ///
    /// # Errors
    /// As [`GatewayApi::call`].
    pub(in crate::hook::drivers) fn call_json(&self, call: &str) -> Result<String, String> {
        let reply = match serde_json::from_str(call) {
            Ok(call) => self.call(call)?,
            Err(error) => HookReply::failed(format!("this is no call: {error}")),
        };
        written(&reply)
    }

    /// The same for a list of them.
    ///
    /// # Errors
    /// As [`GatewayApi::call`]; or it is no list.
    pub(in crate::hook::drivers) fn call_all_json(&self, calls: &str) -> Result<String, String> {
        let calls: Vec<serde_json::Value> =
            serde_json::from_str(calls).map_err(|error| format!("expected a list of calls: {error}"))?;
        let calls: Vec<Result<HookCall, _>> = calls.into_iter().map(serde_json::from_value).collect();
        let usable = calls.iter().filter_map(|call| call.as_ref().ok().cloned()).collect();
        let mut made = self.call_all(usable)?.into_iter();
        let replies: Vec<HookReply> = calls
            .iter()
            .map(|call| match call {
                Ok(_) => made.next().unwrap_or_default(),
                Err(error) => HookReply::failed(format!("this is no call: {error}")),
            })
            .collect();
        written(&replies)
    }

    /// `TykMakeHttpRequest(text)`; nothing where it failed for whatever reason, which is logged.
    ///
    /// # Errors
    /// The script may not wait here.
    pub(in crate::hook::drivers) fn make_http_request(&self, text: &str) -> Result<Option<String>, String> {
        self.requests().one(text)
    }

    /// `TykBatchRequest(text)`; nothing where the text is none. Replies are in the order of the requests.
    ///
    /// # Errors
    /// The script may not wait here.
    pub(in crate::hook::drivers) fn batch_request(&self, text: &str) -> Result<Option<String>, String> {
        self.requests().batch(text)
    }

    /// `TykGetKeyData(key, apiId)`: the session, policies applied, or an object with Tyk's message.
    ///
    /// # Errors
    /// The script may not wait here.
    pub(in crate::hook::drivers) fn get_key_data(&self, key: &str, api_id: &str) -> Result<String, String> {
        let found = self.wait(async {
            let gateway = self.host.gateway()?;
            gateway.key(key, api_id).await
        })?;
        Ok(match found {
            Some(Ok(Some(state))) => serde_json::to_string(&state).unwrap_or_else(|_| NO_KEY.to_owned()),
            Some(Ok(None)) => NO_KEY.to_owned(),
            Some(Err(error)) => {
                self.warn(&format!("TykGetKeyData failed: {}", error.chain()));
                NO_KEY.to_owned()
            }
            None => NO_KEY.to_owned(),
        })
    }

    /// `TykSetKeyData(key, json, suppressReset)`: what goes wrong is only logged, as in Tyk.
    ///
    /// # Errors
    /// The script may not wait here.
    pub(in crate::hook::drivers) fn set_key_data(
        &self,
        key: &str,
        json: &str,
        suppress_reset: &str,
    ) -> Result<(), String> {
        let state = match SessionState::parse(json.as_bytes()) {
            Ok(state) => state,
            Err(error) => {
                self.warn(&format!("TykSetKeyData: this is no session: {error}"));
                return Ok(());
            }
        };
        let keep_quota = suppress_reset == "1";
        let set = self.wait(async {
            let gateway = self.host.gateway()?;
            gateway.set_key(SetKey { key, state, keep_quota }).await
        })?;
        match set {
            Some(Ok(())) => {}
            Some(Err(error)) => self.warn(&format!("TykSetKeyData failed: {}", error.chain())),
            None => self.warn("TykSetKeyData failed: the script's time was up"),
        }
        Ok(())
    }

    /// `TykStorageGet(key)`.
    ///
    /// # Errors
    /// What the script is to be told by an exception; so for all of the storage.
    pub(in crate::hook::drivers) fn storage_get(&self, key: &str) -> Stored<Option<Bytes>> {
        self.stored(self.host.storage_get(key))
    }

    /// `TykStorageSet(key, value, ttl)`; with `absent` `TykStorageSetNX`, which is false where there was a value.
    ///
    /// # Errors
    /// As [`GatewayApi::storage_get`].
    pub(in crate::hook::drivers) fn storage_set(
        &self,
        key: &str,
        value: &[u8],
        ttl: i64,
        absent: bool,
    ) -> Stored<bool> {
        self.stored(self.host.storage_set(key, value, ttl, absent))
    }

    /// `TykStorageDel(key)`.
    ///
    /// # Errors
    /// As [`GatewayApi::storage_get`].
    pub(in crate::hook::drivers) fn storage_del(&self, key: &str) -> Stored<()> {
        self.stored(self.host.storage_del(key))
    }

    /// `TykStorageTTL(key)`: seconds, -1 for never, -2 for no such key.
    ///
    /// # Errors
    /// As [`GatewayApi::storage_get`].
    pub(in crate::hook::drivers) fn storage_ttl(&self, key: &str) -> Stored<i64> {
        self.stored(self.host.storage_ttl(key))
    }

    /// `TykStorageIncr(key, ttl)`: the new value, as text.
    ///
    /// # Errors
    /// As [`GatewayApi::storage_get`].
    pub(in crate::hook::drivers) fn storage_incr(&self, key: &str, ttl: i64) -> Stored<String> {
        self.stored(self.host.storage_incr(key, ttl)).map(|value| value.to_string())
    }

    /// `store_data(key, value, ttl)` of the rich plugins.
    ///
    /// # Errors
    /// As [`GatewayApi::storage_get`].
    pub(in crate::hook::drivers) fn store_data(&self, key: &str, value: &[u8], ttl: i64) -> Stored<()> {
        self.stored(self.host.store_data(key, value, ttl))
    }

    /// `get_data(key)` of the rich plugins.
    ///
    /// # Errors
    /// As [`GatewayApi::storage_get`].
    pub(in crate::hook::drivers) fn get_data(&self, key: &str) -> Stored<Option<Bytes>> {
        self.stored(self.host.get_data(key))
    }

    /// `trigger_event(name, payload)`: for the handlers of the gateway's configuration. Does not wait.
    ///
    /// # Errors
    /// There is no gateway (any more).
    pub(in crate::hook::drivers) fn trigger_event(&self, name: &str, payload: &str) -> Result<(), String> {
        let gateway: Arc<dyn GatewayCalls> = self.host.gateway().map_err(|error| error.chain())?;
        gateway.trigger(name, payload);
        Ok(())
    }

    pub(super) fn host(&self) -> &Arc<Host> {
        &self.host
    }

    pub(super) fn caller(&self) -> Caller {
        self.caller
    }

    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    pub(super) fn warn(&self, text: &str) {
        tracing::warn!(api_id = &*self.spec.api_id, "{text}");
    }

    fn waiter(&self) -> Result<&Handle, String> {
        self.waiter.as_ref().ok_or_else(|| NO_WAITING.to_owned())
    }

    /// Waits as long as the script may run; nothing when that was too short.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> Result<Option<T>, String> {
        let waiter = self.waiter()?;
        Ok(waiter.block_on(async { timeout(self.left(), work).await.ok() }))
    }

    fn stored<T>(&self, work: impl Future<Output = Stored<T>>) -> Stored<T> {
        self.wait(work)?.unwrap_or_else(|| Err(TOO_LATE.to_owned()))
    }
}

fn written(reply: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(reply).map_err(|error| error.to_string())
}
