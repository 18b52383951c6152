//! Mails go out after the actions of a run, and what came of them is told.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::access::Access;
use super::printer::Printer;
use crate::apply::{ApplyReport, MailAbout, MailOutcome, MailWord, RunEnd, Stop};
use crate::diagnostic::shell_word;
use crate::mail::{self, Delivery, Which};
use crate::model::ActionKind;
use crate::plan::{Action, Plan, Risk};
use crate::report::{count, sanitise};
use crate::settings::MailTransport;
use crate::store::StoreError;
use crate::store::sqlite::SqliteStore;

/// Which mails go out with a run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mails<'a> {
    /// All that are due, also those of earlier runs.
    All,
    /// Those to the user with this key.
    To(&'a str),
    /// None: nobody waits for a mail server where somebody has to be locked out.
    None,
}

/// How long others may hold the store.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many people are named who got no mail; more are counted.
const MOST_NAMED: usize = 10;

/// Hands over what is due, unless the run ended early; what came of it goes into the report.
pub(super) fn deliver(
    access: &Access,
    store: &mut SqliteStore,
    report: &mut ApplyReport,
    (mails, clock): (Mails<'_>, &(dyn Fn() -> Timestamp + Sync)),
    stop: &Stop,
) {
    let which = match mails {
        Mails::All => Which::All,
        Mails::To(key) => Which::To(key),
        Mails::None => return,
    };
    if report.end != RunEnd::Whole {
        return;
    }
    match hand_over(access, store, (which, clock), stop) {
        Ok(outcomes) => {
            report.mails = outcomes;
            if stop.is_requested() && report.mails.iter().any(|mail| mail.word == MailWord::Waiting) {
                report.end = RunEnd::Interrupted;
            }
        }
        Err(error) => report.end = RunEnd::StoreOutOfReach(error.to_string()),
    }
}

/// Hands over what is due of these mails.
pub(super) fn hand_over(
    access: &Access,
    store: &mut SqliteStore,
    (which, clock): (Which<'_>, &(dyn Fn() -> Timestamp + Sync)),
    stop: &Stop,
) -> Result<Vec<MailOutcome>, StoreError> {
    // A mail that went out has to be noted, whoever else writes the store just then.
    store.wait_at_most(PATIENCE)?;
    let delivery = Delivery {
        mail: &access.settings.mail,
        repository: &access.repository,
        time_zone: &access.settings.time_zone,
        can_decline: access.rules().offers_decline(),
        clock,
        which,
    };
    mail::deliver(store, &delivery, stop)
}

/// Tells, with a plan that invites people, what their mails will be without: somebody who sends them, or the terms.
pub(super) fn tell_where_to(printer: &Printer, access: &Access, plan: &Plan) {
    let invites = |action: &&Action| {
        let kinds = [ActionKind::InviteUser, ActionKind::SendInvitation, ActionKind::ResendInvitation];
        kinds.contains(&action.kind) && action.risk.contains(&Risk::Mail)
    };
    let number = plan.actions.iter().filter(invites).count();
    if number == 0 || printer.is_json() || printer.prints_report() {
        return;
    }
    let mut told = Vec::new();
    if let MailTransport::Outbox(folder) = &access.settings.mail.transport {
        let folder = folder.display().to_string();
        told.push(format!(
            "no mail server is set (`mail.smtp`): apply writes {} to {}, and nobody gets one before somebody sends it on",
            counted(MailAbout::Invitation, number),
            sanitise(&folder)
        ));
    }
    if access.settings.mail.links.terms.is_none() {
        told.push("no link to the terms is set (`mail.links.terms`), so the mails have none".to_owned());
    }
    if !told.is_empty() {
        printer.result(&format!("\n{}\n", told.join("; ")));
    }
}

/// What mails are about, in the order in which they are told.
const ABOUT: [MailAbout; 2] = [MailAbout::Invitation, MailAbout::Password];

/// Tells that mails went out.
pub(super) fn tell_sent(printer: &Printer, access: &Access, mails: &[MailOutcome]) {
    let went = match &access.settings.mail.transport {
        MailTransport::Outbox(folder) => format!("written to {}", folder.display()),
        MailTransport::Smtp(smtp) => format!("sent to {}", smtp.host),
    };
    for about in ABOUT {
        let sent = mails.iter().filter(|mail| mail.about == about && mail.word == MailWord::Sent).count();
        if sent > 0 {
            printer.result(&format!("\n{} {}\n", counted(about, sent), sanitise(&went)));
        }
    }
}

/// Tells which mails did not go out, and why.
pub(super) fn tell_left(printer: &Printer, mails: &[MailOutcome]) {
    for about in ABOUT {
        let of = |word| mails.iter().filter(move |mail| mail.about == about && mail.word == word);
        tell_refused(printer, about, &of(MailWord::Refused).collect::<Vec<_>>());
        tell_unknown(printer, about, &of(MailWord::Unknown).collect::<Vec<_>>());
        tell_waiting(printer, about, of(MailWord::Waiting));
    }
}

fn tell_refused(printer: &Printer, about: MailAbout, refused: &[&MailOutcome]) {
    for MailOutcome { user, detail, .. } in refused.iter().take(MOST_NAMED) {
        let why = detail.as_deref().unwrap_or("no reason was given");
        printer.warning(&format!(
            "the {} to {user} was refused for good: {why}; once the address is right, or the server takes it, run: {}",
            noun(about),
            again(about, user)
        ));
    }
    if refused.len() > MOST_NAMED {
        let more = refused.len() - MOST_NAMED;
        printer.warning(&format!("{more} more were refused for good; {}", who_names(about)));
    }
}

fn tell_unknown(printer: &Printer, about: MailAbout, unknown: &[&MailOutcome]) {
    for MailOutcome { user, detail, .. } in unknown.iter().take(MOST_NAMED) {
        let why = detail.as_deref().unwrap_or("no answer came");
        printer.warning(&format!(
            "nobody knows whether {user} got the {}: {why}; it is not sent again by itself: ask, or run: {}",
            noun(about),
            again(about, user)
        ));
    }
    if unknown.len() > MOST_NAMED {
        let more = unknown.len() - MOST_NAMED;
        printer.warning(&format!("of {more} more it is not known; {}", who_names(about)));
    }
}

fn tell_waiting<'m>(printer: &Printer, about: MailAbout, mails: impl Iterator<Item = &'m MailOutcome>) {
    let mut waiting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for MailOutcome { user, detail, .. } in mails {
        waiting.entry(detail.as_deref().unwrap_or("no reason was given")).or_default().push(user);
    }
    for (why, users) in waiting {
        let named = users.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = users.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (count, verb) = (counted(about, users.len()), if users.len() == 1 { "waits" } else { "wait" });
        printer.warning(&format!("{count} {verb} for the next apply ({named}{more}): {why}"));
    }
}

const fn noun(about: MailAbout) -> &'static str {
    match about {
        MailAbout::Invitation => "invitation mail",
        MailAbout::Password => "password mail",
    }
}

fn counted(about: MailAbout, number: usize) -> String {
    count(number, noun(about), &format!("{}s", noun(about)))
}

/// What makes another mail, for another reason.
fn again(about: MailAbout, user: &str) -> String {
    match about {
        MailAbout::Invitation => format!("rollcall invitations resend {}", shell_word(user)),
        MailAbout::Password => format!("rollcall reset-password {}", shell_word(user)),
    }
}

/// What names those who are not named here.
const fn who_names(about: MailAbout) -> &'static str {
    match about {
        MailAbout::Invitation => "`rollcall invitations list` names them",
        MailAbout::Password => "`--format json` names them",
    }
}
