//! All mails that are due, one after the other, each noted in the store before and after.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::compose::{Composer, Letter, name, token};
use super::outbox::Outbox;
use super::smtp::{Server, Session, Trouble};
use crate::apply::{MailAbout, MailOutcome, MailWord, Stop};
use crate::settings::{Mail, MailTransport};
use crate::store::StoreError;
use crate::store::sqlite::{DueMail, MailReason, MailState, SqliteStore, token_hash};

/// After so many connections in a row that ended before their mail was taken, the server is left alone.
const GIVE_UP_AFTER: usize = 3;

/// So many files are written between two commits of the store, which wait for the disk.
const FILES_AT_ONCE: usize = 50;

/// What a delivery needs to know.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// How mails go out.
    pub mail: &'a Mail,
    /// The folder that paths of the settings are relative to.
    pub repository: &'a Path,
    /// In which times are told.
    pub time_zone: &'a TimeZone,
    /// Whether the rules let people decline.
    pub can_decline: bool,
    /// Tells the time.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Which mails are handed over.
    pub which: Which<'a>,
}

/// Which mails are handed over; others wait.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// All that are due.
    All,
    /// Those to the user with this key, as spelled in the store.
    To(&'a str),
    /// Those about resets of the passwords of these users.
    Resets(&'a [String]),
}

impl Which<'_> {
    fn has(self, mail: &DueMail) -> bool {
        match (self, mail.reason) {
            (Self::All, _) => true,
            (Self::To(key), _) => mail.key == key,
            (Self::Resets(users), MailReason::Reset(_)) => users.contains(&mail.key),
            (Self::Resets(_), MailReason::Invitation(_)) => false,
        }
    }
}

/// What came of one mail.
enum Fate {
    Sent,
    Refused(String),
    Unknown(String),
    Waiting(String),
}

/// Hands over what is due: one outcome for each mail. A request to stop ends it after the mail in hand.
///
/// # Errors
/// If the store can't say what is due; whatever goes wrong later is in the outcomes.
pub fn deliver(store: &mut SqliteStore, delivery: &Delivery<'_>, stop: &Stop) -> Result<Vec<MailOutcome>, StoreError> {
    let mut due = store.due_mails(delivery.mail.language_attribute.as_deref(), (delivery.clock)())?;
    due.retain(|mail| delivery.which.has(mail));
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let composer = Composer::new(delivery.mail, delivery.time_zone, delivery.can_decline);
    let opened = composer.map_err(|error| error.to_string()).and_then(|composer| {
        let way = Way::open(delivery, composer.domain())?;
        Ok((composer, way))
    });
    let (composer, mut way) = match opened {
        Ok(opened) => opened,
        Err(why) => return Ok(due.iter().map(|mail| waiting(mail, &why)).collect()),
    };
    let mut outcomes = Vec::with_capacity(due.len());
    if !way.can_look_up() {
        let (begun, fresh): (Vec<DueMail>, Vec<DueMail>) = due.into_iter().partition(|mail| mail.is_begun);
        outcomes.extend(give_up(store, &begun, (delivery.clock)())?);
        due = fresh;
    }
    let mut ended: Option<String> = None;
    for chunk in due.chunks(way.at_once()) {
        if stop.is_requested() {
            ended.get_or_insert_with(|| "the run was interrupted".to_owned());
        }
        if let Some(why) = &ended {
            outcomes.extend(chunk.iter().map(|mail| waiting(mail, why)));
            continue;
        }
        match hand_over(store, &composer, &mut way, chunk, delivery.clock) {
            Ok((fates, why)) => {
                outcomes.extend(chunk.iter().zip(fates).map(|(mail, fate)| fate.outcome(mail)));
                ended = why;
            }
            Err(why) => {
                outcomes.extend(chunk.iter().map(|mail| waiting(mail, &why)));
                ended = Some(why);
            }
        }
    }
    way.end();
    Ok(outcomes)
}

/// Of mails that an earlier run was handing over when it was killed nobody knows whether they were taken: that is told,
/// and they are not sent again by themselves.
fn give_up(store: &mut SqliteStore, begun: &[DueMail], at: Timestamp) -> Result<Vec<MailOutcome>, StoreError> {
    let why = "the run that was handing it over ended before the answer came, so it may have arrived";
    let noted: Vec<_> = begun.iter().map(|mail| (mail, MailState::Unknown, Some(why))).collect();
    store.end_mails(&noted, at)?;
    Ok(begun.iter().map(|mail| Fate::Unknown(why.to_owned()).outcome(mail)).collect())
}

/// Hands over a few mails, and notes so before and after. With why no other is tried, if none is.
///
/// # Errors
/// If nothing can be begun, so that none of them went out.
fn hand_over(
    store: &mut SqliteStore,
    composer: &Composer<'_>,
    way: &mut Way<'_>,
    mails: &[DueMail],
    clock: &dyn Fn() -> Timestamp,
) -> Result<(Vec<Fate>, Option<String>), String> {
    let tokens: Result<Vec<_>, _> =
        mails.iter().map(|mail| composer.needs_token(mail).then(token).transpose()).collect();
    let tokens: Vec<Option<String>> =
        tokens.map_err(|error| format!("no token that nobody could guess can be made: {error}"))?;
    let hashes: Vec<Option<String>> = tokens.iter().map(|token| token.as_deref().map(token_hash)).collect();
    let begun: Vec<_> = mails.iter().zip(&hashes).map(|(mail, hash)| (mail, hash.as_deref())).collect();
    let is_ours = store.begin_mails(&begun, clock()).map_err(|error| with_cause(&error))?;
    let mut ended = None;
    let mut fates = Vec::with_capacity(mails.len());
    for ((mail, token), is_ours) in mails.iter().zip(&tokens).zip(&is_ours) {
        fates.push(if !is_ours {
            Fate::Waiting("another run is handing it over".to_owned())
        } else if let Some(why) = &ended {
            Fate::Waiting(String::clone(why))
        } else {
            match composer.compose(mail, token.as_deref(), clock()) {
                Err(why) => Fate::Refused(why.to_string()),
                Ok(letter) => {
                    let (fate, why) = way.take(mail, &letter);
                    ended = why;
                    fate
                }
            }
        });
    }
    if let Err(error) = way.settle() {
        // What may be gone after a power cut counts as not handed over.
        let why = format!("the folder can't be written: {error}");
        fates.fill_with(|| Fate::Waiting(why.clone()));
    }
    let ours = mails.iter().zip(&fates).zip(&is_ours).filter(|(_, is_ours)| **is_ours);
    let noted: Vec<_> = ours.map(|((mail, fate), _)| fate.noted(mail)).collect();
    if let Err(error) = store.end_mails(&noted, clock()) {
        let why = format!("what became of it can't be noted in the store: {}", with_cause(&error));
        fates = fates.into_iter().map(|fate| fate.not_noted(&why, way.can_look_up())).collect();
        ended = Some(why);
    }
    Ok((fates, ended))
}

fn with_cause(error: &StoreError) -> String {
    error.source.as_ref().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

fn waiting(mail: &DueMail, why: &str) -> MailOutcome {
    Fate::Waiting(why.to_owned()).outcome(mail)
}

impl Fate {
    fn outcome(self, mail: &DueMail) -> MailOutcome {
        let (word, detail) = match self {
            Self::Sent => (MailWord::Sent, None),
            Self::Refused(why) => (MailWord::Refused, Some(why)),
            Self::Unknown(why) => (MailWord::Unknown, Some(why)),
            Self::Waiting(why) => (MailWord::Waiting, Some(why)),
        };
        let about = match mail.reason {
            MailReason::Invitation(_) => MailAbout::Invitation,
            MailReason::Reset(_) => MailAbout::Password,
        };
        MailOutcome { user: mail.key.clone(), about, word, detail }
    }

    /// What is left to say of a mail of which the store does not know what became: a file is found by its name by the
    /// next run, and whatever a server was asked to take is begun for good, and not sent again by itself.
    fn not_noted(self, why: &str, can_look_up: bool) -> Self {
        match self {
            Self::Refused(detail) => Self::Refused(format!("{detail}; {why}")),
            Self::Sent | Self::Unknown(_) | Self::Waiting(_) if can_look_up => Self::Waiting(why.to_owned()),
            Self::Sent => Self::Unknown(format!("the server took it, and {why}")),
            Self::Unknown(detail) => Self::Unknown(format!("{detail}; {why}")),
            Self::Waiting(detail) => Self::Unknown(format!("it was not taken ({detail}), and {why}")),
        }
    }

    fn noted<'a>(&'a self, mail: &'a DueMail) -> (&'a DueMail, MailState, Option<&'a str>) {
        match self {
            Self::Sent => (mail, MailState::Sent, None),
            Self::Refused(why) => (mail, MailState::Refused, Some(why)),
            Self::Unknown(why) => (mail, MailState::Unknown, Some(why)),
            Self::Waiting(why) => (mail, MailState::Waiting, Some(why)),
        }
    }
}

/// What takes mails.
enum Way<'a> {
    Folder(Outbox),
    Server(Box<Line<'a>>),
}

/// A server, with the connection to it.
struct Line<'a> {
    server: Server<'a>,
    session: Option<Session>,
    /// How many connections in a row ended before their mail was taken.
    failures: usize,
}

impl<'a> Way<'a> {
    fn open(delivery: &Delivery<'a>, domain: &str) -> Result<Self, String> {
        match &delivery.mail.transport {
            MailTransport::Outbox(folder) => {
                let folder: PathBuf = delivery.repository.join(folder);
                let shown = folder.display().to_string();
                let outbox =
                    Outbox::open(folder).map_err(|error| format!("the folder `{shown}` can't be made: {error}"));
                Ok(Self::Folder(outbox?))
            }
            MailTransport::Smtp(smtp) => {
                let server = Server::new(smtp, domain, delivery.repository)?;
                Ok(Self::Server(Box::new(Line { server, session: None, failures: 0 })))
            }
        }
    }

    /// How many mails are handed over between two commits of the store: one, where nobody can look a mail up.
    const fn at_once(&self) -> usize {
        match self {
            Self::Folder(_) => FILES_AT_ONCE,
            Self::Server(_) => 1,
        }
    }

    /// Whether it can be found out what became of a mail: a file has its name from the reason, and is written once.
    const fn can_look_up(&self) -> bool {
        match self {
            Self::Folder(_) => true,
            Self::Server(_) => false,
        }
    }

    /// What came of one mail, and why no other is tried, if none is.
    fn take(&mut self, mail: &DueMail, letter: &Letter) -> (Fate, Option<String>) {
        match self {
            Self::Folder(outbox) => match outbox.put(&name(mail), &letter.bytes) {
                Ok(()) => (Fate::Sent, None),
                Err(error) => {
                    let why = format!("the folder `{}` can't be written: {error}", outbox.folder().display());
                    (Fate::Waiting(why.clone()), Some(why))
                }
            },
            Self::Server(line) => {
                let (fate, is_over) = line.send(letter);
                let why = match &fate {
                    Fate::Waiting(why) if is_over => Some(why.clone()),
                    Fate::Sent | Fate::Refused(_) | Fate::Unknown(_) | Fate::Waiting(_) => None,
                };
                (fate, why)
            }
        }
    }

    /// Makes what was handed over last.
    fn settle(&self) -> io::Result<()> {
        match self {
            Self::Folder(outbox) => outbox.sync(),
            Self::Server(_) => Ok(()),
        }
    }

    fn end(self) {
        match self {
            Self::Folder(_) => {}
            Self::Server(line) => {
                if let Some(session) = line.session {
                    session.end();
                }
            }
        }
    }
}

impl Line<'_> {
    /// Sends one mail, on the connection that is there or on a new one. Whether the server is to be left alone from now
    /// on.
    fn send(&mut self, letter: &Letter) -> (Fate, bool) {
        loop {
            let is_reused = self.session.is_some();
            let mut session = match self.session.take().map_or_else(|| self.server.connect(), Ok) {
                Ok(session) => session,
                Err(why) => return (Fate::Waiting(why), true),
            };
            let (fate, is_usable) = match session.send(letter) {
                Ok(()) => (Fate::Sent, true),
                Err(Trouble::Refused(why)) => (Fate::Refused(why), true),
                Err(Trouble::Later(why)) => (Fate::Waiting(why), true),
                Err(Trouble::Server(why)) => return (Fate::Waiting(why), true),
                // A server may take, or refuse, so many mails on one connection and no more: the next one is none the
                // worse for it.
                Err(Trouble::Broken(_)) if is_reused => continue,
                Err(Trouble::Broken(why)) => {
                    (Fate::Waiting(format!("the connection broke before the mail was handed over: {why}")), false)
                }
                Err(Trouble::Unsure(why)) => {
                    let why =
                        format!("the connection broke before the answer came, so the mail may have arrived: {why}");
                    (Fate::Unknown(why), false)
                }
            };
            if is_usable {
                self.session = Some(session);
                self.failures = 0;
            } else {
                self.failures += 1;
            }
            return (fate, self.failures >= GIVE_UP_AFTER);
        }
    }
}
