//! An access repository in a folder of its own, and the real program run on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rollcall::journal::verify;
use rusqlite::Connection;

use crate::support::folders::copy;

/// The program under test.
pub(super) const ROLLCALL: &str = env!("CARGO_BIN_EXE_rollcall");
/// No run of these tests takes longer.
pub(super) const LONGEST: Duration = Duration::from_mins(2);

/// Limits that no plan here comes near.
const NO_LIMITS: &str = "  removals: { max_percent: 100, min_count: 0 }
  invitations: { max_count: 100000 }
  escalations: { max_count: 100000 }
  mails: { max_count: 100000 }
";

/// Where copies are quickest.
fn parent() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

/// What is in a store, without what differs from run to run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contents {
    /// One line for each row, by table.
    rows: BTreeMap<&'static str, Vec<String>>,
    /// Key and state of every invitation that there ever was.
    pub(super) invitations: Vec<String>,
}

impl Contents {
    /// The keys of all accounts.
    pub(super) fn users(&self) -> Vec<String> {
        self.rows["users"].iter().filter_map(|row| row.split(' ').next()).map(str::to_owned).collect()
    }

    /// User, organization and role of each membership.
    pub(super) fn memberships(&self) -> &[String] {
        &self.rows["memberships"]
    }

    /// Whether a user has a grant of this site.
    pub(super) fn has_grant(&self, user_and_site: &str) -> bool {
        self.rows["site_grants"].iter().any(|row| row.starts_with(&format!("{user_and_site} ")))
    }
}

pub(super) struct Repository {
    folder: tempfile::TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// `None`: by a signal.
    pub(super) code: Option<i32>,
    pub(super) streams: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let streams = format!("--- output\n{}--- errors\n{}", text(&output.stdout), text(&output.stderr));
        Self { code: output.status.code(), streams }
    }
}

/// Waits for a child, and ends it when it takes too long.
pub(super) fn wait(mut child: Child) -> Ended {
    let reader = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stream.map(|mut stream| stream.read_to_end(&mut bytes));
            bytes
        })
    };
    let stdout = reader(child.stdout.take().map(|stream| Box::new(stream) as _));
    let stderr = reader(child.stderr.take().map(|stream| Box::new(stream) as _));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if start.elapsed() > LONGEST {
            child.kill().expect("a child that can be ended");
            panic!("a run took longer than {LONGEST:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let (stdout, stderr) = (stdout.join().expect("a stream"), stderr.join().expect("a stream"));
    Ended::of(&Output { status, stdout, stderr })
}

impl Repository {
    /// A copy of a folder with settings and manifests, with a new store.
    pub(super) fn of_example(name: &str) -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        let repository = Self::copy_of(&example);
        // Crowds come and go here; what guards say to that is tested elsewhere. The settings end with `guards`.
        let settings = fs::read_to_string(repository.path().join("rollcall.yaml")).expect("settings");
        repository.write("rollcall.yaml", &format!("{settings}{NO_LIMITS}"));
        assert_eq!(repository.run(&["init"]).code, Some(0));
        repository
    }

    /// These settings and this manifest, with a new store.
    pub(super) fn of(settings: &str, manifest: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("rollcall-").tempdir_in(parent()).expect("a folder");
        let repository = Self { folder };
        fs::create_dir(repository.path().join("access")).expect("a folder");
        repository.write("rollcall.yaml", settings);
        repository.write("access/all.yaml", manifest);
        assert_eq!(repository.run(&["init"]).code, Some(0));
        repository
    }

    fn copy_of(source: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("rollcall-").tempdir_in(parent()).expect("a folder");
        copy(source, folder.path());
        Self { folder }
    }

    pub(super) fn copy(&self) -> Self {
        Self::copy_of(self.path())
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.path().join(".rollcall/journal-local.jsonl")
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("a file");
    }

    /// A command in this repository, with `before` (a program and its arguments) in front of it.
    pub(super) fn command(&self, before: &[&str], arguments: &[&str]) -> Command {
        let mut words: Vec<&str> = before.to_vec();
        words.push(ROLLCALL);
        words.extend(arguments);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(super) fn run_after(&self, before: &[&str], arguments: &[&str]) -> Ended {
        let child = self.command(before, arguments).spawn();
        wait(child.unwrap_or_else(|error| panic!("{before:?} can't be run: {error}")))
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_after(&[], arguments)
    }

    /// The next run repairs and finishes: it exits 0, then nothing is left to do, and the journal is sound.
    pub(super) fn assert_next_run_finishes(&self, after: &str) -> Contents {
        let first = self.open_store();
        let integrity: String = first.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
        assert_eq!(integrity, "ok", "{after}");
        drop(first);
        let again = self.run(&["apply", "--yes"]);
        assert_eq!(again.code, Some(0), "{after}: the next run\n{}", again.streams);
        let plan = self.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(plan.code, Some(0), "{after}: a plan after the next run\n{}", plan.streams);
        verify(&self.journal(), |_| {}).unwrap_or_else(|error| panic!("{after}: {error}"));
        self.assert_each_invitation_has_its_mail(after);
        self.contents()
    }

    /// Each invitation that can be accepted has one mail, that lies in the folder; no mail waits, and none is left half.
    fn assert_each_invitation_has_its_mail(&self, after: &str) {
        let store = self.open_store();
        let sql = "SELECT i.id, i.state, (SELECT store_id FROM meta), m.state FROM invitations i \
                   LEFT JOIN invitation_mails m ON m.invitation_id = i.id";
        let mut statement = store.prepare(sql).expect(sql);
        let rows = statement.query_map([], |row| {
            let name = format!("invitation-{}-{}.eml", row.get::<_, i64>(0)?, row.get::<_, String>(2)?);
            Ok((name, row.get::<_, String>(1)?, row.get::<_, Option<String>>(3)?))
        });
        let mut sent = BTreeSet::new();
        for row in rows.expect(sql) {
            let (name, invitation, mail) = row.expect(sql);
            match mail.as_deref() {
                Some("sent") => drop(sent.insert(name)),
                Some("withdrawn") => assert_ne!(invitation, "pending", "{after}: {name}"),
                None => assert_eq!(invitation, "suppressed", "{after}: {name}"),
                Some(other) => panic!("{after}: the mail {name} is {other}"),
            }
        }
        let files = fs::read_dir(self.path().join(".rollcall/outbox")).map(|entries| {
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
        });
        let files: BTreeSet<String> = files.unwrap_or_default();
        assert!(sent.is_subset(&files), "{after}: of {sent:?} only {files:?} are there");
        // A mail that was written when the run was killed and whose invitation then ended is noted as withdrawn.
        assert!(files.iter().all(|file| file.starts_with("invitation-")), "{after}: {files:?}");
    }

    fn open_store(&self) -> Connection {
        Connection::open(self.path().join(".rollcall/store.db")).expect("a store")
    }

    /// Changes rows of the store by hand.
    pub(super) fn sql(&self, statements: &str) {
        self.open_store().execute_batch(statements).expect(statements);
    }

    pub(super) fn contents(&self) -> Contents {
        let store = self.open_store();
        let rows = |sql: &str| -> Vec<String> {
            let mut statement = store.prepare(sql).expect(sql);
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect(sql);
            rows.collect::<rusqlite::Result<_>>().expect(sql)
        };
        let user = "(SELECT key FROM users WHERE id = user_id)";
        let organization = "(SELECT name FROM organizations o WHERE o.id = organization_id)";
        let role = "ifnull((SELECT name FROM roles r WHERE r.id = role_id), '-')";
        let tables = [
            ("roles", "SELECT name || ' ' || ifnull(rank, '-') || admin || site_access || applies_to FROM roles ORDER BY 1".to_owned()),
            ("organizations", "SELECT name || ' ' || ifnull(display_name, '-') FROM organizations ORDER BY 1".to_owned()),
            ("sites", format!("SELECT {organization} || '/' || name || ' ' || ifnull(display_name, '-') FROM sites ORDER BY 1")),
            (
                "users",
                "SELECT key || ' ' || status || ' ' || ifnull(given_name, '-') || ' ' || ifnull(family_name, '-') || ' ' \
                 || ifnull(phone, '-') FROM users ORDER BY 1"
                    .to_owned(),
            ),
            ("memberships", format!("SELECT {user} || ' ' || {organization} || ' ' || {role} FROM memberships ORDER BY 1")),
            ("site_grants", format!("SELECT {user} || ' ' || (SELECT name FROM sites s WHERE s.id = site_id) || ' ' || {role} FROM site_grants ORDER BY 1")),
        ];
        let tables = tables.into_iter().chain([(
            "extra_roles",
            format!("SELECT {user} || ' ' || {organization} || ' ' || {role} FROM extra_roles ORDER BY 1"),
        )]);
        let rows_of = tables.map(|(table, sql)| (table, rows(&sql))).collect();
        let invitations = rows("SELECT user_key || ' ' || state FROM invitations ORDER BY 1");
        Contents { rows: rows_of, invitations }
    }
}
