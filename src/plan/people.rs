//! How people fare by a plan, each counted once in each column that fits (`contract.md` §2), and what single actions
//! come to for people beyond what they say.
//!
//! Whoever joins or leaves is told by the account. For all others the access before is compared with the access after
//! all actions of the plan, both with what they reach in the catalog of that time: through roles that reach every
//! site, through what sites and organizations include, and by roles as they are then. Who is invited counts like who
//! is in (`contract.md` §4): by a change of the catalog the invitation comes to more or less. Of an account whose
//! invitation is not sent only its own actions count.

mod moves;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use self::moves::{Turn, nobody};
use super::census::{self, Census, Course, Fate, Included, Loss, is_counted};
use super::diff::Draft;
use super::held::{Changed, Held, after, change};
use super::impact::{self, Impact, ImpactCourse, OrganizationImpact, PersonImpact};
use super::reach::{Catalogs, Reach, reach, with_vendor};
use super::through::{Through, through};
use super::{Inputs, People, State, Subject};
use crate::model::{
    ActionKind, Catalog, Grant, List, LiveView, Membership, Name, Previous, Role, Status, UserView, Value, known,
};

/// What actions come to for people beyond what they say themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// By subject, of changes of the catalog: whose reach they change. Those that change nobody's are left out.
    pub affected: BTreeMap<Subject, Affected>,
    /// By user, of reactivations, invitations that go out and renames: the access that comes with them.
    pub opens: BTreeMap<Name, State>,
    /// By user and organization, where the role reaches every site on one side only: the sites before and after.
    pub sites: BTreeMap<(Name, Name), SiteChange>,
    /// Roles that are not as declared and stay as they are, where roles are not changed.
    pub kept_roles: BTreeMap<Name, Role>,
    /// By place that actions give, where it includes others: all that is reached through it, itself as well.
    pub through: Through,
    /// By organization: how many sites it has after the plan, whether or not a manifest names them.
    pub site_counts: BTreeMap<Name, usize>,
    /// What people reach afterwards that they could not before, and the other way round.
    pub impact: Impact,
}

/// Whose reach a change of the catalog changes, each list sorted by text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// Keys of people who can do more by it.
    pub gain: Vec<Name>,
    /// Keys of people who can do less by it.
    pub lose: Vec<Name>,
    /// Where: organizations; [`known::PLATFORM`] for the whole platform.
    pub organizations: Vec<Name>,
}

/// The sites of a person in an organization before and after a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteChange {
    /// Before.
    pub before: Sites,
    /// After.
    pub after: Sites,
}

/// Some sites of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sites {
    /// Every one, and how many there are.
    Every(usize),
    /// These.
    Some(List),
}

/// How one person fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fare {
    gains: bool,
    loses: bool,
}

/// Everything that is the same for all people.
struct Context<'a> {
    inputs: &'a Inputs<'a>,
    catalogs: Catalogs<'a>,
    /// The catalog of after the plan on both sides: of what was not offered yet nothing is changed by the catalog.
    unsent: Catalogs<'a>,
    /// Executed changes of the catalog that may change somebody's reach.
    changed: Vec<(Subject, Changed)>,
    /// Organizations whose members may fare otherwise by them.
    touched: BTreeSet<Name>,
    /// What organizations include before the plan and after it.
    included: [Included; 2],
}

/// One person before and after.
struct Person {
    key: Name,
    fare: Fare,
    /// The places of changes in [`Context::changed`] that let this person do more or less, and where.
    by: Vec<(usize, Fare, Vec<Name>)>,
    sites: Vec<(Name, SiteChange)>,
    fate: Fate,
    /// Where something else is reached.
    organizations: Vec<OrganizationImpact>,
}

/// Counts the people of these drafts, which stand in the order of the plan.
pub(super) fn count<'a>(inputs: &Inputs<'_>, drafts: impl Iterator<Item = &'a Draft>) -> (People, Effects, Census) {
    let mut of_users: BTreeMap<Name, Vec<&Draft>> = BTreeMap::new();
    let mut of_catalog: Vec<&Draft> = Vec::new();
    let aliases = aliases(inputs);
    for draft in drafts {
        match draft.action.subject.user {
            Some(user) => of_users.entry(aliases.get(&user).copied().unwrap_or(user)).or_default().push(draft),
            None => of_catalog.push(draft),
        }
    }
    let context = Context::new(inputs, &of_catalog);
    let (mut people, mut effects) = (People::default(), Effects::default());
    let mut told: BTreeSet<usize> = BTreeSet::new();
    let mut persons: Vec<Person> = Vec::new();
    let mut census = census::population(inputs, &context.included[0]);
    for (&key, drafts) in &of_users {
        let is = |kinds: fn(ActionKind) -> bool| drafts.iter().any(|draft| kinds(draft.action.kind));
        let turn = Turn::of(inputs, key, drafts);
        let Turn { starts, ends, is_sent } = turn;
        people.join += u32::from(turn.course() == ImpactCourse::Joins);
        people.leave += u32::from(turn.course() == ImpactCourse::Leaves);
        // Who never was there, or is gone, has nothing to compare; who comes back is told what comes back.
        let opens = is(|kind| matches!(kind, ActionKind::ReactivateUser | ActionKind::SendInvitation));
        if (starts != ends || is_sent) && !opens {
            match find(inputs, key) {
                Some(live) if ends => {
                    told.insert(live.row);
                    census.add(&context.leaves(&live));
                }
                Some(_) => {}
                None => census.add(&context.enters(key, drafts)),
            }
            continue;
        }
        let Some(live) = find(inputs, key) else { continue };
        told.insert(live.row);
        let after = after(inputs, &live, drafts, &mut effects.opens);
        // Who is locked out and stays so reaches nothing on either side.
        let is_locked_out = matches!(live.status, Status::Inactive | Status::Closed);
        if starts && is_locked_out {
            census.add(&context.comes_back(&live, &after));
        }
        if starts == ends && !is_locked_out {
            let mut person = context.person(key, &live, &after);
            // API access and access attributes are no places.
            for draft in drafts.iter().filter(|draft| draft.action.kind == ActionKind::ChangeAccess) {
                person.fare.gains |= draft.gains;
                person.fare.loses |= draft.loses;
                person.fate.loses_power |= draft.loses;
            }
            persons.push(person);
        }
    }
    if !context.changed.is_empty() {
        let others = (0..inputs.live.len()).into_par_iter().filter_map(|row| {
            let live = inputs.live.user(row);
            let is_meant = is_counted(live.status) && !told.contains(&row);
            let may_change = || context.may_change(&live);
            (is_meant && may_change()).then(|| context.person(key_of(inputs, &live), &live, &Held::of(&live)))
        });
        persons.par_extend(others);
    }
    let mut impacts = context.impacts(&of_users);
    for Person { key, fare, by, sites, fate, organizations } in persons {
        census.add(&fate);
        let impact = impacts.entry(key).or_insert_with(|| PersonImpact::new(key, ImpactCourse::Stays));
        (impact.gains, impact.loses, impact.organizations) = (fare.gains, fare.loses, organizations);
        people.gain += u32::from(fare.gains);
        people.lose += u32::from(fare.loses);
        for (changed, fare, organizations) in by {
            let affected = effects.affected.entry(context.changed[changed].0).or_default();
            affected.gain.extend(fare.gains.then_some(key));
            affected.lose.extend(fare.loses.then_some(key));
            affected.organizations.extend(organizations);
        }
        effects.sites.extend(sites.into_iter().map(|(organization, change)| ((key, organization), change)));
    }
    for Affected { gain, lose, organizations } in effects.affected.values_mut() {
        for list in [gain, lose, organizations] {
            list.sort_unstable_by_key(|&name| inputs.names.text(name));
            list.dedup();
        }
    }
    effects.kept_roles = kept_roles(inputs);
    let given = of_users.values().flatten().map(|draft| &draft.action);
    effects.through = through(inputs.names, &context.catalogs.after, given);
    let organizations = context.catalogs.after.organizations.iter();
    effects.site_counts = organizations.map(|(&name, organization)| (name, organization.sites.len())).collect();
    let drafts = of_users.iter().map(|(&user, drafts)| (user, &drafts[..]));
    for escalated in census.add_actions(&effects, drafts, &of_catalog) {
        let impact = impacts.entry(escalated).or_insert_with(|| PersonImpact::new(escalated, ImpactCourse::Stays));
        impact.escalation = true;
    }
    effects.impact = Impact::of(inputs, impacts.into_values().collect());
    (people, effects, census)
}

/// Roles that no plan changes here, and that are not as declared.
fn kept_roles(inputs: &Inputs<'_>) -> BTreeMap<Name, Role> {
    let declared = inputs.desired.catalog.roles.iter().filter(|_| !inputs.changes_roles());
    let kept = declared.filter_map(|(&name, role)| {
        let live = inputs.live.catalog.roles.get(&name)?;
        (live.facts(inputs.names) != role.facts(inputs.names)).then(|| (name, live.clone()))
    });
    kept.collect()
}

/// Whoever gets another key is one person: under the key by which the live state knows them, whether that is looked at
/// as it is or as it will be.
fn aliases(inputs: &Inputs<'_>) -> BTreeMap<Name, Name> {
    let alias = |(user, previous): (UserView<'_>, Previous)| {
        let renamed = inputs.live.find(user.identity).map(|live| (live.key, user.key));
        renamed.or_else(|| inputs.live.find(previous.identity).map(|live| (user.key, live.key)))
    };
    inputs.desired.former_keys().filter_map(alias).collect()
}

/// The live account of a user by the key that actions name.
pub(super) fn find<'a>(inputs: &Inputs<'a>, key: Name) -> Option<LiveView<'a>> {
    let identity = inputs.rules.identity.normalize(inputs.names.text(key)).ok()?;
    inputs.live.find(inputs.names.find(&identity)?)
}

/// The key that a live account has in actions: a declared one as it is declared.
pub(super) fn key_of(inputs: &Inputs<'_>, live: &LiveView<'_>) -> Name {
    let declared = live.identity.and_then(|identity| inputs.desired.find(identity));
    declared.map_or(live.key, |declared| declared.key)
}

impl<'a> Context<'a> {
    fn new(inputs: &'a Inputs<'a>, drafts: &[&Draft]) -> Self {
        let mut before = inputs.live.catalog.clone();
        before.roles = with_vendor(&inputs.desired.catalog.roles, &before.roles);
        let mut after = before.clone();
        let mut changed = Vec::new();
        for draft in drafts {
            let what = change(inputs, &mut after, draft);
            changed.extend(what.map(|what| (draft.action.subject, what)));
        }
        let of_organizations: BTreeSet<Name> = changed
            .iter()
            .filter_map(|(_, changed)| match changed {
                Changed::Role(_) => None,
                Changed::NewSite(of, _) | Changed::Site(of, _) | Changed::Organization(of) => Some(*of),
            })
            .collect();
        let is_touched = |&organization: &Name| {
            let reached = [&before, &after].map(|of| of.organizations_through(inputs.names, organization));
            reached.iter().flatten().any(|reached| of_organizations.contains(reached))
        };
        let organizations = before.organizations.keys().chain(after.organizations.keys()).copied();
        let touched = if changed.is_empty() { BTreeSet::new() } else { organizations.filter(is_touched).collect() };
        let unsent = Catalogs::new(inputs.names, inputs.rules, after.clone(), after.clone());
        let included = [&before, &after].map(|catalog| Included::of(inputs.names, catalog));
        let catalogs = Catalogs::new(inputs.names, inputs.rules, before, after);
        Self { inputs, catalogs, unsent, changed, touched, included }
    }

    /// A live account of which nothing is said yet but what it reaches.
    fn fate(&self, live: &LiveView<'_>, course: Course, held: &Held) -> Fate {
        let [before, after] = &self.included;
        Fate {
            status: live.status,
            is_service: live.is_service(),
            course,
            loses_power: false,
            losses: Vec::new(),
            before: before.organizations(live.memberships, live.grants),
            after: after.organizations(&held.memberships, &held.grants),
        }
    }

    /// Somebody's account, or invitation, ends. (One that was kept back and is made anew was never counted.)
    fn leaves(&self, live: &LiveView<'_>) -> Fate {
        let fate = self.fate(live, Course::Leaves, &Held::default());
        let losses = fate.before.iter().map(|&organization| Loss { organization, is_moved: false }).collect();
        Fate { losses, ..fate }
    }

    /// Somebody can log in again, with this access.
    fn comes_back(&self, live: &LiveView<'_>, held: &Held) -> Fate {
        self.fate(live, Course::Enters, held)
    }

    /// An account is made, and can log in at once unless it is only invited.
    fn enters(&self, key: Name, drafts: &[&Draft]) -> Fate {
        let says = |field: Name, value: Name| {
            let of = |draft: &&&Draft| draft.action.kind == ActionKind::CreateUser;
            let after = drafts.iter().filter(of).filter_map(|draft| draft.action.after.as_ref());
            after.filter_map(|after| after.value(field)).any(|is| is == Value::Text(value))
        };
        let is_in = says(known::STATUS, Status::Active.name());
        let nobody = nobody(key);
        let held = if is_in { after(self.inputs, &nobody, drafts, &mut BTreeMap::new()) } else { Held::default() };
        let course = if is_in { Course::Enters } else { Course::Stays };
        Fate { is_service: says(known::KIND, known::SERVICE), ..self.fate(&nobody, course, &held) }
    }

    /// Whether a person without actions may fare otherwise by what changes in the catalog.
    fn may_change(&self, live: &LiveView<'_>) -> bool {
        let mut roles = self.catalogs.widened.iter().chain(&self.catalogs.narrowed);
        let memberships = live.memberships.iter().map(|membership| membership.organization);
        let mut organizations = memberships.chain(live.grants.iter().map(|grant| grant.organization));
        roles.any(|&role| live.holds(self.inputs.names, role))
            || organizations.any(|organization| self.touched.contains(&organization))
    }

    fn reach(&self, catalog: &Catalog, memberships: &[Membership], grants: &[Grant]) -> Reach {
        reach(self.inputs.names, self.inputs.rules, catalog, memberships, grants)
    }

    /// Compares what a person has with what they will have.
    fn person(&self, key: Name, live: &LiveView<'_>, held: &Held) -> Person {
        let counts = is_counted(live.status);
        let catalogs = if counts { &self.catalogs } else { &self.unsent };
        let before = self.reach(&catalogs.before, live.memberships, live.grants);
        let after = self.reach(&catalogs.after, &held.memberships, &held.grants);
        let fare = Fare { gains: catalogs.gains(&before, &after), loses: catalogs.loses(&before, &after) };
        let by = if counts && fare != Fare::default() {
            let by = self.changed.iter().enumerate();
            by.filter_map(|(at, (_, changed))| {
                let (fare, organizations) = self.by(*changed, (live, &before), (held, &after));
                (fare != Fare::default()).then_some((at, fare, organizations))
            })
            .collect()
        } else {
            Vec::new()
        };
        let losses = if fare.loses { census::losses(catalogs, &before, &after) } else { Vec::new() };
        let sites = self.site_changes(catalogs, live, held);
        let is_otherwise = fare != Fare::default();
        let organizations = if is_otherwise { impact::compared(catalogs, &before, &after) } else { Vec::new() };
        Person { key, fare, by, sites, organizations, fate: Fate { losses, ..self.fate(live, Course::Stays, held) } }
    }

    /// What one change of the catalog lets a person do more or less, and where.
    fn by(
        &self,
        changed: Changed,
        (live, before): (&LiveView<'_>, &Reach),
        (held, after): (&Held, &Reach),
    ) -> (Fare, Vec<Name>) {
        let names = self.inputs.names;
        let Catalogs { before: was, after: becomes, widened, narrowed, .. } = &self.catalogs;
        let mut fare = Fare::default();
        let mut organizations = Vec::new();
        match changed {
            Changed::Role(role) => {
                let carries =
                    |held: &Option<Name>| held.is_some_and(|held| becomes.roles_through(names, held).contains(&role));
                let holds = |membership: &Membership, role: Name| {
                    membership.role == Some(role) || names.elements(membership.extra_roles).contains(&role)
                };
                let mut note = |held: Name, organization: Name| {
                    fare.gains |= widened.contains(&held);
                    fare.loses |= narrowed.contains(&held);
                    organizations.push(organization);
                };
                for membership in &held.memberships {
                    let extra = names.elements(membership.extra_roles);
                    let roles = membership.role.into_iter().chain(extra.iter().copied());
                    let had = live.membership(membership.organization);
                    for held in roles.filter(|&held| carries(&Some(held)) && had.is_some_and(|had| holds(had, held))) {
                        note(held, membership.organization);
                    }
                }
                for grant in held.grants.iter().filter(|grant| carries(&grant.role) && live.grants.contains(grant)) {
                    grant.role.into_iter().for_each(|held| note(held, grant.organization));
                }
            }
            Changed::NewSite(organization, site) => {
                // Who comes to the organization, or to another role in it, by this plan is told of it there.
                let role = |memberships: &[Membership]| {
                    memberships.iter().find(|one| one.organization == organization).map(|one| one.role)
                };
                let is_own = held.grants.iter().any(|grant| (grant.organization, grant.site) == (organization, site))
                    || role(live.memberships) != role(&held.memberships);
                fare.gains = !is_own && after.contains_key(&(organization, Some(site)));
                organizations.push(organization);
            }
            Changed::Site(organization, site) => {
                let place = |site| (organization, Some(site));
                let new = |&site: &Name| !before.contains_key(&place(site)) && after.contains_key(&place(site));
                let old = |&site: &Name| before.contains_key(&place(site)) && !after.contains_key(&place(site));
                let (now, then) =
                    (was.sites_through(names, organization, site), becomes.sites_through(names, organization, site));
                fare.gains =
                    after.contains_key(&place(site)) && then.iter().filter(|site| !now.contains(site)).any(new);
                fare.loses =
                    before.contains_key(&place(site)) && now.iter().filter(|site| !then.contains(site)).any(old);
                organizations.push(organization);
            }
            Changed::Organization(organization) => {
                let new = |&to: &Name| !before.contains_key(&(to, None)) && after.contains_key(&(to, None));
                let old = |&to: &Name| before.contains_key(&(to, None)) && !after.contains_key(&(to, None));
                let now = was.organizations_through(names, organization);
                let then = becomes.organizations_through(names, organization);
                let gained: Vec<Name> = then.iter().copied().filter(|to| !now.contains(to) && new(to)).collect();
                let lost: Vec<Name> = now.iter().copied().filter(|to| !then.contains(to) && old(to)).collect();
                fare.gains = after.contains_key(&(organization, None)) && !gained.is_empty();
                fare.loses = before.contains_key(&(organization, None)) && !lost.is_empty();
                organizations.extend(gained.into_iter().chain(lost));
            }
        }
        (fare, organizations)
    }

    /// Where the role reaches every site on one side only.
    fn site_changes(&self, catalogs: &Catalogs<'_>, live: &LiveView<'_>, held: &Held) -> Vec<(Name, SiteChange)> {
        let names = self.inputs.names;
        let Catalogs { before, after, .. } = catalogs;
        let sites = |catalog: &Catalog, organization: Name, role: Option<Name>, grants: &[Grant]| {
            if catalog.reaches_all(role) {
                let sites = catalog.organizations.get(&organization).map_or(0, |organization| organization.sites.len());
                return Sites::Every(sites);
            }
            let granted = grants.iter().filter(|grant| grant.organization == organization);
            let granted: Vec<Name> =
                granted.flat_map(|grant| catalog.sites_through(names, organization, grant.site)).collect();
            Sites::Some(names.list(&granted))
        };
        let mut changes = Vec::new();
        for to in &held.memberships {
            let Some(from) = live.membership(to.organization).filter(|from| from.role != to.role) else { continue };
            if before.reaches_all(from.role) == after.reaches_all(to.role) {
                continue;
            }
            let change = SiteChange {
                before: sites(before, to.organization, from.role, live.grants),
                after: sites(after, to.organization, to.role, &held.grants),
            };
            changes.push((to.organization, change));
        }
        changes
    }
}
