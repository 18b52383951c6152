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
            } else if has_form_of_a_day(day) && is_too_early(day) {
                (
                    "lies before 1970",
                    "write the year with its four digits, like 2027-01-31; leave out what is long past",
                )
            } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
                ("is no day", "write it with dashes, like 2027-01-31")
            } else if text.parse::<jiff::civil::DateTime>().is_ok() && text.parse::<Timestamp>().is_err() {
                (
                    "has no offset, and whose clock is meant is not guessed",
                    "write it like 2027-01-31T18:00:00+01:00, or just the day",
                )
            } else if text.parse::<Timestamp>().is_ok() {
                (
                    "is no timestamp of RFC 3339",
                    "write it like 2027-01-31T18:00:00+01:00 or 2027-01-31T17:00:00Z, or just the day",
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

/// Nothing that is declared began or ended before: a year that is not written out, most likely.
fn is_too_early(text: &str) -> bool {
    text.get(..4).is_some_and(|year| year < "1970")
}

/// The widest offset from UTC that any clock has, in minutes.
const WIDEST_OFFSET: u32 = 14 * 60;

/// Whether a text has the form of a timestamp of RFC 3339, in capitals, with a `T`, and with an offset that a clock can
/// have. What is beyond that form has more than one meaning: `-00:00`, a leap second, a zone in brackets.
fn is_rfc_3339(text: &str) -> bool {
    const TIME_LENGTH: usize = "T18:00:00".len();
    if !text.is_ascii() || text.len() < DAY_LENGTH + TIME_LENGTH {
        return false;
    }
    let (day, rest) = text.split_at(DAY_LENGTH);
    let (time, rest) = rest.split_at(TIME_LENGTH);
    let has_form = time.bytes().enumerate().all(|(at, byte)| match at {
        0 => byte == b'T',
        3 | 6 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let rest = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if zone.len() == fraction.len() {
                return false;
            }
            zone
        }
    };
    has_form_of_a_day(day) && has_form && time[7..] < *"60" && is_offset(rest)
}

fn is_offset(text: &str) -> bool {
    if text == "Z" {
        return true;
    }
    let Some(clock) = text.strip_prefix(['+', '-']) else { return false };
    let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u32>().ok())?;
    let parts = clock.split_once(':').filter(|(hours, minutes)| hours.len() == 2 && minutes.len() == 2);
    let Some((Some(hours), Some(minutes))) = parts.map(|(hours, minutes)| (number(hours), number(minutes))) else {
        return false;
    };
    minutes < 60 && hours * 60 + minutes <= WIDEST_OFFSET && text != "-00:00"
}

/// The moment that a text means. A time of day needs its offset: which one was meant is not guessed.
fn moment(text: &str, edge: Edge, time_zone: &TimeZone) -> Option<Timestamp> {
    if is_too_early(text) {
        return None;
    }
    if !has_form_of_a_day(text) {
        return is_rfc_3339(text).then(|| text.parse::<Timestamp>().ok())?;
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

    #[test]
    fn only_one_form_of_a_timestamp_is_read() {
        for right in ["2027-01-31T09:00:00.5+14:00", "1970-01-01T00:00:00Z", "2027-01-31T09:00:00-09:30"] {
            assert!(text(right, Edge::End).is_some(), "{right}");
        }
        for wrong in [
            "0000-01-01",
            "0026-12-31",
            "1969-12-31",
            "0027-01-31T09:00:00Z",
            "2027-01-31T09:00:00+25:00",
            "2027-01-31T09:00:00+14:01",
            "2027-01-31T09:00:00+01:00:30",
            "2027-01-31T09:00:00+0100",
            "2027-01-31T09:00:00+01",
            "2027-01-31T09:00:00-00:00",
            "2027-01-31T09:00:60Z",
            "2027-01-31 09:00:00Z",
            "2027-01-31t09:00:00z",
            "2027-01-31T12Z",
            "2027-01-31T12:00Z",
            "2027-01-31T09:00:00.Z",
            "2027-01-31T09:00:00+01:00[Europe/Paris]",
            "2027-01-31T09:00:00Z[u-ca=hebrew]",
            "2027-01-31[Europe/Paris]",
            "+002027-01-31T09:00:00Z",
        ] {
            assert_eq!(text(wrong, Edge::Begin), None, "{wrong}");
        }
    }
}
