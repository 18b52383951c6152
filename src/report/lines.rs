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
const WIDEST: Widest = Widest { who: 36, what: 60, note: 28, place: 40 };

struct Widest {
    who: usize,
    what: usize,
    note: usize,
    place: usize,
}

/// Columns taken by the mark and the gaps between texts.
const GAPS: usize = 10;

/// Writes the sections, one below the other, all aligned alike.
pub(super) fn write(text: &mut String, sections: &[Section], style: Style) {
    let widest = |part: fn(&Line) -> &str, limit: usize| {
        let widths = sections.iter().flat_map(|section| &section.lines).map(|line| width(part(line)));
        widths.filter(|&width| width <= limit).max().unwrap_or(0)
    };
    let (who, note) = (widest(|line| &line.who, WIDEST.who), widest(|line| &line.note, WIDEST.note));
    let place = widest(|line| &line.place, WIDEST.place);
    let left = style.width.saturating_sub(GAPS + who + note + place);
    let what = widest(|line| &line.what, WIDEST.what.min(left));
    let columns = Columns { who, what, note };
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

fn write_line(text: &mut String, line: &Line, columns: &Columns, style: Style) {
    let Line { mark, who, what, note, place } = line;
    text.push_str("  ");
    text.push_str(&style.paint(mark.tone(), mark.sign()));
    text.push(' ');
    text.push_str(&style.paint(mark.tone(), who));
    pad(text, who, columns.who);
    text.push_str("  ");
    text.push_str(what);
    if note.is_empty() && place.is_empty() {
        text.push('\n');
        return;
    }
    let tone = note_tone(*mark);
    let head = columns.who.max(width(who)) + columns.what.max(width(what));
    let notes = if place.is_empty() { width(note) } else { columns.note.max(width(note)) };
    if GAPS + head + notes + width(place) <= style.width {
        pad(text, what, columns.what);
        text.push_str("  ");
        text.push_str(&style.paint(tone, note));
        if !place.is_empty() {
            pad(text, note, columns.note);
            text.push_str("  ");
            text.push_str(&style.paint(Tone::Faint, place));
        }
    } else {
        text.push('\n');
        text.push_str(&" ".repeat(6 + columns.who));
        text.push_str(&style.paint(tone, note));
        if !place.is_empty() {
            text.push_str(if note.is_empty() { "" } else { "  " });
            text.push_str(&style.paint(Tone::Faint, place));
        }
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
