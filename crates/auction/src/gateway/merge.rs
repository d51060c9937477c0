//! How the results of several settlements of one round merge, as the contract does it.

use sotto_types::{Claim, SLOTS};

/// What is stored of a slot after results `proven` were added to `stored`.
///
/// The same winner keeps its quote and takes the higher runner-up; otherwise the higher quote wins, ties go to the
/// lower commit index, and the runner-up is the highest of the rest. A winner of 0 is nobody.
pub fn merge_claim(stored: Claim, proven: Claim) -> Claim {
    if stored.winner == proven.winner {
        return Claim { second: stored.second.max(proven.second), ..stored };
    }
    if stored.winner == 0 {
        return proven;
    }
    if proven.winner == 0 {
        return stored;
    }
    let keep = stored.best > proven.best || (stored.best == proven.best && stored.winner < proven.winner);
    let (top, rest) = if keep { (stored, proven) } else { (proven, stored) };
    Claim { second: top.second.max(rest.best), ..top }
}

/// [`merge_claim`] for every slot.
pub fn merge_claims(stored: &[Claim; SLOTS], proven: &[Claim; SLOTS]) -> [Claim; SLOTS] {
    std::array::from_fn(|i| merge_claim(stored[i], proven[i]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One sheet's claim of a slot: the bid and the commit index plus one; a bid of 0 is no bid.
    fn sheet(index: u32, bid: u32) -> Claim {
        if bid == 0 { Claim::default() } else { Claim { best: bid, second: 0, winner: index + 1 } }
    }

    /// The rule without merging: best and second-best over all bids, ties to the lower index.
    fn tournament(bids: &[u32]) -> Claim {
        let mut ranked: Vec<(u32, u32)> =
            bids.iter().zip(0u32..).filter(|(b, _)| **b > 0).map(|(&b, i)| (b, i)).collect();
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        Claim {
            best: ranked.first().map_or(0, |r| r.0),
            second: ranked.get(1).map_or(0, |r| r.0),
            winner: ranked.first().map_or(0, |r| r.1 + 1),
        }
    }

    proptest! {
        // covers: C10
        #[test]
        fn settling_sheets_one_by_one_in_any_order_gives_the_tournament(
            bids in prop::collection::vec(0u32..6, 1..9),
            order in prop::collection::vec(any::<prop::sample::Index>(), 8),
        ) {
            let mut sheets: Vec<Claim> = bids.iter().zip(0..).map(|(&b, i)| sheet(i, b)).collect();
            let mut merged = Claim::default();
            for index in order.iter().cycle() {
                if sheets.is_empty() {
                    break;
                }
                merged = merge_claim(merged, sheets.swap_remove(index.index(sheets.len())));
            }
            prop_assert_eq!(merged, tournament(&bids));
        }

        #[test]
        fn settling_the_same_results_again_changes_nothing(best in 1u32.., second: u32, winner in 1u32..) {
            let claim = Claim { best, second: second.min(best), winner };
            prop_assert_eq!(merge_claim(claim, claim), claim);
            prop_assert_eq!(merge_claim(claim, Claim::default()), claim);
            prop_assert_eq!(merge_claim(Claim::default(), claim), claim);
        }
    }
}
