//! What an address may be where people write it (`language.md` §2): stricter than what has a compared form.
//!
//! A live account may have a key that only a slip can have made; it is found and compared like any other (`identity`),
//! and no manifest can name it. Deliberately absent: what a mail server would take.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Why something is refused: a clause that follows it, and a way out.
type Refusal = (&'static str, &'static str);

/// Quotes that are no quotes to YAML; what a word processor makes of straight ones.
const QUOTES: &[char] = &[
    '\u{201C}', '\u{201D}', '\u{201E}', '\u{201F}', '\u{2018}', '\u{2019}', '\u{201A}', '\u{201B}', '\u{AB}', '\u{BB}',
    '\u{2039}', '\u{203A}', '\u{FF02}', '\u{FF07}',
];

/// Punctuation that may stand among the letters of a domain (RFC 5892, appendix A).
const WITHIN_DOMAINS: &[char] = &['\u{B7}', '\u{375}', '\u{5F3}', '\u{5F4}', '\u{30FB}'];

/// Why a text is no key of any kind: it stands in quotes that YAML does not know, or in the place of one.
#[must_use]
pub fn refuse_wrapped(key: &str) -> Option<Refusal> {
    if key.starts_with(QUOTES) || key.ends_with(QUOTES) {
        return Some(("has typographic quotes, which are no quotes in YAML", "write straight quotes, or none"));
    }
    let holds = |open: &str, close: &str| key.split_once(open).is_some_and(|(_, rest)| rest.contains(close));
    (holds("${", "}") || holds("{{", "}}"))
        .then_some(("has a placeholder that was not replaced", "replace it before the manifests are read"))
}

/// Why nobody who knows what it is would write this address.
pub(super) fn refuse_address(address: &str) -> Option<Refusal> {
    let (local, domain) = address.rsplit_once('@')?;
    if address.contains(QUOTES) {
        return Some(("has typographic quotes, which are no quotes in YAML", "write straight quotes, or none"));
    }
    if let Some(found) = local.chars().find(|&character| !character.is_ascii() && !is_letter(character)) {
        return Some(if is_form_of_ascii(found) {
            ("is no e-mail address: a character before the `@` is another form of a plain one", "type it anew")
        } else {
            ("is no e-mail address: a character before the `@` is no letter and no digit", "take it out")
        });
    }
    refuse_domain(domain).map(|why| (why, "write a domain of letters, digits and `-`, such as example.com"))
}

fn refuse_domain(domain: &str) -> Option<&'static str> {
    let decoded = decoded(domain);
    let fits = |character: char| match character {
        '-' | '.' => true,
        ascii if ascii.is_ascii() => ascii.is_ascii_alphanumeric(),
        other => is_letter(other) || WITHIN_DOMAINS.contains(&other),
    };
    if !domain.chars().all(fits) || !decoded.chars().all(fits) {
        return Some("is no e-mail address: its domain has a character that no domain has");
    }
    let is_reserved = |label: &str| {
        label.as_bytes().get(2..4) == Some(b"--") && !label.get(..2).is_some_and(|xn| xn.eq_ignore_ascii_case("xn"))
    };
    if domain.split('.').any(is_reserved) {
        return Some("is no e-mail address: a part of its domain has `--` as its third and fourth character");
    }
    let last = domain.rsplit('.').next().unwrap_or_default();
    let is_hexadecimal = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").or_else(|| last.strip_prefix("0X")).is_some_and(is_hexadecimal);
    is_number.then_some("is no e-mail address: its domain ends in a number")
}

/// A letter or a digit of some script, or a mark on one; not another form of a plain one.
fn is_letter(character: char) -> bool {
    (character.is_alphanumeric() || is_combining_mark(character)) && !is_form_of_ascii(character)
}

/// Whether a character is another form of plain ones: full width, raised, a ligature.
fn is_form_of_ascii(character: char) -> bool {
    !character.is_ascii() && std::iter::once(character).nfkc().all(|plain| plain.is_ascii())
}

/// An address as people see it who read its domain in its own script: `xn--…` is written out. Any other text is as it
/// was.
#[must_use]
pub fn readable(text: &str) -> Cow<'_, str> {
    let Some((local, domain)) = text.rsplit_once('@') else { return Cow::Borrowed(text) };
    match decoded(domain) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(domain) => Cow::Owned(format!("{local}@{domain}")),
    }
}

fn decoded(domain: &str) -> Cow<'_, str> {
    let is_coded = |label: &str| label.get(..4).is_some_and(|xn| xn.eq_ignore_ascii_case("xn--"));
    if domain.split('.').any(is_coded) { Cow::Owned(idna::domain_to_unicode(domain).0) } else { Cow::Borrowed(domain) }
}

#[cfg(test)]
mod tests {
    use super::{readable, refuse_address, refuse_wrapped};

    #[test]
    fn addresses_that_only_a_slip_can_have_made() {
        for address in [
            "a@127.0.0.1",
            "a@256.1.1.1",
            "a@0x7f.1",
            "a@x.0x7f",
            "a@x.123",
            "a@1.2",
            "a@ab--cd.com",
            "a@exa\u{201C}mple.com",
            "a@exa\u{2013}mple.com",
            "a@\u{20AC}.com",
            "a@\u{2603}.com",
            "a@xn--n3h.com",
            "a@x\u{2122}.com",
            "a@x\u{D7}y.com",
            "a@x\u{2044}y.com",
            "a@example\u{FF0E}com",
            "a@example\u{3002}com",
            "a@ex\u{FF41}mple.com",
            "a\u{FF20}b@example.com",
            "\u{FF42}ob@example.com",
            "a\u{1F642}@example.com",
            "o\u{2019}brien@example.com",
        ] {
            assert!(refuse_address(address).is_some(), "{address}");
        }
        for address in [
            "ana@example.com",
            "o'brien+x@example.com",
            "root@localhost",
            "a@123.example",
            "a@b\u{FC}cher.example",
            "a@xn--bcher-kva.example",
            "\u{438}\u{432}\u{430}\u{43D}@\u{43F}\u{440}\u{438}\u{43C}\u{435}\u{440}.\u{440}\u{444}",
            "\u{E2A}\u{E33}@example.com",
            "a@l\u{B7}l.example",
        ] {
            assert_eq!(refuse_address(address), None, "{address}");
        }
    }

    #[test]
    fn what_stands_in_the_place_of_a_key() {
        for key in ["\u{201C}z@x.com\u{201D}", "ana\u{BB}", "${USER}@example.com", "{{ user }}"] {
            assert!(refuse_wrapped(key).is_some(), "{key}");
        }
        for key in ["z@x.com", "a$b", "{a}", "o\u{2019}brien"] {
            assert_eq!(refuse_wrapped(key), None, "{key}");
        }
    }

    #[test]
    fn coded_domains_are_written_out() {
        assert_eq!(readable("a@xn--pple-43d.com"), "a@\u{430}pple.com");
        assert_eq!(readable("xn--pple-43d.com"), "xn--pple-43d.com");
    }
}
