//! What people can reach after a plan that they could not before, and the other way round: person by person, and summed
//! by organization and site.
//!
//! [`people`](super::people) compares what each person reaches before and after, and hands over what differs; so the
//! sums of people, the counts of guards and this agree. Deliberately absent: words, and what actions say themselves.

use std::collections::{BTreeMap, HashMap};

use super::diff::Draft;
use super::reach::{Catalogs, Place, Reach, Roles};
use super::{Inputs, Risk};
use crate::model::{ActionKind, Catalog, Fact, List, LiveView, Name, Value};

/// What a plan comes to for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Impact {
    /// Everybody who fares otherwise, or is mailed, sorted by text.
    pub people: Vec<PersonImpact>,
    /// By organization (no site) and by site, where somebody fares otherwise; [`known::PLATFORM`] is the whole platform.
    ///
    /// [`known::PLATFORM`]: crate::model::known::PLATFORM
    pub places: BTreeMap<(Name, Option<Name>), Shift>,
}

/// How one person fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonImpact {
    /// The key.
    pub user: Name,
    /// What becomes of the account.
    pub course: ImpactCourse,
    /// Whether they can do something that they could not.
    pub gains: bool,
    /// Whether they can't do something that they could.
    pub loses: bool,
    /// Whether they can do more in a way that matters (the risk `escalation`).
    pub escalation: bool,
    /// Mails that go out to them or about them.
    pub mails: u32,
    /// Where they reach something else, sorted by text.
    pub organizations: Vec<OrganizationImpact>,
    /// API access, access attributes and attributes that make an admin, where they change: the field, its value before
    /// and after.
    pub fields: Vec<(Name, Value, Value)>,
    /// Key, address and two-factor authentication of an account that is there, likewise.
    pub ways_in: Vec<(Name, Value, Value)>,
}

/// What becomes of the account of a person (`contract.md` §2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ImpactCourse {
    /// Account created, invited or reactivated.
    Joins,
    /// Account deactivated, stripped, closed or deleted, or invitation cancelled for good.
    Leaves,
    /// Neither of these.
    Stays,
}

/// How a person fares in one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationImpact {
    /// The organization; [`known::PLATFORM`](crate::model::known::PLATFORM) for the whole platform.
    pub organization: Name,
    /// Whether they reached nothing of it before.
    pub enters: bool,
    /// Whether they reach nothing of it afterwards.
    pub exits: bool,
    /// Whether they administer it, where that changes.
    pub admin: Option<bool>,
    /// What they reach otherwise in it: the organization itself first, then sites.
    pub places: Vec<PlaceImpact>,
}

/// Places of one organization in which a person gets from one set of roles to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceImpact {
    /// Sites; `None` for the organization itself.
    pub sites: Option<List>,
    /// Whether these are all the sites there are: afterwards, or before where they are not reached any more.
    pub every_site: bool,
    /// The roles there before, empty where one is there without; `None` where it was not reached.
    pub before: Option<List>,
    /// The roles there afterwards.
    pub after: Option<List>,
    /// Whether that gives something.
    pub gains: bool,
    /// Whether that takes something.
    pub loses: bool,
}

/// People who fare otherwise in one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shift {
    /// Those who reach it and did not.
    pub enter: u32,
    /// Those who reached it and do not any more.
    pub exit: u32,
    /// Those who can do something there that they could not, entering ones too.
    pub gain: u32,
    /// Those who can't do something there that they could, exiting ones too.
    pub lose: u32,
}

impl PersonImpact {
    /// Somebody of whom only the course is known.
    pub(super) const fn new(user: Name, course: ImpactCourse) -> Self {
        Self {
            user,
            course,
            gains: false,
            loses: false,
            escalation: false,
            mails: 0,
            organizations: Vec::new(),
            fields: Vec::new(),
            ways_in: Vec::new(),
        }
    }

    /// Whether there is anything to tell.
    pub(super) fn is_something(&self) -> bool {
        let is_touched = self.gains || self.loses || self.escalation || !self.ways_in.is_empty();
        self.course != ImpactCourse::Stays || is_touched || self.mails > 0
    }

    /// Where the person becomes an admin.
    pub fn becomes_admin_of(&self) -> impl Iterator<Item = Name> {
        self.organizations.iter().filter(|one| one.admin == Some(true)).map(|one| one.organization)
    }

    /// What the actions for this person say beside places: mails, fields that give access or take it, and ways in.
    pub(super) fn add_drafts(&mut self, inputs: &Inputs<'_>, drafts: &[&Draft]) {
        let is_told = |fact: &Fact| {
            let field = inputs.names.text(fact.field);
            fact.value.is_set() && (inputs.rules.is_access(field) || inputs.rules.is_admin_field(field))
        };
        for draft in drafts {
            let action = &draft.action;
            self.mails += u32::from(action.risk.contains(&Risk::Mail));
            let facts = |state: &Option<super::State>| state.iter().flat_map(|state| state.facts.clone()).collect();
            if matches!(action.kind, ActionKind::UpdateUser | ActionKind::RenameUser) {
                let is_way_in = |fact: &Fact| inputs.rules.is_way_in(inputs.names.text(fact.field));
                let of = |state| -> Vec<Fact> { Vec::into_iter(facts(state)).filter(is_way_in).collect() };
                add(&mut self.ways_in, &of(&action.before), &of(&action.after));
            }
            let (before, after): (Vec<Fact>, Vec<Fact>) = match action.kind {
                ActionKind::ChangeAccess => (facts(&action.before), facts(&action.after)),
                ActionKind::InviteUser | ActionKind::CreateUser => {
                    (Vec::new(), facts(&action.after).into_iter().filter(is_told).collect())
                }
                _ => continue,
            };
            add(&mut self.fields, &before, &after);
        }
    }

    /// The fields of an account that comes back, or ends.
    pub(super) fn add_account(&mut self, inputs: &Inputs<'_>, live: &LiveView<'_>) {
        let is_told = |fact: &&Fact| {
            let field = inputs.names.text(fact.field);
            fact.value.is_set() && (inputs.rules.is_access(field) || inputs.rules.is_admin_field(field))
        };
        let facts: Vec<Fact> = live.facts.iter().filter(is_told).copied().collect();
        match self.course {
            ImpactCourse::Joins => add(&mut self.fields, &[], &facts),
            ImpactCourse::Leaves => add(&mut self.fields, &facts, &[]),
            ImpactCourse::Stays => {}
        }
    }
}

/// Adds fields that change, where one may have changed before.
fn add(fields: &mut Vec<(Name, Value, Value)>, before: &[Fact], after: &[Fact]) {
    let value = |facts: &[Fact], field: Name| {
        facts.iter().find(|fact| fact.field == field).map_or(Value::Null, |fact| fact.value)
    };
    for field in before.iter().chain(after).map(|fact| fact.field) {
        let (was, is) = (value(before, field), value(after, field));
        match fields.iter_mut().find(|(known, _, _)| *known == field) {
            Some((_, _, known)) => *known = is,
            None => fields.push((field, was, is)),
        }
    }
}

/// Places of one organization with the same change, by it.
type Alike = BTreeMap<PlaceImpact, Vec<Name>>;

/// Where a person reaches something else afterwards.
pub(super) fn compared(catalogs: &Catalogs<'_>, before: &Reach, after: &Reach) -> Vec<OrganizationImpact> {
    let names = catalogs.names;
    let mut changed: BTreeMap<Name, Alike> = BTreeMap::new();
    let mut compare = |(organization, site): Place, from: Option<&Roles>, to: Option<&Roles>| {
        let (gains, loses) = match (from, to) {
            (Some(from), Some(to)) => (catalogs.adds(from, to), catalogs.takes(from, to)),
            (from, to) => (to.is_some(), from.is_some()),
        };
        if gains || loses {
            let list = |roles: Option<&Roles>| roles.map(|roles| names.list(&roles.named()));
            let (before, after, sites) = (list(from), list(to), site.map(|_| List::EMPTY));
            let alike = PlaceImpact { sites, every_site: false, before, after, gains, loses };
            changed.entry(organization).or_default().entry(alike).or_default().extend(site);
        }
    };
    for (&place, from) in before {
        compare(place, Some(from), after.get(&place));
    }
    for (&place, to) in after.iter().filter(|(place, _)| !before.contains_key(place)) {
        compare(place, None, Some(to));
    }
    let organizations = changed.into_iter().map(|(organization, alike)| {
        let reaches = |reach: &Reach| {
            reach.range((organization, None)..).next().is_some_and(|(place, _)| place.0 == organization)
        };
        let was_admin = administers(&catalogs.before, before, organization);
        let is_admin = administers(&catalogs.after, after, organization);
        OrganizationImpact {
            organization,
            enters: !reaches(before),
            exits: !reaches(after),
            admin: (was_admin != is_admin).then_some(is_admin),
            places: places(catalogs, organization, alike),
        }
    });
    let mut organizations: Vec<OrganizationImpact> = organizations.collect();
    organizations.sort_by_key(|one| names.text(one.organization));
    organizations
}

/// Whether somebody is an admin of an organization by a role there.
fn administers(catalog: &Catalog, reach: &Reach, organization: Name) -> bool {
    let roles = reach.get(&(organization, None)).map(Roles::named).unwrap_or_default();
    roles.iter().any(|role| catalog.roles.get(role).is_some_and(|role| role.admin))
}

/// The organization itself first, then sites by their names.
fn places(catalogs: &Catalogs<'_>, organization: Name, alike: Alike) -> Vec<PlaceImpact> {
    let names = catalogs.names;
    let mut places: Vec<(&str, PlaceImpact)> = alike
        .into_iter()
        .map(|(place, sites)| {
            let catalog = if place.after.is_some() { &catalogs.after } else { &catalogs.before };
            let there = catalog.organizations.get(&organization).map(|organization| &organization.sites);
            let is_every = |there: &BTreeMap<Name, _>| {
                there.len() == sites.len() && sites.iter().all(|site| there.contains_key(site))
            };
            let first = sites.iter().map(|&site| names.text(site)).min().unwrap_or_default();
            let every_site = place.sites.is_some() && there.is_some_and(is_every);
            (first, PlaceImpact { sites: place.sites.map(|_| names.list(&sites)), every_site, ..place })
        })
        .collect();
    places.sort_unstable_by_key(|(first, place)| (place.sites.is_some(), *first));
    places.into_iter().map(|(_, place)| place).collect()
}

impl Impact {
    /// Sums up these people, and sorts them.
    pub(super) fn of(inputs: &Inputs<'_>, mut people: Vec<PersonImpact>) -> Self {
        let names = inputs.names;
        people.retain(PersonImpact::is_something);
        people.sort_unstable_by_key(|person| names.text(person.user));
        let mut shifts: BTreeMap<(Name, Option<Name>), Shift> = BTreeMap::new();
        // What many people have alike is taken apart once.
        let mut alike: HashMap<(Name, PlaceImpact), u32> = HashMap::new();
        for organization in people.iter().flat_map(|person| &person.organizations) {
            let OrganizationImpact { organization, enters, exits, admin: _, places } = organization;
            let shift = shifts.entry((*organization, None)).or_default();
            shift.enter += u32::from(*enters);
            shift.exit += u32::from(*exits);
            shift.gain += u32::from(places.iter().any(|place| place.gains));
            shift.lose += u32::from(places.iter().any(|place| place.loses));
            for place in places.iter().filter(|place| place.sites.is_some()) {
                *alike.entry((*organization, *place)).or_default() += 1;
            }
        }
        for ((organization, place), people) in alike {
            for &site in names.elements(place.sites.unwrap_or(List::EMPTY)).iter() {
                let shift = shifts.entry((organization, Some(site))).or_default();
                let counts = |is: bool| if is { people } else { 0 };
                shift.enter += counts(place.before.is_none());
                shift.exit += counts(place.after.is_none());
                shift.gain += counts(place.gains);
                shift.lose += counts(place.loses);
            }
        }
        Self { people, places: shifts }
    }
}
