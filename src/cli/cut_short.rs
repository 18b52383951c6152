//! What a run writes down about what an earlier one was stopped in.

use jiff::Timestamp;

use super::access::{Access, Declared};
use super::edge;
use super::execute::remember;
use super::exit::Failure;
use super::journal::{half_changed, remember_cut_off};
use super::lock_outs;
use crate::journal::{Journal, Run};
use crate::model::{Catalog, LiveState};
use crate::plan::{Inputs, digest, over};
use crate::store::Info;

/// Writes down what an apply, which was done, has seen of what was cut off before: what nobody is to have any more does
/// not come back.
pub(super) fn end_what_is_over(
    access: &Access,
    declared: &mut Declared,
    (info, at): (&Info, Timestamp),
    journal: &mut Journal,
) -> Result<(), Failure> {
    let names = &mut declared.names;
    let mut live = LiveState::default();
    // Which of it is still wanted does not depend on what of it can still come.
    live.half_changed = half_changed(access, (&info.id, &Catalog::default()), names)?;
    remember_cut_off(access, names, (info, &mut live), at)?;
    if live.half_changed.is_empty() && live.cut_off.is_empty() {
        return Ok(());
    }
    let (policy, store) = (access.policy(info)?, access.store_ref(info));
    let Declared { names, desired, .. } = declared;
    let inputs = Inputs { names, desired, live: &live, rules: access.rules(), policy: &policy, store: &store, at };
    let over = over(&inputs);
    if over.is_empty() {
        return Ok(());
    }
    let plan = digest(&store, names, &[]);
    journal.begin(Run { id: edge::run_id(), who: edge::who(), plan, store: info.id.clone() });
    journal.over(edge::now(None), &over).map_err(Failure::failed)?;
    remember(access, &mut lock_outs::open(access)?, journal);
    Ok(())
}
