//! Whether what is declared fits the rules of the store, before anything is compared.
//!
//! Every mistake has the line that is wrong and a way out. `validate` runs this without a store. What can only be
//! judged against live state (a field that can never change, fields that are wanted together) is judged in the diff, and
//! by [`lacking`] where it is only odd.

mod endings;
mod entries;
mod exact;
mod fields;
mod together;
mod users;

use std::collections::HashSet;

use rayon::prelude::*;

use crate::diagnostic::{Code, Diagnostic, Position, Severity, has_errors};
use crate::model::{Catalog, Desired, Fields, LiveState, LiveView, Name, Names, Role, UserView, Value, known};
use crate::rules::{FieldRequired, Rules};
use crate::source::Mistakes;

pub(super) use together::{Holder, unmet};

/// Everything that does not fit: errors, and warnings for what is only odd; at most
/// [`MOST_OF_A_KIND`](crate::source::MOST_OF_A_KIND) of each code, the others counted.
#[must_use]
pub fn fit(names: &Names, desired: &Desired, rules: &Rules) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    catalog(names, &desired.catalog, rules, &mut diagnostics);
    endings::fit(names, desired, rules, &mut diagnostics);
    let context = users::Context::new(names, desired, rules);
    let mut found = Collected::default();
    found.extend(diagnostics);
    for start in (0..desired.len()).step_by(PORTION) {
        let portion: Vec<Vec<Diagnostic>> = (start..desired.len().min(start + PORTION))
            .into_par_iter()
            .map(|row| users::fit(&context, &desired.user(row)))
            .filter(|found| !found.is_empty())
            .collect();
        found.extend(portion.into_iter().flatten());
    }
    found.extend(users::same_address(&context));
    let mut found = found.mistakes.into_diagnostics();
    // Nobody comes to ask what is live where there are mistakes, and all that is to be told is told at once.
    if has_errors(&found) {
        let mut odd = Collected::default();
        for user in desired.users().filter(|user| rules.require.is_some() && !user.is_leaving()) {
            odd.extend(users::odd((names, desired, rules), &user, None));
        }
        found.extend(odd.mistakes.into_diagnostics());
    }
    found
}

/// The errors among these that stand whatever else is wrong in the manifests: in single fields, in the catalog, in
/// former keys, in the fields of people in whose entries nothing is `wrong`, and more organizations than one person may
/// belong to. What is judged by all that somebody reaches waits until all of it could be read.
#[must_use]
pub fn fit_singly(names: &Names, desired: &Desired, rules: &Rules, wrong: &[Diagnostic]) -> Vec<Diagnostic> {
    let entries = entries::Entries::new(desired, wrong);
    let mut diagnostics = Vec::new();
    catalog(names, &desired.catalog, rules, &mut diagnostics);
    endings::fit(names, desired, rules, &mut diagnostics);
    let context = users::Context::new(names, desired, rules);
    let mut found = Collected::default();
    found.extend(diagnostics);
    for user in desired.users() {
        found.extend(users::fit_singly(&context, &user));
        if entries.is_sound(&user) {
            found.extend(users::fit_fields(&context, &user));
        }
        found.extend(users::in_too_many(&context, &user));
    }
    let mut found = found.mistakes.into_diagnostics();
    found.retain(|one| one.severity == Severity::Error);
    found
}

/// Warnings for whoever is wanted: one who has no account yet and lacks a field or a membership that a new account needs,
/// and anybody who lacks what the rules want beside something else. `live`: the account with the key as compared that
/// somebody has or had. As many as [`fit`] gives of a kind.
#[must_use]
pub fn lacking<'a>(
    names: &Names,
    desired: &Desired,
    rules: &Rules,
    live: impl Fn(Name) -> Option<LiveView<'a>>,
) -> Vec<Diagnostic> {
    let account =
        |user: &UserView<'_>| live(user.identity).or_else(|| live(user.previous.map(|previous| previous.identity)?));
    let required: Vec<(String, FieldRequired)> = rules.required_fields().collect();
    let (has_odd, has_new) = (rules.require.is_some(), !required.is_empty() || rules.demands_membership());
    let mut found = Collected::default();
    if has_odd || has_new {
        for user in desired.users().filter(|user| !user.is_leaving()) {
            let account = account(&user);
            if has_new && account.is_none() {
                found.extend(fields::lacking(names, &required, &user));
                found.extend(users::lacking(names, desired, rules, &user));
            }
            if has_odd && !account.is_some_and(|account| rules.keeps_elsewhere(&account)) {
                found.extend(users::odd((names, desired, rules), &user, account.as_ref()));
            }
        }
    }
    found.mistakes.into_diagnostics()
}

/// Warnings of addresses that a declared person and an account whom no manifest names have in common. As many as [`fit`]
/// gives of a kind.
#[must_use]
pub fn shared_with_live(names: &Names, desired: &Desired, rules: &Rules, live: &LiveState) -> Vec<Diagnostic> {
    let mut found = Collected::default();
    found.extend(users::same_live_address((names, desired, rules), live));
    found.mistakes.into_diagnostics()
}

/// How many users are judged on all cores before what was found is added up: bounds the memory for it.
const PORTION: usize = 1 << 14;

/// What was found, each thing once: a mistake in the line of a team shows with every member.
#[derive(Default)]
struct Collected {
    mistakes: Mistakes,
    seen: HashSet<(Code, Option<Position>, String)>,
}

impl Collected {
    fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        if !self.mistakes.keeps(diagnostic.code, diagnostic.severity) {
            return self.mistakes.count(diagnostic.code, diagnostic.severity);
        }
        let position = diagnostic.primary.as_ref().map(|label| label.span.start);
        if self.seen.insert((diagnostic.code, position, diagnostic.message.clone())) {
            self.mistakes.push(diagnostic);
        }
    }
}

fn catalog(names: &Names, catalog: &Catalog, rules: &Rules, diagnostics: &mut Vec<Diagnostic>) {
    let at = |position: Option<Position>, diagnostic: Diagnostic| match position {
        Some(position) => diagnostic.at(position, ""),
        None => diagnostic,
    };
    if !rules.creates_roles() {
        for (&name, role) in catalog.roles.iter().filter(|(_, role)| !role.vendor) {
            let message = format!("role `{}` can't be made: the roles of this store are given", names.text(name));
            let help = format!("roles there are: {}", listed(names, vendor_roles(catalog)));
            diagnostics.push(at(role.position, Diagnostic::error(Code::NotInRules, message)).help(help));
        }
    }
    if rules.creates_roles() && !rules.creates_main_roles() {
        let is_main = |role: &Role| role.applies_to.organization || role.applies_to.site || role.applies_to.platform;
        for (&name, role) in catalog.roles.iter().filter(|(_, role)| !role.vendor && is_main(role)) {
            let name = names.text(name);
            let message =
                format!("role `{name}` can't be a main role: the rules of this store state none but the vendor's");
            let help = format!(
                "one that is held beside them says `applies_to: [extra]`; main roles there are: {}",
                listed(names, vendor_roles(catalog))
            );
            diagnostics.push(at(role.position, Diagnostic::error(Code::NotInRules, message)).help(help));
        }
    }
    for (&name, role) in &catalog.roles {
        if let Some(top) = rules.outranked(role.rank) {
            let message = format!("role `{}` ranks above `{top}`, which always keeps every right", names.text(name));
            let help = format!("give it a rank that is not above that of `{top}`");
            diagnostics.push(at(role.position, Diagnostic::error(Code::NotInRules, message)).help(help));
        }
    }
    let first_two: Vec<_> = catalog.organizations.iter().take(2).collect();
    if rules.organization_limit().is_some_and(|limit| first_two.len() > limit) {
        let limit = if rules.has_organizations() { "one organization" } else { "no organizations" };
        let extra = first_two.last().and_then(|(_, organization)| organization.position);
        diagnostics.push(at(extra, Diagnostic::error(Code::NotInRules, format!("this store has {limit}"))));
    }
    for (&name, organization) in &catalog.organizations {
        let text = names.text(name);
        let kinds = rules.organization_kinds.as_deref();
        let found = kind((names, rules), &organization.fields, kinds, &format!("organization `{text}`"));
        diagnostics.extend(found.map(|found| at(organization.position, found)));
        for (&site_name, site) in &organization.sites {
            let what = format!("site `{text}/{}`", names.text(site_name));
            match rules.sites.rules() {
                None => {
                    let message = format!("{what} can't be declared: this store has no sites");
                    diagnostics.push(at(site.position, Diagnostic::error(Code::NotInRules, message)));
                }
                Some(sites) => {
                    let found = kind((names, rules), &site.fields, sites.kinds.as_deref(), &what);
                    diagnostics.extend(found.map(|found| at(site.position, found)));
                }
            }
        }
    }
}

fn kind((names, rules): (&Names, &Rules), fields: &Fields, kinds: Option<&[String]>, what: &str) -> Option<Diagnostic> {
    let kinds = kinds?;
    let kind = fields.get(&known::KIND).copied().and_then(Value::text).map(|kind| names.text(kind))?;
    if kind.is_empty() || kinds.iter().any(|known| known == kind) {
        return None;
    }
    let message = format!("{what} has the kind `{kind}`, which this store does not have");
    if let Some(meant) = rules.meant(kind, kinds.iter().map(String::as_str)) {
        return Some(Diagnostic::error(Code::NotInRules, message).help(format!("did you mean `{meant}`?")));
    }
    Some(Diagnostic::error(Code::NotInRules, message).help(format!("kinds there are: {}", kinds.join(", "))))
}

fn vendor_roles(catalog: &Catalog) -> impl Iterator<Item = Name> + '_ {
    catalog.roles.iter().filter(|(_, role)| role.vendor).map(|(&name, _)| name)
}

/// Names for a sentence, sorted by text, at most ten of them.
fn listed(names: &Names, list: impl Iterator<Item = Name>) -> String {
    let mut texts: Vec<&str> = list.map(|name| names.text(name)).collect();
    texts.sort_unstable();
    let more = texts.len().saturating_sub(10);
    texts.truncate(10);
    let sentence = if texts.is_empty() { "none".to_owned() } else { texts.join(", ") };
    if more > 0 { format!("{sentence} and {more} more") } else { sentence }
}
