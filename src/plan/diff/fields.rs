//! Fields of one user: profile (three-valued) and access fields (exact).
//!
//! All profile fields that differ are one draft, all access fields another; the rules say which field is which, and
//! when two values are the same. Deliberately absent: status, memberships and site grants.

use super::context::Context;
use super::draft::{Change, Draft, Need, own_line, user_subject};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{ActionKind, DeclaredFact, Fact, LiveView, Name, Names, Status, UserView, Value, known};
use crate::plan::action::{Origin, Risk, State};
use crate::plan::fit::{Holder, unmet};
use crate::plan::{Inputs, WaitsFor};
use crate::rules::{Requirement, RequirementSeverity};

/// Adds a draft for profile fields that differ, one for all of them.
pub(super) fn update_profile(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, change: &mut Change) {
    if !context.reach.accounts() {
        return;
    }
    let changes = profile(context, desired, |field| live.value(field));
    change.diagnostics.extend(immutable(context, desired, &changes.before));
    change.diagnostics.extend(apart(context, desired, live));
    if !changes.after.is_empty() {
        // Absence takes nothing from a service account: who becomes one is shielded from then on.
        let is_shielded = changes.after.iter().any(|fact| *fact == Fact::new(known::KIND, Value::Text(known::SERVICE)));
        let mut draft = changes.draft(ActionKind::UpdateUser, desired).because("profile differs");
        if is_shielded {
            draft.risk(Risk::Escalation);
        }
        // Where nobody states that a pending invitation takes it, the account that follows does.
        let is_sent = live.status == Status::Invited
            && !live.invitation.is_some_and(|one| one.state_at(context.inputs.at).has_ended());
        if is_sent && !context.inputs.rules.pending_takes().profile() {
            draft = draft.waiting(WaitsFor::Acceptance);
        }
        change.push(draft);
    }
    await_enrolment(context, desired, live, change);
    change.diagnostics.extend(switched_by_others(context, desired, live));
}

/// That two-factor authentication is declared, live otherwise, and nothing that rollcall could do changes it. Whoever has
/// to enrol is told as waiting.
fn switched_by_others(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> Option<Diagnostic> {
    let Inputs { names, rules, .. } = context.inputs;
    let declared = desired.value(known::MFA).filter(|_| rules.is_set_by_others("mfa"))?;
    let current = live.value(known::MFA);
    let is_wanted = declared == Value::Bool(true);
    if rules.same_value(names, known::MFA, declared, current) || (is_wanted && rules.needs_enrolment()) {
        return None;
    }
    let (declared, current) = if is_wanted { ("wanted", "off") } else { ("not wanted", "on") };
    let who = if rules.needs_enrolment() { "the person" } else { "the licence" };
    let message = format!(
        "two-factor authentication of `{}` is declared as {declared}, and {current} in the store, where {who} switches it",
        names.text(desired.key)
    );
    let found = Diagnostic::warning(Code::SwitchedByOthers, message);
    let help = "have it switched in the service, or take the line out";
    Some(found.at(desired.value_position(known::MFA), "nothing is done about it").help(help))
}

/// Adds a draft for profile fields that a new account with this status, the first step, does not come with. Where the
/// rules say that an invitation that is pending takes them, they do not wait for its answer.
pub(super) fn complete_profile(
    context: &Context<'_>,
    desired: &UserView<'_>,
    (first, status, carried): (u32, Status, &[Fact]),
    change: &mut Change,
) {
    let given = |field| carried.iter().find(|fact| fact.field == field).map_or(Value::Null, |fact| fact.value);
    let changes = profile(context, desired, given);
    if !changes.after.is_empty() {
        let mut draft = changes.draft(ActionKind::UpdateUser, desired).because("the invitation does not carry it");
        draft.needs.push(Need::Own(first));
        if status == Status::Invited && !context.inputs.rules.pending_takes().profile() {
            draft = draft.waiting(WaitsFor::Acceptance);
        }
        change.push(draft);
    }
}

/// Adds a draft that waits for as long as a person, who alone can switch two-factor authentication on, has not.
fn await_enrolment(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, change: &mut Change) {
    let (wanted, current) = (desired.value(known::MFA), live.value(known::MFA));
    let is_missing = wanted == Some(Value::Bool(true)) && current != Value::Bool(true);
    if is_missing && live.status == Status::Active && context.inputs.rules.needs_enrolment() {
        let mut changes = Changes::default();
        changes.add(known::MFA, current, Value::Bool(true));
        let draft = changes.draft(ActionKind::UpdateUser, desired);
        change.push(draft.because("only the person can enrol").waiting(WaitsFor::Enrolment));
    }
}

/// Adds a draft for access fields that differ, one for all of them, and says where it stands. `live`: those that are
/// set, or go with a new account.
pub(super) fn change_access(
    context: &Context<'_>,
    desired: &UserView<'_>,
    live: &[Fact],
    change: &mut Change,
) -> Option<u32> {
    let changes = access_fields(context, desired, live);
    if changes.after.is_empty() {
        return None;
    }
    let Inputs { rules, names, .. } = context.inputs;
    let between = |before: &[Fact], after: &[Fact]| -> Vec<(Name, Value, Value)> {
        before.iter().zip(after).map(|(from, to)| (to.field, from.value, to.value)).collect()
    };
    let gains = rules.fields_escalate(names, &between(&changes.before, &changes.after));
    let loses = rules.fields_escalate(names, &between(&changes.after, &changes.before));
    let mut draft = changes.draft(ActionKind::ChangeAccess, desired);
    (draft.gains, draft.loses) = (gains, loses);
    if gains {
        draft.risk(Risk::Escalation);
    }
    Some(change.push(draft.because("access fields differ")))
}

/// Like [`change_access`] of what is live, where that is managed.
pub(super) fn change_live_access(
    context: &Context<'_>,
    desired: &UserView<'_>,
    live: &LiveView<'_>,
    change: &mut Change,
) -> Option<u32> {
    let is_managed = context.reach.access_fields(Some(live));
    is_managed.then(|| change_access(context, desired, live.facts, change)).flatten()
}

/// The fields of an active account that starts later, as they are until then: of what differs, what gives nothing that
/// is not there today; and whether something stays that is to go.
pub(super) fn kept_access(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> (Vec<Fact>, bool) {
    let mut facts = live.facts.to_vec();
    if !context.reach.access_fields(Some(live)) {
        return (facts, false);
    }
    let Inputs { rules, names, .. } = context.inputs;
    let changes = access_fields(context, desired, live.facts);
    let mut kept: Vec<(Name, Value, Value)> = Vec::new();
    let mut is_more = false;
    for (from, to) in changes.before.iter().zip(&changes.after) {
        let candidates = [Some(to.value), common(names, from.value, to.value)];
        let gives_nothing = |value: &Value| {
            let mut changes = kept.clone();
            changes.push((from.field, from.value, *value));
            !rules.fields_escalate(names, &changes)
        };
        let lesser = candidates.into_iter().flatten().find(gives_nothing);
        is_more |= lesser.is_none() && rules.value_escalates(names, from.field, to.value, from.value);
        let Some(value) = lesser else { continue };
        kept.push((from.field, from.value, value));
        facts.retain(|fact| fact.field != from.field);
        facts.extend((value != Value::Null).then_some(Fact::new(from.field, value)));
    }
    facts.sort_unstable();
    (facts, is_more)
}

/// What two sets have in common.
fn common(names: &Names, one: Value, other: Value) -> Option<Value> {
    let (Value::Set(one), Value::Set(other)) = (one, other) else { return None };
    let other = names.elements(other);
    let both: Vec<Name> = names.elements(one).iter().copied().filter(|element| other.contains(element)).collect();
    Some(Value::Set(names.list(&both)))
}

/// The declared access fields that others manage.
pub(super) fn left_alone(context: &Context<'_>, desired: &UserView<'_>) -> Vec<DeclaredFact> {
    desired.facts.iter().copied().filter(|declared| is_left_alone(context, declared.fact)).collect()
}

/// The fields that a new account needs and a declared user lacks, sorted.
pub(super) fn missing(context: &Context<'_>, desired: &UserView<'_>) -> Vec<String> {
    let is_given = |field: Name| match desired.value(field) {
        None | Some(Value::Null) => false,
        Some(Value::Text(text)) => text != known::EMPTY,
        Some(Value::Bool(_) | Value::Number(_) | Value::Set(_)) => true,
    };
    // Asked for each new account: texts are made only for those that lack something.
    if context.required.iter().all(|&field| is_given(field)) {
        return Vec::new();
    }
    let Inputs { names, rules, .. } = context.inputs;
    let required = rules.required_fields().map(|(field, _)| field);
    let mut missing: Vec<String> = required.filter(|field| !names.find(field).is_some_and(is_given)).collect();
    missing.sort_unstable();
    missing
}

/// Whether an attribute among these makes its holder an admin.
pub(super) fn makes_admin(context: &Context<'_>, facts: &[Fact]) -> bool {
    facts.iter().any(|fact| fact.value.is_set() && context.admin_attributes.contains(&fact.field))
}

/// Whether somebody is declared to see everything where an access attribute could narrow it: as reach over every site, that
/// is more than a first access.
pub(super) fn opens_everything(context: &Context<'_>, desired: &UserView<'_>) -> bool {
    let Inputs { rules, names, .. } = context.inputs;
    let mut open = rules.open_when_empty().map(|attribute| format!("attributes.{attribute}"));
    open.any(|field| {
        let declared = names.find(&field).and_then(|name| desired.value(name));
        declared.is_some_and(|value| rules.is_everything(&field, value))
    })
}

/// The fields that a new account is made with.
pub(super) fn new_account(context: &Context<'_>, desired: &UserView<'_>) -> Vec<Fact> {
    let Inputs { names, rules, .. } = context.inputs;
    let facts = desired.facts.iter().map(|declared| declared.fact);
    let is_given = |fact: &Fact| {
        fact.value != Value::Null && !rules.is_set_by_others(names.text(fact.field)) && !is_left_alone(context, *fact)
    };
    facts.filter(is_given).collect()
}

/// The live access fields of an account that others manage. Profile fields that are left out are not among them: who
/// was cut off between the two invitations could not know them any more.
pub(super) fn kept_by_others(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> Vec<Fact> {
    let declared = left_alone(context, desired);
    let is_kept = |fact: &Fact| declared.iter().any(|declared| declared.fact.field == fact.field);
    live.facts.iter().copied().filter(is_kept).collect()
}

/// Access fields that a strip takes away: those that are set.
pub(super) fn stripped(context: &Context<'_>, live: &LiveView<'_>) -> Vec<Fact> {
    let Inputs { names, rules, .. } = context.inputs;
    let is_set = |fact: &Fact| {
        rules.is_access(names.text(fact.field)) && !rules.same_value(names, fact.field, Value::Null, fact.value)
    };
    live.facts.iter().copied().filter(is_set).collect()
}

/// The facts of an account after the plan, of attributes that make their holder an admin.
pub(super) fn admin_facts_after(
    context: &Context<'_>,
    desired: &UserView<'_>,
    account: Option<&LiveView<'_>>,
) -> Vec<Fact> {
    let live = account.map_or(&[][..], |account| account.facts);
    if !context.reach.access_fields(account) {
        return live.to_vec();
    }
    let names = context.inputs.names;
    let of = |&field: &Name| {
        let live = live.iter().find(|fact| fact.field == field).map_or(Value::Null, |fact| fact.value);
        let is_exact = context.inputs.rules.is_access(names.text(field));
        let declared = desired.value(field).filter(|&value| !is_left_alone(context, Fact::new(field, value)));
        let is_open = desired.value(field).is_some() || !is_exact;
        Fact::new(field, declared.unwrap_or(if is_open { live } else { Value::Null }))
    };
    context.admin_attributes.iter().map(of).collect()
}

/// Whether a declared access field is one that others manage.
fn is_left_alone(context: &Context<'_>, fact: Fact) -> bool {
    let Inputs { names, rules, .. } = context.inputs;
    fact.value == Value::Text(known::UNMANAGED) && rules.is_access(names.text(fact.field))
}

/// Changed fields: before and after, in the same order.
#[derive(Debug, Default)]
struct Changes {
    before: Vec<Fact>,
    after: Vec<Fact>,
}

impl Changes {
    fn add(&mut self, field: Name, from: Value, to: Value) {
        self.before.push(Fact::new(field, from));
        self.after.push(Fact::new(field, to));
    }

    /// One action for all of them, wanted by the lines that say so.
    fn draft(self, kind: ActionKind, desired: &UserView<'_>) -> Draft {
        let mut origins: Vec<Origin> =
            self.after.iter().flat_map(|fact| own_line(desired.value_position(fact.field))).collect();
        origins.sort_unstable();
        origins.dedup();
        let (before, after) = (State::of(self.before), State::of(self.after));
        let mut draft = Draft::new(kind, user_subject(desired.key), Some(before), Some(after));
        draft.action.origins = origins;
        draft
    }
}

/// Declared profile fields that differ from the live ones. A field that is left out is not managed; one that can't be
/// read back is only set when the account is made.
fn profile(context: &Context<'_>, desired: &UserView<'_>, live: impl Fn(Name) -> Value) -> Changes {
    let Inputs { names, rules, .. } = context.inputs;
    let mut changes = Changes::default();
    for declared in desired.facts {
        let Fact { field, value } = declared.fact;
        let current = live(field);
        if current == value {
            continue;
        }
        let text = names.text(field);
        if rules.is_access(text) || !rules.is_readable(text) || rules.is_set_by_others(text) {
            continue;
        }
        if !rules.same_value(names, field, value, current) {
            changes.add(field, current, value);
        }
    }
    changes
}

/// Access fields that differ; left out means none, and an account that is not there has none.
fn access_fields(context: &Context<'_>, desired: &UserView<'_>, live: &[Fact]) -> Changes {
    let Inputs { names, rules, .. } = context.inputs;
    let mut changes = Changes::default();
    let is_access = |field: Name| rules.is_access(names.text(field));
    let live_value = |field| live.iter().find(|fact| fact.field == field).map_or(Value::Null, |fact| fact.value);
    for declared in desired.facts {
        let Fact { field, value } = declared.fact;
        let current = live_value(field);
        let is_managed = is_access(field) && !is_left_alone(context, declared.fact);
        if current != value && is_managed && !rules.same_value(names, field, value, current) {
            changes.add(field, current, value);
        }
    }
    // Every route is as it was before there was any, to the store; to whoever reads the plan it is what is given.
    let turns_on = changes.after.contains(&Fact::new(known::API_ENABLED, Value::Bool(true)));
    let has_routes = changes.after.iter().any(|fact| fact.field == known::API_ROUTES);
    if turns_on && !has_routes && desired.value(known::API_ROUTES) == Some(Value::Text(known::ALL)) {
        changes.add(known::API_ROUTES, live_value(known::API_ROUTES), Value::Text(known::ALL));
    }
    for fact in live {
        if desired.value(fact.field).is_none()
            && is_access(fact.field)
            && !rules.same_value(names, fact.field, Value::Null, fact.value)
        {
            changes.add(fact.field, fact.value, Value::Null);
        }
    }
    changes
}

/// Mistakes: changed fields that can never change.
fn immutable(context: &Context<'_>, desired: &UserView<'_>, before: &[Fact]) -> Vec<Diagnostic> {
    let Inputs { names, rules, .. } = context.inputs;
    let changed = before.iter().filter(|fact| fact.value != Value::Null);
    changed
        .filter(|fact| rules.is_immutable(names.text(fact.field)))
        .map(|fact| {
            let (field, key) = (names.text(fact.field), names.text(desired.key));
            Diagnostic::error(Code::NotInRules, format!("`{field}` of `{key}` can never change in this store"))
                .at(desired.value_position(fact.field), "differs from what is live")
                .help("write the live value here, or declare a new user")
        })
        .collect()
}

/// Mistakes: what is declared leaves a live account without something that the rules demand beside what it has.
fn apart(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> Vec<Diagnostic> {
    let Inputs { names, rules, .. } = *context.inputs;
    let is_error = |requirement: &Requirement| requirement.severity == RequirementSeverity::Error;
    if !rules.require.iter().flatten().any(is_error) {
        return Vec::new();
    }
    let access = context.effective(desired, Some(live));
    let holder = Holder { names, rules, user: desired, access: &access, live: Some(live) };
    unmet(&holder, RequirementSeverity::Error)
}
