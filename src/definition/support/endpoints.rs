//! Endpoint rules by kind.

use super::{
    super::{ExtendedPaths, VersionInfo},
    Effect,
    Effect::{Instead, Refuse},
    Lint,
};

/// A kind of rule: its name, which of its entries are on, what follows.
struct Kind(&'static str, fn(&ExtendedPaths) -> Vec<bool>, Effect);

const KINDS: &[Kind] = &[
    Kind(
        "validate_json",
        |p| p.validate_json.iter().map(|e| !e.disabled).collect(),
        Refuse("request bodies can be validated"),
    ),
    Kind(
        "validate_request",
        |p| p.validate_request.iter().map(|e| e.enabled).collect(),
        Refuse("requests can be validated"),
    ),
    Kind(
        "transform",
        |p| p.transform.iter().map(|e| !e.disabled).collect(),
        Instead("the request body goes upstream as it is"),
    ),
    Kind(
        "transform_response",
        |p| p.transform_response.iter().map(|e| !e.disabled).collect(),
        Instead("the response body passes as it is"),
    ),
    Kind(
        "transform_jq",
        |p| vec![true; p.transform_jq.len()],
        Instead("the request body goes upstream as it is"),
    ),
    Kind(
        "transform_jq_response",
        |p| vec![true; p.transform_jq_response.len()],
        Instead("the response body passes as it is"),
    ),
    Kind(
        "hard_timeouts",
        |p| p.hard_timeouts.iter().map(|e| !e.disabled).collect(),
        Instead("proxy_default_timeout of the gateway applies"),
    ),
    Kind(
        "circuit_breakers",
        |p| p.circuit_breakers.iter().map(|e| !e.disabled).collect(),
        Instead("requests always go upstream"),
    ),
    Kind(
        "persist_graphql",
        |p| vec![true; p.persist_graphql.len()],
        Instead("the request goes upstream as it is"),
    ),
];

pub(super) fn check(version: &VersionInfo, at: &str, place: &str, found: &mut Lint) {
    let paths = &version.extended_paths;
    for Kind(name, entries, effect) in KINDS {
        for index in indices(&entries(paths)) {
            effect.report(place, format!("{at}.extended_paths.{name}[{index}]"), found);
        }
    }
}

fn indices(on: &[bool]) -> impl Iterator<Item = usize> {
    on.iter().enumerate().filter_map(|(index, on)| on.then_some(index))
}
