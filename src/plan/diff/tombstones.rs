//! Organizations, sites and roles with a tombstone: deleted when nobody and nothing depends on them any more
//! (`language.md` §3, 7).
//!
//! Who depends on one today either loses that by this plan, and the deletion needs it, or keeps it, and the deletion
//! waits for a decision. The tombstone of an organization is one of its sites, too. Deliberately absent: accounts
//! (`endings`).

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::draft::{Change, Draft, Need, own_line};
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{ActionKind, CatalogKey, Fact, Fields, Grant, LiveView, Membership, Name, Value, known};
use crate::plan::action::{Risk, State, Subject};
use crate::plan::{CatalogPolicy, Obstacle, WaitsFor};
use crate::rules::RoleChangeLoss;

/// What a deletion waits for.
#[derive(Default)]
struct Dependents {
    needs: BTreeSet<Need>,
    /// Who or what keeps depending on it.
    kept_by: BTreeSet<Name>,
}

impl Dependents {
    fn add(&mut self, who: Name, ends: impl Iterator<Item = Need>) {
        let mut any = false;
        for need in ends {
            any = true;
            self.needs.insert(need);
        }
        if !any {
            self.kept_by.insert(who);
        }
    }
}

/// Adds the deletions of everything that has a tombstone and is live.
pub(super) fn settle(context: &Context<'_>, changes: &mut [Change]) {
    let doomed = doomed(context);
    if doomed.is_empty() {
        return;
    }
    let mut dependents: BTreeMap<CatalogKey, Dependents> =
        doomed.keys().map(|&key| (key, Dependents::default())).collect();
    holders(context, changes, &mut dependents);
    objects(context, changes, &doomed, &mut dependents);
    // A site of an organization that stays for now stays with it.
    let organizations: Vec<(Name, BTreeSet<Name>, Vec<Need>)> = dependents
        .iter()
        .filter_map(|(&key, found)| match key {
            CatalogKey::Organization(name) => {
                let is_own = |need: &&Need| !matches!(need, Need::Action(ActionKind::DeleteSite, _));
                Some((name, found.kept_by.clone(), found.needs.iter().filter(is_own).copied().collect()))
            }
            CatalogKey::Site(..) | CatalogKey::Role(_) => None,
        })
        .collect();
    for (organization, kept_by, needs) in organizations {
        for (_, found) in dependents.iter_mut().filter(|(key, _)| is_site_of(**key, organization)) {
            found.kept_by.extend(&kept_by);
            found.needs.extend(&needs);
        }
    }
    let Some(catalog) = changes.first_mut() else { return };
    for (key, position) in doomed {
        if let CatalogKey::Role(role) = key
            && let Some(refused) = protected(context, role, position)
        {
            catalog.diagnostics.push(refused);
            continue;
        }
        let Dependents { needs, kept_by } = dependents.remove(&key).unwrap_or_default();
        let (kind, subject) = deletion(key);
        let mut draft =
            Draft::new(kind, subject, Some(State::of(set_fields(context, key))), None).because("declared absent");
        draft.needs = needs.into_iter().collect();
        draft.risk(Risk::Irreversible);
        draft.action.origins = own_line(position);
        if context.inputs.policy.catalog == CatalogPolicy::Existing {
            draft = draft.waiting(WaitsFor::Catalog);
        }
        if !kept_by.is_empty() {
            draft = draft.waiting(WaitsFor::Decision);
            draft.obstacle = Some(dependents_by_text(context, kept_by));
        }
        catalog.push(draft);
    }
}

/// Those who stand in the way, sorted by text.
pub(super) fn dependents_by_text(context: &Context<'_>, who: BTreeSet<Name>) -> Obstacle {
    let mut who: Vec<Name> = who.into_iter().collect();
    who.sort_unstable_by_key(|&name| context.inputs.names.text(name));
    Obstacle::Dependents(who)
}

fn is_site_of(key: CatalogKey, organization: Name) -> bool {
    match key {
        CatalogKey::Site(of, _) => of == organization,
        CatalogKey::Organization(_) | CatalogKey::Role(_) => false,
    }
}

/// Tombstones of what is live, with their places; those of an organization count for its sites.
fn doomed(context: &Context<'_>) -> BTreeMap<CatalogKey, Position> {
    let live = &context.inputs.live.catalog;
    let mut doomed = BTreeMap::new();
    for (&key, &position) in &context.inputs.desired.tombstones {
        let is_live = match key {
            CatalogKey::Organization(name) => {
                let sites = live.organizations.get(&name).map(|organization| organization.sites.keys());
                doomed.extend(sites.into_iter().flatten().map(|&site| (CatalogKey::Site(name, site), position)));
                live.organizations.contains_key(&name)
            }
            CatalogKey::Site(organization, site) => live.has_site(organization, site),
            CatalogKey::Role(role) => live.roles.contains_key(&role),
        };
        if is_live {
            doomed.insert(key, position);
        }
    }
    doomed.retain(|&key, _| {
        let (kind, subject) = deletion(key);
        context.reach.catalog(kind, &subject)
    });
    doomed
}

fn protected(context: &Context<'_>, role: Name, position: Position) -> Option<Diagnostic> {
    let live = context.inputs.live.catalog.roles.get(&role)?;
    let is_given = live.vendor && !context.inputs.rules.is_open_role(context.inputs.names.text(role));
    let why = match (is_given, live.protected) {
        (true, _) => "comes with the store",
        (false, true) => "is protected",
        (false, false) => return None,
    };
    let message = format!("role `{}` can't be deleted: it {why}", context.inputs.names.text(role));
    Some(Diagnostic::error(Code::NotInRules, message).at(position, "").help("take the tombstone out"))
}

/// The deletion of what this names.
fn deletion(key: CatalogKey) -> (ActionKind, Subject) {
    let none = Subject::default();
    match key {
        CatalogKey::Organization(name) => {
            (ActionKind::DeleteOrganization, Subject { organization: Some(name), ..none })
        }
        CatalogKey::Site(organization, site) => {
            (ActionKind::DeleteSite, Subject { organization: Some(organization), site: Some(site), ..none })
        }
        CatalogKey::Role(role) => (ActionKind::DeleteRole, Subject { role: Some(role), ..none }),
    }
}

/// Its own name.
const fn name_of(key: CatalogKey) -> Name {
    match key {
        CatalogKey::Organization(name) | CatalogKey::Site(_, name) | CatalogKey::Role(name) => name,
    }
}

/// The change that a declared object of the catalog may get.
fn update(key: CatalogKey) -> (ActionKind, Subject) {
    let (deletion, subject) = deletion(key);
    let kind = match deletion {
        ActionKind::DeleteOrganization => ActionKind::UpdateOrganization,
        ActionKind::DeleteSite => ActionKind::UpdateSite,
        _ => ActionKind::UpdateRole,
    };
    (kind, subject)
}

fn set_fields(context: &Context<'_>, key: CatalogKey) -> Vec<Fact> {
    let live = &context.inputs.live.catalog;
    let set = |fields: &Fields| fields.iter().map(|(&field, &value)| Fact::new(field, value)).collect::<Vec<_>>();
    let mut facts = match key {
        CatalogKey::Organization(name) => live.organizations.get(&name).map(|found| set(&found.fields)),
        CatalogKey::Site(organization, site) => {
            let organization = live.organizations.get(&organization);
            organization.and_then(|found| found.sites.get(&site)).map(|found| set(&found.fields))
        }
        CatalogKey::Role(role) => live.roles.get(&role).map(|found| found.facts(context.inputs.names)),
    }
    .unwrap_or_default();
    facts.retain(|fact| fact.value.is_set());
    facts
}

/// Who has something of what is doomed today, and what ends that.
fn holders(context: &Context<'_>, changes: &[Change], dependents: &mut BTreeMap<CatalogKey, Dependents>) {
    let inputs = context.inputs;
    let mut of_users: BTreeMap<Name, &[Draft]> = BTreeMap::new();
    for change in changes.iter().skip(1) {
        for user in change.drafts.iter().filter_map(|draft| draft.action.subject.user) {
            of_users.insert(user, &change.drafts);
        }
    }
    for live in inputs.live.users() {
        let declared = live.identity.and_then(|identity| inputs.desired.find(identity));
        let key = declared.map_or(live.key, |declared| declared.key);
        let drafts = of_users.get(&key).or_else(|| of_users.get(&live.key)).copied().unwrap_or_default();
        for (held, found) in dependents.iter_mut() {
            for place in places(context, &live, *held) {
                // Whoever is invited anew with it has it as before.
                let gives_again = drafts.iter().any(|draft| gives(context, draft, (*held, place)));
                let ends = drafts.iter().filter(|draft| !gives_again && takes_away(context, draft, place));
                // One that takes it now is enough, whatever waits besides.
                let takes_now = ends.clone().any(|draft| draft.waits_for.is_none());
                let ends = ends.filter(|draft| !takes_now || draft.waits_for.is_none());
                found.add(key, ends.map(|draft| Need::Action(draft.action.kind, draft.action.subject)));
            }
        }
    }
}

/// How somebody depends on something of the catalog.
#[derive(Debug, Clone, Copy)]
enum Place {
    Membership(Name),
    DefaultSite(Name),
    Role(Name),
    ExtraRole(Name),
    Grant(Name, Name),
    GrantRole(Name, Name),
}

fn places(context: &Context<'_>, live: &LiveView<'_>, key: CatalogKey) -> Vec<Place> {
    let mut places = Vec::new();
    for membership in live.memberships {
        let organization = membership.organization;
        match key {
            CatalogKey::Organization(name) if name == organization => places.push(Place::Membership(organization)),
            CatalogKey::Site(of, site) if of == organization && membership.default_site == Some(site) => {
                places.push(Place::DefaultSite(organization));
            }
            CatalogKey::Role(role) => {
                if membership.role == Some(role) {
                    places.push(Place::Role(organization));
                }
                if context.inputs.names.elements(membership.extra_roles).contains(&role) {
                    places.push(Place::ExtraRole(organization));
                }
            }
            CatalogKey::Organization(_) | CatalogKey::Site(..) => {}
        }
    }
    for grant in live.grants {
        match key {
            CatalogKey::Site(of, site) if (of, site) == (grant.organization, grant.site) => {
                places.push(Place::Grant(of, site));
            }
            CatalogKey::Role(role) if grant.role == Some(role) => {
                places.push(Place::GrantRole(grant.organization, grant.site));
            }
            CatalogKey::Organization(_) | CatalogKey::Site(..) | CatalogKey::Role(_) => {}
        }
    }
    places
}

/// Whether somebody has this, in this place, after an action: made anew with it, or given again what goes with a role.
fn gives(context: &Context<'_>, draft: &Draft, (held, place): (CatalogKey, Place)) -> bool {
    let Some(after) = &draft.action.after else { return false };
    let contains = |set: Option<Value>, role: Name| match set {
        Some(Value::Set(list)) => context.inputs.names.elements(list).contains(&role),
        Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => false,
    };
    let Subject { organization, site, .. } = draft.action.subject;
    let is_of = |of: Name| organization.unwrap_or(known::PLATFORM) == of;
    match draft.action.kind {
        ActionKind::InviteUser | ActionKind::CreateUser => {
            let has = |membership: &Membership| match (place, held) {
                (Place::Membership(of), _) => membership.organization == of,
                (Place::DefaultSite(of), CatalogKey::Site(_, site)) => {
                    membership.organization == of && membership.default_site == Some(site)
                }
                (Place::Role(of), CatalogKey::Role(role)) => {
                    membership.organization == of && membership.role == Some(role)
                }
                (Place::ExtraRole(of), CatalogKey::Role(role)) => {
                    membership.organization == of && contains(Some(Value::Set(membership.extra_roles)), role)
                }
                (_, _) => false,
            };
            let grants = |grant: &Grant| match (place, held) {
                (Place::Grant(of, site), _) => (grant.organization, grant.site) == (of, site),
                (Place::GrantRole(of, site), CatalogKey::Role(role)) => {
                    (grant.organization, grant.site) == (of, site) && grant.role == Some(role)
                }
                (_, _) => false,
            };
            after.memberships.iter().any(has) || after.grants.iter().any(grants)
        }
        ActionKind::AddMembership | ActionKind::ChangeRole | ActionKind::UpdateMembership => match (place, held) {
            (Place::ExtraRole(of), CatalogKey::Role(role)) => {
                is_of(of) && contains(after.value(known::EXTRA_ROLES), role)
            }
            (Place::DefaultSite(of), CatalogKey::Site(_, site)) => {
                is_of(of) && after.value(known::DEFAULT_SITE) == Some(Value::Text(site))
            }
            (Place::Role(of), CatalogKey::Role(role)) => is_of(of) && after.role() == Some(role),
            (_, _) => false,
        },
        ActionKind::GrantSite | ActionKind::ChangeSiteRole => match (place, held) {
            (Place::Grant(of, one), _) => is_of(of) && site == Some(one),
            (Place::GrantRole(of, one), CatalogKey::Role(role)) => {
                is_of(of) && site == Some(one) && after.role() == Some(role)
            }
            (_, _) => false,
        },
        _ => false,
    }
}

/// Whether an action takes this from its user.
fn takes_away(context: &Context<'_>, draft: &Draft, place: Place) -> bool {
    let Subject { organization, site, .. } = draft.action.subject;
    let organization = organization.unwrap_or(known::PLATFORM);
    let here = match place {
        Place::Membership(of)
        | Place::DefaultSite(of)
        | Place::Role(of)
        | Place::ExtraRole(of)
        | Place::Grant(of, _)
        | Place::GrantRole(of, _) => of == organization,
    };
    let says = |field| draft.action.after.as_ref().is_some_and(|after| after.value(field).is_some());
    let loses = |what| context.inputs.rules.role_change_loses(what);
    match draft.action.kind {
        ActionKind::StripUser | ActionKind::CloseUser | ActionKind::DeleteUser | ActionKind::CancelInvitation => true,
        ActionKind::RemoveMembership => here,
        ActionKind::ChangeRole => {
            here && match place {
                Place::Role(_) => true,
                Place::ExtraRole(_) => loses(RoleChangeLoss::ExtraRoles),
                Place::Grant(..) | Place::GrantRole(..) => loses(RoleChangeLoss::Sites),
                // A role that reaches every site keeps it, whatever grants are lost.
                Place::DefaultSite(_) => says(known::DEFAULT_SITE) || context.inputs.rules.role_change_rebuilds(),
                Place::Membership(_) => false,
            }
        }
        ActionKind::UpdateMembership => {
            here && match place {
                Place::DefaultSite(_) => says(known::DEFAULT_SITE),
                Place::ExtraRole(_) => says(known::EXTRA_ROLES),
                Place::Membership(_) | Place::Role(_) | Place::Grant(..) | Place::GrantRole(..) => false,
            }
        }
        ActionKind::RevokeSite => match place {
            Place::Grant(_, of) | Place::GrantRole(_, of) => here && site == Some(of),
            Place::Membership(_) | Place::DefaultSite(_) | Place::Role(_) | Place::ExtraRole(_) => false,
        },
        ActionKind::ChangeSiteRole => match place {
            Place::GrantRole(_, of) => here && site == Some(of),
            Place::Membership(_) | Place::DefaultSite(_) | Place::Role(_) | Place::ExtraRole(_) | Place::Grant(..) => {
                false
            }
        },
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::AddMembership
        | ActionKind::GrantSite
        | ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole => false,
    }
}

/// What of the catalog refers to what is doomed, and what ends that.
fn objects(
    context: &Context<'_>,
    changes: &[Change],
    doomed: &BTreeMap<CatalogKey, Position>,
    dependents: &mut BTreeMap<CatalogKey, Dependents>,
) {
    let live = &context.inputs.live.catalog;
    let drafts = changes.first().map_or(&[][..], |catalog| &catalog.drafts);
    let mut refer = |by: CatalogKey, to: CatalogKey, field: Name| {
        let Some(found) = dependents.get_mut(&to).filter(|_| by != to) else { return };
        if doomed.contains_key(&by) {
            let (kind, subject) = deletion(by);
            return found.add(name_of(by), std::iter::once(Need::Action(kind, subject)));
        }
        let (kind, subject) = update(by);
        let changes_it = drafts.iter().any(|draft| {
            let says = draft.action.after.as_ref().is_some_and(|after| after.value(field).is_some());
            draft.action.kind == kind && draft.action.subject == subject && says
        });
        found.add(name_of(by), changes_it.then_some(Need::Action(kind, subject)).into_iter());
    };
    let mut fields = |by: CatalogKey, fields: &Fields, to: &dyn Fn(Name) -> CatalogKey| {
        for (&field, &value) in fields {
            match (field, value) {
                (known::PARENT, Value::Text(parent)) => refer(by, to(parent), field),
                (known::INCLUDES, Value::Set(list)) => {
                    for &name in context.inputs.names.elements(list).iter() {
                        refer(by, to(name), field);
                    }
                }
                (_, Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_) | Value::Set(_)) => {}
            }
        }
    };
    for (&name, organization) in &live.organizations {
        fields(CatalogKey::Organization(name), &organization.fields, &CatalogKey::Organization);
        for (&site, found) in &organization.sites {
            fields(CatalogKey::Site(name, site), &found.fields, &|other| CatalogKey::Site(name, other));
        }
    }
    for (&name, role) in &live.roles {
        for &included in context.inputs.names.elements(role.includes).iter() {
            refer(CatalogKey::Role(name), CatalogKey::Role(included), known::INCLUDES);
        }
    }
    for &key in doomed.keys() {
        if let CatalogKey::Site(organization, _) = key
            && let Some(found) = dependents.get_mut(&CatalogKey::Organization(organization))
        {
            let (kind, subject) = deletion(key);
            found.needs.insert(Need::Action(kind, subject));
        }
    }
}
