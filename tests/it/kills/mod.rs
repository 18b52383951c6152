//! The real program, killed at every system call that writes, syncs or removes anything of the journal or the store;
//! killed at random moments; without room on the disk; twice at once; stopped by Ctrl-C. The next run always finishes.
//!
//! `ROLLCALL_KILLS=all` kills at every call, and at random moments; without it, a sample is taken.

mod exchange;
mod repository;
mod resets;
mod roles;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use repository::{Ended, Repository, wait};

use crate::support::folders::copy;

/// What changes a file, or makes a change last.
const CALLS: &str = "write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,fallocate,unlink,unlinkat,rename,linkat";
/// How many kills of a scenario the normal run takes.
const SAMPLE: usize = 25;

#[allow(clippy::disallowed_methods, reason = "the long run asks for all kills")]
fn kills_all() -> bool {
    std::env::var("ROLLCALL_KILLS").is_ok_and(|kills| kills == "all")
}

fn need_strace() {
    let has_strace = Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success());
    assert!(
        has_strace,
        "strace is missing, without which nothing can be killed at a system call: install it (Debian: strace)"
    );
}

/// A system call of a run: its name, and its number among those of the same name and thread.
type Call = (String, usize);

/// Applies under `strace`, killed before this call; or, without one, whole. The calls of the main thread, which is the
/// one that writes journal and store.
fn traced(repository: &Repository, apply: &[&str], kill_at: Option<&Call>) -> (Ended, Vec<Call>) {
    let log = repository.path().join("trace.log");
    let log_text = log.to_str().expect("a path").to_owned();
    let trace = format!("trace={CALLS}");
    // strace counts each kind of call for itself.
    let kill = kill_at.map(|(name, number)| format!("inject={name}:signal=KILL:when={number}"));
    let mut before = vec!["strace", "-f", "-qq", "-o", &log_text, "-e", &trace];
    if let Some(kill) = &kill {
        before.extend(["-e", kill]);
    }
    let ended = repository.run_after(&before, apply);
    let lines = fs::read_to_string(&log).expect("a trace");
    fs::remove_file(&log).expect("a trace");
    let main = lines.split_whitespace().next().unwrap_or_default().to_owned();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let calls = lines.lines().filter_map(|line| {
        let (thread, call) = line.split_once(' ')?;
        let (name, _) = call.trim_start().split_once('(').filter(|_| thread == main)?;
        let number = CALLS.split(',').any(|call| call == name).then(|| numbers.entry(name).or_default())?;
        *number += 1;
        Some((name.to_owned(), *number))
    });
    let calls = calls.collect();
    (ended, calls)
}

/// Kills at every call, or at an evenly spread sample of them.
fn kill_everywhere(template: &Repository) {
    kill_everywhere_in(template, &["apply", "--yes"]);
}

/// The same of another way to apply, which is run again, and has to finish as well.
fn kill_everywhere_in(template: &Repository, apply: &[&str]) {
    need_strace();
    let whole = template.copy();
    let (ended, calls) = traced(&whole, apply, None);
    assert_eq!(ended.code, Some(0), "{}", ended.streams);
    assert!(calls.len() > 50, "only {} calls were counted", calls.len());
    let expected = whole.assert_next_run_finishes("a run that nobody killed");
    let step = if kills_all() { 1 } else { calls.len().div_ceil(SAMPLE) };
    let (mut killed, mut tried) = (0, 0);
    for (at, call) in calls.iter().enumerate().skip(step / 2).step_by(step) {
        let repository = template.copy();
        let (ended, _) = traced(&repository, apply, Some(call));
        tried += 1;
        killed += usize::from(ended.code != Some(0));
        let after = format!("killed at call {} of {}: {} {}", at + 1, calls.len(), call.0, call.1);
        let again = repository.run(apply);
        assert_eq!(again.code, Some(0), "{after}: the same command again\n{}", again.streams);
        let contents = repository.assert_next_run_finishes(&after);
        assert_eq!(contents, expected, "{after}");
    }
    // How often threads wake each other differs a little from run to run, so the last calls of a kind may not come.
    assert!(killed * 20 >= tried * 19, "only {killed} of {tried} runs were killed");
}

/// The example, applied, with everybody in but one; then another day: people leave, come and change, roles and sites
/// change, an invitation is withdrawn and another one cut down.
fn second_day() -> Repository {
    let repository = Repository::of_example("quickstart");
    let ended = repository.run(&["apply", "--yes"]);
    assert_eq!(ended.code, Some(0), "{}", ended.streams);
    for user in ["amara", "bjorn", "chiara", "deepa", "ines", "lena"] {
        let ended = repository.run(&["invitations", "accept", &format!("{user}@example.com")]);
        assert_eq!(ended.code, Some(0), "{}", ended.streams);
    }
    repository.write("access/organizations.yaml", SECOND_DAY_ORGANIZATIONS);
    repository.write("access/people.yaml", SECOND_DAY_PEOPLE);
    repository.write("access/teams.yaml", SECOND_DAY_TEAMS);
    repository
}

const SECOND_DAY_ORGANIZATIONS: &str = "\
organizations:
  north-quarries:
    name: Northern Quarries
    sites:
      pit-1: { name: Pit 1, default: true }
      pit-2: { name: Pit 2 }
      pit-3: { name: Pit 3 }
      crusher: { name: Crushing plant }
  harbour-works:
    name: Harbour Works
    sites:
      quay: { name: Quay, default: true }
      depot: { name: Depot }
  smelter:
    sites: { furnace: {} }
";

// Björn leaves; Deepa loses an organization, Chiara her role; Lena is locked out; Emil is let in, Tomas's invitation
// loses an organization, Omar's is withdrawn; Yara comes.
const SECOND_DAY_PEOPLE: &str = "\
users:
  amara@example.com:
    given_name: Amara
    family_name: Diallo
    phone: \"+33 1 5550100\"
    access:
      north-quarries: manager
      harbour-works: manager
      smelter: manager
  deepa@example.com:
    access:
      harbour-works: { role: viewer, sites: all }
  chiara@example.com:
    access:
      harbour-works: { role: viewer, sites: [depot], default_site: depot }
      north-quarries: { role: viewer, sites: [pit-3] }
  emil@example.com:
    access:
      harbour-works: { role: viewer, sites: [quay] }
  ines@example.com:
    access:
      north-quarries: { role: operator, sites: [pit-3] }
  lena@example.com:
    status: inactive
  tomas@example.com:
    access:
      harbour-works: { role: viewer, sites: [quay] }
  yara@example.com:
    access:
      smelter: { role: viewer, sites: [furnace] }
  cranes@example.com:
    name: Crane telemetry
    kind: service
    access:
      harbour-works: { role: viewer, sites: [quay] }
";

const SECOND_DAY_TEAMS: &str = "\
teams:
  pit-crew:
    members: [ines@example.com]
    access:
      north-quarries: { role: operator, sites: [pit-1] }
";

#[test]
fn killed_anywhere_while_everybody_is_invited_the_next_run_finishes() {
    let repository = Repository::of_example("quickstart");
    kill_everywhere(&repository);
    let whole = repository.assert_next_run_finishes("the bootstrap");
    let people: BTreeSet<&str> = whole.invitations.iter().filter_map(|one| one.split(' ').next()).collect();
    assert_eq!(whole.invitations.len(), people.len(), "{:?}", whole.invitations);
    assert!(people.len() >= 9, "{people:?}");
}

/// Law 9 after a kill: the same command finishes exactly the plan that was saved or approved.
#[test]
fn killed_anywhere_in_a_saved_plan_the_same_command_finishes_it() {
    let repository = second_day();
    let plan = repository.run(&["plan", "--out", "plan.json"]);
    assert_eq!(plan.code, Some(0), "{}", plan.streams);
    kill_everywhere_in(&repository, &["apply", "plan.json", "--yes"]);
}

#[test]
fn killed_anywhere_in_an_approved_plan_the_same_command_finishes_it() {
    let repository = second_day();
    kill_everywhere_in(&repository, &["apply", "--approved", &digest(&repository)]);
}

/// The digest of the plan of now.
fn digest(repository: &Repository) -> String {
    let plan = repository.run(&["plan", "--format", "json"]).streams;
    let at = plan.find("sha256:").expect("a digest");
    plan[at..at + 71].to_owned()
}

#[test]
fn killed_anywhere_while_people_leave_and_change_the_next_run_finishes() {
    let repository = second_day();
    let plan = repository.run(&["plan", "--format", "json"]);
    for kind in [
        "deactivate_user",
        "change_role",
        "grant_site",
        "revoke_site",
        "remove_membership",
        "add_membership",
        "invite_user",
        "send_invitation",
        "cancel_invitation",
        "update_user",
        "update_organization",
        "create_organization",
        "create_site",
    ] {
        assert!(plan.streams.contains(&format!("\"action\": \"{kind}\"")), "no {kind} in\n{}", plan.streams);
    }
    kill_everywhere(&repository);
}

/// An access repository with so many people that applying takes several batches.
fn crowd(people: usize) -> Repository {
    let repository = Repository::of_example("quickstart");
    let mut text = String::from("users:\n");
    for number in 0..people {
        writeln!(
            text,
            "  person-{number}@example.com:\n    access: {{ harbour-works: {{ role: viewer, sites: [quay] }} }}"
        )
        .expect("a string");
    }
    repository.write("access/people.yaml", &text);
    repository.write("access/teams.yaml", "teams: {}\n");
    repository
}

#[test]
fn killed_at_any_moment_the_next_run_finishes() {
    let template = crowd(if kills_all() { 2_500 } else { 1_200 });
    let whole = template.copy();
    let start = Instant::now();
    assert_eq!(whole.run(&["apply", "--yes"]).code, Some(0));
    let time = start.elapsed();
    let expected = whole.assert_next_run_finishes("a run that nobody killed");
    let moments = if kills_all() { 60 } else { 4 };
    for moment in 1..=moments {
        let repository = template.copy();
        let mut child = repository.command(&[], &["apply", "--yes"]).spawn().expect("a run");
        std::thread::sleep(time * moment / moments);
        child.kill().expect("a run that can be killed");
        wait(child);
        let contents = repository.assert_next_run_finishes(&format!("killed after {:?}", time * moment / moments));
        assert_eq!(contents, expected);
    }
}

/// Waits until the journal has its first lines.
fn wait_for_journal(path: &Path) {
    let start = Instant::now();
    while fs::metadata(path).map_or(0, |metadata| metadata.len()) == 0 {
        assert!(start.elapsed() < repository::LONGEST, "nothing was journalled");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_second_run_at_the_same_time_waits() {
    let repository = crowd(3_000);
    let first = repository.command(&[], &["apply", "--yes"]).spawn().expect("a run");
    wait_for_journal(&repository.journal());
    let second = repository.run(&["apply", "--yes"]);
    assert_eq!(second.code, Some(0), "{}", second.streams);
    assert!(second.streams.contains("another run has the journal"), "{}", second.streams);
    assert!(second.streams.contains("no changes"), "it plans from what the first left\n{}", second.streams);
    let first = wait(first);
    assert_eq!(first.code, Some(0), "{}", first.streams);
    assert_eq!(repository.assert_next_run_finishes("two runs").invitations.len(), 3_000);
}

#[test]
fn ctrl_c_ends_after_the_batch_in_hand_and_the_next_run_goes_on() {
    let repository = crowd(3_000);
    let child = repository.command(&[], &["apply", "--yes"]).spawn().expect("a run");
    wait_for_journal(&repository.journal());
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    let ended = wait(child);
    assert_eq!(ended.code, Some(6), "{}", ended.streams);
    let mut open = BTreeSet::new();
    rollcall::journal::verify(&repository.journal(), |record| match &record.entry {
        rollcall::journal::Entry::Intent { .. } => drop(open.insert(record.seq)),
        rollcall::journal::Entry::Outcome { intent, .. } => drop(open.remove(intent)),
        _ => {}
    })
    .expect("a sound journal");
    assert!(open.is_empty(), "{} intents were left open", open.len());
    let left = repository.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(left.code, Some(2), "the run was not stopped before its end\n{}", ended.streams);
    assert_eq!(repository.assert_next_run_finishes("a Ctrl-C").invitations.len(), 3_000);
}

/// How a run without room may end: with an error that is no panic, or whole. Whether it was whole.
fn is_whole(repository: &Repository, ended: &Ended, after: &str) -> bool {
    assert!(!ended.streams.contains("panicked"), "{after}\n{}", ended.streams);
    if ended.code == Some(0) {
        let plan = repository.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(plan.code, Some(0), "{after}: exit 0 with something left\n{}\n{}", ended.streams, plan.streams);
        return true;
    }
    assert!(matches!(ended.code, Some(1 | 6)), "{after}: {:?}\n{}", ended.code, ended.streams);
    false
}

/// The next larger number of blocks to try.
fn more(blocks: u64) -> u64 {
    blocks + if kills_all() { blocks.div_ceil(20) } else { blocks.div_ceil(2) }
}

#[test]
fn where_files_can_not_grow_a_run_fails_and_the_next_one_finishes() {
    let template = second_day();
    let whole = template.copy();
    assert_eq!(whole.run(&["apply", "--yes"]).code, Some(0));
    let expected = whole.assert_next_run_finishes("a run with room");
    let mut refused = 0;
    let mut blocks: u64 = 1;
    loop {
        let repository = template.copy();
        // No file may grow beyond so many blocks of 512 bytes; a write beyond is an error.
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let ended = repository.run_after(&["sh", "-c", &limited], &["apply", "--yes"]);
        let after = format!("files of {blocks} blocks at most");
        let is_whole = is_whole(&repository, &ended, &after);
        assert_eq!(repository.assert_next_run_finishes(&after), expected, "{after}");
        if is_whole {
            break;
        }
        refused += 1;
        blocks = more(blocks);
        assert!(blocks < 1 << 20, "no size was enough");
    }
    assert!(refused >= 5, "only {refused} runs were refused");
}

/// How much room a folder takes, with what is in it.
fn kibibytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let size = |path: std::path::PathBuf| {
        let below = if path.is_dir() { kibibytes_in(&path) } else { 0 };
        below + fs::metadata(&path).expect("a file").len().div_ceil(4096) * 4
    };
    entries.map(size).sum()
}

/// A small disk in place of `.rollcall`, as long as the value lives.
struct SmallDisk<'a> {
    repository: &'a Repository,
}

impl<'a> SmallDisk<'a> {
    /// With room for so many kibibytes beyond what is there; `None` where this user may not mount anything.
    fn mount(repository: &'a Repository, kibibytes: u64) -> Option<Self> {
        let folder = repository.path().join(".rollcall");
        let aside = repository.path().join(".aside");
        fs::rename(&folder, &aside).expect("a folder");
        fs::create_dir(&folder).expect("a folder");
        let used = kibibytes_in(&aside);
        let size = format!("size={}k", used + kibibytes);
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).output();
        if !mount.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let disk = Self { repository };
        copy(&aside, &folder);
        Some(disk)
    }

    fn make_room(&self) {
        let mut mount = Command::new("mount");
        let status = mount.args(["-o", "remount,size=64m"]).arg(self.repository.path().join(".rollcall")).status();
        assert!(status.is_ok_and(|status| status.success()), "a disk that can grow");
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // A folder that stays mounted is left over in the folder for temporary files.
        let _ = Command::new("umount").arg(self.repository.path().join(".rollcall")).status();
    }
}

#[test]
fn on_a_full_disk_a_run_fails_and_the_next_one_finishes() {
    let template = second_day();
    let whole = template.copy();
    assert_eq!(whole.run(&["apply", "--yes"]).code, Some(0));
    let expected = whole.assert_next_run_finishes("a run with room");
    let mut refused = 0;
    let mut kibibytes: u64 = 4;
    loop {
        let repository = template.copy();
        let Some(disk) = SmallDisk::mount(&repository, kibibytes) else {
            println!("no disk can be mounted here; the test of files that can't grow says the same");
            return;
        };
        let ended = repository.run(&["apply", "--yes"]);
        disk.make_room();
        let after = format!("{kibibytes} KiB left");
        let is_whole = is_whole(&repository, &ended, &after);
        assert_eq!(repository.assert_next_run_finishes(&after), expected, "{after}");
        if is_whole {
            break;
        }
        refused += 1;
        kibibytes = more(kibibytes).next_multiple_of(4);
        assert!(kibibytes < 1 << 16, "no size was enough");
    }
    assert!(refused >= 4, "only {refused} runs were refused");
}
