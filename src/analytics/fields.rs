//! The fields of a record, by the names that Tyk Pump prints: what its hook sees, and its edits taken back.

use std::borrow::Cow;

use super::record::{Moment, Record};
use crate::hook::{RecordPart, Value};

/// A second in nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// A type of field.
trait Field {
    /// As a hook sees it.
    fn value(&self) -> Value;

    /// Takes an edit. One that does not fit changes nothing.
    fn put(&mut self, value: Value);
}

impl Field for Cow<'_, str> {
    fn value(&self) -> Value {
        Value::Text(self.as_ref().to_owned())
    }

    fn put(&mut self, value: Value) {
        if let Value::Text(text) = value {
            *self = text.into();
        }
    }
}

impl Field for bool {
    fn value(&self) -> Value {
        Value::Flag(*self)
    }

    fn put(&mut self, value: Value) {
        if let Value::Flag(flag) = value {
            *self = flag;
        }
    }
}

impl Field for Vec<Cow<'_, str>> {
    fn value(&self) -> Value {
        Value::Texts(self.iter().map(|text| text.as_ref().to_owned()).collect())
    }

    fn put(&mut self, value: Value) {
        if let Value::Texts(texts) = value {
            *self = texts.into_iter().map(Cow::Owned).collect();
        }
    }
}

impl Field for Moment {
    fn value(&self) -> Value {
        Value::Time(self.seconds.saturating_mul(SECOND).saturating_add(self.nanos.into()))
    }

    fn put(&mut self, value: Value) {
        if let Value::Time(time) = value
            && let Ok(nanos) = time.rem_euclid(SECOND).try_into()
        {
            *self = Self { seconds: time.div_euclid(SECOND), nanos };
        }
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Field for $number {
            fn value(&self) -> Value {
                Value::Number((*self).into())
            }

            fn put(&mut self, value: Value) {
                if let Value::Number(number) = value
                    && let Ok(number) = number.try_into()
                {
                    *self = number;
                }
            }
        }
    )*};
}

numbers! { i32 u32 i64 }

/// Writes both directions from one list.
macro_rules! fields {
    ($($name:literal: $($part:ident).+;)*) => {
        /// The record as its hook gets it.
        pub(super) fn part(record: &Record<'_>) -> RecordPart {
            RecordPart::new([$(($name, record.$($part).+.value()),)*])
        }

        fn field<'r>(record: &'r mut Record<'_>, name: &str) -> Option<&'r mut dyn Field> {
            match name {
                $($name => Some(&mut record.$($part).+),)*
                _ => None,
            }
        }
    };
}

fields! {
    "method": method;
    "host": host;
    "path": path;
    "raw_path": raw_path;
    "content_length": content_length;
    "user_agent": user_agent;
    "day": day;
    "month": month;
    "year": year;
    "hour": hour;
    "response_code": response_code;
    "api_key": api_key;
    "timestamp": timestamp;
    "api_version": api_version;
    "api_name": api_name;
    "api_id": api_id;
    "org_id": org_id;
    "oauth_id": oauth_id;
    "request_time": request_time;
    "raw_request": raw_request;
    "raw_response": raw_response;
    "ip_address": ip_address;
    "latency.total": latency.total;
    "latency.upstream": latency.upstream;
    "latency.gateway": latency.gateway;
    "tags": tags;
    "alias": alias;
    "track_path": track_path;
    "expireAt": expire_at;
    "api_schema": api_schema;
    "original_path": original_path;
    "listen_path": listen_path;
}

/// Takes back what a hook edited.
pub(super) fn apply(part: RecordPart, record: &mut Record<'_>) {
    for (name, value) in part.into_edited() {
        if let Some(field) = field(record, name) {
            field.put(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_takes_back_its_own_value_and_another() {
        let mut record = Record::default();
        let names: Vec<_> = part(&record).fields().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 32);
        for name in names {
            let mut edited = part(&record);
            let other = match edited.edit(name).unwrap() {
                Value::Text(text) => Value::Text(format!("{text}x")),
                Value::Number(number) => Value::Number(*number + 7),
                Value::Time(time) => Value::Time(*time + 1_500_000_000),
                Value::Flag(flag) => Value::Flag(!*flag),
                Value::Texts(_) => Value::Texts(vec!["a".to_owned(), "b".to_owned()]),
            };
            *edited.edit(name).unwrap() = other.clone();
            apply(edited, &mut record);
            assert_eq!(part(&record).get(name), Some(&other), "{name}");
        }
        assert_eq!(record.timestamp, Moment { seconds: 1, nanos: 500_000_000 });
    }

    #[test]
    fn what_was_not_edited_or_does_not_fit_stays() {
        let mut record = Record { month: 5, host: "kept".into(), ..Record::default() };
        record.expire_at.seconds = i64::MAX;
        let mut edited = part(&record);
        *edited.edit("month").unwrap() = Value::Number(-1);
        let before = record.clone();
        apply(edited, &mut record);
        assert_eq!(record, before);
    }

    #[test]
    fn a_time_before_1970_survives() {
        let mut record = Record::default();
        let mut edited = part(&record);
        *edited.edit("timestamp").unwrap() = Value::Time(-1);
        apply(edited, &mut record);
        assert_eq!(record.timestamp, Moment { seconds: -1, nanos: 999_999_999 });
    }
}
