//! `pinhook plugin`: work on plugins before a gateway runs them.

mod build;
mod go;
mod load;
mod new;

use std::process::ExitCode;

use clap::Subcommand;

/// Arguments of `plugin`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build Go plugin source, unchanged, into a file that definitions name
    Build(build::Args),
    /// Open files as the gateway would and look a function up
    Load(load::Args),
    /// Make a folder with a Go plugin to begin with
    New(new::Args),
}

pub(super) fn run(args: &Args) -> ExitCode {
    match &args.command {
        Command::Build(args) => build::run(args),
        Command::Load(args) => load::run(args),
        Command::New(args) => new::run(args),
    }
}
