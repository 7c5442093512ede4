//! [`Object`] ⇄ messages. Both have the same fields, so everything is moved and nothing copied.

use super::proto;
use crate::hook::coprocess::{
    AccessDefinition, AccessSpec, BasicAuthData, Header, HookType, JwtData, Monitor, Object, Request,
    Response, ReturnOverrides, Session,
};

pub(super) fn to_wire(object: Object) -> proto::Object {
    proto::Object {
        hook_type: object.hook_type.into(),
        hook_name: object.hook_name,
        request: Some(object.request.into()),
        session: object.session.map(|session| Box::new((*session).into())),
        metadata: object.metadata,
        spec: object.spec,
        response: object.response.map(Into::into),
    }
}

/// A message without a request, or a request without overrides, asks for nothing.
pub(super) fn from_wire(object: proto::Object) -> Object {
    Object {
        hook_type: HookType::from(object.hook_type),
        hook_name: object.hook_name,
        request: object.request.map(Into::into).unwrap_or_default(),
        session: object.session.map(|session| Box::new((*session).into())),
        metadata: object.metadata,
        spec: object.spec,
        response: object.response.map(Into::into),
    }
}

/// Moves the fields of one struct into the other, both ways. `lists` hold parts that are moved alike, `parts` are a
/// message that may be absent on the wire.
macro_rules! alike {
    ($($here:ident $wire:ident { $($field:ident)* } lists { $($list:ident)* } parts { $($part:ident)* })*) => {$(
        impl From<$here> for proto::$wire {
            fn from(from: $here) -> Self {
                Self {
                    $($field: from.$field,)*
                    $($list: from.$list.into_iter().map(Into::into).collect(),)*
                    $($part: Some(from.$part.into()),)*
                }
            }
        }

        impl From<proto::$wire> for $here {
            fn from(from: proto::$wire) -> Self {
                Self {
                    $($field: from.$field,)*
                    $($list: from.$list.into_iter().map(Into::into).collect(),)*
                    $($part: from.$part.map(Into::into).unwrap_or_default(),)*
                }
            }
        }
    )*};
}

alike! {
    Request MiniRequestObject {
        headers set_headers delete_headers body url params add_params extended_params delete_params method request_uri
        scheme raw_body
    } lists {} parts { return_overrides }
    ReturnOverrides ReturnOverrides {
        response_code response_error headers override_error response_body
    } lists {} parts {}
    Response ResponseObject { status_code raw_body body headers } lists { multivalue_headers } parts {}
    Header Header { key values } lists {} parts {}
    AccessSpec AccessSpec { url methods } lists {} parts {}
    AccessDefinition AccessDefinition { api_name api_id versions } lists { allowed_urls } parts {}
    BasicAuthData BasicAuthData { password hash } lists {} parts {}
    JwtData JwtData { secret } lists {} parts {}
    Monitor Monitor { trigger_limits } lists {} parts {}
}

/// The session's rights are a map of messages, which is why it stands apart.
macro_rules! session {
    ($($field:ident)*) => {
        impl From<Session> for proto::SessionState {
            fn from(from: Session) -> Self {
                Self {
                    access_rights: from.access_rights.into_iter().map(|(id, rights)| (id, rights.into())).collect(),
                    basic_auth_data: Some(from.basic_auth_data.into()),
                    jwt_data: Some(from.jwt_data.into()),
                    monitor: Some(from.monitor.into()),
                    $($field: from.$field,)*
                }
            }
        }

        impl From<proto::SessionState> for Session {
            fn from(from: proto::SessionState) -> Self {
                Self {
                    access_rights: from.access_rights.into_iter().map(|(id, rights)| (id, rights.into())).collect(),
                    basic_auth_data: from.basic_auth_data.map(Into::into).unwrap_or_default(),
                    jwt_data: from.jwt_data.map(Into::into).unwrap_or_default(),
                    monitor: from.monitor.map(Into::into).unwrap_or_default(),
                    $($field: from.$field,)*
                }
            }
        }
    };
}

session! {
    last_check allowance rate per expires quota_max quota_renews quota_remaining quota_renewal_rate org_id
    oauth_client_id oauth_keys hmac_enabled hmac_secret is_inactive apply_policy_id data_expires
    enable_detailed_recording metadata tags alias last_updated id_extractor_deadline session_lifetime apply_policies
    certificate max_query_depth key_id post_expiry_action post_expiry_grace_period
}
