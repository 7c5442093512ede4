//! Hooks that cannot run, or not as their author may think. One that cannot run closes its API: it may be what protects
//! it.

use super::{
    super::{ApiDefinition, HookEntry, Pinhook, VersionInfo},
    Lint,
};
use crate::error::Problem;

/// Names of the native driver.
const NATIVE: [&str; 3] = ["goplugin", "native", "golang"];
/// Names of JavaScript.
const SCRIPTS: [&str; 2] = ["otto", "javascript"];
/// Other drivers.
const OTHERS: [&str; 3] = ["lua", "python", "grpc"];

pub(super) fn check(definition: &ApiDefinition, place: &str, found: &mut Lint) {
    let hooks = &definition.custom_middleware;
    for (list, entries) in [("pre", &hooks.pre), ("post", &hooks.post), ("response", &hooks.response)] {
        for (index, entry) in enabled(entries) {
            let path = format!("custom_middleware.{list}[{index}]");
            driver(entry, &hooks.driver, &path, place, found);
        }
    }
    for (index, entry) in enabled(&hooks.post_key_auth) {
        let path = format!("custom_middleware.post_key_auth[{index}]");
        if definition.use_keyless {
            found.problems.push(
                Problem::warning(place, path, "never runs: use_keyless leaves hooks after auth out")
                    .hint("a hook of a keyless API belongs in pre or post"),
            );
        } else {
            driver(entry, &hooks.driver, &path, place, found);
        }
    }
    auth(definition, place, found);
}

/// The auth hook, and what switches it on.
fn auth(definition: &ApiDefinition, place: &str, found: &mut Lint) {
    const AT: &str = "custom_middleware.auth_check";
    let hooks = &definition.custom_middleware;
    if hooks.auth_check.name.is_empty() || hooks.auth_check.disabled {
        return;
    }
    let on = definition.custom_plugin_auth_enabled
        || definition.use_go_plugin_auth
        || definition.enable_coprocess_auth;
    if definition.use_keyless {
        found.problems.push(Problem::warning(place, AT, "never runs: use_keyless leaves auth out"));
    } else if !on {
        found.problems.push(
            Problem::warning(place, AT, "never runs: nothing switches it on")
                .hint("set custom_plugin_auth_enabled"),
        );
    } else {
        driver(&hooks.auth_check, &hooks.driver, AT, place, found);
    }
}

pub(super) fn check_endpoints(version: &VersionInfo, at: &str, place: &str, found: &mut Lint) {
    let paths = &version.extended_paths;
    for (index, entry) in paths.go_plugin.iter().enumerate().filter(|(_, entry)| !entry.disabled) {
        let path = format!("{at}.extended_paths.go_plugin[{index}]");
        own_driver(entry.pinhook.as_ref(), &path, place, found);
    }
    for (index, entry) in paths.virtual_endpoints.iter().enumerate().filter(|(_, entry)| !entry.disabled) {
        let path = format!("{at}.extended_paths.virtual[{index}]");
        own_driver(entry.pinhook.as_ref(), &path, place, found);
        let kind = &entry.function_source_type;
        if !matches!(&**kind, "file" | "blob") {
            let message = format!("{kind:?} is none of file, blob: requests that reach it are answered 500");
            found.problems.push(Problem::error(place, format!("{path}.function_source_type"), message));
        }
        if entry.response_function_name.is_empty() {
            let message = "no function is named: requests that reach it are answered 500";
            found.problems.push(Problem::error(place, format!("{path}.response_function_name"), message));
        }
    }
}

fn own_driver(own: Option<&Pinhook>, at: &str, place: &str, found: &mut Lint) {
    if let Some(name) = own.and_then(|own| own.driver.as_deref()) {
        known_driver(name, at, format!("{at}.pinhook.driver"), place, found);
    }
}

fn enabled(entries: &[HookEntry]) -> impl Iterator<Item = (usize, &HookEntry)> {
    entries.iter().enumerate().filter(|(_, entry)| !entry.disabled)
}

fn driver(entry: &HookEntry, common: &str, at: &str, place: &str, found: &mut Lint) {
    let own = entry.pinhook.as_ref().and_then(|own| own.driver.as_deref());
    let (name, path) = match own {
        Some(own) => (own, format!("{at}.pinhook.driver")),
        None => (common, "custom_middleware.driver".to_owned()),
    };
    known_driver(name, at, path, place, found);
    ignored_settings(entry, name, at, place, found);
}

fn known_driver(name: &str, at: &str, path: String, place: &str, found: &mut Lint) {
    if name == "goplugin" || SCRIPTS.contains(&name) || OTHERS.contains(&name) {
        return;
    }
    if NATIVE.contains(&name) {
        let problem = Problem::warning(place, path, format!("{name:?} is read as \"goplugin\""));
        found.problems.push(problem.hint("Tyk knows this driver as goplugin only"));
    } else if name.is_empty() {
        let message = format!(
            "no driver is named for {at}: it is skipped, or answers 500 where coprocess_options.enable_coprocess is on"
        );
        found
            .problems
            .push(Problem::warning(place, path, message).hint("expected \"goplugin\" or another driver"));
    } else {
        let problem =
            Problem::error(place, path, format!("unknown driver {name:?}: the API answers 500, for {at}"));
        let known = NATIVE
            .iter()
            .chain(&SCRIPTS)
            .chain(&OTHERS)
            .map(|known| (strsim::jaro_winkler(known, name), *known));
        let near = known.filter(|near| near.0 > 0.8).max_by(|one, other| one.0.total_cmp(&other.0));
        found.refuse(match near {
            Some((_, known)) => problem.hint(format!("did you mean {known}?")),
            None => problem.hint("expected one of goplugin, otto, javascript, python, lua, grpc"),
        });
    }
}

/// What Tyk says nothing of: settings that mean nothing to the entry's driver or place.
fn ignored_settings(entry: &HookEntry, driver: &str, at: &str, place: &str, found: &mut Lint) {
    let script = SCRIPTS.contains(&driver);
    let session = at.starts_with("custom_middleware.post") || at.starts_with("custom_middleware.response");
    let server = entry.pinhook.as_ref().is_some_and(|own| own.grpc_server.is_some());
    for (member, set, why) in [
        ("raw_body_only", entry.raw_body_only && script, "scripts get the body as text"),
        ("require_session", entry.require_session && script && !session, "there is no session before auth"),
        ("require_session", entry.require_session && !script, "only scripts have to ask for it"),
        (
            "code",
            !entry.code.is_empty() && !script && driver != "lua",
            "only scripts may stand in a definition",
        ),
        ("pinhook.grpc_server", server && driver != "grpc", "only driver grpc calls a server"),
    ] {
        if set {
            let message = format!("has no effect: {why}");
            found.problems.push(Problem::warning(place, format!("{at}.{member}"), message));
        }
    }
}
