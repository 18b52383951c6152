//! The likely cause of what a guard refuses: what the settings and the manifests said at earlier git revisions.
//!
//! For a setting that was changed since, today's plan is made again with what it was: only what makes the difference is
//! told. For manifests, declarations are counted and compared. What git can't tell is not guessed; where it could with
//! a complete clone, that is said.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::access::{Access, Declared};
use super::edge;
use super::git::{Entry, Git};
use super::options::Global;
use super::printer::Printer;
use super::revision;
use super::tally::{Declarations, Tally, Turned, held_by, largest, tally};
use crate::document::{self, Place};
use crate::guard::{self, Guard, Ruling};
use crate::model::{Name, Names};
use crate::report::{Cause, FileState, LikelyCause};
use crate::settings::{self, AbsentUsers, CatalogMode, FILE_NAME, Settings};
use crate::source::Sources;

/// How many revisions are looked at.
const REVISIONS: usize = 10;

/// The change that explains at least half of what is refused, by the newest revision that shows one; or why none can be
/// told.
pub(super) fn likely_cause(
    access: &Access,
    (global, at): (&Global, Timestamp),
    declared: &Declared,
    rulings: &[Ruling],
    printer: &Printer,
) -> Cause {
    let Some(worst) = rulings.iter().filter(|ruling| ruling.is_refused()).max_by_key(|ruling| ruling.count) else {
        return Cause::Unknown;
    };
    let git = Git::around(&access.repository);
    if !git.is_there() {
        return Cause::NoRepository;
    }
    if !git.has("HEAD") {
        return Cause::NoRevision;
    }
    let asked = Asked { access, global, at, declared, worst, printer };
    match asked.search(&git) {
        Some(cause) => Cause::Likely(cause),
        None if !git.has(&format!("HEAD~{}", REVISIONS - 1)) && git.is_shallow() => Cause::Shallow,
        None => Cause::Unknown,
    }
}

/// What is asked for.
struct Asked<'a> {
    access: &'a Access,
    global: &'a Global,
    at: Timestamp,
    declared: &'a Declared,
    worst: &'a Ruling,
    printer: &'a Printer,
}

impl Asked<'_> {
    fn search(&self, git: &Git<'_>) -> Option<LikelyCause> {
        let Self { access, global, declared, .. } = self;
        let branch = git.branch();
        let today = tally(&declared.desired, &declared.sources);
        let mut now: Option<Declarations<'_>> = None;
        let mut last: Option<Vec<Entry>> = None;
        let mut tried = BTreeSet::new();
        for back in 0..REVISIONS {
            let head = format!("HEAD~{back}");
            let revision = || if back == 0 { branch.clone() } else { format!("{branch}~{back}") };
            let was = revision::settings_of(git, &head).ok().map(|read| read.settings);
            let paths = match &was {
                _ if !global.manifests.is_empty() => &global.manifests,
                Some(was) => &was.manifests,
                None => &access.settings.manifests,
            };
            if let Some(was) = &was
                && let Some(cause) = self.by_settings(git, was, &mut tried, &revision())
            {
                return Some(cause);
            }
            let listed = git.list(&head, paths)?;
            if last.as_ref() == Some(&listed) {
                continue;
            }
            let mut names = Names::new();
            let (loaded, sources) = revision::manifests_of(git, &listed, (access.reading(), paths), &mut names)?;
            last = Some(listed);
            if loaded.has_errors() {
                continue;
            }
            let then = tally(&loaded.desired, &sources);
            if let Some(cause) = self.by_counts(&then, &today, revision()) {
                return Some(cause);
            }
            let were = Declarations::of(&loaded.desired, &names, &sources);
            let are =
                now.get_or_insert_with(|| Declarations::of(&declared.desired, &declared.names, &declared.sources));
            if let Some(cause) = self.by_declarations(&were, are, revision()) {
                return Some(cause);
            }
        }
        None
    }

    /// Whether the guard refuses because somebody loses something.
    const fn takes_away(&self) -> bool {
        match self.worst.guard {
            Guard::Removals | Guard::Deletions | Guard::MinAdmins => true,
            Guard::Invitations | Guard::Escalations | Guard::Mails => false,
        }
    }

    /// The file that declares so much less, or more, that it explains the refusal.
    fn by_counts(&self, then: &Tally, today: &Tally, revision: String) -> Option<LikelyCause> {
        let found = largest(then, today, self.takes_away(), self.worst.count as usize);
        let (file, counted, before, now) = found?;
        let state = if now == 0 { state_of(&self.access.repository, &file) } else { FileState::There };
        Some(LikelyCause::Counted { file, counted, before, revision, now, state })
    }

    /// The file whose declarations say something else, and explain it.
    fn by_declarations(
        &self,
        were: &Declarations<'_>,
        are: &Declarations<'_>,
        revision: String,
    ) -> Option<LikelyCause> {
        let found = were.turned_to(are, self.takes_away(), self.worst.count as usize);
        let Turned { file, turn, counted, number, reach, example } = found?;
        Some(LikelyCause::Turned { file, turn, counted, number, reach, example, revision })
    }

    /// The setting without whose change the guard would not refuse, or half as much would be refused.
    fn by_settings(
        &self,
        git: &Git<'_>,
        was: &Settings,
        tried: &mut BTreeSet<(Setting, String)>,
        revision: &str,
    ) -> Option<LikelyCause> {
        let is = &self.access.settings;
        for setting in Setting::ALL {
            let path = setting.path(self.access);
            if setting == Setting::Manifests && !self.global.manifests.is_empty() {
                continue;
            }
            let (before, now) = (setting.text(self.access, was), setting.text(self.access, is));
            if before == now || !git.has_time() || !tried.insert((setting, before.clone())) {
                continue;
            }
            let mut other = self.access.clone();
            if !setting.set_as_it_was(&mut other, was) || !self.is_explained_by(&other) {
                continue;
            }
            let line = line_of(&self.access.repository, &path);
            if setting == Setting::Manifests
                && let Some(cause) = self.no_longer_read(&other, line, revision)
            {
                return Some(cause);
            }
            let name = path.join(".");
            return Some(LikelyCause::Setting { line, name, before, now, revision: revision.to_owned() });
        }
        None
    }

    /// Whether the guard refuses no more, or less than half as much, under other settings.
    fn is_explained_by(&self, other: &Access) -> bool {
        let Some((names, rulings)) = self.rulings_under(other) else { return false };
        let place = |names: &Names, of: Option<Name>| of.map(|of| names.text(of).to_owned());
        let here = place(&self.declared.names, self.worst.organization);
        let same = |ruling: &&Ruling| ruling.guard == self.worst.guard && place(&names, ruling.organization) == here;
        rulings
            .iter()
            .find(same)
            .is_none_or(|ruling| !ruling.is_refused() || ruling.count.saturating_mul(2) <= self.worst.count)
    }

    /// What guards say of today's plan under other settings.
    fn rulings_under(&self, other: &Access) -> Option<(Names, Vec<Ruling>)> {
        let mut declared = other.read_declared(self.global).ok()?;
        let runtime = edge::runtime().ok()?;
        let (info, live) = runtime.block_on(other.live(&mut declared.names, self.printer)).ok()?;
        let plan = other.plan_quietly(&declared, &info, &live, self.at)?;
        let rulings = guard::judge(&plan, &other.settings.guards, &[]);
        Some((declared.names, rulings))
    }

    /// The files that `manifests` named then and does not name now, with what they hold.
    fn no_longer_read(&self, then: &Access, line: u32, revision: &str) -> Option<LikelyCause> {
        let files = |access: &Access| {
            let mut sources = Sources::folder(&access.repository);
            let (files, _) = sources.find_manifests(&access.settings.manifests);
            files.into_iter().map(|file| sources.path(file).to_owned()).collect::<BTreeSet<String>>()
        };
        let (before, now) = (files(then), files(self.access));
        let declared = then.read_declared(self.global).ok()?;
        let dropped: Vec<String> = before.difference(&now).cloned().collect();
        let tally = tally(&declared.desired, &declared.sources);
        let (counted, number) = held_by(&tally, &dropped)?;
        let file = dropped.iter().max_by_key(|file| tally.get(&(counted, (*file).clone())).copied())?.clone();
        let more = dropped.len() - 1;
        Some(LikelyCause::NotRead { line, file, more, counted, number, revision: revision.to_owned() })
    }
}

/// A setting that shapes plans, or what guards let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Setting {
    Manifests,
    Organizations,
    Accounts,
    AbsentUsers,
    Catalog,
    Grace,
    Removals,
    Invitations,
    Escalations,
    Mails,
    Deletions,
    Protected,
    Rules,
}

impl Setting {
    const ALL: [Self; 13] = [
        Self::Manifests,
        Self::Organizations,
        Self::Accounts,
        Self::AbsentUsers,
        Self::Catalog,
        Self::Grace,
        Self::Removals,
        Self::Invitations,
        Self::Escalations,
        Self::Mails,
        Self::Deletions,
        Self::Protected,
        Self::Rules,
    ];

    /// Where it stands in the settings.
    fn path(self, access: &Access) -> Vec<&str> {
        match self {
            Self::Manifests => vec!["manifests"],
            Self::Organizations => vec!["manage", "organizations"],
            Self::Accounts => vec!["manage", "accounts"],
            Self::AbsentUsers => vec!["manage", "absent_users"],
            Self::Catalog => vec!["manage", "catalog"],
            Self::Grace => vec!["manage", "grace"],
            Self::Removals => vec!["guards", "removals"],
            Self::Invitations => vec!["guards", "invitations"],
            Self::Escalations => vec!["guards", "escalations"],
            Self::Mails => vec!["guards", "mails"],
            Self::Deletions => vec!["guards", "deletions"],
            Self::Protected => vec!["guards", "protected_users"],
            Self::Rules => vec!["stores", &access.store_name, "rules"],
        }
    }

    /// What settings say, in a form that can be compared and printed.
    fn text(self, access: &Access, settings: &Settings) -> String {
        let Settings { manifests, manage, guards, .. } = settings;
        let list = |texts: &mut dyn Iterator<Item = &str>| {
            let texts: Vec<&str> = texts.collect();
            format!("[{}]", texts.join(", "))
        };
        let most = |limit: settings::CountLimit| format!("{{ max_count: {} }}", limit.max_count);
        match self {
            Self::Manifests => list(&mut manifests.iter().map(String::as_str)),
            Self::Organizations => match &manage.organizations {
                None => "all".to_owned(),
                Some(listed) => list(&mut listed.iter().map(|one| one.name.as_str())),
            },
            Self::Accounts => manage.accounts.to_string(),
            Self::AbsentUsers => match manage.absent_users {
                AbsentUsers::Deactivate => "deactivate".to_owned(),
                AbsentUsers::Report => "report".to_owned(),
            },
            Self::Catalog => match settings.catalog(&access.store) {
                CatalogMode::Create => "create".to_owned(),
                CatalogMode::Existing => "existing".to_owned(),
            },
            Self::Grace => manage.grace.to_string(),
            Self::Removals => {
                let settings::RemovalLimit { max_percent, min_count } = guards.removals;
                format!("{{ max_percent: {max_percent}, min_count: {min_count} }}")
            }
            Self::Invitations => most(guards.invitations),
            Self::Escalations => most(guards.escalations),
            Self::Mails => most(guards.mails),
            Self::Deletions => most(guards.deletions),
            Self::Protected => list(&mut guards.protected_users.iter().map(String::as_str)),
            Self::Rules => match settings.stores.get(&access.store_name) {
                Some(store) if store.rules == access.store.rules => access.store.rules_name.clone(),
                Some(store) if store.rules_name == access.store.rules_name => {
                    format!("{}, which said something else", store.rules_name)
                }
                Some(store) => store.rules_name.clone(),
                None => String::new(),
            },
        }
    }

    /// Gives it the value that it had; no where it had none.
    fn set_as_it_was(self, access: &mut Access, was: &Settings) -> bool {
        let Settings { manifests, manage, guards, .. } = &mut access.settings;
        match self {
            Self::Manifests => manifests.clone_from(&was.manifests),
            Self::Organizations => {
                // Whether accounts are managed follows from it, where that is not written.
                manage.organizations.clone_from(&was.manage.organizations);
                manage.accounts = was.manage.accounts;
            }
            Self::Accounts => manage.accounts = was.manage.accounts,
            Self::AbsentUsers => manage.absent_users = was.manage.absent_users,
            Self::Catalog => manage.catalog = was.manage.catalog,
            Self::Grace => manage.grace = was.manage.grace,
            Self::Removals => guards.removals = was.guards.removals,
            Self::Invitations => guards.invitations = was.guards.invitations,
            Self::Escalations => guards.escalations = was.guards.escalations,
            Self::Mails => guards.mails = was.guards.mails,
            Self::Deletions => guards.deletions = was.guards.deletions,
            Self::Protected => guards.protected_users.clone_from(&was.guards.protected_users),
            Self::Rules => match was.stores.get(&access.store_name) {
                Some(store) => access.store.rules = store.rules.clone(),
                None => return false,
            },
        }
        true
    }
}

/// The line of a setting in today's file, or of what it would stand in.
fn line_of(repository: &Path, path: &[&str]) -> u32 {
    let text = fs::read_to_string(repository.join(FILE_NAME)).unwrap_or_default();
    let read = document::read::<serde::de::IgnoredAny>(&text, FILE_NAME);
    read.map_or(Place::START, |(_, document)| document.nearest(path)).line
}

/// What became of a file that declares nothing any more.
fn state_of(repository: &Path, file: &str) -> FileState {
    match fs::metadata(repository.join(file)) {
        Err(_) => FileState::Missing,
        Ok(about) if about.len() == 0 => FileState::Empty,
        Ok(_) => FileState::There,
    }
}
