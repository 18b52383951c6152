//! What a plan says about people: sums, whom a change of the catalog reaches, and names that look like words.

use serde_json::{Value, json};

use super::super::support::cli::{Repository, Run};

const SETTINGS: &str = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: { onboarding: create } } }\n\
                        manage: { absent_users: deactivate }\n";

/// Everybody is active at once. Ana reaches every site of north, Ben has pit-1 as operator, Kim is in south only.
const MANIFEST: &str = "\
organizations:
  north:
    sites: { pit-1: {}, pit-2: {} }
  south:
    sites: { yard: {} }
roles:
  manager: { rank: 40, site_access: all }
  operator: { rank: 20 }
  viewer: { rank: 10 }
users:
  ana@example.com:
    access: { north: manager }
  ben@example.com:
    access: { north: { role: operator, sites: [pit-1] } }
  kim@example.com:
    access: { south: { role: viewer, sites: [yard] } }
";

fn applied() -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", SETTINGS);
    repository.write("access/all.yaml", MANIFEST);
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository
}

/// `[join, leave, gain, lose]` of the plan, and the plan as text.
fn plan(repository: &Repository) -> ([u64; 4], Run, Value) {
    let json = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    let people = &json["summary"]["people"];
    let sums = ["join", "leave", "gain", "lose"].map(|column| people[column].as_u64().expect("a number"));
    (sums, repository.run(["plan"]), json)
}

#[test]
fn what_a_site_includes_counts_in_sums_and_explanations() {
    let repository = applied();
    repository.edit("access/all.yaml", "pit-1: {}", "pit-1: { includes: [pit-2] }");
    let (sums, text, json) = plan(&repository);
    assert_eq!(sums, [0, 0, 1, 0], "Ben reaches pit-2 now, Ana did before\n{text}");
    text.prints("! north").prints("1 person gains access in north: ben@example.com").prints("people: 1 gains access");
    assert_eq!(
        json["affected"],
        json!([{ "action": "update_site north pit-1", "gain": ["ben@example.com"], "lose": [], "organizations": ["north"] }])
    );
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["explain", "ben@example.com"]).prints("north/pit-2   granted, through pit-1");
    repository.run(["explain", "north/pit-2"]).prints("2 people").prints("ben@example.com   granted, through pit-1");
    repository.run(["explain", "north"]).prints("operator, 1 site ");
    let explained = repository.run(["explain", "north/pit-2", "--format", "json"]).json();
    assert_eq!(explained["places"][0]["holders"][1]["access"]["through"], json!(["pit-1"]));

    // A grant of what is reached already is no gain, and its end no loss.
    repository.edit("access/all.yaml", "sites: [pit-1] }", "sites: [pit-1, pit-2] }");
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [0; 4], "{text}");
    text.prints("1 action: 1 site granted").prints("people: nobody's access changes");
    repository.edit("access/all.yaml", "sites: [pit-1, pit-2] }", "sites: [pit-1] }");

    repository.edit("access/all.yaml", "pit-1: { includes: [pit-2] }", "pit-1: { includes: [] }");
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [0, 0, 0, 1], "{text}");
    text.prints("- north").prints("1 person loses access in north: ben@example.com");
}

#[test]
fn what_a_site_includes_is_followed_to_its_end() {
    let repository = applied();
    repository.edit("access/all.yaml", "pit-1: {}, pit-2: {}", "pit-1: { includes: [pit-2] }, pit-2: {}, pit-3: {}");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "pit-2: {},", "pit-2: { includes: [pit-3] },");
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [0, 0, 1, 0], "{text}");
    text.prints("1 person gains access in north: ben@example.com");
}

#[test]
fn what_an_organization_includes_counts_in_sums_and_explanations() {
    let repository = applied();
    repository.edit("access/all.yaml", "  south:\n", "  south:\n    includes: [north]\n");
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [0, 0, 1, 0], "{text}");
    text.prints("! south").prints("1 person gains access in north: kim@example.com").prints("escalation");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["explain", "north"]).prints("kim@example.com   viewer, through south");
}

#[test]
fn a_role_that_changes_names_its_holders_and_their_organizations() {
    let repository = applied();
    repository.edit("access/all.yaml", "operator: { rank: 20 }", "operator: { rank: 20, site_access: all }");
    repository.edit("access/all.yaml", "{ role: operator, sites: [pit-1] }", "operator");
    let (sums, text, json) = plan(&repository);
    assert_eq!(sums, [0, 0, 1, 0], "{text}");
    text.prints("! role operator  site access selected → all; 1 person gains access in north: ben@example.com");
    assert_eq!(json["affected"][0]["gain"], json!(["ben@example.com"]));
    assert!(!text.out.contains("\ncatalog\n"), "{text}");

    repository.write("access/all.yaml", MANIFEST);
    repository.edit(
        "access/all.yaml",
        "manager: { rank: 40, site_access: all }",
        "manager: { rank: 5, site_access: all }",
    );
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [0, 0, 0, 1], "{text}");
    text.prints("- role manager").prints("1 person loses access in north: ana@example.com");
}

#[test]
fn many_holders_of_a_role_are_named_first_and_counted_then() {
    let repository = applied();
    let person = |number| format!("  u{number}@example.com: {{ access: {{ north: operator, south: operator }} }}\n");
    let more: Vec<String> = (0..5).map(person).collect();
    repository.write("access/more.yaml", &format!("users:\n{}", more.concat()));
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "operator: { rank: 20 }", "operator: { rank: 30 }");
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [0, 0, 6, 0], "{text}");
    text.prints("6 people gain access in north and south: ben@example.com, u0@example.com, u1@example.com and 3 more");
    repository.run(["plan", "-v"]).prints("u4@example.com");
}

#[test]
fn a_new_site_says_who_reaches_it_at_once() {
    let repository = applied();
    repository.edit("access/all.yaml", "pit-2: {}", "pit-2: {}, pit-3: {}");
    let (sums, text, json) = plan(&repository);
    assert_eq!(sums, [0, 0, 1, 0], "{text}");
    text.prints("+ north  site pit-3 created, reached by 1 person: ana@example.com");
    assert_eq!(json["affected"][0]["action"], "create_site north pit-3");
}

#[test]
fn a_demotion_from_every_site_is_no_gain_of_the_sites_that_stay() {
    let repository = applied();
    repository.edit("access/all.yaml", "{ north: manager }", "{ north: { role: operator, sites: [pit-1] } }");
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [0, 0, 0, 1], "{text}");
    text.prints("- ana@example.com  manager → operator, every site (2) → pit-1");
    assert!(!text.out.contains("gains site"), "{text}");
    repository.edit("access/all.yaml", "{ role: operator, sites: [pit-1] } }\n  ben", "operator }\n  ben");
    repository.run(["plan"]).prints("manager → operator, every site (2) → no site");
}

#[test]
fn a_promotion_to_every_site_is_a_gain_also_where_grants_end() {
    let repository = applied();
    repository.edit("access/all.yaml", "{ role: operator, sites: [pit-1] }", "manager");
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [0, 0, 1, 0], "{text}");
    text.prints("! ben@example.com  operator → manager, every site (2)");
}

#[test]
fn who_comes_back_is_told_with_the_access_that_returns() {
    let repository = applied();
    repository.sql("UPDATE users SET status = 'inactive' WHERE key IN ('ben@example.com', 'kim@example.com');");
    repository.edit("access/all.yaml", "ben@example.com:", "ben@example.com:\n    status: active");
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [1, 0, 0, 0], "{text}");
    text.prints("+ ben@example.com  reactivated: again operator of north, pit-1").prints("access returns");

    // Who is locked out gains nothing by a role that is made more.
    repository.edit("access/all.yaml", "viewer: { rank: 10 }", "viewer: { rank: 15 }");
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [1, 0, 0, 0], "{text}");
}

#[test]
fn an_invitation_that_goes_out_says_what_it_opens() {
    let repository = Repository::small();
    repository.edit("access/all.yaml", "ben@example.com:", "ben@example.com:\n    status: preloaded");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "    status: preloaded\n", "");
    let (sums, text, _) = plan(&repository);
    assert_eq!(sums, [1, 0, 0, 0], "an account that is invited joins, it can do nothing before\n{text}");
    text.prints("invitation sent: operator of north, pit-1");
}

#[test]
fn what_opens_only_on_acceptance_is_no_gain_by_the_catalog() {
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "operator: { rank: 20 }", "operator: { rank: 30 }");
    repository.edit("access/all.yaml", "pit-2: {}", "pit-2: {}, pit-3: {}");
    let (sums, text, json) = plan(&repository);
    assert_eq!(sums, [0; 4], "{text}");
    assert_eq!(json["affected"], json!([]));
}

#[test]
fn a_name_can_not_look_like_words_of_the_plan() {
    let repository = Repository::small();
    let name = "acme, and nothing else changes";
    repository.edit(
        "access/all.yaml",
        "organizations:\n",
        &format!("organizations:\n  {name}: {{ sites: {{ a b: {{}} }} }}\n"),
    );
    repository.edit("access/all.yaml", "{ north: manager }", &format!("{{ north: manager, \"{name}\": operator }}"));
    let run = repository.run(["plan"]);
    run.prints("manager of north, every site (2)").prints(&format!("operator of \"{name}\""));
    run.prints(&format!("+ \"{name}\"")).prints("site \"a b\" created");
    assert!(!run.out.lines().any(|line| line.starts_with("acme")), "{run}");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["explain", "ana@example.com"]).prints(&format!("\n\"{name}\"   operator"));
}

/// What goes before somebody comes back does not come back.
#[test]
fn a_reduction_before_a_reactivation_is_no_escalation() {
    let repository = Repository::applied();
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    let cara = "  cara@example.com: { status: active, access: { north: ROLE } }\n";
    let declare = |role: &str, status: &str| {
        let text = cara.replace("ROLE", role).replace("active", status);
        repository.write("access/cara.yaml", &format!("users:\n{text}"));
    };
    let risks = || -> Vec<String> {
        let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
        let actions = plan["actions"].as_array().expect("actions").clone();
        actions.iter().map(|action| format!("{} {}", action["action"], action["risk"])).collect()
    };
    declare("manager", "active");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "cara@example.com"]).ends_with(0);
    declare("manager", "inactive");
    repository.run(["apply", "--yes"]).ends_with(0);
    declare("operator", "active");
    assert_eq!(risks(), ["\"change_role\" [\"removal\"]", "\"reactivate_user\" [\"access_returns\"]",]);
    // An admin who comes back as one is an escalation.
    declare("manager", "active");
    assert_eq!(risks(), ["\"reactivate_user\" [\"access_returns\",\"escalation\"]"]);
}
