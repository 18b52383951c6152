//! What came of a plan: what went wrong first, one line an action, sums last.

use std::collections::BTreeMap;

use super::style::{Style, Tone, count, number, sanitise, width};
use super::words::wanted;
use crate::apply::OutcomeWord;
use crate::model::{Name, Names, known};
use crate::plan::Action;

/// The order of printing: what needs somebody first.
const ORDER: [OutcomeWord; 9] = [
    OutcomeWord::Unknown,
    OutcomeWord::Failed,
    OutcomeWord::Refused,
    OutcomeWord::Conflict,
    OutcomeWord::Rewritten,
    OutcomeWord::Skipped,
    OutcomeWord::NotTried,
    OutcomeWord::AlreadyTrue,
    OutcomeWord::Done,
];

fn rank(outcome: OutcomeWord) -> usize {
    ORDER.iter().position(|&other| other == outcome).unwrap_or(ORDER.len())
}

/// Marks of plans say what would happen; here words say what did, and colour only helps.
const fn tone(outcome: OutcomeWord) -> Tone {
    match outcome {
        OutcomeWord::Unknown
        | OutcomeWord::Failed
        | OutcomeWord::Refused
        | OutcomeWord::Conflict
        | OutcomeWord::Rewritten => Tone::Alarm,
        OutcomeWord::Skipped | OutcomeWord::NotTried => Tone::Change,
        OutcomeWord::AlreadyTrue | OutcomeWord::Done => Tone::Addition,
    }
}

/// What came of one action, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeLine {
    /// To whom or what it was done: `ana@example.com in north-quarries`.
    pub subject: String,
    /// What was wanted: `role change`.
    pub action: String,
    /// What came of it.
    pub outcome: OutcomeWord,
    /// Why, where there is more to say.
    pub detail: Option<String>,
}

/// The line of an action.
#[must_use]
pub fn outcome_line(
    (names, style): (&Names, Style),
    action: &Action,
    outcome: OutcomeWord,
    detail: Option<&str>,
) -> OutcomeLine {
    let subject = action.subject;
    let text = |name: Option<Name>| name.filter(|&name| name != known::PLATFORM).map(|name| names.text(name));
    let place = match (text(subject.organization), text(subject.site)) {
        (Some(organization), Some(site)) => Some(format!("{}/{}", style.name(organization), style.name(site))),
        (Some(organization), None) => Some(style.name(organization).into_owned()),
        (None, site) => site.map(|site| style.name(site).into_owned()),
    };
    let subject = match (text(subject.user), place) {
        (Some(user), Some(place)) => format!("{} in {place}", style.name(user)),
        (Some(user), None) => style.name(user).into_owned(),
        (None, Some(place)) => place,
        (None, None) => format!("role {}", style.name(text(subject.role).unwrap_or_default())),
    };
    let detail = detail.map(|detail| sanitise(detail).into_owned());
    OutcomeLine { subject, action: wanted(action.kind).0.to_owned(), outcome, detail }
}

/// Subjects wider than this are not aligned.
const WIDEST: usize = 60;

/// Lines that are printed for each outcome without `-v`; what was done is only summed then.
const LINES: usize = 200;

/// The outcomes as text: every one that needs somebody, then the sums. It ends with a line feed.
#[must_use]
pub fn outcomes(lines: &[OutcomeLine], style: Style) -> String {
    if lines.is_empty() {
        return "nothing was to be done\n".to_owned();
    }
    let mut sums: BTreeMap<usize, usize> = BTreeMap::new();
    let mut causes: BTreeMap<(usize, &str), Vec<&OutcomeLine>> = BTreeMap::new();
    for line in lines {
        *sums.entry(rank(line.outcome)).or_default() += 1;
        causes.entry((rank(line.outcome), line.detail.as_deref().unwrap_or_default())).or_default().push(line);
    }
    // What many share comes first.
    let mut groups: Vec<Group<'_>> = causes.into_iter().map(|((rank, cause), lines)| (rank, cause, lines)).collect();
    groups.sort_by(|a, b| (a.0, b.2.len(), a.1).cmp(&(b.0, a.2.len(), b.1)));
    let mut text = String::new();
    let mut left: BTreeMap<usize, usize> = BTreeMap::new();
    for (rank, cause, lines) in groups {
        let outcome = ORDER[rank];
        let is_listed = match outcome {
            // What was done in another way than the plan says first is told.
            OutcomeWord::AlreadyTrue | OutcomeWord::Done => style.verbose || !cause.is_empty(),
            OutcomeWord::Unknown
            | OutcomeWord::Failed
            | OutcomeWord::Refused
            | OutcomeWord::Conflict
            | OutcomeWord::Rewritten
            | OutcomeWord::Skipped
            | OutcomeWord::NotTried => true,
        };
        if is_listed {
            let left = left.entry(rank).or_insert(if style.verbose { usize::MAX } else { LINES });
            group(&mut text, outcome, cause, lines, left, style);
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let words: Vec<String> = ORDER
        .iter()
        .enumerate()
        .rev()
        .filter_map(|(at, outcome)| Some(format!("{} {}", number(*sums.get(&at)?), outcome.as_str())))
        .collect();
    text.push_str(&style.paint(Tone::Heading, &count(lines.len(), "action", "actions")));
    text.push_str(&format!(": {}\n", words.join(", ")));
    text
}

type Group<'a> = (usize, &'a str, Vec<&'a OutcomeLine>);

/// What came of it and why, once, and below to whom; of at most `left` lines.
fn group(
    text: &mut String,
    outcome: OutcomeWord,
    cause: &str,
    mut lines: Vec<&OutcomeLine>,
    left: &mut usize,
    style: Style,
) {
    let heading = if cause.is_empty() {
        outcome.as_str().to_owned()
    } else {
        let shared = if lines.len() == 1 { String::new() } else { format!(" ({} actions)", number(lines.len())) };
        format!("{}: {}{shared}", outcome.as_str(), sanitise(cause))
    };
    text.push_str(&style.paint(tone(outcome), &heading));
    text.push('\n');
    lines.sort_by(|a, b| (&a.subject, &a.action).cmp(&(&b.subject, &b.action)));
    let shown = lines.len().min(*left);
    *left -= shown;
    let widest = |part: fn(&OutcomeLine) -> &str, most: usize| {
        lines[..shown].iter().map(|line| width(part(line))).filter(|&width| width <= most).max().unwrap_or(0)
    };
    let who = widest(|line| &line.subject, WIDEST);
    for OutcomeLine { subject, action, .. } in &lines[..shown] {
        let subject = sanitise(subject);
        let gap = " ".repeat(who.saturating_sub(width(&subject)));
        text.push_str(&format!("  {subject}{gap}  {}\n", sanitise(action)));
    }
    if shown < lines.len() {
        text.push_str(&format!("  and {} more: {} (use -v)\n", number(lines.len() - shown), kinds(&lines[shown..])));
    }
}

/// `3 invitations, 1 role change`, by what was wanted.
fn kinds(lines: &[&OutcomeLine]) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        *kinds.entry(&line.action).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, times)| format!("{} × {kind}", number(times))).collect();
    kinds.join(", ")
}
