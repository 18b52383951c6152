//! Lines of a plan: mark, who, what, note, place, in columns as wide as their text.

use super::style::{Style, Tone, width};

/// What a line is above all. The order is the order of reading: what takes away first, what adds last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    Removal,
    Escalation,
    Change,
    Addition,
}

impl Mark {
    /// Whether a reader has to see it, however long the plan.
    pub(super) const fn is_risky(self) -> bool {
        match self {
            Self::Removal | Self::Escalation => true,
            Self::Change | Self::Addition => false,
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Removal => "-",
            Self::Escalation => "!",
            Self::Change => "~",
            Self::Addition => "+",
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::Removal => Tone::Removal,
            Self::Escalation => Tone::Escalation,
            Self::Change => Tone::Change,
            Self::Addition => Tone::Addition,
        }
    }
}

/// One line; every text is safe to print.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) mark: Mark,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) note: String,
    pub(super) place: String,
}

/// Lines under a heading, and the sum of those left out.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
    /// What was left out, in words; empty where nothing was.
    pub(super) rest: String,
}

struct Columns {
    who: usize,
    what: usize,
    note: usize,
}

/// Texts wider than these are not aligned: one long line should not push all others apart.
const WIDEST: Columns = Columns { who: 36, what: 60, note: 28 };

/// Columns taken by the mark and what stands around it; each text but the first stands two columns after the one
/// before.
const MARK: usize = 4;
const GAP: usize = 2;

/// Writes the sections, one below the other, all aligned alike.
pub(super) fn write(text: &mut String, sections: &[Section], style: Style) {
    let lines = || sections.iter().flat_map(|section| &section.lines);
    let widest = |part: fn(&Line) -> &str, limit: usize| {
        lines().map(|line| width(part(line))).filter(|&width| width <= limit).max().unwrap_or(0)
    };
    let (who, note) = (widest(|line| &line.who, WIDEST.who), widest(|line| &line.note, WIDEST.note));
    let columns = Columns { who, what: best_what(lines(), who, style), note };
    for section in sections {
        text.push_str(&style.paint(Tone::Heading, &section.title));
        text.push('\n');
        for line in &section.lines {
            write_line(text, line, &columns, style);
        }
        if !section.rest.is_empty() {
            text.push_str("    ");
            text.push_str(&section.rest);
            text.push('\n');
        }
    }
}

/// The width of the column of what happens under which most lines need no second one; the smallest such.
fn best_what<'a>(lines: impl Iterator<Item = &'a Line>, who: usize, style: Style) -> usize {
    // A line fits from the width of its text on, up to the width that leaves room for its tail.
    let mut change = [0_i64; WIDEST.what + 2];
    for line in lines.filter(|line| tail(line) > 0) {
        let first = width(&line.what);
        let head = MARK + who.max(width(&line.who)) + GAP;
        let last = style.width.saturating_sub(head + GAP + tail(line)).min(WIDEST.what);
        if first <= last {
            change[first] += 1;
            change[last + 1] -= 1;
        }
    }
    let (mut best, mut most, mut fitting) = (0, 0, 0);
    for (width, change) in change.iter().take(WIDEST.what + 1).enumerate() {
        fitting += change;
        if fitting > most {
            (best, most) = (width, fitting);
        }
    }
    best
}

/// Columns that note and place take.
fn tail(line: &Line) -> usize {
    let (note, place) = (width(&line.note), width(&line.place));
    note + place + if note > 0 && place > 0 { GAP } else { 0 }
}

fn write_line(text: &mut String, line: &Line, columns: &Columns, style: Style) {
    let Line { mark, who, what, note, place } = line;
    text.push_str("  ");
    text.push_str(&style.paint(mark.tone(), mark.sign()));
    text.push(' ');
    text.push_str(&style.paint(mark.tone(), who));
    pad(text, who, columns.who);
    text.push_str("  ");
    text.push_str(what);
    if tail(line) == 0 {
        text.push('\n');
        return;
    }
    let head = MARK + columns.who.max(width(who)) + GAP + columns.what + GAP;
    let stays = width(what) <= columns.what && head + tail(line) <= style.width;
    let start = if stays {
        pad(text, what, columns.what);
        head
    } else {
        // Below what it belongs to.
        text.push('\n');
        text.push_str(&" ".repeat(MARK + columns.who));
        MARK + columns.who + GAP
    };
    text.push_str("  ");
    text.push_str(&style.paint(note_tone(*mark), note));
    if !place.is_empty() {
        let is_aligned = stays && start + columns.note.max(width(note)) + GAP + width(place) <= style.width;
        if is_aligned && columns.note > 0 {
            pad(text, note, columns.note);
            text.push_str("  ");
        } else if !note.is_empty() {
            text.push_str("  ");
        }
        text.push_str(&style.paint(Tone::Faint, place));
    }
    text.push('\n');
}

const fn note_tone(mark: Mark) -> Tone {
    match mark {
        Mark::Escalation => Tone::Escalation,
        Mark::Removal | Mark::Change | Mark::Addition => Tone::Plain,
    }
}

/// Fills up to a column after `written`, the last text pushed.
fn pad(text: &mut String, written: &str, column: usize) {
    text.push_str(&" ".repeat(column.saturating_sub(width(written))));
}
