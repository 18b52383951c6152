//! Invented people: who is declared, and who is live. Everything follows from a person's number, so that every run, on
//! every machine, measures the same content.

/// Sites of each organization.
pub(crate) const SITES: [&str; 8] =
    ["pit-1", "pit-2", "pit-3", "quay", "crusher", "Atelier Étoile", "north yard", "depot"];
/// Roles with their rank.
pub(crate) const ROLES: [(&str, u32); 4] = [("manager", 40), ("operator", 20), ("contributor", 15), ("viewer", 10)];
const OPERATOR: usize = 1;

const GIVEN: [&str; 16] = [
    "Ana", "Zoë", "Björn", "Chiara", "Deepa", "Inês", "Łukasz", "Omar", "Siân", "Tomás", "Yuki", "美咲", "Nour",
    "Emil", "Lena", "Χαρά",
];
const FAMILY: [&str; 16] = [
    "Roy",
    "O'Brien",
    "Lindqvist",
    "Moretti",
    "Nair",
    "Carvalho",
    "Novák",
    "Haddad",
    "Ní Bhriain",
    "García \"Pepe\" Ruiz",
    "van der Berg",
    "山田",
    "Diallo",
    "Müller-Lüdenscheidt",
    "D’Angelo",
    "Smith",
];
const LANGUAGES: [&str; 5] = ["fr", "en", "de", "pt-BR", "ja"];
const TITLES: [&str; 6] =
    ["Operator", "Head of operations: north", "Geologist", "Cheffe d'équipe", "- none -", "Crane driver #2"];

/// A membership with the grants in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) organization: u32,
    pub(crate) role: usize,
    pub(crate) sites: Vec<usize>,
}

/// A person as declared or as live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) key: String,
    pub(crate) given_name: &'static str,
    pub(crate) family_name: &'static str,
    pub(crate) language: Option<&'static str>,
    pub(crate) job_title: Option<&'static str>,
    pub(crate) places: Vec<Place>,
}

/// In what the live state of a person differs from the declared one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Role,
    MissingGrant,
    OtherGrant,
    Name,
    NotLive,
    NotDeclared,
}

impl Change {
    const ALL: [Self; 6] =
        [Self::Role, Self::MissingGrant, Self::OtherGrant, Self::Name, Self::NotLive, Self::NotDeclared];

    /// One person in a thousand differs.
    pub(crate) fn of(number: u32) -> Option<Self> {
        (number % 1000 == 500).then(|| Self::ALL[number as usize / 1000 % Self::ALL.len()])
    }

    /// The actions that come of it.
    pub(crate) fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Role => &["change_role"],
            Self::MissingGrant => &["grant_site"],
            Self::OtherGrant => &["grant_site", "revoke_site"],
            Self::Name => &["update_user"],
            Self::NotLive => &["invite_user"],
            Self::NotDeclared => &["deactivate_user"],
        }
    }
}

/// How many organizations there are among so many people.
pub(crate) fn organizations(people: u32) -> u32 {
    (people / 500).max(4)
}

/// The person with this number, as declared; also who is not declared for being a change.
pub(crate) fn person(number: u32, people: u32) -> Person {
    let at = number as usize;
    let organizations = organizations(people);
    // One or three memberships now and then, two as a rule; each organization has one manager.
    let memberships = match number % 8 {
        0 => 1,
        1 => 3,
        _ => 2,
    };
    let places = (0..memberships).map(|membership| {
        // Neighbours share their first organization; the others lie anywhere.
        let first = number % organizations;
        let organization = (first + membership * (1 + number / 7 % (organizations / 3).max(1))) % organizations;
        let is_manager = membership == 0 && number < organizations;
        let role = if is_manager { 0 } else { OPERATOR + (at / 3 + membership as usize) % (ROLES.len() - 1) };
        let site = (at / 5 + membership as usize) % SITES.len();
        Place { organization, role, sites: vec![site] }
    });
    Person {
        key: key(number),
        given_name: GIVEN[at % GIVEN.len()],
        family_name: FAMILY[at / 3 % FAMILY.len()],
        language: (!number.is_multiple_of(3)).then(|| LANGUAGES[at % LANGUAGES.len()]),
        job_title: number.is_multiple_of(2).then(|| TITLES[at / 2 % TITLES.len()]),
        places: places.collect(),
    }
}

/// The same person as the store has them; `None` if it does not.
pub(crate) fn live(number: u32, people: u32) -> Option<Person> {
    let mut person = person(number, people);
    let first = &mut person.places[0];
    match Change::of(number) {
        None | Some(Change::NotDeclared) => {}
        Some(Change::Role) => first.role = if first.role == OPERATOR { OPERATOR + 1 } else { OPERATOR },
        Some(Change::MissingGrant) => first.sites.clear(),
        Some(Change::OtherGrant) => first.sites[0] = (first.sites[0] + 1) % SITES.len(),
        Some(Change::Name) => person.family_name = "Before",
        Some(Change::NotLive) => return None,
    }
    Some(person)
}

/// An address that looks like one of a company, in no order.
fn key(number: u32) -> String {
    let given = ["ana", "zoe", "bjorn", "chiara", "deepa", "Ines", "lukasz", "omar", "sian", "tomas"];
    let family = ["roy", "obrien", "lindqvist", "moretti", "nair", "carvalho", "novak"];
    let domain = ["example.com", "example.org", "north.example.com"];
    let mixed = number.wrapping_mul(2_654_435_761) as usize;
    format!(
        "{}.{}.{number}@{}",
        given[mixed % given.len()],
        family[mixed / 16 % family.len()],
        domain[mixed / 256 % domain.len()]
    )
}
