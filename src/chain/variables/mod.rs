//! Context variables of a request, and the templates that print them (api-definition reference 4.5).
//!
//! Only variables that something in the API reads exist: [`used_names`] collects their names at load. A template
//! is split at load too, with its secrets already in it. Text that came from a client is never searched for
//! variables: Tyk does that, and so lets a client print `$secret_env.X` (docs/compatibility.md).

mod secrets;
mod template;
mod used;

use std::{borrow::Cow, sync::Arc};

use serde_json::{Map, Value as Json};

use crate::url::query_escape;
pub use secrets::Secrets;
pub use template::{Complaint, Template};
pub use used::used_names;

/// What templates print from: what is known of one request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope<'a> {
    /// Its context variables.
    pub variables: Option<&'a Variables>,
    /// The meta data of its key.
    pub meta: Option<&'a Map<String, Json>>,
}

impl<'a> Scope<'a> {
    fn variable(&self, name: &str) -> &'a str {
        self.variables.map_or("", |variables| variables.print(name))
    }

    fn meta(&self, name: &str) -> Cow<'a, str> {
        self.meta.and_then(|meta| meta.get(name)).map_or(Cow::Borrowed(""), printed)
    }
}

/// What a template prints for a JSON value: texts, numbers, and lists of them with their items escaped. Anything else
/// is nothing.
fn printed(value: &Json) -> Cow<'_, str> {
    match value {
        Json::String(text) => Cow::Borrowed(text),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (None, Some(float)) => float.to_string().into(),
            _ => number.to_string().into(),
        },
        Json::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .map(printed)
                .filter(|item| !item.is_empty())
                .map(|item| query_escape(&item).into_owned())
                .collect();
            items.join(",").into()
        }
        _ => Cow::Borrowed(""),
    }
}

/// Context variables of one request.
#[derive(Debug, Clone, Default)]
pub struct Variables(Vec<(Arc<str>, Value)>);

#[derive(Debug, Clone)]
struct Value {
    text: String,
    is_text: bool,
}

impl Variables {
    /// Sets a variable that is a text.
    pub fn set(&mut self, name: &Arc<str>, text: impl Into<String>) {
        self.put(name, Value { text: text.into(), is_text: true });
    }

    /// Sets a variable that is a list or a map and has this printed form; conditions never see it.
    pub fn set_printed(&mut self, name: &Arc<str>, text: String) {
        self.put(name, Value { text, is_text: false });
    }

    /// What a template prints for it; nothing for an unknown name.
    pub fn print(&self, name: &str) -> &str {
        self.get(name).map_or("", |value| &value.text)
    }

    /// True if it is set.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Its value, if it is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| value.is_text).map(|value| value.text.as_str())
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    fn put(&mut self, name: &Arc<str>, value: Value) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.clone(), value)),
        }
    }
}

#[cfg(test)]
mod tests;
