//! What users share: `teams`, `site_grants`, and the list of leavers.

use super::facts::{LeaverFact, Mention, SiteGrantFact, Target, TeamFact, length};
use super::listed::Listed;
use super::read::Reader;
use super::read_time::Edge;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Name, Selector, Window};
use crate::rules::Named;
use crate::source::{At, Node, Scalar};

pub(super) const TEAM: &[&str] = &["name", "description", "members", "teams", "access"];
pub(super) const SITE_GRANT: &[&str] = &["site", "users", "teams", "role", "starts", "expires", "description"];
pub(super) const LEAVER: &[&str] = &["user", "from", "reason"];

impl<'t> Reader<'t, '_> {
    pub(super) fn teams(&mut self) {
        if !self.mapping("`teams`") {
            return;
        }
        while let Some(key) = self.cursor.next_key() {
            match self.declared_name(Named::Team, &key) {
                Some(name) => self.team(&key, name),
                None => self.cursor.skip(),
            }
        }
    }

    fn team(&mut self, key: &Scalar<'t>, name: Name) {
        let rows = length(&self.into.rows);
        let mut members = 0..0;
        let mut teams = 0..0;
        if self.mapping(&format!("team `{}`", key.text)) {
            while let Some(field) = self.cursor.next_key() {
                let start = length(&self.into.mentions);
                match field.text.as_ref() {
                    "name" => drop(self.text("`name`")),
                    "description" => drop(self.text("`description`")),
                    "members" => {
                        self.mentioned_users("`members`");
                        members = start..length(&self.into.mentions);
                    }
                    "teams" => {
                        self.mentioned_teams("`teams` of a team");
                        teams = start..length(&self.into.mentions);
                    }
                    "access" => {
                        self.access();
                    }
                    _ => self.unknown_key(&field, TEAM, "a team"),
                }
            }
        }
        let rows = rows..length(&self.into.rows);
        self.into.teams.push(TeamFact { name, offset: key.at.offset, rows, members, teams });
    }

    /// Keys of users, as mentions.
    fn mentioned_users(&mut self, what: &str) {
        if !self.list(what) {
            return;
        }
        let mut listed = Listed::default();
        while let Some(item) = self.cursor.next_item() {
            if let Some(user) = self.as_text(item, "a user")
                && let Some((name, identity)) = self.user_key(&user)
            {
                self.list_once(&mut listed, identity, &user);
                self.into.mentions.push(Mention { name, identity, offset: user.at.offset });
            }
        }
    }

    pub(super) fn site_grants(&mut self) {
        if !self.list("`site_grants`") {
            return;
        }
        while let Some(item) = self.cursor.next_item() {
            match item {
                Node::Mapping(at) => self.site_grant(at),
                node @ (Node::Scalar(_) | Node::Sequence(_) | Node::Nothing) => {
                    self.wrong_type(&node, "a site grant", "a mapping");
                }
            }
        }
    }

    fn site_grant(&mut self, at: At) {
        let rows = length(&self.into.rows);
        let mut users = 0..0;
        let mut teams = 0..0;
        let mut role = None;
        let mut window = Window::ALWAYS;
        let mut site: Option<(Selector, Selector, At)> = None;
        let mut has_site = false;
        let mut has_people = false;
        let mistakes_before = self.cursor.mistakes();
        while let Some(field) = self.cursor.next_key() {
            let start = length(&self.into.mentions);
            match field.text.as_ref() {
                "site" => {
                    has_site = true;
                    site = self.organization_and_site();
                }
                "users" => {
                    has_people = true;
                    self.mentioned_users("`users`");
                    users = start..length(&self.into.mentions);
                }
                "teams" => {
                    has_people = true;
                    self.mentioned_teams("`teams` of a site grant");
                    teams = start..length(&self.into.mentions);
                }
                "role" => {
                    if let Some(text) = self.filled("`role`") {
                        let name = self.intern(&text.text);
                        self.refer(Target::SiteRole, name, &text);
                        role = Some(name);
                    }
                }
                "starts" | "expires" => self.window_field(&field, &mut window),
                "description" => drop(self.text("`description`")),
                _ => {
                    has_site |= field.text.starts_with("si");
                    self.unknown_key(&field, SITE_GRANT, "a site grant");
                }
            }
        }
        if let Some((organization, site, at)) = site {
            let mut row = self.row(organization, at.offset);
            self.site(site, role, at.offset);
            row.sites_length = 1;
            row.window = self.window_id(window);
            self.into.rows.push(row);
        } else if !has_site {
            let here = At { length: 0, ..at };
            self.tell(Code::InvalidValue, here, "a site grant has no `site`", "write `site: ORGANIZATION/SITE`");
        }
        // What is wrong about it may be what was to name somebody.
        if users.is_empty() && teams.is_empty() && self.cursor.mistakes() == mistakes_before {
            let here = At { length: 0, ..at };
            let help = "name somebody in `users` or `teams`, or take the grant out";
            if has_people {
                let mistake = Diagnostic::warning(Code::InvalidValue, "a site grant names nobody");
                self.cursor.tell(mistake.at(here.span(self.cursor.file()), "").help(help));
            } else {
                self.tell(Code::InvalidValue, here, "a site grant has neither `users` nor `teams`", help);
            }
        }
        let rows = rows..length(&self.into.rows);
        self.into.site_grants.push(SiteGrantFact { offset: at.offset, rows, users, teams });
    }

    /// `ORG/SITE`, parted at the last `/`, since organizations may have one.
    fn organization_and_site(&mut self) -> Option<(Selector, Selector, At)> {
        let text = self.filled("`site`")?;
        let parts =
            text.text.rsplit_once('/').filter(|(organization, site)| !organization.is_empty() && !site.is_empty());
        let Some((organization, site)) = parts else {
            let message = format!("`{}` names no organization and site", text.text);
            self.tell(Code::InvalidValue, text.at, message, "write ORGANIZATION/SITE, such as north-quarries/pit-1");
            return None;
        };
        Some((self.selector_of(organization), self.selector_of(site), text.at))
    }

    /// Leavers: keys, or keys with a day and a reason.
    pub(super) fn leavers(&mut self) {
        if !self.list("`inactive`") {
            return;
        }
        while let Some(item) = self.cursor.next_item() {
            match item {
                Node::Mapping(at) => self.leaver(at),
                node @ (Node::Scalar(_) | Node::Sequence(_) | Node::Nothing) => {
                    if let Some(user) = self.as_text(node, "a leaver")
                        && let Some((name, identity)) = self.user_key(&user)
                    {
                        let offset = user.at.offset;
                        self.into.leavers.push(LeaverFact { name, identity, offset, from: None, reason: None });
                    }
                }
            }
        }
    }

    fn leaver(&mut self, at: At) {
        let mut has_user = false;
        let mut user = None;
        let mut from = None;
        let mut reason = None;
        while let Some(field) = self.cursor.next_key() {
            match field.text.as_ref() {
                "user" => {
                    has_user = true;
                    user = self.filled("`user`").and_then(|user| Some((self.user_key(&user)?, user.at.offset)));
                }
                "from" => from = self.moment(&field, Edge::Begin),
                "reason" => reason = self.text("`reason`").map(|reason| self.intern(&reason.text)),
                _ => {
                    has_user = true;
                    self.unknown_key(&field, LEAVER, "a leaver");
                }
            }
        }
        if let Some(((name, identity), offset)) = user {
            self.into.leavers.push(LeaverFact { name, identity, offset, from, reason });
        } else if !has_user {
            self.tell(Code::InvalidValue, At { length: 0, ..at }, "a leaver has no `user`", "write whom");
        }
    }
}
