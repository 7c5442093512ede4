//! The go command: found, asked for its version, and called.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde::Deserialize;

use crate::error::Problem;

/// The oldest Go that the stand-ins build with.
const OLDEST: (u32, u32) = (1, 21);
/// What to do where there is no go command, or an old one.
const INSTALL: &str = "install Go 1.21 or later from https://go.dev/dl (Debian and Ubuntu: apt-get install golang-go, \
                       macOS: brew install go), or name the command with --go";

/// Where the go command takes modules from.
#[derive(Debug)]
pub(super) enum Mode {
    /// From the module cache; what is missing is fetched. The plugin's folder has this go.mod in the place of its own.
    Modules { dir: PathBuf, go_mod: PathBuf },
    /// From the vendor/ of a copy of the plugin's module.
    Vendor { dir: PathBuf },
}

impl Mode {
    /// The folder of the package.
    pub(super) fn dir(&self) -> &Path {
        match self {
            Self::Modules { dir, .. } | Self::Vendor { dir } => dir,
        }
    }

    pub(super) fn arguments(&self, command: &mut Command) {
        match self {
            Self::Modules { go_mod, .. } => {
                command.arg("-mod=mod").arg(format!("-modfile={}", go_mod.display()));
            }
            Self::Vendor { .. } => {
                command.arg("-mod=vendor");
            }
        }
    }
}

/// A go command that can build plugins.
#[derive(Debug)]
pub(in super::super) struct Toolchain {
    command: PathBuf,
    /// Such as `go1.25.1`.
    pub(in super::super) version: String,
    /// The system that is built for, in Go's words.
    pub(in super::super) os: String,
    /// The processor that is built for, in Go's words.
    pub(in super::super) arch: String,
    /// Go's own cache.
    pub(super) cache: PathBuf,
    /// The go.mod that holds for the plugin's folder, if there is one.
    pub(super) go_mod: Option<PathBuf>,
}

/// What `go env` says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Environment {
    goversion: String,
    goos: String,
    goarch: String,
    gocache: PathBuf,
    gomod: String,
}

impl Toolchain {
    /// Asks the go command what it is.
    pub(in super::super) fn find(
        command: &Path,
        dir: &Path,
        os: Option<&str>,
        arch: Option<&str>,
    ) -> Result<Self, Box<Problem>> {
        let mut found = Self {
            command: command.to_owned(),
            version: String::new(),
            os: os.unwrap_or_default().to_owned(),
            arch: arch.unwrap_or_default().to_owned(),
            cache: PathBuf::new(),
            go_mod: None,
        };
        let mut ask = found.command(dir);
        let output =
            found.run(ask.args(["env", "-json", "GOVERSION", "GOOS", "GOARCH", "GOCACHE", "GOMOD"]))?;
        let broken = |reason: String| {
            Box::new(Problem::error(command.display().to_string(), "", reason).hint(INSTALL))
        };
        if !output.status.success() {
            return Err(broken(format!(
                "`go env` fails: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )));
        }
        let known: Environment = serde_json::from_slice(&output.stdout)
            .map_err(|error| broken(format!("`go env` says what cannot be read: {error}")))?;
        if release(&known.goversion).is_some_and(|release| release < OLDEST) {
            return Err(broken(format!("it is {}, and plugins need Go 1.21 or later", known.goversion)));
        }
        found.version = known.goversion;
        found.os = known.goos;
        found.arch = known.goarch;
        found.cache = known.gocache;
        found.go_mod = Some(PathBuf::from(known.gomod))
            .filter(|path| path.file_name().is_some_and(|name| name == "go.mod"));
        Ok(found)
    }

    /// A call of it in that folder.
    pub(super) fn command(&self, dir: &Path) -> Command {
        let mut command = Command::new(&self.command);
        command.current_dir(dir).env("PWD", dir).env("CGO_ENABLED", "0").env("GOWORK", "off");
        for (name, value) in [("GOOS", &self.os), ("GOARCH", &self.arch)] {
            if !value.is_empty() {
                command.env(name, value);
            }
        }
        command
    }

    /// Runs it.
    pub(super) fn run(&self, command: &mut Command) -> Result<Output, Box<Problem>> {
        command.output().map_err(|error| {
            let shown = self.command.display().to_string();
            let reason = match error.kind() {
                io::ErrorKind::NotFound => {
                    "there is no such command, and building a Go plugin needs Go".to_owned()
                }
                _ => format!("it cannot be run: {error}"),
            };
            Box::new(Problem::error(shown, "", reason).hint(INSTALL))
        })
    }

    /// The release for a go.mod, such as `1.25`.
    pub(super) fn release(&self) -> String {
        let (major, minor) = release(&self.version).unwrap_or(OLDEST);
        format!("{major}.{minor}")
    }
}

/// The two numbers of `go1.25.1`, `1.25` or `go1.26rc1`; none of what is no release.
pub(super) fn release(version: &str) -> Option<(u32, u32)> {
    let version = version.strip_prefix("go").unwrap_or(version);
    let (major, rest) = version.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest.get(..digits)?.parse().ok()?))
}
