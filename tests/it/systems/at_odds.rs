//! What the services ask for where somebody has edited the store by hand: power that nobody declared, statuses and keys
//! that the rules do not know, and files of people that do not fit.

use super::cauca::{member, service as towns};
use super::{Service, actito, modulr, text};

/// Whom a plan leaves alone, and why.
fn reason(service: &Service, name: &str) -> String {
    let found = service.list("unmanaged").into_iter().find(|one| one["name"] == name);
    text(&found.unwrap_or_else(|| panic!("{name}: {:?}", service.list("unmanaged")))["reason"])
}

/// How many mails a plan counts.
fn mails(service: &Service) -> u64 {
    let guards = service.list("guards");
    guards.iter().find(|guard| guard["name"] == "mails").expect("a guard")["count"].as_u64().expect("a number")
}

/// Somebody by hand, with a permission group of a municipality.
fn by_hand(service: &Service, login: &str, status: &str, role: &str) {
    service.0.sql(&format!(
        "INSERT INTO users (key, identity, status, email) VALUES ('{login}', '{login}', '{status}', '{login}@x.example');
         INSERT INTO memberships (user_id, organization_id, role_id)
         SELECT u.id, o.id, (SELECT id FROM roles WHERE name = '{role}' AND '{role}' <> '')
         FROM users u, organizations o WHERE u.key = '{login}' AND o.name = 'beauceville'"
    ));
}

fn make_mission_lead(service: &Service, login: &str) {
    service.0.sql(&format!(
        "INSERT INTO user_attributes (user_id, field, value)
         SELECT id, 'attributes.mission_lead', 'true' FROM users WHERE key = '{login}'"
    ));
}

fn report(service: &Service) {
    service.0.edit("rollcall.yaml", "absent_users: deactivate", "absent_users: report");
}

#[test]
fn cauca_5_a_mission_lead_whom_nobody_declares_is_told_as_an_administrator() {
    let service = towns(&member("aroy", "trigger_only", ""));
    service.apply();
    report(&service);
    by_hand(&service, "zroy", "active", "");
    assert_eq!(reason(&service, "zroy"), "no manifest names this person");
    make_mission_lead(&service, "zroy");
    assert_eq!(reason(&service, "zroy"), "keeps mission_lead (admin) of beauceville: no manifest names this person");
    service.run(["plan"]).ends_with(0).prints("keeps mission_lead (admin) of beauceville");
    // Where the whole municipality is declared by nobody, those who administer it are named with it.
    service.declare("  beauceville: { kind: municipality }\n", "");
    service.declare("access: { beauceville: trigger_only }", "access: {}");
    assert_eq!(reason(&service, "beauceville"), "no manifest names it, and 2 people keep access there; admins: zroy");
}

#[test]
fn cauca_1_whoever_is_invited_by_hand_where_nobody_is_invited_leaves_like_anybody() {
    for status in ["invited", "preloaded"] {
        let service = towns(&member("aroy", "trigger_only", ""));
        service.apply();
        report(&service);
        by_hand(&service, "zroy", status, "trigger_only");
        // Whoever is declared waits for somebody to mend the status, and no invitation goes out.
        let line = member("zroy", "trigger_only", "");
        service.declare("users:\n", &format!("users:\n{line}"));
        assert_eq!(service.ids(), [""; 0], "{status}");
        assert_eq!(service.waits(), ["reactivate_user zroy decision"], "{status}");
        service.run(["plan"]).prints("whose rules know no invitations").prints("set the status to `active`");
        service.declare(&line, "");
        // Whoever leaves loses all access at once.
        service.declare("users:\n", "inactive: [zroy]\nusers:\n");
        assert_eq!(service.ids(), ["strip_user zroy"], "{status}");
        service.apply();
        assert_eq!(service.rows("SELECT u.key FROM memberships m JOIN users u ON u.id = m.user_id"), ["aroy"]);
        assert_eq!(service.rows("SELECT status FROM users WHERE key = 'zroy'"), [status]);
    }
}

#[test]
fn cauca_1_an_operator_locks_out_who_is_invited_by_hand() {
    let service = towns(&member("aroy", "trigger_only", ""));
    service.apply();
    by_hand(&service, "zroy", "invited", "trigger_only");
    service.run(["deactivate", "zroy", "--yes"]).ends_with(0).prints("all access taken away");
    assert_eq!(service.rows("SELECT u.key FROM memberships m JOIN users u ON u.id = m.user_id"), ["aroy"]);
    service.run(["deactivate", "zroy", "--yes"]).ends_with(0);
    // A tombstone ends the account as any other.
    service.0.edit("rollcall.yaml", "grace: 30d", "grace: 0d");
    service.declare("users:\n", "users:\n  zroy: { status: absent }\n");
    assert_eq!(service.ids(), ["delete_user zroy"]);
    service.apply();
}

#[test]
fn act_9_a_leaver_whom_the_store_calls_a_service_account_is_told_with_what_is_kept() {
    let service = actito::service(&actito::user("broy", "{ role: administrator, sites: [solo] }"));
    service.apply();
    service.0.sql("UPDATE users SET kind = 'service' WHERE key = 'broy'");
    let told = "keeps administrator (admin) of licence: is a service account, which is managed elsewhere";
    service.declare("users:\n", "inactive: [broy]\nusers:\n");
    assert_eq!(reason(&service, "broy"), told);
    service.declare("inactive: [broy]\n", "");
    service.declare(
        "broy@example.com, attributes: { sex: f }, access: { licence: { role: administrator,",
        "broy@example.com, attributes: { sex: f }, access: { licence: { role: user,",
    );
    assert_eq!(reason(&service, "broy"), told);
}

#[test]
fn cauca_5_what_others_manage_is_told_with_the_power_that_is_kept() {
    let service = towns(&(member("aroy", "trigger_only", "") + &member("broy", "trigger_only", "")));
    service.apply();
    make_mission_lead(&service, "broy");
    let leads = "broy@example.com, attributes: { mission_lead: unmanaged },";
    service.declare("broy@example.com,", leads);
    assert_eq!(
        reason(&service, "broy"),
        "keeps mission_lead (admin) of beauceville: a manifest leaves some of its access to others (`unmanaged`)"
    );
    service.declare(leads, "broy@example.com,");
    service.0.sql("DELETE FROM user_attributes WHERE field = 'attributes.mission_lead'");

    let service = actito::service(&actito::user("broy", "user"));
    service.apply();
    service.declare("{ licence: user }", "{ licence: unmanaged }");
    assert_eq!(reason(&service, "broy"), "a manifest leaves some of its access to others (`unmanaged`)");
    service.0.sql(
        "UPDATE memberships SET role_id = (SELECT id FROM roles WHERE name = 'administrator')
         WHERE user_id = (SELECT id FROM users WHERE key = 'broy')",
    );
    assert_eq!(
        reason(&service, "broy"),
        "keeps administrator (admin) of licence: a manifest leaves some of its access to others (`unmanaged`)"
    );
}

#[test]
fn a_live_account_beside_a_declared_one_that_only_case_keeps_apart_is_told() {
    let service = towns(&member("aroy", "trigger_only", ""));
    service.apply();
    by_hand(&service, "Aroy", "active", "trigger_only");
    report(&service);
    let run = service.run(["plan"]);
    run.ends_with(0).tells("`aroy` and the live account `Aroy`, whom no manifest names, differ only by case");
    run.tells("rollcall deactivate Aroy");
    // Both are declared, and case counts.
    service.declare(
        "users:\n",
        &format!("users:\n{}", member("Aroy", "trigger_only", "").replace("email: A", "email: b")),
    );
    assert!(!service.run(["plan"]).ends_with(0).err.contains("differ only by case"));

    // Where nobody states that case counts nothing is planned, until the other one is out.
    let service = actito::service(&actito::user("broy", "user"));
    service.apply();
    service
        .0
        .sql("INSERT INTO users (key, identity, status, email) VALUES ('BRoy', 'BRoy', 'active', 'x@example.com')");
    service.run(["plan"]).ends_with(3).tells("`broy` and the live account `BRoy`, whom no manifest names");
    service.run(["deactivate", "BRoy", "--yes"]).ends_with(0);
    service.run(["plan"]).ends_with(0);
}

#[test]
fn cauca_9_who_is_in_a_municipality_out_of_scope_gets_no_other_one() {
    let service = towns(&(member("aroy", "trigger_only", "") + &member("broy", "trigger_only", "")));
    service.apply();
    service.0.sql(
        "DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE key = 'broy');
         INSERT INTO memberships (user_id, organization_id)
         SELECT u.id, o.id FROM users u, organizations o WHERE u.key = 'broy' AND o.name = 'lac-etchemin'",
    );
    service.0.edit("rollcall.yaml", "manage: {", "manage: { organizations: [beauceville], accounts: true,");
    assert_eq!(service.ids(), [""; 0]);
    assert_eq!(service.waits(), ["add_membership broy decision"]);
    service.run(["plan"]).prints("broy belongs to lac-etchemin, out of scope, and can't be in another organization");
    service.run(["apply", "--yes"]).ends_with(0);
}

#[test]
fn cauca_10_an_end_and_another_change_of_one_user_are_one_mail() {
    let service = towns(&(member("aroy", "trigger_only", "given_name: Ana,") + &member("broy", "trigger_only", "")));
    service.apply();
    service.declare("given_name: Ana,", "given_name: Anna, status: inactive,");
    assert_eq!((service.ids().len(), mails(&service)), (2, 1));
    service.apply();

    let service = actito::service(&actito::user("broy", "user"));
    service.apply();
    service.declare("broy@example.com,", "bert@example.com, status: inactive,");
    assert_eq!((service.ids().len(), mails(&service)), (2, 1));
    service.apply();
    service.declare("bert@example.com, status: inactive,", "berta@example.com, status: active,");
    assert_eq!((service.ids().len(), mails(&service)), (2, 1));
}

#[test]
fn cauca_3_another_second_factor_of_an_administrator_is_an_escalation() {
    let lead = member("aroy", "trigger_only", "mobile: '+14185550100', mfa: true, attributes: { mission_lead: true },")
        .replace("email: aroy@example.com, ", "");
    let service = towns(&(lead + &member("broy", "trigger_only", "mobile: '+14185550101', mfa: true,")));
    service.apply();
    service.declare("+14185550100", "+14185550109");
    service.declare("+14185550101", "+14185550108");
    assert!(service.risks("update_user aroy").contains(&"escalation".to_owned()));
    assert!(!service.risks("update_user broy").contains(&"escalation".to_owned()));
}

#[test]
fn act_4_an_import_of_what_the_rules_do_not_allow_says_so() {
    let service = actito::service(&actito::user("broy", "{ role: user, sites: [solo] }"));
    service.apply();
    service.run(["import", "--out", "fits"]).ends_with(0);
    service.0.sql(
        "INSERT INTO site_grants (user_id, organization_id, site_id)
         SELECT u.id, s.organization_id, s.id FROM users u, sites s WHERE u.key = 'broy' AND s.name = 'retail'",
    );
    let run = service.run(["import", "--out", "imported"]);
    run.ends_with(3).tells("refused as they stand; mend it in the store and import again");
    service.run(["--manifests", "imported", "validate"]).ends_with(3);
}

#[test]
fn cauca_9_a_list_with_one_person_in_two_municipalities_is_refused_at_the_row() {
    let service = towns("  aroy: { access: {} }\n");
    service.0.write(
        "people.csv",
        "Nom d'utilisateur,Municipalité,Groupe de permissions,Cellulaire\n\
         broy,beauceville,trigger_only,+14185550100\nbroy,lac-etchemin,trigger_only,\n",
    );
    let run = service.run(["import", "--from", "csv", "people.csv", "--out", "access/new"]);
    run.ends_with(3)
        .tells("`broy` belongs to `lac-etchemin`, and to `beauceville` by row 2: to 1 at most in this store");
    run.tells("people.csv:3:2");
    // The vendor's headers, and names of places however they are spelled.
    service.0.write(
        "people.csv",
        "Nom d'utilisateur,Municipalité,Groupe de permissions,Cellulaire\n\
         broy,Lac Etchemin,trigger_only,+14185550100\n",
    );
    let run = service.run(["import", "--from", "csv", "people.csv", "--out", "access/new"]);
    run.ends_with(0).tells("the organization `Lac Etchemin` is read as `lac-etchemin`");
    let written = service.0.read("access/new/users.yaml");
    assert!(written.contains("lac-etchemin") && written.contains("+14185550100"), "{written}");
    service.0.write(
        "words.csv",
        "Nom d'utilisateur,Municipalité,Groupe de permissions\ncroy,beauceville,Déclenchement seulement\n",
    );
    let run = service.run(["import", "--from", "csv", "words.csv", "--out", "access/words"]);
    run.ends_with(0).tells("the role `Déclenchement seulement` is read as `trigger_only`");
    assert!(service.0.read("access/words/users.yaml").contains("beauceville: trigger_only"));
}

#[test]
fn cauca_9_a_municipality_by_its_name_is_the_one_that_is_there() {
    let service = towns(&member("aroy", "trigger_only", ""));
    service.declare("  lac-etchemin: { kind: municipality }", "  m-27: { kind: municipality, name: Lac-Etchemin }");
    service.0.write(
        "people.csv",
        "Nom d'utilisateur,Nom,Municipalité,Groupe de permissions\nbroy,Ben Roy,lac etchemin,trigger_only\n",
    );
    let run = service.run(["import", "--from", "csv", "people.csv", "--out", "access/new"]);
    run.ends_with(0).tells("the organization `lac etchemin` is read as `m-27`");
    // One column for all of a name is no family name.
    run.tells("the column `Nom` is read as the full name: none holds given names");
    let written = service.0.read("access/new/users.yaml");
    assert!(written.contains("    name: Ben Roy\n") && written.contains("m-27: trigger_only"), "{written}");
    assert!(!service.0.read("access/new/organizations.yaml").contains("etchemin"));
}

#[test]
fn cauca_5_a_list_says_who_is_responsible_for_missions() {
    let service = towns(&(member("aroy", "trigger_only", "") + &member("broy", "trigger_only", "")));
    service.apply();
    make_mission_lead(&service, "aroy");
    make_mission_lead(&service, "broy");
    let header = "Nom d'utilisateur,Courriel,Municipalité,Groupe de permissions,Est responsable de mission\n";
    let list = |first: &str, second: &str| {
        format!(
            "{header}aroy,aroy@example.com,beauceville,trigger_only,{first}\n\
             broy,broy@example.com,beauceville,trigger_only,{second}\n"
        )
    };
    service.0.write("people.csv", &list("Oui", "peut-être"));
    let import = |out: &str| service.run(["import", "--from", "csv", "people.csv", "--out", out]);
    import("seen").ends_with(3).tells("`peut-être` is neither yes nor no").tells("people.csv:3:5");
    service.0.write("people.csv", &list("Oui", ""));
    import("seen").ends_with(0);
    let written = service.0.read("seen/users.yaml");
    assert!(written.contains("attributes: { mission_lead: true }"), "{written}");
    assert!(written.contains("attributes: { mission_lead: unmanaged }"), "{written}");
    // Who is said to be none is none: the plan takes it.
    service.0.write("people.csv", &list("Oui", "non"));
    import("again").ends_with(0);
    let written = service.0.read("again/users.yaml");
    assert!(written.contains("mission_lead: true") && !written.contains("unmanaged"), "{written}");
}

#[test]
fn cauca_3_mistakes_of_a_person_are_told_beside_unknown_names_of_others() {
    let lacking = "  zroy: { mfa: true, access: { beauceville: trigger_only, lac-etchemin: trigger_only } }\n";
    let service = towns(&member("aroy", "trigger_only", ""));
    service.declare("users:\n", &format!("users:\n{lacking}"));
    service.declare("{ beauceville: trigger_only } }\n", "{ beauceville: chef } }\n");
    let run = service.run(["validate"]);
    run.ends_with(3).tells("unknown role `chef`").tells("`zroy` needs `email` or `mobile`");
    run.tells("`zroy` belongs to 2 organizations, at most 1 in this store");
    // Of whom not all could be read nothing is said to be lacking.
    service.declare("mfa: true", "mfa: true, e-mail: zroy@example.com");
    let run = service.run(["validate"]);
    run.ends_with(3).tells("e-mail");
    assert!(!run.err.contains("needs `email`"), "{}", run.err);
}

#[test]
fn act_5_a_list_says_in_french_who_is_deactivated() {
    let service = actito::service("");
    service.0.write(
        "people.csv",
        "Login,Prénom,Nom,E-mail,Langue,Statut,Rôle\nbroy,Ben,Roy,ben@example.com,Français,Désactivé,user\n",
    );
    let run =
        service.run(["import", "--from", "csv", "people.csv", "--organization", "licence", "--out", "access/new"]);
    run.ends_with(0).tells("the language `Français` is read as `fr`");
    let written = service.0.read("access/new/users.yaml");
    assert!(written.contains("status: inactive") && written.contains("language: fr"), "{written}");
}

/// Whoever is in the licence without a rights configuration stays so: a list of it with an empty cell takes nothing.
#[test]
fn act_3_a_list_takes_no_place_from_somebody_without_a_rights_configuration() {
    let service = actito::service(&actito::user("broy", "{}"));
    service.apply();
    service.0.write("people.csv", "Login,Configuration de droits\naroy,administrator\nbroy,\n");
    let run = service.run(["import", "--from", "csv", "people.csv", "--organization", "licence", "--out", "seen"]);
    run.ends_with(0);
    service.0.write("access/all.yaml", "");
    for file in ["organizations.yaml", "roles.yaml", "users.yaml"] {
        let text = service.0.read(&format!("seen/{file}"));
        service.0.write(&format!("access/{file}"), &text);
    }
    assert_eq!(service.ids(), [""; 0], "{}", service.0.read("access/users.yaml"));
}

#[test]
fn mod_5_a_template_has_no_login_in_the_place_of_a_name_that_the_store_does_not_keep() {
    let service = modulr::service(&modulr::user("broy", "user", ""));
    service.apply();
    let run = service.run(["export", "--format", "xlsx", "--out", "templates"]);
    run.ends_with(0).tells("left out: column First name stays empty: the store keeps no such field");
}
