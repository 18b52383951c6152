//! What an operator asks for by name: one action on one account, beside the manifests.
//!
//! They need not even be valid, and no guard that counts people is asked. It is journalled, verified and reported as
//! `apply` does.

use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use super::access::{Access, unknown_key};
use super::apply::{exit_of, run_guarded, tell};
use super::edge;
use super::exit::{Exit, Failure};
use super::journal::{self, Opened};
use super::options::Global;
use super::printer::Printer;
use crate::apply::ApplyReport;
use crate::diagnostic::has_errors;
use crate::guard;
use crate::manifest;
use crate::model::{DeclaredStatus, Desired, LiveState, Name, Names, known};
use crate::plan::{Inputs, Plan, StoreRef, likely_keys};
use crate::report::sanitise;
use crate::source::Sources;
use crate::store::Info;

/// The store, its journal, and the manifests as far as they can be read: they only decide what is told.
pub(super) struct Desk {
    pub(super) access: Access,
    pub(super) runtime: Runtime,
    pub(super) names: Names,
    pub(super) manifests: Option<Desired>,
    pub(super) opened: Opened,
    pub(super) info: Info,
    pub(super) live: LiveState,
}

/// A key that was invited, and that nobody has any more.
pub(super) struct Gone {
    /// How that came, in words that follow the key.
    pub(super) how: String,
    /// Whether an operator locked it out, so that nobody invites it anew by itself.
    pub(super) is_locked_out: bool,
}

impl Desk {
    /// `meanwhile` tells, by the file of the store, what else can be done while another run is waited for.
    pub(super) fn open(
        global: &Global,
        meanwhile: Option<&dyn Fn(&Path) -> String>,
        printer: &Printer,
    ) -> Result<Self, Failure> {
        let access = Access::load(global, printer)?;
        let runtime = edge::runtime()?;
        access.check_store_is_there(printer)?;
        let mut names = Names::new();
        let manifests = read_manifests(&access, global, &mut names);
        let meanwhile = meanwhile.map(|tell| tell(&access.store_path()));
        let mut opened = journal::open_for_operator(&access, meanwhile.as_deref(), printer)?;
        let (info, live) = runtime.block_on(access.live(&mut names, printer))?;
        journal::check_store(&access, opened.journal.store(), &info.id)?;
        journal::tell_oddities(&mut opened, access.journal_seen(printer)?, printer)?;
        Ok(Self { access, runtime, names, manifests, opened, info, live })
    }

    /// The live account with this key: as compared, and as it may be printed.
    pub(super) fn who(&self, key: &str) -> Result<(Name, String), Failure> {
        let is_there = |key: Name| self.live.find(key).is_some() || self.live.ambiguous().contains(&key);
        match self.find(key).filter(|&key| is_there(key)) {
            Some(identity) => Ok((identity, sanitise(key).into_owned())),
            None => Err(self.unknown(key)),
        }
    }

    /// The file of the store.
    pub(super) fn store_path(&self) -> PathBuf {
        self.access.store_path()
    }

    /// What is known of a key that nobody has any more though it was invited: how that ended, and whether an operator
    /// locked it out.
    pub(super) fn gone(&self, key: &str, printer: &Printer) -> Result<Option<Gone>, Failure> {
        let identity = &self.access.rules().identity;
        let Ok(asked) = identity.normalize(key) else { return Ok(None) };
        if self.find(key).is_some_and(|key| self.live.find(key).is_some() || self.live.ambiguous().contains(&key)) {
            return Ok(None);
        }
        let invitations = self.access.reader(printer)?.list_invitations()?;
        let of_key = invitations.iter().rev().find(|one| identity.normalize(&one.key).is_ok_and(|key| key == asked));
        let Some(invitation) = of_key else { return Ok(None) };
        let of_journal = self.access.policy(&self.info)?.locked_out.contains(&asked);
        let of_store = self.names.find(&asked).is_some_and(|key| self.live.locked_out.contains(&key));
        let state = invitation.state_at(edge::now(None)).as_str();
        let when = invitation.answered.map(|time| format!(" at {time:.0}")).unwrap_or_default();
        let how = format!("has no account any more; the last invitation of that key was {state}{when}");
        Ok(Some(Gone { how, is_locked_out: of_journal || of_store }))
    }

    fn find(&self, key: &str) -> Option<Name> {
        self.access.rules().identity.normalize(key).ok().and_then(|key| self.names.find(&key))
    }

    fn unknown(&self, key: &str) -> Failure {
        let nobody = Desired::default();
        let desired = self.manifests.as_ref().unwrap_or(&nobody);
        let mut likely = likely_keys(key, desired, Some(&self.live), &self.names, &self.access.rules().identity);
        likely.retain(|key| self.find(key).is_some_and(|key| self.live.find(key).is_some()));
        unknown_key(key, &likely)
    }

    /// What can be done, by the store and the settings alone.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Inputs<'_>) -> T) -> Result<T, Failure> {
        let Self { access, names, info, live, .. } = self;
        let policy = access.policy(info)?;
        let store = StoreRef { name: access.store_name.clone(), kind: info.kind.to_owned(), id: info.id.clone() };
        let desired = Desired::default();
        let (at, rules) = (edge::now(None), access.rules());
        Ok(question(&Inputs { names, desired: &desired, live, rules, policy: &policy, store: &store, at }))
    }

    /// These organizations, as they may be printed.
    pub(super) fn organizations(&self, organizations: &[Name]) -> String {
        let text = |&organization: &Name| match organization {
            known::PLATFORM => "the whole platform".to_owned(),
            organization => sanitise(self.names.text(organization)).into_owned(),
        };
        let texts: Vec<String> = organizations.iter().map(text).collect();
        texts.join(", ")
    }

    /// Warns where the manifests would undo a lock-out.
    pub(super) fn tell_who_would_undo_it(&self, identity: Name, shown: &str, printer: &Printer) {
        match &self.manifests {
            None => printer.note(
                "the manifests are not valid, so whether they let this person in again with `status: active` is not known",
            ),
            Some(desired) => {
                if desired.find(identity).is_some_and(|user| user.status == Some(DeclaredStatus::Active)) {
                    printer.warning(&format!(
                        "{shown} is declared with `status: active`: the next apply lets the person in again; change that \
                         line first"
                    ));
                }
            }
        }
    }

    /// Asks, does it, and tells what came of it. `None` where the answer was no.
    pub(super) fn carry_out(
        &mut self,
        plan: Plan,
        is_agreed: bool,
        printer: &Printer,
    ) -> Result<Option<Exit>, Failure> {
        if !is_agreed {
            if !edge::has_terminal() {
                return Err(Failure::invalid(anyhow::anyhow!("there is no terminal to ask on; use --yes")));
            }
            if printer.asks("do it?", &self.runtime)?.is_none() {
                printer.note("nothing was changed");
                if printer.is_json() {
                    let why = "nothing was changed".to_owned();
                    let report = ApplyReport::not_begun(edge::run_id(), plan.actions.len(), why);
                    printer.json(&report.document(&self.names, &plan));
                }
                return Ok(None);
            }
        }
        let Some(guarded) = guard::by_operator(plan) else {
            let why = "this takes more than one action; declare it in a manifest, and apply";
            return Err(Failure::failed(anyhow::anyhow!(why)));
        };
        let journal = &mut self.opened.journal;
        let run = run_guarded(&self.access, &mut self.names, (&guarded, &[]), journal, None);
        let report = self.runtime.block_on(run)?;
        tell(printer, (&self.access, &self.names), guarded.plan(), &report, Vec::new());
        Ok(Some(exit_of(&report)))
    }
}

/// The manifests, if they can be read.
pub(super) fn read_manifests(access: &Access, global: &Global, names: &mut Names) -> Option<Desired> {
    let paths = if global.manifests.is_empty() { &access.settings.manifests } else { &global.manifests };
    let mut sources = Sources::folder(&access.repository);
    let loaded = manifest::load(names, access.reading(), &mut sources, paths);
    (!has_errors(&loaded.diagnostics)).then_some(loaded.desired)
}
