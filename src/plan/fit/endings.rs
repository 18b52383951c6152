//! Former keys and tombstones against the rules: what this store can't rename or delete.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{CatalogKey, Desired, Names};
use crate::rules::Rules;

/// Renames where keys never change, and tombstones of what comes with the store.
pub(super) fn fit(names: &Names, desired: &Desired, rules: &Rules, diagnostics: &mut Vec<Diagnostic>) {
    if rules.identity.is_immutable() {
        let mut former: Vec<_> = desired.former_keys().filter(|(user, old)| user.identity != old.identity).collect();
        former.sort_unstable_by_key(|(_, previous)| previous.position);
        for (user, previous) in former {
            let (old, new) = (names.text(previous.name), names.text(user.key));
            let message = format!("`{old}` can't become `{new}`: the keys of this store never change");
            let help = format!("take `previously` out; declare `{old}` absent if the person gets a new account");
            diagnostics.push(Diagnostic::error(Code::NotInRules, message).at(previous.position, "").help(help));
        }
    }
    for (&key, &position) in &desired.tombstones {
        let CatalogKey::Role(role) = key else { continue };
        let text = names.text(role);
        if rules.vendor_role(text).is_some() && !rules.is_open_role(text) {
            let message = format!("role `{text}` can't be deleted: it comes with the store");
            let help = "take the tombstone out";
            diagnostics.push(Diagnostic::error(Code::NotInRules, message).at(position, "").help(help));
        }
    }
}
