//! The URL of an upstream and the path of a request become the URL to call.

use std::{borrow::Cow, sync::Arc};

use super::Url;

impl Url {
    /// Puts this target in front of `request`: origin of the target, paths joined, the target's query first.
    /// Slashes at the joint become one; an empty rest leaves the target's path without trailing slash, or with
    /// `disable_strip_slash` as it is written.
    pub fn join(&self, request: &Self, disable_strip_slash: bool) -> Self {
        let path = join_paths(self.path(), request.path(), disable_strip_slash);
        let raw = (self.raw_path.is_some() || request.raw_path.is_some()).then(|| {
            let target = self.raw_path.as_deref().map_or_else(|| self.escaped_path(), Cow::Borrowed);
            let rest = request.raw_path.as_deref().map_or_else(|| request.escaped_path(), Cow::Borrowed);
            join_paths(&target, &rest, disable_strip_slash)
        });
        let query = merge(self.query(), request.query());
        let query = (request.has_query() || !query.is_empty()).then_some(query);
        Self::new(&path, raw.as_deref(), query.as_deref(), self.origin.as_ref().map(Arc::clone))
    }

    /// Puts the query of a target in front of this one, as is done to rewritten absolute URLs, too.
    pub fn prepend_query(&mut self, target_query: &str) {
        if !target_query.is_empty() {
            let merged = merge(target_query, self.query()).into_owned();
            self.set_query(&merged);
        }
    }
}

fn join_paths(target: &str, request: &str, disable_strip_slash: bool) -> String {
    if disable_strip_slash && matches!(request, "" | "/") {
        return target.to_owned();
    }
    let target = target.trim_end_matches('/');
    let request = request.trim_start_matches('/');
    if request.is_empty() { target.to_owned() } else { [target, "/", request].concat() }
}

fn merge<'a>(target: &'a str, request: &'a str) -> Cow<'a, str> {
    match (target, request) {
        (query, "") | ("", query) => Cow::Borrowed(query),
        (target, request) => Cow::Owned([target, "&", request].concat()),
    }
}
