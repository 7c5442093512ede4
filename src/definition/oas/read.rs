//! A document as it is read: each value knows where it is, what has the wrong type is noted, and so is what was
//! looked at, since whatever nobody looked at has to be named.

use std::{cell::RefCell, collections::BTreeSet};

use serde_json::{Map, Value};

use super::super::member::{below, push_key};

/// Why a document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, from the root of the document, `(root)` is the root itself; empty where the message says it.
    pub path: String,
    /// What was expected.
    pub message: String,
}

impl Fault {
    /// A fault at a path.
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.as_str() {
            "" => to.write_str(&self.message),
            path => write!(to, "{path}: {}", self.message),
        }
    }
}

/// What reading has found so far.
#[derive(Default)]
pub(super) struct Notes {
    used: RefCell<BTreeSet<String>>,
    faults: RefCell<Vec<Fault>>,
}

impl Notes {
    /// What cannot be used.
    pub(super) fn faults(&self) -> Vec<Fault> {
        self.faults.borrow().clone()
    }

    /// The topmost places of `value` that nobody looked at; what is empty says nothing.
    pub(super) fn unused(&self, value: &Value, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(value, &mut path.to_owned(), &mut found);
        found
    }

    fn walk(&self, value: &Value, path: &mut String, found: &mut Vec<String>) {
        let used = self.used.borrow();
        let touched = used.range(path.clone()..).next().is_some_and(|used| used.starts_with(path.as_str()));
        if used.contains(path) {
            return;
        }
        match value {
            Value::Null => {}
            Value::Object(members) if members.is_empty() => {}
            Value::Array(items) if items.is_empty() => {}
            Value::Object(members) if touched => {
                for (name, value) in members {
                    below(path, name, |path| self.walk(value, path, found));
                }
            }
            Value::Array(items) if touched => {
                let length = path.len();
                for (index, item) in items.iter().enumerate() {
                    path.push_str(&format!("[{index}]"));
                    self.walk(item, path, found);
                    path.truncate(length);
                }
            }
            _ => found.push(path.clone()),
        }
    }

    fn fault(&self, fault: Fault) {
        let mut faults = self.faults.borrow_mut();
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
}

/// A place in a document, also one where nothing is.
#[derive(Clone)]
pub(super) struct Node<'a> {
    value: Option<&'a Value>,
    path: String,
    notes: &'a Notes,
}

impl<'a> Node<'a> {
    /// The value at a path.
    pub(super) fn new(value: Option<&'a Value>, path: &str, notes: &'a Notes) -> Self {
        Self { value: value.filter(|value| !value.is_null()), path: path.to_owned(), notes }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether there is anything.
    pub(super) fn exists(&self) -> bool {
        self.value.is_some()
    }

    /// A member by its name, whatever its case (api-definition reference 1.4).
    pub(super) fn member(&self, name: &str) -> Self {
        let mut path = self.path.clone();
        push_key(&mut path, name);
        let value = self.object().and_then(|members| {
            members.get(name).or_else(|| {
                let mut others = members.iter();
                let (found, value) = others.find(|(other, _)| other.eq_ignore_ascii_case(name))?;
                path.clone_from(&self.path);
                push_key(&mut path, found);
                Some(value)
            })
        });
        Self::new(value, &path, self.notes)
    }

    /// A member of a member: names with dots between.
    pub(super) fn at(&self, names: &str) -> Self {
        names.split('.').fold(self.clone(), |node, name| node.member(name))
    }

    /// Counts it, and all below it, as looked at.
    pub(super) fn claim(&self) {
        if self.value.is_some() {
            self.notes.used.borrow_mut().insert(self.path.clone());
        }
    }

    /// Says what is wrong here.
    pub(super) fn fault(&self, message: impl Into<String>) {
        self.notes.fault(Fault::new(&self.path, message));
    }

    /// Text.
    pub(super) fn text(&self) -> Option<String> {
        self.leaf("string", |value| value.as_str().map(str::to_owned))
    }

    /// A switch.
    pub(super) fn flag(&self) -> Option<bool> {
        self.leaf("boolean", Value::as_bool)
    }

    /// True if it is a switch and on.
    pub(super) fn is_on(&self) -> bool {
        self.flag() == Some(true)
    }

    /// A whole number.
    pub(super) fn whole(&self) -> Option<i64> {
        self.leaf("integer", Value::as_i64)
    }

    /// A number as it was written.
    pub(super) fn number(&self) -> Option<Value> {
        self.leaf("number", |value| value.is_number().then(|| value.clone()))
    }

    /// Whatever is here, as it was written.
    pub(super) fn raw(&self) -> Option<Value> {
        self.claim();
        self.value.cloned()
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Vec<Self> {
        let Some(value) = self.value else { return Vec::new() };
        let Some(items) = value.as_array() else {
            self.wrong_type("array", value);
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| Self::new(Some(item), &format!("{}[{index}]", self.path), self.notes))
            .collect()
    }

    /// The members of an object, in its order.
    pub(super) fn members(&self) -> Vec<(String, Self)> {
        self.object().into_iter().flatten().map(|(name, _)| (name.clone(), self.member(name))).collect()
    }

    /// A list of texts.
    pub(super) fn texts(&self) -> Option<Value> {
        self.value?;
        Some(self.items().iter().filter_map(Self::text).collect())
    }

    /// A list of whole numbers.
    pub(super) fn wholes(&self) -> Option<Value> {
        self.value?;
        Some(self.items().iter().filter_map(Self::whole).collect())
    }

    /// A list of names and values as an object; of two with one name the last counts.
    pub(super) fn pairs(&self, name: &str, value: &str) -> Option<Value> {
        self.value?;
        let pairs = self.items().into_iter();
        let pairs = pairs.filter_map(|pair| Some((pair.member(name).text()?, pair.member(value).text()?)));
        Some(Value::Object(pairs.map(|(name, value)| (name, Value::from(value))).collect()))
    }

    fn object(&self) -> Option<&'a Map<String, Value>> {
        let value = self.value?;
        let object = value.as_object();
        if object.is_none() {
            self.wrong_type("object", value);
        }
        object
    }

    fn leaf<T>(&self, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.value?;
        self.claim();
        let found = read(value);
        if found.is_none() {
            self.wrong_type(expected, value);
        }
        found
    }

    fn wrong_type(&self, expected: &str, value: &Value) {
        let given = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        self.claim();
        self.fault(format!("Invalid type. Expected: {expected}, given: {given}"));
    }
}
