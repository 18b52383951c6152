//! Characters that nobody sees: controls, invisible and bidirectional ones, and those that have no look of their own.
//! They make two names look like one, or a line read other than it is (Unicode TR 36, CVE-2021-42574), so they are
//! errors everywhere.

use unicode_script::{Script, UnicodeScript as _};

/// Whether a character is a control (other than tab and line breaks), invisible, changes the direction of text, or has
/// no look that everybody sees alike.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' | ' '..='~' => false,
        // The default ignorable code points of Unicode, its format and bidirectional controls, line separators,
        // blanks that look like nothing, and what stands in the place of something else.
        '\u{AD}'
        | '\u{34F}'
        | '\u{600}'..='\u{605}'
        | '\u{61C}'
        | '\u{6DD}'
        | '\u{70F}'
        | '\u{890}'..='\u{891}'
        | '\u{8E2}'
        | '\u{115F}'..='\u{1160}'
        | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFD}'
        | '\u{110BD}'
        | '\u{110CD}'
        | '\u{13430}'..='\u{13455}'
        | '\u{16FE4}'
        | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D159}'
        | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}' => true,
        other => other.is_control() || has_no_look(other),
    }
}

/// Whether a character is private, not assigned, or none at all: what it looks like depends on the machine.
fn has_no_look(character: char) -> bool {
    character.script() == Script::Unknown
}

/// What is wrong about a hidden character, as a clause that follows it, and a way out.
#[must_use]
pub(super) fn why_hidden(character: char) -> (&'static str, &'static str) {
    match character {
        '\u{FFFC}' | '\u{FFFD}' => ("stands where something was lost", "type the text anew"),
        other if !other.is_control() && has_no_look(other) => {
            ("does not look alike on every machine", "remove it, or write what it is meant to be")
        }
        _ => ("can't be seen", "remove it; type the text anew if it was copied"),
    }
}

/// The first hidden character of a text, with its offset in bytes.
#[must_use]
pub fn find_hidden(text: &str) -> Option<(usize, char)> {
    text.char_indices().find(|&(_, character)| is_hidden(character))
}

#[cfg(test)]
mod tests {
    use super::find_hidden;

    #[test]
    fn hidden_characters_are_found_and_letters_are_not() {
        for text in ["a\u{200B}b", "\u{202E}nimda", "a\u{7}", "\u{85}", "x\u{E0041}", "\u{FEFF}ana", "\u{7f}"] {
            assert!(find_hidden(text).is_some(), "{text:?}");
        }
        for text in [
            "\u{FFFD}",
            "\u{FFFC}",
            "\u{1D159}",
            "\u{16FE4}",
            "\u{E000}",
            "\u{10FFFD}",
            "\u{378}",
            "\u{600}",
            "\u{13430}",
        ] {
            assert!(find_hidden(text).is_some(), "{text:?}");
        }
        for text in ["Zoë", "José\tY", "名前", "Ana Roy\r\n", "Łukasz 😀", "علي", "№ 5 € ™", "𠮷野家", "٣"]
        {
            assert_eq!(find_hidden(text), None, "{text:?}");
        }
    }
}
