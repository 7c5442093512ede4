//! The command line: one file per command, listed in `Command`.
//!
//! Exit codes: 0 it worked, 1 it failed at run time, 2 the input is bad (arguments, config, definitions).

mod check;
mod echo;
mod lint;
mod logging;
mod plugin;
mod report;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use report::report;

use crate::error::Error;

/// Exit code for a failure at run time.
const FAILED: u8 = 1;
/// Exit code for bad input.
const BAD_INPUT: u8 = 2;

/// An API gateway on pingora that takes Tyk Gateway's config, definitions and plugins.
#[derive(Debug, Parser)]
#[command(name = "pinhook", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Run(run::Args),
    /// Load everything the gateway would load, print every problem, exit 0 or 2
    Check(check::Args),
    /// Check single definitions; no gateway config is needed
    Lint(lint::Args),
    /// Run an upstream that answers what it saw, for trying things out
    Echo(echo::Args),
    /// Work on plugins
    Plugin(plugin::Args),
}

/// Reads the arguments and runs the command they name. A wrong argument ends the process with 2.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Echo(args) => echo::run(&args),
        Command::Plugin(args) => plugin::run(&args),
    }
}

/// Prints a fault and picks the exit code for it.
fn failed(err: &Error) -> ExitCode {
    match err {
        Error::Input(problem) => report(std::slice::from_ref(problem)),
        _ => {
            report::line(&format!("pinhook: {}", err.chain()));
            ExitCode::from(FAILED)
        }
    }
}
