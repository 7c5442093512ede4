//! The APIs and hooks that a plugin's workers know. A worker is told what is new before it gets a call.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Map, Value, json};

use crate::hook::HookKind;

/// A hook as workers are told of it.
#[derive(Debug, Clone)]
pub(in crate::hook::drivers) struct HookEntry {
    pub(in crate::hook::drivers) kind: HookKind,
    pub(in crate::hook::drivers) function: Arc<str>,
    pub(in crate::hook::drivers) raw_body_only: bool,
}

/// What is defined.
#[derive(Default)]
pub(super) struct Registry {
    version: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u32,
    apis: BTreeMap<u32, Api>,
    hooks: BTreeMap<u32, Hook>,
}

struct Api {
    members: Map<String, Value>,
    users: usize,
}

struct Hook {
    api: u32,
    entry: HookEntry,
}

/// What one worker has been told.
#[derive(Default)]
pub(super) struct Told {
    version: u64,
    apis: BTreeSet<u32>,
    hooks: BTreeSet<u32>,
}

/// What a worker has to be told: heads of `define` and `forget`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    pub(super) define: Option<Value>,
    pub(super) forget: Option<Value>,
}

impl Registry {
    /// Adds a hook of an API with these members; the number that calls name it by.
    pub(super) fn add(&self, members: Map<String, Value>, entry: HookEntry) -> u32 {
        let mut state = self.state();
        state.last += 1;
        let id = state.last;
        let known = state.apis.iter_mut().find(|(_, known)| known.members == members);
        let api = match known {
            Some((api, known)) => {
                known.users += 1;
                *api
            }
            None => {
                state.apis.insert(id, Api { members, users: 1 });
                id
            }
        };
        state.hooks.insert(id, Hook { api, entry });
        self.version.fetch_add(1, Ordering::Release);
        id
    }

    /// Takes a hook away, and its API with the last one.
    pub(super) fn remove(&self, hook: u32) {
        let mut state = self.state();
        let Some(Hook { api, .. }) = state.hooks.remove(&hook) else { return };
        if let Some(known) = state.apis.get_mut(&api) {
            known.users -= 1;
            if known.users == 0 {
                state.apis.remove(&api);
            }
        }
        self.version.fetch_add(1, Ordering::Release);
    }

    /// What a worker has not been told yet.
    pub(super) fn news(&self, told: &mut Told) -> Option<News> {
        let version = self.version.load(Ordering::Acquire);
        if version == told.version {
            return None;
        }
        let state = self.state();
        told.version = version;
        let (apis, gone_apis) = differences(&state.apis, &mut told.apis);
        let (hooks, gone_hooks) = differences(&state.hooks, &mut told.hooks);
        let apis: Vec<Value> = apis.into_iter().map(|(id, api)| api.tell(id)).collect();
        let hooks: Vec<Value> = hooks.into_iter().map(|(id, hook)| hook.tell(id)).collect();
        let (define, forget) =
            (!(apis.is_empty() && hooks.is_empty()), !(gone_apis.is_empty() && gone_hooks.is_empty()));
        Some(News {
            define: define.then(|| json!({ "apis": apis, "hooks": hooks })),
            forget: forget.then(|| json!({ "apis": gone_apis, "hooks": gone_hooks })),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Api {
    fn tell(&self, id: u32) -> Value {
        let mut members = self.members.clone();
        members.insert("id".to_owned(), id.into());
        Value::Object(members)
    }
}

impl Hook {
    fn tell(&self, id: u32) -> Value {
        let HookEntry { kind, function, raw_body_only } = &self.entry;
        json!({
            "id": id, "api": self.api, "kind": kind.name(), "function": **function, "raw_body_only": raw_body_only
        })
    }
}

/// What is there and was not told, and the ids of what was told and is gone; then all that is there is told.
fn differences<'a, T>(now: &'a BTreeMap<u32, T>, told: &mut BTreeSet<u32>) -> (Vec<(u32, &'a T)>, Vec<u32>) {
    let new = now.iter().filter(|(id, _)| !told.contains(id)).map(|(id, entry)| (*id, entry)).collect();
    let gone = told.iter().filter(|id| !now.contains_key(id)).copied().collect();
    *told = now.keys().copied().collect();
    (new, gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(id: &str) -> Map<String, Value> {
        Map::from_iter([("api_id".to_owned(), id.into())])
    }

    fn hook(function: &str) -> HookEntry {
        HookEntry { kind: HookKind::Pre, function: function.into(), raw_body_only: false }
    }

    #[test]
    fn a_worker_is_told_what_changed_and_only_that() {
        let registry = Registry::default();
        let mut told = Told::default();
        assert_eq!(registry.news(&mut told), None);
        let (first, second) = (registry.add(api("a"), hook("f")), registry.add(api("a"), hook("g")));
        let define = registry.news(&mut told).unwrap().define.unwrap();
        assert_eq!(define["apis"], json!([{ "api_id": "a", "id": first }]));
        assert_eq!(define["hooks"][1]["api"], first);
        assert_eq!(registry.news(&mut told), None);
        registry.remove(first);
        let third = registry.add(api("b"), hook("f"));
        let News { define, forget } = registry.news(&mut told).unwrap();
        assert_eq!(forget.unwrap(), json!({ "apis": [], "hooks": [first] }));
        assert_eq!(define.unwrap()["apis"], json!([{ "api_id": "b", "id": third }]));
        registry.remove(second);
        assert_eq!(registry.news(&mut told).unwrap().forget.unwrap()["apis"], json!([first]));
    }
}
