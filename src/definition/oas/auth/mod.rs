//! Who may call: `server.authentication` with the document's `security` and `components.securitySchemes`
//! (api-definition reference 9.6).

mod custom;
mod schemes;

use serde_json::Value;

use super::{
    draft::Draft,
    lines::{Line, Take::*, take},
    read::Node,
};

const SETTINGS: &[Line] = &[
    Line("stripAuthorizationData", "strip_auth_data", Flag),
    Line("baseIdentityProvider", "base_identity_provided_by", Text),
    Line("hmac.enabled", "enable_signature_checking", Flag),
    Line("hmac.allowedAlgorithms", "hmac_allowed_algorithms", Texts),
    Line("hmac.allowedClockSkew", "hmac_allowed_clock_skew", Number),
    Line("oidc.enabled", "use_openid", Flag),
    Line("oidc.segregateByClientId", "openid_options.segregate_by_client", Flag),
    Line("custom.enabled", "custom_plugin_auth_enabled", Flag),
];

/// Where a credential is found.
const SOURCES: &[Line] = &[
    Line("header.enabled", "disable_header", Not),
    Line("header.name", "auth_header_name", Text),
    Line("query.enabled", "use_param", Flag),
    Line("query.name", "param_name", Text),
    Line("cookie.enabled", "use_cookie", Flag),
    Line("cookie.name", "cookie_name", Text),
];

/// Converts what `extension` and the rest of the document say about callers.
pub(super) fn convert(document: &Node<'_>, extension: &Node<'_>, draft: &mut Draft) {
    let wish = extension.at("server.authentication");
    let on = wish.member("enabled");
    draft.put("use_keyless", !on.is_on(), if on.exists() { on.path() } else { wish.path() });
    custom::convert(&wish.member("custom"), draft);
    if !wish.exists() {
        return;
    }
    take(SETTINGS, &wish, "", draft);
    for (method, name) in [("hmac", "hmac"), ("oidc", "oidc"), ("custom", "coprocess")] {
        let method = wish.member(method);
        if method.exists() {
            take(SOURCES, &method, &format!("auth_configs.{name}"), draft);
        }
    }
    openid(&wish.member("oidc"), draft);
    lifetime(&wish.member("customKeyLifetime"), draft);
    let required = requirements(document, draft);
    schemes::convert(document, &wish.member("securitySchemes"), &required, draft);
}

/// The names in the first requirement, which is the only one that counts.
fn requirements(document: &Node<'_>, draft: &mut Draft) -> Vec<String> {
    let all = document.member("security").items();
    let names = |one: &Node<'_>| one.members().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    if all.len() > 1 {
        let lists: Vec<Value> = all.iter().map(|one| names(one).into()).collect();
        draft.put("security_requirements", lists, "security");
    }
    for other in all.iter().skip(1) {
        draft.remark(other, "has no effect: only the first security requirement counts");
    }
    all.first().map(names).unwrap_or_default()
}

fn lifetime(wish: &Node<'_>, draft: &mut Draft) {
    let table: &[Line] = &[
        Line("value", "session_lifetime", Seconds),
        Line("respectValidity", "session_lifetime_respects_key_expiration", Flag),
    ];
    if wish.member("enabled").is_on() {
        take(table, wish, "", draft);
    } else {
        wish.claim();
    }
}

fn openid(wish: &Node<'_>, draft: &mut Draft) {
    for provider in wish.member("providers").items() {
        let mut made = Draft::default();
        take(&[Line("issuer", "issuer", Text)], &provider, "", &mut made);
        let clients = provider.member("clientToPolicyMapping");
        if let Some(map) = clients.pairs("clientId", "policyId") {
            made.put("client_ids", map, clients.path());
        }
        draft.push("openid_options.providers", made, provider.path());
    }
    scopes(&wish.member("scopes"), "scopes.oidc", draft);
}

/// Which claim names scopes, and their policies.
fn scopes(wish: &Node<'_>, place: &str, draft: &mut Draft) {
    first_of(wish, ["claimName", "claims"], &format!("{place}.scope_claim_name"), draft);
    let mapping = wish.member("scopeToPolicyMapping");
    if let Some(map) = mapping.pairs("scope", "policyId") {
        draft.put(&format!("{place}.scope_to_policy"), map, mapping.path());
    }
}

/// A claim that is named as text, or else first in a list.
fn first_of(wish: &Node<'_>, [one, several]: [&str; 2], to: &str, draft: &mut Draft) {
    let (one, several) = (wish.member(one), wish.member(several));
    let claims: Vec<String> = several.items().iter().filter_map(Node::text).collect();
    match (one.text().filter(|name| !name.is_empty()), claims.first()) {
        (Some(name), _) => draft.put(to, name, one.path()),
        (None, Some(first)) => draft.put(to, first.as_str(), several.path()),
        (None, None) => {}
    }
}
