//! Organizations, sites and roles: reading all of them, and the nine kinds of actions on them.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, ToSql};
use serde_json::{Map, Value as Json};

use super::execute::{Stop, Turn, conflict, failed, if_there, refused, verdict};
use super::read::Ids;
use super::value::{self, Fields, Plain};
use crate::model::{
    AppliesTo, Catalog, Collection, Completeness, Evidence, List, Name, Names, Organization, Role, Site, SiteAccess,
    Value, known,
};
use crate::plan::{Action, State};
use crate::rules::{RoleFields, RolePlace, RoleSiteAccess, Rules};
use crate::store::Effect;

const PLACE: &str = "display_name, kind, parent, is_default, includes, attributes";
const ROLE: &str = "display_name, rank, includes, permissions, site_access, admin, protected, grantable, applies_to";

/// Everything in the catalog, and the names behind row ids.
pub(super) fn read(
    connection: &Connection,
    rules: &Rules,
    names: &mut Names,
    (ids, evidence): (&mut Ids, &mut Evidence),
) -> rusqlite::Result<Catalog> {
    let mut catalog = Catalog::default();
    let mut statement = connection.prepare(&format!("SELECT id, name, {PLACE} FROM organizations"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let read = value::text(row, 1).and_then(|name| Ok((name, place_fields(row, 2)?)));
        let (name, fields) = match value::of_row(read, || format!("the row of `organizations` with id {id}"))? {
            Ok(read) => read,
            Err(why) => {
                evidence.note(Collection::Organizations, Completeness::Partial(why));
                continue;
            }
        };
        let name = names.intern(name);
        ids.organizations.insert(id, name);
        let fields = intern_fields(&fields, names);
        catalog.organizations.insert(name, Organization { fields, ..Organization::default() });
    }
    let mut statement = connection.prepare(&format!("SELECT id, organization_id, name, {PLACE} FROM sites"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let read = value::text(row, 2).and_then(|name| Ok((name, place_fields(row, 3)?)));
        let (name, fields) = match value::of_row(read, || format!("the row of `sites` with id {id}"))? {
            Ok(read) => read,
            Err(why) => {
                evidence.note(Collection::Sites, Completeness::Partial(why));
                continue;
            }
        };
        let name = names.intern(name);
        let Some(&organization) = ids.organizations.get(&row.get::<_, i64>(1)?) else {
            super::read::note(evidence, Collection::Sites, "a site is in an organization that is not there");
            continue;
        };
        ids.sites.insert(id, (organization, name));
        let fields = intern_fields(&fields, names);
        if let Some(organization) = catalog.organizations.get_mut(&organization) {
            organization.sites.insert(name, Site { fields, position: None });
        }
    }
    catalog.roles = read_roles(connection, names, Some((ids, evidence)))?;
    for (name, role) in &mut catalog.roles {
        role.vendor = rules.vendor_role(names.text(*name)).is_some();
    }
    Ok(catalog)
}

/// All roles; also what is needed to compare two of them.
pub(super) fn read_roles(
    connection: &Connection,
    names: &mut Names,
    mut whole: Option<(&mut Ids, &mut Evidence)>,
) -> rusqlite::Result<BTreeMap<Name, Role>> {
    let mut roles = BTreeMap::new();
    let mut statement = connection.prepare(&format!("SELECT id, name, {ROLE} FROM roles"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let read = value::text(row, 1).and_then(|name| Ok((name, role(row, 2, names)?)));
        match (value::of_row(read, || format!("the row of `roles` with id {id}"))?, &mut whole) {
            (Ok((name, role)), whole) => {
                let name = names.intern(name);
                if let Some((ids, _)) = whole {
                    ids.roles.insert(id, name);
                }
                roles.insert(name, role);
            }
            (Err(why), Some((_, evidence))) => evidence.note(Collection::Roles, Completeness::Partial(why)),
            (Err(_), None) => {}
        }
    }
    Ok(roles)
}

fn intern_fields(fields: &Fields, names: &mut Names) -> crate::model::Fields {
    let set = fields.iter().filter(|(_, value)| **value != Plain::Null);
    set.map(|(field, value)| (names.intern(field), value.intern(names))).collect()
}

fn place_fields(row: &Row<'_>, column: usize) -> rusqlite::Result<Fields> {
    let mut fields = Fields::new();
    for (column, field) in (column..).zip(["name", "kind", "parent"]) {
        if let Some(text) = value::optional_text(row, column)? {
            fields.insert(field.to_owned(), Plain::Text(text.to_owned()));
        }
    }
    if let Some(default) = row.get(column + 3)? {
        fields.insert("default".to_owned(), Plain::Bool(default));
    }
    let includes = value::json(row, column + 4)?;
    if includes != Plain::Null {
        fields.insert("includes".to_owned(), includes);
    }
    value::json_fields(row, column + 5, &mut fields)?;
    Ok(fields)
}

fn role_fields(row: &Row<'_>, column: usize) -> rusqlite::Result<Fields> {
    let optional = |text: Option<&str>| text.map_or(Plain::Null, |text| Plain::Text(text.to_owned()));
    let fields = [
        ("name", optional(value::optional_text(row, column)?)),
        ("rank", row.get::<_, Option<i32>>(column + 1)?.map_or(Plain::Null, Plain::Number)),
        ("includes", value::json(row, column + 2)?),
        ("permissions", value::json(row, column + 3)?),
        ("site_access", optional(value::optional_text(row, column + 4)?)),
        ("admin", Plain::Bool(row.get(column + 5)?)),
        ("protected", Plain::Bool(row.get(column + 6)?)),
        ("grantable", Plain::Bool(row.get(column + 7)?)),
        ("applies_to", value::json(row, column + 8)?),
    ];
    Ok(fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect())
}

fn role(row: &Row<'_>, column: usize, names: &mut Names) -> rusqlite::Result<Role> {
    let list = |column, names: &mut Names| -> rusqlite::Result<List> {
        match value::json(row, column)?.intern(names) {
            crate::model::Value::Set(list) => Ok(list),
            crate::model::Value::Null
            | crate::model::Value::Text(_)
            | crate::model::Value::Bool(_)
            | crate::model::Value::Number(_) => Ok(List::EMPTY),
        }
    };
    let places = list(column + 8, names)?;
    let places = names.elements(places);
    Ok(Role {
        name: value::optional_text(row, column)?.map(|text| names.intern(text)),
        rank: row.get(column + 1)?,
        includes: list(column + 2, names)?,
        permissions: list(column + 3, names)?,
        site_access: if value::text(row, column + 4)? == "all" { SiteAccess::All } else { SiteAccess::Selected },
        admin: row.get(column + 5)?,
        protected: row.get(column + 6)?,
        grantable: row.get(column + 7)?,
        applies_to: AppliesTo {
            organization: places.contains(&known::ORGANIZATION),
            site: places.contains(&known::SITE),
            platform: places.contains(&known::PLATFORM_WORD),
            extra: places.contains(&known::EXTRA),
        },
        vendor: false,
        position: None,
    })
}

/// One object of the catalog that an action is about.
enum Object<'a> {
    Organization(&'a str),
    Site(i64, &'a str),
    Role(&'a str),
}

impl Object<'_> {
    const fn table(&self) -> &'static str {
        match self {
            Self::Organization(_) => "organizations",
            Self::Site(..) => "sites",
            Self::Role(_) => "roles",
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Organization(name) => format!("organization `{name}`"),
            Self::Site(_, name) => format!("site `{name}`"),
            Self::Role(name) => format!("role `{name}`"),
        }
    }

    /// Its id and fields, if it is there.
    fn load(&self, connection: &Connection) -> rusqlite::Result<Option<(i64, Fields)>> {
        match self {
            Self::Organization(name) => connection
                .prepare_cached(&format!("SELECT id, {PLACE} FROM organizations WHERE name = ?1"))?
                .query_row([name], |row| Ok((row.get(0)?, place_fields(row, 1)?)))
                .optional(),
            Self::Site(organization, name) => connection
                .prepare_cached(&format!("SELECT id, {PLACE} FROM sites WHERE organization_id = ?1 AND name = ?2"))?
                .query_row((organization, name), |row| Ok((row.get(0)?, place_fields(row, 1)?)))
                .optional(),
            Self::Role(name) => connection
                .prepare_cached(&format!("SELECT id, {ROLE} FROM roles WHERE name = ?1"))?
                .query_row([name], |row| Ok((row.get(0)?, role_fields(row, 1)?)))
                .optional(),
        }
    }

    fn insert(&self, connection: &Connection) -> rusqlite::Result<i64> {
        match self {
            Self::Organization(name) => {
                connection.prepare_cached("INSERT INTO organizations (name) VALUES (?1)")?.insert([name])
            }
            Self::Site(organization, name) => connection
                .prepare_cached("INSERT INTO sites (organization_id, name) VALUES (?1, ?2)")?
                .insert((organization, name)),
            Self::Role(name) => connection.prepare_cached("INSERT INTO roles (name) VALUES (?1)")?.insert([name]),
        }
    }

    /// Writes these fields; the others stay.
    fn update(&self, connection: &Connection, id: i64, mut live: Fields, changed: Fields) -> Result<(), Stop> {
        let table = self.table();
        let mut attributes = Map::new();
        for (field, value) in &changed {
            let column = match self {
                Self::Role(_) => role_column(field),
                Self::Organization(_) | Self::Site(..) => place_column(field),
            };
            match column {
                Some(column) => {
                    let default = role_default(self, field);
                    let value: &dyn ToSql = if *value == Plain::Null { default } else { value };
                    let sql = format!("UPDATE {table} SET {column} = ?2 WHERE id = ?1");
                    connection.prepare_cached(&sql)?.execute(rusqlite::params![id, value])?;
                }
                None if field.starts_with("attributes.") && !matches!(self, Self::Role(_)) => {
                    attributes.insert(field.clone(), value.to_json());
                }
                None => return Err(failed(format!("{} has no field `{field}` in this store", self.describe()))),
            }
        }
        if attributes.is_empty() {
            return Ok(());
        }
        live.retain(|field, _| field.starts_with("attributes."));
        live.extend(changed);
        let all: Map<String, Json> = live
            .iter()
            .filter(|(field, value)| field.starts_with("attributes.") && **value != Plain::Null)
            .map(|(field, value)| (field.clone(), value.to_json()))
            .collect();
        let sql = format!("UPDATE {table} SET attributes = ?2 WHERE id = ?1");
        connection.prepare_cached(&sql)?.execute((id, Json::Object(all).to_string()))?;
        Ok(())
    }
}

fn place_column(field: &str) -> Option<&'static str> {
    match field {
        "name" => Some("display_name"),
        "kind" => Some("kind"),
        "parent" => Some("parent"),
        "default" => Some("is_default"),
        "includes" => Some("includes"),
        _ => None,
    }
}

fn role_column(field: &str) -> Option<&'static str> {
    match field {
        "name" => Some("display_name"),
        "rank" => Some("rank"),
        "includes" => Some("includes"),
        "permissions" => Some("permissions"),
        "site_access" => Some("site_access"),
        "admin" => Some("admin"),
        "protected" => Some("protected"),
        "grantable" => Some("grantable"),
        "applies_to" => Some("applies_to"),
        _ => None,
    }
}

/// What "not set" is in a column that is never null.
fn role_default(object: &Object<'_>, field: &str) -> &'static dyn ToSql {
    match (object, field) {
        (Object::Role(_), "includes" | "permissions" | "applies_to") => &"[]",
        (Object::Role(_), "site_access") => &"selected",
        (Object::Role(_), "admin" | "protected") => &false,
        (Object::Role(_), "grantable") => &true,
        _ => &None::<i64>,
    }
}

/// The organization, site or role that an action is about; a conflict if its organization is not there.
fn object<'a>(turn: &Turn<'a>, action: &Action) -> Result<Object<'a>, Stop> {
    let subject = action.subject;
    match (subject.role, subject.organization, subject.site) {
        (Some(role), _, _) => Ok(Object::Role(turn.names.text(role))),
        (None, Some(organization), Some(site)) => {
            let organization = turn.names.text(organization);
            match organization_id(turn.connection, organization)? {
                Some(id) => Ok(Object::Site(id, turn.names.text(site))),
                None => Err(conflict(format!("there is no organization `{organization}`"))),
            }
        }
        (None, Some(organization), None) => Ok(Object::Organization(turn.names.text(organization))),
        (None, None, _) => Err(failed("the action names no organization, site or role")),
    }
}

pub(super) fn create(turn: &Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let object = object(turn, action)?;
    let after = value::fields(turn.names, action.after.as_ref());
    if let Some((_, live)) = object.load(turn.connection)? {
        return match verdict(&Fields::new(), &after, &live) {
            Some(Effect::AlreadyTrue) => Ok(Effect::AlreadyTrue),
            _ => Err(conflict(format!("{} is there already, with other fields", object.describe()))),
        };
    }
    let id = object.insert(turn.connection)?;
    object.update(turn.connection, id, Fields::new(), after)?;
    Ok(Effect::Done)
}

pub(super) fn update(turn: &Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    let object = object(turn, action)?;
    let former = match key_of(turn, action.before.as_ref()) {
        Some(old) => rename(turn, &object, old)?,
        None => false,
    };
    let Some((id, live)) = object.load(turn.connection)? else {
        return Err(conflict(format!("{} is not there any more", object.describe())));
    };
    let before = value::fields(turn.names, action.before.as_ref());
    let after = value::fields(turn.names, action.after.as_ref());
    match verdict(&before, &after, &live) {
        // Nothing but the name had to be changed.
        Some(Effect::AlreadyTrue) if former => return Ok(Effect::Done),
        Some(effect) => return Ok(effect),
        None => {}
    }
    object.update(turn.connection, id, live, after)?;
    Ok(Effect::Done)
}

fn key_of<'a>(turn: &Turn<'a>, state: Option<&State>) -> Option<&'a str> {
    state?.value(known::KEY).and_then(Value::text).map(|name| turn.names.text(name))
}

/// Gives an object its new name, and writes that wherever the catalog names it. Whether it had the old one.
fn rename(turn: &Turn<'_>, object: &Object<'_>, old: &str) -> Result<bool, Stop> {
    let (former, new) = match *object {
        Object::Organization(new) => (Object::Organization(old), new),
        Object::Site(organization, new) => (Object::Site(organization, old), new),
        Object::Role(new) => (Object::Role(old), new),
    };
    let taken = object.load(turn.connection)?;
    let Some((id, _)) = former.load(turn.connection)? else {
        return match taken {
            Some(_) => Ok(false),
            None => Err(conflict(format!("{} is not there any more", former.describe()))),
        };
    };
    if taken.is_some() {
        return Err(refused(format!(
            "{} can't have the name of {}, which is there already; choose another name, or delete one of the two first",
            former.describe(),
            object.describe()
        )));
    }
    let table = object.table();
    turn.connection.prepare_cached(&format!("UPDATE {table} SET name = ?2 WHERE id = ?1"))?.execute((id, new))?;
    let (of, scope) = match *object {
        Object::Site(organization, _) => (" AND organization_id = ?3", organization),
        Object::Organization(_) | Object::Role(_) => (" AND ?3 = 0", 0),
    };
    let replaced = "(SELECT json_group_array(iif(value = ?1, ?2, value)) FROM json_each(includes))";
    let named = "EXISTS (SELECT 1 FROM json_each(includes) WHERE value = ?1)";
    let sql = format!("UPDATE {table} SET includes = {replaced} WHERE includes IS NOT NULL AND {named}{of}");
    turn.connection.prepare_cached(&sql)?.execute((old, new, scope))?;
    if !matches!(object, Object::Role(_)) {
        let sql = format!("UPDATE {table} SET parent = ?2 WHERE parent = ?1{of}");
        turn.connection.prepare_cached(&sql)?.execute((old, new, scope))?;
    }
    Ok(true)
}

pub(super) fn delete(turn: &Turn<'_>, action: &Action) -> Result<Effect, Stop> {
    // The site of an organization that is gone is gone.
    let Some(object) = if_there(object(turn, action))? else { return Ok(Effect::AlreadyTrue) };
    let Some((id, live)) = object.load(turn.connection)? else { return Ok(Effect::AlreadyTrue) };
    let before = value::fields(turn.names, action.before.as_ref());
    if let Some((field, value)) = before.iter().find(|(field, value)| !value.is_same(field_of(&live, field))) {
        let now = field_of(&live, field).describe();
        return Ok(Effect::Conflict(format!("`{field}` of {} is {now}, not {}", object.describe(), value.describe())));
    }
    turn.connection.prepare_cached(&format!("DELETE FROM {} WHERE id = ?1", object.table()))?.execute([id])?;
    Ok(Effect::Done)
}

/// The value of a field, or that it is not set.
pub(super) fn field_of<'a>(fields: &'a Fields, field: &str) -> &'a Plain {
    fields.get(field).unwrap_or(&Plain::Null)
}

pub(super) fn organization_id(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM organizations WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

pub(super) fn site_id(connection: &Connection, organization: i64, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM sites WHERE organization_id = ?1 AND name = ?2")?
        .query_row((organization, name), |row| row.get(0))
        .optional()
}

/// The id of a role, a conflict if it is not there; without a name, none. Roles that the vendor brings are declared by
/// nobody: they are made when somebody is first given one.
pub(super) fn role_id(turn: &Turn<'_>, role: Option<&str>) -> Result<Option<i64>, Stop> {
    let Some(role) = role else { return Ok(None) };
    let id = turn
        .connection
        .prepare_cached("SELECT id FROM roles WHERE name = ?1")?
        .query_row([role], |row| row.get(0))
        .optional()?;
    match (id, turn.rules.vendor_role(role)) {
        (Some(id), _) => Ok(Some(id)),
        (None, Some(fields)) => Ok(Some(add_vendor_role(turn, role, fields)?)),
        (None, None) => Err(conflict(format!("there is no role `{role}`"))),
    }
}

fn add_vendor_role(turn: &Turn<'_>, role: &str, brought: &RoleFields) -> Result<i64, Stop> {
    let RoleFields { name, rank, includes, permissions, site_access, admin, protected, grantable, applies_to } =
        brought;
    let set = |texts: &Option<Vec<String>>| {
        let mut texts = texts.clone().unwrap_or_default();
        texts.sort_unstable();
        texts.dedup();
        Plain::Set(texts)
    };
    let place = |place: &RolePlace| match place {
        RolePlace::Organization => "organization".to_owned(),
        RolePlace::Site => "site".to_owned(),
        RolePlace::Platform => "platform".to_owned(),
        RolePlace::Extra => "extra".to_owned(),
    };
    let access = match site_access {
        Some(RoleSiteAccess::All) => "all",
        Some(RoleSiteAccess::Selected) | None => "selected",
    };
    let mut fields = vec![
        ("name", name.clone().map_or(Plain::Null, Plain::Text)),
        ("rank", rank.map_or(Plain::Null, Plain::Number)),
        ("includes", set(includes)),
        ("permissions", set(permissions)),
        ("site_access", Plain::Text(access.to_owned())),
        ("admin", Plain::Bool(*admin == Some(true))),
        ("protected", Plain::Bool(*protected == Some(true))),
        ("grantable", Plain::Bool(*grantable != Some(false))),
    ];
    if let Some(places) = applies_to {
        fields.push(("applies_to", set(&Some(places.iter().map(place).collect()))));
    }
    let object = Object::Role(role);
    let id = object.insert(turn.connection)?;
    let fields = fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
    object.update(turn.connection, id, Fields::new(), fields)?;
    Ok(id)
}
