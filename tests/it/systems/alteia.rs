//! Alteia: imagery and sites.

use super::Service;

const CATALOG: &str = "\
organizations:
  quarries: { sites: { pit-1: {}, pit-2: {} } }
  mines: { sites: { shaft: {} } }
roles:
  terrain: { applies_to: [extra] }
";
const MANAGER: &str = "  ana@example.com: { access: { quarries: manager, mines: manager } }\n";

/// The line of a user.
fn user(name: &str, access: &str) -> String {
    format!("  {name}@example.com: {{ access: {{ {access} }} }}\n")
}

/// A store with two organizations, a manager of both, and these users, all of whom have accepted.
fn service(users: &str) -> Service {
    let service = Service::new("alteia", &format!("{CATALOG}users:\n{MANAGER}{users}"));
    service.run(["apply", "--yes"]).ends_with(0);
    for key in service.rows("SELECT key FROM users") {
        service.run(["invitations", "accept", &key]).ends_with(0);
    }
    service.apply();
    service
}

const HELD: &str = "SELECT u.key || ' ' || o.name || ' ' || r.name FROM memberships m JOIN users u ON u.id = m.user_id
    JOIN organizations o ON o.id = m.organization_id JOIN roles r ON r.id = m.role_id ORDER BY 1";
const GRANTED: &str = "SELECT u.key || ' ' || s.name FROM site_grants g JOIN users u ON u.id = g.user_id
    JOIN sites s ON s.id = g.site_id ORDER BY 1";

#[test]
fn alt_1_four_roles_of_which_the_manager_administers() {
    let roles = ["user", "contributor", "operator"];
    let service = service(&roles.map(|role| user(role, &format!("quarries: {role}"))).concat());
    assert_eq!(
        service.rows(HELD),
        [
            "ana@example.com mines manager",
            "ana@example.com quarries manager",
            "contributor@example.com quarries contributor",
            "operator@example.com quarries operator",
            "user@example.com quarries user"
        ]
    );
    // The only manager stays one until there is another.
    service.declare("quarries: manager, mines: manager", "quarries: user, mines: manager");
    assert_eq!(service.waits(), ["change_role ana@example.com successor"]);
    service.declare("quarries: operator", "quarries: owner");
    service.run(["plan"]).ends_with(3).tells("owner");
}

#[test]
fn alt_2_a_manager_reaches_every_site_and_others_those_listed() {
    let service = service(&user("ben", "quarries: { role: operator, sites: [pit-1] }"));
    assert_eq!(service.rows(GRANTED), ["ben@example.com pit-1"]);
    service.run(["explain", "quarries/pit-2"]).ends_with(0).prints("ana@example.com");
    let who = service.run(["explain", "quarries/pit-2"]).out;
    assert!(!who.contains("ben@example.com"), "{who}");
    service.declare("{ role: operator, sites: [pit-1] }", "manager");
    assert!(service.risks("change_role ben@example.com quarries").contains(&"escalation".to_owned()));
    service.apply();
}

#[test]
fn alt_3_who_has_an_account_is_in_a_further_organization_at_once_and_told() {
    let service = service(&user("ben", "quarries: operator"));
    service.declare("quarries: operator", "quarries: operator, mines: { role: user, sites: [shaft] }");
    assert_eq!(service.ids(), ["add_membership ben@example.com mines", "grant_site ben@example.com mines shaft"]);
    assert!(service.risks("add_membership ben@example.com mines").contains(&"mail".to_owned()));
    service.apply();
    assert!(service.rows(HELD).contains(&"ben@example.com mines user".to_owned()));
    assert_eq!(service.rows("SELECT state FROM invitations WHERE user_key = 'ben@example.com'"), ["accepted"]);
    // An invitation is into an organization.
    service.declare("users:", "users:\n  cy@example.com: { access: {} }");
    assert_eq!(service.waits(), ["invite_user cy@example.com field"]);
    service.run(["plan"]).ends_with(0).prints("cy@example.com lacks `access`");
    assert_eq!(service.ids(), [""; 0]);
}

/// The actions of which the journal has intents from its line `from` on.
#[test]
fn alt_3_two_organizations_that_are_joined_at_once_are_one_mail() {
    let service = service(&user("ben", "quarries: { role: operator, sites: [pit-1] }"));
    service.declare("users:\n", &format!("users:\n{}", user("kim", "quarries: { role: user, sites: [pit-1] }")));
    service.apply();
    service.run(["invitations", "accept", "kim@example.com"]).ends_with(0);
    service.declare(
        "{ role: user, sites: [pit-1] }",
        "{ role: user, sites: [pit-1, pit-2] }, mines: { role: user, sites: [shaft] }",
    );
    service.declare("[pit-1] } } }\n", "[pit-1] }, mines: { role: user, sites: [shaft] } } }\n");
    let mailing = service.list("actions").into_iter().filter(|one| one["risk"].to_string().contains("mail"));
    let mut people: Vec<_> = mailing.map(|one| one["user"].clone()).collect();
    people.sort_by_key(ToString::to_string);
    assert_eq!(people, ["ben@example.com", "kim@example.com"]);
}

fn intents(service: &Service, from: usize) -> Vec<String> {
    let journal = service.0.read(".rollcall/journal-local.jsonl");
    let lines = journal.lines().skip(from).map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    lines.filter_map(|line| line["entry"]["intent"]["action"]["id"].as_str().map(str::to_owned)).collect()
}

#[test]
fn alt_5_a_role_changes_in_two_journalled_steps_with_all_that_hangs_on_it() {
    let service = service(&user("ben", "quarries: { role: operator, sites: [pit-1], extra_roles: [terrain] }"));
    service.declare("role: operator", "role: contributor");
    let change = service.action("change_role ben@example.com quarries");
    assert_eq!(change["before"]["sites"], serde_json::json!({ "pit-1": null }));
    assert_eq!(change["after"]["extra_roles"], serde_json::json!(["terrain"]));
    let lines = service.0.read(".rollcall/journal-local.jsonl").lines().count();
    let run = service.run(["apply", "--yes", "--format", "json"]);
    assert_eq!(run.ends_with(0).json()["actions"][0]["outcome"], "done");
    assert_eq!(
        intents(&service, lines),
        ["remove_membership ben@example.com quarries", "add_membership ben@example.com quarries"]
    );
    assert!(service.rows(HELD).contains(&"ben@example.com quarries contributor".to_owned()));
    assert_eq!(service.rows(GRANTED), ["ben@example.com pit-1"]);
    assert_eq!(service.rows("SELECT r.name FROM extra_roles e JOIN roles r ON r.id = e.role_id"), ["terrain"]);
    assert_eq!(service.ids(), [""; 0]);
    // What was approved as one action is one action still, whatever steps the journal has of it.
    service.declare("role: contributor", "role: user");
    let digest = service.plan()["digest"].as_str().expect("a digest").to_owned();
    service.run(["apply", "--approved", &digest]).ends_with(0);
    service.run(["apply", "--approved", &digest]).ends_with(0);
}

#[test]
fn alt_5_what_goes_has_gone_before_the_new_role_comes_and_does_not_wait_for_it() {
    let service = service(&user("ben", "quarries: { role: operator, sites: [pit-1, pit-2], extra_roles: [terrain] }"));
    service
        .declare("role: operator, sites: [pit-1, pit-2], extra_roles: [terrain]", "role: contributor, sites: [pit-2]");
    let ids = service.ids();
    let place = |id: &str| ids.iter().position(|other| other == id).unwrap_or_else(|| panic!("no {id} in {ids:?}"));
    let (role, revoked) = (place("change_role ben@example.com quarries"), "revoke_site ben@example.com quarries pit-1");
    assert!(place(revoked) < role && place("update_membership ben@example.com quarries") < role, "{ids:?}");
    assert_eq!(service.action(revoked)["needs"], serde_json::json!([]));
    let after = &service.action("change_role ben@example.com quarries")["after"];
    assert_eq!(after["sites"], serde_json::json!({ "pit-2": null }));
    assert_eq!(after["extra_roles"], serde_json::json!([]));
    // Nobody keeps what is taken away because the new role has to wait.
    service.0.sql(
        "CREATE TRIGGER full BEFORE INSERT ON memberships WHEN NEW.role_id =
         (SELECT id FROM roles WHERE name = 'contributor') BEGIN SELECT RAISE(ABORT, 'no contributor any more'); END",
    );
    service.run(["apply", "--yes"]).ends_with(6);
    assert_eq!(service.rows(GRANTED), ["ben@example.com pit-2"]);
    assert_eq!(service.rows("SELECT r.name FROM extra_roles e JOIN roles r ON r.id = e.role_id"), [""; 0]);
    service.0.sql("DROP TRIGGER full");
    service.apply();
}

#[test]
fn alt_5_other_extra_roles_are_there_before_the_new_role_comes() {
    let service = service(&user("ben", "quarries: { role: operator, extra_roles: [terrain] }"));
    service.declare(
        "  terrain: { applies_to: [extra] }",
        "  terrain: { applies_to: [extra] }\n  stock: { applies_to: [extra] }",
    );
    service.declare("role: operator, extra_roles: [terrain]", "role: contributor, extra_roles: [stock]");
    let change = service.action("change_role ben@example.com quarries");
    assert_eq!(change["before"]["extra_roles"], serde_json::json!(["stock"]));
    assert_eq!(change["after"]["extra_roles"], serde_json::json!(["stock"]));
    service.apply();
    assert_eq!(service.rows("SELECT r.name FROM extra_roles e JOIN roles r ON r.id = e.role_id"), ["stock"]);
}

#[test]
fn alt_5_a_saved_plan_does_not_change_a_role_back_that_others_changed_since() {
    let service = service(&user("ben", "quarries: { role: operator, sites: [pit-1] }"));
    service.declare("role: operator", "role: contributor");
    let at = |command: &[&str], time: &str| service.run(command.iter().copied().chain(["--at", time]));
    at(&["plan", "--out", "saved.json"], "2199-01-01T00:00:00Z").ends_with(0);
    at(&["apply", "saved.json", "--yes"], "2199-01-01T01:00:00Z").ends_with(0).prints("1 done");
    assert!(service.rows(HELD).contains(&"ben@example.com quarries contributor".to_owned()));
    service.0.sql(
        "UPDATE memberships SET role_id = (SELECT id FROM roles WHERE name = 'operator')
         WHERE role_id = (SELECT id FROM roles WHERE name = 'contributor')",
    );
    let again = at(&["apply", "saved.json", "--yes"], "2199-01-01T02:00:00Z");
    again.ends_with(5).prints("change_role ben@example.com quarries").prints("undone");
    assert!(service.rows(HELD).contains(&"ben@example.com quarries operator".to_owned()));
}

#[test]
fn alt_5_a_role_is_never_removed_where_the_new_one_can_not_follow() {
    let service = service(&user("ben", "quarries: { role: operator, sites: [pit-1] }"));
    service.0.sql(
        "CREATE TRIGGER full BEFORE INSERT ON memberships WHEN NEW.role_id =
         (SELECT id FROM roles WHERE name = 'contributor') BEGIN SELECT RAISE(ABORT, 'no contributor any more'); END",
    );
    service.declare("role: operator", "role: contributor");
    let lines = service.0.read(".rollcall/journal-local.jsonl").lines().count();
    let run = service.run(["apply", "--yes"]);
    run.ends_with(1).prints("the old one stays").prints("no contributor any more");
    assert_eq!(intents(&service, lines), ["change_role ben@example.com quarries"]);
    assert!(service.rows(HELD).contains(&"ben@example.com quarries operator".to_owned()));
    assert_eq!(service.rows(GRANTED), ["ben@example.com pit-1"]);
    service.0.sql("DROP TRIGGER full");
    service.apply();
    assert!(service.rows(HELD).contains(&"ben@example.com quarries contributor".to_owned()));
}

/// The invitations of each request: the key of each person, and what one form would say for all of them.
fn batches(service: &Service) -> Vec<Vec<(String, String)>> {
    let mut batches: std::collections::BTreeMap<u64, Vec<(String, String)>> = std::collections::BTreeMap::new();
    for line in service.0.read(".rollcall/journal-local.jsonl").lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("a record");
        let action = &record["entry"]["intent"]["action"];
        if action["action"] == "invite_user" {
            let form = action["after"]["access"].to_string();
            let batch = batches.entry(record["from"].as_u64().expect("a place")).or_default();
            batch.push((action["user"].as_str().expect("a key").to_owned(), form));
        }
    }
    batches.into_values().collect()
}

#[test]
fn alt_4_a_hundred_people_a_batch_and_one_form_for_all_of_them() {
    let sites = |site: &str| format!("quarries: {{ role: operator, sites: [{site}] }}");
    let many = (0..230).map(|number| user(&format!("crew-{number:03}"), &sites("pit-1")));
    let others = (0..3).map(|number| user(&format!("crew-1{number}x"), &sites("pit-2")));
    let people: String = many.chain(others).collect();
    let service = Service::new("alteia", &format!("{CATALOG}users:\n{people}"));
    service.0.edit("rollcall.yaml", "max_count: 5 }", "max_count: 5 }, invitations: { max_count: 500 }");
    let told = service.run(["plan"]).ends_with(0).out.clone();
    let counted = service.plan()["summary"]["invitation_batches"].clone();
    service.apply();
    let batches = batches(&service);
    assert_eq!(counted, batches.len());
    assert!(told.contains(&format!("the invitations in {} batches", batches.len())), "{} of {told}", batches.len());
    assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 233);
    assert_eq!(batches.iter().map(Vec::len).max(), Some(100));
    for batch in &batches {
        assert!(batch.iter().all(|(_, form)| *form == batch[0].1), "two forms in one batch: {batch:?}");
        assert!(batch[0].1.contains("quarries"), "{batch:?}");
    }
    assert_eq!(service.rows("SELECT count(*) || '' FROM invitation_mails WHERE state = 'sent'"), ["233"]);
}

#[test]
fn alt_6_roles_of_modules_stand_beside_the_main_one() {
    let service = service(&user("ben", "quarries: { role: operator, extra_roles: [terrain] }"));
    let extra = "SELECT r.name FROM extra_roles e JOIN roles r ON r.id = e.role_id";
    assert_eq!(service.rows(extra), ["terrain"]);
    service.declare(", extra_roles: [terrain]", "");
    assert!(service.risks("update_membership ben@example.com quarries").contains(&"removal".to_owned()));
    service.apply();
    assert_eq!(service.rows(extra), [""; 0]);
    service.declare("role: operator", "role: terrain");
    service.run(["plan"]).ends_with(3).tells("terrain");
}

#[test]
fn alt_7_a_user_is_removed_from_organizations_and_the_account_stays() {
    let service = service(&user("ben", "quarries: operator, mines: user"));
    service.declare("quarries: operator, mines: user", "quarries: operator");
    assert_eq!(service.ids(), ["remove_membership ben@example.com mines"]);
    service.apply();
    service.declare(&user("ben", "quarries: operator"), "");
    assert_eq!(service.ids(), ["strip_user ben@example.com"]);
    service.apply();
    assert_eq!(service.rows("SELECT status FROM users WHERE key = 'ben@example.com'"), ["active"]);
    assert!(!service.rows(HELD).iter().any(|line| line.starts_with("ben")));
}

#[test]
fn alt_8_a_profile_is_edited_and_an_address_is_renamed() {
    let service = service(&user("ben", "quarries: operator"));
    let id = service.rows("SELECT id || '' FROM users WHERE key = 'ben@example.com'");
    let profile = "given_name: Ben, family_name: Roy, language: ja, attributes: { date_format: dd/MM/yyyy },";
    service.declare("  ben@example.com: {", &format!("  roy@example.com: {{ previously: ben@example.com, {profile}"));
    let ids = service.ids();
    assert!(
        ids.contains(&"rename_user roy@example.com".to_owned()) && !ids.iter().any(|id| id.contains("invite")),
        "{ids:?}"
    );
    service.apply();
    assert_eq!(service.rows("SELECT id || '' FROM users WHERE key = 'roy@example.com'"), id);
    assert_eq!(service.rows("SELECT value FROM user_attributes"), ["\"dd/MM/yyyy\""]);
    service.declare("language: ja", "language: de");
    service.run(["plan"]).ends_with(3).tells("de");
    service.declare("language: de", "language: fr");
    service.declare("dd/MM/yyyy", "yyyy-MM-dd");
    service.run(["plan"]).ends_with(3).tells("yyyy-MM-dd");
}

#[test]
fn alt_8_an_address_that_was_changed_in_the_store_is_hinted_at() {
    let named = user("ben", "quarries: operator").replace("{ access", "{ given_name: Ben, family_name: Roy, access");
    let service = service(&named);
    service.run(["plan"]).ends_with(0).prints("no changes");
    service.0.sql("UPDATE users SET key = 'roy@example.com' WHERE key = 'ben@example.com'");
    let run = service.run(["plan"]);
    run.ends_with(0).tells("where `roy@example.com`, whom no manifest names, has the name `Ben Roy` too");
    run.tells("`previously: roy@example.com`");
    service.declare("  ben@example.com: {", "  ben@example.com: { previously: roy@example.com,");
    assert_eq!(service.ids(), ["rename_user ben@example.com"]);
}

/// Whether an invitation carries attributes is not stated, and neither whether the profile of somebody who is only
/// invited can be changed: they wait for the answer, and are named.
#[test]
fn alt_8_a_date_format_is_set_when_the_person_has_accepted() {
    let service = service("");
    let ben =
        user("ben", "quarries: operator").replace("{ access", "{ attributes: { date_format: dd/MM/yyyy }, access");
    service.declare(MANAGER, &(MANAGER.to_owned() + &ben));
    let invitation = "invite_user ben@example.com";
    assert_eq!(service.ids(), [invitation]);
    assert!(!service.action(invitation)["after"].to_string().contains("date_format"));
    assert_eq!(service.waits(), ["update_user ben@example.com acceptance"]);
    service.run(["plan"]).ends_with(0).prints("date_format");
    service.apply();
    service.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
    assert_eq!(service.ids(), ["update_user ben@example.com"]);
    service.apply();
    assert_eq!(service.rows("SELECT value FROM user_attributes"), ["\"dd/MM/yyyy\""]);
}

#[test]
fn alt_9_site_access_is_declared_on_the_user_and_on_the_site() {
    let service = service(&user("ben", "quarries: { role: operator, sites: [pit-1] }"));
    let grants = "site_grants:\n  - { site: quarries/pit-2, users: [ben@example.com] }\n";
    service.declare("roles:", &format!("{grants}roles:"));
    assert_eq!(service.ids(), ["grant_site ben@example.com quarries pit-2"]);
    service.apply();
    assert_eq!(service.rows(GRANTED), ["ben@example.com pit-1", "ben@example.com pit-2"]);
    service.declare(grants, "");
    assert_eq!(service.ids(), ["revoke_site ben@example.com quarries pit-2"]);
    service.apply();
}

const COLUMNS: &str = "First name,Last name,E-mail,Creation date,Status,Usage version,Language,Location,Company,Role";

/// Rows of a list as Python's reader has them: address, status, company and role of each.
fn rows_of(list: &str) -> Vec<String> {
    let script = "import csv, io, sys
for row in csv.DictReader(io.StringIO(sys.argv[1], newline='')):
    print(' '.join(row[name] for name in ['First name', 'Last name', 'E-mail', 'Status', 'Language', 'Company', 'Role']))";
    let output = std::process::Command::new("python3").args(["-c", script, list]).output().expect("python3");
    assert!(output.status.success(), "{list}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// Takes all manifests away and reads others from a list.
fn import_anew(service: &Service, list: &str) {
    std::fs::remove_dir_all(service.0.file("access")).expect("removed");
    service.0.write("list.csv", list);
    service.run(["import", "--from", "csv", "list.csv", "--out", "access"]).ends_with(0);
}

#[test]
fn alt_10_a_list_is_exported_with_one_row_a_role_and_read_back_without_a_change() {
    let named = "{ given_name: Zoé, family_name: \"O'Hara; son\", language: fr, access";
    let zoe = user("zoe", "quarries: { role: operator, sites: [pit-1], extra_roles: [terrain] }, mines: user");
    let service = service(&zoe.replace("{ access", named));
    service.declare("users:", &format!("users:\n{}", user("cy", "mines: contributor")));
    service.run(["apply", "--yes"]).ends_with(0);
    let exported = service.run(["export", "--format", "csv"]);
    exported.ends_with(0).tells("left out: sites of 1 accounts");
    let header = exported.out.lines().next().expect("a header");
    assert_eq!(header.replace('"', ""), COLUMNS);
    assert_eq!(
        rows_of(&exported.out),
        [
            "  ana@example.com connected  mines manager",
            "  ana@example.com connected  quarries manager",
            "  cy@example.com notified  mines contributor",
            "Zoé O'Hara; son zoe@example.com connected fr mines user",
            "Zoé O'Hara; son zoe@example.com connected fr quarries operator",
            "Zoé O'Hara; son zoe@example.com connected fr quarries terrain",
        ]
    );
    // A role that neither the rules nor the store know is told apart from the main one by name; nothing is read by halves.
    std::fs::remove_dir_all(service.0.file("access")).expect("removed");
    service.0.write("list.csv", &exported.out.replace("terrain", "relief"));
    let import = ["import", "--from", "csv", "list.csv", "--out", "access"];
    service.run(import).ends_with(3).tells("row 7, column J (`Role`): unknown role `relief`");
    assert!(!service.0.file("access").exists());
    service.run(import.into_iter().chain(["--extra-role", "relief"])).ends_with(0).prints("3 accounts written");
    // That of a module which the store has is held beside the main one there, and so it is here.
    std::fs::remove_dir_all(service.0.file("access")).expect("removed");
    service.0.write("list.csv", &exported.out);
    service.run(import).ends_with(0).prints("3 accounts written");
    assert_eq!(service.ids(), [""; 0]);
    assert_eq!(service.waits(), [""; 0]);
    // Read as invited: whoever has not accepted is not let in, and not invited twice.
    assert_eq!(service.rows("SELECT state FROM invitations WHERE user_key = 'cy@example.com'"), ["pending"]);
    service.apply();
}

#[test]
fn alt_11_a_list_is_complete_only_for_the_organizations_that_it_holds() {
    let users =
        user("ben", "quarries: operator, mines: user") + &user("kim", "mines: user") + &user("li", "quarries: user");
    let service = service(&(users + &user("zoe", "quarries: operator, mines: { role: user, sites: [shaft] }")));
    service.0.edit("rollcall.yaml", "guards: {", "guards: { removals: { max_percent: 100, min_count: 9 },");
    // Whoever exports reaches the quarries only. Ben and Li are gone from there; of the mines the file says nothing.
    let list = "E-mail,Status,Company,Role\nana@example.com,connected,quarries,manager\nzoe@example.com,connected,quarries,contributor\n";
    import_anew(&service, list);
    assert_eq!(
        service.ids(),
        [
            "remove_membership ben@example.com quarries",
            "strip_user li@example.com",
            "change_role zoe@example.com quarries"
        ]
    );
    // The same where the mines are declared by others: nobody in the file loses anything there.
    std::fs::remove_dir_all(service.0.file("access")).expect("removed");
    let mines = "organizations: { mines: { sites: { shaft: {} } } }\nusers:\n";
    service.0.write("access/mines.yaml", &format!("{mines}{}", user("kim", "mines: user")));
    let import = |out: &str| service.run(["import", "--from", "csv", "list.csv", "--out", out]);
    import("access/quarries").ends_with(0).tells("the file does not hold `mines`");
    assert!(service.0.read("access/quarries/users.yaml").contains("mines: unmanaged"));
    let ids = service.ids();
    assert!(!ids.iter().any(|id| id.contains("zoe") && id.contains("mines")), "{ids:?}");
    assert!(!ids.iter().any(|id| id.contains("ana") || id.contains("kim")), "{ids:?}");
    // Who is in none of its organizations, and whom no manifest declares, is named: absent people are deactivated here.
    std::fs::remove_dir_all(service.0.file("access/quarries")).expect("removed");
    service.0.write("access/mines.yaml", &mines.replace("users:\n", ""));
    import("access/quarries").ends_with(0).tells(
        "nobody declares `kim@example.com`, who belong in the store to organizations that the file does not hold: with \
         `absent_users: deactivate` the next plan takes their access",
    );
    service.0.write("access/mines.yaml", &format!("{mines}{}", user("kim", "mines: user")));
    // Nor does a list that declares another organization leave out who is declared already and belongs to it.
    service.0.write("access/mines.yaml", "organizations: {}\nusers: {}\n");
    service.0.edit("access/quarries/users.yaml", "      mines: unmanaged\n", "");
    service.0.edit("access/quarries/users.yaml", "      mines: unmanaged\n", "");
    service.0.write(
        "list.csv",
        "E-mail,Status,Company,Role\nkim@example.com,connected,mines,user\nzoe@example.com,connected,mines,user\n",
    );
    let run = import("access/more");
    run.ends_with(3)
        .tells("row 3, column C (`Company`): `zoe@example.com` is declared in a manifest already, and without `mines`");
    assert!(!service.0.file("access/more").exists());
}

#[test]
fn alt_12_people_are_found_by_a_part_of_a_name_or_an_address() {
    let named = |name: &str| user(name, "quarries: operator").replace("{ access", "{ family_name: Petit, access");
    let service = service(&(named("ben") + &user("cy", "quarries: operator")));
    service.run(["explain", "Peti"]).ends_with(0).prints("ben@example.com");
    service.declare(&user("cy", "quarries: operator"), &user("cy", "quarries: user"));
    service.declare(&named("ben"), &named("ben").replace("operator", "contributor"));
    for part in ["Peti", "ben@", "BEN"] {
        let plan = service.run(["plan", "--target", part, "--format", "json"]).ends_with(0).json();
        let users: Vec<_> = plan["actions"].as_array().unwrap().iter().map(|one| &one["user"]).collect();
        assert_eq!(users, ["ben@example.com"], "{part}");
    }
    // A part that several people share names nobody.
    service.run(["plan", "--target", "@example"]).ends_with(3).tells("did you mean");
    // Nor does one that very many share hide that there are more.
    let many: String = (0..30).map(|number| user(&format!("kim{number:02}"), "quarries: operator")).collect();
    service.declare(&user("cy", "quarries: user"), &(user("cy", "quarries: user") + &many));
    let run = service.run(["explain", "kim"]);
    run.ends_with(0).prints("kim09@example.com").prints("and 20 more: type more of it");
    let document = service.run(["explain", "kim", "--format", "json"]).ends_with(0).json();
    assert_eq!(document["likely_more"], 20);
}

#[test]
fn alt_13_what_is_not_stated_about_invitations_is_not_assumed() {
    let service = service("");
    service.declare(MANAGER, &(MANAGER.to_owned() + &user("ben", "quarries: operator")));
    service.apply();
    assert_eq!(service.rows("SELECT coalesce(ends, 'never') FROM invitations WHERE user_key LIKE 'ben%'"), ["never"]);
    service
        .run(["invitations", "cancel", "ben@example.com", "--yes"])
        .ends_with(1)
        .tells("can't be cancelled")
        .tells("`rollcall deactivate`");
    service.run(["invitations", "resend", "ben@example.com", "--yes"]).ends_with(1);
    assert_eq!(service.rows("SELECT state FROM invitations WHERE user_key LIKE 'ben%'"), ["pending"]);
    // Neither is the profile of somebody who is only invited changed.
    service.declare("  ben@example.com: {", "  ben@example.com: { given_name: Ben,");
    assert_eq!(service.waits(), ["update_user ben@example.com acceptance"]);
    service.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(service.rows("SELECT count(*) || '' FROM users WHERE given_name IS NOT NULL"), ["0"]);
    // Whether the person can decline is not stated, so the mail does not offer it.
    let mails = std::fs::read_dir(service.0.file(".rollcall/outbox")).expect("an outbox");
    let mails: Vec<String> = mails.map(|mail| std::fs::read_to_string(mail.expect("a mail").path()).unwrap()).collect();
    assert!(
        !mails.is_empty() && mails.iter().all(|mail| mail.contains("ccept") && !mail.contains("ecline")),
        "{mails:?}"
    );
    // Nothing is taken back from a pending invitation: that waits for the answer.
    service.declare("quarries: operator", "quarries: user");
    assert_eq!(service.ids(), [""; 0]);
    assert!(service.waits().iter().all(|line| line.ends_with("acceptance")), "{:?}", service.waits());
}
