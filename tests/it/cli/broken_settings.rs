//! Mistakes of settings as people make them: each told once, where it stands, with its code and what to write instead.

use super::super::support::cli::Repository;

const START: &str = "version: 1\nstores: { local: { sqlite: { path: s.db } } }\nmanage: { absent_users: report }\n";

/// Demands exactly these mistakes of settings: `LINE:COLUMN CODE`, and a part of the advice.
#[track_caller]
fn told(settings: &str, expected: &[(&str, &str)]) {
    let repository = Repository::empty();
    repository.write("access/a.yaml", "");
    repository.write("rollcall.yaml", settings);
    let run = repository.run(["validate", "--format", "json"]);
    run.ends_with(3);
    let document = run.json();
    let found = document["diagnostics"].as_array().expect("diagnostics");
    let places: Vec<String> = found
        .iter()
        .map(|one| format!("{}:{} {}", one["line"], one["column"], one["code"].as_str().expect("a code")))
        .collect();
    let wanted: Vec<&str> = expected.iter().map(|&(place, _)| place).collect();
    assert_eq!(places, wanted, "{settings}\n{run}");
    for (one, (_, advice)) in found.iter().zip(expected) {
        assert_eq!(one["file"], "rollcall.yaml");
        assert!(one["help"].as_str().is_some_and(|help| help.contains(advice)), "{advice}\n{run}");
    }
    let text = repository.run(["validate"]);
    text.ends_with(3).prints_nothing();
    for (place, advice) in expected {
        let place = place.split(' ').next().unwrap();
        text.tells(&format!("rollcall.yaml:{place}")).tells(advice);
    }
}

fn more(line: &str) -> String {
    format!("{START}{line}\n")
}

fn instead(old: &str, new: &str) -> String {
    assert!(START.contains(old));
    START.replace(old, new)
}

#[test]
fn of_the_whole() {
    let begin = [
        ("1:1 invalid-settings", "add `version: 1`"),
        ("1:1 invalid-settings", "add `stores:"),
        ("1:1 invalid-settings", "add `manage:"),
    ];
    told("", &begin);
    told("# nothing\n", &begin);
    for whole in ["~\n", "- 1\n", "hello\n"] {
        told(whole, &[("1:1 wrong-type", "write it as a mapping")]);
    }
    told(&instead("version: 1", "version: 2"), &[("1:10 invalid-settings", "write `version: 1`")]);
    told(&instead("version: 1", "version: one"), &[("1:10 wrong-type", "write a whole number")]);
    told(&instead("version: 1\n", ""), &[("1:1 invalid-settings", "add `version: 1`")]);
    told(&more("guards:\n\tmin_admins: 1"), &[("5:1 syntax", "indent with spaces")]);
    told(&more("guards:{ min_admins: 1 }"), &[("4:1 unknown-key", "write a space after the colon")]);
    told(
        &more("timezone: UTC\nguard: {}\nmanifest: a"),
        &[
            ("4:1 unknown-key", "did you mean `time_zone`?"),
            ("5:1 unknown-key", "did you mean `guards`?"),
            ("6:1 unknown-key", "did you mean `manifests`?"),
        ],
    );
}

#[test]
fn without_a_value() {
    told(&more("time_zone:"), &[("4:1 wrong-type", "write one, or take the line out")]);
    told(&more("manifests: ~"), &[("4:1 wrong-type", "write one, or take the line out")]);
    told(
        &more("guards: { min_admins: , self: null }"),
        &[
            ("4:11 wrong-type", "write one, or take the line out"),
            ("4:25 wrong-type", "write one, or take the line out"),
        ],
    );
    told(&more("guards:"), &[("4:7 wrong-type", "write it as a mapping")]);
    told(&instead("{ sqlite: { path: s.db } }", ""), &[("2:16 wrong-type", "write it as a mapping")]);
}

#[test]
fn of_stores() {
    let one_of = "for example `sqlite: { path: .rollcall/store.db }`";
    told(&instead("sqlite: { path: s.db }", ""), &[("2:11 invalid-settings", one_of)]);
    told(
        &instead("sqlite: { path: s.db }", "sqlite: { path: a }, scim: { url: https://x.example }"),
        &[("2:11 invalid-settings", one_of), ("2:41 not-yet-supported", "use an embedded store")],
    );
    told(&instead("sqlite:", "sqlit:"), &[("2:20 unknown-key", "did you mean `sqlite`?")]);
    told(&instead("sqlite: { path: s.db }", "ldap: {}"), &[("2:20 unknown-key", "possible: sqlite, scim, keycloak")]);
    told(&instead("path: s.db", ""), &[("2:28 invalid-value", "add `path`")]);
    told(&instead("s.db", "[]"), &[("2:36 wrong-type", "write one text")]);
    told(&more("store: prod"), &[("4:8 invalid-settings", "there are: local")]);
    told(&more("store: loca"), &[("4:8 invalid-settings", "did you mean `local`?")]);
    told(&instead("s.db }", "s.db }, rules: altea"), &[("2:51 invalid-rules", "did you mean `alteia`?")]);
    told(&instead("s.db }", "s.db }, rules: r/x.yaml"), &[("2:51 invalid-rules", "check that it exists")]);
    told(&instead("s.db }", "s.db }, rules: ../x.yaml"), &[("2:51 invalid-rules", "keep it inside")]);
    told(&instead("s.db }", "s.db }, rules: 5"), &[("2:51 wrong-type", "write the name of a rule set")]);
}

#[test]
fn of_scope_and_guards() {
    let managed = |value: &str| instead("report", &format!("report, {value}"));
    told(&instead("report", "delete"), &[("3:25 invalid-value", "possible: deactivate, report")]);
    told(&managed("organizations: al"), &[("3:48 invalid-value", "write `all` or a list")]);
    told(&managed("organizations: [a, a]"), &[("3:52 invalid-settings", "take one of them out")]);
    for wrong in ["30", "30 days", "-3d", "99999999999999999d"] {
        told(&managed(&format!("grace: {wrong}")), &[("3:40 invalid-value", "a whole number and a unit")]);
    }
    told(&managed("accounts: yes"), &[("3:43 wrong-type", "other words are text")]);
    told(
        &more("guards: { removals: { max_percent: -1, min_count: 99999999999 } }"),
        &[("4:36 wrong-type", "from 0 to 4294967295"), ("4:51 wrong-type", "from 0 to 4294967295")],
    );
    told(&more("guards: { removals: { max_percent: 101 } }"), &[("4:36 invalid-settings", "write at most 100")]);
    told(
        &more("guards: { removal: {}, removals: { max: 3 }, invitations: 5, min_admin: 1 }"),
        &[
            ("4:11 unknown-key", "did you mean `removals`?"),
            ("4:36 unknown-key", "possible: max_percent, min_count"),
            ("4:59 wrong-type", "write it as a mapping"),
            ("4:62 unknown-key", "did you mean `min_admins`?"),
        ],
    );
    told(&more("guards: { protected_users: root@example.com }"), &[("4:28 wrong-type", "write it as a list")]);
    told(&more("guards: { protected_users: [a, ''] }"), &[("4:32 invalid-settings", "a pattern such as `svc-*`")]);
    told(&more("time_zone: Europe/Pari"), &[("4:12 invalid-settings", "did you mean `Europe/Paris`?")]);
    told(&more(&format!("time_zone: {}", "x".repeat(500_000))), &[("4:12 invalid-settings", "IANA")]);
}

/// What the settings name and nobody declares is told beside mistakes of manifests, unless one of these could not be read.
#[test]
fn of_names_beside_mistakes_of_manifests() {
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "absent_users", "organizations: [nroth], absent_users");
    repository.write("access/more.yaml", "users:\n  zoe@example.com: { access: { north: oprator } }\n");
    let run = repository.run(["validate"]);
    run.ends_with(3).tells("unknown-role").tells("`manage.organizations` lists `nroth`").tells("did you mean `north`?");
    repository.write("access/more.yaml", "users: [\n");
    let run = repository.run(["validate"]);
    assert!(!run.ends_with(3).tells("syntax").err.contains("nroth"), "{run}");
}

#[test]
fn of_paths() {
    told(&more("manifests: acces"), &[("4:12 wrong-type", "write it as a list")]);
    told(
        &more("manifests: [a, ../x, /etc]"),
        &[
            ("4:16 outside-repository", "without `..`"),
            ("4:22 outside-repository", "without `..`"),
            ("4:13 unreadable", "check that it exists"),
        ],
    );
    told(&more("manifests: []"), &[("4:1 invalid-settings", "name one")]);
}

/// Each told once, at the reference, whatever is wrong about it; and never shown.
#[test]
fn of_secrets() {
    let reference = "write `{ env: NAME }`, `{ file: PATH }` or `{ command: [PROGRAM, …] }`";
    let scim = |token: &str| {
        instead("sqlite: { path: s.db }", &format!("scim: {{ url: https://x.example, read_token: {token} }}"))
    };
    let not_yet = ("2:20 not-yet-supported", "use an embedded store");
    for wrong in ["hunter2", "{ evn: hunter2 }", "{ env: hunter-2 }", "{ env: A, file: b }", "{}"] {
        told(&scim(wrong), &[not_yet, ("2:64 invalid-value", reference)]);
    }
    told(&scim("{ env: [A] }"), &[not_yet, ("2:71 wrong-type", "write one text")]);
    // What stands in the value of a secret by mistake is not shown beside another mistake of its line either.
    let long =
        "version: 1\nstores:\n  local: { scim: { url: https://x.example, read_token: {\n    evn: hunter2, a: 1 } } }\n";
    let repository = Repository::empty();
    repository.write("rollcall.yaml", long);
    let run = repository.run(["validate"]);
    run.ends_with(3).tells("not-yet-supported").tells("invalid-settings");
    assert!(!run.all().contains("hunter2"), "{run}");
    told(&more("secrets: { sink: { file: a, command: [b] } }"), &[("4:29 invalid-value", "keep one of them")]);
    told(&more("secrets: {}"), &[("4:10 invalid-value", "add `sink`")]);
    told(
        &more("mail: { from: a@example.com, smtp: { host: h, port: 99999 } }"),
        &[("4:53 wrong-type", "write a whole number from 0 to 65535")],
    );
}

/// A file of settings that is as large as may be, and wrong in every line, takes no time.
#[test]
fn however_many_there_are() {
    let many = |begin: &str, line: &dyn Fn(usize) -> String| {
        (0..20_000).fold(begin.to_owned(), |text, number| text + &line(number) + "\n")
    };
    let stores = "version: 1\nmanage: { absent_users: report }\nstores:\n";
    told(&many(stores, &|at| format!("  s{at}: {{}}")), &[("3:1 too-large", "name fewer")]);
    let begun = std::time::Instant::now();
    let repository = Repository::small();
    let listed = many(
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db } } }\nmanage:\n  absent_users: report\n  \
         organizations:\n",
        &|at| format!("  - o{at}"),
    );
    repository.write("rollcall.yaml", &listed);
    let run = repository.run(["validate", "--format", "json"]);
    run.ends_with(3).prints("19000 more of `unknown-organization` are not shown");
    repository.write("rollcall.yaml", &more("#").replace("s.db }", "s.db }, rules: r.yaml"));
    repository.write(
        "r.yaml",
        &many("roles:\n  vendor:\n", &|at| {
            format!("    r{at}: {{ includes: [r{}] }}", if at == 19_999 { at } else { at + 1 })
        }),
    );
    repository.run(["validate"]).ends_with(3).tells("role `r19999` includes itself");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

/// Numbers and truth values are written as in manifests, and texts as people like.
#[test]
fn of_numbers_and_truth_values() {
    for wrong in ["\"1\"", "0x1", "+1", "01", "1.0"] {
        told(&instead("version: 1", &format!("version: {wrong}")), &[("1:10 wrong-type", "write a whole number")]);
    }
    for wrong in ["\"5\"", "0x5", "+5", "0b11", "'5'", "1_0"] {
        told(
            &more(&format!("guards: {{ mails: {{ max_count: {wrong} }}, min_admins: 1 }}")),
            &[("4:31 wrong-type", "write a whole number from 0")],
        );
    }
    for wrong in ["\"false\"", "TRUE", "True", "yes"] {
        told(&instead("report", &format!("report, accounts: {wrong}")), &[("3:43 wrong-type", "other words are text")]);
    }
    told(
        &more("guards: { mails: { max_count: '5' }, deletions: { max_count: 0x5 }, mni_admins: 1 }"),
        &[
            ("4:31 wrong-type", "from 0"),
            ("4:62 wrong-type", "from 0"),
            ("4:69 unknown-key", "did you mean `min_admins`?"),
        ],
    );
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "default }", "ours.yaml }");
    repository.write("ours.yaml", "seats: { max: \"5\" }\nroles: { vendor: { \"5\": { name: \"0x5\" } } }\n");
    repository.run(["validate"]).ends_with(3).tells("ours.yaml:1:15").tells("wrong-type");
    repository.write("ours.yaml", "seats: { max: 5 }\nroles: { vendor: { \"5\": { name: \"0x5\" } } }\n");
    repository.run(["validate"]).ends_with(0);
}

#[test]
fn of_stores_that_can_not_be() {
    let elsewhere = "name a file of its own";
    for path in [
        "rollcall.yaml",
        "./rollcall.yaml",
        "access/a.yaml",
        ".gitignore",
        ".git/store.db",
        "access/store.db",
        "postgres://host/db",
        ".rollcall/journal-local.jsonl",
        ".rollcall/",
    ] {
        told(&instead("s.db", path), &[("2:36 invalid-settings", elsewhere)]);
    }
    for path in ["~/s.db", "$HOME/s.db"] {
        told(&instead("s.db", path), &[("2:36 invalid-settings", "nothing is filled in")]);
    }
    for other in ["s.db", "./x/../s.db"] {
        told(
            &instead("s.db } }", &format!("s.db }} }}, other: {{ sqlite: {{ path: {other} }} }}")),
            &[("2:71 invalid-settings", "a file of its own")],
        );
    }
    for name in ["'../../x'", "'a/b c*'", "'.x'"] {
        told(&instead("local:", &format!("{name}:")), &[("2:11 invalid-settings", "letters, digits")]);
    }
}

#[test]
fn of_rule_files_that_say_nothing() {
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "default }", "ours.yaml }");
    for text in ["", "# ours\n\n", "---\n", "{}\n", "rules:\n"] {
        repository.write("ours.yaml", text);
        let run = repository.run(["validate"]);
        run.ends_with(3).tells("error[invalid-rules]").tells("ours.yaml:1:1").tells("extends: default");
    }
    repository.write("ours.yaml", "extends: default\n");
    repository.run(["validate"]).ends_with(0);
}

/// What is wrong is named, and the advice can be followed.
#[test]
fn in_words_that_help() {
    told(&more("guards: 5"), &[("4:9 wrong-type", "write it as a mapping")]);
    told(&more("guards: { protected_users: [~] }"), &[("4:29 wrong-type", "or take it out")]);
    told(&more("time_zone: GMT+2"), &[("4:12 invalid-settings", "use a name of the IANA database")]);
    let repository = Repository::small();
    repository.write("rollcall.yaml", &more("guards: 5"));
    repository.run(["validate"]).ends_with(3).tells("`guards` has to be a mapping");
    repository.write("rollcall.yaml", &more("guards: { removals: { max_percent: 200 } }"));
    repository.run(["validate"]).ends_with(3).tells("`max_percent: 200` is more than all people");
    repository.write("plan.json", "[]");
    let repository = Repository::small();
    repository.write("plan.json", "[]");
    let run = repository.run(["apply", "plan.json", "--yes"]);
    run.ends_with(3).tells("something else than a plan document is in it");
    assert!(!run.err.contains("struct"), "{run}");
}

/// Settings that still say how manifests are read do not hide what is wrong in these.
#[test]
fn mistakes_of_settings_do_not_hide_those_of_manifests() {
    let repository = Repository::small();
    repository.write("access/more.yaml", "users:\n  zoe@example.com: { access: { north: oprator } }\n");
    let settings = repository.read("rollcall.yaml");
    let both = |mistake: &str| {
        for command in [&["validate"][..], &["plan"], &["apply", "--yes"], &["explain", "north"]] {
            let run = repository.run(command);
            run.ends_with(3).tells(mistake).tells("unknown-role").tells("access/more.yaml:2:39").tells("2 errors");
        }
        let run = repository.run(["validate", "--format", "json"]);
        assert_eq!(run.ends_with(3).json()["diagnostics"].as_array().map(Vec::len), Some(2), "{run}");
    };
    for wrong in
        ["guards: { min_admin: 1 }\n", "time_zone: Europe/Pari\n", "guards: { removals: { max_percent: 101 } }\n"]
    {
        repository.write("rollcall.yaml", &format!("{settings}{wrong}"));
        both("rollcall.yaml:4:");
    }
    let other = "stores: { other: { sqlite: { path: o.db }, rules: altea },";
    repository.write("rollcall.yaml", &format!("{settings}store: local\n").replace("stores: {", other));
    both("did you mean `alteia`?");
    // Under rules that are not known, and in places that are not, nobody can tell.
    for (old, new) in [
        ("rules: default", "rules: altea"),
        ("manage:", "manifests: [../x]\nmanage:"),
        ("manage:", "manifest: [access]\nmanage:"),
        ("stores: {", "stores: { other: { sqlite: { path: o.db }, rules: altea },"),
        ("version: 1", "version: ["),
    ] {
        repository.write("rollcall.yaml", &settings.replace(old, new));
        let run = repository.run(["validate"]);
        assert!(!run.ends_with(3).all().contains("unknown-role"), "{run}");
    }
}
