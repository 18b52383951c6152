//! Log lines to standard error: `-v` for the steps of a run, `-vv` for their detail, as text or as JSON.

use tracing::level_filters::LevelFilter;

use super::options::{Global, LogFormat};
use super::printer::Printer;

/// Starts logging. Without `-v` only warnings are written, with `-q` only errors.
pub(super) fn start(global: &Global, printer: &Printer) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, _) => LevelFilter::DEBUG,
    };
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    let started = match global.log_format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        printer.note(&format!("no log is written: {error}"));
    }
}
