//! Broken repositories on the command line: settings, rule files, stores and folders. Manifests have `tests/cases`.
//! Two applies at once, kills and full disks stand in `kills`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Instant;

use super::super::support::cli::{Repository, Run};

const START: &str = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db } } }\n\
                     manage: { absent_users: report }\n";

/// What befalls a store, in words and in deed.
type Damage<'a> = (&'static str, &'a dyn Fn(&Repository));

/// `FILE:LINE:COLUMN CODE` of every mistake.
fn places(run: &Run) -> Vec<String> {
    let document = run.json();
    let found = document["diagnostics"].as_array().expect("diagnostics");
    found
        .iter()
        .map(|one| {
            format!(
                "{}:{}:{} {}",
                one["file"].as_str().unwrap_or("-"),
                one["line"],
                one["column"],
                one["code"].as_str().unwrap()
            )
        })
        .collect()
}

#[track_caller]
fn settings(text: &[u8], expected: &[&str]) -> Repository {
    let repository = Repository::empty();
    fs::create_dir(repository.file("access")).unwrap();
    fs::write(repository.file("rollcall.yaml"), text).unwrap();
    check(&repository, expected);
    repository
}

#[track_caller]
fn check(repository: &Repository, expected: &[&str]) {
    let run = repository.run(["validate", "--format", "json"]);
    run.ends_with(3);
    assert_eq!(places(&run), expected, "{run}");
    repository.run(["validate"]).ends_with(3);
}

#[test]
fn every_mistake_of_settings_has_its_place() {
    let start = START.as_bytes();
    let with = |more: &str| format!("{START}{more}").into_bytes();
    settings(&with("time_zone: Mars/Base\n"), &["rollcall.yaml:4:12 invalid-settings"]);
    settings(&with("manage: { absent_users: report }\n"), &["rollcall.yaml:4:1 duplicate-key"]);
    settings(&with("# \u{202e} x\n"), &["rollcall.yaml:4:3 hidden-character"]);
    settings(&with("guards: *a\n"), &["rollcall.yaml:4:9 yaml-feature"]);
    settings(&with("---\nversion: 1\n"), &["rollcall.yaml:4:1 second-document"]);
    settings(&with("guards: {\n"), &["rollcall.yaml:4:9 syntax"]);
    settings(b"- a\n", &["rollcall.yaml:1:1 wrong-type"]);
    settings(b"version: 1\nstores: \0\n", &["rollcall.yaml:2:9 unreadable"]);
    settings(b"version: 1\nstores: J\xe9\n", &["rollcall.yaml:2:10 unreadable"]);
    settings(b"\xff\xfev\0", &["rollcall.yaml:1:1 unreadable"]);
    let marked = [b"\xef\xbb\xbfvershun: 1\n", &start[11..]].concat();
    settings(&marked, &["rollcall.yaml:1:1 unknown-key"]);
}

#[test]
fn all_mistakes_of_shape_are_told_in_one_run() {
    settings(
        b"version: one\nstores: { local: { sqlite: { pth: x }, rules: 5 } }\nmanage:\n  absent_users: maybe\n  grce: 3\nfoo: 1\n",
        &[
            "rollcall.yaml:1:10 wrong-type",
            "rollcall.yaml:2:30 unknown-key",
            "rollcall.yaml:2:47 wrong-type",
            "rollcall.yaml:4:17 invalid-value",
            "rollcall.yaml:5:3 unknown-key",
            "rollcall.yaml:6:1 unknown-key",
        ],
    );
}

#[test]
fn rules_that_do_not_work_are_told_where_they_stand() {
    let settings = START.replace("store.db }", "store.db }, rules: rules/x.yaml");
    let rules = |files: &[(&str, &str)], expected: &[&str]| {
        let repository = Repository::empty();
        fs::create_dir(repository.file("access")).unwrap();
        repository.write("rollcall.yaml", &settings);
        for (name, text) in files {
            repository.write(name, text);
        }
        check(&repository, expected);
    };
    rules(&[], &["rollcall.yaml:2:65 invalid-rules"]);
    rules(
        &[("rules/x.yaml", "extends: rules/y.yaml\n"), ("rules/y.yaml", "extends: rules/x.yaml\n")],
        &["rules/y.yaml:1:10 invalid-rules"],
    );
    rules(
        &[("rules/x.yaml", "identity:\n  kee: login\nonbording: invite\n")],
        &["rules/x.yaml:2:3 unknown-key", "rules/x.yaml:3:1 unknown-key"],
    );
    rules(
        &[("rules/x.yaml", "identity: { key: phone }\nonboarding: fax\n")],
        &["rules/x.yaml:1:18 invalid-value", "rules/x.yaml:2:13 invalid-value"],
    );
    rules(&[("rules/x.yaml", "a: \u{0}\n")], &["rollcall.yaml:2:65 invalid-rules"]);
    rules(&[("rules/x.yaml", "- a\n")], &["rules/x.yaml:1:1 wrong-type"]);
    rules(&[("rules/x.yaml", "identity: { key: login\n")], &["rules/x.yaml:1:11 syntax"]);
}

/// Whatever way a secret is written into settings or a manifest: refused, with its place, and never repeated.
#[test]
fn a_secret_that_is_written_down_is_never_repeated() {
    const SECRET: &str = "hunter2-SENTINEL";
    let smtp = "mail: { from: a@example.com, smtp: { host: x, user: u, KEY: VALUE } }\n";
    let with = |key: &str, value: &str| format!("{START}{}", smtp.replace("KEY", key).replace("VALUE", value));
    for text in [
        with("password", SECRET),
        with("pasword", SECRET),
        with("password", &format!("{{ env: {SECRET} }}")),
        with("password", &format!("[{SECRET}]")),
        with("password", &format!("\n      {SECRET}")),
        format!("{START}api_key: {SECRET}\n"),
        format!("{START}secrets: {SECRET}\n"),
        format!("{START}secrets:\n  sink:\n    {SECRET}\n"),
        format!("{START}mail: {{ smtp: {{ password: {SECRET}\n"),
        format!("{START}mail: {{ smtp: {{ password: \"{SECRET}\n"),
        START.replace(
            "sqlite: { path: .rollcall/store.db }",
            &format!("scim: {{ url: 'https://u:{SECRET}@x.example' }}"),
        ),
        START.replace(
            "sqlite: { path: .rollcall/store.db }",
            &format!("scim: {{ url: 'https://x.example', read_token: {SECRET} }}"),
        ),
    ] {
        let repository = Repository::empty();
        repository.write("rollcall.yaml", &text);
        repository.write("access/a.yaml", "");
        for command in [&["validate"][..], &["plan", "-vv", "--log-format", "json"], &["validate", "--format", "json"]]
        {
            let run = repository.run(command);
            run.ends_with(3);
            assert!(!run.all().contains("SENTINEL"), "{text}\n{run}");
        }
        let run = repository.run(["validate", "--format", "json"]);
        assert!(places(&run)[0].starts_with("rollcall.yaml:"), "{run}");
    }
    let repository = Repository::small();
    repository.edit("access/all.yaml", "ana@example.com:", &format!("ana@example.com:\n    password: {SECRET}"));
    for format in ["text", "json"] {
        let run = repository.run(["validate", "--format", format]);
        run.ends_with(3);
        assert!(!run.all().contains("SENTINEL"), "{run}");
        assert!(run.all().contains("a secret never stands in a manifest"), "{run}");
    }
}

/// A store that is broken is an error with its name, for every command, and is left as it is.
#[test]
fn a_store_that_is_broken_is_told_and_left_alone() {
    let damage: [Damage<'_>; 6] = [
        ("random bytes", &|repository| {
            let bytes: Vec<u8> =
                (0..20_000_u32).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
            fs::write(repository.file(".rollcall/store.db"), bytes).unwrap();
        }),
        ("cut off", &|repository| {
            let file = repository.file(".rollcall/store.db");
            let bytes = fs::read(&file).unwrap();
            fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("a flipped page", &|repository| {
            let file = repository.file(".rollcall/store.db");
            let mut bytes = fs::read(&file).unwrap();
            bytes[4096..8192].iter_mut().for_each(|byte| *byte = !*byte);
            fs::write(&file, bytes).unwrap();
        }),
        ("of another program", &|repository| {
            fs::remove_file(repository.file(".rollcall/store.db")).unwrap();
            repository.sql("CREATE TABLE users (name TEXT)");
        }),
        ("of a newer version", &|repository| repository.sql("PRAGMA user_version = 99")),
        ("a folder", &|repository| {
            fs::remove_file(repository.file(".rollcall/store.db")).unwrap();
            fs::create_dir(repository.file(".rollcall/store.db")).unwrap();
        }),
    ];
    for (what, damage) in damage {
        let repository = Repository::applied();
        repository.sql("PRAGMA wal_checkpoint(TRUNCATE)");
        for companion in ["-wal", "-shm"] {
            fs::remove_file(repository.file(&format!(".rollcall/store.db{companion}"))).ok();
        }
        damage(&repository);
        for command in
            [&["plan"][..], &["apply", "--yes"], &["import", "--out", "seen"], &["explain", "ana@example.com"]]
        {
            let run = repository.run(command);
            assert!(matches!(run.code, Some(1 | 3)), "{what}: {run}");
            assert!(!run.err.contains("panicked"), "{what}: {run}");
            assert!(run.err.contains("store"), "{what}: {run}");
        }
        repository.run(["validate"]).ends_with(0);
    }
}

/// What stands in the folder of manifests may be of any kind and name.
#[test]
fn odd_things_in_the_folder_are_told_or_passed_over() {
    let repository = Repository::small();
    let access = repository.file("access");
    fs::create_dir(access.join("folder.yaml")).unwrap();
    repository.run(["validate"]).ends_with(0);
    nix::unistd::mkfifo(&access.join("pipe.yaml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("loop.yaml", access.join("loop.yaml")).unwrap();
    symlink("/etc", access.join("etc")).unwrap();
    fs::write(access.join("two\nlines\u{1b}[2J.yaml"), "users: 5\n").unwrap();
    let run = repository.run(["validate", "--format", "json"]);
    run.ends_with(3);
    let found = places(&run);
    for expected in
        ["access/etc:1:1 outside-repository", "access/loop.yaml:1:1 unreadable", "access/pipe.yaml:1:1 unreadable"]
    {
        assert!(found.iter().any(|one| one == expected), "{expected}\n{run}");
    }
    let odd = |one: &&String| one.contains("two");
    let odd: Vec<&str> = found.iter().filter(odd).filter_map(|one| one.rsplit(' ').next()).collect();
    assert_eq!(odd, ["hidden-character", "wrong-type"], "{run}");
    assert_eq!(found.len(), 5, "{run}");
    let run = repository.run(["validate"]);
    assert!(!run.all().contains("two\nlines") && !run.all().contains('\u{1b}'), "{run}");
}

#[test]
fn a_file_that_may_not_be_read_is_told() {
    if nix::unistd::geteuid().is_root() {
        // Nothing is forbidden to root; elsewhere this runs.
        return;
    }
    let repository = Repository::small();
    fs::set_permissions(repository.file("access/all.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    repository.run(["validate"]).ends_with(3).tells("access/all.yaml");
}

/// However many mistakes there are: some are told, all are counted, and it does not take long.
#[test]
fn a_hundred_thousand_mistakes_are_bounded() {
    let repository = Repository::small();
    let mut text = "users:\n".to_owned();
    for number in 0..100_000 {
        text.push_str(&format!("  u{number}@example.com: {{ access: {{ north: x{number} }} }}\n"));
    }
    repository.write("access/many.yaml", &text);
    let begun = Instant::now();
    let run = repository.run(["validate", "--format", "json"]);
    run.ends_with(3);
    assert_eq!(places(&run).len(), 1001);
    assert!(run.out.contains("99000 more of `unknown-role` are not shown"));
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
}

/// Patterns and names that would be compared for hours are refused at once.
#[test]
fn patterns_that_ask_for_hours_are_refused() {
    let repository = Repository::small();
    let mut text = "organizations:\n  o:\n    sites:\n".to_owned();
    for number in 0..20_000 {
        text.push_str(&format!("      s{number}: {{}}\n"));
    }
    text.push_str("users:\n  li@example.com:\n    access:\n      o:\n        role: operator\n        sites:\n");
    for number in 0..20_000 {
        text.push_str(&format!("          - \"s{number}*\"\n"));
    }
    repository.write("access/many.yaml", &text);
    let run = repository.run(["validate", "--format", "json"]);
    run.ends_with(3);
    assert_eq!(places(&run), ["access/many.yaml:20005:3 too-large"]);
}
