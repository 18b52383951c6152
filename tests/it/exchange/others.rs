//! Files that other programs wrote: `LibreOffice` in a French locale, and `XlsxWriter`; `files/make_others.py` made them.

use rollcall::exchange::{Known, ListOptions, read_xlsx};

use super::{batch, list_with, rules, tells, template_with};
use crate::support::cli::Repository;

const CALC: &[u8] = include_bytes!("files/calc.xlsx");
const CALC_ODD: &[u8] = include_bytes!("files/calc_odd.xlsx");
const INLINE: &[u8] = include_bytes!("files/inline.xlsx");
const FILTERED: &[u8] = include_bytes!("files/calc_filtered.xlsx");
const CALC_LIST: &[u8] = include_bytes!("files/calc.csv");
const CALC_1252: &[u8] = include_bytes!("files/calc_1252.csv");

const LIST: &str = "\
# yaml-language-server: $schema=../schemas/manifest.schema.json
organizations:
  Carrières du Nord: {}
  Œuvres Sud: {}
# yaml-language-server: $schema=../schemas/manifest.schema.json
roles: {}
# yaml-language-server: $schema=../schemas/manifest.schema.json
users:
  anais@example.com:
    given_name: Anaïs
    family_name: \"d'Été; \\\"Lafontaine\\\"\"
    language: en
    access:
      Œuvres Sud: { role: operator, sites: unmanaged }
  lukasz@example.com:
    given_name: Łukasz
    language: ja
    access:
      Œuvres Sud: { role: contributor, sites: unmanaged }
  zoe@example.com:
    given_name: Zoé
    family_name: Noël
    language: fr
    access:
      Carrières du Nord: manager
      Œuvres Sud: { role: user, sites: unmanaged }
";

/// ALT-10: as a spreadsheet in a French locale saves it, with a cell of two lines.
#[test]
fn a_list_that_libreoffice_saved_is_read() {
    assert_eq!(list_with(CALC_LIST, &ListOptions::default()).as_deref(), Ok(LIST));
}

/// What is no UTF-8 is told where it stands, in a header or in a cell behind one of two lines.
#[test]
fn a_byte_that_is_no_text_is_told_with_row_and_column() {
    let told = list_with(CALC_1252, &ListOptions::default()).expect_err("Windows-1252");
    tells(&told, "people.csv:1:1 unreadable row 1, column A: byte E9 is no UTF-8 text, but most likely Windows-1252");
    assert_eq!(told.len(), 1, "{told:#?}");
    let head = "E-mail;Societe;Prenom;Role\n";
    let at = |before: &str| {
        let bytes = [head.as_bytes(), before.as_bytes(), b"No\xEBl;user\n"].concat();
        list_with(&bytes, &ListOptions::default()).expect_err("Windows-1252")
    };
    for (before, place) in [
        ("zoe@example.com;Nord;", "people.csv:2:3 unreadable row 2, column C"),
        ("", "people.csv:2:1 unreadable row 2, column A"),
        ("li@example.com;\"No\nrd\";Li;user\nzoe@example.com;Nord;", "people.csv:4:3 unreadable row 3, column C"),
        ("li@example.com;Nord;Li;user\r\n\r\nzoe@example.com;", "people.csv:4:2 unreadable row 4, column B"),
        ("li@example.com;\"Nord", "people.csv:2:2 unreadable row 2, column B"),
    ] {
        tells(&at(before), place);
    }
}

/// CRED-6: shared strings of `LibreOffice`; strings in their cells, coloured rows and a sheet that no menu shows of another.
#[test]
fn spreadsheets_of_other_programs_are_read() {
    let text = template_with(CALC, &batch()).expect("read");
    for line in ["    given_name: Zoé\n    family_name: Noël\n", "    given_name: Łukasz\n    family_name: O'Hara\n"]
    {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(text.matches("role: verifier").count(), 3, "{text}");
    assert_eq!(template_with(INLINE, &batch()).as_deref(), Ok(text.as_str()));
}

#[test]
fn what_libreoffice_has_in_cells_besides_text_is_told_with_sheet_row_and_column() {
    let told = template_with(CALC_ODD, &batch()).expect_err("mistakes");
    for text in [
        "people.xlsx:2:1 wrong-type sheet `Équipe d'été`, row 2, column A (`Prénom`): the cell holds a formula, not text",
        "people.xlsx:3:2 wrong-type sheet `Équipe d'été`, row 3, column B (`Nom`): the cell holds a date or a time, not text",
        "people.xlsx:4:1 wrong-type sheet `Équipe d'été`, row 4, column A (`Prénom`): the cell holds a number, not text",
        "people.xlsx:4:2 wrong-type sheet `Équipe d'été`, row 4, column B (`Nom`): cells are merged here",
        "people.xlsx:6:2 required-field sheet `Équipe d'été`, row 6, column B (`Nom`): there is no last name",
    ] {
        tells(&told, text);
    }
    assert_eq!(told.len(), 5, "{told:#?}");
}

/// Whoever filters a sheet sees fewer people than the file has: that is told, since all of them are read.
#[test]
fn hidden_rows_are_read_and_told() {
    let read = |bytes: &[u8]| {
        read_xlsx(&rules("credivera"), "people.xlsx", bytes, &batch(), &Known::default()).expect("read").notes
    };
    let notes = read(FILTERED);
    let told = "2 rows are hidden in its sheets (by a filter?), the first one is row 3: hidden rows are read as well";
    assert!(notes.iter().any(|note| note == told), "{notes:?}");
    assert!(!read(CALC).iter().any(|note| note.contains("hidden")));
    assert_eq!(template_with(FILTERED, &batch()), template_with(CALC, &batch()));
}

/// Nothing is half written: neither a folder nor a file is there after a file with a mistake.
#[test]
fn a_bad_file_of_another_program_leaves_nothing_behind() {
    let repository = Repository::empty();
    let store = |name: &str, rules: &str| format!("{name}: {{ sqlite: {{ path: {name}.db }}, rules: {rules} }}");
    let stores = [store("people", "credivera"), store("list", "alteia")].join(", ");
    repository.write(
        "rollcall.yaml",
        &format!("version: 1\nstore: people\nstores: {{ {stores} }}\nmanage: {{ absent_users: report }}\n"),
    );
    std::fs::write(repository.file("odd.xlsx"), CALC_ODD).expect("written");
    std::fs::write(repository.file("list.csv"), CALC_1252).expect("written");
    let entries = || std::fs::read_dir(repository.path()).expect("a folder").count();
    let before = entries();
    let triple = ["--user-type", "staff", "--role", "user", "--organization", "acme", "--site", "main", "--send"];
    let import = ["import", "--from", "xlsx", "odd.xlsx", "--out", "access"];
    repository.run(import.iter().chain(&triple)).ends_with(3).prints_nothing().tells("--> odd.xlsx:2:1");
    let import = ["--store", "list", "import", "--from", "csv", "list.csv", "--out", "access"];
    repository.run(import).ends_with(3).prints_nothing().tells("--> list.csv:1:1").tells("CSV UTF-8");
    assert_eq!(entries(), before);
}
