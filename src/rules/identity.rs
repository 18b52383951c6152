//! What makes a person the same person: the key, and how keys compare.
//!
//! Two spellings of one key have one normalized form; everything that looks for an account looks by that form.
//! Deliberately absent: look-alikes of several scripts, which are valid keys (`names`), and what an address has to be
//! beside having such a form (`address`).

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::address::{refuse_address, refuse_wrapped};
use super::names::without_accents;
use crate::model::matches;
use crate::source::find_hidden;

/// The field that is the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyField {
    /// A log-in name.
    Login,
    /// An e-mail address.
    Email,
}

impl KeyField {
    /// The name of the field.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Email => "email",
        }
    }
}

/// Whether upper and lower case make two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyCase {
    /// They do.
    Sensitive,
    /// They do not.
    Insensitive,
}

impl KeyCase {
    /// The word used in rules and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sensitive => "sensitive",
            Self::Insensitive => "insensitive",
        }
    }
}

/// What makes a person the same person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// The field that is the key.
    pub key: Option<KeyField>,
    /// Whether upper and lower case make two keys. E-mail addresses always compare without case.
    pub case: Option<KeyCase>,
    /// Whether a key can never change.
    pub immutable: Option<bool>,
    /// Whether the key of a deleted account can be used again.
    pub reusable: Option<bool>,
}

/// Why a text can't be a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyRefused(String);

impl KeyRefused {
    fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl Identity {
    /// The field that is the key: e-mail if not stated.
    #[must_use]
    pub fn key_field(&self) -> KeyField {
        self.key.unwrap_or(KeyField::Email)
    }

    /// Whether case makes two keys. Not stated: keys match exactly.
    #[must_use]
    pub fn case(&self) -> KeyCase {
        match self.key_field() {
            KeyField::Email => KeyCase::Insensitive,
            KeyField::Login => self.case.unwrap_or(KeyCase::Sensitive),
        }
    }

    /// Whether a key can never change: so it is, unless the rules say that it can.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        self.immutable.unwrap_or(true)
    }

    /// The form in which keys are compared; two spellings with one form are one person. The spelling itself is never
    /// changed anywhere.
    ///
    /// E-mail addresses compare without case, domains by IDNA (UTS 46); logins by [`Identity::case`]. Letters with their
    /// accents apart (Unicode normalization form D) are those of form C.
    ///
    /// # Errors
    /// The reason why `key` is no valid key under these rules.
    pub fn normalize(&self, key: &str) -> Result<String, KeyRefused> {
        if key.is_empty() {
            return Err(KeyRefused::because("is empty"));
        }
        if key.len() > 320 {
            return Err(KeyRefused::because("is longer than 320 bytes"));
        }
        if key.chars().any(char::is_control) {
            return Err(KeyRefused::because("has a control character"));
        }
        if find_hidden(key).is_some() {
            return Err(KeyRefused::because("has an invisible character"));
        }
        if key.trim() != key {
            return Err(KeyRefused::because("begins or ends with a space"));
        }
        // Letters with their accents apart are the same letters: two accounts that nobody can tell apart are one person.
        let composed: Cow<'_, str> = if is_nfc(key) { Cow::Borrowed(key) } else { Cow::Owned(key.nfc().collect()) };
        let key = composed.as_ref();
        match self.key_field() {
            KeyField::Email => normalize_email(key),
            KeyField::Login if key.contains('*') => Err(KeyRefused::because("has a `*`")),
            KeyField::Login => Ok(match self.case() {
                KeyCase::Sensitive => key.to_owned(),
                KeyCase::Insensitive => key.to_lowercase(),
            }),
        }
    }

    /// Why a key that has a compared form can't be written as one, if so: a clause that follows it, and a way out. A
    /// store may hold such a key; only a slip can have made it.
    #[must_use]
    pub fn refuse_written(&self, key: &str) -> Option<(&'static str, &'static str)> {
        refuse_wrapped(key).or_else(|| match self.key_field() {
            KeyField::Email => refuse_address(key),
            KeyField::Login => None,
        })
    }

    /// The form in which a pattern of keys (a key with `*`) compares with normalized keys.
    #[must_use]
    pub fn normalize_pattern(&self, pattern: &str) -> String {
        if let Ok(key) = self.normalize(pattern) {
            return key;
        }
        match (self.key_field(), self.case()) {
            (KeyField::Email, _) => match pattern.rsplit_once('@') {
                Some((local, domain)) => format!("{}@{}", local.to_lowercase(), normalize_domain_pattern(domain)),
                None => pattern.to_lowercase(),
            },
            (KeyField::Login, KeyCase::Insensitive) => pattern.to_lowercase(),
            (KeyField::Login, KeyCase::Sensitive) => pattern.to_owned(),
        }
    }
}

/// Whether a text is an e-mail address.
pub(super) fn is_email(text: &str) -> bool {
    text.len() <= 320
        && normalize_email(text).is_ok()
        && refuse_wrapped(text).is_none()
        && refuse_address(text).is_none()
}

/// Whether a mail can go to what stands in a store as an address.
#[must_use]
pub fn is_mail_address(text: &str) -> bool {
    is_email(text)
}

/// The domain of a pattern of addresses: each label in the form in which domains are compared, those with `*` without
/// case only.
fn normalize_domain_pattern(domain: &str) -> String {
    let label = |label: &str| match normalize_domain(label) {
        Ok(label) => label,
        Err(_) => label.to_lowercase(),
    };
    domain.split('.').map(label).collect::<Vec<_>>().join(".")
}

/// The form in which e-mail addresses are compared.
///
/// # Errors
/// Why it is no e-mail address.
fn normalize_email(address: &str) -> Result<String, KeyRefused> {
    let (local, domain) =
        address.rsplit_once('@').ok_or_else(|| KeyRefused::because("is no e-mail address: it has no `@`"))?;
    if local.is_empty() {
        return Err(KeyRefused::because("is no e-mail address: nothing stands before the `@`"));
    }
    if local.len() > 64 {
        return Err(KeyRefused::because("is no e-mail address: more than 64 bytes stand before the `@`"));
    }
    let forbidden = |c: char| {
        c.is_whitespace() || matches!(c, '@' | '"' | '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '\\' | '*')
    };
    if let Some(found) = local.chars().find(|&c| forbidden(c)) {
        return Err(KeyRefused::because(format!("is no e-mail address: `{found}` can't stand before the `@`")));
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err(KeyRefused::because("is no e-mail address: a dot stands at an end or twice before the `@`"));
    }
    let mut normalized = local.to_lowercase();
    normalized.push('@');
    normalized.push_str(&normalize_domain(domain)?);
    Ok(normalized)
}

fn normalize_domain(domain: &str) -> Result<String, KeyRefused> {
    if domain.is_empty() {
        return Err(KeyRefused::because("is no e-mail address: nothing stands after the `@`"));
    }
    let plain = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if domain.len() <= 253 && !domain.contains("xn--") && domain.split('.').all(plain) {
        return Ok(domain.to_ascii_lowercase());
    }
    let ascii = idna::domain_to_ascii_strict(domain)
        .map_err(|_| KeyRefused::because(format!("is no e-mail address: `{domain}` is no domain")))?;
    if ascii.is_empty() || !ascii.split('.').all(plain) {
        return Err(KeyRefused::because(format!("is no e-mail address: `{domain}` is no domain")));
    }
    Ok(ascii)
}

/// Whether several people may share an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharedAccounts {
    /// No: one identified person an account.
    Forbidden,
    /// Yes.
    Allowed,
}

/// How bad it is that two accounts have one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SameEmail {
    /// Nothing is planned.
    Error,
    /// Worth a look.
    Warning,
}

/// One account, one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Personal {
    /// Whether several people may share an account.
    pub shared_accounts: Option<SharedAccounts>,
    /// Patterns of keys and addresses that look shared, such as `info@*`, and of words in them, such as `team*`.
    pub suspects: Option<Vec<String>>,
    /// How bad it is that two accounts have one address.
    pub same_email: Option<SameEmail>,
}

impl Personal {
    /// Whether a key or an address looks as if several people used it, where nobody may share an account: not, if not
    /// stated. Patterns are compared with all of it, with what stands before an `@`, and with each word of that, in the
    /// singular as well; neither accents nor case count.
    #[must_use]
    pub fn looks_shared(&self, text: &str) -> bool {
        let patterns = match self.shared_accounts {
            Some(SharedAccounts::Forbidden) => self.suspects.as_deref().unwrap_or_default(),
            Some(SharedAccounts::Allowed) | None => &[],
        };
        if patterns.is_empty() {
            return false;
        }
        let whole = without_accents(text);
        let local = whole.rsplit_once('@').map_or(whole.as_str(), |(local, _)| local);
        let words = local.split(|character: char| !character.is_alphabetic());
        let words = words.flat_map(|word| [Some(word), word.strip_suffix(['s', 'x'])]).flatten();
        let texts: Vec<&str> =
            [whole.as_str(), local].into_iter().chain(words).filter(|text| !text.is_empty()).collect();
        patterns.iter().any(|pattern| {
            let pattern = without_accents(pattern);
            texts.iter().any(|text| matches(&pattern, text))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, KeyCase, KeyField};

    #[test]
    fn addresses_compare_without_case_and_domains_by_idna() {
        let identity = Identity::default();
        let normal = |key: &str| identity.normalize(key);
        assert_eq!(normal("Ana@Example.COM"), Ok("ana@example.com".to_owned()));
        assert_eq!(normal("ana@BÜCHER.example"), normal("ana@xn--bcher-kva.example"));
        for key in [
            "",
            "ana",
            "ana@",
            "@example.com",
            "a b@example.com",
            "ana@exa mple.com",
            " ana@example.com",
            "a@b@c",
            "ana@-x.example",
            "*@example.com",
            "a..b@example.com",
            "\u{202e}ana@example.com",
            "an\u{200b}a@example.com",
        ] {
            assert!(normal(key).is_err(), "{key:?}");
        }
    }

    /// A store may hold what no manifest can say; it is the same person all the same.
    #[test]
    fn accents_apart_are_the_same_letters() {
        let address = Identity::default();
        assert_eq!(address.normalize("jose\u{301}@example.com"), address.normalize("jos\u{e9}@example.com"));
        let login = Identity { key: Some(KeyField::Login), ..Identity::default() };
        assert_eq!(login.normalize("jose\u{301}").as_deref(), Ok("jos\u{e9}"));
    }

    #[test]
    fn logins_compare_as_the_rules_say() {
        let mut identity = Identity { key: Some(KeyField::Login), ..Identity::default() };
        assert_eq!(identity.normalize("BenTheElder").as_deref(), Ok("BenTheElder"), "not stated: exactly");
        identity.case = Some(KeyCase::Insensitive);
        assert_eq!(identity.normalize("BenTheElder").as_deref(), Ok("bentheelder"));
        assert!(identity.normalize("svc-*").is_err());
    }
}
