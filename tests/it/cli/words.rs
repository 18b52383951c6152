//! Words that somebody writes and rollcall does not know: the one that is meant is told, and everything at once.

use super::super::support::cli::Repository;

fn repository(rules: &str, manifest: &str) -> Repository {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        &format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}\n\
             manage: {{ absent_users: report }}\n"
        ),
    );
    repository.write("access/all.yaml", manifest);
    repository
}

/// Whoever administers a service in French writes its words.
#[test]
fn the_vendors_own_words_lead_to_the_keys() {
    let repository = repository(
        "cauca",
        "organizations: { brise: { kind: municipalité, name: Ville de Brise } }
users:
  mcote:
    prénom: Maude
    nom: Côté
    courriel: maude.cote@example.com
    attributes: { Est responsable de mission: true }
    access: { ville de brise: Soutien au responsable }
  obergeron: { access: { brise: Responsable de la municipalité } }
",
    );
    let run = repository.run(["validate"]);
    run.ends_with(3);
    for (told, meant) in [
        ("has the kind `municipalité`", "municipality"),
        ("a user has no `prénom`", "given_name"),
        ("a user has no `nom`", "name"),
        ("a user has no `courriel`", "email"),
        ("have no attribute `Est responsable de mission`", "mission_lead"),
        ("unknown organization `ville de brise`", "brise"),
        ("unknown role `Soutien au responsable`", "manager_support"),
        ("unknown role `Responsable de la municipalité`", "municipality_manager"),
    ] {
        let after = run.err.split_once(told).unwrap_or_else(|| panic!("{told}\n{run}")).1;
        let help = after.split("did you mean `").nth(1).unwrap_or_default();
        assert!(help.starts_with(&format!("{meant}`?")), "{told}: {meant}\n{run}");
    }
}

/// A site or a role is called by its name for people where somebody does not know its key.
#[test]
fn names_for_people_lead_to_the_keys() {
    let repository = repository(
        "modulr",
        "organizations: { cabinet: { sites: { contact: { kind: mailbox, name: Boîte commune } } } }
roles: { accounting: { name: Comptabilité, rank: 25, applies_to: [organization] } }
users:
  sdiop:
    name: Samira Diop
    attributes: { périmètre: all }
    access: { cabinet: { role: comptabilite, sites: [boîte commune] } }
",
    );
    let run = repository.run(["validate"]);
    run.ends_with(3).tells("did you mean `accounting`?").tells("did you mean `contact`?");
    run.tells("did you mean `portfolio_scope`?");
}

/// What is wrong with a field by the rules is told in the same run as a name that leads nowhere, and as mistakes of the
/// settings; what can only be judged by all that somebody has waits.
#[test]
fn mistakes_of_fields_do_not_wait_for_those_of_names() {
    let manifest = "organizations: { brise: { kind: city } }
users:
  mcote: { email: nobody, job_title: clerk, access: { brise: boss } }
  obergeron: { mfa: true, access: { brise: { role: trigger_only } } }
";
    let repository = repository("cauca", manifest);
    let run = repository.run(["validate"]);
    run.ends_with(3)
        .tells("unknown role `boss`")
        .tells("`email` of `mcote` is no e-mail address")
        .tells("this store has no field `job_title`")
        .tells("has the kind `city`")
        .tells("`obergeron` needs `email` or `mobile`")
        .tells("5 errors");
    repository.edit("rollcall.yaml", "absent_users: report", "absent_users: nobody");
    let run = repository.run(["validate"]);
    run.ends_with(3).tells("`nobody` is not possible here").tells("unknown role `boss`");
    run.tells("`email` of `mcote` is no e-mail address").tells("6 errors");
    repository.edit("rollcall.yaml", "absent_users: nobody", "absent_users: report");
    let mended = manifest.replace("kind: city", "kind: municipality").replace("brise: boss", "brise: trigger_only");
    repository.write("access/all.yaml", &mended.replace("email: nobody, job_title: clerk, ", ""));
    repository.run(["validate"]).ends_with(3).tells("`obergeron` needs `email` or `mobile`").tells("1 error");
}
