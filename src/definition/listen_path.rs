//! Listen paths: their normal form, and what may stand in their braces (api-definition reference 1.5).

use super::{re2, substitute::is_reference};
use crate::url::clean_path;

/// The form that is served: a leading `/`, no `.`, `..` and `//`, a trailing slash as it was. Nothing stays
/// nothing, and an unresolved reference stays as it is.
pub fn normalise_listen_path(path: &str) -> String {
    if path.is_empty() || is_reference(path) {
        return path.to_owned();
    }
    clean_path(&format!("/{path}")).into_owned()
}

/// Why a listen path cannot be routed, if it cannot.
pub fn listen_path_fault(path: &str) -> Option<String> {
    if path.is_empty() {
        return Some("the listen path is empty".into());
    }
    if path.contains(' ') {
        return Some("a listen path may not hold a space".into());
    }
    if !path.starts_with('/') {
        return Some("a listen path begins with /".into());
    }
    template_fault(path)
}

/// Why the `{name}` and `{name:regex}` of a listen path or domain cannot be used, if they cannot.
pub fn template_fault(text: &str) -> Option<String> {
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, char) in text.char_indices() {
        match char {
            '{' => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            '}' => {
                let Some(outer) = depth.checked_sub(1) else {
                    return Some(format!("unbalanced braces in {text:?}"));
                };
                depth = outer;
                if depth == 0
                    && let Some(fault) = text.get(start..at).and_then(variable_fault)
                {
                    return Some(fault);
                }
            }
            _ => {}
        }
    }
    (depth > 0).then(|| format!("unbalanced braces in {text:?}"))
}

fn variable_fault(inside: &str) -> Option<String> {
    let (name, pattern) = inside.split_once(':').unwrap_or((inside, "[^/]+"));
    if name.is_empty() || pattern.is_empty() {
        return Some(format!("missing name or pattern in {{{inside}}}"));
    }
    match re2::compile(pattern) {
        Err(_) => Some(format!("{pattern:?} is no valid regex (RE2 syntax)")),
        Ok(regex) if regex.captures_len() > 1 => {
            Some(format!("{pattern:?} has a capture group; use (?:…) in a listen path"))
        }
        Ok(_) => None,
    }
}
