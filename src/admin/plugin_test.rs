//! `POST /tyk/plugins/test`: one script on one request that is made up (plugins reference 6.9).
//!
//! The script is run as driver `javascript` runs it, calls included. What it left is told from what the gateway would
//! do: a header that is set to the value it had does not show.

mod object;

use std::{sync::Arc, time::Instant};

use http::Method;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Call, Reply, reply};
use crate::{
    error::{Error, HookError},
    gateway::ControlAnswer,
    hook::{Code, Failure, HookKind, HookSource, Listener, Object},
};

/// What runs it.
const DRIVER: &str = "javascript";

/// What is to be tried.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wish {
    code: String,
    hook_type: String,
    org_id: String,
    api_id: String,
    request: Option<object::Request>,
    response: Option<object::Response>,
    session: Option<Value>,
    config_data: Option<Map<String, Value>>,
}

/// What went wrong, in the words of the answer.
struct Trouble {
    kind: &'static str,
    message: String,
}

/// Runs it and tells what came of it.
pub(super) fn run(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { trial(&call).await.unwrap_or_else(|refused| refused) })
}

fn refused(message: &str) -> ControlAnswer {
    reply::json(400, &json!({ "error": message }))
}

async fn trial(call: &Call<'_>) -> Result<ControlAnswer, ControlAnswer> {
    let wish: Wish = serde_json::from_slice(&call.request.body)
        .map_err(|error| refused(&format!("invalid request body: {error}")))?;
    let kind = wish.checked()?;
    let object = wish.object(kind).map_err(|error| refused(&format!("invalid request body: {error}")))?;
    let (before, was) = (object::Shown::of(&object), object.response.as_deref().map(object::response));
    let hooks = call.gateway.snapshot().services.hooks.clone();
    let started = Instant::now();
    let (outcome, lines) = Listener::hear(async {
        let source = wish.source(kind)?;
        let hook = hooks.load(DRIVER, &source).map_err(Trouble::of)?;
        hook.dispatch(kind, Box::new(object)).await.map_err(|Failure { error, .. }| Trouble::of(error.into()))
    })
    .await;
    let took = started.elapsed();
    let logs: Vec<Value> = lines
        .iter()
        .map(|line| json!({ "level": line.level, "message": line.text, "time": line.at.to_rfc3339() }))
        .collect();
    let mut told = Map::new();
    let mut tell = |name: &str, value: Value| drop(told.insert(name.to_owned(), value));
    tell("logs", logs.into());
    tell("request_before", before.request());
    match outcome {
        Ok(object) => {
            tell("request_after", object::request_after(&before, &object));
            if let (Some(was), Some(is)) = (was, object.response.as_deref()) {
                tell("response_before", was);
                tell("response_after", object::response(is));
            }
            if let Some(state) = &object.state {
                tell("session_after", serde_json::to_value(&**state).unwrap_or_default());
            }
        }
        Err(Trouble { kind, message }) => tell("error", json!({ "message": message, "type": kind })),
    }
    tell("execution_ms", json!(took.as_secs_f64() * 1000.0));
    Ok(reply::json(200, &Value::Object(told)))
}

impl Wish {
    /// Where it is called, unless something is missing.
    fn checked(&self) -> Result<HookKind, ControlAnswer> {
        if self.code.is_empty() {
            return Err(refused("code is required"));
        }
        let kind = match self.hook_type.as_str() {
            "pre" => HookKind::Pre,
            "post" => HookKind::Post,
            "post_key_auth" => HookKind::PostKeyAuth,
            "auth_check" => HookKind::Auth,
            "response" => HookKind::Response,
            _ => {
                let known = "pre, post, post_key_auth, auth_check, response";
                return Err(refused(&format!("invalid hook_type: must be one of {known}")));
            }
        };
        if self.org_id.is_empty() {
            return Err(refused("org_id is required"));
        }
        if kind == HookKind::Response && self.response.is_none() {
            return Err(refused("response is required for response hooks"));
        }
        Ok(kind)
    }

    /// The last middleware object that the code makes.
    fn source(&self, kind: HookKind) -> Result<HookSource, Trouble> {
        let made =
            Regex::new(r"([A-Za-z_$][\w$]*)\s*=\s*new\s+TykJS\s*\.\s*TykMiddleware\s*\.\s*NewMiddleware\b")
                .map_err(|error| Trouble { kind: "internal", message: error.to_string() })?;
        let name = made.captures_iter(&self.code).filter_map(|found| found.get(1)).last();
        let name = name.ok_or_else(|| Trouble {
            kind: "runtime",
            message: "the code makes no object by new TykJS.TykMiddleware.NewMiddleware({…})".to_owned(),
        })?;
        let code = Code::Text(self.code.as_str().into());
        Ok(HookSource {
            api_id: self.api_id.as_str().into(),
            kind,
            name: name.as_str().into(),
            siblings: Arc::from([code.clone()]),
            code,
            timeout: None,
            wants_session: true,
            raw_body_only: false,
            server: None,
        })
    }

    fn object(&self, kind: HookKind) -> Result<Object, String> {
        let spec = object::spec(&self.org_id, &self.api_id, self.config_data.as_ref());
        let request = self.request.as_ref();
        let mut object = Object::without_request(spec);
        match request {
            Some(request) => request.fill(&mut object)?,
            None => object::Request::default().fill(&mut object)?,
        }
        if let Some(session) = self.session.as_ref().filter(|session| !session.is_null()) {
            let state =
                serde_json::from_value(session.clone()).map_err(|error| format!("session: {error}"))?;
            object.state = (kind != HookKind::Auth).then(|| Arc::new(state));
        }
        if let Some(response) = self.response.as_ref().filter(|_| kind == HookKind::Response) {
            object.response = Some(Box::new(response.part()?));
        }
        Ok(object)
    }
}

impl Trouble {
    fn of(error: Error) -> Self {
        let kind = match &error {
            Error::Hook(HookError::Timeout { .. }) => "timeout",
            Error::Hook(HookError::NotLoaded { reason, .. }) if reason.contains("SyntaxError") => "syntax",
            Error::Hook(HookError::NotLoaded { .. } | HookError::Script { .. }) => "runtime",
            _ => "internal",
        };
        Self { kind, message: error.chain() }
    }
}

/// A method by name; GET where there is none.
fn method(name: &str) -> Result<Method, String> {
    match name {
        "" => Ok(Method::GET),
        name => Method::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no method")),
    }
}
