//! Actions on access: memberships, roles on the platform and in organizations, site grants.

use rusqlite::OptionalExtension;

use super::account::{self, Account, existing, set_platform_role};
use super::catalog::{field_of, organization_id, role_id, site_id};
use super::execute::{Stop, Turn, conflict, failed, if_there, refused, verdict};
use super::rights;
use super::value::{self, Fields, Plain};
use crate::model::{ActionKind, Fact, Grant, List, Membership, Name, Value, known};
use crate::plan::{Action, State, Subject};
use crate::rules::RoleChangeLoss;
use crate::store::Effect;

const ROLE: &str = "role";
const EXTRA_ROLES: &str = "extra_roles";
const DEFAULT_SITE: &str = "default_site";

/// Where a membership is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On the whole platform: a column of the account.
    Platform,
    /// In the organization with this id.
    Organization(i64),
}

fn place(turn: &Turn<'_>, organization: Option<Name>) -> Result<Place, Stop> {
    match organization {
        None | Some(known::PLATFORM) => Ok(Place::Platform),
        Some(organization) => {
            let organization = turn.names.text(organization);
            organization_id(turn.connection, organization)?
                .map(Place::Organization)
                .ok_or_else(|| conflict(format!("there is no organization `{organization}`")))
        }
    }
}

/// The fields of a membership; `None` if there is none. The one on the whole platform is always there.
///
/// Names are looked up by subqueries here: a join with a parameter is planned anew for each value, which costs more
/// than all the rest of an action.
fn load(turn: &Turn<'_>, user: i64, place: Place) -> Result<Option<Fields>, Stop> {
    let connection = turn.connection;
    let text = |text: Option<String>| text.map_or(Plain::Null, Plain::Text);
    let (organization, row) = match place {
        Place::Platform => {
            let sql = "SELECT (SELECT name FROM roles WHERE id = u.role_id) FROM users u WHERE u.id = ?1";
            let role = connection.prepare_cached(sql)?.query_row([user], |row| row.get(0)).optional()?;
            (0, role.map(|role| (role, None)))
        }
        Place::Organization(organization) => {
            let sql = "SELECT (SELECT name FROM roles WHERE id = m.role_id), \
                       (SELECT name FROM sites WHERE id = m.default_site_id) \
                       FROM memberships m WHERE m.user_id = ?1 AND m.organization_id = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let row = statement.query_row((user, organization), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            (organization, row)
        }
    };
    let Some((role, site)) = row else { return Ok(None) };
    let sql = "SELECT ifnull(e.organization_id, 0), (SELECT name FROM roles WHERE id = e.role_id) FROM extra_roles e \
               WHERE e.user_id = ?1 ORDER BY 2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([user])?;
    let mut extra = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(0)? == organization {
            extra.push(row.get(1)?);
        }
    }
    let extra = Plain::Set(extra);
    Ok(Some(Fields::from([
        (ROLE.to_owned(), text(role)),
        (EXTRA_ROLES.to_owned(), extra),
        (DEFAULT_SITE.to_owned(), text(site)),
    ])))
}

/// Writes these fields of a membership; the others stay.
fn store(turn: &Turn<'_>, user: i64, place: Place, changed: &Fields) -> Result<(), Stop> {
    let connection = turn.connection;
    for (field, value) in changed {
        match (field.as_str(), place) {
            (ROLE, Place::Platform) => {
                let role = role_id(turn, text_of(value))?;
                connection.prepare_cached("UPDATE users SET role_id = ?2 WHERE id = ?1")?.execute((user, role))?;
            }
            (ROLE, Place::Organization(organization)) => {
                let role = role_id(turn, text_of(value))?;
                connection
                    .prepare_cached("UPDATE memberships SET role_id = ?3 WHERE user_id = ?1 AND organization_id = ?2")?
                    .execute((user, organization, role))?;
            }
            (EXTRA_ROLES, _) => {
                let organization = match place {
                    Place::Platform => None,
                    Place::Organization(organization) => Some(organization),
                };
                connection
                    .prepare_cached("DELETE FROM extra_roles WHERE user_id = ?1 AND organization_id IS ?2")?
                    .execute((user, organization))?;
                let Plain::Set(roles) = value else { continue };
                for role in roles {
                    let role = role_id(turn, Some(role))?;
                    connection
                        .prepare_cached(
                            "INSERT INTO extra_roles (user_id, organization_id, role_id) VALUES (?1, ?2, ?3)",
                        )?
                        .execute((user, organization, role))?;
                }
            }
            (DEFAULT_SITE, Place::Organization(organization)) => {
                let site = match text_of(value) {
                    Some(site) => Some(existing_site(turn, organization, site)?),
                    None => None,
                };
                connection
                    .prepare_cached(
                        "UPDATE memberships SET default_site_id = ?3 WHERE user_id = ?1 AND organization_id = ?2",
                    )?
                    .execute((user, organization, site))?;
            }
            (DEFAULT_SITE, Place::Platform) if value.is_same(&Plain::Null) => {}
            _ => return Err(failed(format!("memberships have no field `{field}` here"))),
        }
    }
    Ok(())
}

fn text_of(value: &Plain) -> Option<&str> {
    match value {
        Plain::Text(text) if !text.is_empty() => Some(text),
        Plain::Null | Plain::Text(_) | Plain::Bool(_) | Plain::Number(_) | Plain::Set(_) => None,
    }
}

fn existing_site(turn: &Turn<'_>, organization: i64, site: &str) -> Result<i64, Stop> {
    site_id(turn.connection, organization, site)?
        .ok_or_else(|| conflict(format!("there is no site `{site}` in the organization")))
}

fn fields_of(turn: &Turn<'_>, membership: &Membership) -> Fields {
    let Membership { organization: _, role, extra_roles, default_site } = *membership;
    [
        (ROLE, Value::optional_text(role)),
        (EXTRA_ROLES, Value::Set(extra_roles)),
        (DEFAULT_SITE, Value::optional_text(default_site)),
    ]
    .into_iter()
    .map(|(field, value)| (field.to_owned(), Plain::of(turn.names, value)))
    .collect()
}

/// Gives a new account a membership.
pub(super) fn insert(turn: &Turn<'_>, user: i64, membership: &Membership) -> Result<(), Stop> {
    let place = place(turn, Some(membership.organization))?;
    match place {
        Place::Platform => {
            set_platform_role(turn, user, membership.role)?;
            if membership.extra_roles != List::EMPTY {
                store(turn, user, place, &fields_of(turn, membership))?;
            }
            Ok(())
        }
        Place::Organization(organization) => insert_fields(turn, user, organization, &fields_of(turn, membership)),
    }
}

fn insert_fields(turn: &Turn<'_>, user: i64, organization: i64, fields: &Fields) -> Result<(), Stop> {
    let role = role_id(turn, text_of(field_of(fields, ROLE)))?;
    let site = match text_of(field_of(fields, DEFAULT_SITE)) {
        Some(site) => Some(existing_site(turn, organization, site)?),
        None => None,
    };
    turn.connection
        .prepare_cached(
            "INSERT INTO memberships (user_id, organization_id, role_id, default_site_id) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((user, organization, role, site))?;
    let extra = field_of(fields, EXTRA_ROLES);
    if extra.is_same(&Plain::Null) {
        return Ok(());
    }
    store(turn, user, Place::Organization(organization), &Fields::from([(EXTRA_ROLES.to_owned(), extra.clone())]))
}

/// Gives a new account a site.
pub(super) fn insert_grant(turn: &Turn<'_>, user: i64, grant: &Grant) -> Result<(), Stop> {
    let (organization, site) = site_ids(turn, Some(grant.organization), Some(grant.site))?;
    insert_grant_row(turn, user, organization, site, grant.role.map(|role| turn.names.text(role)))
}

fn insert_grant_row(turn: &Turn<'_>, user: i64, organization: i64, site: i64, role: Option<&str>) -> Result<(), Stop> {
    let role = role_id(turn, role)?;
    turn.connection
        .prepare_cached("INSERT INTO site_grants (user_id, organization_id, site_id, role_id) VALUES (?1, ?2, ?3, ?4)")?
        .execute((user, organization, site, role))?;
    Ok(())
}

/// Whether an account has exactly this membership.
pub(super) fn is_there(turn: &Turn<'_>, user: i64, membership: &Membership) -> Result<bool, Stop> {
    let Some(place) = if_there(place(turn, Some(membership.organization)))? else { return Ok(false) };
    let Some(live) = load(turn, user, place)? else { return Ok(false) };
    Ok(fields_of(turn, membership).iter().all(|(field, value)| value.is_same(field_of(&live, field))))
}

/// Whether an account has exactly this grant.
pub(super) fn is_granted(turn: &Turn<'_>, user: i64, grant: &Grant) -> Result<bool, Stop> {
    let ids = site_ids(turn, Some(grant.organization), Some(grant.site));
    let Some((organization, site)) = if_there(ids)? else { return Ok(false) };
    let wanted = Plain::of(turn.names, Value::optional_text(grant.role));
    Ok(load_grant(turn, user, organization, site)?.is_some_and(|role| role == wanted))
}

/// Whether an account has any membership or role on the platform.
pub(super) fn has_access(turn: &Turn<'_>, user: i64) -> Result<bool, Stop> {
    let sql = "SELECT EXISTS (SELECT 1 FROM memberships WHERE user_id = ?1) \
               OR EXISTS (SELECT 1 FROM extra_roles WHERE user_id = ?1) \
               OR EXISTS (SELECT 1 FROM users WHERE id = ?1 AND role_id IS NOT NULL)";
    Ok(turn.connection.prepare_cached(sql)?.query_row([user], |row| row.get(0))?)
}

/// A conflict if the account, or its membership in `only`, has access that the plan did not see: what is taken away
/// is never more than what somebody reviewed.
pub(super) fn check_nothing_gained(
    turn: &Turn<'_>,
    user: i64,
    before: Option<&State>,
    only: Option<i64>,
) -> Result<(), Stop> {
    let (memberships, grants) =
        before.map_or((&[][..], &[][..]), |state| (state.memberships.as_slice(), state.grants.as_slice()));
    let text = |name| turn.names.text(name);
    if only.is_none() {
        let sql = "SELECT o.name FROM memberships m JOIN organizations o ON o.id = m.organization_id \
                   WHERE m.user_id = ?1 UNION SELECT '' FROM users WHERE id = ?1 AND role_id IS NOT NULL \
                   UNION SELECT '' FROM extra_roles WHERE user_id = ?1 AND organization_id IS NULL";
        let mut statement = turn.connection.prepare_cached(sql)?;
        let mut rows = statement.query([user])?;
        while let Some(row) = rows.next()? {
            let organization = value::text(row, 0)?;
            if !memberships.iter().any(|membership| text(membership.organization) == organization) {
                let place = if organization.is_empty() { "on the platform" } else { organization };
                return Err(conflict(format!("a membership has come since the plan: {place}")));
            }
        }
    }
    let sql = "SELECT o.name, s.name FROM site_grants g JOIN sites s ON s.id = g.site_id \
               JOIN organizations o ON o.id = g.organization_id WHERE g.user_id = ?1 \
               AND (?2 IS NULL OR g.organization_id = ?2)";
    let mut statement = turn.connection.prepare_cached(sql)?;
    let mut rows = statement.query((user, only))?;
    while let Some(row) = rows.next()? {
        let (organization, site) = (value::text(row, 0)?, value::text(row, 1)?);
        if !grants.iter().any(|grant| text(grant.organization) == organization && text(grant.site) == site) {
            return Err(conflict(format!("a site grant has come since the plan: {organization}/{site}")));
        }
    }
    Ok(())
}

/// A conflict if the account lacks access that the plan saw.
pub(super) fn check_nothing_lost(turn: &Turn<'_>, user: i64, before: Option<&State>) -> Result<(), Stop> {
    let State { facts: _, memberships, grants } = &before.cloned().unwrap_or_default();
    for membership in memberships {
        if !is_there(turn, user, membership)? {
            let organization = turn.names.text(membership.organization);
            return Err(conflict(format!("the membership in `{organization}` has changed since the plan")));
        }
    }
    for grant in grants {
        if !is_granted(turn, user, grant)? {
            let (organization, site) = (turn.names.text(grant.organization), turn.names.text(grant.site));
            return Err(conflict(format!("the grant of `{organization}/{site}` has changed since the plan")));
        }
    }
    Ok(())
}

pub(super) fn add(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let account = existing(turn, action)?;
    let place = place(turn, action.subject.organization)?;
    let after = value::fields(turn.names, action.after.as_ref());
    match (place, load(turn, account.id, place)?) {
        (Place::Organization(organization), None) => {
            rights::check_takes_access(&account)?;
            for ended in action.ended_memberships() {
                end(turn, action, ended)?;
            }
            check_room(turn, &account)?;
            insert_fields(turn, account.id, organization, &after)?;
            for grant in action.after.iter().flat_map(|after| &after.grants) {
                insert_grant(turn, account.id, grant)?;
            }
            Ok(Effect::Done)
        }
        // On the platform "no membership" is one without any role.
        (Place::Platform, live) => change(turn, &account, place, &Fields::new(), &after, &live.unwrap_or_default()),
        (Place::Organization(_), Some(live)) => match verdict(&Fields::new(), &after, &live) {
            Some(Effect::AlreadyTrue) if !has_any(turn, account.id, action.ended_memberships())? => {
                Ok(Effect::AlreadyTrue)
            }
            _ => Err(conflict(format!("`{}` is a member already, with other fields", account.key))),
        },
    }
}

/// Ends the membership in the place of which another one comes.
fn end(turn: &mut Turn<'_>, action: &Action, ended: &Membership) -> Result<(), Stop> {
    let Membership { organization, role, extra_roles, default_site } = *ended;
    let facts = vec![
        Fact::new(known::ROLE, Value::optional_text(role)),
        Fact::new(known::EXTRA_ROLES, Value::Set(extra_roles)),
        Fact::new(known::DEFAULT_SITE, Value::optional_text(default_site)),
    ];
    let grants = action.before.as_ref().map_or_else(Vec::new, |before| before.grants.clone());
    let end = Action {
        kind: ActionKind::RemoveMembership,
        subject: Subject { organization: Some(organization), ..action.subject },
        before: Some(State { facts, memberships: Vec::new(), grants }),
        after: None,
        ..action.clone()
    };
    match remove(turn, &end)? {
        Effect::Done => Ok(()),
        _ => Err(conflict(format!("the membership in `{}` has ended since the plan", turn.names.text(organization)))),
    }
}

fn has_any(turn: &Turn<'_>, user: i64, memberships: &[Membership]) -> Result<bool, Stop> {
    for membership in memberships {
        if let Some(place) = if_there(place(turn, Some(membership.organization)))?
            && load(turn, user, place)?.is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses one more membership than the rules allow.
fn check_room(turn: &Turn<'_>, account: &Account) -> Result<(), Stop> {
    let Some(max) = turn.rules.most_organizations() else { return Ok(()) };
    let sql = "SELECT count(*) FROM memberships WHERE user_id = ?1";
    let count: i64 = turn.connection.prepare_cached(sql)?.query_row([account.id], |row| row.get(0))?;
    if count < i64::from(max) {
        return Ok(());
    }
    Err(refused(format!("`{}` belongs to {count} organizations already, at most {max} in this store", account.key)))
}

fn change(
    turn: &Turn<'_>,
    account: &Account,
    place: Place,
    before: &Fields,
    after: &Fields,
    live: &Fields,
) -> Result<Effect, Stop> {
    if let Some(effect) = verdict(before, after, live) {
        return Ok(effect);
    }
    rights::check_takes_access(account)?;
    if let Some(role) = after.get(ROLE) {
        rights::check_own_role(turn, account, field_of(live, ROLE), role)?;
    }
    if let Some(roles) = after.get(EXTRA_ROLES) {
        rights::check_own_set(turn, account, field_of(live, EXTRA_ROLES), roles)?;
    }
    note_membership(turn, account.id, place)?;
    store(turn, account.id, place, after)?;
    Ok(Effect::Done)
}

fn existing_membership(turn: &Turn<'_>, account: &Account, place: Place) -> Result<Fields, Stop> {
    match load(turn, account.id, place)? {
        Some(live) => Ok(live),
        None if !turn.rules.stores_memberships() => Ok(Fields::new()),
        None => Err(conflict(format!("`{}` is no member any more", account.key))),
    }
}

/// Writes down a membership that exists with the account, where somebody made the account without it.
fn note_membership(turn: &Turn<'_>, user: i64, place: Place) -> Result<(), Stop> {
    if let Place::Organization(organization) = place
        && !turn.rules.stores_memberships()
    {
        let sql = "INSERT OR IGNORE INTO memberships (user_id, organization_id) VALUES (?1, ?2)";
        turn.connection.prepare_cached(sql)?.execute((user, organization))?;
    }
    Ok(())
}

pub(super) fn update(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let account = existing(turn, action)?;
    let place = place(turn, action.subject.organization)?;
    let live = existing_membership(turn, &account, place)?;
    let before = value::fields(turn.names, action.before.as_ref());
    let after = value::fields(turn.names, action.after.as_ref());
    change(turn, &account, place, &before, &after, &live)
}

pub(super) fn change_role(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let effect = update(turn, action)?;
    let Place::Organization(organization) = place(turn, action.subject.organization)? else { return Ok(effect) };
    if effect != Effect::Done {
        return Ok(effect);
    }
    let account = account::existing(turn, action)?;
    let after = action.after.clone().unwrap_or_default();
    if turn.rules.role_change_loses(RoleChangeLoss::ExtraRoles) && after.value(known::EXTRA_ROLES).is_none() {
        let none = Fields::from([(EXTRA_ROLES.to_owned(), Plain::Null)]);
        store(turn, account.id, Place::Organization(organization), &none)?;
    }
    if turn.rules.role_change_loses(RoleChangeLoss::Sites) {
        turn.connection
            .prepare_cached("DELETE FROM site_grants WHERE user_id = ?1 AND organization_id = ?2")?
            .execute((account.id, organization))?;
        for grant in &after.grants {
            insert_grant(turn, account.id, grant)?;
        }
    }
    Ok(Effect::Done)
}

pub(super) fn remove(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let Some(account) = account::subject(turn, action)? else { return Ok(Effect::AlreadyTrue) };
    let Some(place) = if_there(place(turn, action.subject.organization))? else { return Ok(Effect::AlreadyTrue) };
    let Some(live) = load(turn, account.id, place)? else { return Ok(Effect::AlreadyTrue) };
    if place == Place::Platform && live.values().all(|value| value.is_same(&Plain::Null)) {
        return Ok(Effect::AlreadyTrue);
    }
    let before = value::fields(turn.names, action.before.as_ref());
    if let Some((field, _)) = before.iter().find(|(field, value)| !value.is_same(field_of(&live, field))) {
        let now = field_of(&live, field).describe();
        return Err(conflict(format!("`{field}` of the membership has changed since the plan: it is {now}")));
    }
    rights::check_not_own(turn, &account)?;
    match place {
        Place::Platform => {
            let nothing = [ROLE, EXTRA_ROLES].map(|field| (field.to_owned(), Plain::Null));
            store(turn, account.id, place, &Fields::from(nothing))?;
        }
        Place::Organization(organization) => {
            check_nothing_gained(turn, account.id, action.before.as_ref(), Some(organization))?;
            turn.connection
                .prepare_cached("DELETE FROM memberships WHERE user_id = ?1 AND organization_id = ?2")?
                .execute((account.id, organization))?;
        }
    }
    Ok(Effect::Done)
}

fn site_ids(turn: &Turn<'_>, organization: Option<Name>, site: Option<Name>) -> Result<(i64, i64), Stop> {
    let Place::Organization(organization) = place(turn, organization)? else {
        return Err(failed("a site grant needs an organization"));
    };
    let site = site.ok_or_else(|| failed("the action names no site"))?;
    Ok((organization, existing_site(turn, organization, turn.names.text(site))?))
}

/// The role of a grant; `None` if there is no such grant.
fn load_grant(turn: &Turn<'_>, user: i64, organization: i64, site: i64) -> Result<Option<Plain>, Stop> {
    let sql = "SELECT (SELECT name FROM roles WHERE id = g.role_id) FROM site_grants g \
               WHERE g.user_id = ?1 AND g.organization_id = ?2 AND g.site_id = ?3";
    let mut statement = turn.connection.prepare_cached(sql)?;
    let role = statement.query_row((user, organization, site), |row| row.get::<_, Option<String>>(0)).optional()?;
    Ok(role.map(|role| role.map_or(Plain::Null, Plain::Text)))
}

pub(super) fn grant(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let account = existing(turn, action)?;
    let (organization, site) = site_ids(turn, action.subject.organization, action.subject.site)?;
    let role = action.after.as_ref().and_then(State::role).map(|role| turn.names.text(role));
    match load_grant(turn, account.id, organization, site)? {
        Some(live) if text_of(&live) == role => Ok(Effect::AlreadyTrue),
        Some(live) => Err(conflict(format!("the site is granted already, with the role {}", live.describe()))),
        None if turn.rules.stores_memberships()
            && load(turn, account.id, Place::Organization(organization))?.is_none() =>
        {
            Err(conflict(format!("`{}` is no member of the organization of the site", account.key)))
        }
        None => {
            note_membership(turn, account.id, Place::Organization(organization))?;
            insert_grant_row(turn, account.id, organization, site, role)?;
            Ok(Effect::Done)
        }
    }
}

pub(super) fn change_site_role(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let account = existing(turn, action)?;
    let (organization, site) = site_ids(turn, action.subject.organization, action.subject.site)?;
    let Some(live) = load_grant(turn, account.id, organization, site)? else {
        return Err(conflict("the site is not granted any more"));
    };
    let live = Fields::from([(ROLE.to_owned(), live)]);
    let before = value::fields(turn.names, action.before.as_ref());
    let after = value::fields(turn.names, action.after.as_ref());
    if let Some(effect) = verdict(&before, &after, &live) {
        return Ok(effect);
    }
    let role = field_of(&after, ROLE);
    rights::check_own_role(turn, &account, field_of(&live, ROLE), role)?;
    let role = role_id(turn, text_of(role))?;
    turn.connection
        .prepare_cached(
            "UPDATE site_grants SET role_id = ?4 WHERE user_id = ?1 AND organization_id = ?2 AND site_id = ?3",
        )?
        .execute((account.id, organization, site, role))?;
    Ok(Effect::Done)
}

pub(super) fn revoke(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let Some(account) = account::subject(turn, action)? else { return Ok(Effect::AlreadyTrue) };
    // The grant of a site that is gone is gone.
    let ids = site_ids(turn, action.subject.organization, action.subject.site);
    let Some((organization, site)) = if_there(ids)? else { return Ok(Effect::AlreadyTrue) };
    let Some(live) = load_grant(turn, account.id, organization, site)? else { return Ok(Effect::AlreadyTrue) };
    let before = action.before.as_ref().and_then(|before| before.value(known::ROLE));
    if before.is_some_and(|role| !Plain::of(turn.names, role).is_same(&live)) {
        return Err(conflict(format!("the role on the site has changed since the plan: it is {}", live.describe())));
    }
    rights::check_not_own(turn, &account)?;
    turn.connection
        .prepare_cached("DELETE FROM site_grants WHERE user_id = ?1 AND organization_id = ?2 AND site_id = ?3")?
        .execute((account.id, organization, site))?;
    Ok(Effect::Done)
}
