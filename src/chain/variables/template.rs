//! Texts with variables in them, split at load.

use std::sync::Arc;

use super::{Scope, Secrets};
use crate::url::query_escape;

/// A text with variables, and in rewrites with `$n` for the groups of the match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template(Box<[Part]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Group(usize),
    Variable(Arc<str>),
    Meta(Box<str>),
}

/// What a template asks for and cannot get; it prints nothing in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint(pub String);

const STORES: [(&str, &str); 5] = [
    ("$secret_conf.", "conf"),
    ("$secret_env.", "env"),
    ("$secret_vault.", "vault"),
    ("$secret_consul.", "consul"),
    ("$secret_file.", "file"),
];
const CONTEXT: &str = "$tyk_context.";
const META: &str = "$tyk_meta.";

impl Template {
    /// Splits `text`. Secrets are put in first, so a secret may itself name context variables, as in Tyk.
    pub fn parse(text: &str, secrets: &Secrets<'_>) -> (Self, Vec<Complaint>) {
        let mut complaints = Vec::new();
        let text = put_secrets(text, secrets, &mut complaints);
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, name, after)) = next_reference(rest, &[CONTEXT, META]) {
            push_text(&mut parts, before);
            match name {
                (CONTEXT, name) => parts.push(Part::Variable(name.into())),
                (_, name) => parts.push(Part::Meta(name.into())),
            }
            rest = after;
        }
        push_text(&mut parts, rest);
        (Self(parts.into()), complaints)
    }

    /// The same, with `$n` understood as groups of a match.
    pub fn parse_with_groups(text: &str, secrets: &Secrets<'_>) -> (Self, Vec<Complaint>) {
        let (template, complaints) = Self::parse(text, secrets);
        let groups = groups_in_order(text);
        let mut parts = Vec::new();
        for part in template.0 {
            match part {
                Part::Text(text) => split_groups(&text, &groups, &mut parts),
                part => parts.push(part),
            }
        }
        (Self(parts.into()), complaints)
    }

    /// The text, when nothing in it varies.
    pub fn constant(&self) -> Option<&str> {
        match &*self.0 {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Names of the context variables in it.
    pub fn variables(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name),
            _ => None,
        })
    }

    /// Prints it. With `escape`, values of variables and meta data are query-escaped unless they begin with `http`.
    pub fn print<'g>(
        &self,
        scope: Scope<'_>,
        escape: bool,
        group: impl Fn(usize) -> Option<&'g str>,
    ) -> String {
        let mut out = String::with_capacity(self.0.len() * 16);
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(number) => out.push_str(group(*number).unwrap_or_default()),
                Part::Variable(name) => push_value(&mut out, scope.variable(name), escape),
                Part::Meta(name) => push_value(&mut out, &scope.meta(name), escape),
            }
        }
        out
    }
}

fn push_value(out: &mut String, value: &str, escape: bool) {
    if escape && !value.starts_with("http") {
        out.push_str(&query_escape(value));
    } else {
        out.push_str(value);
    }
}

fn put_secrets(text: &str, secrets: &Secrets<'_>, complaints: &mut Vec<Complaint>) -> String {
    let mut text = text.to_owned();
    for (prefix, store) in STORES {
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, (_, name), after)) = next_reference(rest, &[prefix]) {
            out.push_str(before);
            match secrets.find(store, name) {
                Ok(value) => out.push_str(&value),
                Err(reason) => complaints.push(Complaint(format!("{prefix}{name} is empty: {reason}"))),
            }
            rest = after;
        }
        out.push_str(rest);
        text = out;
    }
    text
}

type Reference<'t, 'p> = (&'t str, (&'p str, &'t str), &'t str);

/// The first `prefix` that a name follows: the text before, prefix and name, the text after.
fn next_reference<'t, 'p>(text: &'t str, prefixes: &[&'p str]) -> Option<Reference<'t, 'p>> {
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let (at, prefix) = prefixes
            .iter()
            .filter_map(|prefix| Some((rest.find(prefix)?, *prefix)))
            .min_by_key(|(at, _)| *at)?;
        let start = from + at;
        let tail = text.get(start + prefix.len()..)?;
        let slash = !matches!(prefix, CONTEXT | META | "$secret_conf." | "$secret_env.");
        let end = tail.find(|c: char| !in_name(c, slash)).unwrap_or(tail.len());
        if end > 0 {
            return Some((text.get(..start)?, (prefix, tail.get(..end)?), tail.get(end..)?));
        }
        from = start + prefix.len();
    }
}

fn in_name(c: char, slash: bool) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') || slash && c == '/'
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if text.is_empty() {
        return;
    }
    match parts.last_mut() {
        Some(Part::Text(before)) => *before = format!("{before}{text}").into(),
        _ => parts.push(Part::Text(text.into())),
    }
}

/// The digits of each `$n`, in order of appearance.
fn groups_in_order(text: &str) -> Vec<&str> {
    let mut groups = Vec::new();
    for (at, _) in text.match_indices('$') {
        let tail = text.get(at + 1..).unwrap_or_default();
        let digits = tail.get(..tail.bytes().take_while(u8::is_ascii_digit).count()).unwrap_or_default();
        if !digits.is_empty() && !groups.contains(&digits) {
            groups.push(digits);
        }
    }
    groups
}

/// Tyk replaces the placeholders one after the other, each everywhere: with `$1` before `$10` in a template, `$10`
/// is the first group and a zero. So at each place the placeholder that appears first in the template wins.
fn split_groups(text: &str, groups: &[&str], parts: &mut Vec<Part>) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        let hit = groups.iter().find_map(|digits| Some((digits, after.strip_prefix(digits)?)));
        match hit {
            Some((digits, tail)) => {
                push_text(parts, before);
                // A number that is too big is a group that no pattern has.
                parts.push(Part::Group(digits.parse().unwrap_or(usize::MAX)));
                rest = tail;
            }
            None => {
                push_text(parts, rest.get(..before.len() + 1).unwrap_or_default());
                rest = after;
            }
        }
    }
    push_text(parts, rest);
}
