//! Generated worlds for the whole loop: what is declared, as the text of manifests; what is live, as the actions that
//! make it; and the rules between them, as the text of a rule set.

mod scoped;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use rollcall::model::{ActionKind, Fact, Grant, LeftAlone, Membership, Names, Value, known};
use rollcall::plan::{AbsentUsers, Action, CatalogPolicy, Policy, Scope};
use rollcall::rules::{self, Rules};

pub(super) use self::scoped::scopes;
use crate::support::actions::act;
use crate::support::turnover::{self, LEGACY, Link, OLD_SITE, Turnover, UNDECLARED, turnover};

/// Live are `north`, `south` and `attic`; declared are `north`, `south` and `west`.
const DECLARED: [&str; 3] = ["north", "south", "west"];
const LIVE: [&str; 3] = ["north", "south", UNDECLARED];
const SITES: [&str; 2] = ["pit-1", "pit-2"];
const USERS: [&str; 7] = ["ana", "ben", "kim", "li", "max", "svc", "zoe"];
/// Name, rank, admin, all sites.
const ROLES: [(&str, Option<i32>, bool, bool); 4] = [
    ("manager", Some(40), true, true),
    ("operator", Some(20), false, false),
    ("viewer", Some(10), false, false),
    ("auditor", None, true, false),
];

/// A membership and its sites.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    role: &'static str,
    extra: bool,
    default_site: Option<&'static str>,
    /// Site and role on it.
    sites: BTreeMap<&'static str, Option<&'static str>>,
    /// What is left to others; nothing of what is live.
    left: LeftAlone,
}

impl Place {
    /// Leaves parts to others: nothing is said of these.
    fn leave(&mut self, left: LeftAlone) {
        self.left = left;
        if left.sites {
            self.sites.clear();
        }
        if left.role || left.sites {
            let listed = &self.sites;
            self.default_site = self.default_site.filter(|site| listed.contains_key(site));
        }
        self.extra &= !left.extra_roles;
    }
}

impl Place {
    fn reaches_all(&self) -> bool {
        ROLES.iter().any(|&(name, _, _, all_sites)| name == self.role && all_sites)
    }
}

type Access = BTreeMap<&'static str, Place>;

#[derive(Debug, Clone)]
struct Person {
    status: &'static str,
    given_name: Option<&'static str>,
    access: Access,
    /// Whether all access is left to others.
    is_left: bool,
}

impl Person {
    /// Leaves parts of what is declared to others.
    fn leave(&mut self, (left, is_left): ([LeftAlone; 3], bool)) {
        self.is_left = is_left;
        if is_left {
            return self.access.clear();
        }
        for (organization, left) in DECLARED.into_iter().zip(left) {
            if left.membership {
                let role = ROLES[0].0;
                let none = Place { role, extra: false, default_site: None, sites: BTreeMap::new(), left };
                self.access.insert(organization, none);
            } else if let Some(place) = self.access.get_mut(organization) {
                place.leave(left);
            }
        }
    }

    /// What is left to others in an organization.
    fn left_in(&self, organization: &str) -> LeftAlone {
        if self.is_left {
            return LeftAlone::MEMBERSHIP;
        }
        self.access.get(organization).map_or(LeftAlone::NOTHING, |place| place.left)
    }
}

/// A generated world.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of a generated world")]
pub(super) struct World {
    live: BTreeMap<&'static str, Person>,
    declared: BTreeMap<&'static str, Person>,
    /// Members of the team that gives `viewer` in the south.
    team: BTreeSet<&'static str>,
    /// Who has the site grant on `north/pit-2`.
    granted: BTreeSet<&'static str>,
    invites: bool,
    carries_one: bool,
    cancels: bool,
    pending_takes: bool,
    inactive_takes: bool,
    strips: bool,
    removes_then_adds: bool,
    role_flips: bool,
    reports_absent: bool,
    /// Whether a membership has to have a role.
    demands_role: bool,
    scope: Scope,
    /// Those that are declared.
    organizations: BTreeSet<&'static str>,
    /// Whether the catalog has to be there.
    is_catalog_given: bool,
    pub(super) seats: Option<usize>,
    min_admins: u32,
    own: Option<&'static str>,
    protected: Option<&'static str>,
    /// Whether the settings name the own account by its former key.
    own_is_former: bool,
    /// What tombstones of users come to.
    end: End,
    has_grace: bool,
    pub(super) turnover: Turnover,
}

/// What a store can do for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Nothing,
    Delete,
    Close,
    /// It deletes who was never active, and closes others.
    DeleteOrClose,
}

/// Everything that may get another name.
fn things() -> Vec<String> {
    let mut things: Vec<String> = USERS.into_iter().map(turnover::user).collect();
    for organization in DECLARED {
        things.push(turnover::organization(organization));
        things.extend(SITES.into_iter().map(|site| turnover::site(organization, site)));
    }
    things.extend(ROLES.into_iter().map(|(name, ..)| turnover::role(name)));
    things.push(turnover::role("reader"));
    things
}

fn place() -> impl Strategy<Value = Place> {
    let site = prop::option::weighted(0.5, prop::option::weighted(0.2, Just("reader")));
    (0..4_usize, prop::bool::weighted(0.2), prop::option::weighted(0.2, 0..2_usize), [site.clone(), site]).prop_map(
        |(role, extra, default_site, granted)| {
            let (role, _, _, all_sites) = ROLES[role];
            let sites: BTreeMap<_, _> =
                SITES.into_iter().zip(granted).filter_map(|(site, role)| Some((site, role?))).collect();
            let sites = if all_sites { BTreeMap::new() } else { sites };
            let default_site = default_site.map(|at| SITES[at]).filter(|site| all_sites || sites.contains_key(site));
            Place { role, extra, default_site, sites, left: LeftAlone::NOTHING }
        },
    )
}

fn access(places: [&'static str; 3]) -> impl Strategy<Value = Access> {
    let place = || prop::option::weighted(0.5, place());
    [place(), place(), place()]
        .prop_map(move |held| places.into_iter().zip(held).filter_map(|(name, held)| Some((name, held?))).collect())
}

fn given_name() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(vec!["Ann", "Bo"]))
}

fn live_person() -> impl Strategy<Value = Person> {
    let status = prop_oneof![6 => Just("active"), 2 => Just("inactive"), 2 => Just("invited"), 1 => Just("preloaded")];
    let is_legacy = [prop::bool::weighted(0.1); LIVE.len()];
    (status, given_name(), access(LIVE), is_legacy).prop_map(|(status, given_name, mut access, is_legacy)| {
        for (organization, is_legacy) in LIVE.iter().zip(is_legacy) {
            let place = access.get_mut(organization).filter(|place| is_legacy && !place.reaches_all());
            if let Some(place) = place {
                place.role = LEGACY;
            }
        }
        Person { status, given_name, access, is_left: false }
    })
}

fn declared_person() -> impl Strategy<Value = Person> {
    let status = prop_oneof![7 => Just(""), 2 => Just("active"), 1 => Just("inactive"), 1 => Just("preloaded"), 1 => Just("absent")];
    (status, given_name(), access(DECLARED)).prop_map(|(status, given_name, access)| Person {
        status,
        given_name,
        access,
        is_left: false,
    })
}

/// What a user leaves to others in each declared organization, and whether that is all access.
fn left() -> impl Strategy<Value = ([LeftAlone; 3], bool)> {
    let some = |role, extra_roles, sites| LeftAlone { membership: false, role, extra_roles, sites };
    let left = || {
        prop_oneof![
            10 => Just(LeftAlone::NOTHING),
            1 => Just(LeftAlone::MEMBERSHIP),
            1 => Just(some(true, false, false)),
            1 => Just(some(false, true, false)),
            1 => Just(some(false, false, true)),
            1 => Just(some(true, true, true)),
        ]
    };
    ([left(), left(), left()], prop::bool::weighted(0.07))
}

/// Worlds of up to seven people; who is declared is often close to who is live.
pub(super) fn worlds() -> impl Strategy<Value = World> {
    let person = || {
        let both = (prop::option::weighted(0.8, live_person()), prop::option::weighted(0.85, declared_person()));
        (both, 0..3_u8, prop::bool::weighted(0.2), prop::bool::weighted(0.2), left())
    };
    let people = prop::collection::vec(person(), USERS.len());
    let numbers = (prop::option::weighted(0.5, 1..7_usize), 0..3_u32, prop::option::of(0..7_usize), 0..14_usize);
    let switches = prop::collection::vec(prop::bool::weighted(0.4), 13);
    let end = prop::sample::select(vec![End::Nothing, End::Delete, End::Close, End::DeleteOrClose]);
    let more = (end, turnover(things()));
    (people, numbers, switches, more).prop_map(|(people, (seats, min_admins, own, protected), on, (end, turnover))| {
        let invites = on[0];
        let (mut live, mut declared) = (BTreeMap::new(), BTreeMap::new());
        let (mut team, mut granted) = (BTreeSet::new(), BTreeSet::new());
        for (key, ((there, wanted), closeness, in_team, has_grant, left)) in USERS.into_iter().zip(people) {
            let there = there.map(|mut there| {
                let is_pending = ["invited", "preloaded"].contains(&there.status);
                if is_pending && (!invites || key == "svc") {
                    there.status = "active";
                }
                there
            });
            if let Some(mut wanted) = wanted {
                if let Some(there) = there.as_ref().filter(|_| closeness > 0) {
                    wanted.access = there.access.clone();
                    wanted.access.remove(UNDECLARED);
                    for place in wanted.access.values_mut().filter(|place| place.role == LEGACY) {
                        place.role = "viewer";
                    }
                    if closeness == 2 {
                        wanted.access.remove("south");
                    }
                }
                if wanted.status == "preloaded" && !invites {
                    wanted.status = "";
                }
                wanted.leave(left);
                // A role without a rank can't be compared with the one that the team gives; and nothing can be given
                // that is left to others.
                let takes = |place: &Place| place.role != "auditor" && !place.left.role && !place.left.sites;
                if in_team && !wanted.is_left && wanted.access.get("south").is_none_or(takes) {
                    team.insert(key);
                }
                if has_grant && wanted.access.get("north").is_some_and(|place| !place.left.sites) {
                    granted.insert(key);
                }
                declared.insert(key, wanted);
            }
            live.extend(there.map(|there| (key, there)));
        }
        World {
            live,
            declared,
            team,
            granted,
            invites,
            carries_one: on[1],
            cancels: !on[2],
            pending_takes: on[3],
            inactive_takes: !on[4],
            strips: on[5],
            removes_then_adds: on[6] && on[7],
            role_flips: on[7] && on[8],
            reports_absent: on[8] && on[9],
            demands_role: on[10],
            scope: Scope::ALL,
            organizations: DECLARED.into(),
            is_catalog_given: false,
            seats,
            min_admins,
            own: own.map(|at| USERS[at]),
            protected: USERS.get(protected).copied(),
            own_is_former: on[11],
            end,
            has_grace: on[12],
            turnover,
        }
    })
}

fn key(user: &str) -> String {
    format!("{user}@example.com")
}

impl World {
    fn declared_key(&self, user: &str) -> String {
        key(&self.turnover.declared(&turnover::user(user), user))
    }

    /// Whom no manifest names nobody renames.
    fn live_key(&self, user: &str) -> String {
        if self.declared.contains_key(user) { key(&self.turnover.live(&turnover::user(user), user)) } else { key(user) }
    }

    /// The key of an account that is there, else the one that it will have.
    fn todays_key(&self, user: &str) -> String {
        if self.live.contains_key(user) { self.live_key(user) } else { self.declared_key(user) }
    }

    fn declared_organization(&self, name: &str) -> String {
        self.turnover.declared(&turnover::organization(name), name)
    }

    fn live_organization(&self, name: &str) -> String {
        self.turnover.live(&turnover::organization(name), name)
    }

    fn declared_site(&self, organization: &str, name: &str) -> String {
        self.turnover.declared(&turnover::site(organization, name), name)
    }

    fn live_site(&self, organization: &str, name: &str) -> String {
        self.turnover.live(&turnover::site(organization, name), name)
    }

    fn declared_role(&self, name: &str) -> String {
        self.turnover.declared(&turnover::role(name), name)
    }

    fn live_role(&self, name: &str) -> String {
        self.turnover.live(&turnover::role(name), name)
    }

    fn rules_text(&self, has_limits: bool) -> String {
        let amount = if self.carries_one && has_limits { "1" } else { "all" };
        let strips = self.strips && has_limits;
        let mut text = format!(
            "extends: default\nonboarding: {}\noffboarding: [{}{}]\nrole_change: {}\n",
            if self.invites || !has_limits { "invite" } else { "create" },
            if strips { "strip" } else { "deactivate" },
            match self.end {
                End::Nothing => "",
                End::Delete => ", delete",
                End::Close => ", close",
                End::DeleteOrClose => ", delete, close",
            },
            if self.removes_then_adds { "remove_then_add" } else { "replace" },
        );
        write!(
            text,
            "allows: {{ delete: {} }}\nundo: {{ deactivate: {}, strip: {}, delete: null }}\nreactivation: {{ inactive_takes: {} }}\ninvitations:\n  cancel: {}\n  \
             carries: {{ organizations: {amount}, sites: {amount}, extra_roles: {} }}\n  pending_takes: {{ role: {takes}, \
             sites: {takes} }}\n",
            if self.end == End::DeleteOrClose { "never_used" } else { "null" },
            if strips { "null" } else { "true" },
            if strips { "true" } else { "null" },
            self.inactive_takes || !has_limits,
            self.cancels,
            !self.carries_one,
            takes = self.pending_takes,
        )
        .expect("a string");
        if self.demands_role && has_limits {
            text.push_str("memberships: { role: { min: 1 } }\n");
        }
        if let Some(max) = self.seats.filter(|_| has_limits) {
            writeln!(text, "seats: {{ max: {max}, counts: [active, invited] }}").expect("a string");
        }
        text
    }

    fn parsed(text: &str) -> Rules {
        rules::parse(text, "rules.yaml", &|name| Err(format!("there is no {name}")))
            .unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"))
    }

    /// The rules of the store.
    pub(super) fn rules(&self) -> Rules {
        Self::parsed(&self.rules_text(true))
    }

    /// Rules under which the live state can be made: without limits.
    pub(super) fn open_rules(&self) -> Rules {
        Self::parsed(&self.rules_text(false))
    }

    /// What the settings allow.
    pub(super) fn policy(&self) -> Policy {
        Policy {
            scope: self.scope.clone(),
            locked_out: std::collections::BTreeSet::new(),
            left_since: std::collections::BTreeMap::new(),
            time_zone: jiff::tz::TimeZone::UTC,
            absent_users: if self.reports_absent { AbsentUsers::Report } else { AbsentUsers::Deactivate },
            catalog: if self.is_catalog_given { CatalogPolicy::Existing } else { CatalogPolicy::Create },
            grace: if self.has_grace { "30d" } else { "0d" }.parse().expect("a period"),
            min_admins: self.min_admins,
            own_account: self.own_account(),
            protected: self.protected.into_iter().map(|user| self.todays_key(user)).collect(),
        }
    }

    pub(super) fn own_account(&self) -> Option<String> {
        self.own.map(|user| if self.own_is_former { self.live_key(user) } else { self.declared_key(user) })
    }

    /// Keys of accounts that no plan may touch: protected ones, and services that no manifest names.
    pub(super) fn untouchable(&self) -> BTreeSet<String> {
        let service = self.live.keys().copied().filter(|user| *user == "svc" && !self.declared.contains_key(user));
        self.protected.into_iter().chain(service).map(|user| self.todays_key(user)).collect()
    }

    /// Whether who is absent loses all access.
    pub(super) fn strips_absent(&self) -> bool {
        self.strips
    }

    /// Whether the user with this key has a tombstone, so that nothing of the account need be left.
    pub(super) fn is_ended(&self, key: &str) -> bool {
        self.declared.iter().any(|(user, person)| person.status == "absent" && self::key(user) == *key)
    }

    /// The actions that make the live state in an empty store.
    pub(super) fn bootstrap(&self, names: &mut Names) -> Vec<Action> {
        let [parents, includes, roles] = self.turnover.live_links;
        let mut acts = Vec::new();
        for (name, rank, admin, all_sites) in ROLES {
            let role = act(ActionKind::CreateRole).role(&self.live_role(name)).after("admin", admin);
            let role = role.after("applies_to", ["organization", "site", "extra"]);
            let mut role = role.after("site_access", if all_sites { "all" } else { "selected" });
            if let Some(other) = linked(roles, name, ["operator", "viewer"]).filter(|other| !other.is_empty()) {
                role = role.after("includes", [self.live_role(other).as_str()]);
            }
            acts.push(rank.into_iter().fold(role, |role, rank| role.after("rank", rank)));
        }
        let reader = act(ActionKind::CreateRole).role(&self.live_role("reader"));
        acts.push(reader.after("rank", 1).after("applies_to", ["site"]));
        acts.push(act(ActionKind::CreateRole).role(LEGACY).after("rank", 5));
        for organization in LIVE {
            let name = self.live_organization(organization);
            let mut made = act(ActionKind::CreateOrganization).organization(&name);
            if let Some(other) = linked(parents, organization, ["north", "south"]).filter(|other| !other.is_empty()) {
                made = made.after("parent", self.live_organization(other).as_str());
            }
            acts.push(made);
            for site in SITES.into_iter().chain([OLD_SITE]) {
                let mut made =
                    act(ActionKind::CreateSite).organization(&name).site(&self.live_site(organization, site));
                if let Some(other) = linked(includes, site, SITES).filter(|other| !other.is_empty()) {
                    made = made.after("includes", [self.live_site(organization, other).as_str()]);
                }
                acts.push(made);
            }
        }
        let mut actions: Vec<Action> = acts.iter().map(|act| act.action(names)).collect();
        actions.extend(self.live.iter().map(|(user, person)| self.account(names, user, person)));
        actions
    }

    fn account(&self, names: &mut Names, user: &str, person: &Person) -> Action {
        let is_pending = ["invited", "preloaded"].contains(&person.status);
        let kind = if is_pending { ActionKind::InviteUser } else { ActionKind::CreateUser };
        let mut draft = act(kind).user(&self.live_key(user)).after("status", person.status);
        if let Some(name) = person.given_name {
            draft = draft.after("given_name", name);
        }
        let mut action = draft.action(names);
        let after = action.after.as_mut().expect("an account");
        if user == "svc" {
            after.facts.push(Fact::new(known::KIND, Value::Text(known::SERVICE)));
        }
        for (&organization, place) in &person.access {
            let site = |names: &mut Names, site: &str| names.intern(&self.live_site(organization, site));
            let name = names.intern(&self.live_organization(organization));
            let extra = if place.extra { vec![names.intern(&self.live_role("auditor"))] } else { Vec::new() };
            after.memberships.push(Membership {
                organization: name,
                role: Some(names.intern(&self.live_role(place.role))),
                extra_roles: names.list(&extra),
                default_site: place.default_site.map(|default| site(names, default)),
            });
            for (granted, role) in &place.sites {
                let site = site(names, granted);
                let role = role.map(|role| names.intern(&self.live_role(role)));
                after.grants.push(Grant { organization: name, site, role });
            }
        }
        action
    }
}

/// What one of a pair refers to, empty for nothing; `None` where it is none of them, or nothing is said.
fn linked<'a>(link: Link, name: &str, [first, second]: [&'a str; 2]) -> Option<&'a str> {
    let (is_first, other) = match name {
        name if name == first => (true, second),
        name if name == second => (false, first),
        _ => return None,
    };
    (link != Link::None).then(|| if link.is_of(is_first) { other } else { "" })
}
