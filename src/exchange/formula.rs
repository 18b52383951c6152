//! Cells that a spreadsheet would run as a formula, made harmless on the way out and as they were on the way in.
//!
//! Such a cell gets a `'` in front, which spreadsheets take for "this is text". The same is done within a cell after what
//! may part cells for a program of another language, which takes the rest for a cell of its own. Where a `'` stands
//! already before a formula there will be two, so that taking one away always gives back what was there.

use std::borrow::Cow;

/// What may part cells, or end one.
const PARTS: [char; 5] = [',', ';', '\t', '\r', '\n'];

/// The text as it is written into a cell.
pub(super) fn neutral(text: &str) -> Cow<'_, str> {
    let marked = marked_within(text);
    if is_marked(&marked) { format!("'{marked}").into() } else { marked }
}

/// The text that was written into a cell by [`neutral`].
pub(super) fn restored(cell: &str) -> Cow<'_, str> {
    let text = cell.strip_prefix('\'').filter(|rest| is_marked(rest)).unwrap_or(cell);
    let is_whole = |segment: &str| segment.strip_prefix('\'').is_none_or(|rest| !is_marked(rest));
    if text.split(PARTS).skip(1).all(is_whole) {
        return text.into();
    }
    each_within(text, |segment| segment.strip_prefix('\'').filter(|rest| is_marked(rest)).unwrap_or(segment).into())
}

fn marked_within(text: &str) -> Cow<'_, str> {
    if !text.split(PARTS).skip(1).any(is_marked) {
        return text.into();
    }
    each_within(text, |segment| if is_marked(segment) { format!("'{segment}").into() } else { segment.into() })
}

/// The text with each segment but the first changed.
fn each_within<'t>(text: &'t str, change: impl Fn(&'t str) -> Cow<'t, str>) -> Cow<'t, str> {
    let mut changed = String::with_capacity(text.len() + 4);
    for (index, segment) in text.split_inclusive(PARTS).enumerate() {
        let (bare, end) = segment.split_at(segment.trim_end_matches(PARTS).len());
        changed.push_str(&if index == 0 { bare.into() } else { change(bare) });
        changed.push_str(end);
    }
    changed.into()
}

/// Whether a text would be run, or looks as if it had been neutralised.
fn is_marked(text: &str) -> bool {
    is_formula(text.trim_start_matches('\''))
}

/// Whether a spreadsheet may run a text: it begins with a sign of a formula, also after blanks, in full width or in a
/// small form, or with a tab or a line break.
fn is_formula(text: &str) -> bool {
    for character in text.chars() {
        match character {
            '\t' | '\r' | '\n' => return true,
            '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−' => {
                return true;
            }
            blank if blank.is_whitespace() || crate::source::is_hidden(blank) => {}
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{neutral, restored};

    #[test]
    fn formulas_are_neutralised_and_ordinary_texts_are_not() {
        for text in [
            "=1+1",
            "+33 6",
            "-1",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "  =1",
            "\u{A0}=1",
            "\u{FEFF}=1",
            "＝1",
            "＋1",
            "－1",
            "＠a",
            "'=1",
            "''=1",
            "\n",
        ] {
            assert_eq!(neutral(text), format!("'{text}"), "{text:?}");
        }
        assert_eq!(neutral("\t=1"), "'\t'=1");
        assert_eq!(neutral("a;=1,b"), "a;'=1,b");
        assert_eq!(neutral("a, -1;'@b"), "a,' -1;''@b");
        for text in ["", "Ana", "ana@example.com", "O'Hara", "'t Hooft", "a=b", "1-2", " Ana", "'"] {
            assert_eq!(neutral(text), text, "{text:?}");
            assert_eq!(restored(text), text, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_neutralised_is_restored(text in any::<String>(), tricky in "[ '\t\n;,=+@＝a-]{0,8}") {
            for text in [text, tricky] {
                let cell = neutral(&text);
                prop_assert_eq!(restored(&cell), text.as_str());
            }
        }
    }
}
