//! Secrets that templates name: read once, at load.

use std::{
    fs,
    path::{Component, Path},
};

use crate::config::Config;

/// Where secrets come from.
#[derive(Clone, Copy)]
pub struct Secrets<'a> {
    config: &'a Config,
    environment: fn(&str) -> Option<String>,
}

impl<'a> Secrets<'a> {
    /// Secrets of the gateway's config, and variables of the process by their whole name.
    pub fn new(config: &'a Config, environment: fn(&str) -> Option<String>) -> Self {
        Self { config, environment }
    }

    /// The secret `name` of a store, or why there is none.
    pub(super) fn find(&self, store: &str, name: &str) -> Result<String, String> {
        match store {
            "conf" => match self.config.secrets.get(name) {
                Some(secret) => Ok(secret.to_string()),
                None => Err(format!("`secrets` of the gateway config has no {name:?}")),
            },
            "env" => {
                let variable = format!("TYK_SECRET_{}", name.to_uppercase());
                (self.environment)(&variable).ok_or_else(|| format!("{variable} is not set"))
            }
            "file" => self.file(name),
            store => Err(format!("pinhook does not read secrets from {store} yet")),
        }
    }

    fn file(&self, name: &str) -> Result<String, String> {
        let base = &self.config.kv.file.base_path;
        if base.is_empty() {
            return Err("`kv.file.base_path` of the gateway config is empty".into());
        }
        if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err("the path leaves `kv.file.base_path`".into());
        }
        let path = Path::new(base).join(name);
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}
