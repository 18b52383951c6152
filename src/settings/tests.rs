use std::fs;
use std::path::Path;

use super::*;
use crate::diagnostic::{Code, FileId};
use crate::document::Mistake;
use crate::model::matches;
use crate::rules::{OnBoarding, RuleFile};

const SMALL: &str = "version: 1\nstores: { local: { sqlite: { path: store.db } } }\nmanage: { absent_users: report }\n";

fn no_files(name: &str) -> Result<RuleFile, String> {
    Err(format!("`{name}` is not there"))
}

fn mistakes(text: &str) -> Vec<Mistake> {
    parse(text, &no_files).expect_err(text)
}

#[test]
fn defaults_are_as_documented() {
    let settings = parse(SMALL, &no_files).expect("valid");
    assert_eq!(settings.manifests, ["access"]);
    assert_eq!(settings.time_zone, TimeZone::UTC);
    let (name, store) = settings.store(None).expect("the only one");
    assert_eq!((name, store.rules_name.as_str()), ("local", "default"));
    assert_eq!(store.rules, Rules::built_in("default").expect("built in"));
    assert_eq!(store.sqlite_path(Path::new("/repo")), Path::new("/repo/store.db"));
    assert_eq!(settings.catalog(store), CatalogMode::Create);
    assert_eq!(settings.manage.grace.to_string(), "30d");
    let guards = &settings.guards;
    assert_eq!((guards.removals.max_percent, guards.removals.min_count), (25, 5));
    let counts = [guards.invitations, guards.escalations, guards.mails, guards.deletions].map(|limit| limit.max_count);
    assert_eq!(counts, [200, 20, 500, 0]);
    assert_eq!((guards.min_admins, guards.own_account.as_deref()), (1, None));
    assert!(settings.secrets.is_none() && settings.mail == Mail::default());
}

#[test]
fn everything_that_is_stated_is_kept() {
    let settings = parse(
        "version: 1
manifests: [access, teams.yaml]
time_zone: Europe/Paris
store: b
stores:
  a: { sqlite: { path: /var/lib/a.db }, rules: { onboarding: create, invitations: null } }
  b: { sqlite: { path: b.db }, rules: rules/ours.yaml }
manage: { organizations: all, accounts: true, absent_users: deactivate, catalog: existing, grace: 2w }
guards:
  removals: { max_percent: 10 }
  mails: { max_count: 7 }
  min_admins: 2
  protected_users: [root@example.com, 'svc-*']
  self: ci-bot
secrets: { sink: { command: [pass, insert] } }
mail:
  from: Access <access@example.com>
  language: fr
  links: { accept: 'https://example.com/a?t={token}', terms: http://localhost:8080/terms }
  smtp: { host: mail.example.com, tls: starttls, user: rollcall, password: { env: SMTP_PASSWORD }, timeout: 5s }
",
        &|name| Ok(RuleFile { name: name.to_owned(), text: "seats: { max: 4 }\n".to_owned() }),
    )
    .expect("valid");
    assert_eq!(settings.time_zone.iana_name(), Some("Europe/Paris"));
    let (name, store) = settings.store(None).expect("default");
    assert_eq!((name, store.rules.seat_limit(), store.rules_name.as_str()), ("b", Some(4), "rules/ours.yaml"));
    let (_, store) = settings.store(Some("a")).expect("named");
    assert_eq!(store.rules.onboarding(), OnBoarding::Create);
    assert_eq!(store.sqlite_path(Path::new("/repo")), Path::new("/var/lib/a.db"));
    assert_eq!(settings.catalog(store), CatalogMode::Existing);
    assert_eq!((settings.guards.removals.max_percent, settings.guards.removals.min_count), (10, 5));
    assert_eq!(settings.guards.own_account.as_deref(), Some("ci-bot"));
    assert_eq!(settings.secrets, Some(Sink::Command(vec!["pass".to_owned(), "insert".to_owned()])));
    let Mail { transport: MailTransport::Smtp(smtp), language, links, .. } = settings.mail else { unreachable!() };
    assert_eq!(language, MailLanguage::Fr);
    assert_eq!(links.accept.as_deref(), Some("https://example.com/a?t={token}"));
    assert_eq!(smtp.timeout, "5s".parse().ok());
    assert_eq!(smtp.password, Some(SecretReference::Env("SMTP_PASSWORD".to_owned())));
}

#[test]
fn all_mistakes_are_found_in_one_run() {
    let found = mistakes(
        "version: 2
manifests: [../elsewhere]
time_zone: Europe/Pariss
store: lokal
stores:
  local: { sqlite: { path: '' }, rules: defualt }
  far: { scim: { url: https://id.example.com, read_token: { env: TOKEN } } }
  none: {}
manage: { organizations: [] }
guards: { removals: { max_percent: 101 }, protected_users: [''], self: '' }
mail: { from: x }
",
    );
    let seen: Vec<_> = found.iter().map(|mistake| (mistake.code, mistake.line)).collect();
    let invalid = Code::InvalidSettings;
    assert_eq!(
        seen,
        [
            (invalid, 1),
            (Code::OutsideRepository, 2),
            (invalid, 3),
            (invalid, 4),
            (invalid, 6),
            (Code::InvalidRules, 6),
            (Code::NotYetSupported, 7),
            (invalid, 8),
            (invalid, 9),
            (invalid, 9),
            (invalid, 10),
            (invalid, 10),
            (invalid, 10),
            (invalid, 11),
        ],
        "{found:#?}"
    );
    assert_eq!(found[2].help.as_deref(), Some("did you mean `Europe/Paris`?"));
    assert!(found.iter().all(|mistake| mistake.help.is_some()), "{found:#?}");
    let store = found.iter().find(|mistake| mistake.line == 4).expect("the default store");
    assert_eq!(store.help.as_deref(), Some("did you mean `local`?"));
}

#[test]
fn mail_goes_to_a_folder_unless_a_server_is_named() {
    let of = |mail: &str| parse(&format!("{SMALL}mail: {mail}\n"), &no_files);
    let transport = |mail: &str| of(mail).expect("valid").mail.transport;
    assert_eq!(transport("{ from: a@example.com }"), Mail::default().transport);
    assert_eq!(transport("{ from: a@example.com, outbox: out }"), MailTransport::Outbox("out".into()));
    for (mail, why) in [
        ("{ from: nobody }", "no e-mail address"),
        ("{ from: \"a@example.com\\r\\nBcc: b@example.com\" }", "no e-mail address"),
        ("{ from: a@example.com, contact: nobody }", "no e-mail address"),
        ("{ from: a@example.com, outbox: '' }", "no path"),
        ("{ from: a@example.com, outbox: a, smtp: { host: a.example.com } }", "either to a folder or to a server"),
        ("{ from: a@example.com, smtp: { host: 'a.example.com:25' , tls: none } }", "in the clear"),
        ("{ from: a@example.com, smtp: { host: '' } }", "no name of a server"),
        ("{ from: a@example.com, smtp: { host: a.example.com, tls: none } }", "in the clear"),
        ("{ from: a@example.com, smtp: { host: a.example.com, user: ana } }", "needs a password"),
        ("{ from: a@example.com, smtp: { host: a.example.com, password: { env: A } } }", "whose password"),
        ("{ from: a@example.com, smtp: { host: a.example.com, timeout: 1d } }", "waited for so long"),
        ("{ from: a@example.com, links: { accept: 'http://example.com/{token}' } }", "no link"),
        ("{ from: a@example.com, links: { accept: 'http://localhost:1@example.com/{token}' } }", "looks like a secret"),
        ("{ from: a@example.com, links: { accept: 'https://example.com/ {token}' } }", "no link"),
        ("{ from: a@example.com, links: { accept: 'https://example.com/{tokn}' } }", "of no meaning"),
        ("{ from: a@example.com, links: { terms: 'https://example.com/{token}' } }", "no token"),
        ("{ from: a@example.com, language_field: phone }", "no field"),
        ("{ from: a@example.com, service: '' }", "no name of a service"),
    ] {
        let found = of(mail).expect_err(mail);
        assert!(found.iter().any(|mistake| mistake.message.contains(why)), "{mail}: {found:#?}");
    }
    for mail in [
        "{ from: a@example.com, smtp: { host: localhost, tls: none } }",
        "{ from: a@example.com, smtp: { host: '::1', tls: none, port: 2525, ca: certificates/ca.pem } }",
        "{ from: 'Zoé <a@example.com>', links: { decline: 'http://[::1]:80/{key}/{token}' } }",
        "{ from: a@example.com, language_field: attributes.tongue }",
    ] {
        assert!(of(mail).is_ok(), "{mail}: {:?}", of(mail));
    }
}

#[test]
fn what_nobody_sees_stands_in_no_name_and_no_path() {
    for (old, new) in [
        ("local:", "\"lo\\u202Ecal\":"),
        ("local:", "\"lo\\u200Bcal\":"),
        ("store.db", "\"s\\e[31mX.db\""),
        ("store.db", "\"s\\u202EX.db\""),
        ("store.db }", "store.db }, rules: \"r\\u202E.yaml\""),
        ("version: 1", "version: 1\nmanifests: [\"a\\u200Bb\"]"),
        ("version: 1", "version: 1\nguards: { protected_users: [\"a\\u200Bb@example.com\"] }"),
    ] {
        let found = mistakes(&SMALL.replacen(old, new, 1));
        assert_eq!(found.len(), 1, "{new}: {found:?}");
        assert_eq!(found[0].code, Code::HiddenCharacter, "{new}");
        assert!(!found[0].message.chars().any(|c| c.is_control() || "\u{202e}\u{200b}".contains(c)), "{new}");
    }
}

#[test]
fn absent_users_has_no_default() {
    for text in ["version: 1\nstores: { a: { sqlite: { path: a } } }\n", &SMALL.replace("absent_users: report", "")] {
        let found = mistakes(text);
        assert!(found[0].message.contains("whom no manifest names"), "{found:?}");
        assert!(found[0].help.as_deref().is_some_and(|help| help.contains("absent_users: report")));
    }
}

#[test]
fn a_secret_in_place_of_a_reference_is_not_repeated() {
    let head = "version: 1\nmanage: { absent_users: report }\nstores:\n  a:\n    scim:\n      url: https://x\n      read_token: ";
    for value in [
        "hunter2",
        "{ env: hunter2-hunter2 }",
        "{ value: hunter2 }",
        "{ hunter2: x }",
        "{ env: A, file: hunter2 }",
        "[hunter2]",
        "\"hunter2",
        "!hunter2 x",
        "{ env: [hunter2] }",
        "{ env: hunter2, env: hunter2 }",
        "4202",
        "|\n        hunter2\n        hunter2",
        ">-\n\n\n        hunter2",
        "{ env:\n\n        hunter2-hunter2 }",
        "\n        env: hunter2-hunter2",
        "\n        - hunter2",
        "\n        - a\n        - hunter2: &hunter2 x",
        "{ env:\n        'hunter2 }",
    ] {
        for mistake in mistakes(&format!("{head}{value}\n")) {
            let diagnostic = mistake.diagnostic(FileId(0));
            let text = format!("{mistake} {diagnostic:?}");
            assert!(!text.contains("hunter2") && !text.contains("4202"), "{value}: {text}");
            // Lines above hold the kind of the store and its address.
            assert!(mistake.hides_source || mistake.line < 6, "the line itself must not be shown: {value}: {text}");
        }
    }
}

#[test]
fn shapes_are_strict() {
    for (text, code) in [
        ("versoin: 1\n", Code::UnknownKey),
        ("version: 1\nversion: 1\n", Code::DuplicateKey),
        ("stores: [a]\n", Code::WrongType),
        ("manage: { absent_users: delete }\n", Code::InvalidValue),
        ("manage: { accounts: yes }\n", Code::WrongType),
        ("manage: { organizations: some }\n", Code::InvalidValue),
        ("guards: { mails: { max_count: -1 } }\n", Code::WrongType),
        ("manage: { grace: 30 days }\n", Code::InvalidValue),
        (
            "stores: { a: { sqlite: { path: a }, rules: { fields: { name: { require: always } } } } }\n",
            Code::UnknownKey,
        ),
    ] {
        // What else is missing is told beside it.
        let found = mistakes(text);
        assert_eq!(found.iter().filter(|mistake| mistake.code == code).count(), 1, "{text}: {found:?}");
    }
}

#[test]
fn unknown_stores_get_advice() {
    let settings = parse(SMALL, &no_files).expect("valid");
    let error = settings.store(Some("locla")).expect_err("unknown").to_string();
    assert_eq!(error, "there is no store `locla` in rollcall.yaml; did you mean `local`?");
    let two = SMALL.replace("local:", "zero: { sqlite: { path: z.db } }, local:");
    let settings = parse(&two, &no_files).expect("valid");
    assert!(settings.store(None).expect_err("two").to_string().ends_with("with one of: local, zero"));
}

#[test]
fn protected_users_compare_as_keys_do() {
    let text = SMALL.to_owned() + "guards: { protected_users: [Root@Example.com, 'SVC-*'], self: CI@Example.com }\n";
    let settings = parse(&text, &no_files).expect("valid");
    let rules = &settings.store(None).expect("one").1.rules;
    assert_eq!(settings.guards.protected_patterns(&rules.identity), ["root@example.com", "svc-*"]);
}

/// The domain of a pattern compares by IDNA, as that of a key does.
#[test]
fn protected_patterns_know_the_domains_of_keys() {
    for (pattern, key) in [
        ("*@bücher.example", "x@xn--bcher-kva.example"),
        ("*@xn--bcher-kva.example", "x@BÜCHER.example"),
        ("root-*@*.Bücher.example", "ROOT-1@north.bücher.example"),
        ("*@*.bücher.example", "x@north.xn--bcher-kva.example"),
    ] {
        let text = format!("{SMALL}guards: {{ protected_users: ['{pattern}'] }}\n");
        let settings = parse(&text, &no_files).expect("valid");
        let identity = &settings.store(None).expect("one").1.rules.identity;
        let key = identity.normalize(key).expect(key);
        let patterns = settings.guards.protected_patterns(identity);
        assert!(patterns.iter().any(|pattern| matches(pattern, &key)), "{pattern}: {key}");
    }
}

#[test]
fn files_are_read_inside_the_repository_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = folder.path().join("repository");
    fs::create_dir(&repository).expect("made");
    let write = |name: &str, text: &str| fs::write(repository.join(name), text).expect("written");
    let with_rules = |rules: &str| SMALL.replace("store.db }", &format!("store.db }}, rules: {rules}"));

    let missing = load(&repository).expect_err("no settings");
    assert_eq!(missing.mistakes[0].code, Code::Unreadable);
    assert!(missing.to_string().contains("rollcall init"), "{missing}");

    write("ours.yaml", "seats: { max: 2 }\n");
    write(FILE_NAME, &with_rules("./ours.yaml"));
    let settings = load(&repository).expect("valid");
    assert_eq!(settings.store(None).expect("one").1.rules.seat_limit(), Some(2));

    fs::write(folder.path().join("outside.yaml"), "seats: { max: 3 }\n").expect("written");
    let outside = folder.path().join("outside.yaml");
    let mut names = vec!["../outside.yaml".to_owned(), outside.display().to_string()];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&outside, repository.join("link.yaml")).expect("linked");
        names.push("link.yaml".to_owned());
    }
    for name in names {
        write(FILE_NAME, &with_rules(&name));
        let refused = load(&repository).expect_err(&name);
        assert!(refused.to_string().contains("outside of the access repository"), "{name}: {refused}");
    }

    write("ours.yaml", "seats: { mx: 2 }\n");
    write(FILE_NAME, &with_rules("ours.yaml"));
    let refused = load(&repository).expect_err("a mistake in the rule file");
    assert_eq!((refused.mistakes[0].file.as_str(), refused.mistakes[0].line), ("ours.yaml", 1));
    assert_eq!(refused.files.len(), 2, "both texts are there to be shown");
    fs::write(repository.join(FILE_NAME), [0xff, 0xfe]).expect("written");
    assert!(load(&repository).expect_err("no text").to_string().contains("not UTF-8 text"));
}
