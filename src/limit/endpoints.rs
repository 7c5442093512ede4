//! The rates that a key has on single endpoints (`endpoints` of its rights, sessions reference 5.1).
//!
//! Their patterns come with keys, not with definitions, so they are compiled when first met and kept.

use std::sync::Arc;

use quick_cache::sync::Cache;
use regex::Regex;

use crate::session::{EndpointLimits, RateLimit, hash::HashFunction};

/// Patterns that are kept.
const MOST: usize = 4096;

/// Compiles the path of an endpoint.
type Compile = Box<dyn Fn(&str) -> Option<Regex> + Send + Sync>;

/// Finds the rate of an endpoint.
pub struct EndpointRates {
    compile: Compile,
    known: Cache<Box<str>, Option<Arc<Regex>>>,
}

impl EndpointRates {
    /// `compile` makes the pattern of a path; nothing for one that is broken, which then matches nothing.
    pub fn new(compile: impl Fn(&str) -> Option<Regex> + Send + Sync + 'static) -> Self {
        Self { compile: Box::new(compile), known: Cache::new(MOST) }
    }

    /// The rate of the first endpoint that has this method, in any case, and fits this path, and the hash that its
    /// counter bears. `path` is without the listen path.
    pub fn find<'a>(
        &self,
        endpoints: &'a [EndpointLimits],
        method: &str,
        path: &str,
    ) -> Option<(&'a RateLimit, String)> {
        endpoints.iter().find_map(|endpoint| {
            let asked = endpoint.methods.iter().find(|known| known.name.eq_ignore_ascii_case(method))?;
            self.pattern(&endpoint.path)?.is_match(path).then(|| {
                let name = format!("{}:{}", asked.name, endpoint.path);
                (&asked.limit, HashFunction::Murmur32.hex(name.as_bytes()))
            })
        })
    }

    fn pattern(&self, path: &str) -> Option<Arc<Regex>> {
        if let Some(known) = self.known.get(path) {
            return known;
        }
        let made = (self.compile)(path).map(Arc::new);
        self.known.insert(path.into(), made.clone());
        made
    }
}
