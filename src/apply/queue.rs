//! Which actions are ready: all their needs are achieved. Counts and offsets only, so that a plan of millions of
//! actions costs a few bytes each.

use std::collections::BTreeSet;

use super::outcome::Outcome;
use crate::plan::Action;

/// At most so many ready actions are offered to the store at once: enough for the largest sensible request, and no
/// more work for each request than that.
const WINDOW: usize = 4096;

/// The actions that wait, are ready, or have an outcome.
pub(super) struct Queue<'a> {
    actions: &'a [Action],
    /// How many needs of each action are not achieved yet.
    open_needs: Vec<u32>,
    /// Dependents of action `i` are `dependents[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    dependents: Vec<u32>,
    /// In plan order.
    ready: BTreeSet<u32>,
    outcomes: Vec<Option<Outcome>>,
}

impl<'a> Queue<'a> {
    pub(super) fn new(actions: &'a [Action]) -> Self {
        let mut starts = vec![0_u32; actions.len() + 1];
        for action in actions {
            for &need in &action.needs {
                starts[need as usize + 1] += 1;
            }
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        let mut dependents = vec![0; starts.last().map_or(0, |&total| total as usize)];
        let mut next = starts.clone();
        for (action, index) in actions.iter().zip(0_u32..) {
            for &need in &action.needs {
                let slot = &mut next[need as usize];
                dependents[*slot as usize] = index;
                *slot += 1;
            }
        }
        let open_needs: Vec<u32> =
            actions.iter().map(|action| u32::try_from(action.needs.len()).unwrap_or(u32::MAX)).collect();
        let ready = (0_u32..).zip(&open_needs).filter(|&(_, &open)| open == 0).map(|(index, _)| index).collect();
        Self { actions, open_needs, starts, dependents, ready, outcomes: vec![None; actions.len()] }
    }

    /// The first ready actions, in plan order.
    pub(super) fn ready(&self) -> Vec<u32> {
        self.ready.iter().copied().take(WINDOW).collect()
    }

    /// Notes what came of a ready action, which frees or skips what needs it. The actions that are skipped by it.
    pub(super) fn settle(&mut self, index: u32, outcome: Outcome) -> Vec<u32> {
        self.ready.remove(&index);
        let is_achieved = outcome.is_achieved();
        self.outcomes[index as usize] = Some(outcome);
        if is_achieved {
            for at in self.dependents_of(index) {
                let dependent = self.dependents[at];
                let open = &mut self.open_needs[dependent as usize];
                *open -= 1;
                if *open == 0 && self.outcomes[dependent as usize].is_none() {
                    self.ready.insert(dependent);
                }
            }
            return Vec::new();
        }
        let mut skipped = Vec::new();
        let mut failed = vec![index];
        while let Some(need) = failed.pop() {
            for at in self.dependents_of(need) {
                let dependent = self.dependents[at];
                let outcome = &mut self.outcomes[dependent as usize];
                if outcome.is_none() {
                    *outcome = Some(Outcome::Skipped { need });
                    failed.push(dependent);
                    skipped.push(dependent);
                }
            }
        }
        skipped.sort_unstable();
        skipped
    }

    fn dependents_of(&self, index: u32) -> std::ops::Range<usize> {
        let index = index as usize;
        self.starts[index] as usize..self.starts[index + 1] as usize
    }

    pub(super) fn action(&self, index: u32) -> &'a Action {
        &self.actions[index as usize]
    }

    pub(super) fn outcome(&self, index: u32) -> Option<&Outcome> {
        self.outcomes[index as usize].as_ref()
    }

    /// One outcome for each action; what has none was not tried.
    pub(super) fn into_outcomes(self) -> Vec<Outcome> {
        self.outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::NotTried)).collect()
    }
}
