//! New secrets, from the randomness of the system.

use zeroize::Zeroizing;

use super::OneTimeSecret;

/// Letters and digits that nobody takes for one another, whatever the typeface: no `l`, `I`, `1`, `o`, `O`, `0`.
const KINDS: [&[u8]; 4] = [b"abcdefghjkmnpqrstuvwxyz", b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"23456789", b"+-=_."];
/// All but the last of them, where nothing asks for symbols: those are hard to dictate.
const PLAIN: usize = 3;
/// Fewest characters of a secret: 24 of 55 are more than 138 bits, far beyond what anybody tries out.
const LENGTH: usize = 24;

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no randomness for a secret: {0}")]
pub struct NoRandomness(getrandom::Error);

/// A new secret of at least so many characters, 24 or more, with lower case, upper case and digits among them, and
/// symbols where they are asked for.
pub fn generate(at_least: usize, with_symbols: bool) -> Result<OneTimeSecret, NoRandomness> {
    let length = at_least.max(LENGTH);
    let kinds = if with_symbols { &KINDS[..] } else { &KINDS[..PLAIN] };
    loop {
        let secret = draw(kinds, length)?;
        // A few in a hundred lack a kind, and are thrown away whole: one put in by hand would be easier to guess.
        if kinds.iter().all(|kind| secret.bytes().any(|byte| kind.contains(&byte))) {
            return Ok(OneTimeSecret::new(secret));
        }
    }
}

fn draw(kinds: &[&[u8]], length: usize) -> Result<Zeroizing<String>, NoRandomness> {
    let alphabet = kinds.concat();
    // Bytes from here on are thrown away, so that each character is as likely as any other.
    let fair = 256 - 256 % alphabet.len();
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while text.len() < length {
        getrandom::fill(&mut *bytes).map_err(NoRandomness)?;
        let drawn = bytes.iter().map(|&byte| usize::from(byte)).filter(|&byte| byte < fair);
        for byte in drawn.take(length - text.len()) {
            text.push(char::from(alphabet[byte % alphabet.len()]));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{KINDS, PLAIN, generate};

    #[test]
    fn secrets_have_the_length_every_kind_and_are_never_the_same() {
        let mut seen = BTreeSet::new();
        for (at_least, symbols) in [(0, false), (8, true), (24, false), (25, true), (100, false)].repeat(100) {
            let kinds = if symbols { &KINDS[..] } else { &KINDS[..PLAIN] };
            let secret = generate(at_least, symbols).expect("randomness");
            let text = secret.reveal();
            assert_eq!(text.len(), at_least.max(24));
            assert!(kinds.iter().all(|kind| text.bytes().any(|byte| kind.contains(&byte))));
            assert!(text.bytes().all(|byte| kinds.iter().any(|kind| kind.contains(&byte))));
            assert!(seen.insert(text.to_owned()));
        }
    }

    #[test]
    fn every_character_comes_up_about_as_often_as_any_other() {
        let mut counts = BTreeMap::<char, u32>::new();
        for _ in 0..200 {
            let secret = generate(220, false).expect("randomness");
            secret.reveal().chars().for_each(|character| *counts.entry(character).or_default() += 1);
        }
        // 800 of each are expected; 200 are seven standard deviations.
        assert_eq!(counts.len(), 55);
        assert!(counts.values().all(|count| (600..1000).contains(count)), "{counts:?}");
    }
}
