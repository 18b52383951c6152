//! Who reaches what before a plan: the ground on which its impact is shown.
//!
//! The same reckoning as where people are counted. Deliberately absent: what a plan changes, which its impact says.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Inputs;
use super::people::key_of;
use super::reach::{Roles, reach, with_vendor};
use super::renamed::renamed;
use crate::model::{List, LiveView, Name, Status};

/// What one person reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The key.
    pub user: Name,
    /// The status of the account.
    pub status: Status,
    /// Organizations, sorted by text; [`known::PLATFORM`](crate::model::known::PLATFORM) is the whole platform.
    pub organizations: Vec<StandingIn>,
}

/// What one person reaches of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingIn {
    /// The organization.
    pub organization: Name,
    /// The roles in it, empty without any; `None` where only sites are reached.
    pub roles: Option<List>,
    /// Sites, by the roles held there.
    pub sites: BTreeMap<List, List>,
}

/// The roles in an organization, and sites by the roles there.
type HeldIn = (Option<List>, BTreeMap<List, Vec<Name>>);

/// Everybody who is not locked out, sorted by text, under the names that the plan knows them by.
#[must_use]
pub fn standing(inputs: &Inputs<'_>) -> Vec<Standing> {
    let renamed = renamed(inputs);
    let viewed = Inputs { live: renamed.live.as_ref().unwrap_or(inputs.live), ..inputs.clone() };
    let mut catalog = viewed.live.catalog.clone();
    catalog.roles = with_vendor(&viewed.desired.catalog.roles, &catalog.roles);
    let names = viewed.names;
    let one = |live: &LiveView<'_>| {
        let reached = reach(names, viewed.rules, &catalog, live.memberships, live.grants);
        let mut organizations: BTreeMap<Name, HeldIn> = BTreeMap::new();
        for ((organization, site), roles) in &reached {
            let roles = names.list(&Roles::named(roles));
            let (own, sites) = organizations.entry(*organization).or_default();
            match site {
                None => *own = Some(roles),
                Some(site) => sites.entry(roles).or_default().push(*site),
            }
        }
        let organizations = organizations.into_iter().map(|(organization, (roles, sites))| {
            let sites = sites.into_iter().map(|(roles, sites)| (roles, names.list(&sites)));
            StandingIn { organization, roles, sites: sites.collect() }
        });
        let mut organizations: Vec<StandingIn> = organizations.collect();
        organizations.sort_by_key(|one| names.text(one.organization));
        Standing { user: key_of(&viewed, live), status: live.status, organizations }
    };
    let rows = (0..viewed.live.len()).into_par_iter().map(|row| viewed.live.user(row));
    let is_in = |live: &LiveView<'_>| !matches!(live.status, Status::Inactive | Status::Closed);
    let mut everybody: Vec<Standing> = rows.filter(is_in).map(|live| one(&live)).collect();
    everybody.sort_by_key(|one| names.text(one.user));
    everybody
}
