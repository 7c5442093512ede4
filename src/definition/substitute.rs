//! Secrets in definitions: references such as `env://NAME` are replaced in the text before it is read as JSON
//! (api-definition reference 1.3).

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use crate::error::Problem;

/// Where referenced values come from. The environment is read in `config` only, hence `env` is handed in.
pub struct Secrets<'a> {
    /// A variable of the process.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// `secrets` of the gateway config.
    pub values: &'a BTreeMap<String, String>,
    /// `kv.file.base_path` of the gateway config.
    pub file_base: Option<PathBuf>,
}

/// Prefix of the variables that `$kv{env:…}` and `kv://env/…` read.
const ENV_PREFIX: &str = "TYK_SECRET_";

/// Ends of a reference that runs to the end of its JSON string.
const QUOTE: char = '"';

impl Secrets<'_> {
    /// Replaces every reference. One that has no value stays as it is and is named.
    pub(crate) fn substitute(&self, text: &str, place: &str, problems: &mut Vec<Problem>) -> String {
        let mut missing = |text: &str, at: usize, reference: &str, why: &str| {
            let line = text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
            let message = format!("{reference} {why}; it stays in the definition as it is");
            problems.push(Problem::warning(place, "", message).at_line(line));
        };
        let text = replace_to(text, "env://", QUOTE, &mut |text, at, name| {
            let value = (self.env)(name).filter(|value| !value.is_empty());
            if value.is_none() {
                missing(text, at, &format!("env://{name}"), "is not set");
            }
            value
        });
        let mut text = text;
        let mut names: Vec<_> = self.values.iter().collect();
        // Tyk replaces in no fixed order; the longest name first is the order that suits every author.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in names {
            text = text.replace(&format!("secrets://{name}"), &escaped(value));
        }
        const WITHOUT_VALUE: [(&str, &str); 3] = [
            ("secrets://", "is not among the secrets of the gateway config"),
            ("consul://", "needs Consul, which pinhook does not read"),
            ("vault://", "needs Vault, which pinhook does not read"),
        ];
        for (prefix, why) in WITHOUT_VALUE {
            text = replace_to(&text, prefix, QUOTE, &mut |text, at, name| {
                missing(text, at, &format!("{prefix}{name}"), why);
                None
            });
        }
        text = replace_to(&text, "file://", QUOTE, &mut |text, at, name| {
            let value = self.file(name);
            if value.is_none() {
                missing(text, at, &format!("file://{name}"), "is no readable file below kv.file.base_path");
            }
            value
        });
        text = replace_to(&text, "kv://", QUOTE, &mut |text, at, reference| {
            let value = reference.split_once('/').and_then(|(store, key)| self.key_value(store, key));
            if value.is_none() {
                missing(text, at, &format!("kv://{reference}"), "has no value");
            }
            value
        });
        replace_to(&text, "$kv{", '}', &mut |text, at, reference| {
            let value = reference.split_once(':').and_then(|(store, key)| self.key_value(store, key));
            if value.is_none() {
                missing(text, at, &format!("$kv{{{reference}}}"), "has no value");
            }
            value
        })
    }

    /// Resolves a whole `target_url` or `listen_path`, where `env://x` means `TYK_SECRET_X`.
    pub(crate) fn resolve(&self, value: &str) -> Option<String> {
        let (store, key) = value.split_once("://")?;
        match store {
            "env" | "secrets" | "file" => self.key_value(store, key),
            "kv" => key.split_once('/').and_then(|(store, key)| self.key_value(store, key)),
            _ => None,
        }
    }

    fn key_value(&self, store: &str, key: &str) -> Option<String> {
        match store {
            "env" => {
                (self.env)(&format!("{ENV_PREFIX}{}", key.to_uppercase())).filter(|value| !value.is_empty())
            }
            "secrets" | "conf" => self.values.get(key).cloned(),
            "file" => self.file(key),
            _ => None,
        }
    }

    /// A file below the base path; its last line break does not count.
    fn file(&self, name: &str) -> Option<String> {
        let path = Path::new(name);
        if name.is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let text = std::fs::read_to_string(self.file_base.as_ref()?.join(path)).ok()?;
        Some(
            text.strip_suffix('\n')
                .map(|text| text.strip_suffix('\r').unwrap_or(text))
                .unwrap_or(&text)
                .to_owned(),
        )
    }
}

/// Whether a text is a reference that could not be resolved, so that it must not be touched.
pub(crate) fn is_reference(value: &str) -> bool {
    ["env://", "secrets://", "consul://", "vault://", "file://", "kv://", "$kv{"]
        .iter()
        .any(|prefix| value.starts_with(prefix))
}

/// Looks a reference's value up: the text so far, where it stands in it, and what follows the prefix.
type Lookup<'a> = &'a mut dyn FnMut(&str, usize, &str) -> Option<String>;

/// Replaces each `<prefix>…<end>`; the end is kept when it is a quote, and dropped when it is a brace.
fn replace_to(text: &str, prefix: &str, end: char, lookup: Lookup<'_>) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(prefix) {
        let at = text.len() - rest.len() + before.len();
        made.push_str(before);
        let Some((name, _)) = after.split_once(end) else {
            made.push_str(prefix);
            rest = after;
            continue;
        };
        match lookup(text, at, name) {
            Some(value) => {
                made.push_str(&escaped(&value));
                let used = name.len() + if end == QUOTE { 0 } else { end.len_utf8() };
                rest = after.get(used..).unwrap_or_default();
            }
            None => {
                made.push_str(prefix);
                rest = after;
            }
        }
    }
    made.push_str(rest);
    made
}

/// A value as it stands inside a JSON string.
fn escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}
