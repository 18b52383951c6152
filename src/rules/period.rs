//! Lengths of time as people write them in settings and rules: `7d`, `12h`, `90m`, `30s`.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const UNITS: [(char, i64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A length of time in whole seconds, written with one unit: `w`, `d` (24 hours), `h`, `m` or `s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]{1,9}[wdhms]$"))]
pub struct Period(i64);

/// A text is no [`Period`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no length of time; write a whole number and a unit, such as `7d`, `12h` or `90m`")]
pub struct NoPeriod(String);

impl Period {
    /// This many seconds after `start`; the end of time where there is no such moment.
    #[must_use]
    pub fn after(self, start: Timestamp) -> Timestamp {
        start.checked_add(SignedDuration::from_secs(self.0)).unwrap_or(Timestamp::MAX)
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

impl FromStr for Period {
    type Err = NoPeriod;

    fn from_str(text: &str) -> Result<Self, NoPeriod> {
        let error = || NoPeriod(text.to_owned());
        let (unit, seconds) = UNITS.into_iter().find(|&(unit, _)| text.ends_with(unit)).ok_or_else(error)?;
        let digits = text.strip_suffix(unit).ok_or_else(error)?;
        if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error());
        }
        digits.parse::<i64>().map(|number| Self(number * seconds)).map_err(|_| error())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = UNITS.into_iter().find(|&(unit, seconds)| unit != 'w' && self.0 % seconds == 0);
        let (unit, seconds) = fitting.unwrap_or(('s', 1));
        write!(formatter, "{}{unit}", self.0 / seconds)
    }
}

impl TryFrom<String> for Period {
    type Error = NoPeriod;

    fn try_from(text: String) -> Result<Self, NoPeriod> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Period;

    #[test]
    fn periods_read_and_print() {
        for (text, seconds, printed) in
            [("7d", 604_800, "7d"), ("2w", 1_209_600, "14d"), ("90m", 5_400, "90m"), ("0d", 0, "0d")]
        {
            let period: Period = text.parse().expect(text);
            assert_eq!((period.seconds(), period.to_string().as_str()), (seconds, printed));
        }
        for text in ["", "d", "7", "-1d", "1.5h", "7 d", "7days", "9999999999d"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
