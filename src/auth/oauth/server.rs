//! The OAuth 2 server of one API: its paths, below the listen path and below `/<api_id>/`.

use std::sync::Arc;

use http::Method;
use pingora_proxy::Session;
use subtle::ConstantTimeEq;

use super::{answer, form::Form, tokens::Tokens};
use crate::{
    auth::{
        basic::Passwords,
        clients::{Client, Clients},
    },
    chain::{Blueprint, Ctx, ListenPath, Response},
    definition::{ApiDefinition, Notifications, OauthMeta},
    error::Result,
    session::{ApiLifetime, Sessions},
    upstream,
};

/// The server of one API.
pub struct Server {
    pub(super) api_id: String,
    pub(super) org_id: String,
    pub(super) meta: OauthMeta,
    pub(super) notifications: Notifications,
    pub(super) clients: Clients,
    pub(super) tokens: Tokens,
    pub(super) sessions: Arc<Sessions>,
    pub(super) outbound: Arc<upstream::Client>,
    pub(super) lifetime: ApiLifetime,
    /// Seconds that an access token lives.
    pub(super) expires_in: i64,
    pub(super) error_status: u16,
    pub(super) separator: String,
    pub(super) passwords: Passwords,
    listen_path: ListenPath,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Authorize,
    AuthorizeClient,
    Token,
    Revoke,
    RevokeAll,
}

impl Endpoint {
    /// The endpoint of a path below the API. A slash at the end counts for nothing, but for the revocations.
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/oauth/authorize" | "/oauth/authorize/" => Self::Authorize,
            "/tyk/oauth/authorize-client" | "/tyk/oauth/authorize-client/" => Self::AuthorizeClient,
            "/oauth/token" | "/oauth/token/" => Self::Token,
            "/oauth/revoke" => Self::Revoke,
            "/oauth/revoke_all" => Self::RevokeAll,
            _ => return None,
        })
    }

    fn takes(self, method: &Method) -> bool {
        match self {
            Self::Authorize | Self::Token => matches!(*method, Method::GET | Method::POST),
            Self::AuthorizeClient => *method == Method::POST,
            Self::Revoke | Self::RevokeAll => true,
        }
    }
}

impl Server {
    /// The server, where a definition switches it on.
    pub fn build(blueprint: &Blueprint<'_>) -> Option<Self> {
        let definition = blueprint.definition;
        definition.use_oauth2.then(|| Self::new(definition, blueprint))
    }

    fn new(definition: &ApiDefinition, blueprint: &Blueprint<'_>) -> Self {
        let services = blueprint.services;
        Self {
            api_id: definition.api_id.clone(),
            org_id: definition.org_id.clone(),
            meta: definition.oauth_meta.clone(),
            notifications: definition.notifications.clone(),
            clients: Clients::new(services.store.clone(), &definition.api_id),
            tokens: Tokens::new(services, &definition.api_id),
            sessions: services.sessions.clone(),
            outbound: services.client.clone(),
            lifetime: definition.into(),
            expires_in: services.config.oauth_token_expire,
            error_status: services.config.oauth_error_status_code,
            separator: services.config.oauth_redirect_uri_separator.clone(),
            passwords: Passwords::new(None, services.config.pinhook.threads),
            listen_path: blueprint.listen_path.clone(),
        }
    }

    /// The answer to a request for one of its paths; nothing for any other request.
    ///
    /// # Errors
    /// A body that did not come whole.
    pub async fn answer(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Option<Response>> {
        let Some(endpoint) = self.endpoint(ctx.url.path()) else { return Ok(None) };
        if endpoint == Endpoint::AuthorizeClient && !is_admitted(session, ctx) {
            return answer::message(403, "Attempted administrative access with invalid or missing key!")
                .map(Some);
        }
        let method = session.req_header().method.clone();
        if !endpoint.takes(&method) {
            return answer::message(405, "Method not supported").map(Some);
        }
        let form = Form::read(session, ctx, endpoint == Endpoint::Token).await?;
        match endpoint {
            Endpoint::Authorize => self.authorize(&form, &method, ctx.url.query()).await,
            Endpoint::AuthorizeClient => self.authorize_client(ctx, &form).await,
            Endpoint::Token => self.grant(session, ctx, &form, &method).await,
            Endpoint::Revoke => self.answer_revoke(&form).await,
            Endpoint::RevokeAll => self.answer_revoke_all(&form).await,
        }
        .map(Some)
    }

    fn endpoint(&self, path: &str) -> Option<Endpoint> {
        if !path.contains("/oauth/") {
            return None;
        }
        let by_id = path.strip_prefix('/').and_then(|path| path.strip_prefix(&*self.api_id));
        match by_id.filter(|rest| !self.api_id.is_empty() && rest.starts_with('/')) {
            Some(rest) => Endpoint::of(rest),
            None => Endpoint::of(&self.listen_path.strip(path)),
        }
    }

    /// The client of this id.
    pub(super) async fn client(&self, id: &str) -> Result<Option<Client>> {
        self.clients.get(id).await
    }
}

/// True if the request carries the secret of the control API.
fn is_admitted(session: &Session, ctx: &Ctx) -> bool {
    let given = session.req_header().headers.get("x-tyk-authorization");
    let given = given.map(|value| value.as_bytes()).unwrap_or_default();
    ctx.snapshot.services.config.admits(given)
}

/// Compares without telling by its time where the texts part.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}
