//! Masks fields of JSON answers: a response hook that reads and replaces the body.
//!
//! ```json
//! "custom_middleware": {"driver": "goplugin", "response": [{"name": "MaskJson", "path": "libmask_json.so"}]},
//! "config_data": {"mask_json": {"fields": ["card", "iban"], "keep_last": 4}}
//! ```
//!
//! Every text or number in a field of one of these names, however deep, becomes stars but for its last characters.

use pinhook_plugin::{Config, Flow, NON_BLOCKING, RESPONSE_BODY, Response, Result, hooks};
use serde::Deserialize;
use serde_json::Value;

// RESPONSE_BODY has the gateway hold the answer back until it is whole; without it answers are streamed.
hooks! {
    MaskJson [NON_BLOCKING | RESPONSE_BODY] = mask_json;
}

#[derive(Deserialize)]
struct ConfigData {
    mask_json: Settings,
}

#[derive(Deserialize)]
struct Settings {
    fields: Vec<String>,
    #[serde(default)]
    keep_last: usize,
}

static SETTINGS: Config<ConfigData> = Config::new(|json| Ok(serde_json::from_str(json)?));

fn mask_json(response: &mut Response<'_>) -> Result<Flow> {
    let config = SETTINGS.get(response)?;
    let is_json = response.header("Content-Type").is_some_and(|kind| kind.contains("json"));
    let Some(body) = response.body().filter(|body| is_json && !body.is_empty()) else {
        return Ok(Flow::Next); // nothing to mask, or an event stream, which is never held back
    };
    // An error here is a 500: better than letting a number pass that could not be read.
    let mut json: Value = serde_json::from_slice(body)?;
    walk(&mut json, &config.mask_json);
    response.set_body(json.to_string())?;
    Ok(Flow::Next)
}

fn walk(json: &mut Value, settings: &Settings) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                if settings.fields.contains(name) {
                    mask(value, settings);
                } else {
                    walk(value, settings);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, settings)),
        _ => {}
    }
}

fn mask(value: &mut Value, settings: &Settings) {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => return items.iter_mut().for_each(|item| mask(item, settings)),
        Value::Object(members) => return members.values_mut().for_each(|member| mask(member, settings)),
        Value::Null | Value::Bool(_) => return,
    };
    let hidden = text.chars().count().saturating_sub(settings.keep_last);
    let masked = text.chars().enumerate().map(|(at, letter)| if at < hidden { '*' } else { letter });
    *value = Value::String(masked.collect());
}
