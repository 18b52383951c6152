//! How much work manifests make, told before it is done: a pattern is compared with every name that it could match, and
//! each user is given what patterns, site grants and teams within teams add up to. So a small file could ask for hours,
//! or for more than any memory holds.

use std::collections::HashMap;

use super::merge::Merged;
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{AccessRow, Desired, Name, Names, Selector, matches};

/// The most comparisons that the patterns of one user, team or site grant may take.
const MOST_AT_ONCE: u64 = 20_000_000;

/// The most comparisons of a run: so many, and so many more for each user.
const MOST: u64 = 200_000_000;
const MOST_PER_USER: u64 = 1_000;

/// The most places in which one user may be given something; each source counts.
const MOST_PLACES_OF_ONE: u64 = 4_000_000;

/// The most places of a run: so many, and so many more for each user. Real ones have a few for each.
const MOST_PLACES: u64 = 50_000_000;
const MOST_PLACES_PER_USER: u64 = 250;

/// What is too much, and where.
type TooMuch = (Position, &'static str, &'static str);

impl Merged<'_> {
    /// Whether patterns and nested teams make a bearable amount of work; records a mistake if not.
    pub(super) fn check_work(&mut self) -> bool {
        // Places are counted by comparing, so comparisons are judged first.
        let found =
            too_many_comparisons(&self.desired, self.names).or_else(|| too_many_places(&self.desired, self.names));
        let Some((position, message, help)) = found else { return true };
        // What follows would do the work that is refused here.
        self.broken = true;
        self.mistakes.push(Diagnostic::error(Code::TooLarge, message).at(position, "").help(help));
        false
    }
}

fn too_many_comparisons(desired: &Desired, names: &Names) -> Option<TooMuch> {
    const MESSAGE: &str = "the patterns here would be compared with too many names";
    const HELP: &str = "write fewer patterns, and nest teams less deeply: one `*` says the same as many that match \
                        little, or name what is meant";
    let names = Weights::of(desired, names);
    // Every source that is looked at is a step, whatever it gives.
    let own: Vec<u64> = sources(desired).map(|rows| names.comparisons(desired, rows).saturating_add(1)).collect();
    if let Some(at) = own.iter().position(|&own| own > MOST_AT_ONCE) {
        return Some((desired.sources[at].position, MESSAGE, HELP));
    }
    let closed = over_closures(desired, &own);
    let most = MOST + MOST_PER_USER * desired.len() as u64;
    let mut sum: u64 = 0;
    for user in desired.users() {
        let own = names.comparisons(desired, user.rows);
        let linked = user.links.iter().map(|link| closed[link.source.0 as usize]);
        sum = linked.fold(sum.saturating_add(own), u64::saturating_add);
        if own > MOST_AT_ONCE || sum > most {
            return Some((user.position, MESSAGE, HELP));
        }
    }
    None
}

fn too_many_places(desired: &Desired, names: &Names) -> Option<TooMuch> {
    const HELP: &str = "give a role with `site_access: all` instead of every site, or name fewer places";
    let mut counting = Counting { desired, names, organizations: HashMap::new(), sites: HashMap::new() };
    let own: Vec<u64> = sources(desired).map(|rows| counting.rows(rows)).collect();
    let closed = over_closures(desired, &own);
    let most = MOST_PLACES + MOST_PLACES_PER_USER * desired.len() as u64;
    let mut sum: u64 = 0;
    for user in desired.users() {
        let linked = user.links.iter().map(|link| closed[link.source.0 as usize]);
        let places = linked.fold(counting.rows(user.rows), u64::saturating_add);
        sum = sum.saturating_add(places);
        if places > MOST_PLACES_OF_ONE {
            return Some((user.position, "this user would be given something in too many places", HELP));
        }
        if sum > most {
            return Some((user.position, "with this user, too many places would be given to all together", HELP));
        }
    }
    None
}

/// The rows of each source.
fn sources(desired: &Desired) -> impl Iterator<Item = &[AccessRow]> {
    desired.sources.iter().map(|source| {
        let start = source.rows_start as usize;
        &desired.rows[start..start + source.rows_length as usize]
    })
}

/// What each source costs with all that its members have besides.
fn over_closures(desired: &Desired, own: &[u64]) -> Vec<u64> {
    let sum = |source: &crate::model::Source| {
        source.closure.iter().map(|reached| own[reached.0 as usize]).fold(0, u64::saturating_add)
    };
    desired.sources.iter().map(sum).collect()
}

/// What it costs to compare a pattern with every name: one, and one more for so many bytes of it.
const BYTES_OF_ONE: u64 = 32;

struct Weights {
    organizations: u64,
    sites: HashMap<Name, u64>,
    every_site: u64,
}

impl Weights {
    fn of(desired: &Desired, names: &Names) -> Self {
        let weight = |name: &Name| 1 + names.text(*name).len() as u64 / BYTES_OF_ONE;
        let organizations = &desired.catalog.organizations;
        let sites: HashMap<Name, u64> =
            organizations.iter().map(|(&name, of)| (name, of.sites.keys().map(weight).sum())).collect();
        let every_site = sites.values().sum();
        Self { organizations: organizations.keys().map(weight).sum(), sites, every_site }
    }

    fn comparisons(&self, desired: &Desired, rows: &[AccessRow]) -> u64 {
        let of_row = |row: &AccessRow| {
            let sites = desired.sites_of(row);
            let patterns = sites.iter().filter(|site| matches!(site.site, Selector::Pattern(_))).count() as u64;
            let exact = sites.len() as u64 - patterns;
            match row.organization {
                Selector::Exact(organization) => patterns * self.sites.get(&organization).copied().unwrap_or(0),
                Selector::Pattern(_) => self.organizations * (1 + exact) + patterns * self.every_site,
            }
        };
        rows.iter().map(of_row).fold(0, u64::saturating_add)
    }
}

/// Counts the places in which rows give something; each pattern is compared once.
struct Counting<'a> {
    desired: &'a Desired,
    names: &'a Names,
    /// What patterns of organizations match.
    organizations: HashMap<Name, Vec<Name>>,
    /// How many sites a selection of organizations and sites matches.
    sites: HashMap<(Selector, Selector), u64>,
}

impl Counting<'_> {
    fn rows(&mut self, rows: &[AccessRow]) -> u64 {
        let desired = self.desired;
        let mut sum: u64 = 0;
        for row in rows {
            sum = sum.saturating_add(match row.organization {
                Selector::Exact(_) => 1,
                Selector::Pattern(pattern) => self.matched(pattern).len() as u64,
            });
            for site in desired.sites_of(row) {
                sum = sum.saturating_add(self.sites(row.organization, site.site));
            }
        }
        sum
    }

    fn matched(&mut self, pattern: Name) -> &[Name] {
        let Self { desired, names, organizations, .. } = self;
        organizations.entry(pattern).or_insert_with(|| {
            let text = names.text(pattern);
            let all = desired.catalog.organizations.keys().copied();
            all.filter(|&name| matches(text, names.text(name))).collect()
        })
    }

    fn sites(&mut self, organization: Selector, site: Selector) -> u64 {
        if matches!((organization, site), (Selector::Exact(_), Selector::Exact(_))) {
            return 1;
        }
        if let Some(&known) = self.sites.get(&(organization, site)) {
            return known;
        }
        let sum = match organization {
            Selector::Exact(organization) => self.sites_of(organization, site),
            Selector::Pattern(pattern) => {
                let matched = self.matched(pattern).to_vec();
                matched.into_iter().map(|organization| self.sites_of(organization, site)).sum()
            }
        };
        self.sites.insert((organization, site), sum);
        sum
    }

    fn sites_of(&self, organization: Name, site: Selector) -> u64 {
        let Some(declared) = self.desired.catalog.organizations.get(&organization) else { return 0 };
        match site {
            Selector::Exact(site) => u64::from(declared.sites.contains_key(&site)),
            Selector::Pattern(pattern) => {
                let text = self.names.text(pattern);
                if text == "*" {
                    return declared.sites.len() as u64;
                }
                declared.sites.keys().filter(|&&site| matches(text, self.names.text(site))).count() as u64
            }
        }
    }
}
