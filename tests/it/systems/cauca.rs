//! CAUCA: mass alerts and notifications for municipalities.

use super::Service;

const TOWNS: &str =
    "organizations:\n  beauceville: { kind: municipality }\n  lac-etchemin: { kind: municipality }\nusers:\n";

/// A user with an address, as the member of a group of Beauceville.
pub(super) fn member(login: &str, group: &str, more: &str) -> String {
    format!("  {login}: {{ email: {login}@example.com, {more} access: {{ beauceville: {group} }} }}\n")
}

/// A store with these users.
pub(super) fn service(users: &str) -> Service {
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

/// Neither accents nor case nor the number hide a word, nor what stands before it; a surname that begins with one is none.
#[test]
fn cauca_2_the_words_of_shared_accounts_are_known_however_they_are_written() {
    let shared = [
        "Équipe-nord",
        "les-admins",
        "RÉCEPTION",
        "beauceville.mairie",
        "pompiers2",
        "gardes",
        "villes",
        "greffe",
        "noreply2",
    ];
    let people = ["mvilleneuve", "villeneuve", "gardechamp", "infante", "bureaud", "greffet"];
    let line = |login: &&str| format!("  {login}: {{ email: x@example.com, access: {{}} }}\n");
    let service = service(&shared.iter().chain(&people).map(line).collect::<String>());
    let told = service.run(["validate"]).ends_with(0).err.clone();
    let is_told = |login: &&&str| told.contains(&format!("`{login}` looks like"));
    assert_eq!(shared.iter().filter(is_told).collect::<Vec<_>>(), shared.iter().collect::<Vec<_>>(), "{told}");
    assert_eq!(people.iter().filter(is_told).count(), 0, "{told}");
}

#[test]
fn cauca_3_what_is_live_counts_beside_what_is_declared() {
    let lines = |first: &str, second: &str| member("aroy", "trigger_only", first) + &member("broy", "{}", second);
    let service = service(&lines("mfa: true,", "mobile: '+14185550100', mfa: true,"));
    service.apply();
    // The contact is emptied, and that two-factor authentication is on is live only.
    service.declare("email: aroy@example.com, mfa: true,", "email: '',");
    let run = service.run(["plan"]);
    run.ends_with(3).tells("`aroy` needs `email` or `mobile`").tells("access/all.yaml:5:18").tells("with what is live");
    service.run(["apply", "--yes"]).ends_with(3);
    // With it off, or another contact, it may be.
    service.declare("email: '',", "email: '', mfa: false,");
    service.apply();
    service.declare("email: broy@example.com, mobile: '+14185550100', mfa: true,", "email: '',");
    service.apply();
    service.declare("access: { beauceville: {} }", "mobile: '  ', access: { beauceville: {} }");
    service.run(["plan"]).ends_with(3);
    // Nobody is blamed for what stands in no line.
    service.declare("email: '', mobile: '  ', access", "access");
    service.0.sql("UPDATE users SET email = NULL, mobile = NULL WHERE key = 'broy'");
    assert_eq!(service.ids(), [""; 0]);
}

#[test]
fn cauca_4_an_address_that_is_live_and_declared_nowhere_is_there() {
    let service = service(&(member("aroy", "trigger_only", "") + &member("broy", "{}", "")));
    service.apply();
    service.declare("email: aroy@example.com, ", "");
    let silent = |service: &Service| !service.run(["plan"]).ends_with(0).err.contains("needs `email`");
    assert!(silent(&service));
    service.0.sql("UPDATE users SET email = NULL WHERE key = 'aroy'");
    service.run(["plan"]).tells("`aroy` needs `email`");
    // Nor does anybody need one who leaves.
    service.declare("users:", "inactive: [aroy]\nusers:");
    assert!(silent(&service));
    service.declare("inactive: [aroy]\n", "");
    // What others manage counts as they gave it.
    let unmanaged = "attributes: { vendor_trigger_allowed: unmanaged }, access: { beauceville: unmanaged }";
    service.declare("access: { beauceville: trigger_only }", unmanaged);
    service.run(["plan"]).tells("`aroy` needs `email`");
    service.0.sql(
        "INSERT INTO user_attributes (user_id, field, value)
         SELECT id, 'attributes.vendor_trigger_allowed', 'true' FROM users WHERE key = 'aroy'",
    );
    service.run(["plan"]).tells("`aroy` needs `email`");
    service.0.sql("UPDATE memberships SET role_id = NULL WHERE user_id = (SELECT id FROM users WHERE key = 'aroy')");
    assert!(silent(&service));
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
    // Nor of whoever is to be deleted.
    service.declare("  aroy: { access: { beauceville: manager_support } }", "  aroy: { status: absent }");
    let run = service.run(["plan"]);
    run.ends_with(0);
    assert!(!run.err.contains("`aroy` needs"), "{run}");
}

#[test]
fn cauca_5_a_mission_lead_is_an_admin_of_the_municipality() {
    let service = service(&member("mtremblay", "{}", "attributes: { mission_lead: true },"));
    assert_eq!(service.risks("change_access mtremblay"), ["escalation"]);
    service.apply();
    assert_eq!(service.rows("SELECT field || value FROM user_attributes"), ["attributes.mission_leadtrue"]);
    // Nobody else administers the municipality: the last one stays, and what they have waits for a successor.
    service.declare("attributes: { mission_lead: true },", "");
    assert_eq!(service.waits(), ["change_access mtremblay successor"]);
}

#[test]
fn cauca_6_asking_the_vendor_to_trigger_is_access() {
    let service = service(&member("mtremblay", "trigger_only", "attributes: { vendor_trigger_allowed: true },"));
    assert_eq!(service.risks("change_access mtremblay"), ["escalation"]);
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
fn cauca_8_a_larger_group_in_another_municipality_is_an_escalation_as_well() {
    let service = service(&(member("broy", "municipality_manager", "") + &member("aroy", "trigger_only", "")));
    service.apply();
    let to = |group: &str| format!("aroy@example.com,  access: {{ lac-etchemin: {group} }}");
    service.declare("aroy@example.com,  access: { beauceville: trigger_only }", &to("municipality_manager"));
    assert_eq!(service.risks("add_membership aroy lac-etchemin"), ["escalation", "mail", "removal"]);
    service.declare(&to("municipality_manager"), &to("trigger_only"));
    assert_eq!(service.risks("add_membership aroy lac-etchemin"), ["mail", "removal"]);
}

#[test]
fn cauca_5_a_mission_lead_who_gets_a_municipality_is_an_escalation() {
    let lead = |login: &str, access: &str| {
        member(login, "{}", "attributes: { mission_lead: true },").replace("{ beauceville: {} }", access)
    };
    let service = service(&(lead("broy", "{ beauceville: {} }") + &lead("croy", "{ beauceville: {} }")));
    service.apply();
    // By going there, or as the first one of an account.
    service.declare(&lead("croy", "{ beauceville: {} }"), &lead("croy", "{ lac-etchemin: {} }"));
    assert_eq!(service.risks("add_membership croy lac-etchemin"), ["escalation", "mail", "removal"]);
    service.declare(&lead("croy", "{ lac-etchemin: {} }"), &lead("croy", "{}"));
    service.apply();
    service.declare(&lead("croy", "{}"), &lead("croy", "{ lac-etchemin: {} }"));
    assert_eq!(service.risks("add_membership croy lac-etchemin"), ["escalation", "mail"]);
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
    // Going to another one is one action, which ends the old membership.
    let switch = service.action("add_membership aroy lac-etchemin");
    assert_eq!(service.ids(), ["add_membership aroy lac-etchemin"]);
    let old = serde_json::json!({ "default_site": null, "extra_roles": [], "role": "trigger_only", "sites": {} });
    assert_eq!(switch["before"], serde_json::json!({ "access": { "beauceville": old } }));
    assert_eq!((&switch["needs"], &switch["risk"]), (&serde_json::json!([]), &serde_json::json!(["mail", "removal"])));
    service.run(["plan"]).ends_with(0).prints("becomes trigger_only in place of trigger_only of beauceville");
    service.run(["plan"]).prints("1 loses access and 1 gains access");
    service.apply();
    let towns = "SELECT o.name FROM memberships m JOIN organizations o ON o.id = m.organization_id
                 JOIN users u ON u.id = m.user_id WHERE u.key = 'aroy'";
    assert_eq!(service.rows(towns), ["lac-etchemin"]);
    service.declare("lac-etchemin: { kind: municipality }", "lac-etchemin: { kind: county }");
    service.run(["plan"]).ends_with(3).tells("county");
}

#[test]
fn cauca_9_a_switch_is_done_whole_or_not_at_all_and_its_saved_plan_is_finished_or_stale() {
    let towns = "SELECT o.name FROM memberships m JOIN organizations o ON o.id = m.organization_id
                 JOIN users u ON u.id = m.user_id WHERE u.key = 'aroy'";
    let others = member("broy", "municipality_manager", "");
    let service = service(&(member("aroy", "trigger_only", "") + &others));
    service.apply();
    let [here, there] = ["aroy@example.com,  access: { beauceville:", "aroy@example.com,  access: { lac-etchemin:"];
    service.declare(here, there);
    service.run(["plan", "--out", "plan.json"]).ends_with(0);
    // The addition fails, and the old membership is still there.
    service.0.sql("CREATE TRIGGER stop BEFORE INSERT ON memberships BEGIN SELECT RAISE(ABORT, 'stopped'); END");
    service.run(["apply", "plan.json", "--yes"]).prints("stopped");
    assert_eq!(service.rows(towns), ["beauceville"]);
    service.0.sql("DROP TRIGGER stop");
    // Somebody gave another group meanwhile: what is taken away is never more than what was reviewed.
    let give = |group: &str| {
        service.0.sql(&format!(
            "UPDATE memberships SET role_id = (SELECT id FROM roles WHERE name = '{group}')
             WHERE user_id = (SELECT id FROM users WHERE key = 'aroy')"
        ));
    };
    give("municipality_manager");
    service.run(["apply", "plan.json", "--yes"]).ends_with(5).prints("add_membership aroy lac-etchemin");
    assert_eq!(service.rows(towns), ["beauceville"]);
    give("trigger_only");
    service.run(["apply", "plan.json", "--yes"]).ends_with(0).prints("1 action: 1 done");
    assert_eq!(service.rows(towns), ["lac-etchemin"]);
    service.run(["apply", "plan.json", "--yes"]).ends_with(0).prints("1 action: 1 already true");
    // A plan that saw no other membership adds no second one.
    service.0.sql("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE key = 'aroy')");
    service.run(["plan", "--out", "again.json"]).ends_with(0);
    service.0.sql(
        "INSERT INTO memberships (user_id, organization_id) SELECT u.id, o.id FROM users u, organizations o
         WHERE u.key = 'aroy' AND o.name = 'beauceville'",
    );
    let run = service.run(["apply", "again.json", "--yes"]);
    assert_ne!(run.code, Some(0), "{run}");
    assert_eq!(service.rows(towns), ["beauceville"]);
    service.apply();
    assert_eq!(service.rows(towns), ["lac-etchemin"]);
}

#[test]
fn cauca_9_the_last_mission_lead_stays_until_there_is_another_one_and_then_moves() {
    let lead = |login: &str, town: &str| {
        member(login, "municipality_manager", "attributes: { mission_lead: true },").replace("beauceville", town)
    };
    let service = service(&lead("aroy", "beauceville"));
    service.apply();
    service.declare(&lead("aroy", "beauceville"), &lead("aroy", "lac-etchemin"));
    assert_eq!(service.waits(), ["add_membership aroy successor"]);
    service.run(["plan"]).ends_with(0).prints("in place of municipality_manager of beauceville");
    // With another one, who comes first.
    let both = lead("aroy", "lac-etchemin") + &lead("broy", "beauceville");
    service.declare(&lead("aroy", "lac-etchemin"), &both);
    assert_eq!(service.waits(), [""; 0]);
    let needs = service.action("add_membership aroy lac-etchemin")["needs"].clone();
    assert_eq!(needs, serde_json::json!(["add_membership broy beauceville"]), "an attribute alone makes no lead");
    let needs = service.action("add_membership broy beauceville")["needs"].to_string();
    assert!(needs.contains("change_access broy"), "{needs}");
    service.apply();
    // A town that is deleted once nobody is in it any more. Nobody is left there, which a guard does not let pass by.
    service.declare(&both, &both.replace("beauceville", "lac-etchemin"));
    service.declare("beauceville: { kind: municipality }", "beauceville: { status: absent }");
    let plan = service.run(["plan", "--waive", "min_admins", "--format", "json"]).ends_with(4).json();
    let ids: Vec<_> = plan["actions"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, ["add_membership broy lac-etchemin", "delete_organization beauceville"]);
    assert_eq!(plan["actions"][1]["needs"], serde_json::json!(["add_membership broy lac-etchemin"]));
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
fn cauca_10_all_that_changes_in_one_user_at_once_is_one_mail() {
    let service = service(&member("aroy", "trigger_only", "attributes: { vendor_trigger_allowed: true },"));
    let mails = || {
        let guards = service.list("guards");
        let mails = guards.iter().find(|guard| guard["name"] == "mails").expect("the guard of mails").clone();
        let risks = service.list("actions").into_iter().filter(|one| one["risk"].to_string().contains("mail")).count();
        assert_eq!(mails["count"], risks, "{mails}");
        risks
    };
    // The account, its access fields and its group.
    assert_eq!(mails(), 1);
    service.run(["plan"]).ends_with(0).prints("1 mail ");
    service.apply();
    service.declare("{ beauceville: trigger_only }", "{ beauceville: municipality_manager }");
    service.declare("attributes: { vendor_trigger_allowed: true },", "given_name: Anne,");
    assert_eq!(service.ids().len(), 3);
    assert_eq!(mails(), 1);
    service.declare("users:\n", &format!("users:\n{}", member("broy", "trigger_only", "")));
    assert_eq!(mails(), 2);
    // A saved plan counts the same.
    service.run(["plan", "--out", "plan.json"]).ends_with(0);
    service.run(["apply", "plan.json", "--yes"]).ends_with(0).prints("mails 2 of");
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

#[test]
fn cauca_12_what_is_not_stated_about_an_end_is_told_so_and_a_strip_names_all_that_goes() {
    let service = service(
        &(member("aroy", "trigger_only", "attributes: { vendor_trigger_allowed: true },")
            + &member("broy", "municipality_manager", "")),
    );
    service.apply();
    service.declare("aroy: {", "aroy: { status: absent,");
    let run = service.run(["plan"]);
    run.ends_with(0).prints("(was trigger_only of beauceville, attributes.vendor_trigger_allowed true)");
    service.apply();
    let later = service.run(["plan", "--at", "2099-01-01T00:00:00Z"]);
    later.ends_with(0).prints("deleted").prints("not stated whether it can be undone");
    assert!(!later.out.contains("can't be undone"), "{later}");
}
