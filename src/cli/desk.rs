//! What an operator asks for by name: one action on one account, beside the manifests.
//!
//! They need not even be valid, and no guard that counts people is asked. It is journalled, verified and reported as
//! `apply` does.

use tokio::runtime::Runtime;
use unicode_normalization::UnicodeNormalization as _;

use super::access::Access;
use super::edge;
use super::execute::{exit_of, remember, run_guarded, tell};
use super::exit::{Exit, Failure, advised};
use super::journal::{self, Opened};
use super::lock_outs;
use super::mail::Mails;
use super::options::Global;
use super::printer::Printer;
use super::target::{invalid_key, unknown_key};
use crate::apply::ApplyReport;
use crate::diagnostic::has_errors;
use crate::guard;
use crate::journal::{Ended, Run};
use crate::manifest;
use crate::model::{ActionKind, Desired, LiveState, Name, Names, Value, known};
use crate::plan::{Action, Cause, Inputs, Plan, State, Subject, digest, has_invalid_key, likely_keys, says_active};
use crate::report::sanitise;
use crate::source::Sources;
use crate::store::Info;
use crate::store::sqlite::LockOutNote;

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
    pub(super) fn open(global: &Global, printer: &Printer) -> Result<Self, Failure> {
        Self::of(Access::load(global, printer)?, global, None, printer)
    }

    /// The same with these settings; `meanwhile` is what else can be done while another run is waited for.
    pub(super) fn of(
        access: Access,
        global: &Global,
        meanwhile: Option<&str>,
        printer: &Printer,
    ) -> Result<Self, Failure> {
        let runtime = edge::runtime()?;
        access.check_store_is_there(printer)?;
        let mut names = Names::new();
        let manifests = read_manifests(&access, global, &mut names);
        let mut opened = journal::open_for_operator(&access, meanwhile, printer)?;
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
            // Somebody typed it into the store by hand.
            None if has_invalid_key(key, &self.live, &self.names) => Err(invalid_key(key)),
            None => Err(self.unknown(key)),
        }
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

    /// The key, as compared, of somebody who declined the last invitation, and has no account any more.
    pub(super) fn declined(&self, key: &str) -> Option<Name> {
        self.find(key).filter(|key| self.live.declined.contains(key) && self.live.find(*key).is_none())
    }

    /// The key of an account as the store spells it, else of somebody declared as the manifests do.
    pub(super) fn spelled(&self, identity: Name) -> Option<String> {
        let live = self.live.find(identity).map(|user| user.key);
        let declared = || self.manifests.as_ref()?.find(identity).map(|user| user.key);
        live.or_else(declared).map(|key| self.names.text(key).to_owned())
    }

    /// A name of what is live or declared, as it may be printed.
    pub(super) fn printed(&self, name: Name) -> String {
        sanitise(self.names.text(name)).into_owned()
    }

    /// The key as compared, and as it may be printed, of somebody without an account whom the manifests declare, or may
    /// declare, where they can't be read.
    pub(super) fn without_account(&mut self, key: &str) -> Option<(Name, String)> {
        let compared = self.access.rules().identity.normalize(key).ok()?;
        let identity = self.names.intern(&compared);
        let is_there = self.live.find(identity).is_some() || self.live.ambiguous().contains(&identity);
        let may_be = self.manifests.as_ref().is_none_or(|manifests| manifests.find(identity).is_some());
        (may_be && !is_there).then(|| (identity, sanitise(key).into_owned()))
    }

    /// Keys of accounts that may be meant by one that nobody has, as they may be printed.
    pub(super) fn likely(&self, key: &str) -> Vec<String> {
        let nobody = Desired::default();
        let desired = self.manifests.as_ref().unwrap_or(&nobody);
        let mut likely = likely_keys(key, desired, Some(&self.live), &self.names, &self.access.rules().identity);
        likely.retain(|key| self.find(key).is_some_and(|key| self.live.find(key).is_some()));
        likely
    }

    /// The key as compared of somebody whom an operator locked out, whatever became of the account, and whether the
    /// store remembers it.
    pub(super) fn locked_out(&self, key: &str) -> Result<Option<(Name, bool)>, Failure> {
        let Some(identity) = self.find(key) else { return Ok(None) };
        if self.live.locked_out.contains(&identity) {
            return Ok(Some((identity, true)));
        }
        let forgotten = self.access.policy(&self.info)?.locked_out;
        Ok(forgotten.contains(self.names.text(identity)).then_some((identity, false)))
    }

    /// Whether the manifests say `status: active` of this person after the lock-out.
    pub(super) fn is_let_in(&self, identity: Name) -> bool {
        !self.live.waiting_lock_outs.contains(&identity)
            && self.manifests.as_ref().is_some_and(|manifests| says_active(manifests, identity))
    }

    /// Writes down that a `status: active` counts from now on: in the journal, and in the store.
    pub(super) fn release(&mut self, identity: Name, is_remembered: bool) -> Result<(), Failure> {
        let Self { access, names, opened, info, .. } = self;
        let journal = &mut opened.journal;
        let store_ref = access.store_ref(info);
        let plan = digest(&store_ref, names, &[]);
        journal.begin(Run { id: edge::run_id(), who: edge::who(), plan, store: info.id.clone() });
        journal.released(edge::now(None), names.text(identity)).map_err(Failure::failed)?;
        let note = if is_remembered { LockOutNote::Decided } else { LockOutNote::Holds { waits: false } };
        let mut store = lock_outs::open(access)?;
        store.note_lock_outs(&[(names.text(identity), note)], edge::now(None))?;
        remember(access, &mut store, journal);
        Ok(())
    }

    /// Remembers a lock-out where nothing is left that could be taken: in the store, and in the journal. Any
    /// `status: active` waits: which manifests lie in the folder at this moment says nothing about the ones that count.
    pub(super) fn remember_lock_out(&mut self, identity: Name) -> Result<(), Failure> {
        let Self { access, names, opened, info, .. } = self;
        let store_ref = access.store_ref(info);
        let after = State::field(known::STATUS, Value::Text(known::INACTIVE));
        let subject = Subject { user: Some(identity), ..Subject::default() };
        let mut action = Action::new(ActionKind::DeactivateUser, subject, None, Some(after));
        action.cause = Cause::Operator;
        let journal = &mut opened.journal;
        let plan = digest(&store_ref, names, std::slice::from_ref(&action));
        journal.begin(Run { id: edge::run_id(), who: edge::who(), plan, store: info.id.clone() });
        let lines = journal.intents(names, edge::now(None), [&action]).map_err(Failure::failed)?;
        let mut store = lock_outs::open(access)?;
        store.note_lock_outs(&[(names.text(identity), LockOutNote::Holds { waits: true })], edge::now(None))?;
        let outcomes = lines.into_iter().map(|line| (line, Ended::AlreadyTrue, None));
        journal.outcomes(edge::now(None), outcomes).map_err(Failure::failed)?;
        remember(access, &mut store, journal);
        Ok(())
    }

    fn find(&self, key: &str) -> Option<Name> {
        let key: String = key.nfc().collect();
        self.access.rules().identity.normalize(&key).ok().and_then(|key| self.names.find(&key))
    }

    fn unknown(&self, key: &str) -> Failure {
        unknown_key(key, &self.likely(key))
    }

    /// What can be done, by the store and the settings alone.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Inputs<'_>) -> T) -> Result<T, Failure> {
        let Self { access, names, info, live, .. } = self;
        let policy = access.policy(info)?;
        let store = access.store_ref(info);
        let desired = Desired::default();
        let (at, rules) = (edge::now(None), access.rules());
        Ok(question(&Inputs { names, desired: &desired, live, rules, policy: &policy, store: &store, at }))
    }

    /// What can be done, also by the manifests, where they can be read.
    pub(super) fn ask_declared<T>(&self, question: impl FnOnce(&Inputs<'_>) -> T) -> Result<T, Failure> {
        let nobody = Desired::default();
        let desired = self.manifests.as_ref().unwrap_or(&nobody);
        self.ask(|inputs| question(&Inputs { desired, ..inputs.clone() }))
    }

    /// These organizations, as they may be printed.
    pub(super) fn organizations(&self, organizations: &[Name]) -> String {
        let text = |&organization: &Name| match organization {
            known::PLATFORM => "the whole platform".to_owned(),
            organization => self.printed(organization),
        };
        let texts: Vec<String> = organizations.iter().map(text).collect();
        texts.join(", ")
    }

    /// Warns where the manifests would undo a lock-out.
    pub(super) fn tell_who_would_undo_it(&self, identity: Name, shown: &str, printer: &Printer) {
        match &self.manifests {
            None => printer.note(
                "the manifests are not valid, so whether they say `status: active` of this person is not known; one that \
                 stands there does not undo this lock-out",
            ),
            Some(desired) => {
                if says_active(desired, identity) {
                    printer.warning(&format!(
                        "{shown} is declared with `status: active`: it does not undo this lock-out as long as it stands; \
                         change it to `status: inactive`"
                    ));
                }
            }
        }
    }

    /// Asks, unless `--yes` was given.
    pub(super) fn agrees(&self, is_agreed: bool, printer: &Printer) -> Result<bool, Failure> {
        if is_agreed {
            return Ok(true);
        }
        if !edge::has_terminal() {
            return Err(Failure::invalid(advised("there is no terminal to ask on", "use --yes")));
        }
        Ok(printer.asks("do it?", &self.runtime)?.is_some())
    }

    /// Asks, does it, and tells what came of it. `None` where the answer was no.
    pub(super) fn carry_out(
        &mut self,
        plan: Plan,
        is_agreed: bool,
        mails: Mails<'_>,
        printer: &Printer,
    ) -> Result<Option<Exit>, Failure> {
        if !self.agrees(is_agreed, printer)? {
            printer.note("nothing was changed");
            if printer.is_json() {
                let why = "nothing was changed".to_owned();
                let report = ApplyReport::not_begun(edge::run_id(), plan.actions.len(), why);
                printer.json(&report.document(&self.names, &plan));
            }
            return Ok(None);
        }
        let Some(guarded) = guard::by_operator(plan) else {
            return Err(Failure::failed(advised(
                "this takes more than one action",
                "declare it in a manifest, and apply",
            )));
        };
        let journal = &mut self.opened.journal;
        let newest = self.live.newest_lock_out;
        let work = (&guarded, &[][..], newest);
        let run = run_guarded(&self.access, &mut self.names, work, journal, (None, mails));
        let report = self.runtime.block_on(run)?;
        tell(printer, &self.access, &self.names, guarded.plan(), &report, Vec::new());
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
