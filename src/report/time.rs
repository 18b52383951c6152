//! Moments for people, in the zone of the settings. A moment at which a day begins there is told as a day, every other
//! one to the minute.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// `2027-06-01`, or `2027-06-01 14:30 CEST`.
pub(super) fn beginning(at: Timestamp, zone: &TimeZone) -> String {
    let moment = at.to_zoned(zone.clone());
    if is_midnight(&moment) { moment.date().to_string() } else { moment.strftime("%Y-%m-%d %H:%M %Z").to_string() }
}

/// `the end of 2027-06-30`, or `2027-06-30 14:30 CEST`.
pub(super) fn end(at: Timestamp, zone: &TimeZone) -> String {
    last_day(at, zone).map_or_else(|| beginning(at, zone), |day| format!("the end of {day}"))
}

/// `2027-06-30`, the last day of what ends then, or `2027-06-30 14:30 CEST`.
pub(super) fn last(at: Timestamp, zone: &TimeZone) -> String {
    last_day(at, zone).unwrap_or_else(|| beginning(at, zone))
}

/// The day that ends then, if one does.
fn last_day(at: Timestamp, zone: &TimeZone) -> Option<String> {
    let moment = at.to_zoned(zone.clone());
    let day = moment.date().checked_sub(1.day()).ok();
    day.filter(|_| is_midnight(&moment)).map(|day| day.to_string())
}

/// The day of a moment.
pub(super) fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).date().to_string()
}

/// Whether a day begins; in some zones, on some days, that is later than midnight.
fn is_midnight(moment: &jiff::Zoned) -> bool {
    moment.start_of_day().is_ok_and(|start| start == *moment)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{beginning, day, end};

    #[test]
    fn days_are_days_and_other_moments_are_exact() {
        let at = |text: &str| text.parse().expect("a timestamp");
        let zone = TimeZone::UTC;
        assert_eq!(beginning(at("2027-06-01T00:00:00Z"), &zone), "2027-06-01");
        assert_eq!(end(at("2027-06-01T00:00:00Z"), &zone), "the end of 2027-05-31");
        assert_eq!(beginning(at("2027-05-31T22:00:00Z"), &zone), "2027-05-31 22:00 UTC");
        assert_eq!(end(at("2027-05-31T22:00:00Z"), &zone), "2027-05-31 22:00 UTC");
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let at = |text: &str| text.parse().expect("a timestamp");
        let zone = TimeZone::get("Europe/Paris").expect("a zone");
        assert_eq!(beginning(at("2027-05-31T22:00:00Z"), &zone), "2027-06-01");
        assert_eq!(end(at("2027-05-31T22:00:00Z"), &zone), "the end of 2027-05-31");
        assert_eq!(end(at("2027-06-01T00:00:00Z"), &zone), "2027-06-01 02:00 CEST");
        assert_eq!(day(at("2027-05-31T23:00:00Z"), &zone), "2027-06-01");
    }
}
