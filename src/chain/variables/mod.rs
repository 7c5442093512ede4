//! Context variables of a request, and the templates that print them (api-definition reference 4.5).
//!
//! Only variables that something in the API reads exist: [`used_names`] collects their names at load. A template
//! is split at load too, with its secrets already in it. Text that came from a client is never searched for
//! variables: Tyk does that, and so lets a client print `$secret_env.X` (docs/compatibility.md).

mod secrets;
mod template;
mod used;

use std::sync::Arc;

pub use secrets::Secrets;
pub use template::{Complaint, Template};
pub use used::used_names;

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
