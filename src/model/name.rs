//! Interned names: four bytes for each text, one table for desired and live state.
//!
//! Comparing two names of one table is comparing two numbers. Handles are given out in the order of interning, so
//! they say nothing about the order of the texts: whatever is printed is sorted by text.
//!
//! Lists are rare and small, so they sit behind a lock and can be made through a shared reference: the union of extra
//! roles from several sources is only known when a user is looked at.

use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

/// A text in a [`Names`] table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(NonZeroU32);

/// A sorted list of distinct names in a [`Names`] table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct List(u32);

impl List {
    /// The list without elements.
    pub const EMPTY: Self = Self(0);

    /// Whether it has no elements.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The names in a [`List`]; a slice of them.
#[derive(Debug, Clone)]
pub struct Elements(Option<Arc<[Name]>>);

impl Deref for Elements {
    type Target = [Name];

    fn deref(&self) -> &[Name] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Name {
    /// A dense number from 0 on, for tables indexed by name.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    const fn from_index(index: u32) -> Self {
        match NonZeroU32::new(index + 1) {
            Some(number) => Self(number),
            None => Self(NonZeroU32::MIN),
        }
    }
}

/// Declares the names that every table holds from the start, so that code can name them as constants.
macro_rules! well_known {
    ($($(#[$meta:meta])* $constant:ident = $text:literal),+ $(,)?) => {
        /// Names that every table holds: the fields of the language.
        #[allow(missing_docs)]
        pub mod known {
            use super::Name;
            #[repr(u32)]
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Index { $($constant),+ }
            $($(#[$meta])* pub const $constant: Name = Name::from_index(Index::$constant as u32);)+
            /// The empty text, of a value that is known to be empty. It is the same name as [`PLATFORM`].
            pub const EMPTY: Name = PLATFORM;
            pub(super) const TEXTS: &[&str] = &[$($text),+];
        }
    };
}

well_known! {
    /// The place of roles that hold on the whole platform: an organization without a name.
    PLATFORM = "",
    LOGIN = "login", EMAIL = "email", NAME = "name", GIVEN_NAME = "given_name", FAMILY_NAME = "family_name",
    PHONE = "phone", MOBILE = "mobile", LANGUAGE = "language", TIMEZONE = "timezone", JOB_TITLE = "job_title",
    DEPARTMENT = "department", USER_TYPE = "user_type", KIND = "kind", MFA = "mfa",
    API_ENABLED = "api.enabled", API_ROUTES = "api.routes",
    STATUS = "status", INVITATION = "invitation", KEY = "key",
    ROLE = "role", EXTRA_ROLES = "extra_roles", DEFAULT_SITE = "default_site",
    PARENT = "parent", DEFAULT = "default", INCLUDES = "includes",
    RANK = "rank", PERMISSIONS = "permissions", SITE_ACCESS = "site_access", ADMIN = "admin",
    PROTECTED = "protected", GRANTABLE = "grantable", APPLIES_TO = "applies_to",
    HUMAN = "human", SERVICE = "service", ALL = "all", UNMANAGED = "unmanaged", SELECTED = "selected",
    PRELOADED = "preloaded", INVITED = "invited", ACTIVE = "active", INACTIVE = "inactive", CLOSED = "closed",
    NONE = "none", PENDING = "pending", ENDED = "ended",
    ORGANIZATION = "organization", SITE = "site", PLATFORM_WORD = "platform", EXTRA = "extra",
}

/// An append-only table of texts and of lists of them.
pub struct Names {
    text: String,
    ends: Vec<usize>,
    by_text: HashTable<u32>,
    hasher: DefaultHashBuilder,
    lists: RwLock<Lists>,
}

/// All lists but the empty one, which is number 0.
#[derive(Default)]
struct Lists {
    lists: Vec<Arc<[Name]>>,
    by_list: HashMap<Arc<[Name]>, List>,
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Names {
    /// A table that holds the [`known`] names.
    #[must_use]
    pub fn new() -> Self {
        let mut names = Self {
            text: String::new(),
            ends: Vec::new(),
            by_text: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            lists: RwLock::default(),
        };
        for text in known::TEXTS {
            names.intern(text);
        }
        names
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Never true: the well-known names are always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name with this text, made if it is new.
    pub fn intern(&mut self, text: &str) -> Name {
        let hash = self.hasher.hash_one(text);
        let Self { text: buffer, ends, by_text, hasher, .. } = self;
        if let Some(&index) = by_text.find(hash, |&index| slice(buffer, ends, index) == text) {
            return Name::from_index(index);
        }
        let index = u32::try_from(ends.len()).unwrap_or(u32::MAX - 1);
        buffer.push_str(text);
        ends.push(buffer.len());
        by_text.insert_unique(hash, index, |&other| hasher.hash_one(slice(buffer, ends, other)));
        Name::from_index(index)
    }

    /// The name with this text, if it is in the table.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Name> {
        let hash = self.hasher.hash_one(text);
        self.by_text
            .find(hash, |&index| slice(&self.text, &self.ends, index) == text)
            .map(|&index| Name::from_index(index))
    }

    /// The text of a name of this table.
    #[must_use]
    pub fn text(&self, name: Name) -> &str {
        slice(&self.text, &self.ends, name.0.get() - 1)
    }

    /// Every name with its text, in the order of [`Name::index`].
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Name, &str)> {
        let count = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        (0..count).map(|index| (Name::from_index(index), slice(&self.text, &self.ends, index)))
    }

    /// The list of these names, made if it is new; order and repetition do not matter.
    pub fn list(&self, names: &[Name]) -> List {
        if names.is_empty() {
            return List::EMPTY;
        }
        let mut sorted = names.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(&list) = lists.by_list.get(sorted.as_slice()) {
            return list;
        }
        let shared: Arc<[Name]> = sorted.into();
        lists.lists.push(Arc::clone(&shared));
        let list = List(u32::try_from(lists.lists.len()).unwrap_or(u32::MAX));
        lists.by_list.insert(shared, list);
        list
    }

    /// The names in a list of this table, in no order that may be printed.
    #[must_use]
    pub fn elements(&self, list: List) -> Elements {
        // Nearly every list is empty, and every core asks: without a lock and without a shared count.
        let Some(index) = (list.0 as usize).checked_sub(1) else { return Elements(None) };
        Elements(Some(Arc::clone(&self.lists.read().unwrap_or_else(PoisonError::into_inner).lists[index])))
    }

    /// The texts of a list, sorted.
    #[must_use]
    pub fn sorted_texts(&self, list: List) -> Vec<&str> {
        let mut texts: Vec<&str> = self.elements(list).iter().map(|&name| self.text(name)).collect();
        texts.sort_unstable();
        texts
    }
}

fn slice<'a>(buffer: &'a str, ends: &[usize], index: u32) -> &'a str {
    let index = index as usize;
    let start = if index == 0 { 0 } else { ends[index - 1] };
    &buffer[start..ends[index]]
}

#[cfg(test)]
mod tests {
    use super::{List, Names, known};

    #[test]
    fn equal_texts_have_one_name_and_constants_hold() {
        let mut names = Names::new();
        let ana = names.intern("ana@example.com");
        assert_eq!(names.intern("ana@example.com"), ana);
        assert_eq!(names.text(ana), "ana@example.com");
        assert_eq!(names.find("role"), Some(known::ROLE));
        assert_eq!(names.text(known::EXTRA), "extra");
        assert_eq!(names.text(known::PLATFORM), "");
        assert_eq!(names.find("nobody"), None);
    }

    #[test]
    fn lists_ignore_order_and_repetition() {
        let mut names = Names::new();
        let (a, b) = (names.intern("a"), names.intern("b"));
        assert_eq!(names.list(&[a, b]), names.list(&[b, a, a]));
        assert_eq!(names.list(&[]), List::EMPTY);
        let both = names.list(&[b, a]);
        assert_eq!(names.sorted_texts(both), ["a", "b"]);
        assert!(names.elements(List::EMPTY).is_empty());
    }
}
