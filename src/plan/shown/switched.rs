//! Whether a switch is shown, where one membership or one site takes the place of another: what ends, and what begins.

use super::{Expected, Found};
use crate::model::{Collection, Completeness, Grant, LiveView, Name, known};
use crate::plan::State;

impl Expected<'_> {
    /// What ends where another membership begins: before that it is there, and the other one is not; afterwards it is
    /// gone.
    pub(super) fn switched(&self, view: LiveView<'_>, before: &State) -> Found {
        let member =
            |name: Name, how: &str| Found::Different(format!("the membership in `{}` {how}", self.text(Some(name))));
        if self.is_after {
            let left = before.memberships.iter().find(|ended| view.membership(ended.organization).is_some());
            return match left {
                Some(left) => member(left.organization, "has not ended"),
                None => self.gone(Collection::Memberships, "memberships"),
            };
        }
        let begun = self.action.subject.organization.filter(|&organization| view.membership(organization).is_some());
        match begun {
            Some(organization) => member(organization, "is there"),
            None => self.memberships(view, &before.memberships).max(self.grants(view, &before.grants)),
        }
    }

    /// What ends where another site is granted: before that it is there, and the other one is not; afterwards it is gone.
    pub(super) fn exchanged(&self, view: LiveView<'_>, ended: &[Grant], is_granted: bool) -> Found {
        let site = |site: Name, how: &str| Found::Different(format!("site `{}` {how}", self.text(Some(site))));
        match (self.is_after, is_granted) {
            (false, true) => site(self.action.subject.site.unwrap_or(known::NONE), "is granted"),
            (false, false) => self.grants(view, ended),
            (true, _) => {
                let is_left = |one: &&Grant| {
                    view.grants.iter().any(|live| (live.organization, live.site) == (one.organization, one.site))
                };
                let left = ended.iter().find(is_left).map(|left| site(left.site, "is still granted"));
                left.unwrap_or_else(|| self.gone(Collection::Grants, "grants"))
            }
        }
    }

    /// That what was not read is gone, where all of these were read.
    fn gone(&self, of: Collection, what: &str) -> Found {
        match self.seen.live.evidence.of(of) {
            Completeness::Complete => Found::Same,
            Completeness::Partial(why) | Completeness::Unreadable(why) => {
                Found::Unknown(format!("{what} were not read completely: {why}"))
            }
        }
    }
}
