//! One member of a document, one member of a Classic definition: what a line of a mapping table can say.

use serde_json::Value;

use super::{super::ReadableDuration, draft::Draft, read::Node};

/// A line: member of the document, member of the definition, both from where the table stands, and how the value
/// gets from one to the other.
pub(super) struct Line(pub(super) &'static str, pub(super) &'static str, pub(super) Take);

/// How a value becomes a Classic one. A member that is missing gives nothing, but for [`Take::Not`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// Text.
    Text,
    /// A switch.
    Flag,
    /// A switch that Classic has the other way round: what is missing is off (api-definition reference 9.7).
    Not,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// A list of texts.
    Texts,
    /// A list of whole numbers.
    Wholes,
    /// A duration as text, whole seconds in Classic.
    Seconds,
    /// A list of `name` and `value`, an object in Classic.
    Pairs,
    /// Anything, as it is.
    Raw,
}

/// Takes a table's members from `node` into the draft, below `prefix` if there is one.
pub(super) fn take(table: &[Line], node: &Node<'_>, prefix: &str, draft: &mut Draft) {
    for Line(from, to, how) in table {
        let from = node.at(from);
        let Some(value) = value(&from, *how, draft) else { continue };
        let path = if prefix.is_empty() { (*to).to_owned() } else { format!("{prefix}.{to}") };
        draft.put(&path, value, from.path());
    }
    without_switch(table, node, draft);
}

fn value(from: &Node<'_>, how: Take, draft: &mut Draft) -> Option<Value> {
    match how {
        Take::Text => from.text().map(Value::from),
        Take::Flag => from.flag().map(Value::from),
        Take::Not => Some(Value::from(!from.is_on())),
        Take::Whole => from.whole().map(Value::from),
        Take::Number => from.number(),
        Take::Texts => from.texts(),
        Take::Wholes => from.wholes(),
        Take::Seconds => seconds(from, draft).map(Value::from),
        Take::Pairs => from.pairs("name", "value"),
        Take::Raw => from.raw(),
    }
}

/// Whole seconds of a Go duration. Text that is none counts as zero, as in Tyk, and is named.
pub(super) fn seconds(from: &Node<'_>, draft: &mut Draft) -> Option<u64> {
    let text = from.text()?;
    let read = ReadableDuration::parse(&text);
    if read.unreadable().is_some() {
        draft.remark(
            from,
            format!("{text:?} is no duration and counts as zero; expected one such as \"1m30s\""),
        );
    }
    Some(read.duration().map_or(0, |duration| duration.as_secs()))
}

/// Names each object that says something, but not whether it is on.
fn without_switch(table: &[Line], node: &Node<'_>, draft: &mut Draft) {
    const SWITCH: &str = "enabled";
    for Line(from, ..) in table {
        let owner = match from.rsplit_once('.') {
            Some((owner, SWITCH)) => node.at(owner),
            None if *from == SWITCH => node.clone(),
            _ => continue,
        };
        if !owner.members().is_empty() && !owner.member(SWITCH).exists() {
            draft.remark(&owner, "enabled is missing, so this is off");
        }
    }
}
