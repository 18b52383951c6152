//! Colour, width, and making foreign text harmless.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};
use unicode_width::UnicodeWidthStr;

use super::markdown::mark;
use crate::model::Names;
use crate::source::is_hidden;

/// How to write for one reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent wishes of a reader")]
pub struct Style {
    /// Whether to use colours; everything is readable without.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether to leave nothing out (`-v`).
    pub verbose: bool,
    /// Whether names are written in full, however long: two that are cut in their middle would look the same.
    pub in_full: bool,
    /// Whether names are marked, for a report that has to tell them from the words around them.
    pub marks_names: bool,
}

impl Default for Style {
    /// Without colour, 120 columns wide, long lists shortened.
    fn default() -> Self {
        Self { colour: false, width: 120, verbose: false, in_full: false, marks_names: false }
    }
}

/// What a piece of text is; colours follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Heading,
    Removal,
    Escalation,
    Change,
    Addition,
    Faint,
    Alarm,
}

impl Style {
    /// The same, and names in full where two of these would look the same otherwise.
    #[must_use]
    pub fn telling_apart(self, names: &Names) -> Self {
        self.telling_apart_texts(names.iter().map(|(_, text)| text))
    }

    /// [`telling_apart`](Self::telling_apart), of these texts.
    #[must_use]
    pub fn telling_apart_texts<'a>(self, texts: impl Iterator<Item = &'a str>) -> Self {
        let mut cut = BTreeSet::new();
        let is_cut = |text: &&str| text.len() > LONGEST || text.chars().any(is_harmful);
        let mut long = texts.filter(is_cut);
        let is_ambiguous = !self.verbose && long.any(|text| !cut.insert(name(text).into_owned()));
        Self { in_full: self.in_full || is_ambiguous, ..self }
    }

    /// A text for this reader, safe to print, where something else parts it from the words around it; cut in its middle
    /// where it is longer than any sane name and nothing else was asked for.
    #[must_use]
    pub fn short(self, text: &str) -> Cow<'_, str> {
        self.marked(if self.verbose || self.in_full { sanitise(text) } else { short(text) })
    }

    /// [`name`] for this reader.
    pub(super) fn name(self, text: &str) -> Cow<'_, str> {
        self.marked(if self.verbose || self.in_full { quoted(text, sanitise) } else { name(text) })
    }

    /// [`path`] for this reader.
    pub(super) fn path(self, text: &str) -> Cow<'_, str> {
        self.marked(if self.verbose || self.in_full { path_of(text, sanitise) } else { path(text) })
    }

    /// A safe text, marked where names are.
    fn marked(self, safe: Cow<'_, str>) -> Cow<'_, str> {
        if self.marks_names { mark(&safe) } else { safe }
    }

    /// The text in the colour of its tone.
    pub(super) fn paint(self, tone: Tone, text: &str) -> Cow<'_, str> {
        let plain = Ansi::new();
        let ansi = match tone {
            Tone::Plain => plain,
            Tone::Heading => plain.bold(),
            Tone::Removal => AnsiColor::Red.on_default(),
            Tone::Escalation => AnsiColor::Yellow.on_default().bold(),
            Tone::Change => AnsiColor::Cyan.on_default(),
            Tone::Addition => AnsiColor::Green.on_default(),
            Tone::Faint => plain.dimmed(),
            Tone::Alarm => AnsiColor::Red.on_default().bold(),
        };
        if self.colour && tone != Tone::Plain && !text.is_empty() {
            Cow::Owned(format!("{ansi}{text}{ansi:#}"))
        } else {
            Cow::Borrowed(text)
        }
    }
}

/// The text with everything written out that could act on a terminal or mislead the eye: control characters,
/// characters without a width, and those that turn the direction of writing become `\u{202e}` and the like.
#[must_use]
pub fn sanitise(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        push_safe(&mut safe, character);
    }
    Cow::Owned(safe)
}

/// Appends one character as [`sanitise`] writes it.
pub(super) fn push_safe(safe: &mut String, character: char) {
    match character {
        '\n' => safe.push_str("\\n"),
        '\r' => safe.push_str("\\r"),
        '\t' => safe.push_str("\\t"),
        harmful if is_harmful(harmful) => {
            // Writing to a `String` can't fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(harmful));
        }
        harmless => safe.push(harmless),
    }
}

/// What nobody sees, and what would break a line in two or move what follows.
fn is_harmful(character: char) -> bool {
    is_hidden(character) || matches!(character, '\t' | '\n' | '\r')
}

/// Columns that a sanitised text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// A name or value, safe to print, and cut in its middle where it is longer than any sane name: the ends stay
/// comparable. What is no plain word stands in quotes, so that no name reads like words of the text around it.
pub(super) fn name(text: &str) -> Cow<'_, str> {
    quoted(text, short)
}

/// In quotes unless it is a plain word; `shown` makes a text safe to print.
fn quoted(text: &str, shown: fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    if is_plain(text) {
        return shown(text);
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    Cow::Owned(format!("\"{}\"", shown(&quoted)))
}

/// Whether a text is one word, begins and ends like one, and has nothing inside that parts or joins words.
fn is_plain(text: &str) -> bool {
    let is_edge = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    is_edge(text.chars().next())
        && is_edge(text.chars().next_back())
        && !text.chars().any(|character| {
            character.is_whitespace() || is_harmful(character) || ",;\"'`\\()[]{}<>→…".contains(character)
        })
}

/// Like [`name`], of the path of a file: it may begin with dots or slashes.
pub(super) fn path(text: &str) -> Cow<'_, str> {
    path_of(text, short)
}

fn path_of(text: &str, shown: fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    if is_plain(text.trim_start_matches(['.', '/'])) { shown(text) } else { quoted(text, shown) }
}

/// Names and values with more columns or characters are cut in their middle.
const LONGEST: usize = 100;

/// A text, safe to print and cut in its middle, where something else parts it from the words around it.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    shortened(text, LONGEST)
}

/// A text, safe to print and cut in its middle where it has more columns or characters than this.
#[must_use]
pub fn shortened(text: &str, longest: usize) -> Cow<'_, str> {
    let kept = longest.saturating_sub(10) / 2;
    // Combining marks can pile up in one column, so characters are limited as well as columns.
    let safe = sanitise(text);
    let length = safe.chars().count();
    if length <= longest && width(&safe) <= longest {
        return safe;
    }
    let head: String = safe.chars().take(kept).collect();
    let tail: String = safe.chars().skip(length.saturating_sub(kept).max(kept)).collect();
    Cow::Owned(format!("{head}…{tail}"))
}

/// A number with thousands separated: `1,506`.
pub(super) fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 site`, `1,200 sites`.
#[must_use]
pub fn count(of: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(of), if of == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn enumeration(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Style, Tone, enumeration, name, number, path, sanitise, width};

    #[test]
    fn harmful_characters_are_written_out() {
        for (text, safe) in [
            ("ana@example.com", "ana@example.com"),
            ("zoé 北 🔑", "zoé 北 🔑"),
            ("\u{202e}moc.elpmaxe", "\\u{202e}moc.elpmaxe"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{e0041}", "\\u{e0041}"),
            ("a\u{2800}b", "a\\u{2800}b"),
        ] {
            assert_eq!(sanitise(text), safe);
        }
    }

    #[test]
    fn long_names_keep_both_ends() {
        let long = format!("{}@example.com", "x".repeat(5_000));
        let short = name(&long);
        assert!(short.starts_with("xxx") && short.ends_with("xxx@example.com") && short.contains('…'));
        assert!(width(&short) <= 100);
        let marks = format!("a{}", "\u{301}".repeat(500));
        assert!(name(&marks).chars().count() <= 100, "marks without a width can't pile up");
    }

    #[test]
    fn what_is_no_plain_word_is_quoted() {
        for plain in ["ana@example.com", "north-quarries", "pit.1", "a/b", "zoé", "北京市の採石場", "7", "a_b+c~d*e:f"]
        {
            assert_eq!(name(plain), plain);
        }
        for (text, quoted) in [
            ("acme, and nothing else changes", "\"acme, and nothing else changes\""),
            ("North Quarries", "\"North Quarries\""),
            ("@everyone", "\"@everyone\""),
            ("Inc.", "\"Inc.\""),
            ("O'Neil", "\"O'Neil\""),
            ("say \"no\"", "\"say \\\"no\\\"\""),
            ("a\\b", "\"a\\\\b\""),
            ("a\nb", "\"a\\nb\""),
            ("a\u{a0}b", "\"a\u{a0}b\""),
            ("(none)", "\"(none)\""),
            ("1→2", "\"1→2\""),
            ("", "\"\""),
        ] {
            assert_eq!(name(text), quoted);
        }
        assert_eq!(path("../access/a.yaml"), "../access/a.yaml");
        assert_eq!(path("my access/a.yaml"), "\"my access/a.yaml\"");
    }

    #[test]
    fn colour_is_only_there_when_asked_for() {
        assert_eq!(Style::default().paint(Tone::Removal, "gone"), "gone");
        let coloured = Style { colour: true, ..Style::default() };
        assert_eq!(coloured.paint(Tone::Removal, "gone"), "\u{1b}[31mgone\u{1b}[0m");
        assert_eq!(coloured.paint(Tone::Plain, "there"), "there");
    }

    #[test]
    fn numbers_and_lists_read_well() {
        let texts = [0, 999, 1_000, 1_234_567].map(number);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
        let items = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(enumeration(&items), "a, b and c");
        assert_eq!(enumeration(&items[..2]), "a and b");
    }
}
