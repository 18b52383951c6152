//! The order of actions, by counters (`contract.md` §3).
//!
//! Drafts take and give tokens of counters. Slack tokens are what today's state leaves over; while a counter is over
//! its limit, the first that give pay the excess. Repeatedly, among drafts whose needs are done and whose tokens are
//! all there, removals are taken first, then drafts that take nothing, then others. A token that another draft gave
//! makes that draft a need, so that every part of a plan that is closed under needs respects every counter (law 5).
//! Tokens that come and go with one person are kept for who gives them back, as long as anything else can be done.
//! What never gets its tokens is left over. This file knows numbers only: neither users nor stores.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// A draft, as far as order goes. Its place in the input is its place by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// What has to be done before, by place.
    pub(super) needs: Vec<u32>,
    /// Counters of which it takes one token each.
    pub(super) takes: Vec<u32>,
    /// Counters to which it gives one token each.
    pub(super) gives: Vec<u32>,
    /// Of what it takes: counters of which another draft, by its place, gives a token that it gives back.
    pub(super) returns: Vec<(u32, u32)>,
    /// Counters that may not be over their limit when it is done.
    pub(super) within: Vec<u32>,
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
    /// Tokens that drafts gave and nobody took, by the place of the giver in the sequence, oldest first.
    given: BTreeMap<u32, u32>,
    /// How many these are.
    given_count: usize,
    /// Drafts that paid the excess: who takes a given token needs them too.
    payers: Vec<u32>,
    /// Drafts whose needs are done and that found no token here, best first.
    waiting: BTreeSet<Rank>,
}

impl Purse {
    fn available(&self) -> usize {
        self.slack as usize + self.given_count
    }

    /// Adds a token that was given at this place in the sequence.
    fn give(&mut self, at: u32) {
        *self.given.entry(at).or_default() += 1;
        self.given_count += 1;
    }
}

/// Tokens that are given and kept for the draft that gives them back.
struct Kept {
    /// By giver and counter: for whom they will be kept.
    wanted: BTreeMap<(u32, u32), Vec<u32>>,
    /// By draft and counter: where in the sequence it was given.
    there: BTreeMap<(u32, u32), u32>,
}

impl Kept {
    fn of(nodes: &[Node]) -> Self {
        let mut wanted: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
        for (place, node) in nodes.iter().enumerate().filter(|(_, node)| !node.is_blocked) {
            for &(counter, giver) in &node.returns {
                wanted.entry((giver, counter)).or_default().push(index(place));
            }
        }
        Self { wanted, there: BTreeMap::new() }
    }

    /// Keeps a token that this draft gives, if it is one that another gives back.
    fn keep(&mut self, giver: u32, counter: u32, at: u32) -> bool {
        let whose = self.wanted.get_mut(&(giver, counter)).and_then(Vec::pop);
        whose.is_some_and(|place| self.there.insert((place, counter), at).is_none())
    }

    fn has(&self, place: u32, counter: u32) -> bool {
        self.there.contains_key(&(place, counter))
    }

    fn take(&mut self, place: u32, counter: u32) -> bool {
        self.there.remove(&(place, counter)).is_some()
    }

    /// Gives up one that is kept in vain: nothing else can be done. Who is woken by it.
    fn release(&mut self, purses: &mut [Purse], ready: &mut BTreeSet<Rank>) -> Option<Rank> {
        while let Some(((_, counter), at)) = self.there.pop_first() {
            let purse = &mut purses[counter as usize];
            purse.give(at);
            wake(purse, ready);
            if let Some(next) = ready.pop_first() {
                return Some(next);
            }
        }
        None
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
            given: BTreeMap::new(),
            given_count: 0,
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
    let mut done_at: Vec<Option<u32>> = vec![None; nodes.len()];
    let mut kept = Kept::of(nodes);
    while let Some(next) = ready.pop_first().or_else(|| kept.release(&mut purses, &mut ready)) {
        let place = next.place;
        let node = &nodes[place as usize];
        if node.is_blocked {
            continue;
        }
        if let Some(missing) = missing(node, &purses, |counter| kept.has(place, counter)) {
            purses[missing as usize].waiting.insert(next);
            // What it leaves untouched may be enough for the next in line. Only those behind it are woken, and each
            // of them leaves the line it is woken from, so this ends.
            for &counter in &node.takes {
                wake_behind(&mut purses[counter as usize], next, &mut ready);
            }
            continue;
        }
        if let Some(&over) = node.within.iter().find(|&&counter| purses[counter as usize].debt > 0) {
            purses[over as usize].waiting.insert(next);
            continue;
        }
        for &counter in &node.within {
            order.needs[place as usize].extend_from_slice(&purses[counter as usize].payers);
        }
        for &counter in &node.takes {
            if kept.take(place, counter) {
                continue;
            }
            take(&mut purses[counter as usize], &mut order.needs[place as usize], &order.sequence, &done_at);
        }
        done_at[place as usize] = Some(index(order.sequence.len()));
        order.sequence.push(place);
        for &counter in &node.gives {
            let purse = &mut purses[counter as usize];
            if purse.debt > 0 {
                purse.debt -= 1;
                purse.payers.push(place);
                if purse.debt == 0 {
                    // Those that take nothing have waited for this alone.
                    let is_within = |rank: &Rank| nodes[rank.place as usize].within.contains(&counter);
                    ready.extend(purse.waiting.extract_if(.., is_within));
                }
            } else if !kept.keep(place, counter, index(order.sequence.len() - 1)) {
                purse.give(index(order.sequence.len() - 1));
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
    order.left = left(nodes, &purses, &done_at);
    order.shortfall = purses.iter().enumerate().map(|(counter, purse)| shortfall(nodes, counter, purse)).collect();
    order
}

/// The first counter that has fewer tokens than the node takes.
fn missing(node: &Node, purses: &[Purse], is_kept: impl Fn(u32) -> bool) -> Option<u32> {
    let wanted = |counter: u32| node.takes.iter().filter(|&&other| other == counter).count();
    let is_missing = |counter: u32| purses[counter as usize].available() < wanted(counter);
    node.takes.iter().copied().find(|&counter| is_missing(counter) && !is_kept(counter))
}

/// Wakes the next in line after `passed`, which can't use what is there.
fn wake_behind(purse: &mut Purse, passed: Rank, ready: &mut BTreeSet<Rank>) {
    if purse.available() == 0 {
        return;
    }
    let behind = purse.waiting.range((Bound::Excluded(passed), Bound::Unbounded)).next().copied();
    if let Some(behind) = behind {
        purse.waiting.remove(&behind);
        ready.insert(behind);
    }
}

fn wake(purse: &mut Purse, ready: &mut BTreeSet<Rank>) {
    if purse.available() > 0 {
        ready.extend(purse.waiting.pop_first());
    }
}

/// Takes a token: one that a direct need gave and that is still there costs nothing; else slack, else the oldest.
fn take(purse: &mut Purse, needs: &mut Vec<u32>, sequence: &[u32], done_at: &[Option<u32>]) {
    let own = needs.iter().filter_map(|&need| done_at[need as usize]).find(|at| purse.given.contains_key(at));
    if own.is_none() && purse.slack > 0 {
        purse.slack -= 1;
        return;
    }
    let Some(at) = own.or_else(|| purse.given.keys().next().copied()) else { return };
    if let Some(count) = purse.given.get_mut(&at) {
        *count -= 1;
        if *count == 0 {
            purse.given.remove(&at);
        }
        purse.given_count -= 1;
        needs.push(sequence[at as usize]);
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
fn left(nodes: &[Node], purses: &[Purse], done_at: &[Option<u32>]) -> Vec<(u32, Left)> {
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
        if reason[place].is_none() && done_at[place].is_none() {
            let undone = node.needs.iter().copied().find(|&need| done_at[need as usize].is_none());
            reason[place] = undone.map(Left::Need);
        }
    }
    let named = reason.into_iter().enumerate().filter(|(place, _)| done_at[*place].is_none());
    named.map(|(place, reason)| (index(place), reason.unwrap_or(Left::Blocked))).collect()
}

fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn length<T>(list: &[T]) -> u32 {
    index(list.len())
}

#[cfg(test)]
mod tests {
    use super::{Account, Left, Node, order};

    fn taker(takes: &[u32]) -> Node {
        Node { takes: takes.to_vec(), is_removal: true, ..Node::default() }
    }

    #[test]
    fn what_needs_a_counter_within_its_limit_waits_for_those_that_pay() {
        let giver = |place: u32| Node { gives: vec![0], is_removal: true, needs: vec![place], ..Node::default() };
        let within = Node { within: vec![0], is_removal: true, ..Node::default() };
        let plain = Node::default();
        let nodes = [within.clone(), giver(3), giver(3), plain];
        let order = order(&nodes, &[Account { slack: 0, debt: 2 }]);
        assert_eq!(order.sequence, [3, 1, 2, 0]);
        assert_eq!(order.needs[0], [1, 2], "all who pay");
        let order = super::order(&nodes[..1], &[Account { slack: 0, debt: 1 }]);
        assert_eq!(order.left, [(0, Left::Counter(0))]);
    }

    #[test]
    fn takers_of_several_tokens_do_not_wake_each_other_for_ever() {
        let nodes = [taker(&[0, 0]), taker(&[0, 0]), taker(&[0])];
        let order = order(&nodes, &[Account { slack: 1, debt: 0 }]);
        assert_eq!(order.sequence, [2], "one token is enough for the last in line");
        assert_eq!(order.left, [(0, Left::Counter(0)), (1, Left::Counter(0))]);
        assert_eq!(order.shortfall, [4]);
    }

    #[test]
    fn a_given_token_makes_a_need_and_an_own_one_comes_first() {
        let giver = Node { gives: vec![0], ..Node::default() };
        let own = Node { needs: vec![0], ..taker(&[0]) };
        let order = order(&[giver, own, taker(&[0])], &[Account { slack: 1, debt: 0 }]);
        assert_eq!(order.needs, [vec![], vec![0], vec![]], "the other one has the slack");
        assert!(order.left.is_empty());
    }

    #[test]
    fn a_token_is_kept_for_who_gives_it_back_until_that_is_in_vain() {
        let giver = |gives: &[u32]| Node { gives: gives.to_vec(), ..Node::default() };
        let leaver = |takes: &[u32]| Node { needs: vec![0], returns: vec![(0, 0)], ..taker(takes) };
        let nodes = [giver(&[0]), taker(&[0]), leaver(&[0]), giver(&[0])];
        let sorted = order(&nodes, &[Account::default()]);
        assert_eq!(sorted.needs, [vec![], vec![3], vec![0], vec![]], "each takes from whom it has to");
        let nodes = [giver(&[0]), taker(&[0]), leaver(&[0, 1])];
        let sorted = order(&nodes, &[Account::default(), Account::default()]);
        assert_eq!(sorted.sequence, [0, 1], "who gives it back can't");
        assert_eq!(sorted.left, [(2, Left::Counter(1))]);
    }

    #[test]
    fn the_first_that_give_pay_the_excess() {
        let giver = || Node { gives: vec![0], is_removal: true, ..Node::default() };
        let nodes = [giver(), giver(), Node { takes: vec![0], ..Node::default() }];
        let order = order(&nodes, &[Account { slack: 0, debt: 1 }]);
        assert_eq!(order.sequence, [0, 1, 2]);
        assert_eq!(order.needs[2], [0, 1], "the giver, and who paid");
    }
}
