//! What a plan was compared with, as JSON (`base` of the plan document).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::document::OriginDocument;
use super::documented::{action_id, origins};
use super::{Places, causes};
use crate::model::Names;

/// The revision that a plan was compared with, and what that tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaseDocument {
    /// The revision as it was named.
    pub revision: String,
    /// The whole name of its commit.
    pub commit: String,
    /// Settings and rules that differ between it and the change, by name.
    pub settings: Vec<ChangedSettingDocument>,
    /// How many actions there are of each cause; causes without any are left out.
    pub causes: BTreeMap<String, u32>,
    /// Which lines of it the actions against drift restore, in the order of the actions; drift that no line declares is
    /// left out.
    pub restores: Vec<RestoresDocument>,
}

/// A setting, or something in a rule file, that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedSettingDocument {
    /// The keys to it, parted by dots; of a rule file, its name goes before them.
    pub name: String,
    /// What the base says; null where it says nothing.
    #[serde(deserialize_with = "Option::deserialize")]
    pub base: Option<String>,
    /// What the change says; null where it says nothing.
    #[serde(deserialize_with = "Option::deserialize")]
    pub now: Option<String>,
    /// Which holds for this run: `base`, `stricter` (the stricter of both), `both` (both together), or `change`.
    pub holds: String,
}

/// The declared intent that an action restores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoresDocument {
    /// The id of the action.
    pub action: String,
    /// The lines of the base that declare it.
    pub origins: Vec<OriginDocument>,
}

impl BaseDocument {
    /// The same with what is told of these actions.
    #[must_use]
    pub fn telling(&self, names: &Names, actions: &[Action], places: &dyn Places) -> Self {
        let restores = actions.iter().filter(|action| !action.restores.is_empty()).map(|action| RestoresDocument {
            action: action_id(names, action.kind, &action.subject),
            origins: origins(names, &action.restores, places),
        });
        let causes = causes(actions).into_iter().map(|(cause, count)| (cause.as_str().to_owned(), count));
        Self { causes: causes.collect(), restores: restores.collect(), ..self.clone() }
    }
}
