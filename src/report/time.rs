//! Moments for people. A moment at which a day begins in UTC is told as a day, every other one to the minute.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// `2027-06-01`, or `2027-05-31 22:00 UTC`.
pub(super) fn beginning(at: Timestamp) -> String {
    let moment = at.to_zoned(TimeZone::UTC).datetime();
    if moment.time() == jiff::civil::Time::midnight() {
        moment.date().to_string()
    } else {
        format!("{} UTC", moment.strftime("%Y-%m-%d %H:%M"))
    }
}

/// `the end of 2027-06-30`, or `2027-06-30 22:00 UTC`.
pub(super) fn end(at: Timestamp) -> String {
    let moment = at.to_zoned(TimeZone::UTC).datetime();
    match moment.date().checked_sub(1.day()) {
        Ok(day) if moment.time() == jiff::civil::Time::midnight() => format!("the end of {day}"),
        Ok(_) | Err(_) => beginning(at),
    }
}

#[cfg(test)]
mod tests {
    use super::{beginning, end};

    #[test]
    fn days_are_days_and_other_moments_are_exact() {
        let at = |text: &str| text.parse().expect("a timestamp");
        assert_eq!(beginning(at("2027-06-01T00:00:00Z")), "2027-06-01");
        assert_eq!(end(at("2027-06-01T00:00:00Z")), "the end of 2027-05-31");
        assert_eq!(beginning(at("2027-05-31T22:00:00Z")), "2027-05-31 22:00 UTC");
        assert_eq!(end(at("2027-05-31T22:00:00Z")), "2027-05-31 22:00 UTC");
    }
}
