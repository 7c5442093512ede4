//! Hashes of tokens, as they stand in Redis keys and analytics (sessions reference 1.3).
//!
//! Written out here and not taken from a crate: Tyk's `murmur32` is not MurmurHash3 (a stock one gives wrong keys
//! for every legacy token), and for the other 50 lines the known crates are unmaintained. Decided 2026-11.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// How a token is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashFunction {
    /// Tyk's 32-bit hash, also for every token that names no function: 8 hex digits.
    Murmur32,
    /// First half of `Murmur128`: 16 hex digits.
    Murmur64,
    /// MurmurHash3 x64 128: 32 hex digits.
    Murmur128,
    /// SHA-256: 64 hex digits.
    Sha256,
}

/// Tokens of the JSON form may lack their padding.
const TOKEN_TEXT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl HashFunction {
    /// The function of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "murmur32" => Some(Self::Murmur32),
            "murmur64" => Some(Self::Murmur64),
            "murmur128" => Some(Self::Murmur128),
            "sha256" => Some(Self::Sha256),
            _ => None,
        }
    }

    /// The function that a token itself names: member `h` of a base64 JSON token. Unknown names and all other
    /// tokens mean `Murmur32`; `hash_key_function` is not consulted.
    pub fn of_token(token: &str) -> Self {
        #[derive(Deserialize)]
        struct JsonToken {
            #[serde(default)]
            h: String,
        }
        if !token.starts_with("ey") {
            return Self::Murmur32;
        }
        let json = TOKEN_TEXT.decode(token).unwrap_or_default();
        serde_json::from_slice::<JsonToken>(&json)
            .ok()
            .and_then(|token| Self::named(&token.h))
            .unwrap_or(Self::Murmur32)
    }

    /// The hash in lower-case hex.
    pub fn hex(self, input: &[u8]) -> String {
        match self {
            Self::Murmur32 => format!("{:08x}", murmur32(input)),
            Self::Murmur64 => format!("{:016x}", murmur128(input).0),
            Self::Murmur128 => {
                let (high, low) = murmur128(input);
                format!("{high:016x}{low:016x}")
            }
            Self::Sha256 => hex(Sha256::digest(input)),
        }
    }
}

/// The hash of a whole token, by the function it names.
pub fn token(token: &str) -> String {
    HashFunction::of_token(token).hex(token.as_bytes())
}

/// The state of MurmurHash3-32 after its whole blocks: no tail, no length, no final mix. Up to three bytes at the
/// end of a token therefore do not count.
fn murmur32(input: &[u8]) -> u32 {
    let (blocks, _) = input.as_chunks::<4>();
    blocks.iter().fold(0, |hash: u32, block| {
        let k =
            u32::from_le_bytes(*block).wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
        (hash ^ k).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    })
}

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// MurmurHash3 x64 128, seed 0.
fn murmur128(input: &[u8]) -> (u64, u64) {
    let (mut h1, mut h2) = (0u64, 0u64);
    let (blocks, tail) = input.as_chunks::<16>();
    for block in blocks {
        let block = u128::from_le_bytes(*block);
        h1 ^= first(block as u64);
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= second((block >> 64) as u64);
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let rest = tail.iter().rev().fold(0u128, |rest, byte| rest << 8 | u128::from(*byte));
    h1 ^= first(rest as u64);
    h2 ^= second((rest >> 64) as u64);
    let length = input.len() as u64;
    (h1, h2) = (h1 ^ length, h2 ^ length);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    (h1, h2) = (mix(h1), mix(h2));
    h1 = h1.wrapping_add(h2);
    (h1, h2.wrapping_add(h1))
}

fn first(k: u64) -> u64 {
    k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn second(k: u64) -> u64 {
    k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn mix(mut k: u64) -> u64 {
    k = (k ^ k >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    k = (k ^ k >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ k >> 33
}

#[cfg(test)]
mod tests {
    use HashFunction::*;

    use super::*;

    #[test]
    fn vectors_of_the_reference() {
        for (input, expected) in [
            ("", "00000000"),
            ("abc", "00000000"),
            ("hello", "ef13efcd"),
            ("hell", "ef13efcd"),
            ("hello, world", "98b32401"),
            ("5e9d9544a1dcd60001d0ed200123456789abcdef0123456789abcdef", "2c8ddb56"),
            ("GET:/api/v1/users", "e0a415db"),
        ] {
            assert_eq!(Murmur32.hex(input.as_bytes()), expected, "{input}");
        }
        for (input, expected) in [
            ("", "00000000000000000000000000000000"),
            ("hello", "cbd8a7b341bd9b025b1e906a48ae1d19"),
            ("hello, world", "342fac623a5ebc8e4cdcbc079642414d"),
        ] {
            assert_eq!(Murmur128.hex(input.as_bytes()), expected, "{input}");
            assert_eq!(Murmur64.hex(input.as_bytes()), expected[..16], "{input}");
        }
    }

    #[test]
    fn a_json_token_names_its_function() {
        let made = |h: &str| {
            let json = format!(r#"{{"org":"5e9d9544a1dcd60001d0ed20","id":"alice","h":"{h}"}}"#);
            token(&base64::engine::general_purpose::STANDARD.encode(json))
        };
        assert_eq!(made("murmur64"), "323482177bb14153");
        assert_eq!(made("murmur128"), "b53bca93405e6b05796219ede45d4137");
        assert_eq!(made("sha256"), "7a052b0e2a9ffa732a2df8137cf8f02307c1b21eb728b8b9fe18e65e00dfbda0");
        assert_eq!(made("murmur32"), "f835efad");
        assert_eq!(
            made("what"),
            Murmur32.hex(
                base64::engine::general_purpose::STANDARD
                    .encode(r#"{"org":"5e9d9544a1dcd60001d0ed20","id":"alice","h":"what"}"#)
                    .as_bytes()
            )
        );
    }

    #[test]
    fn other_tokens_mean_murmur32() {
        for token in ["", "eyNotBase64", "ey==", "org1abcdef", "eyJhbGciOiJIUzI1NiJ9"] {
            assert_eq!(HashFunction::of_token(token), Murmur32, "{token}");
        }
    }
}
