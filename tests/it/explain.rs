//! Who has what access and why, as people read it.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use jiff::tz::TimeZone;
use rollcall::diagnostic::{FileId, Position};
use rollcall::model::{
    AccessRow, DeclaredUser, Desired, Fact, LeftAlone, Link, List, LiveRecord, LiveState, Membership, Name, Names,
    Organization, Role, Selector, Site, SiteAccess, SiteRow, Source, SourceId, SourceLabel, Status, Value, WindowId,
    known,
};
use rollcall::plan::{Asked, KnownLockOut, Scene, asked, explain_place, explain_user, likely};
use rollcall::report::{self, Style};
use rollcall::rules::{Identity, Rules};

use crate::support::plans::Lines;

/// Ana: own `operator` in north with pit-1, `manager` there through crew, which contains night; a site grant to crew.
/// Ben is live only. `boss` reaches every site.
fn world() -> (Names, Desired, LiveState) {
    let mut names = Names::new();
    let mut desired = Desired::default();
    let [ana, boss_key, ben, north, pit, manager, operator, boss, crew, night] = [
        "ana@example.com",
        "boss@example.com",
        "ben@example.com",
        "north",
        "pit-1",
        "manager",
        "operator",
        "boss",
        "crew",
        "night",
    ]
    .map(|text| names.intern(text));
    let mut organization = Organization { position: Some(Position::new(FileId(0), 1)), ..Organization::default() };
    organization.sites.insert(pit, Site { position: Some(Position::new(FileId(0), 2)), ..Site::default() });
    desired.catalog.organizations.insert(north, organization);
    for (role, rank, site_access) in
        [(manager, 40, SiteAccess::Selected), (operator, 20, SiteAccess::Selected), (boss, 50, SiteAccess::All)]
    {
        desired.catalog.roles.insert(role, Role { rank: Some(rank), site_access, ..Role::default() });
    }
    let row = |role: Option<Name>, line, sites: (u32, u32)| AccessRow {
        organization: Selector::Exact(north),
        membership: role.is_some(),
        role,
        extra_roles: List::EMPTY,
        default_site: None,
        sites_start: sites.0,
        sites_length: sites.1,
        file: FileId(1),
        offset: line,
        role_offset: line,
        window: WindowId::ALWAYS,
        left_alone: LeftAlone::NOTHING,
    };
    desired.sites = vec![
        SiteRow { site: Selector::Exact(pit), role: None, offset: 11 },
        SiteRow { site: Selector::Exact(pit), role: None, offset: 31 },
    ];
    desired.rows = vec![row(Some(manager), 20, (0, 0)), row(None, 30, (1, 1))];
    let source = |label, start, length, closure: &[u32]| Source {
        label,
        rows_start: start,
        rows_length: length,
        closure: closure.iter().map(|&id| SourceId(id)).collect(),
        position: Position::new(FileId(1), 19),
    };
    desired.sources = vec![
        source(SourceLabel::Team(crew), 0, 1, &[0, 2]),
        source(SourceLabel::Team(night), 1, 0, &[0, 1, 2]),
        source(SourceLabel::SiteGrant, 1, 1, &[2]),
    ];
    desired.push(&DeclaredUser {
        key: ana,
        identity: ana,
        position: Position::new(FileId(0), 5),
        status: None,
        window: WindowId::ALWAYS,
        previous: None,
        facts: &[],
        rows: &[row(Some(operator), 10, (0, 1))],
        links: &[Link { source: SourceId(1), position: Position::new(FileId(1), 40) }],
    });
    desired.push(&DeclaredUser {
        key: boss_key,
        identity: boss_key,
        position: Position::new(FileId(0), 6),
        status: None,
        window: WindowId::ALWAYS,
        previous: None,
        facts: &[],
        rows: &[row(Some(boss), 12, (0, 0))],
        links: &[],
    });
    let mut live = LiveState::default();
    for (key, role, status) in [(ana, operator, Status::Active), (ben, operator, Status::Inactive)] {
        live.push(LiveRecord {
            id: key,
            key,
            identity: Some(key),
            status,
            facts: vec![Fact::new(known::GIVEN_NAME, Value::Text(names.intern("Benedikt")))],
            memberships: vec![Membership {
                organization: north,
                role: Some(role),
                extra_roles: List::EMPTY,
                default_site: None,
            }],
            grants: Vec::new(),
            invitation: None,
        });
    }
    (names, desired, live)
}

fn scene<'a>(desired: &'a Desired, live: Option<&'a LiveState>, names: &'a Names) -> Scene<'a> {
    static NOBODY: BTreeMap<Name, KnownLockOut> = BTreeMap::new();
    static RULES: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(|| Rules::built_in("default").expect("a set"));
    Scene {
        desired,
        live,
        names,
        rules: &RULES,
        lock_outs: &NOBODY,
        at: "2026-11-22T09:00:00Z".parse().expect("a timestamp"),
    }
}

#[test]
fn a_user_is_explained_by_lines_and_teams() {
    let (names, desired, live) = world();
    let identity = names.find("ana@example.com").expect("there");
    let found = explain_user(scene(&desired, Some(&live), &names), identity).expect("known");
    assert_snapshot!(report::explained_user(&found, &names, &Lines, (&TimeZone::UTC, Style::default())), @r#"
        ana@example.com   declared in access/north.yaml:5   active in the store
          given_name  Benedikt, in the store only: nothing declares it

        north   manager
          in the store: operator
          manager   team crew through team night  access/south.yaml:20, named in access/south.yaml:40
          operator  own access                    access/south.yaml:10   (weaker, does not count)

        north/pit-1   granted
          not in the store yet
          granted  own access                       access/south.yaml:11
          granted  a site grant through team night  access/south.yaml:31, named in access/south.yaml:40
        "#);
    let ben = names.find("ben@example.com").expect("there");
    let found = explain_user(scene(&desired, Some(&live), &names), ben).expect("live");
    assert_snapshot!(report::explained_user(&found, &names, &Lines, (&TimeZone::UTC, Style::default())), @r#"
        ben@example.com   not declared   inactive in the store
          given_name  Benedikt, in the store only: nothing declares it

        north   in the store only: nothing declares it
          in the store: operator
        "#);
    assert_eq!(explain_user(scene(&desired, None, &names), ben), None);
}

#[test]
fn a_place_is_explained_by_its_people() {
    let (names, desired, live) = world();
    let [north, pit] = ["north", "pit-1"].map(|text| names.find(text).expect("there"));
    let found = explain_place(scene(&desired, Some(&live), &names), north, None);
    assert_snapshot!(report::explained_place(&found, &names, &Lines, (&TimeZone::UTC, Style::default())), @r#"
        north   declared in access/north.yaml:1   3 people, 1 can log in

        ana@example.com (Benedikt)   manager, 1 site   active in the store
          in the store: operator
          manager   team crew through team night  access/south.yaml:20, named in access/south.yaml:40
          operator  own access                    access/south.yaml:10   (weaker, does not count)

        ben@example.com (Benedikt)   in the store only: nothing declares it   inactive in the store
          in the store: operator

        boss@example.com   boss, every site (1)   no account in the store
          boss  own access  access/south.yaml:12
        "#);
    let found = explain_place(scene(&desired, None, &names), north, Some(pit));
    assert_snapshot!(report::explained_place(&found, &names, &Lines, (&TimeZone::UTC, Style::default())), @r#"
        north/pit-1   declared in access/north.yaml:2   2 people

        ana@example.com   granted
          granted  own access                       access/south.yaml:11
          granted  a site grant through team night  access/south.yaml:31, named in access/south.yaml:40

        boss@example.com   boss, every site (1), by membership
          boss  own access  access/south.yaml:12
        "#);
}

#[test]
fn what_is_asked_for_is_found_or_the_likely_is_named() {
    let (names, desired, live) = world();
    let name = |text: &str| names.find(text).expect("there");
    let ask = |text: &str| asked(text, &desired, Some(&live), &names, &Identity::default());
    assert_eq!(ask("Ana@Example.com"), [Asked::User(name("ana@example.com"))]);
    assert_eq!(ask("ben@example.com"), [Asked::User(name("ben@example.com"))]);
    assert_eq!(ask("north"), [Asked::Organization(name("north"))]);
    assert_eq!(ask("north/pit-1"), [Asked::Site(name("north"), name("pit-1"))]);
    assert_eq!(ask("nobody"), []);
    let all = |text: &str| likely(text, &desired, Some(&live), &names);
    let guess = |text: &str| all(text).found;
    assert_eq!(guess("an"), ["ana@example.com"]);
    assert_eq!(guess("example"), ["ana@example.com", "ben@example.com", "boss@example.com"]);
    assert_eq!(guess("BENED"), ["ben@example.com"], "by the name of the person");
    assert_eq!(guess("nroth"), ["north"]);
    assert_eq!(guess("pit"), ["north/pit-1"]);
    assert_eq!(guess("qqqqq"), Vec::<String>::new());
    assert_snapshot!(report::not_found("nroth\u{7}", &all("nroth")), @r#"
        nobody and nothing is called exactly `nroth\u{7}`; did you mean:
          north
        "#);
}
