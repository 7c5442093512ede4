//! Analytics records as JSON: the members that Tyk Pump prints, parts of an inner object inside it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value as Json};

use crate::hook::{RecordPart, Value};

/// A record as JSON.
pub(in crate::hook::drivers) fn write(record: &RecordPart) -> Json {
    let mut all = Map::new();
    for (name, value) in record.fields() {
        let value = json(value);
        match name.split_once('.') {
            Some((outer, inner)) => {
                let place = all.entry(outer).or_insert_with(|| Json::Object(Map::new()));
                if let Some(place) = place.as_object_mut() {
                    place.insert(inner.to_owned(), value);
                }
            }
            None => drop(all.insert(name.to_owned(), value)),
        }
    }
    Json::Object(all)
}

/// Applies the members that changed.
///
/// # Errors
/// A member that a record has not, or a value of another kind.
pub(in crate::hook::drivers) fn apply(
    edits: Map<String, Json>,
    record: &mut RecordPart,
) -> Result<(), String> {
    for (name, value) in edits {
        match value {
            Json::Object(inner) if record.get(&name).is_none() => {
                for (part, value) in inner {
                    set(record, &format!("{name}.{part}"), value)?;
                }
            }
            value => set(record, &name, value)?,
        }
    }
    Ok(())
}

fn set(record: &mut RecordPart, name: &str, value: Json) -> Result<(), String> {
    let known = record.get(name).ok_or_else(|| format!("a record has no {name}"))?;
    let new =
        read(known, value).ok_or_else(|| format!("{name} of the record is of another kind than it was"))?;
    if new != *known
        && let Some(place) = record.edit(name)
    {
        *place = new;
    }
    Ok(())
}

fn json(value: &Value) -> Json {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Number(number) => (*number).into(),
        Value::Time(nanos) => {
            let time: DateTime<Utc> = DateTime::from_timestamp_nanos(*nanos);
            time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
        }
        Value::Flag(flag) => (*flag).into(),
        Value::Texts(texts) => texts.clone().into(),
    }
}

fn read(known: &Value, value: Json) -> Option<Value> {
    Some(match (known, value) {
        (Value::Text(_), Json::String(text)) => Value::Text(text),
        (Value::Number(_), Json::Number(number)) => Value::Number(number.as_i64()?),
        (Value::Time(_), Json::String(text)) => {
            Value::Time(DateTime::parse_from_rfc3339(&text).ok()?.timestamp_nanos_opt()?)
        }
        (Value::Flag(_), Json::Bool(flag)) => Value::Flag(flag),
        (Value::Texts(_), Json::Array(items)) => {
            let text = |item| match item {
                Json::String(text) => Some(text),
                _ => None,
            };
            Value::Texts(items.into_iter().map(text).collect::<Option<_>>()?)
        }
        // Go writes an empty list like this.
        (Value::Texts(_), Json::Null) => Value::Texts(Vec::new()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> RecordPart {
        RecordPart::new([
            ("alias", Value::Text("ann".to_owned())),
            ("timestamp", Value::Time(1_500_000_000_000_000_001)),
            ("latency.total", Value::Number(7)),
            ("latency.upstream", Value::Number(5)),
            ("tags", Value::Texts(vec!["a".to_owned()])),
            ("track_path", Value::Flag(true)),
        ])
    }

    #[test]
    fn a_record_is_what_the_pump_prints() {
        assert_eq!(
            write(&record()),
            json!({
                "alias": "ann", "timestamp": "2017-07-14T02:40:00.000000001Z",
                "latency": { "total": 7, "upstream": 5 }, "tags": ["a"], "track_path": true,
            })
        );
    }

    #[test]
    fn only_what_is_different_counts_as_edited() {
        let mut left = record();
        let Json::Object(mut edits) = write(&record()) else { panic!("no object") };
        edits.insert("latency".to_owned(), json!({ "total": 8, "upstream": 5 }));
        apply(edits, &mut left).unwrap();
        let edited: Vec<_> = left.into_edited().collect();
        assert_eq!(edited, [("latency.total", Value::Number(8))]);
    }

    #[test]
    fn what_no_record_has_is_a_mistake() {
        for (edit, about) in [
            (json!({ "aliaz": "x" }), "aliaz"),
            (json!({ "alias": 1 }), "alias"),
            (json!({ "latency": { "sum": 1 } }), "latency.sum"),
            (json!({ "tags": [1] }), "tags"),
            (json!({ "timestamp": "noon" }), "timestamp"),
        ] {
            let Json::Object(edits) = edit else { panic!("no object") };
            assert!(apply(edits, &mut record()).unwrap_err().contains(about));
        }
    }
}
