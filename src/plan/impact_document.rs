//! What a plan comes to for people, as JSON.
//!
//! People are made when they are written, so that very many of them are never held a second time. Deliberately absent:
//! how it is reckoned (`impact`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;

use super::impact::{Impact, ImpactCourse, OrganizationImpact, PersonImpact, PlaceImpact, Shift};
use super::state_json::value_json;
use crate::model::{List, Name, Names, Value, known};

/// What a plan comes to for people. `summary.people` has the sums of those who join, leave, gain and lose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImpactDocument<P = Vec<PersonImpactDocument>> {
    /// People who can do more in a way that matters.
    pub escalations: u32,
    /// People who become admin of an organization, or of the whole platform.
    pub new_admins: u32,
    /// People whose API access, access attributes or attributes that make an admin change.
    pub fields: u32,
    /// People whose key, address or two-factor authentication changes.
    pub ways_in: u32,
    /// Mails that go out.
    pub mails: u32,
    /// By organization and by site, sorted: how many people fare otherwise there.
    pub places: Vec<ShiftDocument>,
    /// Everybody who fares otherwise, or is mailed, sorted by key.
    pub people: P,
}

/// How many people fare otherwise in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftDocument {
    /// The organization; null for the whole platform.
    #[serde(deserialize_with = "Option::deserialize")]
    pub organization: Option<String>,
    /// The site; null for the organization with all that is in it.
    #[serde(deserialize_with = "Option::deserialize")]
    pub site: Option<String>,
    /// People who reach it and did not.
    pub enter: u32,
    /// People who reached it and do not any more.
    pub exit: u32,
    /// People who can do something there that they could not, entering ones too.
    pub gain: u32,
    /// People who can't do something there that they could, exiting ones too.
    pub lose: u32,
}

/// How one person fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonImpactDocument {
    /// The key.
    pub user: String,
    /// What becomes of the account.
    pub course: ImpactCourse,
    /// Whether they can do something that they could not.
    pub gains: bool,
    /// Whether they can't do something that they could.
    pub loses: bool,
    /// Whether they can do more in a way that matters.
    pub escalation: bool,
    /// Mails that go out to them or about them.
    pub mails: u32,
    /// Where they reach something else, sorted by name.
    pub organizations: Vec<OrganizationImpactDocument>,
    /// API access, access attributes and attributes that make an admin, where they change, sorted by name.
    pub fields: Vec<ImpactFieldDocument>,
    /// Key, address and two-factor authentication of an account that is there, likewise.
    pub ways_in: Vec<ImpactFieldDocument>,
}

/// How a person fares in one organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationImpactDocument {
    /// The organization; null for the whole platform.
    #[serde(deserialize_with = "Option::deserialize")]
    pub organization: Option<String>,
    /// Whether they reached nothing of it before.
    pub enters: bool,
    /// Whether they reach nothing of it afterwards.
    pub exits: bool,
    /// Whether they administer it afterwards; null where that does not change.
    #[serde(deserialize_with = "Option::deserialize")]
    pub admin: Option<bool>,
    /// What they reach otherwise: the organization itself first, then sites.
    pub places: Vec<ImpactPlaceDocument>,
}

/// Places of one organization in which a person gets from one set of roles to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImpactPlaceDocument {
    /// The names of the sites; empty where it is every site, null for the organization itself.
    #[serde(deserialize_with = "Option::deserialize")]
    pub sites: Option<Vec<String>>,
    /// Whether these are all the sites there are: afterwards, or before where they are not reached any more.
    pub every_site: bool,
    /// How many places these are.
    pub count: u32,
    /// The roles there before, empty where one is there without any; null where it was not reached.
    #[serde(deserialize_with = "Option::deserialize")]
    pub before: Option<Vec<String>>,
    /// The roles there afterwards, likewise.
    #[serde(deserialize_with = "Option::deserialize")]
    pub after: Option<Vec<String>>,
    /// Whether that gives something.
    pub gains: bool,
    /// Whether that takes something.
    pub loses: bool,
}

/// A field of an account that gives access or takes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImpactFieldDocument {
    /// Its name.
    pub field: String,
    /// Its value before.
    pub before: Json,
    /// Its value afterwards.
    pub after: Json,
}

/// People on their way out: each is made when it is written.
#[derive(Clone, Copy)]
pub struct ImpactPeople<'a> {
    impact: &'a Impact,
    names: &'a Names,
}

impl Serialize for ImpactPeople<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { impact, names } = *self;
        serializer.collect_seq(impact.people.iter().map(|person| person_document(names, person)))
    }
}

/// The document of an impact, to be written.
pub(super) fn impact_document<'a>(names: &'a Names, impact: &'a Impact) -> ImpactDocument<ImpactPeople<'a>> {
    let count = |is_one: fn(&PersonImpact) -> bool| {
        u32::try_from(impact.people.iter().filter(|person| is_one(person)).count()).unwrap_or(u32::MAX)
    };
    let mut places: Vec<ShiftDocument> = impact
        .places
        .iter()
        .map(|(&(organization, site), &Shift { enter, exit, gain, lose })| {
            let site = site.map(|site| names.text(site).to_owned());
            ShiftDocument { organization: organization_text(names, organization), site, enter, exit, gain, lose }
        })
        .collect();
    places.sort_unstable_by(|a, b| (&a.organization, &a.site).cmp(&(&b.organization, &b.site)));
    ImpactDocument {
        escalations: count(|person| person.escalation),
        new_admins: count(|person| person.becomes_admin_of().next().is_some()),
        fields: count(|person| !person.fields.is_empty()),
        ways_in: count(|person| !person.ways_in.is_empty()),
        mails: impact.people.iter().map(|person| person.mails).sum(),
        places,
        people: ImpactPeople { impact, names },
    }
}

fn organization_text(names: &Names, organization: Name) -> Option<String> {
    (organization != known::PLATFORM).then(|| names.text(organization).to_owned())
}

fn person_document(names: &Names, person: &PersonImpact) -> PersonImpactDocument {
    let PersonImpact { user, course, gains, loses, escalation, mails, organizations, fields, ways_in } = person;
    let documents = |fields: &[(Name, Value, Value)]| -> Vec<ImpactFieldDocument> {
        let document = |&(field, before, after): &(Name, Value, Value)| ImpactFieldDocument {
            field: names.text(field).to_owned(),
            before: value_json(names, before),
            after: value_json(names, after),
        };
        let mut documents: Vec<ImpactFieldDocument> = fields.iter().map(document).collect();
        documents.sort_unstable_by(|a, b| a.field.cmp(&b.field));
        documents
    };
    PersonImpactDocument {
        user: names.text(*user).to_owned(),
        course: *course,
        gains: *gains,
        loses: *loses,
        escalation: *escalation,
        mails: *mails,
        organizations: organizations.iter().map(|one| organization_document(names, one)).collect(),
        fields: documents(fields),
        ways_in: documents(ways_in),
    }
}

fn organization_document(names: &Names, one: &OrganizationImpact) -> OrganizationImpactDocument {
    let OrganizationImpact { organization, enters, exits, admin, places } = one;
    let texts = |list: List| -> Vec<String> { names.sorted_texts(list).into_iter().map(str::to_owned).collect() };
    let place = |&PlaceImpact { sites, every_site, before, after, gains, loses }: &PlaceImpact| ImpactPlaceDocument {
        sites: sites.map(|sites| if every_site { Vec::new() } else { texts(sites) }),
        every_site,
        count: sites.map_or(1, |sites| u32::try_from(names.elements(sites).len()).unwrap_or(u32::MAX)),
        before: before.map(texts),
        after: after.map(texts),
        gains,
        loses,
    };
    OrganizationImpactDocument {
        organization: organization_text(names, *organization),
        enters: *enters,
        exits: *exits,
        admin: *admin,
        places: places.iter().map(place).collect(),
    }
}
