//! Fields of one user: profile (three-valued) and access fields (exact).

use super::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Fact, LiveView, Name, UserView, Value, known};
use crate::plan::Inputs;
use crate::rules::{FieldRequired, MfaSetBy};

/// Changed fields: before and after, in the same order.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) before: Vec<Fact>,
    pub(super) after: Vec<Fact>,
}

impl Changes {
    fn add(&mut self, field: Name, from: Value, to: Value) {
        self.before.push(Fact::new(field, from));
        self.after.push(Fact::new(field, to));
    }
}

/// Declared profile fields that differ from the live ones. A field that is left out is not managed; one that can't be
/// read back is only set when the account is made.
pub(super) fn profile(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> Changes {
    let Inputs { names, rules, .. } = context.inputs;
    let mut changes = Changes::default();
    for declared in desired.facts {
        let Fact { field, value } = declared.fact;
        let current = live.value(field);
        if current == value {
            continue;
        }
        let text = names.text(field);
        if rules.is_access(text) || !rules.is_readable(text) || is_set_by_others(context, field) {
            continue;
        }
        if !rules.same_value(names, field, value, current) {
            changes.add(field, current, value);
        }
    }
    changes
}

/// Whether a field is never written: two-factor authentication that the person or the licence switches on.
pub(super) fn is_set_by_others(context: &Context<'_>, field: Name) -> bool {
    field == known::MFA
        && context
            .inputs
            .rules
            .field("mfa")
            .and_then(|rule| rule.set_by)
            .is_some_and(|set_by| matches!(set_by, MfaSetBy::Person | MfaSetBy::Licence))
}

/// Access fields that differ; left out means none, and an account that is not there has none.
pub(super) fn access_fields(context: &Context<'_>, desired: &UserView<'_>, live: &[Fact]) -> Changes {
    let Inputs { names, rules, .. } = context.inputs;
    let mut changes = Changes::default();
    let is_access = |field: Name| rules.is_access(names.text(field));
    for declared in desired.facts {
        let Fact { field, value } = declared.fact;
        let current = live.iter().find(|fact| fact.field == field).map_or(Value::Null, |fact| fact.value);
        if current != value && is_access(field) && !rules.same_value(names, field, value, current) {
            changes.add(field, current, value);
        }
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

/// Fields without which the rules let nobody in.
pub(super) fn required_fields(inputs: &Inputs<'_>) -> Vec<Name> {
    let key = inputs.rules.identity.key_field().as_str();
    let core = inputs
        .rules
        .fields
        .iter()
        .filter(|(name, field)| name.as_str() != key && field.as_ref().is_some_and(|field| is_required(field.required)))
        .map(|(name, _)| inputs.names.find(name));
    let attributes = inputs
        .rules
        .attributes
        .iter()
        .filter(|(_, attribute)| attribute.as_ref().is_some_and(|attribute| is_required(attribute.required)))
        .map(|(name, _)| inputs.names.find(&format!("attributes.{name}")));
    // A name that is in no table is declared for nobody; the placeholder is a field that no user has.
    core.chain(attributes).map(|name| name.unwrap_or(known::KEY)).collect()
}

const fn is_required(required: Option<FieldRequired>) -> bool {
    matches!(required, Some(FieldRequired::Onboarding | FieldRequired::Always))
}

/// Whether a declared user has everything that a new account needs.
pub(super) fn has_required(context: &Context<'_>, desired: &UserView<'_>) -> bool {
    context.required.iter().all(|&field| match desired.value(field) {
        None | Some(Value::Null) => false,
        Some(Value::Text(text)) => text != known::PLATFORM,
        Some(Value::Bool(_) | Value::Number(_) | Value::Set(_)) => true,
    })
}

/// The fields that a new account is made with.
pub(super) fn new_account(context: &Context<'_>, desired: &UserView<'_>) -> Vec<Fact> {
    let facts = desired.facts.iter().map(|declared| declared.fact);
    facts.filter(|fact| fact.value != Value::Null && !is_set_by_others(context, fact.field)).collect()
}

/// Access fields that a strip takes away: those that are set.
pub(super) fn stripped(context: &Context<'_>, live: &LiveView<'_>) -> Vec<Fact> {
    let Inputs { names, rules, .. } = context.inputs;
    let is_set = |fact: &Fact| {
        rules.is_access(names.text(fact.field)) && !rules.same_value(names, fact.field, Value::Null, fact.value)
    };
    live.facts.iter().copied().filter(is_set).collect()
}

/// The facts of an account after the plan, as far as admin attributes need them.
pub(super) fn facts_after(context: &Context<'_>, desired: &UserView<'_>, live: &[Fact]) -> Vec<Fact> {
    let names = context.inputs.names;
    let of = |&field: &Name| {
        let live = live.iter().find(|fact| fact.field == field).map_or(Value::Null, |fact| fact.value);
        let is_exact = context.inputs.rules.is_access(names.text(field));
        Fact::new(field, desired.value(field).unwrap_or(if is_exact { Value::Null } else { live }))
    };
    context.admin_attributes.iter().map(of).collect()
}

/// Mistakes: changed fields that can never change.
pub(super) fn immutable(context: &Context<'_>, desired: &UserView<'_>, before: &[Fact]) -> Vec<Diagnostic> {
    let Inputs { names, rules, .. } = context.inputs;
    let is_immutable = |field: &str| match rules.attribute(field) {
        Some(attribute) => attribute.immutable,
        None => rules.field(field).and_then(|rule| rule.immutable),
    };
    let changed = before.iter().filter(|fact| fact.value != Value::Null);
    changed
        .filter(|fact| is_immutable(names.text(fact.field)) == Some(true))
        .map(|fact| {
            let (field, key) = (names.text(fact.field), names.text(desired.key));
            Diagnostic::error(Code::NotInRules, format!("`{field}` of `{key}` can never change in this store"))
                .at(desired.value_position(fact.field), "differs from what is live")
                .help("write the live value here, or declare a new user")
        })
        .collect()
}
