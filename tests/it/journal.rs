//! The journal: what is on disk when, and what is found when it is opened again.

use std::time::Duration;

use jiff::Timestamp;
use rollcall::journal::{
    Ended, Entry, Glance, Head, Journal, JournalError, LookedUp, Record, Run, Standing, Who, attempts_of, describe,
    describe_step, done_since, glance, half_changed, revive, verify,
};
use rollcall::model::{ActionKind, Fact, Grant, Membership, Names, Value, known};
use rollcall::plan::{Action, State, Subject};
use rollcall::rules::Identity;

use crate::support::disk::Disk;
use crate::support::scripted::{action, creation};

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn run(id: &str) -> Run {
    let who = Who { user: Some("ana".to_owned()), actor: None, job: None };
    Run { id: id.to_owned(), who, plan: "sha256:00".to_owned(), store: "1".to_owned() }
}

/// One batch of two intents and their outcomes.
fn write_two(journal: &mut Journal, names: &mut Names, id: &str) -> Result<(), JournalError> {
    let actions = [creation(names, "ana@example.com", &[]), creation(names, "li@example.com", &[])];
    journal.begin(run(id));
    let lines = journal.intents(names, AT, &actions)?;
    journal.outcomes(AT, [(lines[0], Ended::Done, None), (lines[1], Ended::Failed, Some("it broke".to_owned()))])
}

fn lines(bytes: &[u8]) -> Vec<serde_json::Value> {
    bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("a JSON line"))
        .collect()
}

fn open_ids(journal: &Journal) -> Vec<String> {
    journal.open_intents().map(|intent| intent.action["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_run_says_who_what_and_how_it_ended() {
    let (disk, mut names) = (Disk::default(), Names::new());
    write_two(&mut disk.open().unwrap(), &mut names, "run-1").unwrap();
    let lines = lines(&disk.bytes());
    assert_eq!(lines.len(), 5);
    assert_eq!(disk.calls(), 4, "one append and one sync for the intents, the same for the outcomes");
    assert_eq!(lines[0]["entry"]["began"]["who"]["user"], "ana");
    assert_eq!(lines[0]["entry"]["began"]["plan"], "sha256:00");
    assert_eq!(lines[0]["prev"], format!("sha256:{}", "0".repeat(64)));
    let intent = &lines[1]["entry"]["intent"]["action"];
    assert_eq!(intent["id"], "create_user ana@example.com");
    assert_eq!(intent["before"], serde_json::Value::Null);
    assert_eq!(intent["after"]["given_name"], "Ana");
    assert_eq!(lines[4]["entry"]["outcome"]["intent"], 3);
    assert_eq!(lines[4]["entry"]["outcome"]["outcome"], "failed");
    assert_eq!(lines[4]["entry"]["outcome"]["detail"], "it broke");
    for (line, number) in lines.iter().zip(1..) {
        assert_eq!(line["seq"], number);
        assert_eq!(line["run"], "run-1");
    }
}

#[test]
fn a_journal_goes_on_where_it_ended() {
    let (disk, mut names) = (Disk::default(), Names::new());
    write_two(&mut disk.open().unwrap(), &mut names, "run-1").unwrap();
    let head = disk.open().unwrap().head();
    write_two(&mut disk.open().unwrap(), &mut names, "run-2").unwrap();
    assert_eq!(lines(&disk.bytes())[5]["prev"], head.hash);
    assert_eq!(disk.open().unwrap().head().line, 10);
}

#[test]
fn nothing_is_written_before_there_is_something_to_say() {
    let disk = Disk::default();
    disk.open().unwrap().begin(run("run-1"));
    assert!(disk.bytes().is_empty());
    let names = Names::new();
    assert!(matches!(disk.open().unwrap().intents(&names, AT, []), Err(JournalError::NoRun(_))));
}

#[test]
fn a_torn_line_is_kept_and_accounted_for_at_every_byte() {
    let (disk, mut names) = (Disk::default(), Names::new());
    write_two(&mut disk.open().unwrap(), &mut names, "run-1").unwrap();
    let whole = disk.bytes();
    for cut in 0..whole.len() {
        let torn = Disk::default();
        torn.set(&whole[..cut]);
        let mut journal = torn.open().unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        write_two(&mut journal, &mut names, "run-2").unwrap();
        let bytes = torn.bytes();
        assert!(bytes.starts_with(&whole[..cut]), "cut at {cut}: nothing is lost");
        torn.open().unwrap_or_else(|error| panic!("recovered from a cut at {cut}: {error}"));
        let text = String::from_utf8(bytes).unwrap();
        let start = whole[..cut].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let is_torn = cut > start && whole[cut] != b'\n';
        assert_eq!(text.contains("\"recovered\""), is_torn, "cut at {cut}");
    }
}

#[test]
fn a_recovery_that_is_torn_itself_is_recovered() {
    let (disk, mut names) = (Disk::default(), Names::new());
    write_two(&mut disk.open().unwrap(), &mut names, "run-1").unwrap();
    let whole = disk.bytes();
    disk.set(&whole[..whole.len() - 10]);
    disk.fail_at(disk.calls());
    assert!(write_two(&mut disk.open().unwrap(), &mut names, "run-2").is_err());
    disk.heal();
    write_two(&mut disk.open().unwrap(), &mut names, "run-3").unwrap();
    disk.open().unwrap();
}

/// The line that the reading of a journal with these lines complains about.
fn altered_line(result: Result<(), JournalError>) -> Option<u64> {
    match result {
        Ok(()) => None,
        Err(JournalError::Altered { line, .. }) => Some(line),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn an_altered_line_is_an_error_that_names_it() {
    let (disk, mut names) = (Disk::default(), Names::new());
    write_two(&mut disk.open().unwrap(), &mut names, "run-1").unwrap();
    write_two(&mut disk.open().unwrap(), &mut names, "run-2").unwrap();
    let text = String::from_utf8(disk.bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let found = |lines: &[&str]| {
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        altered_line(verify(&path, |_| {}))
    };
    let all: Vec<&str> = text.lines().collect();
    assert_eq!(found(&all), None);
    for at in 0..all.len() - 1 {
        let with = |line: &str| {
            let mut all = all.clone();
            all[at] = line;
            found(&all)
        };
        let number = at as u64 + 1;
        assert_eq!(with(&all[at].replace("run-", "ruin-")), Some(number), "another text");
        assert_eq!(with("rubbish"), Some(number), "no record");
        let mut cut = all.clone();
        cut.remove(at);
        let found = found(&cut).unwrap();
        assert!(found == number || found + 1 == number, "line {number} cut out, found at {found}");
    }
}

#[test]
fn opening_reads_the_tail_and_names_an_altered_line_in_it() {
    let (disk, mut names) = (Disk::default(), Names::new());
    let alter = |at: usize| {
        let whole = disk.bytes();
        let mut lines: Vec<String> = String::from_utf8(whole.clone()).unwrap().lines().map(str::to_owned).collect();
        lines[at - 1] = lines[at - 1].replace("run-", "ran-");
        disk.set((lines.join("\n") + "\n").as_bytes());
        let found = altered_line(disk.open().and_then(|journal| journal.check_whole()));
        disk.set(&whole);
        found
    };
    write_two(&mut disk.open().unwrap(), &mut names, "run-1").unwrap();
    write_two(&mut disk.open().unwrap(), &mut names, "run-2").unwrap();
    // Lines 7 and 8 are the intents of the last batch, 9 and 10 their outcomes. The second outcome knows that only
    // the second intent is open, so that is where the tail begins.
    assert_eq!((alter(1), alter(6), alter(8), alter(9)), (None, None, Some(8), Some(9)));

    // An intent that stays open keeps everything after it in the tail.
    let mut journal = disk.open().unwrap();
    journal.begin(run("run-3"));
    let open = creation(&mut names, "zoe@example.com", &[]);
    journal.intents(&names, AT, [&open]).unwrap();
    drop(journal);
    for id in ["run-4", "run-5"] {
        write_two(&mut disk.open().unwrap(), &mut names, id).unwrap();
    }
    assert_eq!((alter(1), alter(12), alter(14), alter(20)), (None, Some(12), Some(14), Some(20)));
    let journal = disk.open().unwrap();
    assert_eq!(open_ids(&journal), ["create_user zoe@example.com"]);
    assert_eq!(journal.head().line, 22);
}

#[test]
fn a_pointer_to_nowhere_is_not_followed() {
    let (disk, mut names) = (Disk::default(), Names::new());
    write_two(&mut disk.open().unwrap(), &mut names, "run-1").unwrap();
    let text = String::from_utf8(disk.bytes()).unwrap();
    let last = text.lines().last().unwrap();
    let from = serde_json::from_str::<serde_json::Value>(last).unwrap()["from"].to_string();
    for elsewhere in ["0", "1", "17", "999999999", "18446744073709551615"] {
        let other = last.replace(&format!("\"from\":{from}"), &format!("\"from\":{elsewhere}"));
        disk.set(text.replace(last, &other).as_bytes());
        let journal = disk.open().unwrap_or_else(|error| panic!("{elsewhere}: {error}"));
        assert_eq!(journal.head().line, 5, "everything is read instead");
    }
}

#[test]
fn what_was_not_ended_is_open_until_it_is_looked_up() {
    let (disk, mut names) = (Disk::default(), Names::new());
    let actions: Vec<Action> =
        ["ana", "ben", "li"].map(|who| creation(&mut names, &format!("{who}@example.com"), &[])).into();
    let mut journal = disk.open().unwrap();
    journal.begin(run("run-1"));
    let lines = journal.intents(&names, AT, &actions).unwrap();
    journal.outcomes(AT, [(lines[0], Ended::Done, None), (lines[1], Ended::Unknown, None)]).unwrap();

    let mut journal = disk.open().unwrap();
    assert_eq!(open_ids(&journal), ["create_user ben@example.com", "create_user li@example.com"]);
    journal.begin(run("run-2"));
    journal.looked_up(AT, [(lines[1], LookedUp::Achieved, None), (lines[2], LookedUp::Unknown, None)]).unwrap();
    assert_eq!(open_ids(&journal), ["create_user li@example.com"]);

    let mut journal = disk.open().unwrap();
    assert_eq!(open_ids(&journal), ["create_user li@example.com"]);
    journal.begin(run("run-3"));
    journal.looked_up(AT, [(lines[2], LookedUp::NotAchieved, None)]).unwrap();
    assert_eq!(open_ids(&disk.open().unwrap()), Vec::<String>::new());
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    let (disk, mut names) = (Disk::default(), Names::new());
    let mut journal = disk.open().unwrap();
    disk.fail_at(0);
    assert!(matches!(write_two(&mut journal, &mut names, "run-1"), Err(JournalError::Unwritable { .. })));
    disk.heal();
    assert!(matches!(write_two(&mut journal, &mut names, "run-1"), Err(JournalError::Broken(_))));
}

#[test]
fn hostile_names_stay_on_their_line() {
    let (disk, mut names) = (Disk::default(), Names::new());
    let key = "a\nb\"}\u{0}\u{202e}'); DROP TABLE users; --@example.com";
    let hostile = creation(&mut names, key, &[]);
    let mut journal = disk.open().unwrap();
    journal.begin(run("x\n{\"seq\":1}"));
    journal.intents(&names, AT, [&hostile]).unwrap();
    let lines = lines(&disk.bytes());
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["entry"]["intent"]["action"]["user"], key);
    assert_eq!(open_ids(&disk.open().unwrap()).len(), 1);
}

#[test]
fn an_action_is_described_and_revived() {
    let mut names = Names::new();
    let [organization, south, site, role, company, clearance] =
        ["North / S\u{fc}d 100%", "south", "pit-1", "operator", "home.company", "attributes.clearance.level"]
            .map(|text| names.intern(text));
    let extra_roles = names.list(&[site, role]);
    let membership = |organization| Membership { organization, role: Some(role), extra_roles, default_site: None };
    let account = State {
        facts: vec![
            Fact::new(known::STATUS, Value::Text(known::ACTIVE)),
            Fact::new(company, Value::Null),
            Fact::new(clearance, Value::Number(-3)),
            Fact::new(known::API_ENABLED, Value::Bool(true)),
            Fact::new(known::API_ROUTES, Value::Set(extra_roles)),
        ],
        memberships: vec![
            membership(known::PLATFORM),
            Membership { default_site: Some(site), ..membership(organization) },
        ],
        // A store may hold a grant without a membership.
        grants: vec![Grant { organization, site, role: None }, Grant { organization: south, site, role: Some(role) }],
    };
    let of_membership = State {
        facts: vec![
            Fact::new(known::ROLE, Value::Text(role)),
            Fact::new(known::EXTRA_ROLES, Value::Set(extra_roles)),
            Fact::new(known::DEFAULT_SITE, Value::Null),
        ],
        memberships: Vec::new(),
        grants: vec![Grant { organization, site, role: Some(role) }],
    };
    let subject = |organization, site| Subject { user: None, organization, site, role: None };
    let platform_role = State::field(known::ROLE, Value::Null);
    let ranked = State::of(vec![Fact::new(known::RANK, Value::Number(7)), Fact::new(known::ADMIN, Value::Bool(true))]);
    for (kind, subject, before, after) in [
        (ActionKind::DeleteUser, subject(None, None), Some(account.clone()), None),
        (ActionKind::InviteUser, subject(None, None), None, Some(account)),
        (ActionKind::RemoveMembership, subject(Some(organization), None), Some(of_membership.clone()), None),
        (ActionKind::ChangeRole, subject(Some(organization), None), Some(of_membership.clone()), Some(of_membership)),
        (ActionKind::ChangeRole, subject(None, None), Some(platform_role.clone()), Some(platform_role.clone())),
        (ActionKind::GrantSite, subject(Some(organization), Some(site)), None, Some(platform_role)),
        (ActionKind::UpdateRole, Subject { role: Some(role), ..Subject::default() }, None, Some(ranked)),
    ] {
        let mut action = action(&mut names, kind, "ana@example.com", None, None, &[]);
        let user = if kind == ActionKind::UpdateRole { None } else { action.subject.user };
        action.subject = Subject { user, ..subject };
        action.fall_back = Some(ActionKind::CloseUser);
        (action.before, action.after) = (before, after);
        let described = describe(&names, &action);
        let revived = revive(&mut names, &described).expect("an action");
        assert_eq!((revived.kind, revived.subject, revived.fall_back), (kind, action.subject, action.fall_back));
        let sorted = |state: Option<State>| {
            state.map(|State { mut facts, mut memberships, mut grants }| {
                facts.sort_unstable();
                memberships.sort_unstable();
                grants.sort_unstable();
                State { facts, memberships, grants }
            })
        };
        assert_eq!(sorted(revived.before), sorted(action.before), "{described}");
        assert_eq!(sorted(revived.after), sorted(action.after), "{described}");
    }
    for broken in [
        "{}",
        "[]",
        r#"{"action":"dance"}"#,
        r#"{"action":"create_user","else":null,"user":3}"#,
        r#"{"action":"create_user","else":null,"user":"a","organization":null,"site":null,"role":null,"before":null,"after":7}"#,
    ] {
        assert!(revive(&mut names, &serde_json::from_str(broken).unwrap()).is_none(), "{broken}");
    }
}

#[test]
fn a_file_is_private_locked_and_read_by_audits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut names = Names::new();
    let mut journal = Journal::open(&path).unwrap();
    write_two(&mut journal, &mut names, "run-1").unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Locked(_))), "two runs never interleave");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let mut kinds = Vec::new();
    let mut note = |record: &Record| {
        assert_eq!(record.seq, kinds.len() as u64 + 1);
        kinds.push(matches!(record.entry, Entry::Intent { .. }));
    };
    verify(&path, &mut note).unwrap();
    assert_eq!(kinds, [false, true, true, false, false], "an audit reads while a run writes");
    drop(journal);
    write_two(&mut Journal::open(&path).unwrap(), &mut names, "run-2").unwrap();
    verify(&path, |_| {}).unwrap();
    assert!(matches!(Journal::open(folder.path()), Err(JournalError::Unreadable { .. })), "a folder is no journal");
}

#[test]
fn who_waits_for_a_journal_is_told_once_and_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let held = Journal::open(&path).unwrap();
    let mut told = 0;
    let waited = Journal::open_within(&path, Duration::from_millis(350), &mut || told += 1);
    assert!(matches!(waited, Err(JournalError::Locked(_))));
    assert_eq!(told, 1);
    drop(held);
    Journal::open_within(&path, Duration::ZERO, &mut || panic!("nobody has it")).unwrap();
}

/// A lock on a file that was moved away keeps nobody out.
#[test]
fn a_journal_that_is_moved_away_meanwhile_is_not_the_one_that_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut held = Some(Journal::open(&path).unwrap());
    let moved = folder.path().join("moved.jsonl");
    let opened = Journal::open_within(&path, Duration::from_secs(20), &mut || {
        std::fs::rename(&path, &moved).unwrap();
        held = None;
    });
    let mut names = Names::new();
    write_two(&mut opened.unwrap(), &mut names, "run-1").unwrap();
    assert_eq!(std::fs::metadata(&moved).unwrap().len(), 0);
    assert!(std::fs::metadata(&path).unwrap().len() > 0);
}

#[test]
fn a_journal_stands_to_its_kept_line_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut names = Names::new();
    let mut journal = Journal::open(&path).unwrap();
    write_two(&mut journal, &mut names, "run-1").unwrap();
    let kept = journal.head();
    assert_eq!(journal.standing(&path, &kept).unwrap(), Standing::Same);
    write_two(&mut journal, &mut names, "run-2").unwrap();
    assert_eq!(journal.standing(&path, &kept).unwrap(), Standing::Longer);
    let other = Head { hash: journal.head().hash, ..kept.clone() };
    assert_eq!(journal.standing(&path, &other).unwrap(), Standing::Other, "longer, and another");
    let later = Head { line: 99, ..kept.clone() };
    assert_eq!(journal.standing(&path, &later).unwrap(), Standing::Shorter);
    assert_eq!(done_since(&path, 0).unwrap().len(), 1, "one of two was done, twice");
    assert_eq!(done_since(&path, journal.head().line).unwrap().len(), 0);
    assert_eq!(journal.store(), None, "it was empty when it was opened");
    drop(journal);
    assert_eq!(Journal::open(&path).unwrap().store(), Some("1"));
    assert_eq!(glance(&path).unwrap(), Some(Glance { store: Some("1".to_owned()), is_empty: false }));
    std::fs::write(&path, "").unwrap();
    assert_eq!(Journal::open(&path).unwrap().standing(&path, &kept).unwrap(), Standing::Empty);
    assert_eq!(glance(&folder.path().join("none")).unwrap(), None);
}

/// A change of role in two steps, of which the first one was done, and the last one ended so.
fn change_in_steps(journal: &mut Journal, names: &mut Names, last: Ended) {
    change_in_two(journal, names, (Ended::Done, last));
}

/// A change of role in two steps that ended so.
fn change_in_two(journal: &mut Journal, names: &mut Names, (first, last): (Ended, Ended)) {
    let [user, north] = ["ana@example.com", "north"].map(|text| names.intern(text));
    let subject = Subject { user: Some(user), organization: Some(north), ..Subject::default() };
    let mut state = |role| Some(State::field(known::ROLE, Value::Text(names.intern(role))));
    let [before, after] = ["operator", "viewer"].map(&mut state);
    let whole = Action::new(ActionKind::ChangeRole, subject, before.clone(), after.clone());
    let steps = [
        Action::new(ActionKind::RemoveMembership, subject, before, None),
        Action::new(ActionKind::AddMembership, subject, None, after),
    ];
    journal.begin(run("run-1"));
    for (step, ended) in steps.iter().zip([first, last]) {
        let lines = journal.described(AT, [describe_step(names, step, &whole)]).unwrap();
        journal.outcomes(AT, [(lines[0], ended, None)]).unwrap();
    }
}

#[test]
fn a_change_in_two_steps_is_one_attempt_that_is_done_with_its_last_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut names = Names::new();
    let mut journal = Journal::open(&path).unwrap();
    for (last, done) in [(Ended::Failed, 0), (Ended::Done, 1)] {
        change_in_steps(&mut journal, &mut names, last);
        let attempts = attempts_of(&path, "sha256:00").unwrap();
        assert!(attempts.iter().all(|attempt| attempt.action["action"] == "change_role"), "{attempts:?}");
        assert_eq!(attempts.iter().filter(|attempt| attempt.done.is_some()).count(), done);
        assert_eq!(half_changed(&path, "1", &Identity::default()).unwrap().len(), 1 - done);
    }
}

#[test]
fn what_was_left_half_way_is_known_until_the_access_ends_and_from_a_whole_journal_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut names = Names::new();
    let mut journal = Journal::open(&path).unwrap();
    change_in_steps(&mut journal, &mut names, Ended::Failed);
    let half = half_changed(&path, "1", &Identity::default()).unwrap();
    assert_eq!(half.len(), 1);
    assert_eq!(half[0]["id"], "change_role ana@example.com north");
    assert_eq!(half_changed(&path, "2", &Identity::default()).unwrap().len(), 0, "another store");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, good.replacen("viewer", "manager", 1)).unwrap();
    assert_eq!(half_changed(&path, "1", &Identity::default()).unwrap().len(), 0, "an altered line gives nobody a role");
    std::fs::write(&path, good).unwrap();
    // Whoever loses all access, or the account, gets nothing of it back under the same key.
    let subject = Subject { user: Some(names.intern("ana@example.com")), ..Subject::default() };
    for (kind, left) in [
        (ActionKind::DeactivateUser, 1),
        (ActionKind::StripUser, 0),
        (ActionKind::CloseUser, 0),
        (ActionKind::DeleteUser, 0),
        (ActionKind::CancelInvitation, 0),
        (ActionKind::InviteUser, 0),
        (ActionKind::CreateUser, 0),
    ] {
        let copy = folder.path().join(kind.as_str());
        std::fs::copy(&path, &copy).unwrap();
        let mut journal = Journal::open(&copy).unwrap();
        journal.begin(run("run-2"));
        let ending = Action::new(kind, subject, None, None);
        let line = journal.intents(&names, AT, [&ending]).unwrap()[0];
        assert_eq!(half_changed(&copy, "1", &Identity::default()).unwrap().len(), 1, "it is not known to be done");
        journal.outcomes(AT, [(line, Ended::Done, None)]).unwrap();
        assert_eq!(half_changed(&copy, "1", &Identity::default()).unwrap().len(), left, "{kind:?}");
    }
}

/// What was left half way goes with its user to another key, also where nobody knows whether it was begun, and is not
/// whose who has the former key next.
#[test]
fn what_was_left_half_way_follows_its_user_to_another_key() {
    let folder = tempfile::tempdir().unwrap();
    for first in [Ended::Done, Ended::Unknown] {
        let path = folder.path().join(format!("{first:?}.jsonl"));
        let mut names = Names::new();
        let mut journal = Journal::open(&path).unwrap();
        change_in_two(&mut journal, &mut names, (first, Ended::Failed));
        let [former, new] = ["ana@example.com", "anna@example.com"].map(|key| names.intern(key));
        let rename = {
            let key = |key| Some(State::field(known::KEY, Value::Text(key)));
            let subject = Subject { user: Some(new), ..Subject::default() };
            Action::new(ActionKind::RenameUser, subject, key(former), key(new))
        };
        let end =
            |user| Action::new(ActionKind::StripUser, Subject { user: Some(user), ..Subject::default() }, None, None);
        for (action, left) in [(rename, 1), (end(former), 1), (end(new), 0)] {
            let line = journal.intents(&names, AT, [&action]).unwrap()[0];
            journal.outcomes(AT, [(line, Ended::Done, None)]).unwrap();
            let half = half_changed(&path, "1", &Identity::default()).unwrap();
            assert_eq!(half.len(), left, "{:?} of {:?}: {half:?}", action.kind, action.subject.user);
            assert!(half.iter().all(|whole| whole["user"] == "anna@example.com"), "{half:?}");
        }
    }
}
