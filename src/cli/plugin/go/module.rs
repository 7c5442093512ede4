//! The module of a plugin: its own go.mod, or one made up, with Tyk's modules sent to the stand-ins. Nothing of it is
//! written to the plugin's folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{Build, Overlay, toolchain::Mode, toolchain::release, vendor};
use crate::error::Problem;

/// The version that a stand-in has where the plugin asks for none.
const VERSION: &str = "v0.0.0";
/// Since this release a go.mod names all modules of a build, so that those of no use need not be fetched.
const PRUNED: (u32, u32) = (1, 17);

/// A module that this program has a stand-in for.
pub(super) struct StandIn {
    pub(super) path: &'static str,
    /// Its folder among the stand-ins.
    pub(super) folder: &'static str,
    /// It gives way to the real one where a plugin itself imports that.
    yields: bool,
}

const fn stand_in(path: &'static str, folder: &'static str, yields: bool) -> StandIn {
    StandIn { path, folder, yields }
}

const STAND_INS: &[StandIn] = &[
    stand_in("pinhook", "pinhook", false),
    stand_in("github.com/TykTechnologies/tyk", "tyk", false),
    stand_in("github.com/TykTechnologies/tyk-pump", "tyk-pump", false),
    stand_in("github.com/sirupsen/logrus", "logrus", true),
    stand_in("github.com/getkin/kin-openapi", "kin-openapi", true),
];

/// What `go mod edit -json` says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GoMod {
    go: String,
    require: Option<Vec<Require>>,
    replace: Option<Vec<Replace>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Require {
    path: String,
    version: String,
    indirect: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Replace {
    old: Version,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Version {
    path: String,
    version: String,
}

/// The module that a plugin belongs to.
pub(super) struct Module {
    /// Its root folder.
    root: PathBuf,
    /// It has a go.mod.
    own: bool,
}

/// A stand-in as it is used in one build.
pub(super) struct Used {
    pub(super) stand_in: &'static StandIn,
    pub(super) version: String,
    /// Its folder.
    pub(super) folder: PathBuf,
}

impl Module {
    pub(super) fn find(build: &Build<'_>) -> Result<Self, Box<Problem>> {
        match build.toolchain.go_mod.as_deref().and_then(Path::parent) {
            Some(root) => {
                let root = root.canonicalize().map_err(|error| build.problem(error.to_string()))?;
                Ok(Self { root, own: true })
            }
            None => Ok(Self { root: build.dir.clone(), own: false }),
        }
    }

    /// Writes the go.mod of the build, and shows the go command what it has to find.
    pub(super) fn prepare(
        &self,
        build: &Build<'_>,
        stand_ins: &Path,
        overlay: &mut Overlay,
    ) -> Result<Mode, Box<Problem>> {
        let vendored = self.own && self.root.join("vendor/modules.txt").exists();
        let copy = build.scratch.join("module");
        let go_mod = if vendored { copy.join("go.mod") } else { build.scratch.join("go.mod") };
        if let Some(folder) = go_mod.parent() {
            fs::create_dir_all(folder).map_err(|error| build.problem(error.to_string()))?;
        }
        let failed = |what: &str, error: std::io::Error| build.problem(format!("{what}: {error}"));
        if self.own {
            fs::copy(self.root.join("go.mod"), &go_mod).map_err(|error| failed("go.mod", error))?;
            let sums = self.root.join("go.sum");
            if sums.exists() {
                fs::copy(sums, build.scratch.join("go.sum")).map_err(|error| failed("go.sum", error))?;
            }
        } else {
            let text = format!("module plugin.local\n\ngo {}\n", build.toolchain.release());
            fs::write(&go_mod, &text).map_err(|error| failed("go.mod", error))?;
            overlay.insert(self.root.join("go.mod"), build.write("none.mod", &text)?);
        }
        let used = edit(build, &go_mod, stand_ins, vendored)?;
        if !vendored {
            return Ok(Mode::Modules { go_mod, dir: build.dir.clone() });
        }
        vendor::copy(&self.root, &copy, &used)
            .map_err(|error| failed("its vendor/ cannot be used", error))?;
        let inside = build.dir.strip_prefix(&self.root).unwrap_or_else(|_| Path::new(""));
        Ok(Mode::Vendor { dir: copy.join(inside) })
    }
}

/// Has the go.mod ask for the stand-ins.
fn edit(
    build: &Build<'_>,
    go_mod: &Path,
    stand_ins: &Path,
    vendored: bool,
) -> Result<Vec<Used>, Box<Problem>> {
    let known = read(build, go_mod)?;
    let requires = known.require.unwrap_or_default();
    let replaces = known.replace.unwrap_or_default();
    let mut command = build.toolchain.command(&build.dir);
    command.args(["mod", "edit"]);
    if release(&known.go).unwrap_or_default() < PRUNED {
        command.arg(format!("-go={}.{}", PRUNED.0, PRUNED.1));
    }
    let mut used = Vec::new();
    for stand_in in STAND_INS {
        let asked = requires.iter().find(|require| require.path == stand_in.path);
        if stand_in.yields && asked.is_some_and(|require| !require.indirect) {
            continue;
        }
        for replace in replaces.iter().filter(|replace| replace.old.path == stand_in.path) {
            let at = match replace.old.version.as_str() {
                "" => String::new(),
                version => format!("@{version}"),
            };
            command.arg(format!("-dropreplace={}{at}", stand_in.path));
        }
        let folder = stand_ins.join(stand_in.folder);
        let version = asked.map_or_else(|| VERSION.to_owned(), |require| require.version.clone());
        if asked.is_none() {
            command.arg(format!("-require={}@{version}", stand_in.path));
        }
        if !vendored {
            command.arg(format!("-replace={}={}", stand_in.path, folder.display()));
        }
        used.push(Used { stand_in, version, folder });
    }
    let output = build.toolchain.run(command.arg(go_mod))?;
    match output.status.success() {
        true => Ok(used),
        false => Err(build.problem(build.readable(&output.stderr))),
    }
}

fn read(build: &Build<'_>, go_mod: &Path) -> Result<GoMod, Box<Problem>> {
    let mut command = build.toolchain.command(&build.dir);
    let output = build.toolchain.run(command.args(["mod", "edit", "-json"]).arg(go_mod))?;
    if !output.status.success() {
        return Err(build.problem(build.readable(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| build.problem(format!("its go.mod cannot be read: {error}")))
}
