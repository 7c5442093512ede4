//! Analytics records: a table of named fields, of which the edited ones count.

use mlua::{Lua, Table, Value};

use super::{
    apply::{Left, float, list, text, whole},
    cjson,
};
use crate::hook::{self, Object};

/// Nanoseconds.
const SECOND: f64 = 1e9;

/// A field of a record.
pub(super) enum Field {
    Text(String),
    Number(f64),
    Flag(bool),
    Texts(Vec<String>),
}

/// A record: times are in seconds.
pub(super) fn read(lua: &Lua, object: &Object) -> mlua::Result<Value> {
    let table = lua.create_table()?;
    for (name, value) in object.record.iter().flat_map(|record| record.fields()) {
        match value {
            hook::Value::Text(text) => table.raw_set(name, text.as_str())?,
            hook::Value::Number(number) => table.raw_set(name, float(*number))?,
            hook::Value::Time(nanoseconds) => {
                table.raw_set(name, float(*nanoseconds) / SECOND)?;
            }
            hook::Value::Flag(flag) => table.raw_set(name, *flag)?,
            hook::Value::Texts(texts) => {
                table.raw_set(name, lua.create_sequence_from(texts.iter().map(String::as_str))?)?;
            }
        }
    }
    Ok(Value::Table(table))
}

/// What a script made of it.
pub(super) fn left(table: &Table) -> Result<Left, String> {
    let mut fields = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        let (name, value) = pair.map_err(|error| error.to_string())?;
        let Some(name) = text(name, "a field's name")? else { continue };
        let field = match value {
            Value::Boolean(flag) => Field::Flag(flag),
            Value::Integer(number) => Field::Number(float(number)),
            Value::Number(number) => Field::Number(number),
            Value::Table(_) => Field::Texts(list(value, &name)?),
            value => Field::Text(text(value, &name)?.unwrap_or_default()),
        };
        fields.push((name, field));
    }
    Ok(Left::Record(fields))
}

/// Applies the edits.
pub(super) fn edit(object: &mut Object, fields: Vec<(String, Field)>) -> Result<(), String> {
    let Some(record) = object.record.as_deref_mut() else { return Ok(()) };
    for (name, field) in fields {
        let Some(held) = record.get(&name) else {
            return Err(format!("a record has no field {name:?}"));
        };
        let new = match (held, field) {
            (hook::Value::Text(_), Field::Text(text)) => hook::Value::Text(text),
            (hook::Value::Text(_), Field::Number(number)) => hook::Value::Text(cjson::number(number)),
            (hook::Value::Number(_), Field::Number(number)) => {
                let number =
                    whole(number.trunc()).ok_or_else(|| format!("{name} {number} is no usable number"))?;
                hook::Value::Number(number)
            }
            (hook::Value::Time(held), Field::Number(seconds)) => {
                // Lua's numbers do not hold nanoseconds: a time that was left alone stays as it is.
                if (float(*held) / SECOND - seconds).abs() < f64::EPSILON * seconds.abs() {
                    continue;
                }
                let micros = whole((seconds * 1e6).round());
                let time = micros.and_then(|micros| micros.checked_mul(1000));
                hook::Value::Time(time.ok_or_else(|| format!("{name} {seconds} is no usable time"))?)
            }
            (hook::Value::Flag(_), Field::Flag(flag)) => hook::Value::Flag(flag),
            (hook::Value::Texts(_), Field::Texts(texts)) => hook::Value::Texts(texts),
            _ => return Err(format!("field {name} of a record cannot be of another kind")),
        };
        if *held != new
            && let Some(place) = record.edit(&name)
        {
            *place = new;
        }
    }
    Ok(())
}
