//! The folder that takes mails where no server is named, and which invitations have a mail.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::server::{Read, files_that_end_in};
use super::{declare, eml, mails, repository};
use crate::support::cli::Repository;

const BOX: &str = ".rollcall/outbox";

fn outbox(repository: &Repository) -> Vec<Vec<u8>> {
    eml(&repository.file(BOX))
}

#[test]
fn without_a_word_about_mail_files_are_written_for_their_owner_only() {
    let repository = repository("", &["ana@example.com", "ben@example.com"]);
    let run = repository.run(["apply", "--yes"]);
    run.ends_with(0).prints("2 invitation mails written to .rollcall/outbox");
    let store: String = repository.store().query_row("SELECT store_id FROM meta", [], |row| row.get(0)).expect("an id");
    let files = files_that_end_in(&repository.file(BOX), "");
    let names: Vec<_> = files.iter().map(|path| path.file_name().expect("a name").to_string_lossy()).collect();
    assert_eq!(names, [format!("invitation-1-{store}.eml"), format!("invitation-2-{store}.eml")]);
    for path in files.iter().map(PathBuf::as_path).chain([repository.file(BOX).as_path()]) {
        let mode = fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path:?} {mode:o}");
    }
    let to: Vec<String> = outbox(&repository).iter().map(|mail| Read::of(mail).header("To")).collect();
    assert_eq!(to, ["ana@example.com", "ben@example.com"]);
    // Law 1, and never twice for one reason.
    repository.run(["apply", "--yes"]).ends_with(0).prints("no changes").tells_nothing();
    assert_eq!(outbox(&repository).len(), 2);
}

#[test]
fn held_back_invitations_have_no_mail_until_they_are_sent() {
    let repository = repository("", &[]);
    let users = |status: &str| {
        let text = format!(
            "organizations: {{ works: {{}} }}\nroles: {{ member: {{}} }}\nusers:\n  ana@example.com: {{ {status}access: {{ works: member }} }}\n"
        );
        repository.write("access/all.yaml", &text);
    };
    users("status: preloaded, ");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert!(outbox(&repository).is_empty());
    assert_eq!(mails(&repository)[0].1, "suppressed");
    users("");
    repository.run(["apply", "--yes"]).ends_with(0).prints("1 done");
    assert_eq!(outbox(&repository).len(), 1);
    assert_eq!(mails(&repository), [("ana@example.com".to_owned(), "pending".to_owned(), "sent".to_owned())]);
}

#[test]
fn sending_again_is_another_mail_and_cancelling_is_none() {
    let repository = repository("", &["ana@example.com"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository
        .run(["invitations", "resend", "ana@example.com", "--yes"])
        .ends_with(0)
        .prints("1 invitation mail written");
    let ids: Vec<String> = outbox(&repository).iter().map(|mail| Read::of(mail).header("Message-ID")).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    repository.run(["invitations", "cancel", "ana@example.com", "--yes"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0).prints("no changes");
    assert_eq!(outbox(&repository).len(), 2);
}

#[test]
fn what_could_not_be_written_goes_out_with_the_next_apply() {
    let repository = repository("", &["ana@example.com", "ben@example.com"]);
    repository.write(BOX, "no folder\n");
    let run = repository.run(["apply", "--yes"]);
    run.ends_with(6).tells("2 invitation mails wait for the next apply (ana@example.com, ben@example.com)");
    repository.run(["plan"]).ends_with(0).prints("no changes").tells("mails that the next apply hands over: 2");
    repository.run(["apply", "--yes"]).ends_with(1).tells("2 invitation mails wait");
    repository.run(["invitations", "list"]).ends_with(0).prints("pending");
    fs::remove_file(repository.file(BOX)).expect("removed");
    repository.run(["apply", "--yes"]).ends_with(0).prints("no changes").prints("2 invitation mails written");
    assert_eq!(outbox(&repository).len(), 2);
    repository.run(["apply", "--yes"]).ends_with(0).tells_nothing();
}

#[test]
fn a_mail_that_waits_is_withdrawn_with_its_invitation() {
    let repository = repository("", &["ana@example.com", "ben@example.com", "kim@example.com", "li@example.com"]);
    repository.write(BOX, "no folder\n");
    repository.run(["apply", "--yes"]).ends_with(6);
    fs::remove_file(repository.file(BOX)).expect("removed");
    repository.run(["invitations", "cancel", "ana@example.com", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
    repository.sql("UPDATE invitations SET ends = '2026-01-01T00:00:00Z' WHERE user_key = 'kim@example.com'");
    repository.run(["apply", "--yes"]).ends_with(0).prints("1 invitation mail written");
    let states: Vec<(String, String)> = mails(&repository).into_iter().map(|(key, _, mail)| (key, mail)).collect();
    let expected = [("ana", "withdrawn"), ("ben", "withdrawn"), ("kim", "withdrawn"), ("li", "sent")];
    assert_eq!(states, expected.map(|(key, mail)| (format!("{key}@example.com"), mail.to_owned())));
    assert_eq!(outbox(&repository).len(), 1);
}

#[test]
fn a_file_that_lies_there_already_is_left_as_it_is() {
    let repository = repository("", &["ana@example.com"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    let path = files_that_end_in(&repository.file(BOX), ".eml").remove(0);
    fs::write(&path, "as it was\n").expect("written");
    // As after a kill between the file and the note in the store.
    repository.sql("UPDATE invitation_mails SET state = 'waiting'");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(fs::read_to_string(path).expect("a file"), "as it was\n");
    assert_eq!(mails(&repository)[0].2, "sent");
}

#[test]
fn a_hostile_row_is_a_name_in_a_mail_and_nothing_else() {
    let repository = repository("", &["ana@example.com"]);
    repository.write(BOX, "no folder\n");
    repository.run(["apply", "--yes"]).ends_with(6);
    repository.sql(
        "UPDATE users SET given_name = char(13, 10) || 'Bcc: eve@example.com' || char(13, 10), family_name = '=cmd()', \
         language = 'fr'; UPDATE organizations SET display_name = char(8238) || 'lives' || char(27) || '[2J'",
    );
    fs::remove_file(repository.file(BOX)).expect("removed");
    repository.run(["apply", "--yes"]).ends_with(0).prints("no changes");
    let read = Read::of(&outbox(&repository).remove(0));
    assert_eq!(read.header("To"), "\"Bcc: eve@example.com =cmd()\" <ana@example.com>");
    assert!(read.header("Subject").starts_with("Invitation à rejoindre lives"), "{read:?}");
    assert!(!read.text().contains(['\u{202e}', '\u{1b}']), "{read:?}");
    assert!(read.document["headers"].as_array().expect("headers").iter().all(|header| header[0] != "Bcc"), "{read:?}");
}

#[test]
fn a_store_that_was_made_before_there_were_mails_takes_them() {
    let repository = repository("", &["ana@example.com"]);
    repository.sql("DROP TABLE invitation_tokens; DROP TABLE invitation_mails");
    repository.run(["invitations", "list"]).ends_with(0);
    repository.run(["plan"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0).prints("1 invitation mail written");
    assert_eq!(mails(&repository)[0].2, "sent");
}

#[test]
fn rules_that_send_no_mail_send_none() {
    let repository = repository("", &["ana@example.com"]);
    let rules = "path: .rollcall/store.db }, rules: { extends: default, mail: { invite_user: false } }";
    repository.edit("rollcall.yaml", "path: .rollcall/store.db }", rules);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert!(outbox(&repository).is_empty());
    assert_eq!(mails(&repository), [("ana@example.com".to_owned(), "pending".to_owned(), "-".to_owned())]);
}

#[test]
fn the_report_names_each_mail() {
    let repository = repository("", &["ana@example.com"]);
    let report = repository.run(["apply", "--yes", "--format", "json"]).ends_with(0).json();
    assert_eq!(
        report["mails"],
        serde_json::json!([{ "user": "ana@example.com", "about": "invitation", "outcome": "sent", "detail": null }])
    );
    assert_eq!(report["verdict"], "complete");
    declare(&repository, &["ana@example.com", "ben@example.com"]);
    fs::rename(repository.file(BOX), repository.file("aside")).expect("moved");
    repository.write(BOX, "no folder\n");
    let report = repository.run(["apply", "--yes", "--format", "json"]).ends_with(6).json();
    assert_eq!(
        (&report["mails"][0]["user"], &report["mails"][0]["outcome"]),
        (&"ben@example.com".into(), &"waiting".into())
    );
    assert_eq!(report["verdict"], "partial");
    assert_eq!(report["counts"], serde_json::json!({ "done": 1 }));
}
