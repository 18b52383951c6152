//! `rollcall invitations`: the list, what an operator does about one, and the person's click on the embedded store.

use jiff::Timestamp;
use serde::Serialize;

use super::access::Access;
use super::desk::{Desk, Gone};
use super::exit::{Exit, Failure, advised};
use super::mail::Mails;
use super::options::{Answer, Global, InvitationCommand, Invitations, OneInvitation};
use super::printer::Printer;
use super::{deactivate, edge};
use crate::apply::MailAbout;
use crate::diagnostic::shell_word;
use crate::model::{ActionKind, Status};
use crate::plan::{self, LockOut, Resend, lock_out};
use crate::report::sanitise;
use crate::rules::OnBoarding;
use crate::settings::StoreKind;
use crate::store::Effect;
use crate::store::sqlite::{Answerer, ResetMail, SqliteStore, StoredInvitation, StoredMail};

/// The word for the invitation of somebody who is invited, where the store has none.
const LOST: &str = "lost";

/// An invitation, or a reset of a password whose mail did not go out, as `--format json` prints it.
#[derive(Serialize)]
struct InvitationDocument<'a> {
    user: &'a str,
    about: MailAbout,
    state: &'static str,
    sent: Option<String>,
    ends: Option<String>,
    answered: Option<String>,
    mail: Option<MailDocument<'a>>,
}

/// What became of the mail about it.
#[derive(Serialize)]
struct MailDocument<'a> {
    state: &'a str,
    tried: Option<String>,
    detail: Option<&'a str>,
}

impl<'a> MailDocument<'a> {
    fn of(mail: &'a StoredMail) -> Self {
        Self { state: &mail.state, tried: mail.tried.map(|time| time.to_string()), detail: mail.detail.as_deref() }
    }
}

/// An answer as `--format json` prints it.
#[derive(Serialize)]
struct AnswerDocument<'a> {
    user: &'a str,
    state: &'static str,
    changed: bool,
}

pub(super) fn run(global: &Global, arguments: &Invitations, printer: &Printer) -> Result<Exit, Failure> {
    match &arguments.command {
        InvitationCommand::List => list(&Access::load(global, printer)?, printer),
        InvitationCommand::Resend(one) => resend(global, one, printer),
        InvitationCommand::Cancel(one) => cancel(global, one, printer),
        InvitationCommand::Accept(who) => answer(&Access::load(global, printer)?, who, true, printer),
        InvitationCommand::Decline(who) => answer(&Access::load(global, printer)?, who, false, printer),
    }
}

fn list(access: &Access, printer: &Printer) -> Result<Exit, Failure> {
    let reader = access.reader(printer)?;
    let (invitations, resets) = (reader.list_invitations()?, reader.list_open_reset_mails()?);
    // Where nobody is invited there is none to be lost.
    let invites = access.rules().onboarding() == OnBoarding::Invite;
    let forgotten = if invites { reader.list_forgotten_invitations()? } else { Vec::new() };
    let now = edge::now(None);
    if printer.is_json() {
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let invitations = invitations.iter().map(|invitation| InvitationDocument {
            user: &invitation.key,
            about: MailAbout::Invitation,
            state: invitation.state_at(now).as_str(),
            sent: text(invitation.sent),
            ends: text(invitation.ends),
            answered: text(invitation.answered),
            mail: invitation.mail.as_ref().map(MailDocument::of),
        });
        let forgotten = forgotten.iter().map(|key| InvitationDocument {
            user: key,
            about: MailAbout::Invitation,
            state: LOST,
            sent: None,
            ends: None,
            answered: None,
            mail: None,
        });
        let resets = resets.iter().map(|reset| InvitationDocument {
            user: &reset.key,
            about: MailAbout::Password,
            state: "reset",
            sent: None,
            ends: None,
            answered: None,
            mail: Some(MailDocument::of(&reset.mail)),
        });
        printer.json(&invitations.chain(forgotten).chain(resets).collect::<Vec<_>>());
        return Ok(Exit::Done);
    }
    if invitations.is_empty() && forgotten.is_empty() {
        printer.result("nobody was ever invited\n");
    }
    for invitation in &invitations {
        printer.result(&line(invitation, invitation.state_at(now).as_str()));
    }
    for key in &forgotten {
        let why = "the store has no invitation any more that could be accepted, nor the answer";
        let help = format!("rollcall invitations resend {}", shell_word(key));
        printer.result(&format!("{:<40} {LOST:<10}  {why}: {}\n", sanitise(key), sanitise(&help)));
    }
    for ResetMail { key, reset, mail } in &resets {
        let when = when("at", *reset);
        printer.result(&format!("{:<40} {:<10}{when}{}\n", sanitise(key), "reset", mail_words(mail)));
    }
    Ok(Exit::Done)
}

fn line(invitation: &StoredInvitation, state: &str) -> String {
    // What is as it should be is not worth a word.
    let mail = invitation
        .mail
        .as_ref()
        .filter(|mail| ["waiting", "begun", "refused", "unknown"].contains(&mail.state.as_str()))
        .map(mail_words)
        .unwrap_or_default();
    format!(
        "{:<40} {state:<10}{}{}{}{mail}\n",
        sanitise(&invitation.key),
        when("sent", invitation.sent),
        when("ends", invitation.ends),
        when("answered", invitation.answered)
    )
}

fn when(word: &str, time: Option<Timestamp>) -> String {
    time.map(|time| format!("  {word} {time:.0}")).unwrap_or_default()
}

fn mail_words(mail: &StoredMail) -> String {
    let why = mail.detail.as_deref().map(|why| format!(" ({})", sanitise(why))).unwrap_or_default();
    format!("  mail {}{why}", sanitise(&mail.state))
}

fn answer(access: &Access, who: &Answer, accept: bool, printer: &Printer) -> Result<Exit, Failure> {
    let StoreKind::Sqlite { .. } = access.store.kind;
    access.check_store_is_there(printer)?;
    let own = access.settings.guards.own_account.as_deref();
    let mut store = SqliteStore::open(&access.store_path(), access.rules().clone(), own)?;
    let word = if accept { "accepted" } else { "declined" };
    let now = edge::now(None);
    let (effect, key) = if let Some(key) = &who.key {
        (store.answer_invitation(Answerer::Key(key), accept, now)?, key.clone())
    } else {
        let token = edge::first_line().map_err(Failure::failed)?;
        let effect = store.answer_invitation(Answerer::Token(token.trim()), accept, now)?;
        (effect, store.key_of_token(token.trim())?.unwrap_or_else(|| "nobody".to_owned()))
    };
    let shown = sanitise(&key);
    match effect {
        Effect::Done | Effect::FellBack(_) | Effect::Rewritten(_) | Effect::AlreadyTrue if printer.is_json() => {
            printer.json(&AnswerDocument { user: &key, state: word, changed: effect != Effect::AlreadyTrue });
        }
        Effect::Done | Effect::FellBack(_) | Effect::Rewritten(_) => {
            printer.result(&format!("{shown} {word} the invitation\n"));
        }
        Effect::AlreadyTrue => printer.result(&format!("{shown} has {word} the invitation already\n")),
        Effect::Conflict(why) | Effect::Refused(why) | Effect::Failed(why) | Effect::Unknown(why) => {
            return Err(Failure::failed(anyhow::anyhow!("the invitation of {shown} can't be {word}: {why}")));
        }
    }
    Ok(Exit::Done)
}

/// Sends an invitation once more, or one that was held back for the first time.
fn resend(global: &Global, arguments: &OneInvitation, printer: &Printer) -> Result<Exit, Failure> {
    let mut desk = Desk::open(global, printer)?;
    // Who is declared, and with what, decides who is let in: where that can't be read, nobody is.
    if desk.manifests.is_none() {
        let why = "the manifests are not valid, so whom they let in is not known";
        let help = "`rollcall validate` lists what is wrong; correct that, then run this again";
        return Err(Failure::invalid(advised(why, help)));
    }
    let declined = desk.declined(&arguments.key);
    if declined.is_none()
        && let Some(Gone { how, is_locked_out }) = desk.gone(&arguments.key, printer)?
    {
        let first = if is_locked_out { " once an apply has seen the person declared without it," } else { "" };
        let why = format!("{} {how}, and one that has ended so is not sent again", sanitise(&arguments.key));
        let help = format!(
            "to invite the person anew,{first} declare the key with `status: active`, and run `rollcall apply`"
        );
        return Err(Failure::failed(advised(why, help)));
    }
    let (identity, shown) = match declined {
        Some(identity) => (identity, sanitise(&arguments.key).into_owned()),
        None => desk.who(&arguments.key)?,
    };
    let key = desk.spelled(identity).unwrap_or_default();
    if desk.locked_out(&arguments.key)?.is_some() && !desk.is_let_in(identity) {
        let help = "declare `status: active`, and apply, before you send it";
        return Err(Failure::failed(advised(format!("{shown} was locked out by an operator"), help)));
    }
    let why = match desk.ask_declared(|inputs| plan::resend(inputs, identity))? {
        Resend::Planned(plan) => {
            printer.note(&format!("{shown}: an invitation will go out"));
            let exit = desk.carry_out(*plan, arguments.yes, Mails::To(&key), printer)?;
            if exit == Some(Exit::Done) && !printer.is_json() {
                printer.result(&format!("{shown}: invitation sent\n"));
            }
            return Ok(exit.unwrap_or(Exit::Done));
        }
        Resend::Unknown | Resend::Ambiguous => anyhow::anyhow!("more than one account has the key {shown}"),
        Resend::KeptElsewhere => anyhow::anyhow!("{shown} is a service account, which is managed elsewhere"),
        Resend::Protected => anyhow::anyhow!("{shown} is protected (`guards.protected_users`)"),
        Resend::KeptOut => advised(format!("the manifests do not let {shown} in"), "correct them first, and apply"),
        Resend::KeptBack => advised(
            format!("the manifests keep the invitation of {shown} back (`status: preloaded`)"),
            "take that line out, and apply, which sends it",
        ),
        Resend::Waits => advised(
            format!("{shown} has no account, and can't be invited as declared"),
            "apply first; `rollcall plan` lists what is missing",
        ),
        Resend::CarriesMore => advised(
            format!("the invitation of {shown} carries more than the manifests declare"),
            "apply, and if it stays, take the entry out, apply, and declare it again",
        ),
        Resend::RoleIsMore(role) => {
            let role = desk.printed(role);
            let why =
                format!("the role {role}, which {shown} is to get, is more in the store than the manifests declare");
            advised(why, "apply first, which makes it what is declared")
        }
        Resend::NotInvited(status) => {
            anyhow::anyhow!("{shown} is {}, and has no invitation to accept", status.as_str())
        }
        Resend::NotWhilePending => anyhow::anyhow!(
            "the rules of this store send no invitation again while it is pending, and that of {shown} is"
        ),
        Resend::NoSeat => advised(format!("no seat is left for {shown}"), "deactivate somebody first"),
    };
    Err(Failure::failed(why))
}

/// Cancels an invitation. Until a manifest says `status: active` the person is not invited again.
fn cancel(global: &Global, arguments: &OneInvitation, printer: &Printer) -> Result<Exit, Failure> {
    let access = Access::load(global, printer)?;
    let mut desk = deactivate::open_desk(access, global, &arguments.key, printer)?;
    if deactivate::is_out_already(&desk, &arguments.key, printer)? {
        return Ok(Exit::Done);
    }
    let (identity, shown) = desk.who(&arguments.key)?;
    let plan = match desk.ask(|inputs| lock_out(inputs, identity))? {
        LockOut::Planned { plan, .. }
            if plan.actions.iter().all(|action| action.kind == ActionKind::CancelInvitation) =>
        {
            plan
        }
        LockOut::Planned { .. } | LockOut::Already(Status::Active | Status::Inactive | Status::Closed) => {
            let why = format!("{shown} has no invitation to cancel");
            return Err(Failure::failed(advised(why, "`rollcall deactivate` locks an account out")));
        }
        LockOut::Already(Status::Preloaded | Status::Invited) => {
            desk.remember_lock_out(identity)?;
            printer.note(&format!("{shown} has no invitation any more that could be accepted"));
            return Ok(Exit::Done);
        }
        refused => return Err(deactivate::refusal(&shown, &refused)),
    };
    printer.note(&format!("{shown}: the invitation will be cancelled"));
    desk.tell_who_would_undo_it(identity, &shown, printer);
    let exit = desk.carry_out(*plan, arguments.yes, Mails::None, printer)?;
    if exit == Some(Exit::Done) {
        if !printer.is_json() {
            printer.result(&format!("{shown}: invitation cancelled\n"));
        }
        printer.note(&format!("{shown} is not invited again unless a manifest says `status: active`"));
    }
    Ok(exit.unwrap_or(Exit::Done))
}
