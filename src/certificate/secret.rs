//! Private keys in the store: encrypted PEM as OpenSSL made it before PKCS #8 (AES-256-CBC, the key by one round of
//! MD5), which is what Tyk writes. Old, but others read it.

use aes::{
    Aes256,
    cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7},
};
use md5::{Digest, Md5};
use ring::rand::{SecureRandom, SystemRandom};

use super::pem::Block;
use crate::error::{Error, Result};

/// What the label of an encrypted key is in the store.
pub(super) const LABEL: &str = "ENCRYPTED PRIVATE KEY";
const CIPHER: &str = "AES-256-CBC";
/// Bytes of the initialisation vector that salt the key.
const SALT: usize = 8;

/// Encrypts a private key.
///
/// # Errors
/// The system has no randomness.
pub(super) fn encrypt(key: &[u8], secret: &[u8]) -> Result<Block> {
    let mut iv = [0; 16];
    let broken = |_| Error::Internal("the system's random numbers failed".into());
    SystemRandom::new().fill(&mut iv).map_err(broken)?;
    let cipher = cbc::Encryptor::<Aes256>::new(&derive(secret, &iv).into(), &iv.into());
    let mut block = Block::new(LABEL, cipher.encrypt_padded_vec::<Pkcs7>(key));
    let iv: String = iv.iter().map(|byte| format!("{byte:02X}")).collect();
    block.headers.push(("Proc-Type".to_owned(), "4,ENCRYPTED".to_owned()));
    block.headers.push(("DEK-Info".to_owned(), format!("{CIPHER},{iv}")));
    Ok(block)
}

/// OpenSSL's `EVP_BytesToKey` with one round of MD5.
pub(super) fn derive(secret: &[u8], iv: &[u8; 16]) -> [u8; 32] {
    let salt = iv.get(..SALT).unwrap_or_default();
    let first = Md5::new().chain_update(secret).chain_update(salt).finalize();
    let second = Md5::new().chain_update(first).chain_update(secret).chain_update(salt).finalize();
    let mut key = [0; 32];
    key.iter_mut().zip(first.iter().chain(&second)).for_each(|(to, from)| *to = *from);
    key
}
