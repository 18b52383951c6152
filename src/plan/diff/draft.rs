//! Actions before they have an order, and what else is found out about one user or about the catalog.
//!
//! A draft says by [`Need`] what has to be done before it, and by [`Counter`] what it takes from or gives to all users.
//! Deliberately absent: what is compared, and why there is a draft at all.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::diagnostic::{Diagnostic, Position};
use crate::model::{ActionKind, Fact, LiveView, Name, Status, Value, known};
use crate::plan::action::{Action, Origin, Risk, State, Subject};
use crate::plan::{Obstacle, Unmanaged, WaitsFor};

/// A number that spans users, of which a plan can't spend more than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::plan) enum Counter {
    /// A seat of the store.
    Seat,
    /// An active admin of an organization, or of the platform.
    Admin(Name),
}

impl Counter {
    /// What waits for it is said to wait for this.
    pub(in crate::plan) const fn waits_for(self) -> WaitsFor {
        match self {
            Self::Seat => WaitsFor::Seat,
            Self::Admin(_) => WaitsFor::Successor,
        }
    }
}

/// Something that has to be done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::plan) enum Need {
    /// Another draft of the same user, by its place.
    Own(u32),
    /// The organization, if it is made by this plan.
    Organization(Name),
    /// The site, if it is made by this plan.
    Site(Name, Name),
    /// The role, if it is made by this plan.
    Role(Name),
    /// The role's own change, if this plan changes it.
    RoleUpdate(Name),
    /// The action of this kind on this subject.
    Action(ActionKind, Subject),
}

/// An action before it has an order.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Draft {
    /// The action, as yet without needs.
    pub(in crate::plan) action: Action,
    /// What has to be done before.
    pub(in crate::plan) needs: Vec<Need>,
    /// What it takes from what spans users.
    pub(in crate::plan) takes: Vec<Counter>,
    /// What it gives to it.
    pub(in crate::plan) gives: Vec<Counter>,
    /// Of what it takes: what the own change of a role gives, and it gives back.
    pub(in crate::plan) returns: Vec<(Counter, Name)>,
    /// What may not be above its limit when it is done.
    pub(in crate::plan) within: Vec<Counter>,
    /// It has to wait in any case, and for what.
    pub(in crate::plan) waits_for: Option<WaitsFor>,
    /// Since when it waits, and until when at most.
    pub(in crate::plan) wait: (Option<Timestamp>, Option<Timestamp>),
    /// What stands in its way, where more is known of that than what it waits for.
    pub(in crate::plan) obstacle: Option<Obstacle>,
    /// Somebody can do something that they could not.
    pub(in crate::plan) gains: bool,
    /// Somebody can't do something that they could.
    pub(in crate::plan) loses: bool,
}

impl Draft {
    /// A draft that does this, without a reason, a need or a risk as yet.
    pub(super) fn new(kind: ActionKind, subject: Subject, before: Option<State>, after: Option<State>) -> Self {
        Self {
            action: Action::new(kind, subject, before, after),
            needs: Vec::new(),
            takes: Vec::new(),
            gives: Vec::new(),
            returns: Vec::new(),
            within: Vec::new(),
            waits_for: None,
            wait: (None, None),
            obstacle: None,
            gains: false,
            loses: false,
        }
    }

    /// Says that it has to wait, whatever else is done.
    pub(super) fn waiting(mut self, waits_for: WaitsFor) -> Self {
        self.waits_for.get_or_insert(waits_for);
        self
    }

    /// Says why it is done, in words.
    pub(super) fn because(mut self, reason: &'static str) -> Self {
        self.action.reason = reason;
        self
    }

    /// Says what is dangerous about it.
    pub(in crate::plan) fn risk(&mut self, risk: Risk) {
        if let Err(at) = self.action.risk.binary_search(&risk) {
            self.action.risk.insert(at, risk);
        }
    }
}

/// What one user, or the catalog, needs; [`Need::Own`] counts within it.
#[derive(Debug, Default)]
pub(in crate::plan) struct Change {
    /// The drafts.
    pub(in crate::plan) drafts: Vec<Draft>,
    /// What is left alone.
    pub(in crate::plan) unmanaged: Option<Unmanaged>,
    /// What is left alone of it because no manifest can say it.
    pub(in crate::plan) unsayable: Option<Unmanaged>,
    /// Mistakes that only show against what is live.
    pub(in crate::plan) diagnostics: Vec<Diagnostic>,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        self.drafts.is_empty() && self.unmanaged.is_none() && self.unsayable.is_none() && self.diagnostics.is_empty()
    }

    /// Adds a draft and says where it stands.
    pub(super) fn push(&mut self, draft: Draft) -> u32 {
        self.drafts.push(draft);
        u32::try_from(self.drafts.len() - 1).unwrap_or(u32::MAX)
    }

    /// What the drafts from the first one on take away goes before the invitation goes out, unless something of that is
    /// left to the acceptance.
    pub(super) fn take_away_before(&mut self, invitation: u32, first: usize) {
        let later: Vec<usize> = (first..self.drafts.len()).collect();
        let before = self.reductions(&later);
        if before.iter().any(|&at| self.drafts[at].waits_for == Some(WaitsFor::Acceptance)) {
            return;
        }
        let own = before.into_iter().map(|at| Need::Own(u32::try_from(at).unwrap_or(u32::MAX)));
        self.drafts[invitation as usize].needs.extend(own);
    }

    /// What takes something away, of these drafts, and whatever of them that needs before it.
    pub(super) fn reductions(&self, drafts: &[usize]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut waiting: Vec<usize> = drafts.iter().copied().filter(|&at| self.drafts[at].loses).collect();
        while let Some(at) = waiting.pop() {
            if found.insert(at) {
                waiting.extend(self.drafts[at].needs.iter().filter_map(|need| match need {
                    Need::Own(other) => drafts.iter().copied().find(|&at| at == *other as usize),
                    Need::Organization(_) | Need::Site(..) | Need::Role(_) | Need::RoleUpdate(_) | Need::Action(..) => {
                        None
                    }
                }));
            }
        }
        found
    }
}

/// The subject of an action on an account.
pub(super) const fn user_subject(user: Name) -> Subject {
    Subject { user: Some(user), organization: None, site: None, role: None }
}

/// The facts of a status.
pub(super) fn status_state(status: Status) -> State {
    State::field(known::STATUS, Value::Text(status.name()))
}

/// The status of a live account, and all of its access.
pub(super) fn account_state(live: &LiveView<'_>) -> State {
    State {
        facts: vec![Fact::new(known::STATUS, Value::Text(live.status.name()))],
        memberships: live.memberships.to_vec(),
        grants: live.grants.to_vec(),
    }
}

/// An origin at a place, through nothing.
pub(super) fn own_line(position: Position) -> Vec<Origin> {
    vec![Origin { position, via: None }]
}
