//! `rate_limit_pattern`: a text in a key's metadata that names its counters, which it so shares with every key for which
//! the text comes out the same (sessions reference 5.2).
//!
//! It comes with the key and not with a definition, so it is read anew for each request, and so are the context
//! variables in it that nothing else in the API reads.

use std::sync::Arc;

use pingora_proxy::Session;
use serde_json::{Map, Value};

use crate::{chain::Ctx, error::Result, middleware::context_vars, session::SessionState};

const CONTEXT: &str = "$tyk_context.";
const META: &str = "$tyk_meta.";

/// The text, if the key has one.
pub(super) fn of(state: &SessionState) -> Option<&str> {
    state.meta_data.get("rate_limit_pattern")?.as_str().filter(|text| !text.is_empty())
}

/// Prints it for a request. An unknown variable prints nothing.
pub(super) async fn print(
    text: &str,
    meta: &Map<String, Value>,
    has_context: bool,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find("$tyk_") {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        if let Some((name, after)) = named(found, META) {
            out.push_str(&printed(meta.get(name)));
            rest = after;
        } else if let Some((name, after)) = named(found, CONTEXT) {
            if has_context {
                let name = Arc::from(name);
                context_vars::ensure(&name, session, ctx).await?;
                out.push_str(ctx.variables.as_ref().map_or("", |variables| variables.print(&name)));
            }
            rest = after;
        } else {
            out.push_str("$tyk_");
            rest = found.get("$tyk_".len()..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The name behind a prefix, and what follows it.
fn named<'t>(text: &'t str, prefix: &str) -> Option<(&'t str, &'t str)> {
    let tail = text.strip_prefix(prefix)?;
    let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')));
    let (name, after) = tail.split_at(end.unwrap_or(tail.len()));
    (!name.is_empty()).then_some((name, after))
}

fn printed(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| printed(Some(item))).collect();
            items.join(",")
        }
        _ => String::new(),
    }
}
