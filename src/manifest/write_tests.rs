use serde_json::{Value as Json, json};

use super::*;
use crate::model::{Fact, Grant, LiveRecord, Membership, Site, Status};
use crate::rules;

/// A small live state, described by texts.
struct Live {
    names: Names,
    rules: Rules,
    state: LiveState,
}

impl Live {
    fn new(extra_rules: &str) -> Self {
        let rules = rules::parse(extra_rules, "rules.yaml", &|_| Err(String::new())).expect("valid rules");
        Self { names: Names::new(), rules, state: LiveState::default() }
    }

    fn organization(&mut self, name: &str, sites: &[&str]) {
        let mut organization = Organization::default();
        for site in sites {
            organization.sites.insert(self.names.intern(site), Site::default());
        }
        let name = self.names.intern(name);
        self.state.catalog.organizations.insert(name, organization);
    }

    fn role(&mut self, name: &str, role: Role) {
        let name = self.names.intern(name);
        self.state.catalog.roles.insert(name, role);
    }

    fn membership(&mut self, organization: &str, role: Option<&str>) -> Membership {
        let role = role.map(|role| self.names.intern(role));
        let organization = self.names.intern(organization);
        Membership { organization, role, extra_roles: crate::model::List::EMPTY, default_site: None }
    }

    fn grant(&mut self, organization: &str, site: &str, role: Option<&str>) -> Grant {
        let role = role.map(|role| self.names.intern(role));
        Grant { organization: self.names.intern(organization), site: self.names.intern(site), role }
    }

    fn text(&mut self, field: &str, value: &str) -> Fact {
        let value = Value::Text(self.names.intern(value));
        Fact::new(self.names.intern(field), value)
    }

    fn user(&mut self, key: &str, status: Status, facts: Vec<Fact>, memberships: Vec<Membership>, grants: Vec<Grant>) {
        let identity = self.rules.identity.normalize(key).ok().map(|identity| self.names.intern(&identity));
        let key = self.names.intern(key);
        let record = LiveRecord { id: key, key, identity, status, facts, memberships, grants, invitation: None };
        self.state.push(record);
    }

    fn write(&self) -> Written {
        write(&self.names, &self.rules, &self.state)
    }
}

fn file(written: &Written, name: &str) -> String {
    let found = written.files.iter().find(|(file, _)| file == name);
    found.map(|(_, text)| text.clone()).expect(name)
}

fn read(text: &str) -> Json {
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(text, options).unwrap_or_else(|error| unreachable!("{text}: {error}"))
}

fn without_head(text: &str) -> &str {
    text.strip_prefix(MODELINE).and_then(|text| text.strip_prefix('\n')).expect("the modeline comes first")
}

fn quarries() -> Live {
    let mut live = Live::new("{}\n");
    live.organization("north", &["pit-2", "pit-1"]);
    live.organization("east", &[]);
    live.role("operator", Role { rank: Some(20), ..Role::default() });
    live.role("manager", Role { rank: Some(40), site_access: SiteAccess::All, admin: true, ..Role::default() });
    live.role(
        "read",
        Role { applies_to: AppliesTo { organization: false, ..AppliesTo::default() }, ..Role::default() },
    );
    live
}

#[test]
fn an_empty_store_gives_files_that_say_so() {
    let written = Live::new("{}\n").write();
    let texts: Vec<(&str, &str)> =
        written.files.iter().map(|(name, text)| (name.as_str(), without_head(text))).collect();
    assert_eq!(
        texts,
        [("organizations.yaml", "organizations: {}\n"), ("roles.yaml", "roles: {}\n"), ("users.yaml", "users: {}\n")]
    );
}

#[test]
fn a_small_store_reads_as_people_would_write_it() {
    let mut live = quarries();
    let (north, east) = (live.membership("north", Some("operator")), live.membership("east", Some("manager")));
    let grants =
        vec![live.grant("north", "pit-2", None), live.grant("north", "pit-1", None), live.grant("east", "x", None)];
    let facts = vec![live.text("given_name", "Ana"), live.text("family_name", "no"), live.text("department", "")];
    // The grant in `east` says nothing beside a role that reaches every site, so that it does not matter whether the
    // site is still there.
    live.user("ana@example.com", Status::Active, facts, vec![north, east], grants);
    live.user("Zoe@example.com", Status::Invited, vec![], vec![], vec![]);
    let kind = Fact::new(known::KIND, Value::Text(known::SERVICE));
    live.user("ci@example.com", Status::Inactive, vec![kind], vec![east], vec![]);
    live.user("pre@example.com", Status::Preloaded, vec![], vec![], vec![]);
    let written = live.write();
    assert_eq!(written.unsayable, []);
    assert_eq!(
        without_head(&file(&written, "organizations.yaml")),
        "organizations:\n  east: {}\n  north:\n    sites:\n      pit-1: {}\n      pit-2: {}\n"
    );
    assert_eq!(
        without_head(&file(&written, "roles.yaml")),
        "roles:\n  manager: { rank: 40, site_access: all, admin: true }\n  operator: { rank: 20 }\n  read: { applies_to: [site] }\n"
    );
    assert_eq!(
        without_head(&file(&written, "users.yaml")),
        "users:
  Zoe@example.com:
    access: {}
  ana@example.com:
    given_name: Ana
    family_name: \"no\"
    department: \"\"
    access:
      east: manager
      north: { role: operator, sites: [pit-1, pit-2] }
  ci@example.com:
    kind: service
    status: inactive
    access:
      east: manager
  pre@example.com:
    status: preloaded
    access: {}
"
    );
}

#[test]
fn sites_that_can_not_stand_beside_the_membership_become_site_grants() {
    let mut live = quarries();
    let (with, without) = (live.membership("north", Some("operator")), live.membership("north", None));
    let mixed = vec![live.grant("north", "pit-1", Some("read")), live.grant("north", "pit-2", None)];
    live.user("ana@example.com", Status::Active, vec![], vec![with], mixed.clone());
    live.user("ben@example.com", Status::Active, vec![], vec![without], mixed);
    let written = live.write();
    assert_eq!(written.unsayable, []);
    let users = read(&file(&written, "users.yaml"));
    let expected = json!({ "role": "operator", "sites": { "pit-1": "read" } });
    assert_eq!(users["users"]["ana@example.com"]["access"]["north"], expected);
    assert_eq!(users["users"]["ben@example.com"]["access"]["north"], json!({}));
    assert_eq!(
        users["site_grants"],
        json!([
            { "site": "north/pit-1", "role": "read", "users": ["ben@example.com"] },
            { "site": "north/pit-2", "users": ["ana@example.com", "ben@example.com"] },
        ])
    );
}

#[test]
fn platform_roles_extra_roles_and_default_sites() {
    let mut live = quarries();
    live.role("root", Role { applies_to: AppliesTo { platform: true, ..AppliesTo::default() }, ..Role::default() });
    live.role("extra", Role { applies_to: AppliesTo { extra: true, ..AppliesTo::default() }, ..Role::default() });
    let mut north = live.membership("north", Some("operator"));
    let (extra, pit) = (live.names.intern("extra"), live.names.intern("pit-1"));
    north.extra_roles = live.names.list(&[extra]);
    north.default_site = Some(pit);
    let platform = live.membership("", Some("root"));
    let grant = live.grant("north", "pit-1", None);
    live.user("ana@example.com", Status::Active, vec![], vec![platform, north], vec![grant]);
    let written = live.write();
    assert_eq!(written.unsayable, []);
    let user = &read(&file(&written, "users.yaml"))["users"]["ana@example.com"];
    assert_eq!(user["role"], "root");
    let access = json!({ "role": "operator", "extra_roles": ["extra"], "sites": ["pit-1"], "default_site": "pit-1" });
    assert_eq!(user["access"]["north"], access);
}

#[test]
fn what_can_not_be_said_is_listed_and_left_out() {
    let mut live = quarries();
    live.organization("all", &[]);
    live.organization("bad\u{202E}name", &[]);
    live.organization("west", &["a/b", "ok"]);
    live.role("st*r", Role::default());
    let member_of_all = live.membership("all", Some("operator"));
    let star = live.membership("north", Some("st*r"));
    let wrong_place = live.membership("north", Some("read"));
    let stray = live.grant("north", "pit-1", None);
    let hidden = live.text("given_name", "An\na");
    let unknown = live.text("shoe_size", "41");
    let look_alike = live.text("login", "аdmin");
    live.user("a@example.com", Status::Active, vec![], vec![member_of_all], vec![]);
    live.user("b@example.com", Status::Active, vec![], vec![star], vec![]);
    live.user("c@example.com", Status::Active, vec![], vec![wrong_place], vec![]);
    live.user("d@example.com", Status::Active, vec![], vec![], vec![stray]);
    live.user("e@example.com", Status::Active, vec![hidden, unknown, look_alike], vec![], vec![]);
    live.user("closed@example.com", Status::Closed, vec![], vec![], vec![]);
    live.user("no key", Status::Active, vec![], vec![], vec![]);
    live.user("twin@example.com", Status::Active, vec![], vec![], vec![]);
    live.user("TWIN@example.com", Status::Active, vec![], vec![], vec![]);
    live.user("pаypal@example.com", Status::Active, vec![], vec![], vec![]);
    let written = live.write();
    let seen: Vec<(&str, &str)> = written.unsayable.iter().map(|one| (one.kind, one.name.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("organization", "all"),
            ("organization", "bad\u{202E}name"),
            ("role", "st*r"),
            ("site", "west/a/b"),
            ("user", "TWIN@example.com"),
            ("user", "a@example.com"),
            ("user", "b@example.com"),
            ("user", "c@example.com"),
            ("user", "closed@example.com"),
            ("user", "d@example.com"),
            ("user", "e@example.com"),
            ("user", "e@example.com"),
            ("user", "e@example.com"),
            ("user", "no key"),
            ("user", "pаypal@example.com"),
            ("user", "twin@example.com"),
        ],
        "{:#?}",
        written.unsayable
    );
    let users = read(&file(&written, "users.yaml"));
    assert_eq!(
        users["users"],
        json!({ "e@example.com": { "access": {} } }),
        "a field that can't be said is not managed"
    );
    assert_eq!(read(&file(&written, "organizations.yaml"))["organizations"]["west"], json!({ "sites": { "ok": {} } }));
}

#[test]
fn attributes_and_nested_fields() {
    let mut live = Live::new(
        "fields: { home: { units: [company] }, api: { empty_routes: all } }
attributes:
  lead: { type: bool, access: true }
  scope: { type: set, access: true, empty: all }
  level: { type: ordinal, values: ['1', '2'], access: true }
",
    );
    let home = live.text("home.company", "Nord & Co");
    let level = live.text("attributes.level", "2");
    let wrong = live.text("attributes.level", "3");
    let flag = |live: &mut Live, field: &str| Fact::new(live.names.intern(field), Value::Bool(true));
    let facts =
        vec![home, level, flag(&mut live, "attributes.lead"), flag(&mut live, "api.enabled"), flag(&mut live, "mfa")];
    live.user("ana@example.com", Status::Active, facts, vec![], vec![]);
    live.user("ben@example.com", Status::Active, vec![wrong], vec![], vec![]);
    let written = live.write();
    let users = &read(&file(&written, "users.yaml"))["users"];
    let expected = json!({
        "mfa": true,
        "home": { "company": "Nord & Co" },
        "api": { "enabled": true, "routes": "all" },
        "attributes": { "lead": true, "level": "2", "scope": "all" },
        "access": {},
    });
    assert_eq!(users["ana@example.com"], expected);
    assert_eq!(users["ben@example.com"], serde_json::Value::Null, "declared without it, he would lose the access");
    assert_eq!(written.unsayable.len(), 1, "{:?}", written.unsayable);
}

#[test]
fn vendor_roles_are_not_declared_and_can_be_held() {
    let mut live = Live::new("roles: { vendor: { boss: { rank: 1 } } }\n");
    live.organization("north", &[]);
    let boss = live.membership("north", Some("boss"));
    live.user("ana@example.com", Status::Active, vec![], vec![boss], vec![]);
    let written = live.write();
    assert_eq!(without_head(&file(&written, "roles.yaml")), "roles: {}\n");
    assert_eq!(read(&file(&written, "users.yaml"))["users"]["ana@example.com"]["access"]["north"], "boss");
}

#[test]
fn many_users_are_split_and_order_does_not_matter() {
    let mut live = Live::new("{}\n");
    for number in (0..5_001).rev() {
        live.user(&format!("u{number:05}@example.com"), Status::Active, vec![], vec![], vec![]);
    }
    let written = live.write();
    let names: Vec<&str> = written.files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["organizations.yaml", "roles.yaml", "users-0001.yaml", "users-0002.yaml"]);
    assert_eq!(without_head(&file(&written, "users-0002.yaml")), "users:\n  u05000@example.com:\n    access: {}\n");
}
