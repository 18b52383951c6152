//! One suite for all stores. `agreement` holds the embedded store against the oracle under random actions.

/// The cases of one store.
macro_rules! suite {
    ($store:ty, $module:ident: $($case:ident)+) => {
        mod $module {
            $(#[test] fn $case() { super::$case::<$store>(); })+
        }
    };
}

/// The cases of a topic, for every store.
macro_rules! all {
    ($($case:ident)+) => {
        suite!(rollcall::store::sqlite::SqliteStore, sqlite: $($case)+);
        suite!(crate::support::memory::MemoryStore, memory: $($case)+);
    };
}

mod actions;
mod agreement;
mod lifecycle;
mod reads;
mod renames;

use rollcall::model::ActionKind::*;
use rollcall::model::{InvitationState, Names, Status};
use rollcall::plan::Action;
use rollcall::rules::Rules;
use rollcall::store::sqlite::SqliteStore;
use rollcall::store::{Effect, Which, Writer};

use crate::support::actions::{Act, act};
use crate::support::memory::MemoryStore;
use crate::support::show::show;
use crate::support::{at, now, open_rules};

/// What the suite needs of a store beyond reading and writing.
trait TestStore: Writer {
    fn make(rules: Rules, own: Option<&str>) -> Bench<Self>
    where
        Self: Sized;
    fn answer(&mut self, key: &str, accept: bool, time: &str) -> Effect;
    fn invitations(&self) -> Vec<(String, InvitationState)>;
}

/// A store with the table of names of a run, and the folder of its file.
struct Bench<S> {
    store: S,
    names: Names,
    #[allow(dead_code, reason = "kept so that it is removed with the bench")]
    folder: Option<tempfile::TempDir>,
}

impl TestStore for MemoryStore {
    fn make(rules: Rules, own: Option<&str>) -> Bench<Self> {
        Bench { store: Self::new(rules, own), names: Names::new(), folder: None }
    }

    fn answer(&mut self, key: &str, accept: bool, time: &str) -> Effect {
        Self::answer(self, key, accept, at(time))
    }

    fn invitations(&self) -> Vec<(String, InvitationState)> {
        Self::invitations(self)
    }
}

impl TestStore for SqliteStore {
    fn make(rules: Rules, own: Option<&str>) -> Bench<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        Self::create(&path, &rules.identity).expect("a new store");
        let store = Self::open(&path, rules, own).expect("a store");
        Bench { store, names: Names::new(), folder: Some(folder) }
    }

    fn answer(&mut self, key: &str, accept: bool, time: &str) -> Effect {
        self.answer_invitation(rollcall::store::sqlite::Answerer::Key(key), accept, at(time))
            .expect("a store that can be written")
    }

    fn invitations(&self) -> Vec<(String, InvitationState)> {
        let all = self.list_invitations().expect("a store that can be read");
        all.into_iter().map(|one| (one.key, one.state)).collect()
    }
}

impl<S: Writer> Bench<S> {
    fn run_at(&mut self, acts: &[Act], time: &str) -> Vec<Effect> {
        let actions: Vec<Action> = acts.iter().map(|act| act.action(&mut self.names)).collect();
        let batch: Vec<&Action> = actions.iter().collect();
        now(self.store.execute(&self.names, &batch, at(time))).expect("a store that can be written")
    }

    fn run(&mut self, acts: &[Act]) -> Vec<Effect> {
        self.run_at(acts, "09:00:00")
    }

    fn one(&mut self, act: Act) -> Effect {
        self.run(&[act]).remove(0)
    }

    fn done(&mut self, acts: &[Act]) {
        let effects = self.run(acts);
        for (act, effect) in acts.iter().zip(effects) {
            assert_eq!(effect, Effect::Done, "{act:?}\n{}", self.show());
        }
    }

    fn show(&mut self) -> String {
        let live = now(self.store.read(&mut self.names, Which::All)).expect("a store that can be read");
        show(&live, &self.names)
    }

    fn show_of(&mut self, keys: &[&str]) -> String {
        let live = now(self.store.read(&mut self.names, Which::Users(keys))).expect("a store that can be read");
        let text = show(&live, &self.names);
        text.lines().filter(|line| line.starts_with("user ")).collect::<Vec<_>>().join(
            "
",
        )
    }

    fn status(&mut self, key: &str) -> Option<Status> {
        let live = now(self.store.read(&mut self.names, Which::Users(&[key]))).expect("a store that can be read");
        (!live.is_empty()).then(|| live.user(0).status)
    }
}

fn word(effect: &Effect) -> &'static str {
    match effect {
        Effect::Done | Effect::FellBack(_) => "done",
        Effect::AlreadyTrue => "already true",
        Effect::Conflict(_) => "conflict",
        Effect::Refused(_) => "refused",
        Effect::Failed(_) => "failed",
        Effect::Rewritten(_) => "rewritten",
        Effect::Unknown(_) => "unknown",
    }
}

fn words(effects: &[Effect]) -> Vec<&'static str> {
    effects.iter().map(word).collect()
}

fn catalog() -> Vec<Act> {
    vec![
        act(CreateRole).role("operator").after("rank", 20),
        act(CreateRole).role("manager").after("rank", 40).after("admin", true).after("site_access", "all"),
        act(CreateRole).role("auditor").after("rank", 5).after("applies_to", ["extra"]),
        act(CreateOrganization).organization("north").after("name", "North Quarries").after("attributes.region", "n"),
        act(CreateOrganization).organization("south"),
        act(CreateSite).organization("north").site("pit-1").after("name", "Pit 1").after("default", true),
        act(CreateSite).organization("north").site("pit-2").after("includes", ["pit-1"]),
        act(CreateSite).organization("south").site("pit-1"),
    ]
}

fn ana() -> Act {
    act(CreateUser)
        .user("Ana@example.com")
        .after("status", "active")
        .after("given_name", "Ana")
        .after("mfa", true)
        .after("api.routes", ["/a", "/b"])
        .after("attributes.level", 3)
        .gets("north", Some("operator"))
        .gets_site("north", "pit-1", None)
}

fn with_ana<S: TestStore>() -> Bench<S> {
    let mut bench = S::make(open_rules(), None);
    bench.done(&catalog());
    bench.done(&[ana()]);
    bench
}
