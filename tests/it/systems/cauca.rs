//! CAUCA: mass alerts and notifications for municipalities.

use super::Service;

const TOWNS: &str =
    "organizations:\n  beauceville: { kind: municipality }\n  lac-etchemin: { kind: municipality }\nusers:\n";

/// A user with an address, as the member of a group of Beauceville.
fn member(login: &str, group: &str, more: &str) -> String {
    format!("  {login}: {{ email: {login}@example.com, {more} access: {{ beauceville: {group} }} }}\n")
}

/// A store with these users.
fn service(users: &str) -> Service {
    Service::new("cauca", &format!("{TOWNS}{users}"))
}

#[test]
fn cauca_1_accounts_are_made_at_once_under_a_login_that_is_case_sensitive() {
    let service = service(
        &(member("mtremblay", "trigger_only", "") + &member("Mtremblay", "{}", "").replace("email: M", "email: n")),
    );
    let ids = service.ids();
    assert!(ids.contains(&"create_user mtremblay".to_owned()) && ids.contains(&"create_user Mtremblay".to_owned()));
    assert!(!ids.iter().any(|id| id.contains("invit")), "{ids:?}");
    service.apply();
    assert_eq!(
        service.rows("SELECT key || ' ' || status FROM users ORDER BY key"),
        ["Mtremblay active", "mtremblay active"]
    );
    assert_eq!(service.rows("SELECT state FROM invitations"), [""; 0]);
}

#[test]
fn cauca_2_shared_logins_shared_addresses_and_one_address_of_two_are_told() {
    let service = service(
        "  info: { email: jean@example.com, access: {} }\n  \
           jroy: { email: accueil@example.com, access: {} }\n  \
           kroy: { email: roy@example.com, access: {} }\n  \
           lroy: { email: Roy@example.com, access: {} }\n",
    );
    let run = service.run(["plan"]);
    run.ends_with(0).tells("`info` looks like").tells("`accueil@example.com` looks like");
    run.tells("`lroy` and `kroy` have the same address");
    assert!(!run.err.contains("`kroy` looks like"), "{run}");
}

#[test]
fn cauca_3_two_factor_authentication_needs_an_address_or_a_mobile_number() {
    let service = service("  jroy: { mfa: true, access: { beauceville: {} } }\n");
    service.run(["plan"]).ends_with(3).tells("`jroy` needs `email` or `mobile`");
    service.declare("mfa: true", "mfa: true, mobile: '+14185550100'");
    service.apply();
    assert_eq!(service.rows("SELECT mfa || ' ' || mobile FROM users"), ["1 +14185550100"]);
    service.declare("mfa: true, ", "mfa: false, ");
    service.apply();
    assert_eq!(service.rows("SELECT mfa || '' FROM users"), ["0"]);
}

#[test]
fn cauca_4_a_missing_address_is_told_except_of_whoever_the_vendor_triggers_for() {
    let vendor = "attributes: { vendor_trigger_allowed: true }";
    let service = service(&format!(
        "  aroy: {{ access: {{ beauceville: manager_support }} }}\n  \
           broy: {{ {vendor}, access: {{ beauceville: trigger_only }} }}\n  \
           croy: {{ {vendor}, access: {{ beauceville: {{}} }} }}\n  \
           droy: {{ {vendor}, email: '', access: {{ beauceville: manager_support }} }}\n"
    ));
    let run = service.run(["plan"]);
    run.ends_with(0).tells("`aroy` needs `email`").tells("`broy` needs `email`");
    assert!(!run.err.contains("`croy`") && !run.err.contains("`droy`"), "{run}");
}

#[test]
fn cauca_5_a_mission_lead_is_an_admin_of_the_municipality() {
    let service = service(&member("mtremblay", "{}", "attributes: { mission_lead: true },"));
    assert_eq!(service.risks("change_access mtremblay"), ["escalation", "mail"]);
    service.apply();
    assert_eq!(service.rows("SELECT field || value FROM user_attributes"), ["attributes.mission_leadtrue"]);
    // Nobody else administers the municipality: the last one stays, and what they have waits for a successor.
    service.declare("attributes: { mission_lead: true },", "");
    assert_eq!(service.waits(), ["change_access mtremblay successor"]);
}

#[test]
fn cauca_6_asking_the_vendor_to_trigger_is_access() {
    let service = service(&member("mtremblay", "trigger_only", "attributes: { vendor_trigger_allowed: true },"));
    assert_eq!(service.risks("change_access mtremblay"), ["escalation", "mail"]);
    service.apply();
    // Access is exact: what is left out is taken away.
    service.declare("attributes: { vendor_trigger_allowed: true },", "");
    assert_eq!(service.risks("change_access mtremblay"), ["mail", "removal"]);
    service.apply();
    assert_eq!(service.rows("SELECT field FROM user_attributes WHERE value = 'true'"), [""; 0]);
}

#[test]
fn cauca_7_one_permission_group_of_three_or_none() {
    let service = service(&(member("aroy", "manager_support", "") + &member("broy", "{}", "")));
    service.apply();
    let held = "SELECT u.key || ' ' || coalesce(r.name, '-') FROM users u JOIN memberships m ON m.user_id = u.id
                LEFT JOIN roles r ON r.id = m.role_id ORDER BY u.key";
    assert_eq!(service.rows(held), ["aroy manager_support", "broy -"]);
    service.declare("beauceville: {}", "beauceville: { role: trigger_only, extra_roles: [manager_support] }");
    service.run(["plan"]).ends_with(3).tells("can't be given as an extra role");
    service.declare(", extra_roles: [manager_support]", "");
    service.declare("organizations:", "roles: { mayor: {} }\norganizations:");
    service.run(["validate"]).ends_with(3).tells("mayor");
    let shown = service.run(["rules", "show", "cauca"]);
    let roles = shown.ends_with(0).out.clone();
    let support = roles.split("manager_support:").nth(1).and_then(|rest| rest.split("trigger_only:").next());
    assert!(support.is_some_and(|support| support.contains("billing_report") && !support.contains("triggering")));
}

#[test]
fn cauca_8_another_group_is_an_escalation_unless_it_is_a_part_of_the_old_one() {
    let service = service(
        &(member("lead", "municipality_manager", "attributes: { mission_lead: true },")
            + &member("aroy", "municipality_manager", "")),
    );
    service.apply();
    let change = "change_role aroy beauceville";
    for (from, to, risks) in [
        ("municipality_manager", "trigger_only", vec!["mail", "removal"]),
        ("trigger_only", "manager_support", vec!["escalation", "mail", "removal"]),
        ("manager_support", "trigger_only", vec!["escalation", "mail", "removal"]),
        ("trigger_only", "municipality_manager", vec!["escalation", "mail"]),
    ] {
        let line = |group: &str| member("aroy", group, "");
        service.declare(&line(from), &line(to));
        assert_eq!(service.risks(change), risks, "{from} to {to}");
        service.apply();
    }
}

#[test]
fn cauca_9_a_user_belongs_to_one_municipality_and_is_found_by_it() {
    let others = member("broy", "trigger_only", "");
    let service = service(&(member("aroy", "trigger_only", "given_name: Anne, family_name: Roy,") + &others));
    service.apply();
    service.run(["explain", "Anne"]).ends_with(0).prints("aroy");
    service.run(["explain", "beauceville"]).ends_with(0).prints("aroy");
    service.declare("beauceville: trigger_only", "beauceville: trigger_only, lac-etchemin: trigger_only");
    service.run(["plan"]).ends_with(3).tells("belongs to 2 organizations, at most 1");
    service.declare("beauceville: trigger_only, ", "");
    service.apply();
    let towns = "SELECT o.name FROM memberships m JOIN organizations o ON o.id = m.organization_id
                 JOIN users u ON u.id = m.user_id WHERE u.key = 'aroy'";
    assert_eq!(service.rows(towns), ["lac-etchemin"]);
    service.declare("lac-etchemin: { kind: municipality }", "lac-etchemin: { kind: county }");
    service.run(["plan"]).ends_with(3).tells("county");
}

#[test]
fn cauca_10_a_modification_is_counted_as_a_mail_and_an_empty_one_is_never_written() {
    let service = service(&member("aroy", "trigger_only", "given_name: Anne,"));
    service.apply();
    let version = service.rows("SELECT version || '' FROM users");
    service.apply();
    assert_eq!(service.rows("SELECT version || '' FROM users"), version);
    service.declare("given_name: Anne,", "given_name: Annie, mobile: '+14185550100',");
    assert_eq!(service.risks("update_user aroy"), ["mail"]);
    let mails =
        service.plan()["guards"].as_array().unwrap().iter().find(|guard| guard["name"] == "mails").unwrap().clone();
    assert_eq!(mails["count"], 1);
    service.apply();
}

#[test]
fn cauca_11_first_passwords_and_new_ones_are_generated_and_handed_over_once() {
    let service = service(&(member("aroy", "trigger_only", "") + &member("broy", "trigger_only", "")));
    service.apply();
    let first = service.secrets();
    assert_eq!(
        first.iter().map(|(user, kind, _)| format!("{user} {kind}")).collect::<Vec<_>>(),
        ["aroy password", "broy password"]
    );
    assert_ne!(first[0].2, first[1].2);
    // Nothing is planned about a password, whatever becomes of it.
    service.run(["reset-password", "broy", "--yes"]).ends_with(0).prints("broy: password reset");
    assert_eq!(service.ids(), [""; 0]);
    let second = service.secrets();
    assert_eq!(second[..2], first[..]);
    assert!(second.len() == 3 && second[2].0 == "broy" && second[2].2 != first[1].2, "{second:?}");
    let kept =
        service.rows("SELECT verifier FROM credentials").concat() + &service.0.read(".rollcall/journal-local.jsonl");
    assert!(second.iter().all(|(_, _, secret)| !kept.contains(secret)));
}

#[test]
fn cauca_12_removal_deletes_after_a_confirmation() {
    let service = service(&(member("aroy", "trigger_only", "") + &member("broy", "municipality_manager", "")));
    service.apply();
    service.declare("aroy: {", "aroy: { status: absent,");
    assert!(service.waits().contains(&"delete_user aroy grace".to_owned()), "{:?}", service.waits());
    service.apply();
    let later = ["apply", "--at", "2099-01-01T00:00:00Z"];
    assert_ne!(service.run(later).code, Some(0), "deleted without a confirmation");
    assert_eq!(service.rows("SELECT key FROM users ORDER BY key"), ["aroy", "broy"]);
    service.run(later.into_iter().chain(["--yes"])).ends_with(0);
    assert_eq!(service.rows("SELECT key FROM users"), ["broy"]);
}
