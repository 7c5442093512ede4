//! Tells an API's owner of tokens that were given (`notifications`). In the background: nobody waits for it.

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde::Serialize;

use super::{form::Form, server::Server, tokens::Access};
use crate::upstream::Call;

/// Tyk's name, with its slip.
const AGENT: HeaderValue = HeaderValue::from_static("Tyk-Gatewy-Notifications");
const TYPE_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What is told.
#[derive(Serialize)]
pub(super) struct Notice<'a> {
    auth_code: &'a str,
    new_oauth_token: &'a str,
    refresh_token: &'a str,
    old_refresh_token: &'a str,
    notification_type: &'static str,
}

impl<'a> Notice<'a> {
    /// Of a token that was given for a form.
    pub(super) fn of(form: &'a Form, access: &'a Access) -> Self {
        let refreshes = form.get("grant_type") == "refresh_token";
        Self {
            auth_code: form.get("code"),
            new_oauth_token: &access.access_token,
            refresh_token: &access.refresh_token,
            old_refresh_token: form.get("refresh_token"),
            notification_type: if refreshes { "refresh" } else { "new" },
        }
    }
}

impl Server {
    /// Sends it to the API's owner, if they want to know.
    pub(super) fn notify(&self, notice: &Notice<'_>) {
        let url = &self.notifications.oauth_on_keychange_url;
        if url.is_empty() {
            return;
        }
        let Ok(body) = serde_json::to_vec(notice) else { return };
        let mut call = Call::new(Method::POST, url.as_str());
        call.body = Bytes::from(body);
        call.headers.insert(header::CONTENT_TYPE, TYPE_JSON);
        call.headers.insert(header::USER_AGENT, AGENT);
        if let Ok(secret) = HeaderValue::from_str(&self.notifications.shared_secret) {
            call.headers.insert("x-tyk-shared-secret", secret);
        }
        let (outbound, api_id) = (self.outbound.clone(), self.api_id.clone());
        tokio::spawn(async move {
            let failed = match outbound.send(call).await {
                Ok(reply) if reply.status.is_success() => return,
                Ok(reply) => format!("status {}", reply.status),
                Err(error) => error.chain(),
            };
            tracing::warn!(api_id, error = failed, "an OAuth notification did not arrive");
        });
    }
}
