//! The union of what two policies allow on one API.

use serde_json::Value;

use super::apply::union;
use crate::{
    definition::member::Extra,
    session::{AccessDefinition, AccessSpec, GraphqlType},
};

/// Adds the rights of a policy to those that are there. Limits are not looked at.
pub(super) fn merge(from: &AccessDefinition, into: &mut AccessDefinition) {
    into.versions = union(std::mem::take(&mut into.versions), from.versions.iter().cloned());
    for spec in &from.allowed_urls {
        add_url(spec, &mut into.allowed_urls);
    }
    add_types(&from.restricted_types, &mut into.restricted_types);
    add_types(&from.allowed_types, &mut into.allowed_types);
    into.disable_introspection |= from.disable_introspection;
    for field in &from.field_access_rights {
        add_field(field, &mut into.field_access_rights);
    }
    merge_protocols(&from.extra, &mut into.extra);
}

/// URLs are told apart by their text; the methods of two with the same are joined.
fn add_url(spec: &AccessSpec, into: &mut Vec<AccessSpec>) {
    match into.iter_mut().find(|known| known.url == spec.url) {
        Some(known) => {
            known.methods = union(std::mem::take(&mut known.methods), spec.methods.iter().cloned());
        }
        None => into.push(spec.clone()),
    }
}

fn add_types(from: &[GraphqlType], into: &mut Vec<GraphqlType>) {
    for kind in from {
        match into.iter_mut().find(|known| known.name == kind.name) {
            Some(known) => {
                known.fields = union(std::mem::take(&mut known.fields), kind.fields.iter().cloned());
            }
            None => into.push(kind.clone()),
        }
    }
}

/// Limits of single fields: the larger depth, of which -1 is the largest.
fn add_field(field: &Value, into: &mut Vec<Value>) {
    const DEPTH: &str = "/limits/max_query_depth";
    let same = |known: &&mut Value| {
        ["type_name", "field_name"].iter().all(|name| known.get(name) == field.get(name))
    };
    let Some(known) = into.iter_mut().find(same) else {
        into.push(field.clone());
        return;
    };
    let depth = |of: &Value| of.pointer(DEPTH).and_then(Value::as_i64).unwrap_or_default();
    let (ours, theirs) = (depth(field), depth(known));
    if theirs != -1 && (ours == -1 || ours > theirs) {
        *known = field.clone();
    }
}

/// Joins what stands for protocols that are not served here (JSON-RPC and MCP lists): lists as unions, objects member
/// by member. It is merged for other gateways that read the stored key.
pub(super) fn merge_protocols(from: &Extra, into: &mut Extra) {
    for (name, value) in from.iter() {
        match into.get(name).cloned() {
            Some(mut known) => {
                join(value, &mut known);
                into.insert(name.clone(), known);
            }
            None => into.insert(name.clone(), value.clone()),
        }
    }
}

fn join(from: &Value, into: &mut Value) {
    match (from, into) {
        (Value::Array(from), Value::Array(into)) => {
            for item in from {
                if !into.contains(item) {
                    into.push(item.clone());
                }
            }
        }
        (Value::Object(from), Value::Object(into)) => {
            for (name, value) in from {
                match into.get_mut(name) {
                    Some(known) => join(value, known),
                    None => {
                        into.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        _ => {}
    }
}
