//! Whether a rule set makes sense as a whole: what no type can say.
//!
//! All mistakes are found in one go, each with the place of the most special document that says something about it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AttributeType, BUILT_IN, CORE_FIELDS, Field, KeyCase, KeyField, OffBoarding, OnBoarding, RoleChangeLoss, Rules,
    SiteDefault, Span, mixed_script, refuse_declared, refuse_text,
};
use crate::diagnostic::Code;
use crate::document::{Document, Mistake, Place, nearest};

/// The documents that make up a rule set, the most special first, each with the path to the rules in it.
pub(super) struct Places {
    layers: Vec<Layer>,
}

/// A document, and the path to the rules in it.
type Layer = (Document, Vec<String>);

impl Places {
    pub(super) fn new(layers: Vec<Layer>) -> Self {
        Self { layers }
    }

    /// A mistake at the first document of somebody's own that says something at this path, else at the most special
    /// one: a built-in rule set can't be mended.
    pub(super) fn mistake(&self, path: &[&str], message: impl Into<String>) -> Mistake {
        let own = |layer: &&Layer| BUILT_IN.iter().all(|(name, _)| *name != layer.0.file) && says(layer, path);
        match self.layers.iter().find(own).or(self.layers.first()) {
            Some((document, base)) => document.mistake(Code::InvalidRules, &full(base, path), message),
            None => Mistake::new(Code::InvalidRules, "rules", Place::START, message),
        }
    }

    /// Whether the most special document says something at this path.
    fn is_written(&self, path: &[&str]) -> bool {
        self.layers.first().is_some_and(|layer| says(layer, path))
    }
}

fn says((document, base): &Layer, path: &[&str]) -> bool {
    document.find(&full(base, path)).is_some()
}

fn full<'a>(base: &'a [String], path: &[&'a str]) -> Vec<&'a str> {
    base.iter().map(String::as_str).chain(path.iter().copied()).collect()
}

/// So many mistakes of one rule set are told: enough for any person.
const MOST_MISTAKES: usize = 100;

/// Collects mistakes.
struct Found<'a> {
    places: &'a Places,
    mistakes: Vec<Mistake>,
}

impl Found<'_> {
    /// Adds a mistake, while there are not too many: looking for its place takes a while.
    fn add(&mut self, path: &[&str], message: impl Into<String>, help: &str) {
        if self.mistakes.len() < MOST_MISTAKES {
            self.mistakes.push(self.places.mistake(path, message).help(help));
        }
    }

    fn check(&mut self, ok: bool, path: &[&str], message: &str, help: &str) {
        if !ok {
            self.add(path, message, help);
        }
    }
}

/// All mistakes of a rule set.
pub(super) fn check(rules: &Rules, places: &Places) -> Vec<Mistake> {
    let mut found = Found { places, mistakes: Vec::new() };
    identity(rules, &mut found);
    invitations(rules, &mut found);
    endings(rules, &mut found);
    limits(rules, &mut found);
    sites(rules, &mut found);
    fields(rules, &mut found);
    attributes(rules, &mut found);
    requirements(rules, &mut found);
    vendor_roles(rules, &mut found);
    found.mistakes
}

fn identity(rules: &Rules, found: &mut Found<'_>) {
    let identity = &rules.identity;
    found.check(
        !(identity.key_field() == KeyField::Email && identity.case == Some(KeyCase::Sensitive)),
        &["identity", "case"],
        "e-mail addresses always compare without case",
        "write `case: insensitive`, or `key: login`",
    );
    for kind in rules.kinds.iter().flatten().filter(|kind| !["human", "service"].contains(&kind.as_str())) {
        let message = format!("`{}` is no kind of account", kind.escape_debug());
        found.add(&["kinds"], message, "possible: human, service");
    }
    let empty = rules.personal.suspects.iter().flatten().any(|pattern| pattern.trim().is_empty());
    found.check(!empty, &["personal", "suspects"], "a pattern of suspects is empty", "take it out");
}

fn invitations(rules: &Rules, found: &mut Found<'_>) {
    let Some(invitations) = &rules.invitations else {
        if rules.onboarding() == OnBoarding::Invite {
            let message = "people are onboarded by invitation, and there are none";
            let key = if found.places.is_written(&["onboarding"]) { "onboarding" } else { "invitations" };
            found.add(&[key], message, "describe `invitations`, or write `onboarding: create`");
        }
        return;
    };
    let ttl = invitations.ttl.is_none_or(|ttl| ttl.seconds() > 0);
    found.check(ttl, &["invitations", "ttl"], "an invitation lives for no time at all", "write `null` if not stated");
    let batch = invitations.batch_max != Some(0);
    found.check(batch, &["invitations", "batch_max"], "a batch holds nobody", "write `null` if not stated");
    let needs = invitations.needs.unwrap_or_default();
    let carries = invitations.carries.unwrap_or_default();
    for (key, needed, carried) in
        [("organizations", needs.organizations, carries.organizations()), ("sites", needs.sites, carries.sites())]
    {
        if needed.is_some_and(|needed| needed as usize > carried) {
            let message = format!("an invitation needs more {key} than it carries");
            found.add(&["invitations", "needs", key], message, "raise `carries`, or lower `needs`");
        }
    }
}

fn endings(rules: &Rules, found: &mut Found<'_>) {
    let ways = rules.offboarding.as_deref().unwrap_or_default();
    let distinct: BTreeSet<OffBoarding> = ways.iter().copied().collect();
    found.check(
        distinct.len() == ways.len(),
        &["offboarding"],
        "a way to end an account stands here twice",
        "name each once, the best first",
    );
    found.check(
        rules.allows.delete.is_none() || ways.contains(&OffBoarding::Delete),
        &["allows", "delete"],
        "says when accounts can be deleted, which `offboarding` does not have",
        "add `delete` to `offboarding`, or write `null`",
    );
    found.check(
        rules.role_change.is_some() || rules.role_change_loses.iter().flatten().next().is_none(),
        &["role_change_loses"],
        "says what a role change loses, and not how a role changes",
        "state `role_change`",
    );
}

fn limits(rules: &Rules, found: &mut Found<'_>) {
    let spans: [(&[&str], Option<Span>); 2] = [
        (&["memberships", "per_user"], rules.memberships.per_user),
        (&["memberships", "role"], rules.memberships.role),
    ];
    for (path, span) in spans {
        found.check(span.is_none_or(is_possible), path, "the fewest are more than the most", "exchange them");
    }
    if let Some(classes) = &rules.password.classes {
        let enough = (classes.min as usize) <= classes.of.len();
        let message = "more kinds of characters are demanded than there are";
        found.check(enough, &["password", "classes", "min"], message, "name more in `of`, or lower `min`");
    }
}

fn is_possible(span: Span) -> bool {
    match (span.min, span.max) {
        (Some(min), Some(max)) => min <= max,
        (None, _) | (_, None) => true,
    }
}

fn sites(rules: &Rules, found: &mut Found<'_>) {
    let Some(sites) = rules.sites.rules() else {
        let invitations = rules.invitations.as_ref();
        let needed = invitations.and_then(|invitations| invitations.needs).and_then(|needs| needs.sites);
        let advice = "there are no sites (`sites: false`); take it out";
        found.check(needed.unwrap_or(0) == 0, &["invitations", "needs", "sites"], "needs sites", advice);
        let loses = rules.role_change_loses(RoleChangeLoss::Sites);
        found.check(!loses, &["role_change_loses"], "loses sites", advice);
        return;
    };
    let message = "there are no organizations, and so there can be no sites";
    found.check(rules.has_organizations(), &["organizations"], message, "write `sites: false` as well");
    let possible = is_possible(Span { min: sites.min, max: sites.max });
    found.check(possible, &["sites", "min"], "the fewest are more than the most", "exchange `min` and `max`");
    for (key, listed) in [("grantable_kinds", &sites.grantable_kinds), ("default_kinds", &sites.default_kinds)] {
        let Some(kinds) = &sites.kinds else { continue };
        for kind in listed.iter().flatten().filter(|kind| !kinds.contains(kind)) {
            let message = format!("`{}` is no kind of site", kind.escape_debug());
            found.add(&["sites", key], message, &format!("possible: {}", kinds.join(", ")));
        }
    }
    let has_default = match sites.default {
        Some(SiteDefault::Organization | SiteDefault::User) => true,
        Some(SiteDefault::None) | None => false,
    };
    let required = sites.default_required.is_some();
    let advice = "write `default: user` or `default: organization`";
    let message = "a default site is required, and nobody can set one";
    found.check(has_default || !required, &["sites", "default_required"], message, advice);
    let message = "the default site is given, and nobody can set one";
    found.check(has_default || sites.default_given != Some(true), &["sites", "default_given"], message, advice);
}

fn fields(rules: &Rules, found: &mut Found<'_>) {
    for (name, rule) in &rules.fields {
        let path = ["fields", name.as_str()];
        if !CORE_FIELDS.contains(&name.as_str()) {
            let message = format!("`{}` is no core field", name.escape_debug());
            found.add(&path, message, &advice_for_field(name, CORE_FIELDS.iter().copied()));
        }
        let Some(Field { units, set_by, empty_routes, secret, values, .. }) = rule else { continue };
        for (key, written, owner) in [
            ("units", units.is_some(), "home"),
            ("set_by", set_by.is_some(), "mfa"),
            ("empty_routes", empty_routes.is_some(), "api"),
            ("secret", secret.is_some(), "api"),
        ] {
            if written && name != owner {
                let message = format!("`{key}` says nothing about `{}`", name.escape_debug());
                found.add(&["fields", name, key], message, &format!("it belongs to `{owner}`"));
            }
        }
        values_are_sets(values.as_deref(), &["fields", name, "values"], found);
    }
}

fn attributes(rules: &Rules, found: &mut Found<'_>) {
    for (name, rule) in &rules.attributes {
        let path = ["attributes", name.as_str()];
        if name.is_empty() || name.trim() != name || name.contains('.') || name.chars().any(char::is_control) {
            let message = format!("`{}` can't be the name of an attribute", name.escape_debug());
            found.add(&path, message, "use letters, digits and `_`");
        }
        let Some(rule) = rule else { continue };
        let values = rule.values.as_deref();
        match rule.kind {
            AttributeType::Enum => {
                let message = format!("attribute `{name}` needs its values");
                found.check(values.is_some(), &path, &message, "add `values`");
            }
            AttributeType::Bool | AttributeType::Date => {
                let message = format!("attribute `{name}` can't have a list of values");
                found.check(values.is_none(), &["attributes", name, "values"], &message, "take `values` out");
            }
            // The steps of an ordinal may not be stated: then none of them compares with another.
            AttributeType::Text | AttributeType::Set | AttributeType::Ordinal => {}
        }
        if let Some(whole) = rule.all_or_none {
            let is_set = rule.kind == AttributeType::Set && whole > 0;
            let fits = is_set && values.is_none_or(|values| values.len() == whole as usize);
            let message = format!("attribute `{name}` can't have {whole} entries or none");
            let advice = "it belongs to a set, and counts all of its `values`";
            found.check(fits, &["attributes", name, "all_or_none"], &message, advice);
        }
        values_are_sets(values, &["attributes", name, "values"], found);
    }
}

fn values_are_sets(values: Option<&[String]>, path: &[&str], found: &mut Found<'_>) {
    let Some(values) = values else { return };
    let distinct: BTreeSet<&String> = values.iter().collect();
    found.check(distinct.len() == values.len(), path, "a value stands here twice", "name each once");
    found.check(!values.is_empty(), path, "no value is possible", "name some, or leave `values` out");
}

fn requirements(rules: &Rules, found: &mut Found<'_>) {
    let attributes = rules.attributes.keys().map(String::as_str);
    let known: Vec<&str> = CORE_FIELDS.iter().copied().chain(["role", "status"]).chain(attributes).collect();
    let mut check_name = |name: &str, path: &[&str]| {
        if rules.named_field(name).is_none() {
            let bare = name.strip_prefix("attributes.").unwrap_or(name);
            let message = format!("there is no field `{}`", name.escape_debug());
            found.add(path, message, &advice_for_field(bare, known.iter().copied()));
        }
    };
    for requirement in rules.require.iter().flatten() {
        requirement.when.keys().chain(&requirement.any_of).for_each(|name| check_name(name, &["require"]));
    }
    if let Some(name) = &rules.mail.needs {
        check_name(name, &["mail", "needs"]);
    }
    let hopeless = rules.require.iter().flatten().any(|requirement| requirement.any_of.is_empty());
    found.check(!hopeless, &["require"], "nothing can meet a requirement without fields", "name fields in `any_of`");
}

fn advice_for_field<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("possible: {}; others are attributes", known.collect::<Vec<_>>().join(", ")),
    }
}

fn vendor_roles(rules: &Rules, found: &mut Found<'_>) {
    let vendor = &rules.roles.vendor;
    for (name, role) in vendor {
        let reserved = ["all", "unmanaged"].contains(&name.as_str());
        let shape = name.is_empty() || name.len() > 255 || name.trim() != name || name.contains('*');
        if reserved || shape || name.chars().any(char::is_control) {
            let message = format!("`{}` can't be the name of a role", name.escape_debug());
            found.add(&["roles", "vendor", name], message, "1 to 255 bytes, no `*`, not `all` and not `unmanaged`");
        } else if let Some(why) = refuse_declared(super::Named::Role, name) {
            let message = format!("`{}` can't be the name of a role: it {why}", name.escape_debug());
            found.add(&["roles", "vendor", name], message, "type it anew, in one script");
        }
        for permission in role.permissions.iter().flatten() {
            if mixed_script(permission).is_some() || refuse_text(permission).is_some() {
                let message = format!("permission `{}` could be taken for another one", permission.escape_debug());
                found.add(&["roles", "vendor", name, "permissions"], message, "type it anew, in one script");
            }
        }
        for included in role.includes.iter().flatten().filter(|included| !vendor.contains_key(*included)) {
            let message =
                format!("role `{name}` includes `{}`, which is no role of the vendor", included.escape_debug());
            found.add(&["roles", "vendor", name, "includes"], message, "declare it beside this one");
        }
    }
    let includes: Named<'_> = vendor
        .iter()
        .map(|(name, role)| (name.as_str(), role.includes.iter().flatten().map(String::as_str).collect()))
        .collect();
    // What is left when whatever comes to an end is gone, seen from both ends: circles, and what stands between them.
    let includes = endless(&reversed(&endless(&reversed(&includes))));
    for name in includes.keys().take(MOST_MISTAKES).filter(|name| reaches(&includes, name)) {
        let message = format!("role `{name}` includes itself");
        found.add(&["roles", "vendor", name, "includes"], message, "take one of the roles out");
    }
}

/// Who is named by whom.
type Named<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn reversed<'a>(names: &Named<'a>) -> Named<'a> {
    let mut by: Named<'a> = names.keys().map(|&name| (name, Vec::new())).collect();
    for (&name, named) in names {
        for other in named {
            if let Some(by) = by.get_mut(other) {
                by.push(name);
            }
        }
    }
    by
}

/// Those from which naming never comes to an end, with what they name among themselves.
fn endless<'a>(names: &Named<'a>) -> Named<'a> {
    let by = reversed(names);
    let known = |named: &Vec<&str>| named.iter().filter(|name| names.contains_key(**name)).count();
    let mut left: BTreeMap<&str, usize> = names.iter().map(|(&name, named)| (name, known(named))).collect();
    let mut ended: Vec<&str> = left.iter().filter(|&(_, &count)| count == 0).map(|(&name, _)| name).collect();
    while let Some(name) = ended.pop() {
        left.remove(name);
        for &other in by.get(name).into_iter().flatten() {
            if let Some(count) = left.get_mut(other) {
                *count -= 1;
                if *count == 0 {
                    ended.push(other);
                }
            }
        }
    }
    let among = |named: &Vec<&'a str>| named.iter().copied().filter(|name| left.contains_key(name)).collect();
    names.iter().filter(|(name, _)| left.contains_key(**name)).map(|(&name, named)| (name, among(named))).collect()
}

/// Whether a role comes back to itself through what it includes.
fn reaches(includes: &Named<'_>, start: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&str> = includes.get(start).cloned().unwrap_or_default();
    while let Some(role) = waiting.pop() {
        if role == start {
            return true;
        }
        if seen.insert(role) {
            waiting.extend(includes.get(role).into_iter().flatten());
        }
    }
    false
}
