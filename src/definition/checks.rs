//! Settings that are understood and cannot mean what their author wanted: broken patterns, conditions that never
//! hold, and the traps of the api-definition reference that can be seen in the text.

mod rewrites;

use super::{
    ApiDefinition, Expiry, VersionInfo, re2,
    support::{version_path, versions},
};
use crate::error::Problem;

/// What one version is checked with.
struct Checked<'a> {
    place: &'a str,
    path: String,
    problems: &'a mut Vec<Problem>,
}

impl Checked<'_> {
    fn error(&mut self, path: &str, message: String) {
        self.problems.push(Problem::error(self.place, format!("{}.{path}", self.path), message));
    }

    fn warn(&mut self, path: &str, message: impl Into<String>, hint: &str) {
        let problem = Problem::warning(self.place, format!("{}.{path}", self.path), message);
        self.problems.push(if hint.is_empty() { problem } else { problem.hint(hint) });
    }
}

pub(super) fn check(definition: &ApiDefinition, place: &str, problems: &mut Vec<Problem>) {
    api(definition, place, problems);
    names(definition, place, problems);
    for (path, version) in versions(definition) {
        let mut checked = Checked { place, path, problems };
        endpoints(version, &mut checked);
        rewrites::check(definition, version, &mut checked);
    }
    chosen(definition, place, problems);
}

fn api(definition: &ApiDefinition, place: &str, problems: &mut Vec<Problem>) {
    let mut error = |path: &str, message: String| problems.push(Problem::error(place, path, message));
    if let Some(message) = super::listen_path_fault(&definition.proxy.listen_path)
        && !matches!(definition.protocol.as_str(), "tcp" | "tls")
    {
        error("proxy.listen_path", format!("{message}: the API is not served"));
    }
    let target = &definition.proxy.target_url;
    if !target.contains("://") {
        error(
            "proxy.target_url",
            format!("{target:?} has no scheme: no request can be sent there (http:// is missing?)"),
        );
    }
    if !["", "http", "https", "h2c", "tcp", "tls"].contains(&definition.protocol.as_str()) {
        let found = &definition.protocol;
        error("protocol", format!("expected http, https, h2c, tcp or tls, found {found:?}"));
    }
    if Expiry::parse(&definition.expiration) == Expiry::Unreadable {
        let found = &definition.expiration;
        error(
            "expiration",
            format!("expected a date such as 2030-01-31 23:59, found {found:?}: the API has expired"),
        );
    }
    if definition.api_id.is_empty() {
        let problem = Problem::warning(place, "api_id", "empty: the API is known by its file's name");
        problems.push(problem.hint("give every API an id of its own"));
    }
    let switches = [
        ("use_standard_auth", definition.use_standard_auth),
        ("use_basic_auth", definition.use_basic_auth),
        ("enable_jwt", definition.enable_jwt),
        ("use_oauth2", definition.use_oauth2),
        ("use_openid", definition.use_openid),
        ("external_oauth", definition.external_oauth.enabled),
        ("enable_signature_checking", definition.enable_signature_checking),
        ("custom_plugin_auth_enabled", definition.custom_plugin_auth_enabled),
        ("use_go_plugin_auth", definition.use_go_plugin_auth),
        ("enable_coprocess_auth", definition.enable_coprocess_auth),
    ];
    for (path, _) in switches.iter().filter(|(_, on)| *on && definition.use_keyless) {
        problems.push(Problem::warning(
            place,
            *path,
            "without effect, as use_keyless is on: nobody is asked for a key",
        ));
    }
}

/// Whether a version can be chosen, and whether its rules can be found.
fn chosen(definition: &ApiDefinition, place: &str, problems: &mut Vec<Problem>) {
    let data = &definition.version_data;
    if !data.not_versioned {
        return;
    }
    match data.only() {
        Err(error) => {
            problems.push(Problem::error(
                place,
                "version_data.versions",
                format!("every request gets 403: {error}"),
            ));
        }
        Ok((chosen, version)) => {
            for name in data.versions.keys().filter(|name| *name != chosen) {
                let message = format!("never used: a not versioned API uses {chosen:?}");
                problems.push(Problem::warning(place, version_path(name), message));
            }
            if !version.use_extended_paths && !version.extended_paths.is_unused() {
                let path = format!("{}.use_extended_paths", version_path(chosen));
                problems.push(Problem::warning(place, path, "off: no rule of extended_paths has any effect"));
            }
            if !version.override_target.is_empty() {
                let path = format!("{}.override_target", version_path(chosen));
                problems.push(Problem::warning(place, path, "without effect, as the API is not versioned"));
            }
        }
    }
}

/// Endpoint rules are found by the entry's `name`, so two equal ones overwrite each other.
fn names(definition: &ApiDefinition, place: &str, problems: &mut Vec<Problem>) {
    let mut seen = Vec::new();
    for (path, version) in versions(definition) {
        if seen.contains(&&version.name) {
            let message = format!(
                "{:?} is the name of another version too: their rules overwrite each other",
                version.name
            );
            problems.push(Problem::warning(place, format!("{path}.name"), message));
        }
        seen.push(&version.name);
        if !version.global_enforce_timeout.unreadable().is_none_or(str::is_empty) {
            let text = version.global_enforce_timeout.unreadable().unwrap_or_default();
            let message = format!("expected a duration such as 1m30s, found {text:?}: there is no timeout");
            problems.push(Problem::warning(place, format!("{path}.global_enforce_timeout"), message));
        }
        if !definition.version_data.not_versioned && Expiry::parse(&version.expires) == Expiry::Unreadable {
            let message = format!(
                "expected a date such as 2030-01-31 23:59, found {:?}: the version has expired",
                version.expires
            );
            problems.push(Problem::error(place, format!("{path}.expires"), message));
        }
    }
}

/// Paths and methods of all endpoint rules.
fn endpoints(version: &VersionInfo, checked: &mut Checked<'_>) {
    let rules = version.extended_paths.endpoints();
    for rule in &rules {
        let at = format!("extended_paths.{}[{}]", rule.kind, rule.index);
        if let Err(error) = re2::compile(&endpoint_regex(rule.path)) {
            let message =
                format!("{:?} gives no valid regex, so this entry is left out: {}", rule.path, why(&error));
            checked.error(&format!("{at}.path"), message);
        }
        if rule.method.is_empty() {
            if !rule.is_list {
                checked.warn(&format!("{at}.method"), "empty: this entry never matches", "name the method");
            }
        } else {
            method(rule.method, &format!("{at}.method"), checked);
        }
    }
    for (index, entry) in version.extended_paths.method_transforms.iter().enumerate() {
        if !entry.disabled {
            method(
                &entry.to_method,
                &format!("extended_paths.method_transforms[{index}].to_method"),
                checked,
            );
        }
    }
    for (index, entry) in version.extended_paths.mock_response.iter().enumerate() {
        if !entry.disabled && !(100..=999).contains(&entry.code) {
            let path = format!("extended_paths.mock_response[{index}].code");
            checked.error(&path, format!("{} is no status", entry.code));
        }
    }
}

fn method(text: &str, path: &str, checked: &mut Checked<'_>) {
    if http::Method::from_bytes(text.as_bytes()).is_err() {
        checked.error(path, format!("{text:?} is no method"));
    } else if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        let message = format!("{text:?} is compared as written, and clients send capital letters");
        checked.warn(path, message, &format!("did you mean {}?", text.to_ascii_uppercase()));
    }
}

/// The regex of an endpoint path without the gateway's matching switches, which cannot break it (api-definition
/// reference 3.1).
fn endpoint_regex(path: &str) -> String {
    let mut made = String::with_capacity(path.len());
    let mut rest = path;
    let braces = |brace| path.matches(brace).count();
    if braces('{') > 0 && braces('{') == braces('}') {
        while let Some((before, (_, after))) =
            rest.split_once('{').and_then(|(before, inside)| Some((before, inside.split_once('}')?)))
        {
            made.push_str(before);
            made.push_str("([^/]+)");
            rest = after;
        }
    }
    made.push_str(rest);
    made.replace("/*/", "/[^/]+/").replace("/*", "/.*")
}

/// The last line of a regex error: the reason without the drawing.
fn why(error: &regex::Error) -> String {
    error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
