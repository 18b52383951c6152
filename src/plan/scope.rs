//! What is managed (`language.md` §3, 7 and 8): which organizations, and whether accounts themselves.
//!
//! [`Scope`] is what the settings say; [`Reach`] asks it about one organization, one account or one object of the
//! catalog. The rule behind every answer: what takes something from a whole account (deactivating, stripping,
//! cancelling) would take it from organizations out of scope, too, so it is done only to who belongs nowhere else, or
//! where a manifest says so in as many words and all organizations are managed. Deliberately absent: what is compared,
//! and counters; those look at everything that is live.

use std::collections::BTreeSet;

use super::Inputs;
use super::action::Subject;
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{
    AccessRow, ActionKind, CatalogKey, Desired, LiveState, LiveView, Name, Names, Selector, SourceId, Status, UserView,
    known, matches,
};

/// What the settings manage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The names of the managed organizations; `None`: all that are declared.
    pub organizations: Option<BTreeSet<String>>,
    /// Whether accounts are managed (profile, status, onboarding, off-boarding), and not their access alone.
    pub accounts: bool,
}

impl Scope {
    /// Everything that is declared, accounts included.
    pub const ALL: Self = Self { organizations: None, accounts: true };
}

/// Where an account belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belongs {
    /// To nothing.
    Nowhere,
    /// To organizations in scope only.
    Inside,
    /// To some in scope, and to others.
    Partly,
    /// To organizations out of scope only.
    Outside,
}

/// The scope of one plan.
pub(super) struct Reach<'a> {
    desired: &'a Desired,
    accounts: bool,
    listed: Option<BTreeSet<Name>>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(inputs: &Inputs<'a>) -> Self {
        let Scope { organizations, accounts } = &inputs.policy.scope;
        let listed = organizations.as_ref().map(|listed| names_of(inputs.names, listed));
        Self { desired: inputs.desired, accounts: *accounts, listed }
    }

    /// Whether memberships and grants of this organization are managed: it is declared, and listed if there is a list.
    /// Roles on the whole platform are managed where all organizations are.
    pub(super) fn organization(&self, organization: Name) -> bool {
        // One with a tombstone is declared, too: as gone.
        let is_declared = self.desired.catalog.organizations.contains_key(&organization)
            || self.desired.tombstones.contains_key(&CatalogKey::Organization(organization));
        match &self.listed {
            None => organization == known::PLATFORM || is_declared,
            Some(listed) => listed.contains(&organization) && is_declared,
        }
    }

    /// Whether profile, status, onboarding and off-boarding are managed at all.
    pub(super) const fn accounts(&self) -> bool {
        self.accounts
    }

    /// Where an account belongs.
    pub(super) fn belongs(&self, live: &LiveView<'_>) -> Belongs {
        let places = live.memberships.iter().map(|membership| membership.organization);
        let (mut inside, mut outside) = (false, false);
        for organization in places.chain(live.grants.iter().map(|grant| grant.organization)) {
            if self.organization(organization) {
                inside = true;
            } else {
                outside = true;
            }
        }
        match (inside, outside) {
            (false, false) => Belongs::Nowhere,
            (true, false) => Belongs::Inside,
            (true, true) => Belongs::Partly,
            (false, true) => Belongs::Outside,
        }
    }

    /// Whether what reaches all access of an account may be done to it: off-boarding, coming back, another invitation.
    /// `is_named`: a manifest names the account.
    pub(super) fn whole_account(&self, live: &LiveView<'_>, is_named: bool) -> bool {
        self.accounts
            && match (self.belongs(live), &self.listed) {
                (Belongs::Inside, _) | (Belongs::Nowhere, None) => true,
                (Belongs::Nowhere, Some(_)) | (Belongs::Partly | Belongs::Outside, None) => is_named,
                (Belongs::Partly | Belongs::Outside, Some(_)) => false,
            }
    }

    /// Whether access that belongs to no organization (API, access attributes) is compared.
    pub(super) fn access_fields(&self, live: Option<&LiveView<'_>>) -> bool {
        match (&self.listed, live) {
            (None, _) => true,
            (Some(_), None) => self.accounts,
            (Some(_), Some(live)) => self.whole_account(live, true),
        }
    }

    /// Whether an undeclared account is out of scope, and why.
    pub(super) fn refuse_absent(&self, live: &LiveView<'_>) -> Option<&'static str> {
        match (self.belongs(live), &self.listed) {
            (Belongs::Nowhere, Some(_)) => Some("has no membership in scope"),
            (Belongs::Outside, _) => Some("belongs only to organizations out of scope"),
            (Belongs::Nowhere, None) if !self.accounts => Some("has no membership, and accounts are not managed"),
            (Belongs::Nowhere, None) | (Belongs::Inside | Belongs::Partly, _) => None,
        }
    }

    /// Whether an account that a manifest names, and gives nothing, is out of scope: with a list, one without a
    /// membership in it.
    pub(super) fn leaves_out_named(&self, live: &LiveView<'_>) -> bool {
        self.listed.is_some()
            && match self.belongs(live) {
                Belongs::Inside | Belongs::Partly => false,
                Belongs::Nowhere | Belongs::Outside => true,
            }
    }

    /// Whether an action on the catalog stays within the scope. With a list, roles may be added and are not changed:
    /// they are held in other organizations, too.
    pub(super) fn catalog(&self, kind: ActionKind, subject: &Subject) -> bool {
        match (&self.listed, subject.organization) {
            (None, _) => true,
            (Some(_), Some(organization)) => self.organization(organization),
            (Some(_), None) => kind == ActionKind::CreateRole,
        }
    }

    /// Whether a declared user is out of scope: with a list, who neither has nor shall have a membership in it.
    pub(super) fn leaves_out(&self, names: &Names, declared: &UserView<'_>, live: Option<&LiveView<'_>>) -> bool {
        self.listed.is_some() && live.is_none_or(|live| self.leaves_out_named(live)) && {
            let mut pieces = Vec::new();
            declared.pieces(names, &mut pieces);
            !pieces.iter().any(|piece| piece.membership && self.organization(piece.organization))
        }
    }

    /// Why a declared organization is out of scope, if it is.
    pub(super) fn refuse_declared(&self, organization: Name) -> Option<&'static str> {
        (!self.organization(organization)).then_some("`manage.organizations` does not list it")
    }
}

fn names_of(names: &Names, texts: &BTreeSet<String>) -> BTreeSet<Name> {
    texts.iter().filter_map(|text| names.find(text)).collect()
}

/// Errors for whatever is declared in organizations that the settings do not list: each line once.
#[must_use]
pub fn outside_scope(names: &Names, desired: &Desired, scope: &Scope) -> Vec<Diagnostic> {
    let Some(listed) = &scope.organizations else { return Vec::new() };
    let listed = names_of(names, listed);
    let of_users = desired.users().map(|user| user.rows);
    let sources = (0..desired.sources.len()).filter_map(|at| u32::try_from(at).ok());
    let of_sources = sources.map(|at| desired.rows_of(SourceId(at)));
    let mut found: Vec<Diagnostic> = of_users
        .chain(of_sources)
        .flat_map(|rows| rows.iter().filter_map(|row| outside(names, desired, &listed, row, rows)))
        .collect();
    let renames = desired.renames.iter().map(|(&key, previous)| (key, previous.position, "renamed"));
    let tombstones = desired.tombstones.iter().map(|(&key, &position)| (key, position, "deleted"));
    found.extend(renames.chain(tombstones).filter_map(|(key, position, done)| {
        let (what, name) = match key {
            CatalogKey::Organization(name) => ("organization", name),
            CatalogKey::Site(organization, _) => ("organization", organization),
            CatalogKey::Role(name) => ("role", name),
        };
        let is_outside = matches!(key, CatalogKey::Role(_)) || !listed.contains(&name);
        let message = format!("{what} `{}` is outside of the scope, so nothing of it is {done}", names.text(name));
        let help = "take this out, or manage `organizations: all` in the settings, or list the organization there";
        is_outside.then(|| Diagnostic::error(Code::OutsideScope, message).at(position, "").help(help))
    }));
    found.sort_by_key(|diagnostic| diagnostic.primary.as_ref().map(|label| label.span.start));
    found.dedup();
    found
}

/// The first organization, by text, to which a row gives something and that is not listed. `rows`: those of its source,
/// in which an exact name replaces patterns.
fn outside(
    names: &Names,
    desired: &Desired,
    listed: &BTreeSet<Name>,
    row: &AccessRow,
    rows: &[AccessRow],
) -> Option<Diagnostic> {
    let is_bare = row.role.is_none() && row.extra_roles.is_empty();
    if row.left_alone.membership || (is_bare && row.organization == Selector::Exact(known::PLATFORM)) {
        return None;
    }
    let organization = match row.organization {
        Selector::Exact(organization) => Some(organization).filter(|organization| !listed.contains(organization)),
        Selector::Pattern(pattern) => {
            let declared = desired.catalog.organizations.keys().copied();
            let is_replaced = |name: Name| rows.iter().any(|other| other.organization == Selector::Exact(name));
            let is_meant = |name: &Name| {
                !listed.contains(name) && matches(names.text(pattern), names.text(*name)) && !is_replaced(*name)
            };
            declared.filter(is_meant).min_by_key(|&name| names.text(name))
        }
    }?;
    Some(told(names, organization, row.position()))
}

fn told(names: &Names, organization: Name, position: Position) -> Diagnostic {
    if organization == known::PLATFORM {
        let message = "a role on the whole platform is outside of the scope, which is a list of organizations";
        return Diagnostic::error(Code::OutsideScope, message)
            .at(position, "")
            .help("take the role out, write `role: unmanaged`, or manage `organizations: all` in the settings");
    }
    let name = names.text(organization);
    Diagnostic::error(Code::OutsideScope, format!("organization `{name}` is outside of the scope"))
        .at(position, "")
        .help(format!("take this out, write `{name}: unmanaged`, or list `{name}` in `manage.organizations`"))
}

/// What of a live state is managed, to write it down: with a list the accounts that have a membership in it, and only
/// that access of theirs. The catalog is whole, since what is in scope may refer to the rest.
#[must_use]
pub fn within_scope(names: &Names, live: LiveState, scope: &Scope) -> LiveState {
    let Some(listed) = &scope.organizations else { return live };
    let listed = names_of(names, listed);
    let mut within = LiveState::default();
    within.catalog.clone_from(&live.catalog);
    within.evidence.clone_from(&live.evidence);
    for user in live.users() {
        let memberships: Vec<_> =
            user.memberships.iter().copied().filter(|one| listed.contains(&one.organization)).collect();
        let grants: Vec<_> = user.grants.iter().copied().filter(|one| listed.contains(&one.organization)).collect();
        if !memberships.is_empty() || !grants.is_empty() {
            let LiveView { id, key, identity, status, facts, invitation, .. } = user;
            within.push_columns(id, key, identity, status, facts, &memberships, &grants, invitation);
        }
    }
    within
}

/// How many people, neither inactive nor closed, are live in scope: with a list, those with a membership in it.
#[must_use]
pub fn people_in_scope(inputs: &Inputs<'_>) -> usize {
    let reach = Reach::new(inputs);
    let has_list = reach.listed.is_some();
    let people = inputs.live.users().filter(|user| {
        !user.is_service()
            && !matches!(user.status, Status::Closed | Status::Inactive)
            && (!has_list || matches!(reach.belongs(user), Belongs::Inside | Belongs::Partly))
    });
    people.count()
}
