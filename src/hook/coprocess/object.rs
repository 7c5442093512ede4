//! The messages as plain structs. As JSON they have Tyk's names; what is empty is left out, bytes are base64.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::Session;
use crate::hook::HookKind;

type Texts = BTreeMap<String, String>;

/// The place of a hook as plugins know it: a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "i32", from = "i32")]
#[repr(i32)]
pub enum HookType {
    /// One that Tyk has not.
    #[default]
    Unknown = 0,
    /// `pre`.
    Pre = 1,
    /// `post`, and per endpoint.
    Post = 2,
    /// `post_key_auth`.
    PostKeyAuth = 3,
    /// `auth_check`.
    CustomKeyCheck = 4,
    /// `response`.
    Response = 5,
}

impl HookType {
    /// The place that a kind of hook has.
    pub fn of(kind: HookKind) -> Self {
        match kind {
            HookKind::Pre => Self::Pre,
            HookKind::Auth => Self::CustomKeyCheck,
            HookKind::PostKeyAuth => Self::PostKeyAuth,
            HookKind::Endpoint | HookKind::Post => Self::Post,
            HookKind::Response => Self::Response,
            HookKind::Virtual | HookKind::Analytics | HookKind::Event => Self::Unknown,
        }
    }
}

impl From<HookType> for i32 {
    fn from(kind: HookType) -> Self {
        kind as Self
    }
}

impl From<i32> for HookType {
    fn from(number: i32) -> Self {
        let all = [Self::Pre, Self::Post, Self::PostKeyAuth, Self::CustomKeyCheck, Self::Response];
        all.into_iter().find(|kind| *kind as i32 == number).unwrap_or_default()
    }
}

/// One call, on its way to a plugin or back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Object {
    /// Place of the hook. To the plugin only.
    pub hook_type: HookType,
    /// Its function. To the plugin only.
    pub hook_name: String,
    /// The request.
    pub request: Request,
    /// Who calls. Back it counts for auth hooks only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Box<Session>>,
    /// The session's metadata. Back it counts for auth hooks only.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub metadata: Texts,
    /// What is said of the API. To the plugin only.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub spec: Texts,
    /// The upstream's answer, for response hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
}

/// `MiniRequestObject`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// First values by canonical name, with `Host`. To the plugin only.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub headers: Texts,
    /// Headers that replace all values they had. Back only.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub set_headers: Texts,
    /// Headers that go, before others are set. Back only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delete_headers: Vec<String>,
    /// The body if it is text. To the plugin only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Path and query, or the whole URL of a parked rewrite.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// First values of the query. To the plugin only.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub params: Texts,
    /// Parameters that replace all values they had. Back only.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub add_params: Texts,
    /// Always empty.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub extended_params: Texts,
    /// Parameters that go, before others are set. Back only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delete_params: Vec<String>,
    /// An answer that the plugin gives.
    pub return_overrides: ReturnOverrides,
    /// Method.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The request target as it came; as `url` where a rewrite is parked. To the plugin only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request_uri: String,
    /// `http` or `https`: the client's connection. To the plugin only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scheme: String,
    /// The body.
    #[serde(skip_serializing_if = "Bytes::is_empty", with = "base64_text")]
    pub raw_body: Bytes,
}

/// An answer in the upstream's stead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReturnOverrides {
    /// Its status; 0 and below is no answer. Sent as -1.
    pub response_code: i32,
    /// Its body, before `response_body`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub response_error: String,
    /// Its headers.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub headers: Texts,
    /// An answer from 400 on is sent as it stands, not through the error template.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub override_error: bool,
    /// Its body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub response_body: String,
}

/// `ResponseObject`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Response {
    /// Status.
    pub status_code: i32,
    /// The body.
    #[serde(skip_serializing_if = "Bytes::is_empty", with = "base64_text")]
    pub raw_body: Bytes,
    /// The body if it is text. To the plugin only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// First values by canonical name. A change of it is carried over into `multivalue_headers`.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub headers: Texts,
    /// All headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub multivalue_headers: Vec<Header>,
}

/// One header with all its values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// Name.
    pub key: String,
    /// Values, in order.
    pub values: Vec<String>,
}

/// Bytes as base64.
mod base64_text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}
