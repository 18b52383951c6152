//! The data of a page: texts and lists once each, and rows that name them by number.

use std::collections::HashMap;

use serde::Serialize;

use super::super::style::sanitise;
use crate::model::{List, Name, Names};
use crate::plan::{ImpactCourse, PersonImpact, Standing};

/// Texts and lists, each once.
pub(super) struct Tables<'a> {
    names: &'a Names,
    texts: Vec<String>,
    of_names: HashMap<Name, i64>,
    lists: Vec<Vec<i64>>,
    of_lists: HashMap<List, i64>,
}

/// A list of roles or sites by its number; −1 for none.
type Listed = i64;

/// What the page is made of.
#[derive(Serialize)]
pub(super) struct Data {
    pub(super) texts: Vec<String>,
    pub(super) lists: Vec<Vec<i64>>,
    /// Key, and what is held where before the plan.
    pub(super) people: Vec<(i64, Vec<Held>)>,
    /// Everybody who fares otherwise.
    pub(super) impact: Vec<Fares>,
    /// Organization, site or −1, and people: lose, of them out, gain, of them new.
    pub(super) places: Vec<(i64, i64, u32, u32, u32, u32)>,
    /// Where, who, what, note, file with line, and the line itself.
    pub(super) lines: Vec<[String; 6]>,
}

/// Key, course, flags (gains 1, loses 2, escalation 4, done without the change under review, too, 8), mails, what changes where, and words: loses, gains, because.
pub(super) type Fares = (i64, u8, u8, u32, Vec<Changes>, String, String, String);

/// An organization, the roles in it, and sites by the roles there.
pub(super) type Held = (i64, Listed, Vec<(Listed, Listed)>);

/// An organization, and for sites, or −1 for itself, the roles before and after.
pub(super) type Changes = (i64, Vec<(Listed, Listed, Listed)>);

const NONE: i64 = -1;

impl<'a> Tables<'a> {
    pub(super) fn new(names: &'a Names) -> Self {
        let (texts, lists) = (Vec::new(), Vec::new());
        Self { names, texts, of_names: HashMap::new(), lists, of_lists: HashMap::new() }
    }

    /// The number of a text.
    pub(super) fn text(&mut self, name: Name) -> i64 {
        let Self { names, texts, of_names, .. } = self;
        *of_names.entry(name).or_insert_with(|| {
            texts.push(sanitise(names.text(name)).into_owned());
            index(texts.len())
        })
    }

    fn list(&mut self, list: Option<List>) -> Listed {
        let Some(list) = list else { return NONE };
        if let Some(&known) = self.of_lists.get(&list) {
            return known;
        }
        let members: Vec<i64> = self.names.elements(list).iter().map(|&name| self.text(name)).collect();
        self.lists.push(members);
        let at = index(self.lists.len());
        self.of_lists.insert(list, at);
        at
    }

    pub(super) fn standing(&mut self, one: &Standing) -> (i64, Vec<Held>) {
        let held = one.organizations.iter().map(|of| {
            let sites = of.sites.iter().map(|(&roles, &sites)| (self.list(Some(roles)), self.list(Some(sites))));
            let sites = sites.collect();
            (self.text(of.organization), self.list(of.roles), sites)
        });
        let held = held.collect();
        (self.text(one.user), held)
    }

    pub(super) fn changes(&mut self, person: &PersonImpact) -> Vec<Changes> {
        let changes = person.organizations.iter().map(|of| {
            let places =
                of.places.iter().map(|place| (self.list(place.sites), self.list(place.before), self.list(place.after)));
            let places = places.collect();
            (self.text(of.organization), places)
        });
        changes.collect()
    }

    /// All texts and lists.
    pub(super) fn into_parts(self) -> (Vec<String>, Vec<Vec<i64>>) {
        (self.texts, self.lists)
    }
}

/// The number of what was pushed last.
fn index(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX) - 1
}

/// Who joins, leaves or stays, as the page knows it.
pub(super) const fn course(course: ImpactCourse) -> u8 {
    match course {
        ImpactCourse::Joins => 0,
        ImpactCourse::Leaves => 1,
        ImpactCourse::Stays => 2,
    }
}

/// Flags of a person. `is_aside`: all that is done for them would be done without the change under review, too.
pub(super) fn flags(person: &PersonImpact, is_aside: bool) -> u8 {
    let flags = [person.gains, person.loses, person.escalation, is_aside];
    flags.into_iter().zip(0..).map(|(is_set, bit)| u8::from(is_set) << bit).sum()
}
