//! Codes and tokens of the OAuth 2 server as they are stored, in Tyk's forms (sessions reference 1.7).

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

use crate::{
    auth::clients::Client,
    chain::Services,
    cluster::{Command, Notices},
    error::{Error, Result},
    session::{Sessions, unix_now},
    store::{If, Store, keys::oauth as keys},
};

/// Seconds that an authorization code lives.
const CODE: i64 = 250;
/// A score below all others: what is moved there can be taken out of a sorted set alone.
const ASIDE: f64 = -1.0;

/// An authorization code.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Code {
    pub(super) client: Client,
    pub(super) code: String,
    pub(super) expires_in: i64,
    pub(super) scope: String,
    pub(super) redirect_uri: String,
    pub(super) state: String,
    pub(super) created_at: String,
    /// A key's state as JSON; empty leaves it to the client's policy.
    #[serde(deserialize_with = "text_or_nothing")]
    pub(super) user_data: String,
}

/// An access token, and the refresh token beside it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Access {
    /// Whose it is.
    pub client: Client,
    /// Written for Tyk, which expects it; the code is spent and not kept.
    #[serde(skip_deserializing)]
    pub authorize_data: (),
    /// The same for the token that this one replaced.
    #[serde(skip_deserializing)]
    pub access_data: (),
    /// The token.
    pub access_token: String,
    /// Empty if there is none.
    pub refresh_token: String,
    /// Seconds.
    pub expires_in: i64,
    /// As asked for.
    pub scope: String,
    /// As asked for.
    pub redirect_uri: String,
    /// RFC 3339.
    pub created_at: String,
    /// A key's state as JSON; empty leaves it to the client's policy.
    #[serde(deserialize_with = "text_or_nothing")]
    pub user_data: String,
}

fn text_or_nothing<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

impl Code {
    fn is_over(&self) -> bool {
        let created = DateTime::parse_from_rfc3339(&self.created_at);
        created.map_or(true, |at| at.timestamp().saturating_add(self.expires_in) < unix_now())
    }
}

/// The time as it is stored.
pub(super) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// A token as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its hash, or with hashing off the token.
    pub code: String,
    /// Unix seconds.
    pub expires: i64,
}

/// The codes and tokens of one API.
#[derive(Clone)]
pub struct Tokens {
    store: Arc<dyn Store>,
    sessions: Arc<Sessions>,
    notices: Arc<Notices>,
    api_id: Arc<str>,
    refresh: Duration,
}

impl Tokens {
    /// Those of this API.
    pub fn new(services: &Services, api_id: &str) -> Self {
        Self {
            store: services.store.clone(),
            sessions: services.sessions.clone(),
            notices: services.notices.clone(),
            api_id: api_id.into(),
            refresh: seconds(services.config.oauth_refresh_token_expire),
        }
    }

    /// Keeps a code for its short life.
    pub(super) async fn put_code(&self, mut code: Code) -> Result<()> {
        code.expires_in = CODE;
        code.created_at = now();
        let text = written(&code)?;
        self.store.set(&keys::code(&self.api_id, &code.code), &text, Some(seconds(CODE)), If::Always).await?;
        Ok(())
    }

    /// A code that still counts.
    pub(super) async fn code(&self, code: &str) -> Result<Option<Code>> {
        let found: Option<Code> = self.read(&keys::code(&self.api_id, code)).await?;
        Ok(found.filter(|code| !code.is_over()))
    }

    /// Spends a code. False if somebody else was faster: it is good for one token.
    pub(super) async fn spend_code(&self, code: &str) -> Result<bool> {
        Ok(self.store.delete(&[&keys::code(&self.api_id, code)]).await? > 0)
    }

    /// Keeps a new token.
    pub(super) async fn put(&self, access: &Access) -> Result<()> {
        let (text, hash) = (written(access)?, self.sessions.hash(&access.access_token));
        let lifetime = Some(seconds(access.expires_in));
        self.store.set(&keys::access(&self.api_id, &hash), &text, lifetime, If::Always).await?;
        let ends = unix_now().saturating_add(access.expires_in);
        let set = keys::client_tokens(&self.api_id, &access.client.id);
        self.store.sorted_add(&set, hash.as_bytes(), ends as f64).await?;
        if !access.refresh_token.is_empty() {
            let name = keys::refresh(&self.api_id, &access.refresh_token);
            self.store.set(&name, &text, Some(self.refresh), If::Always).await?;
        }
        Ok(())
    }

    /// What a refresh token stands for.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn refreshed(&self, refresh: &str) -> Result<Option<Access>> {
        self.read(&keys::refresh(&self.api_id, refresh)).await
    }

    /// Removes a refresh token; false if there was none.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn remove_refresh(&self, refresh: &str) -> Result<bool> {
        Ok(self.store.delete(&[&keys::refresh(&self.api_id, refresh)]).await? > 0)
    }

    /// Removes an access token and the key behind it, whether the one or the other is known or not.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn remove(&self, token: &str) -> Result<()> {
        let hash = self.sessions.hash(token);
        // Old gateways wrote it under the token itself.
        let names = [keys::access(&self.api_id, &hash), keys::access(&self.api_id, token)];
        for name in &names {
            if let Some(access) = self.read::<Access>(name).await? {
                self.take_out(&access.client.id, &hash).await?;
            }
        }
        let names = names.each_ref().map(String::as_str);
        self.store.delete(&names).await?;
        self.delete_keys(&[&hash]).await
    }

    /// Deletes the keys behind tokens, and tells the other gateways to forget them.
    async fn delete_keys(&self, hashes: &[&str]) -> Result<()> {
        self.sessions.delete(hashes).await?;
        if let Err(error) = self.notices.publish(&Command::KeySpaceUpdate, &hashes.join(",")).await {
            tracing::warn!(error = error.chain(), "other gateways were not told of revoked tokens");
        }
        Ok(())
    }

    /// Tyk takes out all tokens of the same second.
    async fn take_out(&self, client: &str, hash: &str) -> Result<()> {
        let set = keys::client_tokens(&self.api_id, client);
        self.store.sorted_add(&set, hash.as_bytes(), ASIDE).await?;
        self.store.sorted_remove(&set, ASIDE, ASIDE).await?;
        Ok(())
    }

    /// The tokens of a client that have not run out, first the one that ends first.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn of_client(&self, client: &str) -> Result<Vec<Listed>> {
        let set = keys::client_tokens(&self.api_id, client);
        let found = self.store.sorted_range(&set, unix_now() as f64, f64::INFINITY).await?;
        let listed = |(hash, ends): &(bytes::Bytes, f64)| Listed {
            code: String::from_utf8_lossy(hash).into_owned(),
            expires: *ends as i64,
        };
        Ok(found.iter().map(listed).collect())
    }

    /// Removes every token of a client, refresh tokens with them.
    ///
    /// # Errors
    /// The store did not answer; some may be gone.
    pub async fn remove_all(&self, client: &str) -> Result<()> {
        for Listed { code: hash, .. } in self.of_client(client).await? {
            let name = keys::access(&self.api_id, &hash);
            if let Some(access) = self.read::<Access>(&name).await?
                && !access.refresh_token.is_empty()
            {
                self.remove_refresh(&access.refresh_token).await?;
            }
            self.take_out(client, &hash).await?;
            self.store.delete(&[&name]).await?;
            self.delete_keys(&[&hash]).await?;
        }
        Ok(())
    }

    async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let value = self.store.get_many(&[name]).await?.into_iter().next().flatten();
        let Some(text) = value.filter(|text| !text.is_empty()) else { return Ok(None) };
        serde_json::from_slice(&text).map(Some).map_err(|error| Error::Store(error.into()))
    }
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or_default())
}

fn written(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::Internal(error.into()))
}
