//! `pinhook plugin build`: Go plugin source, written for Tyk, becomes an executable that a worker runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{self, ExitCode},
};

use super::go::{Build, Toolchain};
use crate::{
    cli::report::{self, report},
    error::Problem,
};

/// The version of the interface that file names of plugins carry (`name_abi1_linux_amd64.so`).
const ABI: &str = "abi1";

/// Arguments of `plugin build`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of the plugin: `package main`, with or without go.mod and vendor/
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// File to write [default: DIR/NAME_abi1_OS_ARCH.so, which a definition may call NAME.so]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// System to build for, in Go's words [default: this one]
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// Processor to build for, in Go's words [default: this one]
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// Build tags, joined by commas
    #[arg(long, value_name = "TAGS")]
    tags: Option<String>,
    /// The go command
    #[arg(long, value_name = "FILE", default_value = "go")]
    go: PathBuf,
}

pub(super) fn run(args: &Args) -> ExitCode {
    match build(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => report(&[*problem]),
    }
}

fn build(args: &Args) -> Result<(), Box<Problem>> {
    let shown = args.dir.display().to_string();
    let dir = args.dir.canonicalize().map_err(|error| {
        Problem::error(&shown, "", format!("there is no such folder: {error}"))
            .hint("name the folder that holds the plugin's Go files")
    })?;
    let scratch = Scratch::new().map_err(|error| {
        Problem::error(&shown, "", format!("there is no place for files of the build: {error}"))
    })?;
    let toolchain = Toolchain::find(&args.go, &dir, args.os.as_deref(), args.arch.as_deref())?;
    let output = match &args.output {
        Some(file) => file.clone(),
        None => default_output(&dir, &toolchain),
    };
    // The go command runs in the plugin's folder.
    let output = std::path::absolute(&output).unwrap_or(output);
    let built = Build {
        toolchain: &toolchain,
        shown: args.dir.clone(),
        dir,
        scratch: scratch.0.clone(),
        output: output.clone(),
        tags: args.tags.clone(),
    }
    .run()?;
    let size = fs::metadata(&output).map_or(0, |metadata| metadata.len());
    report::line(&format!("built {} ({size} bytes) with {}", output.display(), toolchain.version));
    report::line(&format!("functions: {}", built.functions.join(", ")));
    Ok(())
}

/// `dir/dir_abi1_linux_amd64.so`: found where a definition says `dir.so`.
fn default_output(dir: &Path, toolchain: &Toolchain) -> PathBuf {
    let name = dir.file_name().unwrap_or_else(|| "plugin".as_ref()).to_string_lossy();
    dir.join(format!("{name}_{ABI}_{}_{}.so", toolchain.os, toolchain.arch))
}

/// A folder that is gone with the build.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("pinhook-build-{}", process::id()));
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir(&path)?;
        Ok(Self(path.canonicalize()?))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
