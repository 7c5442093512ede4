//! What scripts read of the call that they are in: fields of the request, and tables that are filled when a script looks
//! at them.

use std::{collections::BTreeMap, rc::Rc};

use http::header;
use mlua::{Lua, Table, Value};

use super::{cjson, engine::Live, record};
use crate::hook::{
    self, Object,
    coprocess::{self, Response, Session},
    drivers::script::Level,
};

/// Adds the functions that the prelude reads with.
pub(super) fn register(lua: &Lua, host: &Table, live: &Rc<Live>) -> mlua::Result<()> {
    let held = live.clone();
    host.raw_set(
        "field",
        lua.create_function(move |lua, name: String| with(&held, |object| field(lua, &held, object, &name)))?,
    )?;
    let held = live.clone();
    host.raw_set(
        "fill",
        lua.create_function(move |lua, (what, table): (String, Table)| {
            with(&held, |object| fill(lua, &held, object, &what, &table))
        })?,
    )?;
    let held = live.clone();
    host.raw_set(
        "set_target",
        lua.create_function(move |_, url: String| {
            *held.target.borrow_mut() = Some(url);
            Ok(())
        })?,
    )?;
    let held = live.clone();
    host.raw_set(
        "log",
        lua.create_function(move |_, (level, text): (String, mlua::LuaString)| {
            let level = match level.as_str() {
                "debug" => Level::Debug,
                "warning" | "warn" => Level::Warn,
                "error" => Level::Error,
                _ => Level::Info,
            };
            held.lines.borrow_mut().push((level, text.to_string_lossy()));
            Ok(())
        })?,
    )
}

fn with<T>(live: &Live, read: impl FnOnce(&Object) -> mlua::Result<T>) -> mlua::Result<T> {
    match live.object.borrow().as_ref() {
        Some(object) => read(object),
        None => Err(mlua::Error::runtime("the call is over")),
    }
}

fn field(lua: &Lua, live: &Live, object: &Object, name: &str) -> mlua::Result<Value> {
    let text = |text: &[u8]| lua.create_string(text).map(Value::String);
    match name {
        "headers" => {
            let headers = lua.create_table()?;
            for name in object.request.headers.keys().filter(|name| **name != header::HOST) {
                if let Some(value) = object.request.headers.get(name) {
                    let value = lua.create_string(value.as_bytes())?;
                    headers.raw_set(hook::canonical(name.as_str()), value)?;
                }
            }
            if let Some(host) = coprocess::host(object) {
                headers.raw_set("Host", host)?;
            }
            Ok(Value::Table(headers))
        }
        "params" => Ok(Value::Table(texts(lua, &coprocess::params(object))?)),
        "url" => text(coprocess::url(object).as_bytes()),
        "request_uri" => text(coprocess::request_uri(object).as_bytes()),
        "method" => text(coprocess::method(object).as_bytes()),
        "scheme" => text(coprocess::scheme(object).as_bytes()),
        "raw_body" => text(object.body.as_deref().unwrap_or_default()),
        "body" => text(readable(object.body.as_deref(), live)),
        "event" => match &object.event {
            Some(event) => {
                let event: serde_json::Value = serde_json::from_str(event).map_err(mlua::Error::external)?;
                cjson::to_lua(lua, &event, &Value::Nil)
            }
            None => Ok(Value::Nil),
        },
        "record" => record::read(lua, object),
        _ => Ok(Value::Nil),
    }
}

/// A body where it is text that the hook wants.
pub(super) fn readable<'a>(body: Option<&'a [u8]>, live: &Live) -> &'a [u8] {
    body.filter(|body| !live.terms.get().raw_body_only && std::str::from_utf8(body).is_ok())
        .unwrap_or_default()
}

fn fill(lua: &Lua, live: &Live, object: &Object, what: &str, table: &Table) -> mlua::Result<()> {
    let state = object.state.as_deref().filter(|_| coprocess::sees_session(live.kind.get()));
    match what {
        "spec" => {
            table.raw_set("OrgID", &*object.spec.org_id)?;
            table.raw_set("APIID", &*object.spec.api_id)?;
            table.raw_set("bundle_hash", &*object.spec.bundle_hash)?;
            if let Some(data) = coprocess::config_data(&object.spec) {
                table.raw_set("config_data", data)?;
            }
        }
        "session" => {
            let Some(state) = state else { return Ok(()) };
            let session = serde_json::to_value(Session::of(state, object.token.as_deref()))
                .map_err(mlua::Error::external)?;
            for (name, value) in session.as_object().into_iter().flatten() {
                table.raw_set(name.as_str(), cjson::to_lua(lua, value, &Value::Nil)?)?;
            }
        }
        "metadata" => {
            for (name, text) in state.map(coprocess::metadata).unwrap_or_default() {
                table.raw_set(name, text)?;
            }
        }
        _ => {
            if let Some(part) = object.response.as_deref() {
                response(lua, live, part, table)?;
            }
        }
    }
    Ok(())
}

fn response(lua: &Lua, live: &Live, part: &hook::ResponsePart, table: &Table) -> mlua::Result<()> {
    let body = part.body.as_deref();
    let terms = coprocess::Terms { raw_body_only: true, ..live.terms.get() };
    let Response { status_code, headers, multivalue_headers, .. } = Response::of(part, terms);
    table.raw_set("status_code", status_code)?;
    table.raw_set("raw_body", lua.create_string(body.unwrap_or_default())?)?;
    table.raw_set("body", lua.create_string(readable(body, live))?)?;
    table.raw_set("headers", texts(lua, &headers)?)?;
    let list = lua.create_table_with_capacity(multivalue_headers.len(), 0)?;
    for header in multivalue_headers {
        let entry = lua.create_table()?;
        entry.raw_set("key", header.key)?;
        entry.raw_set("values", lua.create_sequence_from(header.values)?)?;
        list.raw_push(entry)?;
    }
    table.raw_set("multivalue_headers", list)
}

fn texts(lua: &Lua, texts: &BTreeMap<String, String>) -> mlua::Result<Table> {
    lua.create_table_from(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}
