//! `users`: the key, profile fields with their three values, status, attributes typed by the rules, and access.

use super::facts::{Mention, PreviousFact, UserFact, length};
use super::listed::Listed;
use super::read::{Reader, is_unmanaged};
use super::read_access::PlatformRoles;
use crate::diagnostic::{Code, Diagnostic, Position, Span};
use crate::document::lacks_space;
use crate::model::{AccessRow, DeclaredFact, DeclaredStatus, Fact, Name, Value, Window, known};
use crate::rules::{Attribute, AttributeType, EmptyMeaning, KeyField, is_day, refuse_entry, refuse_wrapped};
use crate::source::{At, Node, Scalar, find_hidden};

/// Which words may stand in the place of a list.
#[derive(Debug, Clone, Copy)]
struct SetWords {
    all: bool,
    unmanaged: bool,
}

pub(super) const USER: &[&str] = &[
    "login",
    "email",
    "name",
    "given_name",
    "family_name",
    "phone",
    "mobile",
    "language",
    "timezone",
    "job_title",
    "department",
    "user_type",
    "kind",
    "role",
    "extra_roles",
    "status",
    "mfa",
    "home",
    "api",
    "starts",
    "expires",
    "previously",
    "teams",
    "access",
    "attributes",
];

/// What is read of a user beside the columns.
#[derive(Default)]
struct Draft {
    status: Option<(DeclaredStatus, u32)>,
    platform: PlatformRoles,
    window: Window,
    previous: Option<PreviousFact>,
    stated: bool,
}

impl<'t> Reader<'t, '_> {
    pub(super) fn users(&mut self) {
        if !self.mapping("`users`") {
            return;
        }
        while let Some(key) = self.cursor.next_key() {
            match self.user_key(&key) {
                Some((name, identity)) => self.user(&key, name, identity),
                None => self.wrong_user(&key),
            }
        }
    }

    /// Reads what stands below a key that was told to be none: its mistakes are told in the same run.
    fn wrong_user(&mut self, key: &Scalar<'t>) {
        if key.is_null() || find_hidden(&key.text).is_some() {
            return self.cursor.skip();
        }
        let name = self.intern(&key.text);
        self.user(key, name, name);
    }

    /// The key as spelled and as compared; `None` if it can't be one.
    pub(super) fn user_key(&mut self, key: &Scalar<'t>) -> Option<(Name, Name)> {
        if key.is_null() {
            let help = "quote it if the word is meant, else write the key";
            self.tell(Code::InvalidKey, key.at, "null is no key of a user", help);
            return None;
        }
        if find_hidden(&key.text).is_some() {
            // The reader of the file has told it already.
            return None;
        }
        let identity = self.rules.identity.normalize(&key.text);
        let refused = match &identity {
            Ok(_) => self.rules.identity.refuse_written(&key.text),
            Err(_) => refuse_wrapped(&key.text),
        };
        match identity {
            _ if !unicode_normalization::is_nfc(&key.text) => {
                let message = format!("the key `{}` is not in Unicode normalization form C", key.text);
                self.tell(Code::InvalidKey, key.at, message, "type it anew, or normalize the file");
                None
            }
            _ if let Some((why, help)) = refused => {
                self.tell(Code::InvalidKey, key.at, format!("the key `{}` {why}", key.text), help);
                None
            }
            Err(why) => {
                let help = match self.rules.identity.key_field() {
                    _ if lacks_space(&key.text) => "write a space after the colon",
                    KeyField::Email => "write an address like ana@example.com: by the rules of the store it is the key",
                    KeyField::Login => "correct it: by the rules of the store the key is the login",
                };
                self.tell(Code::InvalidKey, key.at, format!("the key `{}` {why}", key.text), help);
                None
            }
            Ok(identity) => {
                self.refuse_mixed_script(key);
                let name = self.intern(&key.text);
                let identity = if identity == key.text { name } else { self.intern(&identity) };
                Some((name, identity))
            }
        }
    }

    fn user(&mut self, key: &Scalar<'t>, name: Name, identity: Name) {
        let facts = length(&self.into.facts);
        let rows = length(&self.into.rows);
        let teams = length(&self.into.mentions);
        let mut draft = Draft::default();
        let merge_keys = self.cursor.merge_keys();
        if self.mapping("a user") {
            while let Some(field) = self.cursor.next_key() {
                self.user_field(&field, (name, identity), &mut draft);
            }
            // The access may have been meant to come from one.
            draft.stated |= self.cursor.merge_keys() > merge_keys;
        } else {
            draft.stated = true;
        }
        self.platform_row(&draft.platform);
        if let Some((DeclaredStatus::Absent, status)) = draft.status {
            self.given_to_the_absent(key, rows, teams, draft.window, status);
        }
        let window = self.window_id(draft.window);
        self.into.users.push(UserFact {
            key: name,
            identity,
            offset: key.at.offset,
            status: draft.status,
            window,
            previous: draft.previous,
            facts: facts..length(&self.into.facts),
            rows: rows..length(&self.into.rows),
            teams: teams..length(&self.into.mentions),
            stated: draft.stated,
        });
    }

    /// Tells of what is given to somebody who is to be deleted: nothing comes of it.
    fn given_to_the_absent(&mut self, key: &Scalar<'t>, rows: u32, teams: u32, window: Window, status: u32) {
        let gives = |row: &&AccessRow| row.membership || row.sites_length > 0;
        let file = self.cursor.file();
        let row = self.into.rows[rows as usize..].iter().find(gives).map(|row| row.offset);
        let team = self.into.mentions[teams as usize..].first().map(|team| team.offset);
        let place = match row.or(team) {
            Some(offset) => Span::from(Position::new(file, offset)),
            None if window != Window::ALWAYS => key.at.span(file),
            None => return,
        };
        let message = format!("`{}` is absent, and nothing comes of what else is said here", key.text);
        self.cursor.tell(
            Diagnostic::warning(Code::Contradiction, message)
                .at(place, "")
                .and(Position::new(file, status), "absent here")
                .help("keep `status: absent` alone, or take it out"),
        );
    }

    fn user_field(&mut self, field: &Scalar<'t>, (key, identity): (Name, Name), draft: &mut Draft) {
        match field.text.as_ref() {
            "given_name" => self.profile_text(known::GIVEN_NAME, "`given_name`"),
            "family_name" => self.profile_text(known::FAMILY_NAME, "`family_name`"),
            "login" => self.address(KeyField::Login, known::LOGIN, key),
            "email" => self.address(KeyField::Email, known::EMAIL, key),
            "name" => self.profile_text(known::NAME, "`name`"),
            "phone" => self.profile_text(known::PHONE, "`phone`"),
            "mobile" => self.profile_text(known::MOBILE, "`mobile`"),
            "language" => self.profile_text(known::LANGUAGE, "`language`"),
            "timezone" => self.profile_text(known::TIMEZONE, "`timezone`"),
            "job_title" => self.profile_text(known::JOB_TITLE, "`job_title`"),
            "department" => self.profile_text(known::DEPARTMENT, "`department`"),
            "user_type" => self.profile_text(known::USER_TYPE, "`user_type`"),
            "kind" => self.kind(),
            "status" => {
                draft.stated = true;
                draft.status = self.status();
            }
            "mfa" => {
                if let Some((value, at)) = self.bool("`mfa`") {
                    self.fact(known::MFA, Value::Bool(value), at);
                }
            }
            "role" => {
                if let Some(role) = self.filled("`role`") {
                    draft.platform.offset.get_or_insert(role.at.offset);
                    if is_unmanaged(&role) {
                        draft.platform.left_alone.role = true;
                    } else {
                        draft.platform.role = Some(self.intern(&role.text));
                    }
                }
            }
            "extra_roles" => {
                let (list, unmanaged) = self.extra_roles();
                if unmanaged || !list.is_empty() {
                    draft.platform.offset.get_or_insert(field.at.offset);
                }
                draft.platform.extra_roles = list;
                draft.platform.left_alone.extra_roles = unmanaged;
            }
            "home" => self.home(),
            "api" => self.api(),
            "attributes" => self.attributes(),
            "teams" => self.mentioned_teams("`teams` of a user"),
            "access" => draft.stated |= self.access(),
            "starts" | "expires" => self.window_field(field, &mut draft.window),
            "previously" => draft.previous = self.previous_key(identity),
            _ => {
                // It may have been meant to say how it stands with access.
                draft.stated = true;
                self.unknown_key(field, USER, "a user");
            }
        }
    }

    /// The key that the user had before.
    fn previous_key(&mut self, identity: Name) -> Option<PreviousFact> {
        let key = self.filled("`previously`")?;
        let (name, previous) = self.user_key(&key)?;
        if previous == identity {
            self.tell(Code::InvalidValue, key.at, "this is the key that the user has today", "take the line out");
            return None;
        }
        Some(PreviousFact { name, identity: previous, offset: key.at.offset })
    }

    /// Names of teams, as mentions.
    pub(super) fn mentioned_teams(&mut self, what: &str) {
        if !self.list(what) {
            return;
        }
        let mut listed = Listed::default();
        while let Some(item) = self.cursor.next_item() {
            if let Some(team) = self.as_text(item, "a team") {
                let name = self.intern(&team.text);
                self.list_once(&mut listed, name, &team);
                self.into.mentions.push(Mention { name, identity: name, offset: team.at.offset });
            }
        }
    }

    fn fact(&mut self, field: Name, value: Value, at: At) {
        self.into.facts.push(DeclaredFact { fact: Fact::new(field, value), offset: at.offset });
    }

    fn profile_text(&mut self, field: Name, what: &str) {
        if let Some(value) = self.text(what) {
            let text = self.intern(&value.text);
            self.fact(field, Value::Text(text), value.at);
        }
    }

    /// `login` or `email`: one of them is the key, and then says nothing new.
    fn address(&mut self, which: KeyField, field: Name, key: Name) {
        let what = which.as_str();
        let Some(value) = self.text(&format!("`{what}`")) else { return };
        self.refuse_mixed_script(&value);
        let text = self.intern(&value.text);
        if self.rules.identity.key_field() != which {
            self.fact(field, Value::Text(text), value.at);
        } else if text != key {
            let key = self.into.names.text(key).to_owned();
            let message = format!("`{what}` is the key, and `{}` is not `{key}`", value.text);
            self.tell(Code::InvalidValue, value.at, message, format!("leave it out, or write `{key}`"));
        }
    }

    fn kind(&mut self) {
        let Some(value) = self.filled("`kind`") else { return };
        let kind = match value.text.as_ref() {
            "human" => known::HUMAN,
            "service" => known::SERVICE,
            other => {
                let message = format!("`{other}` is no kind of user");
                return self.tell(Code::InvalidValue, value.at, message, "it is `human` or `service`");
            }
        };
        self.fact(known::KIND, Value::Text(kind), value.at);
    }

    fn status(&mut self) -> Option<(DeclaredStatus, u32)> {
        let value = self.filled("`status`")?;
        let status = match value.text.as_ref() {
            "active" => DeclaredStatus::Active,
            "inactive" => DeclaredStatus::Inactive,
            "preloaded" => DeclaredStatus::Preloaded,
            "absent" => DeclaredStatus::Absent,
            other => {
                let message = format!("`{other}` is no status that can be declared");
                let help = "it is `active`, `inactive`, `preloaded` or `absent`; left out, the account just exists";
                self.tell(Code::InvalidValue, value.at, message, help);
                return None;
            }
        };
        Some((status, value.at.offset))
    }

    fn home(&mut self) {
        if !self.mapping("`home`") {
            return;
        }
        while let Some(unit) = self.cursor.next_key() {
            let field = self.composed("home.", &unit.text);
            self.profile_text(field, "a unit of `home`");
        }
    }

    fn api(&mut self) {
        match self.cursor.node() {
            Node::Scalar(scalar) if is_unmanaged(&scalar) => {
                for field in [known::API_ENABLED, known::API_ROUTES] {
                    self.fact(field, Value::Text(known::UNMANAGED), scalar.at);
                }
            }
            Node::Mapping(_) => {
                while let Some(field) = self.cursor.next_key() {
                    match field.text.as_ref() {
                        "enabled" => {
                            if let Some((value, at)) = self.bool("`enabled`") {
                                self.fact(known::API_ENABLED, Value::Bool(value), at);
                            }
                        }
                        "routes" => {
                            let rule = self.rules.field("api").and_then(|rule| rule.empty_routes);
                            let words = SetWords { all: true, unmanaged: true };
                            self.set(known::API_ROUTES, "`routes`", None, (rule != Some(EmptyMeaning::None), words));
                        }
                        _ => self.unknown_key(&field, &["enabled", "routes"], "`api`"),
                    }
                }
            }
            node @ (Node::Scalar(_) | Node::Sequence(_) | Node::Nothing) => {
                self.wrong_type(&node, "`api`", "a mapping");
            }
        }
    }

    fn attributes(&mut self) {
        if !self.mapping("`attributes`") {
            return;
        }
        let rules = self.rules;
        while let Some(key) = self.cursor.next_key() {
            if let Some(Some(rule)) = rules.attributes.get(key.text.as_ref()) {
                let field = self.composed("attributes.", &key.text);
                self.attribute(&key, field, rule);
            } else {
                let declared = rules.attributes.iter().filter(|(_, rule)| rule.is_some());
                let names: Vec<&str> = declared.map(|(name, _)| name.as_str()).collect();
                let meant = rules.meant(&key.text, names.iter().copied());
                let help = match meant.or_else(|| super::suggest::closest(&key.text, names.iter().copied())) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None if names.is_empty() => "they have no attributes at all".to_owned(),
                    None => format!("they have: {}", super::suggest::listing(names)),
                };
                let message = format!("the rules of the store have no attribute `{}`", key.text);
                self.tell(Code::NotInRules, key.at, message, help);
                self.cursor.skip();
            }
        }
    }

    fn attribute(&mut self, key: &Scalar<'t>, field: Name, rule: &Attribute) {
        let what = format!("attribute `{}`", key.text);
        let empty_is_all = rule.empty == Some(EmptyMeaning::All);
        match rule.kind {
            AttributeType::Set => {
                let words = SetWords { all: empty_is_all, unmanaged: rule.access == Some(true) };
                return self.set(field, &what, rule.values.as_deref(), (empty_is_all, words));
            }
            AttributeType::Bool => {
                let node = self.cursor.node();
                if let Node::Scalar(scalar) = &node
                    && is_unmanaged(scalar)
                    && rule.access == Some(true)
                {
                    self.fact(field, Value::Text(known::UNMANAGED), scalar.at);
                } else if let Some((value, at)) = self.as_bool(&node, &what) {
                    self.fact(field, Value::Bool(value), at);
                }
                return;
            }
            AttributeType::Text | AttributeType::Enum | AttributeType::Ordinal | AttributeType::Date => {}
        }
        let Some(value) = self.text(&what) else { return };
        if rule.access == Some(true) && is_unmanaged(&value) {
            return self.fact(field, Value::Text(known::UNMANAGED), value.at);
        }
        if empty_is_all && value.text.is_empty() {
            let message = format!("an empty {what} means everything");
            return self.tell(Code::InvalidValue, value.at, message, "if that is meant, write `all`");
        }
        if empty_is_all && value.text == "all" {
            return self.fact(field, Value::Text(known::ALL), value.at);
        }
        if !value.text.is_empty() {
            if rule.kind == AttributeType::Date && !is_day(&value.text) {
                let message = format!("{what} has to be a day, and `{}` is none", value.text);
                return self.tell(Code::InvalidValue, value.at, message, "write it like 2027-01-31");
            }
            if !self.is_among(&value, &what, rule.values.as_deref()) {
                return;
            }
        }
        let text = self.intern(&value.text);
        self.fact(field, Value::Text(text), value.at);
    }

    /// A set of texts, or one of these words; where an empty one would mean everything, that has to be written `all`.
    fn set(&mut self, field: Name, what: &str, values: Option<&[String]>, (empty_is_all, words): (bool, SetWords)) {
        let at = match self.cursor.node() {
            Node::Sequence(at) => at,
            Node::Scalar(scalar) if words.all && scalar.text == "all" => {
                return self.fact(field, Value::Text(known::ALL), scalar.at);
            }
            Node::Scalar(scalar) if words.unmanaged && is_unmanaged(&scalar) => {
                return self.fact(field, Value::Text(known::UNMANAGED), scalar.at);
            }
            node @ (Node::Scalar(_) | Node::Mapping(_) | Node::Nothing) => {
                return self.wrong_type(&node, what, "a list");
            }
        };
        let mut names = Vec::new();
        let mut empty = true;
        let mut listed = Listed::default();
        while let Some(item) = self.cursor.next_item() {
            empty = false;
            if let Some(text) = self.as_text(item, "an entry")
                && self.is_entry(&text, what)
                && self.is_among(&text, what, values)
            {
                let name = self.intern(&text.text);
                self.list_once(&mut listed, name, &text);
                names.push(name);
            }
        }
        if empty && empty_is_all {
            let message = format!("an empty {what} means everything");
            return self.tell(Code::InvalidValue, At { length: 0, ..at }, message, "if that is meant, write `all`");
        }
        let list = self.into.names.list(&names);
        self.fact(field, Value::Set(list), at);
    }

    fn is_entry(&mut self, entry: &Scalar<'t>, what: &str) -> bool {
        let Some(why) = refuse_entry(&entry.text) else { return true };
        let message = format!("an entry of {what} {why}");
        self.tell(Code::InvalidValue, entry.at, message, "one entry a line, without blanks around it");
        false
    }

    fn is_among(&mut self, value: &Scalar<'t>, what: &str, values: Option<&[String]>) -> bool {
        let Some(values) = values.filter(|values| !values.iter().any(|allowed| *allowed == value.text)) else {
            return true;
        };
        let message = format!("`{}` is no value of {what}", value.text);
        let help = match super::suggest::closest(&value.text, values.iter().map(String::as_str)) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("values are: {}", values.join(", ")),
        };
        self.tell(Code::InvalidValue, value.at, message, help);
        false
    }
}
