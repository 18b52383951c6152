//! What the manifests declared at earlier git revisions: the likely cause of what a guard refuses.
//!
//! `git` is only asked for objects (`symbolic-ref`, `ls-tree`, `cat-file`): no index, no work tree, no filters, hooks,
//! pagers, text conversions or signatures. The configuration of the repository under review is not trusted: missing
//! objects are not fetched, no transport is allowed, and file-system monitors and hooks are off, so nothing that it
//! names is run. What takes long, is large or is not there gives no cause: nothing is guessed, and nothing fails.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::access::{Access, Declared};
use super::edge;
use super::options::Global;
use crate::guard::{Guard, Ruling};
use crate::manifest;
use crate::model::{DeclaredStatus, Desired, Names};
use crate::report::{Counted, LikelyCause};
use crate::source::Sources;

/// How many revisions are looked at, and how long at most.
const REVISIONS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// Manifests of one revision that hold more bytes are not read.
const LARGEST: u64 = 64 << 20;

/// What is told, the plainest first: who is declared no more, who is declared to leave, and who has other access.
const KINDS: [Counted; 3] = [Counted::People, Counted::Leavers, Counted::Access];

/// How many declarations of each kind there are in each file.
type Tally = BTreeMap<(Counted, String), usize>;

/// The change of one file that explains at least half of what is refused, by the newest revision that shows one.
pub(super) fn likely_cause(
    access: &Access,
    global: &Global,
    declared: &Declared,
    rulings: &[Ruling],
) -> Option<LikelyCause> {
    let worst = rulings.iter().filter(|ruling| ruling.is_refused()).max_by_key(|ruling| ruling.count)?;
    let takes_away = match worst.guard {
        Guard::Removals | Guard::Deletions | Guard::MinAdmins => true,
        Guard::Invitations | Guard::Escalations | Guard::Mails => false,
    };
    // Who is declared less, or named as a leaver, loses; and the other way round.
    let is_wanted = |counted: Counted, before: usize, now: usize| match (counted, takes_away) {
        (Counted::People | Counted::Access, true) | (Counted::Leavers, false) => before > now,
        (Counted::People | Counted::Access, false) | (Counted::Leavers, true) => now > before,
    };
    let git = Git { repository: &access.repository, until: Instant::now() + PATIENCE };
    let paths = if global.manifests.is_empty() { &access.settings.manifests } else { &global.manifests };
    let branch = git.line(&["symbolic-ref", "--short", "-q", "HEAD"]).unwrap_or_else(|| "HEAD".to_owned());
    let today = tally(&declared.desired, &declared.sources);
    let mut last = None;
    for back in 0..REVISIONS {
        let listed = git.list(&format!("HEAD~{back}"), paths)?;
        if last.as_ref() == Some(&listed) {
            continue;
        }
        let mut sources = Sources::memory(git.contents(&listed)?);
        last = Some(listed);
        let loaded = manifest::load(&mut Names::new(), access.reading(), &mut sources, paths);
        if loaded.has_errors() {
            continue;
        }
        let then = tally(&loaded.desired, &sources);
        for counted in KINDS {
            let Some((file, before, now)) = largest(counted, &then, &today, is_wanted) else { continue };
            if before.abs_diff(now).saturating_mul(2) >= worst.count as usize {
                let revision = if back == 0 { branch } else { format!("{branch}~{back}") };
                return Some(LikelyCause { file, counted, before, revision, now });
            }
        }
    }
    None
}

/// The file of which the number of one kind has changed most in the wanted direction, if the sum over all files has as
/// well: what was only moved to another file is no cause.
fn largest(
    counted: Counted,
    then: &Tally,
    now: &Tally,
    is_wanted: impl Fn(Counted, usize, usize) -> bool,
) -> Option<(String, usize, usize)> {
    let of = |tally: &Tally, key| tally.get(key).copied().unwrap_or(0);
    let sum = |tally: &Tally| tally.iter().filter(|((of, _), _)| *of == counted).map(|(_, count)| count).sum();
    let (all_before, all_after): (usize, usize) = (sum(then), sum(now));
    let mut found: Option<(String, usize, usize)> = None;
    for key in then.keys().chain(now.keys()).filter(|key| key.0 == counted) {
        let (before, after) = (of(then, key), of(now, key));
        let is_net = is_wanted(counted, all_before, all_after)
            && all_before.abs_diff(all_after).saturating_mul(2) >= before.abs_diff(after);
        if !is_wanted(counted, before, after) || !is_net {
            continue;
        }
        let is_larger = found.as_ref().is_none_or(|(_, was, is)| before.abs_diff(after) > was.abs_diff(*is));
        if is_larger {
            found = Some((key.1.clone(), before, after));
        }
    }
    found
}

fn tally(desired: &Desired, sources: &Sources) -> Tally {
    let mut counts: BTreeMap<(Counted, crate::diagnostic::FileId), usize> = BTreeMap::new();
    let mut add = |counted, file| *counts.entry((counted, file)).or_default() += 1;
    for user in desired.users() {
        add(Counted::People, user.position.file);
        if matches!(user.status, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent)) {
            add(Counted::Leavers, user.position.file);
        }
        user.rows.iter().for_each(|row| add(Counted::Access, row.file));
        user.links.iter().for_each(|link| add(Counted::Access, link.position.file));
    }
    desired.rows.iter().for_each(|row| add(Counted::Access, row.file));
    desired.leavers.values().for_each(|leaver| add(Counted::Leavers, leaver.position.file));
    counts.into_iter().map(|((counted, file), count)| ((counted, sources.path(file).to_owned()), count)).collect()
}

/// A regular file of a revision.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    object: String,
    size: u64,
    path: String,
}

/// The objects of the git repository around a folder.
struct Git<'a> {
    repository: &'a Path,
    until: Instant,
}

impl Git<'_> {
    /// The first line of what a command prints; `None` where it fails.
    fn line(&self, arguments: &[&str]) -> Option<String> {
        let text = String::from_utf8(self.run(arguments, Vec::new(), 4_096)?).ok()?;
        text.lines().next().filter(|line| !line.is_empty()).map(str::to_owned)
    }

    /// The regular files of a revision below these paths, which are relative to the access repository.
    fn list(&self, revision: &str, paths: &[String]) -> Option<Vec<Entry>> {
        let mut arguments = vec!["ls-tree", "-r", "-l", "-z", revision, "--"];
        arguments.extend(paths.iter().map(String::as_str));
        let listed = self.run(&arguments, Vec::new(), LARGEST)?;
        let entries = listed.split(|&byte| byte == 0).filter_map(|line| {
            let (about, path) = str::from_utf8(line).ok()?.split_once('\t')?;
            let mut words = about.split_ascii_whitespace();
            let (mode, _, object, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
            // Links lead somewhere else.
            let is_file = matches!(mode, "100644" | "100755");
            is_file
                .then(|| Some(Entry { object: object.to_owned(), size: size.parse().ok()?, path: path.to_owned() }))?
        });
        Some(entries.collect())
    }

    /// The contents of these files by path.
    fn contents(&self, listed: &[Entry]) -> Option<BTreeMap<String, Vec<u8>>> {
        let size = listed.iter().try_fold(0_u64, |sum, entry| sum.checked_add(entry.size))?;
        if size > LARGEST {
            return None;
        }
        let asked: String = listed.iter().flat_map(|entry| [entry.object.as_str(), "\n"]).collect();
        // Before each content stands a line with the name of the object, its kind and its size; after it a line feed.
        let most = size + 128 * listed.len() as u64;
        let all = self.run(&["cat-file", "--batch"], asked.into_bytes(), most)?;
        let mut rest = &all[..];
        let mut contents = BTreeMap::new();
        for entry in listed {
            let end = rest.iter().position(|&byte| byte == b'\n')?;
            let header = str::from_utf8(&rest[..end]).ok()?;
            if header != format!("{} blob {}", entry.object, entry.size) {
                return None;
            }
            let length = usize::try_from(entry.size).ok()?;
            let content = rest.get(end + 1..end + 1 + length)?;
            contents.insert(entry.path.clone(), content.to_vec());
            rest = rest.get(end + length + 2..)?;
        }
        Some(contents)
    }

    /// What a command prints; `None` where it fails, prints more than `most` bytes, or time is up.
    fn run(&self, arguments: &[&str], input: Vec<u8>, most: u64) -> Option<Vec<u8>> {
        let mut child = self.command(arguments).spawn().ok()?;
        let outcome = self.talk(&mut child, input, most);
        // Whatever happened, nothing stays behind.
        if outcome.is_none() {
            let _ = child.kill();
        }
        let is_success = child.wait().is_ok_and(|status| status.success());
        outcome.filter(|_| is_success)
    }

    fn talk(&self, child: &mut Child, input: Vec<u8>, most: u64) -> Option<Vec<u8>> {
        let (mut stdin, stdout) = (child.stdin.take()?, child.stdout.take()?);
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.take(most + 1).read_to_end(&mut bytes);
            let _ = sender.send(read.is_ok().then_some(bytes));
        });
        let left = self.until.saturating_duration_since(Instant::now());
        receiver.recv_timeout(left).ok()?.filter(|bytes| bytes.len() as u64 <= most)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(["--no-optional-locks", "--no-pager", "--literal-pathspecs"])
            // A folder of the repository under review may look like a git repository of its own.
            .args(["-c", "safe.bareRepository=explicit"])
            .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never"])
            .args(arguments)
            .current_dir(self.repository)
            .env_clear()
            .envs(edge::where_programs_are())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
    }
}
