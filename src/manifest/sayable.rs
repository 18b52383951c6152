//! What a manifest can say: the texts and names that the reader of this room would take.

use unicode_normalization::is_nfc;

use super::names::{Named, mixed_script, refuse_name};
use crate::source::is_hidden;

/// Why a text can't stand in a manifest: line breaks would be lost on review, hidden characters are errors.
pub(super) fn refuse_text(text: &str) -> Option<&'static str> {
    if text.chars().any(char::is_control) {
        return Some("has a control character or a line break");
    }
    // Two that YAML can't hold are no characters at all.
    text.chars()
        .any(|character| is_hidden(character) || matches!(character, '\u{FFFE}' | '\u{FFFF}'))
        .then_some("has an invisible character")
}

/// Why a text can't be the name of something that is declared.
pub(super) fn refuse_declared(named: Named, name: &str) -> Option<&'static str> {
    refuse_name(named, name).map(|(why, _)| why).or_else(|| refuse_key(name))
}

/// Why a text that is a valid key by the rules can't stand as one in a manifest.
pub(super) fn refuse_key(key: &str) -> Option<&'static str> {
    if !is_nfc(key) {
        return Some("is not in Unicode normalization form C");
    }
    if mixed_script(key).is_some() {
        return Some("mixes letters of several scripts that look alike");
    }
    refuse_text(key)
}
