//! When something that is declared is in force.
//!
//! `starts` and `expires` of users, memberships and site grants become stretches of time when manifests are read; few
//! different ones exist, so rows hold a number into one table. Deliberately absent: the clock, and time zones.

use std::collections::HashMap;

use jiff::Timestamp;

/// A stretch of time: from `starts` (included) to `expires` (excluded).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Window {
    /// When it begins; `None`: it always was.
    pub starts: Option<Timestamp>,
    /// When it is over; `None`: never.
    pub expires: Option<Timestamp>,
}

impl Window {
    /// Without a beginning and without an end.
    pub const ALWAYS: Self = Self { starts: None, expires: None };

    /// Whether it has begun by this time; it may be over.
    #[must_use]
    pub fn has_begun(self, at: Timestamp) -> bool {
        self.starts.is_none_or(|starts| starts <= at)
    }

    /// Whether it is over by this time.
    #[must_use]
    pub fn has_ended(self, at: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= at)
    }

    /// Whether this time is within it.
    #[must_use]
    pub fn holds(self, at: Timestamp) -> bool {
        self.has_begun(at) && !self.has_ended(at)
    }

    /// Whether it has no moment in common with another.
    #[must_use]
    pub fn is_apart(self, other: Self) -> bool {
        let ends_before =
            |one: Self, other: Self| one.expires.zip(other.starts).is_some_and(|(expires, starts)| expires <= starts);
        ends_before(self, other) || ends_before(other, self)
    }

    /// The first moment after this time at which it begins or is over.
    #[must_use]
    pub fn next_change(self, at: Timestamp) -> Option<Timestamp> {
        [self.starts, self.expires].into_iter().flatten().filter(|&change| change > at).min()
    }
}

/// The number of a [`Window`] in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WindowId(u32);

impl WindowId {
    /// [`Window::ALWAYS`], in every table.
    pub const ALWAYS: Self = Self(0);

    /// Its place in the table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A table of windows, each once.
#[derive(Debug, Clone)]
pub struct Windows {
    windows: Vec<Window>,
    by_window: HashMap<Window, WindowId>,
}

impl Default for Windows {
    fn default() -> Self {
        Self { windows: vec![Window::ALWAYS], by_window: HashMap::from([(Window::ALWAYS, WindowId::ALWAYS)]) }
    }
}

impl Windows {
    /// The number of this window.
    pub fn intern(&mut self, window: Window) -> WindowId {
        *self.by_window.entry(window).or_insert_with(|| {
            let id = WindowId(u32::try_from(self.windows.len()).unwrap_or(u32::MAX));
            self.windows.push(window);
            id
        })
    }

    /// The window with this number.
    ///
    /// # Panics
    /// If it is of another table.
    #[must_use]
    pub fn get(&self, id: WindowId) -> Window {
        self.windows[id.index()]
    }

    /// Every window, by number.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Window> {
        self.windows.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Window, WindowId, Windows};

    fn second(second: i64) -> Timestamp {
        Timestamp::constant(second, 0)
    }

    #[test]
    fn the_beginning_is_within_and_the_end_is_not() {
        let window = Window { starts: Some(second(10)), expires: Some(second(20)) };
        let holding: Vec<i64> = [9, 10, 19, 20].into_iter().filter(|&at| window.holds(second(at))).collect();
        assert_eq!(holding, [10, 19]);
        assert!(Window::ALWAYS.holds(Timestamp::MIN) && Window::ALWAYS.holds(Timestamp::MAX));
        let changes = [5, 10, 20].map(|at| window.next_change(second(at)));
        assert_eq!(changes, [Some(second(10)), Some(second(20)), None]);
    }

    #[test]
    fn a_table_keeps_each_window_once() {
        let mut windows = Windows::default();
        let until = Window { starts: None, expires: Some(second(1)) };
        assert_eq!(windows.intern(Window::ALWAYS), WindowId::ALWAYS);
        let id = windows.intern(until);
        assert_eq!(windows.intern(until), id);
        assert_eq!(windows.get(id), until);
        assert_eq!(windows.iter().len(), 2);
    }
}
