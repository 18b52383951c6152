//! Whom `--target` means, and what is said where that is nobody.

use unicode_normalization::UnicodeNormalization as _;

use super::exit::{Failure, advised};
use crate::model::Name;
use crate::plan::{Inputs, has_invalid_key, likely_keys, only_user_like};
use crate::report::sanitise;
use crate::rules::KeyField;

/// The user with a key; or, unless it has to be the whole one, the only user with this part in the key or the name. What
/// could be the whole address of somebody else never is a part: anybody may be called like it.
pub(super) fn target(key: &str, is_whole: bool, inputs: &Inputs<'_>) -> Result<Name, Failure> {
    let key = &key.nfc().collect::<String>();
    let identity = inputs.rules.identity.normalize(key).ok().and_then(|identity| inputs.names.find(&identity));
    let is_known = |identity: &Name| {
        inputs.desired.find(*identity).is_some()
            || inputs.live.find(*identity).is_some()
            || inputs.live.ambiguous().contains(identity)
    };
    // Whoever is renamed is asked for by either key.
    let renamed = |identity: &Name| {
        let mut former = inputs.desired.former_keys();
        former.find(|(_, previous)| previous.identity == *identity).map(|(user, _)| user.identity)
    };
    let identity = identity.map(|identity| renamed(&identity).unwrap_or(identity));
    let (desired, live) = (inputs.desired, Some(inputs.live));
    let identity = identity.filter(is_known);
    if identity.is_none() && has_invalid_key(key, inputs.live, inputs.names) {
        return Err(invalid_key(key));
    }
    let rules = &inputs.rules.identity;
    let is_address = rules.key_field() == KeyField::Email && rules.normalize(key).is_ok();
    let by_part = || (!is_whole && !is_address).then(|| only_user_like(key, desired, live, inputs.names, rules));
    identity
        .or_else(|| by_part().flatten())
        .ok_or_else(|| unknown_key(key, &likely_keys(key, desired, live, inputs.names, rules)))
}

/// An account has this key, typed into the store by hand, and no action can name it.
pub(super) fn invalid_key(key: &str) -> Failure {
    let why = format!(
        "an account of the store has the key `{}`, which is no valid one: no action can name it",
        sanitise(key)
    );
    Failure::failed(advised(why, "give it a valid key in the store"))
}

/// Nobody has this key.
pub(super) fn unknown_key(key: &str, likely: &[String]) -> Failure {
    let shown = sanitise(key);
    let advice = if likely.is_empty() {
        "nothing is like it; `rollcall explain` searches keys and names".to_owned()
    } else {
        let shown: Vec<_> = likely.iter().map(|key| format!("`{}`", sanitise(key))).collect();
        format!("did you mean {}?", shown.join(", "))
    };
    Failure::invalid(advised(format!("nobody has the key `{shown}`"), advice))
}
