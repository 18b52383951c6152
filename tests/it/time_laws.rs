//! Laws of time: what holds at a time is what a naive reading of the dates gives, and nothing changes between a plan
//! and the moment until which it says that it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use rollcall::manifest::{self, Reading};
use rollcall::model::{LiveState, Names, Standing};
use rollcall::plan::{AbsentUsers, CatalogPolicy, Inputs, Policy, StoreRef, plan};
use rollcall::rules::{OnBoarding, Rules};
use rollcall::source::Sources;

const USERS: [&str; 3] = ["ana@example.com", "ben@example.com", "kim@example.com"];
const ORGANIZATIONS: [&str; 2] = ["north", "south"];
const SITES: [&str; 2] = ["pit-1", "pit-2"];
const ROLES: [&str; 3] = ["viewer", "operator", "manager"];

/// Days of January 2027; an end is the end of its day.
#[derive(Debug, Clone, Copy, Default)]
struct Dates {
    starts: Option<u8>,
    expires: Option<u8>,
}

impl Dates {
    fn text(self) -> String {
        let field =
            |name: &str, day: Option<u8>| day.map_or(String::new(), |day| format!(", {name}: 2027-01-{day:02}"));
        field("starts", self.starts) + &field("expires", self.expires)
    }

    /// In hours of January, in UTC.
    fn holds(self, hour: u32) -> bool {
        let begins = self.starts.map_or(0, |day| u32::from(day - 1) * 24);
        let ends = self.expires.map_or(u32::MAX, |day| u32::from(day) * 24);
        begins <= hour && hour < ends
    }
}

/// What one source gives in one organization.
#[derive(Debug, Clone)]
struct Row {
    role: Option<usize>,
    sites: BTreeSet<usize>,
    dates: Dates,
}

/// A user, or a team with its members.
#[derive(Debug, Clone, Default)]
struct Giver {
    members: BTreeSet<usize>,
    rows: BTreeMap<usize, Row>,
}

#[derive(Debug, Clone)]
struct World {
    users: Vec<(Dates, Giver)>,
    teams: Vec<Giver>,
    /// Organization, site, users, dates.
    grants: Vec<(usize, usize, BTreeSet<usize>, Dates)>,
    /// User and first day.
    leavers: BTreeMap<usize, Option<u8>>,
}

fn dates() -> impl Strategy<Value = Dates> {
    let day = || prop::option::weighted(0.4, 2..6_u8);
    (day(), day()).prop_map(|(starts, expires)| match (starts, expires) {
        (Some(starts), Some(expires)) if expires < starts => Dates { starts: Some(expires), expires: Some(starts) },
        (starts, expires) => Dates { starts, expires },
    })
}

fn rows() -> impl Strategy<Value = BTreeMap<usize, Row>> {
    let row = (prop::option::weighted(0.8, 0..ROLES.len()), prop::collection::btree_set(0..SITES.len(), 0..2), dates());
    let row = row.prop_map(|(role, mut sites, dates)| {
        // A source that gives nothing at all is a mistake.
        if role.is_none() && sites.is_empty() {
            sites.insert(0);
        }
        Row { role, sites, dates }
    });
    prop::collection::btree_map(0..ORGANIZATIONS.len(), row, 0..3)
}

fn world() -> impl Strategy<Value = World> {
    let everybody = || prop::collection::btree_set(0..USERS.len(), 0..3);
    let user = (dates(), rows()).prop_map(|(dates, rows)| (dates, Giver { members: BTreeSet::new(), rows }));
    let team = (everybody(), rows()).prop_map(|(members, rows)| Giver { members, rows });
    let grant = (0..ORGANIZATIONS.len(), 0..SITES.len(), everybody(), dates());
    (
        prop::collection::vec(user, USERS.len()),
        prop::collection::vec(team, 0..3),
        prop::collection::vec(grant, 0..4),
        prop::collection::btree_map(0..USERS.len(), prop::option::of(2..6_u8), 0..2),
    )
        .prop_map(|(users, teams, grants, leavers)| World { users, teams, grants, leavers })
}

fn access(rows: &BTreeMap<usize, Row>) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|(&organization, row)| {
            let sites: Vec<&str> = row.sites.iter().map(|&site| SITES[site]).collect();
            let role = row.role.map_or(String::new(), |role| format!("role: {}, ", ROLES[role]));
            format!("{}: {{ {role}sites: [{}]{} }}", ORGANIZATIONS[organization], sites.join(", "), row.dates.text())
        })
        .collect();
    format!("{{ {} }}", rows.join(", "))
}

impl World {
    fn manifest(&self) -> String {
        let mut text = String::from(
            "organizations: { north: { sites: { pit-1: {}, pit-2: {} } }, south: { sites: { pit-1: {}, pit-2: {} } } }\n\
             roles: { viewer: { rank: 10 }, operator: { rank: 20 }, manager: { rank: 40 } }\nusers:\n",
        );
        for (key, (dates, giver)) in USERS.iter().zip(&self.users) {
            writeln!(text, "  {key}: {{ access: {}{} }}", access(&giver.rows), dates.text()).unwrap();
        }
        text.push_str("teams: {}\n".replace("{}", "").as_str());
        for (number, team) in self.teams.iter().enumerate() {
            let members: Vec<&str> = team.members.iter().map(|&user| USERS[user]).collect();
            writeln!(text, "  t{number}: {{ members: [{}], access: {} }}", members.join(", "), access(&team.rows))
                .unwrap();
        }
        if self.teams.is_empty() {
            text = text.replace("teams: \n", "");
        }
        if !self.grants.is_empty() {
            text.push_str("site_grants:\n");
        }
        for (organization, site, users, dates) in &self.grants {
            let users: Vec<&str> = users.iter().map(|&user| USERS[user]).collect();
            let site = format!("{}/{}", ORGANIZATIONS[*organization], SITES[*site]);
            writeln!(text, "  - {{ site: {site}, users: [{}]{} }}", users.join(", "), dates.text()).unwrap();
        }
        if !self.leavers.is_empty() {
            text.push_str("inactive:\n");
        }
        for (&user, from) in &self.leavers {
            match from {
                Some(day) => writeln!(text, "  - {{ user: {}, from: 2027-01-{day:02} }}", USERS[user]).unwrap(),
                None => writeln!(text, "  - {}", USERS[user]).unwrap(),
            }
        }
        text
    }

    fn sources(&self, user: usize) -> impl Iterator<Item = (usize, &Row)> {
        let teams = self.teams.iter().filter(move |team| team.members.contains(&user));
        let givers = std::iter::once(&self.users[user].1).chain(teams);
        givers.flat_map(|giver| giver.rows.iter().map(|(&organization, row)| (organization, row)))
    }

    /// Whether the language allows it whatever the day: no grant without a membership from any source.
    fn is_valid(&self) -> bool {
        (0..USERS.len()).all(|user| {
            let is_member =
                |place| self.sources(user).any(|(organization, row)| organization == place && row.role.is_some());
            let by_row = self.sources(user).all(|(place, row)| row.sites.is_empty() || is_member(place));
            by_row && self.grants.iter().all(|(place, _, users, _)| !users.contains(&user) || is_member(*place))
        })
    }

    /// Roles by organization and sites of a user at this hour, read off the dates.
    fn expected(&self, user: usize, hour: u32) -> (BTreeMap<&str, &str>, BTreeSet<(&str, &str)>) {
        let mut roles: BTreeMap<usize, usize> = BTreeMap::new();
        let mut sites: BTreeSet<(usize, usize)> = BTreeSet::new();
        for (organization, row) in self.sources(user).filter(|(_, row)| row.dates.holds(hour)) {
            if let Some(role) = row.role {
                let best = roles.entry(organization).or_insert(role);
                *best = role.max(*best);
            }
            sites.extend(row.sites.iter().map(|&site| (organization, site)));
        }
        for (organization, site, users, dates) in &self.grants {
            if users.contains(&user) && dates.holds(hour) {
                sites.insert((*organization, *site));
            }
        }
        let sites = sites.into_iter().filter(|(organization, _)| roles.contains_key(organization));
        (
            roles.iter().map(|(&organization, &role)| (ORGANIZATIONS[organization], ROLES[role])).collect(),
            sites.map(|(organization, site)| (ORGANIZATIONS[organization], SITES[site])).collect(),
        )
    }

    /// `in`, `not yet` or `out`.
    fn expected_standing(&self, user: usize, hour: u32) -> &'static str {
        let left = self.leavers.get(&user).is_some_and(|from| from.is_none_or(|day| u32::from(day - 1) * 24 <= hour));
        let dates = self.users[user].0;
        if left || dates.expires.is_some_and(|day| u32::from(day) * 24 <= hour) {
            "out"
        } else if dates.starts.is_some_and(|day| hour < u32::from(day - 1) * 24) {
            "not yet"
        } else {
            "in"
        }
    }
}

fn at(hour: u32) -> Timestamp {
    "2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap().checked_add(i64::from(hour).hours()).unwrap()
}

struct Scene {
    names: Names,
    desired: rollcall::model::Desired,
    rules: Rules,
    policy: Policy,
    store: StoreRef,
    live: LiveState,
}

impl Scene {
    fn new(text: &str) -> Self {
        let rules = Rules { onboarding: Some(OnBoarding::Create), ..Rules::default() };
        let mut names = Names::new();
        let mut sources = Sources::memory([("access/all.yaml".to_owned(), text.as_bytes().to_vec())]);
        let reading = Reading { rules: &rules, time_zone: &TimeZone::UTC };
        let loaded = manifest::load(&mut names, reading, &mut sources, &["access".to_owned()]);
        assert!(!loaded.has_errors(), "{:#?}\n{text}", loaded.diagnostics);
        let policy = Policy {
            scope: rollcall::plan::Scope::ALL,
            locked_out: std::collections::BTreeSet::new(),
            left_since: std::collections::BTreeMap::new(),
            time_zone: jiff::tz::TimeZone::UTC,
            absent_users: AbsentUsers::Deactivate,
            catalog: CatalogPolicy::Create,
            grace: "30d".parse().expect("a period"),
            min_admins: 0,
            own_account: None,
            protected: Vec::new(),
        };
        let store = StoreRef {
            name: "local".to_owned(),
            kind: "test".to_owned(),
            id: "test".to_owned(),
            address: String::new(),
        };
        Self { names, desired: loaded.desired, rules, policy, store, live: LiveState::default() }
    }

    fn inputs(&self, at: Timestamp) -> Inputs<'_> {
        let Self { names, desired, rules, policy, store, live } = self;
        Inputs { names, desired, live, rules, policy, store, at }
    }
}

proptest! {
    #[test]
    fn what_holds_is_what_the_dates_say(world in world().prop_filter("valid", World::is_valid), hour in 0..168_u32) {
        let scene = Scene::new(&world.manifest());
        let inputs = scene.inputs(at(hour));
        for (number, key) in USERS.iter().enumerate() {
            let user = scene.desired.find(scene.names.find(key).unwrap()).unwrap();
            let standing = match user.standing(at(hour)) {
                Standing::Wanted(_) => "in",
                Standing::NotYet(_) => "not yet",
                Standing::Expired(_) | Standing::Left(_) => "out",
            };
            prop_assert_eq!(standing, world.expected_standing(number, hour), "{}", key);
            let text = |name| scene.names.text(name);
            let effective = inputs.effective(&user);
            let roles = effective.memberships.iter().map(|one| (text(one.organization), text(one.role.unwrap())));
            let sites = effective.grants.iter().map(|one| (text(one.organization), text(one.site)));
            prop_assert_eq!((roles.collect(), sites.collect()), world.expected(number, hour), "{}\n{}", key, world.manifest());
        }
    }

    #[test]
    fn nothing_changes_before_a_plan_says_so(world in world().prop_filter("valid", World::is_valid), hour in 0..168_u32) {
        let scene = Scene::new(&world.manifest());
        let first = plan(&scene.inputs(at(hour))).unwrap();
        let last = first.valid_until.map_or(at(400), |until| until.checked_sub(1.second()).unwrap());
        prop_assert!(first.valid_until.is_none_or(|until| until > at(hour)));
        let again = plan(&scene.inputs(last)).unwrap();
        prop_assert_eq!(&again.digest, &first.digest);
        prop_assert_eq!(again.valid_until, first.valid_until);
        prop_assert_eq!(again.desired, first.desired, "the meaning of the manifests does not depend on the clock");
    }

    #[test]
    fn what_is_told_to_end_ends_then(world in world().prop_filter("valid", World::is_valid), hour in 0..168_u32) {
        let scene = Scene::new(&world.manifest());
        let found = plan(&scene.inputs(at(hour))).unwrap();
        let rank = |scene: &Scene, role: Option<_>| role.map(|role| ROLES.iter().position(|&one| one == scene.names.text(role)));
        for ending in &found.expiring {
            let identity = ending.user;
            let user = scene.desired.find(identity).unwrap();
            let before = scene.inputs(ending.at.checked_sub(1.second()).unwrap());
            let after = scene.inputs(ending.at);
            match (ending.organization, ending.site) {
                (None, _) => prop_assert!(matches!(user.standing(ending.at), Standing::Expired(_) | Standing::Left(_))),
                (Some(organization), site) => {
                    let role = |inputs: &Inputs<'_>| {
                        let effective = inputs.effective(&user);
                        match site {
                            None => effective.memberships.iter().find(|one| one.organization == organization).map(|one| one.role),
                            Some(site) => effective.grants.iter().find(|one| (one.organization, one.site) == (organization, site)).map(|one| one.role),
                        }
                    };
                    let (was, is) = (role(&before), role(&after));
                    prop_assert!(was.is_some());
                    let falls = match (was, is) {
                        (Some(was), Some(is)) => rank(&scene, is) < rank(&scene, was),
                        (_, is) => is.is_none(),
                    };
                    prop_assert!(falls, "{:?}\n{}", ending, world.manifest());
                }
            }
        }
    }
}
