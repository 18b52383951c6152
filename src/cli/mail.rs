//! Mails about invitations go out after the actions of a run, and what came of them is told.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::access::Access;
use super::printer::Printer;
use crate::apply::{ApplyReport, MailOutcome, MailWord, RunEnd, Stop};
use crate::diagnostic::shell_word;
use crate::mail::{self, Delivery};
use crate::report::sanitise;
use crate::settings::MailTransport;
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
    let only = match mails {
        Mails::All => None,
        Mails::To(key) => Some(key),
        Mails::None => return,
    };
    if report.end != RunEnd::Whole {
        return;
    }
    // A mail that went out has to be noted, whoever else writes the store just then.
    if let Err(error) = store.wait_at_most(PATIENCE) {
        report.end = RunEnd::StoreOutOfReach(error.to_string());
        return;
    }
    let delivery = Delivery {
        mail: &access.settings.mail,
        repository: &access.repository,
        time_zone: &access.settings.time_zone,
        can_decline: access.rules().lets_decline(),
        clock,
        only,
    };
    match mail::deliver(store, &delivery, stop) {
        Ok(outcomes) => {
            report.mails = outcomes;
            if stop.is_requested() && report.mails.iter().any(|mail| mail.word == MailWord::Waiting) {
                report.end = RunEnd::Interrupted;
            }
        }
        Err(error) => report.end = RunEnd::StoreOutOfReach(error.to_string()),
    }
}

/// Tells that mails went out.
pub(super) fn tell_sent(printer: &Printer, access: &Access, report: &ApplyReport) {
    let sent = report.mails.iter().filter(|mail| mail.word == MailWord::Sent).count();
    if sent > 0 {
        let went = match &access.settings.mail.transport {
            MailTransport::Outbox(folder) => format!("written to {}", folder.display()),
            MailTransport::Smtp(smtp) => format!("sent to {}", smtp.host),
        };
        printer.result(&format!("\n{} {}\n", invitation_mails(sent), sanitise(&went)));
    }
}

/// Tells which mails did not go out, and why.
pub(super) fn tell_left(printer: &Printer, report: &ApplyReport) {
    let of = |word| report.mails.iter().filter(move |mail| mail.word == word);
    let refused: Vec<&MailOutcome> = of(MailWord::Refused).collect();
    for MailOutcome { user, detail, .. } in refused.iter().take(MOST_NAMED) {
        let why = detail.as_deref().unwrap_or("no reason was given");
        printer.warning(&format!(
            "the invitation mail to {user} was refused for good: {why}; once the address is right, or the server takes it, \
             run: rollcall invitations resend {}",
            shell_word(user)
        ));
    }
    if refused.len() > MOST_NAMED {
        let more = refused.len() - MOST_NAMED;
        printer.warning(&format!("{more} more were refused for good; `rollcall invitations list` names them"));
    }
    let unknown: Vec<&MailOutcome> = of(MailWord::Unknown).collect();
    for MailOutcome { user, detail, .. } in unknown.iter().take(MOST_NAMED) {
        let why = detail.as_deref().unwrap_or("no answer came");
        printer.warning(&format!(
            "nobody knows whether {user} got the invitation mail: {why}; it is not sent again by itself: ask, or run: \
             rollcall invitations resend {}",
            shell_word(user)
        ));
    }
    if unknown.len() > MOST_NAMED {
        let more = unknown.len() - MOST_NAMED;
        printer.warning(&format!("of {more} more it is not known; `rollcall invitations list` names them"));
    }
    let mut waiting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for MailOutcome { user, detail, .. } in of(MailWord::Waiting) {
        waiting.entry(detail.as_deref().unwrap_or("no reason was given")).or_default().push(user);
    }
    for (why, users) in waiting {
        let named = users.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = users.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (count, verb) = (invitation_mails(users.len()), if users.len() == 1 { "waits" } else { "wait" });
        printer.warning(&format!("{count} {verb} for the next apply ({named}{more}): {why}"));
    }
}

fn invitation_mails(count: usize) -> String {
    if count == 1 { "1 invitation mail".to_owned() } else { format!("{count} invitation mails") }
}
