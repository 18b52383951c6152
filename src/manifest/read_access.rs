//! `access`: memberships and site grants of a user or a team, with their short forms.

use super::facts::{Target, length};
use super::listed::Listed;
use super::read::{Reader, is_unmanaged};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{AccessRow, LeftAlone, List, Name, Selector, SiteRow, Window, WindowId, known};
use crate::source::{Node, Scalar};

pub(super) const MEMBERSHIP: &[&str] = &["role", "extra_roles", "sites", "default_site", "starts", "expires"];

/// What `all` stands for.
const EVERY: &str = "*";

/// What a user's own `role` and `extra_roles` say about the platform.
#[derive(Default)]
pub(super) struct PlatformRoles {
    pub(super) role: Option<Name>,
    pub(super) extra_roles: List,
    pub(super) left_alone: LeftAlone,
    /// Where the first of them stands, if any does.
    pub(super) offset: Option<u32>,
}

impl<'t> Reader<'t, '_> {
    /// Reads a mapping of organizations. Whether that settles how it stands with access: an empty one says "nothing",
    /// and where a mistake is told already, another one about what it left out would be too much.
    pub(super) fn access(&mut self) -> bool {
        match self.cursor.node() {
            Node::Mapping(_) => {
                let before = self.into.rows.len();
                let mut entries = 0;
                while let Some(key) = self.cursor.next_key() {
                    entries += 1;
                    self.membership(&key);
                }
                entries == 0 || self.into.rows.len() - before < entries
            }
            Node::Scalar(scalar) if is_unmanaged(&scalar) => {
                let every = Selector::Pattern(self.intern(EVERY));
                let row = AccessRow { left_alone: LeftAlone::MEMBERSHIP, ..self.row(every, scalar.at.offset) };
                self.into.rows.push(row);
                true
            }
            node @ (Node::Scalar(_) | Node::Sequence(_) | Node::Nothing) => {
                self.wrong_type(&node, "`access`", "a mapping");
                true
            }
        }
    }

    fn membership(&mut self, key: &Scalar<'t>) {
        if key.is_null() || key.text.is_empty() {
            self.tell(Code::WrongType, key.at, "an organization has to be named by text", "");
            return self.cursor.skip();
        }
        let organization = self.selector(key);
        let mut row = self.row(organization, key.at.offset);
        let node = self.cursor.node();
        if self.lacks_space(key, &node) {
            return;
        }
        match node {
            Node::Mapping(_) => self.membership_fields(&mut row),
            Node::Scalar(role) if !role.is_null() => {
                if is_unmanaged(&role) {
                    row.left_alone = LeftAlone::MEMBERSHIP;
                } else if !self.role(&role, &mut row) {
                    return;
                } else {
                    row.membership = true;
                }
            }
            node @ (Node::Scalar(_) | Node::Sequence(_) | Node::Nothing) => {
                return self.wrong_type(&node, "access to an organization", "a role or a mapping");
            }
        }
        self.into.rows.push(row);
    }

    /// A row without anything yet, whose sites begin where the column of sites ends.
    pub(super) fn row(&self, organization: Selector, offset: u32) -> AccessRow {
        AccessRow {
            organization,
            membership: false,
            role: None,
            extra_roles: List::EMPTY,
            default_site: None,
            sites_start: length(&self.into.sites),
            sites_length: 0,
            file: self.cursor.file(),
            offset,
            role_offset: offset,
            window: WindowId::ALWAYS,
            left_alone: LeftAlone::NOTHING,
        }
    }

    fn membership_fields(&mut self, row: &mut AccessRow) {
        let mut has_sites = false;
        let mut empty_sites = None;
        let mut has_role = false;
        let mut default_site = None;
        let mut window = Window::ALWAYS;
        while let Some(field) = self.cursor.next_key() {
            match field.text.as_ref() {
                "role" => {
                    has_role = true;
                    if let Some(role) = self.filled("`role`") {
                        if is_unmanaged(&role) {
                            row.left_alone.role = true;
                        } else {
                            self.role(&role, row);
                        }
                    }
                }
                "extra_roles" => {
                    let (extra_roles, unmanaged) = self.extra_roles();
                    row.extra_roles = extra_roles;
                    row.left_alone.extra_roles = unmanaged;
                    has_role |= !row.extra_roles.is_empty();
                }
                "sites" => {
                    has_sites = true;
                    empty_sites = self.sites(row).then_some(field.at);
                }
                "default_site" => {
                    if let Some(site) = self.filled("`default_site`") {
                        default_site = Some(site.at);
                        let name = self.intern(&site.text);
                        self.refer(Target::Site(row.organization), name, &site);
                        row.default_site = Some(name);
                    }
                }
                "starts" | "expires" => self.window_field(&field, &mut window),
                _ => self.unknown_key(&field, MEMBERSHIP, "access to an organization"),
            }
        }
        if row.left_alone.sites
            && let Some(site) = default_site
        {
            row.default_site = None;
            let message = "a default site is declared where the sites are left to others";
            self.tell(Code::ConflictingUnmanaged, site, message, "leave one of them out");
        }
        // A source with sites and no role gives no membership.
        row.membership = has_role || !has_sites;
        if let Some(at) = empty_sites.filter(|_| !row.membership && !row.left_alone.extra_roles) {
            let message = "neither a role nor a site stands here, so this gives nothing";
            let mistake = Diagnostic::warning(Code::NoAccessStated, message).at(at.span(self.cursor.file()), "");
            self.cursor.tell(mistake.help("write `{}` for a membership without a role, or take the place out"));
        }
        row.window = self.window_id(window);
    }

    fn role(&mut self, role: &Scalar<'t>, row: &mut AccessRow) -> bool {
        if role.text.is_empty() {
            self.tell(Code::InvalidValue, role.at, "the role is empty", "write `{}` for a membership without a role");
            return false;
        }
        row.role = Some(self.intern(&role.text));
        row.role_offset = role.at.offset;
        true
    }

    /// The list of extra roles that stands here, and whether others manage them.
    pub(super) fn extra_roles(&mut self) -> (List, bool) {
        match self.cursor.node() {
            Node::Scalar(scalar) if is_unmanaged(&scalar) => (List::EMPTY, true),
            Node::Sequence(_) => {
                let mut names: Vec<Name> = Vec::new();
                let mut listed = Listed::default();
                while let Some(item) = self.cursor.next_item() {
                    if let Some(role) = self.as_text(item, "an extra role") {
                        let name = self.intern(&role.text);
                        self.list_once(&mut listed, name, &role);
                        self.refer(Target::ExtraRole, name, &role);
                        names.push(name);
                    }
                }
                (self.into.names.list(&names), false)
            }
            node @ (Node::Scalar(_) | Node::Mapping(_) | Node::Nothing) => {
                self.wrong_type(&node, "`extra_roles`", "a list");
                (List::EMPTY, false)
            }
        }
    }

    /// Sites: a list, a mapping of site to role, or `all`. Whether it is a list or a mapping of nothing.
    fn sites(&mut self, row: &mut AccessRow) -> bool {
        let mut is_empty = false;
        match self.cursor.node() {
            Node::Scalar(scalar) if scalar.text == "all" => {
                let every = self.intern(EVERY);
                self.site(Selector::Pattern(every), None, scalar.at.offset);
            }
            Node::Scalar(scalar) if is_unmanaged(&scalar) => row.left_alone.sites = true,
            Node::Sequence(_) => {
                let mut listed = Listed::default();
                is_empty = true;
                while let Some(item) = self.cursor.next_item() {
                    is_empty = false;
                    if let Some(site) = self.as_text(item, "a site") {
                        let selector = self.selector(&site);
                        let (Selector::Exact(name) | Selector::Pattern(name)) = selector;
                        self.list_once(&mut listed, name, &site);
                        self.site(selector, None, site.at.offset);
                    }
                }
            }
            Node::Mapping(_) => {
                is_empty = true;
                while let Some(site) = self.cursor.next_key() {
                    is_empty = false;
                    let selector = self.selector(&site);
                    let node = self.cursor.node();
                    if self.lacks_space(&site, &node) {
                        continue;
                    }
                    if let Some(role) = self.as_filled(node, "the role on a site") {
                        let name = self.intern(&role.text);
                        self.refer(Target::SiteRole, name, &role);
                        self.site(selector, Some(name), site.at.offset);
                    }
                }
            }
            node @ (Node::Scalar(_) | Node::Nothing) => {
                self.wrong_type(&node, "`sites`", "a list, a mapping of site to role, or `all`");
            }
        }
        row.sites_length = length(&self.into.sites) - row.sites_start;
        is_empty
    }

    pub(super) fn site(&mut self, site: Selector, role: Option<Name>, offset: u32) {
        self.into.sites.push(SiteRow { site, role, offset });
    }

    /// A name, or a pattern of names; `all` is `*`.
    pub(super) fn selector(&mut self, text: &Scalar<'t>) -> Selector {
        self.selector_of(&text.text)
    }

    pub(super) fn selector_of(&mut self, text: &str) -> Selector {
        if text == "all" {
            Selector::Pattern(self.intern(EVERY))
        } else if text.contains('*') {
            Selector::Pattern(self.intern(text))
        } else {
            Selector::Exact(self.intern(text))
        }
    }

    /// Adds the row of platform roles that a user's `role` and `extra_roles` make.
    pub(super) fn platform_row(&mut self, roles: &PlatformRoles) {
        let PlatformRoles { role, extra_roles, left_alone, offset } = *roles;
        let Some(offset) = offset else { return };
        let mut row = self.row(Selector::Exact(known::PLATFORM), offset);
        row.membership = true;
        row.role = role;
        row.extra_roles = extra_roles;
        row.left_alone = left_alone;
        self.into.rows.push(row);
    }
}
