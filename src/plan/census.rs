//! How many people a plan touches, in the way that guards count: who is there, who loses what where, who only moves,
//! who is left, and how much else there is of what has a limit.
//!
//! [`people`](super::people) finds out how each single account fares and hands over its [`Fate`]; here they are added
//! up. An account of a program counts like a person where something is taken from it, and is nobody who is left.
//! Deliberately absent: limits, and any judgement.

use std::collections::{BTreeMap, BTreeSet};

use super::diff::Draft;
use super::reach::{Catalogs, Reach};
use super::{Effects, Inputs, Risk};
use crate::model::{ActionKind, Catalog, Grant, Membership, Name, Names, Status, Value, known};

/// What guards judge a plan by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Of the whole store.
    pub store: Headcount,
    /// Of each organization in which somebody has access, before or after.
    pub organizations: BTreeMap<Name, Headcount>,
    /// People to whom an invitation goes out, for the first time or again.
    pub invited: u32,
    /// People who can do more in a way that matters (the risk `escalation`).
    pub escalated: u32,
    /// Actions that send a mail.
    pub mails: u32,
    /// Actions that end something for good: `delete_*` and `close_user`.
    pub deletions: u32,
    /// Declared organizations that have fewer active admins after the plan than the settings ask for, sorted by text;
    /// `None` where nobody can be an admin or the settings ask for none.
    pub short_of_admins: Option<Vec<Name>>,
}

/// People of the store, or of an organization. Each is counted once in each number that fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headcount {
    /// Active and invited ones before the plan.
    pub people: u32,
    /// Those of them who lose the account or any access, and do not only move.
    pub lose: u32,
    /// Those of them who gain at least as many sites in an organization as they lose there, without losing rank.
    pub moved: u32,
    /// Active people (no programs) before the plan.
    pub active: u32,
    /// Active people after it.
    pub active_after: u32,
}

impl Headcount {
    /// Whether nobody active is left where somebody was.
    #[must_use]
    pub const fn is_emptied(self) -> bool {
        self.active > 0 && self.active_after == 0
    }
}

/// How one account fares.
#[derive(Debug, Clone)]
pub(super) struct Fate {
    /// Its status before.
    pub(super) status: Status,
    /// Whether it is one of a program.
    pub(super) is_service: bool,
    /// What becomes of the log-in.
    pub(super) course: Course,
    /// Whether it loses something that is no place, such as API access.
    pub(super) loses_power: bool,
    /// Where it loses something.
    pub(super) losses: Vec<Loss>,
    /// Organizations reached before, sorted.
    pub(super) before: Vec<Name>,
    /// Organizations reached after, sorted.
    pub(super) after: Vec<Name>,
}

/// What becomes of a log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// It ends.
    Leaves,
    /// It stays what it is.
    Stays,
    /// It is let in now, without an invitation.
    Enters,
}

/// Something is lost in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) organization: Name,
    /// Whether as much is gained there, and of no lower rank.
    pub(super) is_moved: bool,
}

/// Where somebody loses something, by what they reach before and after.
pub(super) fn losses(catalogs: &Catalogs<'_>, before: &Reach, after: &Reach) -> Vec<Loss> {
    let lost: Vec<_> =
        before.iter().filter(|(place, from)| after.get(place).is_none_or(|to| catalogs.takes(from, to))).collect();
    let by_organization = lost.chunk_by(|((one, _), _), ((other, _), _)| one == other);
    let losses = by_organization.filter_map(|lost| {
        let ((organization, _), _) = lost.first()?;
        let organization = *organization;
        // The membership itself, or the rank on a site that stays, is nothing that a gained site makes up for.
        let is_rank_lost = lost.iter().any(|(place, _)| place.1.is_none() || after.contains_key(place));
        let gained = after
            .range((organization, None)..)
            .take_while(|((place, _), _)| *place == organization)
            .filter(|(place, _)| place.1.is_some() && !before.contains_key(place));
        let fitting = gained.filter(|(_, to)| lost.iter().all(|(_, from)| !catalogs.takes(from, to))).count();
        Some(Loss { organization, is_moved: !is_rank_lost && fitting >= lost.len() })
    });
    losses.collect()
}

/// Organizations and those that they include.
pub(super) struct Included(BTreeMap<Name, Vec<Name>>);

impl Included {
    pub(super) fn of(names: &Names, catalog: &Catalog) -> Self {
        let through = catalog.organizations.iter().filter(|(_, of)| of.fields.contains_key(&known::INCLUDES));
        Self(through.map(|(&name, _)| (name, catalog.organizations_through(names, name))).collect())
    }

    /// The organizations that are reached by this access, sorted; the whole platform is none.
    pub(super) fn organizations(&self, memberships: &[Membership], grants: &[Grant]) -> Vec<Name> {
        let mut found: Vec<Name> = grants.iter().map(|grant| grant.organization).collect();
        for membership in memberships {
            match self.0.get(&membership.organization) {
                Some(through) => found.extend(through),
                None => found.push(membership.organization),
            }
        }
        found.retain(|&organization| organization != known::PLATFORM);
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Adds up who is there.
pub(super) fn population(inputs: &Inputs<'_>, included: &Included) -> Census {
    let mut census = Census::default();
    for live in inputs.live.users().filter(|live| is_counted(live.status)) {
        let is_person = live.status == Status::Active && !live.is_service();
        let add = |headcount: &mut Headcount| {
            headcount.people += 1;
            headcount.active += u32::from(is_person);
            headcount.active_after += u32::from(is_person);
        };
        add(&mut census.store);
        for organization in included.organizations(live.memberships, live.grants) {
            add(census.organizations.entry(organization).or_default());
        }
    }
    census
}

/// Whether an account with this status is one of the active and invited people.
pub(super) const fn is_counted(status: Status) -> bool {
    match status {
        Status::Active | Status::Invited => true,
        Status::Preloaded | Status::Inactive | Status::Closed => false,
    }
}

impl Census {
    /// Adds how one account fares.
    pub(super) fn add(&mut self, fate: &Fate) {
        let Fate { status, is_service, course, loses_power, losses, before, after } = fate;
        if is_counted(*status) {
            for loss in losses.iter().filter(|loss| loss.organization != known::PLATFORM) {
                let headcount = self.organizations.entry(loss.organization).or_default();
                let column = if loss.is_moved { &mut headcount.moved } else { &mut headcount.lose };
                *column += 1;
            }
            let loses = *course == Course::Leaves || *loses_power || losses.iter().any(|loss| !loss.is_moved);
            self.store.lose += u32::from(loses);
            self.store.moved += u32::from(!loses && !losses.is_empty());
        }
        if *is_service {
            return;
        }
        let was_in = *status == Status::Active;
        let is_in = match course {
            Course::Leaves => false,
            Course::Stays => was_in,
            Course::Enters => true,
        };
        let step = |headcount: &mut Headcount, was: bool, is: bool| {
            headcount.active_after = headcount.active_after.saturating_sub(u32::from(was)) + u32::from(is);
        };
        step(&mut self.store, was_in, is_in);
        for organization in before.iter().filter(|_| was_in) {
            step(self.organizations.entry(*organization).or_default(), true, false);
        }
        for organization in after.iter().filter(|_| is_in) {
            step(self.organizations.entry(*organization).or_default(), false, true);
        }
    }

    /// Adds what counts by the actions themselves, and tells who can do more in a way that matters.
    pub(super) fn add_actions<'d>(
        &mut self,
        effects: &Effects,
        of_users: impl Iterator<Item = (Name, &'d [&'d Draft])>,
        of_catalog: &[&Draft],
    ) -> BTreeSet<Name> {
        let mut escalated: BTreeSet<Name> = BTreeSet::new();
        for (user, drafts) in of_users {
            self.invited += u32::from(drafts.iter().any(|draft| invites(draft)));
            escalated.extend(drafts.iter().any(|draft| draft.action.risk.contains(&Risk::Escalation)).then_some(user));
            for draft in drafts {
                self.add_action(draft);
            }
        }
        for draft in of_catalog {
            self.add_action(draft);
            if draft.action.risk.contains(&Risk::Escalation) {
                let affected = effects.affected.get(&draft.action.subject);
                escalated.extend(affected.into_iter().flat_map(|affected| &affected.gain));
            }
        }
        self.escalated = u32::try_from(escalated.len()).unwrap_or(u32::MAX);
        escalated
    }

    fn add_action(&mut self, draft: &Draft) {
        self.mails += u32::from(draft.action.risk.contains(&Risk::Mail));
        self.deletions += u32::from(matches!(
            draft.action.kind,
            ActionKind::DeleteOrganization
                | ActionKind::DeleteSite
                | ActionKind::DeleteRole
                | ActionKind::DeleteUser
                | ActionKind::CloseUser
        ));
    }
}

/// Whether an invitation goes out by this; one that is kept back for now does not.
fn invites(draft: &Draft) -> bool {
    let status = draft.action.after.as_ref().and_then(|after| after.value(known::STATUS));
    match draft.action.kind {
        ActionKind::InviteUser => status != Some(Value::Text(Status::Preloaded.name())),
        ActionKind::SendInvitation | ActionKind::ResendInvitation => true,
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::CreateUser
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::ReactivateUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => false,
    }
}
