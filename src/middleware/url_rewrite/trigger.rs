//! Triggers of a rewrite: conditions on the request that choose another template (api-definition reference 4.3).

use std::{
    borrow::Cow,
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use http::{HeaderMap, HeaderName, header};
use regex::{Captures, Regex};
use serde_json::{Map, Value};

use crate::{
    chain::{Blueprint, Template, Variables},
    definition::{self, Match, re2},
    hook::canonical,
    url::{Url, Values},
};

/// Context variables that anything in the API reads; no other variable is made.
pub(super) type Names = BTreeSet<Arc<str>>;

/// A trigger, compiled.
pub(super) struct Trigger {
    any: bool,
    groups: Box<[Group]>,
    /// The template that it chooses.
    pub(super) template: Template,
}

/// The conditions on one part of a request.
enum Group {
    Headers(Box<[(Option<HeaderName>, Rule)]>),
    Query(Box<[(Box<str>, Rule)]>),
    PathParts(Box<[Rule]>),
    Context(Box<[(Box<str>, Rule)]>),
    Meta(Box<[(Box<str>, Rule)]>),
    Payload(Rule),
}

/// One regex and the variables that are made of its match.
struct Rule {
    pattern: Option<Regex>,
    reverse: bool,
    made: Box<[Made]>,
}

/// A variable that something reads.
struct Made {
    name: Arc<str>,
    /// Number of the value that it stands for.
    value: usize,
    /// Number of the group, 0 for the whole match.
    group: usize,
}

/// The request that conditions look at.
pub(super) struct Subject<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) url: &'a Url,
    /// Empty unless a trigger looks at it ([`Trigger::wants_body`]).
    pub(super) body: &'a [u8],
    /// The meta data of the key that calls.
    pub(super) meta: Option<&'a Map<String, Value>>,
    pub(super) query: OnceCell<Values<'a>>,
}

impl Trigger {
    /// Compiles the trigger with this number. `at` is its JSON path.
    pub(super) fn compile(
        blueprint: &mut Blueprint<'_>,
        at: &str,
        number: usize,
        trigger: &definition::Trigger,
        names: &Names,
    ) -> Self {
        let options = &trigger.options;
        let mut compiler = Compiler { blueprint, at, number, names };
        let mut groups = Vec::new();
        // A group without keys does not count.
        if !options.header_matches.is_empty() {
            groups.push(Group::Headers(compiler.headers(&options.header_matches)));
        }
        if !options.query_val_matches.is_empty() {
            groups.push(Group::Query(compiler.keyed("query_val_matches", &options.query_val_matches, true)));
        }
        if !options.path_part_matches.is_empty() {
            let keyed = compiler.keyed("path_part_matches", &options.path_part_matches, true);
            groups.push(Group::PathParts(keyed.into_iter().map(|(_, rule)| rule).collect()));
        }
        if !options.session_meta_matches.is_empty() {
            let matches = &options.session_meta_matches;
            groups.push(Group::Meta(compiler.keyed("session_meta_matches", matches, false)));
        }
        if !options.request_context_matches.is_empty() {
            let matches = &options.request_context_matches;
            groups.push(Group::Context(compiler.keyed("request_context_matches", matches, false)));
        }
        if !options.payload_matches.match_rx.is_empty() {
            groups.push(Group::Payload(compiler.payload(&options.payload_matches)));
        }
        let template = blueprint.rewrite_template(&format!("{at}.rewrite_to"), &trigger.rewrite_to);
        Self { any: trigger.on == "any", groups: groups.into(), template }
    }

    /// True if it looks at the request's body.
    pub(super) fn wants_body(&self) -> bool {
        self.groups.iter().any(|group| matches!(group, Group::Payload(_)))
    }

    /// Checks the groups in order. With `any` the first that succeeds ends it, so later ones make no variables.
    pub(super) fn satisfied(&self, subject: &Subject<'_>, variables: &mut Variables) -> bool {
        if self.any {
            return self.groups.iter().any(|group| group.matches(subject, variables) > 0);
        }
        let succeeded =
            self.groups.iter().filter(|group| group.matches(subject, variables) >= group.wanted()).count();
        succeeded == self.groups.len()
    }
}

impl Group {
    /// Matches that an `all` trigger needs: as many as there are keys, whichever they come from.
    fn wanted(&self) -> usize {
        match self {
            Self::Headers(rules) => rules.len(),
            Self::Query(rules) | Self::Context(rules) | Self::Meta(rules) => rules.len(),
            Self::PathParts(rules) => rules.len(),
            Self::Payload(_) => 1,
        }
    }

    /// Counts matches, one for each value that matches, and makes variables of them.
    fn matches(&self, subject: &Subject<'_>, variables: &mut Variables) -> usize {
        match self {
            Self::Headers(rules) => rules
                .iter()
                .filter_map(|(name, rule)| Some((name.as_ref()?, rule)))
                .map(|(name, rule)| {
                    let values = subject.headers.get_all(name).iter();
                    rule.count(values.map(|value| String::from_utf8_lossy(value.as_bytes())), variables)
                })
                .sum(),
            Self::Query(rules) => {
                let query = subject.query.get_or_init(|| subject.url.values());
                rules.iter().map(|(key, rule)| rule.count(query.all(key), variables)).sum()
            }
            Self::PathParts(rules) => {
                let mut count = 0;
                for rule in rules {
                    for part in subject.url.path().split('/') {
                        count += usize::from(rule.test(part, count, variables));
                    }
                }
                count
            }
            Self::Context(rules) => rules
                .iter()
                .map(|(key, rule)| {
                    let value = variables.text(key).map(str::to_owned);
                    usize::from(value.is_some_and(|value| rule.test(&value, 0, variables)))
                })
                .sum(),
            Self::Meta(rules) => rules
                .iter()
                .map(|(key, rule)| {
                    let value = subject.meta.and_then(|meta| meta.get(&**key)?.as_str());
                    usize::from(value.is_some_and(|value| rule.test(value, 0, variables)))
                })
                .sum(),
            Self::Payload(rule) => rule.count_all(&String::from_utf8_lossy(subject.body), variables),
        }
    }
}

impl Rule {
    fn count<'v>(&self, values: impl Iterator<Item = Cow<'v, str>>, variables: &mut Variables) -> usize {
        values.enumerate().map(|(index, value)| usize::from(self.test(&value, index, variables))).sum()
    }

    /// Counts every match in one text; variables are numbered by match, and the one without a number is the first.
    fn count_all(&self, text: &str, variables: &mut Variables) -> usize {
        let Some(pattern) = &self.pattern else { return 0 };
        if self.reverse {
            return usize::from(!pattern.is_match(text));
        }
        if self.made.is_empty() {
            return usize::from(pattern.is_match(text));
        }
        let mut count = 0;
        for found in pattern.captures_iter(text) {
            self.make(count, &found, variables);
            count += 1;
        }
        count
    }

    /// Whether a value counts. `index` is its number.
    fn test(&self, text: &str, index: usize, variables: &mut Variables) -> bool {
        let Some(pattern) = &self.pattern else { return false };
        if self.reverse {
            return !pattern.is_match(text);
        }
        if !self.made.iter().any(|made| made.value == index) {
            return pattern.is_match(text);
        }
        let Some(found) = pattern.captures(text) else { return false };
        self.make(index, &found, variables);
        true
    }

    /// Sets the variables that are read of the match with this number.
    fn make(&self, index: usize, found: &Captures<'_>, variables: &mut Variables) {
        for made in self.made.iter().filter(|made| made.value == index) {
            if made.group < found.len() {
                variables.set(&made.name, found.get(made.group).map_or("", |group| group.as_str()));
            }
        }
    }
}

/// Compiles the groups of one trigger.
struct Compiler<'a, 'b, 'c> {
    blueprint: &'a mut Blueprint<'b>,
    at: &'c str,
    number: usize,
    names: &'c Names,
}

type Matches = BTreeMap<String, Match>;

impl Compiler<'_, '_, '_> {
    fn headers(&mut self, all: &Matches) -> Box<[(Option<HeaderName>, Rule)]> {
        let mut rules = Vec::new();
        for (key, wanted) in all {
            let at = format!("{}.options.header_matches.{key}", self.at);
            // Go keeps Host apart from the other headers, so Tyk never finds it.
            let name = HeaderName::try_from(key).ok().filter(|name| *name != header::HOST);
            if name.is_none() {
                self.blueprint.warn(at.clone(), "no request has this header, so it never matches");
            }
            let key = canonical(key);
            rules.push((name, self.rule(&at, &key, wanted, true)));
        }
        rules.into()
    }

    fn keyed(&mut self, group: &str, all: &Matches, numbered: bool) -> Box<[(Box<str>, Rule)]> {
        all.iter()
            .map(|(key, wanted)| {
                let at = format!("{}.options.{group}.{key}", self.at);
                (key.as_str().into(), self.rule(&at, key, wanted, numbered))
            })
            .collect()
    }

    fn rule(&mut self, at: &str, key: &str, wanted: &Match, numbered: bool) -> Rule {
        let pattern = re2::compile(&wanted.match_rx);
        if let Err(error) = &pattern {
            self.blueprint
                .refuse(format!("{at}.match_rx"), format!("no regex, so it never matches: {error}"));
        }
        let prefix = format!("trigger-{}-{key}", self.number);
        let made = self.names.iter().filter_map(|name| Made::from_name(name, &prefix, numbered)).collect();
        Rule { pattern: pattern.ok(), reverse: wanted.reverse, made }
    }

    fn payload(&mut self, wanted: &Match) -> Rule {
        let at = format!("{}.options.payload_matches", self.at);
        let mut rule = self.rule(&at, "payload", wanted, true);
        let first = format!("trigger-{}-payload", self.number);
        let alone =
            self.names.get(first.as_str()).map(|name| Made { name: name.clone(), value: 0, group: 0 });
        rule.made = rule.made.into_iter().chain(alone).collect();
        rule
    }
}

impl Made {
    /// Reads what a name asks of a rule: `prefix`, then `-value` if values are numbered, then `-group` counted from
    /// the first capture group.
    fn from_name(name: &Arc<str>, prefix: &str, numbered: bool) -> Option<Self> {
        let mut numbers = Vec::new();
        let mut rest = name.strip_prefix(prefix)?;
        while let Some(tail) = rest.strip_prefix('-') {
            let end = tail.find('-').unwrap_or(tail.len());
            let (digits, after) = tail.split_at(end);
            numbers.push(digits.parse::<usize>().ok().filter(|number| number.to_string() == digits)?);
            rest = after;
        }
        if !rest.is_empty() {
            return None;
        }
        let (value, group) = match (numbered, numbers.as_slice()) {
            (true, [value]) => (*value, None),
            (true, [value, group]) => (*value, Some(*group)),
            (false, []) => (0, None),
            (false, [group]) => (0, Some(*group)),
            _ => return None,
        };
        Some(Self { name: name.clone(), value, group: group.map_or(0, |group| group.saturating_add(1)) })
    }
}
