//! Signatures of JSON Web Tokens: algorithms and public keys.
//!
//! ring checks them and not jsonwebtoken: that crate insists on claim rules of its own, its RSA is several times slower
//! and stands under RUSTSEC-2023-0071, and ring is in the tree for TLS anyway (2026-11). Neither knows ES512.

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::{
    hmac,
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm,
        RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
        RSA_PSS_2048_8192_SHA512, RsaParameters, UnparsedPublicKey,
    },
};
use x509_parser::{
    certificate::X509Certificate, pem::parse_x509_pem, prelude::FromDer, public_key::PublicKey as X509Key,
    public_key::RSAPublicKey, x509::SubjectPublicKeyInfo,
};

/// Base64 for URLs, with or without padding.
pub(super) const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);
/// Ordinary base64, with or without padding.
pub(super) const ORDINARY: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// What `jwt_signing_method` chooses: an API takes tokens of one family only, or a public key could be passed off as a
/// shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// A shared secret.
    Hmac,
    /// RSA, PKCS #1 and PSS.
    Rsa,
    /// Elliptic curves.
    Ecdsa,
}

impl Family {
    /// The family of that name; any other name means HMAC, as in Tyk.
    pub(super) fn of_method(name: &str) -> Self {
        match name {
            "rsa" => Self::Rsa,
            "ecdsa" => Self::Ecdsa,
            _ => Self::Hmac,
        }
    }
}

/// The `alg` of a token.
#[derive(Clone, Copy)]
pub(super) struct Algorithm {
    /// None for names that are known and belong to no family of ours: `none`, `EdDSA`.
    pub(super) family: Option<Family>,
    check: Check,
}

#[derive(Clone, Copy)]
enum Check {
    Hmac(hmac::Algorithm),
    Rsa(&'static RsaParameters),
    Ecdsa(&'static EcdsaVerificationAlgorithm),
    /// Known by name only: no signature of it passes.
    Never,
}

impl Algorithm {
    /// The algorithm of that name; nothing for a name that nobody knows.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (family, check) = match name {
            "HS256" => (Family::Hmac, Check::Hmac(hmac::HMAC_SHA256)),
            "HS384" => (Family::Hmac, Check::Hmac(hmac::HMAC_SHA384)),
            "HS512" => (Family::Hmac, Check::Hmac(hmac::HMAC_SHA512)),
            "RS256" => (Family::Rsa, Check::Rsa(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY)),
            "RS384" => (Family::Rsa, Check::Rsa(&RSA_PKCS1_2048_8192_SHA384)),
            "RS512" => (Family::Rsa, Check::Rsa(&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY)),
            "PS256" => (Family::Rsa, Check::Rsa(&RSA_PSS_2048_8192_SHA256)),
            "PS384" => (Family::Rsa, Check::Rsa(&RSA_PSS_2048_8192_SHA384)),
            "PS512" => (Family::Rsa, Check::Rsa(&RSA_PSS_2048_8192_SHA512)),
            "ES256" => (Family::Ecdsa, Check::Ecdsa(&ECDSA_P256_SHA256_FIXED)),
            "ES384" => (Family::Ecdsa, Check::Ecdsa(&ECDSA_P384_SHA384_FIXED)),
            "ES512" => (Family::Ecdsa, Check::Never),
            "none" | "EdDSA" => return Some(Self { family: None, check: Check::Never }),
            _ => return None,
        };
        Some(Self { family: Some(family), check })
    }

    /// True if `signature` is that of `message` under `key`. A key of another kind fits nothing.
    pub(super) fn verifies(self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match (self.check, key) {
            (Check::Hmac(algorithm), Key::Secret(secret)) => {
                hmac::verify(&hmac::Key::new(algorithm, secret), message, signature).is_ok()
            }
            (Check::Rsa(parameters), Key::Rsa { n, e }) => {
                PublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            (Check::Ecdsa(algorithm), Key::Point(point)) => {
                UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// What a signature is checked with.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// Of HMAC.
    Secret(Vec<u8>),
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// An uncompressed point; its length tells the curve, and ring refuses one that lies on another.
    Point(Vec<u8>),
}

impl Key {
    /// An RSA key of these numbers.
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Self {
        Self::Rsa { n: without_zeros(n), e: without_zeros(e) }
    }

    /// The key that a text stands for in a family: any bytes are a secret, but for none at all; a public key is PEM or DER, by itself or
    /// in a certificate.
    pub(super) fn read(family: Family, text: &[u8]) -> Option<Self> {
        if family == Family::Hmac {
            // Anybody can sign with an empty secret.
            return (!text.is_empty()).then(|| Self::Secret(text.to_vec()));
        }
        match parse_x509_pem(text) {
            Ok((_, pem)) => Self::of_der(&pem.contents),
            Err(_) => Self::of_der(text),
        }
    }

    fn of_der(der: &[u8]) -> Option<Self> {
        if let Ok((_, info)) = SubjectPublicKeyInfo::from_der(der) {
            return Self::of_info(&info);
        }
        if let Ok((_, certificate)) = X509Certificate::from_der(der) {
            return Self::of_info(certificate.public_key());
        }
        let (_, key) = RSAPublicKey::from_der(der).ok()?;
        Some(Self::rsa(key.modulus, key.exponent))
    }

    fn of_info(info: &SubjectPublicKeyInfo<'_>) -> Option<Self> {
        match info.parsed().ok()? {
            X509Key::RSA(key) => Some(Self::rsa(key.modulus, key.exponent)),
            X509Key::EC(point) => Some(Self::Point(point.data().to_vec())),
            _ => None,
        }
    }
}

fn without_zeros(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// Bytes of a text in base64 for URLs.
pub(super) fn url_bytes(text: &str) -> Option<Vec<u8>> {
    FOR_URLS.decode(text).ok()
}
