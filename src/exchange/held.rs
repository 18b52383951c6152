//! What a file holds, and what it leaves to others (`systems.md` ALT-11): it is complete for no organization but those that
//! it names, so nothing that is read from it takes anything from anybody elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::Batch;
use super::columns::Column;
use super::intake::{Intake, Kind, Person};
use super::mistakes::quoted;
use crate::diagnostic::Code;
use crate::document::nearest;
use crate::manifest::Partial;
use crate::model::known;
use crate::rules::ExportScope;

impl Intake<'_> {
    /// Tells what a file of this kind does not say, and what follows from that.
    pub(super) fn tell_what_is_not_stated(&mut self, partial: &Partial) {
        if self.decomposed > 0 {
            let cells = if self.decomposed == 1 { "1 cell".to_owned() } else { format!("{} cells", self.decomposed) };
            self.notes.insert(format!(
                "{cells} with letters and accents apart (Unicode normalization form D), as macOS writes them, are read as \
                 one letter each (form C), as manifests have them"
            ));
        }
        if partial.leaves_sites {
            let note = "the file does not say who reaches which site: `sites: unmanaged` leaves that as it is";
            self.notes.insert(note.to_owned());
        }
        if let Some(name) = partial.left_alone.first() {
            let others = partial.left_alone.len() - 1;
            let more = if others > 0 { format!(" and {others} more") } else { String::new() };
            self.notes.insert(format!(
                "the file does not hold {}{more}, which a manifest declares: `unmanaged` leaves access there as it is",
                quoted(name)
            ));
        }
        if let Kind::List(_) = self.kind {
            let whom = match self.rules.scope.complete {
                Some(ExportScope::All) => "may be filtered",
                Some(ExportScope::ExporterOrganizations) | None => {
                    "holds only people of organizations that the exporter reaches, and may be filtered"
                }
            };
            self.notes.insert(format!(
                "such a file {whom}: keep `absent_users: report` in rollcall.yaml until the plan is as you expect it"
            ));
        }
    }

    /// Tells which organizations and sites are declared anew where others are known: one may be a slip.
    pub(super) fn tell_what_is_new(&mut self) {
        let site = match self.kind {
            Kind::Template(Batch { site, .. }) => site.as_deref(),
            Kind::List(_) => None,
        };
        let organizations: BTreeSet<String> = self
            .people
            .values()
            .flat_map(|person| person.seats.keys())
            .filter(|&&name| name != known::PLATFORM)
            .map(|&name| self.names.text(name).to_owned())
            .collect();
        let others = self.known.organization_names();
        for organization in &organizations {
            if !others.contains(organization.as_str()) {
                self.notes.extend(declared_anew("organization", organization, &others));
            } else if let Some(site) = site.filter(|site| !self.known.site_names(organization).contains(site)) {
                self.notes.extend(declared_anew("site", site, &self.known.site_names(organization)));
            }
        }
    }

    /// Access in fields is exact, and no file of people holds it: what somebody has of it in the store is left to others,
    /// and so is what would mean everything if it were left out.
    pub(super) fn left_fields(&mut self, people: &[(String, Person)]) -> BTreeMap<String, BTreeSet<String>> {
        let open: BTreeSet<String> = self.rules.open_when_empty().map(|name| format!("attributes.{name}")).collect();
        let mut left = BTreeMap::new();
        for (identity, person) in people {
            let of_store = self.known.account(identity).map(|account| account.access_fields.clone());
            let mut fields: BTreeSet<String> = of_store.into_iter().flatten().chain(open.iter().cloned()).collect();
            fields.retain(|field| !person.switches.contains_key(field));
            if !fields.is_empty() {
                left.insert(self.names.text(person.key).to_owned(), fields);
            }
        }
        let all: BTreeSet<&str> = left.values().flatten().map(String::as_str).collect();
        if !all.is_empty() {
            let all: Vec<String> = all.into_iter().map(|field| format!("`{field}`")).collect();
            let note = format!("the file does not hold {}: `unmanaged` leaves that as it is", all.join(", "));
            self.notes.insert(note);
        }
        left
    }

    /// A template is for people who are new: of who is there already it says one place of perhaps several.
    pub(super) fn tell_who_is_in_the_store(&mut self, people: &[(String, Person)]) {
        let Kind::Template(_) = self.kind else { return };
        let count = people.iter().filter(|(identity, _)| self.known.account(identity).is_some()).count();
        if count > 0 {
            let who = if count == 1 { "1 person is".to_owned() } else { format!("{count} people are") };
            self.notes.insert(format!(
                "{who} in the store already: such a file says one role and one site, and the next plan takes other access \
                 from them; look at it before you apply"
            ));
        }
    }

    /// Tells who belongs only to organizations of which a list says nothing and manifests do: nobody declares these people,
    /// and where absent ones are deactivated, the next plan takes their access (`systems.md` ALT-11).
    pub(super) fn tell_who_is_left_out(&mut self, held: &BTreeSet<String>) {
        const NAMED: usize = 5;
        let Kind::List(_) = self.kind else { return };
        let is_left_out = |(identity, organizations): &(&str, &BTreeSet<String>)| {
            let is_declared = self.known.users.contains(*identity) || self.people.contains_key(*identity);
            !is_declared
                && organizations.is_disjoint(held)
                && organizations.iter().any(|one| self.known.organizations.contains_key(one))
        };
        let left_out: Vec<&str> = self.known.belonging().filter(is_left_out).map(|(identity, _)| identity).collect();
        if left_out.is_empty() {
            return;
        }
        let named: Vec<String> = left_out.iter().take(NAMED).map(|identity| quoted(identity)).collect();
        let more = left_out.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.notes.insert(format!(
            "nobody declares {}{more}, who belong in the store to organizations that the file does not hold: with \
             `absent_users: deactivate` the next plan takes their access",
            named.join(", ")
        ));
    }

    /// The organizations that the file holds: of others it says nothing (`systems.md` ALT-11).
    pub(super) fn held(&self) -> BTreeSet<String> {
        let of_rows = self.people.values().flat_map(|person| person.seats.keys());
        let held = of_rows.map(|&organization| self.names.text(organization).to_owned());
        let stated = match self.kind {
            Kind::List(options) => options.organization.clone(),
            Kind::Template(batch) => Some(batch.organization.clone()),
        };
        held.chain(stated).collect()
    }

    /// Who belongs, in the store, to an organization of which the file says nothing, and has no room for another one: by
    /// key as compared, why nothing is written of them. A manifest would move them.
    pub(super) fn elsewhere(&self, people: &[(String, Person)], held: &BTreeSet<String>) -> BTreeMap<String, String> {
        let Some(most) = self.rules.most_organizations() else { return BTreeMap::new() };
        let mut found = BTreeMap::new();
        for (identity, person) in people {
            let Some(account) = self.known.account(identity) else { continue };
            let others: Vec<&String> = account.organizations.difference(held).collect();
            let given = person.seats.keys().filter(|organization| **organization != known::PLATFORM).count();
            let Some(first) = others.first().filter(|_| given > 0 && given + others.len() > most as usize) else {
                continue;
            };
            let reason = format!(
                "belongs to {} in the store, of which the file says nothing, and to {most} at most; declare by hand where \
                 the person is to be",
                quoted(first)
            );
            found.insert(identity.clone(), reason);
        }
        found
    }

    /// Who is declared already stays as declared: without access to an organization that only this file declares, which
    /// the next plan would take away, though the file has it.
    pub(super) fn check_declared(&mut self) {
        let known = self.known;
        let index =
            self.columns.iter().position(|column| matches!(column, Some(Column::Company | Column::Organization)));
        let declared = self.people.iter().filter(|(identity, _)| known.users.contains(*identity));
        for person in declared.map(|(_, person)| person) {
            for (organization, seat) in &person.seats {
                let name = self.names.text(*organization);
                if *organization == known::PLATFORM || known.organizations.contains_key(name) {
                    continue;
                }
                let Some(place) = seat.place else { continue };
                let (key, name) = (quoted(self.names.text(person.key)), quoted(name));
                let what =
                    format!("{key} is declared in a manifest already, and without {name}, which no manifest declares");
                let help = "declare the organization, and this access to it, in the manifests first; or put the rows of \
                            both files into one, and import that in place of the first";
                self.book.tell(Code::DuplicateDeclaration, place, index, &what, help);
            }
        }
    }

    /// Nobody belongs to more organizations than the rules allow.
    pub(super) fn check_places(&mut self) {
        let Some(most) = self.rules.most_organizations() else { return };
        let index =
            self.columns.iter().position(|column| matches!(column, Some(Column::Company | Column::Organization)));
        for person in self.people.values() {
            let places = person.seats.iter().filter(|(organization, _)| **organization != known::PLATFORM);
            let mut places: Vec<_> = places.filter_map(|(name, seat)| Some((seat.place?, *name))).collect();
            places.sort_by_key(|(place, _)| place.row);
            if let (Some((first, one)), Some((place, other))) = (places.first(), places.get(most as usize)) {
                let [key, one, other] = [person.key, *one, *other].map(|name| quoted(self.names.text(name)));
                let what = format!(
                    "{key} belongs to {other}, and to {one} by row {}: to {most} at most in this store",
                    first.row
                );
                self.book.tell(Code::OutsideLimits, *place, index, &what, "keep the row of where the person is");
            }
        }
    }

    /// A membership needs a role where the rules say so.
    pub(super) fn check_seats(&mut self) {
        if self.rules.allows_no_role() {
            return;
        }
        let index = self.columns.iter().position(|column| *column == Some(Column::Role));
        for person in self.people.values() {
            for (organization, seat) in &person.seats {
                if let (None, Some(place)) = (seat.role, seat.place) {
                    let (key, organization) = (self.names.text(person.key), self.names.text(*organization));
                    let what = format!("{} has no role of its own in {}", quoted(key), quoted(organization));
                    let help = "the service wants one role an organization, and others only beside it";
                    self.book.tell(Code::OutsideLimits, place, index, &what, help);
                }
            }
        }
    }
}

/// That something is in no manifest and not in the store; nothing where nothing of its kind is.
fn declared_anew(kind: &str, name: &str, others: &BTreeSet<&str>) -> Option<String> {
    if others.is_empty() {
        return None;
    }
    let near = nearest(name, others.iter().copied()).map(|near| format!(" (did you mean `{near}`?)"));
    let near = near.unwrap_or_default();
    Some(format!("the {kind} {} is known to nobody, and is declared anew{near}", quoted(name)))
}
