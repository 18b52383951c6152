//! `starts`, `expires` and `from`: a day in the time zone of the settings, or an exact timestamp.
//!
//! A day means its beginning (`starts`, `from`) or its end (`expires`); the end of a day is the beginning of the next.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::read::Reader;
use crate::diagnostic::Code;
use crate::model::{Window, WindowId};
use crate::source::Scalar;

/// Which moment of a day is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Begin,
    End,
}

impl<'t> Reader<'t, '_> {
    /// Reads `starts` or `expires` into a window.
    pub(super) fn window_field(&mut self, key: &Scalar<'t>, window: &mut Window) {
        let edge = if key.text == "expires" { Edge::End } else { Edge::Begin };
        let Some(at) = self.moment(key, edge) else { return };
        match edge {
            Edge::Begin => window.starts = Some(at),
            Edge::End => window.expires = Some(at),
        }
        if let Window { starts: Some(starts), expires: Some(expires) } = *window
            && starts >= expires
        {
            let message = if starts == expires { "it expires when it starts" } else { "it expires before it starts" };
            self.tell(Code::InvalidValue, key.at, message, "exchange the two, or take one of them out");
        }
    }

    /// The number of a window in the table of this file.
    pub(super) fn window_id(&mut self, window: Window) -> WindowId {
        self.into.windows.intern(window)
    }

    /// The moment that stands here.
    pub(super) fn moment(&mut self, key: &Scalar<'t>, edge: Edge) -> Option<Timestamp> {
        let value = self.filled(&format!("`{}`", key.text))?;
        let moment = moment(&value.text, edge, self.time_zone);
        if moment.is_none() {
            let text = &value.text;
            let day = text.get(..DAY_LENGTH).unwrap_or_default();
            let (why, help) = if text.starts_with("9999-12-3") {
                ("is later than any date that is kept", "leave it out if there is no end")
            } else if has_form_of_a_day(day) && day.parse::<Date>().is_err() {
                ("is a day that no calendar has", "write it like 2027-01-31")
            } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
                ("is no day", "write it with dashes, like 2027-01-31")
            } else if text.parse::<jiff::civil::DateTime>().is_ok() {
                (
                    "has no offset, and whose clock is meant is not guessed",
                    "write it like 2027-01-31T18:00:00+01:00, or just the day",
                )
            } else {
                (
                    "is no day and no timestamp",
                    "write it like 2027-01-31, or with its offset like 2027-01-31T18:00:00+01:00",
                )
            };
            let message = format!("`{text}` {why}");
            self.tell(Code::InvalidValue, value.at, message, help);
        }
        moment
    }
}

/// How long a day is as text.
const DAY_LENGTH: usize = "2027-01-31".len();

fn has_form_of_a_day(text: &str) -> bool {
    let dashes = text.bytes().enumerate().filter(|&(at, byte)| byte == b'-' && (at == 4 || at == 7)).count();
    text.len() == DAY_LENGTH && dashes == 2 && text.bytes().filter(u8::is_ascii_digit).count() == DAY_LENGTH - 2
}

/// The moment that a text means. A time of day needs its offset: which one was meant is not guessed.
fn moment(text: &str, edge: Edge, time_zone: &TimeZone) -> Option<Timestamp> {
    let is_day = text.len() == DAY_LENGTH && text.bytes().filter(|&byte| byte == b'-').count() == 2;
    if !is_day {
        return text.parse::<Timestamp>().ok();
    }
    let day: Date = text.parse().ok()?;
    let day = match edge {
        Edge::Begin => day,
        Edge::End => day.checked_add(1.day()).ok()?,
    };
    Some(day.to_zoned(time_zone.clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{Edge, moment};

    fn text(text: &str, edge: Edge) -> Option<String> {
        let paris = TimeZone::get("Europe/Paris").expect("a zone");
        moment(text, edge, &paris).map(|moment| moment.to_string())
    }

    #[test]
    fn a_day_begins_and_ends_in_the_zone() {
        assert_eq!(text("2027-01-31", Edge::Begin).as_deref(), Some("2027-01-30T23:00:00Z"));
        assert_eq!(text("2027-01-31", Edge::End).as_deref(), Some("2027-01-31T23:00:00Z"));
        // The day on which summer time begins has 23 hours.
        assert_eq!(text("2027-03-28", Edge::Begin).as_deref(), Some("2027-03-27T23:00:00Z"));
        assert_eq!(text("2027-03-28", Edge::End).as_deref(), Some("2027-03-28T22:00:00Z"));
    }

    #[test]
    fn a_timestamp_is_exact_and_has_an_offset() {
        let exact = Some("2027-01-31T08:00:00Z");
        assert_eq!(text("2027-01-31T09:00:00+01:00", Edge::End).as_deref(), exact);
        assert_eq!(text("2027-01-31T08:00:00Z", Edge::Begin).as_deref(), exact);
        for wrong in ["2027-01-31T09:00:00", "2027-02-30", "2027-1-31", "20270131", "31.01.2027", "soon", "9999-12-31x"]
        {
            assert_eq!(text(wrong, Edge::Begin), None, "{wrong}");
        }
        assert_eq!(text("9999-12-31", Edge::End), None, "no day follows");
    }
}
