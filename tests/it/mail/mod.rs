//! Mails about invitations and resets of passwords: what they say, where they go, and what becomes of them when something goes wrong on the way.
//!
//! The server is a real one (aiosmtpd) that somebody else wrote; only its misbehaviour is ours.

mod broken;
mod composing;
mod outbox;
mod resets;
mod server;
mod smtp;

use std::path::Path;

use serde_json::Value;

use super::support::cli::Repository;
use server::{Server, files_that_end_in};

/// An access repository in which these people are declared, with these settings of mail, and a store with nobody.
fn repository(mail: &str, people: &[&str]) -> Repository {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        &format!(
            "version: 1\ntime_zone: Europe/Paris\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }} }} }}\n\
             manage: {{ absent_users: deactivate }}\nguards: {{ removals: {{ max_percent: 100, min_count: 1000 }} }}\n{mail}"
        ),
    );
    declare(&repository, people);
    repository.run(["init"]).ends_with(0);
    repository
}

fn declare(repository: &Repository, people: &[&str]) {
    let lines: Vec<String> =
        people.iter().map(|key| format!("  \"{key}\": {{ access: {{ works: member }} }}\n")).collect();
    let people = if lines.is_empty() { "  {}\n".to_owned() } else { lines.concat() };
    let text = format!("organizations: {{ works: {{}} }}\nroles: {{ member: {{ rank: 1 }} }}\nusers:\n{people}");
    repository.write("access/all.yaml", &text);
}

/// Settings of mail for a port of the server.
fn to_server(port: u16, tls: &str) -> String {
    let login = if tls == "none" { "" } else { ", user: rollcall, password: { file: password }" };
    format!(
        "mail:\n  from: Access desk <access@example.com>\n  links: {{ accept: 'https://example.com/yes?t={{token}}' }}\n  \
         smtp: {{ host: localhost, port: {port}, tls: {tls}, timeout: 10s, ca: '{}'{login} }}\n",
        Server::get().file("ca.pem").display()
    )
}

/// A repository whose mails go to the server.
fn served(port: &str, tls: &str, people: &[&str]) -> Repository {
    let repository = repository(&to_server(Server::get().port(port), tls), people);
    repository.write("password", "correct horse\n");
    repository
}

/// What became of each mail, as `invitations list` has it: the key, the invitation, the mail.
fn mails(repository: &Repository) -> Vec<(String, String, String)> {
    let list = repository.run(["invitations", "list", "--format", "json"]).ends_with(0).json();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let of = |one: &Value| (text(&one["user"]), text(&one["state"]), text(&one["mail"]["state"]));
    list.as_array().expect("a list").iter().map(of).collect()
}

/// The files in the folder of mails.
fn eml(folder: &Path) -> Vec<Vec<u8>> {
    let files = files_that_end_in(folder, "").into_iter();
    files.map(|path| std::fs::read(path).expect("a mail")).collect()
}
