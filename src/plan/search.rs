//! What somebody may have meant by a text: a key, a part of a name, an organization, a site.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;

use super::explain::Asked;
use crate::model::{Desired, Fields, LiveState, LiveView, Name, Names, Value, known};
use crate::rules::{Identity, folded};

/// What a text may mean: a key, an organization, `ORG/SITE`; nothing if nobody has heard of it.
#[must_use]
pub fn asked(
    text: &str,
    desired: &Desired,
    live: Option<&LiveState>,
    names: &Names,
    identity: &Identity,
) -> Vec<Asked> {
    let text = &text.nfc().collect::<String>();
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

/// What somebody may have meant who typed a text that is nothing's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Likely {
    /// Keys, organizations and `ORG/SITE`, ten at most, the likeliest first.
    pub found: Vec<String>,
    /// Whether they contain the text, by key or by the name of the person; else they are only spelled nearly so.
    pub contains: bool,
    /// How many more contain it.
    pub more: usize,
}

/// What somebody who typed `text` may have meant: what contains it; else what is spelled nearly so, and for a site that is
/// none, those of its organization.
#[must_use]
pub fn likely(text: &str, desired: &Desired, live: Option<&LiveState>, names: &Names) -> Likely {
    let Search { containing, more, mut similar } = search(text, desired, live, names);
    if !containing.is_empty() {
        return Likely { found: containing, contains: true, more };
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
    Likely { found: similar, contains: false, more: 0 }
}

/// Whether an account of the store has exactly this key, and it is no valid one: no action can name the account.
#[must_use]
pub fn has_invalid_key(text: &str, live: &LiveState, names: &Names) -> bool {
    let is_it = |user: LiveView<'_>| user.key_text(names) == text && user.identity.is_none();
    live.users().any(is_it) && names.find(text).is_none_or(|key| !live.ambiguous().contains(&key))
}

const MOST: usize = 10;

/// What contains a text, how many more there are, and what is only spelled nearly so.
struct Search {
    containing: Vec<String>,
    more: usize,
    similar: Vec<String>,
}

fn search(text: &str, desired: &Desired, live: Option<&LiveState>, names: &Names) -> Search {
    const SIMILAR: f64 = 0.82;
    let wanted = text.trim().nfc().collect::<String>().to_lowercase();
    let asked = Words::of(text);
    let mut containing: BTreeSet<(bool, String)> = BTreeSet::new();
    let mut more = 0;
    let mut similar: Vec<(f64, String)> = Vec::new();
    let mut consider = |shown: &str, searched: &[&str]| {
        let lower = shown.to_lowercase();
        let is_part = || lower.contains(&wanted) || searched.iter().any(|text| text.to_lowercase().contains(&wanted));
        if !wanted.is_empty() && (is_part() || asked.are_in(shown, searched)) {
            containing.insert((!lower.starts_with(&wanted), shown.to_owned()));
            if containing.len() > MOST {
                containing.pop_last();
                more += 1;
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
        let own = fields.iter().filter_map(|&field| user.value(field).and_then(Value::text));
        let account = live.and_then(|live| live.find(user.identity));
        let places = account.iter().flat_map(|account| account.memberships).map(|one| one.organization);
        let places = places.filter(|_| asked.are_several());
        let searched: Vec<&str> = own.chain(places).map(|name| names.text(name)).collect();
        consider(names.text(user.key), &searched);
    }
    for user in live.iter().flat_map(|live| live.users()) {
        if user.identity.is_some_and(|identity| desired.find(identity).is_some()) {
            continue;
        }
        let own = fields.iter().filter_map(|&field| user.value(field).text());
        let places = user.memberships.iter().map(|one| one.organization).filter(|_| asked.are_several());
        let searched: Vec<&str> = own.chain(places).map(|name| names.text(name)).collect();
        consider(names.text(user.key), &searched);
    }
    for (organization, declared) in &desired.catalog.organizations {
        let organization = names.text(*organization);
        consider(organization, &name_for_people(&declared.fields, names));
        for (site, declared) in &declared.sites {
            let name = name_for_people(&declared.fields, names);
            consider(&format!("{organization}/{}", names.text(*site)), &name);
        }
    }
    similar.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    similar.truncate(MOST);
    let containing = containing.into_iter().map(|(_, shown)| shown).collect();
    Search { containing, more, similar: similar.into_iter().map(|(_, shown)| shown).collect() }
}

fn name_for_people<'n>(fields: &Fields, names: &'n Names) -> Vec<&'n str> {
    fields.get(&known::NAME).and_then(|name| name.text()).map(|name| names.text(name)).into_iter().collect()
}

/// The words that are looked for, in whatever order they are typed.
struct Words(Vec<String>);

impl Words {
    fn of(text: &str) -> Self {
        Self(folded(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }

    fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Whether each of them begins a word of these texts; a single one may stand anywhere in them.
    fn are_in(&self, shown: &str, searched: &[&str]) -> bool {
        let texts = || std::iter::once(shown).chain(searched.iter().copied());
        match self.0.as_slice() {
            [] => false,
            // What has no accents has been compared as it stands.
            [word] if word.is_ascii() && texts().all(str::is_ascii) => false,
            [word] => texts().any(|text| folded(text).contains(word)),
            words => {
                let texts: Vec<String> = texts().map(folded).collect();
                let begins = |word: &String| {
                    texts.iter().flat_map(|text| text.split(' ')).any(|other| other.starts_with(word.as_str()))
                };
                words.iter().all(begins)
            }
        }
    }
}

/// The only user whose key or name contains the text, unless there may be others.
#[must_use]
pub fn only_user_like(
    text: &str,
    desired: &Desired,
    live: Option<&LiveState>,
    names: &Names,
    identity: &Identity,
) -> Option<Name> {
    let Search { containing, more, similar: _ } = search(text, desired, live, names);
    let mut users =
        containing.iter().flat_map(|key| asked(key, desired, live, names, identity)).filter_map(|asked| match asked {
            Asked::User(user) => Some(user),
            Asked::Organization(_) | Asked::Site(..) => None,
        });
    let first = users.next();
    first.filter(|_| more == 0 && users.next().is_none())
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
    likely(text, desired, live, names).found.into_iter().filter(is_user).collect()
}
