//! Saved and approved plans in the hands of somebody who wants more than a plan made now would do: manifests that are
//! changed back, lock-outs in between, a narrower scope, replays, and files that were edited.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::support::cli::{Repository, Run};

const BEN: &str = "ben@example.com";
const ALL: &str = "access/all.yaml";

fn settings(manage: &str, rules: &str) -> String {
    format!(
        "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}\n\
         manage: {{ absent_users: deactivate{manage} }}\nguards: {{ min_admins: 0 }}\n"
    )
}

const CATALOG: &str = "\
organizations: { o: { sites: { a: {}, b: {}, secret: {} } }, p: {} }
roles: { m: { rank: 10, permissions: [x, y] }, adm: { rank: 40, admin: true } }
users:
  ana@example.com: { access: { o: m, p: m } }
";

/// Ana is in, and so is whoever else is declared.
fn repository(rules: &str, users: &str) -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &settings("", rules));
    repository.write(ALL, &format!("{CATALOG}{users}"));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    accept(&repository);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository
}

/// Everybody who is invited is in.
fn accept(repository: &Repository) {
    let invited: Vec<String> = {
        let store = repository.store();
        let mut select = store.prepare("SELECT key FROM users WHERE status = 'invited'").expect("a table");
        select.query_map([], |row| row.get(0)).expect("rows").map(Result::unwrap).collect()
    };
    for key in invited {
        repository.run(["invitations", "accept", &key]).ends_with(0);
    }
}

/// Everything that can be seen of who has what.
fn shown(repository: &Repository) -> String {
    let query = "SELECT group_concat(line, char(10) ORDER BY line) FROM (
        SELECT 'user ' || key || ' ' || status AS line FROM users
        UNION ALL SELECT 'member ' || user_id || ' ' || organization_id || ' ' || coalesce(role_id, '') FROM memberships
        UNION ALL SELECT 'grant ' || user_id || ' ' || site_id FROM site_grants
        UNION ALL SELECT 'role ' || name || ' ' || admin FROM roles)";
    repository.store().query_row(query, [], |row| row.get(0)).expect("what is there")
}

/// `apply FILE --yes`, which is to be refused with this code and to write nothing.
#[track_caller]
fn writes_nothing(repository: &Repository, code: i32) -> Run {
    let before = shown(repository);
    let run = repository.run(["apply", "p.json", "--yes"]);
    run.ends_with(code);
    assert_eq!(shown(repository), before, "{run}");
    run
}

fn save(repository: &Repository) {
    let run = repository.run(["plan", "--out", "p.json"]);
    assert!(matches!(run.code, Some(0 | 4)), "{run}");
}

fn lock_out(repository: &Repository) {
    repository.run(["deactivate", BEN, "--yes"]).ends_with(0);
}

const IN_O: &str = "  ben@example.com: { access: { o: { role: m, sites: [a] } } }\n";

fn crowd() -> String {
    (0..40).fold(String::new(), |mut text, at| {
        writeln!(text, "  p{at}@example.com: {{ access: {{ o: {{ role: m, sites: [a] }} }} }}").expect("a string");
        text
    })
}

#[test]
fn guards_count_what_a_saved_plan_does_and_not_what_the_manifests_say_by_now() {
    let repository = repository("default", &crowd());
    let text = repository.read(ALL);
    let kinds = text.replace("{ access: { o: { role: m", "{ kind: service, access: { o: { role: m");
    // What is not what the manifests of today declare is stale in any case.
    for (changed, refused, code, why) in [
        (
            text.replace("m: { rank: 10,", "m: { rank: 10, admin: true, site_access: all,"),
            "escalations 41 of 20",
            5,
            "give less by its `admin`",
        ),
        (text.replace("permissions: [x, y]", "permissions: [x]"), "removals 41 of 10", 5, "declare this `permissions`"),
        (
            text.replace("permissions: [x, y]", "permissions: [x, y, z]"),
            "escalations 41 of 20",
            5,
            "give less by its `permissions`",
        ),
        (text.replace("a: {}", "a: { includes: [secret] }"), "escalations 40 of 20", 5, "give less by its `includes`"),
        (
            text.replace("o: { sites", "o: { includes: [p], sites"),
            "escalations 40 of 20",
            5,
            "give less by its `includes`",
        ),
        (kinds, "escalations 40 of 20", 5, "declare this `kind`"),
    ] {
        assert_ne!(changed, text);
        repository.write(ALL, &changed);
        repository.run(["plan", "--out", "p.json"]).ends_with(4).prints(refused);
        writes_nothing(&repository, 4).prints(refused);
        repository.write(ALL, &text);
        writes_nothing(&repository, code).prints(why);
    }
}

/// What the manifests have taken back since the plan was saved is not given by it.
#[test]
fn what_the_manifests_of_today_give_no_more_is_not_given_by_a_saved_plan() {
    let more = "{ vice: { rank: 30, admin: true }, aide: { applies_to: [extra] }, m: {";
    let catalog = |text: &str| text.replace("{ m: {", more);
    let role = |says: &str| IN_O.replace("{ role: m, sites: [a] }", says);
    for (says, id, why) in [
        ("{ role: adm, sites: [a] }", "change_role ben@example.com o", "give `m` in `o`, and not `adm`"),
        ("{ role: vice, sites: [a] }", "change_role ben@example.com o", "give `m` in `o`, and not `vice`"),
        ("{ role: m, sites: [a, b] }", "grant_site ben@example.com o b", "do not give `o/b`"),
        (
            "{ role: m, extra_roles: [aide], sites: [a] }",
            "update_membership ben@example.com o",
            "do not give `aide` in `o`",
        ),
        ("{ role: m, sites: [a] }, p: m", "add_membership ben@example.com p", "give nothing in `p`"),
    ] {
        let repository = repository("default", IN_O);
        let text = catalog(&repository.read(ALL));
        repository.write(ALL, &text);
        repository.run(["apply", "--yes"]).ends_with(0);
        repository.write(ALL, &text.replace(IN_O, &role(says)));
        save(&repository);
        repository.write(ALL, &text);
        writes_nothing(&repository, 5).prints(id).prints(why);
        // Nor is it where the manifests have come to something between the two, or to less.
        repository.write(ALL, &text.replace(IN_O, &role("{ role: m, sites: [] }")));
        writes_nothing(&repository, 5).prints(id).prints("the manifests of today");
        // Under the same manifests it is.
        repository.write(ALL, &text.replace(IN_O, &role(says)));
        repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done");
    }
}

/// Nobody is invited, or comes back, with more than the manifests of today give.
#[test]
fn nobody_is_let_in_by_a_saved_plan_with_more_than_the_manifests_of_today_give() {
    let invited = repository("default", "");
    invited.write(ALL, &format!("{CATALOG}{}", IN_O.replace("role: m", "role: adm")));
    save(&invited);
    invited.write(ALL, &format!("{CATALOG}{IN_O}"));
    writes_nothing(&invited, 5).prints("invite_user ben@example.com").prints("give `m` in `o`, and not `adm`");

    let back = repository("default", &IN_O.replace("role: m", "role: adm"));
    lock_out(&back);
    back.run(["apply", "--yes"]).ends_with(0);
    back.edit(ALL, "ben@example.com: { ", "ben@example.com: { status: active, ");
    save(&back);
    back.edit(ALL, "role: adm, sites", "role: m, sites");
    writes_nothing(&back, 5)
        .prints("reactivate_user ben@example.com")
        .prints("a plan made now does")
        .prints("change_role");
}

#[test]
fn a_saved_invitation_does_not_let_in_whom_an_operator_locked_out_after_it() {
    let repository = repository("default", "");
    repository.write(ALL, &format!("{CATALOG}{IN_O}"));
    save(&repository);
    repository.run(["apply", "p.json", "--yes"]).ends_with(0);
    lock_out(&repository);
    repository.run(["plan"]).ends_with(0).prints("locked out");
    writes_nothing(&repository, 5).prints("locked");
    repository.run(["plan"]).ends_with(0).prints("locked out");
    // A line that says so after an apply without it lets the person in again, by a plan of now and by one that was saved.
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit(ALL, "ben@example.com: { ", "ben@example.com: { status: active, ");
    save(&repository);
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done");
}

#[test]
fn a_saved_reactivation_is_not_done_again_after_a_lock_out() {
    let repository = repository("default", IN_O);
    let text = repository.read(ALL);
    lock_out(&repository);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit(ALL, "ben@example.com: { ", "ben@example.com: { status: active, ");
    save(&repository);
    repository.run(["apply", "p.json", "--yes"]).ends_with(0);
    repository.write(ALL, &text);
    lock_out(&repository);
    writes_nothing(&repository, 5).prints("reactivate_user");
}

#[test]
fn a_lock_out_between_the_two_steps_of_another_invitation_stays() {
    let repository = repository("default", "");
    repository.write(ALL, &format!("{CATALOG}{IN_O}"));
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit(ALL, "sites: [a] }", "sites: [b] }");
    save(&repository);
    lock_out(&repository);
    writes_nothing(&repository, 5).prints("invite_user ben@example.com").prints("locked");
    repository.run(["plan"]).ends_with(0).prints("locked out");
}

#[test]
fn stripped_by_an_operator_nobody_gets_access_back_by_a_saved_plan() {
    let rules =
        "{ extends: default, offboarding: [strip, delete], undo: { deactivate: null, strip: true, delete: null } }";
    let repository = repository(rules, IN_O);
    repository.edit(ALL, "sites: [a] } }", "sites: [a] }, p: m }");
    save(&repository);
    lock_out(&repository);
    writes_nothing(&repository, 5).prints("add_membership ben@example.com p").prints("locked");
    repository.run(["plan"]).ends_with(0).prints("locked out");
}

#[test]
fn who_leaves_by_the_manifests_of_today_gains_nothing_by_a_saved_plan() {
    for left in
        ["inactive: [ben@example.com]\nusers:", "inactive: [{ user: ben@example.com, from: 2020-01-01 }]\nusers:"]
    {
        let repository = repository("default", IN_O);
        lock_out(&repository);
        repository.run(["apply", "--yes"]).ends_with(0);
        repository.edit(ALL, "ben@example.com: { ", "ben@example.com: { status: active, ");
        save(&repository);
        repository.edit(ALL, "users:", left);
        writes_nothing(&repository, 5).prints("reactivate_user").prints("inactive");
    }
    for says in ["status: inactive, ", "status: preloaded, ", "expires: 2020-01-01, ", "starts: 2199-01-01, "] {
        let repository = repository("default", "");
        repository.write(ALL, &format!("{CATALOG}{IN_O}"));
        save(&repository);
        repository.edit(ALL, "ben@example.com: { ", &format!("ben@example.com: {{ {says}"));
        writes_nothing(&repository, 5).prints("invite_user");
        // Nor does whom no manifest names any more.
        repository.write(ALL, CATALOG);
        writes_nothing(&repository, 5).prints("no manifest names");
    }
}

#[test]
fn a_role_is_not_given_to_an_account_that_was_locked_out_in_between() {
    let repository = repository("default", IN_O);
    repository.edit(ALL, "{ role: m, sites: [a] }", "{ role: adm, sites: [a] }");
    save(&repository);
    lock_out(&repository);
    writes_nothing(&repository, 5).prints("change_role ben@example.com o").prints("inactive");
}

#[test]
fn what_an_earlier_run_of_the_plan_did_and_somebody_undid_is_not_done_again() {
    let repository = repository("default", IN_O);
    repository.edit(ALL, "sites: [a]", "sites: [a, b]");
    let at = |command: &[&str], at: &str| {
        let mut arguments = command.to_vec();
        arguments.extend(["--at", at]);
        repository.run(arguments)
    };
    at(&["plan", "--out", "p.json"], "2199-01-01T00:00:00Z").ends_with(0);
    at(&["apply", "p.json", "--yes"], "2199-01-01T01:00:00Z").ends_with(0).prints("1 done");
    repository.sql("DELETE FROM site_grants WHERE site_id = (SELECT id FROM sites WHERE name = 'b')");
    let again = at(&["apply", "p.json", "--yes"], "2199-01-01T02:00:00Z");
    again.ends_with(5).prints("grant_site ben@example.com o b").prints("undone");
    // A plan of now has looked at that: it is another one, though its digest is the same.
    let digest = |repository: &Repository| -> Value {
        serde_json::from_str::<Value>(&repository.read("p.json")).expect("a plan")["digest"].clone()
    };
    let old = digest(&repository);
    at(&["plan", "--out", "p.json"], "2199-01-01T03:00:00Z").ends_with(0);
    assert_eq!(digest(&repository), old);
    at(&["apply", "p.json", "--yes"], "2199-01-01T04:00:00Z").ends_with(0).prints("1 done");
}

#[test]
fn a_saved_plan_stays_in_the_scope_of_today() {
    let adm = |repository: &Repository| repository.edit(ALL, "{ role: m, sites: [a] }", "{ role: adm, sites: [a] }");
    for manage in [", organizations: [p], catalog: existing", ", organizations: [p]"] {
        let repository = repository("default", IN_O);
        let text = repository.read(ALL);
        adm(&repository);
        save(&repository);
        repository.write(ALL, &text.replace(IN_O, "").replace("{ o: m, p: m }", "{ p: m }"));
        repository.write("rollcall.yaml", &settings(manage, "default"));
        repository.run(["plan"]).ends_with(0).prints("no changes");
        writes_nothing(&repository, 5).prints("out of scope");
    }
    // An organization that no manifest declares any more.
    let gone = repository("default", "");
    let text = gone.read(ALL);
    gone.edit(ALL, "p: m }", "p: adm }");
    save(&gone);
    gone.write(ALL, &text.replace(", p: {} }", " }").replace(", p: m }", " }"));
    writes_nothing(&gone, 5).prints("out of scope");
}

#[test]
fn a_saved_plan_makes_no_account_and_no_role_where_the_settings_of_today_do_not() {
    let repository = repository("default", "");
    let more = CATALOG.replace("adm:", "new: { rank: 12 }, adm:");
    repository.write(ALL, &format!("{more}  ben@example.com: {{ access: {{ o: new }} }}\n"));
    save(&repository);
    for (manage, id, why) in [
        (", accounts: false", "invite_user ben@example.com", "accounts"),
        (", catalog: existing", "create_role new", "catalog"),
        (", accounts: false, catalog: existing", "create_role new", "catalog"),
    ] {
        repository.write("rollcall.yaml", &settings(manage, "default"));
        writes_nothing(&repository, 5).prints(id).prints(why);
    }
    repository.write("rollcall.yaml", &settings("", "default"));
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("2 done");
}

#[test]
fn nobody_is_off_boarded_whom_the_manifests_or_settings_of_today_keep() {
    let repository = repository("default", IN_O);
    let text = repository.read(ALL);
    repository.write(ALL, CATALOG);
    save(&repository);
    repository.write("rollcall.yaml", &settings("", "default").replace("deactivate", "report"));
    writes_nothing(&repository, 5).prints("deactivate_user ben@example.com");
    repository.write("rollcall.yaml", &settings("", "default"));
    repository.write(ALL, &text);
    writes_nothing(&repository, 5).prints("deactivate_user ben@example.com");
    repository.write(ALL, CATALOG);
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done");
}

#[test]
fn nothing_is_deleted_without_a_tombstone_of_today() {
    let repository = repository("default", "");
    let text = repository.read(ALL);
    repository.edit(ALL, "secret: {}", "secret: { status: absent }");
    save(&repository);
    repository.write(ALL, &text);
    let digest = serde_json::from_str::<Value>(&repository.read("p.json")).expect("a plan")["digest"].clone();
    let waiver = format!("deletions={}", digest.as_str().expect("a digest"));
    let run = repository.run(["apply", "p.json", "--yes", "--waive", &waiver]);
    run.ends_with(5).prints("delete_site o secret").prints("tombstone");
}

#[test]
fn what_a_manifest_of_today_leaves_to_others_is_left_to_them() {
    let repository = repository("default", IN_O);
    repository.edit(ALL, "{ role: m, sites: [a] }", "{ role: adm, sites: [a] }");
    save(&repository);
    repository.edit(ALL, "{ role: adm, sites: [a] }", "unmanaged");
    writes_nothing(&repository, 5).prints("unmanaged");
}

#[test]
fn no_role_or_site_is_given_that_the_manifests_of_today_do_not_have_or_do_not_let_give() {
    let repository = repository("default", IN_O);
    let text = repository.read(ALL);
    repository.edit(ALL, "{ role: m, sites: [a] }", "{ role: adm, sites: [a, b] }");
    save(&repository);
    for (old, new, why) in [
        ("admin: true }", "admin: true, grantable: false }", "can't be given there"),
        ("admin: true }", "admin: true, applies_to: [site] }", "can't be given there"),
        (", adm: { rank: 40, admin: true }", "", "no manifest declares the role `adm`"),
        ("adm: { rank: 40, admin: true }", "adm: { status: absent }", "no manifest declares the role `adm`"),
        ("b: {}, ", "", "no manifest declares the site `o/b`"),
        ("b: {}", "b: { status: absent }", "no manifest declares the site `o/b`"),
    ] {
        let changed = text.replace(old, new);
        assert_ne!(changed, text);
        repository.write(ALL, &changed);
        writes_nothing(&repository, 5).prints(why);
    }
}

#[test]
fn only_the_rest_of_a_run_that_was_broken_off_passes_for_the_approved_plan() {
    let repository = repository("default", "");
    let kim = "  kim@example.com: { access: { p: m } }\n";
    repository.write(ALL, &format!("{CATALOG}{IN_O}{kim}"));
    let digest = repository.run(["plan", "--format", "json"]).json()["digest"].as_str().expect("text").to_owned();
    repository.run(["apply", "--approved", &digest]).ends_with(0).prints("2 done");
    repository.run(["apply", "--approved", &digest]).ends_with(0);
    // The invitation is taken back by hand, and a plan of now would send it again.
    repository.sql("PRAGMA foreign_keys = OFF; DELETE FROM invitations WHERE user_id = (SELECT id FROM users WHERE key = 'kim@example.com'); DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE key = 'kim@example.com'); DELETE FROM users WHERE key = 'kim@example.com'");
    let before = shown(&repository);
    let again = repository.run(["apply", "--approved", &digest]);
    again.ends_with(5).tells("another one now");
    assert_eq!(shown(&repository), before);
    repository.run(["apply", "--yes"]).ends_with(0).prints("1 done");
}

/// A saved plan and what its text and JSON say, with a member of the file changed.
#[test]
fn what_a_file_says_beside_its_actions_is_never_shown() {
    let repository = repository("default", "");
    repository.write(ALL, &format!("{CATALOG}{IN_O}"));
    save(&repository);
    let whole: Value = serde_json::from_str(&repository.read("p.json")).expect("a plan");
    let lie = "nothing to see here";
    let guard = json!([{ "name": lie, "organization": null, "count": 0, "limit": 999_999, "refused": false }]);
    let problem = json!([{ "code": lie, "severity": "error", "message": lie, "file": null, "line": null,
                           "column": null, "help": null }]);
    let affected = json!([{ "action": lie, "gain": [], "lose": [], "organizations": [] }]);
    let changes = [
        ("/guards", guard),
        ("/diagnostics", problem),
        ("/unmanaged", json!([{ "kind": "user", "name": lie, "reason": lie }])),
        ("/affected", affected),
        ("/summary/people/join", json!(777)),
        ("/summary/actions/invite_user", json!(777)),
        ("/store/name", json!(lie)),
        ("/basis/live", json!(lie)),
        ("/basis/desired", json!(lie)),
        ("/actions/0/reason", json!(lie)),
        ("/actions/0/risk", json!(["irreversible"])),
        ("/actions/0/cause", json!("operator")),
        ("/actions/0/origins/0/file", json!(lie)),
    ];
    // A person who says no sees the whole plan and changes nothing; here nobody can be asked.
    let seen = |repository: &Repository| repository.run(["apply", "p.json"]).ends_with(3).out.clone();
    let expected = seen(&repository);
    for (member, value) in changes {
        let mut plan = whole.clone();
        *plan.pointer_mut(member).expect("a member") = value;
        assert_ne!(plan, whole);
        repository.write("p.json", &plan.to_string());
        assert_eq!(seen(&repository), expected);
    }
    repository.write("p.json", &whole.to_string());
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done");
}

#[test]
fn a_file_that_is_no_plan_is_told_in_words_of_plans() {
    let repository = repository("default", "");
    repository.write(ALL, &format!("{CATALOG}{IN_O}"));
    save(&repository);
    let plan: Value = serde_json::from_str(&repository.read("p.json")).expect("a plan");
    let with = |member: &str, value: Value| {
        let mut plan = plan.clone();
        plan[member] = value;
        plan.to_string()
    };
    for text in [
        "[]".to_owned(),
        "null".to_owned(),
        "3".to_owned(),
        "\"plan\"".to_owned(),
        "{}".to_owned(),
        with("store", json!([])),
        with("basis", json!("x")),
        with("actions", json!({})),
        with("actions", json!([[]])),
        with("summary", json!([1, 2])),
    ] {
        repository.write("p.json", &text);
        let run = repository.run(["apply", "p.json", "--yes"]);
        run.ends_with(3).tells("no saved plan").tells("rollcall plan --out FILE");
        for word in ["struct", "Document", "elements", "tuple", "i64"] {
            assert!(!run.err.contains(word), "{word} in {run}");
        }
    }
    repository.write("p.json", "[]");
    repository.run(["apply", "p.json", "--yes"]).ends_with(3).tells("a list, and no object");
    repository.write("p.json", "");
    repository.run(["apply", "p.json", "--yes"]).ends_with(3).tells("it is empty");
}
