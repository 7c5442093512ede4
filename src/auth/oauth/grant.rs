//! `oauth/token`: a grant is changed for a token.

use http::{Method, header};
use pingora_proxy::Session;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    answer::{self, OauthError},
    form::Form,
    issue::Grant,
    notify::Notice,
    redirect::Registered,
    server::{Server, is_same},
    tokens::Access,
};
use crate::{
    auth::{basic::Passwords, clients::Client},
    chain::{Ctx, Response},
    error::Result,
    session::SessionState,
    store::If,
};

impl Server {
    /// Answers a call of the token endpoint.
    pub(super) async fn grant(
        &self,
        session: &Session,
        ctx: &Ctx,
        form: &Form,
        method: &Method,
    ) -> Result<Response> {
        let outcome = match *method {
            Method::POST => self.exchange(session, ctx, form).await,
            _ => Err(OauthError::InvalidRequest),
        };
        match outcome {
            Ok(access) => answer::token(200, &access.members()),
            Err(error) => answer::token(self.error_status, &error.members()),
        }
    }

    async fn exchange(&self, session: &Session, ctx: &Ctx, form: &Form) -> Result<Access, OauthError> {
        let kind = form.get("grant_type");
        if !self.meta.allowed_access_types.iter().any(|allowed| allowed == kind) {
            return Err(OauthError::UnsupportedGrantType);
        }
        let credentials = credentials(session);
        let access = match kind {
            "authorization_code" => self.by_code(ctx, form, credentials).await?,
            "refresh_token" => self.by_refresh(ctx, form, credentials).await?,
            "password" => self.by_password(ctx, form, credentials).await?,
            "client_credentials" => {
                let client = self.authenticated(credentials).await?;
                let redirect_uri = self.first_uri(&client);
                let scope = form.get("scope").to_owned();
                self.issue(
                    ctx,
                    Grant { client, scope, redirect_uri, user_data: String::new(), refresh: false },
                )
                .await?
            }
            _ => return Err(OauthError::UnsupportedGrantType),
        };
        self.notify(&Notice::of(form, &access));
        Ok(access)
    }

    async fn by_code(
        &self,
        ctx: &Ctx,
        form: &Form,
        credentials: Option<Credentials>,
    ) -> Result<Access, OauthError> {
        let credentials = credentials.ok_or(OauthError::InvalidRequest)?;
        let code = form.get("code");
        if code.is_empty() {
            return Err(OauthError::InvalidGrant);
        }
        let client = self.authenticated(Some(credentials)).await?;
        let given = self.tokens.code(code).await?.ok_or(OauthError::InvalidGrant)?;
        if given.client.redirect_uri.is_empty() {
            return Err(OauthError::UnauthorizedClient);
        }
        if given.client.id != client.id {
            return Err(OauthError::InvalidGrant);
        }
        let redirect_uri = match form.get("redirect_uri") {
            "" => self.first_uri(&client),
            uri => uri.to_owned(),
        };
        let allowed = Registered::new(&client.redirect_uri, &self.separator).allows(&redirect_uri);
        if !allowed || given.redirect_uri != redirect_uri {
            return Err(OauthError::InvalidRequest);
        }
        if !self.tokens.spend_code(code).await? {
            return Err(OauthError::InvalidGrant);
        }
        let grant =
            Grant { client, scope: given.scope, redirect_uri, user_data: given.user_data, refresh: true };
        self.issue(ctx, grant).await
    }

    async fn by_refresh(
        &self,
        ctx: &Ctx,
        form: &Form,
        credentials: Option<Credentials>,
    ) -> Result<Access, OauthError> {
        let credentials = credentials.ok_or(OauthError::InvalidRequest)?;
        let refresh = form.get("refresh_token");
        if refresh.is_empty() {
            return Err(OauthError::InvalidGrant);
        }
        let client = self.authenticated(Some(credentials)).await?;
        let old = self.tokens.refreshed(refresh).await?.ok_or(OauthError::InvalidGrant)?;
        if old.client.redirect_uri.is_empty() {
            return Err(OauthError::UnauthorizedClient);
        }
        if old.client.id != client.id {
            return Err(OauthError::InvalidClient);
        }
        let scope = match form.get("scope") {
            "" => old.scope.clone(),
            scope if scope.split(' ').all(|one| old.scope.split(' ').any(|had| had == one)) => {
                scope.to_owned()
            }
            _ => return Err(OauthError::AccessDenied),
        };
        if !self.tokens.remove_refresh(refresh).await? {
            return Err(OauthError::InvalidGrant);
        }
        let Access { access_token, redirect_uri, user_data, .. } = old;
        let access = self.issue(ctx, Grant { client, scope, redirect_uri, user_data, refresh: true }).await?;
        self.tokens.remove(&access_token).await?;
        Ok(access)
    }

    async fn by_password(
        &self,
        ctx: &Ctx,
        form: &Form,
        credentials: Option<Credentials>,
    ) -> Result<Access, OauthError> {
        let credentials = credentials.ok_or(OauthError::InvalidRequest)?;
        let (user, password) = (form.get("username"), form.get("password"));
        if user.is_empty() || password.is_empty() {
            return Err(OauthError::InvalidGrant);
        }
        let client = self.authenticated(Some(credentials)).await?;
        // Users are looked up by the plain form of tokens, whatever `hash_key_function` says.
        let hash = self.sessions.hash(&[&*self.org_id, user].concat());
        let mut state = self.sessions.read(&hash).await?.ok_or(OauthError::AccessDenied)?;
        if !is_password_of(&state, password, &self.passwords).await {
            return Err(OauthError::AccessDenied);
        }
        let user_data = user_data(&state)?;
        let redirect_uri = self.first_uri(&client);
        let (client_id, scope) = (client.id.clone(), form.get("scope").to_owned());
        // Tyk takes the earlier token away before it looks at the password.
        if let Some(old) = state.oauth_keys.get(&client_id) {
            self.tokens.remove(old).await?;
        }
        let access = self.issue(ctx, Grant { client, scope, redirect_uri, user_data, refresh: true }).await?;
        state.oauth_keys.insert(client_id, access.access_token.clone());
        let lifetime = self.sessions.lifetime(&state, self.lifetime);
        self.sessions.write(&hash, &state, lifetime, If::Exists).await?;
        Ok(access)
    }

    /// The client that has shown its secret. One that has no redirect URI gets no token.
    async fn authenticated(&self, credentials: Option<Credentials>) -> Result<Client, OauthError> {
        let Credentials { id, secret } = credentials.ok_or(OauthError::InvalidRequest)?;
        let client = self.client(&id).await?.ok_or(OauthError::ServerError)?;
        let known = is_same(client.secret.as_bytes(), secret.as_bytes());
        if !known || client.redirect_uri.is_empty() {
            return Err(OauthError::UnauthorizedClient);
        }
        Ok(client)
    }

    fn first_uri(&self, client: &Client) -> String {
        Registered::new(&client.redirect_uri, &self.separator).first().to_owned()
    }
}

/// What a client shows: in a `Basic` header alone, never in the body.
struct Credentials {
    id: String,
    secret: String,
}

fn credentials(session: &Session) -> Option<Credentials> {
    let value = session.req_header().headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if scheme != "Basic" {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some(Credentials { id: id.to_owned(), secret: secret.to_owned() })
}

/// The user's state as the token's key gets it: without the password.
fn user_data(state: &SessionState) -> Result<String, OauthError> {
    let mut state = state.clone();
    state.basic_auth_data = Default::default();
    serde_json::to_string(&state).map_err(|_| OauthError::ServerError)
}

/// Plain and bcrypt passwords alone are known here, as in Tyk.
async fn is_password_of(state: &SessionState, password: &str, passwords: &Passwords) -> bool {
    let stored = &state.basic_auth_data;
    matches!(&*stored.hash_type, "" | "bcrypt") && passwords.check(stored, password).await
}
