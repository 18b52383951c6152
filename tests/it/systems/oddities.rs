//! What the facts of the services ask for where something is at odds: a manifest with its rules, a store that somebody
//! edited, an answer that a person gave.

use super::{Service, modulr, text};

const TOWNS: &str =
    "organizations:\n  beauceville: { kind: municipality }\n  lac-etchemin: { kind: municipality }\nusers:\n";

/// A store of municipalities with these users.
fn towns(users: &str) -> Service {
    Service::new("cauca", &format!("{TOWNS}{users}"))
}

/// A user of Beauceville.
fn member(login: &str, more: &str) -> String {
    format!("  {login}: {{ email: {login}@example.com, {more} access: {{ beauceville: trigger_only }} }}\n")
}

#[test]
fn cauca_5_the_last_mission_lead_keeps_the_attribute_as_long_as_the_place() {
    let service = towns(&(member("aroy", "attributes: { mission_lead: true },") + &member("broy", "")));
    service.apply();
    // Somebody else has to be there first.
    service.declare(
        "attributes: { mission_lead: true }, access: { beauceville: trigger_only }",
        "access: { lac-etchemin: trigger_only }",
    );
    assert_eq!(service.ids(), [""; 0]);
    assert!(service.waits().iter().all(|line| line.ends_with("successor")), "{:?}", service.waits());
    assert_eq!(service.waits().len(), 2, "{:?}", service.waits());
    // With a successor both go, and the attribute before the membership is another one.
    service.declare("broy@example.com,", "broy@example.com, attributes: { mission_lead: true },");
    let ids = service.ids();
    let at =
        |start: &str| ids.iter().position(|id| id.starts_with(start)).unwrap_or_else(|| panic!("{start}: {ids:?}"));
    assert!(at("change_access broy") < at("change_access aroy"), "{ids:?}");
    assert!(at("change_access aroy") < at("add_membership aroy"), "{ids:?}");
    service.apply();
    // Who only leaves is judged alike.
    service.declare(", attributes: { mission_lead: true },  access: { beauceville: trigger_only }", ", access: {}");
    assert_eq!(service.ids(), [""; 0]);
    assert_eq!(service.waits().len(), 2, "{:?}", service.waits());
}

#[test]
fn cauca_9_who_belongs_to_one_municipality_at_most_leaves_no_other_to_others() {
    let service = towns("  aroy: { email: aroy@example.com, access: { beauceville: {}, lac-etchemin: unmanaged } }\n");
    let run = service.run(["validate"]);
    run.ends_with(3)
        .tells("`aroy` belongs to 1 organization and leaves `lac-etchemin` to others, at most 1 in this store");
    run.tells("access/all.yaml:5");
    service.declare("beauceville: {}, ", "");
    service.run(["validate"]).ends_with(0);
}

#[test]
fn cauca_9_a_list_beside_other_municipalities_is_read_without_them() {
    let service = towns("  aroy: { email: aroy@example.com, access: { lac-etchemin: trigger_only } }\n");
    service.apply();
    service.0.sql(
        "INSERT INTO users (key, email) VALUES ('croy', 'croy@example.com');
         INSERT INTO memberships (user_id, organization_id)
         SELECT u.id, o.id FROM users u, organizations o WHERE u.key = 'croy' AND o.name = 'lac-etchemin'",
    );
    service.0.write(
        "people.csv",
        "Login,Email,Organization,Role\nbroy,broy@example.com,beauceville,trigger_only\n\
         croy,croy@example.com,beauceville,trigger_only\n",
    );
    let run = service.run(["import", "--from", "csv", "people.csv", "--out", "access/new"]);
    run.ends_with(0);
    assert!(run.all().contains("croy") && run.all().contains("lac-etchemin"), "{run}");
    let written = service.0.read("access/new/users.yaml");
    assert!(written.contains("broy") && !written.contains("croy") && !written.contains("unmanaged"), "{written}");
    service.run(["validate"]).ends_with(0);
}

const CREDIVERA: &str = "\
organizations:
  acme:
    sites:
      welders: { kind: assignment, default: true }
users:
";

/// The line of somebody with everything that is required.
fn person(name: &str, role: &str) -> String {
    format!(
        "  {name}@example.com: {{ given_name: {name}, family_name: Roy, user_type: employee, \
         access: {{ acme: {{ role: {role}, sites: [welders] }} }} }}\n"
    )
}

/// A store with an active super administrator, and Ben, who declined.
fn declined() -> Service {
    let service =
        Service::new("credivera", &format!("{CREDIVERA}{}{}", person("ana", "super_admin"), person("ben", "user")));
    service.apply();
    service.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    service.run(["invitations", "decline", "ben@example.com"]).ends_with(0);
    service
}

#[test]
fn cred_10_who_declined_is_not_invited_anew_by_an_entry_that_was_away() {
    let entry = person("ben", "user");
    let inactive = entry.replace("{ given_name", "{ status: inactive, given_name");
    for away in ["", inactive.as_str()] {
        let service = declined();
        service.declare(&entry, away);
        service.run(["apply", "--yes"]).ends_with(0);
        if away.is_empty() {
            service.declare(&person("ana", "super_admin"), &(person("ana", "super_admin") + &entry));
        } else {
            service.declare(away, &entry);
        }
        assert_eq!(service.ids(), [""; 0], "{away}");
        let run = service.run(["plan"]);
        run.ends_with(0).prints("ben@example.com declined the invitation, which is not renewed by itself");
        run.prints("rollcall invitations resend ben@example.com");
        service.run(["apply", "--yes"]).ends_with(0);
        assert_eq!(service.rows("SELECT key FROM users ORDER BY key"), ["ana@example.com"]);
        service.run(["invitations", "resend", "ben@example.com", "--yes"]).ends_with(0).prints("invitation sent");
        assert_eq!(
            service.rows("SELECT state FROM invitations WHERE user_key = 'ben@example.com' ORDER BY id"),
            ["declined", "pending"]
        );
        assert_eq!(service.ids(), [""; 0]);
        // Whoever is not declared is sent nothing.
        service.run(["invitations", "decline", "ben@example.com"]).ends_with(0);
        service.declare(&entry, "");
        service.run(["apply", "--yes"]).ends_with(0);
        service
            .run(["invitations", "resend", "ben@example.com", "--yes"])
            .ends_with(1)
            .tells("the manifests do not let");
    }
}

#[test]
fn cred_1_who_declined_or_is_too_late_is_told_as_such() {
    let service = declined();
    service
        .run(["explain", "ben@example.com"])
        .ends_with(0)
        .prints("invited in the store, and declined the invitation");
    service.run(["explain", "acme"]).ends_with(0).prints("invited in the store, and declined the invitation");
    let document = service.run(["explain", "ben@example.com", "--format", "json"]).ends_with(0).json();
    assert_eq!(document["users"][0]["invitation"], "declined");
    let list = service.run(["export", "--format", "csv"]);
    list.ends_with(0).prints("\"declined\"");
    service.0.sql(
        "UPDATE invitations SET state = 'pending', answered = NULL, sent = '2020-01-01T00:00:00Z', \
         ends = '2020-01-08T00:00:00Z' WHERE user_key = 'ben@example.com'",
    );
    service
        .run(["explain", "ben@example.com"])
        .ends_with(0)
        .prints("invited in the store, and the invitation has expired");
    service.run(["export", "--format", "csv"]).ends_with(0).prints("\"expired\"");
}

#[test]
fn mod_12_whom_a_reactivation_gives_back_more_than_a_guest_has_is_an_escalation() {
    let (own, all) = ("attributes: { portfolio_scope: all }", "attributes: { portfolio_scope: [own]");
    for (more, risk) in [
        (format!("{all} }}"), false),
        (own.to_owned(), true),
        (format!("{all}, clearance: low }}"), true),
        (format!("{all}, restricted_documents: [health, legal, staff] }}"), true),
        (format!("api: {{ enabled: true, routes: [GET /clients] }}, {all} }}"), true),
    ] {
        let line = modulr::user("broy", "guest", "").replace(own, &more);
        let service = modulr::service(&line);
        service.apply();
        service.declare("users:", "inactive: [broy]\nusers:");
        service.apply();
        service.declare("inactive: [broy]\n", "");
        service.declare("broy: {", "broy: { status: active,");
        let risks = service.risks("reactivate_user broy");
        assert_eq!(risks.contains(&"escalation".to_owned()), risk, "{more}: {risks:?}");
    }
}

#[test]
fn mod_15_a_store_above_its_seats_is_told() {
    let service = modulr::service(&["broy", "croy"].map(|login| modulr::user(login, "guest", "")).concat());
    service.apply();
    assert!(!service.run(["plan"]).all().contains("seats"));
    service.0.sql("INSERT INTO users (key, name) VALUES ('xroy', 'x'), ('yroy', 'y')");
    service.declare("users:", "users:\n  xroy: { status: inactive, access: {} }");
    let run = service.run(["plan"]);
    run.ends_with(0).tells("5 accounts take a seat, and this store has 3");
    run.tells("2 have to be given back before anybody else is let in");
}

#[test]
fn act_7_a_password_is_not_ended_where_no_mail_can_tell_how_to_choose_another() {
    let line = "  broy: { given_name: b, family_name: Roy, language: fr, email: broy@example.com, attributes: { sex: f }, \
                access: { licence: { role: user, sites: [solo] } } }\n";
    let catalog = "organizations:\n  licence:\n    sites:\n      shop: { kind: entity }\n      \
                   solo: { kind: entity_group, includes: [shop] }\nusers:\n";
    let service = Service::new("actito", &format!("{catalog}{line}"));
    service.apply();
    let before = service.rows("SELECT ifnull(verifier, '') FROM credentials");
    for address in ["broy", "b roy@example.com", "broy@", "a@example.com, broy@example.com"] {
        service.0.sql(&format!("UPDATE users SET email = '{address}' WHERE key = 'broy'"));
        let run = service.run(["reset-password", "broy", "--yes"]);
        run.ends_with(1).tells("no mail can go to");
        assert_eq!(service.rows("SELECT ifnull(verifier, '') FROM credentials"), before, "{address}");
        service.run(["reset-password", "--all-active", "--yes"]).tells("broy is left alone");
        assert_eq!(service.rows("SELECT ifnull(verifier, '') FROM credentials"), before, "{address}");
    }
    assert_eq!(service.rows("SELECT state FROM reset_mails"), [""; 0]);
}

#[test]
fn cauca_11_nobody_who_is_locked_out_gets_a_new_password() {
    let service = towns(&(member("aroy", "") + &member("broy", "")));
    service.apply();
    service.run(["deactivate", "broy", "--yes"]).ends_with(0);
    let secrets = service.secrets();
    service.run(["reset-password", "broy", "--yes"]).ends_with(1).tells("locked out");
    // Who has nothing left has nothing to log in for.
    service.declare("aroy: {", "aroy: { status: inactive,");
    service.declare("users:\n", &format!("users:\n{}", member("croy", "")));
    service.apply();
    service.run(["reset-password", "aroy", "--yes"]).ends_with(1).tells("all access was taken from it");
    assert_eq!(service.secrets().len(), secrets.len() + 1);
}

#[test]
fn cauca_12_whoever_is_locked_out_and_given_access_by_hand_is_named_and_loses_it_again() {
    let service = towns(&(member("aroy", "") + &member("broy", "")));
    service.apply();
    service.run(["deactivate", "broy", "--yes"]).ends_with(0);
    service.run(["apply", "--yes"]).ends_with(0);
    service.0.sql(
        "INSERT INTO memberships (user_id, organization_id, role_id) \
         SELECT u.id, o.id, r.id FROM users u, organizations o, roles r \
         WHERE u.key = 'broy' AND o.name = 'beauceville' AND r.name = 'trigger_only'",
    );
    assert_eq!(service.ids(), ["strip_user broy"]);
    service.run(["plan"]).ends_with(0).prints("locked out by an operator");
    service.run(["apply", "--yes"]).ends_with(0);
    let left = "SELECT count(*) || '' FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.key = 'broy'";
    assert_eq!(service.rows(left), ["0"]);
    // What a manifest decides after it counts.
    service.declare("broy: {", "broy: { status: active,");
    service.run(["deactivate", "broy", "--release", "--yes"]).ends_with(0);
    service.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(service.rows(left), ["1"]);
    assert_eq!(service.ids(), [""; 0]);
}

#[test]
fn cauca_10_a_value_with_its_accents_apart_is_the_same_and_mails_nobody() {
    let service = towns(&member("aroy", "given_name: 'Ren\u{e9}e',"));
    service.apply();
    service.0.sql("UPDATE users SET given_name = 'Rene\u{301}e' WHERE key = 'aroy'");
    assert_eq!(service.ids(), [""; 0]);
}

#[test]
fn cauca_9_a_municipality_with_its_accents_apart_is_not_made_a_second_time() {
    let service = towns(&member("aroy", ""));
    service.apply();
    service.0.sql("INSERT INTO organizations (name, kind) VALUES ('le\u{301}vis', 'municipality')");
    service.declare("  beauceville:", "  l\u{e9}vis: { kind: municipality }\n  beauceville:");
    service.declare("users:\n", "users:\n  broy: { email: broy@example.com, access: { lévis: trigger_only } }\n");
    let ids = service.ids();
    assert!(!ids.iter().any(|id| id.contains("organization") || id.contains("membership")), "{ids:?}");
    assert!(service.list("deferred").iter().any(|one| text(&one["action"]) == "create_organization"));
    service.run(["plan"]).ends_with(0).tells("has its letters and accents apart");
}

#[test]
fn cauca_2_an_address_of_an_account_that_nobody_declares_is_told() {
    let service = towns(&member("aroy", ""));
    service.apply();
    service.0.edit("rollcall.yaml", "absent_users: deactivate", "absent_users: report");
    service.0.sql("INSERT INTO users (key, email) VALUES ('xroy', 'ARoy@example.com')");
    service.run(["plan"]).ends_with(0).tells("`aroy` and `xroy` have the same address");
}

#[test]
fn act_9_who_is_declared_and_a_service_account_in_the_store_is_told() {
    let service = Service::new(
        "actito",
        "organizations: { licence: {} }\nusers:\n  broy: { given_name: b, family_name: Roy, language: fr, \
         email: broy@example.com, attributes: { sex: f }, access: { licence: user } }\n",
    );
    service.0.sql("INSERT INTO users (key, kind, email) VALUES ('broy', 'service', 'broy@example.com')");
    service.run(["plan"]).ends_with(0).tells("`broy` is a service account in the store");
}

#[test]
fn mod_11_two_factor_authentication_that_is_on_and_not_wanted_is_told() {
    let service = modulr::service(&modulr::user("broy", "guest", "mfa: false,"));
    service.apply();
    assert!(!service.run(["plan"]).err.contains("two-factor"));
    service.0.sql("UPDATE users SET mfa = 1 WHERE key = 'broy'");
    let run = service.run(["plan"]);
    run.ends_with(0).tells("`broy` is declared as not wanted, and on in the store, where the person switches it");
}

#[test]
fn act_2_two_factor_authentication_that_the_licence_does_not_have_is_told() {
    let line = "  broy: { given_name: b, family_name: Roy, language: fr, email: broy@example.com, mfa: true, \
                mobile: '+3225550100', attributes: { sex: f }, access: { licence: user } }\n";
    let service = Service::new("actito", &format!("organizations: {{ licence: {{}} }}\nusers:\n{line}"));
    service.apply();
    let run = service.run(["plan"]);
    run.ends_with(0).tells("`broy` is declared as wanted, and off in the store, where the licence switches it");
}
