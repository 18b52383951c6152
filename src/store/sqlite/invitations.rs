//! Invitations: their actions, their answers, and the list of all of them. A history: no row ever goes.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::access;
use super::account::{self, Account, existing};
use super::execute::{Stop, Turn, conflict, refused};
use super::mails::{self, StoredMail};
use super::read::{Moment, invitation_columns};
use super::{lock_outs, rights, value};
use crate::model::{Invitation, InvitationState, LiveState, Name, Names, Status, Value, known};
use crate::plan::{Action, State};
use crate::rules::{Identity, SeatRefusal};
use crate::store::Effect;

/// An invitation as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInvitation {
    /// The key that was invited, as spelled then.
    pub key: String,
    /// Where it is in its life, as the store has it; a pending one whose end has passed is expired.
    pub state: InvitationState,
    /// When it was sent.
    pub sent: Option<Timestamp>,
    /// When it ends by itself.
    pub ends: Option<Timestamp>,
    /// When it was accepted, declined or cancelled.
    pub answered: Option<Timestamp>,
    /// What became of the mail about it; `None`: there is none.
    pub mail: Option<StoredMail>,
}

impl StoredInvitation {
    /// Where it is in its life at the time `at`.
    #[must_use]
    pub fn state_at(&self, at: Timestamp) -> InvitationState {
        Invitation { state: self.state, sent: self.sent, ends: self.ends }.state_at(at)
    }
}

/// Every invitation, by key and then in the order in which they were made.
pub(super) fn list(connection: &Connection) -> rusqlite::Result<Vec<StoredInvitation>> {
    let mut mails = mails::all(connection)?;
    let sql = "SELECT user_key, state, sent, ends, answered, id FROM invitations ORDER BY user_key, id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let (state, sent, ends) = invitation_columns(row, 1)?;
        let answered = row.get::<_, Option<Moment>>(4)?.map(|Moment(time)| time);
        let mail = mails.remove(&row.get::<_, i64>(5)?);
        Ok(StoredInvitation { key: value::lossy(row, 0)?, state, sent, ends, answered, mail })
    })?;
    rows.collect()
}

/// The keys of those who are invited and of whose invitation there is nothing any more, sorted.
pub(super) fn list_forgotten(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT key FROM users u WHERE status = 'invited' \
               AND NOT EXISTS (SELECT 1 FROM invitations i WHERE i.user_id = u.id) ORDER BY key";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map([], |row| value::lossy(row, 0))?.collect()
}

/// Reads who has no account any more, and answered the last invitation with no.
pub(super) fn read_declined(
    connection: &Connection,
    identity: &Identity,
    names: &mut Names,
    live: &mut LiveState,
) -> rusqlite::Result<()> {
    let sql = "SELECT user_key, state, max(id) FROM invitations WHERE user_id NOT IN (SELECT id FROM users) \
               GROUP BY user_key ORDER BY 3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    // One person may have been written in several ways: the newest decides.
    while let Some(row) = rows.next()? {
        let Some(compared) = value::text(row, 0).ok().and_then(|key| identity.normalize(key).ok()) else { continue };
        if value::text(row, 1).is_ok_and(|state| state == InvitationState::Declined.as_str()) {
            live.declined.insert(names.intern(&compared));
        } else if let Some(name) = names.find(&compared) {
            live.declined.remove(&name);
        }
    }
    Ok(())
}

/// Adds an invitation, with the mail about it; one that is not sent is suppressed.
pub(super) fn insert(turn: &Turn<'_>, (user, key): (i64, &str), is_sent: bool, action: &Action) -> Result<(), Stop> {
    let state = if is_sent { InvitationState::Pending } else { InvitationState::Suppressed };
    let (sent, ends) = if is_sent { times(turn) } else { (None, None) };
    turn.connection
        .prepare_cached("INSERT INTO invitations (user_id, user_key, state, sent, ends) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((user, key, state.as_str(), sent, ends))?;
    if is_sent { mails::queue(turn, user, action.kind) } else { Ok(()) }
}

/// When an invitation that goes out now is sent and ends.
fn times(turn: &Turn<'_>) -> (Option<String>, Option<String>) {
    let ttl = turn.rules.invitation_ttl();
    (Some(turn.at.to_string()), ttl.map(|ttl| ttl.after(turn.at).to_string()))
}

/// Ends what is open.
pub(super) fn end(turn: &Turn<'_>, user: i64, state: &str) -> Result<(), Stop> {
    turn.connection
        .prepare_cached(
            "UPDATE invitations SET state = ?2, answered = ?3 WHERE user_id = ?1 AND state IN ('pending', 'suppressed')",
        )?
        .execute((user, state, turn.at.to_string()))?;
    Ok(())
}

/// The newest invitation of an account.
fn newest(turn: &Turn<'_>, user: i64) -> Result<Option<Invitation>, Stop> {
    let sql = "SELECT state, sent, ends FROM invitations WHERE user_id = ?1 ORDER BY id DESC LIMIT 1";
    let mut statement = turn.connection.prepare_cached(sql)?;
    let row = statement.query_row([user], |row| {
        let (state, sent, ends) = invitation_columns(row, 0)?;
        Ok(Invitation { state, sent, ends })
    });
    Ok(row.optional()?)
}

/// The number of the newest invitation of an account.
fn newest_id(turn: &Turn<'_>, user: i64) -> Result<Option<i64>, Stop> {
    let sql = "SELECT max(id) FROM invitations WHERE user_id = ?1";
    Ok(turn.connection.prepare_cached(sql)?.query_row([user], |row| row.get(0))?)
}

/// The word that a plan has for where an invitation is.
fn word(turn: &Turn<'_>, invitation: Option<Invitation>) -> Name {
    match invitation.map(|invitation| invitation.state_at(turn.at)) {
        None | Some(InvitationState::Suppressed) => known::NONE,
        Some(InvitationState::Pending) => known::PENDING,
        Some(
            InvitationState::Accepted
            | InvitationState::Declined
            | InvitationState::Expired
            | InvitationState::Cancelled,
        ) => known::ENDED,
    }
}

fn word_before(action: &Action) -> Option<Name> {
    action.before.as_ref().and_then(|before: &State| before.value(known::INVITATION)).and_then(Value::text)
}

/// Before another invitation goes out, a pending one is written down as what becomes of it: expired, where its end has
/// passed, else cancelled.
fn note_end(turn: &Turn<'_>, user: i64) -> Result<(), Stop> {
    let is_over = newest(turn, user)?.map(|one| one.state_at(turn.at)) == Some(InvitationState::Expired);
    let state = if is_over { InvitationState::Expired } else { InvitationState::Cancelled };
    turn.connection
        .prepare_cached("UPDATE invitations SET state = ?2 WHERE user_id = ?1 AND state = 'pending'")?
        .execute((user, state.as_str()))?;
    Ok(())
}

pub(super) fn send(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    check_there_are_any(turn)?;
    let account = existing(turn, action)?;
    if account.status == Status::Invited {
        return Ok(Effect::AlreadyTrue);
    }
    account::check_status(turn, &account, action)?;
    if account.status != Status::Preloaded {
        return Err(conflict(format!("`{}` is {}, not preloaded", account.key, account.status.as_str())));
    }
    rights::move_seat(turn, Some(Status::Preloaded), Some(Status::Invited), SeatRefusal::Create)?;
    turn.connection.prepare_cached("UPDATE users SET status = 'invited' WHERE id = ?1")?.execute([account.id])?;
    let (sent, ends) = times(turn);
    let was_suppressed = turn
        .connection
        .prepare_cached(
            "UPDATE invitations SET state = 'pending', user_key = ?2, sent = ?3, ends = ?4 \
             WHERE user_id = ?1 AND state = 'suppressed'",
        )?
        .execute((account.id, &account.key, sent, ends))?;
    if was_suppressed == 0 {
        insert(turn, (account.id, &account.key), true, action)?;
    } else {
        mails::queue(turn, account.id, action.kind)?;
    }
    Ok(Effect::Done)
}

pub(super) fn resend(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    check_there_are_any(turn)?;
    let account = existing(turn, action)?;
    if account.status != Status::Invited {
        return Err(conflict(format!("`{}` is {}, not invited", account.key, account.status.as_str())));
    }
    let live = word(turn, newest(turn, account.id)?);
    let before = word_before(action);
    if live == known::PENDING {
        if before.is_some_and(|before| before != known::PENDING) {
            return Ok(Effect::AlreadyTrue);
        }
        if !turn.rules.resends_invitations() {
            return Err(refused("the rules of this store send no invitation again while it is pending"));
        }
    } else if before.is_some_and(|before| before != live) {
        return Err(conflict(format!("the invitation of `{}` is over", account.key)));
    }
    note_end(turn, account.id)?;
    insert(turn, (account.id, &account.key), true, action)?;
    Ok(Effect::Done)
}

pub(super) fn cancel(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    if !turn.rules.cancels_invitations() {
        return Err(refused("the rules of this store cancel no invitation"));
    }
    let Some(account) = account::subject(turn, action)? else { return Ok(Effect::AlreadyTrue) };
    let live = word(turn, newest(turn, account.id)?);
    let was_never_in = matches!(account.status, Status::Preloaded | Status::Invited) && !account.is_used;
    if !was_never_in {
        return match word_before(action) {
            Some(before) if before != live => {
                Err(conflict(format!("`{}` is {} and has no such invitation", account.key, account.status.as_str())))
            }
            Some(_) | None if live != known::PENDING => Ok(Effect::AlreadyTrue),
            Some(_) | None => {
                end(turn, account.id, InvitationState::Cancelled.as_str())?;
                Ok(Effect::Done)
            }
        };
    }
    if word_before(action).is_some_and(|before| before != live) {
        return Err(conflict(format!("the invitation of `{}` has changed since the plan", account.key)));
    }
    // An invitation that carries other access is another one: it may have been made anew since the plan.
    access::check_nothing_gained(turn, account.id, action.before.as_ref(), None)?;
    access::check_nothing_lost(turn, account.id, action.before.as_ref())?;
    rights::check_not_own(turn, &account)?;
    account::remove(turn, &account)
}

fn check_there_are_any(turn: &Turn<'_>) -> Result<(), Stop> {
    if !turn.rules.knows_invitations() {
        return Err(refused("the rules of this store know no invitations"));
    }
    Ok(())
}

/// Who answers an invitation.
#[derive(Debug, Clone, Copy)]
pub enum Answerer<'a> {
    /// The account with this key, in whose place somebody else does it.
    Key(&'a str),
    /// Whoever has the mail in which this token stands.
    Token(&'a str),
}

/// Answers a pending invitation.
pub(super) fn answer(turn: &mut Turn<'_>, who: Answerer<'_>, accept: bool) -> Result<Effect, Stop> {
    let (account, invitation) = match who {
        Answerer::Key(key) => {
            let account = account::find(turn, key)?.ok_or_else(|| refused(format!("there is no account `{key}`")))?;
            (account, None)
        }
        Answerer::Token(token) => {
            let unknown = || refused("no invitation has this token");
            let (invitation, user) = mails::find_token(turn.connection, token)?.ok_or_else(unknown)?;
            (account::of_row(turn, user)?.ok_or_else(unknown)?, Some(invitation))
        }
    };
    if invitation.is_some() && newest_id(turn, account.id)? != invitation {
        return Err(refused(format!("another invitation of `{}` has taken the place of this one", account.key)));
    }
    let (wanted, verb) =
        if accept { (InvitationState::Accepted, "accept") } else { (InvitationState::Declined, "decline") };
    let state = newest(turn, account.id)?.map(|invitation| invitation.state_at(turn.at));
    match state {
        Some(InvitationState::Pending) => {}
        Some(state) if state == wanted => return Ok(Effect::AlreadyTrue),
        Some(InvitationState::Suppressed) | None => {
            return Err(refused(format!("there is no invitation of `{}` to {verb}", account.key)));
        }
        Some(state) => {
            let state = state.as_str();
            return Err(refused(format!("the invitation of `{}` is {state}; nobody can {verb} it", account.key)));
        }
    }
    if !accept && !turn.rules.lets_decline() {
        return Err(refused("the rules of this store let nobody decline an invitation"));
    }
    if accept && lock_outs::holds(turn.connection, account.id)? {
        return Err(refused(format!(
            "an operator locked `{}` out; only `status: active` lets the person in",
            account.key
        )));
    }
    end(turn, account.id, wanted.as_str())?;
    if accept { activate(turn, &account) } else { Ok(Effect::Done) }
}

fn activate(turn: &mut Turn<'_>, account: &Account) -> Result<Effect, Stop> {
    match account.status {
        Status::Invited | Status::Preloaded => account::set_status(turn, account, Status::Active),
        Status::Active => Ok(Effect::Done),
        Status::Inactive | Status::Closed => {
            Err(refused(format!("`{}` is {} and can't accept", account.key, account.status.as_str())))
        }
    }
}
