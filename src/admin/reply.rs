//! The forms that answers of the control API have.

use bytes::Bytes;
use http::{HeaderValue, header::X_CONTENT_TYPE_OPTIONS};
use serde::Serialize;

use crate::gateway::ControlAnswer;

/// A JSON body, ended by a newline as Tyk's are.
pub(super) fn json(status: u16, body: &impl Serialize) -> ControlAnswer {
    match serde_json::to_vec(body) {
        Ok(mut text) => {
            text.push(b'\n');
            answer(status, HeaderValue::from_static("application/json"), text.into())
        }
        Err(fault) => {
            tracing::error!(error = %fault, "an answer of the control API could not be written");
            plain(500, "Internal Server Error\n")
        }
    }
}

/// A JSON file to be kept, indented.
pub(super) fn file(value: &serde_json::Value) -> ControlAnswer {
    let kind = HeaderValue::from_static("application/octet-stream");
    answer(200, kind, format!("{value:#}").into())
}

/// `{"status":"ok","message":""}`.
pub(super) fn ok() -> ControlAnswer {
    message("")
}

/// `{"status":"ok","message":…}`.
pub(super) fn message(message: &str) -> ControlAnswer {
    json(200, &serde_json::json!({"status": "ok", "message": message}))
}

/// `{"status":"error","message":…}`.
pub(super) fn error(status: u16, message: &str) -> ControlAnswer {
    json(status, &serde_json::json!({"status": "error", "message": message}))
}

/// What a call that changed something answers: `{"key":…,"status":"ok","action":…}`.
pub(super) fn modified(key: &str, action: &str) -> ControlAnswer {
    json(200, &serde_json::json!({"key": key, "status": "ok", "action": action}))
}

/// The same for something new; with its hash, if it has one.
pub(super) fn added(key: &str, hash: Option<&str>) -> ControlAnswer {
    match hash {
        Some(hash) => {
            json(200, &serde_json::json!({"key": key, "status": "ok", "action": "added", "key_hash": hash}))
        }
        None => modified(key, "added"),
    }
}

/// Plain text.
pub(super) fn plain(status: u16, text: &'static str) -> ControlAnswer {
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut answer = answer(status, content_type, Bytes::from_static(text.as_bytes()));
    answer.headers.push((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    answer
}

fn answer(status: u16, content_type: HeaderValue, body: Bytes) -> ControlAnswer {
    ControlAnswer { status, content_type, headers: Vec::new(), body }
}
