//! What others do to a store between two commands.

use rollcall::apply::Verdict;
use rollcall::model::{ActionKind, Fact, Value, known};
use rollcall::plan::{Action, LockOut, State, Subject, lock_out};
use rollcall::store::{Effect, Writer};

use super::Bench;
use crate::support::now;

impl<S: Writer + Send> Bench<S> {
    /// Does the first actions of today's plan.
    pub(in crate::loop_laws) fn disturb(&mut self, actions: usize) {
        let plan = self.plan();
        self.apply_plan(plan, &[], actions);
    }

    /// Somebody takes access from a live account, or locks it out; whether there was something to take.
    pub(in crate::loop_laws) fn vandalize(&mut self, row: usize, how: usize) -> bool {
        let live = self.live().expect("a store that can be read");
        if live.is_empty() {
            return false;
        }
        let user = live.user(row % live.len());
        let subject = Subject { user: Some(user.key), ..Subject::default() };
        let action = match (how % 3, user.grants.first(), user.memberships.first()) {
            (0, Some(grant), _) => Action::new(
                ActionKind::RevokeSite,
                Subject { organization: Some(grant.organization), site: Some(grant.site), ..subject },
                Some(State::field(known::ROLE, Value::optional_text(grant.role))),
                None,
            ),
            (1, _, Some(membership)) if membership.organization != known::PLATFORM => {
                let facts = vec![
                    Fact::new(known::ROLE, Value::optional_text(membership.role)),
                    Fact::new(known::EXTRA_ROLES, Value::Set(membership.extra_roles)),
                    Fact::new(known::DEFAULT_SITE, Value::optional_text(membership.default_site)),
                ];
                let grants = user.grants_in(membership.organization).copied().collect();
                Action::new(
                    ActionKind::RemoveMembership,
                    Subject { organization: Some(membership.organization), ..subject },
                    Some(State { facts, memberships: Vec::new(), grants }),
                    None,
                )
            }
            _ => {
                let facts = vec![Fact::new(known::STATUS, Value::Text(user.status.name()))];
                let (memberships, grants) = (user.memberships.to_vec(), user.grants.to_vec());
                let after = State::field(known::STATUS, Value::Text(known::INACTIVE));
                Action::new(
                    ActionKind::DeactivateUser,
                    subject,
                    Some(State { facts, memberships, grants }),
                    Some(after),
                )
            }
        };
        let at = self.at();
        let effects = now(self.store.execute(&self.names, &[&action], at)).expect("a store that can be written");
        effects == [Effect::Done]
    }

    /// An operator locks somebody out: who, if that could be done.
    pub(in crate::loop_laws) fn lock_out(&mut self, row: usize) -> Option<String> {
        let live = self.live().expect("a store that can be read");
        if live.is_empty() {
            return None;
        }
        let user = live.user(row % live.len());
        let (identity, key) = (user.identity?, user.key_text(&self.names).to_owned());
        // No manifest is asked, as by the command.
        let files = [("access/none.yaml".to_owned(), "users: {}\n".to_owned())];
        match self.with_inputs(&files, &live, |inputs| lock_out(inputs, identity)) {
            LockOut::Planned { plan, .. } => {
                let report = self.apply_plan(*plan, &[], usize::MAX);
                assert_eq!(report.verdict(), Verdict::Complete, "{key} is not locked out");
                (!report.outcomes.is_empty()).then_some(key)
            }
            _ => None,
        }
    }
}
