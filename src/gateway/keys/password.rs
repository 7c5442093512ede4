//! Passwords and secrets of new keys.

use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::Uuid;

use crate::{
    config::Config,
    error::{Error, Result},
    session::{BasicAuthData, hash::HashFunction},
};

/// What Tyk spends on a password.
const COST: u32 = 10;

/// A password as it is stored: hashed by `basic_auth_hash_key_function`, where that names none with bcrypt.
///
/// # Errors
/// bcrypt takes no more than 72 bytes.
pub(crate) async fn hash(config: &Config, password: String) -> Result<BasicAuthData> {
    let name = &config.basic_auth_hash_key_function;
    if let Some(function) = HashFunction::named(name) {
        let password = function.hex(password.as_bytes());
        return Ok(BasicAuthData { password, hash_type: name.clone(), ..Default::default() });
    }
    // Some 50 ms of work: not on a thread that serves requests.
    let hashed = tokio::task::spawn_blocking(move || bcrypt::non_truncating_hash_with_result(password, COST));
    let parts = hashed.await.map_err(|error| Error::Internal(error.into()))?;
    let parts = parts.map_err(|error| Error::Internal(error.into()))?;
    Ok(BasicAuthData {
        password: parts.format_for_version(bcrypt::Version::TwoA),
        hash_type: "bcrypt".to_owned(),
        ..Default::default()
    })
}

/// A secret for signed requests.
pub(crate) fn secret() -> String {
    STANDARD.encode(Uuid::new_v4().simple().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_hashed_as_the_config_says() {
        let mut config = Config::built_in();
        for unknown in ["", "what"] {
            config.basic_auth_hash_key_function = unknown.to_owned();
            let made = hash(&config, "hello".to_owned()).await.unwrap();
            assert_eq!(made.hash_type, "bcrypt");
            assert!(made.password.starts_with("$2a$10$"), "{}", made.password);
            assert!(bcrypt::verify("hello", &made.password).unwrap());
        }
        config.basic_auth_hash_key_function = "murmur64".to_owned();
        let made = hash(&config, "hello".to_owned()).await.unwrap();
        assert_eq!((made.password.as_str(), made.hash_type.as_str()), ("cbd8a7b341bd9b02", "murmur64"));
    }

    #[tokio::test]
    async fn a_password_that_bcrypt_would_cut_is_refused() {
        assert!(hash(&Config::built_in(), "x".repeat(80)).await.is_err());
    }
}
