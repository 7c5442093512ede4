//! What the OAuth 2 server answers: the errors of RFC 6749 and the forms of bodies.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use pingora_http::ResponseHeader;
use serde_json::{Map, Value, json};

use crate::{
    chain::{Origin, Response},
    error::{Error, Result},
};

const TYPE_JSON: HeaderValue = HeaderValue::from_static("application/json");
const TYPE_TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What goes with answers that hold tokens.
const UNCACHED: [(HeaderName, HeaderValue); 7] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate")),
    (header::PRAGMA, HeaderValue::from_static("no-cache")),
    (header::EXPIRES, HeaderValue::from_static("0")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains")),
    (header::X_XSS_PROTECTION, HeaderValue::from_static("1; mode=block")),
];

/// Why no token is given, in RFC 6749's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OauthError {
    InvalidRequest,
    UnauthorizedClient,
    InvalidClient,
    AccessDenied,
    UnsupportedResponseType,
    ServerError,
    UnsupportedGrantType,
    InvalidGrant,
}

impl OauthError {
    /// The code.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::InvalidClient => "invalid_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::ServerError => "server_error",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidGrant => "invalid_grant",
        }
    }

    /// What it means.
    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest => {
                "The request is missing a required parameter, includes an invalid parameter value, includes a \
                 parameter more than once, or is otherwise malformed."
            }
            Self::UnauthorizedClient => "The client is not authorized to request a token using this method.",
            Self::InvalidClient => {
                "Client authentication failed (e.g., unknown client, no client authentication included, or \
                 unsupported authentication method)."
            }
            Self::AccessDenied => "The resource owner or authorization server denied the request.",
            Self::UnsupportedResponseType => {
                "The authorization server does not support obtaining a token using this method."
            }
            Self::ServerError => {
                "The authorization server encountered an unexpected condition that prevented it from fulfilling \
                 the request."
            }
            Self::UnsupportedGrantType => {
                "The authorization grant type is not supported by the authorization server."
            }
            Self::InvalidGrant => {
                "The provided authorization grant (e.g., authorization code, resource owner credentials) or \
                 refresh token is invalid, expired, revoked, does not match the redirection URI used in the \
                 authorization request, or was issued to another client."
            }
        }
    }

    /// Both as members of a body.
    pub(super) fn members(self) -> Map<String, Value> {
        let members = [("error", self.code()), ("error_description", self.description())];
        members.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect()
    }
}

impl From<Error> for OauthError {
    /// The store's faults, mostly: the client is told no more than that.
    fn from(error: Error) -> Self {
        tracing::error!(error = error.chain(), "the OAuth server could not do its work");
        Self::ServerError
    }
}

/// `{"status":…,"message":…}`, as the control API writes it.
pub(super) fn message(status: u16, message: &str) -> Result<Response> {
    let kind = if status == 200 { "ok" } else { "error" };
    let text = format!("{}\n", json!({"status": kind, "message": message}));
    reply(status, Some(TYPE_JSON), text)
}

/// An answer of the token endpoint.
pub(super) fn token(status: u16, members: &Map<String, Value>) -> Result<Response> {
    let mut response = reply(status, Some(TYPE_JSON), format!("{}\n", written(members)))?;
    for (name, value) in UNCACHED {
        response.head.insert_header(name, value).map_err(|error| Error::Internal(error.into()))?;
    }
    Ok(response)
}

/// An answer to who asks for a user: Tyk leaves its type to be guessed, which gives plain text.
pub(super) fn text(status: u16, members: &Map<String, Value>) -> Result<Response> {
    reply(status, Some(TYPE_TEXT), written(members))
}

/// Sends a browser elsewhere.
pub(super) fn redirect(to: &str) -> Result<Response> {
    let mut response = reply(307, None, String::new())?;
    response.head.insert_header(header::LOCATION, to).map_err(|error| Error::Internal(error.into()))?;
    Ok(response)
}

/// Members in the order of their names, as Go writes maps.
fn written(members: &Map<String, Value>) -> String {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    Value::Object(sorted.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect()).to_string()
}

fn reply(status: u16, kind: Option<HeaderValue>, body: String) -> Result<Response> {
    let internal = |error: Box<pingora_core::Error>| Error::Internal(error.into());
    let mut head = ResponseHeader::build(status, Some(8)).map_err(internal)?;
    if let Some(kind) = kind {
        head.insert_header(header::CONTENT_TYPE, kind).map_err(internal)?;
    }
    Ok(Response { head, body: Bytes::from(body), origin: Origin::Page })
}
