//! Values of a script as ours, by the rules of Go's JSON: what is undefined or null is not there, and nothing is turned
//! into another type.

use rquickjs::{Object as JsObject, Value};

use super::fault::{Done, Fault};

/// The member of that name, if it is there.
pub(super) fn member<'js>(object: &JsObject<'js>, name: &str) -> Done<Option<Value<'js>>> {
    let value: Value<'js> = object.get(name)?;
    Ok(Some(value).filter(|value| !value.is_undefined() && !value.is_null()))
}

/// A member that is an object.
pub(super) fn object<'js>(parent: &JsObject<'js>, name: &str) -> Done<Option<JsObject<'js>>> {
    let Some(value) = member(parent, name)? else { return Ok(None) };
    match value.into_object() {
        Some(object) if !object.is_function() => Ok(Some(object)),
        _ => Err(Fault::wrong(format!("{name} is no object"))),
    }
}

/// A member that is a text.
pub(super) fn text(parent: &JsObject<'_>, name: &str) -> Done<Option<String>> {
    member(parent, name)?.map(|value| text_of(&value, name)).transpose()
}

/// A member that is a whole number.
pub(super) fn number(parent: &JsObject<'_>, name: &str) -> Done<i64> {
    let Some(value) = member(parent, name)? else { return Ok(0) };
    match value.as_number() {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and a hundred million at most")]
        Some(number) if number.fract() == 0.0 && number.abs() < 1e8 => Ok(number as i64),
        _ => Err(Fault::wrong(format!("{name} is no whole number"))),
    }
}

/// A member that is true or false.
pub(super) fn flag(parent: &JsObject<'_>, name: &str) -> Done<bool> {
    let Some(value) = member(parent, name)? else { return Ok(false) };
    value.as_bool().ok_or_else(|| Fault::wrong(format!("{name} is neither true nor false")))
}

/// A member that is a list of texts.
pub(super) fn list(parent: &JsObject<'_>, name: &str) -> Done<Vec<String>> {
    match member(parent, name)? {
        None => Ok(Vec::new()),
        Some(value) => list_of(value, name),
    }
}

/// A member that maps names to texts, in its order.
pub(super) fn texts(parent: &JsObject<'_>, name: &str) -> Done<Vec<(String, String)>> {
    let mut found = Vec::new();
    each(parent, name, |key, value| {
        found.push((key.to_owned(), text_of(&value, key)?));
        Ok(())
    })?;
    Ok(found)
}

/// A member that maps names to lists of texts, in its order.
pub(super) fn lists(parent: &JsObject<'_>, name: &str) -> Done<Vec<(String, Vec<String>)>> {
    let mut found = Vec::new();
    each(parent, name, |key, value| {
        let list = if value.is_null() { Vec::new() } else { list_of(value, key)? };
        found.push((key.to_owned(), list));
        Ok(())
    })?;
    Ok(found)
}

fn each<'js>(
    parent: &JsObject<'js>,
    name: &str,
    mut take: impl FnMut(&str, Value<'js>) -> Done<()>,
) -> Done<()> {
    let Some(object) = object(parent, name)? else { return Ok(()) };
    for pair in object.props::<String, Value<'js>>() {
        let (key, value) = pair?;
        // JSON has neither.
        if !value.is_undefined() && !value.is_function() {
            take(&key, value)?;
        }
    }
    Ok(())
}

/// A value that is a list of texts.
pub(super) fn list_of(value: Value<'_>, name: &str) -> Done<Vec<String>> {
    let Some(array) = value.into_array() else { return Err(Fault::wrong(format!("{name} is no list"))) };
    array.iter::<Value<'_>>().map(|item| text_of(&item?, name)).collect()
}

/// A value that is a text; null is the empty one.
pub(super) fn text_of(value: &Value<'_>, name: &str) -> Done<String> {
    if value.is_null() {
        return Ok(String::new());
    }
    match value.as_string() {
        Some(text) => text.to_string().map_err(|_| Fault::wrong(format!("{name} is no text of Unicode"))),
        None => Err(Fault::wrong(format!("{name} is {}, not a text", value.type_name()))),
    }
}

/// A value as JSON; nothing if it is undefined.
pub(super) fn json(value: Value<'_>) -> Done<Option<String>> {
    match value.ctx().clone().json_stringify(value)? {
        Some(text) => Ok(Some(text.to_string()?)),
        None => Ok(None),
    }
}
