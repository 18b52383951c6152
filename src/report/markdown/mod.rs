//! A plan as a comment under a pull request, for somebody who knows no YAML: who, loses, gains, because.
//!
//! From top to bottom: what is refused, what people keep for now, escalations; the people; folded away: who gains what
//! the change under review does not give, what the catalog changes, sums by organization and site, what waits, ends soon
//! and is left alone; guards and digest. A comment has at most [`MOST`] characters, so what does not fit is folded:
//! detail first, then rows to names, then names to a number. Sums, refusals and the digest, which binds the whole plan,
//! are always there.
//!
//! Everything goes through [`inline`](inline::inline), so that no name can ping, link, hide or break a table.

mod fold;
mod inline;
mod mistakes;
mod people;
mod person;

use self::fold::{details, listed, taken};
pub(super) use self::inline::mark;
use self::inline::{code, command, inline, inline_within};
pub use self::mistakes::{MistakesText, markdown_mistakes};
use self::people::Everybody;
pub(super) use self::person::{Row as PersonRow, row as person_row};
use super::base::changed_settings;
use super::cause::Cause;
use super::changes;
use super::lines::{Line, Mark};
use super::refusal::{RefusalText, refusal};
use super::style::{Style, count, number, sanitise};
use super::text::{NO_STORE, PlanText, guard_entries};
use super::waiting::{self, Entries};
use super::words::{Context, counted};
use crate::diagnostic::{Code, Diagnostic};
use crate::guard::Judgement;
use crate::model::{Name, known};
use crate::plan::{BaseDocument, People, Plan, Risk, Shift, WaitsFor};

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
    pub judgement: &'a Judgement,
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
    left = add(everybody.besides(left / 3), left);
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
    let ways_in = plan.effects.impact.people.iter().filter(|person| !person.ways_in.is_empty()).count();
    let mails = plan.census.mails as usize;
    let first: Vec<String> = [
        (admins, "new admin", "new admins"),
        (fields, "change of API access or the like", "changes of API access or the like"),
        (
            ways_in,
            "account's key, address or two-factor authentication changes",
            "accounts' keys, addresses or two-factor authentication change",
        ),
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
    let changed = input.base.map(|base| changed_settings(base, context.style)).unwrap_or_default();
    let changed = changed.lines().filter(|line| !line.is_empty()).map(|line| inline_within(line.trim(), SETTING));
    let mut text = quoted("**Settings**: ", &changed.collect::<Vec<_>>(), most / 2, "of the settings");
    if plan.store.is_revision() {
        text.push_str(&format!("> **No store was read**: {NO_STORE}.\n\n"));
    }
    for (collection, why) in &plan.gaps {
        let why = inline_within(&format!("{collection}: {}", sanitise(why)), LINE);
        text.push_str(&format!("> **Read only in part**: {why}. Nobody is removed, invited, created or reactivated from a partial read, and this plan can't be applied.\n\n"));
    }
    text.push_str(&refusals(context, input, most));
    let held = waiting::held_leavers(context, plan);
    let held: Vec<String> = held.iter().map(|line| format!("**Still in**: {}", inline_within(line, LINE))).collect();
    text.push_str(&quoted("", &held, most / 2, "that stand in what waits"));
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

/// What guards and policies refuse: each of them, however little of each fits, and what they say of it as far as it does.
fn refusals(context: Context<'_>, input: &ReviewText<'_>, most: usize) -> String {
    let PlanText { plan, apply, .. } = input.text;
    let refused = RefusalText {
        plan,
        names: context.names,
        judgement: input.judgement,
        cause: input.cause,
        apply: apply.unwrap_or("rollcall apply"),
        style: context.style,
    };
    let refused = refusal(&refused);
    let lines: Vec<&str> =
        refused.lines().filter(|line| !plan.store.is_revision() || !line.starts_with(MEANT)).collect();
    let heads = lines.iter().filter(|line| line.starts_with(REFUSED)).count();
    let each = (most / (heads + 1)).clamp(LEAST_OF_A_REFUSAL, LINE);
    let mut left = most.saturating_sub(heads * each);
    let mut told: Vec<String> = Vec::new();
    let (mut shown, mut folded) = (0, 0);
    for line in lines {
        if let Some(of) = line.strip_prefix(REFUSED) {
            shown += 1;
            if shown <= REFUSALS {
                told.push(format!("**Refused** by {}", inline_within(of.trim(), each)));
            }
            continue;
        }
        let detail = match line.strip_prefix(MEANT) {
            Some(waiving) => format!("{MEANT}{}", command(waiving)),
            None => inline_within(line.trim(), LINE),
        };
        if detail.len() + 4 > left {
            folded += 1;
            continue;
        }
        left -= detail.len() + 4;
        told.push(detail);
    }
    if let more @ 1.. = heads.saturating_sub(REFUSALS) {
        told.push(format!("**Refused** by {} more", number(more)));
    }
    if folded > 0 {
        told.push(format!("{}, which `rollcall plan` tells", count(folded, "more line", "more lines")));
    }
    if told.is_empty() { String::new() } else { format!("> {}\n\n", told.join("\\\n> ")) }
}

/// Lines in one quotation as far as they fit, and how many more there are.
fn quoted(before: &str, lines: &[String], most: usize, more_words: &str) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let (text, shown) = taken(lines.iter().cloned(), most);
    let mut told: Vec<String> = text.lines().map(str::to_owned).collect();
    if let more @ 1.. = lines.len() - shown {
        told.push(format!("**{}** {more_words}", count(more, "more", "more")));
    }
    format!("> {before}{}\n\n", told.join("\\\n> "))
}

/// What the line of a refusal begins with.
const REFUSED: &str = "refused by";
/// Refusals that are told one by one, and the least bytes of one.
const REFUSALS: usize = 150;
const LEAST_OF_A_REFUSAL: usize = 120;

/// What a refusal ends with.
const MEANT: &str = "If this is meant: ";

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
    let line = |found: &Diagnostic| {
        let place = found.primary.as_ref().map(|label| context.places.place(label.span.start));
        let place = place.map(|(file, line, _)| format!(" ({}:{line})", context.style.path(&file)));
        format!("{}{}", found.message, place.unwrap_or_default())
    };
    let is_of_policy = |found: &&Diagnostic| matches!(found.code, Code::PolicyViolated | Code::PolicyUnanswered);
    let (policies, warnings): (Vec<_>, Vec<_>) = plan.diagnostics.iter().partition(is_of_policy);
    let [policies, warnings] = [policies, warnings].map(|found| found.into_iter().map(line).collect());
    let entries = [
        ("Not as policies demand", Entries { label: "policies", lines: policies }),
        ("Waits", waiting::waiting(context, plan)),
        ("Ends soon by itself", waiting::expiring(context, plan)),
        ("Passwords that are due", waiting::passwords_due(context, plan)),
        ("Warnings", Entries { label: "warnings", lines: warnings }),
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
