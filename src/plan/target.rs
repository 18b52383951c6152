//! A plan for one user: what is done for them, and what that needs.
//!
//! First the user's drafts, with the organizations, sites and roles that they need, are ordered as if nobody else were
//! to change. Only where a counter does not leave them enough (a seat, an admin place), what others would give is taken
//! in as well: then the plan is the part of the full one that the user's actions need (law 5 holds for each such part).

use std::collections::{BTreeSet, VecDeque};

use super::Inputs;
use super::diff::Draft;
use super::order::{Account, Left, Node, Order, order};
use crate::model::Name;

/// The user whom a plan is for.
pub(super) struct Target {
    /// The key as declared, and as live.
    keys: BTreeSet<Name>,
}

impl Target {
    pub(super) fn new(inputs: &Inputs<'_>, identity: Name) -> Self {
        let declared = inputs.desired.find(identity).map(|user| user.key);
        let live = inputs.live.find(identity).map(|user| user.key);
        Self { keys: declared.into_iter().chain(live).chain([identity]).collect() }
    }

    pub(super) fn is_about(&self, user: Option<Name>) -> bool {
        user.is_some_and(|user| self.keys.contains(&user))
    }

    pub(super) fn is_named(&self, inputs: &Inputs<'_>, key: &str) -> bool {
        inputs.names.find(key).is_some_and(|key| self.keys.contains(&key))
    }

    /// The order of what is left of the plan.
    pub(super) fn order(&self, drafts: &[Draft], nodes: &[Node], accounts: &[Account]) -> Order {
        let own: Vec<u32> = (0_u32..)
            .zip(drafts)
            .filter(|(_, draft)| self.is_about(draft.action.subject.user))
            .map(|(at, _)| at)
            .collect();
        let chosen = closure(own.iter().copied(), |at| nodes[at as usize].needs.as_slice());
        let alone: Vec<Node> = (0_u32..)
            .zip(nodes)
            .map(|(at, node)| Node { is_blocked: node.is_blocked || !chosen.contains(&at), ..node.clone() })
            .collect();
        let mut found = order(&alone, accounts);
        let is_short = |(at, left): &(u32, Left)| chosen.contains(at) && matches!(left, Left::Counter(_));
        if !found.left.iter().any(is_short) {
            found.left.retain(|(at, _)| chosen.contains(at));
            return found;
        }
        let mut whole = order(nodes, accounts);
        let done: BTreeSet<u32> = whole.sequence.iter().copied().collect();
        let planned = own.iter().copied().filter(|at| done.contains(at));
        let needed = closure(planned, |at| whole.needs[at as usize].as_slice());
        whole.sequence.retain(|at| needed.contains(at));
        whole
    }
}

fn closure<'a>(start: impl Iterator<Item = u32>, needs: impl Fn(u32) -> &'a [u32]) -> BTreeSet<u32> {
    let mut waiting: VecDeque<u32> = start.collect();
    let mut found = BTreeSet::new();
    while let Some(at) = waiting.pop_front() {
        if found.insert(at) {
            waiting.extend(needs(at));
        }
    }
    found
}
