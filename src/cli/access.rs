//! What most commands begin with: settings, the store that is meant, manifests, and the plan from them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::exit::{Exit, Failure, advised};
use super::files::in_repository;
use super::journal;
pub(super) use super::lines::Lines;
use super::options::Global;
use super::printer::Printer;
use super::review::{DeclaredBase, Review};
use super::saved::done_by;
use super::secrets;
use super::settings_file::{about_settings, place_in_settings, read_settings, span_in_settings};
use super::target::target;
use super::unfinished_reset::tell_unfinished;
use crate::diagnostic::{Code, Diagnostic, FileId, Position, Severity, Span, has_errors};
use crate::document::nearest;
use crate::journal::Head;
use crate::manifest;
use crate::model::{DeclaredStatus, Desired, LiveState, Names};
use crate::plan::{
    AbsentUsers, CatalogPolicy, Cause, Holding, Inputs, Plan, Policy, SavedPlan, Scope, Standing, StoreRef,
    broad_protection, fit, fit_singly, holding, lacking, lost_half_way, outside_scope, people_in_scope, plan_for,
    plan_of_saved, returned, shared_with_live, standing, unnamed_own_account, void_protection,
};
use crate::rules::Rules;
use crate::settings::{self, CatalogMode, MailTransport, Settings, StoreKind, StoreSettings};
use crate::source::{MOST_OF_A_KIND, Mistakes, Sources};
use crate::store::sqlite::SqliteReader;
use crate::store::{Capabilities, Info, Reader as _, Which};

/// Settings, and the store that is meant.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) repository: PathBuf,
    pub(super) settings: Settings,
    pub(super) store_name: String,
    pub(super) store: StoreSettings,
    /// The key of the only user for whom something is planned, as typed.
    pub(super) target: Option<String>,
    /// Whether that has to be the whole key, since nobody looks at who is meant before it is done.
    pub(super) is_target_whole: bool,
    /// Whether this run plans without the floor of active admins.
    pub(super) is_floor_waived: bool,
    /// The time of this run, where it is not that of the clock.
    pub(super) as_of: Option<Timestamp>,
    /// What it is compared with.
    pub(super) review: Option<Review>,
    /// Whether that stands in the place of a store.
    pub(super) is_against: bool,
    /// The only causes whose actions are planned; empty: all.
    pub(super) causes: Vec<Cause>,
}

/// Manifests that are valid under the rules of the store; `warnings` holds what is odd, also what `fit` found.
pub(super) struct Declared {
    pub(super) names: Names,
    pub(super) sources: Sources,
    pub(super) desired: Desired,
    pub(super) warnings: Vec<Diagnostic>,
    /// The manifests.
    pub(super) files: Vec<FileId>,
    /// What the base declares, where there is one.
    pub(super) base: Option<DeclaredBase>,
    /// Where policies stand in the settings, by name.
    pub(super) policies: BTreeMap<String, Span>,
}

/// How many empty files are named where nobody is declared.
const MOST_PLACES: usize = 10;

/// How many names "did you mean" looks at.
const MOST_COMPARISONS: usize = 3_000_000;

impl Access {
    /// Reads the settings and finds the store that is meant.
    pub(super) fn load(global: &Global, printer: &Printer) -> Result<Self, Failure> {
        Self::of(global, read_settings(&global.repository, printer)?, printer)
    }

    /// The same for whoever goes on with the manifests: mistakes of the settings do not hide theirs.
    pub(super) fn load_for_manifests(global: &Global, printer: &Printer) -> Result<Self, Failure> {
        Self::load_beside(global, None, printer)
    }

    /// With these settings.
    pub(super) fn of(global: &Global, settings: Settings, printer: &Printer) -> Result<Self, Failure> {
        let repository = global.repository.clone();
        let (name, store) = settings.store(global.store.as_deref()).map_err(|none| match global.store {
            Some(_) => Failure::invalid(none),
            None => about_settings(Failure::invalid(none), &repository, &["stores"]),
        })?;
        let (store_name, store) = (name.to_owned(), store.clone());
        printer.remember_store(&store_name);
        Ok(Self {
            repository,
            settings,
            store_name,
            store,
            target: None,
            is_target_whole: false,
            is_floor_waived: false,
            as_of: None,
            review: None,
            is_against: false,
            causes: Vec::new(),
        })
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.store.rules
    }

    pub(super) fn reading(&self) -> manifest::Reading<'_> {
        manifest::Reading { rules: self.rules(), time_zone: &self.settings.time_zone }
    }

    /// Reads the manifests; all mistakes of all files are printed.
    pub(super) fn declared(&self, global: &Global, printer: &Printer) -> Result<Declared, Failure> {
        let mut declared = self.read_declared(global).map_err(|(found, sources)| {
            printer.only_diagnostics(&found, &Lines::new(&sources));
            Failure::told(Exit::Invalid)
        })?;
        self.declare_base(global, &mut declared);
        self.place_policies(&mut declared);
        Ok(declared)
    }

    /// Reads the manifests, or gives all mistakes of all files.
    pub(super) fn read_declared(&self, global: &Global) -> Result<Declared, (Vec<Diagnostic>, Box<Sources>)> {
        let paths = if global.manifests.is_empty() { &self.settings.manifests } else { &global.manifests };
        let mut names = Names::new();
        let mut sources = Sources::folder(&self.repository);
        let loaded = manifest::load(&mut names, self.reading(), &mut sources, paths);
        tracing::info!(files = loaded.files.len(), users = loaded.desired.len(), "manifests read");
        let mut found = loaded.diagnostics;
        if global.manifests.is_empty() {
            place_in_settings(&mut found, &mut sources, &self.repository, paths);
        }
        found.extend(self.wrong_own_account(&mut sources));
        if has_errors(&found) {
            let fits = fit_singly(&names, &loaded.desired, self.rules(), &found);
            found.extend(fits);
        } else {
            found.extend(fit(&names, &loaded.desired, self.rules()));
            found.extend(outside_scope(&names, &loaded.desired, &self.scope()));
        }
        if loaded.is_whole {
            found.extend(self.unknown_organizations(&names, &loaded.desired, &mut sources));
        }
        if has_errors(&found) {
            return Err((found, Box::new(sources)));
        }
        let (desired, files) = (loaded.desired, loaded.files);
        Ok(Declared { names, sources, desired, warnings: found, files, base: None, policies: BTreeMap::new() })
    }

    /// An error where the account behind the token has a key that the rules of the store refuse.
    fn wrong_own_account(&self, sources: &mut Sources) -> Option<Diagnostic> {
        let key = self.settings.guards.own_account.as_ref()?;
        let why = self.rules().identity.normalize(key).err()?;
        let message = format!("`guards.self` is `{}`, which {why}", key.escape_debug());
        let found = Diagnostic::error(Code::InvalidSettings, message)
            .help("name the key of the account, as its store has it, or write `none`");
        Some(match span_in_settings(sources, &["guards", "self"], None) {
            Some(span) => found.at(span, ""),
            None => found,
        })
    }

    /// Errors for organizations that the settings list and no manifest declares: a slip of the pen there would take
    /// all of one organization out of the scope.
    fn unknown_organizations(&self, names: &Names, desired: &Desired, sources: &mut Sources) -> Vec<Diagnostic> {
        let declared = &desired.catalog.organizations;
        let is_unknown = |name: &str| names.find(name).is_none_or(|organization| !declared.contains_key(&organization));
        let listed = self.settings.manage.organizations.iter().flatten();
        let unknown: Vec<_> = listed.filter(|one| is_unknown(&one.name)).collect();
        if unknown.is_empty() {
            return Vec::new();
        }
        let file = sources.open(settings::FILE_NAME).ok().map(|(file, _)| file);
        let texts: Vec<&str> = declared.keys().map(|&name| names.text(name)).collect();
        let count = unknown.len().saturating_sub(MOST_OF_A_KIND);
        let mut comparisons = MOST_COMPARISONS;
        let told = unknown.into_iter().take(MOST_OF_A_KIND).map(|one| {
            let shown = one.name.escape_debug();
            let message = format!("`manage.organizations` lists `{shown}`, which no manifest declares");
            let left = comparisons.checked_sub(texts.len());
            comparisons = left.unwrap_or(0);
            let help = match left.and_then(|_| nearest(&one.name, texts.iter().copied())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it in a manifest, or take it out of the list".to_owned(),
            };
            let found = Diagnostic::error(Code::UnknownOrganization, message).help(help);
            match file {
                Some(file) => found.at(Span::new(Position::new(file, one.offset), one.length), ""),
                None => found,
            }
        });
        let mut told: Vec<Diagnostic> = told.collect();
        if count > 0 {
            told.push(Diagnostic::rest(Code::UnknownOrganization, Severity::Error, count));
        }
        told
    }

    /// The path of the embedded store.
    pub(super) fn store_path(&self) -> PathBuf {
        self.store.sqlite_path(&self.repository)
    }

    /// Refuses where a link decides which file the store is, and where the store is lost, as its journal tells; that it
    /// was never made is said by who opens it.
    pub(super) fn check_store_is_there(&self, printer: &Printer) -> Result<(), Failure> {
        check_links(&self.settings, (&self.store_name, &self.store), &self.repository)?;
        let file = self.store_path();
        if journal::is_lost(&file) {
            journal::check_absent_store(&file, &self.repository, &self.store_name, printer)?;
        }
        Ok(())
    }

    /// Opens the store for reading only.
    pub(super) fn reader(&self, printer: &Printer) -> Result<SqliteReader, Failure> {
        self.check_store_is_there(printer)?;
        match self.store.kind {
            StoreKind::Sqlite { .. } => Ok(SqliteReader::open(&self.store_path(), self.rules())?),
        }
    }

    /// How many mails about invitations have to go out.
    pub(super) fn count_due_mails(&self, printer: &Printer) -> Result<usize, Failure> {
        Ok(self.reader(printer)?.count_due_mails()?)
    }

    /// The last line of its journal that the store has seen.
    pub(super) fn journal_seen(&self, printer: &Printer) -> Result<Option<Head>, Failure> {
        let seen = self.reader(printer)?.journal_seen(&self.store_name)?;
        Ok(seen.map(|(line, hash)| Head { line, hash }))
    }

    /// Reads everything that the store holds.
    pub(super) async fn live(&self, names: &mut Names, printer: &Printer) -> Result<(Info, LiveState), Failure> {
        let mut reader = self.reader(printer)?;
        let info = reader.info().await?;
        let mut live = reader.read(names, Which::All).await?;
        live.half_changed = journal::half_changed(self, (&info.id, &live.catalog), names)?;
        tracing::info!(accounts = live.len(), complete = live.evidence.is_complete(), "store read");
        Ok((info, live))
    }

    /// What the settings manage.
    pub(super) fn scope(&self) -> Scope {
        let manage = &self.settings.manage;
        let listed = manage.organizations.as_ref();
        let organizations = listed.map(|listed| listed.iter().map(|one| one.name.clone()).collect());
        Scope { organizations, accounts: manage.accounts }
    }

    /// What the settings, the adapter of the store, and its journal let a plan do.
    pub(super) fn policy(&self, info: &Info) -> Result<Policy, Failure> {
        let locked_out = journal::forgotten_lock_outs(self, &info.id)?.into_keys().collect();
        Ok(Policy { locked_out, ..self.stated_policy(info.capabilities)? })
    }

    /// What the settings let a plan do in a store that can do this.
    pub(super) fn stated_policy(&self, capabilities: Capabilities) -> Result<Policy, Failure> {
        let identity = &self.rules().identity;
        let guards = &self.settings.guards;
        let own = guards.own_account.as_ref().map(|key| {
            let why = |why| {
                advised(
                    format!("`guards.self` is `{key}`, which {why}"),
                    format!("correct it in {}", settings::FILE_NAME),
                )
            };
            let refused = |error| about_settings(Failure::invalid(why(error)), &self.repository, &["guards", "self"]);
            identity.normalize(key).map_err(refused)
        });
        Ok(Policy {
            scope: self.scope(),
            locked_out: BTreeSet::new(),
            left_since: BTreeMap::new(),
            time_zone: self.settings.time_zone.clone(),
            absent_users: match self.settings.manage.absent_users {
                settings::AbsentUsers::Deactivate => AbsentUsers::Deactivate,
                settings::AbsentUsers::Report => AbsentUsers::Report,
            },
            catalog: match self.settings.catalog(&self.store) {
                CatalogMode::Create if capabilities.writes_catalog => CatalogPolicy::Create,
                CatalogMode::Create | CatalogMode::Existing => CatalogPolicy::Existing,
            },
            grace: self.settings.manage.grace,
            min_admins: if self.is_floor_waived { 0 } else { guards.min_admins },
            own_account: own.transpose()?,
            protected: guards.protected_patterns(identity),
        })
    }

    /// What they let a plan of what is declared do: a tombstone asks since when an account is out.
    pub(super) fn policy_for(&self, desired: &Desired, info: &Info) -> Result<Policy, Failure> {
        let policy = self.policy(info)?;
        let has_tombstone = (0..desired.len()).any(|row| desired.user(row).status == Some(DeclaredStatus::Absent));
        let left_since = if has_tombstone { journal::left_since(self, &info.id)? } else { BTreeMap::new() };
        Ok(Policy { left_since, ..policy })
    }

    /// How a saved plan stands to what is live, and the plan that is executed if it holds.
    pub(super) fn hold(
        &self,
        saved: &SavedPlan,
        declared: &Declared,
        (info, live): (&Info, &LiveState),
        (today, at): (&Plan, Timestamp),
    ) -> Result<(Holding, Plan), Failure> {
        let policy = self.policy_for(&declared.desired, info)?;
        let inputs = self.inputs(declared, live, (&policy, &today.store), at);
        let holding = holding(saved, today, &inputs, &done_by(self, &saved.digest)?);
        let plan = plan_of_saved(saved, today, &inputs, &holding.done);
        Ok((holding, plan))
    }

    /// The store that is meant, as it told of itself.
    pub(super) fn store_ref(&self, info: &Info) -> StoreRef {
        let address = match &self.store.kind {
            StoreKind::Sqlite { path } => path.to_string_lossy().into_owned(),
        };
        StoreRef { name: self.store_name.clone(), kind: info.kind.to_owned(), id: info.id.clone(), address }
    }

    fn inputs<'a>(
        &'a self,
        declared: &'a Declared,
        live: &'a LiveState,
        (policy, store): (&'a Policy, &'a StoreRef),
        at: Timestamp,
    ) -> Inputs<'a> {
        let Declared { names, desired, .. } = declared;
        Inputs { names, desired, live, rules: self.rules(), policy, store, at }
    }

    /// What everybody reaches now; nobody, where the settings are broken by now.
    pub(super) fn standing(&self, declared: &Declared, info: &Info, live: &LiveState, at: Timestamp) -> Vec<Standing> {
        let store = self.store_ref(info);
        let Ok(policy) = self.policy(info) else { return Vec::new() };
        standing(&self.inputs(declared, live, (&policy, &store), at))
    }

    /// The plan, where somebody only asks what it would be; `None` where there is none.
    pub(super) fn plan_quietly(
        &self,
        declared: &Declared,
        info: &Info,
        live: &LiveState,
        at: Timestamp,
    ) -> Option<Plan> {
        let policy = self.policy_for(&declared.desired, info).ok()?;
        let store = self.store_ref(info);
        let inputs = self.inputs(declared, live, (&policy, &store), at);
        let target = self.target.as_ref().map(|key| target(key, self.is_target_whole, &inputs)).transpose().ok()?;
        plan_for(&inputs, Vec::new(), target).ok()
    }

    /// The plan from what is declared and what is live.
    pub(super) fn plan(
        &self,
        declared: &Declared,
        info: &Info,
        live: &LiveState,
        at: Timestamp,
        printer: &Printer,
    ) -> Result<Plan, Failure> {
        let policy = self.policy_for(&declared.desired, info)?;
        let store = self.store_ref(info);
        let inputs = self.inputs(declared, live, (&policy, &store), at);
        refuse_nobody(declared, &self.repository, &inputs, printer)?;
        let mut before = declared.warnings.clone();
        before.extend(void_protection(&inputs));
        before.extend(broad_protection(&inputs));
        before.extend(lacking(&declared.names, &declared.desired, self.rules(), |identity| live.find(identity)));
        before.extend(shared_with_live(&declared.names, &declared.desired, self.rules(), live));
        before.extend(lost_half_way(&inputs));
        before.extend(secrets::tell_lost(self, &declared.names, live, &secrets::lost(self, &info.id)?));
        before.extend(tell_unfinished(self, &inputs)?);
        let told = before.len();
        let target = self.target.as_ref().map(|key| target(key, self.is_target_whole, &inputs)).transpose()?;
        match plan_for(&inputs, before, target) {
            Ok(plan) => {
                let mut plan = self.review_plan((declared, &inputs), info, (plan, target))?;
                secrets::check(self, declared, &plan, printer)?;
                cap(&mut plan.diagnostics, told);
                let is_unnamed = !self.settings.guards.states_own_account;
                let unnamed = is_unnamed.then(|| unnamed_own_account(&inputs, &plan)).flatten();
                plan.diagnostics.extend(unnamed);
                let returned = returned(&inputs, &plan);
                plan.diagnostics.extend(returned);
                tracing::info!(actions = plan.actions.len(), deferred = plan.deferred.len(), "planned");
                Ok(plan)
            }
            Err(mut found) => {
                cap(&mut found, told);
                printer.only_diagnostics(&found, &Lines::new(&declared.sources));
                Err(Failure::told(Exit::Invalid))
            }
        }
    }
}

/// Refuses what a link in the repository leads out of it: settings under review name files, and a link beside them must
/// not decide where these are.
pub(super) fn check_links(
    settings: &Settings,
    (name, store): (&str, &StoreSettings),
    repository: &Path,
) -> Result<(), Failure> {
    let StoreKind::Sqlite { path } = &store.kind;
    let check = |path: &Path, keys: &[&str]| {
        in_repository(repository, path).map(drop).map_err(|failure| about_settings(failure, repository, keys))
    };
    check(path, &["stores", name, "sqlite", "path"])?;
    match &settings.mail.transport {
        MailTransport::Outbox(folder) => check(folder, &["mail", "outbox"]),
        MailTransport::Smtp(_) => Ok(()),
    }
}

/// Keeps as many of a kind as of mistakes, and counts the others. The first `told` were counted where they were found.
fn cap(found: &mut Vec<Diagnostic>, told: usize) {
    let mut mistakes = Mistakes::default();
    found.drain(told.min(found.len())..).for_each(|diagnostic| mistakes.push(diagnostic));
    found.extend(mistakes.into_diagnostics());
}

/// Manifests without any user never mean "remove everyone" (`language.md` §3, 13).
pub(super) fn refuse_nobody(
    declared: &Declared,
    repository: &Path,
    inputs: &Inputs<'_>,
    printer: &Printer,
) -> Result<(), Failure> {
    let people = people_in_scope(inputs);
    if !declared.desired.is_empty() || people == 0 {
        return Ok(());
    }
    let message = format!("the manifests declare no user, and {people} people are live in the store");
    let mut found = Diagnostic::error(Code::NoUserDeclared, message)
        .help("check which folder `manifests` names; `rollcall import --out DIR` writes down who is live");
    let empty = declared.files.iter().filter(|&&file| declared.sources.size(file) == 0).take(MOST_PLACES);
    for (at, &file) in empty.enumerate() {
        let place = Position::new(file, 0);
        found = if at == 0 { found.at(place, "this file is empty") } else { found.and(place, "so is this one") };
    }
    if found.primary.is_none() {
        // No file is to blame, so it is the line that says where they are.
        let mut sources = Sources::folder(repository);
        if let Some(span) = span_in_settings(&mut sources, &["manifests"], None) {
            printer.only_diagnostics(&[found.at(span, "")], &Lines::new(&sources));
            return Err(Failure::told(Exit::Invalid));
        }
    }
    printer.only_diagnostics(&[found], &Lines::new(&declared.sources));
    Err(Failure::told(Exit::Invalid))
}

#[cfg(test)]
mod tests {
    use super::cap;
    use crate::diagnostic::{Code, Diagnostic};
    use crate::source::MOST_OF_A_KIND;

    #[test]
    fn warnings_of_a_plan_are_capped_and_counted() {
        let warning = |text: &str| Diagnostic::warning(Code::WaitsForAcceptance, text);
        let mut found = vec![warning("3 more of `waits-for-acceptance` are not shown")];
        found.extend((0..MOST_OF_A_KIND + 7).map(|_| warning("waits")));
        cap(&mut found, 1);
        assert_eq!(found.len(), MOST_OF_A_KIND + 2);
        assert_eq!(found[0].message, "3 more of `waits-for-acceptance` are not shown", "counted before");
        assert_eq!(
            found.last().map(|last| last.message.as_str()),
            Some("7 more of `waits-for-acceptance` are not shown")
        );
        let mut few = vec![warning("waits")];
        cap(&mut few, 5);
        assert_eq!(few.len(), 1);
    }
}
