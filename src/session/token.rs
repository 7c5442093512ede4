//! Tokens: what a client presents, and what it says of itself (sessions reference 1.2).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use uuid::Uuid;

use super::hash::HashFunction;

/// A token for an id: the organisation and the id joined, or where a hash function is configured the JSON form.
/// A leading organisation is cut off the id once.
pub fn generate(org_id: &str, id: &str, hash_function: &str) -> String {
    let id = id.strip_prefix(org_id).unwrap_or(id);
    if hash_function.is_empty() {
        return format!("{org_id}{id}");
    }
    // Written by hand: other tokens of the same parts have to be the same text, unescaped as Tyk's are.
    let function = HashFunction::named(hash_function).map_or("murmur64", |_| hash_function);
    STANDARD.encode(format!(r#"{{"org":"{org_id}","id":"{id}","h":"{function}"}}"#))
}

/// A token with a random id.
pub fn random(org_id: &str, hash_function: &str) -> String {
    generate(org_id, &Uuid::new_v4().simple().to_string(), hash_function)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parts {
    org: String,
    id: String,
}

fn parts(token: &str) -> Option<Parts> {
    serde_json::from_slice(&STANDARD.decode(token).ok()?).ok()
}

/// The organisation that a token names; empty when it names none.
pub fn org_of(token: &str) -> String {
    if token.starts_with("ey")
        && let Some(Parts { org, .. }) = parts(token)
        && !org.is_empty()
    {
        return org;
    }
    match token.get(..24) {
        Some(org) if token.len() > 24 && org.bytes().all(|byte| byte.is_ascii_hexdigit()) => org.to_owned(),
        _ => String::new(),
    }
}

/// The id inside a token of the JSON form.
pub fn id_of(token: &str) -> Option<String> {
    parts(token).map(|parts| parts.id).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: &str = "5e9d9544a1dcd60001d0ed20";

    #[test]
    fn tokens_have_tyks_forms() {
        assert_eq!(generate(ORG, "alice", ""), format!("{ORG}alice"));
        let json = "eyJvcmciOiI1ZTlkOTU0NGExZGNkNjAwMDFkMGVkMjAiLCJpZCI6ImFsaWNlIiwiaCI6Im11cm11cjY0In0=";
        assert_eq!(generate(ORG, "alice", "murmur64"), json);
        assert_eq!(generate(ORG, &format!("{ORG}alice"), "murmur64"), json);
        assert_eq!(generate(ORG, "alice", "unheard-of"), json);
        assert_eq!((org_of(json), id_of(json)), (ORG.to_owned(), Some("alice".to_owned())));
        assert_eq!(org_of(&format!("{ORG}alice")), ORG);
        assert_eq!(org_of("alice"), "");
        assert_eq!(org_of(ORG), "");
    }
}
