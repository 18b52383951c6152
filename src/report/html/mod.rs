//! A plan as one page: impact first, then sums, who reaches which site, and the plan with its lines of YAML.
//!
//! The page needs nothing else and may do nothing else: its policy lets one script and one style sheet in, by their
//! hashes, and no connection out. Tables are made by the script from data that is embedded as JSON, a page of rows at a
//! time, so that very many people can be looked at; names get into them as text and never as markup. What is refused, the
//! sums, and the digest stand in the page itself. Deliberately absent: a clock, and anything that another format does not
//! know.

mod tables;

use sha2::{Digest as _, Sha256};

use self::tables::{Data, Tables, course, flags};
use super::base::changed_settings;
use super::changes;
use super::diagnostics::Snippets;
use super::doings::Doings;
use super::markdown::{ReviewText, counts};
use super::refusal::{RefusalText, refusal};
use super::style::{Style, count, number, sanitise, shortened};
use super::text::{NO_STORE, PlanText, guard_entries};
use super::waiting::{self, Entries};
use super::words::{Context, counted};
use crate::diagnostic::{Code, Diagnostic, Position, Span};
use crate::model::Name;
use crate::plan::{DiagnosticDocument, Plan, Standing, StoreRef};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Lines of manifests that are shown, beside their numbers.
const LINES: usize = 5_000;

/// The most characters of such a line, and of a text of ours.
const LONGEST_LINE: usize = 200;
const LONGEST: usize = 2_000;

/// Lines of each kind that stand in the page itself.
const ENTRIES: usize = 200;

/// A plan, and what is needed to make a page of it.
#[derive(Clone, Copy)]
pub struct HtmlText<'a> {
    /// The plan, for reviewers.
    pub review: ReviewText<'a>,
    /// What everybody reaches before it.
    pub standing: &'a [Standing],
    /// The lines of the manifests.
    pub snippets: &'a dyn Snippets,
}

/// The plan as a page.
#[must_use]
pub fn html(input: &HtmlText<'_>) -> String {
    let PlanText { plan, names, catalog, desired, rules, zone, places, .. } = input.review.text;
    let style = Style { verbose: true, ..Style::default() };
    let declared = desired.map(|desired| (desired, plan.at));
    let effects = Some(&plan.effects);
    let context = Context { names, catalog, declared, whose: None, rules, zone, effects, places, style };
    let store = escaped(&plan.store.name);
    let body = format!(
        "<a class=\"skip\" href=\"#impact\">Skip to who loses and gains what</a>\n{}<main>\n{}{TABLES}{}</main>\n{}",
        header(plan),
        alarms(context, &input.review),
        others(context, plan),
        footer(context, &input.review)
    );
    // Nothing in JSON but its texts may hold these.
    let data = serde_json::to_string(&data(context, input)).unwrap_or_else(|_| "null".to_owned());
    let data = data.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let script = format!("<script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>\n");
    page(&format!("rollcall · {store}"), &body, &script)
}

/// What is wrong, where there is no plan.
#[must_use]
pub fn html_mistakes(store: Option<&str>, found: &[DiagnosticDocument]) -> String {
    let row = |one: &DiagnosticDocument| {
        let DiagnosticDocument { code, severity, message, file, line, column: _, help } = one;
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = file.as_ref().map(|file| format!("{file}{line}")).unwrap_or_default();
        let help = help.clone().unwrap_or_default();
        let cells = [("what is wrong", message), ("way out", &help), ("kind", severity), ("code", code)];
        let cells = cells.map(|(label, text)| format!("<td data-label=\"{label}\">{}</td>", escaped(text)));
        format!("<tr><th scope=\"row\">{}</th>{}</tr>\n", escaped(&place), cells.concat())
    };
    let rows: String = found.iter().map(row).collect();
    let store = store.map(escaped).unwrap_or_default();
    let body = format!(
        "<main><h1>rollcall {store}: there is no plan</h1>\n<div class=\"wide\"><table class=\"cards\"><caption>What is \
         wrong</caption><thead><tr><th scope=\"col\">where</th><th scope=\"col\">what is wrong</th><th scope=\"col\">way \
         out</th><th scope=\"col\">kind</th><th scope=\"col\">code</th></tr></thead><tbody>\n{rows}</tbody></table></div>\n</main>\n"
    );
    page(&format!("rollcall {store}: there is no plan"), &body, "")
}

/// A whole page, with a policy that lets nothing in but what is meant.
fn page(title: &str, body: &str, script: &str) -> String {
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"generator\" \
         content=\"rollcall\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<meta \
         name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" \
         content=\"no-referrer\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}{script}</body>\n</html>\n"
    )
}

/// The hash of a text as a policy names it (Content Security Policy Level 3, section 2.3.1).
fn hash(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let hash = Sha256::digest(text);
    let mut base64 = String::new();
    for three in hash.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| (bits << 8) | u32::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = DIGITS[((bits >> (18 - 6 * at)) & 63) as usize];
            base64.push(if at <= three.len() { char::from(digit) } else { '=' });
        }
    }
    base64
}

/// A text that is nothing but text in HTML.
fn escaped(text: &str) -> String {
    let safe = sanitise(text);
    let safe = shortened(&safe, LONGEST);
    let mut html = String::with_capacity(safe.len());
    for character in safe.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

fn header(plan: &Plan) -> String {
    let StoreRef { name, kind, .. } = &plan.store;
    let (sums, first) = counts(plan);
    let first = if first.is_empty() { String::new() } else { format!("<p><strong>{}</strong></p>\n", escaped(&first)) };
    format!(
        "<header>\n<h1>{}: {}</h1>\n{first}<p class=\"faint\">store {} ({}), {} live, {} declared, planned for {}</p>\n</header>\n",
        escaped(name),
        escaped(&sums),
        escaped(name),
        escaped(kind),
        count(plan.live_people, "person", "people"),
        number(plan.declared_people),
        plan.at
    )
}

/// What is refused, what was not read, and who keeps for now what the manifests take away.
fn alarms(context: Context<'_>, review: &ReviewText<'_>) -> String {
    let PlanText { plan, apply, .. } = review.text;
    let changed = review.base.map(|base| changed_settings(base, Style::default())).unwrap_or_default();
    let mut lines: Vec<String> = changed.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if plan.store.is_revision() {
        lines.push(format!("No store was read: {NO_STORE}"));
    }
    for (collection, why) in &plan.gaps {
        lines.push(format!("Read only in part: {collection}: {why}. This plan can't be applied."));
    }
    let apply = apply.unwrap_or("rollcall apply");
    let style = Style::default();
    let refused =
        RefusalText { plan, names: context.names, judgement: review.judgement, cause: review.cause, apply, style };
    lines.extend(refusal(&refused).lines().map(|line| line.trim().to_owned()));
    lines.extend(waiting::held_leavers(context, plan));
    if lines.is_empty() {
        return String::new();
    }
    let items = items(&lines);
    format!(
        "<section aria-labelledby=\"alarms-title\">\n<h2 id=\"alarms-title\">First of all</h2>\n<ul class=\"alarms\">\n{items}</ul>\n</section>\n"
    )
}

/// As items of a list; of very many the first, and how many more there are.
fn items(lines: &[String]) -> String {
    let mut html = String::new();
    for line in lines.iter().take(ENTRIES) {
        html.push_str(&format!("<li>{}</li>\n", escaped(line.trim())));
    }
    if let more @ 1.. = lines.len().saturating_sub(ENTRIES) {
        html.push_str(&format!("<li>{} more</li>\n", number(more)));
    }
    html
}

/// What is not done, and warnings.
fn others(context: Context<'_>, plan: &Plan) -> String {
    let brief = Context { style: Style::default(), ..context };
    let line = |found: &Diagnostic| {
        let place = found.primary.as_ref().map(|label| context.places.place(label.span.start));
        let place = place.map(|(file, line, _)| format!(" ({file}:{line})"));
        format!("{}{}", found.message, place.unwrap_or_default())
    };
    let is_of_policy = |found: &&Diagnostic| matches!(found.code, Code::PolicyViolated | Code::PolicyUnanswered);
    let (policies, warnings): (Vec<_>, Vec<_>) = plan.diagnostics.iter().partition(is_of_policy);
    let [policies, warnings] = [policies, warnings].map(|found| found.into_iter().map(line).collect());
    let entries = [
        ("What is not as policies demand", Entries { label: "policies", lines: policies }),
        ("What waits", waiting::waiting(context, plan)),
        ("What ends soon by itself", waiting::expiring(context, plan)),
        ("Passwords that are due", waiting::passwords_due(context, plan)),
        ("Warnings", Entries { label: "warnings", lines: warnings }),
        ("What is left alone", waiting::unmanaged(brief, plan)),
    ];
    let mut html = String::new();
    for (title, Entries { label: _, lines }) in entries.into_iter().filter(|(_, entries)| !entries.lines.is_empty()) {
        let items = items(&lines);
        html.push_str(&format!("<section>\n<h2>{title}</h2>\n<ul>\n{items}</ul>\n</section>\n"));
    }
    html
}

fn footer(context: Context<'_>, review: &ReviewText<'_>) -> String {
    let PlanText { plan, guards, apply, .. } = review.text;
    let kinds = counted(plan.actions.iter()).join(", ");
    let actions = count(plan.actions.len(), "action", "actions");
    let guards_told: Vec<String> =
        guard_entries(context, plan, guards).lines.iter().map(|line| line.replace("   ", ", ")).collect();
    let guards_told = items(&guards_told);
    let is_applicable = plan.gaps.is_empty() && guards.iter().all(|guard| !guard.refused) && !plan.actions.is_empty();
    let exactly = apply.filter(|_| is_applicable).map(|apply| {
        format!("<p>Apply exactly this with <code>{} --approved {}</code></p>\n", escaped(apply), escaped(&plan.digest))
    });
    format!(
        "<footer>\n<h2>Guards and digest</h2>\n<ul>\n{guards_told}</ul>\n<p>{actions}{}{}</p>\n<p>digest <code>{}</code></p>\n{}</footer>\n",
        if kinds.is_empty() { "" } else { ": " },
        escaped(&kinds),
        escaped(&plan.digest),
        exactly.unwrap_or_default()
    )
}

fn data(context: Context<'_>, input: &HtmlText<'_>) -> Data {
    let PlanText { plan, names, .. } = input.review.text;
    let mut tables = Tables::new(names);
    let people = input.standing.iter().map(|one| tables.standing(one)).collect();
    let doings = Doings::of(plan);
    let brief = Context { style: Style::default(), ..context };
    let mut impact: Vec<_> = plan.effects.impact.people.iter().collect();
    // Escalations first, then who leaves and loses.
    impact.sort_by_key(|person| (!person.escalation, !person.loses));
    let impact = impact.into_iter().map(|person| {
        let row = doings.row(brief, person);
        let changes = tables.changes(person);
        let user = tables.text(person.user);
        let (course, flags) = (course(person.course), flags(person, doings.is_aside(person.user)));
        (user, course, flags, person.mails, changes, row.loses, row.gains, row.because)
    });
    let impact = impact.collect();
    let mut sums: Vec<_> = plan.effects.impact.places.iter().collect();
    let text = |name: Name| names.text(name);
    sums.sort_by_key(|((of, site), shift)| (site.is_some(), std::cmp::Reverse(shift.lose), text(*of), site.map(text)));
    let places = sums.into_iter().map(|(&(of, site), shift)| {
        let site = site.map_or(-1, |site| tables.text(site));
        (tables.text(of), site, shift.lose, shift.exit, shift.gain, shift.enter)
    });
    let places = places.collect();
    let lines = lines(context, input);
    let (texts, lists) = tables.into_parts();
    Data { texts, lists, people, impact, places, lines }
}

/// Every change with the line that wants it.
fn lines(context: Context<'_>, input: &HtmlText<'_>) -> Vec<[String; 6]> {
    let yaml = |at: usize, position: Option<Position>| {
        let position = position.filter(|_| at < LINES)?;
        let excerpt = input.snippets.excerpt(Span::from(position))?;
        Some(shortened(excerpt.line.trim(), LONGEST_LINE).into_owned())
    };
    let all = changes::all(context, input.review.text.plan).into_iter().enumerate();
    let lines = all.map(|(at, (room, line, position))| {
        let yaml = yaml(at, position).unwrap_or_default();
        [room, line.who, line.what, line.note, line.place, yaml]
    });
    lines.collect()
}

/// The tables, which the script fills.
const TABLES: &str = include_str!("tables.html");

#[cfg(test)]
mod tests {
    use super::{escaped, hash};

    #[test]
    fn hashes_are_those_of_policies() {
        assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(hash("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn texts_are_no_markup() {
        assert_eq!(escaped("<a href=\"x\">&'\u{202e}"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\\u{202e}");
    }
}
