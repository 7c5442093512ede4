//! The messages of `plugins/proto/`, field by field, for prost's derive: no compiler of protocol buffers is needed to
//! build pinhook. Names and numbers are those of Tyk's rich plugins (plugins reference 4.3) and never change. What a
//! field means is written there.

#![allow(missing_docs, reason = "documented in plugins/proto")]

use std::collections::BTreeMap;

use bytes::Bytes;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum HookType {
    Unknown = 0,
    Pre = 1,
    Post = 2,
    PostKeyAuth = 3,
    CustomKeyCheck = 4,
    Response = 5,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Object {
    #[prost(enumeration = "HookType", tag = "1")]
    pub hook_type: i32,
    #[prost(string, tag = "2")]
    pub hook_name: String,
    #[prost(message, optional, tag = "3")]
    pub request: Option<MiniRequestObject>,
    #[prost(message, optional, boxed, tag = "4")]
    pub session: Option<Box<SessionState>>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub metadata: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "6")]
    pub spec: BTreeMap<String, String>,
    #[prost(message, optional, tag = "7")]
    pub response: Option<ResponseObject>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MiniRequestObject {
    #[prost(btree_map = "string, string", tag = "1")]
    pub headers: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "2")]
    pub set_headers: BTreeMap<String, String>,
    #[prost(string, repeated, tag = "3")]
    pub delete_headers: Vec<String>,
    #[prost(string, tag = "4")]
    pub body: String,
    #[prost(string, tag = "5")]
    pub url: String,
    #[prost(btree_map = "string, string", tag = "6")]
    pub params: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "7")]
    pub add_params: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "8")]
    pub extended_params: BTreeMap<String, String>,
    #[prost(string, repeated, tag = "9")]
    pub delete_params: Vec<String>,
    #[prost(message, optional, tag = "10")]
    pub return_overrides: Option<ReturnOverrides>,
    #[prost(string, tag = "11")]
    pub method: String,
    #[prost(string, tag = "12")]
    pub request_uri: String,
    #[prost(string, tag = "13")]
    pub scheme: String,
    #[prost(bytes = "bytes", tag = "14")]
    pub raw_body: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ReturnOverrides {
    #[prost(int32, tag = "1")]
    pub response_code: i32,
    #[prost(string, tag = "2")]
    pub response_error: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub headers: BTreeMap<String, String>,
    #[prost(bool, tag = "4")]
    pub override_error: bool,
    #[prost(string, tag = "5")]
    pub response_body: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ResponseObject {
    #[prost(int32, tag = "1")]
    pub status_code: i32,
    #[prost(bytes = "bytes", tag = "2")]
    pub raw_body: Bytes,
    #[prost(string, tag = "3")]
    pub body: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub headers: BTreeMap<String, String>,
    #[prost(message, repeated, tag = "5")]
    pub multivalue_headers: Vec<Header>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Header {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, repeated, tag = "2")]
    pub values: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccessSpec {
    #[prost(string, tag = "1")]
    pub url: String,
    #[prost(string, repeated, tag = "2")]
    pub methods: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccessDefinition {
    #[prost(string, tag = "1")]
    pub api_name: String,
    #[prost(string, tag = "2")]
    pub api_id: String,
    #[prost(string, repeated, tag = "3")]
    pub versions: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub allowed_urls: Vec<AccessSpec>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct BasicAuthData {
    #[prost(string, tag = "1")]
    pub password: String,
    #[prost(string, tag = "2")]
    pub hash: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct JwtData {
    #[prost(string, tag = "1")]
    pub secret: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Monitor {
    #[prost(double, repeated, tag = "1")]
    pub trigger_limits: Vec<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionState {
    #[prost(int64, tag = "1")]
    pub last_check: i64,
    #[prost(double, tag = "2")]
    pub allowance: f64,
    #[prost(double, tag = "3")]
    pub rate: f64,
    #[prost(double, tag = "4")]
    pub per: f64,
    #[prost(int64, tag = "5")]
    pub expires: i64,
    #[prost(int64, tag = "6")]
    pub quota_max: i64,
    #[prost(int64, tag = "7")]
    pub quota_renews: i64,
    #[prost(int64, tag = "8")]
    pub quota_remaining: i64,
    #[prost(int64, tag = "9")]
    pub quota_renewal_rate: i64,
    #[prost(btree_map = "string, message", tag = "10")]
    pub access_rights: BTreeMap<String, AccessDefinition>,
    #[prost(string, tag = "11")]
    pub org_id: String,
    #[prost(string, tag = "12")]
    pub oauth_client_id: String,
    #[prost(btree_map = "string, string", tag = "13")]
    pub oauth_keys: BTreeMap<String, String>,
    #[prost(message, optional, tag = "14")]
    pub basic_auth_data: Option<BasicAuthData>,
    #[prost(message, optional, tag = "15")]
    pub jwt_data: Option<JwtData>,
    #[prost(bool, tag = "16")]
    pub hmac_enabled: bool,
    #[prost(string, tag = "17")]
    pub hmac_secret: String,
    #[prost(bool, tag = "18")]
    pub is_inactive: bool,
    #[prost(string, tag = "19")]
    pub apply_policy_id: String,
    #[prost(int64, tag = "20")]
    pub data_expires: i64,
    #[prost(message, optional, tag = "21")]
    pub monitor: Option<Monitor>,
    #[prost(bool, tag = "22")]
    pub enable_detailed_recording: bool,
    #[prost(btree_map = "string, string", tag = "23")]
    pub metadata: BTreeMap<String, String>,
    #[prost(string, repeated, tag = "24")]
    pub tags: Vec<String>,
    #[prost(string, tag = "25")]
    pub alias: String,
    #[prost(string, tag = "26")]
    pub last_updated: String,
    #[prost(int64, tag = "27")]
    pub id_extractor_deadline: i64,
    #[prost(int64, tag = "28")]
    pub session_lifetime: i64,
    #[prost(string, repeated, tag = "29")]
    pub apply_policies: Vec<String>,
    #[prost(string, tag = "30")]
    pub certificate: String,
    #[prost(int64, tag = "31")]
    pub max_query_depth: i64,
    #[prost(string, tag = "32")]
    pub key_id: String,
    #[prost(string, tag = "33")]
    pub post_expiry_action: String,
    #[prost(int64, tag = "34")]
    pub post_expiry_grace_period: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    #[prost(string, tag = "1")]
    pub payload: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct EventReply {}
