//! Mails about resets of passwords: queued with the reset, handed over like those about invitations, and never twice for
//! one reset.

use super::server::{Read, Server, files_that_end_in};
use super::{eml, to_server};
use crate::support::cli::{Repository, Run};

const BOX: &str = ".rollcall/outbox";

/// A store in which people choose their own passwords, with these people, active, with this language.
fn repository(mail: &str, people: &[(&str, &str)]) -> Repository {
    let repository = Repository::empty();
    let rules = "{ extends: default, password: { set_by: [person], reset_all: active, rotation: 6mo } }";
    repository.write(
        "rollcall.yaml",
        &format!(
            "version: 1\ntime_zone: Europe/Paris\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}\n\
             manage: {{ absent_users: report }}\n{mail}"
        ),
    );
    let lines: Vec<String> = people.iter().map(|(key, _)| format!("  {key}: {{ access: {{}} }}\n")).collect();
    repository.write("access/all.yaml", &format!("users:\n{}", lines.concat()));
    repository.run(["init"]).ends_with(0);
    for (key, language) in people {
        repository.sql(&format!(
            "INSERT INTO users (key, status, given_name, language, created_at, activated_at)
             VALUES ('{key}', 'active', 'Zoé', '{language}', '2026-08-31T09:00:00Z', '2026-08-31T09:00:00Z')"
        ));
    }
    repository
}

fn reset(repository: &Repository, key: &str) -> Run {
    repository.run(["reset-password", key, "--yes"])
}

fn outbox(repository: &Repository) -> Vec<Read> {
    eml(&repository.file(BOX)).iter().map(|mail| Read::of(mail)).collect()
}

/// What became of each mail in the store.
fn states(repository: &Repository) -> Vec<String> {
    let store = repository.store();
    let mut statement = store.prepare("SELECT state FROM reset_mails ORDER BY id").expect("a table");
    statement.query_map([], |row| row.get(0)).expect("rows").map(|row| row.expect("a text")).collect()
}

/// ACT-7: a mail is sent, in the language of the person, once for each reset, and no secret is in it.
#[test]
fn act_7_a_reset_sends_a_mail_once() {
    let links = "mail: { from: access@example.com, links: { accept: 'https://example.com/yes?t={token}', \
                 password: 'https://example.com/forgotten?u={key}' } }\n";
    let repository = repository(links, &[("zoe@example.com", "fr"), ("li@example.com", "en")]);
    let run = reset(&repository, "zoe@example.com");
    run.ends_with(0).prints("zoe@example.com: password reset").prints("1 password mail written to .rollcall/outbox");
    run.tells("a mail tells how to choose another one");
    let mails = outbox(&repository);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].header("To"), "Zoé <zoe@example.com>");
    assert_eq!(mails[0].header("Subject"), "Votre mot de passe a été réinitialisé");
    assert_eq!(
        mails[0].line_after("Choisissez-en un autre ici :"),
        "https://example.com/forgotten?u=zoe%40example.com"
    );
    let names = files_that_end_in(&repository.file(BOX), ".eml");
    assert!(names[0].file_name().is_some_and(|name| name.to_string_lossy().starts_with("reset-1-")), "{names:?}");
    // Never twice for one reason, and a reset is none of an apply's actions.
    repository.run(["apply", "--yes"]).ends_with(0).prints("no changes");
    assert_eq!(outbox(&repository).len(), 1);
    // Another reset is another reason.
    let document = repository.run(["reset-password", "--all-active", "--yes", "--format", "json"]).ends_with(0).json();
    assert_eq!(
        document["mails"],
        serde_json::json!([
            { "user": "li@example.com", "about": "password", "outcome": "sent", "detail": null },
            { "user": "zoe@example.com", "about": "password", "outcome": "sent", "detail": null },
        ])
    );
    let ids: std::collections::BTreeSet<String> =
        outbox(&repository).iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 3);
    assert!(outbox(&repository).iter().any(|mail| mail.text().starts_with("Hello Zoé")));
}

/// ACT-7: whoever is left out of a reset of everybody is named until somebody does it, and nobody is told twice.
#[test]
fn act_7_who_is_left_out_of_a_reset_of_all_is_named_and_can_be_done_alone() {
    let repository = repository("", &[("ana@example.com", "en"), ("li@example.com", "en"), ("zoe@example.com", "fr")]);
    // The store can't do one of them.
    repository.sql(
        "CREATE TRIGGER not_li BEFORE INSERT ON credentials \
         WHEN NEW.user_id = (SELECT id FROM users WHERE key = 'li@example.com') \
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    let all = ["reset-password", "--all-active", "--yes"];
    let go_on = "rollcall reset-password --left-out";
    repository.run(all).ends_with(6).prints("li@example.com: refused").tells(go_on);
    assert_eq!(outbox(&repository).len(), 2);
    let left_out = "has not reached 1 person: li@example.com";
    for command in [&["plan"][..], &["apply", "--yes"], &["plan", "--format", "json"]] {
        let run = repository.run(command);
        run.ends_with(0);
        assert!(run.all().contains("reset-cut-short") && run.all().contains(left_out), "{run}");
    }
    // Whoever was reached is not told again by doing the same once more.
    repository.run(all).ends_with(3).tells(left_out).tells(go_on).tells("--anew");
    repository.run(["reset-password", "--left-out", "--all-active", "--yes"]).ends_with(3);
    repository.run(["reset-password", "--left-out", "--yes"]).ends_with(1).prints("li@example.com: refused");
    repository.sql("DROP TRIGGER not_li");
    // A rename in between is followed.
    repository.edit(
        "access/all.yaml",
        "li@example.com: { access",
        "li.wei@example.com: { previously: li@example.com, access",
    );
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).tells("has not reached 1 person: li.wei@example.com");
    let run = repository.run(["reset-password", "--left-out", "--yes"]);
    run.ends_with(0).prints("li.wei@example.com: password reset").tells("the password of li.wei@example.com");
    assert_eq!(outbox(&repository).len(), 3);
    let run = repository.run(["plan"]);
    assert!(!run.all().contains("has not reached"), "{run}");
    repository.run(["reset-password", "--left-out", "--yes"]).ends_with(0).prints("no password is reset");
    // Another reason is another reset of all.
    repository.run(all).ends_with(0);
    assert_eq!(outbox(&repository).len(), 6);
}

/// Who was left out is followed by the store's id where somebody changes the key by hand, and keeps no old password.
#[test]
fn who_was_left_out_of_a_reset_of_all_is_known_under_a_key_that_was_changed_by_hand() {
    let repository = repository("", &[("ana@example.com", "en"), ("li@example.com", "en")]);
    repository.sql(
        "CREATE TRIGGER not_li BEFORE INSERT ON credentials \
         WHEN NEW.user_id = (SELECT id FROM users WHERE key = 'li@example.com') \
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    repository.run(["reset-password", "--all-active", "--yes"]).ends_with(6).prints("li@example.com: refused");
    repository.sql("DROP TRIGGER not_li; UPDATE users SET key = 'li.wei@example.com' WHERE key = 'li@example.com'");
    repository.edit("access/all.yaml", "li@example.com", "li.wei@example.com");
    repository.run(["plan"]).ends_with(0).tells("has not reached 1 person: li.wei@example.com");
    let run = repository.run(["reset-password", "--left-out", "--yes"]);
    run.ends_with(0).prints("li.wei@example.com: password reset");
    assert_eq!(outbox(&repository).len(), 2);
    let run = repository.run(["plan"]);
    assert!(!run.all().contains("has not reached"), "{run}");
}

#[test]
fn who_was_left_out_and_has_another_password_or_is_out_is_due_no_more() {
    let repository = repository("", &[("ana@example.com", "en"), ("li@example.com", "en"), ("zoe@example.com", "fr")]);
    repository
        .sql("CREATE TRIGGER nobody BEFORE INSERT ON credentials BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
    let run = repository.run(["reset-password", "--all-active", "--yes"]);
    assert_ne!(run.code, Some(0), "{run}");
    repository.sql("DROP TRIGGER nobody; UPDATE users SET status = 'inactive' WHERE key = 'ana@example.com'");
    repository.run(["plan"]).tells("has not reached 2 people: li@example.com, zoe@example.com");
    reset(&repository, "li@example.com").ends_with(0);
    repository.run(["plan"]).tells("has not reached 1 person: zoe@example.com");
    // Everybody once more, if that is meant.
    repository.run(["reset-password", "--all-active", "--yes"]).ends_with(3);
    repository.run(["reset-password", "--all-active", "--anew", "--yes"]).ends_with(0);
    assert_eq!(outbox(&repository).len(), 3);
    // Whoever comes back with the old password is told then.
    repository.sql("UPDATE users SET status = 'active' WHERE key = 'ana@example.com'");
    let run = repository.run(["plan"]);
    assert!(!run.all().contains("has not reached"), "a later reset of all counts: {run}");
}

#[test]
fn a_reset_mail_that_could_not_be_written_goes_out_with_the_next_apply_and_only_the_newest_does() {
    let repository = repository("", &[("zoe@example.com", "fr"), ("li@example.com", "en"), ("kim@example.com", "en")]);
    repository.write(BOX, "no folder\n");
    reset(&repository, "zoe@example.com")
        .ends_with(6)
        .tells("1 password mail waits for the next apply (zoe@example.com)");
    reset(&repository, "zoe@example.com").ends_with(6);
    reset(&repository, "li@example.com").ends_with(6);
    reset(&repository, "kim@example.com").ends_with(6);
    assert_eq!(states(&repository), ["withdrawn", "waiting", "waiting", "waiting"]);
    // None of them is about an invitation.
    let run = repository.run(["plan"]);
    run.ends_with(0).tells("mails that the next apply hands over: 3");
    assert!(!run.all().contains("invitation mails"), "{run}");
    // Where mails are listed they are, too.
    let run = repository.run(["invitations", "list"]);
    run.ends_with(0).prints("zoe@example.com").prints("kim@example.com").prints("reset").prints("mail waiting");
    let listed = repository.run(["invitations", "list", "--format", "json"]).ends_with(0).json();
    let about = |one: &serde_json::Value| {
        [&one["user"], &one["about"], &one["state"], &one["mail"]["state"]].map(ToString::to_string).join(" ")
    };
    assert!(
        listed
            .as_array()
            .expect("a list")
            .iter()
            .any(|one| about(one) == "\"li@example.com\" \"password\" \"reset\" \"waiting\""),
        "{listed}"
    );
    // Whoever is locked out meanwhile, or has chosen another password, is not told to choose one.
    repository.sql(
        "UPDATE users SET status = 'inactive' WHERE key = 'li@example.com';
         DELETE FROM credentials WHERE user_id = (SELECT id FROM users WHERE key = 'kim@example.com')",
    );
    std::fs::remove_file(repository.file(BOX)).expect("removed");
    repository.run(["apply", "--yes"]).ends_with(0).prints("1 password mail written to .rollcall/outbox");
    assert_eq!(states(&repository), ["withdrawn", "sent", "withdrawn", "withdrawn"]);
    repository.run(["apply", "--yes"]).ends_with(0).prints("no changes");
    assert_eq!(outbox(&repository).len(), 1);
}

/// The same on a server, also where its answer is lost: then nobody knows, and nothing is sent again by itself.
#[test]
fn a_reset_mail_reaches_the_server_once() {
    let (taken, lost, cut) = ("reset-1@example.com", "lost-answer-9@example.com", "cut-data-9@example.com");
    let repository =
        repository(&to_server(Server::get().port("implicit"), "implicit"), &[(taken, "fr"), (lost, "en"), (cut, "en")]);
    repository.write("password", "correct horse\n");
    reset(&repository, taken).ends_with(0).prints("1 password mail sent to localhost");
    assert_eq!(Server::get().taken(taken).len(), 1);
    let run = reset(&repository, lost);
    run.ends_with(6).tells(&format!("nobody knows whether {lost} got the password mail"));
    run.tells(&format!("rollcall reset-password {lost}"));
    reset(&repository, cut).ends_with(6).tells("broke before the mail was handed over");
    repository.run(["apply", "--yes"]).ends_with(0).prints("1 password mail sent to localhost");
    assert_eq!([taken, lost, cut].map(|address| Server::get().taken(address).len()), [1, 1, 1]);
    assert_eq!(states(&repository), ["sent", "unknown", "sent"]);
}

/// A policy in months of the calendar, in the time zone of the settings, at any time that is asked for.
#[test]
fn a_policy_in_months_says_who_is_due_at_a_time() {
    let repository = repository("", &[("zoe@example.com", "fr")]);
    let due = |at: &str| {
        let plan = repository.run(["plan", "--format", "json", "--at", at]).ends_with(0).json();
        plan["passwords_due"].clone()
    };
    assert_eq!(due("2027-02-28T08:59:59+00:00"), serde_json::json!([]));
    // February has no 31st; eleven in the morning of Paris is ten o'clock UTC by then.
    assert_eq!(
        due("2027-02-28T10:00:00Z"),
        serde_json::json!([{ "user": "zoe@example.com", "since": "2026-08-31T09:00:00Z", "due": "2027-02-28T10:00:00Z" }])
    );
    repository.run(["plan", "--at", "2027-02-28T10:00:00Z"]).prints("another one was due on 2027-02-28");
    repository.run(["rules", "show", "--format", "json"]).ends_with(0).prints("\"rotation\": \"6mo\"");
}

/// The document that is printed is the one that the schema describes, whatever comes of a reset.
#[test]
fn documents_of_resets_are_valid_by_the_schema() {
    let repository = repository(
        "guards: { protected_users: [root@example.com] }\n",
        &[("zoe@example.com", "fr"), ("root@example.com", "en")],
    );
    let schema = repository.run(["schema", "reset-report"]).ends_with(0).json();
    let check = |run: &Run| {
        let document = run.json();
        let mistakes: Vec<String> = jsonschema::draft202012::new(&schema)
            .expect("a schema")
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(mistakes, Vec::<String>::new(), "{document}");
        document
    };
    let all = ["reset-password", "--all-active", "--yes", "--format", "json"];
    let document = check(repository.run(all).ends_with(0));
    assert_eq!(document["skipped"][0]["user"], "root@example.com");
    assert!(document["run"].is_string());
    std::fs::remove_dir_all(repository.file(BOX)).expect("removed");
    repository.write(BOX, "no folder\n");
    let document = check(repository.run(all).ends_with(6));
    assert_eq!(document["mails"][0]["outcome"], "waiting");
    repository.sql("UPDATE users SET status = 'inactive' WHERE key = 'zoe@example.com'");
    let document = check(repository.run(all).ends_with(1));
    assert_eq!((&document["run"], &document["users"]), (&serde_json::Value::Null, &serde_json::json!([])));
}
