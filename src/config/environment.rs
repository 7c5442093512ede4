//! Overrides from the environment.
//!
//! Tyk names its variables after the fields of its Go structs: `TYK_GW_`, then each step of the path in upper
//! case without underscores, joined by `_`. Where a field is not called like its key, [`ODD`] says so.

use serde_json::Number;

use crate::error::Problem;

use super::{
    check::nearest,
    document::{Kind, Node, Origin, parse_json},
    schema::Schema,
};

/// A process environment.
pub(super) type Environment = Vec<(String, String)>;

const TYK: &str = "TYK_GW_";
const OWN: &str = "PINHOOK_";

/// Variables that are read elsewhere.
const OTHERS: &[&str] = &["TYK_GW_OMITCONFIGFILE"];

/// Keys (whole paths or their ends) whose variable is not spelled like them.
pub(super) const ODD: &[(&str, &str)] = &[
    ("analytics_config.geo_ip_db_path", "GEOIPDBLOCATION"),
    ("analytics_config.normalise_urls.custom_patterns", "CUSTOM"),
    ("disable_ports_whitelist", "DISABLEPORTWHITELIST"),
    ("enable_http_profiler", "HTTPPROFILE"),
    ("enable_separate_analytics_store", "ENABLESEPERATEANALYTICSSTORE"),
    ("enable_separate_cache_store", "ENABLESEPERATECACHESTORE"),
    ("health_check.health_check_value_timeouts", "HEALTHCHECKVALUETIMEOUT"),
    ("http_server_options.ssl_ciphers", "CIPHERS"),
    ("local_session_cache.cached_session_eviction", "CACHESESSIONEVICTION"),
    ("local_session_cache.disable_cached_session_state", "DISABLECACHESESSIONSTATE"),
    ("max_idle_connections", "MAXIDLECONNS"),
    ("max_idle_connections_per_host", "MAXIDLECONNSPERHOST"),
    ("monitor.configuration", "CONFIG"),
    ("monitor.configuration.header_map", "HEADERLIST"),
    ("oas_config", "OAS"),
    ("oauth_refresh_token_expire", "OAUTHREFRESHEXPIRE"),
    ("optimisation_max_active", "MAXACTIVE"),
    ("optimisation_max_idle", "MAXIDLE"),
    ("ports_whitelist", "PORTWHITELIST"),
    ("proxy_ssl_ciphers", "PROXYSSLCIPHERSUITES"),
    ("security.certificates.apis", "API"),
    ("security.certificates.dashboard_api", "DASHBOARD"),
    ("security.certificates.mdcb_api", "MDCB"),
    ("slave_options.bind_to_slugs", "BINDTOSLUGSINSTEADOFLISTENPATHS"),
    ("suppress_default_org_store", "SUPRESSDEFAULTORGSTORE"),
    ("tracing", "TRACER"),
];

/// Writes what the environment says into `document`; reports names that nothing reads and text that is not JSON
/// where JSON is needed. Types are judged by the check that follows.
pub(super) fn apply(document: &mut Node, schema: &Schema, environment: &Environment) -> Vec<Problem> {
    let variables = variables(schema);
    let mut problems = Vec::new();
    for (name, text) in environment {
        let ours = name.starts_with(TYK) || name.starts_with(OWN);
        if !ours || OTHERS.contains(&name.as_str()) {
            continue;
        }
        match variables.iter().find(|variable| variable.name == *name) {
            Some(variable) => match node(name, text, variable.schema) {
                Ok(value) => set(document, &variable.path, value),
                Err(problem) => problems.push(Problem { path: variable.path.join("."), ..problem }),
            },
            None => problems.extend(unknown(name, &variables)),
        }
    }
    // What `TYK_LOGLEVEL` and `TYK_LOGFORMAT` say beats file and `TYK_GW_…`.
    for (name, key) in [("TYK_LOGLEVEL", "log_level"), ("TYK_LOGFORMAT", "log_format")] {
        if let Some((_, text)) = environment.iter().find(|(other, text)| other == name && !text.is_empty()) {
            let value = Node::new(Origin::Env(name.to_owned()), Kind::Text(text.clone()));
            set(document, &[key], value);
        }
    }
    problems
}

pub(super) struct Variable<'a> {
    pub(super) name: String,
    pub(super) path: Vec<&'static str>,
    pub(super) schema: &'a Schema,
}

/// Every variable that is read.
pub(super) fn variables(schema: &Schema) -> Vec<Variable<'_>> {
    let mut variables = Vec::new();
    if let Schema::Struct(fields) = schema {
        for (key, member) in fields {
            if *key == "pinhook" {
                collect(member, OWN.trim_end_matches('_'), &["pinhook"], own_step, &mut variables);
            } else {
                let name = format!("{TYK}{}", tyk_step(&[key]));
                collect(member, &name, &[key], tyk_step, &mut variables);
            }
        }
    }
    variables
}

fn collect<'a>(
    schema: &'a Schema,
    name: &str,
    path: &[&'static str],
    step: fn(&[&str]) -> String,
    variables: &mut Vec<Variable<'a>>,
) {
    variables.push(Variable { name: name.to_owned(), path: path.to_vec(), schema });
    let Schema::Struct(fields) = schema else { return };
    for (key, member) in fields {
        let path: Vec<_> = path.iter().copied().chain([*key]).collect();
        collect(member, &format!("{name}_{}", step(&path)), &path, step, variables);
    }
}

fn tyk_step(path: &[&str]) -> String {
    let whole = path.join(".");
    let odd = ODD.iter().find(|(key, _)| whole == *key || whole.ends_with(&format!(".{key}")));
    match (odd, path.last()) {
        (Some((_, step)), _) => (*step).to_owned(),
        (None, Some(key)) => key.replace('_', "").to_ascii_uppercase(),
        (None, None) => String::new(),
    }
}

fn own_step(path: &[&str]) -> String {
    path.last().map(|key| key.to_ascii_uppercase()).unwrap_or_default()
}

fn unknown(name: &str, variables: &[Variable<'_>]) -> Option<Problem> {
    if let Some(variable) = variables.iter().find(|variable| {
        *variable.schema == Schema::Any
            && name.strip_prefix(&variable.name).is_some_and(|rest| rest.starts_with('_'))
    }) {
        let message = "not supported yet: it has no effect";
        return Some(Problem::warning(name, variable.path.join("."), message));
    }
    let near = nearest(name, variables.iter().map(|variable| variable.name.as_str()));
    match near {
        Some(near) => {
            let message = "unknown variable, it has no effect";
            Some(Problem::warning(name, "", message).hint(format!("did you mean {near}?")))
        }
        // Tools around pinhook have variables with that prefix too.
        None if name.starts_with(OWN) => None,
        None => Some(Problem::warning(name, "", "unknown variable, it has no effect")),
    }
}

fn node(name: &str, text: &str, schema: &Schema) -> Result<Node, Problem> {
    let origin = || Origin::Env(name.to_owned());
    let scalar = |text: &str, schema: &Schema| Node::new(origin(), scalar(text, schema));
    let kind = match schema {
        Schema::List(item) if item.is_scalar() => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Kind::List(items.map(|text| scalar(text, item)).collect())
        }
        Schema::Map(item) if item.is_scalar() => {
            let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
            let members = pairs.map(|pair| match pair.split_once(':') {
                Some((key, value)) => Ok((key.trim().to_owned(), scalar(value.trim(), item))),
                None => {
                    let message = format!("expected key:value pairs separated by commas, found {pair:?}");
                    Err(Problem::error(name, "", message))
                }
            });
            Kind::Map(members.collect::<Result<_, _>>()?)
        }
        schema if schema.is_scalar() => return Ok(scalar(text, schema)),
        _ => {
            let mut node = parse_json(text, name).map_err(|problem| Problem { line: None, ..problem })?;
            relocate(&mut node, name);
            return Ok(node);
        }
    };
    Ok(Node::new(origin(), kind))
}

/// Reads a value in the form its place wants. What does not fit stays a text, for the check to complain about.
fn scalar(text: &str, schema: &Schema) -> Kind {
    let wanted = match schema {
        Schema::Bool => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(Kind::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(Kind::Bool(false)),
            _ => None,
        },
        Schema::Int { .. } | Schema::Duration => text
            .parse::<i64>()
            .map(Number::from)
            .or_else(|_| text.parse::<u64>().map(Number::from))
            .ok()
            .map(Kind::Number),
        Schema::Float => text.parse().ok().and_then(Number::from_f64).map(Kind::Number),
        _ => None,
    };
    wanted.unwrap_or_else(|| Kind::Text(text.to_owned()))
}

fn relocate(node: &mut Node, name: &str) {
    node.origin = Origin::Env(name.to_owned());
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| relocate(item, name)),
        Kind::Map(members) => members.iter_mut().for_each(|(_, member)| relocate(member, name)),
        _ => {}
    }
}

/// Puts `value` at `path`. A parent of a wrong type stays, for the check to complain about.
fn set(document: &mut Node, path: &[&'static str], value: Node) {
    let Some((key, rest)) = path.split_first() else {
        *document = value;
        return;
    };
    if matches!(document.kind, Kind::Null) {
        document.kind = Kind::Map(Vec::new());
    }
    let Kind::Map(members) = &mut document.kind else { return };
    let place = members.iter().rposition(|(name, _)| name.eq_ignore_ascii_case(key));
    match place.and_then(|place| members.get_mut(place)) {
        Some((_, member)) => set(member, rest, value),
        None => {
            let mut member = Node::empty();
            set(&mut member, rest, value);
            members.push(((*key).to_owned(), member));
        }
    }
}
