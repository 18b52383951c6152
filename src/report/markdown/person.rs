//! How one person fares, in a row: who, what they lose, what they gain, and why.

use super::super::changes::ends;
use super::super::happenings;
use super::super::style::{count, enumeration, sanitise};
use super::super::words::{Context, NAMED, done, every_site, is_preloading};
use crate::model::{ActionKind, Fact, List, Name, known};
use crate::plan::{Action, Cause, ImpactCourse, OrganizationImpact, PersonImpact, PlaceImpact, Risk, Subject};

/// A row. Names in its texts are marked.
pub(in crate::report) struct Row {
    pub(in crate::report) who: String,
    pub(in crate::report) loses: String,
    pub(in crate::report) gains: String,
    pub(in crate::report) because: String,
}

/// What of a person's places is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Loses,
    Gains,
}

/// The row of a person with these actions. `through`: changes of the catalog by which they fare otherwise.
pub(in crate::report) fn row(
    context: Context<'_>,
    person: &PersonImpact,
    actions: &[&Action],
    through: &[&Action],
) -> Row {
    let context = Context { whose: Some(person.user), ..context };
    let (mut loses, mut gains) = (Vec::new(), Vec::new());
    for (side, parts) in [(Side::Loses, &mut loses), (Side::Gains, &mut gains)] {
        let places = places(context, person, side);
        parts.extend(match account(person.course, actions, side) {
            Some(word) if places.is_empty() => Some(word),
            Some(word) if side == Side::Loses => Some(format!("{word} (was {places})")),
            Some(word) => Some(format!("{word}: {places}")),
            None => Some(places).filter(|places| !places.is_empty()),
        });
    }
    gains.extend(comes_with(context, person.course, actions));
    for action in actions {
        let changes = || context.changes(action.before.as_ref(), action.after.as_ref());
        match action.kind {
            ActionKind::ChangeAccess => {
                let is_loss = action.risk.contains(&Risk::Removal) && !action.risk.contains(&Risk::Escalation);
                (if is_loss { &mut loses } else { &mut gains }).push(changes());
            }
            ActionKind::UpdateUser if context.touches_log_in(action) => gains.push(changes()),
            ActionKind::RenameUser => gains.push(happenings::account(context, &[action])),
            ActionKind::ResendInvitation => gains.push("invitation sent again".to_owned()),
            _ => {}
        }
    }
    let has = |risk: Risk| actions.iter().any(|action| action.risk.contains(&risk));
    let risks = [
        (Risk::LastAdmin, "the last admin"),
        (
            Risk::Irreversible,
            if context.knows_no_undo(actions) { "not stated whether it can be undone" } else { "can't be undone" },
        ),
    ];
    loses.extend(risks.into_iter().filter(|&(risk, _)| has(risk)).map(|(_, words)| words.to_owned()));
    if has(Risk::AccessReturns) {
        gains.push("access returns".to_owned());
    }
    if person.mails > 0 {
        gains.push(count(person.mails as usize, "mail", "mails"));
    }
    Row {
        who: context.name(person.user),
        loses: loses.join("; "),
        gains: gains.join("; "),
        because: because(context, actions, through),
    }
}

/// What becomes of the account, on this side.
fn account(course: ImpactCourse, actions: &[&Action], side: Side) -> Option<String> {
    let is_told = match course {
        ImpactCourse::Joins => side == Side::Gains,
        ImpactCourse::Leaves => side == Side::Loses,
        ImpactCourse::Stays => false,
    };
    let word = |action: &&Action| {
        let word = match action.kind {
            ActionKind::InviteUser | ActionKind::CreateUser if is_preloading(action) => "made known, not invited yet",
            ActionKind::InviteUser => "invited",
            ActionKind::CreateUser => "account created",
            ActionKind::ReactivateUser => "account reactivated",
            ActionKind::SendInvitation => "invitation sent",
            ActionKind::DeactivateUser => "account deactivated",
            ActionKind::StripUser => "account stripped of all access",
            ActionKind::CloseUser => "account closed",
            ActionKind::DeleteUser => "account deleted",
            ActionKind::CancelInvitation => "invitation cancelled",
            _ => return None,
        };
        let otherwise = action.fall_back.map(|kind| format!(", or {} if it was ever used", done(kind).0));
        let is_of_side = ends(action.kind) == (side == Side::Loses);
        is_of_side.then(|| format!("{word}{}", otherwise.unwrap_or_default()))
    };
    actions.iter().filter(|_| is_told).find_map(word)
}

/// What an account comes with beside its places.
fn comes_with(context: Context<'_>, course: ImpactCourse, actions: &[&Action]) -> Vec<String> {
    if course != ImpactCourse::Joins {
        return Vec::new();
    }
    let facts = |action: &&Action| -> Option<Vec<Fact>> {
        match action.kind {
            ActionKind::InviteUser | ActionKind::CreateUser => Some(action.after.as_ref()?.facts.clone()),
            ActionKind::ReactivateUser | ActionKind::SendInvitation => {
                Some(context.effects?.opens.get(&action.subject.user?)?.facts.clone())
            }
            _ => None,
        }
    };
    let Some(facts) = actions.iter().find_map(facts) else { return Vec::new() };
    let mut words = context.comes_with(&facts);
    words.extend(context.comes_unlimited(&facts));
    words
}

/// What a person reaches otherwise, organization by organization: first where they administer.
fn places(context: Context<'_>, person: &PersonImpact, side: Side) -> String {
    let mut organizations: Vec<&OrganizationImpact> = person.organizations.iter().collect();
    organizations.sort_by_key(|one| one.admin.is_none());
    let told: Vec<String> = organizations.into_iter().filter_map(|one| place(context, one, side)).collect();
    let more = told.len().saturating_sub(NAMED);
    let mut parts: Vec<String> = told.into_iter().take(NAMED).collect();
    if more > 0 {
        parts.push(format!("and in {}", count(more, "more organization", "more organizations")));
    }
    parts.join("; ")
}

/// `manager of north (was operator), 12 more sites`.
fn place(context: Context<'_>, one: &OrganizationImpact, side: Side) -> Option<String> {
    let is_told = |place: &&PlaceImpact| if side == Side::Gains { place.gains } else { place.loses };
    let own = one.places.iter().find(|place| place.sites.is_none() && is_told(place));
    let of_sites: Vec<&PlaceImpact> =
        one.places.iter().filter(|place| place.sites.is_some() && is_told(place)).collect();
    let name = || context.name(one.organization);
    let head = own.map(|place| {
        let (held, change) = change(context, place, side);
        let held = if held.is_empty() { "member".to_owned() } else { held };
        let bounds = if side == Side::Gains { context.bounds(one.organization) } else { String::new() };
        match one.organization {
            known::PLATFORM => format!("{held} on the whole platform{change}"),
            _ => format!("{held} of {}{change}{bounds}", name()),
        }
    });
    // Who reaches every site from then on is told that, however many of them are new.
    let reaches = own.filter(|_| side == Side::Gains).and_then(|place| place.after);
    let roles = reaches.map(|roles| context.names.elements(roles).to_vec()).unwrap_or_default();
    let reaches = roles.iter().map(|&role| context.reach(one.organization, Some(role))).find(|reach| !reach.is_empty());
    if let (Some(head), Some(reaches)) = (&head, reaches) {
        return Some(format!("{head}{reaches}"));
    }
    let mut sites: Vec<String> = of_sites.iter().take(NAMED).map(|place| sites(context, one, place, side)).collect();
    let more: usize = of_sites.iter().skip(NAMED).map(|place| amount(context, place)).sum();
    if more > 0 {
        sites.push(format!("{} otherwise", count(more, "site", "sites")));
    }
    match (head, sites.is_empty()) {
        (None, true) => None,
        (Some(head), true) => Some(head),
        (Some(head), false) => Some(format!("{head}, {}", sites.join(", "))),
        (None, false) => {
            let gained = of_sites.iter().filter_map(|place| place.sites);
            let gained: Vec<Name> = gained.flat_map(|list| context.names.elements(list).to_vec()).collect();
            let is_gain = side == Side::Gains;
            let bounds = if is_gain { context.bounds_of_sites(one.organization, &gained) } else { String::new() };
            Some(format!("{} of {}{bounds}", sites.join(", "), name()))
        }
    }
}

fn amount(context: Context<'_>, place: &PlaceImpact) -> usize {
    context.names.elements(place.sites.unwrap_or(List::EMPTY)).len()
}

/// The roles held on one side, and what they were or will be on the other.
fn change(context: Context<'_>, place: &PlaceImpact, side: Side) -> (String, String) {
    let (held, other) = match side {
        Side::Gains => (place.after, place.before),
        Side::Loses => (place.before, place.after),
    };
    let word = if side == Side::Gains { "was" } else { "now" };
    let change = match other {
        None => String::new(),
        Some(_) if other == held && side == Side::Gains => ", which can do more".to_owned(),
        Some(_) if other == held => ", which can do less".to_owned(),
        Some(other) if other.is_empty() => format!(" ({word} without a role)"),
        Some(other) => format!(" ({word} {})", roles(context, other)),
    };
    (held.map(|held| roles(context, held)).unwrap_or_default(), change)
}

/// The names of roles, those that administer first.
fn roles(context: Context<'_>, list: List) -> String {
    let mut roles: Vec<Name> = context.names.elements(list).to_vec();
    roles.sort_by_key(|&role| (!context.is_admin(role), context.names.text(role)));
    let mut texts: Vec<String> = roles.iter().take(NAMED).map(|&role| context.name(role)).collect();
    if let more @ 1.. = roles.len().saturating_sub(NAMED) {
        texts.push(count(more, "more role", "more roles"));
    }
    enumeration(&texts)
}

/// `every site (14)`, `pit-1 and pit-2`, `12 more sites as auditor`.
fn sites(context: Context<'_>, one: &OrganizationImpact, place: &PlaceImpact, side: Side) -> String {
    let (held, change) = change(context, place, side);
    let names = context.names.elements(place.sites.unwrap_or(List::EMPTY));
    let is_new = side == Side::Gains && place.before.is_none() && !one.enters;
    let sites = match names.len() {
        there if place.every_site => every_site(there).trim_start_matches(", ").to_owned(),
        many if many > NAMED && is_new => count(many, "more site", "more sites"),
        many if many > NAMED => count(many, "site", "sites"),
        _ => context.sites(&names.iter().map(|&site| (site, None)).collect::<Vec<_>>()),
    };
    let held = if held.is_empty() { held } else { format!(" as {held}") };
    format!("{sites}{held}{change}")
}

/// The causes, reasons and lines of these actions, and what changes in the catalog.
fn because(context: Context<'_>, actions: &[&Action], through: &[&Action]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in Cause::ALL {
        let words = match cause {
            Cause::Manifest => "this change",
            Cause::Drift => "drift: the store was changed",
            Cause::Expiry => "its time is over",
            Cause::Deferred => "wanted before, possible now",
            Cause::Operator => "an operator asked for it",
            Cause::Unknown => continue,
        };
        if actions.iter().chain(through).any(|action| action.cause == cause) {
            parts.push(words.to_owned());
        }
    }
    let place = context.origin(actions.iter().flat_map(|action| &action.origins));
    for action in actions.iter().filter(|action| place.is_empty() || ends(action.kind)) {
        let reason = sanitise(action.reason).into_owned();
        if !reason.is_empty() && !parts.contains(&reason) {
            parts.push(reason);
        }
    }
    let changed = |action: &&Action| match action.subject {
        Subject { role: Some(role), .. } => format!("role {} changes", context.name(role)),
        Subject { organization: Some(organization), site: Some(site), .. } => {
            format!("{}/{} changes", context.name(organization), context.name(site))
        }
        Subject { organization: Some(organization), .. } => format!("{} changes", context.name(organization)),
        Subject { .. } => String::new(),
    };
    let mut changed: Vec<String> = through.iter().take(NAMED).map(changed).collect();
    if let more @ 1.. = through.len().saturating_sub(NAMED) {
        changed.push(count(more, "more change", "more changes"));
    }
    parts.extend([place].into_iter().chain(changed).filter(|part| !part.is_empty()));
    parts.join(", ")
}
