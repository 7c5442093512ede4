//! The fields of a line, by Tyk's names (sessions reference 9.2). A field without a value is left out.

use std::{
    borrow::Cow,
    io::Write,
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime},
};

use http::{HeaderValue, Method, Version};
use uuid::Uuid;

use crate::{
    analytics::{RecordedApi, rfc3339},
    chain::Fault,
    error::Problem,
    session::hash,
    upstream::Target,
};

/// What a line tells of one request.
pub(in crate::gateway) struct Visit<'a> {
    pub(in crate::gateway) at: SystemTime,
    pub(in crate::gateway) api: &'a RecordedApi,
    /// The token, in clear; empty without one.
    pub(in crate::gateway) key: &'a str,
    pub(in crate::gateway) client: Option<IpAddr>,
    pub(in crate::gateway) host: &'a str,
    pub(in crate::gateway) method: &'a Method,
    /// As records have it: the upstream's.
    pub(in crate::gateway) path: &'a str,
    pub(in crate::gateway) original_path: &'a str,
    pub(in crate::gateway) protocol: Version,
    pub(in crate::gateway) remote: Option<SocketAddr>,
    pub(in crate::gateway) request_id: Uuid,
    pub(in crate::gateway) status: u16,
    pub(in crate::gateway) total: Duration,
    pub(in crate::gateway) upstream: Duration,
    pub(in crate::gateway) target: Option<&'a Target>,
    pub(in crate::gateway) user_agent: Option<&'a HeaderValue>,
    pub(in crate::gateway) fault: Option<Fault>,
    pub(in crate::gateway) upstream_status: Option<u16>,
}

/// How keys are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// By their hash (`hash_keys`).
    pub(super) hashed: bool,
    /// In clear (`enable_key_logging`).
    pub(super) whole: bool,
}

impl Keys {
    fn show(self, key: &str) -> Cow<'_, str> {
        if self.hashed {
            return hash::token(key).into();
        }
        if self.whole {
            return key.into();
        }
        match key.char_indices().rev().nth(3) {
            Some((at, _)) if at > 0 => format!("****{}", key.get(at..).unwrap_or_default()).into(),
            _ => "--".into(),
        }
    }
}

enum Value<'a> {
    Text(Cow<'a, str>),
    Number(u128),
    Absent,
}

/// One field.
struct Field {
    name: &'static str,
    value: for<'a> fn(&Visit<'a>, Keys) -> Value<'a>,
}

const fn field(name: &'static str, value: for<'a> fn(&Visit<'a>, Keys) -> Value<'a>) -> Field {
    Field { name, value }
}

/// Every field. `request_id` is ours; Tyk's lines have no id but the trace's.
static FIELDS: &[Field] = &[
    field("api_id", |visit, _| text(visit.api.id.as_str())),
    field("api_key", |visit, keys| text(keys.show(visit.key))),
    field("api_name", |visit, _| text(visit.api.name.as_str())),
    field("client_ip", |visit, _| printed(visit.client.map(|ip| ip.to_canonical()))),
    field("error_source", |visit, _| if visit.failed() { text("ReverseProxy") } else { Value::Absent }),
    field("error_target", |visit, _| match visit.target {
        Some(target) if visit.failed() => text(&*target.name),
        _ => Value::Absent,
    }),
    field("host", |visit, _| text(visit.host)),
    field("latency_gateway", |visit, _| Value::Number(millis(visit.total) - millis(visit.upstream))),
    field("latency_total", |visit, _| Value::Number(millis(visit.total))),
    field("method", |visit, _| text(visit.method.as_str())),
    field("org_id", |visit, _| text(visit.api.org_id.as_str())),
    field("original_path", |visit, _| text(visit.original_path)),
    field("path", |visit, _| text(visit.path)),
    field("protocol", |visit, _| text(format!("{:?}", visit.protocol))),
    field("remote_addr", |visit, _| printed(visit.remote)),
    field("request_id", |visit, _| text(visit.request_id.to_string())),
    field("response_code_details", |visit, _| match visit.class() {
        Some(class) => text(class.details),
        None => Value::Absent,
    }),
    field("response_flag", |visit, _| match visit.class() {
        Some(class) => text(class.flag),
        None => Value::Absent,
    }),
    field("status", |visit, _| Value::Number(visit.status.into())),
    field("upstream_addr", |visit, _| match visit.target {
        Some(target) => text(format!("{}://{}{}", target.url.scheme(), target.name, visit.path)),
        None => Value::Absent,
    }),
    field("upstream_latency", |visit, _| Value::Number(millis(visit.upstream))),
    field("upstream_status", |visit, _| match visit.upstream_status {
        Some(status) if visit.failed() => Value::Number(status.into()),
        _ => Value::Absent,
    }),
    field("user_agent", |visit, _| match visit.user_agent {
        Some(agent) => text(String::from_utf8_lossy(agent.as_bytes())),
        None => text(""),
    }),
];

/// Names that Tyk's templates may have and that nothing here fills yet: no such feature is built.
const LATER: [&str; 9] = [
    "api_type",
    "circuit_breaker_state",
    "mcp_error_code",
    "mcp_method",
    "mcp_primitive_name",
    "mcp_primitive_type",
    "tls_cert_expiry",
    "tls_cert_subject",
    "trace_id",
];

impl Visit<'_> {
    /// The upstream gave no good answer.
    fn failed(&self) -> bool {
        self.class().is_some_and(|class| class.flag != "CDC")
    }

    fn class(&self) -> Option<Fault> {
        let own = Fault { flag: "URS", details: "upstream answered 5xx" };
        self.fault.or_else(|| matches!(self.upstream_status, Some(500..)).then_some(own))
    }
}

fn millis(time: Duration) -> u128 {
    time.as_millis()
}

fn text<'a>(text: impl Into<Cow<'a, str>>) -> Value<'a> {
    Value::Text(text.into())
}

fn printed<'a>(value: Option<impl ToString>) -> Value<'a> {
    text(value.map(|value| value.to_string()).unwrap_or_default())
}

/// The fields of the config's template, in the form of the other logs.
pub(super) struct Selected {
    fields: Vec<&'static Field>,
    json: bool,
    keys: Keys,
}

impl Selected {
    /// All fields for an empty template. A name that is unknown, or that nothing fills, is reported.
    pub(super) fn new(template: &[String], json: bool, keys: Keys, problems: &mut Vec<Problem>) -> Self {
        let wanted = |field: &&Field| template.is_empty() || template.iter().any(|name| *name == field.name);
        let fields = FIELDS.iter().filter(wanted).collect();
        for (index, name) in template.iter().enumerate() {
            let path = format!("access_logs.template[{index}]");
            let message = if FIELDS.iter().any(|field| *name == field.name) || name == "prefix" {
                continue;
            } else if LATER.contains(&name.as_str()) {
                format!("{name} is never there: nothing in this build fills it")
            } else {
                format!("no field is named {name:?}: it is left out")
            };
            problems.push(Problem::warning("gateway config", path, message));
        }
        Self { fields, json, keys }
    }

    /// A whole line with its newline.
    pub(super) fn line(&self, visit: &Visit<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(640);
        let time = rfc3339(visit.at);
        if self.json {
            put(&mut out, format_args!(r#"{{"time":"{time}","level":"info","msg":"","prefix":"access-log""#));
        } else {
            put(&mut out, format_args!(r#"time="{time}" level=info prefix=access-log"#));
        }
        for field in &self.fields {
            match (field.value)(visit, self.keys) {
                Value::Absent => {}
                Value::Number(number) if self.json => {
                    put(&mut out, format_args!(r#","{}":{number}"#, field.name));
                }
                Value::Number(number) => put(&mut out, format_args!(" {}={number}", field.name)),
                Value::Text(text) if self.json => {
                    put(&mut out, format_args!(r#","{}":"#, field.name));
                    quote(&mut out, &text);
                }
                Value::Text(text) => {
                    put(&mut out, format_args!(" {}=", field.name));
                    if is_bare(&text) {
                        out.extend_from_slice(text.as_bytes())
                    } else {
                        quote(&mut out, &text)
                    }
                }
            }
        }
        out.extend_from_slice(if self.json { b"}\n" } else { b"\n" });
        out
    }
}

/// A `Vec` takes everything: there is nothing to report.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

fn quote(out: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(out, text);
}

/// True if a text form reader takes the value as it stands.
fn is_bare(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/@^+:%*".contains(&byte))
}
