//! The arithmetic of guards, and what waivers lift.

use super::{Guard, Judgement, Limit, NoWaiver, Ruling, Waived, Waiver, Why, removal_limit};
use crate::settings::RemovalLimit;

fn most(people: u32) -> u32 {
    removal_limit(people, RemovalLimit::default()).most
}

#[test]
fn small_stores_may_lose_up_to_half_and_large_ones_a_quarter() {
    let small: Vec<u32> = (0..=12).map(most).collect();
    assert_eq!(small, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5]);
    for (people, limit) in [(19, 5), (20, 5), (23, 5), (24, 6), (27, 6), (28, 7), (1_506, 376), (1_000_000, 250_000)] {
        assert_eq!(most(people), limit, "of {people}");
    }
    assert_eq!(most(u32::MAX), 1_073_741_823, "no overflow");
}

#[test]
fn percentages_are_rounded_down_and_half_is_rounded_up() {
    let limit = |people, max_percent, min_count| removal_limit(people, RemovalLimit { max_percent, min_count }).most;
    assert_eq!(limit(99, 1, 0), 0);
    assert_eq!(limit(100, 1, 0), 1);
    assert_eq!(limit(7, 0, 100), 4, "never more than half by number");
    assert_eq!(limit(7, 100, 0), 7);
    assert_eq!(limit(7, 0, 0), 0, "nobody ever");
    assert_eq!(limit(3, 50, 1), 1);
    assert_eq!(removal_limit(1_506, RemovalLimit::default()), Limit { most: 376, percent: Some(25) });
    assert_eq!(removal_limit(10, RemovalLimit::default()), Limit { most: 5, percent: None });
}

#[test]
fn a_guard_that_refuses_in_many_places_is_named_once() {
    let ruling = |guard, why, is_waived| {
        let limit = Limit::of_settings(1);
        Ruling { guard, organization: None, count: 2, limit, people: None, why, is_waived }
    };
    let over = Some(Why::OverLimit);
    let rulings = [
        ruling(Guard::Removals, over, false),
        ruling(Guard::Invitations, over, false),
        ruling(Guard::Mails, over, true),
        ruling(Guard::Deletions, None, false),
        ruling(Guard::Removals, Some(Why::Emptied), false),
    ];
    let judgement = Judgement { rulings: rulings.to_vec(), verdicts: Vec::new() };
    assert_eq!(judgement.refusing(), ["removals", "invitations"]);
}

#[test]
fn a_waiver_names_one_guard_and_one_digest() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let waiver: Waiver = format!("removals={digest}").parse().expect("a waiver");
    assert_eq!(waiver, Waiver { waived: Waived::Guard(Guard::Removals), digest: digest.clone() });
    for guard in Guard::ALL {
        let lifted = format!("{}={digest}", guard.as_str()).parse::<Waiver>().map(|waiver| waiver.waived);
        assert_eq!(lifted, Ok(Waived::Guard(guard)));
    }
    let lifted = format!("policies.two-managers={digest}").parse::<Waiver>().map(|waiver| waiver.waived);
    assert_eq!(lifted, Ok(Waived::policy("two-managers")));
    let refused = |text: &str| text.parse::<Waiver>().expect_err("no waiver");
    assert!(refused(&format!("removal={digest}")).to_string().contains("did you mean `removals`"));
    assert!(refused(&format!("all={digest}")).to_string().contains("there are: removals, "));
    assert!(refused(&format!("*={digest}")).to_string().contains("there is no guard"));
    assert!(refused(&format!("policies={digest}")).to_string().contains("there is no guard"));
    assert!(refused(&format!("policies.={digest}")).to_string().contains("there is no guard"));
    assert_eq!(refused("removals"), NoWaiver::NoDigest("removals".to_owned()));
    assert_eq!(refused(&format!("protected_users={digest}")), NoWaiver::NotWaivable("protected_users".to_owned()));
    for wrong in ["", "sha256:", "sha256:xyz", &digest[..70], &format!("{digest}0"), &digest[7..], "*"] {
        assert_eq!(refused(&format!("mails={wrong}")), NoWaiver::NotADigest(wrong.to_owned()));
    }
}
