use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::{Loaded, environment::Environment, load::load_with};
use crate::error::{Problem, Severity};

mod environment;
mod load;
mod schema;

/// A config file in a folder of its own.
struct File {
    _folder: TempDir,
    path: PathBuf,
}

fn file(name: &str, text: impl AsRef<[u8]>) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    File { _folder: folder, path }
}

fn vars(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(name: &str, text: impl AsRef<[u8]>) -> Result<Loaded, Vec<Problem>> {
    load_env(name, text, &[])
}

fn load_env(name: &str, text: impl AsRef<[u8]>, env: &[(&str, &str)]) -> Result<Loaded, Vec<Problem>> {
    let file = file(name, text);
    load_with(Some(&file.path), &vars(env))
}

/// The problems of a load, without the folder in front of the file's name.
fn lines(result: Result<Loaded, Vec<Problem>>) -> Vec<String> {
    let problems = match result {
        Ok(loaded) => loaded.problems,
        Err(problems) => problems,
    };
    problems.iter().map(line).collect()
}

fn line(problem: &Problem) -> String {
    let text = problem.to_string();
    let place = &problem.place;
    let short = place.rsplit('/').next().unwrap();
    let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
    format!("{severity} {}", text.replace(place, short))
}
