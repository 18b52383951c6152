//! Files that mean harm, or were never such files: told in a bounded time with bounded memory, and nothing is made of them.

use std::fmt::Write as _;
use std::io::{Cursor, Read as _, Write as _};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{batch, list_with, mistakes, tells, template_with};

const TEMPLATE: &[u8] = include_bytes!("files/template.xlsx");

/// The template with some parts replaced, or added.
fn with_parts(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(TEMPLATE)).expect("an archive");
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for index in 0..archive.len() {
        let part = archive.by_index(index).expect("a part");
        if !parts.iter().any(|(name, _)| part.name().is_ok_and(|part| part == *name)) {
            out.raw_copy_file(part).expect("copied");
        }
    }
    for (name, bytes) in parts {
        out.start_file(*name, options).expect("begun");
        out.write_all(bytes).expect("written");
    }
    out.finish().expect("an archive").into_inner()
}

fn sheet(rows: &str) -> Vec<u8> {
    let space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    format!("<?xml version=\"1.0\"?><worksheet xmlns=\"{space}\"><sheetData>{rows}</sheetData></worksheet>")
        .into_bytes()
}

const SHEET: &str = "xl/worksheets/sheet1.xml";
const HEADER: &str = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>First name</t></is></c>\
                      <c r=\"B1\" t=\"inlineStr\"><is><t>Last name</t></is></c>\
                      <c r=\"C1\" t=\"inlineStr\"><is><t>E-mail</t></is></c></row>";

/// How much time of a processor this thread has taken, however busy the machine is besides.
fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("it is counted");
    let micros = (usage.user_time() + usage.system_time()).num_microseconds();
    Duration::from_micros(u64::try_from(micros).expect("a duration"))
}

#[track_caller]
fn refused(bytes: &[u8]) -> Vec<String> {
    let begin = processor_time();
    let told = template_with(bytes, &batch()).expect_err("refused");
    let taken = processor_time().saturating_sub(begin);
    assert!(taken < Duration::from_secs(30), "{taken:?}");
    told
}

#[test]
fn a_bomb_is_not_unpacked() {
    for part in [SHEET, "xl/media/picture.bin"] {
        let bomb = with_parts(&[(part, vec![b' '; 65 << 20])]);
        assert!(bomb.len() < 1 << 20, "a small file");
        tells(&refused(&bomb), "too-large `people.xlsx` unpacks to more than 64 MiB");
    }
}

#[test]
fn one_text_in_many_cells_is_counted_as_often() {
    let long = "x".repeat(900);
    let mut rows = String::from(HEADER);
    for row in 2..100_000 {
        let _ = write!(rows, "<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>0</v></c></row>");
    }
    let strings = format!("<?xml version=\"1.0\"?><sst uniqueCount=\"1\"><si><t>{long}</t></si></sst>");
    let bytes = with_parts(&[(SHEET, sheet(&rows)), ("xl/sharedStrings.xml", strings.into_bytes())]);
    tells(&refused(&bytes), "has more than 64 MiB of text");
}

/// Numbers by which a reader sets memory aside, or that no spreadsheet has.
#[test]
fn numbers_beyond_reason_are_refused() {
    let cell = |place: &str| format!("{HEADER}<row r=\"2\"><c r=\"{place}\"><v>1</v></c></row>");
    let strings =
        |count: &str| format!("<?xml version=\"1.0\"?><sst uniqueCount={count}><si><t>x</t></si></sst>").into_bytes();
    for parts in [
        vec![(SHEET, sheet(&cell("A99999999999999999999")))],
        vec![(SHEET, sheet(&cell("ZZZZZZZZZZZZZZZZ2")))],
        vec![(SHEET, sheet(&format!("{HEADER}<row r=\"99999999999\"></row>")))],
        vec![("xl/sharedStrings.xml", strings("\"9999999999999999\""))],
        vec![("xl/sharedStrings.xml", strings(" '9999999999999999'"))],
        vec![(SHEET, sheet(&HEADER.replace("<row", "<row\u{0}")))],
        vec![(
            SHEET,
            String::from_utf8(sheet(HEADER)).expect("text").encode_utf16().flat_map(u16::to_be_bytes).collect(),
        )],
    ] {
        tells(&refused(&with_parts(&parts)), "unreadable `people.xlsx` is broken in its part `xl/");
    }
}

#[test]
fn broken_workbooks_are_told() {
    for bytes in [
        TEMPLATE[..TEMPLATE.len() / 2].to_vec(),
        TEMPLATE[..40].to_vec(),
        with_parts(&[(SHEET, b"<worksheet><sheetData><row".to_vec())]),
        with_parts(&[(SHEET, b"no XML".to_vec())]),
        with_parts(&[("xl/workbook.xml", b"<workbook/>".to_vec())]),
        with_parts(&[(
            SHEET,
            sheet(&format!(
                "{HEADER}<row r=\"3\"><c r=\"A3\"><v>1</v></c></row><row r=\"2\"><c r=\"A2\"><v>1</v></c></row>"
            )),
        )]),
    ] {
        let told = refused(&bytes);
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].contains("people.xlsx` is broken") || told[0].contains("has no visible sheet"), "{told:#?}");
    }
    tells(&refused(b""), "is no workbook");
    tells(&refused(b"E-mail,Role\n"), "is no workbook");
    let mut old = vec![0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
    old.resize(2_048, 0);
    tells(&refused(&old), "is a workbook in the old format .xls");
    old.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    tells(&refused(&old), "is protected by a password");
    let document = with_parts(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet".to_vec())]);
    tells(&refused(&document), "is an OpenDocument file");
}

/// What a sheet says of its size does not matter, and a row without numbers follows the one before.
#[test]
fn an_odd_but_sound_workbook_is_read() {
    let person = "<row><c t=\"inlineStr\"><is><t>Ana</t></is></c><c t=\"inlineStr\"><is><t>Roy</t></is></c>\
                  <c t=\"inlineStr\"><is><t>ana@example.com</t></is></c></row>";
    let text = String::from_utf8(sheet(&format!("{HEADER}{person}"))).expect("text");
    let text = text.replace("<sheetData>", "<dimension ref=\"A1:XFD1048576\"/><sheetData>");
    let manifests = template_with(&with_parts(&[(SHEET, text.into_bytes())]), &batch()).expect("read");
    assert!(manifests.contains("ana@example.com"), "{manifests}");
}

#[test]
fn a_million_columns_and_cells_without_end_are_told() {
    let wide = format!("E-mail,Company,Role{}\nana@example.com,acme,user\n", ",".repeat(1_000_000));
    tells(&mistakes(&wide), "people.csv:1:1 too-large row 1: there are 1000003 columns");
    let long = format!("First name,E-mail,Company,Role\n{},ana@example.com,acme,user\n", "x".repeat(1_001));
    tells(
        &mistakes(&long),
        "people.csv:2:1 too-large row 2, column A (`First name`): the cell has more than 1000 characters",
    );
    let open = format!(
        "First name,E-mail,Company,Role\n\"Ana,ana@example.com,acme,user\n{}",
        "x,x@example.com,acme,user\n".repeat(100)
    );
    tells(&mistakes(&open), "people.csv:2:1 syntax row 2: the row has 1 cells, and the header 4");
}

#[test]
fn mistakes_are_bounded() {
    let rows: Vec<String> = (0..5_000).map(|row| format!("{row},acme,user\n")).collect();
    let rows = rows.concat();
    let told = mistakes(&format!("E-mail,Company,Role\n{rows}"));
    assert_eq!(told.len(), 1_001);
    tells(&told, "4000 more of `invalid-key` are not shown");
}

/// Names with control characters, look-alikes and invisible characters never reach a manifest.
#[test]
fn hidden_characters_never_reach_a_manifest() {
    let options = rollcall::exchange::ListOptions::default();
    let text = "First name,E-mail,Company,Role\nA\u{1b}[2Jna,ana@example.com,acme,user\nB\u{202e}en,ben@example.com,acme,user\n\
                Eve,\u{430}dmin@example.com,acme,user\n";
    let imported = rollcall::exchange::read_csv(
        &super::rules("alteia"),
        "p.csv",
        text.as_bytes(),
        &options,
        &rollcall::exchange::Known::default(),
    )
    .expect("read");
    let written: String = imported.written.files.iter().map(|(_, text)| text.as_str()).collect();
    assert!(!written.contains(['\u{1b}', '\u{202e}', '\u{430}']), "{written:?}");
    assert_eq!(imported.written.unsayable.len(), 3, "{:?}", imported.written.unsayable);
    let told = mistakes("E-mail,Company,Role\nan\u{200b}a@example.com,acme,user\nana@example.com,ac\u{7}me,user\n");
    tells(&told, "`an\\u{200b}a@example.com` has an invisible character");
    tells(&told, "the organization `ac\\u{7}me` has a control character");
}

#[test]
fn a_workbook_is_no_list() {
    let told = list_with(TEMPLATE, &rollcall::exchange::ListOptions::default()).expect_err("refused");
    tells(&told, "is a workbook or another archive, no text");
}

const STRINGS: &str = "xl/sharedStrings.xml";

/// The sheet and its strings as Excel writes them: shared, with runs of letters and what they are spoken like.
fn as_excel() -> [(&'static str, Vec<u8>); 2] {
    let space = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n";
    let cells = |row: u32, from: u32| {
        let cell = |column: char, at: u32| format!("<c r=\"{column}{row}\" s=\"1\" t=\"s\"><v>{at}</v></c>");
        let cells: Vec<String> = ['A', 'B', 'C'].into_iter().zip(from..).map(|(column, at)| cell(column, at)).collect();
        format!("<row r=\"{row}\" spans=\"1:3\" x14ac:dyDescent=\"0.25\">{}</row>", cells.concat())
    };
    let sheet = format!(
        "{head}<worksheet {space} mc:Ignorable=\"x14ac\"><dimension ref=\"A1:C2\"/><sheetData>{}{}</sheetData>\
         <pageMargins left=\"0.7\" right=\"0.7\"/></worksheet>",
        cells(1, 0),
        cells(2, 3)
    );
    let strings = format!(
        "{head}<sst {space} count=\"6\" uniqueCount=\"6\"><si><t>Prénom</t></si><si><t xml:space=\"preserve\">Nom </t></si>\
         <si><t>Courriel</t></si><si><r><t>Zo</t></r><r><rPr><b/></rPr><t>é</t></r></si>\
         <si><t>名前</t><rPh sb=\"0\" eb=\"2\"><t>ナマエ</t></rPh><phoneticPr fontId=\"1\"/></si>\
         <si><t>zoe@example.com</t></si></sst>"
    );
    [(SHEET, sheet.into_bytes()), (STRINGS, strings.into_bytes())]
}

#[test]
fn a_workbook_as_excel_writes_it_is_read() {
    let manifests = template_with(&with_parts(&as_excel()), &batch()).expect("read");
    assert!(manifests.contains("  zoe@example.com:\n    given_name: Zoé\n    family_name: 名前\n"), "{manifests}");
}

/// What a part of such a workbook holds.
fn part(name: &str) -> Vec<u8> {
    let workbook = with_parts(&as_excel());
    let mut archive = ZipArchive::new(Cursor::new(workbook)).expect("an archive");
    let mut bytes = Vec::new();
    archive.by_name(name).expect("a part").read_to_end(&mut bytes).expect("read");
    bytes
}

/// Pieces that mean something to a reader of workbooks, to be put anywhere.
const PIECES: [&str; 14] = [
    "<c r=\"A2\">",
    "</c>",
    "<row r=\"0\">",
    "r=\"A0\"",
    "r=\"XFD9999999\"",
    " t=\"s\"",
    "<v>-1</v>",
    "<v>99999999999</v>",
    "<f t=\"shared\" si=\"9999999\" ref=\"A1:B2\">1</f>",
    "<mergeCells><mergeCell ref=\"A1\"/></mergeCells>",
    "&#0;",
    "]]>",
    "\"",
    ">",
];

proptest! {
    /// No change of a part makes the reader panic, or take more than a moment.
    #[test]
    fn changed_workbooks_are_read_or_refused(
        which in 0..5_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..20_usize, any::<u8>()), 1..6),
    ) {
        let name = [SHEET, "xl/workbook.xml", STRINGS, "xl/styles.xml", "xl/_rels/workbook.xml.rels"][which];
        let mut bytes = part(name);
        for (at, what, byte) in changes {
            let at = at.index(bytes.len());
            match PIECES.get(what) {
                Some(piece) => drop(bytes.splice(at..at, piece.bytes())),
                None if what % 2 == 0 => bytes[at] = byte,
                None => bytes.truncate(at + 1),
            }
        }
        let others = as_excel().into_iter().filter(|(other, _)| *other != name);
        let parts: Vec<_> = others.chain([(name, bytes)]).collect();
        let begin = processor_time();
        let outcome = template_with(&with_parts(&parts), &batch());
        let taken = processor_time().saturating_sub(begin);
        prop_assert!(taken < Duration::from_secs(5), "{taken:?}");
        if let Err(told) = outcome {
            prop_assert!(!told.iter().any(|told| told.ends_with(" is broken")), "a panic: {told:?}");
        }
    }

    /// Whatever bytes a list has, it is read or refused.
    #[test]
    fn changed_lists_are_read_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), "[,;\"\r\n\t\u{0}=é]{0,3}|\\PC{0,4}"), 1..8),
    ) {
        let mut text = "First name;E-mail;Company;Role\r\n\"Zoé\";zoe@example.com;acme;user\r\nBen;ben@example.com;acme;user\r\n"
            .as_bytes().to_vec();
        for (at, piece) in changes {
            let at = at.index(text.len());
            drop(text.splice(at..at, piece.bytes()));
        }
        let _ = list_with(&text, &rollcall::exchange::ListOptions::default());
    }
}
