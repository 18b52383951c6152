//! What looks like a secret, and texts without it: people write one by mistake where a name is wanted, and no message
//! may carry it on.
//!
//! Three things are recognised wherever they stand: a password within an address, a token by the shape that its maker
//! gave it, and a private key. A value after a word that names a secret (`password=…`) counts too. Words of the language
//! are none of these, so a name is never taken for a secret by its length alone.

use std::borrow::Cow;
use std::ops::Range;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// No secret is shorter, with what makes it known.
const SHORTEST: usize = 8;

/// A shape that the maker of a token documents: how it begins, and how many more characters it has at least.
const TOKENS: &[(&str, usize)] = &[
    // GitHub: "Behind GitHub's new authentication token formats".
    ("ghp_", 10),
    ("gho_", 10),
    ("ghu_", 10),
    ("ghs_", 10),
    ("ghr_", 10),
    ("github_pat_", 10),
    // GitLab: "Token overview".
    ("glpat-", 10),
    ("gldt-", 10),
    ("glrt-", 10),
    ("glcbt-", 10),
    // Slack: "Token types".
    ("xoxa-", 8),
    ("xoxb-", 8),
    ("xoxe-", 8),
    ("xoxe.", 8),
    ("xoxo-", 8),
    ("xoxp-", 8),
    ("xoxr-", 8),
    ("xoxs-", 8),
    ("xapp-", 8),
    // Stripe: "API keys".
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("rk_live_", 8),
    ("rk_test_", 8),
    ("whsec_", 16),
    // Others, each by the page on its tokens or keys.
    ("sk-ant-", 10),
    ("sk-proj-", 10),
    ("AIza", 30),
    ("npm_", 30),
    ("pypi-AgE", 16),
    ("dop_v1_", 16),
    ("shpat_", 16),
    ("hvs.", 20),
    ("SG.", 40),
    ("ya29.", 20),
    ("AGE-SECRET-KEY-1", 16),
];

/// Access keys of AWS: a prefix, and sixteen capital letters and digits.
const AWS: [&str; 2] = ["AKIA", "ASIA"];

/// What stands before an address and its colon, and is nobody's name.
const SCHEMES: [&str; 6] = ["mailto", "smtp", "acct", "xmpp", "sip", "sips"];

const PEM_BEGIN: &str = "-----BEGIN";
const PEM_END: &str = "-----END";

/// Words in a line or a key that name a secret, with nothing between their parts.
const WORDS: &[&str] = &[
    "token",
    "passw",
    "pasw",
    "passphrase",
    "motdepasse",
    "contrasena",
    "kennwort",
    "pwd",
    "secret",
    "credential",
    "apikey",
    "sshkey",
    "accesskey",
    "privatekey",
    "bearer",
];

/// Words that name a secret only where they are all of a key, or a part between blanks, `_` and `-`.
const WHOLE_WORDS: &[&str] = &["pass", "pin", "otp", "totp", "psk", "pw"];

/// Words after which a value follows without any sign: in names only, since sentences have them too.
const BEFORE_A_VALUE: &[&str] =
    &["password", "passwort", "passwd", "passphrase", "pwd", "kennwort", "mot de passe", "token", "secret", "api key"];

/// Whether a key names something whose value is a secret.
#[must_use]
pub fn names_a_secret_key(key: &str) -> bool {
    let lower = key.to_lowercase();
    let is_part = |word: &str| WHOLE_WORDS.contains(&word);
    has_word(&lower) || lower.split(|character: char| !character.is_alphanumeric()).any(is_part)
}

/// Whether a line seems to hold a secret, so that it must not be shown: by a word that names one, or by a user within an
/// address.
#[must_use]
pub fn names_a_secret(line: &str) -> bool {
    let lower = line.to_lowercase();
    let has_login = || {
        lower.split("://").skip(1).any(|rest| rest.split(['/', ' ', '"']).next().is_some_and(|host| host.contains('@')))
    };
    has_word(&lower) || has_login() || find_secret(line).is_some()
}

fn has_word(lower: &str) -> bool {
    if WORDS.iter().any(|word| lower.contains(word)) {
        return true;
    }
    // `api-key`, `ssh_key`, `mot de passe`, `pass word`.
    lower.contains(['_', '-', ' ', '.']) && {
        let joined: String = lower.chars().filter(|character| !matches!(character, '_' | '-' | ' ' | '.')).collect();
        ["apikey", "sshkey", "accesskey", "privatekey", "motdepasse"].iter().any(|word| joined.contains(word))
            || ["pass word", "pass-word", "pass_word", "pass.word"].iter().any(|word| lower.contains(word))
    }
}

/// Where the first secret stands in a text, if there is one: it alone, without the address or the word before it.
#[must_use]
pub fn find_secret(text: &str) -> Option<Range<usize>> {
    if text.len() < SHORTEST {
        return None;
    }
    let bytes = text.as_bytes();
    let mut is_inside = false;
    for (at, &byte) in bytes.iter().enumerate() {
        let found = match byte {
            b':' => password_of_address(text, at).or_else(|| password_before_at(text, at)),
            b'=' => value_of_word(text, at),
            b'-' if !is_inside => private_key(text, at),
            b'g' | b'x' | b's' | b'r' | b'A' | b'n' | b'p' | b'd' | b'h' | b'S' | b'y' | b'w' | b'e' if !is_inside => {
                token(text, at)
            }
            b'B' | b'b' if !is_inside => bearer(text, at),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        is_inside = byte.is_ascii_alphanumeric();
    }
    None
}

/// The text with a mask in place of each secret.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(secret) = find_secret(rest).or_else(|| named_value(rest)) {
        masked.push_str(&rest[..secret.start]);
        masked.push_str(MASK);
        rest = &rest[secret.end..];
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// Whether the end of a text lies within a private key, which may have many lines.
#[must_use]
pub fn ends_in_a_private_key(text: &str) -> bool {
    let begin = text.rfind(PEM_BEGIN);
    begin.is_some_and(|begin| private_key(text, begin).is_some() && !text[begin..].contains(PEM_END))
}

/// What follows up to a blank or a sign that ends a quotation.
fn word_at(text: &str, start: usize) -> &str {
    let rest = &text[start..];
    let is_end = |character: char| character.is_whitespace() || matches!(character, '`' | '"' | '\'' | '<' | '>');
    rest.split(is_end).next().unwrap_or_default()
}

/// `USER:PASSWORD` in `SCHEME://USER:PASSWORD@HOST`, the colon of whose scheme stands at `colon`.
fn password_of_address(text: &str, colon: usize) -> Option<Range<usize>> {
    // A path that was taken for an address loses one of its slashes.
    let sign = ["://", ":/"].into_iter().find(|sign| text[colon..].starts_with(sign))?;
    let start = colon + sign.len();
    let rest = word_at(text, start);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A password may hold what would end the host; then what follows its colon is no number of a port.
    let has_password = |(_, after): (&str, &str)| !after.is_empty() && !after.bytes().all(|byte| byte.is_ascii_digit());
    let end = if host.contains('@') || host.split_once(':').is_some_and(has_password) {
        rest.rfind('@')?
    } else {
        return None;
    };
    let login = &rest[..end];
    let is_secret = match login.split_once(':') {
        Some((_, password)) => !password.is_empty() && !stands_for_a_value(password),
        // A token often takes the place of the user.
        None => login.len() >= 16 && login.bytes().any(|byte| byte.is_ascii_digit()),
    };
    is_secret.then_some(start..start + end)
}

/// `PASSWORD` in `USER:PASSWORD@HOST.TLD` without a scheme, where an address was meant: its colon stands at `colon`.
fn password_before_at(text: &str, colon: usize) -> Option<Range<usize>> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    let user = text[..colon].bytes().rev().take_while(|&byte| is_part(byte)).count();
    let before = text[..colon - user].bytes().next_back();
    let word = word_at(text, colon + 1);
    let (password, host) = word.rsplit_once('@')?;
    let host = host.trim_end_matches(|last: char| !last.is_ascii_alphanumeric());
    let is_host =
        host.contains('.') && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    // What stands before the user is the beginning, a blank or a quotation mark: else this is part of something else.
    let begins =
        before.is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'`' | b'"' | b'\'' | b'<' | b'('));
    let is_password = !password.is_empty() && !password.starts_with('/') && !stands_for_a_value(password);
    let is_scheme = SCHEMES.contains(&text[colon - user..colon].to_ascii_lowercase().as_str());
    (user > 0 && !is_scheme && begins && is_host && is_password).then_some(colon + 1..colon + 1 + password.len())
}

/// The value in `password=VALUE`, whose sign stands at `sign`.
fn value_of_word(text: &str, sign: usize) -> Option<Range<usize>> {
    let before = &text[..sign];
    let is_word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let word = &before[before.trim_end_matches(is_word).len()..];
    if !names_a_secret_key(word) {
        return None;
    }
    let value = word_at(text, sign + 1).split(['&', ';', ',']).next().unwrap_or_default();
    (!value.is_empty() && !stands_for_a_value(value)).then_some(sign + 1..sign + 1 + value.len())
}

/// The value in `` `password VALUE` ``: a name that was to be a key and its value.
fn named_value(text: &str) -> Option<Range<usize>> {
    text.match_indices('`').find_map(|(quote, _)| {
        let start = quote + 1;
        let name = text[start..].split('`').next().unwrap_or_default();
        BEFORE_A_VALUE.iter().find_map(|word| {
            let head = name.get(..word.len())?;
            let value = name.get(word.len()..)?;
            let trimmed = value.trim_start_matches([' ', ':', '=', '\t']);
            let is_value = trimmed.len() < value.len() && !trimmed.is_empty() && !stands_for_a_value(trimmed);
            let value_start = start + name.len() - trimmed.len();
            (head.eq_ignore_ascii_case(word) && is_value).then(|| value_start..value_start + trimmed.trim_end().len())
        })
    })
}

/// Whether this is written in place of a value that is filled in elsewhere, or hidden already.
fn stands_for_a_value(value: &str) -> bool {
    value.starts_with(['$', '{', '<', '*', '%', '…'])
}

fn token(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let length = rest.bytes().take_while(|byte| is_part(byte)).count();
    let whole = &rest[..length];
    let has_shape = |&(begin, more): &(&str, usize)| whole.len() >= begin.len() + more && whole.starts_with(begin);
    let is_token = TOKENS.iter().any(has_shape) || is_aws(whole) || is_jwt(whole) || is_plain_key(whole);
    is_token.then_some(at..at + length)
}

/// The token in `Bearer TOKEN` (RFC 6750), if it is long and has a digit: words follow the same word in names.
fn bearer(text: &str, at: usize) -> Option<Range<usize>> {
    const SCHEME: &str = "bearer ";
    const LEAST: usize = 16;
    let head = text.get(at..at + SCHEME.len()).filter(|head| head.eq_ignore_ascii_case(SCHEME))?;
    let start = at + head.len();
    let is_part =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    let length = text[start..].bytes().take_while(is_part).count();
    let value = &text[start..start + length];
    let is_token = length >= LEAST && value.bytes().any(|byte| byte.is_ascii_digit());
    is_token.then_some(start..start + length)
}

fn is_aws(word: &str) -> bool {
    let is_capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    AWS.iter()
        .any(|begin| word.strip_prefix(begin).is_some_and(|rest| rest.len() == 16 && rest.bytes().all(is_capital)))
}

/// A JSON Web Token (RFC 7519): two or three parts in base64, of which the first is a JSON object.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    word.starts_with("eyJ") && [parts.next(), parts.next()].iter().all(|part| part.is_some_and(|part| part.len() >= 10))
}

/// `sk-` and a long run of letters and digits of all kinds.
fn is_plain_key(word: &str) -> bool {
    word.strip_prefix("sk-").is_some_and(|rest| {
        rest.len() >= 20
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && rest.bytes().any(|byte| byte.is_ascii_digit())
            && rest.bytes().any(|byte| byte.is_ascii_uppercase())
    })
}

/// A private key in the form of RFC 7468, to its end or that of the text. Certificates and public keys are no secrets.
fn private_key(text: &str, at: usize) -> Option<Range<usize>> {
    let label = text.get(at..)?.strip_prefix(PEM_BEGIN)?;
    if [" CERTIFICATE", " PUBLIC KEY", " RSA PUBLIC KEY", " PGP PUBLIC KEY"]
        .iter()
        .any(|known| label.starts_with(known))
    {
        return None;
    }
    let after = at + PEM_BEGIN.len();
    let end = match text[after..].find(PEM_END) {
        Some(end) => {
            let tail = after + end + PEM_END.len();
            text[tail..].find("-----").map_or(text.len(), |more| tail + more + "-----".len())
        }
        None => text[after..].find('`').map_or(text.len(), |quote| after + quote),
    };
    Some(at..end)
}

#[cfg(test)]
mod tests {
    use super::{ends_in_a_private_key, find_secret, mask, names_a_secret, names_a_secret_key};

    #[test]
    fn secrets_are_masked() {
        for (text, masked) in [
            ("`postgres://u:hunter2@host/db` is no path", "`postgres://***@host/db` is no path"),
            ("`https:/u:hunter2@host/x` can't be read", "`https:/***@host/x` can't be read"),
            ("the key `kim:hunter2@example.com` is", "the key `kim:***@example.com` is"),
            ("Access <me:hunter2@example.com>", "Access <me:***@example.com>"),
            ("https://u:a/b@c@host/x", "https://***@host/x"),
            ("https://u:p/hunter2@host", "https://***@host"),
            ("role `ghp_abcdefghijklmnop0123` and more", "role `***` and more"),
            ("https://ghp_abcdefghijklmnop0123@host", "https://***@host"),
            ("token=hunter2&x=1", "token=***&x=1"),
            ("`password=hunter2`", "`password=***`"),
            ("`Bearer 0123456789abcdef0123`", "`Bearer ***`"),
            ("`Authorization: bearer aGVsbG8gd29ybGQ1+/==`", "`Authorization: bearer ***`"),
            ("user `password hunter2` is", "user `password ***` is"),
            ("user `Password: hunter2 x` is", "user `Password: ***` is"),
            ("a -----BEGIN RSA PRIVATE KEY-----\\nMIIE` b", "a ***` b"),
            ("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\nrest", "***\nrest"),
            ("AKIAIOSFODNN7EXAMPLE", "***"),
            ("xoxb-1234567890-abc, xoxp-1234567890-abc", "***, ***"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "***"),
        ] {
            assert_eq!(mask(text), masked, "{text}");
            assert_eq!(mask(masked), masked, "nothing is left of it: {masked}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "ana@example.com",
            "https://example.com/a@b",
            "https://example.com:8080/a@b",
            "ssh://git@example.com/repo",
            "https://u:$PASSWORD@example.com",
            "write to me:ana@localhost",
            "mailto:ana@example.com",
            "mailto: ana@example.com",
            "ana@example.com: is it you@example.com?",
            "a user has no `password`",
            "a secret never stands in a manifest",
            "write `password: { env: NAME }`",
            "sk-north-quarry-with-a-long-name-2026",
            "ghp_short",
            "-----BEGIN CERTIFICATE-----\nMII",
            "removals=sha256:0123456789abcdef",
            "bearer of-the-north-quarry-certificate",
            "north-quarries/pit-1",
            "Łukasz 😀 = 名前: علي",
        ] {
            assert_eq!(find_secret(text), None, "{text}");
            assert_eq!(mask(text), text);
        }
    }

    #[test]
    fn keys_and_lines_that_name_secrets_are_suspected() {
        for key in ["pass", "api-key", "ssh_key", "mot_de_passe", "pin", "otp", "pass word", "dbPassword", "TOKEN"] {
            assert!(names_a_secret_key(key), "{key}");
        }
        for key in ["opinion", "passenger", "monkey", "key", "spin", "adopted", "ana@example.com"] {
            assert!(!names_a_secret_key(key), "{key}");
        }
        for line in ["password: x", "  apiKey: x", "url: https://me:x@example.com/", "SMTP_PASSWD: x", "pasword: x"] {
            assert!(names_a_secret(line), "{line}");
        }
        for line in ["  ana@example.com: { access: {} }", "url: https://example.com/a@b", "# a comment"] {
            assert!(!names_a_secret(line), "{line}");
        }
        assert!(ends_in_a_private_key("self: |\n  -----BEGIN PRIVATE KEY-----\n  MII\n  abc"));
        assert!(!ends_in_a_private_key("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\nusers:"));
    }
}
