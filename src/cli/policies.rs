//! Policies of the settings, asked in a run: which of them hold, and where they stand.

use jiff::Timestamp;

use super::access::{Access, Declared};
use super::settings_file::span_in_settings;
use crate::guard::{self, Verdicts};
use crate::plan::Plan;

impl Access {
    /// Finds the lines of the policies. Those of a base that says otherwise stand in no file of this run.
    pub(super) fn place_policies(&self, declared: &mut Declared) {
        if self.review.as_ref().is_some_and(|review| review.has_changed("policies")) {
            return;
        }
        for policy in &self.settings.policies {
            let keys = ["policies", policy.name.as_str(), "require"];
            if let Some(span) = span_in_settings(&mut declared.sources, &keys, None) {
                declared.policies.insert(policy.name.clone(), span);
            }
        }
    }

    /// Asks the policies of what is declared.
    pub(super) fn ask_declared(&self, declared: &mut Declared, at: Timestamp) -> Verdicts {
        let verdicts = self.ask(declared, at, None);
        declared.warnings.extend(verdicts.diagnostics(&|name| declared.policies.get(name).copied()));
        verdicts
    }

    /// Asks all policies, also of a plan, which tells what came of it.
    pub(super) fn ask_planned(&self, declared: &Declared, plan: &mut Plan) -> Verdicts {
        let verdicts = self.ask(declared, plan.at, Some(plan));
        plan.diagnostics.extend(verdicts.diagnostics(&|name| declared.policies.get(name).copied()));
        verdicts
    }

    fn ask(&self, declared: &Declared, at: Timestamp, plan: Option<&Plan>) -> Verdicts {
        let Declared { names, desired, .. } = declared;
        let asked = guard::Declared { names, desired, rules: self.rules(), at };
        guard::ask(&self.settings.policies, &asked, plan)
    }
}
