//! `pinhook plugin new`: a folder with a Go plugin to begin with.

use std::{fs, io, path::PathBuf, process::ExitCode};

use crate::{
    cli::report::{self, report},
    error::Problem,
};

/// A plugin with one function of each shape.
const GO: &str = include_str!("new_plugin.go");

/// Arguments of `plugin new`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder to make
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let file = args.dir.join("main.go");
    let made = match file.exists() {
        true => Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is there already")),
        false => fs::create_dir_all(&args.dir).and_then(|()| fs::write(&file, GO)),
    };
    match made {
        Ok(()) => {
            let dir = args.dir.display();
            report::line(&format!("made {}; build it with: pinhook plugin build {dir}", file.display()));
            ExitCode::SUCCESS
        }
        Err(error) => report(&[Problem::error(file.display().to_string(), "", error.to_string())]),
    }
}
