//! What includes only what can be said, down to the last one. What includes itself, straight or through others, never can.

use std::collections::{BTreeMap, BTreeSet};

/// Of things that include things, those without a circle and without anything that is not among them.
pub(super) fn whole<K: Ord + Copy>(all: impl IntoIterator<Item = (K, Vec<K>)>) -> BTreeSet<K> {
    let mut whole = BTreeSet::new();
    let mut waiting: BTreeMap<K, usize> = BTreeMap::new();
    let mut included_by: BTreeMap<K, Vec<K>> = BTreeMap::new();
    let mut ready = Vec::new();
    for (name, includes) in all {
        if includes.is_empty() {
            ready.push(name);
        } else {
            waiting.insert(name, includes.len());
        }
        for included in includes {
            included_by.entry(included).or_default().push(name);
        }
    }
    while let Some(name) = ready.pop() {
        if !whole.insert(name) {
            continue;
        }
        for includer in included_by.get(&name).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(includer) {
                *count -= 1;
                if *count == 0 {
                    ready.push(*includer);
                }
            }
        }
    }
    whole
}
