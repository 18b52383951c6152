//! A live state as sorted text, for comparing stores and for failure messages. Ids and versions are left out: they are
//! each store's own.

use std::collections::BTreeMap;
use std::fmt::Write;

use rollcall::model::{LiveState, Names};

use super::actions::V;

pub(crate) fn show(live: &LiveState, names: &Names) -> String {
    let mut shown = String::new();
    let name = |name: Option<rollcall::model::Name>| name.map_or("-", |name| names.text(name)).to_owned();
    let fields = |fields: &rollcall::model::Fields| {
        let fields = fields.iter().map(|(&field, &value)| (names.text(field), V::of(names, value)));
        format!("{:?}", fields.collect::<BTreeMap<_, _>>())
    };
    let mut lines: Vec<String> = Vec::new();
    for (&organization, data) in &live.catalog.organizations {
        lines.push(format!("organization {} {}", names.text(organization), fields(&data.fields)));
        for (&site, data) in &data.sites {
            lines.push(format!("site {}/{} {}", names.text(organization), names.text(site), fields(&data.fields)));
        }
    }
    for (&role, data) in &live.catalog.roles {
        let facts = data.facts(names);
        let facts: BTreeMap<_, _> =
            facts.iter().map(|fact| (names.text(fact.field), V::of(names, fact.value))).collect();
        lines.push(format!("role {} {facts:?}", names.text(role)));
    }
    for row in 0..live.len() {
        let user = live.user(row);
        let mut account = format!("user {} = {} {}", user.key_text(names), name(user.identity), user.status.as_str());
        let facts: BTreeMap<_, _> =
            user.facts.iter().map(|fact| (names.text(fact.field), V::of(names, fact.value))).collect();
        write!(account, " {facts:?}").expect("a string");
        let mut access: Vec<String> = Vec::new();
        for membership in user.memberships {
            let extra = names.sorted_texts(membership.extra_roles);
            let (role, site) = (name(membership.role), name(membership.default_site));
            access.push(format!("  in {:?}: {role} {extra:?} {site}", names.text(membership.organization)));
        }
        for grant in user.grants {
            let role = name(grant.role);
            access.push(format!("  at {}/{}: {role}", names.text(grant.organization), names.text(grant.site)));
        }
        access.sort();
        if let Some(invitation) = user.invitation {
            access.push(format!("  invitation {invitation:?}"));
        }
        lines.push(format!("{account}\n{}", access.join("\n")));
    }
    lines.sort();
    for line in lines {
        writeln!(shown, "{}", line.trim_end()).expect("a string");
    }
    for (collection, why) in live.evidence.gaps() {
        writeln!(shown, "gap {}: {why}", collection.as_str()).expect("a string");
    }
    shown
}
