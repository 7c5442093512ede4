//! Hooks, event handlers and versions: lists whose entries become entries (plugins reference 2.4, 9.1).

use super::{
    draft::Draft,
    lines::take,
    read::Node,
    tables::{EVENT_CODE, EVENT_LOG, HOOK, RECORD_HOOK, WEBHOOK},
};

/// Lists of hooks: name, older name with the list in `plugins`, Classic list.
const LISTS: [(&str, &str, &str); 4] = [
    ("prePlugins", "prePlugin", "pre"),
    ("postAuthenticationPlugins", "postAuthenticationPlugin", "post_key_auth"),
    ("postPlugins", "postPlugin", "post"),
    ("responsePlugins", "responsePlugin", "response"),
];

/// Hooks of `middleware.global`.
pub(super) fn global(global: &Node<'_>, draft: &mut Draft) {
    for (name, old, list) in LISTS {
        let (new, old) = (global.member(name), global.member(old).member("plugins"));
        if new.exists() && old.exists() {
            old.claim();
            draft.remark(&old, format!("has no effect beside {name}"));
        }
        let entries = if new.exists() { new } else { old };
        for entry in entries.items() {
            let mut hook = Draft::default();
            take(HOOK, &entry, "", &mut hook);
            draft.push(&format!("custom_middleware.{list}"), hook, entry.path());
        }
    }
    let mut records = global.at("trafficLogs.plugins").items().into_iter();
    if let Some(first) = records.next() {
        take(RECORD_HOOK, &first, "analytics_plugin", draft);
    }
    only_first(records, draft);
}

/// Names entries that come after the only one which counts.
pub(super) fn only_first<'a>(rest: impl Iterator<Item = Node<'a>>, draft: &mut Draft) {
    for entry in rest {
        entry.claim();
        draft.remark(&entry, "has no effect: only the first entry counts");
    }
}

/// `server.eventHandlers`.
pub(super) fn events(handlers: &Node<'_>, draft: &mut Draft) {
    for handler in handlers.items() {
        let kind = handler.member("type");
        let (name, table) = match kind.text().unwrap_or_default().as_str() {
            "webhook" => ("eh_web_hook_handler", WEBHOOK),
            "custom" => ("eh_dynamic_handler", EVENT_CODE),
            "log" => ("eh_log_handler", EVENT_LOG),
            _ => {
                kind.fault("must be one of the following: \"webhook\", \"custom\", \"log\"");
                continue;
            }
        };
        let trigger = handler.member("trigger");
        let Some(event) = trigger.text().filter(|event| !event.is_empty() && !event.contains('.')) else {
            trigger.fault("must be the name of an event");
            continue;
        };
        // A name that its kind does not use is a label.
        for label in ["id", "name"] {
            handler.member(label).claim();
        }
        let (mut entry, mut meta) = (Draft::default(), Draft::default());
        take(table, &handler, "", &mut meta);
        entry.put("handler_name", name, kind.path());
        entry.put_draft("handler_meta", meta, handler.path());
        draft.push(&format!("event_handlers.events.{event}"), entry, handler.path());
    }
}

/// `info.versioning.versions`.
pub(super) fn versions(list: &Node<'_>, draft: &mut Draft) {
    if let Some(map) = list.pairs("name", "id") {
        draft.put("definition.versions", map, list.path());
    }
}
