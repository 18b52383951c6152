//! How mails go out.

use std::path::PathBuf;

use super::raw::{MailLanguage, Smtp};

/// How mails about invitations and resets of passwords go out.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// The address that they come from, with or without a name.
    pub from: String,
    /// The address to write to with questions: the one that they come from, unless another one is named; `None`: nothing
    /// is said about mail.
    pub contact: Option<String>,
    /// The name of what people are invited to.
    pub service: Option<String>,
    /// The language of mails to people whose language is not known.
    pub language: MailLanguage,
    /// The attribute that says the language of a user (`attributes.NAME`); `None`: the field `language`.
    pub language_attribute: Option<String>,
    /// Where a person accepts, declines, reads the terms, and chooses another password.
    pub links: Links,
    /// The folder or the server that takes them.
    pub transport: MailTransport,
}

/// Addresses of web pages; `{token}` and `{key}` in them are filled in for each mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Where an invitation is accepted.
    pub accept: Option<String>,
    /// Where it is declined.
    pub decline: Option<String>,
    /// Where the terms can be read.
    pub terms: Option<String>,
    /// Where another password is chosen in place of one that was reset.
    pub password: Option<String>,
}

/// What takes mails.
#[derive(Debug, Clone, PartialEq)]
pub enum MailTransport {
    /// A folder, relative to the access repository unless absolute.
    Outbox(PathBuf),
    /// A server.
    Smtp(Smtp),
}

/// The folder that takes mails where nothing else is named.
pub(super) const OUTBOX: &str = ".rollcall/outbox";

/// What holds where the settings say nothing about mail: files in a folder, from nobody's address.
impl Default for Mail {
    fn default() -> Self {
        Self {
            from: "rollcall@localhost".to_owned(),
            contact: None,
            service: None,
            language: MailLanguage::default(),
            language_attribute: None,
            links: Links::default(),
            transport: MailTransport::Outbox(PathBuf::from(OUTBOX)),
        }
    }
}
