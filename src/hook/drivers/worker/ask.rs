//! What workers ask of the gateway (docs/worker-protocol.md, *Asks*).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::frame::{Frame, Kind, Outgoing, Part};
use crate::hook::{Caller, HookCall, Host, Values};

/// A wish, as its head says it.
#[derive(Debug, Deserialize)]
pub(super) struct Ask {
    #[serde(flatten)]
    wish: Wish,
    /// The call that it is made in.
    #[serde(default)]
    pub(super) call: u32,
    /// The worker runs others until it is answered.
    #[serde(default)]
    pub(super) parked: bool,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Wish {
    StoreData {
        key: String,
        #[serde(default)]
        ttl: i64,
        #[serde(default)]
        raw: bool,
    },
    GetData {
        key: String,
        #[serde(default)]
        raw: bool,
    },
    /// Only of keys as they are written.
    DeleteData {
        key: String,
    },
    TriggerEvent {
        name: String,
        #[serde(default)]
        payload: String,
    },
    Call {
        calls: Vec<Wanted>,
    },
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Wanted {
    url: String,
    method: String,
    headers: BTreeMap<String, Values>,
    timeout_ms: u64,
    body: bool,
}

/// The wish of a frame.
pub(super) fn read(frame: &Frame) -> Result<Ask, serde_json::Error> {
    serde_json::from_slice(&frame.head)
}

/// Does it; the answer bears `id`. `left` is what the call that asks has left to live.
pub(super) async fn serve(
    ask: Ask,
    frame: Frame,
    host: Arc<Host>,
    caller: Caller,
    left: Duration,
) -> std::io::Result<Outgoing> {
    let id = frame.id;
    let (head, parts) = match fulfil(ask.wish, frame.parts, &host, caller, left).await {
        Ok(answer) => answer,
        Err(error) => (json!({ "error": error }), Vec::new()),
    };
    Outgoing::new(Kind::Answer, id, 0, &head, parts)
}

/// The answer to a wish that cannot be read.
pub(super) fn unreadable(id: u32, error: &serde_json::Error) -> std::io::Result<Outgoing> {
    Outgoing::new(Kind::Answer, id, 0, &json!({ "error": format!("this is no wish: {error}") }), Vec::new())
}

async fn fulfil(
    wish: Wish,
    parts: Vec<Part>,
    host: &Host,
    caller: Caller,
    left: Duration,
) -> Result<(Value, Vec<Part>), String> {
    match wish {
        Wish::StoreData { key, ttl, raw } => {
            let value = parts.into_iter().next().flatten().unwrap_or_default();
            match raw {
                true => host.store_raw(&key, &value, ttl).await?,
                false => host.store_data(&key, &value, ttl).await?,
            }
            Ok((json!({}), Vec::new()))
        }
        Wish::GetData { key, raw: true } => {
            let (value, ttl) = host.get_raw(&key).await?;
            Ok((json!({ "ttl": ttl }), vec![value]))
        }
        Wish::GetData { key, raw: false } => Ok((json!({}), vec![host.get_data(&key).await?])),
        Wish::DeleteData { key } => {
            host.delete_raw(&key).await?;
            Ok((json!({}), Vec::new()))
        }
        Wish::TriggerEvent { name, payload } => {
            host.gateway().map_err(|error| error.chain())?.trigger(&name, &payload);
            Ok((json!({}), Vec::new()))
        }
        Wish::Call { calls } => {
            let mut bodies = parts.into_iter();
            let calls = calls.into_iter().map(|wanted| {
                let body = if wanted.body { bodies.next().flatten() } else { None };
                wanted.with(body)
            });
            let replies = host.call_all(calls.collect(), caller, left).await;
            let heads: Vec<Value> = replies
                .iter()
                .map(
                    |reply| json!({ "status": reply.status, "headers": reply.headers, "error": reply.error }),
                )
                .collect();
            let bodies = replies.into_iter().map(|reply| Some(reply.body)).collect();
            Ok((json!({ "replies": heads }), bodies))
        }
    }
}

impl Wanted {
    fn with(self, body: Option<Bytes>) -> HookCall {
        HookCall {
            url: self.url,
            method: self.method,
            headers: self.headers,
            body: body.unwrap_or_default(),
            timeout: self.timeout_ms,
        }
    }
}
