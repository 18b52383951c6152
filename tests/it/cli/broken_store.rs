//! A store, a journal or settings that are something else than a file, or that somebody else holds: told with the path
//! and what to do, in bounded time, and left as it is.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::support::cli::{Repository, Run};

const STORE: &str = ".rollcall/store.db";
const JOURNAL: &str = ".rollcall/journal-local.jsonl";

/// What can be done with a store, each in one command.
const COMMANDS: [&[&str]; 6] = [
    &["plan"],
    &["apply", "--yes"],
    &["explain", "ana@example.com"],
    &["import", "--out", "seen"],
    &["deactivate", "ana@example.com", "--yes"],
    &["init"],
];

/// A repository with something left to do, whose store is one file.
fn repository() -> Repository {
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "ben@example.com:", "kim@example.com: { access: {} }\n  ben@example.com:");
    repository.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    for companion in ["-wal", "-shm"] {
        fs::remove_file(repository.file(&format!("{STORE}{companion}"))).ok();
    }
    repository
}

fn fifo(path: &Path) {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
}

#[track_caller]
fn refused(run: &Run, codes: &[i32], what: &str, words: &[&str]) {
    assert!(run.code.is_some_and(|code| codes.contains(&code)), "{what}: {run}");
    assert!(!run.err.contains("panicked"), "{what}: {run}");
    for word in words {
        assert!(run.all().contains(word), "{what} lacks `{word}`: {run}");
    }
}

#[test]
fn what_is_no_store_is_told_with_its_path() {
    type Deed<'a> = (&'static str, &'a dyn Fn(&Path), i32, &'static str);
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    let deeds: [Deed<'_>; 9] = [
        ("empty", &|path| fs::write(path, "").unwrap(), 1, "put the store back from a backup"),
        ("a text", &|path| fs::write(path, "hello, I am no store\n").unwrap(), 3, "is no SQLite file"),
        (
            "another header",
            &|path| {
                let mut bytes = fs::read(path).unwrap();
                bytes[..16].copy_from_slice(b"SQLite format 4\0");
                fs::write(path, bytes).unwrap();
            },
            3,
            "is no SQLite file",
        ),
        (
            "cut within a page",
            &|path| {
                let bytes = fs::read(path).unwrap();
                fs::write(path, &bytes[..5_000]).unwrap();
            },
            1,
            "is damaged; take it from a backup",
        ),
        (
            "a pipe",
            &|path| {
                remove(path);
                fifo(path);
            },
            3,
            "is no file; correct its `path`",
        ),
        (
            "a device",
            &|path| {
                remove(path);
                symlink("/dev/zero", path).unwrap();
            },
            3,
            "leads out of the access repository",
        ),
        (
            "a link to itself",
            &|path| {
                remove(path);
                symlink("store.db", path).unwrap();
            },
            3,
            "or nowhere",
        ),
        (
            "a link to nowhere",
            &|path| {
                remove(path);
                symlink("/nonexistent/store.db", path).unwrap();
            },
            3,
            "leads out of the access repository",
        ),
        (
            "a folder",
            &|path| {
                remove(path);
                fs::create_dir(path).unwrap();
            },
            3,
            "is no file; correct its `path`",
        ),
    ];
    for (what, deed, code, words) in deeds {
        let repository = repository();
        deed(&repository.file(STORE));
        let bytes = || repository.file(STORE).is_file().then(|| fs::read(repository.file(STORE)).unwrap());
        let before = if what == "a device" { None } else { bytes() };
        for command in COMMANDS {
            refused(&repository.run(command), &[code], what, &[words, "store.db"]);
        }
        if what != "a device" {
            assert!(bytes() == before, "{what}: it is left as it was");
        }
        repository.run(["validate"]).ends_with(0);
    }
}

#[test]
fn a_store_that_another_program_holds_is_waited_for_once() {
    let repository = repository();
    let other = repository.store();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    let run = repository.run(["plan"]);
    run.ends_with(1).prints_nothing().tells("another program holds it").tells("store.db");
    assert_eq!(run.err.matches("waiting for it").count(), 1, "{run}");
    assert!(begun.elapsed() < Duration::from_secs(50), "{:?}", begun.elapsed());
    other.execute_batch("ROLLBACK; PRAGMA locking_mode = NORMAL; SELECT count(*) FROM users").unwrap();
    drop(other);
    repository.run(["plan"]).ends_with(0);
}

#[test]
fn a_journal_that_is_no_file_stops_what_writes() {
    for (what, make) in
        [("a pipe", &fifo as &dyn Fn(&Path)), ("a folder", &|path: &Path| fs::create_dir(path).unwrap())]
    {
        let repository = repository();
        fs::remove_file(repository.file(JOURNAL)).unwrap();
        make(&repository.file(JOURNAL));
        let before = fs::read(repository.file(STORE)).unwrap();
        for command in [&["apply", "--yes"][..], &["deactivate", "ana@example.com", "--yes"]] {
            refused(&repository.run(command), &[1], what, &["journal-local.jsonl", "check what it is"]);
        }
        assert!(fs::read(repository.file(STORE)).unwrap() == before, "{what}: nothing was written");
    }
}

#[test]
fn settings_that_are_no_file_are_told() {
    type Deed<'a> = (&'a dyn Fn(&Path), &'static str);
    let deeds: [Deed<'_>; 5] = [
        (&fifo, "is not a file"),
        (&|path| fs::create_dir(path).unwrap(), "is not a file"),
        (&|path| symlink("/dev/zero", path).unwrap(), "outside of the access repository"),
        (&|path| symlink("rollcall.yaml", path).unwrap(), "symbolic links"),
        (&|path| symlink("/etc/hostname", path).unwrap(), "rollcall.yaml"),
    ];
    for (deed, words) in deeds {
        let repository = repository();
        fs::remove_file(repository.file("rollcall.yaml")).unwrap();
        deed(&repository.file("rollcall.yaml"));
        for command in [&["plan"][..], &["validate"], &["apply", "--yes"]] {
            refused(&repository.run(command), &[3], words, &[words]);
        }
    }
}

#[test]
fn a_plan_file_that_is_no_file_is_neither_read_nor_replaced() {
    let repository = repository();
    fifo(&repository.file("pipe"));
    symlink("/dev/zero", repository.file("zero")).unwrap();
    symlink("loop", repository.file("loop")).unwrap();
    fs::create_dir(repository.file("folder")).unwrap();
    repository.write("empty", "");
    repository.write("other.json", "{}");
    for name in ["zero", "loop"] {
        for command in [["apply", name, "--yes"], ["plan", "--out", name]] {
            refused(&repository.run(command), &[3], name, &["is a link that leads out", name]);
        }
    }
    for name in ["pipe", "folder"] {
        refused(&repository.run(["apply", name, "--yes"]), &[3], name, &["is no plain file", name]);
        refused(&repository.run(["plan", "--out", name]), &[3], name, &["can't be saved", "something else"]);
    }
    for name in ["empty", "other.json"] {
        let run = repository.run(["apply", name, "--yes"]);
        refused(&run, &[3], name, &["is no saved plan", "rollcall plan --out FILE"]);
        refused(&repository.run(["plan", "--out", name]), &[3], name, &["can't be saved", "something else"]);
    }
    assert_eq!(repository.read("other.json"), "{}");
}

/// A path that leaves the repository is refused however it is written.
#[test]
fn manifests_from_elsewhere_are_refused() {
    let repository = repository();
    repository.write("outside/a.yaml", "users: {}\n");
    let inner = repository.file("inner");
    fs::create_dir_all(inner.join("access")).unwrap();
    fs::copy(repository.file("rollcall.yaml"), inner.join("rollcall.yaml")).unwrap();
    symlink("../outside", inner.join("linked")).unwrap();
    symlink("/dev/zero", inner.join("zero.yaml")).unwrap();
    let absolute = repository.file("outside").display().to_string();
    for path in ["../outside", "access/../../outside", &absolute, "linked", "linked/a.yaml", "zero.yaml"] {
        let run = repository.run(["-C", "inner", "validate", "--manifests", path]);
        refused(&run, &[3], path, &["outside-repository", "keep manifests inside"]);
    }
    for path in ["../outside", &absolute, "a/../../outside"] {
        let settings = repository.read("rollcall.yaml") + &format!("manifests: [access, {path}]\n");
        repository.write("inner/rollcall.yaml", &settings);
        let run = repository.run(["-C", "inner", "validate"]);
        refused(&run, &[3], path, &["outside-repository", "rollcall.yaml:4:21"]);
    }
}

#[test]
fn a_folder_that_can_only_be_read_still_gives_a_plan() {
    if nix::unistd::geteuid().is_root() {
        // Nothing is forbidden to root; elsewhere this runs.
        return;
    }
    let repository = repository();
    let folder = repository.file(".rollcall");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    let (plan, apply) = (repository.run(["plan"]), repository.run(["apply", "--yes"]));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    plan.ends_with(0).prints("kim@example.com");
    refused(&apply, &[1], "apply", &[".rollcall"]);
}

/// Without a journal nobody is known to have been there.
#[test]
fn an_empty_file_without_a_journal_is_no_store() {
    let repository = Repository::small();
    fs::remove_file(repository.file(JOURNAL)).ok();
    repository.write(STORE, "");
    repository.run(["plan"]).ends_with(3).tells("is no store of rollcall");
}

#[test]
fn a_store_that_lacks_a_table_is_told_to_come_from_a_backup() {
    let repository = repository();
    repository.sql("PRAGMA foreign_keys = OFF; DROP TABLE site_grants");
    for command in [&["plan"][..], &["apply", "--yes"]] {
        repository.run(command).ends_with(1).tells("its tables are not those of a store").tells("from a backup");
    }
}

/// Whoever reviews a plan hears what an apply would refuse or tell.
#[test]
fn a_plan_tells_of_a_damaged_journal() {
    let whole = repository();
    let journal = whole.read(JOURNAL);
    whole.run(["plan"]).ends_with(0).tells_nothing();
    let lines: Vec<&str> = journal.lines().collect();
    assert!(lines.len() > 3, "{journal}");
    let altered = journal.replacen("\"seq\":2", "\"seq\":9", 1);
    for (what, text, words) in [
        ("emptied", String::new(), "is empty or new"),
        ("garbage", "garbage\ngarbage\n".to_owned(), "is not what rollcall wrote"),
        ("cut", lines[..lines.len() - 2].join("\n") + "\n", "the end of the journal"),
        ("doubled", journal.clone() + &journal, "is not what rollcall wrote"),
        ("altered", altered.replace(lines[lines.len() - 1], ""), "journal"),
    ] {
        whole.write(JOURNAL, &text);
        let run = whole.run(["plan", "-q"]);
        run.ends_with(0).prints("kim@example.com").tells("warning: ").tells(words);
        assert_eq!(whole.read(JOURNAL), text, "{what}: a plan writes nothing");
    }
}
