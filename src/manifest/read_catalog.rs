//! `organizations` with their sites, and `roles`.

use super::facts::{Ending, OrganizationFact, Reference, RoleFact, SiteFact, Target};
use super::listed::Listed;
use super::read::Reader;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{AppliesTo, List, Name, Role, Selector, SiteAccess, Value, known};
use crate::rules::Named;
use crate::source::{At, Node, Scalar};

pub(super) const ORGANIZATION: &[&str] =
    &["name", "kind", "parent", "default", "includes", "attributes", "sites", "previously", "status"];
pub(super) const SITE: &[&str] =
    &["name", "kind", "parent", "default", "includes", "attributes", "previously", "status"];
pub(super) const ROLE: &[&str] = &[
    "name",
    "rank",
    "includes",
    "permissions",
    "site_access",
    "admin",
    "protected",
    "grantable",
    "applies_to",
    "previously",
    "status",
];

impl<'t> Reader<'t, '_> {
    pub(super) fn organizations(&mut self) {
        if !self.mapping("`organizations`") {
            return;
        }
        while let Some(key) = self.cursor.next_key() {
            match self.declared_name(Named::Organization, &key) {
                Some(name) => self.organization(&key, name),
                None => self.cursor.skip(),
            }
        }
    }

    fn organization(&mut self, key: &Scalar<'t>, name: Name) {
        let mut fact = OrganizationFact {
            name,
            offset: key.at.offset,
            fields: Vec::new(),
            sites: Vec::new(),
            ending: Ending::default(),
        };
        if self.mapping(&format!("organization `{}`", key.text)) {
            while let Some(field) = self.cursor.next_key() {
                match field.text.as_ref() {
                    "name" => self.catalog_text(known::NAME, "`name`", &mut fact.fields),
                    "kind" => self.catalog_text(known::KIND, "`kind`", &mut fact.fields),
                    "parent" => self.parent(Target::Organization, &mut fact.fields),
                    "default" => self.is_default(&mut fact.fields),
                    "includes" => self.includes(Target::Organization, &mut fact.fields),
                    "attributes" => self.catalog_attributes(&mut fact.fields),
                    "sites" => self.declared_sites(name, &mut fact.sites),
                    "previously" => fact.ending.previous = self.previous(Named::Organization, name),
                    "status" => fact.ending.is_absent = self.tombstone(),
                    _ => self.unknown_key(&field, ORGANIZATION, "an organization"),
                }
            }
        }
        self.into.organizations.push(fact);
    }

    fn declared_sites(&mut self, organization: Name, sites: &mut Vec<SiteFact>) {
        if !self.mapping("`sites` of an organization") {
            return;
        }
        while let Some(key) = self.cursor.next_key() {
            let Some(name) = self.declared_name(Named::Site, &key) else {
                self.cursor.skip();
                continue;
            };
            let mut site = SiteFact { name, offset: key.at.offset, fields: Vec::new(), ending: Ending::default() };
            if self.mapping(&format!("site `{}`", key.text)) {
                self.site_fields(organization, &mut site);
            }
            sites.push(site);
        }
    }

    fn site_fields(&mut self, organization: Name, site: &mut SiteFact) {
        let target = Target::Site(Selector::Exact(organization));
        while let Some(field) = self.cursor.next_key() {
            match field.text.as_ref() {
                "name" => self.catalog_text(known::NAME, "`name`", &mut site.fields),
                "kind" => self.catalog_text(known::KIND, "`kind`", &mut site.fields),
                "parent" => self.parent(target, &mut site.fields),
                "default" => self.is_default(&mut site.fields),
                "includes" => self.includes(target, &mut site.fields),
                "attributes" => self.catalog_attributes(&mut site.fields),
                "previously" => site.ending.previous = self.previous(Named::Site, site.name),
                "status" => site.ending.is_absent = self.tombstone(),
                _ => self.unknown_key(&field, SITE, "a site"),
            }
        }
    }

    fn catalog_text(&mut self, field: Name, what: &str, fields: &mut Vec<(Name, Value)>) {
        if let Some(value) = self.text(what) {
            let value = self.intern(&value.text);
            fields.push((field, Value::Text(value)));
        }
    }

    fn parent(&mut self, target: Target, fields: &mut Vec<(Name, Value)>) {
        let Some(value) = self.text("`parent`") else { return };
        let name = self.intern(&value.text);
        if !value.text.is_empty() {
            self.refer(target, name, &value);
        }
        fields.push((known::PARENT, Value::Text(name)));
    }

    fn is_default(&mut self, fields: &mut Vec<(Name, Value)>) {
        if let Some((value, _)) = self.bool("`default`") {
            fields.push((known::DEFAULT, Value::Bool(value)));
        }
    }

    fn includes(&mut self, target: Target, fields: &mut Vec<(Name, Value)>) {
        if let Some(list) = self.references("`includes`", target) {
            fields.push((known::INCLUDES, Value::Set(list)));
        }
    }

    /// Attributes of organizations and sites have no types in the rules: texts, and lists of texts.
    fn catalog_attributes(&mut self, fields: &mut Vec<(Name, Value)>) {
        if !self.mapping("`attributes`") {
            return;
        }
        while let Some(key) = self.cursor.next_key() {
            let field = self.composed("attributes.", &key.text);
            match self.cursor.node() {
                Node::Scalar(value) if !value.is_null() => {
                    let value = self.intern(&value.text);
                    fields.push((field, Value::Text(value)));
                }
                Node::Sequence(_) => {
                    let mut names = Vec::new();
                    let mut listed = Listed::default();
                    while let Some(item) = self.cursor.next_item() {
                        if let Some(text) = self.as_text(item, "an entry") {
                            let name = self.intern(&text.text);
                            self.list_once(&mut listed, name, &text);
                            names.push(name);
                        }
                    }
                    fields.push((field, Value::Set(self.into.names.list(&names))));
                }
                node @ (Node::Scalar(_) | Node::Mapping(_) | Node::Nothing) => {
                    self.wrong_type(&node, "an attribute", "text");
                }
            }
        }
    }

    /// The name of a field that stands within another.
    pub(super) fn composed(&mut self, prefix: &str, field: &str) -> Name {
        self.buffer.clear();
        self.buffer.push_str(prefix);
        self.buffer.push_str(field);
        self.into.names.intern(&self.buffer)
    }

    /// The list of references that stands here.
    pub(super) fn references(&mut self, what: &str, target: Target) -> Option<List> {
        let texts = self.texts(what)?;
        let mut names = Vec::with_capacity(texts.len());
        let mut listed = Listed::default();
        for text in &texts {
            let name = self.intern(&text.text);
            self.list_once(&mut listed, name, text);
            self.refer(target, name, text);
            names.push(name);
        }
        Some(self.into.names.list(&names))
    }

    /// Notes that a name has to be declared somewhere.
    pub(super) fn refer(&mut self, target: Target, name: Name, scalar: &Scalar<'t>) {
        let file = self.cursor.file();
        self.into.references.push(Reference { target, name, file, offset: scalar.at.offset });
    }

    pub(super) fn roles(&mut self) {
        if !self.mapping("`roles`") {
            return;
        }
        while let Some(key) = self.cursor.next_key() {
            let Some(name) = self.declared_name(Named::Role, &key) else {
                self.cursor.skip();
                continue;
            };
            let mut fact = RoleFact { name, offset: key.at.offset, role: Role::default(), ending: Ending::default() };
            if self.mapping(&format!("role `{}`", key.text)) {
                self.role_fields(&mut fact);
            }
            self.into.roles.push(fact);
        }
    }

    fn role_fields(&mut self, fact: &mut RoleFact) {
        let RoleFact { name, role, ending, .. } = fact;
        while let Some(field) = self.cursor.next_key() {
            match field.text.as_ref() {
                "name" => role.name = self.text("`name`").map(|value| self.intern(&value.text)),
                "rank" => role.rank = self.number("`rank`"),
                "includes" => role.includes = self.references("`includes`", Target::AnyRole).unwrap_or_default(),
                "permissions" => {
                    role.permissions = self.permissions();
                }
                "site_access" => role.site_access = self.site_access(),
                "admin" => role.admin = self.bool("`admin`").is_some_and(|(value, _)| value),
                "protected" => role.protected = self.bool("`protected`").is_some_and(|(value, _)| value),
                "grantable" => role.grantable = self.bool("`grantable`").is_none_or(|(value, _)| value),
                "applies_to" => role.applies_to = self.applies_to(),
                "previously" => ending.previous = self.previous(Named::Role, *name),
                "status" => ending.is_absent = self.tombstone(),
                _ => self.unknown_key(&field, ROLE, "a role"),
            }
        }
    }

    fn permissions(&mut self) -> List {
        let texts = self.texts("`permissions`").unwrap_or_default();
        let mut names: Vec<Name> = Vec::with_capacity(texts.len());
        let mut listed = Listed::default();
        for text in &texts {
            if text.text.is_empty() {
                self.tell(Code::InvalidValue, text.at, "a permission is empty", "write it, or take the entry out");
                continue;
            }
            self.refuse_mixed_script(text);
            let name = self.intern(&text.text);
            self.list_once(&mut listed, name, text);
            names.push(name);
        }
        self.into.names.list(&names)
    }

    fn site_access(&mut self) -> SiteAccess {
        let Some(value) = self.filled("`site_access`") else { return SiteAccess::Selected };
        match value.text.as_ref() {
            "selected" => SiteAccess::Selected,
            "all" => SiteAccess::All,
            other => {
                let message = format!("`{other}` is no `site_access`");
                self.tell(Code::InvalidValue, value.at, message, "it is `selected` or `all`");
                SiteAccess::Selected
            }
        }
    }

    /// A place, or a list of places.
    fn applies_to(&mut self) -> AppliesTo {
        let mut applies_to = AppliesTo { organization: false, site: false, platform: false, extra: false };
        match self.cursor.node() {
            Node::Sequence(at) => {
                let mut is_empty = true;
                let mut listed = Listed::default();
                while let Some(item) = self.cursor.next_item() {
                    is_empty = false;
                    if let Some(place) = self.as_text(item, "a place") {
                        let name = self.intern(&place.text);
                        self.list_once(&mut listed, name, &place);
                        self.place(&place, &mut applies_to);
                    }
                }
                if is_empty {
                    let here = At { length: 0, ..at }.span(self.cursor.file());
                    let mistake = Diagnostic::warning(Code::InvalidValue, "this role can be given nowhere");
                    let help = "name a place, or write `grantable: false` if other roles include it";
                    self.cursor.tell(mistake.at(here, "").help(help));
                }
            }
            Node::Scalar(place) if !place.is_null() => self.place(&place, &mut applies_to),
            node @ (Node::Scalar(_) | Node::Mapping(_) | Node::Nothing) => {
                self.wrong_type(&node, "`applies_to`", "a list");
            }
        }
        applies_to
    }

    fn place(&mut self, place: &Scalar<'t>, applies_to: &mut AppliesTo) {
        match place.text.as_ref() {
            "organization" => applies_to.organization = true,
            "site" => applies_to.site = true,
            "platform" => applies_to.platform = true,
            "extra" => applies_to.extra = true,
            other => {
                let message = format!("`{other}` is no place for a role");
                let help = "places are `organization`, `site`, `platform` and `extra`";
                self.tell(Code::InvalidValue, place.at, message, help);
            }
        }
    }
}
