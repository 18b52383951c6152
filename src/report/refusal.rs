//! What a guard refused: figures, where, the likely cause, and the command that waives it for this plan only.

use super::cause::Cause;
use super::style::{Style, Tone, count, number, sanitise, width};
use crate::guard::{Guard, Judgement, Ruling, Verdict, Waived, Why, told};
use crate::model::Names;
use crate::plan::{Headcount, Plan};
use crate::policy::PolicySeverity;

/// Organizations that are named without `-v`.
const PLACES: usize = 10;

/// A refusal, and what is needed to print it.
#[derive(Clone, Copy)]
pub struct RefusalText<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The table of its names.
    pub names: &'a Names,
    /// What all guards say of it.
    pub judgement: &'a Judgement,
    /// What changed that explains it, where that is known.
    pub cause: &'a Cause,
    /// The command that would apply it, `rollcall apply` with its options.
    pub apply: &'a str,
    /// How to write.
    pub style: Style,
}

/// The refusal as text; it ends with a line feed. Empty if no guard and no policy refuses.
#[must_use]
pub fn refusal(input: &RefusalText<'_>) -> String {
    let &RefusalText { plan, names, judgement, cause, apply, style } = input;
    let rulings = &judgement.rulings;
    let style = style.telling_apart(names);
    let mut text = String::new();
    for guard in Guard::ALL {
        let refused = rulings.iter().filter(|ruling| ruling.guard == guard && ruling.is_refused());
        let (stores, mut places): (Vec<&Ruling>, Vec<&Ruling>) =
            refused.partition(|ruling| ruling.organization.is_none());
        places.sort_by_key(|ruling| ruling.organization.map(|organization| names.text(organization)));
        if stores.is_empty() && places.is_empty() {
            continue;
        }
        let head = format!("refused by guard `{}`: ", guard.as_str());
        text.push_str(&style.paint(Tone::Alarm, &head));
        match stores.first() {
            Some(ruling) => text.push_str(&of_store(ruling)),
            None => text.push_str("too many in one organization"),
        }
        text.push('\n');
        let shown = if style.verbose { places.len() } else { PLACES };
        let texts: Vec<String> = places
            .iter()
            .take(shown)
            .filter_map(|ruling| ruling.organization.map(|of| style.name(names.text(of)).into_owned()))
            .collect();
        let widest = texts.iter().map(|text| width(text)).max().unwrap_or(0);
        for (ruling, place) in places.iter().zip(&texts) {
            let gap = " ".repeat(widest - width(place));
            text.push_str(&format!("  {place}{gap}   {}\n", of_place(ruling)));
        }
        if let more @ 1.. = places.len().saturating_sub(shown) {
            text.push_str(&format!(
                "  and {} (use -v or --format json)\n",
                count(more, "organization more", "organizations more")
            ));
        }
    }
    if !text.is_empty() {
        text.push_str(&cause.words());
    }
    for verdict in judgement.refused_by_policies() {
        text.push_str(&of_policy(verdict, style));
    }
    if text.is_empty() {
        return text;
    }
    if judgement.refused_by_policies().any(|verdict| verdict.unanswered.is_some()) {
        text.push_str("What can't be answered is not waived: mend the policy first\n");
    } else {
        text.push_str(&format!("If this is meant: {}\n", waiving(apply, &waived(judgement), &plan.digest)));
    }
    text
}

/// What a policy refuses: who does not keep to it, and why it can't be said of others.
fn of_policy(verdict: &Verdict, style: Style) -> String {
    let Verdict { policy, violations, unanswered } = verdict;
    let head = format!("refused by policy `{}`: ", policy.name);
    let head = style.paint(Tone::Alarm, &head);
    let mut text = format!("{head}{}\n", sanitise(&policy.message));
    if let Some(unanswered) = unanswered {
        let (why, _) = told(&unanswered.why);
        let about = style.name(&unanswered.about).into_owned();
        text.push_str(&format!("  it can't be answered for {about}: {}\n", sanitise(&why)));
    }
    if policy.severity == PolicySeverity::Error {
        let shown = if style.verbose { violations.len() } else { PLACES };
        for violation in violations.iter().take(shown) {
            text.push_str(&format!("  {}\n", style.name(&violation.about)));
        }
        if let more @ 1.. = violations.len().saturating_sub(shown) {
            text.push_str(&format!("  and {} more (use -v or --format json)\n", number(more)));
        }
    }
    text
}

/// What has to be waived for this plan.
fn waived(judgement: &Judgement) -> Vec<Waived> {
    let guards = judgement.rulings.iter().filter(|of| of.why.is_some()).map(|of| Waived::Guard(of.guard));
    let refusing = judgement.verdicts.iter().filter(|(verdict, _)| verdict.refuses());
    let policies = refusing.map(|(verdict, _)| Waived::policy(&verdict.policy.name));
    let mut waived: Vec<Waived> = guards.chain(policies).collect();
    waived.sort_unstable();
    waived.dedup();
    waived
}

/// The command with a waiver of each of these, all for this digest.
fn waiving(apply: &str, waived: &[Waived], digest: &str) -> String {
    let digest = sanitise(digest);
    waived.iter().fold(apply.to_owned(), |command, waived| format!("{command} --waive {waived}={digest}"))
}

fn of_store(ruling: &Ruling) -> String {
    let Ruling { guard, count: counted, limit, people, why, .. } = ruling;
    let counted = *counted as usize;
    let most = number(limit.most as usize);
    match (guard, people) {
        (_, Some(Headcount { active, .. })) if *why == Some(Why::Emptied) => {
            format!("nobody active would be left in the store, of {}", count(*active as usize, "person", "people"))
        }
        (_, Some(headcount)) => {
            let of = headcount.people as usize;
            let most = limit.percent.map_or_else(|| most.clone(), |percent| format!("{most} ({percent} %)"));
            format!(
                "this plan removes {} of {} ({}) or some of their access, at most {most} may go at once",
                number(counted),
                count(of, "person", "people"),
                percent(counted, of)
            )
        }
        (Guard::Removals | Guard::MinAdmins, None) => format!("{} of at most {most}", number(counted)),
        (Guard::Invitations, None) => {
            let people = count(counted, "person", "people");
            format!("this plan invites {people}, at most {most} may be invited at once")
        }
        (Guard::Escalations, None) => {
            let people = count(counted, "person", "people");
            format!("this plan gives {people} powers that matter, at most {most} may gain such at once")
        }
        (Guard::Mails, None) => {
            format!("this plan sends {}, at most {most} may go out at once", count(counted, "mail", "mails"))
        }
        (Guard::Deletions, None) => {
            let things = count(counted, "account or other object", "accounts and other objects");
            format!("this plan ends {things} for good, at most {most} may end at once")
        }
    }
}

fn of_place(ruling: &Ruling) -> String {
    let headcount = ruling.people.unwrap_or_default();
    let of = headcount.people as usize;
    match ruling.why {
        Some(Why::Emptied) => {
            format!("nobody active would be left of {}", count(headcount.active as usize, "person", "people"))
        }
        Some(Why::OverLimit) | None => format!(
            "{} of {}, at most {}",
            number(ruling.count as usize),
            count(of, "person", "people"),
            number(ruling.limit.most as usize)
        ),
    }
}

/// `27 %`, to the nearest.
fn percent(part: usize, of: usize) -> String {
    format!("{} %", (part.saturating_mul(100).saturating_add(of / 2)).checked_div(of).unwrap_or(0))
}
