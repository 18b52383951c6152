//! Which seats service accounts take that rollcall does not give back, whoever waits for one.

use super::locked_out::is_named;
use super::{Deferred, Inputs, WaitsFor};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{LiveView, Name};

/// How many are named.
const NAMED: usize = 5;

/// How many seats such service accounts take, in words that follow a sentence; nothing where they take none.
pub(super) fn taken_by_services(inputs: &Inputs<'_>) -> Option<String> {
    let takes = |live: &LiveView<'_>| is_given_back_by_none(inputs, live) && inputs.rules.counts_seat(live.status);
    let mut keys: Vec<Name> = inputs.live.users().filter(takes).map(|live| live.key).collect();
    keys.sort_by_key(|&key| inputs.names.text(key));
    let more = keys.len().saturating_sub(NAMED);
    let named: Vec<String> = keys.iter().take(NAMED).map(|&key| format!("`{}`", inputs.names.text(key))).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (count, named) = (keys.len(), named.join(", "));
    match count {
        0 => None,
        1 => Some(format!("1 of them is taken by a service account, which no plan gives back: {named}")),
        _ => Some(format!("{count} of them are taken by service accounts, which no plan gives back: {named}{more}")),
    }
}

/// Whether it is a service account that no plan ends: another application keeps it, or no manifest names it, and who is
/// no person is not taken for a leaver.
fn is_given_back_by_none(inputs: &Inputs<'_>, live: &LiveView<'_>) -> bool {
    let is_named = |identity| is_named(inputs.desired, identity);
    inputs.rules.keeps_elsewhere(live) || (live.is_service() && !live.identity.is_some_and(is_named))
}

/// That somebody waits for a seat, and that service accounts take some.
pub(super) fn waited_for(inputs: &Inputs<'_>, deferred: &[Deferred]) -> Option<Diagnostic> {
    let limit = inputs.rules.seat_limit()?;
    let waits = |deferred: &Deferred| deferred.waits_for == WaitsFor::Seat;
    if !deferred.iter().any(waits) {
        return None;
    }
    let services = taken_by_services(inputs)?;
    let message = format!("no seat is free of the {limit} that this store has; {services}");
    let help = "end one of these in the store if it is not needed, or correct `seats.max` of the rules";
    Some(Diagnostic::warning(Code::NoSeatFree, message).help(help))
}
