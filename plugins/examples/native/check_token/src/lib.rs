//! An auth hook: tokens and what they may do come from `config_data`.
//!
//! ```json
//! {"use_keyless": false, "custom_plugin_auth_enabled": true,
//!  "custom_middleware": {"driver": "goplugin", "auth_check": {"name": "CheckToken", "path": "libcheck_token.so"}},
//!  "config_data": {"tokens": {"s3cret": {"alias": "alice", "rate": 10, "per": 1, "quota_max": -1}}}}
//! ```
//!
//! The token comes in `X-Token`. Its value in the table is a session with Tyk's member names: the gateway stores it under
//! the token and keeps its limits. A real hook would ask a service or a database instead (and so not be NON_BLOCKING).

use std::collections::HashMap;

use pinhook_plugin::{Config, Flow, NON_BLOCKING, Request, Result, hooks};
use serde::Deserialize;
use serde_json::value::RawValue;

hooks! {
    CheckToken [NON_BLOCKING] = check;
}

#[derive(Deserialize)]
struct ConfigData {
    tokens: HashMap<String, Box<RawValue>>,
}

static CONFIG: Config<ConfigData> = Config::new(|json| Ok(serde_json::from_str(json)?));

const PLAIN: (&str, &str) = ("Content-Type", "text/plain; charset=utf-8");

fn check(request: &mut Request<'_>) -> Result<Flow> {
    let config = CONFIG.get(request)?;
    let Some(token) = request.header("X-Token").map(str::to_owned) else {
        return request.respond(401, &[PLAIN], "X-Token is missing\n");
    };
    match config.tokens.get(&token) {
        Some(session) => request.authenticate(&token, session.get()),
        None => request.respond(403, &[PLAIN], "unknown token\n"),
    }
}
