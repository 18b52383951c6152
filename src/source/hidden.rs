//! Characters that nobody sees: controls, invisible and bidirectional ones. They make two names look like one, or a
//! line read other than it is (Unicode TR 36, CVE-2021-42574), so they are errors everywhere.

/// Whether a character is a control (other than tab and line breaks), invisible, or changes the direction of text.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' | ' '..='~' => false,
        // The default ignorable code points of Unicode, its format and bidirectional controls, line separators and
        // blanks that look like nothing.
        '\u{AD}'
        | '\u{34F}'
        | '\u{61C}'
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
        | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}' => true,
        other => other.is_control(),
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
        for text in ["Zoë", "José\tY", "名前", "Ana Roy\r\n", "Łukasz 😀", "علي"] {
            assert_eq!(find_hidden(text), None, "{text:?}");
        }
    }
}
