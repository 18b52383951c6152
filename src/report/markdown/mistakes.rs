//! A comment where there is no plan: what is wrong, and where.

use super::super::style::{count, number};
use super::inline::{code, inline_within};
use super::{CELL, MOST, NOTES, fold, marker};
use crate::plan::DiagnosticDocument;

/// What a run found instead of a plan.
#[derive(Debug, Clone, Copy)]
pub struct MistakesText<'a> {
    /// The store by its name in the settings, where that is known.
    pub store: Option<&'a str>,
    /// What it found.
    pub found: &'a [DiagnosticDocument],
}

/// The mistakes as Markdown; it ends with a line feed and has at most [`MOST`] bytes.
#[must_use]
pub fn markdown_mistakes(input: MistakesText<'_>) -> String {
    let MistakesText { store, found } = input;
    let errors: Vec<&DiagnosticDocument> = found.iter().filter(|one| one.severity == "error").collect();
    let warnings = found.len() - errors.len();
    let of = store.map(|store| format!(" {}:", code(store))).unwrap_or_default();
    let head = format!(
        "{}\n### rollcall ·{of} there is no plan: {}\n\n",
        marker(store.unwrap_or_default()),
        if errors.is_empty() {
            "the run ended without one".to_owned()
        } else {
            count(errors.len(), "mistake", "mistakes")
        },
    );
    let line = |one: &&DiagnosticDocument| {
        let DiagnosticDocument { code: kind, severity: _, message, file, line, column: _, help } = one;
        let place = file.as_ref().map(|file| match line {
            Some(line) => code(&format!("{file}:{line}")),
            None => code(file),
        });
        let [message, help] =
            [message.as_str(), help.as_deref().unwrap_or_default()].map(|text| inline_within(text, CELL));
        format!("| {} | {message} | {help} | {} |", place.unwrap_or_default(), code(kind))
    };
    let (rows, shown) = fold::taken(errors.iter().map(line), MOST - head.len() - NOTES);
    let mut text = head;
    if shown > 0 {
        text.push_str(&format!("| where | what is wrong | way out | code |\n| --- | --- | --- | --- |\n{rows}\n"));
    }
    if let more @ 1.. = errors.len() - shown {
        text.push_str(&format!("{} more, not listed here.\n\n", number(more)));
    }
    if warnings > 0 {
        text.push_str(&format!("{}, too.\n\n", count(warnings, "warning", "warnings")));
    }
    text.push_str("Nothing is planned until this is mended; `rollcall validate` shows the lines.\n");
    text
}
