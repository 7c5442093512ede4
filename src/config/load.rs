//! From a file and the environment to a [`Config`].

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use crate::error::{Problem, Severity};

use super::{
    Config, check,
    document::{self, Node},
    environment::{self, Environment},
    references,
    schema::Schema,
    unsupported, validate,
};

/// Where the config is looked for when no file is named.
pub const SEARCH: [&str; 2] = ["pinhook.yaml", "/etc/pinhook/pinhook.yaml"];

/// A config that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// Settings with all defaults filled in.
    pub config: Config,
    /// Warnings.
    pub problems: Vec<Problem>,
    /// File they came from; `None` when the environment said to use none.
    pub path: Option<PathBuf>,
}

/// Loads the config: the named file or the first of [`SEARCH`], then the environment.
///
/// Collects every problem; with at least one error nothing is loaded and all of them are returned.
pub fn load(path: Option<&Path>) -> Result<Loaded, Vec<Problem>> {
    let environment = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .collect();
    load_with(path, &environment)
}

/// A variable of the process, for the secrets of definitions. Variables that are not UTF-8 count as unset.
pub fn variable(name: &str) -> Option<String> {
    env::vars_os().find_map(|(key, value)| (key == name).then(|| value.into_string().ok()).flatten())
}

pub(super) fn load_with(path: Option<&Path>, environment: &Environment) -> Result<Loaded, Vec<Problem>> {
    let (path, document) = if omits_file(environment) {
        (None, Node::empty())
    } else {
        read(path).map(|(path, document)| (Some(path), document)).map_err(|problem| vec![problem])?
    };
    let place = path.as_deref().map_or_else(|| "environment".to_owned(), |path| path.display().to_string());
    let (config, problems) = build(document, &place, environment)?;
    Ok(Loaded { config, problems, path })
}

/// `TYK_GW_OMITCONFIGFILE`: nothing but the environment counts.
fn omits_file(environment: &Environment) -> bool {
    environment.iter().any(|(name, value)| {
        name == "TYK_GW_OMITCONFIGFILE"
            && matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True")
    })
}

fn read(path: Option<&Path>) -> Result<(PathBuf, Node), Problem> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => SEARCH.iter().map(PathBuf::from).find(|path| path.exists()).ok_or_else(|| {
            let message = format!("no config file: neither {} nor {} exists", SEARCH[0], SEARCH[1]);
            Problem::error("pinhook", "", message)
                .hint("name one with --conf FILE; a Tyk Gateway config works as it is")
        })?,
    };
    let text = fs::read(&path).map_err(|err| unreadable(&path, &err))?;
    let text = String::from_utf8(text).map_err(|err| {
        let before = err.as_bytes().get(..err.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Problem::error(path.display().to_string(), "", "not UTF-8 text").at_line(line)
    })?;
    let document = document::parse(&path, &text)?;
    Ok((path, document))
}

fn unreadable(path: &Path, err: &io::Error) -> Problem {
    let problem =
        Problem::error(path.display().to_string(), "", format!("cannot read the config file: {err}"));
    match err.kind() {
        io::ErrorKind::NotFound => problem.hint("is the path right? It is relative to the current folder"),
        io::ErrorKind::PermissionDenied => problem.hint("the user that runs pinhook must be able to read it"),
        _ => problem,
    }
}

fn build(
    mut document: Node,
    place: &str,
    environment: &Environment,
) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
    let schema = Schema::of::<Config>();
    let mut problems = environment::apply(&mut document, &schema, environment);
    problems.extend(check::check(&mut document, &schema, place));
    problems.extend(references::resolve(&mut document, &schema, place, environment));
    problems.extend(unsupported::report(&document, place));
    if has_errors(&problems) {
        return Err(problems);
    }
    let mut config: Config = serde_path_to_error::deserialize(document.clone().into_json())
        .map_err(|err| vec![Problem::error(place, err.path().to_string(), err.inner().to_string())])?;
    problems.extend(validate::validate(&config, &document, place));
    config.fill();
    if has_errors(&problems) { Err(problems) } else { Ok((config, problems)) }
}

fn has_errors(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}
