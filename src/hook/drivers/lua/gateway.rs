//! What the gateway does for scripts: requests, data in the store, events, base64.

use std::{collections::BTreeMap, rc::Rc};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use mlua::{Error, Lua, LuaString, Table, Value};

use super::{apply::float, engine::Live};
use crate::hook::{HookCall, HookReply, Values, drivers::script::GatewayApi};

/// Adds the functions to the prelude's host.
pub(super) fn register(lua: &Lua, host: &Table, live: &Rc<Live>) -> mlua::Result<()> {
    let held = live.clone();
    host.raw_set(
        "call",
        lua.create_function(move |lua, (url, options): (LuaString, Option<Table>)| {
            let reply = match asked(Some(url), options.as_ref()) {
                Ok(call) => gateway(&held)?.call(call).map_err(Error::runtime)?,
                Err(reason) => HookReply::failed(reason),
            };
            shown(lua, reply)
        })?,
    )?;
    let held = live.clone();
    host.raw_set("call_all", lua.create_function(move |lua, calls: Table| call_all(lua, &held, &calls))?)?;
    let held = live.clone();
    host.raw_set(
        "store_data",
        lua.create_function(move |_, (key, value, ttl): (String, LuaString, Option<f64>)| {
            let ttl = super::apply::whole(ttl.unwrap_or(0.0).trunc()).unwrap_or(0);
            gateway(&held)?.store_data(&key, &value.as_bytes(), ttl).map_err(Error::runtime)
        })?,
    )?;
    let held = live.clone();
    host.raw_set(
        "get_data",
        lua.create_function(move |lua, key: String| {
            let found = gateway(&held)?.get_data(&key).map_err(Error::runtime)?;
            found.map(|found| lua.create_string(found)).transpose()
        })?,
    )?;
    let held = live.clone();
    host.raw_set(
        "trigger_event",
        lua.create_function(move |_, (name, payload): (String, String)| {
            gateway(&held)?.trigger_event(&name, &payload).map_err(Error::runtime)
        })?,
    )?;
    host.raw_set("b64enc", lua.create_function(|_, text: LuaString| Ok(STANDARD.encode(text.as_bytes())))?)?;
    host.raw_set(
        "b64dec",
        lua.create_function(|lua, text: LuaString| match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => Ok((Some(lua.create_string(bytes)?), None)),
            Err(error) => Ok((None, Some(error.to_string()))),
        })?,
    )
}

/// The gateway of this call. Cloned, so that nothing is borrowed while it waits.
fn gateway(live: &Live) -> mlua::Result<GatewayApi> {
    let held = live.gateway.borrow().clone();
    held.ok_or_else(|| {
        Error::runtime("the gateway does not know that this script asks for something: call its functions by their names")
    })
}

fn call_all(lua: &Lua, live: &Live, calls: &Table) -> mlua::Result<Table> {
    let mut asked_for = Vec::new();
    for call in calls.sequence_values::<Value>() {
        asked_for.push(match call? {
            Value::Table(call) => asked(None, Some(&call)),
            Value::String(url) => asked(Some(url), None),
            other => Err(format!("this is no call: a {}", other.type_name())),
        });
    }
    let usable = asked_for.iter().filter_map(|call| call.as_ref().ok().cloned()).collect();
    let mut made = gateway(live)?.call_all(usable).map_err(Error::runtime)?.into_iter();
    let replies = lua.create_table_with_capacity(asked_for.len(), 0)?;
    for call in asked_for {
        let reply = match call {
            Ok(_) => made.next().unwrap_or_default(),
            Err(reason) => HookReply::failed(reason),
        };
        replies.raw_push(shown(lua, reply)?)?;
    }
    Ok(replies)
}

/// A call as a script writes it: a URL, and a table of what else there is.
fn asked(url: Option<LuaString>, options: Option<&Table>) -> Result<HookCall, String> {
    let text = |value: LuaString, what: &str| match value.to_str() {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(format!("its {what} is no UTF-8 text")),
    };
    let mut call = HookCall::default();
    if let Some(url) = url {
        call.url = text(url, "url")?;
    }
    let Some(options) = options else { return Ok(call) };
    for pair in options.pairs::<String, Value>() {
        let (name, value) = pair.map_err(|error| error.to_string())?;
        match (name.as_str(), value) {
            ("url", Value::String(url)) => call.url = text(url, "url")?,
            ("method", Value::String(method)) => call.method = text(method, "method")?,
            ("headers", Value::Table(headers)) => call.headers = headers_of(&headers)?,
            ("body", Value::String(body)) => call.body = Bytes::copy_from_slice(&body.as_bytes()),
            ("timeout", Value::Integer(timeout)) => call.timeout = milliseconds(float(timeout)),
            ("timeout", Value::Number(timeout)) => call.timeout = milliseconds(timeout),
            (name, value) => return Err(format!("a call has no {name} that is a {}", value.type_name())),
        }
    }
    Ok(call)
}

fn milliseconds(timeout: f64) -> u64 {
    super::apply::whole(timeout.max(0.0).ceil())
        .and_then(|whole| u64::try_from(whole).ok())
        .unwrap_or(u64::MAX)
}

fn headers_of(table: &Table) -> Result<BTreeMap<String, Values>, String> {
    let mut headers = BTreeMap::new();
    for pair in table.pairs::<String, Value>() {
        let (name, value) = pair.map_err(|error| error.to_string())?;
        let values = match value {
            Value::Table(values) => {
                let values: mlua::Result<_> = values.sequence_values::<String>().collect();
                Values::Many(values.map_err(|error| error.to_string())?)
            }
            value => match value.to_string() {
                Ok(text) if !value.is_nil() => Values::One(text),
                _ => return Err(format!("header {name} is a {}", value.type_name())),
            },
        };
        headers.insert(name, values);
    }
    Ok(headers)
}

fn shown(lua: &Lua, reply: HookReply) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("status", reply.status)?;
    let headers = lua.create_table()?;
    for (name, values) in reply.headers {
        headers.raw_set(name, lua.create_sequence_from(values)?)?;
    }
    table.raw_set("headers", headers)?;
    table.raw_set("body", lua.create_string(&reply.body)?)?;
    table.raw_set("error", reply.error)?;
    Ok(table)
}
