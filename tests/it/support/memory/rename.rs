//! Renames of organizations, sites and roles: everything keeps what it has under the new name.

use super::{Effect, Fields, MemoryStore, Outcome, V, conflict, get, refused};

/// What is renamed.
pub(super) enum Renamed<'a> {
    Organization(&'a str),
    Site(&'a str, &'a str),
    Role(&'a str),
}

impl MemoryStore {
    /// Renames from `old`; whether there was anything to rename.
    pub(super) fn rename_object(&mut self, object: &Renamed<'_>, old: &str) -> Result<bool, Effect> {
        let new = match *object {
            Renamed::Organization(new) | Renamed::Site(_, new) | Renamed::Role(new) => new,
        };
        let (has_old, has_new) = match *object {
            Renamed::Organization(_) => {
                (self.data.organizations.contains_key(old), self.data.organizations.contains_key(new))
            }
            Renamed::Site(of, _) => {
                let has = |name: &str| self.data.sites.contains_key(&(of.to_owned(), name.to_owned()));
                (has(old), has(new))
            }
            Renamed::Role(_) => (self.data.roles.contains_key(old), self.data.roles.contains_key(new)),
        };
        match (has_old, has_new) {
            (false, true) => return Ok(false),
            (false, false) => return Err(conflict()),
            (true, true) => return Err(refused()),
            (true, false) => {}
        }
        let swap = |name: &str| -> String { if name == old { new.to_owned() } else { name.to_owned() } };
        let swap_value = |value: &V| match value {
            V::Text(text) => V::Text(swap(text)),
            V::Set(texts) => {
                let mut texts: Vec<String> = texts.iter().map(|text| swap(text)).collect();
                texts.sort_unstable();
                V::Set(texts)
            }
            V::Null | V::Bool(_) | V::Number(_) => value.clone(),
        };
        let swap_fields = |fields: &mut Fields, named: &[&str]| {
            for field in named {
                let value = swap_value(&get(fields, field));
                if fields.contains_key(*field) {
                    fields.insert((*field).to_owned(), value);
                }
            }
        };
        let data = &mut self.data;
        match *object {
            Renamed::Organization(_) => {
                data.organizations = std::mem::take(&mut data.organizations)
                    .into_iter()
                    .map(|(name, mut fields)| {
                        swap_fields(&mut fields, &["parent", "includes"]);
                        (swap(&name), fields)
                    })
                    .collect();
                let place = |((of, site), value): ((String, String), Fields)| ((swap(&of), site), value);
                data.sites = std::mem::take(&mut data.sites).into_iter().map(place).collect();
                for user in data.users.values_mut() {
                    let memberships = std::mem::take(&mut user.memberships).into_iter();
                    user.memberships = memberships.map(|(of, fields)| (swap(&of), fields)).collect();
                    let grants = std::mem::take(&mut user.grants).into_iter();
                    user.grants = grants.map(|((of, site), role)| ((swap(&of), site), role)).collect();
                }
            }
            Renamed::Site(of, _) => {
                let place = |((other, site), mut fields): ((String, String), Fields)| {
                    if other != of {
                        return ((other, site), fields);
                    }
                    swap_fields(&mut fields, &["parent", "includes"]);
                    ((other, swap(&site)), fields)
                };
                data.sites = std::mem::take(&mut data.sites).into_iter().map(place).collect();
                for user in data.users.values_mut() {
                    if let Some(membership) = user.memberships.get_mut(of) {
                        swap_fields(membership, &["default_site"]);
                    }
                    let grants = std::mem::take(&mut user.grants).into_iter();
                    let moved = |((other, site), role): ((String, String), V)| {
                        let site = if other == of { swap(&site) } else { site };
                        ((other, site), role)
                    };
                    user.grants = grants.map(moved).collect();
                }
            }
            Renamed::Role(_) => {
                data.roles = std::mem::take(&mut data.roles)
                    .into_iter()
                    .map(|(name, mut fields)| {
                        swap_fields(&mut fields, &["includes"]);
                        (swap(&name), fields)
                    })
                    .collect();
                for user in data.users.values_mut() {
                    for membership in user.memberships.values_mut() {
                        swap_fields(membership, &["role", "extra_roles"]);
                    }
                    for role in user.grants.values_mut() {
                        *role = swap_value(role);
                    }
                }
            }
        }
        Ok(true)
    }
}

/// What comes of an update of something that was renamed by it.
pub(super) fn after_rename(renamed: bool, looked: Result<(), Effect>) -> Outcome {
    match looked {
        Err(Effect::AlreadyTrue) if renamed => Ok(Effect::Done),
        Err(effect) => Err(effect),
        Ok(()) => Ok(Effect::Done),
    }
}
