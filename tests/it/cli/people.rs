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
fn who_is_invited_counts_like_who_is_in_where_the_catalog_changes() {
    let count = |json: &Value, guard: &str| -> Vec<Value> {
        let guards = json["guards"].as_array().expect("a list").iter();
        guards.filter(|one| one["name"] == guard).map(|one| one["count"].clone()).collect()
    };
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "operator: { rank: 20 }", "operator: { rank: 20, admin: true }");
    repository.edit("access/all.yaml", "pit-2: {}", "pit-2: {}, pit-3: {}");
    let (sums, text, json) = plan(&repository);
    assert_eq!(sums, [0, 0, 2, 0], "{text}");
    text.prints("1 person becomes admin of north: ben@example.com").prints("reached by 1 person: ana@example.com");
    assert_eq!(count(&json, "escalations"), [1]);

    // Under another name at once.
    repository.edit(
        "access/all.yaml",
        "operator: { rank: 20, admin: true }",
        "worker: { rank: 20, admin: true, previously: operator }",
    );
    repository.edit("access/all.yaml", "role: operator", "role: worker");
    let (sums, text, json) = plan(&repository);
    assert_eq!(sums, [0, 0, 2, 0], "{text}");
    assert_eq!(count(&json, "escalations"), [1]);

    let repository = Repository::applied();
    repository.edit("access/all.yaml", "site_access: all, admin: true", "admin: true");
    let (sums, text, json) = plan(&repository);
    assert_eq!(sums, [0, 0, 0, 1], "{text}");
    text.prints("1 person loses access in north: ana@example.com");
    assert_eq!(count(&json, "removals"), [1, 1], "of the store and of north");
    // By a file as well.
    let settings = repository.read("rollcall.yaml");
    repository.run(["plan", "--out", "p.json"]).ends_with(0);
    repository
        .write("rollcall.yaml", &format!("{settings}guards: {{ removals: {{ max_percent: 0, min_count: 0 }} }}\n"));
    repository.run(["apply", "p.json", "--yes"]).ends_with(4).tells("`removals`");
    repository.run(["apply", "--yes"]).ends_with(4).tells("`removals`");

    // What a site includes.
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "pit-1: {}", "pit-1: { includes: [pit-2] }");
    let (sums, text, json) = plan(&repository);
    assert_eq!(sums, [0, 0, 1, 0], "{text}");
    assert_eq!(count(&json, "escalations"), [1]);
    repository.run(["plan", "--out", "p.json"]).ends_with(0);
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{settings}guards: {{ escalations: {{ max_count: 0 }} }}\n"));
    repository.run(["apply", "p.json", "--yes"]).ends_with(4).tells("`escalations`");
    repository.write("rollcall.yaml", &settings);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "pit-1: { includes: [pit-2] }", "pit-1: {}");
    let (sums, text, json) = plan(&repository);
    assert_eq!(sums, [0, 0, 0, 1], "{text}");
    assert_eq!(count(&json, "removals"), [1, 1]);
}

#[test]
fn what_is_not_offered_yet_is_no_gain_by_the_catalog() {
    let repository = Repository::small();
    repository.edit("access/all.yaml", "ben@example.com:", "ben@example.com:\n    status: preloaded");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "operator: { rank: 20 }", "operator: { rank: 30 }");
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

/// Access in fields is access: `explain` shows it with the lines it comes from, and what the store has instead.
#[test]
fn explain_shows_access_in_fields_and_two_factor_authentication() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: cabinet.yaml } }\n\
         manage: { absent_users: report }\nsecrets: { sink: { file: .rollcall/secrets } }\n",
    );
    repository
        .write("cabinet.yaml", "rules: { extends: modulr, attributes: { clearance: { values: [open, secret] } } }\n");
    repository.write(
        "access/all.yaml",
        "organizations: { cabinet: {} }
users:
  sdiop:
    name: Sémou Diop
    mfa: true
    attributes: { clearance: secret, portfolio_scope: [home], restricted_documents: unmanaged }
    api: { enabled: true, routes: [GET /clients/$] }
    access: { cabinet: user }
  lmorel: { name: Léa Morel, attributes: { portfolio_scope: all }, access: { cabinet: administrator } }
",
    );
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    let run = repository.run(["explain", "sdiop"]);
    run.ends_with(0).prints(
        "
  api.enabled                      true                                          access/all.yaml:7
  api.routes                       \"GET /clients/$\"                              access/all.yaml:7
  attributes.clearance             secret                                        access/all.yaml:6
  attributes.portfolio_scope       home                                          access/all.yaml:6
  attributes.restricted_documents  managed by others: left as it is, now (none)  access/all.yaml:6
  mfa                              true                                          access/all.yaml:5
    not in the store yet
",
    );
    repository.run(["explain", "lmorel"]).ends_with(0).prints(
        "attributes.portfolio_scope  everything   access/all.yaml:9\n  name                        \"Léa Morel\"",
    );
    repository.edit("access/all.yaml", "clearance: secret", "clearance: open");
    repository.edit("access/all.yaml", "    api: { enabled: true, routes: [GET /clients/$] }\n", "");
    let run = repository.run(["explain", "sdiop"]);
    run.prints("access/all.yaml:6\n    in the store: secret\n").prints("true, in the store only: nothing declares it");
    let document = repository.run(["explain", "sdiop", "--format", "json"]).ends_with(0).json();
    let fields = document["users"][0]["fields"].as_array().expect("fields");
    let clearance = fields.iter().find(|field| field["field"] == "attributes.clearance").expect("there");
    assert_eq!((&clearance["declared"], &clearance["live"]), (&json!("open"), &json!("secret")));
    assert_eq!(clearance["line"], json!({ "file": "access/all.yaml", "line": 6, "column": 30 }));
}

/// As people type into a search bar (ALT-12).
#[test]
fn explain_finds_people_by_words_in_any_order_and_without_accents() {
    let repository = Repository::applied();
    repository.edit(
        "access/all.yaml",
        "  ana@example.com:\n",
        "  ana@example.com:\n    given_name: Zoé Marie\n    family_name: Dupont\n",
    );
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    family_name: Dupont\n");
    for asked in ["dupont marie", "Marie DUPONT", "zoe", "Zoe\u{301}", "ZOÉ dup"] {
        let run = repository.run(["explain", asked]);
        run.ends_with(0)
            .prints(&format!("nobody and nothing is called exactly `{asked}`; only ana@example.com is like it:\n\n"))
            .prints("ana@example.com   declared in access/all.yaml:");
        repository.run(["plan", "--target", asked]).ends_with(0).prints("given name (none) → \"Zoé Marie\"");
    }
    let document = repository.run(["explain", "dupont marie", "--format", "json"]).ends_with(0).json();
    assert_eq!(document["users"][0]["user"], "ana@example.com");
    assert_eq!(document["likely"], json!(["ana@example.com"]));
    let several = repository.run(["explain", "dupont"]);
    several.ends_with(0).prints("did you mean:\n  ana@example.com\n  ben@example.com\n");
    assert!(!several.out.contains("declared in"), "{several}");
    // By the organization that somebody belongs to, too.
    repository.run(["explain", "dupont north"]).ends_with(0).prints("  ana@example.com\n  ben@example.com\n");
    repository.run(["explain", "dupont martin"]).ends_with(1);
}

/// A store may hold a key whose accents stand apart from their letters: the person is the same one, and not let in twice.
#[test]
fn a_live_key_with_its_accents_apart_is_the_same_person() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: { extends: default, \
         identity: { key: login } } } }\nmanage: { absent_users: deactivate }\n",
    );
    repository.write(
        "access/all.yaml",
        "organizations: { north: {} }\nroles: { crew: { rank: 1 } }\n\
         users: { josé: { email: jose@example.com, access: { north: crew } } }\n",
    );
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "jose\u{301}"]).ends_with(0);
    repository.sql("UPDATE users SET key = 'jose' || char(0x301)");
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"], json!([]), "{plan}");
    repository.run(["explain", "jose\u{301}"]).ends_with(0).prints("active in the store");
    // The spelling stays, and no manifest can say it.
    repository
        .run(["import", "--out", "seen"])
        .ends_with(0)
        .tells("is not in Unicode normalization form C")
        .prints("0 accounts written");
}
