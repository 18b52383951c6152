//! How long a password may be kept: a length of time, or months of the calendar (`6mo`).

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Period;

/// More months than a policy has; a thousand years would be no policy.
const MOST_MONTHS: i16 = 1_200;

/// How long a password may be kept: whole months of the calendar, written `6mo` (1 to 1200), or a length of time as
/// elsewhere, such as `180d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^([0-9]{1,9}[wdhms]|([1-9][0-9]{0,2}|1[01][0-9]{2}|1200)mo)$"))]
pub enum Rotation {
    /// A length of time.
    Period(Period),
    /// Months of the calendar, counted in the time zone of the settings.
    Months(i16),
}

/// A text is no [`Rotation`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` does not say how long; write whole months such as `6mo` (at most 1200mo), or days such as `180d`")]
pub struct NoRotation(String);

impl Rotation {
    /// When it is over for what began at `start`: months later, on the same day at the same time of the day, or on the
    /// last day of a month that is too short. The end of time where there is no such moment.
    #[must_use]
    pub fn after(self, start: Timestamp, zone: &TimeZone) -> Timestamp {
        match self {
            Self::Period(period) => period.after(start),
            Self::Months(months) => {
                let end = start.to_zoned(zone.clone()).checked_add(Span::new().months(months));
                end.map_or(Timestamp::MAX, |end| end.timestamp())
            }
        }
    }
}

impl FromStr for Rotation {
    type Err = NoRotation;

    fn from_str(text: &str) -> Result<Self, NoRotation> {
        let error = || NoRotation(text.to_owned());
        let Some(digits) = text.strip_suffix("mo") else {
            return text.parse().map(Self::Period).map_err(|_| error());
        };
        let is_number = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        let months: Option<i16> = digits.parse().ok().filter(|months| is_number && (1..=MOST_MONTHS).contains(months));
        months.map(Self::Months).ok_or_else(error)
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Period(period) => period.fmt(formatter),
            Self::Months(months) => write!(formatter, "{months}mo"),
        }
    }
}

impl TryFrom<String> for Rotation {
    type Error = NoRotation;

    fn try_from(text: String) -> Result<Self, NoRotation> {
        text.parse()
    }
}

impl From<Rotation> for String {
    fn from(rotation: Rotation) -> Self {
        rotation.to_string()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::Rotation;

    #[test]
    fn months_and_lengths_read_and_print() {
        for text in ["1mo", "6mo", "1200mo", "180d", "12h"] {
            let rotation: Rotation = text.parse().expect(text);
            assert_eq!(rotation.to_string(), text);
        }
        for text in ["", "mo", "0mo", "06mo", "+6mo", "-1mo", "6 mo", "6 months", "1201mo", "99999mo", "6mO", "1y"] {
            assert!(text.parse::<Rotation>().is_err(), "{text}");
        }
    }

    #[test]
    fn months_are_those_of_the_calendar_where_people_are() {
        let paris = TimeZone::get("Europe/Paris").expect("a zone");
        let after = |months: &str, start: &str, zone: &TimeZone| {
            let rotation: Rotation = months.parse().expect(months);
            rotation.after(start.parse().expect(start), zone).to_string()
        };
        assert_eq!(after("6mo", "2026-01-15T09:00:00Z", &TimeZone::UTC), "2026-07-15T09:00:00Z");
        // The same time of the day on either side of a change of the clocks.
        assert_eq!(after("6mo", "2026-01-15T09:00:00Z", &paris), "2026-07-15T08:00:00Z");
        // The last day of a month that is too short, also of a leap year.
        assert_eq!(after("1mo", "2026-01-31T09:00:00Z", &TimeZone::UTC), "2026-02-28T09:00:00Z");
        assert_eq!(after("1mo", "2028-01-31T09:00:00Z", &TimeZone::UTC), "2028-02-29T09:00:00Z");
        // It is March there already.
        assert_eq!(after("6mo", "2026-02-28T23:30:00Z", &paris), "2026-08-31T22:30:00Z");
        assert_eq!(after("180d", "2026-01-01T00:00:00Z", &paris), "2026-06-30T00:00:00Z");
        assert_eq!(after("1200mo", "9990-01-01T00:00:00Z", &paris), Timestamp::MAX.to_string());
    }
}
