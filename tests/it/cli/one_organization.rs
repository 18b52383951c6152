//! A store that is one organization (`organizations: one`): `init` makes it, and nothing else ever does.

use crate::support::cli::Repository;

const ONE: &str = "organizations: { cabinet: { name: Cabinet Roy } }\n";
const USERS: &str =
    "users: { aroy: { name: Ana Roy, attributes: { portfolio_scope: all }, access: { cabinet: administrator } } }\n";

fn repository(manifest: &str) -> Repository {
    let repository = Repository::empty();
    let settings = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: modulr } }\n\
                    manage: { absent_users: report }\nsecrets: { sink: { file: .rollcall/secrets } }\n";
    repository.write("rollcall.yaml", settings);
    repository.write("access/all.yaml", manifest);
    repository
}

fn organizations(repository: &Repository) -> Vec<String> {
    let store = repository.store();
    let mut statement = store.prepare("SELECT name FROM organizations ORDER BY name").expect("a table");
    statement.query_map([], |row| row.get(0)).expect("rows").map(|row| row.expect("a name")).collect()
}

#[test]
fn init_makes_the_one_organization_that_is_declared() {
    let repository = repository(&format!("{ONE}{USERS}"));
    let run = repository.run(["init", "--format", "json"]);
    assert!(run.ends_with(0).json()["made"].as_array().unwrap().contains(&"organization cabinet (store local)".into()));
    assert_eq!(organizations(&repository), ["cabinet"]);
    repository.run(["init"]).ends_with(0).prints("everything is there already");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    let name = "SELECT display_name FROM organizations";
    let name: String = repository.store().query_row(name, [], |row| row.get(0)).expect("a name");
    assert_eq!(name, "Cabinet Roy", "what else is declared of it is planned as for every other one");
    // Another one is never made, and the one that is there is never taken for it.
    repository.edit("access/all.yaml", "cabinet", "bureau");
    repository.run(["init"]).ends_with(0);
    assert_eq!(organizations(&repository), ["cabinet"]);
}

#[test]
fn which_organization_it_is_has_to_be_clear() {
    for (manifest, why) in [
        ("", "no manifest declares it"),
        ("organizations: { one: {}, two: {} }\n", "such as `one` and `two`"),
        ("organizations: [\n", "not valid"),
    ] {
        let repository = repository(manifest);
        let run = repository.run(["init"]);
        run.ends_with(3).tells("the store local is one organization").tells(why).tells("rollcall init");
        assert_eq!(organizations(&repository), [""; 0]);
        // The store is there all the same, and the next time adds what is missing.
        repository.write("access/all.yaml", ONE);
        repository.run(["init"]).ends_with(0).prints("made organization cabinet");
        assert_eq!(organizations(&repository), ["cabinet"]);
    }
}
