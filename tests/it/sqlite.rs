//! What only the embedded store has: its file, rows edited by hand, several programs at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rollcall::model::ActionKind::*;
use rollcall::model::{Collection, LiveState, Names};
use rollcall::plan::Action;
use rollcall::rules::{Identity, KeyCase, KeyField, Rules};
use rollcall::store::sqlite::{SqliteReader, SqliteStore};
use rollcall::store::{Effect, Reader, StoreError, Which, Writer};
use rusqlite::Connection;

use crate::support::actions::{Act, act};
use crate::support::show::show;
use crate::support::{at, now, open_rules};

/// A folder with a store in it.
struct Home {
    folder: tempfile::TempDir,
    rules: Rules,
}

impl Home {
    fn new() -> Self {
        Self::with(open_rules())
    }

    fn with(rules: Rules) -> Self {
        let home = Self { folder: tempfile::tempdir().expect("a folder"), rules };
        SqliteStore::create(&home.path(), &home.rules.identity).expect("a new store");
        home
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// As the `sqlite3` shell opens a file: without foreign keys.
    fn shell(&self) -> Connection {
        let shell = Connection::open(self.path()).expect("a file");
        shell.pragma_update(None, "foreign_keys", false).expect("a pragma");
        shell
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.path(), self.rules.clone(), None).expect("a store")
    }

    fn run(&self, acts: &[Act]) -> Vec<Effect> {
        execute(&mut self.store(), acts)
    }

    fn read(&self) -> (LiveState, Names) {
        let mut names = Names::new();
        let mut reader = SqliteReader::open(&self.path(), &self.rules).expect("a store");
        let live = now(reader.read(&mut names, Which::All)).expect("a read");
        (live, names)
    }

    fn show(&self) -> String {
        let (live, names) = self.read();
        show(&live, &names)
    }

    fn version(&self, key: &str) -> u64 {
        let (live, mut names) = self.read();
        let identity = names.intern(&self.rules.identity.normalize(key).expect("a key"));
        live.find(identity).expect("a user").version
    }
}

fn execute(store: &mut SqliteStore, acts: &[Act]) -> Vec<Effect> {
    let mut names = Names::new();
    let actions: Vec<Action> = acts.iter().map(|act| act.action(&mut names)).collect();
    let batch: Vec<&Action> = actions.iter().collect();
    now(store.execute(&names, &batch, at("09:00:00"))).expect("a store that can be written")
}

fn world() -> Home {
    let home = Home::new();
    let effects = home.run(&[
        act(CreateRole).role("operator").after("rank", 20),
        act(CreateOrganization).organization("north"),
        act(CreateOrganization).organization("south"),
        act(CreateSite).organization("north").site("pit-1"),
        act(CreateSite).organization("south").site("pit-1"),
        act(CreateUser).user("ana@example.com").gets("north", Some("operator")).gets_site("north", "pit-1", None),
        act(InviteUser).user("kim@example.com").gets("north", None),
    ]);
    assert!(effects.iter().all(|effect| *effect == Effect::Done), "{effects:?}");
    home
}

fn open_both(path: &Path, rules: &Rules) -> [Result<(), StoreError>; 2] {
    [SqliteReader::open(path, rules).map(|_| ()), SqliteStore::open(path, rules.clone(), None).map(|_| ())]
}

fn assert_refused(path: &Path, rules: &Rules, is_invalid: bool, advice: &str) {
    for opened in open_both(path, rules) {
        let error = opened.expect_err(advice);
        assert!(error.message.contains(advice), "{} does not contain {advice}", error.message);
        assert_eq!(error.is_invalid, is_invalid, "{error:?}");
    }
}

#[test]
fn a_missing_file_is_no_empty_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    assert_refused(&path, &open_rules(), false, "run `rollcall init`");
    assert!(!path.exists(), "opening makes nothing");
    assert_refused(folder.path(), &open_rules(), true, "is no file");
}

#[test]
fn a_file_that_is_something_else_is_refused() {
    let home = Home::new();
    let other = home.folder.path().join("other.db");
    fs::write(&other, "").expect("a file");
    assert_refused(&other, &home.rules, true, "is no store of rollcall");
    fs::write(&other, "users: {}\n".repeat(1_000)).expect("a file");
    assert_refused(&other, &home.rules, false, "is no SQLite file");
    fs::remove_file(&other).expect("a file");
    Connection::open(&other).and_then(|other| other.execute_batch("CREATE TABLE users (id)")).expect("a database");
    assert_refused(&other, &home.rules, true, "is no store of rollcall");
}

#[test]
fn a_newer_store_is_refused() {
    let home = Home::new();
    home.shell().pragma_update(None, "user_version", 2).expect("a pragma");
    assert_refused(&home.path(), &home.rules, true, "use a newer rollcall");
    home.shell().pragma_update(None, "user_version", 0).expect("a pragma");
    assert_refused(&home.path(), &home.rules, true, "backup");
}

#[test]
fn a_damaged_file_is_an_error() {
    let home = world();
    let shell = home.shell();
    shell.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
    drop(shell);
    let mut bytes = fs::read(home.path()).expect("a file");
    for byte in &mut bytes[4096..] {
        *byte = 0x5a;
    }
    fs::write(home.path(), bytes).expect("a file");
    for opened in open_both(&home.path(), &home.rules) {
        let error = opened.expect_err("a damaged file");
        assert!(error.message.contains("damaged"), "{}", error.message);
    }
}

#[test]
fn identity_rules_that_contradict_the_store_are_refused() {
    let home = Home::new();
    let mut rules = open_rules();
    rules.identity = Identity { key: Some(KeyField::Login), case: Some(KeyCase::Insensitive), ..Identity::default() };
    assert_refused(&home.path(), &rules, true, "was made for the key `email`");
    let home = Home::with(rules.clone());
    assert!(open_both(&home.path(), &rules).iter().all(Result::is_ok));
    rules.identity.case = None;
    assert_refused(&home.path(), &rules, true, "correct `identity`");
    let own = SqliteStore::open(&home.path(), home.rules.clone(), Some("svc-*")).expect_err("no key");
    assert!(own.is_invalid && own.message.contains("guards.self"), "{}", own.message);
}

#[test]
fn creating_overwrites_nothing() {
    let home = world();
    let before = home.show();
    let error = SqliteStore::create(&home.path(), &home.rules.identity).expect_err("it is there");
    assert!(error.message.contains("not overwritten"), "{}", error.message);
    assert_eq!(home.show(), before);
    let left: Vec<_> = fs::read_dir(home.folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .filter(|name| !matches!(name.as_str(), "store.db" | "store.db-wal" | "store.db-shm"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    // What a killed `init` left behind is in nobody's way.
    let path = home.folder.path().join("deep/er/store.db");
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(home.folder.path().join("deep/er/store.db.unfinished"), "half").expect("a file");
    SqliteStore::create(&path, &home.rules.identity).expect("a new store");
    assert!(open_both(&path, &home.rules).iter().all(Result::is_ok));
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let mode = fs::metadata(home.path()).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

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
fn roles_of_the_vendor_are_there_when_somebody_gets_one() {
    let text = "extends: null\nroles: { vendor: { manager: { rank: 40, site_access: all, admin: true, \
                applies_to: [organization, platform] } } }\n";
    let vendor = rollcall::rules::parse(text, "rules.yaml", &|_| unreachable!()).expect("rules");
    let mut rules = open_rules();
    rules.roles = vendor.roles;
    let home = Home::with(rules);
    let effects = home.run(&[
        act(CreateOrganization).organization("north"),
        act(CreateUser).user("ana@example.com").gets("north", Some("manager")),
        act(CreateUser).user("ben@example.com").gets("north", Some("manager")),
        act(ChangeRole).user("ben@example.com").before("role", None).after("role", "manager"),
        act(AddMembership).user("ben@example.com").organization("north").after("role", "emperor"),
    ]);
    assert_eq!(effects[..4], vec![Effect::Done; 4], "{effects:?}");
    assert!(matches!(effects[4], Effect::Conflict(_)), "{effects:?}");
    let (live, names) = home.read();
    assert_eq!(live.catalog.roles.len(), 1);
    let role = &live.catalog.roles[&names.find("manager").expect("a name")];
    assert!(role.vendor && role.admin && role.applies_to.platform && !role.applies_to.site && role.rank == Some(40));
    assert!(live.catalog.reaches_all(names.find("manager")));
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

#[test]
fn a_reader_writes_nothing_and_sees_one_moment() {
    let home = world();
    let mut reader = SqliteReader::open(&home.path(), &home.rules).expect("a store");
    let mut names = Names::new();
    let before = fs::read(home.path()).expect("a file");
    now(reader.read(&mut names, Which::All)).expect("a read");
    now(reader.read(&mut names, Which::Users(&["ana@example.com"]))).expect("a read");
    let info = now(reader.info()).expect("what it is");
    assert_eq!((info.kind, info.id.len()), ("sqlite", 32));
    assert_eq!(fs::read(home.path()).expect("a file"), before);
    // Reading goes on while somebody writes, and sees nothing of it before its end.
    let writer = home.shell();
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM users").expect("an edit");
    let live = now(reader.read(&mut names, Which::All)).expect("a read");
    assert_eq!(live.len(), 2);
    writer.execute_batch("COMMIT").expect("an edit");
    let live = now(reader.read(&mut names, Which::All)).expect("a read");
    assert_eq!(live.len(), 0);
}

#[test]
fn each_store_has_an_id_of_its_own() {
    let id = |home: &Home| now(home.store().info()).expect("what it is").id;
    let (a, b) = (Home::new(), Home::new());
    assert_eq!(id(&a), id(&a));
    assert_ne!(id(&a), id(&b));
}

#[test]
fn a_second_writer_waits() {
    let home = world();
    let first = home.shell();
    first
        .execute_batch("BEGIN IMMEDIATE; UPDATE users SET phone = '1' WHERE key = 'ana@example.com'")
        .expect("an edit");
    let mut second = home.store();
    second.wait_at_most(Duration::from_millis(20)).expect("a pragma");
    let mut names = Names::new();
    let update = act(UpdateUser).user("ana@example.com").before("phone", "1").after("phone", "2");
    let action = update.action(&mut names);
    let error = now(second.execute(&names, &[&action], at("09:00:00"))).expect_err("it is locked");
    assert!(error.message.contains("another program holds it") && !error.is_invalid, "{}", error.message);

    second.wait_at_most(Duration::from_secs(20)).expect("a pragma");
    let waiting = std::thread::spawn(move || now(second.execute(&names, &[&action], at("09:00:00"))));
    std::thread::sleep(Duration::from_millis(50));
    assert!(!waiting.is_finished());
    first.execute_batch("COMMIT").expect("an edit");
    let effects = waiting.join().expect("a thread").expect("a store that can be written");
    assert_eq!(effects, [Effect::Done], "it saw what the first one wrote");
}

#[test]
fn writers_side_by_side_lose_nothing() {
    let mut rules = open_rules();
    rules.seats = Some(rollcall::rules::Seats { max: Some(30), counts: None, refuses: None });
    let home = Home::with(rules);
    let done: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let home = &home;
                scope.spawn(move || {
                    let mut store = home.store();
                    let users = (0..20).map(|user| act(CreateUser).user(&format!("u{user}.{writer}@example.com")));
                    users.flat_map(|user| execute(&mut store, &[user])).filter(|effect| *effect == Effect::Done).count()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("a thread")).sum()
    });
    assert_eq!(done, 30, "seats are counted over all programs");
    assert_eq!(home.read().0.len(), 30);
}

#[cfg(unix)]
#[test]
fn a_file_that_can_only_be_read_is_not_opened_for_writing() {
    use std::os::unix::fs::PermissionsExt;
    let home = world();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o400)).expect("permissions");
    // Whoever may do everything may write it all the same.
    if fs::OpenOptions::new().append(true).open(home.path()).is_ok() {
        return;
    }
    let error = SqliteStore::open(&home.path(), home.rules.clone(), None).expect_err("read-only");
    assert!(error.message.contains("write"), "{}", error.message);
    SqliteReader::open(&home.path(), &home.rules).expect("reading is enough for a plan");
}

#[test]
fn a_batch_has_a_bound() {
    let home = Home::new();
    let store = home.store();
    let mut names = Names::new();
    let action = act(CreateUser).user("a@example.com").action(&mut names);
    assert_eq!(store.group(&[]), 0);
    assert_eq!(store.group(&[&action; 3]), 3);
    assert_eq!(store.group(&vec![&action; 5_000]), 1_000);
}
