//! Actions as lines: one for each user and organization, summing what happens to them there.
//!
//! A plan can have millions of actions, so lines are first only marked and sorted; words and places are made for
//! those that will be printed. Access that a new account gets is told where the account is, unless it is risky: then
//! it has its own line in its organization.

use std::collections::{BTreeMap, HashSet};

use super::lines::{Line, Mark, Section};
use super::style::{count, enumeration, number};
use super::words::Context;
use crate::model::{ActionKind, Grant, List, Membership, Name, Value, known};
use crate::plan::{Action, Cause, Plan, Risk, State};

/// Lines of a section that are printed: those that a reader has to see, and others.
const RISKY_LINES: usize = 1_000;
const OTHER_LINES: usize = 200;
/// Lines in all sections that are not risky.
const OTHER_LINES_IN_ALL: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room<'a> {
    People,
    Organization(&'a str),
    Catalog,
}

/// Actions that make one line.
struct Bundle<'a> {
    room: Room<'a>,
    who: &'a str,
    mark: Mark,
    actions: Vec<&'a Action>,
}

/// The sections of a plan: people, organizations (those with removals or escalations first), the catalog.
pub(super) fn sections(context: Context<'_>, plan: &Plan) -> Vec<Section> {
    let bundles = bundles(context, plan);
    let mut rooms: Vec<&[Bundle<'_>]> = bundles.chunk_by(|a, b| a.room == b.room).collect();
    rooms.sort_by_key(|room| {
        let risky = room.first().is_some_and(|bundle| bundle.mark.is_risky());
        room.first().map(|bundle| match bundle.room {
            Room::People => (0, false, ""),
            Room::Organization(name) => (1, !risky, name),
            Room::Catalog => (2, false, ""),
        })
    });
    let mut budget = if context.style.verbose { usize::MAX } else { OTHER_LINES_IN_ALL };
    let mut sections = Vec::new();
    let mut folded = (0, 0);
    for room in rooms {
        let Some(first) = room.first() else { continue };
        if budget == 0 && !first.mark.is_risky() && matches!(first.room, Room::Organization(_)) {
            folded = (folded.0 + 1, folded.1 + room.len());
            continue;
        }
        sections.push(section(context, room, first.room, &mut budget));
    }
    if folded.0 > 0 {
        let organizations = count(folded.0, "more organization", "more organizations");
        let title = format!("and {organizations} with {} (use -v or --format json)", lines_word(folded.1));
        let at = sections.len() - usize::from(bundles.last().is_some_and(|bundle| bundle.room == Room::Catalog));
        sections.insert(at, Section { title, lines: Vec::new(), rest: String::new() });
    }
    sections
}

fn lines_word(lines: usize) -> String {
    count(lines, "person who only gains or changes", "people who only gain or change")
}

fn section(context: Context<'_>, room: &[Bundle<'_>], kind: Room<'_>, budget: &mut usize) -> Section {
    let risky = room.iter().take_while(|bundle| bundle.mark.is_risky()).count();
    let others = room.len() - risky;
    let (shown_risky, shown_others) = if context.style.verbose {
        (risky, others)
    } else {
        (risky.min(RISKY_LINES), others.min(OTHER_LINES).min(*budget))
    };
    *budget = budget.saturating_sub(shown_others);
    let shown = room[..shown_risky].iter().chain(&room[risky..risky + shown_others]);
    let lines = shown.map(|bundle| line(context, bundle)).collect();
    let left_out = || room[shown_risky..risky].iter().chain(&room[risky + shown_others..]);
    let of = |mark| left_out().filter(|bundle| bundle.mark == mark).count();
    let parts: Vec<String> = [
        (of(Mark::Removal), "removal", "removals"),
        (of(Mark::Escalation), "escalation", "escalations"),
        (of(Mark::Change), "change", "changes"),
        (of(Mark::Addition), "addition", "additions"),
    ]
    .into_iter()
    .filter(|&(number, _, _)| number > 0)
    .map(|(number, one, many)| count(number, one, many))
    .collect();
    let rest = if parts.is_empty() {
        String::new()
    } else {
        format!("and {} more: {} (use -v or --format json)", number(left_out().count()), parts.join(", "))
    };
    let title = match kind {
        Room::People => "people".to_owned(),
        Room::Organization(name) => super::style::name(name).into_owned(),
        Room::Catalog => "catalog".to_owned(),
    };
    Section { title, lines, rest }
}

/// Every bundle, sorted by room, mark, and who.
fn bundles<'a>(context: Context<'a>, plan: &'a Plan) -> Vec<Bundle<'a>> {
    let joining: HashSet<Name> = plan
        .actions
        .iter()
        .filter(|action| matches!(action.kind, ActionKind::InviteUser | ActionKind::CreateUser))
        .filter_map(|action| action.subject.user)
        .collect();
    let mut placed: Vec<(Room<'a>, &'a str, u8, &'a Action)> = plan
        .actions
        .iter()
        .map(|action| {
            let (room, who) = place(context, action, &joining);
            (room, who, u8::from(action.kind == ActionKind::CreateRole || action.subject.role.is_some()), action)
        })
        .collect();
    // Stable: within a line, actions keep their executable order.
    placed.sort_by(|a, b| (a.0, a.2, a.1).cmp(&(b.0, b.2, b.1)));
    let mut bundles: Vec<Bundle<'a>> = placed
        .chunk_by(|a, b| (a.0, a.2, a.1) == (b.0, b.2, b.1))
        .filter_map(|chunk| {
            let &(room, who, _, _) = chunk.first()?;
            let actions: Vec<&Action> = chunk.iter().map(|&(_, _, _, action)| action).collect();
            Some(Bundle { room, who, mark: mark(&actions), actions })
        })
        .collect();
    bundles.sort_by(|a, b| (a.room, a.mark, a.who).cmp(&(b.room, b.mark, b.who)));
    bundles
}

fn place<'a>(context: Context<'a>, action: &Action, joining: &HashSet<Name>) -> (Room<'a>, &'a str) {
    let subject = action.subject;
    let text = |name: Option<Name>| name.map_or("", |name| context.names.text(name));
    let Some(user) = subject.user else {
        return (Room::Catalog, text(subject.role.or(subject.organization)));
    };
    let organization = subject.organization.filter(|&organization| organization != known::PLATFORM);
    let adds = matches!(action.kind, ActionKind::AddMembership | ActionKind::GrantSite);
    match organization {
        Some(_) if adds && joining.contains(&user) && !has(&[action], Risk::Escalation) => {
            (Room::People, text(Some(user)))
        }
        Some(organization) => (Room::Organization(context.names.text(organization)), text(Some(user))),
        None => (Room::People, text(Some(user))),
    }
}

fn has(actions: &[&Action], risk: Risk) -> bool {
    actions.iter().any(|action| action.risk.contains(&risk))
}

fn mark(actions: &[&Action]) -> Mark {
    let takes = |action: &&Action| match action.kind {
        ActionKind::DeleteOrganization
        | ActionKind::DeleteSite
        | ActionKind::DeleteRole
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::RemoveMembership
        | ActionKind::RevokeSite => true,
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole => false,
    };
    let adds = |action: &&Action| {
        action.before.is_none()
            || matches!(
                action.kind,
                ActionKind::ReactivateUser | ActionKind::SendInvitation | ActionKind::ResendInvitation
            )
    };
    if has(actions, Risk::Escalation) {
        Mark::Escalation
    } else if has(actions, Risk::Removal) || actions.iter().any(takes) {
        Mark::Removal
    } else if actions.iter().any(adds) {
        Mark::Addition
    } else {
        Mark::Change
    }
}

fn line(context: Context<'_>, bundle: &Bundle<'_>) -> Line {
    let Bundle { room, who, mark, actions } = bundle;
    let is_role = actions.first().is_some_and(|action| action.subject.user.is_none() && action.subject.role.is_some());
    let name = super::style::name(who);
    let place = context.origin(actions.iter().flat_map(|action| &action.origins));
    Line {
        mark: *mark,
        who: if is_role { format!("role {name}") } else { name.into_owned() },
        what: match room {
            Room::People => account(context, actions),
            Room::Organization(_) => membership(context, actions),
            Room::Catalog => catalog(context, actions),
        },
        note: note(*mark, actions, place.is_empty()),
        place,
    }
}

/// Risks that the mark does not tell, mails, causes, and the reason where no line of a manifest gives it.
fn note(mark: Mark, actions: &[&Action], without_place: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    for risk in Risk::ALL {
        let number = actions.iter().filter(|action| action.risk.contains(&risk)).count();
        if number == 0 {
            continue;
        }
        let words = match risk {
            Risk::Escalation => "escalation".to_owned(),
            Risk::Removal if mark == Mark::Removal => continue,
            Risk::Removal => "removal".to_owned(),
            Risk::Irreversible => "can't be undone".to_owned(),
            Risk::Mail => count(number, "mail", "mails"),
            Risk::LastAdmin => "the last admin".to_owned(),
            Risk::AccessReturns => "access returns".to_owned(),
        };
        parts.push(words);
    }
    for cause in Cause::ALL {
        let told = match cause {
            Cause::Manifest | Cause::Unknown => false,
            Cause::Drift | Cause::Expiry | Cause::Deferred | Cause::Operator => true,
        };
        if told && actions.iter().any(|action| action.cause == cause) {
            parts.push(cause.as_str().to_owned());
        }
    }
    if without_place || mark == Mark::Removal {
        for action in actions {
            let reason = super::style::sanitise(action.reason);
            if !reason.is_empty() && !parts.iter().any(|part| *part == reason) {
                parts.push(reason.into_owned());
            }
        }
    }
    parts.join(", ")
}

/// What happens to an account, with the access that it gets.
fn account(context: Context<'_>, actions: &[&Action]) -> String {
    let mut gained = State::default();
    let mut parts: Vec<String> = Vec::new();
    let mut joins = None;
    for action in actions {
        let (before, after) = (action.before.as_ref(), action.after.as_ref());
        let ended = |word: &str| {
            let was = before.map(|state| context.access(&state.memberships, &state.grants, true));
            let was = was.filter(|was| !was.is_empty()).map(|was| format!(" (was {was})")).unwrap_or_default();
            let otherwise = action.fall_back.map(|kind| super::words::done(kind).0);
            let otherwise = otherwise.map(|word| format!(", or {word} if the store refuses")).unwrap_or_default();
            format!("{word}{was}{otherwise}")
        };
        match action.kind {
            ActionKind::InviteUser | ActionKind::CreateUser => {
                joins = Some(if action.kind == ActionKind::InviteUser { "invited" } else { "created" });
                let access = after.into_iter();
                for state in access {
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
            ActionKind::ReactivateUser => parts.push("reactivated".to_owned()),
            ActionKind::SendInvitation => parts.push("invitation sent".to_owned()),
            ActionKind::ResendInvitation => parts.push("invitation sent again".to_owned()),
            ActionKind::CancelInvitation => parts.push(ended("invitation cancelled")),
            ActionKind::DeactivateUser => parts.push(ended("deactivated")),
            ActionKind::StripUser => parts.push(ended("stripped of all access")),
            ActionKind::CloseUser => parts.push(ended("closed")),
            ActionKind::DeleteUser => parts.push(ended("deleted")),
            ActionKind::RenameUser => {
                let old = before.and_then(|state| state.value(known::KEY)).unwrap_or(Value::Null);
                parts.push(format!("renamed from {}", context.value(old)));
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
        let access = context.access(&gained.memberships, &gained.grants, false);
        let access = if access.is_empty() { String::new() } else { format!(": {access}") };
        parts.insert(0, format!("{word}{access}"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
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
fn membership(context: Context<'_>, actions: &[&Action]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut sites: BTreeMap<&str, Vec<(Name, Option<Name>)>> = BTreeMap::new();
    let mut becomes = false;
    for action in actions {
        let (before, after) = (action.before.as_ref(), action.after.as_ref());
        let Some(organization) = action.subject.organization else { continue };
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
                parts.push(format!("removed (was {was})"));
            }
            ActionKind::AddMembership => {
                becomes = true;
                let Membership { role, extra_roles, .. } = added(organization, after);
                let word = role.map_or_else(|| "a member".to_owned(), |role| context.name(role));
                let reach = context.reach(organization, role);
                parts.push(format!("becomes {word}{}{reach}", context.extra_roles(extra_roles)));
            }
            ActionKind::ChangeRole => {
                let reach = context.reach(organization, role(after));
                parts.push(format!("{} → {}{reach}", context.role(role(before)), context.role(role(after))));
            }
            ActionKind::GrantSite if action.cause == Cause::Drift => site("again", role(after)),
            ActionKind::GrantSite => site("gains", role(after)),
            ActionKind::RevokeSite => site("loses", None),
            ActionKind::ChangeSiteRole => {
                let on = action.subject.site.map(|site| context.name(site)).unwrap_or_default();
                parts.push(format!("{on}: {} → {}", context.role(role(before)), context.role(role(after))));
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
            | ActionKind::DeleteRole => parts.push(context.changes(before, after)),
        }
    }
    for (how, verb, end) in [("loses", "loses ", ""), ("gains", "gains ", ""), ("again", "gains ", " again")] {
        let Some(sites) = sites.get(how) else { continue };
        let words = context.sites(sites);
        let kind = if sites.len() == 1 && !becomes { "site " } else { "" };
        if how == "gains" && becomes {
            parts.push(words);
        } else {
            parts.push(format!("{verb}{kind}{words}{end}"));
        }
    }
    parts.retain(|part| !part.is_empty());
    shorten(context, parts).join(", ")
}

/// Many site roles that change make a long line: name the first few parts.
fn shorten(context: Context<'_>, mut parts: Vec<String>) -> Vec<String> {
    const PARTS: usize = 6;
    if parts.len() > PARTS && !context.style.verbose {
        let more = parts.len() - PARTS;
        parts.truncate(PARTS);
        parts.push(count(more, "more change", "more changes"));
    }
    parts
}

/// What happens to an organization with its sites, or to a role.
fn catalog(context: Context<'_>, actions: &[&Action]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let (mut created, mut deleted) = (Vec::new(), Vec::new());
    for action in actions {
        let site = action.subject.site.map(|site| context.name(site)).unwrap_or_default();
        let changes = || context.changes(action.before.as_ref(), action.after.as_ref());
        match action.kind {
            ActionKind::CreateOrganization => parts.push("new organization".to_owned()),
            ActionKind::CreateRole => parts.push("new role".to_owned()),
            ActionKind::DeleteOrganization | ActionKind::DeleteRole => parts.push("deleted".to_owned()),
            ActionKind::CreateSite => created.push(site),
            ActionKind::DeleteSite => deleted.push(site),
            ActionKind::UpdateSite => parts.push(format!("{site}: {}", changes())),
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
            | ActionKind::RevokeSite => parts.push(changes()),
        }
    }
    for (mut sites, how) in [(deleted, "deleted"), (created, "created")] {
        sites.sort_unstable();
        let many = sites.len() > 3 && !context.style.verbose;
        match sites.len() {
            0 => {}
            number if many => parts.push(format!("{} {how}", count(number, "site", "sites"))),
            number => {
                let noun = if number == 1 { "site" } else { "sites" };
                parts.push(format!("{noun} {} {how}", enumeration(&sites)));
            }
        }
    }
    shorten(context, parts).join(", ")
}
