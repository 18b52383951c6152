//! `rollcall completions`: completion scripts for shells.

use clap::CommandFactory as _;

use super::exit::Exit;
use super::options::{Completions, Options};
use super::printer::Printer;

pub(super) fn run(arguments: &Completions, printer: &Printer) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Options::command(), "rollcall", &mut script);
    printer.result(&String::from_utf8_lossy(&script));
    Exit::Done
}
