//! `rollcall fmt` as people and pipelines use it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::support::cli::Repository;

const UNORDERED: &str = "\
# People of the north.

users:
  # Ben is here until May.
  ben@example.com:
    access: { north: { sites: [pit-2, pit-1], role: operator } }
    name: Ben

  ana@example.com:
    access: { north: manager } # both pits
roles:
  operator: { rank: 20 }
  manager: { rank: 40, admin: true, site_access: all }
organizations:
  north:
    sites: { pit-2: {}, pit-1: {} }
";

const ORDERED: &str = "\
# People of the north.

organizations:
  north:
    sites: { pit-1: {}, pit-2: {} }
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20 }
users:
  ana@example.com:
    access: { north: manager } # both pits

  # Ben is here until May.
  ben@example.com:
    name: Ben
    access: { north: { role: operator, sites: [pit-1, pit-2] } }
";

fn unordered() -> Repository {
    let repository = Repository::small();
    repository.write("access/all.yaml", UNORDERED);
    repository
}

#[test]
fn entries_are_put_in_order_and_the_plan_is_the_same() {
    let repository = unordered();
    let digest = |repository: &Repository| repository.run(["plan", "--format", "json"]).json()["digest"].clone();
    let before = digest(&repository);
    let run = repository.run(["fmt"]);
    run.ends_with(0).prints("access/all.yaml\n").tells("1 of 1 file put in order");
    assert_eq!(repository.read("access/all.yaml"), ORDERED);
    assert_eq!(digest(&repository), before);
    repository.run(["fmt"]).ends_with(0).prints_nothing().tells("1 file in canonical order");
    assert_eq!(repository.read("access/all.yaml"), ORDERED);
}

#[test]
fn a_check_shows_what_would_move_and_writes_nothing() {
    let repository = unordered();
    let run = repository.run(["fmt", "--check"]);
    run.ends_with(3).prints("--- access/all.yaml\n+++ access/all.yaml (in canonical order)\n@@ ");
    run.prints("-  manager: { rank: 40, admin: true, site_access: all }\n");
    run.prints("+  manager: { rank: 40, site_access: all, admin: true }\n");
    run.tells("1 of 1 file not in canonical order; put them in order with: rollcall fmt");
    assert_eq!(repository.read("access/all.yaml"), UNORDERED);
    repository.write("access/all.yaml", ORDERED);
    repository.run(["fmt", "--check"]).ends_with(0).prints_nothing();
}

#[test]
fn a_check_as_a_document_names_the_first_line_that_moves() {
    let repository = unordered();
    let document = repository.run(["fmt", "--check", "--format", "json"]);
    document.ends_with(3);
    let found = &document.json()["diagnostics"][0];
    assert_eq!(found["code"], "not-canonical");
    assert_eq!((found["file"].as_str(), found["line"].as_u64()), (Some("access/all.yaml"), Some(3)));
    assert_eq!(found["severity"], "error");
}

#[test]
fn a_file_with_a_mistake_stays_and_is_told_and_others_are_put_in_order() {
    let repository = unordered();
    repository.write("access/broken.yaml", "users:\n  zoe: [\n  ana: {}\n");
    let run = repository.run(["fmt"]);
    run.ends_with(3).prints("access/all.yaml\n").tells("access/broken.yaml:").tells("error[syntax]");
    assert_eq!(repository.read("access/all.yaml"), ORDERED);
    assert_eq!(repository.read("access/broken.yaml"), "users:\n  zoe: [\n  ana: {}\n");
}

#[test]
fn a_file_keeps_its_mode_and_the_links_to_it() {
    let repository = unordered();
    let path = repository.file("access/all.yaml");
    fs::rename(&path, repository.file("shared.yaml")).expect("moved");
    symlink("../shared.yaml", &path).expect("linked");
    fs::set_permissions(repository.file("shared.yaml"), fs::Permissions::from_mode(0o640)).expect("mode");
    repository.run(["fmt"]).ends_with(0);
    assert!(path.symlink_metadata().expect("there").is_symlink());
    assert_eq!(repository.read("shared.yaml"), ORDERED);
    let mode = repository.file("shared.yaml").metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let left: Vec<_> = fs::read_dir(repository.path()).expect("folder").flatten().map(|one| one.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

#[test]
fn neither_a_store_nor_valid_references_are_needed() {
    let repository = Repository::empty();
    repository.write("a.yaml", "users: { zoe: { access: { nowhere: nothing } }, ana: {} }\n");
    repository.run(["fmt", "--manifests", "a.yaml"]).ends_with(0).prints("a.yaml\n");
    assert_eq!(repository.read("a.yaml"), "users: { ana: {}, zoe: { access: { nowhere: nothing } } }\n");
}
