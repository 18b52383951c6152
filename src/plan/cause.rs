//! Why each action is in a plan now: this change, drift, a time that has come, or something that became possible.
//!
//! What the manifests of the base want of the same store at the same time is planned, too. What only today's manifests
//! want is this change. What both want was wanted before; why it is still to be done is told by the windows of the base,
//! and by what rollcall itself left ([`History`]). Deliberately absent: what is done, in which order, and the digest,
//! none of which a cause changes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::action::{Action, Cause, Origin, Risk, Subject};
use super::history::{History, Standing};
use super::{Deferred, Inputs, Plan};
use crate::diagnostic::{FileId, Position};
use crate::model::{ActionKind, DeclaredStatus, Name, Piece, Standing as Wanted, UserView, Value, known};

/// What a plan is compared with.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// What its plan was computed from: its manifests, and the same live state and time.
    pub inputs: &'a Inputs<'a>,
    /// Its plan.
    pub plan: &'a Plan,
    /// In which state rollcall left things, where that is known.
    pub history: Option<&'a History>,
    /// By how much the numbers of its files are lower than in the table in which places are looked up.
    pub shift: u32,
}

/// Says of each action why it is there now, but for what an operator asked for; of drift also which lines of the base it
/// restores.
pub fn tell_causes(actions: &mut [Action], base: &Base<'_>) {
    let wanted: HashMap<(ActionKind, Subject), &Action> =
        base.plan.actions.iter().map(|action| ((action.kind, compared(base, &action.subject)), action)).collect();
    let waiting: HashMap<(ActionKind, Subject), &Deferred> =
        base.plan.deferred.iter().map(|waits| ((waits.kind, compared(base, &waits.subject)), waits)).collect();
    // Actions speak of everything by the names that it will have.
    let Inputs { names, rules, .. } = base.inputs;
    let told = base.history.map(|history| history.renamed(names, &rules.identity, &base.plan.actions));
    for action in actions.iter_mut().filter(|action| action.cause != Cause::Operator) {
        let subject = compared(base, &action.subject);
        let of_base = wanted.get(&(action.kind, subject)).filter(|wanted| does_the_same(wanted, action));
        action.restores = Vec::new();
        action.cause = match of_base {
            None if waiting.get(&(action.kind, subject)).is_some_and(|waits| waits.after == action.after) => {
                Cause::Deferred
            }
            None => Cause::Manifest,
            Some(_) => cause(base, told.as_ref(), &subject, action),
        };
        if let (Cause::Drift, Some(wanted)) = (action.cause, of_base) {
            action.restores = wanted.origins.iter().map(|&origin| shifted(origin, base.shift)).collect();
        }
    }
    follow_role_changes(actions);
}

/// What a store takes with a role, and is given back after it, is there for the same cause as the change of the role.
fn follow_role_changes(actions: &mut [Action]) {
    for at in 0..actions.len() {
        let Action { kind, subject, cause, needs, .. } = &actions[at];
        let gives_back =
            matches!(kind, ActionKind::UpdateMembership | ActionKind::GrantSite | ActionKind::ChangeSiteRole);
        if !gives_back || *cause != Cause::Drift {
            continue;
        }
        let place = (subject.user, subject.organization);
        let changes = needs.iter().filter_map(|&need| actions.get(need as usize)).find(|need| {
            need.kind == ActionKind::ChangeRole && (need.subject.user, need.subject.organization) == place
        });
        if let Some(cause) = changes.map(|need| need.cause).filter(|&cause| cause != Cause::Drift) {
            actions[at].cause = cause;
            actions[at].restores.clear();
        }
    }
}

/// How many actions there are of each cause.
#[must_use]
pub fn causes(actions: &[Action]) -> BTreeMap<Cause, u32> {
    let mut causes = BTreeMap::new();
    for action in actions {
        *causes.entry(action.cause).or_default() += 1;
    }
    causes
}

fn does_the_same(one: &Action, other: &Action) -> bool {
    (&one.before, &one.after, one.fall_back) == (&other.before, &other.after, other.fall_back)
}

/// The subject with the key of its user as it is compared, however today's manifests and those of the base spell it.
fn compared(base: &Base<'_>, subject: &Subject) -> Subject {
    let Inputs { names, rules, .. } = base.inputs;
    let identity = |key: Name| {
        let text = rules.identity.normalize(names.text(key)).ok()?;
        names.find(&text)
    };
    Subject { user: subject.user.map(|key| identity(key).unwrap_or(key)), ..*subject }
}

/// What rollcall left, by the names that everything will have, and how renames stand to it.
type Told<'a> = (Cow<'a, History>, BTreeMap<Subject, Standing>);

/// Why something is still to be done that the base wanted, too.
fn cause(base: &Base<'_>, told: Option<&Told<'_>>, subject: &Subject, action: &Action) -> Cause {
    let standing = told.map(|(history, renames)| {
        let of_rename = renames.get(subject).copied().filter(|_| action.renames());
        // Whoever is invited anew is there, and loses the earlier invitation for it.
        let is_there = subject.user.is_some_and(|user| base.inputs.live.find(user).is_some());
        if is_there && matches!(action.kind, ActionKind::InviteUser | ActionKind::CreateUser) {
            return Standing::AsLeft;
        }
        of_rename.unwrap_or_else(|| history.standing(base.inputs.names, subject, action))
    });
    if standing == Some(Standing::Undone) {
        return Cause::Drift;
    }
    if let Some(cause) = by_time(base.inputs, subject, action) {
        return cause;
    }
    match standing {
        // Nobody remembers: what differs from the base is told as what has to be looked at.
        None | Some(Standing::Otherwise | Standing::Undone) => Cause::Drift,
        Some(Standing::AsLeft) => Cause::Deferred,
        Some(Standing::Untold) => {
            // An account that nobody has made yet has nothing that anybody could have changed.
            let is_missing = subject.user.is_some_and(|user| base.inputs.live.find(user).is_none());
            let is_made = subject.user.is_none() || told.is_some_and(|(history, _)| history.has_made(subject.user));
            if is_missing || (action.before.is_none() && is_made) { Cause::Deferred } else { Cause::Drift }
        }
    }
}

/// What a day in the manifests of the base tells about an action; `None`: nothing.
fn by_time(inputs: &Inputs<'_>, subject: &Subject, action: &Action) -> Option<Cause> {
    let identity = subject.user?;
    let user = inputs.desired.find(identity);
    let takes = action.risk.contains(&Risk::Removal) || ends(action.kind);
    let has_ended = match user.map(|user| user.standing(inputs.at)) {
        Some(Wanted::Expired(_)) => true,
        Some(Wanted::Left(leaver)) => leaver.from.is_some(),
        Some(Wanted::Wanted(Some(DeclaredStatus::Absent))) => is_out(action),
        Some(Wanted::Wanted(_) | Wanted::NotYet(_)) => false,
        None => inputs.desired.leavers.get(&identity).is_some_and(|leaver| leaver.from.is_some()),
    };
    if takes && has_ended {
        return Some(Cause::Expiry);
    }
    let user = user?;
    let is_change =
        matches!(action.kind, ActionKind::ChangeRole | ActionKind::ChangeSiteRole | ActionKind::UpdateMembership);
    let here = pieces(inputs, &user, subject);
    if (takes || is_change) && here.iter().any(|piece| piece.window.has_ended(inputs.at)) {
        return Some(Cause::Expiry);
    }
    let begins = |starts: Option<jiff::Timestamp>| starts.is_some_and(|starts| starts <= inputs.at);
    let has_begun = begins(user.window.starts) || here.iter().any(|piece| begins(piece.window.starts));
    (!takes && has_begun && gives(action.kind)).then_some(Cause::Deferred)
}

/// Whether the account is out already, so that only the time after which it is deleted was waited for.
fn is_out(action: &Action) -> bool {
    let status = action.before.as_ref().and_then(|before| before.value(known::STATUS));
    matches!(action.kind, ActionKind::DeleteUser | ActionKind::CloseUser)
        && status == Some(Value::Text(known::INACTIVE))
}

/// What the base gives a user, at any time, in the place that an action is about.
fn pieces(inputs: &Inputs<'_>, user: &UserView<'_>, subject: &Subject) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let Some(organization) = subject.organization else { return pieces };
    user.pieces(inputs.names, &mut pieces);
    pieces.retain(|piece| (piece.organization, piece.site) == (organization, subject.site));
    pieces
}

fn shifted(origin: Origin, shift: u32) -> Origin {
    let Position { file, offset } = origin.position;
    Origin { position: Position::new(FileId(file.0 + shift), offset), ..origin }
}

/// Whether an action of this kind gives access, or something of it.
const fn gives(kind: ActionKind) -> bool {
    match kind {
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole => true,
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::RemoveMembership
        | ActionKind::RevokeSite => false,
    }
}

/// Whether something ends with an action of this kind.
const fn ends(kind: ActionKind) -> bool {
    matches!(
        kind,
        ActionKind::DeactivateUser
            | ActionKind::StripUser
            | ActionKind::CloseUser
            | ActionKind::DeleteUser
            | ActionKind::CancelInvitation
            | ActionKind::RemoveMembership
            | ActionKind::RevokeSite
    )
}
