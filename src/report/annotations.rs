//! What a review has to look at, at its line: workflow commands of GitHub, and the Code Quality report of GitLab.
//!
//! Mistakes, refusals by guards, escalations, removals that wait, and removals, in this order: hosts show the first few
//! of each level only.
//! The formats: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions> and
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::changes;
use super::doings::Doings;
use super::lines::{Line, Mark};
use super::markdown::ReviewText;
use super::refusal::{RefusalText, refusal};
use super::style::{Style, count, sanitise};
use super::text::PlanText;
use super::waiting;
use super::words::Context;
use crate::plan::{Action, Deferred, DiagnosticDocument, PersonImpact, Risk};

/// How many are told; hosts show far fewer.
const MOST: usize = 1_000;

/// The most characters of one.
const LONGEST: usize = 2_000;

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// How bad it is.
    pub level: Level,
    /// The stable name of its kind: a code of a diagnostic, `refused`, `escalation`, `kept`, `way-in` or `removal`.
    pub kind: String,
    /// Whom or what it is about, by which it is known again in the next run.
    pub about: String,
    /// In one line, safe to print.
    pub text: String,
    /// Where it stands, where that is known.
    pub place: Option<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path of the file, relative to the access repository.
    pub file: String,
    /// Line, from 1.
    pub line: Option<u32>,
    /// Column in characters, from 1.
    pub column: Option<u32>,
}

/// How bad something is; the order is that of telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A mistake, or a plan that is refused.
    Wrong,
    /// Somebody can do more in a way that matters.
    Escalation,
    /// Somebody keeps access for now that the manifests take away.
    Kept,
    /// A warning.
    Odd,
    /// Somebody loses something.
    Removal,
}

/// What a plan asks a reviewer to look at, `diagnostics` among it.
#[must_use]
pub fn annotations(input: &ReviewText<'_>, diagnostics: &[DiagnosticDocument]) -> Vec<Annotation> {
    let PlanText { plan, names, catalog, desired, rules, zone, places, .. } = input.text;
    let style = Style::default().telling_apart(names);
    let declared = desired.map(|desired| (desired, plan.at));
    let effects = Some(&plan.effects);
    let context = Context { names, catalog, declared, whose: None, rules, zone, effects, places, style };
    let mut all = annotations_of(diagnostics);
    let apply = input.text.apply.unwrap_or("rollcall apply");
    let refused = RefusalText { plan, names, judgement: input.judgement, cause: input.cause, apply, style };
    for told in refusal(&refused).lines().filter(|line| line.starts_with("refused by guard")) {
        let about = told.split(':').next().unwrap_or_default().to_owned();
        all.push(Annotation {
            level: Level::Wrong,
            kind: "refused".to_owned(),
            about,
            text: told.to_owned(),
            place: None,
        });
    }
    for (collection, why) in &plan.gaps {
        let text =
            sanitise(&format!("read only in part: {collection}: {why}; this plan can't be applied")).into_owned();
        let (kind, about) = ("read-in-part".to_owned(), (*collection).to_owned());
        all.push(Annotation { level: Level::Wrong, kind, about, text, place: None });
    }
    let doings = Doings::of(plan);
    let has_own = |person: &&PersonImpact| !doings.own(person.user).is_empty();
    for person in plan.effects.impact.people.iter().filter(has_own) {
        all.extend(of_person(context, person, &doings));
    }
    all.extend(kept(context, &input.text));
    for (line, place) in changes::of_catalog(context, plan) {
        all.extend(of_catalog(&line, place.as_ref()));
    }
    sorted(all)
}

/// Diagnostics as what they ask somebody to look at.
#[must_use]
pub fn annotations_of(diagnostics: &[DiagnosticDocument]) -> Vec<Annotation> {
    let of = |one: &DiagnosticDocument| {
        let DiagnosticDocument { code, severity, message, file, line, column, help } = one;
        let help = help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        Annotation {
            level: if severity == "error" { Level::Wrong } else { Level::Odd },
            kind: code.clone(),
            about: message.clone(),
            text: sanitise(&format!("{message}{help}")).into_owned(),
            place: file.clone().map(|file| Place { file, line: *line, column: *column }),
        }
    };
    sorted(diagnostics.iter().map(of).collect())
}

fn sorted(mut all: Vec<Annotation>) -> Vec<Annotation> {
    all.sort_by(|a, b| (a.level, &a.place, &a.about, &a.text).cmp(&(b.level, &b.place, &b.about, &b.text)));
    all
}

fn of_person(context: Context<'_>, person: &PersonImpact, doings: &Doings<'_>) -> Vec<Annotation> {
    if !person.loses && !person.escalation && person.ways_in.is_empty() {
        return Vec::new();
    }
    let row = doings.row(context, person);
    let because = if row.because.is_empty() { String::new() } else { format!(" ({})", row.because) };
    // What a change of the catalog does to them has its line there.
    let all = || doings.own(person.user).iter().chain(doings.through(person.user));
    let at = |is_meant: &dyn Fn(&Action) -> bool| {
        let origins = all().filter(|action| is_meant(action)).flat_map(|action| &action.origins);
        let place = |(file, line, column)| Place { file, line: Some(line), column: Some(column) };
        origins.map(|origin| place(context.places.place(origin.position))).min()
    };
    let about = context.names.text(person.user).to_owned();
    let one = |level, kind: &str, text: String, place| Annotation {
        level,
        kind: kind.to_owned(),
        about: about.clone(),
        text,
        place,
    };
    let at_risk = |risk: Risk| at(&|action: &Action| action.risk.contains(&risk)).or_else(|| at(&|_| true));
    let mut all = Vec::new();
    if person.escalation {
        let gains = if row.gains.is_empty() { "can do more" } else { &row.gains };
        let text = format!("escalation: {}: {gains}{because}", row.who);
        all.push(one(Level::Escalation, "escalation", text, at_risk(Risk::Escalation)));
    }
    if person.loses {
        let text = format!("removal: {} loses: {}{because}", row.who, row.loses);
        all.push(one(Level::Removal, "removal", text, at_risk(Risk::Removal)));
    }
    if !person.ways_in.is_empty() && !person.escalation {
        let text = format!("logs in otherwise: {}: {}{because}", row.who, row.gains);
        let is_meant = |action: &Action| context.touches_log_in(action);
        all.push(one(Level::Odd, "way-in", text, at(&is_meant)));
    }
    all
}

/// What is to be taken away and waits.
fn kept(context: Context<'_>, input: &PlanText<'_>) -> Vec<Annotation> {
    let of = |(about, why, waits): (String, String, Vec<&Deferred>)| {
        let origins = waits.iter().flat_map(|deferred| &deferred.origins);
        let place = |(file, line, column)| Place { file, line: Some(line), column: Some(column) };
        let place = origins.map(|origin| place(context.places.place(origin.position))).min();
        let text = format!("kept for now: {why}");
        Annotation { level: Level::Kept, kind: "kept".to_owned(), about, text, place }
    };
    waiting::kept(context, input.plan).into_iter().map(of).collect()
}

/// A change of the catalog that gives or takes access.
fn of_catalog(line: &Line, place: Option<&changes::FirstPlace>) -> Option<Annotation> {
    let Line { mark, who, what, note, place: _ } = line;
    let (level, kind) = match mark {
        Mark::Escalation => (Level::Escalation, "escalation"),
        Mark::Removal => (Level::Removal, "removal"),
        Mark::Change | Mark::Addition => return None,
    };
    let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
    let place = place.cloned().map(|(file, line, column)| Place { file, line: Some(line), column: Some(column) });
    Some(Annotation {
        level,
        kind: kind.to_owned(),
        about: who.clone(),
        text: format!("{kind}: {who}: {what}{note}"),
        place,
    })
}

/// As workflow commands of GitHub; `folder` is the access repository as seen from the checkout, empty for the same.
#[must_use]
pub fn github(all: &[Annotation], folder: &str) -> String {
    let mut text = String::new();
    for Annotation { level, kind, about: _, text: told, place } in all.iter().take(MOST) {
        let command = match level {
            Level::Wrong => "error",
            Level::Escalation | Level::Kept | Level::Odd => "warning",
            Level::Removal => "notice",
        };
        let mut properties: Vec<String> = Vec::new();
        if let Some(Place { file, line, column }) = place {
            properties.push(format!("file={}", property(&within(folder, file))));
            properties.extend(line.map(|line| format!("line={line}")));
            properties.extend(column.map(|column| format!("col={column}")));
        }
        properties.push(format!("title={}", property(&format!("rollcall {kind}"))));
        text.push_str(&format!("::{command} {}::{}\n", properties.join(","), data(&short(told))));
    }
    if let more @ 1.. = all.len().saturating_sub(MOST) {
        text.push_str(&format!(
            "::notice title=rollcall::{}\n",
            count(more, "more is not listed", "more are not listed")
        ));
    }
    text
}

/// What stands after the second pair of colons of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a workflow command.
fn property(text: &str) -> String {
    data(&sanitise(text)).replace(':', "%3A").replace(',', "%2C")
}

fn within(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{}/{file}", folder.trim_end_matches('/')) }
}

fn short(text: &str) -> String {
    super::style::shortened(text, LONGEST).into_owned()
}

/// An entry of a Code Quality report.
#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// As a Code Quality report of GitLab, a JSON list. What has no line stands at the first one of `settings`: each entry
/// needs one.
#[must_use]
pub fn gitlab(all: &[Annotation], folder: &str, settings: &str) -> String {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let issues = all.iter().take(MOST).map(|annotation| {
        let Annotation { level, kind, about, text, place } = annotation;
        let file = place.as_ref().map_or(settings, |place| &place.file);
        let line = place.as_ref().and_then(|place| place.line).unwrap_or(1);
        // Not the line: what only moved is the same as before.
        let known_by = format!("{kind}\0{about}\0{file}");
        let again = seen.entry(known_by.clone()).or_default();
        *again += 1;
        let hash = Sha256::digest(format!("{known_by}\0{again}"));
        Issue {
            description: short(text),
            check_name: format!("rollcall/{kind}"),
            fingerprint: hash.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")),
            severity: match level {
                Level::Wrong => "blocker",
                Level::Escalation => "critical",
                Level::Kept | Level::Removal => "major",
                Level::Odd => "minor",
            },
            location: Location { path: within(folder, file), lines: Lines { begin: line } },
        }
    });
    let issues: Vec<Issue> = issues.collect();
    // Texts and numbers alone: that can always be written.
    serde_json::to_string_pretty(&issues).unwrap_or_else(|_| "[]".to_owned()) + "\n"
}
