//! Questions about what opens an account: first passwords, API secrets, resets and how long a password is kept.

use super::{ApiSecret, CharacterClass, CreationSecret, PasswordSetBy, ResetAll, Rotation, Rules};

/// What becomes of a password that is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordReset {
    /// A new one is made, and handed over once.
    Generated,
    /// The old one stops working, and the service mails the person, who chooses another one.
    ByPerson,
    /// The vendor does not say.
    NotStated,
}

impl Rules {
    /// Whether a new account has a first password, which goes to the sink: not, if not stated.
    #[must_use]
    pub fn creates_with_secret(&self) -> bool {
        self.creation.secret == Some(CreationSecret::Generated)
    }

    /// Whether turning the API on makes a secret that is shown once: not, if not stated.
    #[must_use]
    pub fn shows_api_secret_once(&self) -> bool {
        self.fields.get("api").and_then(Option::as_ref).is_some_and(|field| field.secret == Some(ApiSecret::Once))
    }

    /// Fewest characters of a password: any number, if not stated.
    #[must_use]
    pub fn shortest_password(&self) -> usize {
        self.password.min_length.unwrap_or(0) as usize
    }

    /// Whether a password has to have something besides letters and digits: not, if not stated.
    #[must_use]
    pub fn wants_symbols(&self) -> bool {
        let classes = self.password.classes.as_ref();
        classes.is_some_and(|classes| {
            let others = classes.of.iter().filter(|&&class| class != CharacterClass::Symbol).count();
            classes.of.len() > others && classes.min as usize > others
        })
    }

    /// Whether the person has to choose another password after an administrator set one: not, if not stated.
    #[must_use]
    pub fn forces_new_password(&self) -> bool {
        self.password.forced_change == Some(true)
    }

    /// How a password is reset.
    #[must_use]
    pub fn password_reset(&self) -> PasswordReset {
        let by = self.password.set_by.as_deref().unwrap_or_default();
        let is_reset = self.password.reset.unwrap_or(self.password.reset_all.is_some());
        if by.contains(&PasswordSetBy::Administrator) {
            PasswordReset::Generated
        } else if by.contains(&PasswordSetBy::Person) && is_reset {
            PasswordReset::ByPerson
        } else {
            PasswordReset::NotStated
        }
    }

    /// Whether the passwords of all active accounts can be reset at once: not, if not stated.
    #[must_use]
    pub fn resets_all_passwords(&self) -> bool {
        self.password.reset_all == Some(ResetAll::Active)
    }

    /// How long a password may be kept, where a policy says.
    #[must_use]
    pub fn password_rotation(&self) -> Option<Rotation> {
        self.password.rotation
    }
}
