//! What each kind of action does, and what it does when it can't.

use rollcall::model::ActionKind::*;
use rollcall::store::Effect;

use super::{TestStore, ana, with_ana, word, words};
use crate::support::actions::{V, act};

all! {
    every_kind_is_done_and_then_already_true
    what_was_made_is_read
    a_change_behind_the_plan_is_a_conflict
    an_action_fails_alone
}

fn every_kind_is_done_and_then_already_true<S: TestStore>() {
    let mut bench = with_ana::<S>();
    let key = "ana@EXAMPLE.com";
    let steps = [
        act(UpdateOrganization).organization("north").before("name", "North Quarries").after("name", "North"),
        act(UpdateSite).organization("north").site("pit-2").before("includes", ["pit-1"]).after("includes", V::Null),
        act(UpdateRole).role("operator").before("rank", 20).after("rank", 21),
        act(UpdateUser).user(key).before("given_name", "Ana").after("given_name", "Anna"),
        act(ChangeAccess).user(key).before("api.routes", ["/a", "/b"]).after("api.routes", ["/a"]),
        act(AddMembership).user(key).organization("south").after("role", V::Null).after("extra_roles", ["auditor"]),
        act(ChangeRole).user(key).organization("north").before("role", "operator").after("role", "manager"),
        act(ChangeRole).user(key).before("role", V::Null).after("role", "auditor"),
        act(UpdateMembership)
            .user(key)
            .organization("north")
            .before("default_site", V::Null)
            .after("default_site", "pit-2"),
        act(GrantSite).user(key).organization("south").site("pit-1").after("role", V::Null),
        act(ChangeSiteRole)
            .user(key)
            .organization("south")
            .site("pit-1")
            .before("role", V::Null)
            .after("role", "operator"),
        act(RevokeSite).user(key).organization("south").site("pit-1").before("role", "operator"),
        act(RemoveMembership)
            .user(key)
            .organization("south")
            .before("role", V::Null)
            .before("extra_roles", ["auditor"]),
        act(RenameUser).user("roy@example.com").before("key", "ana@example.com").after("key", "roy@example.com"),
        act(DeactivateUser).user("roy@example.com").before("status", "active").after("status", "inactive"),
        act(ReactivateUser).user("roy@example.com").before("status", "inactive").after("status", "active"),
        act(StripUser)
            .user("roy@example.com")
            .before("status", "active")
            .had("north")
            .had("")
            .had_site("north", "pit-1"),
        act(CloseUser).user("roy@example.com").before("status", "active").after("status", "closed"),
        act(DeleteUser).user("roy@example.com").before("status", "closed").before("key", "roy@example.com"),
        act(DeleteSite).organization("north").site("pit-1").before("name", "Pit 1"),
        act(DeleteSite).organization("south").site("pit-1"),
        act(DeleteOrganization).organization("south"),
        act(DeleteRole).role("auditor").before("rank", 5),
    ];
    for step in steps {
        assert_eq!(bench.one(step.clone()), Effect::Done, "{step:?}\n{}", bench.show());
        let after = bench.show();
        assert_eq!(bench.one(step.clone()), Effect::AlreadyTrue, "a second time: {step:?}");
        assert_eq!(bench.show(), after, "{step:?}");
    }
    assert_eq!(
        bench.show(),
        "organization north {\"attributes.region\": Text(\"n\"), \"name\": Text(\"North\")}\n\
         role manager {\"admin\": Bool(true), \"applies_to\": Set([\"organization\", \"site\"]), \"grantable\": Bool(true), \
         \"includes\": Set([]), \"name\": Null, \"permissions\": Set([]), \"protected\": Bool(false), \"rank\": Number(40), \
         \"site_access\": Text(\"all\")}\n\
         role operator {\"admin\": Bool(false), \"applies_to\": Set([\"organization\", \"site\"]), \"grantable\": Bool(true), \
         \"includes\": Set([]), \"name\": Null, \"permissions\": Set([]), \"protected\": Bool(false), \"rank\": Number(21), \
         \"site_access\": Text(\"selected\")}\n\
         site north/pit-2 {}\n"
    );
}

fn what_was_made_is_read<S: TestStore>() {
    let mut bench = with_ana::<S>();
    let user = "user Ana@example.com = ana@example.com active {\"api.routes\": Set([\"/a\", \"/b\"]), \
                \"attributes.level\": Number(3), \"given_name\": Text(\"Ana\"), \"mfa\": Bool(true)}\n  \
                at north/pit-1: -\n  in \"north\": operator [] -\n";
    let shown = bench.show();
    assert!(shown.contains(user), "{shown}");
    assert_eq!(bench.one(ana()), Effect::AlreadyTrue);
    let other = ana().after("given_name", "Eva");
    assert!(matches!(bench.one(other), Effect::Conflict(_)), "one key, one account");
}

fn a_change_behind_the_plan_is_a_conflict<S: TestStore>() {
    let mut bench = with_ana::<S>();
    let before = bench.show();
    let key = "ana@example.com";
    for step in [
        act(UpdateOrganization).organization("north").before("name", "Elsewhere").after("name", "New"),
        act(UpdateSite).organization("north").site("pit-9").before("name", "Pit 9").after("name", "New"),
        act(UpdateRole).role("operator").before("rank", 3).after("rank", 4),
        act(CreateRole).role("operator").after("rank", 99),
        act(DeleteRole).role("auditor").before("rank", 99),
        act(UpdateUser).user(key).before("given_name", "Zoe").after("given_name", "Anna"),
        act(UpdateUser).user("nobody@example.com").before("given_name", "Zoe").after("given_name", "Anna"),
        act(ChangeAccess).user(key).before("api.routes", ["/z"]).after("api.routes", ["/y"]),
        act(AddMembership).user(key).organization("north").after("role", "manager"),
        act(AddMembership).user(key).organization("east").after("role", "manager"),
        act(AddMembership).user(key).organization("south").after("role", "emperor"),
        act(ChangeRole).user(key).organization("north").before("role", "manager").after("role", V::Null),
        act(ChangeRole).user(key).organization("south").before("role", V::Null).after("role", "operator"),
        act(GrantSite).user(key).organization("south").site("pit-1").after("role", V::Null),
        act(GrantSite).user(key).organization("north").site("pit-9").after("role", V::Null),
        act(GrantSite).user(key).organization("north").site("pit-1").after("role", "operator"),
        act(RevokeSite).user(key).organization("north").site("pit-1").before("role", "operator"),
        act(ChangeSiteRole).user(key).organization("north").site("pit-2").after("role", "operator"),
        act(RemoveMembership).user(key).organization("north").before("role", "manager").had_site("north", "pit-1"),
        act(RemoveMembership).user(key).organization("north").before("role", "operator"),
        act(DeactivateUser).user(key).before("status", "invited").after("status", "inactive"),
        act(ReactivateUser).user(key).before("status", "inactive").after("status", "invited"),
        act(StripUser).user(key).had("north"),
        act(CloseUser).user(key).before("status", "active").had_site("north", "pit-1"),
        act(DeleteUser).user(key).before("status", "active"),
        act(RenameUser).user("b@example.com").before("key", "a@example.com").after("key", "b@example.com"),
        act(ResendInvitation).user(key).before("invitation", "pending").after("invitation", "pending"),
        act(SendInvitation).user(key).before("status", "preloaded").after("status", "invited"),
        act(CancelInvitation).user(key).before("invitation", "pending").after("invitation", "ended"),
    ] {
        let effect = bench.one(step.clone());
        assert_eq!(word(&effect), "conflict", "{step:?} {effect:?}");
        assert_eq!(bench.show(), before, "{step:?}");
    }
}

fn an_action_fails_alone<S: TestStore>() {
    let mut bench = with_ana::<S>();
    let key = "ana@example.com";
    let effects = bench.run(&[
        act(CreateUser).user("ben@example.com").gets("south", Some("operator")),
        // Half of this could be done, and is undone.
        act(CreateUser).user("kim@example.com").gets("north", Some("operator")).gets_site("south", "pit-1", None),
        act(CreateUser).user("no address"),
        act(UpdateUser).user(key).after("phone", "+33 1").after("shoe_size", 43),
        act(DeleteOrganization).organization("north").before("name", "North Quarries").before("attributes.region", "n"),
        act(DeleteSite).organization("north").site("pit-1"),
        act(DeleteRole).role("operator"),
        act(AddMembership).user(key).organization("south").after("role", "operator"),
    ]);
    assert_eq!(
        words(&effects),
        ["done", "refused", "refused", "failed", "refused", "refused", "refused", "done"],
        "{effects:?}"
    );
    let shown = bench.show();
    assert!(!shown.contains("kim@example.com") && !shown.contains("+33 1"), "{shown}");
    assert_eq!(shown.matches("in \"south\": operator").count(), 2, "{shown}");
}
