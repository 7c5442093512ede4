//! A maintenance page: while `config_data` says so, the gateway answers by itself and the upstream is left alone.
//!
//! ```json
//! {"maintenance": {"on": true, "retry_after": 120, "message": "Back at noon.", "allow": ["10.0.0.5"]}}
//! ```
//!
//! Clients whose address is in `allow` still get through, to try things out.

use pinhook_plugin::{Config, Flow, NON_BLOCKING, Request, Result, hooks};
use serde::Deserialize;

hooks! {
    Maintenance [NON_BLOCKING] = maintenance;
}

#[derive(Deserialize, Default)]
struct ConfigData {
    #[serde(default)]
    maintenance: Settings,
}

#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    on: bool,
    /// Seconds after which clients should try again.
    retry_after: u32,
    message: String,
    allow: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { on: false, retry_after: 60, message: "Down for maintenance.".to_owned(), allow: Vec::new() }
    }
}

static SETTINGS: Config<ConfigData> = Config::new(|json| Ok(serde_json::from_str(json)?));

fn maintenance(request: &mut Request<'_>) -> Result<Flow> {
    let config = SETTINGS.get(request)?;
    let settings = &config.maintenance;
    let allowed =
        request.client_address().is_some_and(|client| settings.allow.iter().any(|one| one == client));
    if !settings.on || allowed {
        return Ok(Flow::Next);
    }
    let retry_after = settings.retry_after.to_string();
    let headers = [("Retry-After", retry_after.as_str()), ("Content-Type", "text/plain; charset=utf-8")];
    request.respond(503, &headers, format!("{}\n", settings.message))
}
