//! Forms of texts: addresses, telephone numbers, language tags, time zones, days.

use jiff::tz::TimeZoneDatabase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::identity::is_email;

/// The form that a text has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldFormat {
    /// Any text.
    Text,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A language tag.
    Language,
    /// A time zone of the IANA database.
    Timezone,
    /// A route of an API, `VERB /path`: a method of HTTP, one blank, and a path without blanks.
    Route,
}

impl FieldFormat {
    /// What a text that has not this form is not: "is no e-mail address".
    #[must_use]
    pub fn refuses(self, text: &str) -> Option<&'static str> {
        let (fits, why) = match self {
            Self::Text => (true, ""),
            Self::Email => (is_email(text), "is no e-mail address"),
            Self::Phone => (is_phone(text), "is no telephone number"),
            Self::Language => (is_language(text), "is no language tag, such as `fr` or `pt-BR`"),
            Self::Timezone => {
                let is_known = TimeZoneDatabase::bundled().get(text).is_ok();
                (is_known, "is no time zone of the IANA database, such as `Europe/Paris`")
            }
            Self::Route => (is_route(text), "is no route: `VERB /path`, such as `GET /clients/$`"),
        };
        (!fits).then_some(why)
    }
}

/// Whether a text is a day of the calendar, as `2027-01-31`.
#[must_use]
pub fn is_day(text: &str) -> bool {
    let has_form = text.len() == "2027-01-31".len()
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    has_form && text.parse::<jiff::civil::Date>().is_ok()
}

/// The methods of RFC 9110, and `PATCH` of RFC 5789.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

fn is_route(text: &str) -> bool {
    let parts = text.split_once(' ');
    parts.is_some_and(|(verb, path)| {
        METHODS.contains(&verb) && path.starts_with('/') && !path.contains(char::is_whitespace)
    })
}

/// Digits with what people write between them, an extension among it.
fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let allowed = |c: char| c.is_ascii_digit() || " +-()./,;#*=x\u{a0}\u{2011}".contains(c);
    let plain = text.replace("ext", "x");
    (2..=30).contains(&digits) && plain.chars().all(allowed)
}

/// The shape of a tag (RFC 5646), with `-` or, as many systems have it, `_` between its parts.
fn is_language(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    let is_language = (2..=8).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_language
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}
