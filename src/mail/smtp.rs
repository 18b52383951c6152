//! One connection to a mail server, and what came of each mail.
//!
//! The steps of RFC 5321 are taken one by one, since it matters at which of them something goes wrong: what is refused
//! before the recipient is named says nothing about the person, and what is lost after the last byte may have arrived.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{Error, response::Code};

use super::compose::Letter;
use crate::secret::{self, Links, open_file};
use crate::settings::{Smtp, SmtpTls};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A server says so when it ends the connection (RFC 5321, section 3.8).
const CLOSING: &str = "421";

/// Why a mail did not go out.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server refuses this mail for good.
    Refused(String),
    /// The server does not take this mail now.
    Later(String),
    /// The connection ended before the mail was handed over.
    Broken(String),
    /// The connection ended when the mail was handed over and the answer had not come: it may have arrived.
    Unsure(String),
    /// The server takes no mail from us.
    Server(String),
}

/// Where a server is, and how it is spoken to.
pub(super) struct Server<'a> {
    smtp: &'a Smtp,
    hello: ClientId,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
}

impl<'a> Server<'a> {
    /// Finds the password and the certificates that settings name, relative to `repository`; nothing is connected.
    pub(super) fn new(smtp: &'a Smtp, domain: &str, repository: &Path) -> Result<Self, String> {
        let tls = match smtp.tls.unwrap_or_default() {
            SmtpTls::None => None,
            SmtpTls::Implicit | SmtpTls::StartTls => Some(tls_parameters(smtp, repository)?),
        };
        let credentials = match (&smtp.user, &smtp.password) {
            (Some(user), Some(password)) => {
                let password = secret::resolve(password, repository)
                    .map_err(|error| format!("the password for the mail server is not there: {error}"))?;
                Some(Credentials::new(user.clone(), password.expose().to_owned()))
            }
            (_, _) => None,
        };
        let domain = idna::domain_to_ascii(domain).unwrap_or_else(|_| "localhost".to_owned());
        Ok(Self { smtp, hello: ClientId::Domain(domain), tls, credentials })
    }

    /// Connects, encrypts and logs in.
    pub(super) fn connect(&self) -> Result<Session, String> {
        let Smtp { host, port, tls, timeout, .. } = self.smtp;
        let tls = tls.unwrap_or_default();
        let port = port.unwrap_or(match tls {
            SmtpTls::Implicit => 465,
            SmtpTls::StartTls => 587,
            SmtpTls::None => 25,
        });
        let timeout = timeout.and_then(|timeout| u64::try_from(timeout.seconds()).ok()).map(Duration::from_secs);
        let timeout = Some(timeout.unwrap_or(DEFAULT_TIMEOUT));
        let doing = |what: &str| {
            let what = format!("the mail server {host}, port {port}, {what}");
            move |error: Error| format!("{what}: {}", told(&error))
        };
        let at_once = self.tls.as_ref().filter(|_| tls == SmtpTls::Implicit);
        let mut connection = SmtpConnection::connect((host.as_str(), port), timeout, &self.hello, at_once, None)
            .map_err(doing("can't be reached"))?;
        if let Some(parameters) = self.tls.as_ref().filter(|_| tls == SmtpTls::StartTls) {
            connection.starttls(parameters, &self.hello).map_err(doing("does not encrypt the connection"))?;
        }
        if let Some(credentials) = &self.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, credentials).map_err(doing("does not let us log in"))?;
        }
        Ok(Session { connection })
    }
}

fn tls_parameters(smtp: &Smtp, repository: &Path) -> Result<TlsParameters, String> {
    let mut builder: TlsParametersBuilder = TlsParameters::builder(smtp.host.clone());
    if let Some(ca) = &smtp.ca {
        let why = |why: String| format!("the certificates in `{}` can't be used: {why}", ca.escape_debug());
        let mut pem = Vec::new();
        open_file(&repository.join(ca), OpenOptions::new().read(true), Links::Followed)
            .and_then(|mut file| file.read_to_end(&mut pem))
            .map_err(|error| why(error.to_string()))?;
        // One block at a time: a file may hold several.
        let text = String::from_utf8_lossy(&pem);
        let blocks = text.split_inclusive("-----END CERTIFICATE-----").filter(|block| block.contains("-----BEGIN "));
        builder = builder.certificate_store(CertificateStore::None);
        let mut count = 0;
        for block in blocks {
            let certificate = Certificate::from_pem(block.as_bytes()).map_err(|error| why(told(&error)))?;
            builder = builder.add_root_certificate(certificate);
            count += 1;
        }
        if count == 0 {
            return Err(why("it holds none".to_owned()));
        }
    }
    builder.build().map_err(|error| format!("no encrypted connection can be made: {}", told(&error)))
}

/// A connection on which mails go out.
pub(super) struct Session {
    connection: SmtpConnection,
}

impl Session {
    /// Hands over one mail. After a trouble other than `Refused` and `Later` the connection is of no use any more.
    pub(super) fn send(&mut self, letter: &Letter) -> Result<(), Trouble> {
        let Letter { envelope, bytes } = letter;
        let supports = |feature| self.connection.server_info().supports_feature(feature);
        let mut parameters = Vec::new();
        if envelope.to().iter().chain(envelope.from()).any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !supports(Extension::SmtpUtfEight) {
                let why = "the server takes no addresses beyond ASCII (SMTPUTF8)";
                return Err(Trouble::Refused(why.to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !bytes.is_ascii() {
            if !supports(Extension::EightBitMime) {
                return Err(Trouble::Refused("the server takes no text beyond ASCII (8BITMIME)".to_owned()));
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let connection = &mut self.connection;
        connection.command(Mail::new(envelope.from().cloned(), parameters)).map_err(|error| match status(&error) {
            Some(code) if code != CLOSING => {
                Trouble::Server(format!("the mail server takes no mail from the sender: {}", told(&error)))
            }
            Some(_) | None => broken(&error),
        })?;
        for to in envelope.to() {
            if let Err(error) = connection.command(Rcpt::new(to.clone(), Vec::new())) {
                return Err(self.after(&error));
            }
        }
        if let Err(error) = self.connection.command(Data) {
            return Err(self.after(&error));
        }
        match self.connection.message(bytes) {
            Ok(_) => Ok(()),
            Err(error) if status(&error).is_none() => Err(Trouble::Unsure(told(&error))),
            Err(error) => Err(self.after(&error)),
        }
    }

    /// What an answer about one mail means; the connection is made ready for the next one.
    fn after(&mut self, error: &Error) -> Trouble {
        let code = status(error);
        if code.is_none() || code.as_deref() == Some(CLOSING) {
            return broken(error);
        }
        let (is_permanent, told) = (error.is_permanent(), told(error));
        if self.connection.command(Rset).is_err() {
            // Whoever sends the next mail finds the connection broken, and makes another one.
            self.connection.abort();
        }
        if is_permanent { Trouble::Refused(told) } else { Trouble::Later(told) }
    }

    /// Says good-bye.
    pub(super) fn end(mut self) {
        // Whatever the server says to that, it has all mails.
        let _ = self.connection.quit();
    }
}

fn broken(error: &Error) -> Trouble {
    Trouble::Broken(told(error))
}

/// The code of an answer, if there was one.
fn status(error: &Error) -> Option<String> {
    error.status().map(|code: Code| code.to_string())
}

/// An error with its causes.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
