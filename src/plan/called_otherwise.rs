//! Organizations that are declared and not live, where another one, which no manifest names, looks like each of them: most
//! likely one that was given another name in the store, whose people would all have to come anew.
//!
//! It is told and nothing more. Deliberately absent: names that a manifest says were others (`renamed`).

use super::locked_out::{is_in, is_named};
use super::scope::Reach;
use super::{AbsentUsers, CatalogPolicy, Inputs};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{CatalogKey, Collection, Completeness, LiveView, Name, Organization, Value, known};

/// How many people are named.
const NAMED: usize = 5;

/// A warning for each declared organization that seems to have another name in the store.
pub(super) fn called_otherwise(inputs: &Inputs<'_>) -> Vec<Diagnostic> {
    let Inputs { names, desired, live, rules, policy, .. } = *inputs;
    // With a list of organizations another one is somebody else's, whatever it looks like.
    if policy.scope.organizations.is_some() {
        return Vec::new();
    }
    let (declared, there) = (&desired.catalog.organizations, &live.catalog.organizations);
    let is_whole = *live.evidence.of(Collection::Organizations) == Completeness::Complete;
    let is_former = |name: Name| desired.renames.iter().any(|(key, old)| is_organization(*key) && old.identity == name);
    let is_gone = |name: Name| desired.tombstones.contains_key(&CatalogKey::Organization(name));
    let mut others: Vec<(Name, &Organization)> = there
        .iter()
        .filter(|&(name, _)| is_whole && !declared.contains_key(name) && !is_gone(*name) && !is_former(*name))
        .map(|(&name, organization)| (name, organization))
        .collect();
    if others.is_empty() {
        return Vec::new();
    }
    others.sort_by_key(|(name, _)| names.text(*name));
    let is_missing =
        |name: Name| !there.contains_key(&name) && !desired.renames.contains_key(&CatalogKey::Organization(name));
    let missing = declared.iter().filter(|&(&name, _)| is_missing(name));
    let found = missing.filter_map(|(&name, organization)| {
        let like = |(_, other): &&(Name, &Organization)| is_like(organization, other);
        let is_only = rules.organization_limit() == Some(1) && others.len() == 1;
        let mut alike = others.iter().filter(|other| is_only || like(other));
        let (Some(&(other, _)), None) = (alike.next(), alike.next()) else { return None };
        Some(warning(inputs, (name, organization), other))
    });
    let mut found: Vec<Diagnostic> = found.collect();
    found.sort_by_key(|one| one.primary.as_ref().map(|label| label.span.start));
    found
}

const fn is_organization(key: CatalogKey) -> bool {
    match key {
        CatalogKey::Organization(_) => true,
        CatalogKey::Site(..) | CatalogKey::Role(_) => false,
    }
}

/// Whether two organizations have one name for people, or the store's has every site of the declared one.
fn is_like(declared: &Organization, live: &Organization) -> bool {
    let called = |of: &Organization| of.fields.get(&known::NAME).copied().and_then(Value::text);
    let is_called = called(declared).is_some_and(|name| name != known::EMPTY && called(live) == Some(name));
    let has_sites = !declared.sites.is_empty() && declared.sites.keys().all(|site| live.sites.contains_key(site));
    is_called || has_sites
}

/// Who would leave if the live organization were the declared one, in words that follow a sentence: as it is, whoever
/// belongs to it alone is out of scope.
fn kept(inputs: &Inputs<'_>, organization: Name) -> String {
    let Inputs { names, desired, live, rules, policy, .. } = *inputs;
    if policy.absent_users == AbsentUsers::Report {
        return String::new();
    }
    let reach = Reach::new(inputs);
    let is_left = |user: &LiveView<'_>| {
        let is_spared =
            |identity| is_named(desired, identity) || inputs.is_protected(identity) || inputs.is_own_account(identity);
        user.membership(organization).is_some()
            && is_in(inputs, user)
            && !user.is_service()
            && !rules.keeps_elsewhere(user)
            && !user.identity.is_some_and(is_spared)
            && reach.refuse_absent(user).is_some()
    };
    let mut keys: Vec<&str> = live.users().filter(is_left).map(|user| names.text(user.key)).collect();
    if keys.is_empty() {
        return String::new();
    }
    keys.sort_unstable();
    let (all, more) = (keys.len(), keys.len().saturating_sub(NAMED));
    let named: Vec<String> = keys.iter().take(NAMED).map(|key| format!("`{key}`")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let who = if all == 1 { "1 person keeps".to_owned() } else { format!("{all} people keep") };
    format!(
        "; until that is settled nobody is off-boarded from it, and {who} access though no manifest names them: {}{more}",
        named.join(", ")
    )
}

fn warning(inputs: &Inputs<'_>, (name, organization): (Name, &Organization), other: Name) -> Diagnostic {
    let live = other;
    let (name, other) = (inputs.names.text(name), inputs.names.text(other));
    let message = format!(
        "`{name}` is no organization of the store, where `{other}`, which no manifest names, looks like it{}",
        kept(inputs, live)
    );
    let by_plan = match inputs.policy.catalog {
        CatalogPolicy::Create => format!("call it `{name}` in the store by `previously: {other}` there"),
        CatalogPolicy::Existing => format!("call it `{name}` in the store by hand"),
    };
    let help = format!("one organization: {by_plan}, or call it `{other}` in the manifests; two: declare both");
    let found = Diagnostic::warning(Code::LookAlike, message).help(help);
    match organization.position {
        Some(position) => found.at(position, "another name by hand?"),
        None => found,
    }
}
