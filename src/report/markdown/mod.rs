//! A plan as a comment under a pull request, for somebody who knows no YAML: who, loses, gains, because.
//!
//! From top to bottom: what is refused, what people keep for now, escalations; the people; what the catalog changes;
//! folded away: sums by organization and site, what waits, ends soon and is left alone; guards and digest. A comment has
//! at most [`MOST`] characters, so what does not fit is folded: detail first, then rows to names, then names to a number.
//! Sums, refusals and the digest, which binds the whole plan, are always there.
//!
//! Everything goes through [`inline`](inline::inline), so that no name can ping, link, hide or break a table.

mod fold;
mod inline;
mod mistakes;
mod person;

use std::collections::HashMap;

use self::fold::{details, listed, taken};
pub(super) use self::inline::mark;
use self::inline::{code, command, inline, inline_within};
pub use self::mistakes::{MistakesText, markdown_mistakes};
use self::person::Row;
pub(super) use self::person::row as person_row;
use super::base::changed_settings;
use super::cause::Cause;
use super::changes;
use super::lines::{Line, Mark};
use super::refusal::{RefusalText, refusal};
use super::style::{Style, count, number, sanitise};
use super::text::{PlanText, guard_entries};
use super::waiting::{self, Entries};
use super::words::{Context, counted};
use crate::guard::Ruling;
use crate::model::{Name, known};
use crate::plan::{Action, BaseDocument, ImpactCourse, People, PersonImpact, Plan, Risk, Shift, Subject, WaitsFor};

/// The most characters of a comment on GitHub; here bytes, of which a character has one at least.
pub const MOST: usize = 65_536;

/// The most bytes of a line, and of a cell of a table.
const LINE: usize = 2_000;
const CELL: usize = 700;
/// The most bytes of what is told of a setting.
const SETTING: usize = 300;

/// What is left free for the words around what is folded.
const NOTES: usize = 4_000;

/// Guards that are told one by one.
const GUARDS: usize = 10;

/// A plan, and what is needed to tell reviewers of it.
#[derive(Clone, Copy)]
pub struct ReviewText<'a> {
    /// The plan, as for [`plan`](super::plan); how to write does not matter.
    pub text: PlanText<'a>,
    /// What all guards say of it.
    pub rulings: &'a [Ruling],
    /// What changed that explains a refusal.
    pub cause: &'a Cause,
    /// The revision that it was compared with, which tells what settings the change touches.
    pub base: Option<&'a BaseDocument>,
}

/// The line by which a comment is found again: hidden, and safe whatever the store is called.
#[must_use]
pub fn marker(store: &str) -> String {
    const LONGEST: usize = 300;
    let mut safe = String::new();
    for byte in store.bytes() {
        match byte {
            // Two hyphens may end a comment of HTML.
            b'-' if safe.ends_with('-') || safe.is_empty() => safe.push_str("%2D"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => safe.push(char::from(byte)),
            _ => safe.push_str(&format!("%{byte:02X}")),
        }
    }
    safe.truncate(LONGEST);
    format!("<!-- rollcall:{safe} -->")
}

/// The plan as Markdown; it ends with a line feed and has at most [`MOST`] bytes.
#[must_use]
pub fn markdown(input: &ReviewText<'_>) -> String {
    let PlanText { plan, names, catalog, desired, rules, zone, places, .. } = input.text;
    let style = Style { marks_names: true, ..Style::default() }.telling_apart(names);
    let declared = desired.map(|desired| (desired, plan.at));
    let effects = Some(&plan.effects);
    let context = Context { names, catalog, declared, whose: None, rules, zone, effects, places, style };
    let (head, foot) = (head(plan), foot(context, input));
    let mut left = MOST.saturating_sub(head.len() + foot.len() + NOTES);
    let mut body = String::new();
    let mut add = |part: String, left: usize| {
        body.push_str(&part);
        left.saturating_sub(part.len())
    };
    left = add(alarms(context, input, left / 4), left);
    let everybody = Everybody::of(context, plan);
    left = add(everybody.escalations(plan, left * 2 / 5), left);
    left = add(everybody.table(left * 4 / 5), left);
    left = add(catalog_changes(context, plan, left / 2), left);
    left = add(sums(context, plan, left / 2), left);
    add(others(context, plan, left), left);
    if head.len() + body.len() + foot.len() > MOST {
        "The rest is too long for a comment; the digest binds all of it.\n\n".clone_into(&mut body);
    }
    format!("{head}{body}{foot}")
}

/// How many people fare how, in words, and what a reader has to know first.
pub(in crate::report) fn counts(plan: &Plan) -> (String, String) {
    let People { join, leave, gain, lose } = plan.people;
    let people = [
        (join, "joins", "join"),
        (leave, "leaves", "leave"),
        (lose, "loses access", "lose access"),
        (gain, "gains access", "gain access"),
    ];
    let mut noun = ("person ", "people ");
    let mut parts: Vec<String> = Vec::new();
    for (of, one, many) in people.into_iter().filter(|&(of, _, _)| of > 0) {
        let (one, many) = (format!("{}{one}", noun.0), format!("{}{many}", noun.1));
        parts.push(count(of as usize, &one, &many));
        noun = ("", "");
    }
    let escalated = plan.census.escalated;
    parts.extend((escalated > 0).then(|| count(escalated as usize, "escalation", "escalations")));
    let sums = match (plan.actions.is_empty(), parts.is_empty()) {
        (true, _) => "no changes".to_owned(),
        (false, true) => "nobody's access changes".to_owned(),
        (false, false) => parts.join(", "),
    };
    let admins = plan.effects.impact.people.iter().filter(|person| person.becomes_admin_of().next().is_some()).count();
    let fields = plan.effects.impact.people.iter().filter(|person| !person.fields.is_empty()).count();
    let mails = plan.census.mails as usize;
    let first: Vec<String> = [
        (admins, "new admin", "new admins"),
        (fields, "change of API access or the like", "changes of API access or the like"),
        (mails, "mail", "mails"),
    ]
    .into_iter()
    .filter(|&(of, _, _)| of > 0)
    .map(|(of, one, many)| count(of, one, many))
    .collect();
    (sums, first.join(" · "))
}

fn head(plan: &Plan) -> String {
    let (sums, first) = counts(plan);
    let marker = marker(&plan.store.name);
    let first = if first.is_empty() { first } else { format!("**{first}**\n\n") };
    format!("{marker}\n### rollcall · {}: {sums}\n\n{first}", code(&plan.store.name))
}

/// What guards say, how much is done, the digest, and the command that applies exactly this.
fn foot(context: Context<'_>, input: &ReviewText<'_>) -> String {
    let PlanText { plan, guards, apply, .. } = input.text;
    if plan.actions.is_empty() {
        return String::new();
    }
    let kinds = counted(plan.actions.iter());
    let actions = count(plan.actions.len(), "action", "actions");
    let mut text = format!("{actions}: {}\n\n", inline_within(&kinds.join(", "), LINE));
    let is_refused = guards.iter().any(|guard| guard.refused);
    let told = guard_entries(context, plan, guards).lines;
    let word = if is_refused { "**refused**" } else { "ok" };
    let mut lines: Vec<String> = told.iter().take(GUARDS).map(|line| inline_within(line, CELL)).collect();
    if let more @ 1.. = told.len().saturating_sub(GUARDS) {
        lines.push(format!("{} more", number(more)));
    }
    if !guards.is_empty() {
        text.push_str(&format!("guards: {word} ({})\n\n", lines.join(" · ").replace("   ", " · ")));
    }
    text.push_str(&format!("digest {}\n", code(&plan.digest)));
    let is_applicable = plan.gaps.is_empty() && !is_refused;
    if let Some(apply) = apply.filter(|_| is_applicable) {
        let exactly = format!("{apply} --approved {}", plan.digest);
        text.push_str(&format!("\nApply exactly this with {}\n", command(&exactly)));
    }
    text
}

/// What is refused, what was not read, and who keeps for now what the manifests take away.
fn alarms(context: Context<'_>, input: &ReviewText<'_>, most: usize) -> String {
    let PlanText { plan, .. } = input.text;
    let mut lines: Vec<String> = Vec::new();
    let changed = input.base.map(|base| changed_settings(base, context.style)).unwrap_or_default();
    let changed: Vec<String> =
        changed.lines().filter(|line| !line.is_empty()).map(|line| inline_within(line.trim(), SETTING)).collect();
    if !changed.is_empty() {
        lines.push(format!("> **Settings**: {}\n", changed.join("\\\n> ")));
    }
    for (collection, why) in &plan.gaps {
        let why = inline_within(&format!("{collection}: {}", sanitise(why)), LINE);
        lines.push(format!("> **Read only in part**: {why}. Nobody is removed, invited, created or reactivated from a partial read, and this plan can't be applied.\n"));
    }
    let apply = input.text.apply.unwrap_or("rollcall apply");
    let refused = RefusalText {
        plan,
        names: context.names,
        rulings: input.rulings,
        cause: input.cause,
        apply,
        style: context.style,
    };
    let refused = refusal(&refused);
    if !refused.is_empty() {
        let told: Vec<String> = refused
            .lines()
            .map(|line| {
                if let Some(waiving) = line.strip_prefix(MEANT) {
                    return format!("{MEANT}{}", command(waiving));
                }
                let told = inline_within(line.trim(), LINE);
                told.strip_prefix("refused by").map_or_else(|| told.clone(), |rest| format!("**Refused** by{rest}"))
            })
            .collect();
        lines.push(format!("> {}\n", told.join("\\\n> ")));
    }
    lines.extend(
        waiting::held_leavers(context, plan)
            .iter()
            .map(|line| format!("> **Still in**: {}\n", inline_within(line, LINE))),
    );
    let (mut text, shown) = taken(lines.iter().cloned(), most);
    if let more @ 1.. = lines.len() - shown {
        text.push_str(&format!("> **{}** that stand in what waits\n\n", count(more, "more", "more")));
    }
    let keeps = |deferred: &&crate::plan::Deferred| {
        deferred.risk.contains(&Risk::Removal) && deferred.waits_for != WaitsFor::Grace
    };
    let mut keep: Vec<Name> = plan.deferred.iter().filter(keeps).filter_map(|one| one.subject.user).collect();
    keep.sort_unstable_by_key(|&user| context.names.text(user));
    keep.dedup();
    if !keep.is_empty() {
        let names: Vec<String> = keep.iter().map(|&user| inline(&context.name(user))).collect();
        let (who, verb) = (count(keep.len(), "person", "people"), if keep.len() == 1 { "keeps" } else { "keep" });
        let names = listed(&names, most.saturating_sub(text.len()));
        text.push_str(&format!("> **{who} {verb} for now** what no manifest gives any more: {names}\n\n"));
    }
    text
}

/// What a refusal ends with.
const MEANT: &str = "If this is meant: ";

/// Everybody in a plan, with what is done for them.
struct Everybody<'a> {
    context: Context<'a>,
    /// Those who lose something or can do more in a way that matters, then the others.
    pinned: Vec<&'a PersonImpact>,
    others: Vec<&'a PersonImpact>,
    actions: HashMap<Name, Vec<&'a Action>>,
    /// Of people for whom nothing is done: what changes in the catalog for them.
    through: HashMap<Name, Vec<Subject>>,
}

impl<'a> Everybody<'a> {
    fn of(context: Context<'a>, plan: &'a Plan) -> Self {
        let mut actions: HashMap<Name, Vec<&Action>> = HashMap::new();
        for action in &plan.actions {
            if let Some(user) = action.subject.user {
                actions.entry(user).or_default().push(action);
            }
        }
        let mut through: HashMap<Name, Vec<Subject>> = HashMap::new();
        for (&subject, affected) in &plan.effects.affected {
            for &user in affected.gain.iter().chain(&affected.lose).filter(|user| !actions.contains_key(*user)) {
                let subjects = through.entry(user).or_default();
                if !subjects.contains(&subject) {
                    subjects.push(subject);
                }
            }
        }
        let (mut pinned, others): (Vec<&PersonImpact>, Vec<&PersonImpact>) =
            plan.effects.impact.people.iter().partition(|person| person.loses || person.escalation);
        // Stable: within these, everybody stands in the order of the names.
        pinned.sort_by_key(|person| (!person.loses, person.course != ImpactCourse::Leaves));
        Self { context, pinned, others, actions, through }
    }

    fn row(&self, person: &PersonImpact) -> Row {
        let context = self.context;
        let actions = self.actions.get(&person.user).map(Vec::as_slice).unwrap_or_default();
        let through = self.through.get(&person.user).into_iter().flatten().map(|subject| {
            match (subject.role, subject.organization, subject.site) {
                (Some(role), _, _) => format!("role {} changes", context.name(role)),
                (None, Some(organization), Some(site)) => {
                    format!("{}/{} changes", context.name(organization), context.name(site))
                }
                (None, Some(organization), None) => format!("{} changes", context.name(organization)),
                (None, None, _) => String::new(),
            }
        });
        person_row(context, person, actions, &through.collect::<Vec<_>>().join(", "))
    }

    /// Who can do more in a way that matters, one by one; what changes for many at once first.
    fn escalations(&self, plan: &Plan, most: usize) -> String {
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
            .filter(|person| person.escalation && self.actions.contains_key(&person.user))
            .collect();
        let told = escalated.iter().map(|person| {
            let row = self.row(person);
            let is_admin = person.becomes_admin_of().next().is_some();
            let power = if is_admin { " — an admin: can invite and remove people" } else { "" };
            let gains = if row.gains.is_empty() { "can do more".to_owned() } else { row.gains };
            format!("> **Escalation** {}", inline_within(&format!("{}: {gains}{power}", row.who), LINE))
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
    fn table(&self, most: usize) -> String {
        if self.pinned.is_empty() && self.others.is_empty() {
            return String::new();
        }
        let line = |person: &&PersonImpact| {
            let Row { who, loses, gains, because } = self.row(person);
            let [who, loses, gains, because] = [who, loses, gains, because].map(|cell| inline_within(&cell, CELL));
            format!("| {who} | {loses} | {gains} | {because} |")
        };
        let (mut rows, mut shown) = taken(self.pinned.iter().map(line), most);
        let is_whole = shown == self.pinned.len();
        if !is_whole {
            (rows, shown) = taken(self.pinned.iter().map(line), most / 2);
        }
        let (more_rows, others) =
            if is_whole { taken(self.others.iter().map(line), most - rows.len()) } else { (String::new(), 0) };
        let mut text = format!("| who | loses | gains | because |\n| --- | --- | --- | --- |\n{rows}{more_rows}\n");
        let rest = &self.pinned[shown..];
        if !rest.is_empty() {
            let names: Vec<String> = rest.iter().map(|person| inline(&self.context.name(person.user))).collect();
            let who =
                count(rest.len(), "more person loses access or can do more", "more people lose access or can do more");
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
}

/// A line of a change as one of a list.
fn bullet(before: &str, line: &Line) -> String {
    let Line { mark: _, who, what, note, place } = line;
    let notes: Vec<&str> = [note.as_str(), place].into_iter().filter(|part| !part.is_empty()).collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    format!("{before}{}", inline_within(&format!("{who}: {what}{notes}"), LINE))
}

/// Other changes of organizations, sites and roles.
fn catalog_changes(context: Context<'_>, plan: &Plan, most: usize) -> String {
    let lines = changes::of_catalog(context, plan);
    let lines: Vec<&Line> = lines.iter().map(|(line, _)| line).filter(|line| line.mark != Mark::Escalation).collect();
    let (text, shown) = taken(lines.iter().map(|line| bullet("- ", line)), most);
    let more = lines.len() - shown;
    let more = if more > 0 { format!("- {}\n", count(more, "more change", "more changes")) } else { String::new() };
    let title = format!("Organizations, sites and roles that change ({})", number(lines.len()));
    details(&title, &format!("{text}{more}"))
}

/// How many people fare otherwise, by organization and by site.
fn sums(context: Context<'_>, plan: &Plan, most: usize) -> String {
    let places = &plan.effects.impact.places;
    let table = |title: &str, is_site: bool, most: usize| {
        let mut rows: Vec<(Name, Option<Name>, Shift)> = places
            .iter()
            .filter(|((_, site), _)| site.is_some() == is_site)
            .map(|(&(organization, site), &shift)| (organization, site, shift))
            .collect();
        let text = |name: Option<Name>| name.map(|name| context.names.text(name));
        rows.sort_by_key(|&(organization, site, shift)| {
            (std::cmp::Reverse(shift.lose), text(Some(organization)), text(site))
        });
        let line = |&(organization, site, shift): &(Name, Option<Name>, Shift)| {
            let place = match (organization, site) {
                (known::PLATFORM, _) => "the whole platform".to_owned(),
                (organization, None) => context.name(organization),
                (organization, Some(site)) => format!("{}/{}", context.name(organization), context.name(site)),
            };
            let [lose, exit, gain, enter] =
                [shift.lose, shift.exit, shift.gain, shift.enter].map(|people| number(people as usize));
            format!("| {} | {lose} | {exit} | {gain} | {enter} |", inline_within(&place, CELL))
        };
        let (text, shown) = taken(rows.iter().map(line), most.saturating_sub(200));
        let more = rows.len() - shown;
        let more = if more > 0 { format!("\n{} more\n", number(more)) } else { String::new() };
        if rows.is_empty() || shown == 0 {
            return String::new();
        }
        let head = format!(
            "| {} | lose something | lose all there | gain something | new there |\n",
            if is_site { "site" } else { "organization" }
        );
        details(
            &format!("{title} ({})", number(rows.len())),
            &format!("{head}| --- | --- | --- | --- | --- |\n{text}{more}"),
        )
    };
    let organizations = table("People by organization", false, most * 2 / 3);
    let sites = table("People by site", true, most.saturating_sub(organizations.len()));
    format!("{organizations}{sites}")
}

/// What is not done: what waits, ends soon and is left alone, and warnings.
fn others(context: Context<'_>, plan: &Plan, most: usize) -> String {
    let warnings = plan.diagnostics.iter().map(|found| {
        let place = found.primary.as_ref().map(|label| context.places.place(label.span.start));
        let place = place.map(|(file, line, _)| format!(" ({}:{line})", context.style.path(&file)));
        format!("{}{}", found.message, place.unwrap_or_default())
    });
    let entries = [
        ("Waits", waiting::waiting(context, plan)),
        ("Ends soon by itself", waiting::expiring(context, plan)),
        ("Passwords that are due", waiting::passwords_due(context, plan)),
        ("Warnings", Entries { label: "warnings", lines: warnings.collect() }),
        ("Left alone", waiting::unmanaged(context, plan)),
    ];
    let mut text = String::new();
    for (title, Entries { label: _, lines }) in entries {
        let left = most.saturating_sub(text.len());
        let line = |line: &String| {
            let indent = if line.starts_with("  ") { "  " } else { "" };
            format!("{indent}- {}", inline_within(line.trim(), LINE))
        };
        let (body, shown) = taken(lines.iter().map(line), left.saturating_sub(200));
        let more = lines.len() - shown;
        let more = if more > 0 { format!("- {}\n", count(more, "more line", "more lines")) } else { String::new() };
        text.push_str(&details(title, &format!("{body}{more}")));
    }
    text
}
