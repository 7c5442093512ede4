//! Patterns, templates and triggers of URL rewrites.

use super::{
    super::{ApiDefinition, Match, Trigger, UrlRewrite, VersionInfo, re2},
    Checked, why,
};

pub(super) fn check(definition: &ApiDefinition, version: &VersionInfo, checked: &mut Checked<'_>) {
    let rewrites = version.extended_paths.url_rewrites.iter().enumerate();
    for (index, rewrite) in rewrites.filter(|(_, rewrite)| !rewrite.disabled) {
        let at = format!("extended_paths.url_rewrites[{index}]");
        pattern(definition, rewrite, &at, checked);
        for (index, entry) in rewrite.triggers.iter().enumerate() {
            trigger(definition, entry, &format!("{at}.triggers[{index}]"), index, checked);
        }
    }
}

fn pattern(definition: &ApiDefinition, rewrite: &UrlRewrite, at: &str, checked: &mut Checked<'_>) {
    let pattern = &rewrite.match_pattern;
    let path = format!("{at}.match_pattern");
    if let Err(error) = re2::compile(pattern) {
        let message =
            format!("no valid regex (RE2 syntax), so each matching request gets 500: {}", why(&error));
        checked.error(&path, message);
        return;
    }
    let listen = definition.proxy.listen_path.trim_end_matches('/');
    let anchored =
        pattern.strip_prefix("^/").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    if anchored && !listen.is_empty() && !listen.contains('{') && !pattern.starts_with(&format!("^{listen}"))
    {
        checked.warn(
            &path,
            "begins with ^, but what it is matched against begins with the listen path",
            &format!("write ^{listen}/… or leave ^ out"),
        );
    }
}

fn trigger(definition: &ApiDefinition, entry: &Trigger, at: &str, number: usize, checked: &mut Checked<'_>) {
    let options = &entry.options;
    let groups = [
        ("header_matches", &options.header_matches),
        ("query_val_matches", &options.query_val_matches),
        ("path_part_matches", &options.path_part_matches),
        ("session_meta_matches", &options.session_meta_matches),
        ("request_context_matches", &options.request_context_matches),
    ];
    for (group, matches) in groups {
        for (key, rule) in matches {
            rule_fault(rule, &format!("{at}.options.{group}.{key}"), checked);
            if rule.reverse && matches!(group, "header_matches" | "query_val_matches") {
                let hint = "\"absent\" cannot be expressed by reverse";
                checked.warn(
                    &format!("{at}.options.{group}.{key}.reverse"),
                    "counts only when it is present",
                    hint,
                );
            }
        }
    }
    rule_fault(&options.payload_matches, &format!("{at}.options.payload_matches"), checked);
    let empty =
        groups.iter().all(|(_, matches)| matches.is_empty()) && options.payload_matches.match_rx.is_empty();
    match (entry.on.as_str(), empty) {
        ("any", true) => checked.warn(&format!("{at}.options"), "none: this trigger never fires", ""),
        (_, true) => checked.warn(&format!("{at}.options"), "none: this trigger always fires", ""),
        ("any" | "all", false) => {}
        (other, false) => {
            let message = format!("{other:?} is read as \"all\"");
            checked.warn(&format!("{at}.on"), message, "expected any or all");
        }
    }
    if !definition.enable_context_vars && !options.request_context_matches.is_empty() {
        let path = format!("{at}.options.request_context_matches");
        checked.warn(&path, "never holds: enable_context_vars is off", "");
    }
    bare_host(entry, &format!("{at}.rewrite_to"), number, checked);
}

/// A header that is the whole host of the template has to bring its scheme along, else it becomes a path (trap 1).
fn bare_host(entry: &Trigger, path: &str, number: usize, checked: &mut Checked<'_>) {
    let own = format!("$tyk_context.trigger-{number}-");
    if !entry.rewrite_to.starts_with(&own) {
        return;
    }
    let schemed =
        |rule: &Match| rule.match_rx.trim_start_matches('^').trim_start_matches('(').starts_with("http");
    if !entry.options.header_matches.values().any(schemed) {
        checked.warn(
            path,
            "a value that does not begin with http is escaped and becomes a path of the default target",
            "match_rx \"^https?://.+\" takes only values that work",
        );
    }
}

fn rule_fault(rule: &Match, at: &str, checked: &mut Checked<'_>) {
    if let Err(error) = re2::compile(&rule.match_rx) {
        let message = format!("no valid regex (RE2 syntax), so it never matches: {}", why(&error));
        checked.error(&format!("{at}.match_rx"), message);
    }
}
