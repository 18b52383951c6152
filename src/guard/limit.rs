//! How much a plan may come to.

use crate::settings::RemovalLimit;

/// What a plan may come to, and where that comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// At most so many.
    pub most: u32,
    /// Of how many people in a hundred, where it is a share and not a number.
    pub percent: Option<u32>,
}

impl Limit {
    /// A number as the settings have it.
    #[must_use]
    pub const fn of_settings(most: u32) -> Self {
        Self { most, percent: None }
    }
}

/// How many of so many active and invited people may lose something in one plan (`contract.md` §4): the larger of the
/// percentage, rounded down, and the smaller of `min_count` and half of them, rounded up.
#[must_use]
pub fn removal_limit(people: u32, limit: RemovalLimit) -> Limit {
    let RemovalLimit { max_percent, min_count } = limit;
    let share = u64::from(people) * u64::from(max_percent.min(100)) / 100;
    let share = u32::try_from(share).unwrap_or(people);
    let small = min_count.min(people.div_ceil(2));
    Limit { most: share.max(small), percent: (share >= small).then_some(max_percent) }
}
