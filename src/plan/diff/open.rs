//! What the rules demand of a new account or of a new membership, and what is left to others (`unmanaged`): rollcall
//! has no value for it, so the store would refuse, or read nothing as everything. Somebody has to decide.
//!
//! Whoever is there already keeps what others gave. Deliberately absent: what is left alone ([`super::context`]).

use super::access::Delta;
use super::context::Context;
use super::draft::Change;
use super::{fields, scoped};
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{Effective, Fact, LeftAlone, LiveView, Membership, Name, Piece, UserView, known};
use crate::plan::{Inputs, Obstacle, WaitsFor};

/// Whether a new membership lacks something that the rules demand and that others manage, and what.
pub(super) fn lacks(context: &Context<'_>, wanted: &Effective, membership: &Membership) -> Option<&'static str> {
    let organization = membership.organization;
    let LeftAlone { membership: _, role, extra_roles: _, sites } = wanted.left_alone_in(organization);
    let rules = context.inputs.rules;
    // A role on the whole platform is demanded only where it stands in the place of memberships.
    let demands_role = !rules.allows_no_role() && (organization != known::PLATFORM || !rules.has_organizations());
    let granted = wanted.grants_in(organization).len();
    let fewest = rules.sites.rules().and_then(|sites| sites.min).unwrap_or(0) as usize;
    let demands_sites = organization != known::PLATFORM && granted < fewest && !context.reaches_all(membership.role);
    if role && membership.role.is_none() && demands_role {
        Some("a role")
    } else if sites && demands_sites {
        Some("sites")
    } else {
        None
    }
}

/// New memberships that lack something, or have no room, wait for a decision. Of these differences the first has its draft
/// at `from`.
pub(super) fn additions(
    context: &Context<'_>,
    (desired, live): (&UserView<'_>, Option<&LiveView<'_>>),
    wanted: &Effective,
    (deltas, from): (&[Delta], usize),
    change: &mut Change,
) {
    scoped::keep_to_the_limit(context, live, wanted, (deltas, from), change);
    for (at, delta) in deltas.iter().enumerate() {
        if let Delta::AddMembership(membership) = delta
            && let Some(what) = lacks(context, wanted, membership)
        {
            let draft = &mut change.drafts[from + at];
            if draft.waits_for.is_none() {
                draft.waits_for = Some(WaitsFor::Decision);
                draft.obstacle = Some(Obstacle::LeftToOthers);
            }
            change.diagnostics.push(membership_lacks(context, desired, membership.organization, what));
        }
    }
}

/// Whether a new account waits for a decision: an access field is left to others without which nobody is let in, or
/// that would open everything; or others have yet to say what the person would be let in to. `facts`: the fields that
/// it is made with.
pub(super) fn account(
    context: &Context<'_>,
    desired: &UserView<'_>,
    (wanted, facts): (&Effective, &[Fact]),
    change: &mut Change,
) -> bool {
    let Inputs { names, rules, .. } = context.inputs;
    let key = names.text(desired.key);
    let before = change.diagnostics.len();
    for declared in fields::left_alone(context, desired) {
        let field = declared.fact.field;
        let text = names.text(field);
        let is_open = rules.open_when_empty().any(|one| text.strip_prefix("attributes.") == Some(one));
        let is_set = facts.iter().any(|fact| fact.field == field);
        if !is_set && (is_open || context.required.contains(&field)) {
            let why = if is_open { "which the store reads as everything" } else { "which the rules demand" };
            let message = format!("a new account of `{key}` would have no `{text}`, {why}, and it is left to others");
            change.diagnostics.push(told(message, desired.value_position(field), "declare a value"));
        }
    }
    let (platform, places): (Vec<&Membership>, Vec<&Membership>) =
        wanted.memberships.iter().partition(|membership| membership.organization == known::PLATFORM);
    for membership in platform {
        if let Some(what) = lacks(context, wanted, membership) {
            change.diagnostics.push(membership_lacks(context, desired, membership.organization, what));
        }
    }
    let is_left = wanted.left_alone.iter().any(|(_, left_alone)| left_alone.membership);
    if places.is_empty() && is_left && rules.demands_membership() {
        let message = format!("a new account of `{key}` would have no membership, which the rules demand");
        change.diagnostics.push(told(message, desired.position, "declare a membership"));
    }
    // What each of them lacks is told with the memberships.
    let all_lack = !places.is_empty() && places.iter().all(|one| lacks(context, wanted, one).is_some());
    all_lack || change.diagnostics.len() > before
}

fn membership_lacks(
    context: &Context<'_>,
    desired: &UserView<'_>,
    organization: Name,
    what: &'static str,
) -> Diagnostic {
    let names = context.inputs.names;
    let mut pieces: Vec<Piece> = Vec::new();
    desired.pieces(names, &mut pieces);
    let here = pieces.iter().find(|piece| piece.organization == organization && piece.left_alone.any());
    let position = here.map_or(desired.position, |piece| piece.position);
    let place = if organization == known::PLATFORM {
        "on the whole platform".to_owned()
    } else {
        format!("in `{}`", names.text(organization))
    };
    let message =
        format!("the rules demand {what} {place}, which is left to others, and `{}` has none", names.text(desired.key));
    told(message, position, if what == "sites" { "declare sites" } else { "declare a role" })
}

fn told(message: String, position: Position, advice: &str) -> Diagnostic {
    Diagnostic::warning(Code::DemandedUnmanaged, message)
        .at(position, "nothing is done about this until somebody decides")
        .help(format!("{advice}, or have whoever manages it give it in the store"))
}
