//! Reading: one snapshot, each table once in the order of users, merged by id.
//!
//! The same code reads everybody and one account: the range of ids is all that differs. Counts that do not agree, and
//! rows that belong to nobody, make a collection partial, and nothing is removed on the strength of it.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, Row, TransactionBehavior};
use unicode_normalization::UnicodeNormalization as _;

use super::ahead::Ahead;
use super::value::{self, Plain};
use super::{catalog, credentials, lock_outs};
use crate::model::{
    Collection, Completeness, Evidence, Fact, Grant, Invitation, InvitationState, List, LiveState, Membership, Name,
    Names, Status, Value, known,
};
use crate::rules::{KeyCase, PasswordReset, Rules};
use crate::store::Which;

/// The text columns of profile fields with their names, in the order of the handles.
pub(super) const PROFILE: [(Name, &str); 13] = [
    (known::LOGIN, "login"),
    (known::EMAIL, "email"),
    (known::NAME, "name"),
    (known::GIVEN_NAME, "given_name"),
    (known::FAMILY_NAME, "family_name"),
    (known::PHONE, "phone"),
    (known::MOBILE, "mobile"),
    (known::LANGUAGE, "language"),
    (known::TIMEZONE, "timezone"),
    (known::JOB_TITLE, "job_title"),
    (known::DEPARTMENT, "department"),
    (known::USER_TYPE, "user_type"),
    (known::KIND, "kind"),
];

const USERS: &str = "SELECT id, key, status, role_id, mfa, login, email, name, given_name, family_name, phone, \
                     mobile, language, timezone, job_title, department, user_type, kind, deactivated_at, \
                     identity FROM users WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
const ATTRIBUTES: &str = "SELECT user_id, field, value FROM user_attributes WHERE user_id BETWEEN ?1 AND ?2 \
                          ORDER BY user_id, field";
const MEMBERSHIPS: &str = "SELECT user_id, organization_id, role_id, default_site_id FROM memberships \
                           WHERE user_id BETWEEN ?1 AND ?2 ORDER BY user_id, organization_id";
const EXTRA_ROLES: &str = "SELECT user_id, ifnull(organization_id, 0), role_id FROM extra_roles \
                           WHERE user_id BETWEEN ?1 AND ?2 ORDER BY user_id, organization_id, role_id";
const GRANTS: &str = "SELECT user_id, organization_id, site_id, role_id FROM site_grants \
                      WHERE user_id BETWEEN ?1 AND ?2 ORDER BY user_id, organization_id, site_id";
const INVITATIONS: &str = "SELECT user_id, state, sent, ends FROM invitations WHERE user_id BETWEEN ?1 AND ?2 \
                           ORDER BY user_id, id";

/// From row ids to names.
#[derive(Debug, Default)]
pub(super) struct Ids {
    pub(super) organizations: HashMap<i64, Name>,
    pub(super) sites: HashMap<i64, (Name, Name)>,
    pub(super) roles: HashMap<i64, Name>,
}

/// A time as a person or a program writes it into the file; with or without its `Z`.
pub(super) struct Moment(pub(super) Timestamp);

impl FromSql for Moment {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let parsed = text.parse().or_else(|_| format!("{text}Z").parse());
        parsed.map(Self).map_err(|error: jiff::Error| FromSqlError::Other(Box::new(error)))
    }
}

/// Reads a store, in one snapshot.
pub(super) fn read(
    connection: &mut Connection,
    rules: &Rules,
    names: &mut Names,
    which: Which<'_>,
) -> rusqlite::Result<LiveState> {
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let mut ids = Ids::default();
    let mut live = LiveState::default();
    live.catalog = catalog::read(&snapshot, rules, names, (&mut ids, &mut live.evidence))?;
    lock_outs::read(&snapshot, &rules.identity, names, &mut live)?;
    super::invitations::read_declined(&snapshot, &rules.identity, names, &mut live)?;
    match which {
        Which::All => {
            let read = read_users(&snapshot, rules, names, &ids, (i64::MIN, i64::MAX), &mut live)?;
            compare_counts(&snapshot, &read, &mut live.evidence)?;
            let is_made_here = rules.password_reset() == PasswordReset::Generated;
            if is_made_here || rules.password_rotation().is_some() || rules.resets_all_passwords() {
                note_passwords(&snapshot, names, &mut live)?;
            }
        }
        Which::Users(keys) => {
            let mut users = BTreeSet::new();
            for key in keys {
                // What is no key under these rules is the key of nobody.
                let Ok(identity) = rules.identity.normalize(key) else { continue };
                users.extend(find(&snapshot, rules, &identity)?);
            }
            for id in users {
                read_users(&snapshot, rules, names, &ids, (id, id), &mut live)?;
            }
        }
    }
    Ok(live)
}

/// The ids of the accounts with this compared key: one at most, unless somebody typed keys beyond ASCII by hand.
pub(super) fn find(connection: &Connection, rules: &Rules, identity: &str) -> rusqlite::Result<Vec<i64>> {
    let mut found = Vec::new();
    // Triggers fill in what somebody typed by hand, and that may have its accents apart from its letters.
    let apart: String = identity.nfd().collect();
    let mut by_identity = connection.prepare_cached("SELECT id FROM users WHERE identity IN (?1, ?2)")?;
    let mut rows = by_identity.query([identity, &apart])?;
    while let Some(row) = rows.next()? {
        found.push(row.get(0)?);
    }
    let mut without = connection.prepare_cached("SELECT id, key FROM users WHERE identity IS NULL")?;
    let mut rows = without.query([])?;
    while let Some(row) = rows.next()? {
        // What can't be read is nobody's key.
        let key = value::text(row, 1).ok();
        if key.and_then(|key| rules.identity.normalize(key).ok()).is_some_and(|other| other == identity) {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

/// When each account was made, by key.
pub(super) fn creation_times(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut all = connection.prepare("SELECT key, created_at FROM users ORDER BY id")?;
    all.query_map([], |row| Ok((value::lossy(row, 0)?, row.get(1)?)))?.collect()
}

/// How many rows were read and placed.
#[derive(Default)]
struct Read {
    users: i64,
    memberships: i64,
    grants: i64,
}

fn read_users(
    connection: &Connection,
    rules: &Rules,
    names: &mut Names,
    ids: &Ids,
    range: (i64, i64),
    live: &mut LiveState,
) -> rusqlite::Result<Read> {
    let mut users = connection.prepare_cached(USERS)?;
    let mut attributes = connection.prepare_cached(ATTRIBUTES)?;
    let mut memberships = connection.prepare_cached(MEMBERSHIPS)?;
    let mut extra_roles = connection.prepare_cached(EXTRA_ROLES)?;
    let mut grants = connection.prepare_cached(GRANTS)?;
    let mut invitations = connection.prepare_cached(INVITATIONS)?;
    let mut users = users.query(range)?;
    let mut attributes = Ahead::new("user_attributes", attributes.query(range)?, |row| {
        Ok((value::text(row, 1)?.to_owned(), value::json(row, 2).unwrap_or(Plain::Null)))
    })?;
    let mut memberships = Ahead::new("memberships", memberships.query(range)?, |row| {
        Ok((row.get::<_, i64>(1)?, row.get::<_, Option<i64>>(2)?, row.get::<_, Option<i64>>(3)?))
    })?;
    let mut extra_roles =
        Ahead::new("extra_roles", extra_roles.query(range)?, |row| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))?;
    let mut grants = Ahead::new("site_grants", grants.query(range)?, |row| {
        Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, Option<i64>>(3)?))
    })?;
    let mut invitations = Ahead::new("invitations", invitations.query(range)?, invitation)?;

    let key_field = match rules.identity.key_field() {
        crate::rules::KeyField::Login => known::LOGIN,
        crate::rules::KeyField::Email => known::EMAIL,
    };
    let mut read = Read::default();
    let (mut facts, mut members, mut granted) = (Vec::new(), Vec::new(), Vec::new());
    let mut extra: Vec<(i64, Name)> = Vec::new();
    let mut places: Vec<i64> = Vec::new();
    while let Some(row) = users.next()? {
        let id: i64 = row.get(0)?;
        facts.clear();
        members.clear();
        granted.clear();
        extra.clear();
        places.clear();
        let unread = profile(row, key_field, names, &mut facts)?;
        further_fields(&mut attributes, id, names, (&mut facts, &mut live.evidence))?;
        while let Some((organization, role)) = extra_roles.next_of(id)? {
            match ids.roles.get(&role) {
                Some(&role) => extra.push((organization, role)),
                None => note(&mut live.evidence, Collection::Memberships, "an extra role is a role that is not there"),
            }
        }
        let platform_role = resolve(row.get(3)?, &ids.roles, Collection::Users, &mut live.evidence);
        let platform_extra = extra_of(names, &extra, 0);
        if platform_role.is_some() || !platform_extra.is_empty() {
            members.push(Membership {
                organization: known::PLATFORM,
                role: platform_role,
                extra_roles: platform_extra,
                default_site: None,
            });
        }
        while let Some((organization_id, role, site)) = memberships.next_of(id)? {
            read.memberships += 1;
            let Some(&organization) = ids.organizations.get(&organization_id) else {
                note(
                    &mut live.evidence,
                    Collection::Memberships,
                    "a membership is in an organization that is not there",
                );
                continue;
            };
            places.push(organization_id);
            let site = resolve(site, &ids.sites, Collection::Memberships, &mut live.evidence);
            members.push(Membership {
                organization,
                role: resolve(role, &ids.roles, Collection::Memberships, &mut live.evidence),
                extra_roles: extra_of(names, &extra, organization_id),
                default_site: site.map(|(_, site)| site),
            });
        }
        if extra.iter().any(|(place, _)| *place != 0 && !places.contains(place)) {
            let why = "an extra role is in an organization of which the account is no member";
            note(&mut live.evidence, Collection::Memberships, why);
        }
        read.grants += grants_of(&mut grants, id, ids, (&mut granted, &mut live.evidence))?;
        let mut newest = None;
        while let Some(invitation) = invitations.next_of(id)? {
            newest = Some(invitation);
        }
        facts.sort_unstable();
        members.sort_unstable();
        granted.sort_unstable();
        // Nobody can say in a manifest who that is; all others are there.
        let Some((text, status)) = key_and_status(row, rules, unread, &mut live.evidence)? else { continue };
        let key = names.intern(text);
        let compared = rules.identity.normalize(text).ok();
        let identity = compared.map(|identity| if identity == text { key } else { names.intern(&identity) });
        let id = names.intern(itoa(id, &mut [0; 20]));
        live.push_columns(id, key, identity, status, &facts, &members, &granted, newest);
        note_inactive(row, status, live);
        read.users += 1;
    }
    note_unread(&mut live.evidence, Collection::Users, attributes.wrong());
    note_unread(&mut live.evidence, Collection::Memberships, memberships.wrong().or(extra_roles.wrong()));
    note_unread(&mut live.evidence, Collection::Grants, grants.wrong());
    // Invitations are a history: their accounts may be gone.
    note_unread(&mut live.evidence, Collection::Invitations, invitations.unread);
    Ok(read)
}

/// A row of a grant: organization, site, role.
type GrantRow = (i64, i64, Option<i64>);

/// Adds the grants of an account; how many rows there were.
fn grants_of(
    rows: &mut Ahead<'_, GrantRow>,
    id: i64,
    ids: &Ids,
    (granted, evidence): (&mut Vec<Grant>, &mut Evidence),
) -> rusqlite::Result<i64> {
    let mut read = 0;
    while let Some((organization_id, site, role)) = rows.next_of(id)? {
        read += 1;
        let role = resolve(role, &ids.roles, Collection::Grants, evidence);
        if let Some((organization, site)) = resolve(Some(site), &ids.sites, Collection::Grants, evidence) {
            if ids.organizations.get(&organization_id) != Some(&organization) {
                note(evidence, Collection::Grants, "a site grant is in another organization than its site");
            }
            granted.push(Grant { organization, site, role });
        }
    }
    Ok(read)
}

/// Whether the compared key in a row is not that of its key, where the triggers of the store can tell.
fn is_compared_otherwise(row: &Row<'_>, rules: &Rules, key: &str) -> bool {
    let Ok(Some(identity)) = value::optional_text(row, 19) else { return false };
    let is_told = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match rules.identity.case() {
        KeyCase::Sensitive => identity != key,
        KeyCase::Insensitive => is_told && !identity.eq_ignore_ascii_case(key),
    }
}

/// Notes since when accounts have their passwords.
fn note_passwords(connection: &Connection, names: &Names, live: &mut LiveState) -> rusqlite::Result<()> {
    let times = credentials::password_times(connection)?;
    let since = |id: Name| times.get(&names.text(id).parse::<i64>().ok()?).copied();
    let found: Vec<_> = live.users().filter_map(|user| Some((user.row, since(user.id)?))).collect();
    for (row, since) in found {
        live.note_password_since(row, since);
    }
    Ok(())
}

/// Adds the fields that have no column of their own.
fn further_fields(
    attributes: &mut Ahead<'_, (String, Plain)>,
    id: i64,
    names: &mut Names,
    (facts, evidence): (&mut Vec<Fact>, &mut Evidence),
) -> rusqlite::Result<()> {
    while let Some((field, value)) = attributes.next_of(id)? {
        if value == Plain::Null {
            note(evidence, Collection::Users, "an attribute has a value that no field can hold");
        } else {
            facts.push(Fact::new(names.intern(&field), value.intern(names)));
        }
    }
    Ok(())
}

/// The key and the status of an account, if they can be read; what can't be is noted.
fn key_and_status<'row>(
    row: &'row Row<'_>,
    rules: &Rules,
    unread: Option<String>,
    evidence: &mut Evidence,
) -> rusqlite::Result<Option<(&'row str, Status)>> {
    let id: i64 = row.get(0)?;
    let found = value::text(row, 1).and_then(|text| Ok((text, status(row, 2)?)));
    let found = value::of_row(found, || format!("the row of `users` with id {id}"))?;
    note_unread(evidence, Collection::Users, found.as_ref().err().cloned().or(unread));
    if found.as_ref().is_ok_and(|(key, _)| is_compared_otherwise(row, rules, key)) {
        note(
            evidence,
            Collection::Users,
            &format!("the row of `users` with id {id} has the compared key of another one"),
        );
    }
    Ok(found.ok())
}

fn note_unread(evidence: &mut Evidence, collection: Collection, why: Option<String>) {
    if let Some(why) = why {
        evidence.note(collection, Completeness::Partial(why));
    }
}

/// Since when an account is inactive; a text that is no time is as good as none.
fn note_inactive(row: &Row<'_>, status: Status, live: &mut LiveState) {
    if status == Status::Inactive
        && let Ok(Some(Moment(since))) = row.get::<_, Option<Moment>>(18)
    {
        live.note_inactive_since(since);
    }
}

/// The decimal digits of a row id, without an allocation for each of a million.
fn itoa(number: i64, buffer: &mut [u8; 20]) -> &str {
    let mut rest = number.unsigned_abs();
    let mut start = buffer.len();
    loop {
        start -= 1;
        buffer[start] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 && start > 0 {
        start -= 1;
        buffer[start] = b'-';
    }
    std::str::from_utf8(&buffer[start..]).unwrap_or_default()
}

/// Adds the fields in columns of their own; why one of them can't be read.
fn profile(
    row: &Row<'_>,
    key_field: Name,
    names: &mut Names,
    facts: &mut Vec<Fact>,
) -> rusqlite::Result<Option<String>> {
    let mut unread = None;
    for (column, (field, _)) in (5..).zip(PROFILE) {
        if field == key_field {
            continue;
        }
        let of_row = || format!("the row of `users` with id {}", row.get::<_, i64>(0).unwrap_or_default());
        match value::of_row(value::optional_text(row, column), of_row)? {
            Ok(text) => facts.extend(text.map(|text| Fact::new(field, Value::Text(names.intern(text))))),
            Err(why) => unread = Some(why),
        }
    }
    if let Some(mfa) = row.get(4)? {
        facts.push(Fact::new(known::MFA, Value::Bool(mfa)));
    }
    Ok(unread)
}

fn extra_of(names: &Names, extra: &[(i64, Name)], organization: i64) -> List {
    if extra.is_empty() {
        return List::EMPTY;
    }
    let roles: Vec<Name> = extra.iter().filter(|(place, _)| *place == organization).map(|&(_, role)| role).collect();
    names.list(&roles)
}

/// The name behind an id; one that leads nowhere makes the collection partial.
fn resolve<T: Copy>(
    id: Option<i64>,
    names: &HashMap<i64, T>,
    collection: Collection,
    evidence: &mut Evidence,
) -> Option<T> {
    let id = id?;
    let name = names.get(&id).copied();
    if name.is_none() {
        note(evidence, collection, "a row names an organization, a site or a role that is not there");
    }
    name
}

/// What is not as rollcall and the triggers of a store leave it.
pub(super) const DAMAGED: &str =
    "the store is damaged, or was changed with its triggers dropped; take it from a backup";

pub(super) fn note(evidence: &mut Evidence, collection: Collection, why: &str) {
    evidence.note(collection, Completeness::Partial(format!("{why}; {DAMAGED}")));
}

pub(super) fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Status> {
    let word = value::text(row, column)?;
    Status::from_word(word).ok_or_else(|| bad_word(column, word))
}

fn bad_word(column: usize, word: &str) -> rusqlite::Error {
    let message = format!("`{word}` is no word of this column");
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, message.into())
}

fn invitation(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    let (state, sent, ends) = invitation_columns(row, 1)?;
    Ok(Invitation { state, sent, ends })
}

/// State, sent and ends, from `column` on.
pub(super) fn invitation_columns(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<(InvitationState, Option<Timestamp>, Option<Timestamp>)> {
    let word = value::text(row, column)?;
    let state = InvitationState::from_word(word).ok_or_else(|| bad_word(column, word))?;
    let moment = |column| row.get::<_, Option<Moment>>(column).map(|moment| moment.map(|Moment(time)| time));
    Ok((state, moment(column + 1)?, moment(column + 2)?))
}

/// A scan that saw other numbers than the tables have is not the whole: a damaged index, or rows of nobody.
fn compare_counts(connection: &Connection, read: &Read, evidence: &mut Evidence) -> rusqlite::Result<()> {
    let &Read { users, memberships, grants } = read;
    for (collection, table, read) in [
        (Collection::Users, "users", users),
        (Collection::Memberships, "memberships", memberships),
        (Collection::Grants, "site_grants", grants),
    ] {
        let there: i64 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        let completeness = if there == read {
            Completeness::Complete
        } else {
            Completeness::Partial(format!("{read} of {there} rows belong to users"))
        };
        evidence.note(collection, completeness);
    }
    Ok(())
}
