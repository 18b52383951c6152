//! Roles of different rank that include each other, or are permitted what the other is not.

use super::catalog;
use crate::model::{Names, Role, SiteAccess};
use crate::rules::Rules;

#[test]
fn a_lower_rank_does_not_hide_what_a_role_includes_or_is_permitted() {
    let mut names = Names::new();
    let [manager_name, fly, write] = ["manager", "flights.read", "flights.write"].map(|text| names.intern(text));
    let ranked = |rank| Role { rank: Some(rank), ..Role::default() };
    let manager = Role { admin: true, site_access: SiteAccess::All, ..ranked(40) };
    let roles = [
        ("manager", manager),
        ("operator", Role { permissions: names.list(&[fly]), ..ranked(20) }),
        ("writer", Role { permissions: names.list(&[write]), ..ranked(30) }),
        ("user", ranked(10)),
        ("helper", Role { includes: names.list(&[manager_name]), ..ranked(5) }),
    ];
    let catalog = catalog(&mut names, &roles);
    let rules = Rules::default();
    let name = |text: &str| names.find(text);
    for (from, to, up, down) in [
        ("user", "helper", true, true),
        ("manager", "helper", false, true),
        ("operator", "user", false, true),
        // Of a manager no permissions are stated: rank alone speaks.
        ("manager", "operator", false, true),
        ("operator", "manager", true, false),
        // What is stated has no others; and who rises loses none.
        ("writer", "operator", true, true),
        ("operator", "writer", true, false),
    ] {
        assert_eq!(rules.escalates(&catalog, &names, name(from), name(to)), up, "{from} → {to}");
        assert_eq!(rules.loses(&catalog, &names, name(from), name(to)), down, "{from} → {to}");
    }
}
