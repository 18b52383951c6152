//! Rules for names (`language.md` §2): what a name may be, and which spellings could be taken for another.

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use unicode_security::{MixedScript, RestrictionLevel, RestrictionLevelDetection};

/// The longest name, in bytes.
const LONGEST: usize = 255;

/// A text as words are compared that people write in several ways: lower case, without accents.
#[must_use]
pub fn without_accents(text: &str) -> String {
    text.nfd().filter(|&character| !is_combining_mark(character)).flat_map(char::to_lowercase).collect()
}

/// What bears a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// An organization.
    Organization,
    /// A site of an organization.
    Site,
    /// A role.
    Role,
    /// A team.
    Team,
}

impl Named {
    /// The word used in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Site => "site",
            Self::Role => "role",
            Self::Team => "team",
        }
    }
}

/// Why a text can't be a name, if so: a clause that follows the name, and a way out.
#[must_use]
pub fn refuse_name(named: Named, name: &str) -> Option<(&'static str, &'static str)> {
    if name.is_empty() {
        return Some(("is empty", "give it 1 to 255 bytes"));
    }
    if name.len() > LONGEST {
        return Some(("is longer than 255 bytes", "shorten it"));
    }
    if name.chars().any(char::is_control) {
        return Some(("has a control character", "remove it"));
    }
    if name.chars().any(|character| character.is_whitespace() && character != ' ') {
        return Some(("has a blank that is no usual space", "type the space anew"));
    }
    if name.trim() != name {
        return Some(("begins or ends with a space", "remove the space"));
    }
    if name.contains('*') {
        return Some(("has a `*`, which stands for any run of characters in patterns", "leave the `*` out"));
    }
    if !is_nfc(name) {
        return Some(("is not in Unicode normalization form C", "type it anew, or normalize the file"));
    }
    match named {
        Named::Organization | Named::Site | Named::Role if name == "all" || name == "unmanaged" => {
            Some(("is a word of the language", "take another name"))
        }
        Named::Site if name.contains('/') => {
            Some(("has a `/`, which parts organization and site", "take another character"))
        }
        Named::Organization | Named::Site | Named::Role | Named::Team => None,
    }
}

/// A word of the text whose letters come from scripts that are not written together, such as Latin with a Cyrillic
/// `а`. Japanese, Korean and Chinese with Latin are written together (UTS 39, highly restrictive).
#[must_use]
pub fn mixed_script(text: &str) -> Option<&str> {
    if text.is_ascii() {
        return None;
    }
    text.split(|character: char| !character.is_alphanumeric()).find(|word| {
        !word.is_ascii()
            && !word.is_single_script()
            && word.detect_restriction_level() > RestrictionLevel::HighlyRestrictive
    })
}

/// A text as people look for it: lower case, without accents, words parted by one blank and by nothing else.
#[must_use]
pub fn folded(text: &str) -> String {
    let plain = without_accents(text).replace(|character: char| !character.is_alphanumeric(), " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Named, mixed_script, refuse_name};

    #[test]
    fn names() {
        for name in ["pit-1", "North Quarries", "Zürich", "a/b", "名前", "x'); DROP TABLE users;--", "@everyone"] {
            assert_eq!(refuse_name(Named::Organization, name), None, "{name}");
        }
        let long = "x".repeat(256);
        for name in ["", " a", "a ", "a*", "all", "unmanaged", "u\u{308}", "a\nb", long.as_str()] {
            assert!(refuse_name(Named::Organization, name).is_some(), "{name:?}");
        }
        assert!(refuse_name(Named::Site, "a/b").is_some());
        assert_eq!(refuse_name(Named::Team, "all"), None);
    }

    #[test]
    fn words_of_several_scripts() {
        for text in ["аdmin", "pаypal@example.com", "north-quаrries", "αdmin"] {
            assert!(mixed_script(text).is_some(), "{text}");
        }
        for text in ["admin", "Zoë", "иван@example.com", "завод-north", "サイトA", "名前abc", "한국A"]
        {
            assert_eq!(mixed_script(text), None, "{text}");
        }
    }
}
