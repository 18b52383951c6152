//! Actions on accounts: making, changing, renaming, ending, bringing back.

use rusqlite::{OptionalExtension, params_from_iter};

use super::catalog::field_of;
use super::execute::{Stop, Turn, conflict, failed, refused, verdict};
use super::read::{self, PROFILE};
use super::value::{self, Fields, Plain};
use super::{access, credentials, invitations, required, rights};
use crate::model::{ActionKind, Status, known};
use crate::plan::{Action, Cause, State};
use crate::rules::{OffBoarding, SeatRefusal};
use crate::secret::SecretKind;
use crate::store::Effect;

/// An account as actions see it.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) id: i64,
    pub(super) key: String,
    pub(super) status: Status,
    /// Whether anybody ever used it, as far as the store can know.
    pub(super) is_used: bool,
}

/// The account with this key, if there is one.
pub(super) fn find(turn: &Turn<'_>, key: &str) -> Result<Option<Account>, Stop> {
    let identity =
        turn.rules.identity.normalize(key).map_err(|why| refused(format!("`{key}` can't be a key: it {why}")))?;
    let id = match read::find(turn.connection, turn.rules, &identity)?.as_slice() {
        [] => return Ok(None),
        [id] => *id,
        [_, _, ..] => return Err(conflict(format!("several accounts have the key `{key}`"))),
    };
    of_row(turn, id)
}

/// The account in the row with this number, if it is there.
pub(super) fn of_row(turn: &Turn<'_>, id: i64) -> Result<Option<Account>, Stop> {
    // Whoever still has the first password, which the rules have them change at the next log-in, has not logged in.
    const SQL: &str = "SELECT key, status, activated_at IS NOT NULL AND ( \
                           EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = users.id AND c.kind = 'api') \
                           OR NOT EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = users.id \
                           AND c.kind = 'password' AND c.must_change = 1 AND c.set_at <= users.activated_at)) \
                       FROM users WHERE id = ?1";
    let mut statement = turn.connection.prepare_cached(SQL)?;
    let account = statement.query_row([id], |row| {
        Ok(Account { id, key: row.get(0)?, status: read::status(row, 1)?, is_used: row.get(2)? })
    });
    Ok(account.optional()?)
}

/// The account that an action is about, if it is there.
pub(super) fn subject(turn: &Turn<'_>, action: &Action) -> Result<Option<Account>, Stop> {
    let key = action.subject.user.ok_or_else(|| failed("the action names no user"))?;
    find(turn, turn.names.text(key))
}

/// The account that an action is about; a conflict if it is not there.
pub(super) fn existing(turn: &Turn<'_>, action: &Action) -> Result<Account, Stop> {
    subject(turn, action)?.ok_or_else(|| {
        let key = action.subject.user.map_or("", |key| turn.names.text(key));
        conflict(format!("there is no account `{key}`"))
    })
}

pub(super) fn create(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let is_invited = action.kind == ActionKind::InviteUser;
    if is_invited && !turn.rules.knows_invitations() {
        return Err(refused("the rules of this store know no invitations"));
    }
    let status = match (status_of(turn, action.after.as_ref())?, is_invited) {
        (None, true) => Status::Invited,
        (None, false) => Status::Active,
        (Some(status @ (Status::Active | Status::Inactive | Status::Closed)), true) => {
            return Err(failed(format!("nobody can be invited as `{}`", status.as_str())));
        }
        (Some(status), _) => status,
    };
    let key = action.subject.user.map(|key| turn.names.text(key)).unwrap_or_default();
    let mut fields = value::fields(turn.names, action.after.as_ref());
    drop_key_field(turn, key, &mut fields)?;
    if let Some(account) = subject(turn, action)? {
        return match &action.after {
            Some(after) if account.status == status && has(turn, &account, &fields, after)? => Ok(Effect::AlreadyTrue),
            _ => Err(conflict(format!("there is an account `{}` already, which is not the same", account.key))),
        };
    }
    let carried = action.after.as_ref().map_or(0, |after| after.memberships.len() + after.grants.len());
    if status == Status::Closed && carried > 0 {
        return Err(refused("a closed account takes no access"));
    }
    rights::move_seat(turn, None, Some(status), SeatRefusal::Create)?;
    let id = insert(turn, key, status, &fields)?;
    for (field, value) in fields.iter().filter(|(field, _)| column(field).is_none()) {
        set(turn, id, field, value)?;
    }
    required::check(turn, (id, key), &fields)?;
    if let Some(State { facts: _, memberships, grants }) = &action.after {
        for membership in memberships {
            access::insert(turn, id, membership)?;
        }
        for grant in grants {
            access::insert_grant(turn, id, grant)?;
        }
    }
    if !is_invited && turn.rules.creates_with_secret() {
        credentials::issue(turn, id, SecretKind::Password)?;
    }
    credentials::follow_api(turn, id, &Fields::new(), &fields)?;
    if is_invited {
        invitations::insert(turn, (id, key), status == Status::Invited, action)?;
    }
    Ok(Effect::Done)
}

fn insert(turn: &Turn<'_>, key: &str, status: Status, fields: &Fields) -> Result<i64, Stop> {
    const SQL: &str = "INSERT INTO users (key, identity, status, created_at, activated_at, deactivated_at, mfa, login, \
                       email, name, given_name, family_name, phone, mobile, language, timezone, job_title, department, \
                       user_type, kind) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)";
    let identity =
        turn.rules.identity.normalize(key).map_err(|why| refused(format!("`{key}` can't be a key: it {why}")))?;
    let at = turn.at.to_string();
    let since = |is_so: bool| if is_so { Plain::Text(at.clone()) } else { Plain::Null };
    let mut values = vec![
        Plain::Text(key.to_owned()),
        Plain::Text(identity),
        Plain::Text(status.as_str().to_owned()),
        since(true),
        since(status == Status::Active),
        since(status == Status::Inactive || status == Status::Closed),
        field_of(fields, "mfa").clone(),
    ];
    values.extend(PROFILE.iter().map(|(_, column)| field_of(fields, column).clone()));
    Ok(turn.connection.prepare_cached(SQL)?.insert(params_from_iter(values))?)
}

/// The field that is the key may be repeated, as long as it says the same.
fn drop_key_field(turn: &Turn<'_>, key: &str, fields: &mut Fields) -> Result<(), Stop> {
    let field = turn.rules.identity.key_field().as_str();
    match fields.remove(field) {
        Some(Plain::Text(text)) if text != key => {
            Err(failed(format!("`{field}` is the key and can't be `{text}` for `{key}`; rename the account instead")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether an account already has these fields and this access.
fn has(turn: &Turn<'_>, account: &Account, fields: &Fields, after: &State) -> Result<bool, Stop> {
    let live = load(turn, account.id, fields.keys())?;
    if !fields.iter().all(|(field, value)| value.is_same(field_of(&live, field))) {
        return Ok(false);
    }
    for membership in &after.memberships {
        if !access::is_there(turn, account.id, membership)? {
            return Ok(false);
        }
    }
    for grant in &after.grants {
        if !access::is_granted(turn, account.id, grant)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn update(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let account = existing(turn, action)?;
    let before = value::fields(turn.names, action.before.as_ref());
    let mut after = value::fields(turn.names, action.after.as_ref());
    drop_key_field(turn, &account.key, &mut after)?;
    let live = load(turn, account.id, before.keys().chain(after.keys()))?;
    if let Some(effect) = verdict(&before, &after, &live) {
        return Ok(effect);
    }
    if action.kind == ActionKind::ChangeAccess {
        rights::check_own_access(turn, &account, action)?;
    }
    for (field, value) in &after {
        set(turn, account.id, field, value)?;
    }
    required::check(turn, (account.id, &account.key), &after)?;
    credentials::follow_api(turn, account.id, &live, &after)?;
    Ok(Effect::Done)
}

/// The present values of these fields.
pub(super) fn load<'f>(turn: &Turn<'_>, id: i64, fields: impl Iterator<Item = &'f String>) -> Result<Fields, Stop> {
    let mut live = Fields::new();
    for field in fields {
        let value = match column(field) {
            Some("mfa") => turn
                .connection
                .prepare_cached("SELECT mfa FROM users WHERE id = ?1")?
                .query_row([id], |row| Ok(row.get::<_, Option<bool>>(0)?.map_or(Plain::Null, Plain::Bool)))?,
            Some(column) => turn
                .connection
                .prepare_cached(&format!("SELECT {column} FROM users WHERE id = ?1"))?
                .query_row([id], |row| Ok(row.get::<_, Option<String>>(0)?.map_or(Plain::Null, Plain::Text)))?,
            None => turn
                .connection
                .prepare_cached("SELECT value FROM user_attributes WHERE user_id = ?1 AND field = ?2")?
                .query_row((id, field), |row| value::json(row, 0))
                .optional()?
                .unwrap_or(Plain::Null),
        };
        live.insert(field.clone(), value);
    }
    Ok(live)
}

fn set(turn: &Turn<'_>, id: i64, field: &str, value: &Plain) -> Result<(), Stop> {
    let connection = turn.connection;
    if let Plain::Set(entries) = value
        && let Some(whole) = turn.rules.lacks_entries(field, entries.len())
    {
        return Err(refused(format!("`{field}` takes all {whole} of its entries or none, and has {}", entries.len())));
    }
    match (column(field), value) {
        (Some(column), _) => {
            let sql = format!("UPDATE users SET {column} = ?2 WHERE id = ?1");
            connection.prepare_cached(&sql)?.execute(rusqlite::params![id, value])?;
        }
        (None, Plain::Null) => {
            connection
                .prepare_cached("DELETE FROM user_attributes WHERE user_id = ?1 AND field = ?2")?
                .execute((id, field))?;
        }
        (None, Plain::Text(_) | Plain::Bool(_) | Plain::Number(_) | Plain::Set(_)) => {
            let is_kept =
                ["attributes.", "home."].iter().any(|of| field.strip_prefix(of).is_some_and(|n| !n.is_empty()));
            if !is_kept && !matches!(field, "api.enabled" | "api.routes") {
                return Err(failed(format!("accounts have no field `{field}` in this store")));
            }
            connection
                .prepare_cached(
                    "INSERT INTO user_attributes (user_id, field, value) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (user_id, field) DO UPDATE SET value = excluded.value",
                )?
                .execute((id, field, value.to_json().to_string()))?;
        }
    }
    Ok(())
}

/// The column that a field has, if it has one of its own.
pub(super) fn column(field: &str) -> Option<&'static str> {
    if field == "mfa" {
        return Some("mfa");
    }
    PROFILE.iter().map(|&(_, column)| column).find(|&column| column == field)
}

pub(super) fn rename(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let old = action.before.as_ref().and_then(|before| before.value(known::KEY)).and_then(crate::model::Value::text);
    let old = turn.names.text(old.ok_or_else(|| failed("the action does not say which key it changes"))?);
    let new = action.subject.user.map(|key| turn.names.text(key)).unwrap_or_default();
    let taken = subject(turn, action)?;
    let Some(account) = find(turn, old)? else {
        return match taken {
            Some(_) => Ok(Effect::AlreadyTrue),
            None => Err(conflict(format!("there is no account `{old}`"))),
        };
    };
    if account.key == new {
        return Ok(Effect::AlreadyTrue);
    }
    if taken.is_some_and(|other| other.id != account.id) {
        return Err(refused(format!("another account has the key `{new}`")));
    }
    if turn.rules.identity.is_immutable() {
        return Err(refused("a key can't be changed in this store"));
    }
    let identity =
        turn.rules.identity.normalize(new).map_err(|why| refused(format!("`{new}` can't be a key: it {why}")))?;
    turn.connection
        .prepare_cached("UPDATE users SET key = ?2, identity = ?3 WHERE id = ?1")?
        .execute((account.id, new, identity))?;
    Ok(Effect::Done)
}

pub(super) fn deactivate(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    // Rules may know no way that can be undone; a person who has to be locked out is so all the same.
    if action.cause != Cause::Operator || turn.rules.reversible_offboarding().is_some() {
        rights::check_way(turn, OffBoarding::Deactivate)?;
    }
    let account = existing(turn, action)?;
    if account.status == Status::Inactive {
        return Ok(Effect::AlreadyTrue);
    }
    check_status(turn, &account, action)?;
    rights::check_not_own(turn, &account)?;
    set_status(turn, &account, Status::Inactive)
}

pub(super) fn strip(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    rights::check_way(turn, OffBoarding::Strip)?;
    let account = existing(turn, action)?;
    let access_fields = access_fields(turn, account.id)?;
    if access_fields.is_empty() && !access::has_access(turn, account.id)? {
        return Ok(Effect::AlreadyTrue);
    }
    check_status(turn, &account, action)?;
    access::check_nothing_gained(turn, account.id, action.before.as_ref(), None)?;
    rights::check_not_own(turn, &account)?;
    strip_access(turn, account.id)?;
    Ok(Effect::Done)
}

pub(super) fn reactivate(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let account = existing(turn, action)?;
    let to = status_of(turn, action.after.as_ref())?.unwrap_or(Status::Active);
    if account.status == to {
        return Ok(Effect::AlreadyTrue);
    }
    check_status(turn, &account, action)?;
    let way = match account.status {
        Status::Inactive => OffBoarding::Deactivate,
        Status::Closed => OffBoarding::Close,
        Status::Preloaded | Status::Invited | Status::Active => {
            return Err(conflict(format!("`{}` is {}, not inactive", account.key, account.status.as_str())));
        }
    };
    // Not stated who can undo it counts as nobody, for what is meant to be for good.
    if way == OffBoarding::Close && !turn.rules.can_undo(way) {
        return Err(refused("a closed account does not come back"));
    }
    let effect = set_status(turn, &account, to)?;
    if !turn.rules.reactivation_restores() {
        strip_access(turn, account.id)?;
    }
    Ok(effect)
}

pub(super) fn close(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    rights::check_way(turn, OffBoarding::Close)?;
    let account = existing(turn, action)?;
    if account.status == Status::Closed {
        return Ok(Effect::AlreadyTrue);
    }
    check_end(turn, &account, action)?;
    strip_access(turn, account.id)?;
    set_status(turn, &account, Status::Closed)
}

pub(super) fn delete(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    rights::check_way(turn, OffBoarding::Delete)?;
    let Some(account) = subject(turn, action)? else { return Ok(Effect::AlreadyTrue) };
    check_end(turn, &account, action)?;
    if turn.rules.keeps_used_accounts() && account.is_used {
        if action.fall_back == Some(ActionKind::CloseUser) {
            return Ok(match close(turn, action)? {
                Effect::Done => Effect::FellBack("closed, since an account that was used can't be deleted".to_owned()),
                other => other,
            });
        }
        return Err(refused(format!("`{}` has been used, and such accounts can't be deleted; close it", account.key)));
    }
    remove(turn, &account)
}

/// Removes the row; the history of its invitations stays.
pub(super) fn remove(turn: &mut Turn<'_>, account: &Account) -> Result<Effect, Stop> {
    rights::move_seat(turn, Some(account.status), None, SeatRefusal::Create)?;
    invitations::end(turn, account.id, "cancelled")?;
    turn.connection.prepare_cached("DELETE FROM users WHERE id = ?1")?.execute([account.id])?;
    Ok(Effect::Done)
}

fn check_end(turn: &Turn<'_>, account: &Account, action: &Action) -> Result<(), Stop> {
    check_status(turn, account, action)?;
    access::check_nothing_gained(turn, account.id, action.before.as_ref(), None)?;
    rights::check_not_own(turn, account)
}

fn status_of(turn: &Turn<'_>, state: Option<&State>) -> Result<Option<Status>, Stop> {
    let Some(word) = state.and_then(|state| state.value(known::STATUS)).and_then(crate::model::Value::text) else {
        return Ok(None);
    };
    let word = turn.names.text(word);
    Status::from_word(word).map(Some).ok_or_else(|| failed(format!("`{word}` is no status")))
}

/// A conflict if the account has another status than the plan saw.
pub(super) fn check_status(turn: &Turn<'_>, account: &Account, action: &Action) -> Result<(), Stop> {
    match status_of(turn, action.before.as_ref())? {
        Some(before) if before != account.status => {
            Err(conflict(format!("`{}` was {} and is {}", account.key, before.as_str(), account.status.as_str())))
        }
        Some(_) | None => Ok(()),
    }
}

/// Gives an account another status, with its times; an open invitation ends with its log-in.
pub(super) fn set_status(turn: &mut Turn<'_>, account: &Account, to: Status) -> Result<Effect, Stop> {
    rights::move_seat(turn, Some(account.status), Some(to), SeatRefusal::Activate)?;
    let at = turn.at.to_string();
    let connection = turn.connection;
    match to {
        Status::Active => {
            connection
                .prepare_cached(
                    "UPDATE users SET status = 'active', activated_at = ifnull(activated_at, ?2), deactivated_at = NULL \
                     WHERE id = ?1",
                )?
                .execute((account.id, at))?;
        }
        Status::Inactive | Status::Closed => {
            invitations::end(turn, account.id, "cancelled")?;
            connection
                .prepare_cached(
                    "UPDATE users SET status = ?2, deactivated_at = ifnull(deactivated_at, ?3) WHERE id = ?1",
                )?
                .execute((account.id, to.as_str(), at))?;
        }
        Status::Preloaded | Status::Invited => {
            connection
                .prepare_cached("UPDATE users SET status = ?2, deactivated_at = NULL WHERE id = ?1")?
                .execute((account.id, to.as_str()))?;
        }
    }
    Ok(Effect::Done)
}

/// The fields of an account that are access.
fn access_fields(turn: &Turn<'_>, id: i64) -> Result<Vec<String>, Stop> {
    let mut statement = turn.connection.prepare_cached("SELECT field FROM user_attributes WHERE user_id = ?1")?;
    let fields = statement.query_map([id], |row| row.get::<_, String>(0))?;
    let fields: Vec<String> = fields.collect::<rusqlite::Result<_>>()?;
    Ok(fields.into_iter().filter(|field| turn.rules.is_access(field)).collect())
}

fn strip_access(turn: &Turn<'_>, id: i64) -> Result<(), Stop> {
    let connection = turn.connection;
    connection.prepare_cached("DELETE FROM extra_roles WHERE user_id = ?1")?.execute([id])?;
    connection.prepare_cached("DELETE FROM memberships WHERE user_id = ?1")?.execute([id])?;
    connection
        .prepare_cached("UPDATE users SET role_id = NULL WHERE id = ?1 AND role_id IS NOT NULL")?
        .execute([id])?;
    for field in access_fields(turn, id)? {
        set(turn, id, &field, &Plain::Null)?;
    }
    Ok(())
}
