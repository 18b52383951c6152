//! Generated worlds for the whole loop: what is declared, as the text of manifests; what is live, as the actions that
//! make it; and the rules between them, as the text of a rule set.

mod scoped;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use rollcall::model::{ActionKind, Fact, Grant, LeftAlone, Membership, Names, Value, known};
use rollcall::plan::{AbsentUsers, Action, CatalogPolicy, Policy, Scope};
use rollcall::rules::{self, Rules};

pub(super) use self::scoped::scopes;
use crate::support::actions::act;

/// Live are `north`, `south` and `attic`; declared are `north`, `south` and `west`.
const DECLARED: [&str; 3] = ["north", "south", "west"];
const LIVE: [&str; 3] = ["north", "south", "attic"];
/// The organization that no manifest names.
pub(super) const UNDECLARED: &str = "attic";
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
    (status, given_name(), access(LIVE)).prop_map(|(status, given_name, access)| Person {
        status,
        given_name,
        access,
        is_left: false,
    })
}

fn declared_person() -> impl Strategy<Value = Person> {
    let status = prop_oneof![7 => Just(""), 2 => Just("active"), 1 => Just("inactive"), 1 => Just("preloaded")];
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
    let switches = prop::collection::vec(prop::bool::weighted(0.4), 11);
    (people, numbers, switches).prop_map(|(people, (seats, min_admins, own, protected), on)| {
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
        }
    })
}

pub(super) fn key(user: &str) -> String {
    format!("{user}@example.com")
}

fn membership_text(place: &Place) -> String {
    if place.left.membership {
        return "unmanaged".to_owned();
    }
    let mut text = format!("{{ role: {}", if place.left.role { "unmanaged" } else { place.role });
    if place.left.extra_roles {
        text.push_str(", extra_roles: unmanaged");
    }
    if place.left.sites {
        text.push_str(", sites: unmanaged");
    }
    if place.extra {
        text.push_str(", extra_roles: [auditor]");
    }
    if let Some(site) = place.default_site {
        write!(text, ", default_site: {site}").expect("a string");
    }
    // A mapping has a role for each of its sites.
    let sites: Vec<String> =
        place.sites.iter().map(|(site, role)| format!("{site}: {}", role.unwrap_or("reader"))).collect();
    if place.sites.values().all(Option::is_none) {
        let sites: Vec<&str> = place.sites.keys().copied().collect();
        if !sites.is_empty() {
            write!(text, ", sites: [{}]", sites.join(", ")).expect("a string");
        }
    } else {
        write!(text, ", sites: {{ {} }}", sites.join(", ")).expect("a string");
    }
    text + " }"
}

fn keys(users: &BTreeSet<&str>) -> String {
    users.iter().map(|user| key(user)).collect::<Vec<_>>().join(", ")
}

impl World {
    /// The manifests, as somebody would write them.
    pub(super) fn manifests(&self) -> Vec<(String, String)> {
        let mut catalog = String::from("organizations:\n");
        for organization in &self.organizations {
            writeln!(catalog, "  {organization}:\n    sites: {{ pit-1: {{ default: true }}, pit-2: {{}} }}")
                .expect("a string");
        }
        catalog.push_str("roles:\n");
        for (name, rank, admin, all_sites) in ROLES {
            let admin = admin || (self.role_flips && name == "operator");
            write!(catalog, "  {name}: {{ applies_to: [organization, site, extra], admin: {admin}").expect("a string");
            if let Some(rank) = rank {
                write!(catalog, ", rank: {rank}").expect("a string");
            }
            let access = if all_sites { "all" } else { "selected" };
            writeln!(catalog, ", site_access: {access} }}").expect("a string");
        }
        catalog.push_str("  reader: { rank: 1, applies_to: [site] }\n");
        let mut people = String::new();
        if !self.declared.is_empty() {
            people.push_str("users:\n");
        }
        for (user, person) in &self.declared {
            writeln!(people, "  {}:", key(user)).expect("a string");
            if let Some(name) = person.given_name {
                writeln!(people, "    given_name: {name}").expect("a string");
            }
            if !person.status.is_empty() {
                writeln!(people, "    status: {}", person.status).expect("a string");
            }
            if *user == "svc" {
                people.push_str("    kind: service\n");
            }
            if person.is_left {
                people.push_str("    access: unmanaged\n");
                continue;
            }
            let places: Vec<String> =
                person.access.iter().map(|(name, place)| format!("{name}: {}", membership_text(place))).collect();
            writeln!(people, "    access: {{ {} }}", places.join(", ")).expect("a string");
        }
        let mut teams = format!("teams:\n  crew:\n    members: [{}]\n", keys(&self.team));
        if self.is_in_scope("south") {
            teams.push_str("    access: { south: { role: viewer, sites: [\"pit-*\"] } }\n");
        }
        if !self.granted.is_empty() && self.is_in_scope("north") {
            writeln!(teams, "site_grants:\n  - {{ site: north/pit-2, users: [{}] }}", keys(&self.granted))
                .expect("a string");
        }
        [("catalog", catalog), ("people", people), ("teams", teams)]
            .map(|(name, text)| (format!("access/{name}.yaml"), text))
            .into()
    }

    fn rules_text(&self, has_limits: bool) -> String {
        let amount = if self.carries_one && has_limits { "1" } else { "all" };
        let strips = self.strips && has_limits;
        let mut text = format!(
            "extends: default\nonboarding: {}\noffboarding: [{}]\nrole_change: {}\n",
            if self.invites || !has_limits { "invite" } else { "create" },
            if strips { "strip" } else { "deactivate" },
            if self.removes_then_adds { "remove_then_add" } else { "replace" },
        );
        write!(
            text,
            "allows: {{ delete: null }}\nundo: {{ deactivate: {}, strip: {}, delete: null }}\nreactivation: {{ inactive_takes: {} }}\ninvitations:\n  cancel: {}\n  \
             carries: {{ organizations: {amount}, sites: {amount}, extra_roles: {} }}\n  pending_takes: {{ role: {takes}, \
             sites: {takes} }}\n",
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
            absent_users: if self.reports_absent { AbsentUsers::Report } else { AbsentUsers::Deactivate },
            catalog: if self.is_catalog_given { CatalogPolicy::Existing } else { CatalogPolicy::Create },
            grace: "30d".parse().expect("a period"),
            min_admins: self.min_admins,
            own_account: self.own_account(),
            protected: self.protected.into_iter().map(key).collect(),
        }
    }

    pub(super) fn own_account(&self) -> Option<String> {
        self.own.map(key)
    }

    /// Keys of accounts that no plan may touch: protected ones, and services that no manifest names.
    pub(super) fn untouchable(&self) -> BTreeSet<String> {
        let service = self.live.keys().copied().filter(|user| *user == "svc" && !self.declared.contains_key(user));
        self.protected.into_iter().chain(service).map(key).collect()
    }

    /// Whether who is absent loses all access.
    pub(super) fn strips_absent(&self) -> bool {
        self.strips
    }

    /// The actions that make the live state in an empty store.
    pub(super) fn bootstrap(&self, names: &mut Names) -> Vec<Action> {
        let mut acts = Vec::new();
        for (name, rank, admin, all_sites) in ROLES {
            let role = act(ActionKind::CreateRole).role(name).after("admin", admin);
            let role = role.after("applies_to", ["organization", "site", "extra"]);
            let role = role.after("site_access", if all_sites { "all" } else { "selected" });
            acts.push(rank.into_iter().fold(role, |role, rank| role.after("rank", rank)));
        }
        acts.push(act(ActionKind::CreateRole).role("reader").after("rank", 1).after("applies_to", ["site"]));
        for organization in LIVE {
            acts.push(act(ActionKind::CreateOrganization).organization(organization));
            for site in SITES.into_iter().chain(["old-pit"]) {
                let site = act(ActionKind::CreateSite).organization(organization).site(site);
                acts.push(site);
            }
        }
        let mut actions: Vec<Action> = acts.iter().map(|act| act.action(names)).collect();
        actions.extend(self.live.iter().map(|(user, person)| account(names, user, person)));
        actions
    }
}

fn account(names: &mut Names, user: &str, person: &Person) -> Action {
    let is_pending = ["invited", "preloaded"].contains(&person.status);
    let kind = if is_pending { ActionKind::InviteUser } else { ActionKind::CreateUser };
    let mut draft = act(kind).user(&key(user)).after("status", person.status);
    if let Some(name) = person.given_name {
        draft = draft.after("given_name", name);
    }
    let mut action = draft.action(names);
    let after = action.after.as_mut().expect("an account");
    if user == "svc" {
        after.facts.push(Fact::new(known::KIND, Value::Text(known::SERVICE)));
    }
    for (organization, place) in &person.access {
        let organization = names.intern(organization);
        let extra = if place.extra { vec![names.intern("auditor")] } else { Vec::new() };
        after.memberships.push(Membership {
            organization,
            role: Some(names.intern(place.role)),
            extra_roles: names.list(&extra),
            default_site: place.default_site.map(|site| names.intern(site)),
        });
        for (site, role) in &place.sites {
            let (site, role) = (names.intern(site), role.map(|role| names.intern(role)));
            after.grants.push(Grant { organization, site, role });
        }
    }
    action
}
