//! What definitions may ask for and pinhook does not do yet, as tables. Whoever builds a feature takes its line out.
//!
//! A setting that protects something refuses traffic until it can be honoured (decisions 1, "never opens the
//! gate"); any other is named with what happens instead.

mod api;
mod endpoints;
mod hooks;
mod oas;
mod rewrites;

pub(super) use self::oas::check_document;
use super::{ApiDefinition, Lint, VersionInfo, member::push_key};
use crate::error::Problem;

/// What follows from a setting that is not built.
#[derive(Clone, Copy)]
enum Effect {
    /// The API answers 500 until this exists.
    Refuse(&'static str),
    /// This happens instead.
    Instead(&'static str),
}

impl Effect {
    fn report(self, place: &str, path: impl Into<String>, found: &mut Lint) {
        match self {
            Self::Refuse(until) => found.refuse(Problem::error(
                place,
                path,
                format!("not built yet: the API answers 500 until {until}"),
            )),
            Self::Instead(what) => {
                found.problems.push(Problem::warning(place, path, format!("not built yet: {what}")));
            }
        }
    }
}

/// Names all that is asked for and not done. Endpoint rules count in the version that requests get.
pub(super) fn check(definition: &ApiDefinition, place: &str, found: &mut Lint) {
    api::check(definition, place, found);
    hooks::check(definition, place, found);
    let data = &definition.version_data;
    if !data.not_versioned {
        return;
    }
    if let Ok((name, version)) = data.only() {
        let path = version_path(name);
        api::check_version(version, &path, place, found);
        if version.use_extended_paths {
            endpoints::check(version, &path, place, found);
            rewrites::check(version, &path, place, found);
            hooks::check_endpoints(version, &path, place, found);
        }
    }
}

/// JSON path of a version entry.
pub(super) fn version_path(name: &str) -> String {
    let mut path = "version_data.versions".to_owned();
    push_key(&mut path, name);
    path
}

/// Versions with their JSON paths.
pub(super) fn versions(definition: &ApiDefinition) -> impl Iterator<Item = (String, &VersionInfo)> {
    definition.version_data.versions.iter().map(|(name, version)| (version_path(name), version))
}
