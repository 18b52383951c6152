//! The columns that files of people have, and the names that their headers bear in English and in French.

use super::mistakes::quoted;
use crate::rules::{Attribute, AttributeType, KeyField, Rules, folded};

/// What a column tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    /// The given name.
    GivenName,
    /// The family name.
    FamilyName,
    /// The full name.
    FullName,
    /// The e-mail address.
    Email,
    /// The login.
    Login,
    /// When the account was made.
    Created,
    /// Whether the person has accepted the invitation.
    Status,
    /// The version of the service that the person uses.
    UsageVersion,
    /// The mobile telephone.
    Mobile,
    /// The language.
    Language,
    /// Where the person is.
    Location,
    /// The organization in which the role of the row holds.
    Company,
    /// The same under its own name, which goes before.
    Organization,
    /// The role.
    Role,
    /// A further field of the rules that is true or false, by its place among them.
    Switch(usize),
}

/// Every column but those of further fields.
const ALL: [Column; 14] = [
    Column::GivenName,
    Column::FamilyName,
    Column::FullName,
    Column::Email,
    Column::Login,
    Column::Created,
    Column::Status,
    Column::UsageVersion,
    Column::Mobile,
    Column::Language,
    Column::Location,
    Column::Company,
    Column::Organization,
    Column::Role,
];

/// The columns of a list of people and their roles, in its order (`systems.md` ALT-10).
const LIST: [Column; 10] = [
    Column::GivenName,
    Column::FamilyName,
    Column::Email,
    Column::Created,
    Column::Status,
    Column::UsageVersion,
    Column::Language,
    Column::Location,
    Column::Company,
    Column::Role,
];

/// The columns of a template for invitations in bulk (`systems.md` CRED-6).
const TEMPLATE: [Column; 3] = [Column::GivenName, Column::FamilyName, Column::Email];

/// The columns of a list of people under these rules.
pub(super) fn of_list(rules: &Rules) -> Vec<Column> {
    with_login(rules, &LIST)
}

/// The columns of a template under these rules.
pub(super) fn of_template(rules: &Rules) -> Vec<Column> {
    with_login(rules, &TEMPLATE)
}

/// Where people are known by a login, that stands in front, and the full name with it where the store has one.
fn with_login(rules: &Rules, columns: &[Column]) -> Vec<Column> {
    let front: &[Column] = match rules.identity.key_field() {
        KeyField::Email => &[],
        KeyField::Login if rules.field("name").is_some() => &[Column::Login, Column::FullName],
        KeyField::Login => &[Column::Login],
    };
    front.iter().chain(columns).copied().collect()
}

impl Column {
    /// The column with the key of a person.
    pub(super) fn of_key(rules: &Rules) -> Self {
        match rules.identity.key_field() {
            KeyField::Email => Self::Email,
            KeyField::Login => Self::Login,
        }
    }

    /// The column that a header names under these rules: the word for a kind of organization is one for organizations, and
    /// a further field has its name here and the vendor's.
    pub(super) fn of_header(rules: &Rules, header: &str) -> Option<Self> {
        let words = |name: &String| {
            rules.words.get(name).into_iter().flatten().chain([name]).any(|word| folded(word) == folded(header))
        };
        let is_kind = || rules.organization_kinds.iter().flatten().any(words);
        let switch = || {
            let is_switch = |attribute: &Attribute| attribute.kind == AttributeType::Bool;
            let is_meant =
                |(name, rule): (&String, &Option<Attribute>)| rule.as_ref().is_some_and(is_switch) && words(name);
            rules.attributes.iter().position(is_meant).map(Self::Switch)
        };
        Self::of(header).or_else(|| is_kind().then_some(Self::Organization)).or_else(switch)
    }

    /// Whether a header of family names may as well be one of whole names.
    pub(super) fn may_be_whole(header: &str) -> bool {
        folded(header) == "nom"
    }

    /// The column that a header names. Case, accents, hyphens and blanks do not count.
    pub(super) fn of(header: &str) -> Option<Self> {
        let header = folded(header);
        ALL.into_iter().find(|column| column.headers().contains(&header.as_str()))
    }

    /// Its headers, folded; the first one is what a list is written with.
    const fn headers(self) -> &'static [&'static str] {
        match self {
            Self::GivenName => &["first name", "firstname", "given name", "givenname", "prenom"],
            Self::FamilyName => {
                &["last name", "lastname", "family name", "familyname", "surname", "nom de famille", "nom"]
            }
            Self::Email => &[
                "e mail",
                "email",
                "mail",
                "e mail address",
                "email address",
                "adresse e mail",
                "adresse email",
                "adresse mail",
                "adresse electronique",
                "courriel",
                "adresse courriel",
            ],
            Self::FullName => {
                &["full name", "fullname", "display name", "nom complet", "nom et prenom", "prenom et nom"]
            }
            Self::Login => &[
                "login",
                "username",
                "user name",
                "nom d utilisateur",
                "identifiant",
                "identifiant de connexion",
                "nom de connexion",
            ],
            Self::Created => &["creation date", "created", "date de creation"],
            Self::Status => &["status", "statut", "etat"],
            Self::UsageVersion => &["usage version", "version d utilisation", "version d usage"],
            Self::Mobile => &[
                "mobile",
                "mobile phone",
                "mobile number",
                "cell phone",
                "cellulaire",
                "telephone cellulaire",
                "telephone mobile",
                "telephone portable",
                "portable",
            ],
            Self::Language => &["language", "langue"],
            Self::Location => &["location", "localisation", "lieu", "emplacement"],
            Self::Company => &["company", "societe", "entreprise", "compagnie"],
            Self::Organization => &["organization", "organisation"],
            Self::Role => &[
                "role",
                "permission group",
                "groupe de permissions",
                "rights configuration",
                "configuration de droits",
            ],
            Self::Switch(_) => &[],
        }
    }

    /// The header that a file is written with.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::GivenName => "First name",
            Self::FamilyName => "Last name",
            Self::FullName => "Full name",
            Self::Email => "E-mail",
            Self::Login => "Login",
            Self::Created => "Creation date",
            Self::Status => "Status",
            Self::UsageVersion => "Usage version",
            Self::Mobile => "Mobile",
            Self::Language => "Language",
            Self::Location => "Location",
            Self::Company => "Company",
            Self::Organization => "Organization",
            Self::Role => "Role",
            Self::Switch(_) => "Yes or no",
        }
    }

    /// The further field that it tells, by its dotted name.
    pub(super) fn switch(self, rules: &Rules) -> Option<String> {
        let Self::Switch(place) = self else { return None };
        rules.attributes.keys().nth(place).map(|name| format!("attributes.{name}"))
    }

    /// The field of a user in which it is kept, where the rules have that.
    pub(super) fn field(self, rules: &Rules) -> Option<&'static str> {
        let attribute = |attribute: &str| matches!(rules.attributes.get(attribute), Some(Some(_)));
        let field = match self {
            _ if self == Self::of_key(rules) => return None,
            Self::Login => "login",
            Self::Email => "email",
            Self::FullName => "name",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Mobile => "mobile",
            Self::Language => "language",
            Self::UsageVersion if attribute("usage_version") => return Some("attributes.usage_version"),
            Self::Location if attribute("location") => return Some("attributes.location"),
            Self::Created
            | Self::Status
            | Self::UsageVersion
            | Self::Location
            | Self::Company
            | Self::Organization
            | Self::Role
            | Self::Switch(_) => return None,
        };
        rules.field(field).map(|_| field)
    }
}

/// Names of languages, folded, in English, in French and in themselves, and what manifests have in their place.
const LANGUAGES: [(&str, &str); 18] = [
    ("allemand", "de"),
    ("anglais", "en"),
    ("deutsch", "de"),
    ("dutch", "nl"),
    ("english", "en"),
    ("espagnol", "es"),
    ("espanol", "es"),
    ("francais", "fr"),
    ("french", "fr"),
    ("german", "de"),
    ("italian", "it"),
    ("italiano", "it"),
    ("italien", "it"),
    ("japanese", "ja"),
    ("japonais", "ja"),
    ("nederlands", "nl"),
    ("neerlandais", "nl"),
    ("spanish", "es"),
];

/// Whether a cell says yes or no; `None`: neither.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match folded(text).as_str() {
        "oui" | "yes" | "vrai" | "true" => Some(true),
        "non" | "no" | "faux" | "false" => Some(false),
        _ => None,
    }
}

/// The tag of a language that is written by its name.
pub(super) fn language(text: &str) -> Option<&'static str> {
    let text = folded(text);
    LANGUAGES.iter().find(|(name, _)| *name == text).map(|(_, tag)| *tag)
}

/// Why the rules of the store refuse this value of a field, if they do: a clause, and a way out.
pub(super) fn refuse_value(rules: &Rules, field: &str, text: &str) -> Option<(String, String)> {
    let (values, format) = match (rules.attribute(field), rules.field(field)) {
        (Some(attribute), _) => (attribute.values.as_deref(), None),
        (None, Some(rule)) => (rule.values.as_deref(), rule.format),
        (None, None) => (None, None),
    };
    if let Some(values) = values.filter(|values| !values.iter().any(|value| value == text)) {
        let help = format!("values there are: {}; correct it, or empty the cell", values.join(", "));
        return Some((format!("{} is no value of `{field}`", quoted(text)), help));
    }
    let why = format?.refuses(text)?;
    Some((format!("{} {why}", quoted(text)), "correct it, or empty the cell".to_owned()))
}

/// The name of a column as a spreadsheet has it: A, B, … Z, AA.
pub(super) fn letters(column: usize) -> String {
    let mut rest = column + 1;
    let mut letters = Vec::new();
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).unwrap_or_default();
        letters.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    letters.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::{ALL, Column, LANGUAGES, language, letters};

    #[test]
    fn headers_are_known_in_both_languages_and_in_any_spelling() {
        for (header, column) in [
            ("E-Mail", Column::Email),
            ("E‑mail", Column::Email),
            ("EMAIL", Column::Email),
            ("Adresse électronique", Column::Email),
            (" Prénom ", Column::GivenName),
            ("Prenom", Column::GivenName),
            ("given_name", Column::GivenName),
            ("Nom", Column::FamilyName),
            ("Rôle", Column::Role),
            ("Société", Column::Company),
            ("Version d’utilisation", Column::UsageVersion),
            ("Nom d’utilisateur", Column::Login),
            ("Identifiant", Column::Login),
            ("Nom complet", Column::FullName),
            ("Cellulaire", Column::Mobile),
            ("Groupe de permissions", Column::Role),
        ] {
            assert_eq!(Column::of(header), Some(column), "{header}");
        }
        for column in ALL {
            assert_eq!(Column::of(column.title()), Some(column));
        }
        for header in ["", "name", "roles"] {
            assert_eq!(Column::of(header), None, "{header}");
        }
    }

    #[test]
    fn languages_are_known_by_their_names() {
        for (name, tag) in [("Français", Some("fr")), ("NEDERLANDS", Some("nl")), ("English", Some("en"))] {
            assert_eq!(language(name), tag, "{name}");
        }
        assert!(LANGUAGES.is_sorted() && language("fr").is_none());
    }

    #[test]
    fn columns_are_named_as_in_a_spreadsheet() {
        assert_eq!([0, 25, 26, 701, 702].map(letters), ["A", "Z", "AA", "ZZ", "AAA"]);
    }
}
