//! `rollcall rules`.

use super::super::support::cli::Repository;

#[test]
fn built_in_rule_sets_are_listed_and_shown() {
    let repository = Repository::empty();
    let listed = repository.run(["rules", "list"]);
    listed.ends_with(0).tells_nothing();
    for name in ["actito", "alteia", "cauca", "credivera", "default", "modulr"] {
        listed.prints(name);
        repository.run(["rules", "show", name]).ends_with(0).prints("extends: null").prints("# ");
        let shown = repository.run(["--format", "json", "rules", "show", name]).ends_with(0).json();
        assert!(shown["identity"]["key"].is_string(), "{name}: {shown}");
    }
    repository.run(["rules", "show", "modular"]).ends_with(3).tells("did you mean `modulr`?");
    repository.run(["rules", "show", "nothing"]).ends_with(3).tells("built in: actito, alteia");
    let sets = repository.run(["--format", "json", "rules", "list"]).json();
    assert_eq!(sets[2]["name"], "cauca");
    assert_eq!(sets[2]["about"], "CAUCA: mass alerts and notifications for municipalities.");
}

#[test]
fn the_rules_of_a_store_are_shown_with_all_that_they_extend() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: store.db }, rules: { extends: modulr, seats: { max: 25 } } } }\n\
         manage: { absent_users: report }\n",
    );
    let shown = repository.run(["rules", "show"]).ends_with(0).tells("the rules of store `local`").json();
    assert_eq!(shown["seats"]["max"], 25);
    assert_eq!(shown["seats"]["counts"][0], "active", "from `modulr`");
    assert_eq!(shown["allows"]["delete"], "never_used");
}
