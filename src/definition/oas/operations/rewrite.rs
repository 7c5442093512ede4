//! Triggers of a `urlRewrite` (api-definition reference 9.4, 4.1).

use super::super::{
    draft::Draft,
    lines::{Line, Take::*, take},
    read::Node,
};

/// Where a rule looks, and the Classic group.
const PLACES: [(&str, &str); 6] = [
    ("header", "header_matches"),
    ("query", "query_val_matches"),
    ("path", "path_part_matches"),
    ("sessionMetadata", "session_meta_matches"),
    ("requestContext", "request_context_matches"),
    ("requestBody", "payload_matches"),
];

/// The triggers of a rewrite, in their order.
pub(super) fn triggers(wish: &Node<'_>, entry: &mut Draft) {
    for trigger in wish.member("triggers").items() {
        let mut made = Draft::default();
        take(
            &[Line("condition", "on", Text), Line("rewriteTo", "rewrite_to", Text)],
            &trigger,
            "",
            &mut made,
        );
        for rule in trigger.member("rules").items() {
            condition(&rule, &mut made);
        }
        entry.push("triggers", made, trigger.path());
    }
}

/// One rule; of several with one place and name the last counts.
fn condition(rule: &Node<'_>, trigger: &mut Draft) {
    let place = rule.member("in");
    let text = place.text().unwrap_or_default();
    let Some((_, group)) = PLACES.iter().find(|(name, _)| *name == text) else {
        let names: Vec<String> = PLACES.iter().map(|(name, _)| format!("{name:?}")).collect();
        return place.fault(format!("must be one of the following: {}", names.join(", ")));
    };
    let mut made = Draft::default();
    take(&[Line("pattern", "match_rx", Text), Line("negate", "reverse", Flag)], rule, "", &mut made);
    let name = rule.member("name");
    let group = format!("options.{group}");
    if text == "requestBody" {
        name.claim();
        return trigger.put_draft(&group, made, rule.path());
    }
    trigger.put_member(&group, &name.text().unwrap_or_default(), made, rule.path());
}
