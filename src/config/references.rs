//! Values that stand elsewhere: `env://NAME`, `secrets://name`, `file://path`.

use std::{fs, path::Path};

use crate::error::Problem;

use super::{
    check::place,
    document::{Kind, Node},
    environment::Environment,
    schema::Schema,
};

/// Replaces every reference in a place for secrets by what it stands for.
pub(super) fn resolve(
    document: &mut Node,
    schema: &Schema,
    file: &str,
    environment: &Environment,
) -> Vec<Problem> {
    let secrets = match document.at(["secrets"].into_iter()).map(|node| &node.kind) {
        Some(Kind::Map(members)) => members
            .iter()
            .filter_map(|(name, member)| match &member.kind {
                Kind::Text(text) => Some((name.clone(), text.clone())),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let base = match document.at(["kv", "file", "base_path"].into_iter()).map(|node| &node.kind) {
        Some(Kind::Text(path)) => path.clone(),
        _ => String::new(),
    };
    let mut resolver = Resolver { secrets, base, environment, file, problems: Vec::new() };
    resolver.walk(document, schema, "");
    resolver.problems
}

struct Resolver<'a> {
    secrets: Vec<(String, String)>,
    base: String,
    environment: &'a Environment,
    file: &'a str,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    fn walk(&mut self, node: &mut Node, schema: &Schema, path: &str) {
        let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match (&mut node.kind, schema) {
            (Kind::Text(text), Schema::Secret) => match self.value(text, true) {
                Ok(value) => *text = value,
                Err(message) => {
                    let problem = Problem::error(self.file, path, message);
                    self.problems.push(place(problem, &node.origin));
                }
            },
            (Kind::Map(members), Schema::Map(item)) => {
                for (key, member) in members {
                    self.walk(member, item, &join(key));
                }
            }
            (Kind::Map(members), Schema::Struct(_)) => {
                for (key, member) in members {
                    if let Some(schema) = schema.member(key) {
                        self.walk(member, schema, &join(key));
                    }
                }
            }
            _ => {}
        }
    }

    fn value(&self, text: &str, follow: bool) -> Result<String, String> {
        let Some((scheme, name)) = text.split_once("://") else { return Ok(text.to_owned()) };
        match scheme {
            "env" => {
                let variable = format!("TYK_SECRET_{}", name.to_ascii_uppercase());
                let found = self.environment.iter().find(|(key, _)| *key == variable);
                found
                    .map(|(_, value)| value.clone())
                    .ok_or_else(|| format!("environment variable {variable} is not set"))
            }
            "secrets" => {
                let found = self.secrets.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                match found {
                    Some((_, value)) if follow => self.value(value, false),
                    Some(_) => Err(format!("secrets://{name} leads to another secrets:// reference")),
                    None => Err(format!("`secrets` has no {name:?}")),
                }
            }
            "file" => {
                let path = Path::new(&self.base).join(name);
                let text = fs::read_to_string(&path)
                    .map_err(|err| format!("cannot read {}: {err}", path.display()))?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            "vault" | "consul" => Err(format!(
                "{scheme}:// references are not supported yet; use env://, secrets:// or file://"
            )),
            // A connection string such as http://dashboard:3000.
            _ => Ok(text.to_owned()),
        }
    }
}
