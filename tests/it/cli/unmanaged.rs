//! `unmanaged` at its edges (`language.md` §3, 2): before somebody has an account, while an invitation is pending, when
//! an account comes back, under rules that demand what is left to others, and in places that end.

use serde_json::Value;

use crate::support::cli::Repository;

const CATALOG: &str = "\
organizations:
  north: { sites: { pit-1: {}, pit-2: {} } }
  south: { sites: { yard: {} } }
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20 }
  auditor: { applies_to: [extra] }
  support: { applies_to: [platform] }
users:
  ana@example.com: { access: { north: manager, south: manager } }
";

/// A store under these rules with Ana in it, and whoever else is declared.
fn repository(rules: &str, users: &str) -> Repository {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        &format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {{ extends: default{rules} }} }} }}\n\
             manage: {{ absent_users: deactivate }}\n"
        ),
    );
    declare(&repository, users);
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository
}

fn declare(repository: &Repository, users: &str) {
    repository.write("access/all.yaml", &format!("{CATALOG}{users}"));
}

/// Like [`repository`], and Ben has accepted.
fn with_ben(rules: &str, ben: &str) -> Repository {
    let repository = repository(rules, ben);
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository
}

fn plan(repository: &Repository) -> Value {
    repository.run(["plan", "--format", "json"]).ends_with(0).json()
}

fn ids(plan: &Value) -> Vec<&str> {
    plan["actions"].as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an id")).collect()
}

/// `action organization waits_for` of each entry, sorted.
fn deferred(plan: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let entries = plan["deferred"].as_array().expect("a list").iter();
    let mut lines: Vec<String> =
        entries.map(|one| ["action", "organization", "waits_for"].map(|field| word(&one[field])).join(" ")).collect();
    lines.sort();
    lines
}

/// What somebody has: `north: manager [auditor] pit-1 | pit-1 pit-2`.
fn access(repository: &Repository, key: &str) -> Vec<String> {
    let store = repository.store();
    let sql = "SELECT o.name || ': ' || ifnull((SELECT name FROM roles WHERE id = m.role_id), '-') || ' [' \
               || ifnull((SELECT group_concat(r.name) FROM extra_roles e JOIN roles r ON r.id = e.role_id \
                  WHERE e.user_id = u.id AND e.organization_id = o.id), '') || '] ' \
               || ifnull((SELECT name FROM sites WHERE id = m.default_site_id), '-') || ' | ' \
               || ifnull((SELECT group_concat(name, ' ') FROM (SELECT s.name FROM site_grants g \
                  JOIN sites s ON s.id = g.site_id WHERE g.user_id = u.id AND g.organization_id = o.id ORDER BY 1)), '') \
               FROM users u JOIN memberships m ON m.user_id = u.id JOIN organizations o ON o.id = m.organization_id \
               WHERE u.key = ?1 ORDER BY o.name";
    let mut statement = store.prepare(sql).expect("a query");
    statement.query_map([key], |row| row.get(0)).expect("rows").map(|row| row.expect("text")).collect()
}

/// Somebody gives in the store what is left to others.
fn give(repository: &Repository, key: &str, organization: &str, what: &str) {
    let user = format!("(SELECT id FROM users WHERE key = '{key}')");
    let place = format!("(SELECT id FROM organizations WHERE name = '{organization}')");
    let role = |name: &str| format!("(SELECT id FROM roles WHERE name = '{name}')");
    let site = |name: &str| format!("(SELECT id FROM sites WHERE name = '{name}' AND organization_id = {place})");
    let sql = match what.split_once(' ').expect("what, and which") {
        ("member", name) => format!(
            "INSERT INTO memberships (user_id, organization_id, role_id) VALUES ({user}, {place}, {})",
            role(name)
        ),
        ("role", name) => format!(
            "UPDATE memberships SET role_id = {} WHERE user_id = {user} AND organization_id = {place}",
            role(name)
        ),
        ("extra", name) => format!(
            "INSERT INTO extra_roles (user_id, organization_id, role_id) VALUES ({user}, {place}, {})",
            role(name)
        ),
        ("site", name) => format!(
            "INSERT INTO site_grants (user_id, organization_id, site_id) VALUES ({user}, {place}, {})",
            site(name)
        ),
        ("default", name) => format!(
            "UPDATE memberships SET default_site_id = {} WHERE user_id = {user} AND organization_id = {place}",
            site(name)
        ),
        other => panic!("{other:?}"),
    };
    repository.sql(&sql);
}

const ONE_ROLE: &str = ", memberships: { role: { min: 1 } }";

#[test]
fn a_role_that_the_rules_demand_and_others_give_is_asked_for_before_anybody_is_invited() {
    let repository = repository(ONE_ROLE, "");
    declare(&repository, "  zoe@example.com: { access: { north: { role: unmanaged } } }\n");
    repository.run(["validate"]).ends_with(0);
    let run = repository.run(["plan"]);
    run.ends_with(0).prints("no changes").prints("waiting");
    let found = plan(&repository);
    assert_eq!(deferred(&found), ["add_membership north decision", "invite_user - decision"]);
    let told = &found["diagnostics"][0];
    assert_eq!(
        (&told["code"], &told["severity"], &told["line"]),
        (&"demanded-unmanaged".into(), &"warning".into(), &11.into())
    );
    let words = "the rules demand a role in `north`, which is left to others, and `zoe@example.com` has none";
    assert_eq!(told["message"], words);
    repository.run(["apply", "--yes"]).ends_with(0).tells(words);

    // With something that is decided, the person is let in for that, and the rest waits.
    declare(
        &repository,
        "  zoe@example.com: { access: { north: { role: unmanaged, sites: [pit-1] }, south: operator } }\n",
    );
    let found = plan(&repository);
    assert_eq!(ids(&found), ["invite_user zoe@example.com"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "zoe@example.com"]).ends_with(0);
    assert_eq!(access(&repository, "zoe@example.com"), ["south: operator [] - | "]);
    let found = plan(&repository);
    assert_eq!((ids(&found).len(), deferred(&found)[0].as_str()), (0, "add_membership north decision"));
    // Once somebody has decided, what is declared follows.
    give(&repository, "zoe@example.com", "north", "member operator");
    assert_eq!(ids(&plan(&repository)), ["grant_site zoe@example.com north pit-1"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(access(&repository, "zoe@example.com"), ["north: operator [] - | pit-1", "south: operator [] - | "]);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn where_no_role_is_demanded_others_give_one_later() {
    let repository = repository("", "");
    declare(
        &repository,
        "  zoe@example.com: { access: { north: { role: unmanaged, extra_roles: unmanaged, sites: unmanaged } } }\n",
    );
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "zoe@example.com"]).ends_with(0);
    assert_eq!(access(&repository, "zoe@example.com"), ["north: - [] - | "]);
    for what in ["role operator", "extra auditor", "site pit-2"] {
        give(&repository, "zoe@example.com", "north", what);
    }
    repository.run(["plan"]).ends_with(0).prints("no changes");
    assert_eq!(access(&repository, "zoe@example.com"), ["north: operator [auditor] - | pit-2"]);
    repository.run(["explain", "zoe@example.com"]).ends_with(0).prints("managed by others");
}

#[test]
fn sites_that_the_rules_demand_and_others_give_are_asked_for() {
    let repository = repository(", sites: { min: 1 }", "");
    declare(&repository, "  zoe@example.com: { access: { north: { role: operator, sites: unmanaged } } }\n");
    repository.run(["validate"]).ends_with(0);
    let found = plan(&repository);
    assert_eq!(deferred(&found), ["add_membership north decision", "invite_user - decision"]);
    assert!(found["diagnostics"][0]["message"].as_str().unwrap().contains("demand sites in `north`"), "{found}");
    // A role that reaches every site needs none.
    declare(&repository, "  zoe@example.com: { access: { north: { role: manager, sites: unmanaged } } }\n");
    assert_eq!(ids(&plan(&repository)), ["invite_user zoe@example.com"]);
}

#[test]
fn all_access_may_be_left_to_others_unless_the_rules_demand_a_membership() {
    let zoe = "  zoe@example.com: { access: unmanaged }\n";
    let repository = repository("", "");
    declare(&repository, zoe);
    repository.run(["apply", "--yes"]).ends_with(0).prints("invited");
    repository.run(["invitations", "accept", "zoe@example.com"]).ends_with(0);
    give(&repository, "zoe@example.com", "north", "member manager");
    repository.run(["plan"]).ends_with(0).prints("no changes");

    let strict = self::repository(", memberships: { per_user: { min: 1 } }", "");
    declare(&strict, zoe);
    let found = plan(&strict);
    assert_eq!((ids(&found).len(), deferred(&found)), (0, vec!["invite_user - decision".to_owned()]));
    assert_eq!(found["diagnostics"][0]["code"], "demanded-unmanaged");
}

/// An account that the rules do not allow would be ended by the next plan.
#[test]
fn a_new_account_has_the_memberships_that_the_rules_demand() {
    for (extra, action) in [("", "invite_user"), (", onboarding: create", "create_user")] {
        let repository = repository(", memberships: { per_user: { min: 1 } }", "");
        repository.edit("rollcall.yaml", "extends: default", &format!("extends: default{extra}"));
        declare(&repository, "  zoe@example.com: { access: {} }\n");
        repository
            .run(["validate"])
            .ends_with(0)
            .tells("belongs to 0 organizations, and a new account needs at least 1");
        let found = plan(&repository);
        assert_eq!((ids(&found).len(), deferred(&found)), (0, vec![format!("{action} - field")]), "{found}");
        // Whose membership begins later waits for the day.
        declare(&repository, "  zoe@example.com: { access: { north: { role: operator, starts: 2999-01-01 } } }\n");
        let found = plan(&repository);
        assert_eq!(ids(&found), Vec::<&str>::new(), "{found}");
        assert!(deferred(&found).contains(&format!("{action} - start")), "{found}");
        let validated = repository.run(["validate"]);
        assert!(!validated.ends_with(0).all().contains("a new account needs"), "{validated}");
        declare(&repository, "  zoe@example.com: { access: { north: operator } }\n");
        let found = plan(&repository);
        assert!(ids(&found).contains(&format!("{action} zoe@example.com").as_str()), "{found}");
        // Who is there and loses the last one is off-boarded, and nobody is told of new accounts.
        repository.run(["apply", "--yes"]).ends_with(0);
        repository.run(["apply", "--yes"]).ends_with(0);
        let again = repository.run(["plan"]);
        assert!(!again.ends_with(0).all().contains("a new account needs"), "{again}");
    }
}

#[test]
fn an_attribute_that_opens_everything_when_it_is_empty_is_asked_for() {
    let rules = ", attributes: { areas: { type: set, access: true, empty: all } }";
    let repository = repository("", "");
    repository.edit("rollcall.yaml", "extends: default", &format!("extends: default{rules}"));
    let zoe = "  zoe@example.com: { attributes: { areas: unmanaged }, access: { north: operator } }\n";
    let ana = "  ana@example.com: { access";
    let all = |users: &str| {
        let text = format!("{CATALOG}{users}").replace(ana, "  ana@example.com: { attributes: { areas: all }, access");
        repository.write("access/all.yaml", &text);
    };
    all(zoe);
    let found = plan(&repository);
    assert!(!ids(&found).iter().any(|id| id.contains("zoe")), "{found}");
    assert!(deferred(&found).contains(&"invite_user - decision".to_owned()), "{found}");
    repository.run(["plan"]).tells("which the store reads as everything");
    all(&zoe.replace("unmanaged", "[east]"));
    assert!(ids(&plan(&repository)).contains(&"invite_user zoe@example.com"));
}

#[test]
fn an_account_comes_back_with_what_others_manage() {
    let ben = "  ben@example.com: { access: { north: { role: unmanaged, sites: [pit-1] }, south: unmanaged } }\n";
    let repository = with_ben("", ben);
    for (place, what) in
        [("north", "role operator"), ("north", "site pit-2"), ("south", "member manager"), ("south", "extra auditor")]
    {
        give(&repository, "ben@example.com", place, what);
    }
    repository.sql("UPDATE users SET status = 'inactive' WHERE key = 'ben@example.com'");
    declare(&repository, &ben.replace("{ access", "{ status: active, access"));
    // What is too much of what is managed goes first, and nothing else.
    assert_eq!(ids(&plan(&repository)), ["revoke_site ben@example.com north pit-2", "reactivate_user ben@example.com"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(
        access(&repository, "ben@example.com"),
        ["north: operator [] - | pit-1", "south: manager [auditor] - | "]
    );
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn another_invitation_carries_what_others_manage_along() {
    let ben = "  ben@example.com: { access: { north: { role: operator, sites: [pit-1, pit-2] }, south: unmanaged } }\n";
    let repository = repository("", ben);
    give(&repository, "ben@example.com", "south", "member manager");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    let less = ben.replace("pit-1, pit-2", "pit-1");
    declare(&repository, &less);
    assert_eq!(ids(&plan(&repository)), ["cancel_invitation ben@example.com", "invite_user ben@example.com"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(access(&repository, "ben@example.com"), ["north: operator [] - | pit-1", "south: manager [] - | "]);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    // A rename does so, too.
    declare(&repository, &less.replace("ben@example.com: {", "bo@example.com: { previously: ben@example.com,"));
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(access(&repository, "bo@example.com"), ["north: operator [] - | pit-1", "south: manager [] - | "]);
}

#[test]
fn an_invitation_is_not_cancelled_where_another_one_would_lose_what_others_manage() {
    let ben = "  ben@example.com: { access: { north: { role: operator, sites: [pit-1] }, south: unmanaged } }\n";
    let repository = repository(", invitations: { carries: { organizations: 1 } }", ben);
    give(&repository, "ben@example.com", "south", "member manager");
    let before = access(&repository, "ben@example.com");
    declare(&repository, &ben.replace(", sites: [pit-1]", ""));
    let found = plan(&repository);
    assert_eq!((ids(&found).len(), deferred(&found)), (0, vec!["revoke_site north acceptance".to_owned()]));
    assert_eq!(found["diagnostics"][0]["code"], "waits-for-acceptance");
    assert_eq!(access(&repository, "ben@example.com"), before);
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(access(&repository, "ben@example.com"), ["north: operator [] - | ", "south: manager [] - | "]);
}

#[test]
fn what_others_manage_is_no_reason_for_another_invitation() {
    let ben =
        "  ben@example.com: { access: { north: { role: unmanaged, sites: unmanaged, extra_roles: unmanaged } } }\n";
    let repository = repository("", ben);
    for what in ["role manager", "extra auditor"] {
        give(&repository, "ben@example.com", "north", what);
    }
    repository.run(["plan"]).ends_with(0).prints("no changes");
    give(&repository, "ben@example.com", "north", "role operator");
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn a_role_on_the_whole_platform_may_be_left_to_others() {
    let repository = with_ben("", "  ben@example.com: { role: unmanaged, access: { north: operator } }\n");
    let set = |role: &str| {
        repository.sql(&format!(
            "UPDATE users SET role_id = (SELECT id FROM roles WHERE name = '{role}') WHERE key = 'ben@example.com'"
        ));
    };
    set("support");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    // The rest of it stays exact.
    repository.sql("INSERT INTO extra_roles (user_id, role_id) SELECT (SELECT id FROM users WHERE key = 'ben@example.com'), id FROM roles WHERE name = 'auditor'");
    assert_eq!(ids(&plan(&repository)), ["update_membership ben@example.com"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "role: unmanaged", "extra_roles: unmanaged");
    assert_eq!(ids(&plan(&repository)), ["change_role ben@example.com"]);
}

#[test]
fn a_role_that_is_changed_by_removing_and_adding_keeps_what_others_manage() {
    let ben =
        "  ben@example.com: { access: { north: { role: operator, sites: unmanaged, extra_roles: unmanaged } } }\n";
    let repository = with_ben(", role_change: remove_then_add", ben);
    for what in ["site pit-2", "default pit-2", "extra auditor"] {
        give(&repository, "ben@example.com", "north", what);
    }
    declare(&repository, &ben.replace("operator", "manager"));
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(access(&repository, "ben@example.com"), ["north: manager [auditor] pit-2 | pit-2"]);
    declare(&repository, ben);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(access(&repository, "ben@example.com"), ["north: operator [auditor] pit-2 | pit-2"]);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn a_demotion_from_all_sites_touches_no_grant_that_others_manage() {
    for rules in ["", ", role_change: remove_then_add"] {
        let ben = "  ben@example.com: { access: { north: { role: manager, sites: unmanaged } } }\n";
        let repository = with_ben(rules, ben);
        give(&repository, "ben@example.com", "north", "site pit-1");
        give(&repository, "ben@example.com", "north", "default pit-2");
        repository.run(["plan"]).ends_with(0).prints("no changes");
        declare(&repository, &ben.replace("manager", "operator"));
        // What nothing but the former role reached can't stay preselected.
        assert_eq!(
            ids(&plan(&repository)),
            ["update_membership ben@example.com north", "change_role ben@example.com north"]
        );
        repository.run(["apply", "--yes"]).ends_with(0);
        assert_eq!(access(&repository, "ben@example.com"), ["north: operator [] - | pit-1"]);
        repository.run(["plan"]).ends_with(0).prints("no changes");
    }
}

#[test]
fn sites_are_not_granted_under_a_role_of_others_that_reaches_all() {
    let repository = with_ben("", "  ben@example.com: { access: { north: { role: unmanaged, sites: [pit-1] } } }\n");
    give(&repository, "ben@example.com", "north", "role manager");
    repository.sql("DELETE FROM site_grants");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    give(&repository, "ben@example.com", "north", "role operator");
    assert_eq!(ids(&plan(&repository)), ["grant_site ben@example.com north pit-1"]);
}

#[test]
fn what_is_left_to_others_ends_with_the_line_that_says_so() {
    let ben = "  ben@example.com: { access: { north: { role: unmanaged, sites: unmanaged, expires: 2999-06-30 } } }\n";
    let repository = with_ben("", ben);
    give(&repository, "ben@example.com", "north", "role manager");
    give(&repository, "ben@example.com", "north", "site pit-1");
    repository.run(["plan", "--at", "2999-06-30T12:00:00Z"]).ends_with(0).prints("no changes");
    let run = repository.run(["plan", "--at", "2999-07-01T00:00:00Z", "--format", "json"]);
    let found = run.json();
    assert_eq!(ids(&found), ["remove_membership ben@example.com north"]);
    assert_eq!(found["actions"][0]["reason"], "expired");
}

#[test]
fn a_tombstone_waits_while_others_keep_somebody_there() {
    let repository = with_ben("", "  ben@example.com: { access: unmanaged }\n");
    give(&repository, "ben@example.com", "south", "member operator");
    repository.edit("access/all.yaml", "  south: { sites: { yard: {} } }", "  south: { status: absent }");
    repository.edit("access/all.yaml", ", south: manager", "");
    let found = plan(&repository);
    assert_eq!(deferred(&found).iter().filter(|one| one.starts_with("delete_organization")).count(), 1, "{found}");
    assert!(!ids(&found).iter().any(|id| id.contains("ben")), "{found}");
    repository.run(["plan"]).prints("waiting");
}

#[test]
fn a_default_site_can_not_be_declared_where_sites_are_left_to_others() {
    let repository = repository("", "");
    declare(
        &repository,
        "  ben@example.com: { access: { north: { role: manager, sites: unmanaged, default_site: pit-1 } } }\n",
    );
    repository.run(["validate"]).ends_with(3).tells("error[conflicting-unmanaged]").tells("access/all.yaml:11:");
}

/// Extra roles that go with a role that is changed are given again in the same plan.
#[test]
fn extra_roles_that_a_change_of_role_loses_come_back_in_the_same_plan() {
    for extra in ["[auditor]", "unmanaged"] {
        let ben = format!("  ben@example.com: {{ access: {{ north: {{ role: operator, extra_roles: {extra} }} }} }}\n");
        let repository = with_ben(", role_change_loses: [extra_roles]", &ben);
        if extra == "unmanaged" {
            give(&repository, "ben@example.com", "north", "extra auditor");
        }
        declare(&repository, &ben.replace("operator", "manager"));
        repository.run(["apply", "--yes"]).ends_with(0);
        assert_eq!(access(&repository, "ben@example.com"), ["north: manager [auditor] - | "]);
        repository.run(["plan"]).ends_with(0).prints("no changes");
    }
}

/// A role that is changed by removing and adding carries the sites, also where the rules say that a change loses them.
#[test]
fn sites_that_a_rebuilt_membership_carries_are_compared() {
    let rules = ", role_change: remove_then_add, role_change_loses: [sites]";
    let ben = "  ben@example.com: { access: { north: { role: operator, sites: [pit-1, pit-2] } } }\n";
    let repository = with_ben(rules, ben);
    declare(
        &repository,
        "  ben@example.com: { access: { north: { role: operator, extra_roles: [auditor], sites: [pit-1] } } }\n",
    );
    repository.edit("access/all.yaml", "  operator: { rank: 20 }", "  operator: { rank: 20 }\n  viewer: { rank: 10 }");
    repository.edit("access/all.yaml", "{ role: operator, extra", "{ role: viewer, extra");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(access(&repository, "ben@example.com"), ["north: viewer [auditor] - | pit-1"]);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

/// Where seats are short, nothing is cancelled that could not go out again.
#[test]
fn without_a_seat_the_invitation_that_carries_what_others_manage_stays() {
    let ben = "  ben@example.com: { access: { north: { role: operator, sites: [pit-1, pit-2] }, south: unmanaged } }\n";
    let less = ben.replace(", pit-2", "");
    let seats = |max: u32| format!("extends: default, seats: {{ max: {max}, counts: [active, invited] }}");
    let with_seats = |repository: &Repository, max| repository.edit("rollcall.yaml", "extends: default", &seats(max));
    for max in [1, 2] {
        let repository = repository("", ben);
        give(&repository, "ben@example.com", "south", "member manager");
        with_seats(&repository, max);
        declare(&repository, &less);
        let found = plan(&repository);
        if max == 1 {
            let waiting = ["cancel_invitation - seat", "invite_user - seat"];
            assert_eq!((ids(&found).len(), deferred(&found)), (0, waiting.map(str::to_owned).to_vec()));
            continue;
        }
        // The seat passes from one invitation to the other.
        repository.run(["apply", "--yes"]).ends_with(0).prints("2 actions: 2 done");
        assert_eq!(access(&repository, "ben@example.com"), ["north: operator [] - | pit-1", "south: manager [] - | "]);
    }
    let preloaded = |text: &str| text.replace("{ access", "{ status: preloaded, access");
    let repository = repository("", &preloaded(ben));
    give(&repository, "ben@example.com", "south", "member manager");
    with_seats(&repository, 1);
    declare(&repository, &less);
    let found = plan(&repository);
    assert_eq!(
        (ids(&found).len(), deferred(&found)),
        (0, vec!["cancel_invitation - seat".to_owned(), "invite_user - seat".to_owned()])
    );
    repository.edit("rollcall.yaml", "max: 1", "max: 2");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(access(&repository, "ben@example.com"), ["north: operator [] - | pit-1", "south: manager [] - | "]);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}
