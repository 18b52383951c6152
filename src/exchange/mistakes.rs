//! Mistakes in a file of people: told with sheet, row and column, all in one run, and no more than people read.

use crate::diagnostic::{Code, Diagnostic, FileId, Position, Severity, Span};
use crate::plan::Places;
use crate::source::{Mistakes, is_hidden};

use super::columns::letters;

/// Why nothing is made of a file. It knows the places of its diagnostics: row and column in place of line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong, one or more.
    pub diagnostics: Vec<Diagnostic>,
    file: String,
    places: Vec<(u32, u32)>,
}

impl Places for Refused {
    fn place(&self, position: Position) -> (String, u32, u32) {
        let (line, column) = self.places.get(position.offset as usize).copied().unwrap_or((1, 1));
        (self.file.clone(), line, column)
    }
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowPlace {
    /// Its number as a spreadsheet counts, the header included.
    pub(super) row: u32,
    /// The line on which it begins in a file of text; else its number.
    pub(super) line: u32,
}

/// The mistakes of one file.
#[derive(Debug, Default)]
pub(super) struct Book {
    file: String,
    /// The sheet, in a workbook.
    pub(super) sheet: Option<String>,
    /// Headers as they are written.
    pub(super) headers: Vec<String>,
    places: Vec<(u32, u32)>,
    mistakes: Mistakes,
}

impl Book {
    pub(super) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    /// Tells a mistake in a row, or in one of its cells. `what` is a clause after the place.
    pub(super) fn tell(
        &mut self,
        code: Code,
        at: RowPlace,
        column: Option<usize>,
        what: &str,
        help: impl Into<String>,
    ) {
        if !self.mistakes.keeps(code, Severity::Error) {
            self.mistakes.count(code, Severity::Error);
            return;
        }
        let sheet = self.sheet.as_ref().map(|sheet| format!("sheet {}, ", quoted(sheet))).unwrap_or_default();
        let column_of = |column: usize| match self.headers.get(column) {
            Some(header) if !header.is_empty() => format!(", column {} ({})", letters(column), quoted(header)),
            Some(_) | None => format!(", column {}", letters(column)),
        };
        let column_text = column.map(column_of).unwrap_or_default();
        let message = format!("{sheet}row {}{column_text}: {what}", at.row);
        let offset = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let number = column.map_or(1, |column| u32::try_from(column + 1).unwrap_or(u32::MAX));
        self.places.push((at.line, number));
        let span = Span::from(Position::new(FileId(0), offset));
        self.mistakes.push(Diagnostic::error(code, message).at(span, "").help(help));
    }

    /// Tells a mistake of the whole file. `what` follows its name.
    pub(super) fn tell_file(&mut self, code: Code, what: &str, help: impl Into<String>) {
        let message = format!("{} {what}", quoted(&self.file));
        self.mistakes.push(Diagnostic::error(code, message).help(help));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.mistakes.is_empty()
    }

    pub(super) fn refuse(self) -> Refused {
        let Self { file, sheet: _, headers: _, places, mistakes } = self;
        Refused { diagnostics: mistakes.into_diagnostics(), file, places }
    }
}

/// A text of the file within a message: on one line, with everything visible, and not too long.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = String::from("`");
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        if character.is_control() || is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown.push('`');
    shown
}
