//! From a due mail to the bytes of a message.
//!
//! Names, keys and organizations come from a store that anybody may have written. Each is made one harmless line before
//! it stands anywhere: no line break, so no header of its own; no control that a terminal would obey; no invisible
//! character that would show another address than is there. The address is checked as an address, its domain goes out
//! in ASCII.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lettre::Message;
use lettre::address::{Address, Envelope};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::reset_words::{self, ResetWords};
use super::words::{self, Words};
use crate::secret::hex;
use crate::settings::{Links, Mail, MailLanguage};
use crate::source::is_hidden;
use crate::store::sqlite::{DueMail, MailReason};

/// What stands in a link as it is (RFC 3986, section 2.3).
const IN_LINK: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest text of a store that goes into a mail, in characters.
const LONGEST: usize = 200;

/// Bytes of a token: nobody guesses one of 2^256.
const TOKEN_BYTES: usize = 32;

/// A message, ready to be handed over.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Who sends it, and who gets it.
    pub envelope: Envelope,
    /// The whole message.
    pub bytes: Vec<u8>,
}

/// A mail that can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotComposed(String);

/// What all mails of a run have in common.
#[derive(Debug)]
pub struct Composer<'a> {
    mail: &'a Mail,
    from: Mailbox,
    contact: Option<Mailbox>,
    time_zone: &'a TimeZone,
    can_decline: bool,
}

impl<'a> Composer<'a> {
    /// A composer for these settings; `can_decline`: whether the rules let people decline.
    pub fn new(mail: &'a Mail, time_zone: &'a TimeZone, can_decline: bool) -> Result<Self, NotComposed> {
        let parse = |key: &str, address: &str| {
            let parsed = address.parse::<Mailbox>();
            parsed.map_err(|_| NotComposed(format!("`mail.{key}` is no e-mail address: `{}`", address.escape_debug())))
        };
        let from = parse("from", &mail.from)?;
        let contact = mail.contact.as_ref().map(|contact| parse("contact", contact)).transpose()?;
        Ok(Self { mail, from, contact, time_zone, can_decline })
    }

    /// Whether this mail carries a token. Only one about an invitation does.
    #[must_use]
    pub fn needs_token(&self, due: &DueMail) -> bool {
        let links = &self.mail.links;
        match due.reason {
            MailReason::Reset(_) => false,
            MailReason::Invitation(_) => {
                [&links.accept, &links.decline].into_iter().flatten().any(|link| link.contains("{token}"))
            }
        }
    }

    /// The domain that sends.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// The message about an invitation, or the reset of a password. It bears the time of its reason, which is the same at
    /// every attempt; where the store has none, that of this one (`at`).
    ///
    /// # Errors
    /// If the person has no address that a mail can go to.
    pub fn compose(&self, due: &DueMail, token: Option<&str>, at: Timestamp) -> Result<Letter, NotComposed> {
        let to = address(due.address.as_deref())?;
        let language = words::language(due.language.as_deref(), self.mail.language);
        let name = due.name.as_deref().map(plain).filter(|name| !name.is_empty());
        let (subject, body) = self.text(due, token, language, name.as_deref());
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.clone()])
            .map_err(|error| NotComposed(error.to_string()))?;
        let builder = match &self.contact {
            Some(contact) => Message::builder().reply_to(contact.clone()),
            None => Message::builder(),
        };
        let message = builder
            .envelope(envelope.clone())
            .from(self.from.clone())
            .to(Mailbox::new(name, to))
            .subject(subject)
            .date(SystemTime::from(due.sent.unwrap_or(at)))
            .message_id(Some(self.message_id(due)))
            .header(AutoSubmitted)
            .header(header::MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|error| NotComposed(error.to_string()))?;
        Ok(Letter { envelope, bytes: message.formatted() })
    }

    /// The subject and the body.
    fn text(&self, due: &DueMail, token: Option<&str>, language: MailLanguage, name: Option<&str>) -> (String, String) {
        let organizations: Vec<String> = due.organizations.iter().map(|name| plain(name)).collect();
        let ends = due.ends.map(|ends| self.moment(ends));
        let fill = |link: &Option<String>| {
            let key = || utf8_percent_encode(&due.key, IN_LINK).to_string();
            link.as_ref().map(|link| link.replace("{token}", token.unwrap_or_default()).replace("{key}", &key()))
        };
        let Links { accept, decline, terms, password } = &self.mail.links;
        let (accept, decline, terms, password) = (fill(accept), fill(decline), fill(terms), fill(password));
        let contact = self.contact.as_ref().map(|contact| contact.email.to_string());
        // One organization is a better word than none for what somebody is invited to, or has an account of.
        let only = organizations.first().filter(|_| organizations.len() == 1);
        let service = self.mail.service.as_ref().or(only).map(String::as_str);
        let key = plain(&due.key);
        match due.reason {
            MailReason::Invitation(_) => {
                let words = Words {
                    name,
                    key: &key,
                    typed_key: Some(due.key.as_str()).filter(|key| is_shown_whole(key)),
                    service,
                    organizations: &organizations,
                    ends: ends.as_deref(),
                    accept: accept.as_deref(),
                    decline: decline.as_deref(),
                    can_decline: self.can_decline,
                    terms: terms.as_deref(),
                    contact: contact.as_deref(),
                };
                (words::subject(language, service), words::body(language, &words))
            }
            MailReason::Reset(_) => {
                let words =
                    ResetWords { name, key: &key, service, choose: password.as_deref(), contact: contact.as_deref() };
                (reset_words::subject(language, service), reset_words::body(language, &words))
            }
        }
    }

    /// The same for every attempt at one mail, and another one for every other mail of every store.
    fn message_id(&self, due: &DueMail) -> String {
        let domain = idna::domain_to_ascii(self.domain()).unwrap_or_else(|_| "localhost".to_owned());
        format!("<{}@{domain}>", name(due))
    }

    fn moment(&self, time: Timestamp) -> String {
        let zone = self.time_zone.iana_name().unwrap_or("UTC");
        format!("{} ({zone})", time.to_zoned(self.time_zone.clone()).strftime("%Y-%m-%d %H:%M"))
    }
}

/// What a mail is called, by its reason and its store alone: nothing that somebody could have chosen.
pub(super) fn name(due: &DueMail) -> String {
    let store: String = due.store.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    match due.reason {
        MailReason::Invitation(number) => format!("invitation-{number}-{store}"),
        MailReason::Reset(number) => format!("reset-{number}-{store}"),
    }
}

/// A token that nobody guesses.
pub(super) fn token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// A text of a store as one harmless line.
fn plain(text: &str) -> String {
    let shown = |character: char| if is_harmful(character) { ' ' } else { character };
    let text: String = text.chars().take(LONGEST).map(shown).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A character that is no part of a line of text, or that nobody sees.
fn is_harmful(character: char) -> bool {
    character.is_control() || is_hidden(character)
}

/// Whether a text of a store is one harmless line as it is, so that it can stand where every character counts.
fn is_shown_whole(text: &str) -> bool {
    !text.chars().any(is_harmful)
}

/// The address that a mail goes to.
fn address(address: Option<&str>) -> Result<Address, NotComposed> {
    let text = address.ok_or_else(|| NotComposed("the user has no e-mail address".to_owned()))?;
    let refused = || NotComposed(format!("`{}` is no e-mail address", text.escape_debug()));
    let (local, domain) = text.rsplit_once('@').ok_or_else(refused)?;
    if text.chars().any(|character| character.is_whitespace() || is_harmful(character)) {
        return Err(refused());
    }
    let domain = idna::domain_to_ascii(domain).map_err(|_| refused())?;
    Address::new(local, domain).map_err(|_| refused())
}

/// No program answers it: neither with an absence note nor with a receipt (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
