//! A change beside its base (`--base`): the settings that hold for it, what the base declares, and why each action is
//! there now.
//!
//! Settings of the change decide neither which store is read, nor with which secrets, nor what guards let pass. The
//! manifests of the base are read from git, under the rules that hold, into the names of today's. Deliberately absent:
//! what a cause is (`plan`), and how a revision is read (`revision`).

use jiff::Timestamp;

use super::access::{Access, Declared};
use super::exit::{Failure, advised};
use super::git::Git;
use super::journal;
use super::options::Global;
use super::printer::Printer;
use super::revision::{self, NoSettings};
use super::settings_file::read_settings_for_manifests;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Reading;
use crate::model::{Desired, LiveState, Name};
use crate::plan::{
    Action, Base, BaseDocument, Cause, ChangedSettingDocument, Chosen, History, Inputs, Plan, fit, plan_for, plan_part,
    tell_causes,
};
use crate::settings::{self, ChangedSetting, FILE_NAME, Settings};
use crate::store::Info;

/// The revision that a run is compared with.
#[derive(Clone)]
pub(super) struct Review {
    /// As it was named.
    pub(super) revision: String,
    /// Its commit.
    pub(super) commit: String,
    /// What its settings say, all of them.
    settings: Settings,
    /// What the change says otherwise.
    changed: Vec<ChangedSetting>,
}

/// What the base declares.
pub(super) struct DeclaredBase {
    /// What is told of it, but for causes.
    pub(super) document: BaseDocument,
    /// What it declares, or why its manifests can't be compared with.
    pub(super) desired: Result<Desired, &'static str>,
    /// By how much the numbers of its files are lower than in the sources of the run.
    shift: u32,
    /// What rollcall left, where that is known.
    history: Option<History>,
}

/// What to do where a revision is not there.
const FETCH: &str = "name a branch, a tag or a commit that is there; `git fetch origin main` fetches the branch main, and \
                     in CI the checkout needs the whole history (`fetch-depth: 0`)";

/// What to do where manifests of a revision can't be used.
const VALIDATE: &str = "`rollcall validate` in a checkout of that revision tells more";

impl DeclaredBase {
    /// What it declares.
    ///
    /// # Errors
    /// If that can't be compared with.
    pub(super) fn demanded(&self) -> Result<&Desired, Failure> {
        self.desired.as_ref().map_err(|why| {
            let revision = self.document.revision.escape_debug();
            let why = format!("the manifests of `{revision}` {why}, so nothing can be compared with them");
            Failure::invalid(advised(why, VALIDATE)).with_code(Code::BaseUnusable)
        })
    }
}

/// The commit of a revision that somebody named.
pub(super) fn commit_of(git: &Git<'_>, revision: &str) -> Result<String, Failure> {
    let unusable = |why: String, help: &str| Failure::invalid(advised(why, help)).with_code(Code::BaseUnusable);
    let shown = revision.escape_debug();
    // Whoever may push a tag would decide what the base is.
    if let [_, _, ..] = &git.namesakes(revision)[..] {
        let names = git.namesakes(revision).join("`, `");
        let names = names.escape_debug();
        return Err(unusable(format!("`{shown}` is short for different things: `{names}`"), "write the whole name"));
    }
    git.commit(revision).ok_or_else(|| {
        if git.is_there() {
            unusable(format!("there is no revision `{shown}`"), FETCH)
        } else {
            let help = "have `git` installed, and the access repository in a repository of it that this user owns, or that \
                        `safe.directory` names";
            unusable(format!("there is no git repository in which `{shown}` could be found"), help)
        }
    })
}

/// The settings of a commit, from which others are taken.
pub(super) fn settings_of(git: &Git<'_>, revision: &str, commit: &str) -> Result<revision::SettingsOf, Failure> {
    let shown = revision.escape_debug();
    revision::settings_of(git, commit).map_err(|none| {
        let (why, help) = match none {
            NoSettings::Missing => (
                format!("`{shown}` has no {FILE_NAME} to take the settings from"),
                "settings that only the change brings decide nothing: merge them first",
            ),
            NoSettings::Invalid(why) => {
                (format!("the {FILE_NAME} of `{shown}` is not valid: {why}"), "mend it there first")
            }
        };
        Failure::invalid(advised(why, help)).with_code(Code::BaseUnusable)
    })
}

impl Access {
    /// Reads the settings that hold beside this base, or today's where there is none.
    pub(super) fn load_beside(global: &Global, base: Option<&str>, printer: &Printer) -> Result<Self, Failure> {
        let now = read_settings_for_manifests(global, printer)?;
        let Some(revision) = base else { return Self::of(global, now, printer) };
        let git = Git::for_review(&global.repository);
        let commit = commit_of(&git, revision)?;
        let of_base = settings_of(&git, revision, &commit)?;
        let texts = settings::texts(&global.repository).map_err(Failure::invalid)?;
        let changed = settings::changed_settings(&of_base.texts, &texts);
        let mut access = Self::of(global, settings::under_review(&of_base.settings, &now), printer)?;
        access.review = Some(Review { revision: revision.to_owned(), commit, settings: of_base.settings, changed });
        Ok(access)
    }

    /// Reads what the base declares, if there is one, beside what is declared today.
    pub(super) fn declare_base(&self, global: &Global, declared: &mut Declared) {
        let Some(review) = &self.review else { return };
        let Review { revision, commit, settings, .. } = review;
        let git = Git::for_review(&self.repository);
        let paths = if global.manifests.is_empty() { &settings.manifests } else { &global.manifests };
        let reading = Reading { rules: self.rules(), time_zone: &settings.time_zone };
        let names = &mut declared.names;
        let read =
            git.list(commit, paths).and_then(|listed| revision::manifests_of(&git, &listed, (reading, paths), names));
        let (desired, shift) = match read {
            None => (Err("can't be read from git"), 0),
            Some((loaded, sources)) => {
                let has_errors = loaded.has_errors()
                    || crate::diagnostic::has_errors(&fit(&declared.names, &loaded.desired, self.rules()));
                let desired = if has_errors { Err("are not valid") } else { Ok(loaded.desired) };
                (desired, declared.sources.append(&sources))
            }
        };
        let shown = revision.escape_debug();
        if let (Err(why), false) = (&desired, self.is_against) {
            let message = format!("the manifests of `{shown}` {why}, so what each action is because of is not known");
            declared.warnings.push(Diagnostic::warning(Code::BaseUnusable, message).help(VALIDATE));
        }
        let links = git.links(commit, paths).unwrap_or_default();
        if let Some(link) = links.first() {
            let message = format!("`{}` of `{shown}` is a link, and links of a revision are not followed", link.path);
            let help = "what is declared behind it counts as new in this change";
            declared.warnings.push(Diagnostic::warning(Code::BaseUnusable, message).help(help));
        }
        let document = review.document();
        declared.base = Some(DeclaredBase { document, desired, shift, history: None });
    }

    /// Adds to a base what rollcall itself left in the store, by its journal; nothing where this user may not read that.
    pub(super) fn recall(&self, declared: &mut Declared, info: &Info) -> Result<(), Failure> {
        let Declared { names, base, .. } = declared;
        let Some(base) = base else { return Ok(()) };
        base.history = journal::left_states(self, &info.id, names)?;
        Ok(())
    }

    /// Says why each action of a plan is there, where there is a base, and leaves only those of the causes that were
    /// asked for, and what an operator asked for.
    pub(super) fn review_plan(
        &self,
        (declared, inputs): (&Declared, &Inputs<'_>),
        info: &Info,
        (mut plan, target): (Plan, Option<Name>),
    ) -> Result<Plan, Failure> {
        let Some(base) = &declared.base else { return Ok(plan) };
        let (live, at) = (inputs.live, inputs.at);
        let is_known = self.tell(base, declared, (info, live, at), &mut plan.actions)?;
        if !is_known && base.desired.is_ok() {
            let message = "the manifests of the base can't be planned against what is live, so what each action is because \
                           of is not known";
            plan.diagnostics.push(Diagnostic::warning(Code::BaseUnusable, message));
        }
        if self.causes.is_empty() {
            return Ok(plan);
        }
        if !is_known {
            let why = "what each action is because of is not known, so `--cause` can't choose among them";
            let help = "see to it that the manifests of the base are valid, or leave `--cause` out";
            return Err(Failure::invalid(advised(why, help)).with_code(Code::BaseUnusable));
        }
        let is_meant = |action: &Action| action.cause == Cause::Operator || self.causes.contains(&action.cause);
        let chosen = Chosen::of(&plan, is_meant);
        plan_part(inputs, plan.diagnostics.clone(), target, (&chosen, &plan))
            // What could be planned as a whole can be in part.
            .map_err(|_| Failure::failed(anyhow::anyhow!("the actions of these causes can't be planned by themselves")))
    }

    /// The same run with all settings as the base has them.
    pub(super) fn as_at_base(&self, review: &Review) -> Self {
        Self { settings: review.settings.clone(), is_floor_waived: false, ..self.clone() }
    }

    fn tell(
        &self,
        base: &DeclaredBase,
        declared: &Declared,
        (info, live, at): (&Info, &LiveState, Timestamp),
        actions: &mut [Action],
    ) -> Result<bool, Failure> {
        let (Ok(desired), Some(review)) = (&base.desired, &self.review) else { return Ok(false) };
        let policy = self.as_at_base(review).policy_for(desired, info)?;
        let store = self.store_ref(info);
        let (names, rules) = (&declared.names, self.rules());
        let inputs = Inputs { names, desired, live, rules, policy: &policy, store: &store, at };
        let Ok(plan) = plan_for(&inputs, Vec::new(), None) else { return Ok(false) };
        let (history, shift) = (base.history.as_ref(), base.shift);
        tell_causes(actions, &Base { inputs: &inputs, plan: &plan, history, shift });
        Ok(true)
    }
}

impl Review {
    /// Whether the change says something else under this key of the settings.
    pub(super) fn has_changed(&self, key: &str) -> bool {
        self.changed.iter().any(|one| one.name.split('.').next() == Some(key))
    }

    /// What is told of the base before anything is planned.
    fn document(&self) -> BaseDocument {
        let setting = |one: &ChangedSetting| {
            let ChangedSetting { name, base, now, holds } = one.clone();
            ChangedSettingDocument { name, base, now, holds: holds.as_str().to_owned() }
        };
        BaseDocument {
            revision: self.revision.clone(),
            commit: self.commit.clone(),
            settings: self.changed.iter().map(setting).collect(),
            causes: std::collections::BTreeMap::new(),
            restores: Vec::new(),
        }
    }
}
