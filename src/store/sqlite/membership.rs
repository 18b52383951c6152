//! Actions on access: memberships, roles on the platform and in organizations, site grants.

use super::access::{
    EXTRA_ROLES, Place, ROLE, check_nothing_gained, insert_fields, insert_grant, insert_grant_row, load, load_grant,
    place, site_ids, store, text_of,
};
use super::account::{self, Account, existing};
use super::catalog::{field_of, role_id};
use super::execute::{Stop, Turn, conflict, if_there, refused, verdict};
use super::rights;
use super::value::{self, Fields, Plain};
use crate::model::{ActionKind, Fact, Grant, Membership, Value, known};
use crate::plan::{Action, State, Subject};
use crate::rules::RoleChangeLoss;
use crate::store::Effect;

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

pub(super) fn grant(turn: &mut Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let account = existing(turn, action)?;
    let (organization, site) = site_ids(turn, action.subject.organization, action.subject.site)?;
    let role = action.after.as_ref().and_then(State::role).map(|role| turn.names.text(role));
    match load_grant(turn, account.id, organization, site)? {
        Some(live) if text_of(&live) == role && !has_any_of(turn, account.id, action.ended_grants())? => {
            Ok(Effect::AlreadyTrue)
        }
        Some(live) if text_of(&live) == role => Err(conflict("the site is granted already, beside the one that ends")),
        Some(live) => Err(conflict(format!("the site is granted already, with the role {}", live.describe()))),
        None if turn.rules.stores_memberships()
            && load(turn, account.id, Place::Organization(organization))?.is_none() =>
        {
            Err(conflict(format!("`{}` is no member of the organization of the site", account.key)))
        }
        None => {
            for ended in action.ended_grants() {
                end_grant(turn, action, ended)?;
            }
            check_site_room(turn, &account, organization)?;
            note_membership(turn, account.id, Place::Organization(organization))?;
            insert_grant_row(turn, account.id, organization, site, role)?;
            Ok(Effect::Done)
        }
    }
}

/// Refuses one more site in an organization than the rules allow.
fn check_site_room(turn: &Turn<'_>, account: &Account, organization: i64) -> Result<(), Stop> {
    let max = turn.rules.sites.rules().and_then(|sites| sites.max);
    let Some(max) = max.filter(|_| !turn.rules.role_change_rebuilds()) else { return Ok(()) };
    let sql = "SELECT count(*) FROM site_grants WHERE user_id = ?1 AND organization_id = ?2";
    let count: i64 = turn.connection.prepare_cached(sql)?.query_row((account.id, organization), |row| row.get(0))?;
    if count < i64::from(max) {
        return Ok(());
    }
    let with_it = count + 1;
    Err(refused(format!("`{}` would have {with_it} sites there, at most {max} in this store", account.key)))
}

/// Ends the grant in the place of which another one comes.
fn end_grant(turn: &mut Turn<'_>, action: &Action, ended: &Grant) -> Result<(), Stop> {
    let end = Action {
        kind: ActionKind::RevokeSite,
        subject: Subject { organization: Some(ended.organization), site: Some(ended.site), ..action.subject },
        before: Some(State::field(known::ROLE, Value::optional_text(ended.role))),
        after: None,
        ..action.clone()
    };
    match revoke(turn, &end)? {
        Effect::Done => Ok(()),
        _ => Err(conflict(format!("site `{}` is not granted any more", turn.names.text(ended.site)))),
    }
}

fn has_any_of(turn: &Turn<'_>, user: i64, grants: &[Grant]) -> Result<bool, Stop> {
    for grant in grants {
        if let Some((organization, site)) = if_there(site_ids(turn, Some(grant.organization), Some(grant.site)))?
            && load_grant(turn, user, organization, site)?.is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
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
