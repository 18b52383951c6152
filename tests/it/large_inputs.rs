//! Inputs that are large in one direction: each once took the square of its size. What is asked is generous, for a slow
//! machine with many tests at once, and far below a square.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use rollcall::manifest::{self, Loaded};
use rollcall::model::Names;
use rollcall::rules::Rules;
use rollcall::source::{MOST_OF_A_KIND, Sources};

use crate::support::cli::Repository;

const MANY: usize = 50_000;
const MOST: Duration = Duration::from_mins(1);

const CATALOG: &str =
    "organizations: { o: { sites: { s: {} } } }\nroles: { r: { rank: 1 }, w: { site_access: all } }\n";

/// Loads one file, and gives what was found: for each code how often, with the number of those that are only counted.
#[track_caller]
fn load(text: &str) -> (Loaded, Vec<(&'static str, usize)>) {
    let mut sources = Sources::memory([("access/a.yaml", text.as_bytes().to_vec())]);
    let reading = manifest::Reading { rules: &Rules::default(), time_zone: &TimeZone::UTC };
    let begun = Instant::now();
    let loaded = manifest::load(&mut Names::new(), reading, &mut sources, &["access".to_owned()]);
    let took = begun.elapsed();
    assert!(took < MOST, "{took:?}");
    let mut codes: Vec<&'static str> = loaded.diagnostics.iter().map(|found| found.code.as_str()).collect();
    codes.sort_unstable();
    let counts = codes.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect();
    (loaded, counts)
}

fn many(begin: &str, line: impl Fn(usize) -> String) -> String {
    let mut text = begin.to_owned();
    for number in 0..MANY {
        let _ = writeln!(text, "{}", line(number));
    }
    text
}

#[test]
fn many_grants_for_one_who_is_no_member() {
    let begin = format!("{CATALOG}users: {{ u@example.com: {{ access: {{}} }} }}\nsite_grants:\n");
    let (_, counts) = load(&many(&begin, |_| "  - { site: o/s, users: [u@example.com] }".to_owned()));
    // They are all the same grant, which is told as well.
    assert_eq!(counts, [("duplicate-entry", MOST_OF_A_KIND + 1), ("grant-without-membership", MOST_OF_A_KIND + 1)]);
}

#[test]
fn many_grants_under_a_role_that_reaches_all() {
    let begin = format!("{CATALOG}users: {{ u@example.com: {{ access: {{ o: w }} }} }}\nsite_grants:\n");
    let (loaded, counts) = load(&many(&begin, |_| "  - { site: o/s, users: [u@example.com] }".to_owned()));
    assert!(!loaded.has_errors());
    assert_eq!(counts, [("duplicate-entry", MOST_OF_A_KIND + 1)]);
}

#[test]
fn many_teams_that_leave_an_organization_alone() {
    let begin = format!("{CATALOG}users: {{ u@example.com: {{ access: {{}} }} }}\nteams:\n");
    let line = |number| format!("  t{number}: {{ members: [u@example.com], access: {{ o: unmanaged }} }}");
    let (_, counts) = load(&many(&begin, line));
    assert!(counts.is_empty(), "{counts:?}");
    let begin = format!("{CATALOG}users: {{ u@example.com: {{ access: {{ o: r }} }} }}\nteams:\n");
    let (_, counts) = load(&many(&begin, line));
    assert_eq!(counts, [("conflicting-unmanaged", MOST_OF_A_KIND + 1)]);
}

#[test]
fn many_names_beside_a_pattern() {
    let sites = many("organizations:\n  o:\n    sites:\n", |number| format!("      s{number}: {{}}"));
    let user = "roles: { r: {} }\nusers:\n  u@example.com:\n    access:\n      o:\n        role: r\n        sites:\n";
    let (loaded, counts) = load(&many(&format!("{sites}{user}          - \"*\"\n"), |at| format!("          - s{at}")));
    assert!(!loaded.has_errors() && counts.is_empty(), "{counts:?}");
}

#[test]
fn many_keys_that_stand_twice() {
    let (_, counts) = load(&many("users:\n", |number| format!("  u{}@example.com: {{ access: {{}} }}", number / 2)));
    assert_eq!(counts, [("duplicate-key", MOST_OF_A_KIND + 1)]);
}

#[test]
fn a_tower_of_teams_and_many_people_in_it() {
    let height = 3_000;
    let mut text = format!("{CATALOG}teams:\n");
    for number in 0..height {
        let _ = writeln!(text, "  t{number}: {{ teams: [t{}], access: {{ o: r }} }}", number + 1);
    }
    let _ = writeln!(text, "  t{height}: {{ members: [] }}\nusers:");
    let (_, counts) = load(&many(&text, |number| format!("  u{number}@example.com: {{ teams: [t{height}] }}")));
    assert_eq!(counts, [("too-large", 1)]);
}

#[test]
fn a_circle_of_teams_and_many_people_in_it() {
    let mut text = many(&format!("{CATALOG}teams:\n"), |at| format!("  t{at}: {{ teams: [t{}] }}", (at + 1) % MANY));
    text.push_str("users:\n");
    let (_, counts) = load(&many(&text, |at| format!("  u{at}@example.com: {{ teams: [t{at}] }}")));
    assert_eq!(counts, [("team-cycle", 1), ("too-large", 1)]);
}

#[test]
fn a_tower_of_roles_that_include_each_other() {
    let (_, counts) = load(&many("roles:\n", |at| format!("  r{at}: {{ includes: [r{}] }}", (at + 1).min(MANY - 1))));
    assert_eq!(counts, [("include-cycle", 1), ("too-large", 1)]);
    let (loaded, counts) = load("roles:\n  a: { includes: [b, c] }\n  b: { includes: [c] }\n  c: {}\n");
    assert!(!loaded.has_errors() && counts.is_empty(), "{counts:?}");
}

/// A few lines must not ask for more than any memory holds.
#[test]
fn more_places_than_can_be_given_are_refused() {
    let sites = many("organizations:\n  o:\n    sites:\n", |number| format!("      s{number}: {{}}"));
    let mut text = format!("{sites}roles: {{ r: {{}} }}\nusers:\n");
    for number in 0..3_000 {
        let _ = writeln!(text, "  u{number}@example.com: {{ access: {{ o: {{ role: r, sites: all }} }} }}");
    }
    let (_, counts) = load(&text);
    assert_eq!(counts, [("too-large", 1)]);
    let mut text = format!("{sites}roles: {{ r: {{}} }}\nusers: {{ u@example.com: {{ access: {{ o: r }} }} }}\n");
    text.push_str("site_grants:\n");
    text.push_str(&"  - { site: \"*/*\", users: [u@example.com] }\n".repeat(100));
    let (_, counts) = load(&text);
    assert_eq!(counts, [("duplicate-entry", 99), ("too-large", 1)]);
}

#[test]
fn more_lines_than_can_be_kept_are_refused() {
    let (_, counts) = load(&"\n".repeat(rollcall::source::MOST_LINES + 1));
    assert_eq!(counts, [("too-large", 1)]);
}

#[test]
fn one_new_user_in_many_organizations() {
    let mut text = many("organizations:\n", |number| format!("  o{number}: {{ sites: {{ s: {{}} }} }}"));
    text.push_str("roles: { r: {} }\nusers:\n  u@example.com: { access: { \"*\": { role: r, sites: all } } }\n");
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\n\
         manage: { absent_users: report }\n",
    );
    repository.write("access/a.yaml", &text);
    repository.run(["init"]).ends_with(0);
    let begun = Instant::now();
    repository.run(["plan"]).ends_with(0).prints("u@example.com  invited");
    let took = begun.elapsed();
    assert!(took < MOST, "{took:?}");
}

/// Sizes are looked at first: what is too large is not read, and not what is too large together either.
#[test]
fn what_is_too_large_is_refused_by_its_size() {
    let refused = |sizes: &[u64]| {
        let folder = tempfile::tempdir().expect("temporary folder");
        std::fs::create_dir(folder.path().join("access")).expect("folder");
        for (number, &size) in sizes.iter().enumerate() {
            let file = std::fs::File::create(folder.path().join(format!("access/{number}.yaml"))).expect("file");
            file.set_len(size).expect("a file with a hole");
        }
        let mut sources = Sources::folder(folder.path());
        let reading = manifest::Reading { rules: &Rules::default(), time_zone: &TimeZone::UTC };
        let begun = Instant::now();
        let loaded = manifest::load(&mut Names::new(), reading, &mut sources, &["access".to_owned()]);
        assert!(begun.elapsed() < MOST, "{:?}", begun.elapsed());
        let told = loaded.diagnostics.iter().map(|told| format!("{} {}", told.code.as_str(), told.message));
        told.collect::<Vec<_>>()
    };
    assert_eq!(refused(&[5 << 30]), ["too-large `access/0.yaml` is larger than 512 MiB"]);
    // One that is as large as that may be read, and is no text.
    assert_eq!(refused(&[200 << 20]), ["unreadable `access/0.yaml` is not UTF-8 text, but UTF-16 or the like"]);
    assert_eq!(refused(&[400 << 20; 3]), ["too-large the manifests are larger than 1 GiB together"]);
}
