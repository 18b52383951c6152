//! Access as rows: the memberships, roles and site grants of an account, read, written and compared.
//!
//! Deliberately absent: which actions there are on them (`membership`), and who may (`rights`).

use rusqlite::OptionalExtension;

use super::catalog::{field_of, organization_id, role_id, site_id};
use super::execute::{Stop, Turn, conflict, failed, if_there};
use super::value::{self, Fields, Plain};
use crate::model::{Grant, Membership, Name, Value, known};
use crate::plan::State;

pub(super) const ROLE: &str = "role";
pub(super) const EXTRA_ROLES: &str = "extra_roles";
const DEFAULT_SITE: &str = "default_site";

/// Where a membership is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On the whole platform: a column of the account.
    Platform,
    /// In the organization with this id.
    Organization(i64),
}

/// The place of an organization; none is the whole platform.
pub(super) fn place(turn: &Turn<'_>, organization: Option<Name>) -> Result<Place, Stop> {
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
pub(super) fn load(turn: &Turn<'_>, user: i64, place: Place) -> Result<Option<Fields>, Stop> {
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
pub(super) fn store(turn: &Turn<'_>, user: i64, place: Place, changed: &Fields) -> Result<(), Stop> {
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

/// The text of a value; `None` for what is nothing, or no text.
pub(super) fn text_of(value: &Plain) -> Option<&str> {
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
        Place::Platform => store(turn, user, place, &fields_of(turn, membership)),
        Place::Organization(organization) => insert_fields(turn, user, organization, &fields_of(turn, membership)),
    }
}

/// Makes a membership of these fields.
pub(super) fn insert_fields(turn: &Turn<'_>, user: i64, organization: i64, fields: &Fields) -> Result<(), Stop> {
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

/// Makes a grant.
pub(super) fn insert_grant_row(
    turn: &Turn<'_>,
    user: i64,
    organization: i64,
    site: i64,
    role: Option<&str>,
) -> Result<(), Stop> {
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

/// The ids of an organization and of a site in it.
pub(super) fn site_ids(turn: &Turn<'_>, organization: Option<Name>, site: Option<Name>) -> Result<(i64, i64), Stop> {
    let Place::Organization(organization) = place(turn, organization)? else {
        return Err(failed("a site grant needs an organization"));
    };
    let site = site.ok_or_else(|| failed("the action names no site"))?;
    Ok((organization, existing_site(turn, organization, turn.names.text(site))?))
}

/// The role of a grant; `None` if there is no such grant.
pub(super) fn load_grant(turn: &Turn<'_>, user: i64, organization: i64, site: i64) -> Result<Option<Plain>, Stop> {
    let sql = "SELECT (SELECT name FROM roles WHERE id = g.role_id) FROM site_grants g \
               WHERE g.user_id = ?1 AND g.organization_id = ?2 AND g.site_id = ?3";
    let mut statement = turn.connection.prepare_cached(sql)?;
    let role = statement.query_row((user, organization, site), |row| row.get::<_, Option<String>>(0)).optional()?;
    Ok(role.map(|role| role.map_or(Plain::Null, Plain::Text)))
}
