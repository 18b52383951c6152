//! Executing: a batch is one transaction, an action one savepoint in it, so a failure undoes its own action only.
//!
//! Each action looks at what is there first: already as it should be, as the plan saw it, or neither, which is a
//! conflict. Where the file itself can't be written any more the whole batch is undone and none of it was done.

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::catalog::field_of;
use super::value::Fields;
use super::{SqliteStore, account, catalog, credentials, invitations, lock_outs, membership, open};
use crate::model::{ActionKind, Names};
use crate::plan::Action;
use crate::rules::Rules;
use crate::store::{Effect, StoreError, Yielded};

/// Why an action stops before its end; what it wrote is undone.
#[derive(Debug)]
pub(super) enum Stop {
    /// With this effect.
    Effect(Effect),
    /// By an error of SQLite.
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

pub(super) fn conflict(why: impl Into<String>) -> Stop {
    Stop::Effect(Effect::Conflict(why.into()))
}

pub(super) fn refused(why: impl Into<String>) -> Stop {
    Stop::Effect(Effect::Refused(why.into()))
}

pub(super) fn failed(why: impl Into<String>) -> Stop {
    Stop::Effect(Effect::Failed(why.into()))
}

/// What a look-up found; `None` where what it is about is not there. An error of SQLite stays one: it says nothing about
/// what is there.
pub(super) fn if_there<T>(found: Result<T, Stop>) -> Result<Option<T>, Stop> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Stop::Effect(Effect::Conflict(_))) => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// What the actions of one batch share.
pub(super) struct Turn<'a> {
    pub(super) connection: &'a Connection,
    pub(super) rules: &'a Rules,
    pub(super) names: &'a Names,
    pub(super) at: Timestamp,
    /// The compared key of the own account.
    pub(super) own: Option<&'a str>,
    /// The number of the newest lock-out of which the run knew when it planned; `None`: it is not asked.
    pub(super) known_lock_outs: Option<i64>,
    /// Seats in use before the present action, once somebody asked.
    pub(super) seats: Option<i64>,
    /// Seats that the present action takes.
    pub(super) seats_taken: i64,
    /// The position of the present action in the batch.
    pub(super) index: usize,
    /// The secrets that actions have yielded.
    pub(super) secrets: Vec<Yielded>,
}

/// Executes a batch.
pub(super) fn execute(
    store: &mut SqliteStore,
    names: &Names,
    batch: &[&Action],
    at: Timestamp,
) -> Result<Vec<Effect>, StoreError> {
    in_transaction(store, names, at, |turn| execute_all(turn, batch))
}

/// What would come of a batch: it is executed, and all of it undone.
pub(super) fn rehearse(
    store: &mut SqliteStore,
    names: &Names,
    batch: &[&Action],
    at: Timestamp,
) -> Result<Vec<Effect>, StoreError> {
    in_transaction_to(End::Undo, store, names, at, |turn| execute_all(turn, batch))
}

fn execute_all(turn: &mut Turn<'_>, batch: &[&Action]) -> rusqlite::Result<Vec<Effect>> {
    let mut effects = Vec::with_capacity(batch.len());
    for (index, action) in batch.iter().enumerate() {
        turn.index = index;
        effects.push(execute_one(turn, action)?);
    }
    Ok(effects)
}

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Undo,
}

/// Ends the password of an account.
pub(super) fn reset_password(store: &mut SqliteStore, key: &str, at: Timestamp) -> Result<Effect, StoreError> {
    in_transaction(store, &Names::new(), at, |turn| isolated(turn, |turn| credentials::reset(turn, key)))
}

/// Answers an invitation.
pub(super) fn answer(
    store: &mut SqliteStore,
    who: invitations::Answerer<'_>,
    accept: bool,
    at: Timestamp,
) -> Result<Effect, StoreError> {
    in_transaction(store, &Names::new(), at, |turn| isolated(turn, |turn| invitations::answer(turn, who, accept)))
}

pub(super) fn in_transaction<T>(
    store: &mut SqliteStore,
    names: &Names,
    at: Timestamp,
    run: impl FnOnce(&mut Turn<'_>) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    in_transaction_to(End::Commit, store, names, at, run)
}

fn in_transaction_to<T>(
    end: End,
    store: &mut SqliteStore,
    names: &Names,
    at: Timestamp,
    run: impl FnOnce(&mut Turn<'_>) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let SqliteStore { connection, path, rules, own, known_lock_outs, seats, secrets } = store;
    secrets.clear();
    let result = (|| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Changes with every commit of somebody else, and never with our own.
        let data: i64 = transaction.pragma_query_value(None, "data_version", |row| row.get(0))?;
        let known = seats.take().filter(|(version, _)| *version == data).map(|(_, seats)| seats);
        let mut turn = Turn {
            connection: &transaction,
            rules,
            names,
            at,
            own: own.as_deref(),
            known_lock_outs: *known_lock_outs,
            seats: known,
            seats_taken: 0,
            index: 0,
            secrets: Vec::new(),
        };
        let result = run(&mut turn)?;
        let (counted, yielded) = (turn.seats, std::mem::take(&mut turn.secrets));
        if end == End::Undo {
            transaction.rollback()?;
            return Ok(result);
        }
        transaction.commit()?;
        *secrets = yielded;
        *seats = counted.map(|seats| (data, seats));
        Ok(result)
    })();
    result.map_err(|error| open::unwritable(path, error))
}

fn execute_one(turn: &mut Turn<'_>, action: &Action) -> rusqlite::Result<Effect> {
    isolated(turn, |turn| {
        super::rights::check_denied(turn, action)?;
        let whom = lock_outs::check(turn, action)?;
        let effect = match action.kind {
            ActionKind::CreateOrganization | ActionKind::CreateSite | ActionKind::CreateRole => {
                catalog::create(turn, action)
            }
            ActionKind::UpdateOrganization | ActionKind::UpdateSite | ActionKind::UpdateRole => {
                catalog::update(turn, action)
            }
            ActionKind::DeleteOrganization | ActionKind::DeleteSite | ActionKind::DeleteRole => {
                catalog::delete(turn, action)
            }
            ActionKind::InviteUser | ActionKind::CreateUser => account::create(turn, action),
            ActionKind::UpdateUser | ActionKind::ChangeAccess => account::update(turn, action),
            ActionKind::RenameUser => account::rename(turn, action),
            ActionKind::DeactivateUser => account::deactivate(turn, action),
            ActionKind::StripUser => account::strip(turn, action),
            ActionKind::ReactivateUser => account::reactivate(turn, action),
            ActionKind::CloseUser => account::close(turn, action),
            ActionKind::DeleteUser => account::delete(turn, action),
            ActionKind::SendInvitation => invitations::send(turn, action),
            ActionKind::ResendInvitation => invitations::resend(turn, action),
            ActionKind::CancelInvitation => invitations::cancel(turn, action),
            ActionKind::AddMembership => membership::add(turn, action),
            ActionKind::ChangeRole => membership::change_role(turn, action),
            ActionKind::UpdateMembership => membership::update(turn, action),
            ActionKind::RemoveMembership => membership::remove(turn, action),
            ActionKind::GrantSite => membership::grant(turn, action),
            ActionKind::ChangeSiteRole => membership::change_site_role(turn, action),
            ActionKind::RevokeSite => membership::revoke(turn, action),
        }?;
        if effect.is_achieved() {
            lock_outs::note(turn, action, whom.as_ref())?;
        }
        Ok(effect)
    })
}

/// Runs one action in a savepoint of its own.
fn isolated<'a>(
    turn: &mut Turn<'a>,
    run: impl FnOnce(&mut Turn<'a>) -> Result<Effect, Stop>,
) -> rusqlite::Result<Effect> {
    let connection = turn.connection;
    connection.prepare_cached("SAVEPOINT action")?.execute([])?;
    turn.seats_taken = 0;
    let yielded = turn.secrets.len();
    let effect = match run(turn) {
        Ok(effect) | Err(Stop::Effect(effect)) => effect,
        Err(Stop::Sql(error)) => explain(error)?,
    };
    if effect.is_achieved() {
        turn.seats = turn.seats.map(|seats| seats + turn.seats_taken);
    } else {
        turn.secrets.truncate(yielded);
        connection.prepare_cached("ROLLBACK TO action")?.execute([])?;
    }
    connection.prepare_cached("RELEASE action")?.execute([])?;
    Ok(effect)
}

/// What an error of SQLite means for one action; an error again where it concerns the whole file.
fn explain(error: rusqlite::Error) -> rusqlite::Result<Effect> {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => {
            let message = match &error {
                rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
                other => other.to_string(),
            };
            Ok(Effect::Refused(message))
        }
        // Without a code it is not SQLite: a row that holds what it can't hold.
        Some(ErrorCode::TooBig | ErrorCode::TypeMismatch) | None => Ok(Effect::Failed(error.to_string())),
        Some(_) => Err(error),
    }
}

/// What comes of a change of fields, unless it has to be done: `None` where what is there is what the plan saw.
pub(super) fn verdict(before: &Fields, after: &Fields, live: &Fields) -> Option<Effect> {
    if after.iter().all(|(field, value)| value.is_same(field_of(live, field))) {
        return Some(Effect::AlreadyTrue);
    }
    let changed =
        before.keys().chain(after.keys()).find(|field| !field_of(before, field).is_same(field_of(live, field)))?;
    let (was, now) = (field_of(before, changed).describe(), field_of(live, changed).describe());
    Some(Effect::Conflict(format!("`{changed}` has changed since the plan: it was {was} and is {now}")))
}
