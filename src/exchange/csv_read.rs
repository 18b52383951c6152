//! Text with separators → rows. Encoding, separator and quotes are looked at first, so that what goes wrong is told by
//! its cause.

use super::columns::Column;
use super::intake::{Cell, Intake};
use super::mistakes::RowPlace;
use crate::diagnostic::Code;

/// The largest file: some 350,000 rows, far more than the people of any service that exports such a list.
pub const LARGEST_CSV: u64 = 32 << 20;

const AS_UTF_8: &str = "save it as UTF-8: in Excel as the type `CSV UTF-8` (`CSV UTF-8 (délimité par des virgules)`), in \
                        LibreOffice with the character set `Unicode (UTF-8)`";

/// Reads a file into `intake`.
pub(super) fn read(intake: &mut Intake<'_>, bytes: &[u8]) {
    let Some(text) = text(intake, bytes) else { return };
    let (text, skipped) = without_separator_line(text);
    let Some(separator) = separator(text) else {
        let help =
            "the first row has the headers, in English or French, parted by `,` or `;`; remove what stands above it";
        intake.book.tell_file(Code::RequiredField, "has no row with headers that are known", help);
        return;
    };
    if separator == b'\t' {
        let help = "save it as CSV, with `,` or `;`";
        intake.book.tell_file(Code::Syntax, "has columns that are parted by tabs", help);
        return;
    }
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut lines = Lines { bytes: text.as_bytes(), counted: 0, line: skipped + 1, row: skipped };
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                intake.book.tell_file(Code::Syntax, &format!("can't be read: {error}"), "save it anew as CSV");
                return;
            }
        }
        let start = record.position().map_or(0, csv::Position::byte);
        let at = lines.next(usize::try_from(start).unwrap_or(usize::MAX));
        let cells: Vec<Cell<'_>> = record.iter().map(Cell::Text).collect();
        if !is_ragged(intake, at, &cells) && !intake.row(at, &cells) {
            return;
        }
    }
}

/// Where records begin. The reader passes over blank lines, which a spreadsheet counts as rows.
struct Lines<'t> {
    bytes: &'t [u8],
    counted: usize,
    line: u32,
    row: u32,
}

impl Lines<'_> {
    /// The place of the next record, from whose first byte, or the blank lines before it, the reader began.
    fn next(&mut self, start: usize) -> RowPlace {
        let start = start.min(self.bytes.len());
        let blank = self.bytes[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let begin = start + blank;
        self.line += breaks(&self.bytes[self.counted..begin]);
        self.counted = begin;
        // The second half of the line break before it is no line of its own.
        let is_half = start > 0 && self.bytes[start - 1] == b'\r' && self.bytes.get(start) == Some(&b'\n');
        self.row += 1 + breaks(&self.bytes[start + usize::from(is_half)..begin]);
        RowPlace { row: self.row, line: self.line }
    }
}

/// How many lines end in these bytes.
fn breaks(bytes: &[u8]) -> u32 {
    let ends = bytes.iter().enumerate().filter(|&(at, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    u32::try_from(ends.count()).unwrap_or(u32::MAX)
}

/// Whether a row has another number of cells than the header, which is told. Empty ones at its end do not count.
fn is_ragged(intake: &mut Intake<'_>, at: RowPlace, cells: &[Cell<'_>]) -> bool {
    let Some(width) = intake.width() else { return false };
    let is_blank = |cells: &[Cell<'_>]| cells.iter().all(|cell| *cell == Cell::Text(""));
    if cells.len() == width || is_blank(cells) || (cells.len() > width && is_blank(&cells[width..])) {
        return false;
    }
    let what = format!("the row has {} cells, and the header {width}", cells.len());
    let help = "look for a separator or a quote that is missing or too much";
    intake.book.tell(Code::Syntax, at, None, &what, help);
    true
}

/// The bytes as text, without a byte-order mark.
fn text<'b>(intake: &mut Intake<'_>, bytes: &'b [u8]) -> Option<&'b str> {
    let refuse = |intake: &mut Intake<'_>, what: &str, help: &str| intake.book.tell_file(Code::Unreadable, what, help);
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        let help = "save it as CSV; a template for invitations is read with --from xlsx";
        refuse(intake, "is a workbook or another archive, no text", help);
        return None;
    }
    let nul = bytes.iter().take(4_096).position(|&byte| byte == 0);
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) || nul.is_some_and(|at| at < 2) {
        refuse(intake, "is text in UTF-16 (`Unicode text`)", AS_UTF_8);
        return None;
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let (before, after) = bytes.split_at(error.valid_up_to());
            let byte = after.first().copied().unwrap_or_default();
            let what = format!("byte {byte:02X} is no UTF-8 text, but most likely Windows-1252 or the like");
            let (at, column) = end_of(String::from_utf8_lossy(before).as_ref(), &String::from_utf8_lossy(head(bytes)));
            intake.book.tell(Code::Unreadable, at, Some(column), &what, AS_UTF_8);
            None
        }
    }
}

/// The beginning of a file, in which its headers are.
fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(64 << 10)]
}

/// The row and the column in which a text ends, by the separator of the whole file, of which `head` is the beginning.
fn end_of(text: &str, head: &str) -> (RowPlace, usize) {
    let separator = separator(without_separator_line(head).0).unwrap_or(b',');
    let (text, skipped) = without_separator_line(text);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let mut lines = Lines { bytes: text.as_bytes(), counted: 0, line: skipped + 1, row: skipped };
    let mut record = csv::StringRecord::new();
    let mut end = (RowPlace { row: skipped + 1, line: skipped + 1 }, 0);
    while let Ok(true) = reader.read_record(&mut record) {
        let start = record.position().map_or(0, csv::Position::byte);
        end = (lines.next(usize::try_from(start).unwrap_or(usize::MAX)), record.len().saturating_sub(1));
    }
    // What comes after the end of a line stands in the first cell of the next one.
    if text.ends_with(['\r', '\n']) {
        let RowPlace { row, line } = end.0;
        end = (RowPlace { row: row + 1, line: line + 1 }, 0);
    }
    end
}

/// The text without the line `sep=;` that some programs put first, and how many lines that are.
fn without_separator_line(text: &str) -> (&str, u32) {
    let line = text.split_inclusive('\n').next().unwrap_or_default();
    let bare = line.trim_end().trim_matches('"').to_ascii_lowercase();
    if bare.starts_with("sep=") && bare.len() == 5 { (&text[line.len()..], 1) } else { (text, 0) }
}

/// The separator with which most headers are known; `None` where none is.
fn separator(text: &str) -> Option<u8> {
    let known = |separator: u8| {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .from_reader(text.as_bytes());
        let mut record = csv::StringRecord::new();
        // Blank rows may stand above the headers.
        while let Ok(true) = reader.read_record(&mut record) {
            if record.iter().any(|cell| !cell.is_empty()) {
                return record
                    .iter()
                    .take(super::intake::MOST_COLUMNS)
                    .filter(|cell| Column::of(cell).is_some())
                    .count();
            }
        }
        0
    };
    let mut best = (0, None);
    for separator in [b',', b';', b'\t'] {
        let count = known(separator);
        if count > best.0 {
            best = (count, Some(separator));
        }
    }
    best.1
}
