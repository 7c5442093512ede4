//! A Classic definition while it is made, and where in the document each part of it comes from.

use serde_json::{Map, Value};

use super::{super::member::push_key, read::Node};

/// Where the only version stands: its name is empty. Paths of a draft have dots between their members.
pub(super) const VERSION: &str = "version_data.versions.";

/// Classic JSON in the making.
#[derive(Default)]
pub(super) struct Draft {
    root: Map<String, Value>,
    origins: Vec<(String, String)>,
    /// What has to be said about the document: where, and what.
    pub(super) remarks: Vec<(String, String)>,
}

impl Draft {
    /// Sets a member; `origin` says it in the document.
    pub(super) fn put(&mut self, path: &str, value: impl Into<Value>, origin: &str) {
        let value = value.into();
        self.origins.push((shown(path), origin.to_owned()));
        *self.place(path) = value;
    }

    /// Sets what another draft has made.
    pub(super) fn put_draft(&mut self, path: &str, draft: Self, origin: &str) {
        let at = shown(path);
        self.put(path, draft.root, origin);
        self.adopt(&at, draft.origins, draft.remarks);
    }

    /// Sets what another draft has made as the member `key` of the object at `path`; the key may hold anything.
    pub(super) fn put_member(&mut self, path: &str, key: &str, draft: Self, origin: &str) {
        let mut at = shown(path);
        push_key(&mut at, key);
        let place = self.place(path);
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        if let Some(members) = place.as_object_mut() {
            members.insert(key.to_owned(), draft.root.into());
        }
        self.origins.push((at.clone(), origin.to_owned()));
        self.adopt(&at, draft.origins, draft.remarks);
    }

    /// Whether a member has been set that is not off.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.root.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// Adds what another draft has made to a list.
    pub(super) fn push(&mut self, path: &str, draft: Self, origin: &str) {
        let place = self.place(path);
        if !place.is_array() {
            *place = Value::Array(Vec::new());
        }
        let items = place.as_array_mut().map(|items| {
            items.push(draft.root.into());
            items.len()
        });
        let at = format!("{}[{}]", shown(path), items.unwrap_or_default().saturating_sub(1));
        self.origins.push((at.clone(), origin.to_owned()));
        self.adopt(&at, draft.origins, draft.remarks);
    }

    /// Says something about a place of the document.
    pub(super) fn remark(&mut self, node: &Node<'_>, message: impl Into<String>) {
        self.remarks.push((node.path().to_owned(), message.into()));
    }

    /// What was made, and the pairs of Classic path and path in the document.
    pub(super) fn finish(self) -> (Value, Vec<(String, String)>) {
        (self.root.into(), self.origins)
    }

    fn adopt(&mut self, at: &str, origins: Vec<(String, String)>, remarks: Vec<(String, String)>) {
        let origins = origins.into_iter().map(|(path, origin)| match path.starts_with('[') {
            true => (format!("{at}{path}"), origin),
            false => (format!("{at}.{path}"), origin),
        });
        self.origins.extend(origins);
        self.remarks.extend(remarks);
    }

    fn place(&mut self, path: &str) -> &mut Value {
        match path.split_once('.') {
            Some((first, rest)) => below(self.root.entry(first).or_insert(Value::Null), rest),
            None => self.root.entry(path).or_insert(Value::Null),
        }
    }
}

/// The place of a member below `place`, which becomes an object.
fn below<'a>(place: &'a mut Value, path: &str) -> &'a mut Value {
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let next = &mut place[first];
    match rest {
        Some(rest) => below(next, rest),
        None => next,
    }
}

/// A draft's path as messages name it.
fn shown(path: &str) -> String {
    let mut shown = String::new();
    path.split('.').for_each(|name| push_key(&mut shown, name));
    shown
}
