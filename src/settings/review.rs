//! Settings of a change under review beside those of its base: which hold, and what differs.
//!
//! Whoever proposes a change must not choose the store that is read, the secrets that are sent there, or the limits that
//! hold for it. So stores with their rules, secrets, mail and policies are the base's, and of the guards each figure is
//! the stricter one. What is managed, where manifests are and in which zone days begin is a part of the change.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::raw::{CountLimit, RemovalLimit};
use super::{FILE_NAME, Guards, Settings};
use crate::document;

/// Which value holds for a run that reviews a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// That of the base.
    Base,
    /// The stricter one.
    Stricter,
    /// Both together.
    Both,
    /// That of the change.
    Change,
}

impl Holds {
    /// The word used in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Stricter => "stricter",
            Self::Both => "both",
            Self::Change => "change",
        }
    }
}

/// Something that the settings of a change, or a rule file, say in another way than those of the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedSetting {
    /// The keys to it, parted by dots; of a rule file, its name goes before them.
    pub name: String,
    /// What the base says; `None`: nothing.
    pub base: Option<String>,
    /// What the change says; `None`: nothing.
    pub now: Option<String>,
    /// Which of them holds.
    pub holds: Holds,
}

/// The settings that hold for a change under review.
#[must_use]
pub fn under_review(base: &Settings, now: &Settings) -> Settings {
    let Settings {
        manifests,
        time_zone,
        default_store: _,
        stores: _,
        manage,
        guards,
        secrets: _,
        mail: _,
        policies: _,
    } = now;
    Settings {
        manifests: manifests.clone(),
        time_zone: time_zone.clone(),
        default_store: base.default_store.clone(),
        stores: base.stores.clone(),
        manage: manage.clone(),
        guards: stricter(&base.guards, guards),
        secrets: base.secrets.clone(),
        mail: base.mail.clone(),
        policies: base.policies.clone(),
    }
}

/// Of two sets of guards each figure that lets less pass. Which account is behind the token is the base's to say.
fn stricter(base: &Guards, now: &Guards) -> Guards {
    let least = |of: fn(&Guards) -> CountLimit| CountLimit { max_count: of(base).max_count.min(of(now).max_count) };
    let mut protected_users = base.protected_users.clone();
    protected_users.extend(now.protected_users.iter().filter(|one| !base.protected_users.contains(one)).cloned());
    Guards {
        removals: RemovalLimit {
            max_percent: base.removals.max_percent.min(now.removals.max_percent),
            min_count: base.removals.min_count.min(now.removals.min_count),
        },
        invitations: least(|guards| guards.invitations),
        escalations: least(|guards| guards.escalations),
        mails: least(|guards| guards.mails),
        deletions: least(|guards| guards.deletions),
        min_admins: base.min_admins.max(now.min_admins),
        protected_users,
        own_account: base.own_account.clone(),
        states_own_account: base.states_own_account,
    }
}

/// What differs between these texts of settings and rule files, by their names. Both sides are valid.
#[must_use]
pub fn changed_settings(base: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<ChangedSetting> {
    let (base, now) = (leaves(base), leaves(now));
    let mut names: Vec<&(bool, String)> = base.keys().chain(now.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let changed = names.into_iter().filter(|name| base.get(*name) != now.get(*name));
    changed
        .map(|key| {
            let (is_rules, name) = key;
            let holds = if *is_rules { Holds::Base } else { holds(name) };
            ChangedSetting { name: name.clone(), base: base.get(key).cloned(), now: now.get(key).cloned(), holds }
        })
        .collect()
}

/// Which side decides about the setting under these keys.
fn holds(name: &str) -> Holds {
    let mut keys = name.split('.');
    match (keys.next(), keys.next()) {
        (Some("version" | "manifests" | "manage" | "time_zone"), _) => Holds::Change,
        (Some("guards"), Some("protected_users")) => Holds::Both,
        (Some("guards"), Some("self")) => Holds::Base,
        (Some("guards"), _) => Holds::Stricter,
        // Whatever else there will be is not for the change to decide.
        (_, _) => Holds::Base,
    }
}

/// Every value, by whether it stands in a rule file, and by its keys.
fn leaves(texts: &BTreeMap<String, String>) -> BTreeMap<(bool, String), String> {
    let mut found = BTreeMap::new();
    for (name, text) in texts {
        let is_rules = name != FILE_NAME;
        let path = if is_rules { format!("{name}: ") } else { String::new() };
        match document::read::<Json>(text, name) {
            Ok((value, _)) => collect(&value, is_rules, path, &mut found),
            // It was read before, so this is another kind of document: told as a whole.
            Err(_) => drop(found.insert((is_rules, name.clone()), text.clone())),
        }
    }
    found
}

fn collect(value: &Json, is_rules: bool, path: String, found: &mut BTreeMap<(bool, String), String>) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                let dot = if path.is_empty() || path.ends_with(' ') { "" } else { "." };
                collect(value, is_rules, format!("{path}{dot}{key}"), found);
            }
        }
        Json::String(text) => drop(found.insert((is_rules, path), text.clone())),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
            drop(found.insert((is_rules, path), value.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Holds, changed_settings, under_review};
    use crate::settings::{FILE_NAME, Settings, parse};

    const BASE: &str = "\
version: 1
stores: { local: { sqlite: { path: a.db } } }
manage: { absent_users: report }
guards: { removals: { max_percent: 10, min_count: 9 }, escalations: { max_count: 3 }, min_admins: 2, protected_users: [root@example.com] }
";
    const NOW: &str = "\
version: 1
stores: { local: { sqlite: { path: /tmp/b.db } }, other: { sqlite: { path: c.db } } }
store: other
manage: { absent_users: deactivate }
secrets: { sink: { command: [sh, -c, evil] } }
guards: { removals: { max_percent: 90, min_count: 1 }, escalations: { max_count: 900 }, mails: { max_count: 1 }, self: ana@example.com, protected_users: [boss@example.com] }
mail: { from: x@example.com, outbox: /tmp/out }
";

    fn settings(text: &str) -> Settings {
        parse(text, &|_| Err("there is none".to_owned())).expect("valid")
    }

    #[test]
    fn stores_secrets_and_mail_are_the_bases_and_guards_the_stricter() {
        let (base, now) = (settings(BASE), settings(NOW));
        let both = under_review(&base, &now);
        assert_eq!((&both.stores, &both.default_store), (&base.stores, &base.default_store));
        assert_eq!((&both.secrets, &both.mail), (&base.secrets, &base.mail));
        assert_eq!((&both.manage, &both.manifests), (&now.manage, &now.manifests));
        let guards = &both.guards;
        assert_eq!((guards.removals.max_percent, guards.removals.min_count), (10, 1));
        assert_eq!((guards.escalations.max_count, guards.mails.max_count, guards.min_admins), (3, 1, 2));
        assert_eq!(guards.protected_users, ["root@example.com", "boss@example.com"]);
        assert_eq!((&guards.own_account, guards.states_own_account), (&None, false));
        assert_eq!(under_review(&base, &base), base);
    }

    #[test]
    fn what_differs_is_told_with_what_holds() {
        let texts = |text: &str| BTreeMap::from([(FILE_NAME.to_owned(), text.to_owned())]);
        let told = changed_settings(&texts(BASE), &texts(NOW));
        let told: Vec<_> = told.iter().map(|one| (one.name.as_str(), one.holds)).collect();
        assert_eq!(
            told,
            [
                ("guards.escalations.max_count", Holds::Stricter),
                ("guards.mails.max_count", Holds::Stricter),
                ("guards.min_admins", Holds::Stricter),
                ("guards.protected_users", Holds::Both),
                ("guards.removals.max_percent", Holds::Stricter),
                ("guards.removals.min_count", Holds::Stricter),
                ("guards.self", Holds::Base),
                ("mail.from", Holds::Base),
                ("mail.outbox", Holds::Base),
                ("manage.absent_users", Holds::Change),
                ("secrets.sink.command", Holds::Base),
                ("store", Holds::Base),
                ("stores.local.sqlite.path", Holds::Base),
                ("stores.other.sqlite.path", Holds::Base),
            ]
        );
        assert_eq!(changed_settings(&texts(NOW), &texts(NOW)), []);
    }

    #[test]
    fn rule_files_are_compared_as_well() {
        let texts = |rules: &str| BTreeMap::from([("rules/a.yaml".to_owned(), rules.to_owned())]);
        let told = changed_settings(&texts("identity: { case: sensitive }\n"), &texts("extends: default\n"));
        let told: Vec<_> =
            told.iter().map(|one| (one.name.as_str(), one.base.as_deref(), one.now.as_deref())).collect();
        let case = ("rules/a.yaml: identity.case", Some("sensitive"), None);
        assert_eq!(told, [("rules/a.yaml: extends", None, Some("default")), case]);
    }
}
