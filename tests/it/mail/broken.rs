//! Connections that break: at which step ever, no mail is lost, and none goes out twice unless its answer was lost.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::server::{Read, Server};
use super::{mails, repository, served, to_server};
use crate::support::cli::Repository;

fn taken(address: &str) -> Vec<Vec<u8>> {
    Server::get().taken(address)
}

/// Applies until everything went out, a few times at most; how often it took.
fn apply_until_done(repository: &Repository) -> usize {
    for run in 1..=4 {
        let ended = repository.run(["apply", "--yes"]);
        assert!(matches!(ended.code, Some(0 | 1 | 6)), "{ended}");
        if ended.code == Some(0) {
            return run;
        }
        ended.tells("wait");
    }
    panic!("it never ends");
}

#[test]
fn a_server_that_hangs_up_before_it_has_the_mail_gets_it_once() {
    for name in ["cut-rcpt", "cut-data", "closing"] {
        let address = format!("{name}-1@example.com");
        let repository = served("implicit", "implicit", &[&address]);
        let run = repository.run(["apply", "--yes"]);
        run.ends_with(6).tells("broke before the mail was handed over");
        assert!(taken(&address).is_empty(), "{address}");
        repository.run(["apply", "--yes"]).ends_with(0).prints("1 invitation mail sent");
        assert_eq!(taken(&address).len(), 1, "{address}");
    }
}

#[test]
fn the_others_get_theirs_on_another_connection() {
    let people = ["another-1@example.com", "cut-data-2@example.com", "cut-rcpt-2@example.com", "yet-1@example.com"];
    let repository = served("starttls", "starttls", &people);
    // After a mail went out on it, a connection that breaks is replaced at once.
    assert!(apply_until_done(&repository) <= 2);
    assert!(people.iter().all(|address| taken(address).len() == 1), "{:?}", mails(&repository));
}

#[test]
fn a_lost_answer_is_told_and_nothing_is_sent_again_by_itself() {
    let address = "lost-answer-1@example.com";
    let repository = served("implicit", "implicit", &[address]);
    let run = repository.run(["apply", "--yes"]);
    run.ends_with(6).tells("may have arrived").tells(&format!("rollcall invitations resend {address}"));
    assert_eq!(mails(&repository)[0].2, "unknown");
    repository.run(["apply", "--yes"]).ends_with(0).prints("no changes").tells_nothing();
    assert_eq!(taken(address).len(), 1);
    repository.run(["invitations", "list"]).ends_with(0).prints("mail unknown");
    // What arrived lets the person in.
    let first = Read::of(&taken(address)[0]).line_after("Accept the invitation:").to_owned();
    repository.write("token", first.strip_prefix("https://example.com/yes?t=").expect("a link"));
    let input = std::fs::File::open(repository.file("token")).expect("a file");
    assert!(repository.command(["invitations", "accept", "--token"]).stdin(input).status().expect("a run").success());
}

/// What passes of a connection before it is cut, or held so that nothing more comes through and nobody hangs up.
#[derive(Clone, Copy)]
enum Limit {
    None,
    /// So many bytes of the client.
    CutSent(usize),
    /// So many bytes of the server.
    CutAnswered(usize),
    /// So many bytes of the client, and then silence.
    HoldSent(usize),
}

/// How many bytes passed, of the client and of the server.
#[derive(Default)]
struct Passed {
    sent: AtomicUsize,
    answered: AtomicUsize,
}

/// A way to the server whose first connection is limited; its port, and what counts the bytes.
fn way_to(port: u16, limit: Limit) -> (u16, Arc<Passed>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let here = listener.local_addr().expect("a port").port();
    let passed = Arc::new(Passed::default());
    let count = Arc::clone(&passed);
    std::thread::spawn(move || {
        let mut limit = Some(limit);
        for client in listener.incoming() {
            let (limit, count) = (limit.take().unwrap_or(Limit::None), Arc::clone(&count));
            let client = client.expect("a client");
            let server = TcpStream::connect(("127.0.0.1", port)).expect("the server");
            let (sent, answered, holds) = match limit {
                Limit::None => (usize::MAX, usize::MAX, false),
                Limit::CutSent(bytes) => (bytes, usize::MAX, false),
                Limit::CutAnswered(bytes) => (usize::MAX, bytes, false),
                Limit::HoldSent(bytes) => (bytes, usize::MAX, true),
            };
            let (from, to) = (server.try_clone().expect("a stream"), client.try_clone().expect("a stream"));
            let counts = Arc::clone(&count);
            std::thread::spawn(move || pass(from, to, answered, &counts.answered, false));
            std::thread::spawn(move || pass(client, server, sent, &count.sent, holds));
        }
    });
    (here, passed)
}

/// Passes bytes on in one direction until the limit; then both ends see the end, unless it is held.
fn pass(mut from: TcpStream, mut to: TcpStream, limit: usize, count: &AtomicUsize, holds: bool) {
    let mut left = limit;
    let mut buffer = [0; 512];
    while left > 0 {
        let most = buffer.len().min(left);
        match from.read(&mut buffer[..most]) {
            Ok(0) | Err(_) => break,
            Ok(read) => {
                if to.write_all(&buffer[..read]).is_err() {
                    break;
                }
                left -= read;
                count.fetch_add(read, Ordering::SeqCst);
            }
        }
    }
    if left == 0 && holds {
        // What the client still says is heard by nobody.
        while from.read(&mut buffer).is_ok_and(|read| read > 0) {}
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn through(port: u16, people: &[&str]) -> Repository {
    let settings = to_server(port, "none").replace("host: localhost", "host: 127.0.0.1");
    repository(&settings, people)
}

/// The bytes of a whole conversation: of the client, and of the server.
fn whole(address: &str) -> (usize, usize) {
    let (port, passed) = way_to(Server::get().port("plain"), Limit::None);
    through(port, &[address]).run(["apply", "--yes"]).ends_with(0).prints("1 invitation mail sent");
    let (sent, answered) = (passed.sent.load(Ordering::SeqCst), passed.answered.load(Ordering::SeqCst));
    assert!(sent > 500 && answered > 100, "only {sent} and {answered} bytes passed");
    (sent, answered)
}

/// Numbers from 1 to below `whole`, evenly spread.
fn spread(whole: usize, steps: usize) -> impl Iterator<Item = usize> {
    (0..steps).map(move |step| 1 + step * (whole - 2) / (steps - 1))
}

/// The next run hands over what was not taken, and nothing else. Where nobody knows, nothing goes out by itself.
#[track_caller]
fn assert_next_run_hands_over(repository: &Repository, address: &str, may_have_arrived: bool, after: &str) {
    let early = taken(address).len();
    assert!(early <= usize::from(may_have_arrived), "{after}: taken though nobody could think so");
    if !may_have_arrived {
        repository.run(["apply", "--yes"]).ends_with(0).prints("1 invitation mail sent");
        assert_eq!(taken(address).len(), 1, "{after}");
    }
    repository.run(["apply", "--yes"]).ends_with(0).prints("no changes").tells_nothing();
    assert_eq!(super::mails(repository)[0].2, if may_have_arrived { "unknown" } else { "sent" }, "{after}");
    assert_eq!(taken(address).len(), early + usize::from(!may_have_arrived), "{after}");
}

#[test]
fn cut_anywhere_in_what_is_sent_the_next_apply_hands_over() {
    let (sent, _) = whole("cut-whole-1@example.com");
    let mut waited = 0;
    for bytes in spread(sent, 10) {
        let address = format!("cut-sent-{bytes}@example.com");
        let (port, _) = way_to(Server::get().port("plain"), Limit::CutSent(bytes));
        let repository = through(port, &[&address]);
        let run = repository.run(["apply", "--yes"]);
        if run.code == Some(0) {
            // Only the good-bye was cut.
            assert_eq!(taken(&address).len(), 1, "{bytes}: {run}");
            continue;
        }
        run.ends_with(6);
        waited += 1;
        let may_have_arrived = run.err.contains("may have arrived");
        assert_next_run_hands_over(&repository, &address, may_have_arrived, &format!("{bytes}: {run}"));
    }
    assert!(waited >= 8, "only {waited} runs were cut before the end");
}

#[test]
fn cut_anywhere_in_what_is_answered_the_next_apply_hands_over() {
    let (_, answered) = whole("cut-whole-2@example.com");
    let (mut waited, mut arrived) = (0, 0);
    // The answer to the mail is short: each of its bytes is a place of its own.
    let places: BTreeSet<usize> = spread(answered, 6).chain(answered - 19..answered - 8).collect();
    for bytes in places {
        let address = format!("cut-answered-{bytes}@example.com");
        let (port, _) = way_to(Server::get().port("plain"), Limit::CutAnswered(bytes));
        let repository = through(port, &[&address]);
        let run = repository.run(["apply", "--yes"]);
        if run.code == Some(0) {
            assert_eq!(taken(&address).len(), 1, "{bytes}: {run}");
            continue;
        }
        run.ends_with(6);
        waited += 1;
        arrived += taken(&address).len();
        let may_have_arrived = run.err.contains("may have arrived");
        assert_next_run_hands_over(&repository, &address, may_have_arrived, &format!("{bytes}: {run}"));
    }
    assert!(waited >= 8 && arrived >= 1, "{waited} runs were cut, and {arrived} mails arrived all the same");
}

#[test]
fn killed_while_it_speaks_to_the_server_the_next_apply_tells_it_and_sends_nothing_again() {
    let (sent, _) = whole("kill-whole@example.com");
    let server = Server::get().port("plain");
    for bytes in spread(sent - 10, 6) {
        let address = format!("killed-{bytes}@example.com");
        let (port, passed) = way_to(server, Limit::HoldSent(bytes));
        let repository = through(port, &[&address]);
        let mut run = speaking(&repository, &passed, bytes);
        run.kill().expect("a run that can be killed");
        run.wait().expect("an end");
        // The mail was written when the invitation was, so it is there to be handed over.
        assert_eq!(mails(&repository)[0].2, "begun", "{bytes}");
        let told = format!("nobody knows whether {address} got the invitation mail");
        repository.run(["apply", "--yes"]).ends_with(6).tells(&told);
        assert_next_run_hands_over(&repository, &address, true, &format!("killed after {bytes} bytes"));
        // Somebody who asked, and heard that nothing came.
        repository.run(["invitations", "resend", &address, "--yes"]).ends_with(0);
        assert_eq!(taken(&address).len(), 1, "{bytes}");
    }
}

/// A run that has said so many bytes to the server.
fn speaking(repository: &Repository, passed: &Passed, bytes: usize) -> Child {
    let mut command = repository.command(["apply", "--yes"]);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a run");
    let start = Instant::now();
    while passed.sent.load(Ordering::SeqCst) < bytes {
        assert!(start.elapsed() < Duration::from_mins(1), "{bytes}: nothing is said");
        std::thread::sleep(Duration::from_millis(5));
    }
    run
}

#[test]
fn ctrl_c_ends_after_the_mail_in_hand_and_the_next_apply_hands_over() {
    let people = ["stopped-1@example.com", "stopped-2@example.com"];
    let (port, passed) = way_to(Server::get().port("plain"), Limit::HoldSent(40));
    let repository = through(port, &people);
    repository.edit("rollcall.yaml", "timeout: 10s", "timeout: 3s");
    let run = speaking(&repository, &passed, 40);
    let signalled = Command::new("kill").args(["-INT", &run.id().to_string()]).status().expect("kill");
    assert!(signalled.success());
    let output = run.wait_with_output().expect("an end");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{told}");
    assert!(told.contains("the run was interrupted") && told.contains("run apply again to go on"), "{told}");
    assert!(people.iter().all(|address| taken(address).is_empty()), "{told}");
    repository.run(["apply", "--yes"]).ends_with(0).prints("2 invitation mails sent");
    assert!(people.iter().all(|address| taken(address).len() == 1));
}
