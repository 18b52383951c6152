//! What expressions can name: variables, their fields, and the types of both.
//!
//! One table is the language: expressions are checked against it, values are built from it, and the documentation is
//! printed from it.

use std::fmt::Write as _;

/// Of what a policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PolicyFor")]
pub enum AskedOf {
    /// Of each declared user but those with `status: absent`.
    User,
    /// Of each membership that a declared user who is let in has now.
    Membership,
    /// Of each line that gives access to a user who is let in now or will be, and is not over.
    Source,
    /// Of each declared organization.
    Organization,
    /// Of each action of a plan.
    Action,
    /// Of each plan, once.
    Plan,
}

impl AskedOf {
    /// Everything that a policy can be asked of.
    pub const ALL: [Self; 6] =
        [Self::User, Self::Membership, Self::Source, Self::Organization, Self::Action, Self::Plan];

    /// The word used in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Membership => "membership",
            Self::Source => "source",
            Self::Organization => "organization",
            Self::Action => "action",
            Self::Plan => "plan",
        }
    }

    /// Whether it takes a plan, and so what is live; the others are asked of what is declared.
    #[must_use]
    pub const fn needs_a_plan(self) -> bool {
        match self {
            Self::User | Self::Membership | Self::Source | Self::Organization => false,
            Self::Action | Self::Plan => true,
        }
    }

    /// The variables of its expressions.
    #[must_use]
    pub const fn variables(self) -> &'static [Field] {
        match self {
            Self::User => &[USER_VARIABLE, NOW],
            Self::Membership => &[MEMBERSHIP_VARIABLE, USER_VARIABLE, ORGANIZATION_VARIABLE, NOW],
            Self::Source => &[SOURCE_VARIABLE, USER_VARIABLE, NOW],
            Self::Organization => &[ORGANIZATION_VARIABLE, NOW],
            Self::Action => &[ACTION_VARIABLE, SUBJECT_VARIABLE, NOW],
            Self::Plan => &[PLAN_VARIABLE, NOW],
        }
    }
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// A text.
    Text,
    /// A moment.
    Time,
    /// A record.
    Record(&'static Shape),
    /// A list of texts.
    Texts,
    /// A list of records.
    Records(&'static Shape),
    /// Values by name, whose types are known only when they are looked at.
    Map,
}

/// A field of a record, or a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub of: FieldType,
    /// Whether it can be null.
    pub or_null: bool,
    /// What it says.
    pub about: &'static str,
}

impl Field {
    const fn new(name: &'static str, of: FieldType, about: &'static str) -> Self {
        Self { name, of, or_null: false, about }
    }

    const fn or_null(self) -> Self {
        Self { or_null: true, ..self }
    }

    /// Its type in words.
    #[must_use]
    pub fn type_words(&self) -> String {
        let words = match self.of {
            FieldType::Flag => "bool".to_owned(),
            FieldType::Number => "int".to_owned(),
            FieldType::Text => "string".to_owned(),
            FieldType::Time => "timestamp".to_owned(),
            FieldType::Record(shape) => shape.name.to_owned(),
            FieldType::Texts => "list of string".to_owned(),
            FieldType::Records(shape) => format!("list of {}", shape.name),
            FieldType::Map => "map".to_owned(),
        };
        if self.or_null { format!("{words} or null") } else { words }
    }
}

/// A kind of record. Each is there once, so that shapes are compared by their names.
#[derive(Debug, Eq)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// Its fields, in the order of their values.
    pub fields: &'static [Field],
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Shape {
    /// The field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

const USER_VARIABLE: Field = Field::new("user", FieldType::Record(&USER), "the user");
const SUBJECT_VARIABLE: Field =
    Field::new("user", FieldType::Record(&USER), "the declared user whom it concerns, if there is one").or_null();
const MEMBERSHIP_VARIABLE: Field = Field::new("membership", FieldType::Record(&MEMBERSHIP), "the membership");
const SOURCE_VARIABLE: Field = Field::new("source", FieldType::Record(&SOURCE), "the line that gives access");
const ORGANIZATION_VARIABLE: Field = Field::new("organization", FieldType::Record(&ORGANIZATION), "the organization");
const ACTION_VARIABLE: Field = Field::new("action", FieldType::Record(&ACTION), "the action");
const PLAN_VARIABLE: Field = Field::new("plan", FieldType::Record(&PLAN), "the plan");
const NOW: Field = Field::new("now", FieldType::Time, "the time of the run (`--at`, else the clock)");

/// A declared user.
pub static USER: Shape = Shape {
    name: "user",
    fields: &[
        Field::new("key", FieldType::Text, "the key, as compared"),
        Field::new("email", FieldType::Text, "the declared address, else the key if it is one").or_null(),
        Field::new("domain", FieldType::Text, "what follows the `@` of `email`, in lower case").or_null(),
        Field::new("kind", FieldType::Text, "`human` or `service`"),
        Field::new(
            "status",
            FieldType::Text,
            "what is declared for now: `active` (also where nothing is said), `preloaded`, `inactive` (also expired, and \
             under `inactive:` from the day on), `not_started`",
        ),
        Field::new("starts", FieldType::Time, "when the user as a whole begins").or_null(),
        Field::new("expires", FieldType::Time, "when the user as a whole ends").or_null(),
        Field::new("role", FieldType::Text, "the role on the whole platform").or_null(),
        Field::new("extra_roles", FieldType::Texts, "extra roles on the whole platform"),
        Field::new(
            "admin",
            FieldType::Flag,
            "whether a role of the user, anywhere, or one that it includes, has `admin: true`, or a field is set that makes an admin",
        ),
        Field::new("teams", FieldType::Texts, "teams that the user is in, also through other teams"),
        Field::new(
            "memberships",
            FieldType::Records(&MEMBERSHIP),
            "what the user is a member of now, or at the start of one who has not started; all sources together",
        ),
        Field::new(
            "sources",
            FieldType::Records(&SOURCE),
            "every line that gives access and is not over, also one whose time is still to come",
        ),
        Field::new("fields", FieldType::Map, "declared profile fields and attributes, as in a manifest"),
    ],
};

/// A membership.
pub static MEMBERSHIP: Shape = Shape {
    name: "membership",
    fields: &[
        Field::new("user", FieldType::Text, "the key of the member"),
        Field::new("kind", FieldType::Text, "the kind of the member: `human` or `service`"),
        Field::new("organization", FieldType::Text, "the organization"),
        Field::new("role", FieldType::Text, "the role").or_null(),
        Field::new("rank", FieldType::Number, "its rank").or_null(),
        Field::new("extra_roles", FieldType::Texts, "extra roles"),
        Field::new("roles", FieldType::Texts, "all roles: these, those on sites, and what they include"),
        Field::new(
            "admin",
            FieldType::Flag,
            "whether one of these roles has `admin: true`, or one on a site, or one that they include",
        ),
        Field::new("all_sites", FieldType::Flag, "whether the role reaches every site"),
        Field::new("sites", FieldType::Texts, "sites that are granted by name"),
        Field::new("site_roles", FieldType::Texts, "roles held on sites, each once"),
        Field::new("expires", FieldType::Time, "when the last source of it ends; null if one never does").or_null(),
    ],
};

/// A line that gives access.
pub static SOURCE: Shape = Shape {
    name: "source",
    fields: &[
        Field::new("organization", FieldType::Text, "where; empty for the whole platform"),
        Field::new("site", FieldType::Text, "the site, of a site grant").or_null(),
        Field::new("role", FieldType::Text, "the role that it gives").or_null(),
        Field::new(
            "admin",
            FieldType::Flag,
            "whether that role, an extra role of it, or one that they include, has `admin: true`",
        ),
        Field::new("starts", FieldType::Time, "when it begins").or_null(),
        Field::new("expires", FieldType::Time, "when it ends").or_null(),
        Field::new("via", FieldType::Text, "`team:NAME` or `site_grant`; null for own access").or_null(),
    ],
};

/// A declared organization.
pub static ORGANIZATION: Shape = Shape {
    name: "organization",
    fields: &[
        Field::new("key", FieldType::Text, "its name in manifests"),
        Field::new("sites", FieldType::Texts, "its declared sites"),
        Field::new(
            "members",
            FieldType::Records(&MEMBERSHIP),
            "memberships of users who are let in now: `active` and `preloaded` ones",
        ),
        Field::new("fields", FieldType::Map, "declared fields and attributes: `name`, `kind`, `parent`, …"),
    ],
};

/// An action of a plan.
pub static ACTION: Shape = Shape {
    name: "action",
    fields: &[
        Field::new("kind", FieldType::Text, "what is done, for example `change_role`"),
        Field::new("user", FieldType::Text, "the key of the user whom it concerns").or_null(),
        Field::new("organization", FieldType::Text, "the organization").or_null(),
        Field::new("site", FieldType::Text, "the site").or_null(),
        Field::new("role", FieldType::Text, "the role, of actions on roles only").or_null(),
        Field::new("role_before", FieldType::Text, "the role that is held before").or_null(),
        Field::new("role_after", FieldType::Text, "the role that is held after").or_null(),
        Field::new("before", FieldType::Map, "what is set before, as in `plan --format json`; empty for null"),
        Field::new("after", FieldType::Map, "what is set after; empty for null"),
        Field::new(
            "gives_admin",
            FieldType::Flag,
            "whether it gives a role that has or includes `admin: true` and was not held there, or a field that makes an admin, lets in somebody who becomes an admin, or makes a role that is there such a one",
        ),
        Field::new(
            "joins",
            FieldType::Flag,
            "whether the user joins in this plan: is invited, created or let in again",
        ),
        Field::new("risk", FieldType::Texts, "`escalation`, `removal`, `irreversible`, `mail`, …"),
        Field::new("cause", FieldType::Text, "`manifest`, `drift`, `expiry`, `deferred`, `operator`, `unknown`"),
    ],
};

/// A plan.
pub static PLAN: Shape = Shape {
    name: "plan",
    fields: &[
        Field::new("actions", FieldType::Records(&ACTION), "its actions"),
        Field::new("joins", FieldType::Number, "people who join"),
        Field::new("leaves", FieldType::Number, "people who leave"),
        Field::new("gains", FieldType::Number, "of all others: people who gain something"),
        Field::new("loses", FieldType::Number, "of all others: people who lose something"),
        Field::new("invitations", FieldType::Number, "people who are invited"),
        Field::new("escalations", FieldType::Number, "people who can do more in a way that matters"),
        Field::new("mails", FieldType::Number, "mails that go out"),
        Field::new("deletions", FieldType::Number, "what ends for good"),
    ],
};

/// Every kind of record.
pub static SHAPES: [&Shape; 6] = [&USER, &MEMBERSHIP, &SOURCE, &ORGANIZATION, &ACTION, &PLAN];

/// What stands for variables in the JSON Schema: a sentence for each value of `for`.
#[must_use]
pub fn variables_in_words() -> String {
    let mut text = String::new();
    for of in AskedOf::ALL {
        let names: Vec<&str> = of.variables().iter().map(|variable| variable.name).collect();
        let _ = write!(text, " With `for: {}`: {}.", of.as_str(), names.join(", "));
    }
    for shape in SHAPES {
        let fields: Vec<String> =
            shape.fields.iter().map(|field| format!("{} ({})", field.name, field.type_words())).collect();
        let _ = write!(text, " A {} has: {}.", shape.name, fields.join(", "));
    }
    text
}

/// The fields of a kind of record, as rows of a table in Markdown.
#[must_use]
pub fn rows(shape: &Shape) -> String {
    shape.fields.iter().fold(String::new(), |mut text, field| {
        let _ = writeln!(text, "| `{}.{}` | {} | {} |", shape.name, field.name, field.type_words(), field.about);
        text
    })
}
