//! What came of a plan: what went wrong first, one line an action, sums last.

use std::collections::BTreeMap;

use super::lines::{Line, Mark, Section, write};
use super::style::{Style, Tone, count, name, number, sanitise};
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

const fn mark(outcome: OutcomeWord) -> Mark {
    match outcome {
        OutcomeWord::Unknown
        | OutcomeWord::Failed
        | OutcomeWord::Refused
        | OutcomeWord::Conflict
        | OutcomeWord::Rewritten => Mark::Escalation,
        OutcomeWord::Skipped | OutcomeWord::NotTried => Mark::Change,
        OutcomeWord::AlreadyTrue | OutcomeWord::Done => Mark::Addition,
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
pub fn outcome_line(names: &Names, action: &Action, outcome: OutcomeWord, detail: Option<&str>) -> OutcomeLine {
    let subject = action.subject;
    let text = |name: Option<Name>| name.filter(|&name| name != known::PLATFORM).map(|name| names.text(name));
    let place = match (text(subject.organization), text(subject.site)) {
        (Some(organization), Some(site)) => Some(format!("{}/{}", name(organization), name(site))),
        (Some(organization), None) => Some(name(organization).into_owned()),
        (None, site) => site.map(|site| name(site).into_owned()),
    };
    let subject = match (text(subject.user), place) {
        (Some(user), Some(place)) => format!("{} in {place}", name(user)),
        (Some(user), None) => name(user).into_owned(),
        (None, Some(place)) => place,
        (None, None) => format!("role {}", name(text(subject.role).unwrap_or_default())),
    };
    let detail = detail.map(|detail| sanitise(detail).into_owned());
    OutcomeLine { subject, action: wanted(action.kind).0.to_owned(), outcome, detail }
}

/// Lines that are printed for each outcome without `-v`; what was done is only summed then.
const LINES: usize = 200;

/// The outcomes as text: every one that needs somebody, then the sums. It ends with a line feed.
#[must_use]
pub fn outcomes(lines: &[OutcomeLine], style: Style) -> String {
    if lines.is_empty() {
        return "nothing was to be done\n".to_owned();
    }
    let mut sums: BTreeMap<usize, usize> = BTreeMap::new();
    let mut sections: BTreeMap<usize, Vec<Line>> = BTreeMap::new();
    let mut sorted: Vec<&OutcomeLine> = lines.iter().collect();
    sorted.sort_by(|a, b| (rank(a.outcome), &a.subject, &a.action).cmp(&(rank(b.outcome), &b.subject, &b.action)));
    for OutcomeLine { subject, action, outcome, detail } in sorted {
        let number = sums.entry(rank(*outcome)).or_default();
        *number += 1;
        let listed = match outcome {
            OutcomeWord::AlreadyTrue | OutcomeWord::Done => style.verbose,
            OutcomeWord::Unknown
            | OutcomeWord::Failed
            | OutcomeWord::Refused
            | OutcomeWord::Conflict
            | OutcomeWord::Rewritten
            | OutcomeWord::Skipped
            | OutcomeWord::NotTried => style.verbose || *number <= LINES,
        };
        if listed {
            sections.entry(rank(*outcome)).or_default().push(Line {
                mark: mark(*outcome),
                who: sanitise(subject).into_owned(),
                what: sanitise(action).into_owned(),
                note: detail.as_deref().map(|detail| sanitise(detail).into_owned()).unwrap_or_default(),
                place: String::new(),
            });
        }
    }
    let mut text = String::new();
    let sections: Vec<Section> = sections
        .into_iter()
        .map(|(at, lines)| {
            let more = sums.get(&at).map_or(0, |number| number - lines.len());
            let rest = if more == 0 { String::new() } else { format!("and {} more (use -v)", number(more)) };
            Section { title: ORDER[at].as_str().to_owned(), lines, rest }
        })
        .collect();
    write(&mut text, &sections, style);
    if !sections.is_empty() {
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
