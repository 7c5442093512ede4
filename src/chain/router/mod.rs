//! From port, host and path of a request to its API (api-definition reference 1.7, 1.9, 1.10).
//!
//! Routes are tried in the order in which they were registered and the first match wins, whatever comes of it. This
//! module gives that answer without trying them: plain prefixes are looked up in `table`; routes with `{…}` in the
//! listen path or in the domain are tried one by one, but only those registered before the plain hit. The redirect
//! of unclean paths comes before any route: `Url::redirect`.

mod conflict;
mod table;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use regex::Regex;

pub use self::conflict::{Claim, resolve_conflicts};
use self::table::{ANY_DOMAIN, Found, Prefix, PrefixTable};
use super::{
    ListenPath,
    listen_path::{TemplateError, compile_template},
};
use crate::error::Problem;

/// One API as the router sees it.
#[derive(Debug, Clone)]
pub struct Route<T> {
    /// Its id; it also answers below `/<api_id>/`.
    pub api_id: String,
    /// Where it listens, conflicts resolved.
    pub listen_path: ListenPath,
    /// Its domain; empty if it has none or `domain_disabled`.
    pub domain: String,
    /// Its `listen_port`; 0 is the gateway's port.
    pub port: u16,
    /// It gets no route: only loops reach it.
    pub internal: bool,
    /// What a match gives.
    pub value: T,
}

/// Settings of the gateway that decide about routes.
#[derive(Debug, Clone, Default)]
pub struct RouterOptions {
    /// `enable_custom_domains`: the domains of routes count.
    pub custom_domains: bool,
    /// `http_server_options.enable_strict_routes`: `/app` is not taken for a prefix of `/apple`.
    pub strict_routes: bool,
    /// `hostname`: the host of every API without a domain; empty is any.
    pub hostname: String,
    /// `listen_port` of the gateway: a route that names it is no different from one with 0.
    pub gateway_port: u16,
}

/// The way to every API. Immutable.
#[derive(Debug)]
pub struct Router<T> {
    /// By rank: two orders belong to each, that of `/<api_id>/` and that of the listen path.
    values: Vec<T>,
    gateway: Table,
    ports: HashMap<u16, Table>,
    gateway_port: u16,
}

/// The routes of one port.
#[derive(Debug, Default)]
struct Table {
    prefixes: PrefixTable,
    /// By order.
    patterns: Vec<Pattern>,
    /// Numbers of the fixed domains in `prefixes`, from 1.
    domains: HashMap<Box<str>, u32>,
}

/// A route that a table of prefixes cannot hold.
#[derive(Debug)]
struct Pattern {
    order: u32,
    path: ListenPath,
    domain: Option<Domain>,
    strict: bool,
}

/// What a route wants the host to be.
#[derive(Debug, Clone)]
enum Domain {
    Fixed(Box<str>),
    Template { regex: Regex, has_port: bool },
}

impl<T> Router<T> {
    /// A router that finds nothing.
    pub fn empty() -> Self {
        Self { values: Vec::new(), gateway: Table::default(), ports: HashMap::new(), gateway_port: 0 }
    }

    /// Registers routes in the peer's order: those with a domain first if domains count, then by falling length of the
    /// listen path; equal ones as they come. A route whose domain or id can match nothing is reported and left out.
    pub fn new(routes: Vec<Route<T>>, options: &RouterOptions) -> (Self, Vec<Problem>) {
        let mut routes: Vec<_> = routes.into_iter().filter(|route| !route.internal).collect();
        routes.sort_by_key(|route| {
            let no_domain = !options.custom_domains || route.domain.is_empty();
            (no_domain, Reverse(route.listen_path.sort_length()))
        });
        let mut values = Vec::with_capacity(routes.len());
        let mut builders: HashMap<u16, Builder> = HashMap::from([(0, Builder::default())]);
        let mut problems = Vec::new();
        for route in routes {
            let port = if route.port == options.gateway_port { 0 } else { route.port };
            let order = values.len() as u32 * 2;
            match builders.entry(port).or_default().register(&route, order, options) {
                Ok(()) => values.push(route.value),
                Err(problem) => problems.push(problem),
            }
        }
        let mut ports: HashMap<_, _> =
            builders.into_iter().map(|(port, builder)| (port, builder.finish())).collect();
        let gateway = ports.remove(&0).unwrap_or_default();
        (Self { values, gateway, ports, gateway_port: options.gateway_port }, problems)
    }

    /// The API for a decoded path, or nothing, which is 404 `Not Found` as plain text. `port` is that of the listener
    /// (0 or the gateway's own port: the gateway), `host` the request's host as sent.
    #[inline]
    pub fn find(&self, port: u16, host: &str, path: &str) -> Option<&T> {
        let table =
            if port == 0 || port == self.gateway_port { &self.gateway } else { self.ports.get(&port)? };
        let order = table.find(host, path)?;
        self.values.get(order as usize / 2)
    }

    /// The ports that need a listener besides the gateway's, in no order.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.ports.keys().copied()
    }
}

impl Table {
    fn find(&self, host: &str, path: &str) -> Option<u32> {
        let plain = self.find_plain(host, path);
        for pattern in &self.patterns {
            if plain.is_some_and(|plain| plain.order < pattern.order) {
                break;
            }
            if pattern.matches(host, path) {
                let length = pattern.path.as_str().len();
                return (!pattern.strict || ends_segment(path, length)).then_some(pattern.order);
            }
        }
        let plain = plain?;
        (!plain.strict || ends_segment(path, plain.length)).then_some(plain.order)
    }

    fn find_plain(&self, host: &str, path: &str) -> Option<Found> {
        if self.domains.is_empty() {
            return self.prefixes.find(path.as_bytes(), &[]);
        }
        let as_sent = self.domains.get(host);
        let bare = without_port(host);
        let without_port = if bare.len() < host.len() { self.domains.get(bare) } else { None };
        match (as_sent, without_port) {
            (Some(one), Some(other)) => self.prefixes.find(path.as_bytes(), &[*one, *other]),
            (Some(one), None) | (None, Some(one)) => self.prefixes.find(path.as_bytes(), &[*one]),
            (None, None) => self.prefixes.find(path.as_bytes(), &[]),
        }
    }
}

impl Pattern {
    fn matches(&self, host: &str, path: &str) -> bool {
        let path_matches = match self.path.template() {
            Some(template) => template.is_match(path),
            None => path.starts_with(self.path.as_str()),
        };
        path_matches && self.domain.as_ref().is_none_or(|domain| domain.matches(host))
    }
}

impl Domain {
    fn compile(text: &str) -> Result<Self, TemplateError> {
        Ok(match compile_template(text, "[^.]+", "$")? {
            None => Self::Fixed(text.into()),
            Some(regex) => Self::Template { regex, has_port: text.contains(':') },
        })
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Fixed(name) => **name == *host || **name == *without_port(host),
            Self::Template { regex, has_port: true } => regex.is_match(host),
            Self::Template { regex, has_port: false } => regex.is_match(without_port(host)),
        }
    }
}

fn without_port(host: &str) -> &str {
    host.split(':').next().unwrap_or_default()
}

fn ends_segment(path: &str, length: usize) -> bool {
    matches!(path.as_bytes().get(length), None | Some(b'/'))
}

/// Collects the routes of one port.
#[derive(Default)]
struct Builder {
    prefixes: Vec<Prefix>,
    seen: HashSet<(Box<str>, u32)>,
    patterns: Vec<Pattern>,
    domains: HashMap<Box<str>, u32>,
}

impl Builder {
    fn register<T>(&mut self, route: &Route<T>, order: u32, options: &RouterOptions) -> Result<(), Problem> {
        let domain = if options.custom_domains && !route.domain.is_empty() {
            &route.domain
        } else {
            &options.hostname
        };
        let left_out = |path: &str, text: &str, error: TemplateError| {
            let message = format!("{text:?} matches no request: {error}; this API is left out");
            Problem::error(route.api_id.as_str(), path, message)
        };
        let domain = match domain.as_str() {
            "" => None,
            text => Some(Domain::compile(text).map_err(|error| left_out("domain", text, error))?),
        };
        if !route.api_id.is_empty() {
            let text = format!("/{}/", route.api_id);
            let by_id = ListenPath::compile(&text).map_err(|error| left_out("api_id", &text, error))?;
            self.add(by_id, domain.clone(), order, false);
        }
        let strict = options.strict_routes && !route.listen_path.as_str().ends_with('/');
        self.add(route.listen_path.clone(), domain, order + 1, strict);
        Ok(())
    }

    fn add(&mut self, path: ListenPath, domain: Option<Domain>, order: u32, strict: bool) {
        let has_template = path.template().is_some();
        let is_plain = !has_template && PrefixTable::can_hold(path.as_str());
        let number = match &domain {
            _ if !is_plain => None,
            None => Some(ANY_DOMAIN),
            Some(Domain::Fixed(name)) => {
                let next = self.domains.len() as u32 + 1;
                Some(*self.domains.entry(name.clone()).or_insert(next))
            }
            Some(Domain::Template { .. }) => None,
        };
        let Some(domain_number) = number else {
            self.patterns.push(Pattern { order, path, domain, strict: strict && !has_template });
            return;
        };
        let text: Box<str> = path.as_str().into();
        if self.seen.insert((text.clone(), domain_number)) {
            self.prefixes.push(Prefix { text, domain: domain_number, order, strict });
        }
    }

    fn finish(self) -> Table {
        Table { prefixes: PrefixTable::new(&self.prefixes), patterns: self.patterns, domains: self.domains }
    }
}
