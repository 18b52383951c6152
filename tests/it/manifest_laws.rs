//! Laws of reading: splitting and order of files change only positions, and nothing that anybody writes makes the
//! reader panic.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rollcall::diagnostic::Severity;
use rollcall::manifest::{self, Loaded};
use rollcall::model::{Effective, List, Name, Names, Value};
use rollcall::rules::Rules;
use rollcall::source::Sources;

use crate::manifest_cases::cases;

fn load(names: &mut Names, files: Vec<(String, Vec<u8>)>) -> Loaded {
    let rules = Rules::default();
    manifest::load(
        names,
        manifest::Reading { rules: &rules, time_zone: &jiff::tz::TimeZone::UTC },
        &mut Sources::memory(files),
        &["access".to_owned()],
    )
}

/// A generated declaration: one entry below one of the keys.
#[derive(Debug, Clone)]
struct Entry {
    section: &'static str,
    text: String,
}

fn place() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["o0", "o1", "o2", "\"o*\"", "\"*1\"", "all"]).prop_map(str::to_owned)
}

fn role() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["low", "high", "boss"]).prop_map(str::to_owned)
}

fn membership() -> impl Strategy<Value = String> {
    let sites = prop::sample::select(vec![
        "",
        ", sites: all",
        ", sites: [s0]",
        ", sites: { \"s*\": low, s1: high }",
        ", sites: [], extra_roles: [plus]",
        ", sites: [s0, s1], default_site: s0",
    ]);
    (role(), sites, any::<bool>()).prop_map(
        |(role, sites, short)| {
            if short { role } else { format!("{{ role: {role}{sites} }}") }
        },
    )
}

fn access() -> impl Strategy<Value = String> {
    prop::collection::btree_map(place(), membership(), 0..3).prop_map(|rows| {
        let rows: Vec<String> = rows.iter().map(|(place, membership)| format!("{place}: {membership}")).collect();
        format!("{{ {} }}", rows.join(", "))
    })
}

fn subset(prefix: &'static str, count: usize) -> impl Strategy<Value = String> {
    prop::collection::btree_set(0..count, 0..3).prop_map(move |chosen| {
        let chosen: Vec<String> = chosen.iter().map(|number| format!("{prefix}{number}{}", domain(prefix))).collect();
        format!("[{}]", chosen.join(", "))
    })
}

fn domain(prefix: &str) -> &'static str {
    if prefix == "u" { "@example.com" } else { "" }
}

/// Entries of a world with three organizations, five users, three teams and some site grants.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let users = prop::collection::vec((access(), subset("t", 3), any::<bool>()), 5);
    let teams = prop::collection::vec((access(), subset("u", 5)), 3);
    let nested = any::<(bool, bool)>();
    let grants = prop::collection::vec((place(), subset("u", 5), subset("t", 3)), 0..3);
    (users, teams, nested, grants).prop_map(|(users, teams, nested, grants)| {
        let mut entries = Vec::new();
        for number in 0..3 {
            let text = format!("o{number}: {{ name: O {number}, sites: {{ s0: {{}}, s1: {{}} }} }}");
            entries.push(Entry { section: "organizations", text });
        }
        for role in [
            "low: { rank: 1 }",
            "high: { rank: 2 }",
            "boss: { rank: 3, site_access: all }",
            "plus: { applies_to: extra }",
        ] {
            entries.push(Entry { section: "roles", text: role.to_owned() });
        }
        for (number, (access, teams, named)) in users.into_iter().enumerate() {
            let name = if named { "given_name: Ana, " } else { "" };
            let text = format!("u{number}@example.com: {{ {name}teams: {teams}, access: {access} }}");
            entries.push(Entry { section: "users", text });
        }
        for (number, (access, members)) in teams.into_iter().enumerate() {
            // Only later teams are nested, so there is no circle.
            let nested = match number {
                0 if nested.0 => "[t1]",
                1 if nested.1 => "[t2]",
                _ => "[]",
            };
            let text = format!("t{number}: {{ members: {members}, teams: {nested}, access: {access} }}");
            entries.push(Entry { section: "teams", text });
        }
        for (organization, users, teams) in grants {
            let organization = organization.trim_matches('"');
            let text = format!("- {{ site: \"{organization}/s1\", users: {users}, teams: {teams} }}");
            entries.push(Entry { section: "site_grants", text });
        }
        entries
    })
}

/// Puts the entries into files, in this order.
fn files(entries: &[Entry], file_of: &[usize]) -> Vec<(String, Vec<u8>)> {
    let mut files: BTreeMap<usize, BTreeMap<&str, String>> = BTreeMap::new();
    for (entry, &file) in entries.iter().zip(file_of) {
        let section = files.entry(file).or_default().entry(entry.section).or_default();
        section.push_str("  ");
        section.push_str(&entry.text);
        section.push('\n');
    }
    files
        .into_iter()
        .map(|(file, sections)| {
            let text: Vec<String> = sections.iter().map(|(section, text)| format!("{section}:\n{text}")).collect();
            (format!("access/{file}.yaml"), text.concat().into_bytes())
        })
        .collect()
}

/// All that the manifests mean, as text, without positions and handles.
fn meaning(names: &Names, loaded: &Loaded) -> BTreeSet<String> {
    let desired = &loaded.desired;
    let list = |list: List| names.sorted_texts(list).join("+");
    let value = |value: Value| match value {
        Value::Text(text) => names.text(text).to_owned(),
        Value::Set(set) => list(set),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => format!("{other:?}"),
    };
    let name = |name: Option<Name>| name.map_or("-", |name| names.text(name));
    let mut meaning = BTreeSet::new();
    for (&organization, declared) in &desired.catalog.organizations {
        let organization = names.text(organization);
        for (&field, &of) in &declared.fields {
            meaning.insert(format!("{organization} {} {}", names.text(field), value(of)));
        }
        meaning.extend(declared.sites.keys().map(|&site| format!("{organization}/{}", names.text(site))));
    }
    for (&role, declared) in &desired.catalog.roles {
        meaning.insert(format!("role {} {:?} {:?}", names.text(role), declared.rank, declared.site_access));
    }
    let (mut pieces, mut conflicts, mut effective) = (Vec::new(), Vec::new(), Effective::default());
    for user in desired.users() {
        let key = names.text(user.key);
        meaning.insert(format!("user {key} {:?}", user.status));
        for declared in user.facts {
            meaning.insert(format!("{key} {} {}", names.text(declared.fact.field), value(declared.fact.value)));
        }
        user.pieces(names, &mut pieces);
        effective.fold(&desired.catalog, names, &mut pieces, &mut conflicts);
        for membership in &effective.memberships {
            meaning.insert(format!(
                "{key} in {} as {} and {} at {}",
                names.text(membership.organization),
                name(membership.role),
                list(membership.extra_roles),
                name(membership.default_site)
            ));
        }
        for grant in &effective.grants {
            let (organization, site) = (names.text(grant.organization), names.text(grant.site));
            meaning.insert(format!("{key} on {organization}/{site} as {}", name(grant.role)));
        }
    }
    meaning
}

/// Kinds of mistakes. Not how many: which two of three roles in one place are shown depends on the order.
fn kinds(loaded: &Loaded) -> BTreeSet<(&'static str, Severity)> {
    loaded.diagnostics.iter().map(|diagnostic| (diagnostic.code.as_str(), diagnostic.severity)).collect()
}

/// Manifests of the case folders that are valid, as material to break.
fn valid_texts() -> Vec<String> {
    let mut texts = Vec::new();
    for case in cases() {
        if case.file_name().is_some_and(|name| name.to_string_lossy().starts_with("valid-all")) {
            for entry in std::fs::read_dir(case.join("access")).expect("access") {
                texts.extend(std::fs::read_to_string(entry.expect("entry").path()));
            }
        }
    }
    assert!(!texts.is_empty());
    texts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Law 3.
    #[test]
    fn splitting_and_order_change_only_positions(
        entries in entries(),
        first in prop::collection::vec(0_usize..4, 24),
        second in prop::collection::vec(0_usize..4, 24),
        shuffle in any::<prop::sample::Index>(),
    ) {
        let mut turned = entries.clone();
        let middle = shuffle.index(turned.len());
        turned.rotate_left(middle);
        let (mut names, mut other_names) = (Names::new(), Names::new());
        let one = load(&mut names, files(&entries, &first));
        let other = load(&mut other_names, files(&turned, &second));
        prop_assert_eq!(kinds(&one), kinds(&other), "{:?} {:?}", one.diagnostics, other.diagnostics);
        // Ranks decide every role here, so access is defined even where a grant lacks its membership.
        prop_assert_eq!(meaning(&names, &one), meaning(&other_names, &other));
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        load(&mut Names::new(), vec![("access/a.yaml".to_owned(), bytes)]);
    }

    #[test]
    fn arbitrary_text_does_not_panic(text in "[ \\n:{}\\[\\]&*!|>'\"%@#?,\\-a-zé\u{202e}*]{0,120}") {
        load(&mut Names::new(), vec![("access/a.yaml".to_owned(), text.into_bytes())]);
    }

    #[test]
    fn broken_manifests_do_not_panic(
        at in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, any::<u8>()), 1..6),
    ) {
        let texts = valid_texts();
        let mut bytes = texts[at.index(texts.len())].clone().into_bytes();
        for (place, what, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let place = place.index(bytes.len());
            match what {
                0 => bytes[place] = byte,
                1 => { bytes.remove(place); }
                2 => bytes.insert(place, byte % 128),
                3 => bytes.truncate(place + 1),
                4 => { let tail = bytes[place..].to_vec(); bytes.extend(tail); }
                _ => bytes.insert(place, b"&*!:{}[]-#|>\n "[usize::from(byte) % 14]),
            }
        }
        let loaded = load(&mut Names::new(), vec![("access/a.yaml".to_owned(), bytes)]);
        for diagnostic in &loaded.diagnostics {
            prop_assert!(!diagnostic.message.is_empty());
        }
    }
}
