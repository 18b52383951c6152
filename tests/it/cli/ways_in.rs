//! Whoever has the way into an account of an admin administers others: another address, another login, or no second
//! factor any more is shown and counted as an escalation.

use std::fmt::Write as _;

use crate::support::cli::Repository;

const SETTINGS: &str = "\
version: 1
stores: { local: { sqlite: { path: .rollcall/store.db }, rules: { extends: default, identity: { key: login } } } }
manage: { absent_users: deactivate }
guards: { min_admins: 0, invitations: { max_count: 500 } }
";

fn manifest(of_all: &str, zed: &str) -> String {
    let mut text =
        "organizations: { north: {} }\nroles: { manager: { rank: 40, admin: true }, viewer: { rank: 10 } }\n\
                    users:\n"
            .to_owned();
    writeln!(text, "  zed: {{ {zed}, access: {{ north: manager }} }}").expect("a string");
    for at in 0..250 {
        let line =
            format!("  u{at:03}: {{ email: u{at}@example.com, given_name: A{of_all}, access: {{ north: viewer }} }}");
        writeln!(text, "{line}").expect("a string");
    }
    text
}

#[test]
fn another_way_into_an_account_of_an_admin_is_an_escalation() {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", SETTINGS);
    let was = "email: zed@example.com, mfa: true";
    repository.write("access/all.yaml", &manifest("", was));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.sql("UPDATE users SET status = 'active'; UPDATE invitations SET state = 'accepted'");
    for (is, told) in [
        ("email: eve@example.com, mfa: true", "email zed@example.com → eve@example.com"),
        ("email: zed@example.com, mfa: false", "mfa"),
    ] {
        repository.write("access/all.yaml", &manifest("b", is));
        let run = repository.run(["plan"]);
        run.ends_with(0).prints("escalations 1 of 20");
        let first = run.out.lines().find(|line| line.starts_with("  ")).unwrap_or_default();
        assert!(first.starts_with("  ! zed") && first.contains(told), "{run}");
    }
    // The same of somebody who administers nobody is a plain change, and so is a second factor that comes.
    repository.write("access/all.yaml", &manifest("", was).replace("u7@example.com", "u7@example.org"));
    repository.run(["plan"]).ends_with(0).prints("~ u007").prints("escalations 0 of 20");
    repository.sql("UPDATE users SET mfa = 0 WHERE key = 'zed'");
    repository.write("access/all.yaml", &manifest("", was));
    repository.run(["plan"]).ends_with(0).prints("~ zed").prints("escalations 0 of 20");
}
