//! Whatever waits for somebody's decision says why, and how to decide.

use super::super::support::cli::Repository;

/// Everybody has accepted.
fn settled(repository: Repository, keys: &[&str]) -> Repository {
    repository.run(["apply", "--yes"]).ends_with(0);
    for key in keys {
        repository.run(["invitations", "accept", &format!("{key}@example.com")]).ends_with(0);
    }
    repository
}

#[track_caller]
fn says(repository: &Repository, why: &str) {
    let run = repository.run(["plan"]);
    run.ends_with(0).prints(why);
    assert!(!run.all().contains("needs somebody's decision"), "{run}");
}

#[test]
fn a_rename_of_somebody_who_also_belongs_elsewhere() {
    let repository = Repository::small();
    repository.edit("access/all.yaml", "users:", "  # more\nusers:");
    repository.edit("access/all.yaml", "roles:", "  south: {}\nroles:");
    repository.edit("access/all.yaml", "{ role: operator, sites: [pit-1] }", "operator, south: operator");
    let repository = settled(repository, &["ana", "ben"]);
    repository.edit("rollcall.yaml", "absent_users", "organizations: [north], accounts: true, absent_users");
    repository.edit("access/all.yaml", ", south: operator", "");
    repository.edit(
        "access/all.yaml",
        "  ben@example.com:\n",
        "  benold@example.com:\n    previously: ben@example.com\n",
    );
    says(&repository, "benold@example.com also belongs to organizations out of scope, where another key would be felt");
    repository.edit("rollcall.yaml", "accounts: true", "accounts: false");
    says(&repository, "benold@example.com would get another key, and accounts are not managed");
}

/// What has to come after the decision names whom it is about.
#[test]
fn a_role_behind_somebody_who_was_deactivated() {
    let repository = settled(Repository::small(), &["ana", "ben"]);
    repository.sql("UPDATE users SET status = 'inactive' WHERE key = 'ana@example.com'");
    repository.edit("access/all.yaml", "north: manager", "north: operator");
    repository.edit(
        "access/all.yaml",
        "manager: { rank: 40, site_access: all, admin: true }",
        "manager: { rank: 40, site_access: all }",
    );
    let run = repository.run(["plan"]);
    run.ends_with(0);
    assert!(!run.all().contains("needs somebody's decision"), "{run}");
}

#[test]
fn rules_without_a_way_out() {
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "rules: default", "rules: { extends: default, offboarding: [delete] }");
    let repository = settled(repository, &["ana", "ben"]);
    let all = repository.read("access/all.yaml");
    repository.write("access/all.yaml", all.split("  ben@example.com").next().expect("a beginning"));
    says(&repository, "ben@example.com can't be off-boarded in a way that could be undone");
    repository.edit("rollcall.yaml", "offboarding: [delete]", "offboarding: [deactivate], allows: { delete: null }");
    repository
        .write("access/all.yaml", &all.replace("  ben@example.com:\n", "  ben@example.com:\n    status: absent\n"));
    repository.edit("rollcall.yaml", "absent_users: deactivate", "absent_users: deactivate, grace: 0d");
    repository.run(["apply", "--yes"]);
    says(&repository, "ben@example.com can't be deleted or closed in this store");
}

#[test]
fn access_that_lacks_what_is_left_to_others() {
    let repository = Repository::small();
    repository.edit(
        "rollcall.yaml",
        "rules: default",
        "rules: { extends: default, memberships: { role: { min: 1 } } }",
    );
    repository.edit("access/all.yaml", "{ role: operator, sites: [pit-1] }", "{ role: unmanaged }");
    let run = repository.run(["plan"]);
    run.ends_with(0).tells("warning[demanded-unmanaged]");
    says(&repository, "ben@example.com lacks something that the rules demand and that is left to others");
}

#[test]
fn somebody_without_an_account_where_accounts_are_not_managed() {
    let repository = settled(Repository::small(), &["ana", "ben"]);
    repository.edit("rollcall.yaml", "absent_users", "accounts: false, absent_users");
    repository.write("access/cara.yaml", "users: { cara@example.com: { access: { north: operator } } }\n");
    says(&repository, "cara@example.com has no account, and accounts are not managed; have somebody make it");
}

/// A deletion whose time of grace nobody can count does not wait for ever without saying how to end that.
#[test]
fn an_unknown_day_of_deactivation_has_a_way_out() {
    let repository = settled(Repository::small(), &["ana", "ben"]);
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: absent\n");
    repository.sql(
        "UPDATE users SET status = 'inactive' WHERE key = 'ben@example.com';
         UPDATE users SET deactivated_at = NULL WHERE key = 'ben@example.com'",
    );
    let why = "since when ben@example.com is deactivated is not known, so the time of grace is not over; write the day";
    repository.run(["plan"]).ends_with(0).prints(why).prints("`manage: { grace: 0d }`");
    repository.edit("rollcall.yaml", "absent_users: deactivate", "absent_users: deactivate, grace: 0d");
    repository.run(["plan"]).prints("deleted");
    repository.edit("rollcall.yaml", ", grace: 0d", "");
    repository.sql("UPDATE users SET deactivated_at = '2020-01-01T00:00:00Z' WHERE key = 'ben@example.com'");
    repository.run(["plan"]).prints("deleted");
}
