//! The functions that ask the gateway (plugins reference 6.6): on script threads only, where a call may wait.

use std::rc::Rc;

use rquickjs::{
    Coerced, Ctx, Exception, Function, IntoJs, Object as JsObject, Value, function::Opt, object::Property,
};

use super::{super::script::GatewayApi, fault::Done, helpers::State};

type Text = Coerced<String>;

/// Puts them into the global object; `call` and `callAll` of the library stand on the two with an underscore.
pub(super) fn install<'js>(ctx: &Ctx<'js>, globals: &JsObject<'js>, state: &Rc<State>) -> Done<()> {
    requests(ctx, globals, state)?;
    storage(ctx, globals, state)
}

fn requests<'js>(ctx: &Ctx<'js>, globals: &JsObject<'js>, state: &Rc<State>) -> Done<()> {
    let define = |name: &str, function: Function<'js>| define(globals, name, function);
    let own = state.clone();
    let one = move |ctx: Ctx<'js>, text: Text| ask(&ctx, &own, |gateway| gateway.make_http_request(&text));
    define("TykMakeHttpRequest", Function::new(ctx.clone(), one)?)?;
    let own = state.clone();
    let batch = move |ctx: Ctx<'js>, text: Text| ask(&ctx, &own, |gateway| gateway.batch_request(&text));
    define("TykBatchRequest", Function::new(ctx.clone(), batch)?)?;
    let own = state.clone();
    let key = move |ctx: Ctx<'js>, key: Text, api: Opt<Text>| {
        ask(&ctx, &own, |gateway| gateway.get_key_data(&key, text(&api)))
    };
    define("TykGetKeyData", Function::new(ctx.clone(), key)?)?;
    let own = state.clone();
    let set = move |ctx: Ctx<'js>, key: Text, json: Text, suppress: Opt<Text>| {
        ask(&ctx, &own, |gateway| gateway.set_key_data(&key, &json, text(&suppress)))
    };
    define("TykSetKeyData", Function::new(ctx.clone(), set)?)?;
    let own = state.clone();
    let call = move |ctx: Ctx<'js>, text: Text| ask(&ctx, &own, |gateway| gateway.call_json(&text));
    define("_call", Function::new(ctx.clone(), call)?)?;
    let own = state.clone();
    let all = move |ctx: Ctx<'js>, text: Text| ask(&ctx, &own, |gateway| gateway.call_all_json(&text));
    define("_callAll", Function::new(ctx.clone(), all)?)
}

fn storage<'js>(ctx: &Ctx<'js>, globals: &JsObject<'js>, state: &Rc<State>) -> Done<()> {
    let define = |name: &str, function: Function<'js>| define(globals, name, function);
    let own = state.clone();
    let get = move |ctx: Ctx<'js>, key: Text| -> rquickjs::Result<Value<'js>> {
        match ask(&ctx, &own, |gateway| gateway.storage_get(&key))? {
            Some(value) => String::from_utf8_lossy(&value).into_js(&ctx),
            None => Ok(Value::new_null(ctx)),
        }
    };
    define("TykStorageGet", Function::new(ctx.clone(), get)?)?;
    let own = state.clone();
    let set = move |ctx: Ctx<'js>, key: Text, value: Text, ttl: Opt<Coerced<f64>>| {
        ask(&ctx, &own, |gateway| gateway.storage_set(&key, value.as_bytes(), seconds(&ttl), false)).map(drop)
    };
    define("TykStorageSet", Function::new(ctx.clone(), set)?)?;
    let own = state.clone();
    let set_new = move |ctx: Ctx<'js>, key: Text, value: Text, ttl: Opt<Coerced<f64>>| {
        ask(&ctx, &own, |gateway| gateway.storage_set(&key, value.as_bytes(), seconds(&ttl), true))
    };
    define("TykStorageSetNX", Function::new(ctx.clone(), set_new)?)?;
    let own = state.clone();
    let del = move |ctx: Ctx<'js>, key: Text| ask(&ctx, &own, |gateway| gateway.storage_del(&key));
    define("TykStorageDel", Function::new(ctx.clone(), del)?)?;
    let own = state.clone();
    let ttl = move |ctx: Ctx<'js>, key: Text| -> rquickjs::Result<f64> {
        #[expect(clippy::cast_precision_loss, reason = "seconds of a century are exact")]
        ask(&ctx, &own, |gateway| gateway.storage_ttl(&key)).map(|left| left as f64)
    };
    define("TykStorageTTL", Function::new(ctx.clone(), ttl)?)?;
    let own = state.clone();
    let incr = move |ctx: Ctx<'js>, key: Text, ttl: Opt<Coerced<f64>>| {
        ask(&ctx, &own, |gateway| gateway.storage_incr(&key, seconds(&ttl)))
    };
    define("TykStorageIncr", Function::new(ctx.clone(), incr)?)
}

fn define<'js>(globals: &JsObject<'js>, name: &str, function: Function<'js>) -> Done<()> {
    Ok(globals.prop(name, Property::from(function.with_name(name)?).writable().configurable())?)
}

/// What the gateway says; its refusal becomes an exception.
fn ask<T>(
    ctx: &Ctx<'_>,
    state: &State,
    what: impl FnOnce(&GatewayApi) -> Result<T, String>,
) -> rquickjs::Result<T> {
    state.with_gateway(what).map_err(|reason| Exception::throw_message(ctx, &reason))
}

fn text(given: &Opt<Text>) -> &str {
    given.0.as_ref().map_or("", |text| &text.0)
}

#[expect(clippy::cast_possible_truncation, reason = "what is out of range ends at the range's end")]
fn seconds(given: &Opt<Coerced<f64>>) -> i64 {
    given.0.as_ref().map_or(0, |seconds| seconds.0 as i64)
}
