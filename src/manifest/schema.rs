//! The shape of a manifest as types, for the JSON Schema that editors and the YAML language server read.
//!
//! Manifests are read by the walker of this room, which keeps positions and goes on after a mistake; these types are
//! never filled. A test holds that both accept and refuse the same. What the language has and this version does not
//! support stands here already.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::document::named;

/// The JSON Schema (draft 2020-12) of a manifest.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<Manifest>();
    without_null(schema.as_object_mut().into_iter().flat_map(|object| object.values_mut()));
    let description = "A manifest of rollcall: organizations, roles, users, teams, site grants and leavers. Any file \
                       may hold any of them.";
    named(schema.to_value(), "manifest.schema.json", "rollcall manifest", description)
}

/// Left out is one thing, null another, and null is nothing that a manifest may say: takes the `null` away that
/// stands in the schema of every optional field.
fn without_null<'a>(values: impl Iterator<Item = &'a mut serde_json::Value>) {
    for value in values {
        match value {
            serde_json::Value::Object(object) => {
                if let Some(serde_json::Value::Array(types)) = object.get_mut("type") {
                    types.retain(|one| one != "null");
                    if let [one] = types.as_slice() {
                        let one = one.clone();
                        object.insert("type".to_owned(), one);
                    }
                }
                if let Some(serde_json::Value::Array(any_of)) = object.get_mut("anyOf") {
                    any_of.retain(|one| one.get("type").is_none_or(|kind| kind != "null"));
                }
                without_null(object.values_mut());
            }
            serde_json::Value::Array(array) => without_null(array.iter_mut()),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
}

/// Text: plain scalars count as written, so `007`, `no` and `1.0` are texts too.
#[derive(Debug)]
pub struct Text(pub String);

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// A manifest of rollcall: organizations, roles, users, teams, site grants and leavers. Any file may hold any of them.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Manifest {
    /// Organizations by name, with their sites.
    pub organizations: Option<BTreeMap<String, Organization>>,
    /// Roles by name.
    pub roles: Option<BTreeMap<String, Role>>,
    /// Users by key: an e-mail address or a login, as the rules of the store say.
    pub users: Option<BTreeMap<String, User>>,
    /// Teams by name: people who share access.
    pub teams: Option<BTreeMap<String, Team>>,
    /// Access to sites, given from the side of the site.
    pub site_grants: Option<Vec<SiteGrant>>,
    /// Leavers. Overrides every other source.
    pub inactive: Option<Vec<Leaver>>,
}

/// An organization. A field that is left out is not managed.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Organization {
    /// A name for people.
    pub name: Option<Text>,
    /// Its kind, where the rules have such.
    pub kind: Option<Text>,
    /// The organization that it is a part of.
    pub parent: Option<Text>,
    /// Whether it is the default organization.
    pub default: Option<bool>,
    /// Organizations that are reached through it.
    pub includes: Option<Vec<Text>>,
    /// Further fields.
    pub attributes: Option<BTreeMap<String, CatalogAttribute>>,
    /// Its sites by name.
    pub sites: Option<BTreeMap<String, Site>>,
    /// The name that it had before.
    pub previously: Option<Text>,
    /// A tombstone: the organization is deleted.
    pub status: Option<Tombstone>,
}

/// A site of an organization. A field that is left out is not managed.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Site {
    /// A name for people.
    pub name: Option<Text>,
    /// Its kind, where the rules have such.
    pub kind: Option<Text>,
    /// The site that it is a part of.
    pub parent: Option<Text>,
    /// Whether it is the default site of its organization.
    pub default: Option<bool>,
    /// Sites that are reached through it.
    pub includes: Option<Vec<Text>>,
    /// Further fields.
    pub attributes: Option<BTreeMap<String, CatalogAttribute>>,
    /// The name that it had before.
    pub previously: Option<Text>,
    /// A tombstone: the site is deleted.
    pub status: Option<Tombstone>,
}

/// The value of a further field of an organization or a site.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum CatalogAttribute {
    /// A text.
    One(Text),
    /// A set of texts.
    Set(Vec<Text>),
}

/// The status of what is to be deleted.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Tombstone {
    /// It is deleted.
    Absent,
}

/// A role. What is left out has its default.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Role {
    /// A name for people.
    pub name: Option<Text>,
    /// Its place in the order of roles: of two roles in one place the higher one counts.
    pub rank: Option<i32>,
    /// Roles whose permissions it has as well.
    pub includes: Option<Vec<Text>>,
    /// Its own permissions.
    pub permissions: Option<Vec<Text>>,
    /// Which sites of its organization it reaches; default: `selected`.
    pub site_access: Option<SiteAccess>,
    /// Whether its holder administers users; default: no.
    pub admin: Option<bool>,
    /// Whether the role itself may not be changed; default: no.
    pub protected: Option<bool>,
    /// Whether it may be given; default: yes.
    pub grantable: Option<bool>,
    /// Where it may be given; default: in organizations and on sites.
    pub applies_to: Option<Places>,
    /// The name that it had before.
    pub previously: Option<Text>,
    /// A tombstone: the role is deleted.
    pub status: Option<Tombstone>,
}

/// Which sites a role reaches.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum SiteAccess {
    /// Those that are granted.
    Selected,
    /// Every site of the organization.
    All,
}

/// A place, or a list of places, in which a role may be given.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Places {
    /// One place.
    One(Place),
    /// Several.
    Several(Vec<Place>),
}

/// A place in which a role may be given.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Place {
    /// As the role of a membership.
    Organization,
    /// As the role of a site grant.
    Site,
    /// On the whole platform.
    Platform,
    /// As an extra role.
    Extra,
}

/// A user. A profile field that is left out is not managed, `""` is empty, a value is exact. Access is exact: left out
/// means none.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct User {
    /// The log-in name; may be left out where it is the key.
    pub login: Option<Text>,
    /// The e-mail address; may be left out where it is the key.
    pub email: Option<Text>,
    /// The full name.
    pub name: Option<Text>,
    /// The given name.
    pub given_name: Option<Text>,
    /// The family name.
    pub family_name: Option<Text>,
    /// A telephone number.
    pub phone: Option<Text>,
    /// A mobile telephone number.
    pub mobile: Option<Text>,
    /// A language, such as `fr`.
    pub language: Option<Text>,
    /// A time zone, such as `Europe/Paris`.
    pub timezone: Option<Text>,
    /// The job title.
    pub job_title: Option<Text>,
    /// The department.
    pub department: Option<Text>,
    /// The type of user, where the rules have such.
    pub user_type: Option<Text>,
    /// A person or a program.
    pub kind: Option<UserKind>,
    /// The role on the whole platform, where the rules have such.
    pub role: Option<Text>,
    /// Extra roles on the whole platform.
    pub extra_roles: Option<ListOrUnmanaged>,
    /// The status; left out, the account just exists.
    pub status: Option<UserStatus>,
    /// Whether two-factor authentication is wanted.
    pub mfa: Option<bool>,
    /// Units that the user belongs to, by name.
    pub home: Option<BTreeMap<String, Text>>,
    /// API access.
    pub api: Option<ApiOrUnmanaged>,
    /// When everything begins.
    pub starts: Option<Text>,
    /// When everything ends.
    pub expires: Option<Text>,
    /// The key that the user had before.
    pub previously: Option<Text>,
    /// Teams that the user is in; the same as being listed there.
    pub teams: Option<Vec<Text>>,
    /// Access by organization; `*` stands for any run of characters in names.
    pub access: Option<AccessOrUnmanaged>,
    /// Further fields, as the rules have them.
    pub attributes: Option<BTreeMap<String, Attribute>>,
}

/// A person or a program.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum UserKind {
    /// A person.
    Human,
    /// A program.
    Service,
}

/// The status of a user.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum UserStatus {
    /// Can log in; reactivates.
    Active,
    /// Can't log in.
    Inactive,
    /// Exists, and the invitation is not sent.
    Preloaded,
    /// A tombstone: the account is deleted.
    Absent,
}

/// The word for what others manage.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Unmanaged {
    /// Left alone.
    Unmanaged,
}

/// The word for everything.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum All {
    /// Everything.
    All,
}

/// A list of names, or `unmanaged`.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum ListOrUnmanaged {
    /// Exactly these.
    List(Vec<Text>),
    /// Left alone.
    Unmanaged(Unmanaged),
}

/// API access, or `unmanaged`.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum ApiOrUnmanaged {
    /// Exactly this.
    Api(Api),
    /// Left alone.
    Unmanaged(Unmanaged),
}

/// API access.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Api {
    /// Whether there is any.
    pub enabled: Option<bool>,
    /// The routes that may be called, or `all`.
    pub routes: Option<SetOrWord>,
}

/// The value of a further field of a user; the rules say which it may be.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Attribute {
    /// A text or a truth value.
    One(Text),
    /// A set of texts.
    Set(Vec<Text>),
}

/// A set of texts, `all`, or `unmanaged`.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum SetOrWord {
    /// Exactly these.
    Set(Vec<Text>),
    /// Everything.
    All(All),
    /// Left alone.
    Unmanaged(Unmanaged),
}

/// Access by organization, or `unmanaged`.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum AccessOrUnmanaged {
    /// Exactly this; `{}` is none.
    Access(BTreeMap<String, MembershipOrRole>),
    /// Left alone.
    Unmanaged(Unmanaged),
}

/// Access to an organization: a role, or more.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum MembershipOrRole {
    /// Short for a membership with this role; `unmanaged` leaves the organization alone.
    Role(Text),
    /// More than a role.
    Membership(Membership),
}

/// Access to an organization.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Membership {
    /// The role. Without one, sites alone make nobody a member.
    pub role: Option<Text>,
    /// Roles beside the main one.
    pub extra_roles: Option<ListOrUnmanaged>,
    /// Sites: a list, a role by site, or `all`.
    pub sites: Option<Sites>,
    /// The site that is preselected for the user.
    pub default_site: Option<Text>,
    /// When it begins.
    pub starts: Option<Text>,
    /// When it ends.
    pub expires: Option<Text>,
}

/// Sites of a membership; `*` stands for any run of characters in names.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Sites {
    /// These.
    List(Vec<Text>),
    /// These, each with a role of its own.
    Roles(BTreeMap<String, Text>),
    /// Every declared one.
    All(All),
    /// Left alone.
    Unmanaged(Unmanaged),
}

/// A team: people who share access.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Team {
    /// A name for people.
    pub name: Option<Text>,
    /// What it is for.
    pub description: Option<Text>,
    /// Keys of its members.
    pub members: Option<Vec<Text>>,
    /// Teams whose members are members too.
    pub teams: Option<Vec<Text>>,
    /// What every member gets.
    pub access: Option<AccessOrUnmanaged>,
}

/// Access to a site, or to the sites that a pattern matches.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SiteGrant {
    /// `ORGANIZATION/SITE`; `*` stands for any run of characters in both.
    pub site: Text,
    /// Keys of users who get it.
    pub users: Option<Vec<Text>>,
    /// Teams whose members get it.
    pub teams: Option<Vec<Text>>,
    /// The role on the site, where the store has such.
    pub role: Option<Text>,
    /// When it begins.
    pub starts: Option<Text>,
    /// When it ends.
    pub expires: Option<Text>,
    /// What it is for.
    pub description: Option<Text>,
}

/// A leaver: a key, or a key with a day and a reason.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Leaver {
    /// The key.
    Key(Text),
    /// The key, with more.
    More(LeaverFields),
}

/// A leaver with a day and a reason.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LeaverFields {
    /// The key.
    pub user: Text,
    /// From which day on; left out: at once.
    pub from: Option<Text>,
    /// Why.
    pub reason: Option<Text>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::schema;
    use crate::manifest::{read, read_access, read_catalog, read_shared, read_users};

    #[test]
    fn the_walker_knows_the_same_fields() {
        let schema = serde_json::to_value(schema()).expect("JSON");
        for (definition, walked) in [
            ("", read::KEYS),
            ("Organization", read_catalog::ORGANIZATION),
            ("Site", read_catalog::SITE),
            ("Role", read_catalog::ROLE),
            ("User", read_users::USER),
            ("Membership", read_access::MEMBERSHIP),
            ("Team", read_shared::TEAM),
            ("SiteGrant", read_shared::SITE_GRANT),
            ("LeaverFields", read_shared::LEAVER),
        ] {
            let definition = if definition.is_empty() { &schema } else { &schema["$defs"][definition] };
            let properties = definition["properties"].as_object().expect("properties");
            let declared: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            assert_eq!(declared, walked.iter().copied().collect());
            assert_eq!(definition["additionalProperties"], false);
        }
    }
}
