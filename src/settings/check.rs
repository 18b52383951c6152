//! From what is written to [`Settings`]: defaults, and all mistakes that no shape can say.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::path::{Component, Path, PathBuf};

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::check_mail::check_mail;
use super::check_policies::check_policies;
use super::paths::{normal, refuse_path, refuse_sink, refuse_store_name};
use super::raw::{CountLimit, RawGuards, RawManage, RawRules, RawScope, RawSettings, RawStore};
use super::secret::Sink;
use super::{AbsentUsers, Guards, ListedOrganization, Mail, Manage, Readable, Settings, StoreKind, StoreSettings};
use crate::diagnostic::Code;
use crate::document::{Document, LeftOut, Mistake, Node, Place, Shape, nearest};
use crate::rules::{self, Named, Period, ReadFile, Rules, refuse_name};
use crate::source::is_hidden;

const DEFAULT_RULES: &str = "default";
const DEFAULT_MANIFESTS: &str = "access";

/// Rules are read for each store; nobody has so many.
const MOST_STORES: usize = 500;

/// How deep the keys of a store stand: `stores`, its name, `rules`.
const STORE_DEPTH: usize = 2;

/// Collects mistakes of one document.
pub(super) struct Found<'a> {
    pub(super) document: &'a Document,
    /// What the document lacks because its shape is wrong: what follows from that is not told.
    left_out: &'a LeftOut,
    mistakes: Vec<Mistake>,
}

impl Found<'_> {
    pub(super) fn add(&mut self, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        if self.left_out.concerns(path) {
            return;
        }
        self.mistakes.push(self.document.mistake(Code::InvalidSettings, path, message).help(help));
    }

    fn not_yet(&mut self, path: &[&str], what: &str, help: &str) {
        let message = format!("{what} is not yet supported");
        self.mistakes.push(self.document.mistake(Code::NotYetSupported, path, message).help(help));
    }

    /// Adds a mistake about one item of the list at this path.
    fn add_at_item(&mut self, path: &[&str], index: usize, code: Code, message: String, help: &str) {
        let node = self.document.find(path);
        let item = node.and_then(|node| match &node.shape {
            Shape::List(items) => items.get(index),
            Shape::Null | Shape::Scalar | Shape::Map(_) => None,
        });
        let place = item.map_or_else(|| self.document.nearest(path), |item| item.place);
        self.add_at(place, code, message, help);
    }

    pub(super) fn add_at(&mut self, place: Place, code: Code, message: String, help: &str) {
        let hides_source = self.document.hides(place.line);
        let mistake = Mistake::new(code, &self.document.file, place, message).help(help);
        self.mistakes.push(Mistake { hides_source, ..mistake });
    }

    /// Adds a mistake for each key without a value; only in rules, `null` means something.
    fn add_nulls(&mut self, node: &Node, depth: usize) {
        let Shape::Map(entries) = &node.shape else { return };
        for (key, place, value) in entries {
            if matches!(value.shape, Shape::Null) {
                let message = format!("`{}` has no value", key.escape_debug());
                self.add_at(*place, Code::WrongType, message, "write one, or take the line out");
            } else if !(depth == STORE_DEPTH && key == "rules") {
                self.add_nulls(value, depth + 1);
            }
        }
    }

    fn is_written(&self, path: &[&str]) -> bool {
        self.document.find(path).is_some() || self.left_out.concerns(path)
    }
}

/// Checks settings and fills in the defaults. Beside the mistakes, how manifests are read, if these still say so.
pub(super) fn check(
    raw: RawSettings,
    (document, left_out, text): (&Document, &LeftOut, &str),
    read: ReadFile<'_>,
) -> (Result<Settings, Vec<Mistake>>, Option<Readable>) {
    let RawSettings { version, manifests, time_zone, store, stores, manage, guards, secrets, mail, policies } = raw;
    let mut found = Found { document, left_out, mistakes: Vec::new() };
    found.add_nulls(&document.root, 0);
    match version {
        Some(1) => {}
        Some(_) => found.add(&["version"], "this version of the settings is not known", "write `version: 1`"),
        None => found.add(&["version"], "the settings do not say their version", "add `version: 1`"),
    }
    let says_where = manifests.is_some() || !found.is_written(&["manifests"]);
    let manifests = manifests.unwrap_or_else(|| vec![DEFAULT_MANIFESTS.to_owned()]);
    let manifests = check_manifests(manifests, &mut found);
    let says_where = says_where && !manifests.is_empty() && !left_out.concerns(&["manifests"]);
    let time_zone = check_time_zone(time_zone.as_deref(), &mut found);
    // Without any store, that one of them is the default one is no mistake of its own.
    let (has_stores, count) = (!stores.is_empty(), stores.len());
    let stores = check_stores(stores, &manifests, read, &mut found);
    check_default(store.as_deref().filter(|_| has_stores), &mut found);
    let manage = check_manage(&manage, &mut found);
    let guards = check_guards(guards, &mut found);
    let secrets = secrets.map(|secrets| secrets.sink);
    check_sink(secrets.as_ref(), &manifests, &stores, &mut found);
    let mail = mail.map_or_else(|| Some(Mail::default()), |mail| check_mail(mail, &manifests, &mut found));
    let policies = check_policies(policies, text, &mut found);
    let mistakes = found.mistakes;
    let readable = says_where.then(|| {
        let whole = stores.iter().filter(|(name, _)| !left_out.concerns(&["stores", name]));
        Readable {
            manifests: manifests.clone(),
            time_zone: time_zone.clone(),
            default_store: store.clone(),
            stores: whole.map(|(name, store)| (name.clone(), store.clone())).collect(),
            count,
        }
    });
    let settings = match (manage, mail) {
        (Some(manage), Some(mail)) if mistakes.is_empty() => {
            let default_store = store;
            Ok(Settings { manifests, time_zone, default_store, stores, manage, guards, secrets, mail, policies })
        }
        (Some(_) | None, Some(_) | None) => Err(mistakes),
    };
    (settings, readable)
}

/// Whether a name or a path holds what nobody sees: it could pass for another, or act on a terminal.
pub(super) fn has_unseen(text: &str) -> bool {
    text.chars().any(|character| character.is_control() || is_hidden(character))
}

/// The files and folders with manifests that can be read, each once.
fn check_manifests(manifests: Vec<String>, found: &mut Found<'_>) -> Vec<String> {
    let path = &["manifests"];
    if manifests.is_empty() {
        found.add(path, "no file and no folder with manifests is named", "name one, or take `manifests` out");
    }
    let plain = |manifest: &String| Path::new(manifest).components().collect::<PathBuf>();
    add_duplicates(path, manifests.iter().map(plain), found);
    let mut readable: Vec<String> = Vec::new();
    for (index, manifest) in manifests.into_iter().enumerate() {
        let shown = manifest.escape_debug();
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if manifest.is_empty() || has_unseen(&manifest) {
            let message = format!("`{shown}` is no path");
            let help = "name a file or a folder below this file";
            found.add_at_item(path, index, Code::InvalidSettings, message, help);
        } else if !Path::new(&manifest).components().all(inside) {
            let message = format!("`{shown}` is outside of the access repository");
            let help = "name files and folders below this file, without `..`";
            found.add_at_item(path, index, Code::OutsideRepository, message, help);
        } else if readable.iter().all(|other| plain(other) != plain(&manifest)) {
            readable.push(manifest);
        }
    }
    readable
}

/// A secret that lands in a file of another kind is lost, or seen by everybody who reads that.
fn check_sink(
    sink: Option<&Sink>,
    manifests: &[String],
    stores: &BTreeMap<String, StoreSettings>,
    found: &mut Found<'_>,
) {
    let Some(Sink::File(path)) = sink else { return };
    let stores = stores.values().map(|store| match &store.kind {
        StoreKind::Sqlite { path } => path.as_path(),
    });
    if let Some((why, help)) = refuse_sink(path, manifests, stores) {
        found.add(&["secrets", "sink", "file"], format!("`{}` {why}", path.escape_debug()), help);
    }
}

/// Adds a mistake for each entry of the list at this path that stands there already.
fn add_duplicates<T: Eq + Hash>(path: &[&str], entries: impl Iterator<Item = T>, found: &mut Found<'_>) {
    let mut seen: HashSet<T> = HashSet::new();
    for (index, entry) in entries.enumerate() {
        if !seen.insert(entry) {
            let message = "this entry stands twice in the list".to_owned();
            found.add_at_item(path, index, Code::DuplicateEntry, message, "take one of them out");
        }
    }
}

/// The zone of the bundled database, so that a plan does not depend on the machine.
fn check_time_zone(name: Option<&str>, found: &mut Found<'_>) -> TimeZone {
    let Some(name) = name else { return TimeZone::UTC };
    let database = TimeZoneDatabase::bundled();
    if let Ok(zone) = database.get(name) {
        return zone;
    }
    let known: Vec<String> = database.available().map(|name| name.to_string()).collect();
    // A distance from Greenwich is near to another one, and nobody means that.
    let is_distance = name.contains(['+', '-']) && name.ends_with(|last: char| last.is_ascii_digit());
    let help = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) if !is_distance => format!("did you mean `{near}`?"),
        Some(_) | None => "use a name of the IANA database, such as `Europe/Paris` or `UTC`".to_owned(),
    };
    found.add(&["time_zone"], format!("there is no time zone `{}`", name.escape_debug()), help);
    TimeZone::UTC
}

fn check_stores(
    raw: BTreeMap<String, RawStore>,
    manifests: &[String],
    read: ReadFile<'_>,
    found: &mut Found<'_>,
) -> BTreeMap<String, StoreSettings> {
    if raw.is_empty() {
        let help = "add `stores: { local: { sqlite: { path: .rollcall/store.db } } }`";
        found.add(&["stores"], "no store is named", help);
    }
    if raw.len() > MOST_STORES {
        let message = format!("{} stores are named, and at most {MOST_STORES} can be", raw.len());
        found.mistakes.push(found.document.mistake(Code::TooLarge, &["stores"], message).help("name fewer"));
        return BTreeMap::new();
    }
    let mut stores = BTreeMap::new();
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    for (name, store) in raw {
        let path = ["stores", name.as_str()];
        if let Some((why, help)) = refuse_store_name(&name) {
            found.add(&path, format!("`{}` {why}", name.escape_debug()), help);
        }
        let RawStore { sqlite, scim, keycloak, rules } = store;
        let count = [sqlite.is_some(), scim.is_some(), keycloak.is_some()].into_iter().filter(|&is| is).count();
        if count != 1 {
            let message = format!("store `{name}` has to be exactly one of sqlite, scim, keycloak");
            found.add(&path, message, "for example `sqlite: { path: .rollcall/store.db }`");
        }
        for (kind, is_there) in [("scim", scim.is_some()), ("keycloak", keycloak.is_some())] {
            if is_there {
                let help = "use an embedded store: `sqlite: { path: .rollcall/store.db }`";
                found.not_yet(&["stores", &name, kind], &format!("a store of the kind `{kind}`"), help);
            }
        }
        if let Some(sqlite) = &sqlite {
            check_path(&name, &sqlite.path, manifests, &mut files, found);
        }
        let loaded = load_rules(&name, rules.as_ref(), read, found);
        if let (Some(sqlite), Some((rules_name, rules))) = (sqlite, loaded) {
            let kind = StoreKind::Sqlite { path: PathBuf::from(sqlite.path) };
            stores.insert(name, StoreSettings { kind, rules_name, rules });
        }
    }
    stores
}

/// Checks the path of an embedded store; `files` holds those of the stores before it, with their names.
fn check_path(
    store: &str,
    path: &str,
    manifests: &[String],
    files: &mut BTreeMap<PathBuf, String>,
    found: &mut Found<'_>,
) {
    let keys = ["stores", store, "sqlite", "path"];
    let shown = path.escape_debug();
    if path.is_empty() || has_unseen(path) {
        let help = "name a file, such as `.rollcall/store.db`, without invisible characters";
        found.add(&keys, format!("`{shown}` is no path"), help);
    } else if let Some((why, help)) = refuse_path(path, manifests) {
        found.add(&keys, format!("`{shown}` {why}"), help);
    } else if let Some(other) = files.insert(normal(path), store.to_owned()) {
        let message = format!("`{shown}` is the file of store `{other}` too");
        found.add(&keys, message, "give each store a file of its own, or take one of them out");
    }
}

fn load_rules(
    store: &str,
    raw: Option<&RawRules>,
    read: ReadFile<'_>,
    found: &mut Found<'_>,
) -> Option<(String, Rules)> {
    let path = ["stores", store, "rules"];
    if let Some(RawRules::Named(name)) = raw
        && has_unseen(name)
    {
        let message = format!("`{}` can't be the name of a rule set", name.escape_debug());
        found.add(&path, message, "name a built-in one or a file, without invisible characters");
        return None;
    }
    let (name, rules) = match raw {
        None => (DEFAULT_RULES, rules::load(DEFAULT_RULES, found.document, &path, read)),
        Some(RawRules::Named(name)) => (name.as_str(), rules::load(name, found.document, &path, read)),
        Some(RawRules::Inline(inline)) => ("inline", rules::from_inline(inline, found.document, &path, read)),
    };
    match rules {
        Ok(rules) => Some((name.to_owned(), rules)),
        Err(mistakes) => {
            let (file, left_out) = (&found.document.file, found.left_out);
            let follows = |one: &Mistake| one.file == *file && left_out.concerns_place(one.offset);
            found.mistakes.extend(mistakes.into_iter().filter(|one| !follows(one)));
            None
        }
    }
}

fn check_default(store: Option<&str>, found: &mut Found<'_>) {
    let Some(name) = store else { return };
    if found.is_written(&["stores", name]) {
        return;
    }
    let document = found.document;
    let names = document.keys(&["stores"]);
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", names.join(", ")),
    };
    found.add(&["store"], format!("there is no store `{}`", name.escape_debug()), help);
}

fn check_manage(raw: &RawManage, found: &mut Found<'_>) -> Option<Manage> {
    let RawManage { organizations, accounts, absent_users, catalog, grace } = raw;
    let organizations = match organizations {
        None | Some(RawScope::All(_)) => None,
        Some(RawScope::List(names)) => Some(check_scope(names, found)),
    };
    let accounts = accounts.unwrap_or(organizations.is_none());
    if absent_users.is_none() {
        let help = "add `manage: { absent_users: report }`, which lists them, or `deactivate`";
        let message = "the settings do not say what becomes of live people whom no manifest names";
        found.add(&["manage", "absent_users"], message, help);
    }
    let grace = grace.or_else(|| "30d".parse::<Period>().ok());
    let absent_users: AbsentUsers = (*absent_users)?;
    grace.map(|grace| Manage { organizations, accounts, absent_users, catalog: *catalog, grace })
}

/// The organizations of a list, each where it stands.
fn check_scope(names: &[String], found: &mut Found<'_>) -> Vec<ListedOrganization> {
    let path = &["manage", "organizations"];
    if names.is_empty() {
        found.add(path, "the list of managed organizations is empty", "name one, or write `organizations: all`");
    }
    let document = found.document;
    let nodes = match document.find(path).map(|node| &node.shape) {
        Some(Shape::List(nodes)) => nodes.as_slice(),
        Some(Shape::Null | Shape::Scalar | Shape::Map(_)) | None => &[],
    };
    let mut listed: Vec<ListedOrganization> = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for (name, node) in names.iter().zip(nodes) {
        let shown = name.escape_debug();
        let wrong = if let Some((why, help)) = refuse_name(Named::Organization, name) {
            Some((format!("`{shown}` can't be the name of an organization: it {why}"), help))
        } else if !seen.insert(name) {
            Some((format!("`{shown}` is listed twice"), "take one of them out"))
        } else {
            None
        };
        if let Some((message, help)) = wrong {
            found.add_at(node.place, Code::InvalidSettings, message, help);
        }
        let Place { offset, length, .. } = node.place;
        listed.push(ListedOrganization { name: name.clone(), offset, length });
    }
    listed
}

fn check_guards(raw: RawGuards, found: &mut Found<'_>) -> Guards {
    let RawGuards { removals, invitations, escalations, mails, deletions, min_admins, protected_users, own } = raw;
    if removals.max_percent > 100 {
        found.add(
            &["guards", "removals", "max_percent"],
            format!("`max_percent: {}` is more than all people", removals.max_percent),
            "write at most 100",
        );
    }
    add_duplicates(&["guards", "protected_users"], protected_users.iter(), found);
    for (index, pattern) in protected_users.iter().enumerate() {
        if pattern.trim().is_empty() || has_unseen(pattern) {
            let message = format!("`{}` protects nobody", pattern.escape_debug());
            let help = "name a key, or a pattern such as `svc-*`";
            found.add_at_item(&["guards", "protected_users"], index, Code::InvalidSettings, message, help);
        }
    }
    if own.as_deref().is_some_and(|own| own.trim().is_empty()) {
        found.add(&["guards", "self"], "no account is named", "name the key of the account, or write `none`");
    }
    let limit = |stated: Option<CountLimit>, max_count| stated.unwrap_or(CountLimit { max_count });
    Guards {
        removals,
        invitations: limit(invitations, 200),
        escalations: limit(escalations, 20),
        mails: limit(mails, 500),
        deletions: limit(deletions, 0),
        min_admins: min_admins.unwrap_or(1),
        protected_users,
        states_own_account: own.is_some(),
        own_account: own.filter(|own| own != "none"),
    }
}
