//! The config as it counts, for people to look at: with every default, and without a secret.

use serde_json::Value;

use super::{Config, environment, schema::Schema, values::REDACTED};

impl Config {
    /// The whole of it. What has no type of its own may hold anything, so it is not shown.
    pub fn shown(&self) -> Value {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        redact(&mut shown, &Schema::of::<Self>());
        shown
    }

    /// Each environment variable that is read, as `NAME:value`: the value that counts, wherever it comes from.
    pub fn shown_variables(&self) -> Vec<String> {
        let (shown, schema) = (self.shown(), Schema::of::<Self>());
        let variables = environment::variables(&schema).into_iter();
        let single = variables.filter(|variable| variable.schema.is_scalar());
        single
            .map(|variable| {
                let value = variable.path.iter().try_fold(&shown, |at, step| at.get(step));
                let text = match value {
                    Some(Value::String(text)) => text.clone(),
                    Some(value) => value.to_string(),
                    None => String::new(),
                };
                format!("{}:{text}", variable.name)
            })
            .collect()
    }
}

fn redact(value: &mut Value, schema: &Schema) {
    match (value, schema) {
        (Value::Null, _) => {}
        (value, Schema::Any) => *value = REDACTED.into(),
        (Value::Object(members), Schema::Struct(fields)) => {
            for (name, field) in fields {
                if let Some(member) = members.get_mut(*name) {
                    redact(member, field);
                }
            }
            // Headers carry credentials.
            if let Some(Value::Object(headers)) = members.get_mut("header_map") {
                headers.values_mut().for_each(|value| *value = REDACTED.into());
            }
        }
        (Value::Object(members), Schema::Map(item)) => {
            members.values_mut().for_each(|member| redact(member, item));
        }
        (Value::Array(items), Schema::List(item)) => items.iter_mut().for_each(|member| redact(member, item)),
        (Value::String(text), _) if has_user(text) => *text = REDACTED.to_owned(),
        _ => {}
    }
}

/// A URL that names a user, and so perhaps a password.
fn has_user(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(_, rest)| rest.split(['/', '?']).next().is_some_and(|it| it.contains('@')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Secret;

    fn config() -> Config {
        let mut config = Config::built_in();
        config.secret = Secret::new("tops3cret");
        config.storage.password = Secret::new("tops3cret");
        config.secrets.insert("one".to_owned(), Secret::new("tops3cret"));
        config.external_services = json!({"oauth": {"password": "tops3cret"}});
        config.event_handlers.events.insert("QuotaExceeded".to_owned(), json!([{"x": "tops3cret"}]));
        config.monitor.configuration.header_map.insert("authorization".to_owned(), "tops3cret".to_owned());
        config.bundle_base_url = "https://me:tops3cret@bundles/x".to_owned();
        config
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = config().shown();
        assert_eq!(shown["listen_port"], 8080);
        assert_eq!((&shown["secret"], &shown["node_secret"]), (&json!(REDACTED), &json!("")));
        assert_eq!(shown["http_server_options"]["read_timeout"], 120);
        assert!(!shown.to_string().contains("tops3cret"), "{shown}");
    }

    #[test]
    fn variables_have_the_values_that_count() {
        let lines = config().shown_variables();
        for line in ["TYK_GW_LISTENPORT:8080", "TYK_GW_SECRET:*REDACTED*", "PINHOOK_HOOK_THREADS:32"] {
            assert!(lines.iter().any(|other| other == line), "{line}");
        }
        assert!(lines.iter().all(|line| !line.contains("tops3cret")));
    }
}
