//! The embedded store and the oracle do the same under random sequences of actions, and then hold the same.

use proptest::prelude::*;
use rollcall::model::ActionKind::{self, *};
use rollcall::model::Status;
use rollcall::rules::{OffBoarding, Restores, RoleChangeLoss, Rules, SeatRefusal, Seats};
use rollcall::store::sqlite::SqliteStore;

use super::{TestStore, catalog, word, words};
use crate::support::actions::{Act, V, act};
use crate::support::memory::MemoryStore;
use crate::support::open_rules;

/// Any action on a small world, so that most of them meet something.
fn any_act() -> impl Strategy<Value = Act> {
    let kinds: Vec<ActionKind> = ActionKind::ALL.to_vec();
    let role = || prop_oneof![Just(None), Just(Some("operator")), Just(Some("manager")), Just(Some("nil"))];
    let word = prop::sample::select(vec!["none", "pending", "ended"]);
    let statuses = || {
        let mut statuses: Vec<Option<&str>> = Status::ALL.iter().map(|status| Some(status.as_str())).collect();
        statuses.extend([None, None, Some("active"), Some("active")]);
        prop::sample::select(statuses)
    };
    let users = vec!["ana@example.com", "Ben@example.com", "kim@example.com", "BEN@EXAMPLE.COM"];
    (
        prop::sample::select(kinds),
        prop::sample::select(users),
        prop::sample::select(vec!["north", "south", ""]),
        prop::sample::select(vec!["pit-1", "pit-2"]),
        (role(), role(), statuses(), statuses()),
        (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), word),
    )
        .prop_map(|(kind, user, organization, site, (from, to, status, next), (a, b, c, d, word))| {
            let text = |yes: bool| if yes { V::from("x") } else { V::Null };
            let set = |yes: bool| if yes { V::from(["auditor"]) } else { V::Null };
            let name = if organization.is_empty() { "east" } else { organization };
            let user_act = act(kind).user(user);
            let member = || {
                let act = act(kind).user(user);
                if organization.is_empty() { act } else { act.organization(organization) }
            };
            match kind {
                CreateOrganization => act(kind).organization(name).after("name", text(a)),
                UpdateOrganization => act(kind).organization(name).before("name", text(a)).after("name", text(b)),
                DeleteOrganization => act(kind).organization(name).before("name", text(a)),
                CreateSite => act(kind).organization(name).site(site).after("kind", text(a)),
                UpdateSite => act(kind).organization(name).site(site).before("kind", text(a)).after("kind", text(b)),
                DeleteSite => act(kind).organization(name).site(site),
                CreateRole => act(kind).role(to.unwrap_or("auditor")).after("admin", a),
                UpdateRole => act(kind).role(to.unwrap_or("auditor")).before("admin", a).after("admin", b),
                DeleteRole => act(kind).role(to.unwrap_or("auditor")),
                InviteUser | CreateUser => {
                    let mut act = user_act.after("given_name", text(a));
                    if let Some(next) = next {
                        act = act.after("status", next);
                    }
                    if b {
                        act = act.gets(name, to);
                    }
                    if c {
                        act = act.gets_site(name, site, None);
                    }
                    if d { act.gets("", from) } else { act }
                }
                UpdateUser => {
                    user_act.before("given_name", text(a)).after("given_name", text(b)).after("phone", text(c))
                }
                ChangeAccess => user_act.before("api.enabled", a).after("api.enabled", b),
                RenameUser => user_act.before("key", if a { "kim@example.com" } else { "ben@example.com" }),
                DeactivateUser | StripUser | CloseUser | DeleteUser => {
                    let mut act = user_act;
                    if let Some(status) = status {
                        act = act.before("status", status);
                    }
                    if a {
                        act = act.had("north").had("south").had("");
                    }
                    if b {
                        act.had_site("north", "pit-1").had_site("north", "pit-2").had_site("south", "pit-1")
                    } else {
                        act
                    }
                }
                ReactivateUser => {
                    let act = user_act.before("status", status.unwrap_or("inactive"));
                    act.after("status", if a { "active" } else { "invited" })
                }
                SendInvitation => user_act.before("status", status.unwrap_or("preloaded")).after("status", "invited"),
                ResendInvitation => user_act.before("invitation", word).after("invitation", "pending"),
                CancelInvitation => {
                    let act = user_act.before("invitation", word).after("invitation", "ended");
                    if a { act.had("north").had("south").had("").had_site("north", "pit-1") } else { act }
                }
                AddMembership => member().after("role", to).after("extra_roles", set(a)),
                ChangeRole => member().before("role", from).after("role", to),
                UpdateMembership => {
                    let act = member().before("extra_roles", set(a)).after("extra_roles", set(b));
                    if c && !organization.is_empty() { act.after("default_site", site) } else { act }
                }
                RemoveMembership => {
                    let act = member().before("role", from);
                    if a { act.had_site("north", "pit-1").had_site("north", "pit-2") } else { act }
                }
                GrantSite => user_act.organization(name).site(site).after("role", to),
                ChangeSiteRole => user_act.organization(name).site(site).before("role", from).after("role", to),
                RevokeSite => user_act.organization(name).site(site).before("role", from),
            }
        })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let offboarding = prop_oneof![
        3 => Just(None),
        1 => Just(Some(vec![OffBoarding::Deactivate, OffBoarding::Delete])),
        1 => Just(Some(vec![OffBoarding::Strip, OffBoarding::Close])),
    ];
    (prop::option::of(0_u32..4), any::<[bool; 5]>(), offboarding).prop_map(|(seats, [a, b, c, d, e], offboarding)| {
        let mut rules = open_rules();
        rules.seats = seats.map(|max| Seats {
            max: Some(max),
            counts: a.then(|| vec![Status::Active, Status::Invited]),
            refuses: b.then(|| vec![SeatRefusal::Create]),
        });
        rules.offboarding = offboarding;
        rules.role_change_loses = c.then(|| vec![RoleChangeLoss::Sites]);
        rules.reactivation.restores = d.then_some(Restores::None);
        rules.undo.close = e.then_some(true);
        rules
    })
}

/// A case makes a file and syncs it many times, so there are fewer of them than elsewhere.
fn quarter() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.div_ceil(4), failure_persistence: None, ..config }
}

proptest! {
    #![proptest_config(quarter())]

    #[test]
    fn embedded_store_and_oracle_agree(
        rules in any_rules(),
        own in prop::option::of(Just("ben@example.com")),
        acts in prop::collection::vec(any_act(), 1..60),
        answers in prop::collection::vec((0_usize..60, any::<bool>()), 0..6),
        batch in 1_usize..7,
    ) {
        let mut real = SqliteStore::make(rules.clone(), own);
        let mut oracle = MemoryStore::make(rules, own);
        prop_assert_eq!(words(&real.run(&catalog())), words(&oracle.run(&catalog())));
        for (turn, chunk) in acts.chunks(batch).enumerate() {
            let (effects, expected) = (real.run(chunk), oracle.run(chunk));
            prop_assert_eq!(words(&effects), words(&expected), "{:?}\n{:?}\n{}", chunk, effects, oracle.show());
            prop_assert_eq!(real.show(), oracle.show(), "{:?}", chunk);
            for &(_, accept) in answers.iter().filter(|(at, _)| *at == turn) {
                let (effect, expected) = (
                    TestStore::answer(&mut real.store, "ben@example.com", accept, "10:00:00"),
                    TestStore::answer(&mut oracle.store, "ben@example.com", accept, "10:00:00"),
                );
                prop_assert_eq!(word(&effect), word(&expected), "{:?}", effect);
            }
            prop_assert_eq!(TestStore::invitations(&real.store), TestStore::invitations(&oracle.store));
        }
    }
}
