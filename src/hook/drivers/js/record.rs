//! An analytics record as a script sees and edits it: an object with a member for each field. Tyk has no such hooks in
//! JavaScript.

use rquickjs::{Ctx, Object as JsObject, Value as JsValue};

use super::{
    fault::{Done, Fault},
    read,
};
use crate::hook::{RecordPart, Value};

/// The record: times are nanoseconds since 1970 as texts, for no number of a script could hold them.
pub(super) fn build<'js>(ctx: &Ctx<'js>, part: &RecordPart) -> Done<JsObject<'js>> {
    let record = JsObject::new(ctx.clone())?;
    for (name, value) in part.fields() {
        match value {
            Value::Text(text) => record.set(name, text.as_str())?,
            #[expect(clippy::cast_precision_loss, reason = "numbers of a script are no others")]
            Value::Number(number) => record.set(name, *number as f64)?,
            Value::Time(time) => record.set(name, time.to_string())?,
            Value::Flag(flag) => record.set(name, *flag)?,
            Value::Texts(texts) => record.set(name, texts.clone())?,
        }
    }
    Ok(record)
}

/// Applies what a script changed. A member that is no field is a mistake; one that is gone is as it was.
pub(super) fn apply(left: &JsObject<'_>, part: &mut RecordPart) -> Done<()> {
    let mut edits = Vec::new();
    for pair in left.props::<String, JsValue<'_>>() {
        let (name, value) = pair?;
        let known = part.get(&name).ok_or_else(|| Fault::wrong(format!("a record has no {name}")))?;
        let edited = edited(&name, &value, known)?;
        if edited != *known {
            edits.push((name, edited));
        }
    }
    for (name, value) in edits {
        if let Some(place) = part.edit(&name) {
            *place = value;
        }
    }
    Ok(())
}

fn edited(name: &str, value: &JsValue<'_>, known: &Value) -> Done<Value> {
    let wrong = || Fault::wrong(format!("{name} is of another type than it was"));
    Ok(match known {
        Value::Text(_) => Value::Text(read::text_of(value, name)?),
        Value::Number(before) => {
            let number = value.as_number().filter(|number| number.fract() == 0.0).ok_or_else(wrong)?;
            #[expect(clippy::cast_precision_loss, reason = "this is how it was handed over")]
            let same = number == *before as f64;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it is whole, and the ends are as good as any"
            )]
            Value::Number(if same { *before } else { number as i64 })
        }
        Value::Time(_) => Value::Time(read::text_of(value, name)?.parse().map_err(|_| wrong())?),
        Value::Flag(_) => Value::Flag(value.as_bool().ok_or_else(wrong)?),
        Value::Texts(_) => Value::Texts(read::list_of(value.clone(), name)?),
    })
}
