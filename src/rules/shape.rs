//! How rules are written where serde's derived reading does not do: `false` in place of a mapping, a word or a number,
//! `null` in place of a mapping. Derived `untagged` enums would lose the place of a mistake.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

use super::{AllWord, Amount, Mail, NoneMark, Organizations, RequirementValue, Rules, SiteRules, Sites};
use crate::model::ActionKind;

/// `null` is the empty value: nothing is stated.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// Reads with a visitor that takes what stands there.
macro_rules! reads_any {
    ($type:ty, $visitor:ident, $expecting:literal, { $($body:tt)* }) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($visitor)
            }
        }

        struct $visitor;

        impl<'de> Visitor<'de> for $visitor {
            type Value = $type;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str($expecting)
            }

            $($body)*
        }
    };
}

reads_any!(Sites, SitesVisitor, "`false` or a mapping of rules for sites", {
    fn visit_bool<E: Error>(self, value: bool) -> Result<Sites, E> {
        NoneMark::try_from(value).map(Sites::None).map_err(|_| E::invalid_value(Unexpected::Bool(value), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Sites, A::Error> {
        SiteRules::deserialize(MapAccessDeserializer::new(map)).map(Sites::Some)
    }
});

reads_any!(Organizations, OrganizationsVisitor, "`many`, `one` or `false`", {
    fn visit_bool<E: Error>(self, value: bool) -> Result<Organizations, E> {
        NoneMark::try_from(value).map(Organizations::None).map_err(|_| E::invalid_value(Unexpected::Bool(value), &self))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Organizations, E> {
        match word {
            "many" => Ok(Organizations::Many),
            "one" => Ok(Organizations::One),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }
});

reads_any!(Amount, AmountVisitor, "a whole number or `all`", {
    fn visit_u64<E: Error>(self, number: u64) -> Result<Amount, E> {
        u32::try_from(number).map(Amount::Number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
        u32::try_from(number).map(Amount::Number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Amount, E> {
        match word {
            "all" => Ok(Amount::All(AllWord::All)),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }
});

reads_any!(RequirementValue, RequirementValueVisitor, "a text, `true`, `false` or `null`", {
    fn visit_bool<E>(self, value: bool) -> Result<RequirementValue, E> {
        Ok(RequirementValue::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<RequirementValue, E> {
        Ok(RequirementValue::Text(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<RequirementValue, E> {
        Ok(RequirementValue::Text(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<RequirementValue, E> {
        Ok(RequirementValue::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<RequirementValue, E> {
        Ok(RequirementValue::Null)
    }

    fn visit_none<E>(self) -> Result<RequirementValue, E> {
        Ok(RequirementValue::Null)
    }
});

reads_any!(Mail, MailVisitor, "a mapping of actions to `true` or `false`", {
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Mail, A::Error> {
        let mut mail = Mail::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "update" => mail.update = map.next_value()?,
                "needs" => mail.needs = map.next_value()?,
                word => {
                    let kind = ActionKind::ALL.iter().find(|kind| kind.as_str() == word);
                    let kind = kind.ok_or_else(|| A::Error::unknown_field(word, MAIL_KEYS))?;
                    mail.actions.insert(*kind, map.next_value()?);
                }
            }
        }
        Ok(mail)
    }
});

/// The keys of `mail` in messages; all kinds of actions in the order of [`ActionKind::ALL`] (a test holds them
/// together).
pub(super) const MAIL_KEYS: &[&str] = &[
    "update",
    "needs",
    "create_organization",
    "update_organization",
    "delete_organization",
    "create_site",
    "update_site",
    "delete_site",
    "create_role",
    "update_role",
    "delete_role",
    "invite_user",
    "create_user",
    "update_user",
    "change_access",
    "rename_user",
    "deactivate_user",
    "strip_user",
    "reactivate_user",
    "close_user",
    "delete_user",
    "send_invitation",
    "resend_invitation",
    "cancel_invitation",
    "add_membership",
    "change_role",
    "update_membership",
    "remove_membership",
    "grant_site",
    "change_site_role",
    "revoke_site",
];

impl JsonSchema for Mail {
    fn schema_name() -> Cow<'static, str> {
        "Mail".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let flag = serde_json::json!({ "type": ["boolean", "null"] });
        let mut properties: BTreeMap<&str, serde_json::Value> =
            ActionKind::ALL.iter().map(|kind| (kind.as_str(), flag.clone())).collect();
        let update = "whether any change of an account's profile or access mails, one for all that changes in one user";
        properties.insert("update", serde_json::json!({ "type": ["boolean", "null"], "description": update }));
        let needs = "the field that has to be set for a mail to go out, `email` if not stated";
        properties.insert("needs", serde_json::json!({ "type": ["string", "null"], "description": needs }));
        json_schema!({
            "type": "object",
            "description": "Which changes the system tells people about by mail.",
            "properties": properties,
            "additionalProperties": false,
        })
    }
}

/// A rule set that stands in another document: what it says by itself, before it is laid over what it extends.
#[derive(Debug, Clone, PartialEq)]
pub struct InlineRules(pub(super) Box<Rules>);

impl<'de> Deserialize<'de> for InlineRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Rules::deserialize(deserializer).map(|rules| Self(Box::new(rules)))
    }
}

impl JsonSchema for InlineRules {
    fn schema_name() -> Cow<'static, str> {
        Rules::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Rules::json_schema(generator)
    }
}
