//! Signatures of auth tokens, Mashery's form (sessions reference 3.3): `hex(hash(key + secret + unix seconds))`.

use http::HeaderName;
use md5::Md5;
use pingora_proxy::Session;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    auth::{credential::parameter, settings},
    chain::{Blueprint, Ctx, Denial, Template},
    definition::SignatureConfig,
    hex::hex,
    session::{KeyState, token},
};

const FAILED: &str = "Request signature verification failed";
/// Status of a refusal unless the definition sets one.
const UNAUTHORISED: u16 = 401;

/// What a request's signature must be.
pub(super) struct Signature {
    /// Nothing for a name that nobody knows: every request is a fault then.
    algorithm: Option<Algorithm>,
    header: Option<HeaderName>,
    parameter: Option<Box<str>>,
    secret: Template,
    /// Seconds, either way.
    skew: u64,
    refusal: Denial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        match name {
            "MasheryMD5" => Some(Self::Md5),
            "MasherySHA256" => Some(Self::Sha256),
            _ => None,
        }
    }
}

impl Signature {
    /// The check, where the definition asks for it.
    pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Self> {
        let (path, settings) = settings(blueprint.definition, "authToken");
        let SignatureConfig { algorithm, header, use_param, param_name, secret, .. } =
            &settings.filter(|settings| settings.validate_signature)?.signature;
        let known = Algorithm::named(algorithm);
        if known.is_none() {
            let message = format!("unknown algorithm {algorithm:?}: requests with a key are answered 500");
            blueprint.refuse(format!("{path}.signature.algorithm"), message);
        }
        let looks_at_query = *use_param || !param_name.is_empty();
        let name = if param_name.is_empty() { header } else { param_name };
        let settings = &settings?.signature;
        let status = u16::try_from(settings.error_code).ok().filter(|code| (200..600).contains(code));
        let text = if settings.error_message.is_empty() { FAILED } else { &settings.error_message };
        Some(Self {
            algorithm: known,
            header: HeaderName::from_bytes(header.as_bytes()).ok(),
            parameter: looks_at_query.then(|| name.as_str().into()),
            secret: blueprint.template(&format!("{path}.signature.secret"), secret),
            skew: u64::try_from(settings.allowed_clock_skew).unwrap_or_default(),
            refusal: Denial::with(status.unwrap_or(UNAUTHORISED), text),
        })
    }

    /// Checks the request's signature for the key that it came with.
    pub(super) fn check(&self, session: &Session, ctx: &Ctx, key: &KeyState, now: u64) -> Result<(), Denial> {
        let Some(algorithm) = self.algorithm else { return Err(Denial::new(500, "internal server error")) };
        let from_query = self.parameter.as_deref().and_then(|name| parameter(&ctx.url, name));
        let from_header = || {
            let value = session.req_header().headers.get(self.header.as_ref()?)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let given = from_query.or_else(from_header).unwrap_or_default();
        let mut scope = ctx.scope();
        scope.meta = Some(&key.state.meta_data);
        let secret = self.secret.print(scope, false, |_| None);
        if given.is_empty() || secret.is_empty() {
            return Err(self.refusal.clone());
        }
        let genuine = keys(&key.id, &key.state.org_id)
            .iter()
            .any(|key| is_genuine(algorithm, &[key, &secret], now, self.skew, &given));
        if genuine { Ok(()) } else { Err(self.refusal.clone()) }
    }
}

/// What a client may take for its key: the id behind the organisation, the id inside the token, the token.
pub(super) fn keys(token: &str, org_id: &str) -> Vec<String> {
    let bare = token.strip_prefix(org_id).filter(|_| !org_id.is_empty()).map(str::to_owned);
    bare.into_iter().chain(token::id_of(token)).chain([token.to_owned()]).collect()
}

/// Tries every second that the clocks may be apart.
pub(super) fn is_genuine(algorithm: Algorithm, parts: &[&str], now: u64, skew: u64, given: &str) -> bool {
    match algorithm {
        Algorithm::Md5 => is_hash::<Md5>(parts, now, skew, given),
        Algorithm::Sha256 => is_hash::<Sha256>(parts, now, skew, given),
    }
}

fn is_hash<D: Digest + Clone>(parts: &[&str], now: u64, skew: u64, given: &str) -> bool {
    let start = parts.iter().fold(D::new(), |hash, part| hash.chain_update(part));
    (now.saturating_sub(skew)..=now.saturating_add(skew)).any(|second| {
        let hash = start.clone().chain_update(second.to_string()).finalize();
        hex(hash).as_bytes().ct_eq(given.as_bytes()).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_of_the_skew_counts() {
        // printf 'keysecret1000' | sha256sum, md5sum
        let sha = "1a1c80a374f7e5925b4280333337902ebd62c46c8e5a4a2b9a8dd29da2459dc9";
        let md5 = "c4365fcd7dc92991386b31446d6e824a";
        let genuine =
            |algorithm, now, skew, given: &str| is_genuine(algorithm, &["key", "secret"], now, skew, given);
        for (algorithm, given) in [(Algorithm::Sha256, sha), (Algorithm::Md5, md5)] {
            assert!(genuine(algorithm, 1000, 0, given));
            assert!(genuine(algorithm, 998, 2, given));
            assert!(genuine(algorithm, 1002, 2, given));
            assert!(!genuine(algorithm, 1003, 2, given));
            assert!(!genuine(algorithm, 997, 2, given));
            assert!(!genuine(algorithm, 1000, 0, &given.to_uppercase()));
            assert!(!is_genuine(algorithm, &["other", "secret"], 1000, 0, given));
        }
        assert!(!genuine(Algorithm::Md5, 1000, 0, sha));
    }

    #[test]
    fn a_client_may_take_three_texts_for_its_key() {
        assert_eq!(keys("orgalice", "org"), ["alice", "orgalice"]);
        assert_eq!(keys("orgalice", ""), ["orgalice"]);
        let json = token::generate("org", "alice", "murmur64");
        assert_eq!(keys(&json, "org"), ["alice", &json]);
    }
}
