//! What is read, and what of it can be relied upon.

use rollcall::model::ActionKind::*;
use rollcall::model::{Collection, Names};
use rollcall::store::{Effect, Reader, Which, Writer};

use super::{Bench, TestStore, with_ana, words};
use crate::support::actions::{V, act};
use crate::support::faulty::{Fault, Faulty};
use crate::support::{at, now, open_rules};

all! {
    named_users_are_read_alone
    evidence_is_complete
    hostile_names_are_names
    empty_and_not_set_are_one
    faults_are_injected
}

fn named_users_are_read_alone<S: TestStore>() {
    let mut bench = with_ana::<S>();
    bench.done(&[act(CreateUser).user("ben@example.com"), act(CreateUser).user("kim@example.com")]);
    assert_eq!(bench.show_of(&[]), "");
    assert_eq!(bench.show_of(&["nobody@example.com", "no address"]), "");
    let shown = bench.show_of(&["KIM@example.com", "ANA@EXAMPLE.COM", "ana@example.com"]);
    let keys: Vec<_> = shown.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(keys, ["Ana@example.com", "kim@example.com"]);
    let live = now(bench.store.read(&mut bench.names, Which::Users(&["ana@example.com"]))).expect("a read");
    assert_eq!((live.len(), live.user(0).memberships.len(), live.user(0).grants.len()), (1, 1, 1));
    assert_eq!(live.catalog.organizations.len(), 2, "the catalog is always read");
}

fn evidence_is_complete<S: TestStore>() {
    let mut bench = with_ana::<S>();
    let live = now(bench.store.read(&mut bench.names, Which::All)).expect("a read");
    assert!(live.evidence.is_complete(), "{:?}", live.evidence);
    let mut empty = S::make(open_rules(), None);
    let live = now(empty.store.read(&mut empty.names, Which::All)).expect("a read");
    assert!(live.evidence.is_complete() && live.is_empty());
}

fn hostile_names_are_names<S: TestStore>() {
    let mut bench = S::make(open_rules(), None);
    for name in [
        "Robert'); DROP TABLE users;--",
        "=cmd()",
        "@everyone",
        "\"quoted\" \\ back",
        "{\"json\": [1]}",
        "Zürich – 北京 – \u{1F3D4}",
        "%_*?[a]",
        "null",
    ] {
        let key = format!("{}@bücher.example", name.replace(|c: char| !c.is_alphanumeric(), ""));
        bench.done(&[
            act(CreateRole).role(name).after("permissions", [name, "x"]).after("rank", 1),
            act(CreateOrganization).organization(name).after("name", name).after("attributes.a", name),
            act(CreateSite).organization(name).site(name).after("name", name),
            act(CreateUser)
                .user(&key)
                .after("given_name", name)
                .after("attributes.text", name)
                .after("attributes.set", [name, "x"])
                .gets(name, Some(name))
                .gets_site(name, name, Some(name)),
        ]);
        let found = bench.show_of(&[&key.to_uppercase()]);
        assert!(found.contains(&format!("\"given_name\": Text({name:?})")), "{key}: {found}");
        bench.done(&[
            act(UpdateUser).user(&key).before("given_name", name).after("given_name", "x"),
            act(RemoveMembership).user(&key).organization(name).before("role", name).had_site(name, name),
            act(DeleteUser).user(&key),
            act(DeleteSite).organization(name).site(name),
            act(DeleteOrganization).organization(name),
            act(DeleteRole).role(name),
        ]);
    }
    assert_eq!(bench.show(), "");
}

fn empty_and_not_set_are_one<S: TestStore>() {
    let mut bench = with_ana::<S>();
    let key = "ana@example.com";
    for step in [
        act(UpdateUser).user(key).before("phone", "").after("phone", ""),
        act(UpdateUser).user(key).before("attributes.x", V::Null).after("attributes.x", V::from([])),
        act(UpdateUser).user(key).before("attributes.x", V::Null).after("attributes.x", false),
        act(AddMembership).user(key).organization("north").after("role", "operator").after("extra_roles", V::from([])),
    ] {
        assert_eq!(bench.one(step.clone()), Effect::AlreadyTrue, "{step:?}");
    }
    bench.done(&[act(ChangeAccess).user(key).before("api.routes", ["/a", "/b"]).after("api.routes", V::Null)]);
    assert!(!bench.show().contains("api.routes"));
}

fn faults_are_injected<S: TestStore + Send>() {
    let bench = with_ana::<S>();
    let identity = open_rules().identity;
    let failed = Effect::Failed("made to fail".to_owned());
    let faults = [
        (1, Fault::Error),
        (3, Fault::AnswerLost),
        (4, Fault::Stale),
        (5, Fault::Effect(0, failed.clone())),
        (7, Fault::Partial(Collection::Grants)),
        (9, Fault::Error),
    ];
    let mut bench =
        Bench { store: Faulty::new(bench.store, identity, faults), names: bench.names, folder: bench.folder };
    assert!(now(bench.store.read(&mut bench.names, Which::All)).is_err(), "1");
    bench.show();
    let create = |key: &str| act(CreateUser).user(key);
    assert_eq!(words(&bench.run(&[create("b@example.com")])), ["unknown"], "3");
    assert_eq!(bench.show_of(&["b@example.com"]), "", "4: what was there before");
    assert_eq!(bench.run(&[create("c@example.com"), create("d@example.com")]), [failed, Effect::Done], "5");
    let shown = bench.show();
    assert!(shown.contains("b@example.com") && !shown.contains("c@example.com"), "6: {shown}");
    let live = now(bench.store.read(&mut bench.names, Which::All)).expect("a read");
    assert!(!live.evidence.is_complete(), "7");
    assert!(bench.show().contains("d@example.com"), "8");
    assert_eq!((bench.store.calls(), bench.store.unspent().count()), (8, 1));
    let mut names = Names::new();
    let action = create("e@example.com").action(&mut names);
    assert!(now(bench.store.execute(&names, &[&action], at("09:00:00"))).is_err(), "9");
    assert!(!bench.show().contains("e@example.com"));
}
