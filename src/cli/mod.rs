//! Floor 9: the command line: one file a command, one printer, and the exit codes of `contract.md` §5.
//!
//! This is the edge: the clock, the environment, the terminal and the process live here and nowhere below. A command
//! puts the floors together and decides nothing that they could decide.

mod access;
mod against;
mod apply;
mod completions;
mod cut_short;
mod deactivate;
mod desk;
mod edge;
mod execute;
mod exit;
mod explain;
mod export;
mod files;
mod fmt;
mod git;
mod history;
mod import;
mod import_file;
mod init;
mod invitations;
mod journal;
mod lines;
mod lock_outs;
mod log;
mod mail;
mod options;
mod plan;
mod policies;
mod printer;
mod reports;
mod reset_password;
mod review;
mod revision;
mod rules;
mod saved;
mod schema;
mod secrets;
mod settings_file;
mod show;
mod tally;
mod target;
mod tracked;
mod unfinished_reset;
mod validate;
mod ways_out;

use std::panic::catch_unwind;
use std::process::ExitCode;

use clap::Parser;

use exit::{Exit, Failure, advised};
use options::{Command, Format, Options};
use printer::Printer;

/// Says which command has this format.
fn no_format(format: Format) -> Failure {
    let why = match format {
        Format::Csv | Format::Xlsx => "csv and xlsx are formats of `rollcall export` only",
        Format::Markdown | Format::Html => "markdown and html are formats of `rollcall plan` only",
        Format::Text | Format::Json | Format::Github | Format::Gitlab => {
            "github and gitlab are formats of `rollcall plan` and `rollcall validate` only"
        }
    };
    Failure::invalid(advised(why, "use --format text or json"))
}

/// Whether a command can print its result so.
const fn has_format(command: &Command, format: Format) -> bool {
    match format {
        Format::Text | Format::Json => true,
        Format::Csv | Format::Xlsx => matches!(command, Command::Export(_)),
        Format::Markdown | Format::Html => matches!(command, Command::Plan(_)),
        Format::Github | Format::Gitlab => matches!(command, Command::Plan(_) | Command::Validate(_)),
    }
}

/// Runs the command line of this process. Whatever goes wrong in the program itself ends with an exit code that means
/// so, and never with one that nobody expects.
#[must_use]
pub fn main() -> ExitCode {
    catch_unwind(run).unwrap_or_else(|_| {
        printer::broken();
        Exit::Failed.code()
    })
}

fn run() -> ExitCode {
    edge::outlive_large_files();
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return Exit::of_usage(&error),
    };
    edge::start_workers();
    let printer = Printer::new(&options.global);
    log::start(&options.global, &printer);
    let outcome = match &options.command {
        command if !has_format(command, options.global.format) => Err(no_format(options.global.format)),
        Command::Init => init::run(&options.global, &printer),
        Command::Validate(arguments) => validate::run(&options.global, arguments, &printer),
        Command::Fmt(arguments) => fmt::run(&options.global, arguments, &printer),
        Command::Plan(arguments) => plan::run(&options.global, arguments, &printer),
        Command::Apply(arguments) => apply::run(&options.global, arguments, &printer),
        Command::Import(arguments) => import::run(&options.global, arguments, &printer),
        Command::Export(arguments) => export::run(&options.global, arguments, &printer),
        Command::Explain(arguments) => explain::run(&options.global, arguments, &printer),
        Command::Invitations(arguments) => invitations::run(&options.global, arguments, &printer),
        Command::Deactivate(arguments) => deactivate::run(&options.global, arguments, &printer),
        Command::ResetPassword(arguments) => reset_password::run(&options.global, arguments, &printer),
        Command::Rules(arguments) => rules::run(&options.global, arguments, &printer),
        Command::Schema(arguments) => Ok(schema::run(arguments, &printer)),
        Command::Completions(arguments) => Ok(completions::run(arguments, &printer)),
    };
    match outcome {
        Ok(Exit::Done | Exit::Changes) if printer.has_failed() => Exit::Failed.code(),
        Ok(exit) => exit.code(),
        Err(failure) => {
            let code = failure.exit.code();
            printer.failure(failure);
            code
        }
    }
}
