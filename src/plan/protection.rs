//! Whether the settings protect whom they should: a name with a slip of the pen protects nobody, a pattern that is too
//! broad nearly everybody, and nothing else would say so.

use std::collections::BTreeSet;

use super::{Inputs, Plan};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{LiveView, Name, Status, Value, known, matches};

/// A warning for the own account, and for each protected pattern, that is nobody's: neither of who is declared nor of
/// who is live. Nothing where the live side was read in part.
#[must_use]
pub fn void_protection(inputs: &Inputs<'_>) -> Vec<Diagnostic> {
    if !inputs.live.evidence.is_complete() {
        return Vec::new();
    }
    let warning = |setting: &str, text: &str, help: &str| {
        if let Some(meant) = by_another_case(inputs, text) {
            // Whoever is meant would lose what the settings say that nobody takes.
            let message =
                format!("`{setting}` has `{text}`, which differs from `{meant}` only by case: it protects nobody");
            return Diagnostic::error(Code::ProtectsNobody, message).help("write it as the key is written");
        }
        let message =
            format!("`{setting}` has `{text}`, and nobody with such a key is declared or live: it protects nobody");
        Diagnostic::warning(Code::ProtectsNobody, message).help(help)
    };
    let own = inputs.policy.own_account.iter().filter(|own| !is_somebody(inputs, own));
    let own = own.map(|own| warning("guards.self", own, "correct the key in rollcall.yaml, or write `none`"));
    let undeclared = inputs.policy.own_account.iter().filter_map(|own| undeclared_own(inputs, own));
    let protected = inputs.policy.protected.iter().filter(|pattern| !is_somebody(inputs, pattern));
    let help = "correct the key or the pattern in rollcall.yaml, or take it out";
    own.chain(undeclared).chain(protected.map(|pattern| warning("guards.protected_users", pattern, help))).collect()
}

/// A warning where a plan does to somebody what the store refuses to the account that rollcall uses, and the settings do
/// not say which one that is.
#[must_use]
pub fn unnamed_own_account(inputs: &Inputs<'_>, plan: &Plan) -> Option<Diagnostic> {
    let denied = plan.actions.iter().find(|action| inputs.rules.denies_self(action.kind))?;
    let message = format!(
        "`guards.self` is not set, and this store refuses `{}` to the account that acts: the plan can't leave it out",
        denied.kind.as_str()
    );
    let help = "name the account that rollcall uses under `guards.self` in rollcall.yaml, or write `none`";
    Some(Diagnostic::warning(Code::ProtectsNobody, message).help(help))
}

/// A warning where the own account is a live person whom no manifest declares: nothing that nobody declares would stay
/// with anybody else. A service account needs no declaration.
fn undeclared_own(inputs: &Inputs<'_>, own: &str) -> Option<Diagnostic> {
    let live = inputs.live.find(inputs.names.find(own)?)?;
    let is_former = |identity| inputs.desired.former_keys().any(|(_, previous)| previous.identity == identity);
    let is_declared =
        live.identity.is_some_and(|identity| inputs.desired.find(identity).is_some() || is_former(identity));
    let is_in = match live.status {
        Status::Active | Status::Invited | Status::Preloaded => true,
        Status::Inactive | Status::Closed => false,
    };
    if is_declared || live.is_service() || !is_in {
        return None;
    }
    let message =
        format!("`guards.self` is `{own}`, a person whom no manifest declares: the account keeps all that it has");
    let help = "declare the person, or let `kind: service` say in the store that it is a program; else correct \
                `guards.self` in rollcall.yaml";
    Some(Diagnostic::warning(Code::OwnAccountUndeclared, message).help(help))
}

/// A warning for each protected pattern that is most people's, or every admin's, of those who are declared or live: what
/// it matches gets no action at all, so nobody of them ever loses anything.
#[must_use]
pub fn broad_protection(inputs: &Inputs<'_>) -> Vec<Diagnostic> {
    let patterns = inputs.policy.protected.iter().filter(|pattern| pattern.contains('*'));
    let patterns: Vec<&String> = patterns.collect();
    if patterns.is_empty() {
        return Vec::new();
    }
    let Inputs { names, desired, live, .. } = *inputs;
    let service = Value::Text(known::SERVICE);
    let is_person = |user: &LiveView<'_>| !user.is_service() && user.status != Status::Closed;
    let mut people: BTreeSet<Name> = live.users().filter(is_person).filter_map(|user| user.identity).collect();
    let declared = desired.users().filter(|user| user.value(known::KIND) != Some(service));
    people.extend(declared.map(|user| user.identity));
    let admins: Vec<Name> =
        live.users().filter(|user| is_admin(inputs, user)).filter_map(|user| user.identity).collect();
    let matched = |pattern: &str, of: &mut dyn Iterator<Item = Name>| {
        of.filter(|&identity| matches(pattern, names.text(identity))).count()
    };
    let warnings = patterns.into_iter().filter_map(|pattern| {
        let count = matched(pattern, &mut people.iter().copied());
        let all_admins = !admins.is_empty() && matched(pattern, &mut admins.iter().copied()) == admins.len();
        let whom = match (count * 2 > people.len(), all_admins) {
            (true, _) => format!("{count} of {} people", people.len()),
            (false, true) => "every admin".to_owned(),
            (false, false) => return None,
        };
        let message = format!(
            "`guards.protected_users` has `{pattern}`, which protects {whom}: no action is ever planned for them"
        );
        let help = "name single accounts, or a narrower pattern";
        Some(Diagnostic::warning(Code::ProtectsMost, message).help(help))
    });
    warnings.collect()
}

fn is_admin(inputs: &Inputs<'_>, user: &LiveView<'_>) -> bool {
    let names = inputs.names;
    let is_admin_role = |role: Name| inputs.live.catalog.roles.get(&role).is_some_and(|role| role.admin);
    let by_role = user.memberships.iter().any(|membership| {
        membership.role.is_some_and(is_admin_role)
            || names.elements(membership.extra_roles).iter().copied().any(is_admin_role)
    });
    let by_field =
        || user.facts.iter().any(|fact| inputs.rules.is_admin_field(names.text(fact.field)) && fact.value.is_set());
    user.status == Status::Active && (by_role || by_field())
}

/// The key, live or declared, that a text of the settings would match if small and capital letters were one.
fn by_another_case<'a>(inputs: &Inputs<'a>, pattern: &str) -> Option<&'a str> {
    let (names, pattern) = (inputs.names, pattern.to_lowercase());
    let live = inputs.live.users().filter_map(|user| user.identity);
    let texts = live.chain(inputs.desired.users().map(|user| user.identity)).map(|identity| names.text(identity));
    texts.filter(|text| matches(&pattern, &text.to_lowercase())).min()
}

fn is_somebody(inputs: &Inputs<'_>, pattern: &str) -> bool {
    let is_meant = |identity: Name| matches(pattern, inputs.names.text(identity));
    let mut live = inputs.live.users().filter_map(|user| user.identity);
    inputs.desired.users().any(|user| is_meant(user.identity))
        || live.any(is_meant)
        || inputs.live.ambiguous().iter().copied().any(is_meant)
}
