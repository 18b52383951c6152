//! Templates for invitations in bulk (CRED-5, CRED-6), as openpyxl writes them; `files/make.py` made them.

use rollcall::exchange::{Batch, Known};

use super::{batch, rules, tells, template_with};

const TEMPLATE: &[u8] = include_bytes!("files/template.xlsx");
const HIDDEN: &[u8] = include_bytes!("files/hidden.xlsx");
const SEVERAL: &[u8] = include_bytes!("files/several.xlsx");
const ODD: &[u8] = include_bytes!("files/odd.xlsx");
const MERGED: &[u8] = include_bytes!("files/merged.xlsx");
const FAR: &[u8] = include_bytes!("files/far.xlsx");

const MANIFESTS: &str = "\
# yaml-language-server: $schema=../schemas/manifest.schema.json
organizations:
  acme:
    sites:
      main: { kind: assignment }
# yaml-language-server: $schema=../schemas/manifest.schema.json
roles: {}
# yaml-language-server: $schema=../schemas/manifest.schema.json
users:
  anais@example.com:
    given_name: Anaïs
    family_name: Lefèvre
    user_type: employee
    access:
      acme: { role: verifier, sites: [main] }
  lukasz@example.com:
    given_name: Łukasz
    family_name: O'Hara
    user_type: employee
    access:
      acme: { role: verifier, sites: [main] }
  zoe@example.com:
    given_name: Zoé
    family_name: Noël
    user_type: employee
    access:
      acme: { role: verifier, sites: [main] }
";

/// CRED-6: a row a person; one user type, level and assignment for the whole file.
#[test]
fn cred_6_rows_become_people_of_one_triple() {
    assert_eq!(template_with(TEMPLATE, &batch()).as_deref(), Ok(MANIFESTS));
}

/// CRED-3, CRED-6: send or suppress.
#[test]
fn cred_3_suppressed_people_are_preloaded() {
    let text = template_with(TEMPLATE, &Batch { is_sent: false, ..batch() }).expect("read");
    assert_eq!(text, MANIFESTS.replace("    access:", "    status: preloaded\n    access:"));
}

/// A hidden sheet is not read; one of several is named.
#[test]
fn sheets_are_visible_or_named() {
    assert_eq!(template_with(HIDDEN, &batch()).as_deref(), Ok(MANIFESTS));
    let told = template_with(SEVERAL, &batch()).expect_err("two sheets");
    tells(&told, "`people.xlsx` has several sheets: `Utilisateurs`, `Notes`");
    let named = Batch { sheet: Some("Utilisateurs".to_owned()), ..batch() };
    assert_eq!(template_with(SEVERAL, &named).as_deref(), Ok(MANIFESTS));
    let told = template_with(TEMPLATE, &Batch { sheet: Some("Feuil1".to_owned()), ..batch() }).expect_err("no such");
    tells(&told, "has no sheet `Feuil1`, but `Utilisateurs`");
}

#[test]
fn cells_that_are_no_text_are_told_with_sheet_row_and_column() {
    let told = template_with(ODD, &batch()).expect_err("mistakes");
    for text in [
        "people.xlsx:2:1 wrong-type sheet `Utilisateurs`, row 2, column A (`Prénom`): the cell holds a formula, not text",
        "people.xlsx:2:2 wrong-type sheet `Utilisateurs`, row 2, column B (`Nom`): the cell holds a date or a time, not text",
        "people.xlsx:3:1 wrong-type sheet `Utilisateurs`, row 3, column A (`Prénom`): the cell holds a number, not text",
        "people.xlsx:3:2 wrong-type sheet `Utilisateurs`, row 3, column B (`Nom`): the cell holds a truth value, not text",
        "people.xlsx:4:3 invalid-key sheet `Utilisateurs`, row 4, column C (`Adresse e-mail`): `no address` is no e-mail address",
        "people.xlsx:5:1 required-field sheet `Utilisateurs`, row 5, column A (`Prénom`): there is no first name",
        "people.xlsx:5:2 required-field sheet `Utilisateurs`, row 5, column B (`Nom`): there is no last name",
    ] {
        tells(&told, text);
    }
    assert_eq!(told.len(), 7, "{told:#?}");
}

#[test]
fn merged_and_far_cells_are_told() {
    let told = template_with(MERGED, &batch()).expect_err("merged");
    tells(&told, "people.xlsx:2:1 wrong-type sheet `Utilisateurs`, row 2, column A (`Prénom`): cells are merged here");
    let told = template_with(FAR, &batch()).expect_err("far");
    tells(&told, "row 1048576, column XFD: there is something beyond the 200 columns that are read");
}

/// CRED-5, CRED-7: what holds for the whole file is said by options, which the rules check.
#[test]
fn cred_5_options_are_checked_by_the_rules() {
    let rules = rules("credivera");
    assert_eq!(batch().refuse(&rules, &Known::default()), Vec::<String>::new());
    let told =
        Batch { role: Some("Verifier".to_owned()), user_type: None, ..batch() }.refuse(&rules, &Known::default());
    tells(&told, "--role: `Verifier` is written `verifier`");
    tells(&told, "--user-type TYPE is missing");
    let told = Batch {
        role: Some("boss".to_owned()),
        site: Some("a/b".to_owned()),
        organization: "all".to_owned(),
        ..batch()
    }
    .refuse(&rules, &Known::default());
    tells(&told, "--role: unknown role `boss`; there are admin, global_admin");
    tells(&told, "--site: `a/b` has a `/`");
    tells(&told, "--organization: `all` is a word of the language");
}
