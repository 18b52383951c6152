//! Whether the settings protect anybody: a name with a slip of the pen protects nobody, and nothing else would say so.

use super::Inputs;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Name, matches};

/// A warning for the own account, and for each protected pattern, that is nobody's: neither of who is declared nor of
/// who is live. Nothing where the live side was read in part.
#[must_use]
pub fn void_protection(inputs: &Inputs<'_>) -> Vec<Diagnostic> {
    if !inputs.live.evidence.is_complete() {
        return Vec::new();
    }
    let warning = |setting: &str, text: &str, help: &str| {
        let message =
            format!("`{setting}` has `{text}`, and nobody with such a key is declared or live: it protects nobody");
        Diagnostic::warning(Code::ProtectsNobody, message).help(help)
    };
    let own = inputs.policy.own_account.iter().filter(|own| !is_somebody(inputs, own));
    let own = own.map(|own| warning("guards.self", own, "correct the key in rollcall.yaml, or write `none`"));
    let protected = inputs.policy.protected.iter().filter(|pattern| !is_somebody(inputs, pattern));
    let help = "correct the key or the pattern in rollcall.yaml, or take it out";
    own.chain(protected.map(|pattern| warning("guards.protected_users", pattern, help))).collect()
}

fn is_somebody(inputs: &Inputs<'_>, pattern: &str) -> bool {
    let is_meant = |identity: Name| matches(pattern, inputs.names.text(identity));
    let mut live = inputs.live.users().filter_map(|user| user.identity);
    inputs.desired.users().any(|user| is_meant(user.identity))
        || live.any(is_meant)
        || inputs.live.ambiguous().iter().copied().any(is_meant)
}
