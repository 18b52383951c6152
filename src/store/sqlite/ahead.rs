//! Rows of a table that belong to users, read along with these and merged by id.

use rusqlite::{Row, Rows};

use super::read::DAMAGED;
use super::value;

/// Rows of one table in the order of users, one of them ahead.
pub(super) struct Ahead<'statement, T> {
    table: &'static str,
    rows: Rows<'statement>,
    next: Option<(i64, T)>,
    parse: fn(&Row<'_>) -> rusqlite::Result<T>,
    /// Why the first row that could not be read could not.
    pub(super) unread: Option<String>,
    /// The first user without a row in `users` to whom a row belongs.
    nobody: Option<i64>,
}

impl<'statement, T> Ahead<'statement, T> {
    pub(super) fn new(
        table: &'static str,
        rows: Rows<'statement>,
        parse: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Self> {
        let mut ahead = Self { table, rows, next: None, parse, unread: None, nobody: None };
        ahead.advance()?;
        Ok(ahead)
    }

    fn advance(&mut self) -> rusqlite::Result<Option<T>> {
        let next = loop {
            let Some(row) = self.rows.next()? else { break None };
            let user: i64 = row.get(0)?;
            match value::of_row((self.parse)(row), || format!("a row of `{}` with user_id {user}", self.table))? {
                Ok(parsed) => break Some((user, parsed)),
                Err(why) => drop(self.unread.get_or_insert(why)),
            }
        };
        Ok(std::mem::replace(&mut self.next, next).map(|(_, row)| row))
    }

    /// The next row of this user. Rows of users that are not there are passed over, and noted.
    pub(super) fn next_of(&mut self, user: i64) -> rusqlite::Result<Option<T>> {
        while let Some(other) = self.next.as_ref().map(|(other, _)| *other).filter(|&other| other < user) {
            self.nobody.get_or_insert(other);
            self.advance()?;
        }
        if self.next.as_ref().is_some_and(|(other, _)| *other == user) { self.advance() } else { Ok(None) }
    }

    /// After the last user: what is wrong with the rows of this table, if anything is.
    pub(super) fn wrong(self) -> Option<String> {
        let Self { table, rows: _, next, parse: _, unread, nobody } = self;
        let nobody = nobody.or(next.map(|(user, _)| user));
        let of_nobody =
            |user| format!("a row of `{table}` has the user_id {user}, and `users` has no such row; {DAMAGED}");
        unread.or_else(|| nobody.map(of_nobody))
    }
}
