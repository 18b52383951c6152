//! A plan for a terminal.
//!
//! From top to bottom: the store and how much of it was read; who leaves, joins, loses and gains; what waits, ends
//! soon and is left alone; guards; the sums; the digest with the command that applies exactly this.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::changes::{self, cause_word};
use super::lines;
use super::style::{Style, Tone, count, enumeration, number, sanitise, width};
use super::waiting::{self, Entries};
use super::words::{Context, counted};
use crate::model::{Catalog, Desired, Name, Names};
use crate::plan::{Cause, GuardDocument, People, Places, Plan, StoreRef, causes};
use crate::rules::Rules;

/// A plan, and what is needed to print it.
#[derive(Clone, Copy)]
pub struct PlanText<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The table of its names.
    pub names: &'a Names,
    /// The declared catalog, which tells roles that reach every site; without it that is not said.
    pub catalog: Option<&'a Catalog>,
    /// What the manifests declare, which tells until when access is given, and what it includes later; without it that
    /// is not said.
    pub desired: Option<&'a Desired>,
    /// How the store behaves; without it fields are told as the language knows them.
    pub rules: Option<&'a Rules>,
    /// In which days and hours are told.
    pub zone: &'a TimeZone,
    /// Where lines stand.
    pub places: &'a dyn Places,
    /// Guards with their headroom; none where they were not asked.
    pub guards: &'a [GuardDocument],
    /// The command that would apply it, `rollcall apply` with its options; `None` where it is being applied.
    pub apply: Option<&'a str>,
    /// The time of the plan, where it is not that of the clock.
    pub as_of: Option<Timestamp>,
    /// How to write.
    pub style: Style,
}

/// The plan as text; it ends with a line feed.
#[must_use]
pub fn plan(input: &PlanText<'_>) -> String {
    let &PlanText { plan, names, catalog, desired, rules, zone, places, guards, apply, as_of, style } = input;
    let style = style.telling_apart(names);
    let declared = desired.map(|desired| (desired, plan.at));
    let effects = Some(&plan.effects);
    let context = Context { names, catalog, declared, whose: None, rules, zone, effects, places, style };
    let mut text = header(plan, as_of, style);
    let held = waiting::held_leavers(context, plan);
    for line in &held {
        text.push_str(&style.paint(Tone::Alarm, &format!("  ! {line}")));
        text.push('\n');
    }
    let sections = changes::sections(context, plan);
    if !sections.is_empty() {
        text.push('\n');
        lines::write(&mut text, &sections, style);
    }
    let entries = [
        waiting::waiting(context, plan),
        waiting::expiring(context, plan),
        waiting::passwords_due(context, plan),
        waiting::unmanaged(context, plan),
        guard_entries(context, plan, guards),
    ];
    let mut is_first = true;
    for Entries { label, lines } in entries.into_iter().filter(|entries| !entries.lines.is_empty()) {
        if is_first {
            text.push('\n');
            is_first = false;
        }
        for (index, line) in lines.iter().enumerate() {
            let shown = if index == 0 { label } else { "" };
            text.push_str(&style.paint(Tone::Heading, &format!("{shown:<11}")));
            let refused = label == GUARDS && line.contains(REFUSED);
            text.push_str(&style.paint(if refused { Tone::Alarm } else { Tone::Plain }, line));
            text.push('\n');
        }
    }
    text.push('\n');
    text.push_str(&sums(context, plan, held.len()));
    if plan.actions.is_empty() {
        return text;
    }
    if plan.store.is_revision() {
        text.push_str(&format!("no store was read: {NO_STORE}\n"));
        return text;
    }
    let digest = sanitise(&plan.digest);
    let is_applicable = plan.gaps.is_empty() && guards.iter().all(|guard| !guard.refused);
    match apply.filter(|_| is_applicable) {
        Some(apply) => {
            let short: String = digest.chars().take(15).collect();
            text.push_str(&format!("digest {short}…   apply exactly this with: {apply} --approved {digest}\n"));
        }
        None => text.push_str(&format!("digest {digest}\n")),
    }
    text
}

fn header(plan: &Plan, as_of: Option<Timestamp>, style: Style) -> String {
    let StoreRef { name, kind, id, address } = &plan.store;
    if plan.store.is_revision() {
        let short: String = id.chars().take(12).collect();
        let title = format!("compared with {} ({}), no store", sanitise(address), sanitise(&short));
        let there = count(plan.live_people, "person", "people");
        let as_of = as_of.map(|at| format!("   as of {at}")).unwrap_or_default();
        let declared = number(plan.declared_people);
        return format!("{}   {there} there, {declared} declared now{as_of}\n", style.paint(Tone::Heading, &title));
    }
    // A remote store is where its own identity says.
    let place = if address.is_empty() || address == id { String::new() } else { format!(", {}", style.path(address)) };
    let title = format!("store {} ({}, {}{place})", style.name(name), sanitise(kind), style.name(id));
    let live = count(plan.live_people, "person", "people");
    let declared = number(plan.declared_people);
    let as_of = as_of.map(|at| format!("   as of {at}")).unwrap_or_default();
    let mut text = style.paint(Tone::Heading, &title).into_owned();
    if plan.gaps.is_empty() {
        text.push_str(&format!("   {live} live, {declared} declared   read complete{as_of}\n"));
        return text;
    }
    text.push_str(&format!("   {live} read, {declared} declared   "));
    text.push_str(&style.paint(Tone::Alarm, &format!("READ ONLY IN PART{as_of}")));
    text.push('\n');
    for (collection, why) in &plan.gaps {
        text.push_str(&style.paint(Tone::Alarm, &format!("  ! {collection}: {}", sanitise(why))));
        text.push('\n');
    }
    text.push_str(
        "  From a partial read nobody is removed, invited, created or reactivated; this plan can't be applied.\n",
    );
    text
}

const GUARDS: &str = "guards";
/// No name has several spaces in a row that are not in quotes.
const REFUSED: &str = "   REFUSED";
const REMOVALS: &str = "removals";
const POLICIES: &str = "policies.";

pub(super) fn guard_entries(context: Context<'_>, plan: &Plan, guards: &[GuardDocument]) -> Entries {
    let is_kept = |guard: &&GuardDocument| {
        guard.name.starts_with(POLICIES) && guard.count == 0 && !guard.refused && guard.unanswered.is_none()
    };
    let kept = guards.iter().filter(is_kept).count();
    let lines = guards
        .iter()
        .filter(|guard| !is_kept(guard))
        .filter(|guard| guard.refused || guard.organization.is_none() || guard.count > guard.limit)
        .map(|guard| {
            let GuardDocument { name: of, organization, count, limit, refused, unanswered } = guard;
            let place =
                organization.as_ref().map(|place| format!(" in {}", context.style.name(place))).unwrap_or_default();
            let moved = if of == REMOVALS && organization.is_none() { plan.census.store.moved } else { 0 };
            let moved = if moved > 0 { format!(" ({} more moved)", number(moved as usize)) } else { String::new() };
            let waived = if count > limit && !refused { " (waived)" } else { "" };
            // The one guard that refuses below its limit: nobody active would be left.
            let why = if count <= limit && of == REMOVALS { ": nobody active would be left" } else { "" };
            let (count, limit) = (number(*count as usize), number(*limit as usize));
            let refused = if *refused { format!("{REFUSED}{why}") } else { String::new() };
            if of.starts_with(POLICIES) {
                let kept = (guard.count > 0 || unanswered.is_none()).then(|| format!("not kept by {count}{waived}"));
                let answered = unanswered.map(|of| format!("can't be answered for {}", number(of as usize)));
                let said: Vec<String> = kept.into_iter().chain(answered).collect();
                return format!("{} {}{refused}", sanitise(of), said.join(", "));
            }
            format!("{} {count} of {limit}{place}{moved}{waived}{refused}", sanitise(of))
        });
    let (refused, mut passed): (Vec<String>, Vec<String>) = lines.partition(|line| line.contains(REFUSED));
    // Of a plan that does nothing there is nothing to say.
    if refused.is_empty() && plan.actions.is_empty() {
        let short = plan.census.short_of_admins.as_ref().filter(|short| !guards.is_empty() && !short.is_empty());
        return Entries { label: GUARDS, lines: short.map(|short| admins(context, short)).into_iter().collect() };
    }
    passed.extend((kept > 0).then(|| count(kept, "policy kept", "policies kept")));
    if !guards.is_empty() {
        passed.extend(plan.census.short_of_admins.as_ref().map(|short| admins(context, short)));
    }
    let mut lines = refused;
    if !passed.is_empty() {
        lines.push(passed.join("   "));
    }
    Entries { label: GUARDS, lines }
}

/// Where there are fewer active admins than the settings ask for.
fn admins(context: Context<'_>, short: &[Name]) -> String {
    const SHOWN: usize = 3;
    if short.is_empty() {
        return "an admin everywhere".to_owned();
    }
    let mut places: Vec<String> = short.iter().take(SHOWN).map(|&organization| context.name(organization)).collect();
    let more = short.len() - places.len();
    if more > 0 {
        places.push(format!("{} more", number(more)));
    }
    format!("too few active admins in {}", enumeration(&places))
}

fn sums(context: Context<'_>, plan: &Plan, held: usize) -> String {
    let style = context.style;
    if plan.actions.is_empty() {
        return match held {
            0 => "no changes\n".to_owned(),
            1 => "no changes, though 1 person who is to leave keeps all access (see above)\n".to_owned(),
            held => {
                format!("no changes, though {} people who are to leave keep all access (see above)\n", number(held))
            }
        };
    }
    let mut kinds = counted(plan.actions.iter());
    if let Some(batches) = plan.batches.filter(|&batches| batches > 1) {
        kinds.push(format!("the invitations in {} batches", number(batches)));
    }
    let People { join, leave, gain, lose } = plan.people;
    let people: Vec<String> = [
        (join, "joins", "join"),
        (leave, "leaves", "leave"),
        (lose, "loses access", "lose access"),
        (gain, "gains access", "gain access"),
    ]
    .into_iter()
    .filter(|&(number, _, _)| number > 0)
    .map(|(number, one, many)| count(number as usize, one, many))
    .collect();
    let actions = style.paint(Tone::Heading, &count(plan.actions.len(), "action", "actions")).into_owned();
    let people = if people.is_empty() { "nobody's access changes".to_owned() } else { enumeration(&people) };
    let touched: BTreeSet<Name> = plan
        .actions
        .iter()
        .filter(|action| context.touches_log_in(action))
        .filter_map(|action| action.subject.user)
        .collect();
    let people = match touched.len() {
        0 => people,
        number => {
            let one = "account's address or two-factor authentication changes";
            let many = "accounts' addresses or two-factor authentication change";
            format!("{people}; {}", count(number, one, many))
        }
    };
    let sums = format!("{actions}: {}\npeople: {people}\n", wrapped(&kinds, style.width.saturating_sub(18)));
    sums + &because(plan)
}

/// What follows where revisions were compared.
pub(super) const NO_STORE: &str = "who accepted, and what else is in it, is not known, and this can't be applied";

/// How many actions there are of each cause; nothing where the plan was compared with no base.
fn because(plan: &Plan) -> String {
    let causes = causes(&plan.actions);
    if causes.keys().all(|cause| matches!(cause, Cause::Unknown | Cause::Operator)) {
        return String::new();
    }
    let causes = causes.into_iter().map(|(cause, count)| format!("{} {}", number(count as usize), cause_word(cause)));
    format!("causes: {}\n", causes.collect::<Vec<_>>().join(", "))
}

/// The parts with commas, and a new line before a part that would pass the width.
fn wrapped(parts: &[String], most: usize) -> String {
    let mut text = String::new();
    let mut column = 0;
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push(',');
            let is_full = column + width(part) > most;
            text.push_str(if is_full { "\n    " } else { " " });
            column = if is_full { 0 } else { column };
        }
        text.push_str(part);
        column += width(part) + 2;
    }
    text
}
