//! What a manifest can say: the texts and names that the reader would take.

use unicode_normalization::is_nfc;
use unicode_security::{MixedScript, RestrictionLevel, RestrictionLevelDetection};

/// The longest name of an organization, a site or a role, in bytes.
const LONGEST_NAME: usize = 255;

/// Why a text can't stand in a manifest: line breaks would be lost on review, hidden characters are errors.
pub(super) fn refuse_text(text: &str) -> Option<&'static str> {
    if text.chars().any(char::is_control) {
        return Some("has a control character or a line break");
    }
    text.chars().any(is_invisible).then_some("has an invisible character")
}

/// Why a text can't be the name of an organization or a role; a site must not have a `/` as well.
pub(super) fn refuse_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("is empty");
    }
    if name.len() > LONGEST_NAME {
        return Some("is longer than 255 bytes");
    }
    if name.trim() != name {
        return Some("begins or ends with a space");
    }
    if name.contains('*') {
        return Some("has a `*`");
    }
    if ["all", "unmanaged"].contains(&name) {
        return Some("is a word of the language");
    }
    refuse_key(name)
}

/// Why a text that is a valid key by the rules can't stand as one in a manifest.
pub(super) fn refuse_key(key: &str) -> Option<&'static str> {
    if !is_nfc(key) {
        return Some("is not in Unicode normalization form C");
    }
    if is_mixed_script(key) {
        return Some("mixes letters of several scripts that look alike");
    }
    refuse_text(key)
}

/// Whether a word has letters of scripts that are not written together (UTS 39, highly restrictive).
fn is_mixed_script(text: &str) -> bool {
    !text.is_ascii()
        && text.split(|character: char| !character.is_alphanumeric()).any(|word| {
            !word.is_ascii()
                && !word.is_single_script()
                && word.detect_restriction_level() > RestrictionLevel::HighlyRestrictive
        })
}

/// Default ignorable characters, bidirectional controls, separators that look like nothing, and what YAML can't hold.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
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
            | '\u{FFFE}'..='\u{FFFF}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}
