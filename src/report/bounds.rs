//! What the lines of the manifests say of access beyond what is given today: until when, and what it includes later.

use super::style::enumeration;
use super::time::last;
use super::words::Context;
use crate::model::{Name, Piece, Value, known};
use crate::plan::Action;

impl Context<'_> {
    /// `, also later sites, until 2027-03-31`, of the membership that the manifests give somebody in an organization.
    pub(super) fn bounds(&self, organization: Name) -> String {
        let pieces = self.pieces(organization);
        let mut parts: Vec<String> = Vec::new();
        parts.extend(patterns(self, pieces.iter().filter_map(|piece| piece.site_pattern), "sites"));
        let memberships = || pieces.iter().filter(|piece| piece.membership);
        parts.extend(patterns(self, memberships().filter_map(|piece| piece.organization_pattern), "organizations"));
        parts.extend(self.until(memberships()));
        listed(&parts)
    }

    /// The same of some sites.
    pub(super) fn bounds_of_sites(&self, organization: Name, sites: &[Name]) -> String {
        let mut pieces = self.pieces(organization);
        pieces.retain(|piece| piece.site.is_some_and(|site| sites.contains(&site)));
        let mut parts: Vec<String> = Vec::new();
        parts.extend(patterns(self, pieces.iter().filter_map(|piece| piece.site_pattern), "sites"));
        parts.extend(self.until(pieces.iter()));
        listed(&parts)
    }

    /// What reaches the person whose access is told, in an organization.
    fn pieces(&self, organization: Name) -> Vec<Piece> {
        let found = self.declared.zip(self.rules).zip(self.whose).and_then(|(((desired, at), rules), user)| {
            let identity = rules.identity.normalize(self.names.text(user)).ok()?;
            let declared = desired.find(self.names.find(&identity)?)?;
            let mut pieces = Vec::new();
            declared.pieces_at(self.names, at, &mut pieces);
            pieces.retain(|piece| piece.organization == organization);
            // What a person as a whole is given ends with the person.
            for piece in &mut pieces {
                piece.window.expires = [piece.window.expires, declared.window.expires].into_iter().flatten().min();
            }
            Some(pieces)
        });
        found.unwrap_or_default()
    }

    /// `until 2027-03-31`, when the last of these ends; nothing where one has no end.
    fn until<'p>(&self, pieces: impl Iterator<Item = &'p Piece>) -> Option<String> {
        let ends: Option<Vec<_>> = pieces.map(|piece| piece.window.expires).collect();
        ends?.into_iter().max().map(|end| format!("until {}", last(end, self.zone)))
    }

    /// `; takes over director of north; mails go to new.example in place of old.example`, of somebody who gets another
    /// key.
    pub(super) fn taken_over(&self, action: &Action) -> String {
        let mut text = String::new();
        let opens = self.effects.zip(action.subject.user).and_then(|(effects, user)| effects.opens.get(&user));
        if let Some(opens) = opens {
            let is_admin = |role: Option<Name>| role.is_some_and(|role| self.is_admin(role));
            let power: Vec<_> = opens
                .memberships
                .iter()
                .filter(|one| {
                    let extra = self.names.elements(one.extra_roles);
                    is_admin(one.role) || extra.iter().any(|&role| is_admin(Some(role)))
                })
                .copied()
                .collect();
            let on_sites: Vec<_> = opens.grants.iter().filter(|grant| is_admin(grant.role)).copied().collect();
            let power = self.access(&power, &on_sites, true);
            if !power.is_empty() {
                text.push_str(&format!("; takes over {power}"));
            }
        }
        let domain = |state: Option<&crate::plan::State>| {
            let key = state.and_then(|state| state.value(known::KEY)).and_then(Value::text)?;
            self.names.text(key).rsplit_once('@').map(|(_, domain)| domain.to_lowercase())
        };
        if let (Some(from), Some(to)) = (domain(action.before.as_ref()), domain(action.after.as_ref()))
            && from != to
        {
            text.push_str(&format!(
                "; another mail domain, {} in place of {}",
                self.style.name(&to),
                self.style.name(&from)
            ));
        }
        text
    }
}

/// Each part behind a comma.
fn listed(parts: &[String]) -> String {
    if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) }
}

/// `also later sites`, `also later sites like pit-*`.
fn patterns(context: &Context<'_>, patterns: impl Iterator<Item = Name>, what: &str) -> Option<String> {
    let mut texts: Vec<&str> = patterns.map(|pattern| context.names.text(pattern)).collect();
    texts.sort_unstable();
    texts.dedup();
    if texts.is_empty() {
        return None;
    }
    if texts.contains(&"*") {
        return Some(format!("also later {what}"));
    }
    let texts: Vec<String> = texts.into_iter().map(|text| context.style.name(text).into_owned()).collect();
    Some(format!("also later {what} like {}", enumeration(&texts)))
}
