//! Site grants that say the same twice, whichever files they stand in.

use super::merge::{Member, Merged};
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{Name, Selector, SourceId, WindowId};

/// All that a site grant says.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct SiteGrant {
    organization: Selector,
    site: Selector,
    role: Option<Name>,
    window: WindowId,
    users: Vec<Name>,
    teams: Vec<Name>,
}

impl Merged<'_> {
    /// Tells of a site grant that says the same as an earlier one: the one that was added last.
    pub(super) fn tell_equal_grants(&mut self, source: SourceId, position: Position) {
        let Some(row) = self.desired.rows_of(source).first() else { return };
        let Some(site) = self.desired.sites_of(row).first() else { return };
        let of_source = |mention: &&Member| mention.source == source;
        let mut users: Vec<Name> =
            self.members.iter().rev().take_while(of_source).map(|member| member.identity).collect();
        let teams = self.teams_of_sources.iter().rev().take_while(|mention| mention.by == source);
        let mut teams: Vec<Name> = teams.map(|mention| mention.team).collect();
        for names in [&mut users, &mut teams] {
            names.sort_unstable();
            names.dedup();
        }
        // That a grant names nobody is told already.
        if users.is_empty() && teams.is_empty() {
            return;
        }
        let grant = SiteGrant {
            organization: row.organization,
            site: site.site,
            role: site.role,
            window: row.window,
            users,
            teams,
        };
        let first = *self.site_grants.entry(grant).or_insert(position);
        if first != position {
            self.mistakes.push(
                Diagnostic::warning(Code::DuplicateEntry, "this site grant says the same as an earlier one")
                    .at(position, "here again")
                    .and(first, "first here")
                    .help("take one of them out"),
            );
        }
    }
}
