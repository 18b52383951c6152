//! What goes out as a list or a template and comes back takes nothing from anybody, and what such a file can't hold is
//! told.

use std::fs;

use serde_json::json;

use super::super::support::cli::Repository;

/// Accounts under the rules `default`, with what a list can't hold.
const MANIFEST: &str = "\
organizations:
  north: { name: North, sites: { pit-1: {}, pit-2: {} } }
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20, includes: [viewer], permissions: [flights.read] }
  viewer: { rank: 10 }
  helper: { applies_to: [extra] }
  read: { rank: 3, applies_to: [site] }
users:
  ana@example.com: { given_name: Ana, phone: '+33 1 23', name: Ana Roy, access: { north: manager } }
  ben@example.com:
    login: benny
    mfa: true
    api: { enabled: true, routes: [GET /flights] }
    access: { north: { role: operator, extra_roles: [helper], sites: { pit-1: read }, default_site: pit-1 } }
  kim@example.com: { access: { north: viewer } }
  pat@example.com: { status: preloaded, access: { north: {} } }
";

fn repository() -> Repository {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\n\
         manage: { absent_users: deactivate }\nsecrets: { sink: { file: .rollcall/secrets } }\n",
    );
    repository.write("access/all.yaml", MANIFEST);
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    for key in ["ana@example.com", "ben@example.com", "kim@example.com"] {
        repository.run(["invitations", "accept", key]).ends_with(0);
    }
    repository.run(["apply", "--yes"]).ends_with(0);
    repository
}

#[track_caller]
fn plans_nothing(repository: &Repository, folder: &str) {
    let plan = repository.run(["plan", "--manifests", folder, "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"], json!([]), "{plan}");
}

/// Roles that the store knows are declared as it has them: a list names them, and says nothing of ranks and admins.
#[test]
fn roles_of_the_store_keep_rank_and_admin_through_a_list() {
    let repository = repository();
    repository.run(["export", "--format", "csv", "--out", "people.csv"]).ends_with(0);
    let import = repository.run(["import", "--from", "csv", "people.csv", "--out", "again"]);
    import.ends_with(0).prints("4 accounts written");
    assert!(!import.err.contains("without a rank"), "{import}");
    let roles = repository.read("again/roles.yaml");
    for role in [
        "manager: { rank: 40, site_access: all, admin: true }",
        "operator: { rank: 20, includes: [viewer], permissions: [flights.read] }",
        "viewer: { rank: 10 }",
        "helper: { applies_to: [extra] }",
    ] {
        assert!(roles.contains(role), "{role}\n{roles}");
    }
    plans_nothing(&repository, "again");
    // The same in place of the manifests, which are gone.
    fs::remove_dir_all(repository.file("access")).expect("removed");
    repository.run(["import", "--from", "csv", "people.csv", "--out", "access"]).ends_with(0);
    plans_nothing(&repository, "access");
}

/// Who gets a higher role by a list is an escalation still, since the ranks are there.
#[test]
fn an_escalation_in_a_list_is_seen() {
    let repository = repository();
    let list = "E-mail,Company,Role\nkim@example.com,north,MANAGER\n";
    repository.write("people.csv", list);
    let import = repository.run(["import", "--from", "csv", "people.csv", "--out", "again"]);
    import.ends_with(0).tells("the role `MANAGER` is read as `manager`");
    repository.edit("rollcall.yaml", "absent_users: deactivate", "absent_users: report");
    let plan = repository.run(["plan", "--manifests", "again", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"][0]["id"], "change_role kim@example.com north", "{plan}");
    assert!(plan["actions"][0]["risk"].as_array().expect("risks").contains(&json!("escalation")), "{plan}");
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(1), "{plan}");
}

/// What the columns can't hold is told with counts, by both kinds of files.
#[test]
fn what_a_file_can_not_hold_is_counted() {
    let repository = repository();
    let list = repository.run(["export", "--format", "csv"]);
    list.ends_with(0).tells("left out: sites of 1 accounts").tells("left out: default sites of 1 accounts");
    repository.sql("UPDATE users SET status = 'inactive' WHERE key = 'kim@example.com'");
    let templates = repository.run(["export", "--format", "xlsx", "--out", "templates"]);
    for run in [&list, &templates] {
        for field in ["login", "mfa", "name", "phone", "api.enabled", "api.routes"] {
            run.ends_with(0).tells(&format!("left out: field {field} of 1 account is nothing that such a file says"));
        }
    }
    templates
        .tells("left out: user kim@example.com is inactive, and such a file invites")
        .tells("left out: status preloaded of 1 account is nothing that such a file says")
        .tells("left out: user ben@example.com has roles beside the main one: helper");
}

/// A template of people without a role or a site is read when that is said in words.
#[test]
fn templates_without_role_or_site_are_imported() {
    let repository = repository();
    repository.run(["export", "--format", "xlsx", "--out", "x"]).ends_with(0);
    let import = |file: &str, out: &str, options: &[&str]| {
        let first = ["import", "--from", "xlsx", file, "--out", out, "--organization", "north"];
        repository.run(first.iter().chain(options))
    };
    let run = import("x/none--none--none.xlsx", "a", &["--no-role", "--no-site", "--suppress"]);
    run.ends_with(0).tells("1 person is in the store already");
    assert!(repository.read("a/users.yaml").contains("    status: preloaded\n    access:\n      north: {}\n"));
    // A role that reaches every site needs none named.
    import("x/none--manager--none.xlsx", "b", &["--role", "manager", "--send"]).ends_with(0);
    assert!(repository.read("b/roles.yaml").contains("manager: { rank: 40, site_access: all, admin: true }"));
    import("x/none--viewer--none.xlsx", "c", &["--role", "viewer", "--send"])
        .ends_with(3)
        .tells("--site SITE is missing");
    import("x/none--viewer--none.xlsx", "c", &["--role", "viewer", "--no-site", "--send"]).ends_with(0);
    import("x/none--viewer--none.xlsx", "d", &["--role", "read", "--no-site", "--send"])
        .ends_with(3)
        .tells("--role: `read` can't be given in an organization");
    // Where nobody is let in without a site, none is left out.
    let other = Repository::empty();
    let settings = repository.read("rollcall.yaml").replace("rules: default", "rules: credivera");
    other.write("rollcall.yaml", &settings);
    fs::write(other.file("people.xlsx"), include_bytes!("files/template.xlsx")).expect("written");
    let options = ["--user-type", "staff", "--no-role", "--no-site", "--organization", "acme", "--send"];
    other
        .run(["import", "--from", "xlsx", "people.xlsx", "--out", "access"].iter().chain(&options))
        .ends_with(3)
        .tells("--role ROLE is missing: nobody is without a role")
        .tells("--site SITE is missing: nobody is let in without a site");
}

/// Where people are known by a login, both kinds of files have a column for it, and access in fields is left as it is.
#[test]
fn stores_of_logins_take_people_from_files() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: cabinet.yaml } }\n\
         manage: { absent_users: deactivate }\nsecrets: { sink: { file: .rollcall/secrets } }\n",
    );
    repository
        .write("cabinet.yaml", "rules: { extends: modulr, attributes: { clearance: { values: [open, secret] } } }\n");
    repository.write(
        "access/all.yaml",
        "\
organizations: { cabinet: { sites: { contact: { kind: mailbox } } } }
roles: { accounting: { name: Comptabilité, rank: 25, applies_to: [organization] } }
users:
  sdiop:
    name: Sémou Diop
    email: semou@example.com
    attributes: { clearance: secret, portfolio_scope: [home] }
    api: { enabled: true, routes: [GET /clients] }
    access: { cabinet: { role: accounting, sites: [contact], default_site: contact } }
  mbarre:
    name: Maud Barré
    attributes: { portfolio_scope: all }
    access: { cabinet: { role: administrator, sites: [contact], default_site: contact } }
",
    );
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    let export = repository.run(["export", "--format", "csv", "--out", "people.csv"]);
    export.ends_with(0).tells("field attributes.clearance of 1 account").tells("field api.routes of 1 account");
    let list = repository.read("people.csv");
    assert!(list.starts_with("\"Login\",\"Full name\",\"First name\","), "{list}");
    let import = repository.run(["import", "--from", "csv", "people.csv", "--out", "again"]);
    import.ends_with(0).prints("2 accounts written").tells("`unmanaged` leaves that as it is");
    let users = repository.read("again/users.yaml");
    assert!(
        users.contains("    api: unmanaged\n    attributes: { clearance: unmanaged, portfolio_scope: unmanaged }\n")
    );
    assert!(repository.read("again/roles.yaml").contains("accounting: { name: Comptabilité, rank: 25,"));
    plans_nothing(&repository, "again");
    // A file without logins is no file for such a store, and says so.
    repository.write("other.csv", "E-mail,Company,Role\nana@example.com,cabinet,user\n");
    repository
        .run(["import", "--from", "csv", "other.csv", "--out", "x"])
        .ends_with(3)
        .tells("row 1: no column is `Login`, by which the store knows people");
    // By whatever French program it was written.
    repository.write(
        "nouveaux.csv",
        "Identifiant;Nom complet;Courriel;Société;Rôle\nlmorel;Léa Morel;lea@example.com;cabinet;user\n",
    );
    repository.run(["import", "--from", "csv", "nouveaux.csv", "--out", "new"]).ends_with(0);
    let users = repository.read("new/users.yaml");
    assert!(users.contains("  lmorel:\n    email: lea@example.com\n    name: Léa Morel\n"), "{users}");
    repository.run(["export", "--format", "xlsx", "--out", "x"]).ends_with(0);
    let options = ["--organization", "cabinet", "--role", "accounting", "--site", "contact"];
    let template = ["import", "--from", "xlsx", "x/none--accounting--contact.xlsx", "--out", "template"];
    repository.run(template.iter().chain(&options)).ends_with(0).prints("1 account written");
    let mut elsewhere = template;
    elsewhere[5] = "invited";
    let invited = elsewhere.iter().chain(&options).chain(&["--suppress"]);
    repository.run(invited).ends_with(3).tells("--send and --suppress are for stores with invitations");
    let users = repository.read("template/users.yaml");
    assert!(users.contains("  sdiop:\n    email: semou@example.com\n    name: Sémou Diop\n"), "{users}");
    // The document says that nothing there means everything.
    let document = repository.run(["export", "--format", "json"]).ends_with(0).json();
    assert_eq!(document["users"][0]["fields"]["attributes.portfolio_scope"], "all", "{document}");
    assert_eq!(document["users"][1]["fields"]["attributes.portfolio_scope"], json!(["home"]), "{document}");
}
