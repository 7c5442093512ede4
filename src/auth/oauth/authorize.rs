//! Asking for a user's consent: `oauth/authorize` sends the browser to a login page, `tyk/oauth/authorize-client` is how
//! that page tells that the user has agreed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    answer::{self, OauthError},
    form::Form,
    issue::Grant,
    redirect::Registered,
    server::Server,
    tokens::Code,
};
use crate::{
    auth::clients::Client,
    chain::{Ctx, Response},
    error::Result,
    url::{query_escape, query_unescape},
};

/// What a client wants to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Code,
    Token,
}

/// A request that may be put to a user.
struct Request {
    wanted: Wanted,
    client: Client,
    redirect_uri: String,
}

impl Server {
    /// Sends a browser to the login page, with all that it came with.
    pub(super) async fn authorize(&self, form: &Form, method: &Method, query: &str) -> Result<Response> {
        if let Err(error) = self.authorize_request(form).await {
            return answer::message(self.error_status, error.description());
        }
        let page = &self.meta.auth_login_redirect;
        if *method == Method::GET {
            answer::redirect(&format!("{page}?{query}"))
        } else {
            answer::redirect(page)
        }
    }

    /// Gives the login page what the client gets for its user.
    pub(super) async fn authorize_client(&self, ctx: &Ctx, form: &Form) -> Result<Response> {
        let state = form.get("state");
        let outcome = match self.authorize_request(form).await {
            Ok(request) => self.agree(ctx, form, request).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(members) => answer::text(200, &members),
            Err(error) => {
                let mut members = error.members();
                if !state.is_empty() {
                    members.insert("state".to_owned(), state.into());
                }
                answer::text(self.error_status, &members)
            }
        }
    }

    async fn authorize_request(&self, form: &Form) -> Result<Request, OauthError> {
        let kind = form.get("response_type");
        let allowed = self.meta.allowed_authorize_types.iter().any(|allowed| allowed == kind);
        let wanted = match kind {
            "code" if allowed => Wanted::Code,
            "token" if allowed => Wanted::Token,
            _ => return Err(OauthError::UnsupportedResponseType),
        };
        let client = self.client(form.get("client_id")).await?.ok_or(OauthError::ServerError)?;
        if client.redirect_uri.is_empty() {
            return Err(OauthError::UnauthorizedClient);
        }
        let registered = Registered::new(&client.redirect_uri, &self.separator);
        let redirect_uri = query_unescape(form.get("redirect_uri")).ok_or(OauthError::InvalidRequest)?;
        let redirect_uri = match (&*redirect_uri, registered.only()) {
            ("", Some(only)) => only.to_owned(),
            (asked, _) => asked.to_owned(),
        };
        if !registered.allows(&redirect_uri) {
            return Err(OauthError::InvalidRequest);
        }
        Ok(Request { wanted, client, redirect_uri })
    }

    async fn agree(
        &self,
        ctx: &Ctx,
        form: &Form,
        request: Request,
    ) -> Result<Map<String, Value>, OauthError> {
        let Request { wanted, client, redirect_uri } = request;
        let user_data = form.get("key_rules").to_owned();
        let (scope, state) = (form.get("scope").to_owned(), form.get("state").to_owned());
        let to = redirect_uri.clone();
        let mut members = match wanted {
            Wanted::Code => {
                let code = URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes());
                let members = Map::from_iter([("code".to_owned(), Value::from(code.as_str()))]);
                let code = Code {
                    client,
                    code,
                    scope,
                    redirect_uri,
                    state: state.clone(),
                    user_data,
                    ..Code::default()
                };
                self.tokens.put_code(code).await?;
                members
            }
            Wanted::Token => {
                let grant = Grant { client, scope, redirect_uri, user_data, refresh: false };
                self.issue(ctx, grant).await?.members()
            }
        };
        if !state.is_empty() {
            members.insert("state".to_owned(), state.into());
        }
        let url = with_parameters(&to, &members, if wanted == Wanted::Token { '#' } else { '?' });
        members.insert("redirect_to".to_owned(), url.into());
        Ok(members)
    }
}

/// The redirect URI with what the client gets, sorted by name: in the query, or in the fragment.
fn with_parameters(uri: &str, members: &Map<String, Value>, mark: char) -> String {
    let mut pairs: Vec<(&str, String)> = members
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    pairs.sort();
    let mark = if mark == '?' && uri.contains('?') { '&' } else { mark };
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", query_escape(value))).collect();
    format!("{uri}{mark}{}", pairs.join("&"))
}
