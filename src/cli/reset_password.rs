//! `rollcall reset-password`: ends passwords, at once, in the way that the rules have; never part of a plan.

use std::collections::BTreeMap;

use super::access::Access;
use super::desk::Desk;
use super::execute::{listen, looked_up, remember};
use super::exit::{Exit, Failure, advised};
use super::options::{Global, ResetPassword};
use super::printer::Printer;
use super::unfinished_reset::{GO_ON, Unfinished, unfinished_of};
use super::{edge, journal, mail, secrets};
use crate::apply::{
    ApplyError, Options, Outcome, Reset, ResetDocument, ResetReport, SkippedUser, Stop, Verdict, reset_passwords,
};
use crate::diagnostic::Code;
use crate::mail::Which;
use crate::model::Status;
use crate::plan::{Inputs, NoReset, Policy, ResetUser, active_accounts, can_reset};
use crate::report::{count, sanitise};
use crate::rules::PasswordReset;
use crate::settings::StoreKind;
use crate::store::sqlite::SqliteStore;

/// Whose passwords are reset, and who is left alone.
struct Chosen {
    users: Vec<String>,
    skipped: Vec<(String, NoReset)>,
    /// Those to whom mails about resets go out.
    mailed: Vec<String>,
    is_of_all: bool,
}

pub(super) fn run(global: &Global, arguments: &ResetPassword, printer: &Printer) -> Result<Exit, Failure> {
    let mut desk = Desk::open(global, printer)?;
    let way = desk.access.rules().password_reset();
    let chosen = choose(&desk, arguments)?;
    let Chosen { users, skipped, .. } = &chosen;
    for (user, why) in skipped {
        printer.note(&format!("{} is left alone: {}", sanitise(user), reason(*why)));
    }
    let sink = match way {
        PasswordReset::Generated => Some(secrets::demanded_sink(&desk.access)?),
        PasswordReset::ByPerson | PasswordReset::NotStated => None,
    };
    let whose = match users.as_slice() {
        [] => {
            let report = not_tried(users);
            if printer.is_json() {
                printer.json(&document(&desk.access, (users, skipped), &report));
            } else {
                printer.result("no password is reset\n");
            }
            return Ok(if skipped.is_empty() { Exit::Done } else { Exit::Failed });
        }
        [user] => format!("the password of {}", sanitise(user)),
        users => format!("the passwords of {}", count(users.len(), "person", "people")),
    };
    printer.note(&format!("{whose} will stop working at once; {}", what_then(way)));
    if !arguments.yes {
        if !edge::has_terminal() {
            return Err(Failure::invalid(advised("there is no terminal to ask on", "use --yes")));
        }
        if printer.asks(&format!("reset {}?", count(users.len(), "password", "passwords")), &desk.runtime)?.is_none() {
            printer.note("nothing was changed");
            if printer.is_json() {
                printer.json(&document(&desk.access, (users, skipped), &not_tried(users)));
            }
            return Ok(Exit::Done);
        }
    }
    let report = execute(&mut desk, &chosen, sink.as_deref())?;
    tell(&desk.access, (users, skipped), &report, printer);
    if (chosen.is_of_all || arguments.left_out) && !report.outcomes.iter().all(Outcome::is_achieved) {
        printer.note(&format!("`{GO_ON}` goes on with those alone whom this has not reached"));
    }
    Ok(match report.verdict() {
        Verdict::Complete if skipped.iter().any(|(_, why)| why.lacks_address()) => Exit::Partial,
        Verdict::Complete => Exit::Done,
        Verdict::NothingWritten => Exit::Failed,
        Verdict::Partial => Exit::Partial,
    })
}

fn not_tried(users: &[String]) -> ResetReport {
    ResetReport {
        run: String::new(),
        outcomes: vec![Outcome::NotTried; users.len()],
        undelivered: Vec::new(),
        looked_up: Vec::new(),
        mails: Vec::new(),
        stopped_by: None,
    }
}

fn what_then(way: PasswordReset) -> &'static str {
    match way {
        PasswordReset::Generated => "a new one is made, and handed once to the sink of secrets",
        PasswordReset::ByPerson | PasswordReset::NotStated => "a mail tells how to choose another one",
    }
}

fn choose(desk: &Desk, arguments: &ResetPassword) -> Result<Chosen, Failure> {
    let rules = desk.access.rules();
    if rules.password_reset() == PasswordReset::NotStated {
        let why = "the rules of this store do not say that passwords are reset (`password.set_by`, `password.reset`)";
        return Err(Failure::failed(advised(why, "do it in the service, or let the person ask there for another one")));
    }
    let text = |key| desk.names.text(key).to_owned();
    let Some(key) = &arguments.key else {
        let unfinished = unfinished_of(desk)?;
        if arguments.left_out {
            let Some(Unfinished { left_out, unaddressed, everybody, .. }) = unfinished else {
                return Ok(Chosen { users: Vec::new(), skipped: Vec::new(), mailed: Vec::new(), is_of_all: false });
            };
            return Ok(Chosen { users: left_out, skipped: unaddressed, mailed: everybody, is_of_all: false });
        }
        if !rules.resets_all_passwords() {
            let why =
                "the rules of this store do not say that all passwords can be reset at once (`password.reset_all`)";
            return Err(Failure::failed(advised(why, "name one account")));
        }
        if let Some(unfinished) = unfinished.filter(|one| !arguments.anew && !one.left_out.is_empty()) {
            // Whoever was reached already would have to choose a password twice.
            let help = format!("`{GO_ON}` goes on with them alone; with `--anew` it is everybody once more");
            return Err(Failure::invalid(advised(unfinished.told(), help)));
        }
        let (mut users, mut skipped) = (Vec::new(), Vec::new());
        for (key, answer) in ask(desk, active_accounts)? {
            match answer {
                Ok(_) => users.push(text(key)),
                Err(why) => skipped.push((text(key), why)),
            }
        }
        return Ok(Chosen { mailed: users.clone(), users, skipped, is_of_all: true });
    };
    let (identity, shown) = desk.who(key)?;
    match ask(desk, |inputs| can_reset(inputs, identity))? {
        Ok(key) => {
            let users = vec![text(key)];
            Ok(Chosen { mailed: users.clone(), users, skipped: Vec::new(), is_of_all: false })
        }
        Err(why) => Err(Failure::failed(anyhow::anyhow!("the password of {shown} is not reset: {}", reason(why)))),
    }
}

/// Asks what can be reset, by the store, the settings, and the journal, which knows who has left.
fn ask<T>(desk: &Desk, question: impl FnOnce(&Inputs<'_>) -> T) -> Result<T, Failure> {
    let left_since = journal::left_since(&desk.access, &desk.info.id)?;
    desk.ask(|inputs| {
        let policy = Policy { left_since, ..inputs.policy.clone() };
        question(&Inputs { policy: &policy, ..inputs.clone() })
    })
}

const fn reason(why: NoReset) -> &'static str {
    match why {
        NoReset::Unknown => "there is no such account",
        NoReset::Ambiguous => "no other account may have its key; give all but one another key",
        NoReset::OwnAccount => {
            "it is the account that rollcall itself uses (`guards.self`), and would lock itself out; do it in the store"
        }
        NoReset::Protected => "it is protected (`guards.protected_users`)",
        NoReset::KeptElsewhere => "it is a service account, which is managed elsewhere",
        NoReset::NotActive(Status::Preloaded | Status::Invited) => {
            "the person has not accepted the invitation yet, and has no password"
        }
        NoReset::NotActive(Status::Inactive | Status::Closed | Status::Active) => {
            "the account is not active, so nobody logs in with it"
        }
        NoReset::BadAddress => {
            "no mail can go to its address, and nobody could log in any more; correct the address first, and apply"
        }
        NoReset::LockedOut => {
            "it is locked out, and gets no new password; let the person in first (`status: active`), if that is meant"
        }
        NoReset::Stripped => {
            "all access was taken from it when the person left; give them access first, if a log-in is meant"
        }
        NoReset::NoAddress => "it has no address to which a link could be sent, and nobody could log in any more",
    }
}

/// Resets them, journalled under a run of its own.
fn execute(
    desk: &mut Desk,
    Chosen { users, skipped, mailed, is_of_all }: &Chosen,
    sink: Option<&(dyn crate::secret::Sink + Sync)>,
) -> Result<ResetReport, Failure> {
    let unaddressed = skipped.iter().filter(|(_, why)| why.lacks_address()).map(|(user, _)| user);
    let users = with_ids(desk, users);
    let everybody: Vec<ResetUser> = users.iter().cloned().chain(with_ids(desk, unaddressed)).collect();
    let Desk { access, runtime, names, opened, info, .. } = desk;
    let own = access.settings.guards.own_account.as_deref();
    let StoreKind::Sqlite { .. } = access.store.kind;
    let mut store = SqliteStore::open(&access.store_path(), access.rules().clone(), own)?;
    let (who, run) = (edge::who(), edge::run_id());
    let clock = || edge::now(None);
    let options = Options { secrets: sink, ..Options::new(&run, &who, access.rules(), &clock) };
    let of = access.store_ref(info);
    let reset = Reset { store: &of, users: &users, of_all: is_of_all.then_some(&everybody) };
    let journal = &mut opened.journal;
    let before = journal.head();
    let stop = Stop::default();
    let report = runtime.block_on(async {
        let listening = listen(stop.clone())
            .map_err(|error| Failure::failed(anyhow::Error::new(error).context("Ctrl-C can't be listened for")))?;
        let mut report = reset_passwords(reset, names, &mut store, journal, &options, &stop).await;
        if let Ok(report) = &mut report
            && report.stopped_by.is_none()
        {
            match mail::hand_over(access, &mut store, (Which::Resets(mailed), &clock), &stop) {
                Ok(mails) => report.mails = mails,
                Err(error) => report.stopped_by = Some(format!("mails wait for the next apply: {error}")),
            }
        }
        listening.abort();
        report.map_err(|error| match error {
            ApplyError::Store(error) => Failure::from(error),
            ApplyError::Journal(error) => Failure::failed(error).with_code(Code::JournalUnusable),
            error @ ApplyError::Sink(_) => Failure::failed(error),
        })
    });
    if journal.head() != before {
        remember(access, &mut store, journal);
    }
    report
}

/// The accounts with these keys, as in the store, each with the store's own id of it.
fn with_ids<'a>(desk: &Desk, keys: impl IntoIterator<Item = &'a String>) -> Vec<ResetUser> {
    let Desk { names, live, .. } = desk;
    let ids: BTreeMap<&str, &str> = live.users().map(|user| (names.text(user.key), names.text(user.id))).collect();
    let with_id = |key: &String| ResetUser { key: key.clone(), id: ids.get(key.as_str()).map(|&id| id.to_owned()) };
    keys.into_iter().map(with_id).collect()
}

fn tell(access: &Access, (users, skipped): (&[String], &[(String, NoReset)]), report: &ResetReport, printer: &Printer) {
    if !report.looked_up.is_empty() {
        printer.note(&looked_up(&report.looked_up));
    }
    secrets::tell_undelivered(access, &report.undelivered, printer);
    if let Some(why) = &report.stopped_by {
        printer.warning(&format!("stopped before the end: {why}"));
    }
    if printer.is_json() {
        printer.json(&document(access, (users, skipped), report));
        return mail::tell_left(printer, &report.mails);
    }
    for (user, outcome) in users.iter().zip(&report.outcomes) {
        let word = if outcome.is_achieved() { "password reset" } else { outcome.word().as_str() };
        let detail = outcome.detail().map(|detail| format!(": {}", sanitise(detail))).unwrap_or_default();
        printer.result(&format!("{}: {word}{detail}\n", sanitise(user)));
    }
    mail::tell_sent(printer, access, &report.mails);
    mail::tell_left(printer, &report.mails);
}

fn document(
    access: &Access,
    (users, skipped): (&[String], &[(String, NoReset)]),
    report: &ResetReport,
) -> ResetDocument {
    let left_alone =
        |(user, why): &(String, NoReset)| SkippedUser { user: user.clone(), reason: reason(*why).to_owned() };
    report.document(&access.store_name, users, skipped.iter().map(left_alone).collect())
}
