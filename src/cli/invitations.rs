//! `rollcall invitations`: the list, and the person's click on the embedded store.

use serde::Serialize;

use super::access::Access;
use super::edge;
use super::exit::{Exit, Failure};
use super::options::{Global, InvitationCommand, Invitations};
use super::printer::Printer;
use crate::report::sanitise;
use crate::settings::StoreKind;
use crate::store::Effect;
use crate::store::sqlite::{SqliteStore, StoredInvitation};

/// An invitation as `--format json` prints it.
#[derive(Serialize)]
struct InvitationDocument<'a> {
    user: &'a str,
    state: &'static str,
    sent: Option<String>,
    ends: Option<String>,
    answered: Option<String>,
}

/// An answer as `--format json` prints it.
#[derive(Serialize)]
struct AnswerDocument<'a> {
    user: &'a str,
    state: &'static str,
    changed: bool,
}

pub(super) fn run(global: &Global, arguments: &Invitations, printer: &Printer) -> Result<Exit, Failure> {
    let access = Access::load(global, printer)?;
    match &arguments.command {
        InvitationCommand::List => list(&access, printer),
        InvitationCommand::Accept(key) => answer(&access, &key.key, true, printer),
        InvitationCommand::Decline(key) => answer(&access, &key.key, false, printer),
    }
}

fn list(access: &Access, printer: &Printer) -> Result<Exit, Failure> {
    let invitations = access.reader(printer)?.list_invitations()?;
    let now = edge::now(None);
    if printer.is_json() {
        let documents: Vec<InvitationDocument<'_>> = invitations
            .iter()
            .map(|invitation| InvitationDocument {
                user: &invitation.key,
                state: invitation.state_at(now).as_str(),
                sent: invitation.sent.map(|time| time.to_string()),
                ends: invitation.ends.map(|time| time.to_string()),
                answered: invitation.answered.map(|time| time.to_string()),
            })
            .collect();
        printer.json(&documents);
        return Ok(Exit::Done);
    }
    if invitations.is_empty() {
        printer.result("nobody was ever invited\n");
    }
    for invitation in &invitations {
        printer.result(&line(invitation, invitation.state_at(now).as_str()));
    }
    Ok(Exit::Done)
}

fn line(invitation: &StoredInvitation, state: &str) -> String {
    let when =
        |word: &str, time: Option<jiff::Timestamp>| time.map(|time| format!("  {word} {time:.0}")).unwrap_or_default();
    format!(
        "{:<40} {state:<10}{}{}{}\n",
        sanitise(&invitation.key),
        when("sent", invitation.sent),
        when("ends", invitation.ends),
        when("answered", invitation.answered)
    )
}

fn answer(access: &Access, key: &str, accept: bool, printer: &Printer) -> Result<Exit, Failure> {
    let StoreKind::Sqlite { .. } = access.store.kind;
    access.check_store_is_there(printer)?;
    let own = access.settings.guards.own_account.as_deref();
    let mut store = SqliteStore::open(&access.store_path(), access.rules().clone(), own)?;
    let word = if accept { "accepted" } else { "declined" };
    let shown = sanitise(key);
    let effect = store.answer_invitation(key, accept, edge::now(None))?;
    match effect {
        Effect::Done | Effect::Rewritten(_) | Effect::AlreadyTrue if printer.is_json() => {
            printer.json(&AnswerDocument { user: key, state: word, changed: effect != Effect::AlreadyTrue });
        }
        Effect::Done | Effect::Rewritten(_) => printer.result(&format!("{shown} {word} the invitation\n")),
        Effect::AlreadyTrue => printer.result(&format!("{shown} has {word} the invitation already\n")),
        Effect::Conflict(why) | Effect::Refused(why) | Effect::Failed(why) | Effect::Unknown(why) => {
            return Err(Failure::failed(anyhow::anyhow!("the invitation of {shown} can't be {word}: {why}")));
        }
    }
    Ok(Exit::Done)
}
