//! One suite for all stores. `agreement` holds the embedded store against the oracle under random actions.

mod agreement;

use rollcall::model::ActionKind::*;
use rollcall::model::{Collection, InvitationState, Names, Status};
use rollcall::plan::Action;
use rollcall::rules::{OffBoarding, Reactivation, Restores, RoleChangeLoss, Rules, SeatRefusal, Seats};
use rollcall::store::sqlite::SqliteStore;
use rollcall::store::{Effect, Reader, Which, Writer};

use crate::support::actions::{Act, V, act};
use crate::support::faulty::{Fault, Faulty};
use crate::support::memory::MemoryStore;
use crate::support::show::show;
use crate::support::{at, now, open_rules};

/// What the suite needs of a store beyond reading and writing.
trait TestStore: Writer {
    fn make(rules: Rules, own: Option<&str>) -> Bench<Self>
    where
        Self: Sized;
    fn answer(&mut self, key: &str, accept: bool, time: &str) -> Effect;
    fn invitations(&self) -> Vec<(String, InvitationState)>;
}

/// A store with the table of names of a run, and the folder of its file.
struct Bench<S> {
    store: S,
    names: Names,
    #[allow(dead_code, reason = "kept so that it is removed with the bench")]
    folder: Option<tempfile::TempDir>,
}

impl TestStore for MemoryStore {
    fn make(rules: Rules, own: Option<&str>) -> Bench<Self> {
        Bench { store: Self::new(rules, own), names: Names::new(), folder: None }
    }

    fn answer(&mut self, key: &str, accept: bool, time: &str) -> Effect {
        Self::answer(self, key, accept, at(time))
    }

    fn invitations(&self) -> Vec<(String, InvitationState)> {
        Self::invitations(self)
    }
}

impl TestStore for SqliteStore {
    fn make(rules: Rules, own: Option<&str>) -> Bench<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        Self::create(&path, &rules.identity).expect("a new store");
        let store = Self::open(&path, rules, own).expect("a store");
        Bench { store, names: Names::new(), folder: Some(folder) }
    }

    fn answer(&mut self, key: &str, accept: bool, time: &str) -> Effect {
        self.answer_invitation(key, accept, at(time)).expect("a store that can be written")
    }

    fn invitations(&self) -> Vec<(String, InvitationState)> {
        let all = self.list_invitations().expect("a store that can be read");
        all.into_iter().map(|one| (one.key, one.state)).collect()
    }
}

impl<S: Writer> Bench<S> {
    fn run_at(&mut self, acts: &[Act], time: &str) -> Vec<Effect> {
        let actions: Vec<Action> = acts.iter().map(|act| act.action(&mut self.names)).collect();
        let batch: Vec<&Action> = actions.iter().collect();
        now(self.store.execute(&self.names, &batch, at(time))).expect("a store that can be written")
    }

    fn run(&mut self, acts: &[Act]) -> Vec<Effect> {
        self.run_at(acts, "09:00:00")
    }

    fn one(&mut self, act: Act) -> Effect {
        self.run(&[act]).remove(0)
    }

    fn done(&mut self, acts: &[Act]) {
        let effects = self.run(acts);
        for (act, effect) in acts.iter().zip(effects) {
            assert_eq!(effect, Effect::Done, "{act:?}\n{}", self.show());
        }
    }

    fn show(&mut self) -> String {
        let live = now(self.store.read(&mut self.names, Which::All)).expect("a store that can be read");
        show(&live, &self.names)
    }

    fn show_of(&mut self, keys: &[&str]) -> String {
        let live = now(self.store.read(&mut self.names, Which::Users(keys))).expect("a store that can be read");
        let text = show(&live, &self.names);
        text.lines().filter(|line| line.starts_with("user ")).collect::<Vec<_>>().join(
            "
",
        )
    }

    fn status(&mut self, key: &str) -> Option<Status> {
        let live = now(self.store.read(&mut self.names, Which::Users(&[key]))).expect("a store that can be read");
        (!live.is_empty()).then(|| live.user(0).status)
    }
}

fn word(effect: &Effect) -> &'static str {
    match effect {
        Effect::Done => "done",
        Effect::AlreadyTrue => "already true",
        Effect::Conflict(_) => "conflict",
        Effect::Refused(_) => "refused",
        Effect::Failed(_) => "failed",
        Effect::Rewritten(_) => "rewritten",
        Effect::Unknown(_) => "unknown",
    }
}

fn words(effects: &[Effect]) -> Vec<&'static str> {
    effects.iter().map(word).collect()
}

fn catalog() -> Vec<Act> {
    vec![
        act(CreateRole).role("operator").after("rank", 20),
        act(CreateRole).role("manager").after("rank", 40).after("admin", true).after("site_access", "all"),
        act(CreateRole).role("auditor").after("rank", 5).after("applies_to", ["extra"]),
        act(CreateOrganization).organization("north").after("name", "North Quarries").after("attributes.region", "n"),
        act(CreateOrganization).organization("south"),
        act(CreateSite).organization("north").site("pit-1").after("name", "Pit 1").after("default", true),
        act(CreateSite).organization("north").site("pit-2").after("includes", ["pit-1"]),
        act(CreateSite).organization("south").site("pit-1"),
    ]
}

fn ana() -> Act {
    act(CreateUser)
        .user("Ana@example.com")
        .after("status", "active")
        .after("given_name", "Ana")
        .after("mfa", true)
        .after("api.routes", ["/a", "/b"])
        .after("attributes.level", 3)
        .gets("north", Some("operator"))
        .gets_site("north", "pit-1", None)
}

fn with_ana<S: TestStore>() -> Bench<S> {
    let mut bench = S::make(open_rules(), None);
    bench.done(&catalog());
    bench.done(&[ana()]);
    bench
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
            "li@example.com expired",
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

macro_rules! suite {
    ($store:ty, $module:ident: $($case:ident)+) => {
        mod $module {
            use super::*;
            $(#[test] fn $case() { super::$case::<$store>(); })+
        }
    };
}

macro_rules! all {
    ($($case:ident)+) => {
        suite!(SqliteStore, sqlite: $($case)+);
        suite!(MemoryStore, memory: $($case)+);
    };
}

all! {
    every_kind_is_done_and_then_already_true
    what_was_made_is_read
    a_change_behind_the_plan_is_a_conflict
    an_action_fails_alone
    seats_are_kept
    the_own_account_loses_nothing
    invitations_live
    an_expired_invitation_is_over
    onboarding_and_offboarding_follow_the_rules
    a_role_change_loses_what_the_rules_say
    named_users_are_read_alone
    evidence_is_complete
    hostile_names_are_names
    empty_and_not_set_are_one
    faults_are_injected
}
