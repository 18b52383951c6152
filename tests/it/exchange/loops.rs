//! A file in, a store filled, a file out: the rows that went in come out.

use std::process::Command;

use super::super::support::cli::Repository;

fn repository(rules: &str) -> Repository {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        &format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}\n\
             manage: {{ absent_users: report }}\n"
        ),
    );
    repository
}

/// Rows of a list as Python reads them, without what a store does not keep.
fn rows(text: &str) -> Vec<String> {
    let script = r#"
import csv, io, sys
for row in csv.DictReader(io.StringIO(sys.argv[1], newline="")):
    print("|".join(row[name] for name in ["First name", "Last name", "E-mail", "Status", "Language", "Company", "Role"]))
"#;
    let output = Command::new("python3").args(["-c", script, text]).output().expect("python3");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let mut rows: Vec<String> = String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

const LIST: &str = "\
First name,Last name,E-mail,Creation date,Status,Usage version,Language,Location,Company,Role
Zoé,Noël,zoe@example.com,2026-01-02,connected,4.2,fr,Lyon,North Quarries,manager
Zoé,Noël,zoe@example.com,2026-01-02,connected,4.2,fr,Lyon,South,user
Ana,\"Roy, Dr.\",ana@example.com,2026-01-02,connected,4.2,ja,,South,contributor
'=Ben,O'Hara,ben@example.com,2026-03-04,notified,,en,,South,operator
";

/// ALT-10: the columns of an export are those of the service, and what was imported comes out again.
#[test]
fn alt_10_import_apply_accept_export_gives_the_same_rows() {
    let repository = repository("alteia");
    repository.write("people.csv", LIST);
    repository
        .run(["import", "--from", "csv", "people.csv", "--out", "access"])
        .ends_with(0)
        .prints("3 accounts written");
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    for key in ["zoe@example.com", "ana@example.com"] {
        repository.run(["invitations", "accept", key]).ends_with(0);
    }
    repository.run(["plan"]).ends_with(0).prints("no changes");
    let exported = repository.run(["export", "--format", "csv"]);
    exported.ends_with(0).prints(
        "\"First name\",\"Last name\",\"E-mail\",\"Creation date\",\"Status\",\"Usage version\",\"Language\",\
         \"Location\",\"Company\",\"Role\"\r\n",
    );
    assert_eq!(rows(&exported.out), rows(LIST));
    // Sites that somebody grants in the service are left alone, as the file does not have them (ALT-11).
    repository.sql(
        "INSERT INTO sites (organization_id, name) SELECT id, 'pit' FROM organizations WHERE name = 'South';
         INSERT INTO site_grants (user_id, organization_id, site_id) SELECT u.id, s.organization_id, s.id
         FROM users u, sites s WHERE u.key = 'ana@example.com';",
    );
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"], serde_json::json!([]), "{plan}");
    let exported = repository.run(["export", "--format", "csv", "--out", "again.csv"]);
    exported
        .ends_with(0)
        .prints_nothing()
        .tells("3 accounts written to again.csv")
        .tells("left out: sites of 1 accounts");
    assert_eq!(rows(&repository.read("again.csv")), rows(LIST));
    repository.run(["import", "--from", "csv", "again.csv", "--out", "again"]).ends_with(0);
    for name in ["organizations.yaml", "roles.yaml", "users.yaml"] {
        assert_eq!(repository.read(&format!("again/{name}")), repository.read(&format!("access/{name}")), "{name}");
    }
}

/// CRED-3, CRED-6: a template comes in, is applied without a mail, and goes out as one file for each triple.
#[test]
fn cred_6_import_apply_export_gives_the_same_template() {
    let repository = repository("credivera");
    std::fs::write(repository.file("people.xlsx"), include_bytes!("files/template.xlsx")).expect("written");
    let import = |out: &str, file: &str| {
        repository.run([
            "import",
            "--from",
            "xlsx",
            file,
            "--out",
            out,
            "--user-type",
            "employee",
            "--role",
            "verifier",
            "--organization",
            "acme",
            "--site",
            "main",
            "--suppress",
        ])
    };
    import("access", "people.xlsx").ends_with(0).prints("3 accounts written");
    repository.run(["init"]).ends_with(0).prints("made organization acme");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    let exported = repository.run(["export", "--format", "xlsx", "--out", "templates"]);
    exported.ends_with(0).prints_nothing();
    exported.tells("templates/employee--verifier--main.xlsx: 3 people, organization `acme`, user type `employee`, role `verifier`, site `main`");
    import("again", "templates/employee--verifier--main.xlsx").ends_with(0);
    assert_eq!(repository.read("again/users.yaml"), repository.read("access/users.yaml"));
}

/// ALT-11: a list is complete only for the organizations that it names; nothing is taken from anybody elsewhere.
#[test]
fn alt_11_what_a_list_can_not_hold_is_left_alone() {
    let repository = repository("alteia");
    repository.write("access/all.yaml", TWO_ORGANIZATIONS);
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "zoe@example.com"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    std::fs::remove_dir_all(repository.file("access")).expect("removed");
    // Whoever exports reaches north only: Zoe's role in south is not in the file, and Kim is not at all.
    repository.write("people.csv", "E-mail,Status,Company,Role\nzoe@example.com,connected,north,manager\n");
    repository.run(["import", "--from", "csv", "people.csv", "--out", "access"]).ends_with(0);
    repository.edit("rollcall.yaml", "absent_users: report", "absent_users: deactivate");
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"], serde_json::json!([]), "{plan}");
}

const TWO_ORGANIZATIONS: &str = "\
organizations: { north: {}, south: { sites: { pit: {} } } }
users:
  zoe@example.com: { access: { north: manager, south: { role: user, sites: [pit] } } }
  kim@example.com: { access: { south: { role: operator, sites: [pit] } } }
";
