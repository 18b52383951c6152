//! One line of source around a place: cut if it is long, and written out where it is harmful.

use std::borrow::Cow;
use std::ops::Range;

use super::style::{push_safe, width};
use crate::diagnostic::Span;

/// The line on which a place begins, or as much of it as may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt<'a> {
    /// The line, without its end.
    pub line: Cow<'a, str>,
    /// Bytes from the beginning of the line to the place.
    pub start: usize,
}

impl<'a> Excerpt<'a> {
    /// Of a line of `text`, a whole file, what is at most `around` bytes before and after the beginning of a span;
    /// `None` if no character of the line begins there.
    #[must_use]
    pub fn of(text: &'a str, line: Range<usize>, span: Span, around: usize) -> Option<Self> {
        let place = span.start.offset as usize;
        if !text.is_char_boundary(place) || place < line.start || line.end > text.len() {
            return None;
        }
        let place = place.min(line.end);
        let from = floor_boundary(text, place.saturating_sub(around)).max(line.start);
        let to = floor_boundary(text, place.saturating_add(around).min(line.end));
        Some(Self { line: Cow::Borrowed(text.get(from..to)?), start: place - from })
    }
}

/// The line as it is printed, and the range of the place in it. Beside the place at most so many columns are kept.
pub(super) fn shown(excerpt: &Excerpt<'_>, length: usize) -> (String, Range<usize>) {
    const BEFORE: usize = 50;
    const AFTER: usize = 60;
    const WITHIN: usize = 80;
    let line: &str = &excerpt.line;
    let start = floor_boundary(line, excerpt.start);
    let end = floor_boundary(line, start.saturating_add(length)).max(start);
    let before = safe_source(&line[..start]);
    let place = safe_source(&line[start..end]);
    let after = safe_source(&line[end..]);
    let mut text = if width(&before) > BEFORE + 20 { format!("…{}", tail(&before, BEFORE)) } else { before };
    let from = text.len();
    if width(&place) > WITHIN {
        text.push_str(head(&place, WITHIN));
        let to = text.len();
        text.push('…');
        return (text, from..to);
    }
    text.push_str(&place);
    let to = text.len();
    if width(&after) > AFTER + 20 {
        text.push_str(head(&after, AFTER));
        text.push('…');
    } else {
        text.push_str(after.trim_end());
    }
    (text, from..to)
}

fn safe_source(source: &str) -> String {
    let mut safe = String::with_capacity(source.len());
    for character in source.chars() {
        match character {
            '\t' => safe.push_str("    "),
            other => push_safe(&mut safe, other),
        }
    }
    safe
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The first characters of the text, no more than so many of them.
fn head(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(at, _)| &text[..at])
}

/// The last characters of the text, no more than so many of them.
fn tail(text: &str, characters: usize) -> &str {
    text.char_indices().rev().nth(characters.saturating_sub(1)).map_or(text, |(at, _)| &text[at..])
}
