//! Lists of people and their roles (ALT-8, ALT-10, ALT-11), as programs write them and as people change them.

use std::process::Command;

use rollcall::exchange::{Known, ListOptions, read_csv};
use rollcall::model::Status;
use rollcall::rules::{NoneMark, Organizations, Rules};

use super::{list, list_with, mistakes, rules, tells};

const LIST: &str = "\
First name,Last name,E-mail,Creation date,Status,Usage version,Language,Location,Company,Role
Zoé,Noël,zoe@example.com,2026-01-02,connected,4.2,fr,Lyon,North Quarries,manager
Zoé,Noël,zoe@example.com,2026-01-02,connected,4.2,fr,Lyon,South,user
Ben,O'Hara,ben@example.com,2026-03-04,notified,,en,,South,operator
";

const MANIFESTS: &str = "\
# yaml-language-server: $schema=../schemas/manifest.schema.json
organizations:
  North Quarries: {}
  South: {}
# yaml-language-server: $schema=../schemas/manifest.schema.json
roles: {}
# yaml-language-server: $schema=../schemas/manifest.schema.json
users:
  ben@example.com:
    given_name: Ben
    family_name: O'Hara
    language: en
    access:
      South: { role: operator, sites: unmanaged }
  zoe@example.com:
    given_name: Zoé
    family_name: Noël
    language: fr
    access:
      North Quarries: manager
      South: { role: user, sites: unmanaged }
";

/// ALT-10: one row a role, grouped by person; `notified` is read as invited, which a manifest says by saying nothing.
#[test]
fn alt_10_rows_become_people() {
    assert_eq!(list(LIST), MANIFESTS);
}

/// ALT-10: rows in another order, another separator, a mark in front, other line breaks, blank rows and trailing
/// separators mean the same.
#[test]
fn alt_10_spelling_of_the_file_does_not_matter() {
    let semicolons = LIST.replace(',', ";");
    let mut rows: Vec<&str> = LIST.lines().collect();
    rows[1..].reverse();
    for text in [
        semicolons.clone(),
        format!("\u{FEFF}{semicolons}"),
        format!("sep=;\r\n{semicolons}"),
        semicolons.replace('\n', "\r\n"),
        semicolons.replace('\n', "\r"),
        semicolons.replace('\n', ";;\n"),
        semicolons.replace('\n', "\n\n;;;;;;;;;\n"),
        rows.join("\n"),
        LIST.replace("First name,Last name,E-mail", "PRÉNOM,nom,Adresse électronique"),
        LIST.replace("Company,Role", "Organisation,Rôle"),
        LIST.replace("connected", "Connecté").replace("notified", "Notifiée"),
    ] {
        assert_eq!(list(&text), MANIFESTS, "{text}");
    }
}

/// The writer of Python's standard library, in the dialects that programs use, and its encodings.
#[test]
fn lists_that_python_writes_are_read() {
    let script = r#"
import csv, io, sys
rows = list(csv.reader(io.StringIO(sys.argv[1])))
rows[3][1] = 'O\'Hara, "B";\nson'
for delimiter, quoting, end, encoding in [
    (",", csv.QUOTE_MINIMAL, "\r\n", "utf-8"),
    (";", csv.QUOTE_MINIMAL, "\r\n", "utf-8-sig"),
    (";", csv.QUOTE_ALL, "\n", "utf-8"),
    (",", csv.QUOTE_NONNUMERIC, "\r\n", "utf-8-sig"),
    (";", csv.QUOTE_MINIMAL, "\r\n", "cp1252"),
    (",", csv.QUOTE_MINIMAL, "\r\n", "utf-16"),
    (",", csv.QUOTE_MINIMAL, "\r\n", "utf-16-be"),
]:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)
    print(text.getvalue().encode(encoding).hex())
"#;
    let output = Command::new("python3").args(["-c", script, LIST]).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let hex = |line: &str| -> Vec<u8> {
        (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).expect("hex")).collect()
    };
    let files: Vec<Vec<u8>> = text.lines().map(hex).collect();
    let expected = MANIFESTS.replace("    family_name: O'Hara\n", "");
    for bytes in &files[..4] {
        // A name over two lines can't be said in a manifest: it is left out, and listed.
        assert_eq!(list_with(bytes, &ListOptions::default()).as_deref(), Ok(expected.as_str()));
        let left_out =
            read_csv(&rules("alteia"), "people.csv", bytes, &ListOptions::default(), &Known::default()).expect("read");
        let reasons: Vec<String> =
            left_out.written.unsayable.iter().map(|one| format!("{} {}", one.name, one.reason)).collect();
        tells(&reasons, "ben@example.com its field `family_name` has a control character or a line break");
        tells(&reasons, "Creation date is nothing that the rules of the store keep (cells: 3)");
    }
    let refused = |bytes: &[u8]| list_with(bytes, &ListOptions::default()).expect_err("refused");
    tells(
        &refused(&files[4]),
        "people.csv:2:1 unreadable row 2, column A: byte E9 is no UTF-8 text, but most likely Windows-1252 or the like",
    );
    tells(&refused(&files[5]), "is text in UTF-16");
    tells(&refused(&files[6]), "is text in UTF-16");
}

/// The organization is that of the column, or that of the option; where both speak they must agree.
#[test]
fn the_organization_is_never_guessed() {
    let options =
        |organization: &str| ListOptions { organization: Some(organization.to_owned()), ..ListOptions::default() };
    let without = "E-mail,Role\nana@example.com,user\n";
    tells(&mistakes(without), "people.csv:1:1 required-field row 1: no column names an organization");
    let text = list_with(without.as_bytes(), &options("acme")).expect("read");
    assert!(text.contains("acme: { role: user, sites: unmanaged }"), "{text}");
    let with = "E-mail,Company,Role\nana@example.com,acme,user\nben@example.com,,user\n";
    tells(&mistakes(with), "people.csv:3:1 unknown-organization row 3: the role has no organization");
    let text = list_with(with.as_bytes(), &options("acme")).expect("read");
    assert_eq!(text.matches("acme: { role: user").count(), 2, "{text}");
    let told = list_with(with.as_bytes(), &options("other")).expect_err("refused");
    tells(
        &told,
        "people.csv:2:2 invalid-value row 2, column B (`Company`): it names `acme`, and --organization `other`",
    );
    let told = list_with(without.as_bytes(), &options("all")).expect_err("refused");
    tells(&told, "row 1: --organization: `all` is a word of the language");
    let one = Rules { organizations: Some(Organizations::None(NoneMark)), ..rules("default") };
    let refused =
        read_csv(&one, "p.csv", without.as_bytes(), &options("acme"), &Known::default()).expect_err("refused");
    tells(&super::told(&refused), "--organization: `acme` is none: the store has no organizations");
    let platform =
        read_csv(&one, "p.csv", without.as_bytes(), &ListOptions::default(), &Known::default()).expect("read");
    assert!(platform.written.files[2].1.contains("role: user\n    access: {}"), "{platform:?}");
    // A column of its own goes before the company, which then is something else.
    let both = "E-mail,Company,Organization,Role\nana@example.com,Example Ltd,acme,user\n";
    let imported =
        read_csv(&rules("alteia"), "p.csv", both.as_bytes(), &ListOptions::default(), &Known::default()).expect("read");
    assert!(imported.written.files[0].1.contains("acme"), "{imported:?}");
    assert!(!imported.written.files[0].1.contains("Ltd"), "{imported:?}");
    assert_eq!(imported.written.unsayable[0].name, "Company");
}

/// ALT-6: roles of modules are held beside the main one; which those are is said, not guessed.
#[test]
fn alt_6_roles_beside_the_main_one_are_named() {
    let text = "E-mail,Company,Role\nana@example.com,acme,user\nana@example.com,acme,analytics\nben@example.com,acme,analytics\n";
    tells(
        &mistakes(text),
        "people.csv:3:3 unknown-role row 3, column C (`Role`): unknown role `analytics`; there are contributor, manager, operator, user",
    );
    let options = ListOptions { extra_roles: vec!["analytics".to_owned()], ..ListOptions::default() };
    let told = list_with(text.as_bytes(), &options).expect_err("refused");
    assert_eq!(told.len(), 1, "{told:#?}");
    tells(
        &told,
        "people.csv:4:3 outside-limits row 4, column C (`Role`): `ben@example.com` has no role of its own in `acme`",
    );
    let text = text.replace("ben@example.com,acme,analytics\n", "");
    let manifests = list_with(text.as_bytes(), &options).expect("read");
    assert!(manifests.contains("acme: { role: user, extra_roles: [analytics], sites: unmanaged }"), "{manifests}");
    assert!(manifests.contains("analytics: { applies_to: [extra] }"), "{manifests}");
}

#[test]
fn statuses_are_known_or_explained() {
    let text = "E-mail,Status,Company,Role\nana@example.com,blocked,acme,user\nben@example.com,inactive,acme,user\n";
    tells(&mistakes(text), "people.csv:2:2 invalid-value row 2, column B (`Status`): unknown status `blocked`");
    let options = ListOptions { statuses: vec![("Blocked".to_owned(), Status::Inactive)], ..ListOptions::default() };
    let manifests = list_with(text.as_bytes(), &options).expect("read");
    assert_eq!(manifests.matches("status: inactive").count(), 2, "{manifests}");
    let options = ListOptions { statuses: vec![("blocked".to_owned(), Status::Closed)], ..ListOptions::default() };
    let imported = read_csv(&rules("alteia"), "p.csv", text.as_bytes(), &options, &Known::default()).expect("read");
    assert_eq!((imported.written.accounts, imported.written.unsayable[0].reason.as_str()), (1, "is closed"));
}

/// All mistakes of a file are told in one run, each with row and column.
#[test]
fn mistakes_are_told_all_at_once() {
    let told = mistakes(
        "First name,Last name,E-mail,Status,Company,Role\n\
         Ana,Roy,ana@example.com,connected,acme,user\n\
         Anna,Roy,ANA@example.com,notified,acme,manager\n\
         Anna,Roy,ana@example.com,connected,acme,manager\n\
         Ben,,ben.example.com,connected,acme,usr\n\
         \"Two\nlines\",,,connected,acme,user\n\
         Kim,,kim@example.com,connected,all,user\n\
         Li,,li@example.com,connected,acme\n\
         Li,,li@example.com,connected,acme,user,more\n\
         Zoe,,zoe@example.com,connected,acme,\n",
    );
    for text in [
        "people.csv:3:4 duplicate-declaration row 3, column D (`Status`): it says `invited`, and row 2 `active` of the same person",
        "people.csv:4:1 duplicate-declaration row 4, column A (`First name`): it says `Anna`, and row 2 `Ana` of the same person",
        "people.csv:4:6 conflicting-roles row 4, column F (`Role`): `manager` is a second role in `acme`: row 2 says `user`",
        "people.csv:5:3 invalid-key row 5, column C (`E-mail`): `ben.example.com` is no e-mail address: it has no `@`",
        "people.csv:5:6 unknown-role row 5, column F (`Role`): unknown role `usr` (did you mean `user`?); there are",
        // A line of the file is no row any more after a cell of two lines.
        "people.csv:6:3 invalid-key row 6, column C (`E-mail`): there is no e-mail address",
        "people.csv:8:5 invalid-name row 7, column E (`Company`): the organization `all` is a word of the language",
        "people.csv:9:1 syntax row 8: the row has 5 cells, and the header 6",
        "people.csv:10:1 syntax row 9: the row has 7 cells, and the header 6",
        "people.csv:11:5 required-field row 10, column E (`Company`): there is an organization and no role",
    ] {
        tells(&told, text);
    }
    assert_eq!(told.len(), 10, "{told:#?}");
}

#[test]
fn headers_that_are_missing_or_doubled_are_told() {
    tells(
        &mistakes("Name,Mail,Mail\nAna,a@example.com,b@example.com\n"),
        "row 1, column C (`Mail`): means the same as column B",
    );
    tells(&mistakes("E-mail,Company\nana@example.com,acme\n"), "row 1: no column is `Role`");
    tells(&mistakes("ana@example.com,acme,user\n"), "has no row with headers that are known");
    tells(&mistakes("E-mail\tCompany\tRole\n"), "has columns that are parted by tabs");
    tells(&mistakes(""), "has no row with headers");
    tells(&mistakes("E-mail,Company,Role\n"), "has no row with a person");
}

/// Who has an account and no access says so, and is not lost.
#[test]
fn who_has_no_role_has_no_access() {
    let manifests = list("E-mail,Company,Role\nana@example.com,,\n");
    assert!(manifests.contains("  ana@example.com:\n    access: {}\n"), "{manifests}");
}

#[test]
fn under_other_rules_the_file_is_read_as_far_as_they_go() {
    let read = |set: &str, text: &str| {
        read_csv(&rules(set), "p.csv", text.as_bytes(), &ListOptions::default(), &Known::default())
    };
    let list = "E-mail,Company,Role\nana@example.com,acme,crew\n";
    let imported = read("default", list).expect("read");
    assert!(imported.written.files[1].1.contains("  crew: {}\n"), "{imported:?}");
    assert!(imported.notes.iter().any(|note| note.contains("`crew` is declared without a rank")), "{imported:?}");
    // Where people are known by a login, the file has to have it.
    tells(&super::told(&read("cauca", list).expect_err("logins")), "no column is `Login`");
}

/// Rows are counted as a spreadsheet counts them, blank ones too, and lines as an editor does.
#[test]
fn rows_and_lines_are_counted_through_blank_lines_and_long_cells() {
    let head = "E-mail,Company,Role";
    for end in ["\n", "\r\n", "\r"] {
        let told =
            mistakes(&[head, "", "", "nobody,acme,user", "", "\"no", "body\",acme,user", "none,acme,user"].join(end));
        tells(&told, "people.csv:4:1 invalid-key row 4, column A");
        tells(&told, "people.csv:6:1 invalid-key row 6, column A");
        tells(&told, "people.csv:8:1 invalid-key row 7, column A");
    }
    let told = mistakes(&format!("\n\nsep\n{head}\n"));
    tells(&told, "has no row with headers that are known");
    let told = mistakes(&format!("sep=,\r\n{head}\r\nnobody,acme,user\r\n"));
    tells(&told, "people.csv:3:1 invalid-key row 3, column A");
}

/// A value that the service does not have is told where it stands, with those that it has.
#[test]
fn alt_8_an_unknown_language_is_told_with_row_and_column() {
    let told = mistakes(
        "E-mail;Prénom;Langue;Organisation;Rôle\r\n\
         ana@example.com;Ana;franglais;acme;user\r\n\
         ben@example.com;Ben;FR;acme;user\r\n\
         nobody;Li;fr;acme;usr\r\n",
    );
    for text in [
        "people.csv:2:3 invalid-value row 2, column C (`Langue`): `franglais` is no value of `language`",
        "people.csv:3:3 invalid-value row 3, column C (`Langue`): `FR` is no value of `language`",
        "people.csv:4:1 invalid-key row 4, column A",
        "people.csv:4:5 unknown-role row 4, column E",
    ] {
        tells(&told, text);
    }
    assert_eq!(told.len(), 4, "{told:#?}");
    // Under rules with a form and no list of values.
    let list = "E-mail,Language,Company,Role\nana@example.com,french (france),acme,crew\n";
    let refused = read_csv(&rules("default"), "p.csv", list.as_bytes(), &ListOptions::default(), &Known::default())
        .expect_err("no");
    tells(&super::told(&refused), "column B (`Language`): `french (france)` is no language tag");
}

/// As macOS writes names: letters and accents apart are the same letters, so rows of one person are one person.
#[test]
fn letters_with_their_accents_apart_are_the_same_letters() {
    let text = "E-mail;Prénom;Société;Rôle\n\
                zoe@example.com;Zoé;Carrière;user\n\
                zoe@example.com;Zoe\u{301};Carrie\u{300}re sud;manager\n\
                li@example.com;Li;Carrie\u{300}re;user\n";
    let imported = read_csv(&rules("alteia"), "p.csv", text.as_bytes(), &ListOptions::default(), &Known::default());
    let imported = imported.unwrap_or_else(|refused| panic!("{refused:#?}"));
    let manifests: String = imported.written.files.iter().map(|(_, text)| text.as_str()).collect();
    assert!(unicode_normalization::is_nfc(&manifests), "{manifests}");
    assert_eq!(manifests.matches("\n  Carrière: {}\n").count(), 1, "{manifests}");
    assert_eq!(manifests.matches("given_name: Zoé").count(), 1, "{manifests}");
    assert!(imported.notes.iter().any(|note| note.starts_with("3 cells with letters and accents apart")));
}
