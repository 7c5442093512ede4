//! A build of Go plugin source. The source is never touched: an overlay shows the go command the file that starts the
//! worker, and a go.mod of our own sends Tyk's modules to the stand-ins that this program carries. Only a plugin with vendor/ is
//! copied.
//!
//! The added file has the worker serve calls from an `init` function that never returns. It comes last in
//! the order of the files, so it runs when all else is initialised, and `func main() {}` may stand where it does.

mod functions;
mod imports;
mod module;
mod sources;
#[cfg(test)]
mod tests;
mod toolchain;
mod vendor;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use serde::Deserialize;
use serde_json::json;

pub(super) use self::toolchain::Toolchain;
use self::{module::Module, toolchain::Mode};
use crate::error::Problem;

/// The file that is added to the plugin's package. Go initialises files in the order of their names.
const ADDED: &str = "zzzzzzzz_pinhook.go";

/// Files to show in another's place, by path; an empty one is not there.
type Overlay = BTreeMap<PathBuf, PathBuf>;

/// One build.
pub(super) struct Build<'a> {
    pub(super) toolchain: &'a Toolchain,
    /// The folder as the user named it, for messages.
    pub(super) shown: PathBuf,
    /// The folder, absolute.
    pub(super) dir: PathBuf,
    /// Where files of the build may be.
    pub(super) scratch: PathBuf,
    /// What is written.
    pub(super) output: PathBuf,
    pub(super) tags: Option<String>,
}

/// What came of it.
pub(super) struct Built {
    /// Exported functions, any of which may be a hook.
    pub(super) functions: Vec<String>,
}

/// What the go command says of the package.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Package {
    name: String,
    go_files: Vec<String>,
    ignored_go_files: Vec<String>,
    error: Option<PackageError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PackageError {
    err: String,
}

impl Build<'_> {
    pub(super) fn run(&self) -> Result<Built, Box<Problem>> {
        let stand_ins = sources::unpack(&self.toolchain.cache)
            .map_err(|error| self.problem(format!("the stand-ins cannot be written: {error}")))?;
        let module = Module::find(self)?;
        let mut overlay = Overlay::new();
        let mode = module.prepare(self, &stand_ins, &mut overlay)?;
        let package = self.list(&mode, &overlay)?;
        let (functions, has_main) = self.functions(&package)?;
        let added = self.write("added.go", &starter(&functions, has_main))?;
        overlay.insert(mode.dir().join(ADDED), added);
        self.compile(&mode, &overlay)?;
        Ok(Built { functions })
    }

    fn list(&self, mode: &Mode, overlay: &Overlay) -> Result<Package, Box<Problem>> {
        let mut command = self.toolchain.command(mode.dir());
        command.args(["list", "-e", "-json=Name,GoFiles,IgnoredGoFiles,Error"]);
        self.arguments(&mut command, mode, overlay)?;
        let output = self.toolchain.run(command.arg("."))?;
        if !output.status.success() {
            return Err(self.problem(self.readable(&output.stderr)));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| self.problem(format!("`go list` says what cannot be read: {error}")))
    }

    /// Exported functions, and whether there is a `main`.
    fn functions(&self, package: &Package) -> Result<(Vec<String>, bool), Box<Problem>> {
        if package.go_files.is_empty() {
            let cgo = package.ignored_go_files.iter().any(|file| {
                fs::read_to_string(self.dir.join(file)).is_ok_and(|text| text.contains("import \"C\""))
            });
            let reason = match &package.error {
                _ if cgo => "its files need cgo, which is off: plugins are built without a C compiler",
                Some(error) => error.err.trim(),
                None => "it holds no Go files",
            };
            return Err(self.problem(reason.to_owned()));
        }
        if package.name != "main" {
            let reason = format!("it is `package {}`, but a plugin is `package main`", package.name);
            return Err(self.problem(reason));
        }
        let mut found = Vec::new();
        for file in &package.go_files {
            let path = self.dir.join(file);
            let text = fs::read_to_string(&path)
                .map_err(|error| self.problem(format!("{file} cannot be read: {error}")))?;
            found.extend(functions::declared(&text));
        }
        let has_main = found.iter().any(|name| name == "main");
        found.retain(|name| name.starts_with(char::is_uppercase));
        found.sort();
        if found.is_empty() {
            let problem = Problem::error(self.name(), "", "it exports no function");
            return Err(Box::new(
                problem.hint("a hook is func Name(w http.ResponseWriter, r *http.Request)"),
            ));
        }
        Ok((found, has_main))
    }

    fn compile(&self, mode: &Mode, overlay: &Overlay) -> Result<(), Box<Problem>> {
        let mut command = self.toolchain.command(mode.dir());
        command.args(["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"]);
        self.arguments(&mut command, mode, overlay)?;
        let output = self.toolchain.run(command.arg("-o").arg(&self.output).arg("."))?;
        if output.status.success() {
            return Ok(());
        }
        let text = self.readable(&output.stderr);
        if let Some((message, hint)) = imports::unanswered(&text) {
            return Err(Box::new(Problem::error(self.name(), "", message).hint(hint)));
        }
        let offline = [
            "dial tcp",
            "GOPROXY=off",
            "no required module provides package",
            "i/o timeout",
            "server response:",
            "404 Not Found",
        ];
        let mut problem = Problem::error(self.name(), "", format!("it does not build:\n{text}"));
        if offline.iter().any(|sign| text.contains(sign)) {
            problem = problem.hint(
                "modules that are neither in vendor/ nor in Go's module cache are fetched by GOPROXY; run `go mod vendor` \
                 where there is a network",
            );
        }
        Err(Box::new(problem))
    }

    /// The arguments that `go list` and `go build` have in common.
    fn arguments(
        &self,
        command: &mut std::process::Command,
        mode: &Mode,
        overlay: &Overlay,
    ) -> Result<(), Box<Problem>> {
        let text = json!({ "Replace": overlay }).to_string();
        let overlay = self.write("overlay.json", &text)?;
        mode.arguments(command);
        command.arg(format!("-overlay={}", overlay.display()));
        if let Some(tags) = &self.tags {
            command.arg(format!("-tags={tags}"));
        }
        Ok(())
    }

    /// What the go command wrote, with paths as the user knows them.
    fn readable(&self, stderr: &[u8]) -> String {
        let folder = format!("{}/", self.shown.display());
        let mut text = String::new();
        for line in String::from_utf8_lossy(stderr).lines().filter(|line| !line.starts_with("# ")) {
            let line = match line.strip_prefix("./") {
                Some(rest) if folder != "./" => format!("{folder}{rest}"),
                _ => line.to_owned(),
            };
            let _ = writeln!(text, "{line}");
        }
        text.trim_end().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Box<Problem>> {
        let path = self.scratch.join(name);
        fs::write(&path, text)
            .map_err(|error| self.problem(format!("{} cannot be written: {error}", path.display())))?;
        Ok(path)
    }

    fn problem(&self, reason: String) -> Box<Problem> {
        Box::new(Problem::error(self.name(), "", reason))
    }

    fn name(&self) -> String {
        self.shown.display().to_string()
    }
}

/// Go source that has the worker serve these functions.
fn starter(functions: &[String], has_main: bool) -> String {
    let mut text = String::from(
        "package main\n\nimport pinhook_worker_ \"pinhook/worker\"\n\nfunc init() {\n\tpinhook_worker_.Run(map[string]any{\n",
    );
    for function in functions {
        let _ = writeln!(text, "\t\t\"{function}\": {function},");
    }
    text.push_str("\t})\n}\n");
    if !has_main {
        text.push_str("\nfunc main() {}\n");
    }
    text
}
