//! Resets of passwords: an operator asks for them by name, and no plan ever holds one.
//!
//! Each is journalled, done and handed over by itself, so that at most one person is without a secret where the run is
//! killed. None is repeated: the person may have chosen another password since.

use super::lookup::close_open_intents;
use super::outcome::{ClosedIntent, MailOutcome, MailWord, Outcome, Verdict};
use super::secrets::{Outlet, Undelivered, is_worth_telling};
use super::{ApplyError, Options, Stop, ends_run, with_causes};
use crate::journal::{Journal, JournalError, Run, describe_reset};
use crate::model::Names;
use crate::plan::{ResetUser, StoreRef};
use crate::rules::PasswordReset;
use crate::secret::SecretKind;
use crate::store::{Effect, Writer, Yielded};

/// Whose passwords are reset.
#[derive(Debug, Clone, Copy)]
pub struct Reset<'a> {
    /// The store.
    pub store: &'a StoreRef,
    /// In the order in which they are done.
    pub users: &'a [ResetUser],
    /// Everybody for whom it is meant, where that is a reset of all: journalled first, so that whoever is left out is
    /// known, also for want of an address.
    pub of_all: Option<&'a [ResetUser]>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetReport {
    /// The run, as in the journal.
    pub run: String,
    /// One for each user, in order.
    pub outcomes: Vec<Outcome>,
    /// New passwords that the sink did not take.
    pub undelivered: Vec<Undelivered>,
    /// Open intents of earlier runs.
    pub looked_up: Vec<ClosedIntent>,
    /// Mails about these resets, where the person chooses another password.
    pub mails: Vec<MailOutcome>,
    /// Why the journal can't be written, or the store can't be reached any more, where that ended the run.
    pub stopped_by: Option<String>,
}

impl ResetReport {
    /// How the whole went.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let is_sent = self.mails.iter().all(|mail| mail.word == MailWord::Sent);
        let is_complete = self.outcomes.iter().all(Outcome::is_achieved) && self.stopped_by.is_none() && is_sent;
        let has_written = self.outcomes.iter().any(is_worth_telling);
        match (is_complete && self.undelivered.is_empty(), has_written) {
            (true, _) => Verdict::Complete,
            (false, true) => Verdict::Partial,
            (false, false) => Verdict::NothingWritten,
        }
    }
}

/// Resets passwords, one after the other.
///
/// # Errors
/// Only before anything is written. Whatever goes wrong later is in the report.
pub async fn reset_passwords<S: Writer>(
    reset: Reset<'_>,
    names: &mut Names,
    store: &mut S,
    journal: &mut Journal,
    options: &Options<'_>,
    stop: &Stop,
) -> Result<ResetReport, ApplyError> {
    let yields = (options.rules.password_reset() == PasswordReset::Generated).then_some(SecretKind::Password);
    let mut outlet = Outlet::new(&reset.store.name, options);
    if yields.is_some() {
        outlet.probe()?;
    }
    let who = options.who.clone();
    journal.begin(Run { id: options.run.to_owned(), who, plan: String::new(), store: reset.store.id.clone() });
    let looked_up = close_open_intents(&reset.store.id, names, store, journal, options).await?;
    if let Some(everybody) = reset.of_all {
        journal.resets(options.now(), everybody)?;
    }
    let mut outcomes = Vec::with_capacity(reset.users.len());
    let mut stopped_by = None;
    let mut failures = 0;
    for user in reset.users {
        if stop.is_requested() || stopped_by.is_some() {
            outcomes.push(Outcome::NotTried);
            continue;
        }
        if let Some(why) = outlet.closed().filter(|_| yields.is_some()) {
            outcomes.push(Outcome::Failed(why));
            continue;
        }
        let line = match journal.described(options.now(), [describe_reset(user, yields)]) {
            Ok(lines) => lines.first().copied().unwrap_or_default(),
            Err(error) => {
                stopped_by = Some(not_journalled(&error));
                outcomes.push(Outcome::NotTried);
                continue;
            }
        };
        let (outcome, failure) = match store.reset_password(&user.key, options.now()).await {
            Ok(effect) => (outcome_of(effect), None),
            Err(error) => {
                let why = with_causes(&error);
                (Outcome::Unknown(why.clone()), Some(why))
            }
        };
        let mut is_taken = false;
        for Yielded { kind, secret, .. } in store.take_secrets() {
            is_taken = is_worth_telling(&outcome) && outlet.deliver(&user.key, kind, options.now(), &secret);
        }
        let delivered = if is_taken { journal.delivered(options.now(), line) } else { Ok(()) };
        let ended = outcome.ended().map(|ended| (line, ended, outcome.detail().map(str::to_owned)));
        if let Err(error) = delivered.and_then(|()| journal.outcomes(options.now(), ended)) {
            stopped_by = Some(not_journalled(&error));
        }
        if let Some(why) = ends_run(&mut failures, failure, options) {
            stopped_by.get_or_insert_with(|| format!("the store is out of reach: {why}"));
        }
        outcomes.push(outcome);
    }
    let Outlet { undelivered, .. } = outlet;
    Ok(ResetReport { run: options.run.to_owned(), outcomes, undelivered, looked_up, mails: Vec::new(), stopped_by })
}

fn not_journalled(error: &JournalError) -> String {
    format!("nothing can be journalled: {}", with_causes(error))
}

/// What the store said, where nothing is read back.
pub(super) fn outcome_of(effect: Effect) -> Outcome {
    match effect {
        Effect::Done => Outcome::Done,
        Effect::FellBack(how) => Outcome::FellBack(how),
        Effect::AlreadyTrue => Outcome::AlreadyTrue,
        Effect::Conflict(why) => Outcome::Conflict(why),
        Effect::Refused(why) => Outcome::Refused(why),
        Effect::Failed(why) => Outcome::Failed(why),
        Effect::Rewritten(what) => Outcome::Rewritten(what),
        Effect::Unknown(why) => Outcome::Unknown(why),
    }
}
