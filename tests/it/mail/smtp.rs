//! A mail server that does what it should, or says what it does not.

use super::server::{Read, Server};
use super::{mails, served, to_server};
use crate::support::cli::{Repository, Run};

fn taken(address: &str) -> Vec<Vec<u8>> {
    Server::get().taken(address)
}

fn apply(repository: &Repository) -> Run {
    repository.run(["apply", "--yes"])
}

/// Answers with the token of a mail, as a page behind the link would.
fn answer(repository: &Repository, answer: &str, token: &str) -> Run {
    repository.write("token", &format!("{token}\n"));
    let input = std::fs::File::open(repository.file("token")).expect("a file");
    Run::of(repository.command(["invitations", answer, "--token"]).stdin(input))
}

fn token(mail: &[u8]) -> String {
    let read = Read::of(mail);
    read.line_after("Accept the invitation:").strip_prefix("https://example.com/yes?t=").expect("a link").to_owned()
}

#[test]
fn mails_go_out_over_both_kinds_of_encryption_with_a_log_in() {
    for (port, tls) in [("implicit", "implicit"), ("starttls", "starttls")] {
        let people = [format!("ana-{tls}@example.com"), format!("zoé-{tls}@example.com")];
        let repository = served(port, tls, &[&people[0], &people[1]]);
        let run = Run::of(&mut repository.command(["apply", "--yes", "-v", "-v"]));
        run.ends_with(0).prints("2 invitation mails sent to localhost");
        assert!(!run.err.contains("correct horse") && !run.out.contains("correct horse"), "{run}");
        for address in &people {
            let mails = taken(address);
            assert_eq!(mails.len(), 1, "{address}");
            let read = Read::of(&mails[0]);
            assert_eq!(read.header("To"), *address);
            assert_eq!(read.header("From"), "Access desk <access@example.com>");
        }
        apply(&repository).ends_with(0).prints("no changes").tells_nothing();
        assert_eq!(taken(&people[0]).len(), 1);
        for file in [".rollcall/store.db", ".rollcall/journal-local.jsonl"] {
            let bytes = std::fs::read(repository.file(file)).expect("a file");
            let token = token(&taken(&people[0])[0]);
            for secret in ["correct horse", &token] {
                assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{file} holds a secret");
            }
        }
    }
}

#[test]
fn a_hundred_mails_go_out_on_one_connection() {
    let people: Vec<String> = (0..100).map(|number| format!("crowd-{number}@example.com")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let repository = served("implicit", "implicit", &people);
    apply(&repository).ends_with(0).prints("100 invitation mails sent");
    assert!(people.iter().all(|address| taken(address).len() == 1));
}

#[test]
fn a_token_answers_the_invitation_that_it_came_with() {
    let repository = served("implicit", "implicit", &["tok-ana@example.com", "tok-ben@example.com"]);
    apply(&repository).ends_with(0);
    let ana = token(&taken("tok-ana@example.com")[0]);
    assert_eq!(ana.len(), 64);
    for wrong in ["", "0", &ana[1..], "' OR 1=1 --"] {
        answer(&repository, "accept", wrong).ends_with(1).tells("no invitation has this token");
    }
    answer(&repository, "accept", &ana).ends_with(0).prints("tok-ana@example.com accepted the invitation");
    assert_eq!(mails(&repository)[0].1, "accepted");
    let ben = token(&taken("tok-ben@example.com")[0]);
    repository.run(["invitations", "resend", "tok-ben@example.com", "--yes"]).ends_with(0);
    answer(&repository, "accept", &ben).ends_with(1).tells("another invitation of `tok-ben@example.com`");
    let again = token(&taken("tok-ben@example.com")[1]);
    assert_ne!(ben, again);
    answer(&repository, "decline", &again).ends_with(0);
    assert_eq!(mails(&repository)[2].1, "declined");
    repository.run(["invitations", "accept", "--token", "tok-ben@example.com"]).ends_with(3);
    repository.run(["invitations", "accept"]).ends_with(3);
}

#[test]
fn a_refusal_is_told_once_and_not_tried_again() {
    for (address, why) in [("nobody-1@example.com", "no such mailbox"), ("spam-1@example.com", "looks like spam")] {
        let fine = format!("fine-{address}");
        let repository = served("implicit", "implicit", &[address, &fine]);
        let run = apply(&repository);
        run.ends_with(6).tells(&format!("mail to {address} was refused for good")).tells(why).prints("4 done");
        run.tells(&format!("rollcall invitations resend {address}"));
        assert_eq!(taken(&fine).len(), 1, "one failure is one failure");
        apply(&repository).ends_with(0).prints("no changes").tells_nothing();
        repository.run(["invitations", "list"]).ends_with(0).prints("mail refused").prints(why);
        repository.run(["invitations", "resend", address, "--yes"]).ends_with(6).tells("refused for good");
        assert!(taken(address).is_empty());
    }
}

/// Some servers end the connection with a refusal; whoever comes next on it is not to blame.
#[test]
fn a_refusal_that_ends_the_connection_costs_nobody_else_the_mail() {
    let (refused, fine) = ("hangs-up-1@example.com", ["next-hangs-up@example.com", "other-hangs-up@example.com"]);
    let repository = served("implicit", "implicit", &[refused, fine[0], fine[1]]);
    apply(&repository).ends_with(6).tells(&format!("mail to {refused} was refused for good"));
    assert!(fine.iter().all(|address| taken(address).len() == 1), "{:?}", mails(&repository));
}

/// A mail that a server took is not reported as one that waits, where the store can't be told of it.
#[test]
fn what_went_out_and_can_not_be_noted_is_not_said_to_wait() {
    let address = "unnoted-1@example.com";
    let repository = served("implicit", "implicit", &[address, "unnoted-2@example.com"]);
    repository.sql(
        "CREATE TRIGGER broken BEFORE UPDATE ON invitation_mails WHEN NEW.state = 'sent' \
         BEGIN SELECT RAISE(ABORT, 'a disk that fails'); END",
    );
    let run = apply(&repository);
    run.ends_with(6).tells(&format!("nobody knows whether {address} got the invitation mail: the server took it"));
    run.tells("a disk that fails").tells("1 invitation mail waits for the next apply (unnoted-2@example.com)");
    assert_eq!(taken(address).len(), 1);
    assert!(taken("unnoted-2@example.com").is_empty());
    repository.sql("DROP TRIGGER broken");
    // What was said of it holds: it is not sent again by itself.
    let run = repository.run(["apply", "--yes", "--format", "json"]);
    assert_eq!(run.ends_with(6).json()["mails"][0]["outcome"], "unknown");
    assert_eq!(taken(address).len(), 1);
    assert_eq!(taken("unnoted-2@example.com").len(), 1);
}

/// A pipe in the place of a secret holds nobody up: not the run, and not whoever wants to end it.
#[test]
fn a_pipe_is_no_secret() {
    let address = "pipe-1@example.com";
    let repository = served("implicit", "implicit", &[address]);
    std::fs::remove_file(repository.file("password")).expect("removed");
    nix::unistd::mkfifo(&repository.file("password"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    apply(&repository).ends_with(6).tells("the file `password` yields no secret: it is no file");
    std::fs::remove_file(repository.file("password")).expect("removed");
    heals_after(&repository, address);
}

/// A run that has nothing but a mail to hand over has written where the server took it.
#[test]
fn a_run_of_one_mail_that_can_not_be_noted_has_written() {
    let repository = served("starttls", "starttls", &["busy-unnoted@example.com"]);
    apply(&repository).ends_with(6).tells("waits for the next apply");
    repository.sql(
        "CREATE TRIGGER broken BEFORE UPDATE ON invitation_mails WHEN NEW.state = 'sent' \
         BEGIN SELECT RAISE(ABORT, 'a disk that fails'); END",
    );
    apply(&repository).ends_with(6).tells("nobody knows whether");
    assert_eq!(taken("busy-unnoted@example.com").len(), 1);
}

#[test]
fn what_the_server_can_not_take_now_waits_for_the_next_apply() {
    let repository = served("starttls", "starttls", &["busy-1@example.com", "fine-busy@example.com"]);
    let run = apply(&repository);
    run.ends_with(6).tells("1 invitation mail waits for the next apply (busy-1@example.com)").tells("try again later");
    assert_eq!(taken("fine-busy@example.com").len(), 1);
    assert_eq!(mails(&repository)[0].2, "waiting");
    repository.run(["invitations", "list"]).ends_with(0).prints("mail waiting");
    apply(&repository).ends_with(0).prints("no changes").prints("1 invitation mail sent");
    assert_eq!(taken("busy-1@example.com").len(), 1);
    apply(&repository).ends_with(0).tells_nothing();
}

/// Settings that do not hold: nothing goes out, the invitations are made, and the next apply hands over.
#[track_caller]
fn heals(repository: &Repository, address: &str, why: &str) {
    let run = apply(repository);
    run.ends_with(6).tells("1 invitation mail waits").tells(why);
    assert!(!run.err.contains("correct horse"), "{run}");
    apply(repository).ends_with(1).tells(why);
    assert!(taken(address).is_empty());
    let settings = repository.read("rollcall.yaml");
    let (kept, _) = settings.split_once("mail:\n").expect("mail");
    repository.write("rollcall.yaml", &format!("{kept}{}", to_server(Server::get().port("implicit"), "implicit")));
    repository.write("password", "correct horse\n");
    apply(repository).ends_with(0).prints("1 invitation mail sent");
    assert_eq!(taken(address).len(), 1);
}

#[test]
fn a_certificate_that_nobody_vouches_for_gets_no_mail() {
    heals(&served("other_ca", "implicit", &["tls-1@example.com"]), "tls-1@example.com", "certificate");
    heals(&served("other_name", "implicit", &["tls-2@example.com"]), "tls-2@example.com", "certificate");
    heals(&served("other_ca_starttls", "starttls", &["tls-3@example.com"]), "tls-3@example.com", "certificate");
}

#[test]
fn a_server_that_does_not_encrypt_gets_neither_password_nor_mail() {
    let repository = served("plain", "starttls", &["tls-4@example.com"]);
    heals(&repository, "tls-4@example.com", "does not encrypt the connection");
}

#[test]
fn a_wrong_password_and_one_that_is_not_there_are_told_without_it() {
    let repository = served("implicit", "implicit", &["login-1@example.com"]);
    repository.write("password", "wrong horse\n");
    let run = apply(&repository);
    run.ends_with(6).tells("does not let us log in").tells("535");
    assert!(!run.err.contains("wrong horse"), "{run}");
    heals_after(&repository, "login-1@example.com");
    let repository = served("implicit", "implicit", &["login-2@example.com"]);
    std::fs::remove_file(repository.file("password")).expect("removed");
    apply(&repository).ends_with(6).tells("the password for the mail server is not there: the file `password`");
    heals_after(&repository, "login-2@example.com");
}

#[track_caller]
fn heals_after(repository: &Repository, address: &str) {
    repository.write("password", "correct horse\n");
    apply(repository).ends_with(0).prints("1 invitation mail sent");
    assert_eq!(taken(address).len(), 1);
}

#[test]
fn a_server_that_is_not_there_or_hangs_up_keeps_nobody_from_being_invited() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port();
    let repository = super::repository(&to_server(free, "implicit"), &["down-1@example.com"]);
    repository.write("password", "correct horse\n");
    heals(&repository, "down-1@example.com", "can't be reached");
    for tls in ["implicit", "starttls"] {
        let address = format!("down-{tls}@example.com");
        heals(&served("closing", tls, &[&address]), &address, "can't be reached");
    }
}

#[test]
fn a_sender_that_the_server_does_not_know_is_nobody_elses_fault() {
    let repository = served("implicit", "implicit", &["sender-1@example.com", "sender-2@example.com"]);
    repository.edit("rollcall.yaml", "access@example.com", "refused-sender@example.com");
    let run = apply(&repository);
    run.ends_with(6).tells("2 invitation mails wait").tells("takes no mail from the sender").tells("you may not send");
    repository.edit("rollcall.yaml", "refused-sender@example.com", "access@example.com");
    apply(&repository).ends_with(0).prints("2 invitation mails sent");
}

#[test]
fn a_lock_out_waits_for_no_mail_server() {
    let repository = served("closing", "implicit", &["out-1@example.com", "out-2@example.com"]);
    apply(&repository).ends_with(6);
    let run = repository.run(["deactivate", "out-1@example.com", "--yes"]);
    run.ends_with(0).prints("invitation cancelled");
    assert!(!run.err.contains("mail"), "{run}");
}

#[test]
fn resending_waits_for_no_mail_to_others() {
    let repository = served("implicit", "implicit", &["busy-r1@example.com", "re-r1@example.com"]);
    apply(&repository).ends_with(6);
    repository
        .run(["invitations", "resend", "RE-r1@example.com", "--yes"])
        .ends_with(0)
        .prints("1 invitation mail sent");
    assert_eq!((taken("re-r1@example.com").len(), taken("busy-r1@example.com").len()), (2, 0));
    apply(&repository).ends_with(0).prints("1 invitation mail sent");
}
