//! The order of actions, by counters (`contract.md` §3).
//!
//! Drafts take and give tokens of counters. Slack tokens are what today's state leaves over; while a counter is over
//! its limit, the first that give pay the excess. Repeatedly, among drafts whose needs are done and whose tokens are
//! all there, removals are taken first, then drafts that take nothing, then others. A token that another draft gave
//! makes that draft a need, so that every part of a plan that is closed under needs respects every counter (law 5).
//! What never gets its tokens is left over. This file knows numbers only: neither users nor stores.

use std::collections::BTreeSet;

/// A draft, as far as order goes. Its place in the input is its place by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// What has to be done before, by place.
    pub(super) needs: Vec<u32>,
    /// Counters of which it takes one token each.
    pub(super) takes: Vec<u32>,
    /// Counters to which it gives one token each.
    pub(super) gives: Vec<u32>,
    /// Whether somebody loses something by it.
    pub(super) is_removal: bool,
    /// Whether it waits in any case.
    pub(super) is_blocked: bool,
}

/// What is left over of a counter today, or by how much it is over its limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) slack: u32,
    pub(super) debt: u32,
}

/// The order, and what is left over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// Places in the input, in an executable order.
    pub(super) sequence: Vec<u32>,
    /// For each place in the input: everything that has to be done before, sorted.
    pub(super) needs: Vec<Vec<u32>>,
    /// For each place that is not in the sequence: why.
    pub(super) left: Vec<(u32, Left)>,
    /// For each counter: how many tokens are missing.
    pub(super) shortfall: Vec<u32>,
}

/// Why a draft is left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It waits in any case.
    Blocked,
    /// Tokens of this counter are missing.
    Counter(u32),
    /// This draft, which it needs, is left over.
    Need(u32),
}

struct Purse {
    slack: u32,
    debt: u32,
    /// Tokens that drafts gave, oldest first.
    given: std::collections::VecDeque<u32>,
    /// Drafts that paid the excess: who takes a given token needs them too.
    payers: Vec<u32>,
    /// Drafts whose needs are done and that found no token here, best first.
    waiting: BTreeSet<Rank>,
}

impl Purse {
    fn available(&self) -> usize {
        self.slack as usize + self.given.len()
    }
}

/// The order of preference: class, then the larger number of gifts, then the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: Class,
    gifts: std::cmp::Reverse<usize>,
    place: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Removal,
    TakesNothing,
    Other,
}

/// Orders the nodes.
pub(super) fn order(nodes: &[Node], counters: &[Account]) -> Order {
    let mut purses: Vec<Purse> = counters
        .iter()
        .map(|account| Purse {
            slack: account.slack,
            debt: account.debt,
            given: std::collections::VecDeque::new(),
            payers: Vec::new(),
            waiting: BTreeSet::new(),
        })
        .collect();
    let is_short = short(nodes, counters);
    let rank = |place: u32| rank(&nodes[place as usize], place, &is_short);
    let mut open: Vec<u32> = vec![0; nodes.len()];
    let mut dependents: Vec<Vec<u32>> = vec![Vec::new(); nodes.len()];
    for (place, node) in nodes.iter().enumerate() {
        open[place] = length(&node.needs);
        for &need in &node.needs {
            dependents[need as usize].push(index(place));
        }
    }
    let mut ready: BTreeSet<Rank> =
        (0..index(nodes.len())).filter(|&place| open[place as usize] == 0).map(rank).collect();
    let mut order = Order { needs: nodes.iter().map(|node| node.needs.clone()).collect(), ..Order::default() };
    let mut is_done = vec![false; nodes.len()];
    while let Some(next) = ready.pop_first() {
        let place = next.place;
        let node = &nodes[place as usize];
        if node.is_blocked {
            continue;
        }
        if let Some(missing) = missing(node, &purses) {
            // What it leaves untouched may be enough for the next in line.
            for &counter in &node.takes {
                wake(&mut purses[counter as usize], &mut ready);
            }
            purses[missing as usize].waiting.insert(next);
            continue;
        }
        for &counter in &node.takes {
            take(&mut purses[counter as usize], &mut order.needs[place as usize]);
        }
        is_done[place as usize] = true;
        order.sequence.push(place);
        for &counter in &node.gives {
            let purse = &mut purses[counter as usize];
            if purse.debt > 0 {
                purse.debt -= 1;
                purse.payers.push(place);
            } else {
                purse.given.push_back(place);
                wake(purse, &mut ready);
            }
        }
        for &dependent in &dependents[place as usize] {
            open[dependent as usize] -= 1;
            if open[dependent as usize] == 0 {
                ready.insert(rank(dependent));
            }
        }
    }
    for needs in &mut order.needs {
        needs.sort_unstable();
        needs.dedup();
    }
    order.left = left(nodes, &purses, &is_done);
    order.shortfall = purses.iter().enumerate().map(|(counter, purse)| shortfall(nodes, counter, purse)).collect();
    order
}

/// The first counter that has fewer tokens than the node takes.
fn missing(node: &Node, purses: &[Purse]) -> Option<u32> {
    let wanted = |counter: u32| node.takes.iter().filter(|&&other| other == counter).count();
    node.takes.iter().copied().find(|&counter| purses[counter as usize].available() < wanted(counter))
}

fn wake(purse: &mut Purse, ready: &mut BTreeSet<Rank>) {
    if purse.available() > 0 {
        ready.extend(purse.waiting.pop_first());
    }
}

/// Takes a token: one that a direct need gave and that is still there costs nothing; else slack, else the oldest.
fn take(purse: &mut Purse, needs: &mut Vec<u32>) {
    if let Some(at) = purse.given.iter().position(|giver| needs.contains(giver)) {
        purse.given.remove(at);
        needs.extend_from_slice(&purse.payers);
    } else if purse.slack > 0 {
        purse.slack -= 1;
    } else if let Some(giver) = purse.given.pop_front() {
        needs.push(giver);
        needs.extend_from_slice(&purse.payers);
    }
}

/// How many tokens are missing for all that waits for this counter.
fn shortfall(nodes: &[Node], counter: usize, purse: &Purse) -> u32 {
    let takes =
        |rank: &Rank| nodes[rank.place as usize].takes.iter().filter(|&&other| other as usize == counter).count();
    let wanted: usize = purse.waiting.iter().map(takes).sum();
    index(wanted.saturating_sub(purse.available())).saturating_add(purse.debt)
}

/// Counters of which more is wanted than is there.
fn short(nodes: &[Node], counters: &[Account]) -> Vec<bool> {
    let mut wanted = vec![0_usize; counters.len()];
    for counter in nodes.iter().flat_map(|node| &node.takes) {
        wanted[*counter as usize] += 1;
    }
    wanted.iter().zip(counters).map(|(&wanted, account)| wanted > account.slack as usize).collect()
}

fn rank(node: &Node, place: u32, is_short: &[bool]) -> Rank {
    let (class, gifts) = if node.is_removal {
        (Class::Removal, node.gives.len())
    } else if node.takes.is_empty() {
        (Class::TakesNothing, 0)
    } else {
        (Class::Other, node.gives.iter().filter(|&&counter| is_short[counter as usize]).count())
    };
    Rank { class, gifts: std::cmp::Reverse(gifts), place }
}

/// Why each node that was not done was not, each before those that only wait for it.
fn left(nodes: &[Node], purses: &[Purse], is_done: &[bool]) -> Vec<(u32, Left)> {
    let mut reason: Vec<Option<Left>> = vec![None; nodes.len()];
    for (place, node) in nodes.iter().enumerate() {
        if node.is_blocked {
            reason[place] = Some(Left::Blocked);
        }
    }
    for (counter, purse) in purses.iter().enumerate() {
        for rank in &purse.waiting {
            reason[rank.place as usize] = Some(Left::Counter(index(counter)));
        }
    }
    // The rest waits for something that it needs; needs without a reason of their own are resolved by their order.
    for (place, node) in nodes.iter().enumerate() {
        if reason[place].is_none() && !is_done[place] {
            let undone = node.needs.iter().copied().find(|&need| !is_done[need as usize]);
            reason[place] = undone.map(Left::Need);
        }
    }
    let named = reason.into_iter().enumerate().filter(|(place, _)| !is_done[*place]);
    named.map(|(place, reason)| (index(place), reason.unwrap_or(Left::Blocked))).collect()
}

fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn length<T>(list: &[T]) -> u32 {
    index(list.len())
}
