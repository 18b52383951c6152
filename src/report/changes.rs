//! Actions as lines: one for each user and organization, summing what happens to them there.
//!
//! A plan can have millions of actions, so lines are first only marked and sorted; words and places are made for
//! those that will be printed. Access that a new account gets is told where the account is, unless it is risky: then
//! it has its own line in its organization.

use std::collections::HashSet;

use super::happenings::{account, catalog, membership};
use super::lines::{Line, Mark, Section};
use super::style::{count, number};
use super::words::{Context, counted};
use crate::diagnostic::Position;
use crate::model::{ActionKind, Name, known};
use crate::plan::{Action, Cause, LET_IN, Plan, Risk, State};

/// Lines of a section that are printed beside those that a reader has to see, which are never left out.
const OTHER_LINES: usize = 200;
/// The same, in all sections.
const IN_ALL: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room<'a> {
    People,
    /// Changes of the catalog that give or take access.
    Reach,
    Organization(&'a str),
    Catalog,
}

/// Actions that make one line.
struct Bundle<'a> {
    room: Room<'a>,
    mark: Mark,
    /// Organizations are told before roles.
    is_role: bool,
    /// It changes an address or two-factor authentication.
    touches_log_in: bool,
    who: &'a str,
    actions: Vec<&'a Action>,
}

impl Bundle<'_> {
    /// Whether a reader has to see its line, however long the plan: it takes away, gives power, defines a role, touches
    /// what somebody logs in with, or does what its mark does not tell.
    fn is_pinned(&self) -> bool {
        const PINNED: [Risk; 3] = [Risk::Irreversible, Risk::LastAdmin, Risk::AccessReturns];
        self.mark.is_risky()
            || self.is_role
            || self.touches_log_in
            || self.room == Room::Reach
            || PINNED.iter().any(|&risk| has(&self.actions, risk))
    }
}

/// The sections of a plan: people, what the catalog changes for them, organizations (those with removals or
/// escalations first), the rest of the catalog.
pub(super) fn sections(context: Context<'_>, plan: &Plan) -> Vec<Section> {
    let bundles = bundles(context, plan, |_| true);
    let mut rooms: Vec<&[Bundle<'_>]> = bundles.chunk_by(|a, b| a.room == b.room).collect();
    rooms.sort_by_key(|room| {
        let pinned = room.iter().any(Bundle::is_pinned);
        room.first().map(|bundle| match bundle.room {
            Room::People => (0, false, ""),
            Room::Reach => (1, false, ""),
            Room::Organization(name) => (2, !pinned, name),
            Room::Catalog => (3, false, ""),
        })
    });
    let mut budget = if context.style.verbose { usize::MAX } else { IN_ALL };
    let mut sections = Vec::new();
    let mut folded: Vec<&[Bundle<'_>]> = Vec::new();
    let mut catalog = None;
    for room in rooms {
        let Some(first) = room.first() else { continue };
        match first.room {
            Room::Organization(_) if budget == 0 && !room.iter().any(Bundle::is_pinned) => folded.push(room),
            Room::Catalog => catalog = Some(section(context, room, first.room, &mut budget)),
            Room::People | Room::Reach | Room::Organization(_) => {
                sections.push(section(context, room, first.room, &mut budget));
            }
        }
    }
    if !folded.is_empty() {
        let organizations = count(folded.len(), "more organization", "more organizations");
        let title = left_out(&organizations, &folded.iter().copied().flatten());
        sections.push(Section { title, lines: Vec::new(), rest: String::new() });
    }
    sections.extend(catalog);
    sections
}

/// A file, with line and column.
pub(super) type FirstPlace = (String, u32, u32);

/// What changes in the catalog, and where that is declared first: before all what gives or takes access.
pub(super) fn of_catalog(context: Context<'_>, plan: &Plan) -> Vec<(Line, Option<FirstPlace>)> {
    let bundles = bundles(context, plan, |action| action.subject.user.is_none());
    bundles.iter().map(|bundle| (line(context, bundle), first(context, bundle).map(|(place, _)| place))).collect()
}

/// Everything that changes: under which heading, how, and at which line.
pub(super) fn all(context: Context<'_>, plan: &Plan) -> Vec<(String, Line, Option<Position>)> {
    let bundles = bundles(context, plan, |_| true);
    let told = bundles.iter().map(|bundle| {
        let place = first(context, bundle).map(|(_, position)| position);
        (title(context, bundle.room), line(context, bundle), place)
    });
    told.collect()
}

/// The first line that wants what a bundle does.
fn first(context: Context<'_>, bundle: &Bundle<'_>) -> Option<(FirstPlace, Position)> {
    let origins = bundle.actions.iter().flat_map(|action| &action.origins);
    origins.map(|origin| (context.places.place(origin.position), origin.position)).min_by(|a, b| a.0.cmp(&b.0))
}

fn title(context: Context<'_>, room: Room<'_>) -> String {
    match room {
        Room::People => "people".to_owned(),
        Room::Reach => "catalog, with access that changes by it".to_owned(),
        Room::Organization(name) => context.style.name(name).into_owned(),
        Room::Catalog => "catalog".to_owned(),
    }
}

/// `and 3 more: 1 change (1 profile changed), 2 additions (2 invited)`; what is folded is always summed.
fn left_out<'b, 'a: 'b>(what: &str, bundles: &(impl Iterator<Item = &'b Bundle<'a>> + Clone)) -> String {
    let of = |mark| {
        let folded = || bundles.clone().filter(|bundle| bundle.mark == mark);
        let kinds = counted(folded().flat_map(|bundle| bundle.actions.iter().copied()));
        (folded().count(), kinds.join(", "))
    };
    let parts: Vec<String> = [
        (of(Mark::Removal), "removal", "removals"),
        (of(Mark::Escalation), "escalation", "escalations"),
        (of(Mark::Change), "change", "changes"),
        (of(Mark::Addition), "addition", "additions"),
    ]
    .into_iter()
    .filter(|&((lines, _), _, _)| lines > 0)
    .map(|((lines, kinds), one, many)| format!("{} ({kinds})", count(lines, one, many)))
    .collect();
    format!("and {what}: {}; -v or --format json shows all", parts.join(", "))
}

fn section(context: Context<'_>, room: &[Bundle<'_>], kind: Room<'_>, budget: &mut usize) -> Section {
    let most = if context.style.verbose { usize::MAX } else { OTHER_LINES.min(*budget) };
    let mut others = 0;
    let (shown, hidden): (Vec<&Bundle<'_>>, Vec<&Bundle<'_>>) = room.iter().partition(|bundle| {
        others += usize::from(!bundle.is_pinned());
        bundle.is_pinned() || others <= most
    });
    *budget -= others.min(most);
    let lines = shown.into_iter().map(|bundle| line(context, bundle)).collect();
    let rest = match hidden.len() {
        0 => String::new(),
        more => left_out(&format!("{} more", number(more)), &hidden.iter().copied()),
    };
    Section { title: title(context, kind), lines, rest }
}

/// Every bundle of these actions, sorted by room, mark, and who.
fn bundles<'a>(context: Context<'a>, plan: &'a Plan, is_meant: fn(&Action) -> bool) -> Vec<Bundle<'a>> {
    let joining: HashSet<Name> = plan
        .actions
        .iter()
        .filter(|action| matches!(action.kind, ActionKind::InviteUser | ActionKind::CreateUser))
        .filter_map(|action| action.subject.user)
        .collect();
    let mut placed: Vec<(Room<'a>, bool, &'a str, &'a Action)> = plan
        .actions
        .iter()
        .filter(|action| is_meant(action))
        .map(|action| {
            let (room, who) = place(context, action, &joining);
            (room, action.subject.user.is_none() && action.subject.role.is_some(), who, action)
        })
        .collect();
    // Stable: within a line, actions keep their executable order.
    placed.sort_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));
    let mut bundles: Vec<Bundle<'a>> = placed
        .chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2))
        .filter_map(|chunk| {
            let &(room, is_role, who, _) = chunk.first()?;
            let actions: Vec<&Action> = chunk.iter().map(|&(.., action)| action).collect();
            let touches_log_in = actions.iter().any(|action| context.touches_log_in(action));
            Some(Bundle { room, mark: mark(&actions), is_role, touches_log_in, who, actions })
        })
        .collect();
    bundles.sort_by(|a, b| (a.room, a.mark, a.is_role, a.who).cmp(&(b.room, b.mark, b.is_role, b.who)));
    bundles
}

fn place<'a>(context: Context<'a>, action: &Action, joining: &HashSet<Name>) -> (Room<'a>, &'a str) {
    let subject = action.subject;
    let text = |name: Option<Name>| name.map_or("", |name| context.names.text(name));
    let Some(user) = subject.user else {
        let is_about_people = context.effects.is_some_and(|effects| effects.affected.contains_key(&subject))
            || has(&[action], Risk::Escalation)
            || has(&[action], Risk::Removal);
        let room = if is_about_people { Room::Reach } else { Room::Catalog };
        return (room, text(subject.role.or(subject.organization)));
    };
    let organization = subject.organization.filter(|&organization| organization != known::PLATFORM);
    let adds = matches!(action.kind, ActionKind::AddMembership | ActionKind::GrantSite | ActionKind::UpdateMembership);
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

/// Whether something ends with an action of this kind.
pub(super) const fn ends(kind: ActionKind) -> bool {
    match kind {
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
    }
}

fn mark(actions: &[&Action]) -> Mark {
    let has_no_role = |state: &Option<State>| state.as_ref().is_none_or(|state| state.role().is_none());
    let adds = |action: &&Action| {
        action.before.is_none()
            || (action.kind == ActionKind::ChangeRole && has_no_role(&action.before) && !has_no_role(&action.after))
            || matches!(
                action.kind,
                ActionKind::ReactivateUser | ActionKind::SendInvitation | ActionKind::ResendInvitation
            )
    };
    if has(actions, Risk::Escalation) {
        Mark::Escalation
    } else if has(actions, Risk::Removal) || actions.iter().any(|action| ends(action.kind)) {
        Mark::Removal
    } else if actions.iter().any(adds) {
        Mark::Addition
    } else {
        Mark::Change
    }
}

fn line(context: Context<'_>, bundle: &Bundle<'_>) -> Line {
    let Bundle { room, mark, is_role, touches_log_in: _, who, actions } = bundle;
    let name = context.style.name(who);
    let place = context.origin(actions.iter().flat_map(|action| &action.origins));
    Line {
        mark: *mark,
        who: if *is_role { format!("role {name}") } else { name.into_owned() },
        what: match room {
            Room::People => account(context, actions),
            Room::Organization(_) => membership(context, actions),
            Room::Reach | Room::Catalog => catalog(context, actions),
        },
        note: note(context, *mark, actions, place.is_empty()),
        place,
    }
}

/// A cause in words.
pub(super) const fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::Manifest => "this change",
        Cause::Drift => "drift",
        Cause::Expiry => "expiry",
        Cause::Deferred => "possible now",
        Cause::Operator => "operator",
        Cause::Unknown => "not known",
    }
}

/// Risks that the mark does not tell, mails, causes, and the reason where something ends or no line gives one.
fn note(context: Context<'_>, mark: Mark, actions: &[&Action], without_place: bool) -> String {
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
            Risk::Irreversible if context.knows_no_undo(actions) => "not stated whether it can be undone".to_owned(),
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
            parts.push(cause_word(cause).to_owned());
        }
    }
    for action in actions.iter().filter(|action| without_place || ends(action.kind) || action.reason == LET_IN) {
        let reason = super::style::sanitise(action.reason);
        if !reason.is_empty() && !parts.iter().any(|part| *part == reason) {
            parts.push(reason.into_owned());
        }
    }
    parts.join(", ")
}
