//! Hears what other gateways say and acts on it; says that this one is alive (sessions-and-control reference 10.4, 5.5).
//!
//! What was said while nobody listened is lost. So a subscription that was lost and is back reloads everything, as Tyk
//! does when its Redis is back: definitions and policies may have changed meanwhile. Keys need no such care, they live
//! in the local cache for seconds only.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::Gateway;
use crate::{
    auth::oauth,
    chain::Services,
    cluster::{CHANNEL, Command, Notice, Refused},
};

/// Between two attempts to listen. Tyk waits for ten; a call costs nothing while Redis is known to be away.
const RETRY: Duration = Duration::from_secs(1);

/// Starts listening and speaking.
pub(super) fn start(gateway: &Arc<Gateway>) {
    if gateway.config.suppress_redis_signal_reload {
        tokio::spawn(follow(gateway.clone()));
    } else {
        tokio::spawn(listen(gateway.clone()));
    }
    if let Some(every) = gateway.services.members.every() {
        tokio::spawn(live(gateway.clone(), every));
    }
}

/// Reloads each time Redis is back: what `suppress_redis_signal_reload` leaves over.
async fn follow(gateway: Arc<Gateway>) {
    let mut comebacks = gateway.services.store.comebacks();
    while comebacks.changed().await.is_ok() {
        gateway.reloads.announce();
    }
}

async fn listen(gateway: Arc<Gateway>) {
    let mut ear = Ear::default();
    let mut missed = false;
    loop {
        match gateway.services.store.subscribe(CHANNEL).await {
            Ok(mut messages) => {
                if missed {
                    tracing::info!("listening to other gateways again: everything is loaded anew");
                    gateway.reloads.announce();
                }
                missed = true;
                say_alive(&gateway).await;
                while let Some(message) = messages.recv().await {
                    ear.hear(&gateway, &message);
                }
                tracing::warn!("the subscription to {CHANNEL} was lost");
            }
            Err(error) => tracing::debug!(error = error.chain(), "no subscription to {CHANNEL}"),
        }
        sleep(RETRY).await;
    }
}

async fn live(gateway: Arc<Gateway>, every: Duration) {
    loop {
        sleep(every).await;
        gateway.services.members.forget();
        say_alive(&gateway).await;
    }
}

async fn say_alive(gateway: &Gateway) {
    let Services { notices, members, .. } = &gateway.services;
    if members.every().is_none() {
        return;
    }
    if let Err(error) = notices.publish(&Command::Alive, &members.message()).await {
        tracing::debug!(error = error.chain(), "other gateways do not hear that this one is alive");
    }
}

/// What was refused last, so that a neighbour with another secret fills no log: it may speak on every request.
#[derive(Default)]
struct Ear {
    refused: Option<Refused>,
}

impl Ear {
    fn hear(&mut self, gateway: &Arc<Gateway>, message: &[u8]) {
        match gateway.services.notices.read(message) {
            Ok(notice) => act(gateway, notice),
            Err(why) if self.refused == Some(why) => {
                tracing::debug!(%why, "a notification of another gateway is refused");
            }
            Err(why) => {
                self.refused = Some(why);
                tracing::warn!(%why, "notifications of another gateway are refused");
            }
        }
    }
}

/// Does what a notice asks. Whatever may wait runs beside, so that no message waits for an earlier one.
fn act(gateway: &Arc<Gateway>, Notice { command, payload }: Notice) {
    match command {
        command if command.reloads() => gateway.reloads.announce(),
        Command::KeySpaceUpdate => {
            for key in payload.split(',') {
                let hash = key.split(':').next().unwrap_or(key);
                gateway.services.sessions.forget(hash);
            }
        }
        Command::Alive => gateway.services.members.hear(&payload),
        Command::DeleteApiCache => {
            let services = gateway.services.clone();
            tokio::spawn(async move {
                if let Err(error) = services.cache.forget(&payload).await {
                    tracing::error!(api_id = payload, error = error.chain(), "a cache was not emptied");
                }
            });
        }
        Command::InvalidateKeySets => gateway.services.key_sets.forget(Some(&payload)),
        Command::PurgeLapsedTokens => {
            let services = gateway.services.clone();
            tokio::spawn(async move {
                if let Err(error) = oauth::purge(&services).await {
                    tracing::error!(error = error.chain(), "lapsed tokens were not purged");
                }
            });
        }
        command => {
            tracing::warn!(command = command.name(), "a notification that this gateway does not act upon");
        }
    }
}
