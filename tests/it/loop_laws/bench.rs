//! The pipeline as the commands run it: manifests are read, the store is read, planned, guarded, applied.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::{Span, Timestamp};
use rollcall::apply::{self, ApplyReport, Options, Progress, Stop};
use rollcall::journal::{Who, attempts_of, cut_off, revive, verify};
use rollcall::manifest;
use rollcall::model::{Collection, LiveState, Name, Names, Status};
use rollcall::plan::{
    Action, Deferred, Holding, Inputs, Plan, Policy, SavedPlan, StoreRef, Subject, digest, document, holding, plan,
    plan_for, plan_of_saved, read_file, within_scope,
};
use rollcall::rules::Rules;
use rollcall::source::Sources;
use rollcall::store::sqlite::SqliteStore;
use rollcall::store::{Effect, Info, Reader, StoreError, Which, Writer};

use super::world::World;
use crate::support::disk::Disk;
use crate::support::memory::MemoryStore;
use crate::support::plans::Lines;
use crate::support::plans::unguarded;
use crate::support::show::show;
use crate::support::{at, now};

mod meanwhile;

/// The id of the store, in plans and in the journal.
const STORE_ID: &str = "test";

/// A store under the pipeline.
pub(super) struct Bench<S> {
    pub(super) store: S,
    pub(super) names: Names,
    pub(super) files: Vec<(String, String)>,
    rules: Rules,
    pub(super) policy: Policy,
    /// Keys of users for whom somebody has to decide.
    pub(super) undecided: BTreeSet<String>,
    disk: Disk,
    runs: i64,
}

/// A store that takes one action at a time, so that a run can be cut off between any two.
struct Single<'a, S>(&'a mut S);

impl<S: Reader + Send> Reader for Single<'_, S> {
    async fn info(&mut self) -> Result<Info, StoreError> {
        self.0.info().await
    }

    async fn read(&mut self, names: &mut Names, which: Which<'_>) -> Result<LiveState, StoreError> {
        self.0.read(names, which).await
    }
}

impl<S: Writer + Send> Writer for Single<'_, S> {
    fn group(&self, _: &[&Action]) -> usize {
        1
    }

    async fn execute(&mut self, names: &Names, batch: &[&Action], at: Timestamp) -> Result<Vec<Effect>, StoreError> {
        self.0.execute(names, batch, at).await
    }
}

/// What a run came to.
#[derive(Debug)]
pub(super) enum Ran {
    /// It was applied; the plan, and what came of it.
    Applied(Box<Plan>, Box<ApplyReport>),
    /// The store could not be read, or only in part: nothing was written.
    NotRead,
}

impl<S: Writer + Send> Bench<S> {
    pub(super) fn new(world: &World, store: S) -> Self {
        let bench = Self::of(world.manifests(), world.rules(), world.policy(), store);
        Self { undecided: world.undecided(), ..bench }
    }

    pub(super) fn of(files: Vec<(String, String)>, rules: Rules, policy: Policy, store: S) -> Self {
        Self {
            store,
            names: Names::new(),
            files,
            rules,
            policy,
            undecided: BTreeSet::new(),
            disk: Disk::default(),
            runs: 0,
        }
    }

    /// Every run takes place an hour after the one before.
    pub(super) fn at(&self) -> Timestamp {
        at("09:00:00").checked_add(Span::new().hours(self.runs)).expect("a time")
    }

    /// Everything that the store holds, and what the journal knows of invitations that did not go out; `None` if it
    /// can't be read.
    pub(super) fn live(&mut self) -> Option<LiveState> {
        let mut live = now(self.store.read(&mut self.names, Which::All)).ok()?;
        let (journal, at) = (self.journal_file(), self.at());
        let found = cut_off(journal.path(), STORE_ID, &self.rules.identity, &mut self.names).expect("a journal");
        for (user, one) in found {
            one.remember(&user, (&mut self.names, &mut live), &self.rules, at);
        }
        Some(live)
    }

    pub(super) fn shown(&mut self) -> String {
        let live = self.live().expect("a store that can be read");
        show(&live, &self.names)
    }

    /// The plan against this live state.
    pub(super) fn plan_for(&mut self, live: &LiveState) -> Plan {
        let files = self.files.clone();
        self.plan_from(&files, live)
    }

    fn plan_from(&mut self, files: &[(String, String)], live: &LiveState) -> Plan {
        self.with_inputs(files, live, |inputs| {
            plan(inputs).unwrap_or_else(|found| panic!("{found:?}\n{}", texts(files)))
        })
    }

    pub(super) fn with_inputs<T>(
        &mut self,
        files: &[(String, String)],
        live: &LiveState,
        ask: impl FnOnce(&Inputs<'_>) -> T,
    ) -> T {
        let mut sources = Sources::memory(files.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes())));
        let loaded = manifest::load(
            &mut self.names,
            manifest::Reading { rules: &self.rules, time_zone: &jiff::tz::TimeZone::UTC },
            &mut sources,
            &["access".to_owned()],
        );
        assert!(!loaded.has_errors(), "{:?}\n{}", loaded.diagnostics, texts(files));
        let store = StoreRef {
            name: "local".to_owned(),
            kind: "test".to_owned(),
            id: "test".to_owned(),
            address: String::new(),
        };
        let inputs = Inputs {
            names: &self.names,
            desired: &loaded.desired,
            live,
            rules: &self.rules,
            policy: &self.policy,
            store: &store,
            at: self.at(),
        };
        ask(&inputs)
    }

    /// The plan file of a plan.
    pub(super) fn file(&self, plan: &Plan) -> Vec<u8> {
        serde_json::to_vec(&document(plan, &self.names, &Lines)).expect("a document")
    }

    /// Reads a plan file, and asks how it stands to what is live.
    pub(super) fn holding(&mut self, file: &[u8], today: &Plan) -> (SavedPlan, Holding) {
        let saved = read_file(file, &mut self.names, &self.rules).expect("a plan file");
        assert_eq!(saved.rules, today.rules);
        let (files, live) = (self.files.clone(), self.live().expect("a store that can be read"));
        let ran = self.ran(&saved.digest);
        let holding = self.with_inputs(&files, &live, |inputs| holding(&saved, today, inputs, &ran));
        (saved, holding)
    }

    /// When runs of the plan with this digest did its actions, by their ids.
    fn ran(&self, digest: &str) -> BTreeMap<String, Timestamp> {
        let file = self.journal_file();
        let attempts = attempts_of(file.path(), digest).expect("a journal");
        let id = |action: &serde_json::Value| action["id"].as_str().expect("an id").to_owned();
        attempts.into_iter().filter_map(|attempt| Some((id(&attempt.action), attempt.done?))).collect()
    }

    pub(super) fn read(&mut self, text: &[u8]) -> Option<SavedPlan> {
        read_file(text, &mut self.names, &self.rules).ok()
    }

    /// Asks of a plan file whose actions were forged, with the digest and the ids that fit them.
    pub(super) fn ask_forged(&mut self, document: &serde_json::Value, today: &Plan) {
        let mut document = document.clone();
        let mut actions = Vec::new();
        for described in document["actions"].as_array_mut().expect("a list") {
            let Some(action) = revive(&mut self.names, described) else { return };
            described["id"] = self.id(&action).into();
            actions.push(action);
        }
        document["digest"] = digest(&today.store, &self.names, &actions).into();
        let text = serde_json::to_vec(&document).expect("a document");
        let Some(saved) = self.read(&text) else { return };
        let (files, live) = (self.files.clone(), self.live().expect("a store that can be read"));
        self.with_inputs(&files, &live, |inputs| {
            let holding = holding(&saved, today, inputs, &BTreeMap::new());
            let _ = plan_of_saved(&saved, today, inputs, &holding.done);
        });
    }

    /// A saved plan as it is executed.
    pub(super) fn plan_of(&mut self, saved: &SavedPlan, today: &Plan, done: &[u32]) -> Plan {
        let (files, live) = (self.files.clone(), self.live().expect("a store that can be read"));
        self.with_inputs(&files, &live, |inputs| plan_of_saved(saved, today, inputs, done))
    }

    /// Executes a plan, and stops after so many actions.
    pub(super) fn apply_plan(&mut self, plan: Plan, done: &[u32], stop_after: usize) -> ApplyReport {
        self.runs += 1;
        let mut journal = self.disk.open().expect("a sound journal");
        let (who, time, run) = (Who::default(), self.at(), format!("run-{}", self.runs));
        let clock = move || time;
        let options =
            Options { repeats: 1, wait: Duration::ZERO, done, ..Options::new(&run, &who, &self.rules, &clock) };
        let (stop, names) = (Stop::default(), &mut self.names);
        if stop_after == 0 {
            stop.request();
        }
        let mut heed = |progress: Progress<'_>| match progress {
            Progress::Settled { settled, .. } if settled >= stop_after => stop.request(),
            Progress::Settled { .. } | Progress::LookedUp(_) => {}
        };
        let mut single = Single(&mut self.store);
        let guarded = unguarded(plan);
        now(apply::run(&guarded, names, &mut single, &mut journal, &options, &stop, &mut heed)).expect("a run")
    }

    /// `plan --target KEY`: empty for somebody who is neither declared nor live.
    pub(super) fn plan_of_one(&mut self, key: &str) -> Plan {
        let live = self.live().expect("a store that can be read");
        let (files, key) = (self.files.clone(), self.names.intern(key));
        self.with_inputs(&files, &live, |inputs| plan_for(inputs, Vec::new(), Some(key)).expect("a plan"))
    }

    /// Manifests and settings are those of another world by now.
    pub(super) fn become_of(&mut self, world: &World) {
        self.files = world.manifests();
        self.policy = world.policy();
    }

    /// What is live, written as manifests.
    pub(super) fn imported(&mut self) -> Vec<(String, String)> {
        let live = self.live().expect("a store that can be read");
        let managed = within_scope(&self.names, live, &self.policy.scope);
        let written = manifest::write(&self.names, &self.rules, &managed);
        written.files.into_iter().map(|(name, text)| (format!("access/{name}"), text)).collect()
    }

    pub(super) fn id(&self, action: &rollcall::plan::Action) -> String {
        rollcall::plan::action_id(&self.names, action.kind, &action.subject)
    }

    /// What `plan` says now; the store must be readable.
    pub(super) fn plan(&mut self) -> Plan {
        let live = self.live().expect("a store that can be read");
        self.plan_for(&live)
    }

    /// `apply`, as the command does it.
    pub(super) fn apply(&mut self) -> Ran {
        self.runs += 1;
        let Some(live) = self.live() else { return Ran::NotRead };
        let plan = self.plan_for(&live);
        if !plan.gaps.is_empty() {
            return Ran::NotRead;
        }
        let mut journal = self.disk.open().expect("a sound journal");
        let (who, time, run) = (Who::default(), self.at(), format!("run-{}", self.runs));
        let clock = move || time;
        let options = Options { repeats: 1, wait: Duration::ZERO, ..Options::new(&run, &who, &self.rules, &clock) };
        let guarded = unguarded(plan);
        let (stop, names, store) = (Stop::default(), &mut self.names, &mut self.store);
        let report = now(apply::run(&guarded, names, store, &mut journal, &options, &stop, &mut |_| {}));
        match report {
            Ok(report) => Ran::Applied(Box::new(guarded.plan().clone()), Box::new(report)),
            Err(_) => Ran::NotRead,
        }
    }

    /// Writes what is live as manifests, and plans with these.
    pub(super) fn plan_after_import(&mut self) -> (Plan, String) {
        let live = self.live().expect("a store that can be read");
        let managed = within_scope(&self.names, live.clone(), &self.policy.scope);
        let written = manifest::write(&self.names, &self.rules, &managed);
        let mut unsayable = written.unsayable.iter().filter(|one| one.reason != "is closed");
        assert_eq!(unsayable.next(), None);
        let files: Vec<_> = written.files.into_iter().map(|(name, text)| (format!("access/{name}"), text)).collect();
        (self.plan_from(&files, &live), texts(&files))
    }

    /// Whether the live state holds back the deletion of something of the catalog: somebody has it, or refers to it.
    pub(super) fn is_held(&mut self, deferred: &Deferred) -> bool {
        let live = self.live().expect("a store that can be read");
        let names = &self.names;
        let Subject { organization, site, role, .. } = deferred.subject;
        let is_role = |of: Option<Name>| role.is_some() && of == role;
        let of_users = live.users().any(|user| {
            let members = user.memberships.iter().any(|one| {
                let is_site = site.is_some() && one.default_site == site;
                let extra = names.elements(one.extra_roles);
                Some(one.organization) == organization && (site.is_none() || is_site)
                    || is_role(one.role)
                    || role.is_some_and(|role| extra.contains(&role))
            });
            let grants = user.grants.iter().any(|one| {
                Some(one.organization) == organization && (site.is_none() || Some(one.site) == site)
                    || is_role(one.role)
            });
            members || grants
        });
        // The site of an organization that is held stays with it.
        let of_organization = site.is_some() && {
            let whole = Deferred { subject: Subject { site: None, ..deferred.subject }, ..deferred.clone() };
            self.is_held(&whole)
        };
        of_users || of_organization
    }

    /// The journal, verified from its first line.
    pub(super) fn verify_journal(&self) {
        verify(self.journal_file().path(), |_| {}).expect("a sound journal");
    }

    fn journal_file(&self) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new_in(folder()).expect("a file");
        std::fs::write(file.path(), self.disk.bytes()).expect("a file");
        file
    }

    pub(super) fn invited(&mut self) -> Vec<String> {
        let live = self.live().expect("a store that can be read");
        let pending = live.users().filter(|user| user.status == Status::Invited);
        pending.map(|user| user.key_text(&self.names).to_owned()).collect()
    }

    pub(super) fn ids(&self, plan: &Plan) -> Vec<String> {
        let id = |action: &rollcall::plan::Action| rollcall::plan::action_id(&self.names, action.kind, &action.subject);
        plan.actions.iter().map(id).collect()
    }
}

impl<S: Reader + Send> Bench<S> {
    /// What is live, with only a part of one collection: some rows are missing, and the evidence says so.
    pub(super) fn partial(&mut self, collection: Collection, skip: usize) -> LiveState {
        let live = now(self.store.read(&mut self.names, Which::All)).expect("a store that can be read");
        let mut part = LiveState::default();
        part.catalog = live.catalog.clone();
        let why = rollcall::model::Completeness::Partial("the second page was missing".to_owned());
        part.evidence.note(collection, why);
        match collection {
            Collection::Organizations => {
                part.catalog.organizations.pop_first();
            }
            Collection::Sites => {
                for organization in part.catalog.organizations.values_mut() {
                    organization.sites.pop_first();
                }
            }
            Collection::Roles => {
                part.catalog.roles.pop_first();
            }
            Collection::Users | Collection::Memberships | Collection::Grants | Collection::Invitations => {}
        }
        for (row, user) in live.users().enumerate() {
            let is_cut = row % 2 == skip % 2;
            if is_cut && collection == Collection::Users {
                continue;
            }
            let cut = |of: Collection| is_cut && collection == of;
            part.push_columns(
                user.id,
                user.key,
                user.identity,
                user.status,
                user.facts,
                if cut(Collection::Memberships) { &[] } else { user.memberships },
                if cut(Collection::Grants) { &[] } else { user.grants },
                user.invitation.filter(|_| !cut(Collection::Invitations)),
            );
        }
        part
    }
}

pub(super) fn texts(files: &[(String, String)]) -> String {
    files.iter().flat_map(|(name, text)| ["# ", name, "\n", text]).collect()
}

/// Where files of tests are quickest.
fn folder() -> &'static Path {
    static TEMPORARY: OnceLock<std::path::PathBuf> = OnceLock::new();
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory } else { TEMPORARY.get_or_init(std::env::temp_dir) }
}

fn fill<S: Writer>(store: &mut S, world: &World) {
    let mut names = Names::new();
    let actions = world.bootstrap(&mut names);
    let batch: Vec<_> = actions.iter().collect();
    let effects = now(store.execute(&names, &batch, at("08:00:00"))).expect("a store that can be written");
    assert!(effects.iter().all(|effect| *effect == Effect::Done), "{effects:?}");
}

/// The oracle with the live state of this world.
pub(super) fn memory(world: &World) -> MemoryStore {
    let mut store = MemoryStore::new(world.open_rules(), None);
    fill(&mut store, world);
    store.with_rules(world.rules(), world.own_account().as_deref())
}

/// The embedded store with the live state of this world, and the folder that it lives in.
pub(super) fn sqlite(world: &World) -> (SqliteStore, tempfile::TempDir) {
    // Making a schema takes longer than all that follows; every world begins from a copy of one empty store.
    static EMPTY: OnceLock<Vec<u8>> = OnceLock::new();
    let folder = tempfile::tempdir_in(folder()).expect("a folder");
    let path = folder.path().join("store.db");
    let empty = EMPTY.get_or_init(|| {
        let folder = tempfile::tempdir_in(self::folder()).expect("a folder");
        let path = folder.path().join("store.db");
        SqliteStore::create(&path, &world.rules().identity).expect("a new store");
        std::fs::read(path).expect("a file")
    });
    std::fs::write(&path, empty).expect("a file");
    fill(&mut SqliteStore::open(&path, world.open_rules(), None).expect("a store"), world);
    let store = SqliteStore::open(&path, world.rules(), world.own_account().as_deref()).expect("a store");
    (store, folder)
}

/// A store in whose place the person can answer.
pub(super) trait Answers {
    fn answer(&mut self, key: &str, accept: bool, at: Timestamp) -> Effect;
}

impl Answers for SqliteStore {
    fn answer(&mut self, key: &str, accept: bool, at: Timestamp) -> Effect {
        self.answer_invitation(rollcall::store::sqlite::Answerer::Key(key), accept, at)
            .expect("a store that can be written")
    }
}

impl Answers for MemoryStore {
    fn answer(&mut self, key: &str, accept: bool, at: Timestamp) -> Effect {
        Self::answer(self, key, accept, at)
    }
}

impl<S: Writer + Answers + Send> Bench<S> {
    /// Everybody who is invited accepts.
    pub(super) fn everybody_accepts(&mut self) {
        let at = self.at();
        for key in self.invited() {
            // At the limit of seats the store may refuse.
            let _ = self.store.answer(&key, true, at);
        }
    }
}
