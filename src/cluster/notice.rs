//! [`Notice`]: what is said, and how it is written (sessions-and-control reference 10.4).

use serde_json::Value;

/// What a notice asks of those who hear it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A definition changed: load all of them.
    ApiUpdated,
    /// A definition is gone: load all of them.
    ApiRemoved,
    /// A definition is new: load all of them.
    ApiAdded,
    /// A policy changed: load everything.
    PolicyChanged,
    /// Somebody asked the whole group to load.
    GroupReload,
    /// Keys changed: the payload lists their hashes (or tokens), separated by commas.
    KeySpaceUpdate,
    /// A gateway says that it is alive; see [`super::Members`].
    Alive,
    /// Responses of the API in the payload are no longer to be served from the cache.
    DeleteApiCache,
    /// Key sets fetched for the API in the payload are no longer to be trusted.
    InvalidateKeySets,
    /// OAuth tokens that ran out are to be removed.
    PurgeLapsedTokens,
    /// One that this gateway does not know, by name.
    Other(String),
}

impl Command {
    /// How it is written.
    pub fn name(&self) -> &str {
        match self {
            Self::ApiUpdated => "ApiUpdated",
            Self::ApiRemoved => "ApiRemoved",
            Self::ApiAdded => "ApiAdded",
            Self::PolicyChanged => "PolicyChanged",
            Self::GroupReload => "GroupReload",
            Self::KeySpaceUpdate => "KeySpaceUpdateNotification",
            Self::Alive => "NoticeGatewayDRLNotification",
            Self::DeleteApiCache => "DeleteAPICache",
            Self::InvalidateKeySets => "InvalidateJWKSCacheForAPI",
            Self::PurgeLapsedTokens => "OAuthPurgeLapsedTokens",
            Self::Other(name) => name,
        }
    }

    fn named(name: &str) -> Self {
        const KNOWN: [Command; 10] = [
            Command::ApiUpdated,
            Command::ApiRemoved,
            Command::ApiAdded,
            Command::PolicyChanged,
            Command::GroupReload,
            Command::KeySpaceUpdate,
            Command::Alive,
            Command::DeleteApiCache,
            Command::InvalidateKeySets,
            Command::PurgeLapsedTokens,
        ];
        KNOWN.into_iter().find(|known| known.name() == name).unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// True when everything is to be loaded again.
    pub fn reloads(&self) -> bool {
        use Command::{ApiAdded, ApiRemoved, ApiUpdated, GroupReload, PolicyChanged};
        matches!(self, ApiUpdated | ApiRemoved | ApiAdded | PolicyChanged | GroupReload)
    }
}

/// A notice whose sender has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it asks.
    pub command: Command,
    /// What it asks it about; empty where the command says it all.
    pub payload: String,
}

/// A message as it travels.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) command: String,
    pub(super) payload: String,
    pub(super) signature: String,
    pub(super) algorithm: i64,
}

impl Message {
    /// Names of members are matched in any case; absent and null mean empty. `None` for what is no such message.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let Value::Object(members) = serde_json::from_slice(text).ok()? else { return None };
        let member = |name: &str| {
            let found = members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value).filter(|value| !value.is_null())
        };
        let text = |name: &str| match member(name) {
            None => Some(String::new()),
            Some(value) => value.as_str().map(str::to_owned),
        };
        Some(Self {
            command: text("command")?,
            payload: text("payload")?,
            signature: text("signature")?,
            algorithm: member("algorithm").map_or(Some(0), Value::as_i64)?,
        })
    }

    pub(super) fn encode(&self) -> String {
        // The order of the members is Tyk's.
        let quoted = |text: &str| Value::from(text).to_string();
        format!(
            r#"{{"command":{},"payload":{},"signature":{},"algorithm":{}}}"#,
            quoted(&self.command),
            quoted(&self.payload),
            quoted(&self.signature),
            self.algorithm
        )
    }

    pub(super) fn notice(self) -> Notice {
        Notice { command: Command::named(&self.command), payload: self.payload }
    }
}
