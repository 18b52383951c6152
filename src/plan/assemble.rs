//! From drafts to the plan: names decide ties, counters decide order, and what is left over is deferred.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::action::{Action, Risk, Subject};
use super::batches::invitation_batches;
use super::called_otherwise::called_otherwise;
use super::chosen::Chosen;
use super::diff::{Counter, Draft, Drafts, Need, diff};
use super::mails::SharedMails;
use super::order::{Account, Left, Node, Order, order};
use super::renamed::renamed;
use super::same_person::same_person;
use super::target::Target;
use super::undeclared_organizations::undeclared_organizations;
use super::written_otherwise::written_otherwise;
use super::{Deferred, Inputs, Obstacle, Plan, Unmanaged, WaitsFor, basis, digest, fit, people, says, seats, time};
use crate::diagnostic::{Code, Diagnostic, has_errors};
use crate::model::{ActionKind, Collection, Name, Status, Value, known};

/// Computes the plan. Pure: the same inputs give the same plan.
///
/// # Errors
/// All diagnostics, warnings among them, if what is declared does not fit the rules of the store or what is live.
pub fn plan(inputs: &Inputs<'_>) -> Result<Plan, Vec<Diagnostic>> {
    plan_fitted(inputs, fit::fit(inputs.names, inputs.desired, inputs.rules))
}

/// Like [`plan`], for whoever has asked [`fit`](fit::fit) already: `diagnostics` holds what that found, and whatever
/// else stands before it in the plan.
///
/// # Errors
/// As [`plan`].
pub fn plan_fitted(inputs: &Inputs<'_>, diagnostics: Vec<Diagnostic>) -> Result<Plan, Vec<Diagnostic>> {
    plan_for(inputs, diagnostics, None)
}

/// Like [`plan_fitted`], reduced to one user if one is named, by key as compared: only what is done for them, and what
/// that needs.
///
/// # Errors
/// As [`plan`].
pub fn plan_for(
    inputs: &Inputs<'_>,
    diagnostics: Vec<Diagnostic>,
    target: Option<Name>,
) -> Result<Plan, Vec<Diagnostic>> {
    planned(inputs, diagnostics, target, None)
}

/// The part of a whole plan of these inputs that holds only the actions which were chosen from it, and of which all that
/// they need was chosen; the others of them wait. `diagnostics` are those of the whole.
///
/// # Errors
/// As [`plan`].
pub fn plan_part(
    inputs: &Inputs<'_>,
    diagnostics: Vec<Diagnostic>,
    target: Option<Name>,
    (chosen, whole): (&Chosen, &Plan),
) -> Result<Plan, Vec<Diagnostic>> {
    let mut part = planned(inputs, Vec::new(), target, Some(chosen))?;
    chosen.complete(&mut part, whole, |deferred| subject_key(inputs, &deferred.subject, deferred.kind));
    Ok(Plan { diagnostics, ..part })
}

fn planned(
    inputs: &Inputs<'_>,
    mut diagnostics: Vec<Diagnostic>,
    target: Option<Name>,
    chosen: Option<&Chosen>,
) -> Result<Plan, Vec<Diagnostic>> {
    if has_errors(&diagnostics) {
        return Err(diagnostics);
    }
    let mut renamed = renamed(inputs);
    diagnostics.append(&mut renamed.diagnostics);
    diagnostics.extend(written_otherwise(inputs));
    diagnostics.extend(same_person(inputs, target));
    if target.is_none() {
        diagnostics.extend(called_otherwise(inputs));
    }
    let live = renamed.live.take();
    let viewed = Inputs { live: live.as_ref().unwrap_or(inputs.live), ..inputs.clone() };
    let mut plan = assembled((inputs, &viewed), diff(&viewed, &renamed), diagnostics, (target, chosen));
    if let (Ok(plan), None) = (&mut plan, target) {
        plan.unmanaged.extend(undeclared_organizations(&viewed, &plan.actions));
        sort_unmanaged(&mut plan.unmanaged);
    }
    // A plan that is saved has to be read again.
    debug_assert_eq!(
        plan.iter().flat_map(|plan| &plan.actions).find_map(|one| says::refuse(one, inputs.names, inputs.rules)),
        None
    );
    plan
}

fn sort_unmanaged(unmanaged: &mut [Unmanaged]) {
    unmanaged.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
}

/// Puts drafts in order and makes a plan of them. The live state comes as it is, and under the names that it will have.
pub(super) fn assembled(
    (today, inputs): (&Inputs<'_>, &Inputs<'_>),
    drafts: Drafts,
    mut diagnostics: Vec<Diagnostic>,
    (target, chosen): (Option<Name>, Option<&Chosen>),
) -> Result<Plan, Vec<Diagnostic>> {
    let Drafts { mut changes, counters, mut unmanaged } = drafts;
    for change in &mut changes {
        diagnostics.append(&mut change.diagnostics);
    }
    if has_errors(&diagnostics) {
        return Err(diagnostics);
    }
    let mut queue = Queue::new(inputs, changes.into_iter().map(|change| change.drafts));
    let mut counter_names: Vec<Counter> = counters.keys().copied().collect();
    counter_names.sort_by_key(|&counter| counter_text(inputs, counter));
    let account = |counter| counters.get(counter).map_or(Account::default(), account_of);
    let accounts: Vec<Account> = counter_names.iter().map(account).collect();
    let mut nodes = queue.nodes(inputs, &counter_names);
    if let Some(chosen) = chosen {
        for (node, draft) in nodes.iter_mut().zip(&queue.drafts) {
            node.is_blocked |= !chosen.holds(draft.action.kind, draft.action.subject);
        }
    }
    let target = target.map(|identity| Target::new(inputs, identity));
    let order = match &target {
        Some(target) => target.order(&queue.drafts, &nodes, &accounts),
        None => order(&nodes, &accounts),
    };
    let mut mails = SharedMails::new(inputs);
    for &place in &order.sequence {
        mails.settle(&mut queue.drafts[place as usize].action);
    }
    let admins = queue.admins_left(&order, &counters);
    let short = short_counters(&counters, &admins);
    let mut deferred = queue.deferred(inputs, &nodes, &order, (&counter_names, &short));
    if diagnostics.iter().all(|found| found.code != Code::OverSeats) {
        diagnostics.extend(seats::waited_for(inputs, &deferred));
    }
    let mut expiring = time::expiring(inputs);
    let mut passwords_due = time::passwords_due(inputs);
    if let Some(target) = &target {
        deferred.retain(|deferred| target.is_about(deferred.subject.user));
        expiring.retain(|expiring| target.is_about(Some(expiring.user)));
        passwords_due.retain(|due| target.is_about(Some(due.user)));
        unmanaged.retain(|unmanaged| unmanaged.kind == "user" && target.is_named(inputs, &unmanaged.name));
    }
    let executed = order.sequence.iter().map(|&place| &queue.drafts[place as usize]);
    let (people, effects, mut census) = people::count(inputs, executed);
    census.short_of_admins = short_of_admins(inputs, &admins);
    queue.mark_last_admins(&admins);
    let actions = queue.into_actions(&order);
    sort_unmanaged(&mut unmanaged);
    let mut counts: BTreeMap<ActionKind, u32> = BTreeMap::new();
    for action in &actions {
        *counts.entry(action.kind).or_default() += 1;
    }
    let service = Value::Text(known::SERVICE);
    let gap = |(collection, why): (Collection, &str)| (collection.as_str(), why.to_owned());
    Ok(Plan {
        store: inputs.store.clone(),
        digest: digest(inputs.store, inputs.names, &actions),
        desired: basis::desired(inputs),
        live: basis::live(today),
        rules: basis::rules(inputs.rules),
        at: inputs.at,
        valid_until: time::valid_until(inputs),
        live_people: inputs.live.users().filter(|user| !user.is_service() && user.status != Status::Closed).count(),
        declared_people: inputs.desired.users().filter(|user| user.value(known::KIND) != Some(service)).count(),
        gaps: inputs.live.evidence.gaps().map(gap).collect(),
        people,
        effects,
        census,
        counts,
        batches: invitation_batches(inputs.rules, &actions),
        actions,
        deferred,
        unmanaged,
        expiring,
        passwords_due,
        diagnostics,
    })
}

/// All drafts in the order of their names, and where each of them stands.
struct Queue {
    drafts: Vec<Draft>,
    /// For each draft: the first place in the unsorted list of its user's drafts, to resolve [`Need::Own`].
    own: Vec<Vec<u32>>,
    by_action: HashMap<(ActionKind, Subject), u32>,
}

impl Queue {
    fn new(inputs: &Inputs<'_>, changes: impl Iterator<Item = Vec<Draft>>) -> Self {
        let mut drafts: Vec<(Draft, u32)> = Vec::new();
        let mut groups: Vec<(u32, u32)> = Vec::new();
        for change in changes {
            let (start, group) = (index(drafts.len()), index(groups.len()));
            groups.push((start, index(change.len())));
            drafts.extend(change.into_iter().map(|draft| (draft, group)));
        }
        let mut sorted: Vec<u32> = (0..index(drafts.len())).collect();
        sorted.sort_by(|&a, &b| sort_key(inputs, &drafts[a as usize].0).cmp(&sort_key(inputs, &drafts[b as usize].0)));
        let mut places = vec![0; drafts.len()];
        for (place, &at) in sorted.iter().enumerate() {
            places[at as usize] = index(place);
        }
        let own = sorted
            .iter()
            .map(|&at| {
                let (draft, group) = &drafts[at as usize];
                let start = groups[*group as usize].0;
                let own = draft.needs.iter().filter_map(|need| match need {
                    Need::Own(other) => Some(places[(start + other) as usize]),
                    Need::Organization(_) | Need::Site(..) | Need::Role(_) | Need::RoleUpdate(_) | Need::Action(..) => {
                        None
                    }
                });
                own.collect()
            })
            .collect();
        let mut slots: Vec<Option<Draft>> = drafts.into_iter().map(|(draft, _)| Some(draft)).collect();
        let drafts: Vec<Draft> = sorted.iter().filter_map(|&at| slots[at as usize].take()).collect();
        let by_action = drafts
            .iter()
            .enumerate()
            .map(|(at, draft)| ((draft.action.kind, draft.action.subject), index(at)))
            .collect();
        Self { drafts, own, by_action }
    }

    fn nodes(&mut self, inputs: &Inputs<'_>, counters: &[Counter]) -> Vec<Node> {
        let place: HashMap<Counter, u32> =
            counters.iter().enumerate().map(|(at, &counter)| (counter, index(at))).collect();
        let places = |wanted: &[Counter]| -> Vec<u32> {
            let mut places: Vec<u32> = wanted.iter().filter_map(|counter| place.get(counter).copied()).collect();
            places.sort_unstable();
            places
        };
        let mut nodes = Vec::with_capacity(self.drafts.len());
        for at in 0..self.drafts.len() {
            let mut needs = std::mem::take(&mut self.own[at]);
            let mut is_missing = false;
            for need in &self.drafts[at].needs {
                match self.resolve(inputs, *need) {
                    Resolved::There => {}
                    Resolved::Draft(place) => needs.push(place),
                    Resolved::Missing => is_missing = true,
                }
            }
            needs.sort_unstable();
            needs.dedup();
            let returned = self.drafts[at].returns.iter().filter_map(|&(counter, role)| {
                let Resolved::Draft(giver) = self.resolve(inputs, Need::RoleUpdate(role)) else { return None };
                Some((*place.get(&counter)?, giver))
            });
            let returns = returned.collect();
            let draft = &mut self.drafts[at];
            if is_missing {
                draft.waits_for.get_or_insert(WaitsFor::Catalog);
            }
            nodes.push(Node {
                needs,
                takes: places(&draft.takes),
                gives: places(&draft.gives),
                returns,
                within: places(&draft.within),
                is_removal: draft.loses,
                is_blocked: draft.waits_for.is_some(),
            });
        }
        nodes
    }

    fn resolve(&self, inputs: &Inputs<'_>, need: Need) -> Resolved {
        let drafted = |kind, subject| self.by_action.get(&(kind, subject)).map(|&place| Resolved::Draft(place));
        let live = &inputs.live.catalog;
        match need {
            Need::Own(_) => Resolved::There,
            Need::Organization(organization) if live.organizations.contains_key(&organization) => Resolved::There,
            Need::Organization(organization) => {
                let subject = Subject { organization: Some(organization), ..Subject::default() };
                drafted(ActionKind::CreateOrganization, subject).unwrap_or(Resolved::Missing)
            }
            Need::Site(organization, site) if live.has_site(organization, site) => Resolved::There,
            Need::Site(organization, site) => {
                let subject = Subject { organization: Some(organization), site: Some(site), ..Subject::default() };
                drafted(ActionKind::CreateSite, subject).unwrap_or(Resolved::Missing)
            }
            Need::Role(role) if is_given(inputs, role) => Resolved::There,
            Need::Role(role) => drafted(ActionKind::CreateRole, role_subject(role)).unwrap_or(Resolved::Missing),
            Need::RoleUpdate(role) => drafted(ActionKind::UpdateRole, role_subject(role)).unwrap_or(Resolved::There),
            Need::Action(kind, subject) => drafted(kind, subject).unwrap_or(Resolved::There),
        }
    }

    fn deferred(
        &self,
        inputs: &Inputs<'_>,
        nodes: &[Node],
        order: &Order,
        (counters, short): (&[Counter], &BTreeSet<Counter>),
    ) -> Vec<Deferred> {
        let left: HashMap<u32, Left> = order.left.iter().copied().collect();
        let mut deferred: Vec<Deferred> = Vec::with_capacity(order.left.len());
        for &(place, reason) in &order.left {
            let root = root(&left, reason, nodes.len());
            let draft = &self.drafts[place as usize];
            let cause = &self.drafts[root.map_or(place, |(root, _)| root) as usize];
            let waits_for = match root.map_or(reason, |(_, reason)| reason) {
                Left::Counter(counter) => counters[counter as usize].waits_for(),
                Left::Blocked | Left::Need(_) => cause.waits_for.unwrap_or(WaitsFor::Decision),
            };
            let shortfall = match reason {
                Left::Counter(counter) => Some(order.shortfall[counter as usize]),
                Left::Blocked | Left::Need(_) => None,
            };
            let wait = if draft.wait == (None, None) { cause.wait } else { draft.wait };
            let redefined =
                cause.action.subject.role.filter(|_| cause.action.kind == ActionKind::UpdateRole && root.is_some());
            let obstacle = match waits_for {
                _ if redefined.is_some() && draft.action.subject.user.is_some() => {
                    redefined.map(Obstacle::Redefinition)
                }
                WaitsFor::Successor => Some(Obstacle::Organizations(short_places(inputs, cause, short))),
                WaitsFor::Decision => draft.obstacle.clone().or_else(|| {
                    let behind =
                        cause.action.subject.user.filter(|_| cause.action.subject.user != draft.action.subject.user);
                    behind.map_or_else(|| cause.obstacle.clone(), |user| Some(Obstacle::Behind(vec![user])))
                }),
                // What hangs on an account is deleted after it.
                WaitsFor::Grace if cause.action.subject.user != draft.action.subject.user => {
                    cause.action.subject.user.map(|user| Obstacle::Behind(vec![user]))
                }
                WaitsFor::Acceptance
                | WaitsFor::Seat
                | WaitsFor::Key
                | WaitsFor::Grace
                | WaitsFor::Start
                | WaitsFor::Catalog
                | WaitsFor::Field
                | WaitsFor::Enrolment
                | WaitsFor::OwnAccount
                | WaitsFor::Protected => draft.obstacle.clone().or_else(|| cause.obstacle.clone()),
            };
            let Action { kind, subject, before, after, risk, origins, .. } = draft.action.clone();
            deferred.push(Deferred {
                kind,
                subject,
                waits_for,
                shortfall,
                since: wait.0,
                until: wait.1,
                obstacle,
                before,
                after,
                risk,
                origins,
            });
        }
        let key = |deferred: &Deferred| subject_key(inputs, &deferred.subject, deferred.kind);
        deferred.sort_by(|a, b| key(a).cmp(&key(b)));
        deferred
    }

    /// How many active admins each organization has in the end.
    fn admins_left(&self, order: &Order, counters: &BTreeMap<Counter, super::diff::Balance>) -> BTreeMap<Counter, i64> {
        let mut left: BTreeMap<Counter, i64> =
            counters.iter().map(|(&counter, balance)| (counter, i64::from(balance.today))).collect();
        for &place in &order.sequence {
            let draft = &self.drafts[place as usize];
            draft.takes.iter().for_each(|counter| *left.entry(*counter).or_default() -= 1);
            draft.gives.iter().for_each(|counter| *left.entry(*counter).or_default() += 1);
        }
        left.retain(|counter, _| matches!(counter, Counter::Admin(_)));
        left
    }

    /// Marks what leaves an organization without any active admin, where the settings let it.
    fn mark_last_admins(&mut self, left: &BTreeMap<Counter, i64>) {
        for draft in &mut self.drafts {
            if draft.takes.iter().any(|counter| left.get(counter).is_some_and(|&left| left <= 0)) {
                draft.risk(Risk::LastAdmin);
            }
        }
    }

    fn into_actions(self, order: &Order) -> Vec<Action> {
        let mut position = vec![u32::MAX; self.drafts.len()];
        for (at, &place) in order.sequence.iter().enumerate() {
            position[place as usize] = index(at);
        }
        let mut slots: Vec<Option<Draft>> = self.drafts.into_iter().map(Some).collect();
        let mut actions = Vec::with_capacity(order.sequence.len());
        for &place in &order.sequence {
            let Some(draft) = slots[place as usize].take() else { continue };
            let mut action = draft.action;
            action.needs = order.needs[place as usize].iter().map(|&need| position[need as usize]).collect();
            action.needs.sort_unstable();
            actions.push(action);
        }
        actions
    }
}

/// The declared organizations that are, or will be, short of active admins; `None` where there is nothing to be short of.
fn short_of_admins(inputs: &Inputs<'_>, left: &BTreeMap<Counter, i64>) -> Option<Vec<Name>> {
    let (desired, live) = (&inputs.desired.catalog, &inputs.live.catalog);
    let can_be_admin = inputs.rules.admin_attributes().next().is_some()
        || desired.roles.values().chain(live.roles.values()).any(|role| role.admin);
    let floor = i64::from(inputs.policy.min_admins);
    if floor == 0 || !can_be_admin || desired.organizations.is_empty() {
        return None;
    }
    let is_short = |&organization: &Name| left.get(&Counter::Admin(organization)).is_none_or(|&left| left < floor);
    let mut short: Vec<Name> = desired.organizations.keys().copied().filter(is_short).collect();
    short.sort_unstable_by_key(|&organization| inputs.names.text(organization));
    Some(short)
}

const fn account_of(balance: &super::diff::Balance) -> Account {
    Account { slack: balance.slack, debt: balance.debt }
}

/// Counters in an order that does not depend on handles.
fn counter_text<'a>(inputs: &Inputs<'a>, counter: Counter) -> Option<&'a str> {
    match counter {
        Counter::Seat => None,
        Counter::Admin(organization) => Some(inputs.names.text(organization)),
    }
}

/// The counters of admins of which a plan leaves none that could be taken.
fn short_counters(
    counters: &BTreeMap<Counter, super::diff::Balance>,
    left: &BTreeMap<Counter, i64>,
) -> BTreeSet<Counter> {
    let floor = |counter| counters.get(counter).map_or(0, |of| i64::from(of.today) - i64::from(of.slack));
    left.iter().filter(|&(counter, &left)| left <= floor(counter)).map(|(&counter, _)| counter).collect()
}

/// The organizations that would be short of admins without what this draft takes, sorted by text.
fn short_places(inputs: &Inputs<'_>, draft: &Draft, short: &BTreeSet<Counter>) -> Vec<Name> {
    let organization = |counter: &Counter| match counter {
        Counter::Admin(organization) => Some(*organization),
        Counter::Seat => None,
    };
    let mut places: Vec<Name> =
        draft.takes.iter().filter(|counter| short.contains(counter)).filter_map(organization).collect();
    if places.is_empty() {
        // None of them is short in the end: each is before another admin is there, who waits as well.
        places = draft.takes.iter().filter_map(organization).collect();
    }
    places.sort_unstable_by_key(|&organization| inputs.names.text(organization));
    places.dedup();
    places
}

enum Resolved {
    /// It is there already.
    There,
    /// This draft makes it.
    Draft(u32),
    /// Nothing makes it.
    Missing,
}

/// Follows what is left over to what it waits for in the end.
fn root(left: &HashMap<u32, Left>, mut reason: Left, bound: usize) -> Option<(u32, Left)> {
    let mut found = None;
    for _ in 0..=bound {
        let Left::Need(place) = reason else { return found };
        reason = *left.get(&place)?;
        found = Some((place, reason));
    }
    found
}

/// Whether a role is there: live, or one that the vendor brings.
pub(super) fn is_given(inputs: &Inputs<'_>, role: Name) -> bool {
    inputs.live.catalog.roles.contains_key(&role)
        || inputs.desired.catalog.roles.get(&role).is_some_and(|role| role.vendor)
}

const fn role_subject(role: Name) -> Subject {
    Subject { user: None, organization: None, site: None, role: Some(role) }
}

pub(super) type SortKey<'a> = ([Option<&'a str>; 4], &'static str);

/// Ties are decided by user, organization, site, role, kind, all as text.
fn subject_key<'a>(inputs: &Inputs<'a>, subject: &Subject, kind: ActionKind) -> SortKey<'a> {
    let Subject { user, organization, site, role } = *subject;
    let text = |name: Option<Name>| name.map(|name| inputs.names.text(name));
    ([text(user), text(organization), text(site), text(role)], kind.as_str())
}

fn sort_key<'a>(inputs: &Inputs<'a>, draft: &Draft) -> SortKey<'a> {
    subject_key(inputs, &draft.action.subject, draft.action.kind)
}

fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
