//! Analytics records on the wire, which Tyk's rich plugins know nothing of: a call of `Dispatch` with `hook_type` 0 whose
//! `metadata["record"]` is the record as JSON, under the names that Tyk Pump prints. What comes back there is the record
//! from then on; fields that are gone or unknown change nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value as Json, json};

use super::proto;
use crate::hook::{RecordPart, Value};

/// The entry of `metadata` that holds the record.
const RECORD: &str = "record";

/// The record as JSON, and the call that brings it to the server.
pub(super) fn to_wire(
    part: &RecordPart,
    name: &str,
    spec: BTreeMap<String, String>,
) -> (Json, proto::Object) {
    let mut record = Map::new();
    for (field, value) in part.fields() {
        *place(&mut record, field) = to_json(value);
    }
    let record = Json::Object(record);
    let message = proto::Object {
        hook_name: name.to_owned(),
        metadata: BTreeMap::from([(RECORD.to_owned(), record.to_string())]),
        spec,
        ..proto::Object::default()
    };
    (record, message)
}

/// Takes the edits over.
///
/// # Errors
/// The field that cannot be used.
pub(super) fn apply(sent: &Json, answer: proto::Object, part: &mut RecordPart) -> Result<(), String> {
    let Some(text) = answer.metadata.get(RECORD) else { return Ok(()) };
    let edited: Json =
        serde_json::from_str(text).map_err(|error| format!("the record that it left is no JSON: {error}"))?;
    let names: Vec<&'static str> = part.fields().map(|(name, _)| name).collect();
    for name in names {
        let pointer = format!("/{}", name.replace('.', "/"));
        let Some(new) = edited.pointer(&pointer).filter(|new| Some(*new) != sent.pointer(&pointer)) else {
            continue;
        };
        if let Some(value) = part.edit(name) {
            let edit =
                from_json(value, new).ok_or_else(|| format!("{name} of the record cannot be {new}"))?;
            *value = edit;
        }
    }
    Ok(())
}

/// Where a field stands; `latency.total` is in an object of its own.
fn place<'a>(record: &'a mut Map<String, Json>, field: &str) -> &'a mut Json {
    match field.split_once('.') {
        None => record.entry(field).or_insert(Json::Null),
        Some((outer, inner)) => match record.entry(outer).or_insert_with(|| Json::Object(Map::new())) {
            Json::Object(record) => place(record, inner),
            other => other,
        },
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!(text),
        Value::Number(number) => json!(number),
        Value::Time(nanos) => {
            json!(DateTime::from_timestamp_nanos(*nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true))
        }
        Value::Flag(flag) => json!(flag),
        Value::Texts(texts) => json!(texts),
    }
}

/// An edit of the same kind.
fn from_json(old: &Value, new: &Json) -> Option<Value> {
    Some(match old {
        Value::Text(_) => Value::Text(new.as_str()?.to_owned()),
        Value::Number(_) => Value::Number(new.as_i64()?),
        Value::Time(_) => {
            Value::Time(DateTime::parse_from_rfc3339(new.as_str()?).ok()?.timestamp_nanos_opt()?)
        }
        Value::Flag(_) => Value::Flag(new.as_bool()?),
        Value::Texts(_) => {
            let texts = new.as_array()?.iter().map(|text| text.as_str().map(str::to_owned));
            Value::Texts(texts.collect::<Option<_>>()?)
        }
    })
}
