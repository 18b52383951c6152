//! Credivera: people and credentials.

use super::Service;

const CATALOG: &str = "\
organizations:
  acme:
    sites:
      welders: { kind: assignment, default: true }
      drivers: { kind: assignment }
";

/// The line of a user with everything that is required.
fn user(name: &str, role: &str, sites: &str, more: &str) -> String {
    format!(
        "  {name}@example.com: {{ given_name: {name}, family_name: Roy, user_type: employee, {more} \
         access: {{ acme: {{ role: {role}, sites: [{sites}] }} }} }}\n"
    )
}

/// A store with a super administrator who is active, and these users as declared.
fn service(users: &str) -> Service {
    let admin = user("ana", "super_admin", "welders", "");
    let service = Service::new("credivera", &format!("{CATALOG}users:\n{admin}"));
    service.apply();
    accept(&service, "ana");
    service
        .declare("super_admin, sites: [welders] } } }\n", &format!("super_admin, sites: [welders] }} }} }}\n{users}"));
    service
}

fn accept(service: &Service, name: &str) {
    service.run(["invitations", "accept", &format!("{name}@example.com")]).ends_with(0);
}

fn states(service: &Service) -> Vec<String> {
    service.rows("SELECT state FROM invitations WHERE user_key = 'ben@example.com' ORDER BY id")
}

fn status(service: &Service) -> Vec<String> {
    service.rows("SELECT status FROM users WHERE key = 'ben@example.com'")
}

#[test]
fn cred_1_people_are_active_invited_or_inactive() {
    let service = service(&user("ben", "user", "welders", ""));
    service.apply();
    assert_eq!((status(&service), states(&service)), (vec!["invited".to_owned()], vec!["pending".to_owned()]));
    service.run(["invitations", "list"]).ends_with(0).prints("ben@example.com").prints("pending");
    accept(&service, "ben");
    assert_eq!((status(&service), states(&service)), (vec!["active".to_owned()], vec!["accepted".to_owned()]));
    service.declare("users:", "inactive: [ben@example.com]\nusers:");
    service.apply();
    assert_eq!(status(&service), ["inactive"]);
}

#[test]
fn cred_1_a_plan_says_where_mails_go_and_that_they_link_no_terms() {
    let service = service(&user("ben", "user", "welders", ""));
    let run = service.run(["plan"]);
    run.ends_with(0).prints("apply writes 1 invitation mail to .rollcall/outbox, and nobody gets one before");
    run.prints("no link to the terms is set (`mail.links.terms`)");
    let settings = service.0.read("rollcall.yaml");
    let mail = "mail: { from: a@example.com, links: { terms: 'https://example.com/terms' }, smtp: { host: mail.example.com } }";
    service.0.write("rollcall.yaml", &format!("{settings}{mail}\n"));
    let run = service.run(["plan"]);
    run.ends_with(0);
    assert!(!run.all().contains("terms") && !run.all().contains("outbox"), "{run}");
}

/// That an administrator may is not stated.
#[test]
fn cred_1_a_password_that_the_person_chose_is_not_reset() {
    let service = service("");
    let run = service.run(["reset-password", "ana@example.com", "--yes"]);
    run.ends_with(1).tells("do not say that passwords are reset").tells("do it in the service");
    assert_eq!(service.rows("SELECT kind FROM credentials"), [""; 0]);
}

#[test]
fn cred_2_an_invitation_lives_seven_days_and_is_sent_again_or_cancelled_on_request() {
    let service = service(&user("ben", "user", "welders", ""));
    service.run(["apply", "--yes", "--at", "2026-11-22T10:00:00Z"]).ends_with(0);
    assert_eq!(service.rows("SELECT substr(ends, 1, 10) FROM invitations WHERE user_key LIKE 'ben%'"), ["2026-11-29"]);
    let late = ["plan", "--format", "json", "--at", "2026-11-30T00:00:00Z"];
    let plan = service.run(late).ends_with(0).json();
    assert_eq!((plan["actions"].as_array().unwrap().len(), &plan["deferred"][0]["waits_for"]), (0, &"decision".into()));
    service.run(["plan", "--at", "2026-11-30T00:00:00Z"]).prints("run `rollcall invitations resend ben@example.com`");
    service.run(["invitations", "resend", "ben@example.com", "--yes"]).ends_with(0);
    service.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(states(&service).last().map(String::as_str), Some("pending"));
    service.run(["invitations", "cancel", "ben@example.com", "--yes"]).ends_with(0);
    service.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(states(&service).last().map(String::as_str), Some("cancelled"));
    assert_eq!(service.ids(), [""; 0]);
}

#[test]
fn cred_3_a_person_can_be_added_now_and_invited_later() {
    let service = service(&user("ben", "user", "welders", "status: preloaded,"));
    service.apply();
    assert_eq!((status(&service), states(&service)), (vec!["preloaded".to_owned()], vec!["suppressed".to_owned()]));
    service.declare("status: preloaded,", "");
    assert_eq!(service.ids(), ["send_invitation ben@example.com"]);
    service.apply();
    assert_eq!(status(&service), ["invited"]);
}

#[test]
fn cred_3_no_operator_sends_what_the_manifests_keep_back() {
    let service = service(&user("ben", "user", "welders", "status: preloaded,"));
    service.apply();
    let run = service.run(["invitations", "resend", "ben@example.com", "--yes"]);
    run.ends_with(1).tells("the manifests keep the invitation of ben@example.com back (`status: preloaded`)");
    assert_eq!((status(&service), states(&service)), (vec!["preloaded".to_owned()], vec!["suppressed".to_owned()]));
}

#[test]
fn cred_3_an_invitation_that_never_went_out_is_cancelled_without_a_mail() {
    let service = service(&user("ben", "user", "welders", "status: preloaded,"));
    service.apply();
    service.declare(&user("ben", "user", "welders", "status: preloaded,"), "");
    assert_eq!(service.risks("cancel_invitation ben@example.com"), ["removal"]);
    service.apply();
}

#[test]
fn cred_4_names_are_required_and_the_job_title_is_not() {
    let service = service(&user("ben", "user", "welders", "").replace("family_name: Roy,", ""));
    assert_eq!(service.waits(), ["invite_user ben@example.com field"]);
    service.run(["plan"]).ends_with(0).prints("family_name");
    service.declare("given_name: ben,", "given_name: Ben, family_name: Roy, job_title: Welder,");
    service.apply();
    assert_eq!(service.rows("SELECT job_title FROM users WHERE key LIKE 'ben%'"), ["Welder"]);
}

#[test]
fn cred_4_a_required_name_is_never_declared_empty() {
    let service = service(&user("ben", "user", "welders", ""));
    for empty in ["''", "'  '", "null"] {
        service.declare("given_name: ben,", &format!("given_name: {empty},"));
        service.run(["validate"]).ends_with(3).tells("given_name").tells("--> access/all.yaml:8:");
        service.declare(&format!("given_name: {empty},"), "given_name: ben,");
    }
    service.apply();
    service.declare("given_name: ben,", "given_name: '',");
    service.run(["plan"]).ends_with(3).tells("`given_name` of `ben@example.com` can't be empty");
    // Left out it stays; one that is empty in the store is left out of an import, which is told.
    service.declare("given_name: '', ", "");
    assert_eq!(service.ids(), [""; 0]);
    service.0.sql("UPDATE users SET given_name = '' WHERE key = 'ben@example.com'");
    service.run(["import", "--out", "imported"]).ends_with(0).tells("`given_name` is empty, and the rules demand it");
    let run = service.run(["--manifests", "imported", "plan", "--format", "json"]);
    assert_eq!(run.ends_with(0).json()["actions"], serde_json::json!([]), "{run}");
}

#[test]
fn cred_5_an_invitation_carries_a_type_a_level_and_one_assignment() {
    let service = service(&user("ben", "verifier", "drivers, welders", ""));
    let after = service.action("invite_user ben@example.com")["after"].clone();
    let text = after.to_string();
    assert!(text.contains("employee") && text.contains("verifier"), "{text}");
    // The one that is marked as the default one.
    assert!(text.contains("welders") && !text.contains("drivers"), "{text}");
    service.declare("ben, family_name: Roy, user_type: employee,", "ben, family_name: Roy,");
    assert!(service.waits().contains(&"invite_user ben@example.com field".to_owned()), "{:?}", service.waits());
    service.declare("sites: [drivers, welders]", "sites: []");
    service.run(["plan"]).ends_with(0).prints("`sites`");
    assert_eq!(service.ids(), [""; 0]);
}

/// A spreadsheet that `LibreOffice` wrote, with three people.
const SPREADSHEET: &[u8] = include_bytes!("../exchange/files/calc.xlsx");

#[test]
fn cred_6_a_spreadsheet_invites_people_of_one_type_level_and_assignment() {
    let service = service("");
    std::fs::write(service.0.file("people.xlsx"), SPREADSHEET).expect("written");
    let import = |more: &[&str]| {
        let words = ["import", "--from", "xlsx", "people.xlsx", "--out", "access/new", "--organization", "acme"];
        service.run(words.iter().chain(more))
    };
    let triple = ["--user-type", "contractor", "--role", "verifier", "--site", "drivers"];
    // One triple for the whole file, and whether it is sent: all of it is said.
    import(&triple).ends_with(3).tells("--send or --suppress is missing");
    import(&["--role", "verifier", "--send"]).ends_with(3).tells("--user-type TYPE is missing").tells("--site SITE");
    assert!(!service.0.file("access/new").exists());
    import(&[&triple[..], &["--suppress"]].concat()).ends_with(0).prints("3 accounts written");
    service.apply();
    let known = "SELECT key || ' ' || given_name || ' ' || family_name || ' ' || status || ' ' || user_type FROM users
                 WHERE user_type = 'contractor' ORDER BY key";
    assert_eq!(
        service.rows(known),
        [
            "anais@example.com Anaïs Lefèvre preloaded contractor",
            "lukasz@example.com Łukasz O'Hara preloaded contractor",
            "zoe@example.com Zoé Noël preloaded contractor"
        ]
    );
    // Sent: each is invited with this type, level and assignment.
    std::fs::remove_dir_all(service.0.file("access/new")).expect("removed");
    import(&[&triple[..], &["--send"]].concat()).ends_with(0);
    let invited = ["anais", "lukasz", "zoe"].map(|name| format!("send_invitation {name}@example.com"));
    assert_eq!(service.ids(), invited);
    service.apply();
    let held = "SELECT u.key || ' ' || r.name || ' ' || s.name FROM users u JOIN memberships m ON m.user_id = u.id
                JOIN roles r ON r.id = m.role_id JOIN site_grants g ON g.user_id = u.id JOIN sites s ON s.id = g.site_id
                WHERE u.status = 'invited' ORDER BY 1";
    assert_eq!(
        service.rows(held),
        ["anais", "lukasz", "zoe"].map(|name| format!("{name}@example.com verifier drivers"))
    );
    // One file for each triple, each read back without a change.
    let exported = service.run(["export", "--format", "xlsx", "--out", "templates"]);
    exported.ends_with(0).tells("contractor--verifier--drivers.xlsx: 3 people");
    exported.tells("employee--super_admin--welders.xlsx: 1 person");
    assert_eq!(std::fs::read_dir(service.0.file("templates")).expect("written").count(), 2);
    std::fs::remove_dir_all(service.0.file("access")).expect("removed");
    for (user_type, role, site) in [("contractor", "verifier", "drivers"), ("employee", "super_admin", "welders")] {
        let file = format!("templates/{user_type}--{role}--{site}.xlsx");
        let words = ["import", "--from", "xlsx", &file, "--out", &format!("access/{site}"), "--organization", "acme"];
        let options = ["--user-type", user_type, "--role", role, "--site", site, "--send"];
        // A site that is not declared yet is added to the organization first.
        if site == "welders" {
            let file = "access/drivers/organizations.yaml";
            service.0.edit(file, "    sites:\n", "    sites:\n      welders: { kind: assignment }\n");
        }
        service.run(words.iter().chain(&options)).ends_with(0);
    }
    assert_eq!(service.ids(), [""; 0]);
}

#[test]
fn cred_7_six_levels_each_with_the_one_before() {
    let levels = ["user", "verifier", "manager", "admin", "global_admin", "super_admin"];
    let service = service(&user("ben", "user", "welders", ""));
    service.apply();
    accept(&service, "ben");
    for pair in levels.windows(2) {
        let [lower, higher] = pair else { continue };
        let line = |level: &str| user("ben", level, "welders", "");
        service.declare(&line(lower), &line(higher));
        let risks = service.risks("change_role ben@example.com acme");
        assert!(
            risks.contains(&"escalation".to_owned()) && !risks.contains(&"removal".to_owned()),
            "{higher}: {risks:?}"
        );
        service.apply();
    }
    service.declare(&user("ben", "super_admin", "welders", ""), &user("ben", "user", "welders", ""));
    let risks = service.risks("change_role ben@example.com acme");
    assert!(risks.contains(&"removal".to_owned()) && !risks.contains(&"escalation".to_owned()), "{risks:?}");
}

#[test]
fn cred_8_further_assignments_wait_for_acceptance() {
    let service = service(&user("ben", "user", "drivers, welders", ""));
    service.apply();
    assert_eq!(service.waits(), ["grant_site ben@example.com drivers acceptance"]);
    accept(&service, "ben");
    assert_eq!(service.ids(), ["grant_site ben@example.com acme drivers"]);
    service.apply();
    let granted = "SELECT s.name FROM site_grants g JOIN sites s ON s.id = g.site_id JOIN users u ON u.id = g.user_id
                   WHERE u.key LIKE 'ben%' ORDER BY 1";
    assert_eq!(service.rows(granted), ["drivers", "welders"]);
}

#[test]
fn cred_9_reactivation_brings_back_everything_as_it_was() {
    let service = service(&user("ben", "manager", "drivers, welders", ""));
    service.apply();
    accept(&service, "ben");
    service.apply();
    service.declare("users:", "inactive: [ben@example.com]\nusers:");
    service.apply();
    assert_eq!(status(&service), ["inactive"]);
    service.declare("inactive: [ben@example.com]\n", "");
    service.declare("{ given_name: ben,", "{ status: active, given_name: ben,");
    assert_eq!(service.ids(), ["reactivate_user ben@example.com"]);
    service.apply();
    assert_eq!(status(&service), ["active"]);
}

/// Renamed by hand, its people would all have to come anew: nothing is tried in vain, and the way out is told once.
#[test]
fn cred_5_an_organization_with_another_name_in_the_store_is_told_with_a_way_out() {
    let service = service(&user("ben", "user", "welders", ""));
    service.apply();
    accept(&service, "ben");
    service.apply();
    service.0.sql("UPDATE organizations SET name = 'acme-group'");
    let run = service.run(["plan"]);
    run.ends_with(0).prints("ana@example.com waits for acme, which rollcall may not create in this store");
    run.tells("`acme` is no organization of the store, where `acme-group`, which no manifest names, looks like it");
    run.tells("by `previously: acme-group` there, or call it `acme-group` in the manifests");
    assert_eq!(service.ids(), [""; 0]);
    service.run(["apply", "--yes"]).ends_with(0);
    service.declare("  acme:\n", "  acme:\n    previously: acme-group\n");
    assert_eq!(service.ids(), ["update_organization acme"]);
    assert!(!service.run(["plan"]).err.contains("looks like it"));
    service.apply();
}

#[test]
fn cred_10_a_declined_invitation_is_shown_and_renewed_only_on_request() {
    let service = service(&user("ben", "user", "welders", ""));
    service.apply();
    service.run(["invitations", "decline", "ben@example.com"]).ends_with(0);
    service.run(["invitations", "list"]).ends_with(0).prints("declined");
    assert_eq!(service.ids(), [""; 0]);
    assert!(service.waits().iter().any(|line| line.ends_with("decision")), "{:?}", service.waits());
    service.run(["invitations", "resend", "ben@example.com", "--yes"]).ends_with(0);
    service.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(states(&service).last().map(String::as_str), Some("pending"));
}

#[test]
fn cred_10_how_an_invitation_ended_is_told_and_what_helps() {
    let service = service(&user("ben", "user", "welders", ""));
    service.run(["apply", "--yes", "--at", "2026-11-22T10:00:00Z"]).ends_with(0);
    let late = ["plan", "--at", "2026-11-30T00:00:00Z"];
    let again = "to send it again, run `rollcall invitations resend ben@example.com`";
    service
        .run(late)
        .prints("the invitation of ben@example.com has expired, and is not renewed by itself")
        .prints(again);
    // It carries more than is declared by now: it is not sent again, and nobody is told to.
    service.declare(&user("ben", "user", "welders", ""), &user("ben", "user", "drivers", ""));
    let run = service.run(late);
    run.prints("has expired").prints("take the entry out, apply, and declare it again");
    assert!(!run.all().contains("invitations resend"), "{run}");
    service.run(["invitations", "resend", "ben@example.com", "--yes"]).ends_with(1).tells("carries more");
    service.declare(&user("ben", "user", "drivers", ""), &user("ben", "user", "welders", ""));
    service.run(["invitations", "decline", "ben@example.com"]);
    service.0.sql("UPDATE invitations SET state = 'declined' WHERE user_key = 'ben@example.com'");
    service
        .run(["plan"])
        .prints("ben@example.com declined the invitation, which is not renewed by itself")
        .prints(again);
}

#[test]
fn cred_5_who_keeps_access_in_an_organization_with_another_name_is_named() {
    let ben = user("ben", "user", "welders", "");
    let service = service(&(ben.clone() + &user("cy", "user", "welders", "")));
    service.apply();
    for name in ["ben", "cy"] {
        accept(&service, name);
    }
    service.apply();
    service.0.sql("UPDATE organizations SET name = 'acme-group'");
    assert!(!service.run(["plan"]).all().contains("off-boarded"), "nobody is to leave");
    service.declare(&ben, "");
    let run = service.run(["plan"]);
    run.ends_with(0).tells("looks like it; until that is settled nobody is off-boarded from it, and 1 person keeps");
    run.tells("access though no manifest names them: `ben@example.com`");
    // Settled, the person goes.
    service.declare("  acme:\n", "  acme:\n    previously: acme-group\n");
    assert!(service.ids().contains(&"deactivate_user ben@example.com".to_owned()), "{:?}", service.ids());
}

#[test]
fn cred_10_an_answer_that_the_store_has_lost_is_told_and_an_operator_can_ask_again() {
    let service = service(&user("ben", "user", "welders", ""));
    service.apply();
    service.run(["invitations", "decline", "ben@example.com"]).ends_with(0);
    service.0.sql("DELETE FROM invitation_tokens; DELETE FROM invitation_mails; DELETE FROM invitations");
    assert_eq!(service.waits(), ["resend_invitation ben@example.com decision"]);
    let list = service.run(["invitations", "list"]);
    list.ends_with(0).prints("lost").prints("rollcall invitations resend ben@example.com");
    assert!(!list.out.contains("nobody was ever invited") && !list.out.contains("ana"), "{list}");
    let list = service.run(["invitations", "list", "--format", "json"]).json();
    assert_eq!((&list[0]["user"], &list[0]["state"]), (&"ben@example.com".into(), &"lost".into()), "{list}");
    let run = service.run(["apply", "--yes"]);
    run.ends_with(0)
        .prints("ben@example.com is invited, and the store has no invitation any more that could be accepted");
    run.prints("rollcall invitations resend ben@example.com");
    assert_eq!(states(&service), [""; 0]);
    service.run(["invitations", "resend", "ben@example.com", "--yes"]).ends_with(0).prints("invitation sent");
    assert_eq!(states(&service), ["pending"]);
    assert_eq!((service.ids(), service.waits()), (vec![], vec![]));
    service.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
    assert_eq!(status(&service), ["active"]);
}
