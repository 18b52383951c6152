//! Who fares otherwise: escalations one by one, the table of people, and those whom the change under review is not about.

use super::super::changes;
use super::super::doings::Doings;
use super::super::lines::Mark;
use super::super::style::{count, number};
use super::super::words::Context;
use super::fold::{details, listed, taken};
use super::inline::{inline, inline_within};
use super::{CELL, LINE, PersonRow, bullet};
use crate::plan::{Cause, ImpactCourse, PersonImpact, Plan};

/// Everybody in a plan, with what is done for them.
pub(super) struct Everybody<'a> {
    context: Context<'a>,
    /// Those who lose something, can do more in a way that matters or log in otherwise, then the others.
    pinned: Vec<&'a PersonImpact>,
    others: Vec<&'a PersonImpact>,
    /// Of the others: those whom the change under review is not about.
    aside: Vec<&'a PersonImpact>,
    doings: Doings<'a>,
}

impl<'a> Everybody<'a> {
    pub(super) fn of(context: Context<'a>, plan: &'a Plan) -> Self {
        let doings = Doings::of(plan);
        let is_pinned = |person: &&PersonImpact| person.loses || person.escalation || !person.ways_in.is_empty();
        let (mut pinned, others): (Vec<&PersonImpact>, Vec<&PersonImpact>) =
            plan.effects.impact.people.iter().partition(is_pinned);
        // Stable: within these, everybody stands in the order of the names.
        pinned.sort_by_key(|person| {
            (doings.is_aside(person.user), !person.loses, person.course != ImpactCourse::Leaves, !person.escalation)
        });
        let (aside, others) = others.into_iter().partition(|person| doings.is_aside(person.user));
        Self { context, pinned, others, aside, doings }
    }

    fn row(&self, person: &PersonImpact) -> PersonRow {
        self.doings.row(self.context, person)
    }

    /// Who can do more in a way that matters, one by one; what changes for many at once first.
    pub(super) fn escalations(&self, plan: &Plan, most: usize) -> String {
        let of_catalog = changes::of_catalog(self.context, plan);
        let of_catalog = of_catalog
            .iter()
            .map(|(line, _)| line)
            .filter(|line| line.mark == Mark::Escalation)
            .map(|line| bullet("> **Escalation** ", line));
        let mut lines: Vec<String> = of_catalog.collect();
        let escalated: Vec<&PersonImpact> = self
            .pinned
            .iter()
            .copied()
            .filter(|person| person.escalation && !self.doings.own(person.user).is_empty())
            .collect();
        let told = escalated.iter().map(|person| {
            let row = self.row(person);
            let is_admin = person.becomes_admin_of().next().is_some();
            let power = if is_admin { " — an admin: can invite and remove people" } else { "" };
            let gains = if row.gains.is_empty() { "can do more".to_owned() } else { row.gains };
            let because = if self.doings.is_aside(person.user) { format!(" ({})", row.because) } else { String::new() };
            format!("> **Escalation** {}", inline_within(&format!("{}: {gains}{power}{because}", row.who), LINE))
        });
        // Few of them are long: they are made as long as they fit.
        let catalog_lines = lines.len();
        lines.extend(told.take(most / 40));
        let (text, shown) = taken(lines.into_iter().map(|line| format!("{line}\n>")), most / 2);
        let rest = escalated.get(shown.saturating_sub(catalog_lines)..).unwrap_or_default();
        let mut text = text.trim_end_matches(['>', '\n']).to_owned();
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        if !rest.is_empty() {
            let names: Vec<String> = rest.iter().map(|person| inline(&self.context.name(person.user))).collect();
            let who = count(rest.len(), "more escalation", "more escalations");
            text.push_str(&format!("> **{who}**: {}\n\n", listed(&names, most / 2)));
        }
        text
    }

    /// Who loses and gains what: those who lose something first.
    pub(super) fn table(&self, most: usize) -> String {
        if self.pinned.is_empty() && self.others.is_empty() {
            return String::new();
        }
        let line = |person: &&PersonImpact| self.line(person);
        let (mut rows, mut shown) = taken(self.pinned.iter().map(line), most);
        let is_whole = shown == self.pinned.len();
        if !is_whole {
            (rows, shown) = taken(self.pinned.iter().map(line), most / 2);
        }
        let (more_rows, others) =
            if is_whole { taken(self.others.iter().map(line), most - rows.len()) } else { (String::new(), 0) };
        let mut text = format!("{HEAD}{rows}{more_rows}\n");
        let rest = &self.pinned[shown..];
        if !rest.is_empty() {
            let names: Vec<String> = rest.iter().map(|person| inline(&self.context.name(person.user))).collect();
            let who = count(
                rest.len(),
                "more person loses access, can do more or logs in otherwise",
                "more people lose access, can do more or log in otherwise",
            );
            text.push_str(&format!("{who}: {}\n\n", listed(&names, most / 2)));
        }
        if let more @ 1.. = self.others.len() - others {
            let who = count(more, "more person gains access", "more people gain access");
            text.push_str(&format!("{who}, not listed here.\n\n"));
        }
        if !rest.is_empty() || others < self.others.len() {
            text.push_str("`rollcall plan -v` lists everybody; the digest binds the whole plan.\n\n");
        }
        text
    }

    fn line(&self, person: &PersonImpact) -> String {
        let PersonRow { who, loses, gains, because } = self.row(person);
        let [who, loses, gains, because] = [who, loses, gains, because].map(|cell| inline_within(&cell, CELL));
        format!("| {who} | {loses} | {gains} | {because} |")
    }

    /// Folded away: who gains something that the change under review does not give, by why that is done.
    pub(super) fn besides(&self, most: usize) -> String {
        let why = |cause: Cause| match cause {
            Cause::Drift => Some("reverts drift"),
            Cause::Expiry => Some("follows the calendar"),
            Cause::Deferred => Some("does what was wanted before"),
            Cause::Operator => Some("does what an operator asked for"),
            Cause::Manifest | Cause::Unknown => None,
        };
        let told = |cause: Cause| {
            let all =
                |person: &PersonImpact| self.doings.own(person.user).iter().chain(self.doings.through(person.user));
            let is_of = |person: &&&PersonImpact| all(person).any(|action| action.cause == cause);
            let people = self.aside.iter().filter(is_of).count();
            why(cause).filter(|_| people > 0).map(|why| format!("{why} ({})", number(people)))
        };
        let titles: Vec<String> = Cause::ALL.into_iter().filter_map(told).collect();
        let (rows, shown) = taken(self.aside.iter().map(|person| self.line(person)), most.saturating_sub(200));
        let more = self.aside.len() - shown;
        let more = if more > 0 { format!("\n{} more\n", number(more)) } else { String::new() };
        if self.aside.is_empty() {
            return String::new();
        }
        details(&format!("Also {}", titles.join(", ")), &format!("{HEAD}{rows}{more}"))
    }
}

const HEAD: &str = "| who | loses | gains | because |\n| --- | --- | --- | --- |\n";
