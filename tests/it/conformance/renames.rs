//! Renames: what names something names it by the new name at once, in the catalog and on accounts.

use rollcall::model::ActionKind::*;
use rollcall::store::Effect;

use super::{Bench, TestStore, ana, catalog, with_ana, word};
use crate::support::actions::{Act, V, act};
use crate::support::open_rules;

all! {
    an_organization_takes_everything_along
    a_site_takes_everything_along
    a_role_takes_everything_along
    a_user_takes_everything_along
    names_that_are_taken_or_gone_are_refused
    a_rename_is_done_once
    renamed_objects_exchange_what_they_refer_to
}

/// The rename of an object to the name that its subject has.
fn rename(subject: Act, old: &str, new: &str) -> Act {
    subject.before("key", old).after("key", new)
}

fn organization(old: &str, new: &str) -> Act {
    rename(act(UpdateOrganization).organization(new), old, new)
}

fn site(old: &str, new: &str) -> Act {
    rename(act(UpdateSite).organization("north").site(new), old, new)
}

fn role(old: &str, new: &str) -> Act {
    rename(act(UpdateRole).role(new), old, new)
}

fn an_organization_takes_everything_along<S: TestStore>() {
    let mut bench: Bench<S> = with_ana();
    let refer = |name: &str| act(CreateOrganization).organization(name);
    bench.done(&[
        refer("child").after("parent", "north"),
        refer("group").after("includes", ["north", "south"]),
        act(InviteUser).user("kim@example.com").gets("north", Some("operator")).gets_site("north", "pit-2", None),
    ]);
    bench.done(&[organization("north", "up").before("name", "North Quarries").after("name", "Up")]);
    let shown = bench.show();
    assert!(!shown.contains("north"), "{shown}");
    for line in [
        r#"organization child {"parent": Text("up")}"#,
        r#"organization group {"includes": Set(["south", "up"])}"#,
        r#"organization up {"attributes.region": Text("n"), "name": Text("Up")}"#,
        r#"site up/pit-2 {"includes": Set(["pit-1"])}"#,
        "  at up/pit-1: -\n  in \"up\": operator",
        "  at up/pit-2: -\n  in \"up\": operator",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert_eq!(bench.store.answer("kim@example.com", true, "10:00:00"), Effect::Done, "the invitation is open");
}

fn a_site_takes_everything_along<S: TestStore>() {
    let mut bench: Bench<S> = with_ana();
    let default = act(UpdateMembership).user("ana@example.com").organization("north");
    bench.done(&[
        default.before("default_site", V::Null).after("default_site", "pit-1"),
        act(CreateSite).organization("north").site("shed").after("parent", "pit-1"),
        act(CreateSite).organization("south").site("shed").after("parent", "pit-1").after("includes", ["pit-1"]),
    ]);
    bench.done(&[site("pit-1", "pit-9")]);
    let shown = bench.show();
    for line in [
        r#"site north/pit-2 {"includes": Set(["pit-9"])}"#,
        r#"site north/pit-9 {"default": Bool(true), "name": Text("Pit 1")}"#,
        r#"site north/shed {"parent": Text("pit-9")}"#,
        "  at north/pit-9: -\n  in \"north\": operator [] pit-9",
        // The site of that name in another organization is another one.
        "site south/pit-1 {}",
        r#"site south/shed {"includes": Set(["pit-1"]), "parent": Text("pit-1")}"#,
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert!(!shown.contains("north/pit-1"), "{shown}");
}

fn a_role_takes_everything_along<S: TestStore>() {
    let mut bench: Bench<S> = with_ana();
    bench.done(&[
        act(CreateRole).role("chief").after("includes", ["auditor", "operator"]),
        act(GrantSite).user("ana@example.com").organization("north").site("pit-2").after("role", "operator"),
        act(UpdateMembership).user("ana@example.com").organization("north").after("extra_roles", ["auditor"]),
        act(InviteUser).user("kim@example.com").gets("south", Some("operator")),
    ]);
    bench.done(&[role("operator", "driver").before("rank", 20).after("rank", 25), role("auditor", "examiner")]);
    let shown = bench.show();
    assert!(!shown.contains("operator") && !shown.contains("auditor"), "{shown}");
    for part in [
        r#""includes": Set(["driver", "examiner"])"#,
        r#""rank": Number(25)"#,
        "  at north/pit-2: driver\n",
        "  in \"north\": driver [\"examiner\"] -",
        "  in \"south\": driver [] -",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}

fn a_user_takes_everything_along<S: TestStore>() {
    let mut bench: Bench<S> = with_ana();
    let before = bench.show();
    bench.done(&[act(RenameUser)
        .user("roy@example.com")
        .before("key", "ana@example.com")
        .after("key", "roy@example.com")]);
    let after = bench.show();
    assert_eq!(
        after,
        before.replace("Ana@example.com", "roy@example.com").replace("ana@example.com", "roy@example.com")
    );
    // A new account may have the former key, and is another one.
    bench.done(&[act(CreateUser).user("ana@example.com")]);
    assert_eq!(bench.show().matches("in \"north\"").count(), 1);
}

fn names_that_are_taken_or_gone_are_refused<S: TestStore>() {
    let mut bench: Bench<S> = with_ana();
    bench.done(&[act(CreateUser).user("ben@example.com")]);
    let user = |old: &str, new: &str| rename(act(RenameUser).user(new), old, new);
    let before = bench.show();
    for (taken, gone) in [
        (organization("north", "south"), organization("east", "west")),
        (site("pit-1", "pit-2"), site("pit-7", "pit-8")),
        (role("operator", "manager"), role("driver", "chief")),
        (user("ana@example.com", "ben@example.com"), user("kim@example.com", "li@example.com")),
    ] {
        assert_eq!(word(&bench.one(taken.clone())), "refused", "{taken:?}");
        assert_eq!(word(&bench.one(gone.clone())), "conflict", "{gone:?}");
    }
    assert_eq!(bench.show(), before, "nothing was written");
}

fn a_rename_is_done_once<S: TestStore>() {
    let mut bench: Bench<S> = with_ana();
    let user = rename(act(RenameUser).user("roy@example.com"), "ana@example.com", "roy@example.com");
    for once in [site("pit-1", "pit-9"), organization("north", "up"), role("operator", "driver"), user] {
        assert_eq!(bench.one(once.clone()), Effect::Done, "{once:?}");
        assert_eq!(bench.one(once.clone()), Effect::AlreadyTrue, "{once:?}");
    }
}

fn renamed_objects_exchange_what_they_refer_to<S: TestStore>() {
    let mut bench: Bench<S> = S::make(open_rules(), None);
    bench.done(&catalog());
    bench.done(&[ana()]);
    // The first lets go of what it refers to by the name that this has at that time; the other one takes it up.
    bench.done(&[
        site("pit-2", "old-2").before("includes", ["pit-1"]).after("includes", V::Set(Vec::new())),
        site("pit-1", "old-1").before("includes", V::Null).after("includes", ["old-2"]),
    ]);
    let shown = bench.show();
    assert!(shown.contains(r#""includes": Set(["old-2"]), "name": Text("Pit 1")"#), "{shown}");
    assert!(shown.contains("  at north/old-1: -"), "{shown}");
}
