//! Plan files: what `plan --out` wrote, changed by somebody who wants more than was approved. Members and values are
//! taken out, exchanged and put in, and half of the time the ids and the digest are made right again, so that what
//! stands behind the digest is reached too.
//!
//! What is read has the digest of what it says, by a computation of its own; whatever it does, each action is one that
//! a plan may have.

use std::cell::Cell;
use std::collections::BTreeSet;

use rollcall::model::Names;
use rollcall::plan::{self, FileError, SavedPlan};
use rollcall::rules::Rules;
use serde_json::Value;

use super::{Dice, WORDS, mutate, run_on};
use crate::support::cli::Repository;
use crate::support::plan_files::{digest, seal};

/// Values that stand somewhere in plans, or might be hoped to do something.
const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "1",
    "-1",
    "1e999",
    "[]",
    "{}",
    "\"\"",
    "\"*\"",
    "\"all\"",
    "\"manager\"",
    "\"north\"",
    "\"pit-1\"",
    "\"ana@example.com\"",
    "\"ANA@example.com\"",
    "\"root@example.com\"",
    "\"a\\u0000b\"",
    "\"\\u202eana@example.com\"",
    "\"delete_user\"",
    "\"close_user\"",
    "\"grant_site\"",
    "\"change_role\"",
    "\"active\"",
    "\"absent\"",
    "\"pending\"",
    "{\"role\":\"manager\"}",
    "{\"status\":\"active\"}",
    "{\"key\":\"li@example.com\"}",
    "[\"manager\"]",
    "2",
    "99999999999999999999",
];

/// Plans with as many kinds of actions as two people can have.
fn corpus() -> Vec<Vec<u8>> {
    let repository = Repository::small();
    let save = || {
        let file = repository.file("plan.json");
        std::fs::remove_file(&file).ok();
        assert!(matches!(repository.run(["plan", "--out", "plan.json"]).code, Some(0 | 4)));
        std::fs::read(file).expect("a plan")
    };
    let mut found = vec![save()];
    repository.run(["apply", "--yes"]).ends_with(0);
    for (old, new) in [
        ("north: manager", "north: { role: operator, sites: [pit-2] }"),
        ("ben@example.com:", "kim@example.com:\n    previously: ben@example.com"),
        ("kim@example.com:", "li@example.com:\n    given_name: Li\n    access: {}\n  kim@example.com:"),
        ("pit-2: {}", "pit-2: { name: Second }, pit-3: { status: absent }"),
        ("users:", "inactive: [ana@example.com]\nusers:"),
        ("sites: [pit-1]", "sites: []"),
    ] {
        repository.edit("access/all.yaml", old, new);
        found.push(save());
    }
    found
}

/// How many values there are at and below this one.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The value with this number, counted from the outside.
fn nth(value: &mut Value, mut number: usize) -> &mut Value {
    if number == 0 {
        return value;
    }
    number -= 1;
    let below: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for one in below {
        let size = size(one);
        if number < size {
            return nth(one, number);
        }
        number -= size;
    }
    unreachable!("a number above the size");
}

fn change(dice: &mut Dice, plan: &mut Value) {
    let count = size(plan);
    let other = nth(plan, dice.below(count)).clone();
    // Actions are what matters: half of the changes are made there.
    let inside = dice.below(2) == 0 && plan["actions"].as_array().is_some_and(|actions| !actions.is_empty());
    let root = if inside { &mut plan["actions"] } else { plan };
    let place = dice.below(size(root));
    let value = nth(root, place);
    match (dice.below(6), value) {
        (0, Value::Array(items)) if !items.is_empty() => drop(items.remove(dice.below(items.len()))),
        (1, Value::Array(items)) if !items.is_empty() => {
            let again = items[dice.below(items.len())].clone();
            items.insert(dice.below(items.len()), again);
        }
        (2, Value::Array(items)) if items.len() > 1 => {
            let (a, b) = (dice.below(items.len()), dice.below(items.len()));
            items.swap(a, b);
        }
        (0, Value::Object(members)) if !members.is_empty() => {
            let key = members.keys().nth(dice.below(members.len())).expect("a member").clone();
            members.remove(&key);
        }
        (1, Value::Object(members)) => drop(members.insert((*dice.one(WORDS)).to_owned(), other)),
        (0..3, Value::String(text)) => text.push_str(dice.one::<&str>(WORDS)),
        (3, value) => *value = other,
        (_, value) => *value = serde_json::from_str(dice.one::<&str>(VALUES)).unwrap_or(Value::Null),
    }
}

fn input(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    if dice.below(5) == 0 {
        return mutate(dice, corpus);
    }
    let mut plan: Value = serde_json::from_slice(dice.one::<Vec<u8>>(corpus)).expect("a plan");
    if dice.below(20) == 0 {
        plan["format"] = dice.below(4).into();
    }
    for _ in 0..=dice.below(3) {
        change(dice, &mut plan);
    }
    if dice.below(3) > 0 {
        seal(&mut plan);
    }
    serde_json::to_vec(&plan).expect("JSON")
}

fn check_read(text: &[u8], saved: &SavedPlan, names: &Names, rules: &Rules) {
    let plan: Value = serde_json::from_slice(text).expect("what was read is JSON");
    assert_eq!(plan["digest"], saved.digest.as_str());
    let actions: &Vec<Value> = plan["actions"].as_array().expect("actions");
    assert_eq!(saved.actions.len(), actions.len());
    let mut seen = BTreeSet::new();
    for (at, (action, written)) in saved.actions.iter().zip(actions).enumerate() {
        assert!(action.needs.iter().all(|&need| (need as usize) < at), "what is needed stands before");
        assert!(seen.insert((action.kind, action.subject)), "one action, one fact");
        assert_eq!(plan::action_id(names, action.kind, &action.subject), written["id"]);
        if let Some(user) = action.subject.user {
            assert!(rules.identity.normalize(names.text(user)).is_ok(), "{} is no key", names.text(user));
        }
        let side =
            |state: &Option<plan::State>| state.as_ref().map_or(Value::Null, |state| plan::state_json(names, state));
        assert_eq!(side(&action.before), written["before"], "nothing is read that is not written, and the reverse");
        assert_eq!(side(&action.after), written["after"], "nothing is read that is not written, and the reverse");
    }
    assert_eq!(saved.digest, digest(&plan), "the digest is the one of what it says");
}

#[test]
fn mutations_of_plan_files_are_read_or_refused() {
    let rules = Rules::built_in("default").expect("a built-in rule set");
    let corpus = corpus();
    let counts: [Cell<usize>; 5] = Default::default();
    let count = |at: usize| counts[at].set(counts[at].get() + 1);
    for plan in &corpus {
        plan::read_file(plan, &mut Names::new(), &rules).expect("what was saved is read");
        assert_eq!(serde_json::from_slice::<Value>(plan).expect("JSON")["digest"], {
            digest(&serde_json::from_slice(plan).expect("JSON"))
        });
    }
    run_on("plan files", 5, &|dice| input(dice, &corpus), &|text| {
        let mut names = Names::new();
        match plan::read_file(text, &mut names, &rules) {
            Ok(saved) => {
                count(0);
                check_read(text, &saved, &names, &rules);
                let again = plan::read_file(text, &mut Names::new(), &rules).expect("read again");
                assert_eq!((&again.digest, again.actions.len()), (&saved.digest, saved.actions.len()));
                assert!(plan::is_plan_file(text));
            }
            Err(error) => {
                count(match &error {
                    FileError::NoPlan(_) => 1,
                    FileError::Format(_) => 2,
                    FileError::Action(..) => 3,
                    FileError::Digest => 4,
                });
                let told = error.to_string();
                assert!(told.contains("make") && told.len() > 20, "no advice: {told}");
            }
        }
    });
    let counts = counts.map(|count| count.get());
    assert!(counts.iter().all(|&count| count > 0), "not every end was met: {counts:?}");
}
