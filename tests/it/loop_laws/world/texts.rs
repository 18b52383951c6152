//! The manifests of a generated world, as somebody would write them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Place, ROLES, SITES, World, key, linked};
use crate::support::turnover::{self, LEGACY, OLD_SITE, UNDECLARED};

/// What is added to the fields of something that has a former name.
fn former(has_former: bool, name: &str) -> String {
    if has_former { format!("previously: {name}, ") } else { String::new() }
}

impl World {
    fn membership_text(&self, organization: &str, place: &Place) -> String {
        if place.left.membership {
            return "unmanaged".to_owned();
        }
        let role = if place.left.role { "unmanaged".to_owned() } else { self.declared_role(place.role) };
        let mut text = format!("{{ role: {role}");
        if place.left.extra_roles {
            text.push_str(", extra_roles: unmanaged");
        }
        if place.left.sites {
            text.push_str(", sites: unmanaged");
        }
        if place.extra {
            write!(text, ", extra_roles: [{}]", self.declared_role("auditor")).expect("a string");
        }
        if let Some(site) = place.default_site {
            write!(text, ", default_site: {}", self.declared_site(organization, site)).expect("a string");
        }
        // A mapping has a role for each of its sites.
        let name = |site: &str| self.declared_site(organization, site);
        let role = |role: Option<&str>| self.declared_role(role.unwrap_or("reader"));
        if place.sites.values().all(Option::is_none) {
            let sites: Vec<String> = place.sites.keys().map(|site| name(site)).collect();
            if !sites.is_empty() {
                write!(text, ", sites: [{}]", sites.join(", ")).expect("a string");
            }
        } else {
            let sites: Vec<String> =
                place.sites.iter().map(|(site, of)| format!("{}: {}", name(site), role(*of))).collect();
            write!(text, ", sites: {{ {} }}", sites.join(", ")).expect("a string");
        }
        text + " }"
    }

    fn keys(&self, users: &BTreeSet<&str>) -> String {
        // Whoever is declared absent can be given nothing.
        let is_absent = |user: &str| self.declared.get(user).is_some_and(|person| person.status == "absent");
        let named = users.iter().filter(|user| !is_absent(user));
        named.map(|user| self.declared_key(user)).collect::<Vec<_>>().join(", ")
    }

    /// The manifests, as somebody would write them.
    pub(in super::super) fn manifests(&self) -> Vec<(String, String)> {
        let mut people = String::new();
        if !self.declared.is_empty() {
            people.push_str("users:\n");
        }
        for (user, person) in &self.declared {
            writeln!(people, "  {}:", self.declared_key(user)).expect("a string");
            if self.turnover.has_former(&turnover::user(user)) {
                writeln!(people, "    previously: {}", key(user)).expect("a string");
            }
            if let Some(name) = person.given_name {
                writeln!(people, "    given_name: {name}").expect("a string");
            }
            if !person.status.is_empty() {
                writeln!(people, "    status: {}", person.status).expect("a string");
            }
            if *user == "svc" {
                people.push_str("    kind: service\n");
            }
            if person.is_left {
                people.push_str("    access: unmanaged\n");
                continue;
            }
            let places = person.access.iter().map(|(name, place)| {
                format!("{}: {}", self.declared_organization(name), self.membership_text(name, place))
            });
            let places: Vec<String> = places.collect();
            writeln!(people, "    access: {{ {} }}", places.join(", ")).expect("a string");
        }
        let mut teams = format!("teams:\n  crew:\n    members: [{}]\n", self.keys(&self.team));
        if self.is_in_scope("south") {
            let (south, viewer) = (self.declared_organization("south"), self.declared_role("viewer"));
            writeln!(teams, "    access: {{ {south}: {{ role: {viewer}, sites: [\"pit-*\"] }} }}").expect("a string");
        }
        if !self.granted.is_empty() && self.is_in_scope("north") {
            let (north, site) = (self.declared_organization("north"), self.declared_site("north", "pit-2"));
            writeln!(teams, "site_grants:\n  - {{ site: {north}/{site}, users: [{}] }}", self.keys(&self.granted))
                .expect("a string");
        }
        [("catalog", self.catalog_text()), ("people", people), ("teams", teams)]
            .map(|(name, text)| (format!("access/{name}.yaml"), text))
            .into()
    }

    fn catalog_text(&self) -> String {
        let [parents, sites, roles] = self.turnover.declared_links;
        let mut catalog = String::from("organizations:\n");
        for &organization in &self.organizations {
            let has_former = self.turnover.has_former(&turnover::organization(organization));
            write!(catalog, "  {}: {{ {}", self.declared_organization(organization), former(has_former, organization))
                .expect("a string");
            if let Some(other) = linked(parents, organization, ["north", "south"]) {
                let parent = if other.is_empty() { "\"\"".to_owned() } else { self.declared_organization(other) };
                write!(catalog, "parent: {parent}, ").expect("a string");
            }
            catalog.push_str("sites: { ");
            for site in SITES {
                let has_former = self.turnover.has_former(&turnover::site(organization, site));
                let name = self.declared_site(organization, site);
                write!(catalog, "{name}: {{ {}default: {}", former(has_former, site), site == "pit-1")
                    .expect("a string");
                if let Some(other) = linked(sites, site, SITES) {
                    let other = if other.is_empty() { String::new() } else { self.declared_site(organization, other) };
                    write!(catalog, ", includes: [{other}]").expect("a string");
                }
                catalog.push_str(" }, ");
            }
            if self.turnover.site_goes && organization == "south" {
                write!(catalog, "{OLD_SITE}: {{ status: absent }}").expect("a string");
            }
            catalog.push_str(" } }\n");
        }
        if self.turnover.organization_goes {
            writeln!(catalog, "  {UNDECLARED}: {{ status: absent }}").expect("a string");
        }
        catalog.push_str("roles:\n");
        for (name, rank, admin, all_sites) in ROLES {
            let admin = admin || (self.role_flips && name == "operator");
            let has_former = self.turnover.has_former(&turnover::role(name));
            write!(
                catalog,
                "  {}: {{ {}applies_to: [organization, site, extra], admin: {admin}",
                self.declared_role(name),
                former(has_former, name)
            )
            .expect("a string");
            if let Some(rank) = rank {
                write!(catalog, ", rank: {rank}").expect("a string");
            }
            if let Some(other) = linked(roles, name, ["operator", "viewer"]).filter(|other| !other.is_empty()) {
                write!(catalog, ", includes: [{}]", self.declared_role(other)).expect("a string");
            }
            let access = if all_sites { "all" } else { "selected" };
            writeln!(catalog, ", site_access: {access} }}").expect("a string");
        }
        let has_former = self.turnover.has_former(&turnover::role("reader"));
        let reader = self.declared_role("reader");
        writeln!(catalog, "  {reader}: {{ {}rank: 1, applies_to: [site] }}", former(has_former, "reader"))
            .expect("a string");
        if self.turnover.role_goes {
            writeln!(catalog, "  {LEGACY}: {{ status: absent }}").expect("a string");
        }
        catalog
    }
}
