//! A sheet of a workbook → rows. Cells come one by one, and only where there are some: how large a sheet says it is
//! does not matter.
//!
//! A workbook is an archive of XML, and a small one can unpack to anything. So all of it is unpacked into nothing first,
//! with a budget, and numbers that make a reader set memory aside are looked at; only then it is read.

use std::collections::BTreeSet;
use std::io::{Cursor, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx, XlsxError};
use zip::ZipArchive;

use super::intake::{Cell, Intake, MOST_COLUMNS};
use super::mistakes::{RowPlace, quoted};
use crate::diagnostic::Code;

/// The largest file.
pub const LARGEST_XLSX: u64 = 16 << 20;
/// What it may unpack to. A person takes about 500 bytes.
const LARGEST_UNPACKED: usize = 64 << 20;
const MOST_PARTS: usize = 2_000;
/// The most text in the cells that are read; one text can stand in many cells.
const LARGEST_TEXT: usize = 64 << 20;

type Workbook<'b> = Xlsx<Cursor<&'b [u8]>>;

/// Why a workbook is not read: a clause after its name, and the way out.
type Why = (Code, String, &'static str);

const SAVE_ANEW: &str = "open it in a spreadsheet program, and save it anew as .xlsx";

/// Reads a sheet into `intake`: the one with this name, else the only visible one with something in it.
pub(super) fn read(intake: &mut Intake<'_>, bytes: &[u8], sheet: Option<&str>) {
    let opened = check(bytes).and_then(|hidden| {
        intake.notes.extend(hidden);
        guarded(|| Xlsx::new(Cursor::new(bytes)))
    });
    let outcome = opened.and_then(|mut workbook| {
        let sheet = choose(intake, &mut workbook, sheet)?;
        intake.book.sheet = Some(sheet.clone());
        read_sheet(intake, &mut workbook, &sheet)
    });
    if let Err((code, what, help)) = outcome {
        intake.book.tell_file(code, &what, help);
    }
}

/// What the reader of workbooks makes of a broken one: an error, or a panic over a number.
fn guarded<T>(read: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, Why> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err((Code::Unreadable, format!("is broken: {error}"), SAVE_ANEW)),
        Err(_) => Err((Code::Unreadable, "is broken".to_owned(), SAVE_ANEW)),
    }
}

/// Whether the bytes are a workbook that can be read within bounds. What is to be said of its hidden rows, if it has some.
fn check(bytes: &[u8]) -> Result<Option<String>, Why> {
    if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        let encrypted: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let is_encrypted = bytes.windows(encrypted.len()).any(|window| window == encrypted);
        return Err(if is_encrypted {
            let help = "save it without a password, and remove that copy afterwards";
            (Code::Unreadable, "is protected by a password".to_owned(), help)
        } else {
            (Code::Unreadable, "is a workbook in the old format .xls".to_owned(), SAVE_ANEW)
        });
    }
    if !bytes.starts_with(b"PK\x03\x04") {
        let help = "a list as text is read with --from csv; a workbook has to be saved as .xlsx";
        return Err((Code::Unreadable, "is no workbook".to_owned(), help));
    }
    let broken = |error: &dyn std::fmt::Display| (Code::Unreadable, format!("is broken: {error}"), SAVE_ANEW);
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    if archive.len() > MOST_PARTS {
        return Err((Code::TooLarge, format!("has more than {MOST_PARTS} parts"), SAVE_ANEW));
    }
    let mut left = LARGEST_UNPACKED;
    let mut hidden = Vec::new();
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| broken(&error))?;
        let name = part.name().map_err(|error| broken(&error))?.to_ascii_lowercase();
        let mut unpacked = Vec::new();
        let limit = u64::try_from(left).unwrap_or(u64::MAX) + 1;
        part.take(limit).read_to_end(&mut unpacked).map_err(|error| broken(&error))?;
        let Some(rest) = left.checked_sub(unpacked.len()) else {
            let what = format!("unpacks to more than {} MiB", LARGEST_UNPACKED >> 20);
            return Err((Code::TooLarge, what, "leave one sheet in it with its people, without pictures"));
        };
        left = rest;
        if name == "mimetype" && unpacked.starts_with(b"application/vnd.oasis") {
            return Err((Code::Unreadable, "is an OpenDocument file".to_owned(), "save it as .xlsx"));
        }
        // Any part may be named as a sheet, so its name does not tell what it is.
        let start = unpacked.trim_ascii_start();
        let ending = name.rsplit('.').next().unwrap_or_default();
        let is_text = matches!(ending, "xml" | "rels") || start.starts_with(b"<");
        let is_wide = [[0xFF, 0xFE], [0xFE, 0xFF], [0, b'<']].iter().any(|mark| start.starts_with(mark));
        if is_wide || (is_text && !is_plain_text(&unpacked)) || !is_harmless(&unpacked) {
            return Err((Code::Unreadable, format!("is broken in its part {}", quoted(&name)), SAVE_ANEW));
        }
        if name.contains("worksheets/") {
            hidden.extend(hidden_rows(&unpacked));
        }
    }
    // Whoever filters a sheet and saves it sees fewer people than there are in the file.
    Ok(hidden.first().map(|first| {
        let count = if hidden.len() == 1 { "1 row is".to_owned() } else { format!("{} rows are", hidden.len()) };
        format!(
            "{count} hidden in its sheets (by a filter?), the first one is row {first}: hidden rows are read as well"
        )
    }))
}

/// The numbers of the rows of a sheet that are hidden.
fn hidden_rows(xml: &[u8]) -> Vec<String> {
    let mut rows = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.windows(5).position(|window| window == b"<row ") {
        let tag =
            String::from_utf8_lossy(&rest[start..start + end_of_tag(&rest[start..]).unwrap_or(rest.len() - start)]);
        let value = |name: &str| {
            let (_, after) = tag.split_once(&format!(" {name}="))?;
            let quote = after.chars().next()?;
            after[1..].split(quote).next().map(str::to_owned)
        };
        if matches!(value("hidden").as_deref(), Some("1" | "true")) {
            rows.push(value("r").unwrap_or_default());
        }
        rest = &rest[start + 5..];
    }
    rows
}

/// Whether XML is written in UTF-8, as every spreadsheet program does.
fn is_plain_text(xml: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&xml[..xml.len().min(200)]).to_ascii_lowercase();
    let encoding = head.split_once("encoding=").map(|(_, rest)| rest.get(1..6).unwrap_or_default().to_owned());
    !xml.contains(&0) && encoding.is_none_or(|encoding| encoding == "utf-8" || encoding == "us-as")
}

/// Whether no attribute that the reader takes for a number or a place is beyond what any spreadsheet has: memory is set
/// aside by some of them.
fn is_harmless(xml: &[u8]) -> bool {
    let mut rest = xml;
    while let Some(start) = rest.iter().position(|&byte| byte == b'<') {
        rest = &rest[start..];
        let closed_by = |end: &[u8]| rest.windows(end.len()).position(|window| window == end);
        let (is_tag, end) = if rest.starts_with(b"<!--") {
            (false, closed_by(b"-->"))
        } else if rest.starts_with(b"<![CDATA[") {
            (false, closed_by(b"]]>"))
        } else {
            (true, end_of_tag(rest))
        };
        let (tag, after) = rest.split_at(end.unwrap_or(rest.len()));
        if is_tag && !is_harmless_tag(tag) {
            return false;
        }
        rest = after;
    }
    true
}

/// Where a tag ends: at the first `>` that stands in no value.
fn end_of_tag(tag: &[u8]) -> Option<usize> {
    let mut quote = None;
    tag.iter().position(|&byte| {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            (None | Some(_), _) => {}
        }
        quote.is_none() && byte == b'>'
    })
}

fn is_harmless_tag(tag: &[u8]) -> bool {
    const NUMBERS: [&[u8]; 4] = [b"r", b"ref", b"si", b"uniqueCount"];
    let mut rest = tag;
    while let Some(at) = rest.iter().position(|&byte| byte == b'=') {
        let before = rest[..at].trim_ascii_end();
        let blank = before.iter().rposition(u8::is_ascii_whitespace);
        let name = blank.map_or(before, |blank| &before[blank + 1..]);
        let after = rest[at + 1..].trim_ascii_start();
        if NUMBERS.contains(&name) {
            let value = after.strip_prefix(b"\"").or_else(|| after.strip_prefix(b"'")).unwrap_or_default();
            let value = value.split(|byte| matches!(byte, b'"' | b'\'')).next().unwrap_or_default();
            let is_too_long = |longest: usize, counts: fn(&u8) -> bool| {
                value.split(|byte| !counts(byte)).any(|run| run.len() > longest)
            };
            if is_too_long(7, u8::is_ascii_digit) || is_too_long(3, u8::is_ascii_alphabetic) {
                return false;
            }
        }
        rest = &rest[at + 1..];
    }
    true
}

/// The sheet that is read.
fn choose(intake: &mut Intake<'_>, workbook: &mut Workbook<'_>, asked: Option<&str>) -> Result<String, Why> {
    const ASK: &str = "name the sheet with --sheet NAME";
    let sheets: Vec<_> =
        workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).cloned().collect();
    let names = |names: Vec<&str>| names.into_iter().take(12).map(quoted).collect::<Vec<_>>().join(", ");
    if let Some(asked) = asked {
        if sheets.iter().any(|sheet| sheet.name == asked) {
            return Ok(asked.to_owned());
        }
        let there = names(sheets.iter().map(|sheet| sheet.name.as_str()).collect());
        return Err((Code::InvalidValue, format!("has no sheet {}, but {there}", quoted(asked)), ASK));
    }
    let mut with_cells = Vec::new();
    for sheet in &sheets {
        if sheet.visible == SheetVisible::Visible {
            let first =
                guarded(|| workbook.worksheet_cells_reader(&sheet.name)?.next_cell().map(|cell| cell.is_some()))?;
            if first {
                with_cells.push(sheet.name.as_str());
            }
        } else {
            intake.notes.insert(format!("the sheet {} is hidden and not read", quoted(&sheet.name)));
        }
    }
    match with_cells.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err((Code::RequiredField, "has no visible sheet with anything in it".to_owned(), ASK)),
        _ => Err((Code::InvalidValue, format!("has several sheets: {}", names(with_cells)), ASK)),
    }
}

fn read_sheet(intake: &mut Intake<'_>, workbook: &mut Workbook<'_>, sheet: &str) -> Result<(), Why> {
    read_rows(intake, workbook, sheet)?;
    let merged = guarded(|| workbook.merge_cells_by_sheet_name(sheet))?;
    if let Some(region) = merged.first() {
        let at = RowPlace { row: region.start.0 + 1, line: region.start.0 + 1 };
        let what = "cells are merged here";
        intake.book.tell(Code::WrongType, at, Some(region.start.1 as usize), what, "part them: a row for each person");
    }
    Ok(())
}

fn read_rows(intake: &mut Intake<'_>, workbook: &mut Workbook<'_>, sheet: &str) -> Result<(), Why> {
    let mut cells = guarded(|| workbook.worksheet_cells_reader(sheet))?;
    let mut row = Row::default();
    let mut seen = BTreeSet::new();
    let mut left = LARGEST_TEXT;
    while let Some(cell) = guarded(|| cells.next_cell_with_formula_metadata())? {
        let (number, column) = cell.pos;
        let content = match (&cell.formula, &cell.value) {
            (Some(_), _) => Content::Odd("a formula"),
            (None, DataRef::Empty) => continue,
            (None, DataRef::String(text)) => Content::Text(text.clone()),
            (None, DataRef::SharedString(text)) => Content::Text((*text).to_owned()),
            (None, DataRef::Int(_) | DataRef::Float(_)) => Content::Odd("a number"),
            (None, DataRef::Bool(_)) => Content::Odd("a truth value"),
            (None, DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_)) => {
                Content::Odd("a date or a time")
            }
            (None, DataRef::Error(_)) => Content::Odd("an error"),
        };
        if let Content::Text(text) = &content {
            let Some(rest) = left.checked_sub(text.len()) else {
                let what = format!("has more than {} MiB of text", LARGEST_TEXT >> 20);
                return Err((Code::TooLarge, what, "leave only the people in it"));
            };
            left = rest;
        }
        let at = RowPlace { row: number + 1, line: number + 1 };
        if column as usize >= MOST_COLUMNS {
            if !matches!(&content, Content::Text(text) if text.is_empty()) && seen.insert(number) {
                let what = format!("there is something beyond the {MOST_COLUMNS} columns that are read");
                intake.book.tell(Code::TooLarge, at, Some(column as usize), &what, "remove it");
            }
            continue;
        }
        if number != row.number && !row.cells.is_empty() {
            if number < row.number {
                return Err((Code::Unreadable, "is broken: its rows are not in order".to_owned(), SAVE_ANEW));
            }
            if !row.hand_over(intake) {
                return Ok(());
            }
        }
        row.number = number;
        row.cells.push((column as usize, content));
    }
    row.hand_over(intake);
    Ok(())
}

enum Content {
    Text(String),
    Odd(&'static str),
}

/// The cells of a row so far.
#[derive(Default)]
struct Row {
    number: u32,
    cells: Vec<(usize, Content)>,
}

impl Row {
    /// Gives the row away; returns whether it is worth going on.
    fn hand_over(&mut self, intake: &mut Intake<'_>) -> bool {
        let width = self.cells.iter().map(|(column, _)| column + 1).max().unwrap_or_default();
        let mut cells = vec![Cell::Text(""); width];
        for (column, content) in &self.cells {
            cells[*column] = match content {
                Content::Text(text) => Cell::Text(text),
                Content::Odd(what) => Cell::Odd(what),
            };
        }
        let goes_on = intake.row(RowPlace { row: self.number + 1, line: self.number + 1 }, &cells);
        self.cells.clear();
        goes_on
    }
}
