//! A machine for the shell of a pipeline: rollcall and git are real, and what talks to a host, or runs containers, is a
//! stand-in that writes down what it was asked and answers from a list. Nothing listens, and nothing is sent.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::cli::{BINARY, Run};
use crate::support::folders::{copy, of_repository};
use crate::support::git::git;

/// `gh api` and `curl`: each call is a line of `calls`, what is sent is kept in `sent`.
const HOST: &str = r#"#!/bin/sh
set -eu
echo "$(basename "$0") $*" >> "$FAKES/calls"
method=GET; address=; output=/dev/stdout; before=
for word; do
    case "$before" in
        --method | --request) method=$word ;;
        --field) case "$word" in body=@*) cp "${word#body=@}" "$FAKES/sent" ;; *) echo "$word" >> "$FAKES/fields" ;; esac ;;
        --data) cp "${word#@}" "$FAKES/sent" ;;
        --header) case "$word" in @*) grep -q '^PRIVATE-TOKEN: t0ken$' "${word#@}" || exit 22 ;; esac ;;
        --output) output=$word ;;
    esac
    case "$word" in repos/* | https://*) address=$word ;; esac
    before=$word
done
if [ "$(basename "$0")" = gh ]; then [ "$GH_TOKEN" = t0ken ] || { echo "not logged in" >&2; exit 4; }; fi
if [ "$method" != GET ]; then exit 0; fi
while read -r part file; do
    case "$address" in *"$part"*) cat "$FAKES/$file" > "$output"; exit 0 ;; esac
done < "$FAKES/answers"
echo "nothing answers $address" >&2
exit 22
"#;

/// `docker create`, `cp` and `rm`: the image has the binary under test.
const DOCKER: &str = r#"#!/bin/sh
set -eu
echo "docker $*" >> "$FAKES/calls"
case "$1" in
    create) echo c0ffee ;;
    cp) [ "$2" = c0ffee:/usr/local/bin/rollcall ]; cp "$BINARY" "$3" ;;
    rm) [ "$2" = c0ffee ] ;;
    *) exit 1 ;;
esac
"#;

/// The machine, with a clone for each runner.
pub(super) struct Machine {
    folder: TempDir,
    example: &'static str,
    answers: Vec<(String, String)>,
}

/// A step, or a job where a job is one script.
pub(super) struct Step {
    pub(super) script: String,
    pub(super) environment: BTreeMap<String, String>,
}

/// A YAML file of an example.
pub(super) fn document(file: &str) -> Value {
    let text = fs::read_to_string(of_repository(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(&text, options).unwrap_or_else(|error| panic!("{file}: {error}"))
}

impl Machine {
    /// The repository of an example on `main`, with a store that is made and empty, and a clone each for who applies and
    /// who plans.
    pub(super) fn with(example: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = Self { folder, example, answers: Vec::new() };
        for name in ["home", "bin", "fakes", "origin", "temp"] {
            fs::create_dir(machine.path(name)).expect("a folder");
        }
        symlink(BINARY, machine.path("bin/rollcall")).expect("linked");
        for (name, text) in [("gh", HOST), ("curl", HOST), ("docker", DOCKER), ("apk", "#!/bin/sh\n")] {
            let path = machine.path("bin").join(name);
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
        }
        let origin = machine.path("origin");
        for name in ["rollcall.yaml", "access"] {
            let (from, to) = (of_repository(&format!("examples/{example}")).join(name), origin.join(name));
            if from.is_dir() {
                fs::create_dir(&to).expect("a folder");
                copy(&from, &to);
            } else {
                fs::copy(from, to).expect("a file");
            }
        }
        // The example has the store where a machine would have it.
        machine.edit("rollcall.yaml", "/var/lib/rollcall", &machine.path("home").to_string_lossy());
        git(&origin, &["init", "-q", "-b", "main"]);
        Run::of(Command::new(BINARY).arg("init").current_dir(&origin)).ends_with(0);
        machine.commit("one");
        for clone in ["applies", "plans"] {
            let (from, to) = (origin.to_string_lossy(), machine.path(clone));
            git(machine.folder.path(), &["clone", "-q", &from, &to.to_string_lossy()]);
        }
        machine
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Adds a policy that the manifests of the origin break, in its settings.
    pub(super) fn demand_two_managers(&self) {
        let path = self.path("origin/rollcall.yaml");
        let text = fs::read_to_string(&path).expect("the settings");
        let policy = "policies:\n  two-managers:\n    for: organization\n    \
                      require: organization.members.filter(m, m.role == \"manager\").size() >= 2\n    message: two\n";
        fs::write(path, format!("{text}{policy}")).expect("written");
    }

    /// Replaces a text in a file of the origin.
    pub(super) fn edit(&self, name: &str, old: &str, new: &str) {
        let path = self.path("origin").join(name);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(old), "{name} lacks {old}:\n{text}");
        fs::write(path, text.replace(old, new)).expect("written");
    }

    /// Commits everything in the origin.
    pub(super) fn commit(&self, message: &str) {
        git(&self.path("origin"), &["add", "-A"]);
        git(&self.path("origin"), &["commit", "-q", "-m", message]);
    }

    /// What the checkout of a job does: the revision of the origin, and none of the files that git does not know.
    pub(super) fn check_out(&self, clone: &str, revision: &str) {
        let clone = self.path(clone);
        git(&clone, &["fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*"]);
        git(&clone, &["checkout", "-q", "--force", "--detach", revision]);
        if clone.ends_with("plans") {
            git(&clone, &["clean", "-ffdxq"]);
        }
    }

    /// The commit that a revision of a clone is.
    pub(super) fn commit_of(&self, clone: &str, revision: &str) -> String {
        let mut command = Command::new("git");
        let run =
            Run::of(command.args(["-c", "safe.directory=*", "rev-parse", revision]).current_dir(self.path(clone)));
        run.ends_with(0).out.trim().to_owned()
    }

    /// What the host answers to a question whose address has this part; the first that fits.
    pub(super) fn answer(&mut self, part: &str, answer: &str) {
        self.forget(part);
        self.answers.push((part.to_owned(), answer.to_owned()));
        self.write_answers();
    }

    /// That question is not answered any more.
    pub(super) fn forget(&mut self, part: &str) {
        self.answers.retain(|(known, _)| known != part);
        self.write_answers();
    }

    fn write_answers(&self) {
        let mut list = String::new();
        for (at, (part, answer)) in self.answers.iter().enumerate() {
            fs::write(self.path("fakes").join(format!("{at}")), answer).expect("written");
            list.push_str(&format!("{part} {at}\n"));
        }
        fs::write(self.path("fakes/answers"), list).expect("written");
    }

    /// What was asked since this was asked last.
    pub(super) fn calls(&self) -> String {
        let calls = self.read("fakes/calls");
        let _ = fs::remove_file(self.path("fakes/calls"));
        assert!(!calls.contains("t0ken"), "a token on a command line, where everybody sees it:\n{calls}");
        calls
    }

    /// What was sent to the host last.
    pub(super) fn sent(&self) -> String {
        self.read("fakes/sent")
    }

    /// Runs the shell of a step in a clone, with nothing in its environment but what it names.
    pub(super) fn run(&self, step: &Step, shell: &[&str], clone: &str) -> Run {
        let file = self.path("temp/step.sh");
        fs::write(&file, &step.script).expect("written");
        let path = std::env::vars().find(|(name, _)| name == "PATH").map(|(_, path)| path).expect("a path");
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).arg(&file).current_dir(self.path(clone)).stdin(Stdio::null()).env_clear();
        command.env("PATH", format!("{}:{path}", self.path("bin").display())).env("BINARY", BINARY);
        command.env("HOME", self.path("temp")).env("FAKES", self.path("fakes")).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("TMPDIR", self.path("temp"));
        command.envs(&step.environment);
        Run::of(&mut command)
    }

    /// A command of rollcall in a clone.
    pub(super) fn rollcall(&self, clone: &str, arguments: &[&str]) -> Run {
        Run::of(Command::new(BINARY).args(arguments).current_dir(self.path(clone)))
    }

    /// The digest of what would be done now.
    pub(super) fn digest(&self, clone: &str) -> String {
        let document = self.rollcall(clone, &["plan", "--format", "json"]).ends_with(0).json();
        document["digest"].as_str().expect("a digest").to_owned()
    }

    /// The keys of the people in the store with their status.
    pub(super) fn people(&self) -> Vec<String> {
        let store = rusqlite::Connection::open(self.path("home/store.db")).expect("the store");
        let mut statement = store.prepare("SELECT key || ' ' || status FROM users ORDER BY key").expect("a question");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|row| row.expect("a text")).collect()
    }

    /// Everybody who is invited accepts.
    pub(super) fn all_accept(&self) {
        for person in self.people().iter().filter_map(|person| person.strip_suffix(" invited")) {
            self.rollcall("applies", &["invitations", "accept", person]).ends_with(0);
        }
    }

    pub(super) fn example(&self) -> &str {
        self.example
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
