//! What somebody may have meant by a text: a key, a part of a name, an organization, a site.

use std::collections::BTreeSet;

use super::explain::Asked;
use crate::model::{Desired, LiveState, Names, known};
use crate::rules::Identity;

/// What a text may mean: a key, an organization, `ORG/SITE`; nothing if nobody has heard of it.
#[must_use]
pub fn asked(
    text: &str,
    desired: &Desired,
    live: Option<&LiveState>,
    names: &Names,
    identity: &Identity,
) -> Vec<Asked> {
    let mut found = Vec::new();
    let key = identity.normalize(text).ok().and_then(|key| names.find(&key));
    found.extend(
        key.filter(|&key| desired.find(key).is_some() || live.is_some_and(|live| live.find(key).is_some()))
            .map(Asked::User),
    );
    let catalogs = || std::iter::once(&desired.catalog).chain(live.map(|live| &live.catalog));
    if let Some(name) =
        names.find(text).filter(|name| catalogs().any(|catalog| catalog.organizations.contains_key(name)))
    {
        found.push(Asked::Organization(name));
    }
    // Sites have no `/`, organizations may.
    let parts = text.rsplit_once('/').and_then(|(organization, site)| names.find(organization).zip(names.find(site)));
    if let Some((organization, site)) =
        parts.filter(|&(organization, site)| catalogs().any(|catalog| catalog.has_site(organization, site)))
    {
        found.push(Asked::Site(organization, site));
    }
    found
}

/// What somebody who typed `text` may have meant: what contains it, by key or by the name of the person, and whether
/// anything does; else what is spelled nearly so, and for a site that is none, those of its organization. At most ten,
/// the likeliest first.
#[must_use]
pub fn likely(text: &str, desired: &Desired, live: Option<&LiveState>, names: &Names) -> (Vec<String>, bool) {
    let (containing, mut similar) = search(text, desired, live, names);
    if !containing.is_empty() {
        return (containing, true);
    }
    let mut sites: BTreeSet<String> = BTreeSet::new();
    if let Some(place) = text.rsplit_once('/').and_then(|(organization, _)| names.find(organization)) {
        let catalogs = std::iter::once(&desired.catalog).chain(live.map(|live| &live.catalog));
        let organizations = catalogs.filter_map(|catalog| catalog.organizations.get(&place));
        let declared = organizations.flat_map(|organization| organization.sites.keys());
        sites.extend(declared.map(|site| format!("{}/{}", names.text(place), names.text(*site))));
    }
    let others: Vec<String> = sites.into_iter().filter(|site| !similar.contains(site)).collect();
    similar.extend(others);
    similar.truncate(MOST);
    (similar, false)
}

const MOST: usize = 10;

/// What contains the text, and what is only spelled nearly so.
fn search(text: &str, desired: &Desired, live: Option<&LiveState>, names: &Names) -> (Vec<String>, Vec<String>) {
    const SIMILAR: f64 = 0.82;
    let wanted = text.trim().to_lowercase();
    let mut containing: BTreeSet<(bool, String)> = BTreeSet::new();
    let mut similar: Vec<(f64, String)> = Vec::new();
    let mut consider = |shown: &str, searched: &[&str]| {
        let lower = shown.to_lowercase();
        if !wanted.is_empty()
            && (lower.contains(&wanted) || searched.iter().any(|text| text.to_lowercase().contains(&wanted)))
        {
            containing.insert((!lower.starts_with(&wanted), shown.to_owned()));
            if containing.len() > MOST {
                containing.pop_last();
            }
            return;
        }
        let likeness = strsim::jaro_winkler(&wanted, &lower);
        if likeness >= SIMILAR {
            similar.push((likeness, shown.to_owned()));
        }
    };
    let fields = [known::NAME, known::GIVEN_NAME, known::FAMILY_NAME, known::EMAIL, known::LOGIN];
    for user in desired.users() {
        let searched: Vec<&str> = fields
            .iter()
            .filter_map(|&field| user.value(field).and_then(crate::model::Value::text))
            .map(|name| names.text(name))
            .collect();
        consider(names.text(user.key), &searched);
    }
    for user in live.iter().flat_map(|live| live.users()) {
        if user.identity.is_some_and(|identity| desired.find(identity).is_some()) {
            continue;
        }
        let searched: Vec<&str> =
            fields.iter().filter_map(|&field| user.value(field).text()).map(|name| names.text(name)).collect();
        consider(names.text(user.key), &searched);
    }
    for (organization, declared) in &desired.catalog.organizations {
        let organization = names.text(*organization);
        consider(organization, &[]);
        for site in declared.sites.keys() {
            consider(&format!("{organization}/{}", names.text(*site)), &[]);
        }
    }
    similar.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    similar.truncate(MOST);
    let containing = containing.into_iter().map(|(_, shown)| shown).collect();
    (containing, similar.into_iter().map(|(_, shown)| shown).collect())
}

/// Like [`likely`], of users only.
#[must_use]
pub fn likely_keys(
    text: &str,
    desired: &Desired,
    live: Option<&LiveState>,
    names: &Names,
    identity: &Identity,
) -> Vec<String> {
    let is_user = |found: &String| {
        asked(found, desired, live, names, identity).iter().any(|asked| matches!(asked, Asked::User(_)))
    };
    likely(text, desired, live, names).0.into_iter().filter(is_user).collect()
}
