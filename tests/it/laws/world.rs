//! Small generated worlds: what is declared, what is live, and the rules between them.

mod grown;
mod turned;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rollcall::diagnostic::{FileId, Position};
use rollcall::guard;
use rollcall::journal::revive;
use rollcall::model::{
    AccessRow, CatalogKey, Collection, Completeness, DeclaredFact, DeclaredStatus, DeclaredUser, Desired, Fact, Grant,
    Invitation, InvitationState, Leaver, LeftAlone, List, LiveRecord, LiveState, Membership, Name, Names, Organization,
    Previous, Role, Selector, Site, SiteAccess, SiteRow, Status, Value, WindowId, known,
};
use rollcall::plan::{
    AbsentUsers, CatalogPolicy, History, Inputs, Places, Plan, PlanDocument, Policy, Scope, StoreRef, document, plan,
};
use rollcall::rules::{
    Amount, Carries, Identity, Invitations, OffBoarding, OnBoarding, PendingTakes, Reactivation, RoleChange,
    RoleChangeLoss, Rules, Seats, SiteDefault, SiteRules, Sites, Undo,
};
use rollcall::settings::Guards;
use serde_json::Value as Json;

pub(super) use self::grown::worlds;
use self::turned::thing;
pub(super) use self::turned::turned_worlds;
use crate::support::plans::without_policies;
use crate::support::turnover::Turnover;

use super::naive::{Bounds, NaiveAccess, NaiveRole, NaiveStore};

pub(super) const ORGANIZATIONS: [&str; 3] = ["north", "south", "west"];
const SITES: [&str; 2] = ["pit-1", "pit-2"];
pub(super) const USERS: [&str; 6] = ["ana", "ben", "kim", "li", "max", "zoe"];
const ROLES: [(&str, Option<i64>, bool, bool); 4] = [
    ("manager", Some(40), true, true),
    ("operator", Some(20), false, false),
    ("viewer", Some(10), false, false),
    ("auditor", None, true, false),
];

/// A declared user.
#[derive(Debug, Clone)]
pub(super) struct NaiveDeclared {
    status: Option<DeclaredStatus>,
    given_name: Option<String>,
    access: NaiveAccess,
    /// What is left to others, by organization.
    left: BTreeMap<String, LeftAlone>,
}

#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of a generated world")]
pub(super) struct World {
    pub(super) live: NaiveStore,
    organizations: BTreeMap<String, BTreeSet<String>>,
    roles: BTreeMap<String, NaiveRole>,
    declared: BTreeMap<String, NaiveDeclared>,
    invites: bool,
    carries_one: bool,
    cancels: bool,
    pending_takes: bool,
    inactive_takes: bool,
    strips: bool,
    reports_absent: bool,
    /// Whether the rules bring the roles that the store has, and no manifest declares them.
    brings_roles: bool,
    has_grace: bool,
    ends: Option<OffBoarding>,
    turnover: Turnover,
    /// Who is named as leaving, where nobody declares them.
    leavers: BTreeSet<&'static str>,
    pub(super) scope: Scope,
    /// Whether only a part of the accounts was read.
    pub(super) is_partial: bool,
    pub(super) bounds: Bounds,
}

pub(super) struct Nowhere;

/// A plan as it is read from where it was written.
pub(super) fn written<A: serde::Serialize, P: serde::Serialize>(document: &PlanDocument<A, P>) -> PlanDocument {
    let written = serde_json::to_value(document).expect("a plan has a JSON form");
    serde_json::from_value(written).expect("what is written can be read")
}

impl Places for Nowhere {
    fn place(&self, position: Position) -> (String, u32, u32) {
        ("access.yaml".to_owned(), position.offset, 1)
    }
}

fn roles(flips: bool) -> BTreeMap<String, NaiveRole> {
    let role = |(name, rank, admin, all_sites): (&str, Option<i64>, bool, bool)| {
        let admin = if name == "operator" && flips { true } else { admin };
        (name.to_owned(), NaiveRole { rank, admin, all_sites })
    };
    ROLES.into_iter().map(role).collect()
}

impl World {
    /// The same world with another scope: what would be declared outside of it is not; `leavers` are named as leaving.
    pub(super) fn scoped(&self, scope: Scope, undeclared: Option<&str>, leavers: BTreeSet<&'static str>) -> Self {
        let mut world = Self { leavers, scope, ..self.clone() };
        world.organizations.retain(|name, _| Some(name.as_str()) != undeclared);
        let declared = world.organizations.clone();
        let listed = world.scope.organizations.clone();
        let is_in = |name: &String| declared.contains_key(name) && listed.as_ref().is_none_or(|all| all.contains(name));
        for user in world.declared.values_mut() {
            user.access.memberships.retain(|organization, _| is_in(organization));
            user.access.grants.retain(|(organization, _), _| is_in(organization));
            user.left.retain(|organization, _| declared.contains_key(organization));
        }
        world
    }

    /// Whether memberships of this organization are in scope.
    pub(super) fn is_in_scope(&self, organization: &str) -> bool {
        self.organizations.contains_key(organization)
            && self.scope.organizations.as_ref().is_none_or(|listed| listed.contains(organization))
    }

    /// Whether a manifest names the user, and whether it says `inactive`.
    pub(super) fn names(&self, key: &str) -> (bool, bool) {
        let declared = self.declared.get(key);
        let leaves = self.leaves(key);
        (
            declared.is_some() || leaves,
            leaves || declared.is_some_and(|user| user.status == Some(DeclaredStatus::Inactive)),
        )
    }

    /// Whether a user whom nobody declares is named as leaving.
    fn leaves(&self, key: &str) -> bool {
        !self.declared.contains_key(key) && self.leavers.iter().any(|leaver| key.starts_with(leaver))
    }

    /// Whether a user is declared with a membership in scope.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.declared
            .get(key)
            .is_some_and(|user| user.access.memberships.keys().any(|organization| self.is_in_scope(organization)))
    }

    fn role_change_loses(&self) -> Vec<RoleChangeLoss> {
        let (sites, extra_roles) = self.live.loses;
        let losses = [(sites, RoleChangeLoss::Sites), (extra_roles, RoleChangeLoss::ExtraRoles)];
        losses.into_iter().filter_map(|(is_lost, loss)| is_lost.then_some(loss)).collect()
    }

    pub(super) fn rules(&self) -> Rules {
        let amount = if self.carries_one { Amount::Number(1) } else { Amount::ALL };
        let carries = Carries {
            organizations: Some(amount),
            sites: Some(amount),
            extra_roles: Some(!self.carries_one),
            attributes: Some(true),
        };
        let takes = Some(self.pending_takes);
        let mut rules = Rules {
            identity: Identity { immutable: Some(false), ..Identity::default() },
            onboarding: Some(if self.invites { OnBoarding::Invite } else { OnBoarding::Create }),
            invitations: Some(Invitations {
                cancel: Some(self.cancels),
                suppressible: Some(true),
                carries: Some(carries),
                pending_takes: Some(PendingTakes { role: takes, sites: takes, profile: Some(true) }),
                ..Invitations::default()
            }),
            offboarding: Some(
                [if self.strips { OffBoarding::Strip } else { OffBoarding::Deactivate }]
                    .into_iter()
                    .chain(self.ends)
                    .collect(),
            ),
            role_change: Some(RoleChange::Replace),
            role_change_loses: Some(self.role_change_loses()),
            undo: Undo { deactivate: Some(true), ..Undo::default() },
            reactivation: Reactivation { restores: None, inactive_takes: Some(self.inactive_takes) },
            sites: Sites::Some(SiteRules {
                roles: Some(true),
                default: Some(SiteDefault::User),
                ..SiteRules::default()
            }),
            seats: self.bounds.seats.map(|max| Seats {
                max: u32::try_from(max).ok(),
                counts: Some(vec![Status::Active, Status::Invited]),
                refuses: None,
            }),
            ..Rules::default()
        };
        rules.fields.insert("given_name".to_owned(), Some(rollcall::rules::Field::default()));
        rules
    }

    /// Plans against `live`, with users and rows added in an order that depends on `shuffle`.
    pub(super) fn plan(&self, live: &NaiveStore, shuffle: u64) -> PlanDocument {
        self.planned(live, shuffle, None)
    }

    /// Like [`plan`](Self::plan), with what guards with these limits say.
    pub(super) fn judged(&self, limits: &Guards) -> PlanDocument {
        self.planned(&self.live, 0, Some(limits))
    }

    fn planned(&self, live: &NaiveStore, shuffle: u64, limits: Option<&Guards>) -> PlanDocument {
        self.with_inputs((live, shuffle, &[]), self, |inputs, _, _| {
            let plan: Plan = plan(inputs).expect("worlds fit their rules");
            let mut document = document(&plan, inputs.names, &Nowhere);
            if let Some(limits) = limits {
                let judgement = guard::Judgement::from(guard::judge(&plan, limits, &[]));
                document.guards = guard::documents(inputs.names, &judgement);
                let verdicts = without_policies(&plan);
                let refused = document.guards.iter().any(|guard| guard.refused);
                assert_eq!(
                    guard::check(plan.clone(), limits, verdicts, &[]).is_err(),
                    refused,
                    "what is refused does not pass"
                );
            }
            written(&document)
        })
    }

    /// Asks about the inputs of a plan, about those with what another world declares in place of this one, and about what
    /// rollcall left after these actions.
    pub(super) fn with_inputs<T>(
        &self,
        (live, shuffle, done): (&NaiveStore, u64, &[Json]),
        base: &Self,
        ask: impl FnOnce(&Inputs<'_>, &Inputs<'_>, &History) -> T,
    ) -> T {
        let mut names = Names::new();
        // Handles differ from run to run of this function; nothing printed may.
        for at in 0..shuffle % 7 {
            names.intern(USERS[usize::try_from((at + shuffle) % 6).expect("small")]);
        }
        let mut seen = live.clone();
        if self.is_partial {
            seen.users.pop_first();
        }
        let mut live = Self::live_state(&mut names, &seen, shuffle);
        if self.is_partial {
            live.evidence.note(Collection::Users, Completeness::Partial("a page is missing".to_owned()));
        }
        let desired = self.desired(&mut names, shuffle);
        let other = base.desired(&mut names, 0);
        let rules = self.rules();
        let mut history = History::default();
        for action in done {
            let action = revive(&mut names, action).expect("an action");
            history.note(&mut names, &rules.identity, &action);
        }
        let policy = Policy {
            scope: self.scope.clone(),
            locked_out: std::collections::BTreeSet::new(),
            left_since: std::collections::BTreeMap::new(),
            time_zone: jiff::tz::TimeZone::UTC,
            absent_users: if self.reports_absent { AbsentUsers::Report } else { AbsentUsers::Deactivate },
            catalog: CatalogPolicy::Create,
            grace: if self.has_grace { "30d" } else { "0d" }.parse().expect("a period"),
            min_admins: u32::try_from(self.bounds.min_admins).expect("small"),
            own_account: self.bounds.own.clone(),
            protected: self.bounds.protected.iter().cloned().collect(),
        };
        let store = StoreRef { name: "local".into(), kind: "sqlite".into(), id: "test".into(), address: String::new() };
        let inputs = Inputs {
            names: &names,
            desired: &desired,
            live: &live,
            rules: &rules,
            policy: &policy,
            store: &store,
            at: Timestamp::UNIX_EPOCH,
        };
        ask(&inputs, &Inputs { desired: &other, ..inputs.clone() }, &history)
    }

    /// The same declarations, rules and bounds, upon another store.
    pub(super) fn upon(&self, live: NaiveStore) -> Self {
        let loses = self.live.loses;
        Self { live: NaiveStore { loses, ..live }, ..self.clone() }
    }

    /// The same world without limits, to see what would be done without them.
    pub(super) fn unlimited(&self) -> Self {
        let bounds = Bounds { seats: None, min_admins: 0, ..self.bounds.clone() };
        Self { bounds, ..self.clone() }
    }

    fn live_state(names: &mut Names, store: &NaiveStore, shuffle: u64) -> LiveState {
        let mut live = LiveState::default();
        for (organization, sites) in &store.organizations {
            let mut entry = Organization::default();
            for site in sites {
                entry.sites.insert(names.intern(site), Site::default());
            }
            live.catalog.organizations.insert(names.intern(organization), entry);
        }
        for (name, role) in &store.roles {
            let role = Self::role(role);
            live.catalog.roles.insert(names.intern(name), role);
        }
        for (key, user) in shuffled(store.users.iter().collect(), shuffle) {
            let status = Status::from_word(&user.status).expect("a status");
            let state = match status {
                Status::Preloaded => Some(InvitationState::Suppressed),
                Status::Invited => Some(InvitationState::Pending),
                Status::Active | Status::Inactive | Status::Closed => None,
            };
            let (memberships, grants) = access_columns(names, &user.access);
            let name = names.intern(key);
            let facts =
                user.given_name.iter().map(|text| Fact::new(known::GIVEN_NAME, Value::Text(names.intern(text))));
            let facts = facts.collect();
            live.push(LiveRecord {
                id: name,
                key: name,
                identity: Some(name),
                status,
                facts,
                memberships,
                grants,
                invitation: state.map(|state| Invitation { state, sent: None, ends: None }),
            });
        }
        live
    }

    fn role(role: &NaiveRole) -> Role {
        let applies_to = rollcall::model::AppliesTo { extra: true, ..rollcall::model::AppliesTo::default() };
        Role {
            rank: role.rank.map(|rank| i32::try_from(rank).expect("small")),
            admin: role.admin,
            site_access: if role.all_sites { SiteAccess::All } else { SiteAccess::Selected },
            applies_to,
            ..Role::default()
        }
    }

    fn desired(&self, names: &mut Names, shuffle: u64) -> Desired {
        let mut desired = Desired::default();
        let file = FileId(0);
        let called =
            |names: &mut Names, kind: &str, name: &str| names.intern(&self.turnover.declared(&thing(kind, name), name));
        let former = |names: &mut Names, kind: &str, name: &str| {
            let name = self.turnover.has_former(&thing(kind, name)).then(|| names.intern(name))?;
            Some(Previous { name, identity: name, position: Position::new(file, 4) })
        };
        for (organization, sites) in &self.organizations {
            let mut entry = Organization { position: Some(Position::new(file, 1)), ..Organization::default() };
            let name = called(names, "organization", organization);
            let renamed = former(names, "organization", organization);
            desired.renames.extend(renamed.map(|previous| (CatalogKey::Organization(name), previous)));
            for site in sites {
                let kind = format!("site {organization}/");
                let (site, renamed) = (called(names, &kind, site), former(names, &kind, site));
                desired.renames.extend(renamed.map(|previous| (CatalogKey::Site(name, site), previous)));
                entry.sites.insert(site, Site { position: Some(Position::new(file, 2)), ..Site::default() });
            }
            desired.catalog.organizations.insert(name, entry);
        }
        for (name, role) in &self.roles {
            let renamed = former(names, "role", name);
            let vendor = self.brings_roles && renamed.is_none() && self.live.roles.contains_key(name);
            let position = (!vendor).then(|| Position::new(file, 3));
            let role = Role { position, vendor, ..Self::role(role) };
            let name = called(names, "role", name);
            desired.renames.extend(renamed.map(|previous| (CatalogKey::Role(name), previous)));
            desired.catalog.roles.insert(name, role);
        }
        self.tombstones(names, &mut desired);
        for key in self.live.users.keys().filter(|key| self.leaves(key)) {
            let key = names.intern(key);
            let leaver = Leaver { key, from: None, reason: None, position: Position::new(file, 5) };
            desired.leavers.insert(key, leaver);
        }
        for (key, user) in shuffled(self.declared.iter().collect(), shuffle.rotate_left(7)) {
            let offset =
                u32::try_from(USERS.iter().position(|user| key.starts_with(user)).expect("known")).expect("small");
            let position = Position::new(file, 10 + offset);
            let mut rows = Vec::new();
            let whole = user.left.iter().filter(|(_, left)| left.membership).map(|(organization, _)| organization);
            let places: BTreeSet<&String> = user.access.memberships.keys().chain(whole).collect();
            for organization in shuffled(places.into_iter().collect(), shuffle) {
                let left = user.left.get(organization).copied().unwrap_or(LeftAlone::NOTHING);
                let membership = user.access.memberships.get(organization).filter(|_| !left.membership);
                let is_granted = |site: &&String| {
                    user.access.grants.contains_key(&(organization.clone(), (*site).clone())) || !left.role
                };
                let default_site = membership.and_then(|one| one.default_site.as_ref()).filter(|_| !left.sites);
                let start = u32::try_from(desired.sites.len()).expect("small");
                for ((place, site), role) in &user.access.grants {
                    if place == organization && !left.sites {
                        let site = Selector::Exact(called(names, &format!("site {place}/"), site));
                        let role = role.as_ref().map(|role| called(names, "role", role));
                        desired.sites.push(SiteRow { site, role, offset: position.offset });
                    }
                }
                let extra = membership.into_iter().flat_map(|one| &one.extra).filter(|_| !left.extra_roles);
                let extra: Vec<Name> = extra.map(|role| called(names, "role", role)).collect();
                let role = membership.and_then(|one| one.role.as_ref()).filter(|_| !left.role);
                rows.push(AccessRow {
                    organization: Selector::Exact(called(names, "organization", organization)),
                    membership: membership.is_some(),
                    role: role.map(|role| called(names, "role", role)),
                    extra_roles: names.list(&extra),
                    default_site: default_site
                        .filter(is_granted)
                        .map(|site| called(names, &format!("site {organization}/"), site)),
                    sites_start: start,
                    sites_length: u32::try_from(desired.sites.len()).expect("small") - start,
                    file,
                    offset: position.offset,
                    role_offset: position.offset,
                    window: WindowId::ALWAYS,
                    left_alone: left,
                });
            }
            let facts: Vec<DeclaredFact> = user
                .given_name
                .iter()
                .map(|text| Fact::new(known::GIVEN_NAME, Value::Text(names.intern(text))))
                .map(|fact| DeclaredFact { fact, offset: position.offset })
                .collect();
            let (name, previous) = (called(names, "user", key), former(names, "user", key));
            desired.push(&DeclaredUser {
                key: name,
                identity: name,
                position,
                status: user.status.map(|status| (status, position.offset)),
                window: WindowId::ALWAYS,
                previous,
                facts: &facts,
                rows: &rows,
                links: &[],
            });
        }
        desired
    }
}

fn access_columns(names: &mut Names, access: &NaiveAccess) -> (Vec<Membership>, Vec<Grant>) {
    let mut memberships = Vec::new();
    for (organization, membership) in &access.memberships {
        let extra: Vec<Name> = membership.extra.iter().map(|role| names.intern(role)).collect();
        memberships.push(Membership {
            organization: names.intern(organization),
            role: membership.role.as_ref().map(|role| names.intern(role)),
            extra_roles: if extra.is_empty() { List::EMPTY } else { names.list(&extra) },
            default_site: membership.default_site.as_ref().map(|site| names.intern(site)),
        });
    }
    let grants = access.grants.iter().map(|((organization, site), role)| Grant {
        organization: names.intern(organization),
        site: names.intern(site),
        role: role.as_ref().map(|role| names.intern(role)),
    });
    (memberships, grants.collect())
}

/// A reordering that depends on a number.
fn shuffled<T>(mut items: Vec<T>, number: u64) -> Vec<T> {
    if !items.is_empty() {
        let at = usize::try_from(number % items.len() as u64).expect("small");
        items.rotate_left(at);
        if number % 2 == 1 {
            items.reverse();
        }
    }
    items
}
