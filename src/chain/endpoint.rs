//! Endpoints of a definition: which entry of a kind a request meets (api-definition reference 3.1 to 3.3).
//!
//! Entries stand in configured order, the first whose method and path fit wins. A path is a regex that is searched
//! in a few forms of the request's path; [`Candidates`] holds those forms.

use std::borrow::Cow;

use regex::{Regex, RegexSet};

use super::ListenPath;
use crate::{
    config::Config,
    definition::{Versioning, re2},
    error::Problem,
};

/// From this many entries on, one search over all patterns comes before the single ones.
const MANY: usize = 6;

/// How configured paths become regexes: the gateway's options and the entry's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PathStyle {
    /// A path that begins with `/` matches from the start.
    pub prefix: bool,
    /// A path matches to the end.
    pub suffix: bool,
    /// The case does not matter.
    pub ignore_case: bool,
}

impl PathStyle {
    /// What the gateway's config says.
    pub fn of(config: &Config) -> Self {
        Self {
            prefix: config.http_server_options.enable_path_prefix_matching,
            suffix: config.http_server_options.enable_path_suffix_matching,
            ignore_case: config.ignore_endpoint_case,
        }
    }

    /// The same, and without regard to case if `ignore` says so.
    pub fn ignoring_case(self, ignore: bool) -> Self {
        Self { ignore_case: self.ignore_case || ignore, ..self }
    }

    /// Compiles a configured path.
    ///
    /// # Errors
    /// It is no regex.
    pub fn regex(self, path: &str) -> Result<Regex, regex::Error> {
        re2::compile(&self.pattern(path))
    }

    /// The regex of a configured path (reference 3.1).
    fn pattern(self, path: &str) -> String {
        let mut out = String::with_capacity(path.len() + 16);
        if self.ignore_case {
            out.push_str("(?i)");
        }
        if self.prefix && path.starts_with('/') {
            out.push('^');
        }
        let start = out.len();
        out.push_str(&placeholders(path).replace("/*/", "/[^/]+/").replace("/*", "/.*"));
        if self.suffix && !out.get(start..).is_some_and(|text| text.ends_with('$')) {
            out.push('$');
        }
        out
    }
}

/// Every `{…}` becomes a segment, whatever it holds, if the braces are even in number.
fn placeholders(path: &str) -> Cow<'_, str> {
    let open = path.bytes().filter(|b| *b == b'{').count();
    if open == 0 || open != path.bytes().filter(|b| *b == b'}').count() {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, tail)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str("([^/]+)");
        rest = tail;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// An entry of a definition on its way into [`Endpoints`].
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its `path`.
    pub path: &'a str,
    /// Its `method`.
    pub method: &'a str,
    /// How the path is read.
    pub style: PathStyle,
}

#[derive(Debug, Clone)]
struct Entry<T> {
    method: Box<str>,
    path: Regex,
    value: T,
}

/// The entries of one kind, in configured order.
#[derive(Debug, Clone)]
pub struct Endpoints<T> {
    entries: Box<[Entry<T>]>,
    all: Option<RegexSet>,
}

/// Collects entries; those with a broken path are left out and named.
#[derive(Debug)]
pub struct EndpointsBuilder<T> {
    entries: Vec<Entry<T>>,
}

impl<T> Default for EndpointsBuilder<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> EndpointsBuilder<T> {
    /// Adds an entry.
    ///
    /// # Errors
    /// A problem without place and JSON path, when the entry's path is no regex.
    pub fn add(&mut self, place: Place<'_>, value: T) -> Result<(), Problem> {
        let path = place.style.regex(place.path).map_err(|error| {
            Problem::error("", "path", format!("{:?} is no endpoint path: {error}", place.path))
        })?;
        self.entries.push(Entry { method: place.method.into(), path, value });
        Ok(())
    }

    /// The finished table; nothing when it has no entry.
    pub fn build(self) -> Option<Endpoints<T>> {
        if self.entries.is_empty() {
            return None;
        }
        let all = (self.entries.len() >= MANY)
            .then(|| RegexSet::new(self.entries.iter().map(|entry| entry.path.as_str())).ok())
            .flatten();
        Some(Endpoints { entries: self.entries.into(), all })
    }
}

impl<T> Endpoints<T> {
    /// The first entry with exactly this method and a fitting path.
    pub fn find<'a>(&'a self, method: &str, candidates: &Candidates<'_>) -> Option<&'a T> {
        let mut matches = self.matches(candidates).filter(|(wanted, _)| *wanted == method);
        matches.next().map(|(_, value)| value)
    }

    /// Every entry whose path fits, with its method, in order.
    pub fn matches<'a, 'c>(
        &'a self,
        candidates: &'c Candidates<'c>,
    ) -> impl Iterator<Item = (&'a str, &'a T)> + use<'a, 'c, T> {
        let reachable = match &self.all {
            Some(all) if !candidates.any(|path| all.is_match(path)) => &[][..],
            _ => &self.entries[..],
        };
        reachable
            .iter()
            .filter(|entry| candidates.any(|path| entry.path.is_match(path)))
            .map(|entry| (&*entry.method, &entry.value))
    }
}

/// Removal of the version from paths (reference 3.2, `nover`). It does not ask where versions are named.
#[derive(Debug, Clone, Default)]
pub struct VersionStrip {
    on: bool,
    pattern: Option<Regex>,
}

impl VersionStrip {
    /// Compiles `definition.strip_versioning_data` and its pattern. A broken pattern strips nothing.
    ///
    /// # Errors
    /// A problem without place: the pattern is no regex.
    pub fn compile(versioning: &Versioning) -> Result<Self, Problem> {
        let on = versioning.strip_versioning_data || versioning.strip_path;
        if !on || versioning.url_versioning_pattern.is_empty() {
            return Ok(Self { on, pattern: None });
        }
        match re2::compile(&versioning.url_versioning_pattern) {
            Ok(pattern) => Ok(Self { on, pattern: Some(pattern) }),
            Err(error) => {
                Err(Problem::error("", "definition.url_versioning_pattern", format!("no regex: {error}")))
            }
        }
    }

    /// The path without its first segment, if that is a version.
    fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        if !self.on {
            return None;
        }
        let tail = path.strip_prefix('/').unwrap_or(path);
        let (segment, rest) = tail.find('/').map_or((tail, "/"), |at| tail.split_at(at));
        self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(segment)).then_some(rest)
    }
}

/// How the endpoint paths of one API are looked for: what is cut off a request's path first.
#[derive(Debug, Clone)]
pub struct EndpointPaths {
    listen_path: ListenPath,
    version: VersionStrip,
}

impl EndpointPaths {
    /// For an API that listens on `listen_path`.
    pub fn new(listen_path: ListenPath, version: VersionStrip) -> Self {
        Self { listen_path, version }
    }

    /// The forms that allow, block, ignore, mock and internal entries are looked for in.
    pub fn for_lists<'p>(&self, path: &'p str) -> Candidates<'p> {
        let mut found = Candidates::default();
        self.add_both(&mut found, self.listen_path.strip(path));
        found.add(Cow::Borrowed(path));
        found
    }

    /// The forms that entries of every other kind are looked for in.
    pub fn for_endpoints<'p>(&self, path: &'p str) -> Candidates<'p> {
        let mut found = Candidates::default();
        let on_root = self.listen_path.as_str() == "/";
        let inner = if on_root { Cow::Borrowed(path) } else { self.listen_path.strip(path) };
        let twice = match &inner {
            Cow::Borrowed(inner) => self.listen_path.strip(inner),
            Cow::Owned(inner) => Cow::Owned(self.listen_path.strip(inner).into_owned()),
        };
        self.add_both(&mut found, twice);
        found.add(inner);
        found
    }

    /// Adds the path without its version, if it has one, and the path.
    fn add_both<'p>(&self, found: &mut Candidates<'p>, path: Cow<'p, str>) {
        let shorter = match &path {
            Cow::Borrowed(path) => self.version.strip(path).map(Cow::Borrowed),
            Cow::Owned(path) => self.version.strip(path).map(|rest| Cow::Owned(rest.to_owned())),
        };
        if let Some(shorter) = shorter {
            found.add(shorter);
        }
        found.add(path);
    }
}

/// The forms of a request's path in which entries are looked for; any hit counts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Candidates<'p>([Option<Cow<'p, str>>; 3]);

impl<'p> Candidates<'p> {
    fn add(&mut self, path: Cow<'p, str>) {
        for slot in &mut self.0 {
            match slot {
                Some(known) if *known == path => return,
                Some(_) => {}
                None => {
                    *slot = Some(path);
                    return;
                }
            }
        }
    }

    fn any(&self, mut test: impl FnMut(&str) -> bool) -> bool {
        self.0.iter().flatten().any(|path| test(path))
    }
}

#[cfg(test)]
mod tests;
