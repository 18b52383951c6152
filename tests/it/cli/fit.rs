//! What is declared against the rules of the store, as `validate` tells it.

use serde_json::Value;

use super::super::support::cli::Repository;

/// A repository with these rules and this manifest.
fn repository(rules: &str, manifest: &str) -> Repository {
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "rules: default", &format!("rules: {rules}"));
    repository.write("access/all.yaml", manifest);
    repository
}

/// Code and message of everything that `validate` finds.
fn found(rules: &str, manifest: &str) -> Vec<(String, String)> {
    let run = repository(rules, manifest).run(["validate", "--format", "json"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = run.json()["diagnostics"].as_array().expect("a list").clone();
    found.iter().map(|one| (text(&one["code"]), text(&one["message"]))).collect()
}

fn messages(rules: &str, manifest: &str) -> Vec<String> {
    found(rules, manifest).into_iter().map(|(_, message)| message).collect()
}

#[test]
fn kinds_of_sites_are_as_the_rules_say() {
    let manifest = |access: &str| {
        format!(
            "organizations: {{ north: {{ sites: {{ pit: {{ kind: mine }}, hut: {{ kind: office }}, yard: {{}} }} }} }}\n\
             roles: {{ operator: {{}} }}\n\
             users: {{ ana@example.com: {{ access: {{ north: {{ role: operator, {access} }} }} }} }}\n"
        )
    };
    let grantable = "{ sites: { grantable_kinds: [mine] } }";
    assert_eq!(messages(grantable, &manifest("sites: [pit]")), Vec::<String>::new());
    assert_eq!(
        messages(grantable, &manifest("sites: [hut]")),
        ["site `hut` can't be granted: it has the kind `office`"]
    );
    assert_eq!(messages(grantable, &manifest("sites: [yard]")), ["site `yard` can't be granted: it has no kind"]);
    let default = "{ sites: { default_kinds: [mine] } }";
    assert_eq!(messages(default, &manifest("sites: [pit, yard], default_site: pit")), Vec::<String>::new());
    assert_eq!(
        messages(default, &manifest("sites: [pit, yard], default_site: yard")),
        ["site `yard` can't be a default site: it has no kind"]
    );
}

#[test]
fn texts_have_the_form_that_the_rules_ask_for() {
    let with = |field: &str| format!("users: {{ ana@example.com: {{ access: {{}}, {field} }} }}\n");
    for field in [
        "timezone: Europe/Paris",
        "timezone: UTC",
        "language: fr",
        "language: pt-BR",
        "language: en_US",
        "language: zh-Hans-CN",
        "phone: \"+33 1 23 45 67 89\"",
        "phone: \"(555) 010-9999 x12\"",
        "mobile: \"+33612345678\"",
        "email: ana@example.com",
    ] {
        assert_eq!(messages("default", &with(field)), Vec::<String>::new(), "{field}");
    }
    for (field, what) in [
        ("timezone: Mars/Base", "is no time zone"),
        ("language: \"français (France)\"", "is no language tag"),
        ("phone: ask Ben", "is no telephone number"),
        ("mobile: \"+\"", "is no telephone number"),
    ] {
        let found = found("default", &with(field));
        assert!(
            matches!(&found[..], [(code, message)] if code == "invalid-value" && message.contains(what)),
            "{found:?}"
        );
    }
    let login = "{ identity: { key: login } }";
    let found = messages(login, "users: { ana: { access: {}, email: nonsense } }\n");
    assert_eq!(found, ["`email` of `ana` is no e-mail address: `nonsense`"]);
}

#[test]
fn requirements_know_roles_status_attributes_and_homes() {
    let rules = |when: &str, any_of: &str| {
        format!(
            "{{ attributes: {{ clearance: {{ type: text }} }}, \
             require: [{{ when: {{ {when} }}, any_of: [{any_of}], severity: error }}] }}"
        )
    };
    let manifest = |fields: &str| {
        format!(
            "organizations: {{ north: {{}} }}\nroles: {{ manager: {{}}, guest: {{}} }}\n\
             users: {{ ana@example.com: {{ access: {{ north: manager }}{fields} }} }}\n"
        )
    };
    for (when, any_of, fields, is_met) in [
        ("status: active", "phone", "", false),
        ("status: active", "phone", ", phone: \"+33612345678\"", true),
        ("status: preloaded", "phone", "", true),
        ("status: preloaded", "phone", ", status: preloaded", false),
        ("role: manager", "clearance", "", false),
        ("role: guest", "clearance", "", true),
        ("role: manager", "clearance", ", attributes: { clearance: high }", true),
        ("role: manager", "attributes.clearance", ", attributes: { clearance: high }", true),
        ("clearance: high", "home", ", attributes: { clearance: high }", false),
        ("clearance: high", "home", ", attributes: { clearance: high }, home: { company: A }", true),
        ("clearance: high", "role", ", attributes: { clearance: high }", true),
        ("role: true", "name", "", false),
    ] {
        let found = found(&rules(when, any_of), &manifest(fields));
        let codes: Vec<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
        assert_eq!(
            codes,
            if is_met { vec![] } else { vec!["required-field"] },
            "{when} → {any_of}, {fields}: {found:?}"
        );
    }
    let run = repository(&rules("role.x: manager", "clearance.y"), &manifest("")).run(["validate"]);
    run.ends_with(3).tells("there is no field `role.x`").tells("there is no field `clearance.y`");
}

/// One wrong line is one mistake, whoever is concerned.
#[test]
fn the_line_of_a_team_is_told_once() {
    let members: Vec<String> = (0..50).map(|number| format!("  u{number}@example.com: {{ teams: [crew] }}")).collect();
    let members = members.join("\n");
    let manifest = format!(
        "organizations: {{ north: {{ sites: {{ a: {{}}, b: {{}} }} }} }}\nroles: {{ operator: {{}} }}\n\
         teams: {{ crew: {{ access: {{ north: {{ role: operator, sites: [a, b] }} }} }} }}\nusers:\n{members}\n"
    );
    assert_eq!(messages("{ sites: { max: 1 } }", &manifest), ["2 sites in `north`, at most 1 in this store"]);
    let manifest = manifest.replace("role: operator, sites: [a, b]", "");
    assert_eq!(messages("{ memberships: { role: { min: 1 } } }", &manifest), ["the membership in `north` has no role"]);
}

/// Many of a kind are counted, and told in a plan once.
#[test]
fn warnings_are_bounded() {
    let rules = "{ fields: { given_name: { required: onboarding } } }";
    let people: Vec<String> = (0..1_500).map(|number| format!("  u{number}@example.com: {{ access: {{}} }}")).collect();
    let people = people.join("\n");
    let repository = repository(rules, &format!("users:\n{people}\n"));
    for command in ["validate", "plan"] {
        let found = repository.run([command, "--format", "json"]).ends_with(0).json()["diagnostics"].clone();
        let found = found.as_array().expect("a list");
        assert_eq!(found.len(), 1_001, "{command}");
        let last = found.iter().filter(|one| one["message"] == "500 more of `required-field` are not shown");
        assert_eq!(last.count(), 1, "{command}");
    }
}

/// Whoever has no address gets no mail.
#[test]
fn mails_need_what_the_rules_say() {
    let manifest = "users:\n  ana: { access: {} }\n  ben: { access: {}, email: ben@example.com }\n";
    let rules = "{ identity: { key: login, case: insensitive } }";
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        &format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: store.db }}, rules: {rules} }} }}\n\
             manage: {{ absent_users: report }}\n"
        ),
    );
    repository.write("access/all.yaml", manifest);
    repository.run(["init"]).ends_with(0);
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    let risk = |user: &str| {
        let actions = plan["actions"].as_array().expect("a list");
        actions.iter().find(|one| one["user"] == user).expect(user)["risk"].to_string()
    };
    assert!(!risk("ana").contains("mail"), "{plan:#}");
    assert!(risk("ben").contains("mail"), "{plan:#}");
}

#[test]
fn what_a_new_account_needs_is_not_asked_of_whoever_is_there() {
    let repository = Repository::applied();
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    let settings = repository.read("rollcall.yaml");
    let rules = "rules: { extends: default, fields: { given_name: { required: onboarding } } }";
    repository.write("rollcall.yaml", &settings.replace("rules: default", rules));
    repository.write("access/new.yaml", "users: { kim@example.com: { access: {} } }\n");
    let run = repository.run(["plan"]);
    run.ends_with(0).tells("`kim@example.com` has no `given_name`");
    assert!(!run.err.contains("ana@example.com"), "{}", run.err);
    repository.run(["validate"]).ends_with(0).tells("`ana@example.com` has no `given_name`");
}

#[test]
fn what_import_writes_of_an_api_that_is_on_is_valid() {
    let repository = Repository::applied();
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    repository.sql("INSERT INTO user_attributes (user_id, field, value) SELECT id, 'api.enabled', 'true' FROM users");
    repository.run(["import", "--out", "imported"]).ends_with(0);
    repository.run(["validate", "--manifests", "imported"]).ends_with(0);
    repository.run(["plan", "--manifests", "imported"]).ends_with(0).prints("no changes");
    // Where nobody states what an empty list means, it may mean every route.
    let settings = repository.read("rollcall.yaml");
    let rules = "rules: { extends: default, fields: { api: { empty_routes: null } } }";
    repository.write("rollcall.yaml", &settings.replace("rules: default", rules));
    repository.edit(
        "access/all.yaml",
        "    access: { north: manager }",
        "    access: { north: manager }\n    api: { enabled: true }",
    );
    repository.run(["validate"]).ends_with(3).tells("`api.routes` of `ana@example.com` says nothing");
}

/// Who is to be gone needs no field.
#[test]
fn nothing_is_asked_for_of_somebody_who_is_declared_absent() {
    let manifest = |status: &str| {
        format!(
            "organizations: {{ north: {{}} }}\nroles: {{ operator: {{}} }}\nusers:\n  ana@example.com: {{ status: \
             {status}, language: fr, access: {{ north: operator }} }}\n"
        )
    };
    for severity in ["warning", "error"] {
        let rules = format!(
            "{{ extends: default, fields: {{ phone: {{ required: onboarding }} }}, require: [{{ when: {{ language: fr \
             }}, any_of: [mobile], severity: {severity} }}] }}"
        );
        let of = |status: &str| -> Vec<String> {
            found(&rules, &manifest(status))
                .into_iter()
                .map(|(code, _)| code)
                .filter(|code| code == "required-field")
                .collect()
        };
        assert_eq!(of("absent"), Vec::<String>::new(), "{severity}");
        assert_eq!(of("active").len(), 2 - usize::from(severity == "error"), "{severity}");
    }
}
