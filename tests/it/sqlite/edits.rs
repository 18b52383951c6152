//! Rows edited by hand, as the documented schema allows it.

use std::fs;

use rollcall::model::ActionKind::*;
use rollcall::model::Collection;
use rollcall::rules::{Identity, KeyField};
use rollcall::store::Effect;
use rollcall::store::sqlite::SqliteReader;
use rusqlite::Connection;

use super::{Home, execute, world};
use crate::support::actions::act;
use crate::support::open_rules;

#[test]
fn the_documented_schema_is_the_schema() {
    let home = Home::new();
    let documented = Connection::open_in_memory().expect("a database");
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/store.sql")).expect("the schema");
    documented.execute_batch(&text).expect("a schema that can be executed");
    let objects = |connection: &Connection| -> Vec<String> {
        let sql = "SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY 1";
        let mut statement = connection.prepare(sql).expect("a query");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<rusqlite::Result<_>>().expect("texts")
    };
    assert_eq!(objects(&home.shell()), objects(&documented));
    for table in ["users", "memberships", "site_grants", "invitations", "changes"] {
        assert!(text.contains(&format!("CREATE TABLE {table} (")), "{table}");
    }
}

#[test]
fn the_examples_in_the_schema_work() {
    let home = Home::new();
    home.run(&[
        act(CreateRole).role("operator"),
        act(CreateOrganization).organization("north-quarries"),
        act(CreateSite).organization("north-quarries").site("pit-1"),
        act(CreateUser).user("ben@example.com"),
    ]);
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/store.sql")).expect("the schema");
    let examples: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("--     ")).collect();
    let examples = examples.join("\n").replace("sqlite3 .rollcall/store.db", "");
    home.shell().execute_batch(&examples).unwrap_or_else(|error| panic!("{error}\n{examples}"));
    let shown = home.show();
    assert!(shown.contains("ben@example.com = ben@example.com inactive"), "{shown}");
    assert!(
        shown.contains(
            "user zoe@example.com = zoe@example.com active {\"attributes.clearance\": Text(\"high\"), \
             \"given_name\": Text(\"Zoe\")}\n  at north-quarries/pit-1: -\n  in \"north-quarries\": operator [] -"
        ),
        "{shown}"
    );
}

#[test]
fn edits_by_hand_are_seen_and_bump_versions() {
    let home = world();
    let shell = home.shell();
    let user = "(SELECT id FROM users WHERE key = 'ana@example.com')";
    let north = "(SELECT id FROM organizations WHERE name = 'north')";
    let south = "(SELECT id FROM organizations WHERE name = 'south')";
    let pit = format!("(SELECT id FROM sites WHERE organization_id = {south})");
    let role = "(SELECT id FROM roles WHERE name = 'operator')";
    for (edit, seen) in [
        (format!("UPDATE users SET phone = '+33 1' WHERE id = {user}"), "\"phone\": Text(\"+33 1\")"),
        (
            format!("INSERT INTO user_attributes VALUES ({user}, 'attributes.level', '3')"),
            "\"attributes.level\": Number(3)",
        ),
        (
            format!("UPDATE user_attributes SET value = 'true' WHERE user_id = {user}"),
            "\"attributes.level\": Bool(true)",
        ),
        (
            format!("INSERT INTO memberships (user_id, organization_id) VALUES ({user}, {south})"),
            "in \"south\": - [] -",
        ),
        (
            format!("UPDATE memberships SET role_id = {role}, default_site_id = {pit} WHERE organization_id = {south}"),
            "in \"south\": operator [] pit-1",
        ),
        (
            format!("INSERT INTO extra_roles VALUES ({user}, {south}, {role})"),
            "in \"south\": operator [\"operator\"] pit-1",
        ),
        (format!("INSERT INTO extra_roles VALUES ({user}, NULL, {role})"), "in \"\": - [\"operator\"] -"),
        (
            format!("INSERT INTO site_grants (user_id, organization_id, site_id) VALUES ({user}, {south}, {pit})"),
            "at south/pit-1: -",
        ),
        (format!("UPDATE site_grants SET role_id = {role} WHERE site_id = {pit}"), "at south/pit-1: operator"),
        (
            format!("UPDATE users SET key = 'Ana.Roy@example.com' WHERE id = {user}"),
            "Ana.Roy@example.com = ana.roy@example.com",
        ),
    ] {
        let key = if edit.contains("SET key") { "ana.roy@example.com" } else { "ana@example.com" };
        let before = home.version("kim@example.com");
        let version = if key == "ana@example.com" { home.version(key) } else { 1 };
        assert_eq!(shell.execute(&edit, []).expect(&edit), 1, "{edit}");
        assert!(home.version(key) > version, "{edit}");
        assert_eq!(home.version("kim@example.com"), before, "only who is concerned: {edit}");
        let shown = home.show();
        assert!(shown.contains(seen), "{edit}\n{shown}");
    }
    // A membership takes its grants and extra roles along.
    shell.execute(&format!("DELETE FROM memberships WHERE organization_id = {south}"), []).expect("a deletion");
    let shown = home.show();
    assert!(!shown.contains("at south/pit-1") && !shown.contains("in \"south\""), "{shown}");
    assert!(shown.contains("at north/pit-1"), "{shown}");
    shell.execute(&format!("DELETE FROM memberships WHERE organization_id = {north}"), []).expect("a deletion");
    let mut store = home.store();
    let effects = execute(&mut store, &[act(UpdateUser).user("ANA.ROY@example.com").after("given_name", "Ana")]);
    assert_eq!(effects, [Effect::Done], "rollcall goes on from there");
}

#[test]
fn edits_by_hand_follow_the_rules() {
    let home = world();
    let shell = home.shell();
    for (edit, why) in [
        ("INSERT INTO users (key) VALUES ('ANA@example.com')", "UNIQUE"),
        ("UPDATE users SET key = 'KIM@EXAMPLE.COM' WHERE key = 'ana@example.com'", "UNIQUE"),
        ("INSERT INTO users (key, identity) VALUES ('x@example.com', 'y@example.com')", "leave it out"),
        ("INSERT INTO users (key, email) VALUES ('x@example.com', 'x@example.com')", "stands in users.key"),
        ("INSERT INTO users (key, status) VALUES ('x@example.com', 'asleep')", "CHECK"),
        ("INSERT INTO users (key) VALUES ('')", "CHECK"),
        ("UPDATE users SET status = 'gone'", "CHECK"),
        ("UPDATE users SET role_id = 99", "no such role"),
        ("UPDATE users SET version = 0", "only grows"),
        ("UPDATE users SET id = id + 100", "never changes"),
        ("INSERT INTO memberships (user_id, organization_id) VALUES (1, 99)", "no such organization"),
        ("INSERT INTO memberships (user_id, organization_id) VALUES (99, 2)", "no such user"),
        ("INSERT INTO memberships (user_id, organization_id, role_id) VALUES (1, 2, 99)", "no such role"),
        ("INSERT INTO memberships (user_id, organization_id, default_site_id) VALUES (1, 2, 1)", "default site"),
        ("UPDATE memberships SET default_site_id = 2 WHERE user_id = 1", "default site"),
        ("INSERT INTO site_grants (user_id, organization_id, site_id) VALUES (1, 2, 2)", "needs a membership"),
        ("INSERT INTO site_grants (user_id, organization_id, site_id) VALUES (1, 1, 2)", "no site of the organization"),
        ("UPDATE site_grants SET role_id = 99", "no such role"),
        ("INSERT INTO extra_roles VALUES (1, 2, 1)", "needs a membership"),
        ("INSERT INTO user_attributes VALUES (1, 'shoe_size', '43')", "CHECK"),
        ("INSERT INTO user_attributes VALUES (1, 'attributes.x', 'not json')", "CHECK"),
        ("INSERT INTO user_attributes VALUES (1, 'attributes.x', '3000000000')", "32 bits"),
        ("INSERT INTO user_attributes VALUES (1, 'attributes.x', '[1]')", "a list of texts"),
        ("UPDATE invitations SET ends = '2026-12-01'", "CHECK"),
        ("UPDATE invitations SET ends = '2026-02-31T09:00:00Z'", "CHECK"),
        ("UPDATE invitations SET sent = '2026-12-01T09:00:00+05:00'", "CHECK"),
        ("UPDATE invitations SET sent = 'now'", ""),
        ("UPDATE roles SET includes = '[1]'", "texts only"),
        ("INSERT INTO roles (name, permissions) VALUES ('x', '[null]')", "texts only"),
        ("UPDATE sites SET includes = '[[]]'", "texts only"),
        ("UPDATE organizations SET attributes = '{\"attributes.size\": 1.5}'", "32 bits"),
        ("INSERT INTO organizations (name, attributes) VALUES ('x', '{\"attributes.size\": [1]}')", "list of texts"),
        ("UPDATE sites SET attributes = '{\"attributes.size\": {}}'", "32 bits"),
        ("INSERT INTO user_attributes VALUES (99, 'attributes.x', '1')", "no such user"),
        ("DELETE FROM roles", "somebody has the role"),
        ("DELETE FROM organizations WHERE name = 'north'", "has sites"),
        ("DELETE FROM sites WHERE id = 1", "granted to somebody"),
        ("UPDATE invitations SET state = 'lost'", "CHECK"),
        ("INSERT INTO invitations (user_id, user_key, state) VALUES (2, 'kim@example.com', 'pending')", "UNIQUE"),
    ] {
        let error = shell.execute(edit, []).expect_err(edit).to_string();
        assert!(error.contains(why), "{edit}: {error}");
    }
    for edit in [
        "UPDATE invitations SET ends = datetime('now', '+7 days')",
        "UPDATE invitations SET ends = '2026-12-01T09:00:00.250Z'",
        "UPDATE roles SET includes = '[\"other\"]', permissions = '[]'",
        "UPDATE organizations SET attributes = '{\"attributes.size\": 12, \"attributes.tags\": [\"a\"]}'",
        "INSERT INTO user_attributes VALUES (1, 'attributes.list', '[\"a\", \"b\"]')",
    ] {
        shell.execute(edit, []).expect(edit);
        assert!(home.read().0.evidence.is_complete(), "what is allowed can be read: {edit}");
    }
    // Locked out by hand: the invitation ends, the access stays; deleted by hand: the history stays.
    shell.execute("UPDATE users SET status = 'inactive' WHERE key = 'kim@example.com'", []).expect("an edit");
    let shown = home.show();
    assert!(shown.contains("kim@example.com inactive") && shown.contains("state: Cancelled"), "{shown}");
    shell.execute("DELETE FROM users", []).expect("an edit");
    let (live, _) = home.read();
    assert!(live.is_empty() && live.evidence.is_complete());
    let reader = SqliteReader::open(&home.path(), &home.rules).expect("a store");
    assert_eq!(reader.list_invitations().expect("a list").len(), 1);
    for table in ["memberships", "site_grants", "user_attributes"] {
        let rows: i64 =
            shell.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count");
        assert_eq!(rows, 0, "{table}");
    }
}

#[test]
fn change_marks_name_who_changed() {
    let home = world();
    let shell = home.shell();
    let mark =
        || -> i64 { shell.query_row("SELECT max(sequence) FROM changes", [], |row| row.get(0)).expect("a mark") };
    let since = |mark: i64| -> Vec<String> {
        let mut statement = shell.prepare("SELECT key FROM changes WHERE sequence > ?1 ORDER BY key").expect("a query");
        let keys = statement.query_map([mark], |row| row.get(0)).expect("rows");
        keys.collect::<rusqlite::Result<_>>().expect("keys")
    };
    let start = mark();
    home.run(&[act(UpdateUser).user("kim@example.com").after("phone", "1")]);
    assert_eq!(since(start), ["kim@example.com"]);
    shell.execute("DELETE FROM site_grants", []).expect("an edit");
    shell.execute("UPDATE sites SET kind = 'pit'", []).expect("an edit");
    assert_eq!(since(start), ["", "ana@example.com", "kim@example.com"]);
    let later = mark();
    assert_eq!(since(later), Vec::<String>::new());
    shell.execute("DELETE FROM users WHERE key = 'kim@example.com'", []).expect("an edit");
    assert_eq!(since(later), ["kim@example.com"]);
}

#[test]
fn keys_beyond_ascii_typed_by_hand_are_found() {
    let home = Home::new();
    let shell = home.shell();
    shell.execute("INSERT INTO users (key) VALUES ('ÉMILE@example.com')", []).expect("an edit");
    let effects = home.run(&[
        act(CreateUser).user("émile@example.com").after("given_name", "Émile"),
        act(UpdateUser).user("émile@EXAMPLE.com").after("given_name", "Émile"),
    ]);
    assert!(matches!(effects[..], [Effect::Conflict(_), Effect::Done]), "{effects:?}");
    // Two that only rollcall can tell to be one: neither gets an action.
    shell.execute("INSERT INTO users (key) VALUES ('Émile@example.com')", []).expect("an edit");
    let (live, _) = home.read();
    assert_eq!(live.ambiguous().len(), 1);
    let effects = home.run(&[act(DeactivateUser).user("émile@example.com")]);
    assert!(matches!(effects[..], [Effect::Conflict(_)]), "{effects:?}");
    // What is no key has none, and is still there.
    shell.execute("INSERT INTO users (key) VALUES ('not an address')", []).expect("an edit");
    assert!(home.show().contains("user not an address = - active"), "{}", home.show());
}

#[test]
fn logins_compare_as_recorded() {
    let mut rules = open_rules();
    rules.identity = Identity { key: Some(KeyField::Login), ..Identity::default() };
    let home = Home::with(rules);
    home.shell().execute_batch("INSERT INTO users (key) VALUES ('Ben'), ('ben'), ('BÉN'), ('bén')").expect("an edit");
    let (live, _) = home.read();
    assert_eq!((live.len(), live.ambiguous().len()), (4, 0), "case makes another key");
}

#[test]
fn rows_of_nobody_make_a_collection_partial() {
    let home = world();
    let shell = home.shell();
    shell.execute_batch("DROP TRIGGER memberships_inserted; DROP TRIGGER site_grants_inserted").expect("an edit");
    shell.execute("INSERT INTO memberships (user_id, organization_id) VALUES (77, 1)", []).expect("an edit");
    shell
        .execute("INSERT INTO site_grants (user_id, organization_id, site_id) VALUES (1, 1, 99)", [])
        .expect("an edit");
    let (live, _) = home.read();
    let gaps: Vec<Collection> = live.evidence.gaps().map(|(collection, _)| collection).collect();
    assert_eq!(gaps, [Collection::Memberships, Collection::Grants]);
}

/// A plan judges what it saw; the store judges what is there.
#[test]
fn what_the_rules_demand_together_the_store_demands() {
    let rules = "extends: null\nidentity: { key: login }\nfields: { login: {}, email: {}, mobile: {}, mfa: {} }\n\
                 require: [{ when: { mfa: true }, any_of: [email, mobile], severity: error }]\n";
    let home = Home::with(rollcall::rules::parse(rules, "rules.yaml", &|_| unreachable!()).expect("rules"));
    let effects = home.run(&[
        act(CreateUser).user("ana").after("email", "ana@example.com").after("mfa", true),
        act(CreateUser).user("ben").after("mfa", true),
        act(CreateUser).user("kim").after("email", "kim@example.com"),
        act(UpdateUser).user("ana").before("email", "ana@example.com").after("email", ""),
        act(UpdateUser)
            .user("ana")
            .before("email", "ana@example.com")
            .after("email", "")
            .after("mobile", "+33612345678"),
        act(UpdateUser).user("kim").before("email", "kim@example.com").after("email", "  ").after("mfa", true),
    ]);
    let refused = |key: &str| Effect::Refused(format!("`{key}` needs `email` or `mobile`"));
    let expected = [Effect::Done, refused("ben"), Effect::Done, refused("ana"), Effect::Done, refused("kim")];
    assert_eq!(effects, expected);
    // What somebody left so by hand keeps nothing else from being changed.
    home.shell().execute("UPDATE users SET mobile = NULL, mfa = 1", []).expect("edited");
    let login = act(UpdateUser).user("kim").before("login", None).after("login", "kim");
    assert_eq!(home.run(&[login]), [Effect::AlreadyTrue]);
}
