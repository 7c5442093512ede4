//! Sticky sessions: a cookie or a header says which backend this client belongs to.
//!
//! `config_data` of the API holds the table:
//!
//! ```json
//! {"sticky": {"table": {"blue": "http://10.0.0.7:9000", "green": "http://10.0.0.8:9000"}}}
//! ```
//!
//! A request with the cookie `sticky=blue`, or with the header `X-Sticky: blue`, goes to `http://10.0.0.7:9000`. The
//! header wins. Any other request goes to the API's usual target. Only the target of *this* request changes: nothing
//! is written to the API.

use std::collections::HashMap;

use pinhook_plugin::{Config, Flow, NON_BLOCKING, Request, Result, hooks};
use serde::Deserialize;

hooks! {
    Sticky [NON_BLOCKING] = sticky;
}

#[derive(Deserialize)]
struct ConfigData {
    sticky: Settings,
}

#[derive(Deserialize)]
struct Settings {
    table: HashMap<String, String>,
    #[serde(default = "cookie")]
    cookie: String,
    #[serde(default = "header")]
    header: String,
}

fn cookie() -> String {
    "sticky".to_owned()
}

fn header() -> String {
    "X-Sticky".to_owned()
}

// The JSON is parsed once per API and kept until a reload brings another text.
static SETTINGS: Config<ConfigData> = Config::new(|json| Ok(serde_json::from_str(json)?));

fn sticky(request: &mut Request<'_>) -> Result<Flow> {
    // `?`: without a table this hook cannot do its work, so the client gets 500 and the log says why.
    let Settings { table, cookie, header } = &SETTINGS.get(request)?.sticky;
    let choice = request.header(header).or_else(|| request.cookie(cookie));
    if let Some(url) = choice.and_then(|choice| table.get(choice)) {
        request.set_target(url)?;
    }
    Ok(Flow::Next)
}
