//! Which Python runs, and how often.

use std::path::{Path, PathBuf};

use crate::config::Config;

/// What holds for Python alone.
#[derive(Debug, Clone)]
pub struct PythonSettings {
    /// `coprocess_options.enable_coprocess`: without it no Python is started.
    pub enabled: bool,
    /// The interpreter: a file, or a name that is looked for in `PATH`.
    pub interpreter: PathBuf,
    /// Worker processes per plugin.
    pub workers: usize,
    /// Folders that modules are looked for in, after that of the plugin.
    pub path: Vec<String>,
    /// Bytes of a body that a hook may leave.
    pub largest_body: usize,
}

impl PythonSettings {
    /// What the configuration says.
    pub fn new(config: &Config) -> Self {
        let own = &config.pinhook.python;
        Self {
            enabled: config.coprocess_options.enable_coprocess,
            interpreter: interpreter(&own.interpreter, &own.venv, &config.coprocess_options.python_version),
            workers: if own.workers == 0 { config.pinhook.threads.max(1) } else { own.workers },
            path: own.path.clone(),
            largest_body: config.pinhook.buffered_body(),
        }
    }
}

/// Ours before Tyk's: `python_version` is what follows `python` in the name of a program.
fn interpreter(named: &str, venv: &str, version: &str) -> PathBuf {
    match (named, venv, version) {
        ("", "", "") => "python3".into(),
        ("", "", version) => format!("python{version}").into(),
        ("", venv, _) => Path::new(venv).join("bin/python"),
        (named, ..) => named.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_precise_setting_names_the_interpreter() {
        assert_eq!(interpreter("", "", ""), Path::new("python3"));
        assert_eq!(interpreter("", "", "3.9"), Path::new("python3.9"));
        assert_eq!(interpreter("", "/srv/venv", "3.9"), Path::new("/srv/venv/bin/python"));
        assert_eq!(interpreter("/opt/python", "/srv/venv", "3.9"), Path::new("/opt/python"));
    }
}
