//! Numbers and truth values are written in one way: plain decimal digits, `true` and `false`.
//!
//! The reader takes more for them (`"5"`, `0x5`, `+5`, `TRUE`), as no manifest does. Each of these is made a text before
//! a document is read, so that it is a mistake where a number or a truth value is wanted, and none where a text is.

use std::borrow::Cow;

use serde_yaml::Options;

use super::tree::{Node, Shape};

/// What is written in a changed place.
const MARK: u8 = b'?';

/// The text, in which nothing passes for a number or a truth value that is not written as one; all else stays where it
/// is. With the bytes that were changed.
pub(super) fn strict(text: &str, options: Options) -> (Cow<'_, str>, Vec<usize>) {
    let Ok(root) = serde_yaml::from_str_with_options::<Node>(text, options) else {
        return (Cow::Borrowed(text), Vec::new());
    };
    let mut odd = Vec::new();
    find_odd(&root, text, &mut odd);
    if odd.is_empty() {
        return (Cow::Borrowed(text), odd);
    }
    let mut bytes = text.as_bytes().to_vec();
    for &at in &odd {
        // One letter is enough for a text, and what is left of the value can still be recognised in a message.
        if let Some(byte) = bytes.get_mut(at) {
            *byte = MARK;
        }
    }
    match String::from_utf8(bytes) {
        Ok(changed) => (Cow::Owned(changed), odd),
        Err(_) => (Cow::Borrowed(text), Vec::new()),
    }
}

/// What is left of the changed text, with what was written where it was changed.
pub(super) fn restored(rest: &str, text: &str, changed: &[usize]) -> String {
    let mut bytes = rest.as_bytes().to_vec();
    for &at in changed {
        // What was left out since stays so.
        if let (Some(byte), Some(&written)) = (bytes.get_mut(at), text.as_bytes().get(at))
            && *byte == MARK
        {
            *byte = written;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| rest.to_owned())
}

/// Where such values end, each in its last character.
fn find_odd(node: &Node, text: &str, odd: &mut Vec<usize>) {
    match &node.shape {
        Shape::Null => {}
        Shape::Scalar => {
            let start = node.place.offset as usize;
            let written = text.get(start..start.saturating_add(node.place.length as usize)).unwrap_or_default();
            let (inner, quote) = match written.strip_prefix(['"', '\'']) {
                Some(rest) => (rest.strip_suffix(['"', '\'']).unwrap_or(rest), 1),
                None => (written, 0),
            };
            let is_plain = quote == 0 && is_as_wanted(inner);
            if !is_plain && passes(inner) {
                odd.push(start + quote + inner.len() - 1);
            }
        }
        Shape::List(nodes) => nodes.iter().for_each(|node| find_odd(node, text, odd)),
        Shape::Map(entries) => entries.iter().for_each(|(_, _, node)| find_odd(node, text, odd)),
    }
}

/// Whether a value is written as numbers and truth values are.
fn is_as_wanted(written: &str) -> bool {
    matches!(written, "true" | "false") || written.parse::<i64>().is_ok_and(|number| number.to_string() == written)
}

/// Whether somebody may have meant a number or a truth value.
fn passes(written: &str) -> bool {
    let unsigned = written.trim_start_matches(['+', '-']);
    let digits = ["0x", "0X", "0o", "0b"].iter().find_map(|base| unsigned.strip_prefix(base));
    let is_number = match digits {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_'),
        None => {
            unsigned.starts_with(|first: char| first.is_ascii_digit())
                && unsigned.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.'))
        }
    };
    is_number || ["true", "false"].iter().any(|word| written.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use serde_yaml::DuplicateKeyPolicy;

    fn changed(text: &str) -> String {
        let (changed, odd) = super::strict(text, super::super::limits(text, DuplicateKeyPolicy::Error));
        assert_eq!(super::restored(&changed, text, &odd), text);
        changed.into_owned()
    }

    #[test]
    fn only_what_passes_for_a_number_or_a_truth_value_is_made_a_text() {
        for text in [
            "a: 5",
            "a: -5",
            "a: 30d",
            "a: 2026-01-01",
            "a: true",
            "a: [0, false]",
            "a: yes",
            "a: 'x'",
            "a: s.db",
            "a: ~",
            "a: ''",
            "5: a",
        ] {
            assert_eq!(changed(text), text);
        }
        for (text, wanted) in [
            ("a: \"5\"", "a: \"?\""),
            ("a: { b: 0x5, c: 1 }", "a: { b: 0x?, c: 1 }"),
            ("a: +5", "a: +?"),
            ("a: -0", "a: -?"),
            ("a: 012", "a: 01?"),
            ("a: TRUE", "a: TRU?"),
            ("- 'false'", "- 'fals?'"),
            ("é: 1_0", "é: 1_?"),
        ] {
            assert_eq!(changed(text), wanted);
        }
    }
}
