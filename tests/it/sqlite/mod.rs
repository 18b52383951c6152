//! What only the embedded store has: its file, rows edited by hand, several programs at once.

mod edits;
mod file;
mod programs;

use std::path::PathBuf;

use rollcall::model::ActionKind::*;
use rollcall::model::{LiveState, Names};
use rollcall::plan::Action;
use rollcall::rules::Rules;
use rollcall::store::sqlite::{SqliteReader, SqliteStore};
use rollcall::store::{Effect, Reader, Which, Writer};
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

    /// How often a user has changed, by the store's own count.
    fn version(&self, key: &str) -> i64 {
        let sql = "SELECT version FROM users WHERE identity = ?1";
        let identity = self.rules.identity.normalize(key).expect("a key");
        self.shell().query_row(sql, [identity], |row| row.get(0)).expect("a user")
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

/// A table that can't be read says nothing about what is in it.
#[test]
fn an_error_of_sqlite_is_no_sign_that_something_is_gone() {
    let home = world();
    let mut store = home.store();
    home.shell().execute_batch("ALTER TABLE organizations RENAME TO elsewhere").expect("renamed");
    let mut names = Names::new();
    let action = act(RemoveMembership).user("ana@example.com").organization("north").action(&mut names);
    let effects = now(store.execute(&names, &[&action], at("09:00:00")));
    assert!(effects.is_err(), "{effects:?}");
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
