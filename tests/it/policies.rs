//! The ready-made policies of `examples/policies`: each has a case that keeps to it and one that does not, whose lines say
//! which are refused; and what expressions can name is what the README says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rollcall::policy::{AskedOf, SHAPES, rows};
use rollcall::settings;
use serde_json::Value;

use super::support::cli::Repository;
use super::support::folders::{folders, of_repository};

const SETTINGS: &str = "\
version: 1
stores: { local: { sqlite: { path: .rollcall/store.db } } }
manage: { absent_users: deactivate }
";

const AT: &str = "2026-11-26T00:00:00Z";

/// What ends a line that a policy refuses.
const REFUSED: &str = "# refused";

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A repository with the manifests of a case and this policy; what was there before is applied, and everybody accepted.
fn repository(policy: &str, case: &Path) -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", SETTINGS);
    let before = case.join("before.yaml");
    if before.is_file() {
        repository.write("access/now.yaml", &text(&before));
        repository.run(["init"]).ends_with(0);
        repository.run(["apply", "--yes", "--at", AT]).ends_with(0);
        repository.sql("UPDATE users SET status = 'active' WHERE status = 'invited'");
    } else {
        repository.write("access/now.yaml", &text(&case.join("now.yaml")));
        repository.run(["init"]).ends_with(0);
    }
    repository.write("access/now.yaml", &text(&case.join("now.yaml")));
    repository.write("rollcall.yaml", &format!("{SETTINGS}{policy}"));
    repository
}

/// The lines that a run finds against policies.
fn found(document: &Value) -> BTreeSet<u64> {
    let diagnostics = document["diagnostics"].as_array().expect("diagnostics").iter();
    let of_policies = diagnostics.filter(|one| one["code"] == "policy-violated");
    of_policies.map(|one| one["line"].as_u64().unwrap_or_else(|| panic!("no line: {one}"))).collect()
}

#[test]
fn every_ready_made_policy_has_a_case_that_keeps_to_it_and_one_that_does_not() {
    let mut count = 0;
    for folder in folders(&of_repository("examples/policies")) {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        if name == "access" {
            continue;
        }
        let policy = text(&folder.join("policy.yaml"));
        let parsed = settings::parse(&format!("{SETTINGS}{policy}"), &|_| Err("there is none".to_owned()));
        let parsed = parsed.unwrap_or_else(|mistakes| panic!("{name}: {mistakes:?}")).policies;
        let [only] = parsed.as_slice() else { panic!("{name} holds {} policies", parsed.len()) };
        assert_eq!(only.name, name, "a policy stands in the folder of its name");
        let is_error = !policy.contains("severity: warning");
        for (case, code) in [("passing", 0), ("failing", if is_error { 4 } else { 0 })] {
            let manifests = text(&folder.join(case).join("now.yaml"));
            let lines = (1..).zip(manifests.lines()).filter(|(_, line)| line.trim_end().ends_with(REFUSED));
            let expected: BTreeSet<u64> = lines.map(|(number, _)| number).collect();
            assert_eq!(expected.is_empty(), case == "passing", "{name}/{case}");
            let repository = repository(&policy, &folder.join(case));
            let run = repository.run(["plan", "--format", "json", "--at", AT]);
            run.ends_with(code);
            assert_eq!(found(&run.json()), expected, "{name}/{case}: {run}");
            let valid = repository.run(["validate", "--format", "json", "--at", AT]);
            if only.of.needs_a_plan() {
                valid.ends_with(0);
            } else {
                valid.ends_with(code);
                assert_eq!(found(&valid.json()), expected, "{name}/{case}: {valid}");
            }
            if code == 4 {
                let before = repository.store().query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0));
                repository.run(["apply", "--yes", "--at", AT]).ends_with(4).tells(&format!("policies.{name}"));
                let after = repository.store().query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0));
                assert_eq!(before, after, "{name}: nothing is written");
            }
        }
        count += 1;
    }
    assert!(count >= 5, "{count} policies");
}

#[test]
fn the_example_with_all_of_them_has_all_of_them() {
    let folder = of_repository("examples/policies");
    let all = settings::load(&folder).unwrap_or_else(|refused| panic!("{refused}")).policies;
    let mut single = Vec::new();
    for file in folders(&folder).iter().map(|folder| folder.join("policy.yaml")).filter(|file| file.is_file()) {
        let parsed = settings::parse(&format!("{SETTINGS}{}", text(&file)), &|_| Err("there is none".to_owned()));
        single.extend(parsed.expect("valid").policies);
    }
    assert_eq!(all, single);
}

#[test]
fn the_readme_says_what_expressions_can_name() {
    let readme = text(&of_repository("README.md"));
    for shape in SHAPES {
        let rows = rows(shape);
        assert!(readme.contains(&rows), "the README lacks, or has otherwise:\n{rows}");
    }
    for of in AskedOf::ALL {
        let variables: Vec<String> = of.variables().iter().map(|one| format!("`{}`", one.name)).collect();
        let start = format!("| `{}` | {} |", of.as_str(), variables.join(", "));
        assert!(readme.contains(&start), "the README lacks:\n{start}");
    }
}
