//! What is told of changes of roles that were stopped between their two steps (`systems.md` ALT-5): the old membership is
//! gone, the new one is not there.
//!
//! A plan gives what was to come, as far as it is still declared or left to others, so it is told only where that can't
//! be done, and where somebody takes the store for what is meant. Deliberately absent: the journal, which remembers it.

use super::Inputs;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{CatalogKey, HalfChange, LeftAlone, LiveState, Name, Names};

/// A change of somebody's role in an organization that was stopped half-way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unfinished {
    /// Whose: the live key.
    pub user: String,
    /// Where.
    pub organization: String,
    /// What happened, and what is gone meanwhile, as a clause that follows the key.
    pub what: String,
    /// Whether it can be gone on with.
    pub can_follow: bool,
}

/// Of everybody who belongs nowhere in an organization since a change of role there was stopped: what it was. Sorted.
#[must_use]
pub fn unfinished(names: &Names, live: &LiveState) -> Vec<Unfinished> {
    let told = live.unfinished().map(|(user, organization, change)| Unfinished {
        user: user.key_text(names).to_owned(),
        organization: names.text(organization).to_owned(),
        what: what(names, organization, change),
        can_follow: change.to.is_some(),
    });
    let mut told: Vec<Unfinished> = told.collect();
    told.sort();
    told
}

/// `is not in quarries since a run was stopped while operator there was to become contributor; site pit-2, which was to
/// come with it, is gone`.
fn what(names: &Names, organization: Name, change: &HalfChange) -> String {
    let HalfChange { from: (before, _), to, gone } = change;
    let role = |role: Option<Name>| role.map_or("no role", |role| names.text(role));
    let of = names.text(organization);
    let becomes = to.as_ref().map(|(after, _)| format!(" was to become {}", role(after.role)));
    let becomes = becomes.unwrap_or_else(|| " was to become another role".to_owned());
    let texts = gone.iter().map(|key| match *key {
        CatalogKey::Organization(name) => format!("organization {}", names.text(name)),
        CatalogKey::Site(of, name) => format!("site {}/{}", names.text(of), names.text(name)),
        CatalogKey::Role(name) => format!("role {}", names.text(name)),
    });
    let mut texts: Vec<String> = texts.collect();
    texts.sort_unstable();
    let verb = if texts.len() == 1 { "is" } else { "are" };
    let gone = if texts.is_empty() {
        String::new()
    } else {
        format!("; {}, which {verb} not in the store any more, can't come with it", texts.join(" and "))
    };
    format!("is not in {of} since a run was stopped while {}{becomes}{gone}", role(before.role))
}

/// Warnings of declared people to whom others gave something in an organization that was to come back with a change of
/// role, and can't: it is in the store no more.
#[must_use]
pub fn lost_half_way(inputs: &Inputs<'_>) -> Vec<Diagnostic> {
    let Inputs { names, live, desired, .. } = *inputs;
    let mut found = Vec::new();
    for (account, organization, change) in live.unfinished().filter(|(_, _, change)| !change.gone.is_empty()) {
        let user = account.identity.and_then(|identity| desired.find(identity));
        let Some(user) = user else { continue };
        let left_alone = inputs.effective(&user).left_alone_in(organization);
        if !change.gone.iter().any(|&key| is_left(left_alone, key)) {
            continue;
        }
        let message = format!("`{}` {}", account.key_text(names), what(names, organization, change));
        let help =
            "say in a manifest what the person is to have there, in place of `unmanaged`, or give it in the store";
        let label = if change.to.is_some() { "gets back the rest" } else { "gets nothing of it back" };
        found.push(Diagnostic::warning(Code::HalfChanged, message).at(user.position, label).help(help));
    }
    found.sort_by_key(|one| one.primary.as_ref().map(|label| label.span.start));
    found
}

/// Whether it is left to others which of these somebody has.
const fn is_left(left_alone: LeftAlone, key: CatalogKey) -> bool {
    let LeftAlone { membership, role, extra_roles, sites } = left_alone;
    membership
        || match key {
            CatalogKey::Organization(_) => false,
            CatalogKey::Site(..) => sites,
            CatalogKey::Role(_) => role || extra_roles,
        }
}
