//! Policies asked of what is declared and of a plan: who does not keep to which, and where that stands.
//!
//! Values are made of the model only as far as a policy looks at them (`facts`, `planned`). Asking changes nothing: the
//! plan is read, and what it does is the same with and without policies. Things are asked in the order of their names,
//! so that the answer does not depend on files, and one policy does not see another.

mod facts;
mod planned;

use std::collections::BTreeSet;

use jiff::Timestamp;

use self::facts::{Facts, Wants};
use self::planned::Planned;
use crate::diagnostic::{Code, Diagnostic, Position, Span};
use crate::model::{Desired, Names};
use crate::plan::Plan;
use crate::policy::{AskedOf, Budget, NoAnswer, Policy, PolicySeverity, Value};
use crate::rules::Rules;
use crate::source::Mistakes;

/// What policies are asked about, beside a plan.
#[derive(Clone, Copy)]
pub struct Declared<'a> {
    /// The table of names.
    pub names: &'a Names,
    /// What is declared.
    pub desired: &'a Desired,
    /// The rules of the store.
    pub rules: &'a Rules,
    /// The time of the run.
    pub at: Timestamp,
}

/// What one policy comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The policy.
    pub policy: Policy,
    /// What does not keep to it, sorted by name.
    pub violations: Vec<Violation>,
    /// Why it can't be said, of what it can't be said first; and of how much.
    pub unanswered: Option<Unanswered>,
}

/// Something that does not keep to a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its name.
    pub about: String,
    /// The line that gives it, where there is one.
    pub position: Option<Position>,
}

/// That it can't be said whether a policy is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// Of what, first.
    pub about: String,
    /// Why not.
    pub why: NoAnswer,
    /// Of how much.
    pub count: usize,
}

impl Verdict {
    /// Whether it refuses a plan that no waiver lifts it from.
    #[must_use]
    pub const fn refuses(&self) -> bool {
        self.unanswered.is_some()
            || matches!(self.policy.severity, PolicySeverity::Error) && !self.violations.is_empty()
    }
}

/// What every policy comes to that was asked, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    pub(super) all: Vec<Verdict>,
    /// The digest of the plan of which they were asked as well.
    pub(super) digest: Option<String>,
}

impl Verdicts {
    /// Them, by name.
    #[must_use]
    pub fn all(&self) -> &[Verdict] {
        &self.all
    }

    /// Whether one refuses.
    #[must_use]
    pub fn refuse(&self) -> bool {
        self.all.iter().any(Verdict::refuses)
    }

    /// They as diagnostics. `place` knows where a policy stands in the settings.
    #[must_use]
    pub fn diagnostics(&self, place: &dyn Fn(&str) -> Option<Span>) -> Vec<Diagnostic> {
        let mut found = Mistakes::default();
        for Verdict { policy, violations, unanswered } in &self.all {
            let name = &policy.name;
            if let Some(unanswered) = unanswered {
                let (why, help) = told(&unanswered.why);
                let more = match unanswered.count {
                    0 | 1 => String::new(),
                    count => format!(" and {} more", count - 1),
                };
                let about = unanswered.about.escape_debug();
                let message = format!("policy `{name}` can't be answered for `{about}`{more}: {why}");
                let diagnostic = Diagnostic::error(Code::PolicyUnanswered, message).help(help);
                found.push(match place(name) {
                    Some(span) => diagnostic.at(span, ""),
                    None => diagnostic,
                });
            }
            for Violation { about, position } in violations {
                let about = about.escape_debug();
                let message = format!("`{about}` does not keep to policy `{name}`: {}", policy.message);
                let diagnostic = match policy.severity {
                    PolicySeverity::Error => Diagnostic::error(Code::PolicyViolated, message),
                    PolicySeverity::Warning => Diagnostic::warning(Code::PolicyViolated, message),
                };
                let written: String = policy.require.split_whitespace().collect::<Vec<_>>().join(" ");
                let help = format!("change what is declared here; the policy demands {}", shortened(&written));
                let span = position.map(Span::from).or_else(|| place(name));
                found.push(match span {
                    Some(span) => diagnostic.at(span, "").help(help),
                    None => diagnostic.help(help),
                });
            }
        }
        found.into_diagnostics()
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 200;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// Why there is no answer, and the way out.
#[must_use]
pub fn told(why: &NoAnswer) -> (String, &'static str) {
    match why {
        NoAnswer::TooManySteps => (
            "it takes too many steps".to_owned(),
            "ask it of each `membership` or `user` rather than going through all of them within another loop",
        ),
        NoAnswer::NotBoolean => {
            ("it gives neither true nor false".to_owned(), "compare the value: `user.fields[\"x\"] == \"y\"`")
        }
        NoAnswer::Impossible(why) => (
            why.clone(),
            "test for what may be missing first: `user.expires == null || …`, `!has(user.fields.x) || …`; nothing is \
             applied while it can't be answered",
        ),
    }
}

/// Asks every policy that can be asked: of what is declared, and of the plan if there is one.
#[must_use]
pub fn ask(policies: &[Policy], declared: &Declared<'_>, plan: Option<&Plan>) -> Verdicts {
    let asked: Vec<&Policy> = policies.iter().filter(|policy| plan.is_some() || !policy.of.needs_a_plan()).collect();
    let digest = plan.map(|plan| plan.digest.clone());
    if asked.is_empty() {
        return Verdicts { all: Vec::new(), digest };
    }
    let facts = Facts::of(declared, Wants::of(&asked));
    let planned = plan.map(|plan| Planned::of(&facts, plan));
    let things = facts.count() + plan.map_or(0, |plan| plan.actions.len());
    let mut budget = Budget::for_questions(things.saturating_mul(asked.len()));
    let now = Value::time(Some(declared.at));
    let mut all: Vec<Verdict> = asked
        .into_iter()
        .map(|policy| {
            let mut verdict = Verdict { policy: policy.clone(), violations: Vec::new(), unanswered: None };
            let mut one = |thing: Thing| verdict.ask(thing, &now, &mut budget);
            match policy.of {
                AskedOf::User => facts.users().for_each(&mut one),
                AskedOf::Membership => facts.memberships().for_each(&mut one),
                AskedOf::Source => facts.sources().for_each(&mut one),
                AskedOf::Organization => facts.organizations().for_each(&mut one),
                AskedOf::Action => planned.iter().flat_map(|planned| planned.actions(&facts)).for_each(&mut one),
                AskedOf::Plan => planned.iter().map(Planned::plan).for_each(&mut one),
            }
            verdict.violations.sort_by(|a, b| (&a.about, a.position).cmp(&(&b.about, b.position)));
            verdict
        })
        .collect();
    all.sort_by(|a, b| a.policy.name.cmp(&b.policy.name));
    Verdicts { all, digest }
}

/// Something of which a policy is asked.
pub(super) struct Thing {
    about: String,
    position: Option<Position>,
    variables: Vec<(&'static str, Value)>,
}

impl Verdict {
    fn ask(&mut self, thing: Thing, now: &Value, budget: &mut Budget) {
        let Thing { about, position, mut variables } = thing;
        variables.push(("now", now.clone()));
        match self.policy.holds(&variables, budget) {
            Ok(true) => {}
            Ok(false) => self.violations.push(Violation { about, position }),
            Err(why) => match &mut self.unanswered {
                Some(unanswered) => unanswered.count += 1,
                None => self.unanswered = Some(Unanswered { about, why, count: 1 }),
            },
        }
    }
}

/// Names sorted by text, each once.
fn sorted<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    texts.into_iter().collect::<BTreeSet<&str>>().into_iter().collect()
}
