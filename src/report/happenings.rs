//! What happens to an account, in an organization, or to the catalog: the words of a line.

use std::collections::BTreeMap;

use super::style::{count, enumeration};
use super::words::{Context, done, every_site, is_preloading};
use crate::model::{ActionKind, Grant, List, Membership, Name, Value, known};
use crate::plan::{Action, Affected, Cause, Risk, SiteChange, Sites, State, Subject};

/// What happens to an account, with the access that it gets.
pub(super) fn account(context: Context<'_>, actions: &[&Action]) -> String {
    let mut gained = State::default();
    let mut parts: Vec<String> = Vec::new();
    let (mut joins, mut with) = (None, Vec::new());
    for action in actions {
        let (before, after) = (action.before.as_ref(), action.after.as_ref());
        let ended = |word: &str| {
            let was = before.map(|state| {
                let places = Some(context.access(&state.memberships, &state.grants, true));
                let places = places.filter(|places| !places.is_empty()).into_iter();
                places.chain(context.comes_with(&state.facts)).collect::<Vec<String>>().join(", ")
            });
            let was = was.filter(|was| !was.is_empty()).map(|was| format!(" (was {was})")).unwrap_or_default();
            let otherwise = action.fall_back.map(|kind| done(kind).0);
            let otherwise = otherwise.map(|word| format!(", or {word} if it was ever used")).unwrap_or_default();
            format!("{word}{was}{otherwise}")
        };
        match action.kind {
            ActionKind::InviteUser | ActionKind::CreateUser => {
                joins = Some(if is_preloading(action) {
                    "preloaded"
                } else if action.kind == ActionKind::InviteUser {
                    "invited"
                } else {
                    "created"
                });
                let access = after.into_iter();
                for state in access {
                    with.extend(context.comes_with(&state.facts));
                    with.extend(context.comes_unlimited(&state.facts));
                    gained.memberships.extend_from_slice(&state.memberships);
                    gained.grants.extend_from_slice(&state.grants);
                }
            }
            ActionKind::AddMembership => match action.subject.organization {
                Some(organization) => gained.memberships.push(added(organization, after)),
                None => parts.push(format!("platform role {}", context.role(role(after)))),
            },
            ActionKind::GrantSite => {
                let site = action.subject.organization.zip(action.subject.site);
                gained.grants.extend(site.map(|(organization, site)| Grant { organization, site, role: role(after) }));
            }
            ActionKind::ReactivateUser => parts.push(opened(context, action, "reactivated", "again ")),
            ActionKind::SendInvitation => parts.push(opened(context, action, "invitation sent", "")),
            ActionKind::ResendInvitation => parts.push(opened(context, action, "invitation sent again", "")),
            ActionKind::CancelInvitation => parts.push(ended("invitation cancelled")),
            ActionKind::DeactivateUser => parts.push(ended("deactivated")),
            ActionKind::StripUser => parts.push(ended("stripped of all access")),
            ActionKind::CloseUser => parts.push(ended("closed")),
            ActionKind::DeleteUser => parts.push(ended("deleted")),
            ActionKind::RenameUser => {
                let old = before.and_then(|state| state.value(known::KEY)).unwrap_or(Value::Null);
                parts.push(format!("renamed from {}{}", context.value(old), context.taken_over(action)));
            }
            ActionKind::ChangeRole => {
                let roles = (context.role(role(before)), context.role(role(after)));
                parts.push(format!("platform role {} → {}", roles.0, roles.1));
            }
            ActionKind::RemoveMembership => parts.push(format!("loses platform role {}", context.role(role(before)))),
            ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::UpdateMembership
            | ActionKind::ChangeSiteRole
            | ActionKind::RevokeSite
            | ActionKind::CreateOrganization
            | ActionKind::UpdateOrganization
            | ActionKind::DeleteOrganization
            | ActionKind::CreateSite
            | ActionKind::UpdateSite
            | ActionKind::DeleteSite
            | ActionKind::CreateRole
            | ActionKind::UpdateRole
            | ActionKind::DeleteRole => parts.push(context.changes(before, after)),
        }
    }
    if let Some(word) = joins {
        let whose = actions.iter().find_map(|action| action.subject.user);
        let access = Context { whose, ..context }.access(&gained.memberships, &gained.grants, false);
        with.insert(0, access);
        with.retain(|part| !part.is_empty());
        let with = if with.is_empty() { String::new() } else { format!(": {}", with.join(", ")) };
        parts.insert(0, format!("{word}{with}"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

/// What is done, with the access that comes with it.
fn opened(context: Context<'_>, action: &Action, word: &str, again: &str) -> String {
    let user = action.subject.user;
    let Some(opens) = context.effects.zip(user).and_then(|(effects, user)| effects.opens.get(&user)) else {
        return word.to_owned();
    };
    let access = context.access(&opens.memberships, &opens.grants, false);
    let access = if access.is_empty() { format!("{word}, without access") } else { format!("{word}: {again}{access}") };
    let mut with = context.comes_with(&opens.facts);
    with.extend(context.comes_unlimited(&opens.facts));
    if with.is_empty() { access } else { format!("{access}, {}", with.join(", ")) }
}

fn role(state: Option<&State>) -> Option<Name> {
    let state = state?;
    state.role().or_else(|| state.memberships.first().and_then(|membership| membership.role))
}

fn added(organization: Name, after: Option<&State>) -> Membership {
    let value = |field| after.and_then(|state| state.value(field));
    let extra_roles = match value(known::EXTRA_ROLES) {
        Some(Value::Set(list)) => list,
        Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => List::EMPTY,
    };
    let default_site = value(known::DEFAULT_SITE).and_then(Value::text);
    Membership { organization, role: role(after), extra_roles, default_site }
}

/// What happens to a user in an organization.
pub(super) fn membership(context: Context<'_>, actions: &[&Action]) -> String {
    let mut parts: Vec<Part> = Vec::new();
    let mut sites: BTreeMap<&str, Vec<(Name, Option<Name>)>> = BTreeMap::new();
    let mut site_roles: BTreeMap<(String, String), Vec<&Action>> = BTreeMap::new();
    let (mut becomes, mut is_narrowed) = (false, false);
    for action in actions {
        let (before, after) = (action.before.as_ref(), action.after.as_ref());
        let Some(organization) = action.subject.organization else { continue };
        for ended in action.ended_grants() {
            sites.entry("loses").or_default().push((ended.site, None));
        }
        let mut site = |how: &'static str, role| {
            sites.entry(how).or_default().extend(action.subject.site.map(|site| (site, role)));
        };
        match action.kind {
            ActionKind::RemoveMembership => {
                let mut was = context.role(role(before));
                let grants = before.map_or(0, |state| state.grants.len());
                if grants > 0 {
                    was.push_str(", ");
                    was.push_str(&count(grants, "site", "sites"));
                }
                parts.push(Part::told(format!("removed (was {was})")));
            }
            ActionKind::AddMembership => {
                becomes = true;
                let Membership { role, extra_roles, .. } = added(organization, after);
                let word = role.map_or_else(|| "a member".to_owned(), |role| context.name(role));
                let reach = context.reach(organization, role);
                let bounds = Context { whose: action.subject.user, ..context }.bounds(organization);
                let word = format!("{word}{}{reach}{bounds}", context.extra_roles(extra_roles));
                parts.push(Part::told(match before.filter(|_| !action.ended_memberships().is_empty()) {
                    Some(before) => {
                        let was = context.access(&before.memberships, &before.grants, true);
                        format!("becomes {word} in place of {was}")
                    }
                    None => format!("becomes {word}"),
                }));
            }
            ActionKind::ChangeRole => {
                let (from, to) = (context.role(role(before)), context.role(role(after)));
                let reach = narrowed(context, action, actions);
                is_narrowed |= reach.is_some();
                let reach = reach.unwrap_or_else(|| context.reach(organization, role(after)));
                parts.push(Part::told(format!("{from} → {to}{reach}")));
            }
            ActionKind::GrantSite if action.cause == Cause::Drift => site("again", role(after)),
            ActionKind::GrantSite => site("gains", role(after)),
            ActionKind::RevokeSite => site("loses", None),
            ActionKind::ChangeSiteRole => {
                let roles = (context.role(role(before)), context.role(role(after)));
                site_roles.entry(roles).or_default().push(action);
            }
            ActionKind::UpdateMembership
            | ActionKind::InviteUser
            | ActionKind::CreateUser
            | ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::RenameUser
            | ActionKind::DeactivateUser
            | ActionKind::StripUser
            | ActionKind::ReactivateUser
            | ActionKind::CloseUser
            | ActionKind::DeleteUser
            | ActionKind::SendInvitation
            | ActionKind::ResendInvitation
            | ActionKind::CancelInvitation
            | ActionKind::CreateOrganization
            | ActionKind::UpdateOrganization
            | ActionKind::DeleteOrganization
            | ActionKind::CreateSite
            | ActionKind::UpdateSite
            | ActionKind::DeleteSite
            | ActionKind::CreateRole
            | ActionKind::UpdateRole
            | ActionKind::DeleteRole => parts.push(Part::told(context.changes(before, after))),
        }
    }
    for ((from, to), actions) in site_roles {
        let sites: Vec<(Name, Option<Name>)> =
            actions.iter().filter_map(|action| Some((action.subject.site?, None))).collect();
        parts.push(Part::of(&actions, format!("{}: {from} → {to}", context.sites(&sites))));
    }
    // From every site to some is told with the role: what is granted for it is no gain.
    if is_narrowed {
        sites.clear();
    }
    parts.extend(lost_and_gained(context, actions, sites, becomes));
    shorten(context, parts)
}

/// Sites by what happens to them (`loses`, `gains`, `again`) in words. `becomes`: they come with a membership.
fn lost_and_gained(
    context: Context<'_>,
    actions: &[&Action],
    mut sites: BTreeMap<&str, Vec<(Name, Option<Name>)>>,
    becomes: bool,
) -> Vec<Part> {
    let mut parts = Vec::new();
    let gains = actions.iter().find(|action| action.kind == ActionKind::GrantSite);
    let bounds_of = |sites: &[(Name, Option<Name>)]| match gains.map(|gained| gained.subject) {
        Some(Subject { user, organization: Some(organization), .. }) => {
            let gained: Vec<Name> = sites.iter().map(|&(site, _)| site).collect();
            Context { whose: user, ..context }.bounds_of_sites(organization, &gained)
        }
        Some(_) | None => String::new(),
    };
    // Where one site is all that there can be, another one in its place is one change.
    if let (Some([old]), Some([new])) = (sites.get("loses").map(Vec::as_slice), sites.get("gains").map(Vec::as_slice))
        && context.has_one_site()
    {
        let switch = format!("site {} → {}{}", context.sites(&[*old]), context.sites(&[*new]), bounds_of(&[*new]));
        sites.clear();
        parts.push(Part::told(switch));
    }
    for (how, verb, end) in [("loses", "loses ", ""), ("gains", "gains ", ""), ("again", "gains ", " again")] {
        let Some(sites) = sites.get(how) else { continue };
        let bounds = if how != "loses" && !becomes { bounds_of(sites) } else { String::new() };
        let words = format!("{}{bounds}", context.sites(sites));
        let kind = if sites.len() == 1 && !becomes { "site " } else { "" };
        let is_brief = how == "gains" && becomes;
        parts.push(Part::told(if is_brief { words } else { format!("{verb}{kind}{words}{end}") }));
    }
    parts
}

/// `, every site (14) → pit-1`, where a role no longer reaches every site.
fn narrowed(context: Context<'_>, action: &Action, actions: &[&Action]) -> Option<String> {
    let place = action.subject.user.zip(action.subject.organization)?;
    let SiteChange { before: Sites::Every(number), after: Sites::Some(sites) } = context.effects?.sites.get(&place)?
    else {
        return None;
    };
    let granted = |site: Name| {
        let grant = actions.iter().find(|action| {
            action.subject.site == Some(site)
                && matches!(action.kind, ActionKind::GrantSite | ActionKind::ChangeSiteRole)
        });
        (site, grant.and_then(|action| role(action.after.as_ref())))
    };
    let sites: Vec<(Name, Option<Name>)> = context.names.elements(*sites).iter().map(|&site| granted(site)).collect();
    let sites = if sites.is_empty() { "no site".to_owned() } else { context.sites(&sites) };
    Some(format!("{} → {sites}", every_site(*number)))
}

/// A part of what happens in one place.
struct Part {
    text: String,
    /// It may be counted only, where there are many.
    is_minor: bool,
}

impl Part {
    /// One that is always told.
    const fn told(text: String) -> Self {
        Self { text, is_minor: false }
    }

    /// What these actions do: told where they give or take what a reader has to know of.
    fn of(actions: &[&Action], text: String) -> Self {
        let is_risky =
            |action: &&Action| [Risk::Escalation, Risk::Removal].iter().any(|risk| action.risk.contains(risk));
        Self { text, is_minor: !actions.iter().any(is_risky) }
    }
}

/// Many small changes make a long line: the first few are told, after all that is more than that.
fn shorten(context: Context<'_>, mut parts: Vec<Part>) -> String {
    const PARTS: usize = 6;
    parts.retain(|part| !part.text.is_empty());
    let told = parts.iter().filter(|part| !part.is_minor).count().max(PARTS);
    let more = if context.style.verbose { 0 } else { parts.len().saturating_sub(told) };
    if more > 0 {
        parts.sort_by_key(|part| part.is_minor);
        parts.truncate(told);
    }
    let mut texts: Vec<String> = parts.into_iter().map(|part| part.text).collect();
    if more > 0 {
        texts.push(count(more, "more change", "more changes"));
    }
    texts.join(", ")
}

/// What happens to an organization with its sites, or to a role.
pub(super) fn catalog(context: Context<'_>, actions: &[&Action]) -> String {
    let mut parts: Vec<Part> = Vec::new();
    let (mut created, mut deleted) = (Vec::new(), Vec::new());
    for action in actions {
        let site = action.subject.site.map(|site| context.name(site)).unwrap_or_default();
        let changes = || context.changes(action.before.as_ref(), action.after.as_ref());
        match action.kind {
            ActionKind::CreateOrganization => parts.push(Part::told("new organization".to_owned())),
            ActionKind::CreateRole => {
                let gives = action.after.as_ref().map(|after| format!(": {}", context.role_content(after)));
                parts.push(Part::told(format!("new role{}", gives.unwrap_or_default())));
            }
            ActionKind::DeleteOrganization | ActionKind::DeleteRole => parts.push(Part::told("deleted".to_owned())),
            ActionKind::CreateSite => created.push(site),
            ActionKind::DeleteSite => deleted.push(site),
            ActionKind::UpdateSite => parts.push(Part::of(&[action], format!("{site}: {}", changes()))),
            ActionKind::UpdateOrganization
            | ActionKind::UpdateRole
            | ActionKind::InviteUser
            | ActionKind::CreateUser
            | ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::RenameUser
            | ActionKind::DeactivateUser
            | ActionKind::StripUser
            | ActionKind::ReactivateUser
            | ActionKind::CloseUser
            | ActionKind::DeleteUser
            | ActionKind::SendInvitation
            | ActionKind::ResendInvitation
            | ActionKind::CancelInvitation
            | ActionKind::AddMembership
            | ActionKind::ChangeRole
            | ActionKind::UpdateMembership
            | ActionKind::RemoveMembership
            | ActionKind::GrantSite
            | ActionKind::ChangeSiteRole
            | ActionKind::RevokeSite => parts.push(Part::told(changes())),
        }
    }
    let reached = affected(context, actions, |kind| kind == ActionKind::CreateSite);
    let reached = match reached.gain.len() {
        0 => String::new(),
        number => format!(", reached by {}: {}", count(number, "person", "people"), context.people(&reached.gain)),
    };
    for (mut sites, how, end) in [(deleted, "deleted", String::new()), (created, "created", reached)] {
        sites.sort_unstable();
        let many = sites.len() > 3 && !context.style.verbose;
        match sites.len() {
            0 => {}
            number if many => parts.push(Part::told(format!("{} {how}{end}", count(number, "site", "sites")))),
            number => {
                let noun = if number == 1 { "site" } else { "sites" };
                parts.push(Part::told(format!("{noun} {} {how}{end}", enumeration(&sites))));
            }
        }
    }
    let mut text = shorten(context, parts);
    let Affected { gain, lose, organizations } = affected(context, actions, |kind| kind != ActionKind::CreateSite);
    let organizations: Vec<String> = organizations
        .iter()
        .map(|&organization| match organization {
            known::PLATFORM => "the whole platform".to_owned(),
            organization => context.name(organization),
        })
        .collect();
    let places = match organizations.len() {
        number if number > 3 && !context.style.verbose => count(number, "organization", "organizations"),
        _ => enumeration(&organizations),
    };
    let is_power = actions.iter().any(|action| makes_admins(action));
    let gained =
        if is_power { ("becomes admin of", "become admins of") } else { ("gains access in", "gain access in") };
    for (people, (one, many), is_full) in
        [(&lose, ("loses access in", "lose access in"), false), (&gain, gained, is_power)]
    {
        if !people.is_empty() {
            let verb = if people.len() == 1 { one } else { many };
            let number = count(people.len(), "person", "people");
            let who = if is_full { context.everybody(people) } else { context.people(people) };
            text.push_str(&format!("; {number} {verb} {places}: {who}"));
        }
    }
    text
}

/// Whether a role becomes one whose holders administer others.
fn makes_admins(action: &Action) -> bool {
    let is_admin =
        |state: &Option<State>| state.as_ref().and_then(|state| state.value(known::ADMIN)) == Some(Value::Bool(true));
    action.kind == ActionKind::UpdateRole && is_admin(&action.after) && !is_admin(&action.before)
}

/// Whose reach these actions change, all together.
fn affected(context: Context<'_>, actions: &[&Action], is_meant: fn(ActionKind) -> bool) -> Affected {
    let mut all = Affected::default();
    let actions = actions.iter().filter(|action| is_meant(action.kind));
    for one in actions.filter_map(|action| context.effects?.affected.get(&action.subject)) {
        all.gain.extend_from_slice(&one.gain);
        all.lose.extend_from_slice(&one.lose);
        all.organizations.extend_from_slice(&one.organizations);
    }
    for list in [&mut all.gain, &mut all.lose, &mut all.organizations] {
        list.sort_unstable_by_key(|&name| context.names.text(name));
        list.dedup();
    }
    all
}
