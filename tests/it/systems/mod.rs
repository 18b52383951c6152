//! The five services whose user administration rollcall keeps, fact by fact: each fact has an id, and a test named
//! after it (`alt_5_…` for ALT-5).

use std::ffi::OsStr;

use serde_json::Value;

use crate::support::cli::{Repository, Run};
use crate::support::folders::of_repository;

mod actito;
mod alteia;
mod altered_roles;
mod at_odds;
mod by_hand;
mod cauca;
mod credivera;
mod modulr;
mod modulr_access;
mod oddities;

/// The facts of each service: the beginning of its ids, how many there are, and the tests.
const SYSTEMS: [(&str, u32, &str); 5] = [
    ("cauca", 12, include_str!("cauca.rs")),
    ("alt", 13, include_str!("alteia.rs")),
    ("cred", 10, include_str!("credivera.rs")),
    ("mod", 15, concat!(include_str!("modulr.rs"), include_str!("modulr_access.rs"))),
    ("act", 10, include_str!("actito.rs")),
];

/// A store that behaves as one of the services does, and the manifest that declares what is in it.
struct Service(Repository);

impl Service {
    /// A store under these rules, with nobody in it. Where the service is one organization, that is there already.
    fn new(rules: &str, manifest: &str) -> Self {
        let repository = Repository::empty();
        let settings = format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}\n\
             manage: {{ absent_users: deactivate, grace: 30d }}\nguards: {{ deletions: {{ max_count: 5 }} }}\n\
             secrets: {{ sink: {{ file: .rollcall/secrets }} }}\n"
        );
        repository.write("rollcall.yaml", &settings);
        repository.write("access/all.yaml", manifest);
        repository.run(["init"]).ends_with(0);
        Self(repository)
    }

    fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Run {
        self.0.run(arguments)
    }

    /// Replaces a text of the manifest.
    fn declare(&self, old: &str, new: &str) {
        self.0.edit("access/all.yaml", old, new);
    }

    #[track_caller]
    fn plan(&self) -> Value {
        self.run(["plan", "--format", "json"]).ends_with(0).json()
    }

    /// The ids of the actions of the plan.
    #[track_caller]
    fn ids(&self) -> Vec<String> {
        self.list("actions").iter().map(|action| text(&action["id"])).collect()
    }

    /// The risks of one action of the plan.
    #[track_caller]
    fn risks(&self, id: &str) -> Vec<String> {
        self.action(id)["risk"].as_array().expect("risks").iter().map(text).collect()
    }

    /// One action of the plan.
    #[track_caller]
    fn action(&self, id: &str) -> Value {
        let found = self.list("actions").into_iter().find(|action| action["id"] == id);
        found.unwrap_or_else(|| panic!("no {id} in {:?}", self.ids()))
    }

    /// What waits, and for what: `delete_user ana grace`.
    #[track_caller]
    fn waits(&self) -> Vec<String> {
        let parts = |one: &Value| ["action", "user", "site", "waits_for"].map(|part| text(&one[part]));
        let line = |one: &Value| parts(one).into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        self.list("deferred").iter().map(line).collect()
    }

    #[track_caller]
    fn list(&self, name: &str) -> Vec<Value> {
        self.plan()[name].as_array().expect("a list").clone()
    }

    /// Applies, and demands that nothing is left to be done.
    #[track_caller]
    fn apply(&self) {
        self.run(["apply", "--yes"]).ends_with(0);
        assert_eq!(self.ids(), [""; 0]);
    }

    /// What the sink of secrets has taken: user, kind and secret of each line.
    fn secrets(&self) -> Vec<(String, String, String)> {
        let file = self.0.file(".rollcall/secrets");
        let lines = std::fs::read_to_string(file).unwrap_or_default();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.map(|line| (text(&line["user"]), text(&line["kind"]), text(&line["secret"]))).collect()
    }

    /// The texts in the only column of a question to the store.
    #[track_caller]
    fn rows(&self, question: &str) -> Vec<String> {
        let store = self.0.store();
        let mut statement = store.prepare(question).unwrap_or_else(|error| panic!("{question}: {error}"));
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|row| row.expect("a text")).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn every_fact_has_a_test_that_is_named_after_it() {
    let mut untested = Vec::new();
    for (prefix, count, tests) in SYSTEMS {
        let ids = (1..=count).map(|number| format!("{prefix}_{number}"));
        untested.extend(ids.filter(|id| !tests.contains(&format!("#[test]\nfn {id}_"))));
    }
    assert_eq!(untested, Vec::<String>::new(), "without a test");
    assert_eq!(SYSTEMS.iter().map(|(_, count, _)| count).sum::<u32>(), 60);
}

/// The examples that show all facts of a service, by the beginning of its ids.
const EXAMPLES: [(&str, &str); 5] =
    [("alt", "alteia"), ("cred", "credivera"), ("mod", "modulr"), ("cauca", "cauca"), ("act", "actito")];

#[test]
fn every_fact_is_seen_in_the_example_of_its_service() {
    for (prefix, example) in EXAMPLES {
        let (_, count, _) = SYSTEMS.into_iter().find(|(known, _, _)| *known == prefix).expect("a service");
        let readme = of_repository(&format!("examples/{example}/README.md"));
        let text = std::fs::read_to_string(&readme).expect("the README of an example");
        let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let shown: Vec<&str> = rows.filter(|cell| cell.starts_with(&format!("{}-", prefix.to_uppercase()))).collect();
        let facts: Vec<String> = (1..=count).map(|number| format!("{}-{number}", prefix.to_uppercase())).collect();
        assert_eq!(shown, facts, "the table of facts in {}", readme.display());
    }
}
