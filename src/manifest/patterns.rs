//! How much work patterns make, told before it is done: each is compared with every name that it could match, so a small
//! file could ask for hours.

use super::merge::Merged;
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{AccessRow, Selector};

/// The most comparisons that the patterns of one user, team or site grant may take.
const MOST_AT_ONCE: u64 = 20_000_000;

/// The most comparisons of a run: so many, and so many more for each user.
const MOST: u64 = 500_000_000;
const MOST_PER_USER: u64 = 4_000;

impl Merged<'_> {
    /// Whether patterns make a bearable amount of work; records a mistake if not.
    pub(super) fn check_patterns(&mut self) -> bool {
        let every_site: u64 =
            self.desired.catalog.organizations.values().map(|organization| organization.sites.len() as u64).sum();
        let mut sum: u64 = 0;
        let most = MOST + MOST_PER_USER * self.desired.len() as u64;
        let mut found: Option<Position> = None;
        let sources: Vec<u64> = self
            .desired
            .sources
            .iter()
            .map(|source| {
                let start = source.rows_start as usize;
                let rows = &self.desired.rows[start..start + source.rows_length as usize];
                let work = self.work(rows, every_site);
                if work > MOST_AT_ONCE {
                    found.get_or_insert(source.position);
                }
                work
            })
            .collect();
        for user in self.desired.users() {
            let own = self.work(user.rows, every_site);
            sum += own;
            for link in user.links {
                // Teams that contain this one are bounded by themselves; most are in none.
                sum += sources.get(link.source.0 as usize).copied().unwrap_or(0);
            }
            if own > MOST_AT_ONCE || sum > most {
                found.get_or_insert(user.position);
                break;
            }
        }
        let Some(position) = found else { return true };
        // What follows would do the work that is refused here.
        self.broken = true;
        self.mistakes.push(
            Diagnostic::error(Code::TooLarge, "the patterns here would be compared with too many names")
                .at(position, "")
                .help("write fewer patterns: one `*` says the same as many that match little, or name what is meant"),
        );
        false
    }

    fn work(&self, rows: &[AccessRow], every_site: u64) -> u64 {
        let organizations = self.desired.catalog.organizations.len() as u64;
        rows.iter()
            .map(|row| {
                let sites = self.desired.sites_of(row);
                let patterns = sites.iter().filter(|site| matches!(site.site, Selector::Pattern(_))).count() as u64;
                let exact = sites.len() as u64 - patterns;
                match row.organization {
                    Selector::Exact(organization) => {
                        let declared = self.desired.catalog.organizations.get(&organization);
                        patterns * declared.map_or(0, |declared| declared.sites.len() as u64)
                    }
                    Selector::Pattern(_) => organizations * (1 + exact) + patterns * every_site,
                }
            })
            .sum()
    }
}
