//! One file from YAML to facts: the six keys, and the helpers that every reader of this room shares.
//!
//! Whatever is wrong is recorded at its place, and reading goes on with the next node.

use std::borrow::Cow;

use super::facts::{FileFacts, PreviousFact};
use super::suggest::closest;
use jiff::tz::TimeZone;

use super::Reading;
use crate::diagnostic::{Code, Diagnostic, FileId, names_a_secret_key};
use crate::document::lacks_space;
use crate::model::Name;
use crate::rules::{Named, Rules, folded, mixed_script, readable, refuse_name};
use crate::source::{At, Cursor, Node, Scalar, find_hidden};

/// The keys that a manifest may have.
pub(super) const KEYS: &[&str] = &["organizations", "roles", "users", "teams", "site_grants", "inactive"];

/// A file on its way from text to facts.
pub(super) struct Reader<'t, 'r> {
    pub(super) cursor: Cursor<'t>,
    pub(super) rules: &'r Rules,
    /// When a day begins and ends.
    pub(super) time_zone: &'r TimeZone,
    pub(super) into: FileFacts,
    /// For composed names of fields.
    pub(super) buffer: String,
}

/// Reads the text of one file.
pub(super) fn read(file: FileId, text: &str, reading: Reading<'_>) -> FileFacts {
    let Reading { rules, time_zone } = reading;
    let mut reader =
        Reader { cursor: Cursor::new(file, text), rules, time_zone, into: FileFacts::default(), buffer: String::new() };
    let mut is_empty = true;
    let mut is_manifest = true;
    match reader.cursor.root() {
        None | Some(Node::Nothing) => {}
        Some(Node::Scalar(scalar)) if scalar.is_null() => {}
        Some(Node::Mapping(_)) => {
            while let Some(key) = reader.cursor.next_key() {
                is_empty = false;
                match key.text.as_ref() {
                    "organizations" => reader.organizations(),
                    "roles" => reader.roles(),
                    "users" => reader.users(),
                    "teams" => reader.teams(),
                    "site_grants" => reader.site_grants(),
                    "inactive" => reader.leavers(),
                    _ => reader.unknown_key(&key, KEYS, "a manifest"),
                }
            }
        }
        Some(node @ (Node::Scalar(_) | Node::Sequence(_))) => {
            is_manifest = false;
            reader.wrong_type(&node, "a manifest", "a mapping");
        }
    }
    let mut facts = reader.into;
    facts.outcome = reader.cursor.finish();
    // What was to stand there is not known.
    facts.outcome.broken |= !is_manifest;
    facts.is_empty = is_empty && facts.outcome.mistakes.is_empty();
    facts
}

impl<'t> Reader<'t, '_> {
    /// Records an error.
    pub(super) fn tell(&mut self, code: Code, at: At, message: impl Into<String>, help: impl Into<String>) {
        let help = help.into();
        let mistake = Diagnostic::error(code, message).at(at.span(self.cursor.file()), "");
        self.cursor.tell(if help.is_empty() { mistake } else { mistake.help(help) });
    }

    /// Records that a node has the wrong type, and skips it.
    pub(super) fn wrong_type(&mut self, node: &Node<'t>, what: &str, wanted: &str) {
        let (at, found) = match node {
            Node::Scalar(scalar) if scalar.is_null() => (scalar.at, "nothing"),
            Node::Scalar(scalar) => (scalar.at, "text"),
            Node::Sequence(at) => (At { length: 0, ..*at }, "a list"),
            Node::Mapping(at) => (At { length: 0, ..*at }, "a mapping"),
            // The mistake is recorded already.
            Node::Nothing => return,
        };
        let help = type_help(what, wanted, found);
        self.tell(Code::WrongType, at, format!("{what} has to be {wanted}, and this is {found}"), help);
        self.cursor.skip_rest(node);
    }

    /// Records a key that the language does not have, and skips its value.
    pub(super) fn unknown_key(&mut self, key: &Scalar<'t>, allowed: &[&'static str], owner: &str) {
        // A key that nobody can read as it stands is told already.
        if find_hidden(&key.text).is_some() {
            return self.cursor.skip();
        }
        if !self.cursor.keeps(Code::UnknownKey) {
            self.cursor.count(Code::UnknownKey);
            return self.cursor.skip();
        }
        let meant = closest(&key.text, allowed.iter().copied()).or_else(|| word_of_the_language(&key.text, allowed));
        let help = match meant {
            _ if lacks_space(&key.text) || before_colon(key).is_some_and(|before| allowed.contains(&before)) => {
                "write a space after the colon".to_owned()
            }
            _ if names_a_secret_key(&key.text) => "take it out: a secret never stands in a manifest".to_owned(),
            Some(close) => super::suggest::question(&key.text, close),
            None => format!("it may have: {}", allowed.join(", ")),
        };
        let message = format!("{owner} has no `{}`", key.text);
        self.tell(Code::UnknownKey, key.at, message, help);
        self.cursor.skip();
    }

    /// Tells of a key that has swallowed its value, since no blank follows its colon.
    pub(super) fn lacks_space(&mut self, key: &Scalar<'t>, value: &Node<'t>) -> bool {
        let Node::Scalar(scalar) = value else { return false };
        let swallows = scalar.is_null() && before_colon(key).is_some();
        if swallows {
            let message = format!("`{}` is one word, and no value follows it", key.text);
            self.tell(Code::WrongType, key.at, message, "write a space after the colon");
        }
        swallows
    }

    /// Opens the mapping that stands here, or records that there is none.
    pub(super) fn mapping(&mut self, what: &str) -> bool {
        match self.cursor.node() {
            Node::Mapping(_) => true,
            node @ (Node::Scalar(_) | Node::Sequence(_) | Node::Nothing) => {
                self.wrong_type(&node, what, "a mapping");
                false
            }
        }
    }

    /// Opens the list that stands here, or records that there is none.
    pub(super) fn list(&mut self, what: &str) -> bool {
        match self.cursor.node() {
            Node::Sequence(_) => true,
            node @ (Node::Scalar(_) | Node::Mapping(_) | Node::Nothing) => {
                self.wrong_type(&node, what, "a list");
                false
            }
        }
    }

    /// A node as text; null is none.
    pub(super) fn as_text(&mut self, node: Node<'t>, what: &str) -> Option<Scalar<'t>> {
        match node {
            Node::Scalar(scalar) if !scalar.is_null() => Some(scalar),
            node @ (Node::Scalar(_) | Node::Sequence(_) | Node::Mapping(_) | Node::Nothing) => {
                self.wrong_type(&node, what, "text");
                None
            }
        }
    }

    /// The text that stands here, perhaps empty.
    pub(super) fn text(&mut self, what: &str) -> Option<Scalar<'t>> {
        let node = self.cursor.node();
        self.as_text(node, what)
    }

    /// The text that stands here, which may not be empty.
    pub(super) fn filled(&mut self, what: &str) -> Option<Scalar<'t>> {
        let node = self.cursor.node();
        self.as_filled(node, what)
    }

    /// A node as text that may not be empty.
    pub(super) fn as_filled(&mut self, node: Node<'t>, what: &str) -> Option<Scalar<'t>> {
        if let Node::Scalar(scalar) = &node
            && scalar.is_null()
        {
            let message = format!("{what} has to be text, and this is nothing");
            self.tell(Code::WrongType, scalar.at, message, "write the value, or leave the line out");
            return None;
        }
        let scalar = self.as_text(node, what)?;
        if scalar.text.is_empty() {
            self.tell(Code::InvalidValue, scalar.at, format!("{what} is empty"), "leave it out");
            return None;
        }
        Some(scalar)
    }

    /// A node as a truth value: exactly `true` or `false`, without quotes.
    pub(super) fn as_bool(&mut self, node: &Node<'t>, what: &str) -> Option<(bool, At)> {
        if let Node::Scalar(scalar) = node {
            match (scalar.plain, scalar.text.as_ref()) {
                (true, "true") => return Some((true, scalar.at)),
                (true, "false") => return Some((false, scalar.at)),
                (true | false, _) => {}
            }
        }
        self.wrong_type(node, what, "`true` or `false`");
        None
    }

    /// The truth value that stands here.
    pub(super) fn bool(&mut self, what: &str) -> Option<(bool, At)> {
        let node = self.cursor.node();
        self.as_bool(&node, what)
    }

    /// The whole number that stands here.
    pub(super) fn number(&mut self, what: &str) -> Option<i32> {
        let node = self.cursor.node();
        if let Node::Scalar(scalar) = &node
            && scalar.plain
            && let Ok(number) = scalar.text.parse::<i32>()
        {
            if number.to_string() == scalar.text {
                return Some(number);
            }
            let message = format!("{what} is written `{}`, which reads as another number elsewhere", scalar.text);
            self.tell(Code::WrongType, scalar.at, message, format!("write `{number}`"));
            return None;
        }
        self.wrong_type(&node, what, "a whole number");
        None
    }

    /// The texts of the list that stands here.
    pub(super) fn texts(&mut self, what: &str) -> Option<Vec<Scalar<'t>>> {
        if !self.list(what) {
            return None;
        }
        let mut texts = Vec::new();
        while let Some(item) = self.cursor.next_item() {
            texts.extend(self.as_text(item, "an entry"));
        }
        Some(texts)
    }

    /// A name of something that is declared here, also where it breaks the rules, which is told: what stands below it is
    /// read in the same run. `None` where there is nothing to call it by.
    pub(super) fn declared_name(&mut self, named: Named, key: &Scalar<'t>) -> Option<Name> {
        let kind = named.as_str();
        if key.is_null() {
            let help = "quote it if the word is meant, else write the name";
            self.tell(Code::InvalidName, key.at, format!("null is no {kind} name"), help);
            return None;
        }
        if let Some((why, help)) = refuse_name(named, &key.text) {
            self.tell(Code::InvalidName, key.at, format!("the {kind} name `{}` {why}", key.text), help);
            return find_hidden(&key.text).is_none().then(|| self.intern(&key.text));
        }
        self.refuse_mixed_script(key);
        Some(self.intern(&key.text))
    }

    /// Records a text whose letters come from scripts that are not written together.
    pub(super) fn refuse_mixed_script(&mut self, scalar: &Scalar<'t>) {
        // A character that can't be seen is told already.
        if find_hidden(&scalar.text).is_some() {
            return;
        }
        let read = readable(&scalar.text);
        if let Some(word) = mixed_script(&read) {
            let message = match &read {
                Cow::Borrowed(_) => {
                    format!("`{word}` mixes letters of several scripts, and could be taken for another name")
                }
                Cow::Owned(read) => format!(
                    "`{}` is read as `{read}`, where `{word}` mixes letters of several scripts, and could be taken for \
                     another name",
                    scalar.text
                ),
            };
            self.tell(Code::MixedScript, scalar.at, message, "write it in one script");
        }
    }

    pub(super) fn intern(&mut self, text: &str) -> Name {
        self.into.names.intern(text)
    }

    /// The `status: absent` of a tombstone: whether it stands here.
    pub(super) fn tombstone(&mut self) -> bool {
        let Some(status) = self.filled("`status`") else { return false };
        let is_absent = status.text == "absent";
        if !is_absent {
            let message = format!("`{}` is no status of this", status.text);
            self.tell(Code::InvalidValue, status.at, message, "it can only be `absent`");
        }
        is_absent
    }

    /// The name that an organization, a site or a role had before.
    pub(super) fn previous(&mut self, named: Named, name: Name) -> Option<PreviousFact> {
        let before = self.filled("`previously`")?;
        let previous = self.declared_name(named, &before)?;
        if previous == name {
            self.tell(Code::InvalidValue, before.at, "this is the name that it has today", "take the line out");
            return None;
        }
        Some(PreviousFact { name: previous, identity: previous, offset: before.at.offset })
    }
}

/// What stands before a colon that belongs to the word, since no blank follows it.
fn before_colon<'k>(key: &'k Scalar<'_>) -> Option<&'k str> {
    let (before, after) = key.text.split_once(':').filter(|_| key.plain)?;
    (!before.is_empty() && !after.is_empty()).then_some(before)
}

/// How to write what has the wrong type.
fn type_help(what: &str, wanted: &str, found: &str) -> &'static str {
    // An entry of a list can't be left empty, as a field can.
    let is_entry = !what.starts_with('`');
    match (found, wanted, what) {
        ("nothing", "text", _) if is_entry => "write it, or take the entry out",
        ("nothing", "text", _) => "leave it out, or write `\"\"` for an empty text",
        ("nothing", "a mapping", "a user") => "write `{}` if teams give all its access, or `{ access: {} }` for none",
        ("nothing", "a mapping", "a site grant") => "write `site:` with `users:` or `teams:`, or take the entry out",
        ("nothing", "a mapping", _) => "write `{}` for an empty one",
        ("nothing", "a list", _) => "write `[]` for an empty one",
        ("nothing", "a role or a mapping", _) => "write a role, or `{}` for a membership without one",
        ("nothing", "`true` or `false`" | "a whole number", _) => "write the value, or leave the line out",
        (_, "`true` or `false`", _) => "without quotes; `yes`, `no`, `on` and `off` are text",
        (_, "a whole number", _) => "write digits without quotes, from -2147483648 to 2147483647",
        (_, "text", _) => "write one text, without brackets, braces and dashes",
        (_, "a list", _) => "write it as a list: `[…]`",
        (_, "a role or a mapping", _) => "write one role, or its fields: `{ role: …, sites: […] }`",
        (_, "a mapping", "a manifest") => {
            "begin with `organizations:`, `roles:`, `users:`, `teams:`, `site_grants:` or `inactive:`"
        }
        (_, "a mapping", "`access`") => "write the organization with the role there: `{ ORGANIZATION: ROLE }`",
        (_, "a mapping", "`users`" | "`teams`" | "`roles`" | "`organizations`" | "`sites` of an organization") => {
            "write each name with a colon: `NAME: {}`"
        }
        (_, "a mapping", "a site grant") => "write `site:` with `users:` or `teams:`",
        (_, "a mapping", "`api`") => "write `{ enabled: true }` or `{ enabled: false }`, or `unmanaged`",
        (_, "a mapping", _) => "write it as a mapping: `{ NAME: VALUE }`",
        _ => "write `[…]` for a list, `{ SITE: ROLE }` for roles on sites, or `all`",
    }
}

/// What other tools call otherwise, among the keys that can stand here.
fn word_of_the_language(text: &str, allowed: &[&'static str]) -> Option<&'static str> {
    let words: &[&str] = match folded(text).replace(' ', "_").as_str() {
        "group" | "groups" => &["teams"],
        "membership" | "memberships" | "permissions" | "grants" => &["access", "site_grants"],
        "leavers" | "leaver" | "disabled_users" => &["inactive"],
        "people" | "accounts" | "persons" => &["users"],
        "companies" | "tenants" | "orgs" | "org" => &["organizations"],
        "first_name" | "firstname" | "prenom" => &["given_name"],
        "last_name" | "lastname" | "surname" | "nom_de_famille" => &["family_name"],
        "nom" | "nom_complet" | "full_name" => &["name", "family_name"],
        "title" | "position" | "poste" | "intitule_du_poste" => &["job_title"],
        "tel" | "telephone" => &["phone"],
        "cellulaire" | "portable" => &["mobile"],
        "locale" | "lang" | "langue" => &["language"],
        "courriel" | "adresse_e_mail" => &["email"],
        "identifiant" | "nom_d_utilisateur" | "username" => &["login"],
        "type_d_utilisateur" => &["user_type"],
        "authentification_a_deux_facteurs" => &["mfa"],
        "affectation" | "affectations" => &["sites"],
        "active" | "enabled" | "disabled" | "deleted" | "state" => &["status"],
        "until" | "end" | "ends" | "to" | "valid_until" => &["expires"],
        "since" | "begin" | "begins" | "valid_from" => &["starts", "from"],
        "date" | "day" => &["from"],
        "old_name" | "former" | "renamed_from" => &["previously"],
        _ => return None,
    };
    words.iter().find_map(|word| allowed.iter().copied().find(|allowed| allowed == word))
}

/// The word that leaves something to others.
pub(super) fn is_unmanaged(scalar: &Scalar<'_>) -> bool {
    scalar.text == "unmanaged"
}
