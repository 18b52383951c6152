//! What rules forbid and triggers can't know: seats, and what would be taken from the own account.

use super::account::Account;
use super::catalog::read_roles;
use super::execute::{Stop, Turn, refused};
use super::value::Plain;
use crate::model::{Catalog, Fact, Names, Status, Value};
use crate::plan::{Action, State};
use crate::rules::{OffBoarding, SeatRefusal};

/// Refuses what the rules deny to the own account altogether.
pub(super) fn check_denied(turn: &Turn<'_>, action: &Action) -> Result<(), Stop> {
    let (Some(own), Some(user)) = (turn.own, action.subject.user) else { return Ok(()) };
    let is_own = turn.rules.identity.normalize(turn.names.text(user)).is_ok_and(|identity| identity == own);
    if is_own && turn.rules.denies_self(action.kind) {
        return Err(refused(format!("the rules deny `{}` on the own account", action.kind.as_str())));
    }
    Ok(())
}

/// Refuses what would take something from the own account.
pub(super) fn check_not_own(turn: &Turn<'_>, account: &Account) -> Result<(), Stop> {
    if is_own(turn, account) {
        return Err(refused(format!(
            "`{}` is the own account and loses nothing; let somebody else do it",
            account.key
        )));
    }
    Ok(())
}

/// Refuses a role for the own account that is not at least the one it has.
pub(super) fn check_own_role(turn: &Turn<'_>, account: &Account, from: &Plain, to: &Plain) -> Result<(), Stop> {
    if !is_own(turn, account) || from.is_same(to) {
        return Ok(());
    }
    let mut names = Names::new();
    let roles = read_roles(turn.connection, &mut names, None)?;
    let catalog = Catalog { roles, ..Catalog::default() };
    let mut name = |role: &Plain| role.intern(&mut names).text();
    let (from, to) = (name(from), name(to));
    if turn.rules.loses(&catalog, &names, from, to) { check_not_own(turn, account) } else { Ok(()) }
}

/// Refuses a set without an element that the own account has.
pub(super) fn check_own_set(turn: &Turn<'_>, account: &Account, from: &Plain, to: &Plain) -> Result<(), Stop> {
    let elements = |value: &Plain| match value {
        Plain::Set(texts) => texts.clone(),
        Plain::Null | Plain::Text(_) | Plain::Bool(_) | Plain::Number(_) => Vec::new(),
    };
    let to = elements(to);
    if elements(from).iter().all(|element| to.contains(element)) { Ok(()) } else { check_not_own(turn, account) }
}

/// Refuses access fields for the own account that are not at least what it has.
pub(super) fn check_own_access(turn: &Turn<'_>, account: &Account, action: &Action) -> Result<(), Stop> {
    let side = |state: &Option<State>| state.as_ref().map_or_else(Vec::new, |state| state.facts.clone());
    let (before, after) = (side(&action.before), side(&action.after));
    let value =
        |facts: &[Fact], field| facts.iter().find(|fact| fact.field == field).map_or(Value::Null, |fact| fact.value);
    let backwards: Vec<_> = after.iter().map(|fact| (fact.field, fact.value, value(&before, fact.field))).collect();
    if turn.rules.fields_escalate(turn.names, &backwards) { check_not_own(turn, account) } else { Ok(()) }
}

/// Refuses access for an account that is closed.
pub(super) fn check_takes_access(account: &Account) -> Result<(), Stop> {
    match account.status {
        Status::Closed => Err(refused(format!("`{}` is closed and takes no access", account.key))),
        Status::Preloaded | Status::Invited | Status::Active | Status::Inactive => Ok(()),
    }
}

fn is_own(turn: &Turn<'_>, account: &Account) -> bool {
    turn.own.is_some_and(|own| turn.rules.identity.normalize(&account.key).is_ok_and(|identity| identity == own))
}

/// Refuses a way to end an account that the rules do not list; where none is stated, every way is open.
pub(super) fn check_way(turn: &Turn<'_>, way: OffBoarding) -> Result<(), Stop> {
    if turn.rules.allows_way(way) {
        Ok(())
    } else {
        Err(refused(format!("the rules of this store know no `{}`", way.action().as_str())))
    }
}

/// Notes that an account goes from one status to another (`None`: is not there), and refuses it where that takes a
/// seat and none is left.
pub(super) fn move_seat(
    turn: &mut Turn<'_>,
    from: Option<Status>,
    to: Option<Status>,
    refusal: SeatRefusal,
) -> Result<(), Stop> {
    let Some(limit) = turn.rules.seat_limit() else { return Ok(()) };
    let counts = |status: Option<Status>| i64::from(status.is_some_and(|status| turn.rules.counts_seat(status)));
    let taken = counts(to) - counts(from);
    let used = match turn.seats {
        Some(used) => used,
        None => count(turn)?,
    };
    turn.seats = Some(used);
    turn.seats_taken += taken;
    if taken > 0 && turn.rules.refuses_at_limit(refusal) && used + turn.seats_taken > i64::from(limit) {
        return Err(refused(format!("all {limit} seats are taken; free one, or raise the limit")));
    }
    Ok(())
}

fn count(turn: &Turn<'_>) -> rusqlite::Result<i64> {
    let mut used = 0;
    let mut statement = turn.connection.prepare_cached("SELECT status, count(*) FROM users GROUP BY status")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if turn.rules.counts_seat(super::read::status(row, 0)?) {
            used += row.get::<_, i64>(1)?;
        }
    }
    Ok(used)
}
