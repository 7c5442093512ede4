//! Module `cjson` of OpenResty, as far as scripts use it, and JSON to Lua and back for the rest of the driver.
//!
//! Numbers are written with 14 digits, `/` is escaped, a table is a list if its keys are whole numbers from 1 on and not
//! too sparse. Documents nest at most 128 deep either way.

use std::{
    cell::{Cell, RefCell},
    fmt::Write,
    rc::Rc,
};

use mlua::{Error, Lua, Table, Value};
use serde_json::{Map, Value as Json};

use super::{
    apply::{float, whole},
    engine::Live,
};

/// How deep tables may nest. cjson's limit is 1000, which the stack of a thread does not hold for certain.
const DEPTH: usize = 128;
/// A list with more holes than this share of its length is refused, if it is longer than [`SAFE`].
const RATIO: usize = 2;
const SAFE: usize = 10;

/// What a script may set, for its call.
pub(super) struct Options {
    empty_is_object: Cell<bool>,
    /// The metatable that makes a table a list.
    array: RefCell<Option<Table>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { empty_is_object: Cell::new(true), array: RefCell::default() }
    }
}

impl Options {
    pub(super) fn reset(&self) {
        self.empty_is_object.set(true);
    }
}

/// Adds `cjson_safe` to the prelude's host, of which that makes `cjson`.
pub(super) fn register(lua: &Lua, host: &Table, live: &Rc<Live>) -> mlua::Result<()> {
    let encoder = live.clone();
    let encode = move |value: &Value| {
        let mut out = Vec::new();
        let array = encoder.json.array.borrow();
        Writer { live: &encoder, array: array.as_ref() }.write(value, 0, &mut out).map(|()| out)
    };
    let safe = lua.create_table()?;
    safe.raw_set(
        "encode",
        lua.create_function(move |lua, value: Value| match encode(&value) {
            Ok(text) => Ok((Some(lua.create_string(text)?), None)),
            Err(reason) => Ok((None, Some(reason))),
        })?,
    )?;
    safe.raw_set(
        "decode",
        lua.create_function(|lua, text: mlua::LuaString| match decode(lua, &text.as_bytes())? {
            Ok(value) => Ok((value, None)),
            Err(reason) => Ok((Value::Nil, Some(reason))),
        })?,
    )?;
    let held = live.clone();
    let empty = lua.create_function(move |_, wanted: Option<Value>| {
        if let Some(wanted) = wanted {
            held.json.empty_is_object.set(!matches!(wanted, Value::Nil | Value::Boolean(false)));
        }
        Ok(held.json.empty_is_object.get())
    })?;
    safe.raw_set("null", Value::NULL)?;
    safe.raw_set("encode_empty_table_as_object", empty)?;
    let live = live.clone();
    host.raw_set(
        "set_array",
        lua.create_function(move |_, array: Table| {
            *live.json.array.borrow_mut() = Some(array);
            Ok(())
        })?,
    )?;
    host.raw_set("cjson_safe", safe)
}

fn decode(lua: &Lua, text: &[u8]) -> mlua::Result<Result<Value, String>> {
    match serde_json::from_slice::<Json>(text) {
        Ok(json) => to_lua(lua, &json, &Value::NULL).map(Ok),
        Err(error) => {
            let lines = text.split(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
            let at = lines.map(|line| line.len() + 1).sum::<usize>() + error.column();
            let what = if error.is_eof() { "T_END" } else { "invalid token" };
            Ok(Err(format!("Expected value but found {what} at character {at}")))
        }
    }
}

/// JSON as Lua has it. `null` is what stands for `null`.
pub(super) fn to_lua(lua: &Lua, json: &Json, null: &Value) -> mlua::Result<Value> {
    Ok(match json {
        Json::Null => null.clone(),
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::String(lua.create_string(text)?),
        Json::Array(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for (at, item) in items.iter().enumerate() {
                table.raw_set(at + 1, to_lua(lua, item, null)?)?;
            }
            Value::Table(table)
        }
        Json::Object(members) => {
            let table = lua.create_table_with_capacity(0, members.len())?;
            for (name, member) in members {
                table.raw_set(name.as_str(), to_lua(lua, member, null)?)?;
            }
            Value::Table(table)
        }
    })
}

/// A value as JSON. Empty tables are left out: nobody can tell whether they are lists.
pub(super) fn from_lua(value: &Value) -> Result<Json, String> {
    nested(value, 0)
}

fn nested(value: &Value, depth: usize) -> Result<Json, String> {
    if depth > 32 {
        return Err("it nests too deep".to_owned());
    }
    Ok(match value {
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Integer(number) => Json::from(*number),
        Value::Number(number) => match whole(*number) {
            Some(whole) => Json::from(whole),
            None => serde_json::Number::from_f64(*number).map(Json::Number).ok_or("a number is no number")?,
        },
        Value::String(text) => Json::String(text.to_str().map_err(|_| "a text is no UTF-8")?.to_owned()),
        Value::Table(table) if table.raw_len() > 0 => {
            let items: Result<_, String> = table
                .sequence_values::<Value>()
                .map(|item| nested(&item.map_err(|error| error.to_string())?, depth + 1))
                .collect();
            Json::Array(items?)
        }
        Value::Table(table) => {
            let mut members = Map::new();
            for pair in table.pairs::<Value, Value>() {
                let (name, member) = pair.map_err(|error| error.to_string())?;
                let Value::String(name) = name else { return Err("a name is no text".to_owned()) };
                let is_empty = matches!(&member, Value::Table(table) if table.is_empty());
                if !is_empty {
                    members.insert(name.to_string_lossy(), nested(&member, depth + 1)?);
                }
            }
            Json::Object(members)
        }
        other => return Err(format!("a {} cannot be kept", other.type_name())),
    })
}

/// A number as Lua writes it: 14 digits.
pub(super) fn number(number: f64) -> String {
    if let Some(whole) = whole(number).filter(|whole| whole.abs() < 100_000_000_000_000) {
        return whole.to_string();
    }
    let exponent = format!("{number:.13e}");
    let (digits, power) = exponent.split_once('e').unwrap_or((&exponent, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let trimmed = |text: &str| -> String {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if (-5..14).contains(&power) {
        let places = usize::try_from(13 - power).unwrap_or(0);
        return trimmed(&format!("{number:.places$}"));
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), power.abs())
}

/// Writes values as cjson does.
struct Writer<'a> {
    live: &'a Live,
    array: Option<&'a Table>,
}

/// What a table is.
enum Shape {
    Object,
    List(usize),
}

impl Writer<'_> {
    fn write(&self, value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), String> {
        match value {
            Value::Nil => out.extend_from_slice(b"null"),
            value if value.is_null() => out.extend_from_slice(b"null"),
            Value::Boolean(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
            Value::Integer(whole) => out.extend_from_slice(number(float(*whole)).as_bytes()),
            Value::Number(given) if given.is_finite() => out.extend_from_slice(number(*given).as_bytes()),
            Value::Number(_) => return Err("Cannot serialise number: must not be NaN or Infinity".to_owned()),
            Value::String(text) => write_text(&text.as_bytes(), out),
            Value::Table(table) => self.write_table(table, depth + 1, out)?,
            other => return Err(format!("Cannot serialise {}: type not supported", other.type_name())),
        }
        Ok(())
    }

    fn write_table(&self, table: &Table, depth: usize, out: &mut Vec<u8>) -> Result<(), String> {
        if depth > DEPTH {
            return Err(format!("Cannot serialise, excessive depth ({depth})"));
        }
        let lua = |error: Error| error.to_string();
        let meta = table.metatable();
        let is_array = meta.is_some() && meta.as_ref() == self.array;
        if meta.is_some()
            && !is_array
            && let Some(fill) = &*self.live.filled.borrow()
        {
            fill.call::<()>(table).map_err(lua)?;
        }
        match if is_array { Shape::List(table.raw_len()) } else { self.shape(table)? } {
            Shape::List(length) => {
                out.push(b'[');
                for at in 1..=length {
                    if at > 1 {
                        out.push(b',');
                    }
                    self.write(&table.raw_get(at).map_err(lua)?, depth, out)?;
                }
                out.push(b']');
            }
            Shape::Object => {
                out.push(b'{');
                let mut first = true;
                for pair in table.pairs::<Value, Value>() {
                    let (name, value) = pair.map_err(lua)?;
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    match name {
                        Value::String(name) => write_text(&name.as_bytes(), out),
                        Value::Integer(name) => write_text(number(float(name)).as_bytes(), out),
                        Value::Number(name) => write_text(number(name).as_bytes(), out),
                        _ => {
                            return Err(
                                "Cannot serialise table: table key must be a number or string".to_owned()
                            );
                        }
                    }
                    out.push(b':');
                    self.write(&value, depth, out)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }

    fn shape(&self, table: &Table) -> Result<Shape, String> {
        let (mut most, mut count) = (0, 0);
        for pair in table.pairs::<Value, Value>() {
            let (name, _) = pair.map_err(|error| error.to_string())?;
            let index = match name {
                Value::Integer(name) => usize::try_from(name).ok(),
                Value::Number(name) => whole(name).and_then(|name| usize::try_from(name).ok()),
                _ => None,
            };
            match index.filter(|index| *index > 0) {
                Some(index) => (most, count) = (index.max(most), count + 1),
                None => return Ok(Shape::Object),
            }
        }
        if most == 0 {
            let object = self.live.json.empty_is_object.get();
            return Ok(if object { Shape::Object } else { Shape::List(0) });
        }
        if most > SAFE && most > count * RATIO {
            return Err("Cannot serialise table: excessively sparse array".to_owned());
        }
        Ok(Shape::List(most))
    }
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'/' => out.extend_from_slice(b"\\/"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 | 0x7f => {
                let mut escaped = String::new();
                // Writing to a string never fails.
                let _ = write!(escaped, "\\u{byte:04x}");
                out.extend_from_slice(escaped.as_bytes());
            }
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
}
