//! What the live state says about an action: each kind of action, found done, not done, rewritten, something else.

use jiff::Timestamp;
use rollcall::model::{
    ActionKind, Collection, Completeness, Fact, Grant, Invitation, InvitationState, List, LiveRecord, LiveState,
    Membership, Name, Names, Organization, Role, Site, Status, Value, known,
};
use rollcall::plan::{Action, Seen, Shown, State, Subject, shows};
use rollcall::rules::{Attribute, AttributeType, Comparison, Field, Rules};

const KEY: &str = "ana@example.com";

struct World {
    names: Names,
    rules: Rules,
    live: LiveState,
}

/// An account with a membership in `north` as operator and a grant of `north/pit-1`.
fn record(names: &mut Names, key: &str, status: Status) -> LiveRecord {
    let identity = names.intern(&key.to_lowercase());
    let (organization, site, role) = (names.intern("north"), names.intern("pit-1"), names.intern("operator"));
    let given_name = names.intern("Ana");
    LiveRecord {
        id: identity,
        key: names.intern(key),
        identity: Some(identity),
        status,
        facts: vec![Fact::new(known::GIVEN_NAME, Value::Text(given_name))],
        memberships: vec![Membership {
            organization,
            role: Some(role),
            extra_roles: names.list(&[]),
            default_site: None,
        }],
        grants: vec![Grant { organization, site, role: None }],
        invitation: None,
    }
}

impl World {
    fn empty() -> Self {
        Self { names: Names::new(), rules: Rules::default(), live: LiveState::default() }
    }

    fn with(change: impl FnOnce(&mut Names, &mut LiveRecord)) -> Self {
        let mut world = Self::empty();
        let mut record = record(&mut world.names, KEY, Status::Active);
        change(&mut world.names, &mut record);
        world.live.push(record);
        world
    }

    fn status(status: Status) -> Self {
        Self::with(|_, record| record.status = status)
    }

    fn n(&mut self, text: &str) -> Name {
        self.names.intern(text)
    }

    fn text(&mut self, field: &str, value: &str) -> Fact {
        Fact::new(self.names.intern(field), Value::Text(self.names.intern(value)))
    }

    fn state(&mut self, fields: &[(&str, &str)]) -> State {
        State::of(fields.iter().map(|(field, value)| self.text(field, value)).collect())
    }

    fn action(&mut self, kind: ActionKind, before: Option<State>, after: Option<State>) -> Action {
        Action::new(kind, Subject { user: Some(self.n(KEY)), ..Subject::default() }, before, after)
    }

    /// An action in `north`, on one of its sites if there is one.
    fn access(&mut self, kind: ActionKind, site: Option<&str>, before: Option<State>, after: Option<State>) -> Action {
        let mut action = self.action(kind, before, after);
        action.subject.organization = Some(self.n("north"));
        action.subject.site = site.map(|site| self.n(site));
        action
    }

    fn shows(&self, action: &Action) -> Shown {
        let Self { names, rules, live } = self;
        let at = Timestamp::new(1_000, 0).unwrap();
        shows(action, &Seen { names, rules, live, at, since: None })
    }

    fn shows_like(&mut self, kind: ActionKind) -> Shown {
        let (before, after) = (self.state(&[("invitation", "pending")]), self.state(&[("invitation", "ended")]));
        let action = self.action(kind, Some(before), Some(after));
        self.shows(&action)
    }

    fn partial(mut self, collection: Collection) -> Self {
        self.live.evidence.note(collection, Completeness::Partial("page 2 is missing".to_owned()));
        self
    }
}

fn role(names: &mut Names, role: &str) -> State {
    State::field(known::ROLE, Value::Text(names.intern(role)))
}

fn is_other(shown: &Shown) -> bool {
    matches!(shown, Shown::Other(_))
}

fn is_unknown(shown: &Shown) -> bool {
    matches!(shown, Shown::Unknown(_))
}

#[test]
fn creations() {
    let creation = |world: &mut World| {
        let mut after = world.state(&[("status", "active"), ("given_name", "Ana")]);
        let wanted = record(&mut world.names, KEY, Status::Active);
        (after.memberships, after.grants) = (wanted.memberships, wanted.grants);
        world.action(ActionKind::CreateUser, None, Some(after))
    };
    let shown = |mut world: World| {
        let action = creation(&mut world);
        world.shows(&action)
    };
    assert_eq!(shown(World::empty()), Shown::Before);
    assert_eq!(shown(World::with(|_, _| {})), Shown::After);
    assert!(is_unknown(&shown(World::empty().partial(Collection::Users))), "missing in a part is not missing");
    assert!(is_other(&shown(World::with(|_, record| record.grants.clear()))), "a grant did not come with it");
    assert!(is_other(&shown(World::with(|_, record| record.memberships.clear()))));
    let partial = World::with(|_, record| record.grants.clear()).partial(Collection::Grants);
    assert!(is_unknown(&shown(partial)));
    assert!(is_other(&shown(World::with(|_, record| record.facts.clear()))), "a field was not set");
    assert!(is_other(&shown(World::status(Status::Inactive))));
    let renamed = World::with(|names, record| record.facts[0].value = Value::Text(names.intern("ANA")));
    assert_eq!(shown(renamed), Shown::Rewritten("`given_name` is `ANA` and not `Ana`".to_owned()));
    let mut tolerant = World::with(|names, record| record.facts[0].value = Value::Text(names.intern("ANA")));
    let field = Field { compare: Some(Comparison::Case), ..Field::default() };
    tolerant.rules.fields.insert("given_name".to_owned(), Some(field));
    assert_eq!(shown(tolerant), Shown::After, "the rules decide what is the same");
    let another_role = World::with(|names, record| record.memberships[0].role = Some(names.intern("manager")));
    assert!(matches!(shown(another_role), Shown::Rewritten(_)));
}

#[test]
fn an_invitation_that_was_accepted_meanwhile_is_done() {
    for (status, is_after) in
        [(Status::Invited, true), (Status::Active, true), (Status::Preloaded, false), (Status::Inactive, false)]
    {
        let mut world = World::status(status);
        let after = world.state(&[("status", "invited")]);
        let action = world.action(ActionKind::InviteUser, None, Some(after));
        assert_eq!(world.shows(&action) == Shown::After, is_after, "{status:?}");
    }
}

#[test]
fn profile_changes() {
    let shown = |live: &str, before: &str, after: &str| {
        let mut world = World::with(|names, record| record.facts[0].value = Value::Text(names.intern(live)));
        let (before, after) = (world.state(&[("given_name", before)]), world.state(&[("given_name", after)]));
        let action = world.action(ActionKind::UpdateUser, Some(before), Some(after));
        world.shows(&action)
    };
    assert_eq!(shown("Ana", "Anna", "Ana"), Shown::After);
    assert_eq!(shown("Anna", "Anna", "Ana"), Shown::Before);
    assert!(matches!(shown("ANA", "Anna", "Ana"), Shown::Rewritten(_)));

    // One of two fields was changed: that is no rewriting.
    let mut world = World::with(|_, _| {});
    let before = world.state(&[("given_name", "Anna"), ("language", "")]);
    let after = world.state(&[("given_name", "Ana"), ("language", "fr")]);
    let action = world.action(ActionKind::UpdateUser, Some(before), Some(after));
    assert!(is_other(&world.shows(&action)));

    // What can't be read back is not compared.
    let attribute = Attribute {
        all_or_none: None,
        kind: AttributeType::Text,
        values: None,
        required: None,
        immutable: None,
        write_only: Some(true),
        compare: None,
        access: None,
        empty: None,
        admin: None,
    };
    world.rules.attributes.insert("pin".to_owned(), Some(attribute));
    let after = world.state(&[("given_name", "Ana"), ("attributes.pin", "1234")]);
    let action = world.action(ActionKind::UpdateUser, None, Some(after));
    assert_eq!(world.shows(&action), Shown::After);

    // The field that is the key is the key.
    let after = world.state(&[("email", "Ana@Example.com")]);
    let action = world.action(ActionKind::UpdateUser, None, Some(after));
    assert_eq!(world.shows(&action), Shown::After);
}

#[test]
fn the_end_of_accounts_and_their_return() {
    let status = |world: &mut World, kind, before: &str, after: &str| {
        let (before, after) = (world.state(&[("status", before)]), world.state(&[("status", after)]));
        world.action(kind, Some(before), Some(after))
    };
    for (kind, before, after) in [
        (ActionKind::DeactivateUser, Status::Active, Status::Inactive),
        (ActionKind::ReactivateUser, Status::Inactive, Status::Active),
        (ActionKind::CloseUser, Status::Active, Status::Closed),
        (ActionKind::SendInvitation, Status::Preloaded, Status::Invited),
    ] {
        for (live, expected) in [(before, Shown::Before), (after, Shown::After)] {
            let mut world = World::status(live);
            let action = status(&mut world, kind, before.as_str(), after.as_str());
            assert_eq!(world.shows(&action), expected, "{kind:?} {live:?}");
        }
        let mut world = World::empty();
        let action = status(&mut world, kind, before.as_str(), after.as_str());
        assert!(is_other(&world.shows(&action)), "{kind:?}: the account is gone");
    }

    let mut world = World::with(|_, _| {});
    let action = status(&mut world, ActionKind::StripUser, "active", "active");
    assert_eq!(world.shows(&action), Shown::Before);
    let mut world = World::with(|_, record| {
        record.memberships.clear();
        record.grants.clear();
    });
    let action = status(&mut world, ActionKind::StripUser, "active", "active");
    assert_eq!(world.shows(&action), Shown::After);

    let deletion = |mut world: World, fall_back| {
        let before = world.state(&[("status", "active"), ("key", KEY)]);
        let mut action = world.action(ActionKind::DeleteUser, Some(before), None);
        action.fall_back = fall_back;
        world.shows(&action)
    };
    assert_eq!(deletion(World::with(|_, _| {}), None), Shown::Before);
    assert_eq!(deletion(World::empty(), None), Shown::After);
    assert!(is_unknown(&deletion(World::empty().partial(Collection::Users), None)));
    assert!(is_other(&deletion(World::status(Status::Closed), None)));
    assert_eq!(deletion(World::status(Status::Closed), Some(ActionKind::CloseUser)), Shown::After);
}

#[test]
fn renames() {
    let shown = |live: &[&str], old: &str, new: &str| {
        let mut world = World::empty();
        for key in live {
            let record = record(&mut world.names, key, Status::Active);
            world.live.push(record);
        }
        let (before, after) = (world.state(&[("key", old)]), world.state(&[("key", new)]));
        let mut action = world.action(ActionKind::RenameUser, Some(before), Some(after));
        action.subject.user = Some(world.n(new));
        world.shows(&action)
    };
    let (old, new) = ("old@example.com", "new@example.com");
    assert_eq!(shown(&[old], old, new), Shown::Before);
    assert_eq!(shown(&[new], old, new), Shown::After);
    assert!(is_other(&shown(&[old, new], old, new)));
    assert!(is_other(&shown(&[], old, new)));
    assert_eq!(shown(&["Old@example.com"], "Old@example.com", old), Shown::Before, "another spelling only");
    assert_eq!(shown(&[old], "Old@example.com", old), Shown::After);
}

#[test]
fn invitations() {
    let invitation = |state, ends| Some(Invitation { state, sent: None, ends: Some(Timestamp::new(ends, 0).unwrap()) });
    let shown = |live: Option<Invitation>, before: &str, after: &str| {
        let mut world = World::with(|_, record| record.invitation = live);
        let (before, after) = (world.state(&[("invitation", before)]), world.state(&[("invitation", after)]));
        let action = world.action(ActionKind::CancelInvitation, Some(before), Some(after));
        world.shows(&action)
    };
    let (pending, over) = (invitation(InvitationState::Pending, 2_000), invitation(InvitationState::Pending, 500));
    assert_eq!(shown(pending, "pending", "none"), Shown::Before);
    assert_eq!(shown(over, "pending", "none"), Shown::After, "its time is over");
    assert_eq!(shown(None, "pending", "none"), Shown::After);
    assert_eq!(shown(invitation(InvitationState::Cancelled, 2_000), "pending", "ended"), Shown::After);
    assert!(is_other(&shown(invitation(InvitationState::Accepted, 2_000), "pending", "none")));
    assert_eq!(shown(invitation(InvitationState::Suppressed, 2_000), "none", "ended"), Shown::Before, "never sent");
    assert_eq!(shown(over, "ended", "none"), Shown::Before, "only taken off the list");
    let mut world = World::empty();
    let (before, after) = (world.state(&[("invitation", "ended")]), world.state(&[("invitation", "none")]));
    let action = world.action(ActionKind::CancelInvitation, Some(before), Some(after));
    assert_eq!(world.shows(&action), Shown::After, "nobody is left");
    assert!(is_unknown(&world.partial(Collection::Users).shows(&action)));
    assert!(is_unknown(
        &World::with(|_, _| {}).partial(Collection::Invitations).shows_like(ActionKind::CancelInvitation)
    ));
    assert_eq!(shown(over, "ended", "pending"), Shown::Before, "sent again");
    assert_eq!(shown(pending, "ended", "pending"), Shown::After);
}

#[test]
fn memberships() {
    let addition = |mut world: World| {
        let after = role(&mut world.names, "operator");
        let action = world.access(ActionKind::AddMembership, None, None, Some(after));
        world.shows(&action)
    };
    let none = || {
        World::with(|_, record| {
            record.memberships.clear();
            record.grants.clear();
        })
    };
    assert_eq!(addition(World::with(|_, _| {})), Shown::After);
    assert_eq!(addition(none()), Shown::Before);
    assert!(is_unknown(&addition(none().partial(Collection::Memberships))));
    let manager = || World::with(|names, record| record.memberships[0].role = Some(names.intern("manager")));
    assert!(matches!(addition(manager()), Shown::Rewritten(_)), "the store gave another role");

    let change = |mut world: World| {
        let (before, after) = (role(&mut world.names, "operator"), role(&mut world.names, "manager"));
        let action = world.access(ActionKind::ChangeRole, None, Some(before), Some(after));
        world.shows(&action)
    };
    assert_eq!(change(World::with(|_, _| {})), Shown::Before);
    assert_eq!(change(manager()), Shown::After);
    assert!(is_other(&change(none())), "no member any more");

    let removal = |mut world: World| {
        let mut before = role(&mut world.names, "operator");
        before.grants = record(&mut world.names, KEY, Status::Active).grants;
        let action = world.access(ActionKind::RemoveMembership, None, Some(before), None);
        world.shows(&action)
    };
    assert_eq!(removal(World::with(|_, _| {})), Shown::Before);
    assert_eq!(removal(none()), Shown::After);
    assert_eq!(removal(World::empty()), Shown::After, "nobody is no member");
    assert!(is_other(&removal(World::with(|_, record| record.memberships.clear()))), "its grants are left");
    assert!(is_other(&removal(World::with(|_, record| record.grants.clear()))), "it had a grant before");
}

#[test]
fn a_role_on_the_platform_may_be_none() {
    let shown = |live: Option<&str>, before: Option<&str>, after: Option<&str>| {
        let mut world = World::with(|names, record| {
            let role = live.map(|role| names.intern(role));
            record.memberships = live
                .map(|_| Membership {
                    organization: known::PLATFORM,
                    role,
                    extra_roles: names.list(&[]),
                    default_site: None,
                })
                .into_iter()
                .collect();
        });
        let mut state = |role: Option<&str>| {
            let role = role.map(|role| world.names.intern(role));
            Some(State::field(known::ROLE, Value::optional_text(role)))
        };
        let (before, after) = (state(before), state(after));
        let action = world.action(ActionKind::ChangeRole, before, after);
        world.shows(&action)
    };
    assert_eq!(shown(None, None, Some("admin")), Shown::Before);
    assert_eq!(shown(Some("admin"), None, Some("admin")), Shown::After);
    assert_eq!(shown(None, Some("admin"), None), Shown::After);
    assert_eq!(shown(Some("admin"), Some("admin"), None), Shown::Before);

    // A new account with nothing on the platform has nothing there.
    let mut world = World::with(|_, _| {});
    let mut after = world.state(&[("status", "active")]);
    after.memberships =
        vec![Membership { organization: known::PLATFORM, role: None, extra_roles: List::EMPTY, default_site: None }];
    let action = world.action(ActionKind::CreateUser, None, Some(after));
    assert_eq!(world.shows(&action), Shown::After);
}

#[test]
fn grants() {
    let shown = |mut world: World, kind, site, before: Option<Option<&str>>, after: Option<Option<&str>>| {
        let mut state = |role: Option<Option<&str>>| {
            role.map(|role| {
                let role = role.map(|role| world.names.intern(role));
                State::field(known::ROLE, Value::optional_text(role))
            })
        };
        let (before, after) = (state(before), state(after));
        let action = world.access(kind, Some(site), before, after);
        world.shows(&action)
    };
    let live = || World::with(|_, _| {});
    let reader = || World::with(|names, record| record.grants[0].role = Some(names.intern("read")));
    assert_eq!(shown(live(), ActionKind::GrantSite, "pit-1", None, Some(None)), Shown::After);
    assert_eq!(shown(live(), ActionKind::GrantSite, "pit-2", None, Some(None)), Shown::Before);
    assert!(is_other(&shown(live(), ActionKind::GrantSite, "pit-1", None, Some(Some("read")))), "the role is missing");
    let change = (Some(None), Some(Some("read")));
    assert_eq!(shown(live(), ActionKind::ChangeSiteRole, "pit-1", change.0, change.1), Shown::Before);
    assert_eq!(shown(reader(), ActionKind::ChangeSiteRole, "pit-1", change.0, change.1), Shown::After);
    assert_eq!(shown(live(), ActionKind::RevokeSite, "pit-1", Some(None), None), Shown::Before);
    assert_eq!(shown(live(), ActionKind::RevokeSite, "pit-2", Some(None), None), Shown::After);
    let partial = live().partial(Collection::Grants);
    assert!(is_unknown(&shown(partial, ActionKind::RevokeSite, "pit-2", Some(None), None)));
}

#[test]
fn the_catalog() {
    let mut world = World::empty();
    let (north, pit, operator) = (world.n("north"), world.n("pit-1"), world.n("operator"));
    let title = world.n("North Quarries");
    let subjects = [
        (ActionKind::CreateOrganization, ActionKind::DeleteOrganization, Collection::Organizations),
        (ActionKind::CreateSite, ActionKind::DeleteSite, Collection::Sites),
        (ActionKind::CreateRole, ActionKind::DeleteRole, Collection::Roles),
    ];
    let name = |title| State::field(known::NAME, Value::Text(title));
    let action = |world: &mut World, kind, collection, before, after| {
        let mut action = world.action(kind, before, after);
        let is = |other| (collection == other).then_some(());
        action.subject = Subject {
            user: None,
            organization: is(Collection::Roles).is_none().then_some(north),
            site: is(Collection::Sites).map(|()| pit),
            role: is(Collection::Roles).map(|()| operator),
        };
        action
    };
    for (create, delete, collection) in subjects {
        let creation = action(&mut world, create, collection, None, Some(name(title)));
        let deletion = action(&mut world, delete, collection, Some(name(title)), None);
        assert_eq!(world.shows(&creation), Shown::Before, "{create:?}");
        assert_eq!(world.shows(&deletion), Shown::After, "{delete:?}");
        let empty = World { names: Names::new(), rules: Rules::default(), live: LiveState::default() };
        let unread = World { names: std::mem::take(&mut world.names), ..empty }.partial(collection);
        assert!(is_unknown(&unread.shows(&creation)), "{create:?}");
        world.names = unread.names;
    }
    let fields = std::collections::BTreeMap::from([(known::NAME, Value::Text(title))]);
    let site = Site { fields: fields.clone(), position: None };
    let sites = std::collections::BTreeMap::from([(pit, site)]);
    world.live.catalog.organizations.insert(north, Organization { fields, sites, position: None });
    world.live.catalog.roles.insert(operator, Role { name: Some(title), ..Role::default() });
    for (create, delete, collection) in subjects {
        let creation = action(&mut world, create, collection, None, Some(name(title)));
        let deletion = action(&mut world, delete, collection, Some(name(title)), None);
        assert_eq!(world.shows(&creation), Shown::After, "{create:?}");
        assert_eq!(world.shows(&deletion), Shown::Before, "{delete:?}");
        let other = action(&mut world, create, collection, None, Some(name(operator)));
        assert!(matches!(world.shows(&other), Shown::Rewritten(_)), "{create:?}");
    }
}
