//! Law 1 on this side of the stores: what is written from live state is read without a mistake, and means the same.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rollcall::manifest;
use rollcall::model::{
    AppliesTo, Effective, Fact, Grant, Invitation, InvitationState, List, LiveRecord, LiveState, Membership, Name,
    Names, Organization, Role, Site, SiteAccess, Status, Value, known,
};
use rollcall::plan::{AbsentUsers, CatalogPolicy, Inputs, Policy, StoreRef, plan};
use rollcall::rules::Rules;
use rollcall::source::Sources;

/// Texts that YAML, the language or a reader of either could take for something else.
const TRICKY: &[&str] = &[
    "no",
    "007",
    "north",
    "a: b",
    "#x",
    "- y",
    "*z",
    "всё",
    "Zoë",
    "all",
    "x'); DROP",
    "@everyone",
    "a/b",
    "null",
    "{",
    "tab\tx",
    "z\u{200b}",
    "~",
    "1e1",
    " lead",
    "unmanaged",
    "名前",
    "line\nbreak",
    "&a",
    "!t",
    "yes",
    "key: {",
    "\"q\"",
    "back\\slash",
    "'s",
    "<<",
    "аdmin",
    "u\u{308}",
    "---",
];

const FIELDS: [Name; 5] = [known::GIVEN_NAME, known::FAMILY_NAME, known::DEPARTMENT, known::LOGIN, known::MOBILE];

fn tricky() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(TRICKY)
}

#[derive(Debug, Clone)]
struct SomeRole {
    name: &'static str,
    rank: Option<i32>,
    all_sites: bool,
    places: u8,
}

#[derive(Debug, Clone)]
struct SomeMembership {
    organization: usize,
    role: Option<usize>,
    grants: Vec<(usize, Option<usize>)>,
    has_default: bool,
}

#[derive(Debug, Clone)]
struct SomeUser {
    key: String,
    status: Status,
    facts: Vec<(usize, &'static str)>,
    memberships: Vec<SomeMembership>,
}

#[derive(Debug, Clone)]
struct SomeState {
    organizations: Vec<(&'static str, Vec<&'static str>)>,
    roles: Vec<SomeRole>,
    users: Vec<SomeUser>,
}

prop_compose! {
    fn some_role()(
        name in tricky(), rank in proptest::option::of(0..5_i32), all_sites in any::<bool>(), places in 0..16_u8,
    ) -> SomeRole {
        SomeRole { name, rank, all_sites, places }
    }
}

prop_compose! {
    fn some_membership()(
        organization in 0..4_usize,
        role in proptest::option::of(0..4_usize),
        grants in proptest::collection::vec((0..4_usize, proptest::option::of(0..4_usize)), 0..4),
        has_default in any::<bool>(),
    ) -> SomeMembership {
        SomeMembership { organization, role, grants, has_default }
    }
}

prop_compose! {
    fn some_user()(
        key in prop_oneof![5 => (0..5).prop_map(|number| format!("u{number}@example.com")), 1 => tricky().prop_map(str::to_owned),
            2 => tricky().prop_map(|text| format!("{text}@example.com"))],
        status in proptest::sample::select(&Status::ALL[..]),
        facts in proptest::collection::vec((0..FIELDS.len(), tricky()), 0..3),
        memberships in proptest::collection::vec(some_membership(), 0..3),
    ) -> SomeUser {
        SomeUser { key, status, facts, memberships }
    }
}

prop_compose! {
    fn some_state()(
        organizations in proptest::collection::vec((tricky(), proptest::collection::vec(tricky(), 0..4)), 0..4),
        roles in proptest::collection::vec(some_role(), 0..4),
        users in proptest::collection::vec(some_user(), 0..6),
    ) -> SomeState {
        SomeState { organizations, roles, users }
    }
}

fn live_state(some: &SomeState, rules: &Rules, names: &mut Names) -> LiveState {
    let mut live = LiveState::default();
    for (name, sites) in &some.organizations {
        let mut organization = Organization::default();
        for site in sites {
            let name = names.intern(site);
            organization.sites.insert(name, Site { fields: [(known::NAME, Value::Text(name))].into(), position: None });
        }
        let name = names.intern(name);
        organization.fields.insert(names.intern("attributes.x"), Value::Text(name));
        live.catalog.organizations.insert(name, organization);
    }
    for SomeRole { name, rank, all_sites, places } in &some.roles {
        let site_access = if *all_sites { SiteAccess::All } else { SiteAccess::Selected };
        let [organization, site, platform, extra] = [0, 1, 2, 3].map(|bit| places & (1 << bit) != 0);
        let applies_to = AppliesTo { organization, site, platform, extra };
        let role = Role { rank: *rank, site_access, applies_to, ..Role::default() };
        live.catalog.roles.insert(names.intern(name), role);
    }
    for user in &some.users {
        let identity = rules.identity.normalize(&user.key).ok().map(|identity| names.intern(&identity));
        let key = names.intern(&user.key);
        let mut facts: Vec<Fact> =
            user.facts.iter().map(|(field, text)| Fact::new(FIELDS[*field], Value::Text(names.intern(text)))).collect();
        facts.sort_unstable();
        facts.dedup_by_key(|fact| fact.field);
        let (memberships, grants) = access(some, &user.memberships, names);
        let status = user.status;
        // Somebody invited of whom the store has no invitation waits for a decision.
        let pending = Invitation { state: InvitationState::Pending, sent: None, ends: None };
        let invitation = (status == Status::Invited).then_some(pending);
        live.push(LiveRecord { id: key, key, identity, status, facts, memberships, grants, invitation });
    }
    live
}

fn access(some: &SomeState, wanted: &[SomeMembership], names: &mut Names) -> (Vec<Membership>, Vec<Grant>) {
    let (mut memberships, mut grants) = (Vec::<Membership>::new(), Vec::<Grant>::new());
    for SomeMembership { organization, role, grants: sites, has_default } in wanted {
        let Some((organization, there)) = some.organizations.get(*organization) else { continue };
        let organization = names.intern(organization);
        if memberships.iter().any(|membership| membership.organization == organization) {
            continue;
        }
        let mut role_of =
            |role: &Option<usize>| role.and_then(|role| some.roles.get(role)).map(|role| names.intern(role.name));
        let role = role_of(role);
        let granted: Vec<(usize, Option<Name>)> = sites.iter().map(|(site, role)| (*site, role_of(role))).collect();
        let mut default_site = None;
        for (site, role) in granted {
            // Two organizations of one name are one, with the sites of the last.
            let last = some.organizations.iter().rfind(|(name, _)| names.find(name) == Some(organization));
            let there = last.map_or(there, |(_, there)| there);
            let Some(site) = there.get(site).map(|site| names.intern(site)) else { continue };
            if grants.iter().any(|grant| (grant.organization, grant.site) == (organization, site)) {
                continue;
            }
            grants.push(Grant { organization, site, role });
            default_site = has_default.then_some(site);
        }
        memberships.push(Membership { organization, role, extra_roles: List::EMPTY, default_site });
    }
    (memberships, grants)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_written_reads_back_as_the_same(some in some_state()) {
        let rules = Rules::built_in("default").unwrap();
        let mut names = Names::new();
        let live = live_state(&some, &rules, &mut names);
        let written = manifest::write(&names, &rules, &live);
        let files: Vec<(String, String)> =
            written.files.iter().map(|(name, text)| (format!("access/{name}"), text.clone())).collect();
        let all = files.iter().map(|(name, text)| format!("== {name}\n{text}")).collect::<Vec<_>>().concat();
        for (name, text) in &files {
            let ordered = manifest::canonical(text, &manifest::schema());
            prop_assert_eq!(ordered.as_ref(), Some(text), "{} is in canonical order", name);
        }
        let mut sources = Sources::memory(files);
        let loaded = manifest::load(&mut names, manifest::Reading { rules: &rules, time_zone: &jiff::tz::TimeZone::UTC }, &mut sources, &["access".to_owned()]);
        prop_assert!(!loaded.has_errors(), "{:#?}\n{all}", loaded.diagnostics);

        let mut said = 0;
        for view in live.users() {
            let key = view.key_text(&names).to_owned();
            // A field that can't be said is left out, and the user is there all the same.
            let refused = |one: &&manifest::Unsayable| one.kind == "user" && one.name == key && !one.reason.starts_with("its ");
            if written.unsayable.iter().any(|one| refused(&one)) {
                continue;
            }
            said += 1;
            let user = view.identity.and_then(|identity| loaded.desired.find(identity));
            let user = user.unwrap_or_else(|| panic!("{key} is neither written nor listed\n{all}"));
            let (mut effective, mut pieces, mut conflicts) = (Effective::default(), Vec::new(), Vec::new());
            user.pieces(&names, &mut pieces);
            effective.fold(&loaded.desired.catalog, &names, &mut pieces, &mut conflicts);
            prop_assert!(conflicts.is_empty(), "{conflicts:?}\n{all}");
            prop_assert_eq!(&effective.memberships[..], view.memberships, "{}\n{}", key, all);
            let reaches_all = |grant: &Grant| {
                live.catalog.reaches_all(view.membership(grant.organization).and_then(|membership| membership.role))
            };
            let grants = view.grants.iter().filter(|grant| grant.role.is_some() || !reaches_all(grant));
            prop_assert_eq!(effective.grants, grants.copied().collect::<Vec<_>>(), "{}\n{}", key, all);
            for fact in user.facts {
                prop_assert_eq!(fact.fact.value, view.value(fact.fact.field), "{}\n{}", key, all);
            }
        }
        prop_assert_eq!(said, loaded.desired.len(), "{}", all);
    }
}

/// The rules of the property below: everything that the generated states may have.
const OPEN: &str = "extends: default
sites: { roles: true }
memberships: { extra_roles: true }
offboarding: [deactivate, delete]
fields: { api: { empty_routes: all } }
attributes:
  level: { type: ordinal, values: [low, high], access: true }
";

/// What is planned right after an import, with nothing changed: the actions and what waits, and the keys of people
/// who are left alone.
fn plan_after_import(names: &mut Names, rules: &Rules, live: &LiveState) -> (Vec<String>, BTreeSet<(String, String)>) {
    let written = manifest::write(names, rules, live);
    let files: Vec<(String, String)> =
        written.files.iter().map(|(name, text)| (format!("access/{name}"), text.clone())).collect();
    let loaded = manifest::load(
        names,
        manifest::Reading { rules, time_zone: &jiff::tz::TimeZone::UTC },
        &mut Sources::memory(files.clone()),
        &["access".to_owned()],
    );
    assert!(!loaded.has_errors(), "{:#?}\n{files:#?}", loaded.diagnostics);
    let policy = Policy {
        scope: rollcall::plan::Scope::ALL,
        locked_out: std::collections::BTreeSet::new(),
        left_since: std::collections::BTreeMap::new(),
        time_zone: jiff::tz::TimeZone::UTC,
        absent_users: AbsentUsers::Deactivate,
        catalog: CatalogPolicy::Create,
        grace: "30d".parse().expect("a period"),
        min_admins: 0,
        own_account: None,
        protected: Vec::new(),
    };
    let store =
        StoreRef { name: "local".to_owned(), kind: "sqlite".to_owned(), id: "x".to_owned(), address: String::new() };
    let at = "2027-01-01T00:00:00Z".parse().unwrap();
    let inputs = Inputs { names, desired: &loaded.desired, live, rules, policy: &policy, store: &store, at };
    let plan = plan(&inputs).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{files:#?}"));
    let planned = plan.actions.iter().map(|action| format!("{:?} {files:#?}", action.kind));
    let waiting = plan.deferred.iter().map(|deferred| format!("waits: {:?} {files:#?}", deferred.kind));
    let of_plan: BTreeSet<(String, String)> = plan
        .unmanaged
        .iter()
        .filter(|one| one.kind == "user")
        .map(|one| (one.name.clone(), one.reason.clone().into_owned()))
        .collect();
    // Fields that can't be said are left out on their own, and the user is there all the same.
    let of_import: BTreeSet<&str> = written
        .unsayable
        .iter()
        .filter(|one| one.kind == "user" && !one.reason.starts_with("its "))
        .map(|one| one.name.as_str())
        .collect();
    let keys: BTreeSet<&str> = of_plan.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, of_import, "plan and import leave the same people alone");
    (planned.chain(waiting).collect(), of_plan)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Law 1, and `language.md` §3, 12: whom a manifest can't name is left alone, and nobody else.
    #[test]
    fn nothing_is_planned_after_an_import(some in some_state()) {
        let rules = import_rules();
        let mut names = Names::new();
        let live = live_state(&some, &rules, &mut names);
        let (planned, _) = plan_after_import(&mut names, &rules, &live);
        prop_assert!(planned.is_empty(), "{planned:#?}");
    }
}

fn import_rules() -> Rules {
    rollcall::rules::parse(OPEN, "rules.yaml", &|_| unreachable!()).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

#[test]
fn organizations_have_a_default_and_includes_as_sites_have() {
    let rules = import_rules();
    let mut names = Names::new();
    let mut live = LiveState::default();
    let [north, south] = ["north", "south"].map(|text| names.intern(text));
    let mut organization = Organization::default();
    organization.fields.insert(known::DEFAULT, Value::Bool(true));
    organization.fields.insert(known::INCLUDES, Value::Set(names.list(&[south])));
    live.catalog.organizations.insert(north, organization);
    live.catalog.organizations.insert(south, Organization::default());
    let written = manifest::write(&names, &rules, &live);
    assert_eq!(written.unsayable, []);
    let text = &written.files[0].1;
    assert!(text.contains("default: true") && text.contains("includes: [south]"), "{text}");
    let (planned, _) = plan_after_import(&mut names, &rules, &live);
    assert_eq!(planned, Vec::<String>::new());
}

#[test]
fn catalog_attributes_that_are_no_texts_are_left_out() {
    let rules = import_rules();
    let mut names = Names::new();
    let mut live = LiveState::default();
    let [north, size, open, hidden] =
        ["north", "attributes.size", "attributes.open", "attributes.\u{200b}x"].map(|text| names.intern(text));
    let fields = [(size, Value::Number(12)), (open, Value::Bool(true)), (hidden, Value::Text(north))];
    let organization = Organization { fields: fields.into(), ..Organization::default() };
    live.catalog.organizations.insert(north, organization);
    let written = manifest::write(&names, &rules, &live);
    assert_eq!(written.unsayable.len(), 3, "{:?}", written.unsayable);
    assert!(written.unsayable.iter().all(|one| (one.kind, one.name.as_str()) == ("organization", "north")));
    let (planned, _) = plan_after_import(&mut names, &rules, &live);
    assert_eq!(planned, Vec::<String>::new());
}

#[test]
fn people_whom_no_manifest_can_name_are_never_deactivated() {
    let rules = import_rules();
    let mut names = Names::new();
    let mut live = LiveState::default();
    let [north, pit, look_alike_site, good, odd_role, loop_a, loop_b, level, routes] =
        ["north", "pit", "pіt", "good", "o\u{200b}dd", "loop-a", "loop-b", "attributes.level", "api.routes"]
            .map(|text| names.intern(text));
    let sites = [pit, look_alike_site].map(|site| (site, Site::default())).into();
    live.catalog.organizations.insert(north, Organization { sites, ..Organization::default() });
    for role in [good, odd_role] {
        live.catalog.roles.insert(role, Role::default());
    }
    for (role, included) in [(loop_a, loop_b), (loop_b, loop_a)] {
        let includes = names.list(&[included]);
        live.catalog.roles.insert(role, Role { includes, ..Role::default() });
    }
    let mut add = |key: &str, role: Name, site: Name, fact: Option<Fact>| {
        let identity = rules.identity.normalize(key).ok().map(|identity| names.intern(&identity));
        let key = names.intern(key);
        let membership =
            Membership { organization: north, role: Some(role), extra_roles: List::EMPTY, default_site: None };
        live.push(LiveRecord {
            id: key,
            key,
            identity,
            status: Status::Active,
            facts: fact.into_iter().collect(),
            memberships: vec![membership],
            grants: vec![Grant { organization: north, site, role: None }],
            invitation: None,
        });
        names.intern("high")
    };
    let high = add("fine@example.com", good, pit, None);
    add("аdmin@example.com", good, pit, None);
    add("an\u{200b}a@example.com", good, pit, None);
    add("role@example.com", odd_role, pit, None);
    add("circle@example.com", loop_a, pit, None);
    add("site@example.com", good, look_alike_site, None);
    add("level@example.com", good, pit, Some(Fact::new(level, Value::Text(good))));
    add("high@example.com", good, pit, Some(Fact::new(level, Value::Text(high))));
    add("routes@example.com", good, pit, Some(Fact::new(routes, Value::Text(good))));
    let (planned, unmanaged) = plan_after_import(&mut names, &rules, &live);
    assert_eq!(planned, Vec::<String>::new());
    let expected = [
        ("an\u{200b}a@example.com", "has no valid, unique key"),
        ("circle@example.com", "has a role that can't be said"),
        ("level@example.com", "has access that can't be said in a field"),
        ("role@example.com", "has a role that can't be said"),
        ("routes@example.com", "has access that can't be said in a field"),
        ("site@example.com", "has a site that can't be said"),
        ("аdmin@example.com", "mixes letters of several scripts that look alike"),
    ];
    assert_eq!(unmanaged, expected.map(|(key, why)| (key.to_owned(), why.to_owned())).into());
}

/// The manifests of every example are valid, by the reader (without a remark) and by the schema that their first line
/// names.
#[test]
fn manifests_of_examples_are_valid() {
    let schema = serde_json::to_value(manifest::schema()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(folder).unwrap() {
        let example = entry.unwrap().path();
        let settings = rollcall::settings::load(&example).unwrap_or_else(|refused| panic!("{refused}"));
        for store in settings.stores.values() {
            let mut sources = Sources::folder(&example);
            let loaded = manifest::load(
                &mut Names::new(),
                manifest::Reading { rules: &store.rules, time_zone: &settings.time_zone },
                &mut sources,
                &settings.manifests,
            );
            assert_eq!(loaded.diagnostics, [], "{}", example.display());
            assert!(!loaded.desired.is_empty(), "{}", example.display());
            for &file in &loaded.files {
                let text = sources.text(file).unwrap();
                let path = example.join(sources.path(file));
                let modeline =
                    text.strip_prefix("# yaml-language-server: $schema=").and_then(|text| text.lines().next());
                let schema =
                    path.parent().unwrap().join(modeline.unwrap_or_else(|| panic!("{}: no modeline", path.display())));
                assert!(schema.is_file() && schema.ends_with("schemas/manifest.schema.json"), "{}", path.display());
                let json: serde_json::Value = serde_yaml::from_str(&text).unwrap();
                let mistakes: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
                assert!(mistakes.is_empty(), "{}: {mistakes:?}", path.display());
            }
        }
    }
}
