//! What came of a plan: what went wrong first, one line an action, sums last.

use std::collections::BTreeMap;

use super::lines::{Line, Mark, Section, write};
use super::style::{Style, Tone, count, name, number, sanitise};
use super::words::wanted;
use crate::model::{Name, Names, known};
use crate::plan::Action;

/// What came of one action. The order is the order of printing: what needs somebody first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Nobody knows: the answer was lost.
    Unknown,
    /// It could not be done.
    Failed,
    /// The store's rules refuse it.
    Refused,
    /// The subject has changed since the plan.
    Conflict,
    /// Done, and reading back shows something else.
    NotVerified,
    /// Done, and the store made another value of it.
    Rewritten,
    /// Something that it needs was not done.
    Skipped,
    /// The run ended before its turn.
    NotReached,
    /// It was so already.
    AlreadyTrue,
    /// Done, and read back.
    Done,
}

impl Outcome {
    /// Every outcome, in the order of printing.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::Failed,
        Self::Refused,
        Self::Conflict,
        Self::NotVerified,
        Self::Rewritten,
        Self::Skipped,
        Self::NotReached,
        Self::AlreadyTrue,
        Self::Done,
    ];

    /// The words for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Refused => "refused by the store",
            Self::Conflict => "conflict",
            Self::NotVerified => "not verified",
            Self::Rewritten => "rewritten by the store",
            Self::Skipped => "skipped",
            Self::NotReached => "not reached",
            Self::AlreadyTrue => "already so",
            Self::Done => "done",
        }
    }

    const fn mark(self) -> Mark {
        match self {
            Self::Unknown | Self::Failed | Self::Refused | Self::Conflict | Self::NotVerified | Self::Rewritten => {
                Mark::Escalation
            }
            Self::Skipped | Self::NotReached => Mark::Change,
            Self::AlreadyTrue | Self::Done => Mark::Addition,
        }
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
    pub outcome: Outcome,
    /// Why, where there is more to say.
    pub detail: Option<String>,
}

/// The line of an action.
#[must_use]
pub fn outcome_line(names: &Names, action: &Action, outcome: Outcome, detail: Option<&str>) -> OutcomeLine {
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
    let mut sums: BTreeMap<Outcome, usize> = BTreeMap::new();
    let mut sections: BTreeMap<Outcome, Vec<Line>> = BTreeMap::new();
    let mut sorted: Vec<&OutcomeLine> = lines.iter().collect();
    sorted.sort_by(|a, b| (a.outcome, &a.subject, &a.action).cmp(&(b.outcome, &b.subject, &b.action)));
    for OutcomeLine { subject, action, outcome, detail } in sorted {
        let number = sums.entry(*outcome).or_default();
        *number += 1;
        let listed = match outcome {
            Outcome::AlreadyTrue | Outcome::Done => style.verbose,
            Outcome::Unknown
            | Outcome::Failed
            | Outcome::Refused
            | Outcome::Conflict
            | Outcome::NotVerified
            | Outcome::Rewritten
            | Outcome::Skipped
            | Outcome::NotReached => style.verbose || *number <= LINES,
        };
        if listed {
            sections.entry(*outcome).or_default().push(Line {
                mark: outcome.mark(),
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
        .map(|(outcome, lines)| {
            let more = sums.get(&outcome).map_or(0, |number| number - lines.len());
            let rest = if more == 0 { String::new() } else { format!("and {} more (use -v)", number(more)) };
            Section { title: outcome.as_str().to_owned(), lines, rest }
        })
        .collect();
    write(&mut text, &sections, style);
    if !sections.is_empty() {
        text.push('\n');
    }
    let words: Vec<String> = Outcome::ALL
        .into_iter()
        .rev()
        .filter_map(|outcome| Some(format!("{} {}", number(*sums.get(&outcome)?), outcome.as_str())))
        .collect();
    text.push_str(&style.paint(Tone::Heading, &count(lines.len(), "action", "actions")));
    text.push_str(&format!(": {}\n", words.join(", ")));
    text
}
