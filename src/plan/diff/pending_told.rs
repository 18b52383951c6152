//! What is told of people who are not in yet, or of whom nothing is planned, each at its line and with the way out.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic, Position, shell_word};
use crate::model::{LiveView, UserView};

pub(super) fn no_account(context: &Context<'_>, desired: &UserView<'_>) -> Diagnostic {
    let key = context.inputs.names.text(desired.key);
    let message = format!("`{key}` is declared and has no account, and accounts are not managed here");
    Diagnostic::warning(Code::NoAccount, message)
        .at(desired.position, "gets access once the account is there")
        .help("have whoever manages the accounts of this store invite this person, or set `manage.accounts: true`")
}

pub(super) fn less_than_offered(context: &Context<'_>, desired: &UserView<'_>) -> Diagnostic {
    let key = context.inputs.names.text(desired.key);
    let message = format!("the invitation of `{key}` has ended, and carries more than is declared");
    Diagnostic::warning(Code::WaitsForAcceptance, message)
        .at(desired.position, "it is not sent again as it is")
        .help("to invite the person with what is declared, take the entry out, apply, and declare it again")
}

/// What is sent can't be kept back: that somebody declares it so is told, and how to begin anew.
pub(super) fn sent_already(context: &Context<'_>, desired: &UserView<'_>) -> Diagnostic {
    let key = context.inputs.names.text(desired.key);
    let message = format!("`{key}` is declared `preloaded`, and the invitation is out already: it can be accepted");
    let help = if context.inputs.rules.cancels_invitations() {
        "write `status: inactive` and apply, which cancels it, and then `status: preloaded` again; or take the line out"
    } else {
        "it can't be cancelled in this store, so take the line out; `status: inactive` locks the person out"
    };
    Diagnostic::warning(Code::WaitsForAcceptance, message)
        .at(desired.status_position.unwrap_or(desired.position), "it is not called back")
        .help(help)
}

/// Of somebody who is to be kept out, and can still accept.
pub(super) fn leaves_at_acceptance(
    context: &Context<'_>,
    live: &LiveView<'_>,
    position: Option<Position>,
) -> Diagnostic {
    let key = live.key_text(context.inputs.names);
    let message =
        format!("the pending invitation of `{key}` can't be cancelled in this store: it can still be accepted");
    let diagnostic = Diagnostic::warning(Code::WaitsForAcceptance, message)
        .help(format!("`rollcall deactivate {}` keeps it from being accepted", shell_word(key)));
    match position {
        Some(position) => diagnostic.at(position, "what is to go goes when the invitation is accepted"),
        None => diagnostic,
    }
}

pub(super) fn less_at_acceptance(context: &Context<'_>, desired: &UserView<'_>) -> Diagnostic {
    let key = context.inputs.names.text(desired.key);
    let message = format!("the pending invitation of `{key}` carries more than is declared, and can't be cancelled");
    Diagnostic::warning(Code::WaitsForAcceptance, message)
        .at(desired.position, "what is too much goes when the invitation is accepted")
}

/// Of somebody who is let in again with more than is declared, since the store takes nothing from who is out.
pub(super) fn returns_with_more(context: &Context<'_>, desired: &UserView<'_>) -> Diagnostic {
    let key = context.inputs.names.text(desired.key);
    let message = format!(
        "`{key}` comes back with more than is declared, which is taken away only afterwards: if the store refuses that, \
         they keep it"
    );
    Diagnostic::warning(Code::ReturnsWithMore, message)
        .at(desired.status_position.unwrap_or(desired.position), "this line lets the person in")
        .help(format!(
            "take it away in the store before, or look at the report, and lock them out again where it stayed: rollcall \
             deactivate {}",
            shell_word(key)
        ))
}

/// A declared person whose account another application keeps.
pub(super) fn kept_elsewhere(context: &Context<'_>, desired: &UserView<'_>) -> Diagnostic {
    let key = context.inputs.names.text(desired.key);
    let message = format!("`{key}` is a service account in the store, which is managed elsewhere");
    Diagnostic::warning(Code::KeptElsewhere, message)
        .at(desired.position, "nothing is planned for this user")
        .help("take the entry out, or give the person another key")
}

/// Somebody declared whose key more than one account has.
pub(super) fn ambiguous(context: &Context<'_>, desired: &UserView<'_>) -> Diagnostic {
    let key = context.inputs.names.text(desired.key);
    let message = format!("the store has more than one account with the key `{key}`");
    Diagnostic::warning(Code::AmbiguousKey, message)
        .at(desired.position, "nothing is planned for this user")
        .help("give all but one of these accounts another key in the store")
}
