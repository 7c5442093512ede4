//! Taking tokens away: by those who hold them, and by the control API.

use super::{
    answer,
    form::Form,
    server::{Server, is_same},
    tokens::Tokens,
};
use crate::{
    chain::Response,
    error::{Error, Result},
};

/// Parameters of a revocation, as the control API gets them.
#[derive(Debug)]
pub struct RevokeRequest(Form);

/// What a token is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
    /// Either.
    Both,
}

impl Revoked {
    /// By a `token_type_hint`.
    pub fn by_hint(hint: &str) -> Self {
        match hint {
            "access_token" => Self::Access,
            "refresh_token" => Self::Refresh,
            _ => Self::Both,
        }
    }
}

impl RevokeRequest {
    /// Reads a form body.
    pub fn of_body(body: &[u8]) -> Self {
        Self(Form::of_body(body))
    }

    /// A parameter; empty when it is missing.
    pub fn get(&self, name: &str) -> &str {
        self.0.posted(name)
    }
}

/// Takes a token away.
///
/// # Errors
/// The store did not answer.
pub async fn revoke(tokens: &Tokens, token: &str, what: Revoked) -> Result<()> {
    if what != Revoked::Refresh {
        tokens.remove(token).await?;
    }
    if what != Revoked::Access {
        tokens.remove_refresh(token).await?;
    }
    Ok(())
}

impl Server {
    /// Whoever knows a token may take it away; no client has to show itself.
    pub(super) async fn answer_revoke(&self, form: &Form) -> Result<Response> {
        let token = form.posted("token");
        if token.is_empty() {
            return answer::message(400, "token is required");
        }
        let what = Revoked::by_hint(form.posted("token_type_hint"));
        match revoke(&self.tokens, token, what).await {
            Ok(()) => answer::message(200, "token revoked successfully"),
            Err(error) => unavailable(&error),
        }
    }

    /// A client gives all its tokens up.
    pub(super) async fn answer_revoke_all(&self, form: &Form) -> Result<Response> {
        let (id, secret) = (form.posted("client_id"), form.posted("client_secret"));
        if id.is_empty() {
            return answer::message(401, "client_id is required");
        }
        if secret.is_empty() {
            return answer::message(401, "client_secret is required");
        }
        let Ok(Some(client)) = self.client(id).await else {
            return answer::message(404, "error getting oauth client");
        };
        if !is_same(client.secret.as_bytes(), secret.as_bytes()) {
            return answer::message(401, "client secret is wrong");
        }
        match self.tokens.remove_all(id).await {
            Ok(()) => answer::message(200, "tokens revoked successfully"),
            Err(error) => unavailable(&error),
        }
    }
}

/// Nobody may be told that a token is gone while it is not.
fn unavailable(error: &Error) -> Result<Response> {
    tracing::error!(error = error.chain(), "an OAuth token could not be taken away");
    answer::message(500, "Internal Server Error")
}
