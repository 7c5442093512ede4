//! Policies from files (sessions reference 2.1): a folder with one policy per file, or one file with all of them.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Policies, Policy};
use crate::{
    config::Config,
    definition::{
        self,
        member::{Member, Read},
    },
    error::Problem,
};

/// What a load gave.
#[derive(Debug, Default)]
pub struct LoadedPolicies {
    /// The policies.
    pub policies: Policies,
    /// What was found on the way.
    pub problems: Vec<Problem>,
}

impl Policies {
    /// Reads the policies that the config names.
    ///
    /// # Errors
    /// The one file that holds all of them cannot be used: what is loaded already has to stay, APIs as well.
    /// A broken file in a folder costs its policy alone.
    pub fn load(config: &Config) -> Result<LoadedPolicies, Problem> {
        let source = &config.policies;
        let mut loaded = LoadedPolicies::default();
        if !source.policy_path.is_empty() {
            loaded.folder(Path::new(&source.policy_path));
        } else if !source.policy_record_name.is_empty() {
            loaded.map_file(Path::new(&source.policy_record_name))?;
        }
        Ok(loaded)
    }
}

impl LoadedPolicies {
    fn folder(&mut self, folder: &Path) {
        let files = match definition::json_files(folder) {
            Ok(files) => files,
            Err(error) => {
                let problem =
                    Problem::error(folder.display().to_string(), "", format!("cannot be read: {error}"));
                self.problems.push(problem.hint("no policy is loaded; see policies.policy_path"));
                return;
            }
        };
        for file in files {
            let place = file.display().to_string();
            match read::<Policy>(&file) {
                Ok(mut policy) => {
                    if policy.id.is_empty() {
                        policy.id = object_id(&policy.db_id).unwrap_or_default();
                    }
                    self.add(policy, &place, "");
                }
                Err(mut problem) => {
                    problem.message.push_str("; this policy is left out");
                    self.problems.push(problem);
                }
            }
        }
    }

    fn map_file(&mut self, file: &Path) -> Result<(), Problem> {
        let place = file.display().to_string();
        let all: BTreeMap<String, Read<Policy>> = read(file)?;
        for (key, Read(mut policy)) in all {
            if !key.is_empty() {
                policy.id.clone_from(&key);
            }
            self.add(policy, &place, &key);
        }
        Ok(())
    }

    fn add(&mut self, policy: Policy, place: &str, path: &str) {
        if policy.id.is_empty() {
            let message = "has neither id nor _id: this policy is left out";
            self.problems.push(Problem::error(place, path, message));
            return;
        }
        policy.unknown(&mut path.to_owned(), &mut |unknown| {
            let problem = Problem::warning(place, unknown.path, "unknown member, it has no effect");
            self.problems.push(problem);
        });
        let (org_id, id) = (policy.org_id.clone(), policy.id.clone());
        if self.policies.add(policy).is_some() {
            let message =
                format!("a second policy {id:?} of organisation {org_id:?}: it takes the place of the first");
            self.problems.push(Problem::warning(place, path, message));
        }
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T, Problem> {
    let place = file.display().to_string();
    let text =
        fs::read(file).map_err(|error| Problem::error(&place, "", format!("cannot be read: {error}")))?;
    let mut from = serde_json::Deserializer::from_slice(&text);
    let explain = |path: &str, error: &serde_json::Error| {
        let path = if matches!(path, "." | "?") { "" } else { path };
        Problem::error(&place, path, error.to_string()).at_line(error.line())
    };
    let value = serde_path_to_error::deserialize(&mut from)
        .map_err(|error| explain(&error.path().to_string(), error.inner()))?;
    from.end().map_err(|error| explain("", &error))?;
    Ok(value)
}

/// The text of a database id: hex digits, alone or in `$oid`.
fn object_id(id: &Value) -> Option<String> {
    #[derive(Deserialize)]
    struct Wrapped {
        #[serde(rename = "$oid")]
        hex: String,
    }
    match id {
        Value::String(hex) => Some(hex.clone()),
        wrapped => Wrapped::deserialize(wrapped).ok().map(|wrapped| wrapped.hex),
    }
}
