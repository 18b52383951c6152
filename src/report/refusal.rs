//! What a guard refused: figures, where, the likely cause, and the command that waives it for this plan only.

use super::cause::Cause;
use super::style::{Style, Tone, count, number, sanitise, width};
use crate::guard::{Guard, Ruling, Why};
use crate::model::Names;
use crate::plan::{Headcount, Plan};

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
    pub rulings: &'a [Ruling],
    /// What changed that explains it, where that is known.
    pub cause: &'a Cause,
    /// The command that would apply it, `rollcall apply` with its options.
    pub apply: &'a str,
    /// How to write.
    pub style: Style,
}

/// The refusal as text; it ends with a line feed. Empty if no guard refuses.
#[must_use]
pub fn refusal(input: &RefusalText<'_>) -> String {
    let &RefusalText { plan, names, rulings, cause, apply, style } = input;
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
    if text.is_empty() {
        return text;
    }
    text.push_str(&cause.words());
    text.push_str(&format!("If this is meant: {}\n", waiving(apply, &waived(rulings), &plan.digest)));
    text
}

/// The guards that have to be waived for this plan.
fn waived(rulings: &[Ruling]) -> Vec<Guard> {
    let mut guards: Vec<Guard> = rulings.iter().filter(|of| of.why.is_some()).map(|of| of.guard).collect();
    guards.sort_unstable();
    guards.dedup();
    guards
}

/// The command with a waiver of each of these guards, all for this digest.
fn waiving(apply: &str, guards: &[Guard], digest: &str) -> String {
    let digest = sanitise(digest);
    guards.iter().fold(apply.to_owned(), |command, guard| format!("{command} --waive {}={digest}", guard.as_str()))
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
