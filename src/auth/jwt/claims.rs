//! What is read out of the claims of a token that has been verified (sessions reference 3.5).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

/// Claims, or the fields of a header.
pub(super) type Claims = Map<String, Value>;

/// A claim by its name as it stands, else by a dotted path into objects.
pub(super) fn find<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(claim) = claims.get(name) {
        return Some(claim);
    }
    let mut steps = name.split('.');
    let first = claims.get(steps.next()?)?;
    steps.try_fold(first, |at, step| at.as_object()?.get(step))
}

/// A claim that is a text.
pub(super) fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    find(claims, name)?.as_str()
}

/// Why nobody is named. The texts go to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Nobody {
    #[error("no suitable claims for user ID were found")]
    NoClaim,
    #[error("found an empty user ID in sub claim")]
    EmptySubject,
    #[error("found an empty user ID in predefined base claim, claim: {0}")]
    EmptyBase(String),
}

/// Who a token speaks of: the claim `base` if one is configured and there, else `sub`.
pub(super) fn identity(claims: &Claims, base: &str) -> Result<String, Nobody> {
    if !base.is_empty()
        && let Some(id) = text(claims, base)
    {
        return if id.is_empty() { Err(Nobody::EmptyBase(base.to_owned())) } else { Ok(id.to_owned()) };
    }
    match claims.get("sub").and_then(Value::as_str) {
        Some("") => Err(Nobody::EmptySubject),
        Some(id) => Ok(id.to_owned()),
        None => Err(Nobody::NoClaim),
    }
}

/// Scopes: a text is split at spaces, lists are flattened.
pub(super) fn scopes(claims: &Claims, name: &str) -> Vec<String> {
    let mut scopes = Vec::new();
    match find(claims, name) {
        Some(Value::String(text)) => {
            scopes.extend(text.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned));
        }
        Some(claim) => flatten(claim, &mut scopes),
        None => {}
    }
    scopes
}

fn flatten(claim: &Value, into: &mut Vec<String>) {
    match claim {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| flatten(item, into)),
        _ => {}
    }
}

/// The client that asked for the token. A claim that is no text counts as absent; Tyk breaks off at one.
pub(super) fn client(claims: &Claims) -> Option<&str> {
    ["clientId", "cid", "client_id"].into_iter().find_map(|name| claims.get(name))?.as_str()
}

/// When a token ends, in unix seconds.
pub(super) fn expires(claims: &Claims) -> Option<i64> {
    claims.get("exp").and_then(Value::as_f64).map(|seconds| seconds as i64)
}

/// How far clocks may be apart, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Skews {
    pub(super) expires: u64,
    pub(super) issued: u64,
    pub(super) not_before: u64,
}

/// Why a token does not count now. If several checks fail, the last one speaks.
pub(super) fn out_of_time(claims: &Claims, skews: &Skews, now: SystemTime) -> Option<&'static str> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
    // Nothing, null and zero say nothing; what is no number is never right.
    let fails = |name: &str, right: &dyn Fn(f64) -> bool| match claims.get(name) {
        None | Some(Value::Null) => false,
        Some(claim) => match claim.as_f64() {
            Some(0.0) => false,
            Some(at) => !right(at),
            None => true,
        },
    };
    if fails("nbf", &|at| at <= now + skews.not_before as f64) {
        Some("Key not authorized: token is not valid yet")
    } else if fails("iat", &|at| at <= now + skews.issued as f64) {
        Some("Key not authorized: token used before issued")
    } else if fails("exp", &|at| at > now - skews.expires as f64) {
        Some("Key not authorized: token has expired")
    } else {
        None
    }
}

/// How a claim prints in a template, and whether it is a text: only texts are seen by conditions.
pub(super) fn print(claim: &Value) -> (String, bool) {
    match claim {
        Value::String(text) => (text.clone(), true),
        Value::Null => (String::new(), false),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            (items.join(","), false)
        }
        other => (other.to_string(), false),
    }
}
