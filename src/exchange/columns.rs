//! The columns that files of people have, and the names that their headers bear in English and in French.

use crate::rules::{Rules, without_accents};

/// What a column tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    /// The given name.
    GivenName,
    /// The family name.
    FamilyName,
    /// The e-mail address.
    Email,
    /// When the account was made.
    Created,
    /// Whether the person has accepted the invitation.
    Status,
    /// The version of the service that the person uses.
    UsageVersion,
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
}

/// Every column.
const ALL: [Column; 11] = [
    Column::GivenName,
    Column::FamilyName,
    Column::Email,
    Column::Created,
    Column::Status,
    Column::UsageVersion,
    Column::Language,
    Column::Location,
    Column::Company,
    Column::Organization,
    Column::Role,
];

/// The columns of a list of people and their roles, in its order (`systems.md` ALT-10).
pub(super) const LIST: [Column; 10] = [
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
pub(super) const TEMPLATE: [Column; 3] = [Column::GivenName, Column::FamilyName, Column::Email];

impl Column {
    /// The column that a header names. Case, accents, hyphens and blanks do not count.
    pub(super) fn of(header: &str) -> Option<Self> {
        let folded = fold(header);
        ALL.into_iter().find(|column| column.headers().contains(&folded.as_str()))
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
            Self::Created => &["creation date", "created", "date de creation"],
            Self::Status => &["status", "statut", "etat"],
            Self::UsageVersion => &["usage version", "version d utilisation", "version d usage"],
            Self::Language => &["language", "langue"],
            Self::Location => &["location", "localisation", "lieu", "emplacement"],
            Self::Company => &["company", "societe", "entreprise", "compagnie"],
            Self::Organization => &["organization", "organisation"],
            Self::Role => &["role"],
        }
    }

    /// The header that a file is written with.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::GivenName => "First name",
            Self::FamilyName => "Last name",
            Self::Email => "E-mail",
            Self::Created => "Creation date",
            Self::Status => "Status",
            Self::UsageVersion => "Usage version",
            Self::Language => "Language",
            Self::Location => "Location",
            Self::Company => "Company",
            Self::Organization => "Organization",
            Self::Role => "Role",
        }
    }

    /// The field of a user in which it is kept, where the rules have that.
    pub(super) fn field(self, rules: &Rules) -> Option<&'static str> {
        let attribute = |attribute: &str| matches!(rules.attributes.get(attribute), Some(Some(_)));
        let field = match self {
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Language => "language",
            Self::UsageVersion if attribute("usage_version") => return Some("attributes.usage_version"),
            Self::Location if attribute("location") => return Some("attributes.location"),
            Self::Email
            | Self::Created
            | Self::Status
            | Self::UsageVersion
            | Self::Location
            | Self::Company
            | Self::Organization
            | Self::Role => return None,
        };
        rules.field(field).map(|_| field)
    }
}

/// A text as it is compared with headers and words: lower case, without accents, words parted by one blank.
pub(super) fn fold(text: &str) -> String {
    let plain = without_accents(text);
    let plain = plain.replace(|character: char| !character.is_alphanumeric(), " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
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
    use super::{ALL, Column, letters};

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
        ] {
            assert_eq!(Column::of(header), Some(column), "{header}");
        }
        for column in ALL {
            assert_eq!(Column::of(column.title()), Some(column));
        }
        for header in ["", "name", "full name", "roles"] {
            assert_eq!(Column::of(header), None, "{header}");
        }
    }

    #[test]
    fn columns_are_named_as_in_a_spreadsheet() {
        assert_eq!([0, 25, 26, 701, 702].map(letters), ["A", "Z", "AA", "ZZ", "AAA"]);
    }
}
