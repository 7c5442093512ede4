//! Where the keys of an API's tokens come from: `jwt_jwks_uris`, else `jwt_source`, else the key that a token names.

use std::{sync::Arc, time::Duration};

use base64::Engine;

use super::{
    remote::RemoteKeys,
    signature::{Family, Key, ORDINARY},
};
use crate::{chain::Blueprint, definition::ApiDefinition};

/// Where keys come from.
pub(super) enum Source {
    /// One key for all tokens; none when what is written is no key, so that no token passes.
    Key(Option<Key>),
    /// Key sets; a token's `kid` names its key.
    Sets(Vec<Arc<RemoteKeys>>),
    /// The session that the token names holds it.
    PerKey,
}

impl Source {
    /// Reads the definition. What cannot be used is named; no token passes then.
    pub(super) fn build(blueprint: &mut Blueprint<'_>, family: Family) -> Self {
        let definition = blueprint.definition;
        if !definition.jwt_jwks_uris.is_empty() {
            return Self::Sets(listed(blueprint, definition));
        }
        let source = definition.jwt_source.as_str();
        if source.is_empty() {
            return Self::PerKey;
        }
        if is_url(source) {
            return Self::Sets(vec![remote(blueprint, source, None)]);
        }
        let Ok(decoded) = ORDINARY.decode(source) else {
            blueprint.refuse("jwt_source", "neither a URL nor base64: every token is refused");
            return Self::Key(None);
        };
        if let Ok(url) = str::from_utf8(&decoded)
            && is_url(url)
        {
            return Self::Sets(vec![remote(blueprint, url, None)]);
        }
        let key = Key::read(family, &decoded);
        if key.is_none() {
            let message = "expected a public key or a certificate as PEM, in base64: every token is refused";
            blueprint.refuse("jwt_source", message);
        }
        Self::Key(key)
    }
}

fn listed(blueprint: &mut Blueprint<'_>, definition: &ApiDefinition) -> Vec<Arc<RemoteKeys>> {
    let each = definition.jwt_jwks_uris.iter().enumerate();
    each.filter_map(|(index, entry)| {
        if !is_url(&entry.url) {
            let message = format!("{:?} is no http or https URL: no token passes by it", entry.url);
            blueprint.refuse(format!("jwt_jwks_uris[{index}].url"), message);
            return None;
        }
        Some(remote(blueprint, &entry.url, entry.cache_timeout.duration()))
    })
    .collect()
}

fn remote(blueprint: &Blueprint<'_>, url: &str, keep: Option<Duration>) -> Arc<RemoteKeys> {
    let services = blueprint.services;
    let general = u64::try_from(services.config.jwks.cache.timeout).unwrap_or_default();
    Arc::new(RemoteKeys::new(
        url.to_owned(),
        keep.unwrap_or(Duration::from_secs(general)),
        !services.config.jwt_ssl_insecure_skip_verify,
        services.client.clone(),
        services.key_sets.of(&blueprint.definition.api_id),
    ))
}

fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}
