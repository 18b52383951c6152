//! Templates for invitations in bulk: what holds for the whole file, and how live people are written as such.

use std::collections::{BTreeMap, BTreeSet};

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use super::columns::{Column, of_template};
use super::formula::neutral;
use super::losses::Losses;
use super::mistakes::quoted;
use super::roles::unknown_role;
use super::{Batch, Exported, Known};
use crate::document::nearest;
use crate::manifest::Unsayable;
use crate::model::{LiveState, LiveView, Membership, Name, Names, Status, Value, known};
use crate::rules::{FieldRequired, KEPT_ELSEWHERE, Named, RolePlace, RoleSiteAccess, Rules, refuse_declared};

/// A file for one user type, one role and one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The name of the file.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// The user type.
    pub user_type: Option<String>,
    /// The role.
    pub role: Option<String>,
    /// The organization.
    pub organization: String,
    /// The site.
    pub site: Option<String>,
    /// How many people are in it.
    pub people: usize,
}

/// What holds for a whole file: organization, user type, role, site.
type Triple = (String, Option<String>, Option<String>, Option<String>);

/// Writes everybody who has an account, or an invitation, into the file of their user type, role and first site.
///
/// # Errors
/// If a workbook can't be made.
pub fn workbooks(names: &Names, rules: &Rules, live: &LiveState) -> Result<Exported<Vec<Template>>, XlsxError> {
    let mut triples: BTreeMap<Triple, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let mut left_out = Vec::new();
    let columns = of_template(rules);
    let mut losses = Losses::new(names, rules, &columns, &["user_type"]);
    let is_empty = |column: &&Column| column.field(rules).is_none() && **column != Column::of_key(rules);
    for column in columns.iter().filter(is_empty) {
        let reason = "stays empty: the store keeps no such field".to_owned();
        left_out.push(Unsayable { kind: "column", name: column.title().to_owned(), reason });
    }
    let mut held_back = 0_usize;
    for view in live.users() {
        let key = view.key_text(names);
        let mut leave_out = |reason: String| {
            left_out.push(Unsayable { kind: "user", name: key.to_owned(), reason });
        };
        if rules.keeps_elsewhere(&view) {
            leave_out(KEPT_ELSEWHERE.to_owned());
            continue;
        }
        match view.status {
            Status::Preloaded | Status::Invited | Status::Active => {}
            Status::Inactive | Status::Closed => {
                leave_out(format!("is {}, and such a file invites", view.status.as_str()));
                continue;
            }
        }
        let text = |field: Name| view.value(field).text().map(|text| names.text(text).to_owned());
        let cell = |column: &Column| match column.field(rules) {
            Some(field) => names.find(field).and_then(text).unwrap_or_default(),
            None if *column == Column::of_key(rules) => key.to_owned(),
            None => String::new(),
        };
        let person: Vec<String> = columns.iter().map(cell).collect();
        if view.memberships.is_empty() {
            leave_out("has no access".to_owned());
            continue;
        }
        losses.count_fields(&view);
        if view.status == Status::Preloaded {
            held_back += 1;
        }
        for membership in view.memberships {
            let (site, others) = first_site(names, live, &view, membership);
            if !others.is_empty() {
                leave_out(format!("has further sites, of which such a file has one: {}", others.join(", ")));
            }
            if !membership.extra_roles.is_empty() {
                let beside = names.sorted_texts(membership.extra_roles).join(", ");
                leave_out(format!("has roles beside the main one: {beside}"));
            }
            let organization = names.text(membership.organization).to_owned();
            let role = membership.role.map(|role| names.text(role).to_owned());
            let triple = (organization, text(known::USER_TYPE), role, site);
            triples.entry(triple).or_default().insert(key.to_owned(), person.clone());
        }
    }
    left_out.extend(losses.told());
    if held_back > 0 {
        let (kind, name) = ("status", "preloaded".to_owned());
        let accounts = if held_back == 1 { "1 account".to_owned() } else { format!("{held_back} accounts") };
        let reason =
            format!("of {accounts} is nothing that such a file says: --send would invite them when it is imported");
        left_out.push(Unsayable { kind, name, reason });
    }
    left_out.sort();
    let has_organizations = triples.keys().map(|(organization, ..)| organization).collect::<BTreeSet<_>>().len() > 1;
    let mut taken = BTreeSet::new();
    let mut content = Vec::new();
    for ((organization, user_type, role, site), people) in triples {
        let parts = has_organizations.then_some(Some(&organization)).into_iter();
        let parts: Vec<String> = parts
            .chain([user_type.as_ref(), role.as_ref(), site.as_ref()])
            .map(|part| file_part(part.map_or("none", String::as_str)))
            .collect();
        let name = free_name(&parts.join("--"), &mut taken);
        let bytes = workbook(&columns, &people)?;
        content.push(Template { name, bytes, user_type, role, organization, site, people: people.len() });
    }
    Ok(Exported { content, left_out })
}

/// The site that an invitation would carry, and the others: the preselected one, else the one marked `default`, else
/// the first (`language.md` §3, 11).
fn first_site(
    names: &Names,
    live: &LiveState,
    view: &LiveView<'_>,
    membership: &Membership,
) -> (Option<String>, Vec<String>) {
    let organization = live.catalog.organizations.get(&membership.organization);
    let is_default = |site: Name| {
        let fields = organization.and_then(|organization| organization.sites.get(&site)).map(|site| &site.fields);
        fields.and_then(|fields| fields.get(&known::DEFAULT)) == Some(&Value::Bool(true))
    };
    let mut sites: Vec<(bool, bool, &str)> = view
        .grants_in(membership.organization)
        .map(|grant| (membership.default_site != Some(grant.site), !is_default(grant.site), names.text(grant.site)))
        .collect();
    sites.sort_unstable();
    let mut sites = sites.into_iter().map(|(_, _, site)| site.to_owned());
    (sites.next(), sites.collect())
}

/// A part of a file's name that any file system takes.
fn file_part(text: &str) -> String {
    const LONGEST: usize = 50;
    let safe = |character: char| if character.is_alphanumeric() || "-_ ".contains(character) { character } else { '_' };
    text.chars().take(LONGEST).map(safe).collect()
}

/// The name, with a number where another file has it already, also in other case.
fn free_name(base: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = format!("{base}.xlsx");
    let mut number = 2;
    while !taken.insert(name.to_lowercase()) {
        name = format!("{base}-{number}.xlsx");
        number += 1;
    }
    name
}

/// The same people give the same bytes: no time stands in the file.
fn workbook(columns: &[Column], people: &BTreeMap<String, Vec<String>>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let day = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&day));
    let sheet = workbook.add_worksheet();
    let (heading, text) = (Format::new().set_bold(), Format::new().set_num_format("@"));
    for (column, title) in (0..).zip(columns.iter().map(|column| column.title())) {
        sheet.set_column_width(column, 30)?;
        sheet.set_column_format(column, &text)?;
        sheet.write_string_with_format(0, column, title, &heading)?;
    }
    for (row, person) in (1..).zip(people.values()) {
        for (column, value) in (0..).zip(person) {
            sheet.write_string_with_format(row, column, neutral(value).as_ref(), &text)?;
        }
    }
    workbook.save_to_buffer()
}

impl Batch {
    /// Whether the role reaches every site, so that none has to be named.
    #[must_use]
    pub fn reaches_all_sites(&self, rules: &Rules, known: &Known) -> bool {
        let role = self.role.as_deref().and_then(|role| known.find_role(rules, role));
        role.is_some_and(|(_, fields)| fields.site_access == Some(RoleSiteAccess::All))
    }

    /// What is wrong with these options by the rules of the store, a clause each.
    #[must_use]
    pub fn refuse(&self, rules: &Rules, known: &Known) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(site) = &self.site
            && let Some(sites) = known.organizations.get(&self.organization)
            && !sites.contains(site)
        {
            let near = nearest(site, sites.iter().map(String::as_str)).map(|near| format!(" (did you mean `{near}`?)"));
            let (organization, site) = (quoted(&self.organization), quoted(site));
            let near = near.unwrap_or_default();
            wrong.push(format!("--site: {organization} is declared without {site}{near}; add it there first"));
        }
        let site = self.site.as_ref().map(|site| ("--site", Named::Site, site));
        let organization = ("--organization", Named::Organization, &self.organization);
        for (option, named, name) in [organization].into_iter().chain(site) {
            if let Some(why) = refuse_declared(named, name) {
                wrong.push(format!("{option}: {} {why}", quoted(name)));
            }
        }
        if self.site.is_some() && rules.sites.rules().is_none() {
            wrong.push("--site: the rules of the store have no sites".to_owned());
        }
        if let Some(role) = &self.role {
            match known.find_role(rules, role) {
                Some((found, _)) if found != role => {
                    wrong.push(format!("--role: {} is written `{found}`", quoted(role)));
                }
                Some((_, fields)) if !fields.can_be_given(RolePlace::Organization) => {
                    wrong.push(format!("--role: {} can't be given in an organization", quoted(role)));
                }
                Some(_) => {}
                None if rules.roles.vendor.is_empty() => {
                    wrong.extend(
                        refuse_declared(Named::Role, role).map(|why| format!("--role: {} {why}", quoted(role))),
                    );
                }
                None => wrong.push(format!("--role: {}", unknown_role(rules, known, role))),
            }
        }
        if self.role.is_none() && !rules.allows_no_role() {
            wrong.push("--role ROLE is missing: nobody is without a role in this store".to_owned());
        }
        let fewest = rules.sites.rules().and_then(|sites| sites.min).unwrap_or(0);
        if self.site.is_none() && (fewest > 0 || rules.invitation_needs().1 > 0) {
            wrong.push("--site SITE is missing: nobody is let in without a site in this store".to_owned());
        }
        let has_types = rules.field("user_type").is_some();
        let required = rules.field("user_type").and_then(|rule| rule.required);
        let is_required = matches!(required, Some(FieldRequired::Onboarding | FieldRequired::Always));
        match &self.user_type {
            Some(_) if !has_types => wrong.push("--user-type: the rules of the store have no user types".to_owned()),
            None if is_required => {
                wrong.push("--user-type TYPE is missing: one user type for the whole file".to_owned());
            }
            Some(_) | None => {}
        }
        if !self.is_sent && rules.knows_invitations() && !rules.suppresses_invitations() {
            wrong.push("--suppress: the store can't hold an invitation back".to_owned());
        }
        wrong
    }
}
