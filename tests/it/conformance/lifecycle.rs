//! Invitations, the ends of accounts, seats, and roles that are exchanged: what the rules say about them.

use rollcall::model::ActionKind::*;
use rollcall::model::Status;
use rollcall::rules::{OffBoarding, Reactivation, Restores, RoleChangeLoss, SeatRefusal, Seats};
use rollcall::store::Effect;

use super::{TestStore, ana, catalog, word, words};
use crate::support::actions::{V, act};
use crate::support::open_rules;

all! {
    seats_are_kept
    the_own_account_loses_nothing
    invitations_live
    an_expired_invitation_is_over
    onboarding_and_offboarding_follow_the_rules
    a_role_change_loses_what_the_rules_say
}

fn seats_are_kept<S: TestStore>() {
    let mut rules = open_rules();
    let counts = Some(vec![Status::Active, Status::Invited]);
    rules.seats = Some(Seats { max: Some(2), counts: counts.clone(), refuses: None });
    let mut bench = S::make(rules.clone(), None);
    let create = |key: &str| act(CreateUser).user(key).after("status", "active");
    let effects = bench.run(&[
        create("a@example.com"),
        create("b@example.com"),
        create("c@example.com"),
        act(InviteUser).user("d@example.com").after("status", "invited"),
        act(InviteUser).user("e@example.com").after("status", "preloaded"),
        act(SendInvitation).user("e@example.com").before("status", "preloaded").after("status", "invited"),
        act(DeactivateUser).user("a@example.com").before("status", "active").after("status", "inactive"),
        create("f@example.com"),
        act(ReactivateUser).user("a@example.com").before("status", "inactive").after("status", "active"),
        act(DeleteUser).user("b@example.com").before("status", "active"),
        act(ReactivateUser).user("a@example.com").before("status", "inactive").after("status", "active"),
    ]);
    assert_eq!(
        words(&effects),
        ["done", "done", "refused", "refused", "done", "refused", "done", "done", "refused", "done", "done"]
    );
    // In the next batch as well.
    assert_eq!(word(&bench.one(create("g@example.com"))), "refused");

    rules.seats = Some(Seats { max: Some(0), counts, refuses: Some(vec![SeatRefusal::Activate]) });
    let mut bench = S::make(rules, None);
    assert_eq!(bench.one(create("a@example.com")), Effect::Done, "only activation is refused");
}

fn the_own_account_loses_nothing<S: TestStore>() {
    let mut rules = open_rules();
    rules.denials.own = Some(vec![UpdateUser]);
    let mut bench = S::make(rules, Some("ANA@example.com"));
    bench.done(&catalog());
    bench.done(&[ana().after("email", "Ana@example.com")]);
    let key = "ana@example.com";
    bench.done(&[act(UpdateMembership)
        .user(key)
        .organization("north")
        .before("extra_roles", V::Null)
        .after("extra_roles", ["auditor"])]);
    for step in [
        act(UpdateUser).user(key).before("given_name", "Ana").after("given_name", "Anna"),
        act(DeactivateUser).user(key).before("status", "active").after("status", "inactive"),
        act(StripUser).user(key).before("status", "active").had("north").had_site("north", "pit-1"),
        act(CloseUser).user(key).before("status", "active").had("north").had_site("north", "pit-1"),
        act(DeleteUser).user(key).before("status", "active").had("north").had_site("north", "pit-1"),
        act(RemoveMembership).user(key).organization("north").before("role", "operator").had_site("north", "pit-1"),
        act(RevokeSite).user(key).organization("north").site("pit-1"),
        act(ChangeRole).user(key).organization("north").before("role", "operator").after("role", V::Null),
        act(ChangeRole).user(key).organization("north").before("role", "operator").after("role", "auditor"),
        act(UpdateMembership)
            .user(key)
            .organization("north")
            .before("extra_roles", ["auditor"])
            .after("extra_roles", V::Null),
        act(ChangeAccess).user(key).before("api.routes", ["/a", "/b"]).after("api.routes", ["/a", "/c"]),
    ] {
        let effect = bench.one(step.clone());
        assert_eq!(word(&effect), "refused", "{step:?} {effect:?}");
    }
    bench.done(&[act(ChangeRole).user(key).organization("north").before("role", "operator").after("role", "manager")]);
}

fn invitations_live<S: TestStore>() {
    let mut bench = S::make(open_rules(), None);
    bench.done(&catalog());
    let invite = |key: &str| {
        act(InviteUser)
            .user(key)
            .after("status", "invited")
            .gets("north", Some("operator"))
            .gets_site("north", "pit-1", None)
    };
    let kim = "kim@example.com";
    bench.done(&[invite(kim)]);
    assert_eq!(bench.one(invite(kim)), Effect::AlreadyTrue, "nobody is invited twice");
    assert!(bench.show().contains("ends: Some(2026-11-29T09:00:00Z)"), "{}", bench.show());
    assert_eq!(bench.store.answer(kim, true, "10:00:00"), Effect::Done);
    assert_eq!(bench.store.answer(kim, true, "10:00:00"), Effect::AlreadyTrue);
    assert_eq!(word(&bench.store.answer(kim, false, "10:00:00")), "refused");
    assert_eq!(word(&bench.store.answer("nobody@example.com", true, "10:00:00")), "refused");
    assert_eq!(bench.status(kim), Some(Status::Active));

    // Cancelled: the person goes, the history stays; and may be invited anew.
    let li = "li@example.com";
    bench.done(&[invite(li)]);
    let cancel = act(CancelInvitation).user(li).before("invitation", "pending").after("invitation", "ended");
    assert_eq!(word(&bench.one(cancel.clone())), "conflict", "it would take access that nobody reviewed");
    let other = cancel.clone().had_as("north", Some("manager")).had_site("north", "pit-1");
    assert_eq!(word(&bench.one(other)), "conflict", "it is another invitation than the plan saw");
    let cancel = cancel.had_as("north", Some("operator")).had_site("north", "pit-1");
    bench.done(std::slice::from_ref(&cancel));
    assert_eq!(bench.one(cancel), Effect::AlreadyTrue);
    assert_eq!(bench.status(li), None);
    bench.done(&[invite(li)]);
    assert_eq!(bench.store.answer(li, false, "10:00:00"), Effect::Done);
    assert_eq!(bench.status(li), Some(Status::Invited));
    let resend = act(ResendInvitation).user(li).before("invitation", "ended").after("invitation", "pending");
    bench.done(std::slice::from_ref(&resend));
    assert_eq!(bench.one(resend), Effect::AlreadyTrue);
    bench.done(&[act(ResendInvitation).user(li).before("invitation", "pending").after("invitation", "pending")]);

    // Preloaded, sent, then locked out.
    let max = "max@example.com";
    bench.done(&[act(InviteUser).user(max).after("status", "preloaded")]);
    assert_eq!(word(&bench.store.answer(max, true, "10:00:00")), "refused", "it was not sent");
    bench.done(&[act(RenameUser).user("Max@example.com").before("key", max)]);
    bench.done(&[act(SendInvitation).user(max).before("status", "preloaded").after("status", "invited")]);
    bench.done(&[act(DeactivateUser).user(max).before("status", "invited").after("status", "inactive")]);
    assert_eq!(word(&bench.store.answer(max, true, "10:00:00")), "refused");

    let all = bench.store.invitations();
    let states: Vec<_> = all.iter().map(|(key, state)| format!("{key} {}", state.as_str())).collect();
    assert_eq!(
        states,
        [
            "Max@example.com cancelled",
            "kim@example.com accepted",
            "li@example.com cancelled",
            "li@example.com declined",
            "li@example.com cancelled",
            "li@example.com pending",
        ]
    );
}

fn an_expired_invitation_is_over<S: TestStore>() {
    let mut rules = open_rules();
    rules.invitations.get_or_insert_default().ttl = Some("1h".parse().expect("a period"));
    let mut bench = S::make(rules, None);
    bench.done(&[act(InviteUser).user("kim@example.com")]);
    assert_eq!(word(&bench.store.answer("kim@example.com", true, "10:00:00")), "refused", "it ends at ten");
    assert_eq!(bench.status("kim@example.com"), Some(Status::Invited));
    let resend = act(ResendInvitation).user("kim@example.com").after("invitation", "pending");
    let effects = bench.run_at(&[resend.before("invitation", "ended")], "10:30:00");
    assert_eq!(words(&effects), ["done"]);
    assert_eq!(bench.store.answer("kim@example.com", true, "11:29:59"), Effect::Done);
}

fn onboarding_and_offboarding_follow_the_rules<S: TestStore>() {
    let mut rules = open_rules();
    rules.invitations = None;
    rules.offboarding = Some(vec![OffBoarding::Strip]);
    let mut bench = S::make(rules, None);
    let a = "a@example.com";
    let effects = bench.run(&[
        act(InviteUser).user("b@example.com"),
        act(CreateUser).user(a),
        act(SendInvitation).user(a),
        act(ResendInvitation).user(a),
        act(CancelInvitation).user(a),
        act(DeactivateUser).user(a),
        act(CloseUser).user(a),
        act(DeleteUser).user(a),
        act(StripUser).user(a),
        act(RenameUser).user("c@example.com").before("key", a),
    ]);
    let refused = "refused";
    assert_eq!(
        words(&effects),
        [refused, "done", refused, refused, refused, refused, refused, refused, "already true", "done"]
    );
    let mut rules = open_rules();
    rules.identity.immutable = None;
    let mut bench = S::make(rules, None);
    let effects = bench.run(&[act(CreateUser).user(a), act(RenameUser).user("c@example.com").before("key", a)]);
    assert_eq!(words(&effects), ["done", "refused"], "not stated: a key never changes");
}

fn a_role_change_loses_what_the_rules_say<S: TestStore>() {
    let mut rules = open_rules();
    rules.role_change_loses = Some(vec![RoleChangeLoss::Sites, RoleChangeLoss::ExtraRoles]);
    rules.reactivation = Reactivation { restores: Some(Restores::None), inactive_takes: None };
    let mut bench = S::make(rules, None);
    bench.done(&catalog());
    bench.done(&[ana()]);
    let key = "ana@example.com";
    bench.done(&[
        act(UpdateMembership).user(key).organization("north").after("extra_roles", ["auditor"]),
        act(ChangeRole).user(key).organization("north").before("role", "operator").after("role", "manager").gets_site(
            "north",
            "pit-2",
            Some("operator"),
        ),
    ]);
    let shown = bench.show();
    assert!(shown.contains("  at north/pit-2: operator\n  in \"north\": manager [] -"), "{shown}");
    bench.done(&[
        act(DeactivateUser).user(key).before("status", "active").after("status", "inactive"),
        act(ReactivateUser).user(key).before("status", "inactive").after("status", "active"),
    ]);
    let shown = bench.show();
    assert!(!shown.contains("in \"north\""), "nothing comes back: {shown}");
}
