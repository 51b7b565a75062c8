//! The order of variants and of builders: a seeded Latin square, mirrored every second cycle.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The order of `count` variants in `round` (from 1). In `count` rounds every variant stands once in every place; the
/// next `count` rounds are their mirror image, so that what drifts over time meets all variants alike
/// (for two variants: AB BA BA AB).
pub fn order(seed: u64, scenario: &str, count: usize, round: u32) -> Vec<usize> {
    if count == 0 {
        return Vec::new();
    }
    let mut variants: Vec<usize> = (0..count).collect();
    let key = Sha256::digest([seed.to_le_bytes().as_slice(), scenario.as_bytes()].concat());
    variants.shuffle(&mut ChaCha8Rng::from_seed(key.into()));
    let place = round.saturating_sub(1) as usize;
    variants.rotate_left(place % count);
    if place / count % 2 == 1 {
        variants.reverse();
    }
    variants
}

/// The order of `count` builders in `round`: two take turns at being the first, AB BA BA AB, and which begins is drawn.
pub fn order_of_builders(seed: u64, scenario: &str, count: usize, round: u32) -> Vec<usize> {
    order(seed, &format!("builders of {scenario}"), count, round)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variant_stands_once_in_each_place_of_a_cycle() {
        for count in 1..6 {
            for cycle in 0..4_u32 {
                let rows: Vec<_> =
                    (1..=count as u32).map(|r| order(7, "go", count, cycle * count as u32 + r)).collect();
                for place in 0..count {
                    let mut column: Vec<_> = rows.iter().map(|row| row[place]).collect();
                    column.sort_unstable();
                    assert_eq!(column, (0..count).collect::<Vec<_>>(), "{rows:?}");
                }
            }
        }
    }

    #[test]
    fn the_second_cycle_is_the_mirror_of_the_first() {
        for round in 1..=3 {
            let mut mirrored = order(1, "x", 3, round + 3);
            mirrored.reverse();
            assert_eq!(order(1, "x", 3, round), mirrored);
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(order(1, "x", 3, 1), order(1, "x", 3, 1));
        let all: std::collections::BTreeSet<_> = (0..50).map(|seed| order(seed, "x", 3, 1)).collect();
        assert_eq!(all.len(), 6);
        assert!(order(1, "x", 0, 1).is_empty());
    }

    #[test]
    fn two_builders_take_turns_and_each_begins_as_often() {
        let first: Vec<_> = (1..=8).map(|round| order_of_builders(3, "x", 2, round)[0]).collect();
        assert!(first.chunks(2).all(|pair| pair[0] != pair[1]), "{first:?}");
        assert_eq!((first[0], first[3], first[4]), (first[0], first[0], first[0]), "AB BA BA AB: {first:?}");
        assert_eq!(order_of_builders(3, "x", 1, 5), [0]);
    }
}
