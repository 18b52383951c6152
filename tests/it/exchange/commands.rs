//! `import --from` and `export` on the command line.

use std::fs;

use serde_json::json;

use super::super::support::cli::Repository;

const LIST: &str = "E-mail,Company,Role\nana@example.com,north,manager\n";

fn alteia() -> Repository {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: store.db }, rules: alteia } }\nmanage: { absent_users: report }\n",
    );
    repository.write("people.csv", LIST);
    repository
}

fn entries(repository: &Repository) -> Vec<String> {
    let entries = fs::read_dir(repository.path()).expect("the folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_file_with_a_mistake_yields_nothing() {
    let repository = alteia();
    repository.write("people.csv", &format!("{LIST}nobody,north,usr\n"));
    let before = entries(&repository);
    let import = ["import", "--from", "csv", "people.csv", "--out", "access"];
    let run = repository.run(import);
    run.ends_with(3)
        .prints_nothing()
        .tells("error[invalid-key]: row 3, column A (`E-mail`): `nobody` is no e-mail address");
    run.tells("--> people.csv:3:1").tells("error[unknown-role]: row 3, column C (`Role`)").tells("--> people.csv:3:3");
    run.tells("(did you mean `user`?)").tells("2 errors");
    assert_eq!(entries(&repository), before);
    let document = repository.run(import.into_iter().chain(["--format", "json"])).ends_with(3).json();
    let found = &document["diagnostics"][0];
    assert_eq!(
        (&found["code"], &found["file"], &found["line"], &found["column"]),
        (&json!("invalid-key"), &json!("people.csv"), &json!(3), &json!(1))
    );
    assert!(found["help"].is_string(), "{document}");
}

/// One run tells all mistakes of a row, also those beside a role that is none.
#[test]
fn all_mistakes_of_a_row_are_told() {
    let repository = alteia();
    repository.write("people.csv", "First name,E-mail,Language,Company,Role\nAna,ana,xx,north,usr\n");
    let run = repository.run(["import", "--from", "csv", "people.csv", "--out", "access"]);
    run.ends_with(3).tells("3 errors");
    for column in ["B (`E-mail`)", "C (`Language`)", "E (`Role`)"] {
        run.tells(&format!("row 2, column {column}"));
    }
}

/// What nobody knows may be a slip, where others are known.
#[test]
fn an_organization_that_nobody_knows_is_told() {
    let repository = alteia();
    let import = ["import", "--from", "csv", "people.csv", "--out", "access"];
    let first = repository.run(import);
    first.ends_with(0);
    assert!(!first.all().contains("known to nobody"), "{first}");
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.write("people.csv", "E-mail,Company,Role\nben@example.com,nroth,manager\n");
    let second = ["import", "--from", "csv", "people.csv", "--out", "more"];
    repository
        .run(second)
        .ends_with(0)
        .tells("the organization `nroth` is known to nobody, and is declared anew (did you mean `north`?)");
}

#[test]
fn a_list_may_be_written_for_spreadsheets_of_other_locales() {
    let repository = alteia();
    repository.run(["import", "--from", "csv", "people.csv", "--out", "access"]).ends_with(0);
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    let export = ["export", "--format", "csv", "--separator", "semicolon", "--out", "list.csv"];
    repository.run(export).ends_with(0);
    let text = repository.read("list.csv");
    assert!(text.starts_with("\u{feff}\"First name\";\"Last name\";\"E-mail\""), "{text}");
    assert!(text.contains("\"ana@example.com\";"), "{text}");
    repository.run(["export", "--format", "json", "--separator", "comma"]).ends_with(3).tells("leave it out");
}

/// An editor finds the schema from wherever the manifests are.
#[test]
fn an_import_leads_to_the_schemas_from_a_folder_within_a_folder() {
    let repository = alteia();
    for (folder, way) in [("access", "../"), ("access/north", "../../"), ("./access/./south/pits", "../../../")] {
        repository.run(["import", "--from", "csv", "people.csv", "--out", folder]).ends_with(0);
        let first = format!("# yaml-language-server: $schema={way}schemas/manifest.schema.json\n");
        let text = repository.read(&format!("{folder}/users.yaml"));
        assert!(text.starts_with(&first), "{folder}\n{text}");
    }
}

#[test]
fn the_document_of_an_import_lists_what_is_left_out() {
    let repository = alteia();
    repository.write("people.csv", "E-mail,Company,Role,Shoe size\nana@example.com,north,manager,7\n");
    let run = repository.run(["import", "--from", "csv", "people.csv", "--out", "access", "--format", "json"]);
    let document = run.ends_with(0).json();
    let left_out =
        json!([{ "kind": "column", "name": "Shoe size", "reason": "is no column that is known (cells: 1)" }]);
    assert_eq!((&document["accounts"], &document["left_out"]), (&json!(1), &left_out));
    assert!(!run.err.contains("not valid"), "there are no manifests yet\n{run}");
    run.tells("the organization of each role is what stands in the column `Company`").tells("absent_users: report");
    repository
        .run(["import", "--from", "csv", "people.csv", "--out", "access"])
        .ends_with(3)
        .tells("holds YAML already");
}

#[test]
fn options_that_do_not_fit_are_told() {
    let repository = alteia();
    let run = |arguments: &[&str]| repository.run(["import", "--out", "x"].iter().chain(arguments));
    run(&["people.csv"]).ends_with(3).tells("--from");
    run(&["--from", "csv"]).ends_with(3).tells("FILE");
    run(&["--role", "user"]).ends_with(3).tells("--from");
    run(&["--from", "csv", "people.csv", "--role", "user", "--send"])
        .ends_with(3)
        .tells("--role, --send can't be used with --from csv");
    run(&["--from", "xlsx", "people.csv", "--status", "a=active"])
        .ends_with(3)
        .tells("--status can't be used with --from xlsx");
    run(&["--from", "csv", "people.csv", "--status", "a=b"]).ends_with(3).tells("`b` is none of: preloaded, invited");
    let missing = run(&["--from", "xlsx", "people.csv"]);
    missing.ends_with(3).tells("options say what holds for all of them");
    for option in ["--role ROLE", "--organization ORG", "--site SITE", "--send or --suppress"] {
        missing.tells(&format!("{option} is missing"));
    }
    run(&["--from", "csv", "nowhere.csv"]).ends_with(1).tells("`nowhere.csv` can't be read");
    run(&["--from", "csv", "."]).ends_with(1).tells("it is no file");
    assert!(!repository.file("x").exists());
}

/// A file of 200 MB is not read.
#[test]
fn a_file_without_measure_is_not_read() {
    let repository = alteia();
    fs::File::create(repository.file("big.csv")).expect("a file").set_len(200 << 20).expect("its length");
    repository.run(["import", "--from", "csv", "big.csv", "--out", "x"]).ends_with(1).tells("it is larger than 32 MiB");
}

#[test]
fn formats_are_those_of_the_command() {
    let repository = Repository::applied();
    repository
        .run(["plan", "--format", "csv"])
        .ends_with(3)
        .tells("csv and xlsx are formats of `rollcall export` only");
    repository.run(["--format", "xlsx", "init"]).ends_with(3).tells("formats of `rollcall export` only");
    repository.run(["export"]).ends_with(3).tells("say in which format: --format csv, xlsx or json");
    repository
        .run(["export", "--format", "xlsx"])
        .ends_with(3)
        .tells("name the folder to write them into with --out DIR");
    repository
        .run(["--format", "csv", "export"])
        .ends_with(0)
        .prints("\"ben@example.com\",")
        .tells("left out: sites of 1 accounts");
}

#[test]
fn the_document_holds_everybody_with_all_access() {
    let repository = Repository::applied();
    let run = repository.run(["export", "--format", "json"]);
    let document = run.ends_with(0).json();
    let schema = repository.run(["schema", "export"]).ends_with(0).json();
    assert!(jsonschema::is_valid(&schema, &document), "{document}");
    let ben = &document["users"][1];
    assert_eq!((&ben["key"], &ben["status"]), (&json!("ben@example.com"), &json!("invited")));
    assert_eq!(
        ben["access"],
        json!([{
            "organization": "north", "role": "operator", "extra_roles": [], "all_sites": false, "default_site": null,
            "sites": [{ "site": "pit-1", "role": null }]
        }])
    );
    assert_eq!(document["users"][0]["access"][0]["all_sites"], true);
    assert!(ben["created"].is_string(), "{ben}");
    repository.run(["export", "--format", "json", "--out", "people.json"]).ends_with(0).prints_nothing();
    assert_eq!(repository.read("people.json"), run.out);
}

/// What is there stays as it is, and of several files all are written or none.
#[test]
fn nothing_is_overwritten_and_nothing_half_written() {
    let repository = Repository::applied();
    repository.write("out/people.csv", "mine");
    repository
        .run(["export", "--format", "csv", "--out", "out/people.csv"])
        .ends_with(1)
        .tells("nothing is overwritten");
    assert_eq!(repository.read("out/people.csv"), "mine");
    repository.run(["export", "--format", "xlsx", "--out", "all"]).ends_with(0);
    let mut names: Vec<_> =
        fs::read_dir(repository.file("all")).expect("written").map(|one| one.expect("one").file_name()).collect();
    names.sort();
    assert_eq!(names, ["none--manager--none.xlsx", "none--operator--pit-1.xlsx"]);
    repository.run(["export", "--format", "csv", "--out", "new/folder/people.csv"]).ends_with(0);
    repository.run(["import", "--out", "new/manifests"]).ends_with(0);
    assert!(entries(&repository).iter().all(|name| !name.contains(".tmp")), "{:?}", entries(&repository));
    let left: Vec<_> =
        fs::read_dir(repository.file("new")).expect("there").map(|one| one.expect("one").file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    // The second of two is in the way: the first is not left behind.
    repository.write("part/none--operator--pit-1.xlsx", "mine");
    repository.run(["export", "--format", "xlsx", "--out", "part"]).ends_with(1).tells("nothing was written");
    let left: Vec<_> =
        fs::read_dir(repository.file("part")).expect("there").map(|one| one.expect("one").file_name()).collect();
    assert_eq!(left, ["none--operator--pit-1.xlsx"]);
    assert_eq!(repository.read("part/none--operator--pit-1.xlsx"), "mine");
}

/// Formulas never leave as such: a name in the store is what somebody typed.
#[test]
fn formulas_are_neutralised() {
    let repository = Repository::applied();
    repository.sql("UPDATE users SET given_name = '=HYPERLINK(\"http://x.example\")', family_name = ' ＋1' WHERE key = 'ben@example.com';");
    repository
        .run(["export", "--format", "csv"])
        .ends_with(0)
        .prints("\"'=HYPERLINK(\"\"http://x.example\"\")\",\"' ＋1\",\"ben@example.com\"");
}

/// What is imported into the folder of the manifests joins what is there: nothing is declared twice, and who is declared
/// already stays as declared.
#[test]
fn an_import_joins_the_manifests_that_are_there() {
    let repository = alteia();
    repository.write(
        "access/all.yaml",
        "organizations: { north: { name: North } }\nusers: { ana@example.com: { access: { north: user } } }\n",
    );
    repository.write(
        "people.csv",
        "E-mail,Company,Role\nAna@example.com,north,manager\nben@example.com,north,user\nben@example.com,south,user\n",
    );
    let import = |out: &str| repository.run(["import", "--from", "csv", "people.csv", "--out", out]);
    import("./access/people")
        .ends_with(0)
        .prints("1 account written")
        .tells("left out: user Ana@example.com is declared in a manifest already");
    repository.run(["validate"]).ends_with(0).prints("valid: 2 users, 2 organizations");
    import("elsewhere").ends_with(0).prints("2 accounts written");
    // Where they are not valid, nobody knows what they declare.
    repository.write("access/wrong.yaml", "users: 1\n");
    import("access/more").ends_with(0).tells("the manifests are not valid").prints("2 accounts written");
}

/// A site that the declared organization lacks is told before anything is read.
#[test]
fn a_template_joins_declared_organizations_by_declared_sites() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: store.db }, rules: credivera } }\nmanage: { absent_users: report }\n",
    );
    repository
        .write("access/all.yaml", "organizations: { acme: { sites: { main: { kind: assignment } } } }\nusers: {}\n");
    fs::write(repository.file("people.xlsx"), include_bytes!("files/template.xlsx")).expect("written");
    let import = |site: &str| {
        let options = ["--user-type", "staff", "--role", "user", "--organization", "acme", "--send", "--site", site];
        repository.run(["import", "--from", "xlsx", "people.xlsx", "--out", "access/new"].into_iter().chain(options))
    };
    import("mian")
        .ends_with(3)
        .tells("--site: `acme` is declared without `mian` (did you mean `main`?); add it there first");
    import("main").ends_with(0).prints("3 accounts written");
    repository.run(["validate"]).ends_with(0).prints("valid: 3 users, 1 organization");
}
