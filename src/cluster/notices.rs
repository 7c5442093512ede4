//! [`Notices`]: sends and checks what goes over the channel.

use std::{path::Path, sync::Arc};

use super::{
    notice::{Command, Message, Notice},
    signature::{self, PublicKey},
};
use crate::{
    config::{Config, Secret},
    error::{Problem, Result},
    store::Store,
};

/// The channel of all gateways, dashboards and tools around one Redis.
pub const CHANNEL: &str = "tyk.cluster.notifications";

/// Why a message is not acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no JSON object with such members.
    #[error("it is no notification")]
    Malformed,
    /// Its hash is not one with our `node_secret`.
    #[error("it was signed with another node_secret")]
    OtherSecret,
    /// It needs a public key, and there is none.
    #[error("it is not signed with node_secret, and there is no public_key_path to check it with")]
    Unsigned,
    /// The public key does not verify it.
    #[error("its signature does not fit public_key_path")]
    BadSignature,
}

/// The gateway's mouth and ears on [`CHANNEL`].
pub struct Notices {
    store: Arc<dyn Store>,
    secret: Secret,
    key: Option<PublicKey>,
    trusting: bool,
}

impl Notices {
    /// Messages through `store`, signed with `node_secret`. A `public_key_path` that gives no key is reported:
    /// without it the messages that need it are refused.
    pub fn new(config: &Config, store: Arc<dyn Store>, problems: &mut Vec<Problem>) -> Self {
        let path = &config.public_key_path;
        let key = (!path.is_empty()).then(|| PublicKey::read(Path::new(path)));
        let key = key.and_then(|read| match read {
            Ok(key) => Some(key),
            Err(why) => {
                let message = format!("{why}; notifications signed with its private half are refused");
                problems.push(Problem::warning("gateway config", "public_key_path", message));
                None
            }
        });
        Self { store, secret: config.node_secret.clone(), key, trusting: config.allow_insecure_configs }
    }

    /// Tells all gateways, this one included. What is said while nobody listens is lost.
    ///
    /// # Errors
    /// The store did not take it.
    pub async fn publish(&self, command: &Command, payload: &str) -> Result<()> {
        self.store.publish(CHANNEL, self.encode(command, payload).as_bytes()).await
    }

    /// The message that says it.
    pub fn encode(&self, command: &Command, payload: &str) -> String {
        let command = command.name();
        Message {
            command: command.to_owned(),
            payload: payload.to_owned(),
            signature: signature::hash(command, payload, &self.secret),
            algorithm: signature::SHA256,
        }
        .encode()
    }

    /// Reads a message and checks its sender.
    ///
    /// # Errors
    /// Why it is not to be acted upon.
    pub fn read(&self, message: &[u8]) -> Result<Notice, Refused> {
        let message = Message::parse(message).ok_or(Refused::Malformed)?;
        self.check(&message)?;
        Ok(message.notice())
    }

    fn check(&self, message: &Message) -> Result<(), Refused> {
        if self.trusting {
            return Ok(());
        }
        if message.algorithm == signature::SHA256 {
            let known = signature::hashed_with(message, &self.secret);
            return if known { Ok(()) } else { Err(Refused::OtherSecret) };
        }
        let key = self.key.as_ref().ok_or(Refused::Unsigned)?;
        let known = key.verifies(message.payload.as_bytes(), &message.signature);
        if known { Ok(()) } else { Err(Refused::BadSignature) }
    }
}
