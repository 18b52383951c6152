//! Several programs at once.

use std::fs;
use std::time::Duration;

use rollcall::model::ActionKind::*;
use rollcall::model::Names;
use rollcall::store::sqlite::SqliteReader;
use rollcall::store::{Effect, Reader, Which, Writer};

use super::{Home, execute, world};
use crate::support::actions::act;
use crate::support::{at, now, open_rules};

#[test]
fn a_reader_writes_nothing_and_sees_one_moment() {
    let home = world();
    let mut reader = SqliteReader::open(&home.path(), &home.rules).expect("a store");
    let mut names = Names::new();
    let before = fs::read(home.path()).expect("a file");
    now(reader.read(&mut names, Which::All)).expect("a read");
    now(reader.read(&mut names, Which::Users(&["ana@example.com"]))).expect("a read");
    let info = now(reader.info()).expect("what it is");
    assert_eq!((info.kind, info.id.len()), ("sqlite", 32));
    assert_eq!(fs::read(home.path()).expect("a file"), before);
    // Reading goes on while somebody writes, and sees nothing of it before its end.
    let writer = home.shell();
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM users").expect("an edit");
    let live = now(reader.read(&mut names, Which::All)).expect("a read");
    assert_eq!(live.len(), 2);
    writer.execute_batch("COMMIT").expect("an edit");
    let live = now(reader.read(&mut names, Which::All)).expect("a read");
    assert_eq!(live.len(), 0);
}

#[test]
fn a_second_writer_waits() {
    let home = world();
    let first = home.shell();
    first
        .execute_batch("BEGIN IMMEDIATE; UPDATE users SET phone = '1' WHERE key = 'ana@example.com'")
        .expect("an edit");
    let mut second = home.store();
    second.wait_at_most(Duration::from_millis(20)).expect("a pragma");
    let mut names = Names::new();
    let update = act(UpdateUser).user("ana@example.com").before("phone", "1").after("phone", "2");
    let action = update.action(&mut names);
    let error = now(second.execute(&names, &[&action], at("09:00:00"))).expect_err("it is locked");
    assert!(error.message.contains("another program holds it") && !error.is_invalid, "{}", error.message);

    second.wait_at_most(Duration::from_secs(20)).expect("a pragma");
    let waiting = std::thread::spawn(move || now(second.execute(&names, &[&action], at("09:00:00"))));
    std::thread::sleep(Duration::from_millis(50));
    assert!(!waiting.is_finished());
    first.execute_batch("COMMIT").expect("an edit");
    let effects = waiting.join().expect("a thread").expect("a store that can be written");
    assert_eq!(effects, [Effect::Done], "it saw what the first one wrote");
}

#[test]
fn writers_side_by_side_lose_nothing() {
    let mut rules = open_rules();
    rules.seats = Some(rollcall::rules::Seats { max: Some(30), counts: None, refuses: None });
    let home = Home::with(rules);
    let done: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let home = &home;
                scope.spawn(move || {
                    let mut store = home.store();
                    let users = (0..20).map(|user| act(CreateUser).user(&format!("u{user}.{writer}@example.com")));
                    users.flat_map(|user| execute(&mut store, &[user])).filter(|effect| *effect == Effect::Done).count()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("a thread")).sum()
    });
    assert_eq!(done, 30, "seats are counted over all programs");
    assert_eq!(home.read().0.len(), 30);
}
