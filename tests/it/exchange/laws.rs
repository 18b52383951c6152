//! What is exported and imported again is the same, whatever people are called.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use rollcall::exchange::{Batch, Known, ListOptions, Separator, csv, read_csv, read_xlsx, workbooks};
use rollcall::manifest::{Partial, vendor_roles, write, write_partial};
use rollcall::model::{Fact, Grant, LiveRecord, LiveState, Membership, Name, Names, Site, Status, Value, known};
use rollcall::rules::Rules;

use super::rules;

/// A person: names, status, and a role in some of three organizations.
type Person = (String, String, u8, [Option<u8>; 3]);

const ORGANIZATIONS: [&str; 3] = ["acme", "=North; \"Quarries\"", "-1"];

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-zÀ-ÿ' ]{0,8}", "[=+@'＝;,\"-][A-Za-z=+;,\"' -]{0,6}", "[ ]{0,2}[=+@'-]{0,3}[0-9A-Z()!|]{0,5}",]
}

fn people() -> impl Strategy<Value = Vec<Person>> {
    let roles = proptest::array::uniform3(proptest::option::of(0..4_u8));
    proptest::collection::vec((texts(), texts(), 0..4_u8, roles), 1..6)
}

struct World {
    names: Names,
    rules: Rules,
    live: LiveState,
}

impl World {
    fn new(set: &str) -> Self {
        let (mut names, rules) = (Names::new(), rules(set));
        let mut live = LiveState::default();
        live.catalog.roles = vendor_roles(&mut names, &rules);
        Self { names, rules, live }
    }

    fn text(&mut self, text: &str) -> Option<Value> {
        (!text.is_empty()).then(|| Value::Text(self.names.intern(text)))
    }

    fn push(&mut self, key: &str, status: Status, facts: &[(Name, &str)], access: &[(&str, &str, Option<&str>)]) {
        let facts = facts.iter().filter_map(|(field, text)| Some(Fact::new(*field, self.text(text)?))).collect();
        let (mut memberships, mut grants) = (Vec::new(), Vec::new());
        for (organization, role, site) in access {
            let (organization, role) = (self.names.intern(organization), self.names.intern(role));
            let extra_roles = self.names.list(&[]);
            memberships.push(Membership { organization, role: Some(role), extra_roles, default_site: None });
            let declared = self.live.catalog.organizations.entry(organization).or_default();
            if let Some(site) = site {
                let site = self.names.intern(site);
                let mut fields = BTreeMap::new();
                fields.insert(known::KIND, Value::Text(self.names.intern("assignment")));
                declared.sites.insert(site, Site { fields, position: None });
                grants.push(Grant { organization, site, role: None });
            }
        }
        let key = self.names.intern(key);
        self.live.push(LiveRecord {
            id: key,
            key,
            identity: Some(key),
            status,
            facts,
            memberships,
            grants,
            invitation: None,
        });
    }
}

proptest! {
    #[test]
    fn a_list_that_was_exported_is_imported_as_it_was(people in people(), is_parted_by_commas in any::<bool>()) {
        let mut world = World::new("alteia");
        for (number, (given, family, status, roles)) in people.iter().enumerate() {
            let status = [Status::Active, Status::Invited, Status::Preloaded, Status::Inactive][usize::from(*status)];
            let roles: Vec<_> = ORGANIZATIONS
                .into_iter()
                .zip(roles)
                .filter_map(|(organization, role)| {
                    Some((organization, ["manager", "user", "contributor", "operator"][usize::from((*role)?)], None))
                })
                .collect();
            let facts = [(known::GIVEN_NAME, given.as_str()), (known::FAMILY_NAME, family.as_str())];
            world.push(&format!("+u{number}@example.com"), status, &facts, &roles);
        }
        let World { names, rules, live } = world;
        let separator = if is_parted_by_commas { Separator::Comma } else { Separator::Semicolon };
        let exported = csv(&names, &rules, &live, (&BTreeMap::new(), Timestamp::UNIX_EPOCH), separator);
        let expected = write_partial(&names, &rules, &live, &Partial { leaves_sites: true, ..Partial::default() });
        let imported = read_csv(&rules, "p.csv", &exported.content, &ListOptions::default(), &Known::default());
        let text = String::from_utf8_lossy(&exported.content).into_owned();
        let imported = imported.unwrap_or_else(|refused| panic!("{text}\n{refused:#?}"));
        prop_assert_eq!(&imported.written, &expected, "{}", text);
        // No cell is a formula, wherever a program parts the line.
        for cell in text.split([',', ';', '\n']) {
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t']), "{}", text);
        }
    }

    #[test]
    fn a_template_that_was_exported_is_imported_as_it_was(people in proptest::collection::vec(("[A-Za-z=+@'-]{1,6}", texts()), 1..6)) {
        let mut world = World::new("credivera");
        let mut alone = World::new("credivera");
        for (number, (given, family)) in people.iter().enumerate() {
            let family = if family.is_empty() { "x" } else { family.as_str() };
            let key = format!("u{number}@example.com");
            let facts = [(known::GIVEN_NAME, given.as_str()), (known::FAMILY_NAME, family), (known::USER_TYPE, "staff")];
            world.push(&key, Status::Active, &facts, &[("acme", "manager", Some("main"))]);
            alone.push(&key, Status::Active, &facts, &[("acme", "manager", Some("main"))]);
        }
        let other = [(known::GIVEN_NAME, "Kim"), (known::FAMILY_NAME, "Li"), (known::USER_TYPE, "staff")];
        world.push("kim@example.com", Status::Active, &other, &[("acme", "user", Some("main"))]);
        world.push("li@example.com", Status::Inactive, &other, &[("acme", "user", Some("main"))]);
        let exported = workbooks(&world.names, &world.rules, &world.live).expect("workbooks");
        let again = workbooks(&world.names, &world.rules, &world.live).expect("workbooks");
        prop_assert!(exported == again, "the same bytes each time");
        let found: Vec<_> = exported.content.iter().map(|template| (template.name.as_str(), template.people)).collect();
        prop_assert_eq!(found, [("staff--manager--main.xlsx", people.len()), ("staff--user--main.xlsx", 1)]);
        prop_assert_eq!(exported.left_out.len(), 1);
        let batch = Batch { user_type: Some("staff".to_owned()), role: Some("manager".to_owned()), ..super::batch() };
        let imported = read_xlsx(&world.rules, "p.xlsx", &exported.content[0].bytes, &batch, &Known::default());
        let imported = imported.unwrap_or_else(|refused| panic!("{people:?}\n{refused:#?}"));
        prop_assert_eq!(imported.written, write(&alone.names, &alone.rules, &alone.live));
    }
}
