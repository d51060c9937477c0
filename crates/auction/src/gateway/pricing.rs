//! What a settled slot pays, and whether its intent can be filled.

use alloy::primitives::{U256, U512};
use sotto_types::{
    Claim, Direction, Intent, MAX_NO_BID_PIPS, NO_BID, Price, PricingRule, Quote, amount_out, uncarry,
};

/// The terms of a market that decide about a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillTerms {
    /// How the price follows from the bids.
    pub pricing: PricingRule,
    /// Least quote that can be filled, pips.
    pub reserve: Quote,
    /// Least notional, raw units of the quote token.
    pub min_notional: U256,
    /// Greatest notional, raw units of the quote token.
    pub max_notional: U256,
}

/// Why a settled slot is not filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoFill {
    /// Nobody bid.
    NoBid,
    /// The best quote is below the market's reserve, both in pips.
    BelowReserve {
        /// Best quote.
        best: Quote,
        /// Reserve.
        reserve: Quote,
    },
    /// The order's notional is outside of the market's range.
    SizeOutOfRange {
        /// Notional in raw units of the quote token.
        notional: U256,
    },
    /// The winner's own quote pays less than the trader's minimum.
    LimitNotMet {
        /// What the best quote pays.
        due: U256,
        /// What the trader asks for.
        minimum: U256,
    },
    /// The chain's time is before the intent's window.
    NotYetValid,
    /// The chain's time is after the intent's window.
    Expired,
}

/// Notional of an order at a reference price, in raw units of the quote token, rounded down.
/// `None` when it does not fit 256 bits.
pub fn notional(direction: Direction, sell: U256, reference: Price) -> Option<U256> {
    match direction {
        Direction::SellsBase => {
            let product: U512 = sell.widening_mul(reference);
            let shifted: U512 = product >> 128;
            (shifted.bit_len() <= 256).then(|| shifted.to())
        }
        Direction::SellsQuote => Some(sell),
    }
}

/// Decides about a slot: the amount that the recipient is due, or why there is no fill.
///
/// `now` is the chain's time in Unix seconds. The contract decides in the end; this saves transactions that would revert.
///
/// # Errors
/// The first reason against the fill.
pub fn decide_fill(
    intent: &Intent,
    direction: Direction,
    claim: Claim,
    reference: Price,
    terms: &FillTerms,
    now: u64,
) -> Result<U256, NoFill> {
    let best = uncarry(u64::from(claim.best)).unwrap_or(NO_BID);
    if claim.winner == 0 || best <= MAX_NO_BID_PIPS {
        return Err(NoFill::NoBid);
    }
    if best < terms.reserve {
        return Err(NoFill::BelowReserve { best, reserve: terms.reserve });
    }
    if now < intent.validFrom {
        return Err(NoFill::NotYetValid);
    }
    if now > intent.deadline {
        return Err(NoFill::Expired);
    }
    check_notional(direction, intent.sellAmount, reference, terms)?;
    let pays = |quote| amount_out(direction, intent.sellAmount, reference, quote).unwrap_or(U256::ZERO);
    let (offered, minimum) = (pays(best), intent.minBuyAmount);
    if offered < minimum {
        return Err(NoFill::LimitNotMet { due: offered, minimum });
    }
    let second = uncarry(u64::from(claim.second)).unwrap_or(NO_BID);
    Ok(match terms.pricing {
        PricingRule::FirstPrice => offered,
        PricingRule::SecondPrice => pays(second.max(terms.reserve)).max(minimum).min(offered),
    })
}

/// Whether an order's notional lies within the market's range at a reference price.
///
/// # Errors
/// [`NoFill::SizeOutOfRange`] with the notional; the greatest number when it does not fit 256 bits.
pub fn check_notional(
    direction: Direction,
    sell: U256,
    reference: Price,
    terms: &FillTerms,
) -> Result<(), NoFill> {
    let size = notional(direction, sell, reference).unwrap_or(U256::MAX);
    let fits = size >= terms.min_notional && size <= terms.max_notional;
    if fits { Ok(()) } else { Err(NoFill::SizeOutOfRange { notional: size }) }
}

impl NoFill {
    /// The reason in words; amounts that only the trader knows are no part of it.
    pub fn reason(&self) -> String {
        match self {
            Self::NoBid => "no solver bid".into(),
            Self::BelowReserve { best, reserve } => {
                format!("the best quote of {best} pips is below the market's reserve of {reserve}")
            }
            Self::SizeOutOfRange { .. } => "the notional is outside of the market's range".into(),
            Self::LimitNotMet { .. } => "the best quote does not meet the limit".into(),
            Self::NotYetValid => "the intent is not valid yet".into(),
            Self::Expired => "the deadline passed before the fill".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Address, B256};
    use proptest::prelude::*;
    use sotto_types::carry;

    const NOW: u64 = 1_790_000_000;

    fn intent(sell: u128, minimum: u128) -> Intent {
        Intent {
            owner: Address::repeat_byte(1),
            recipient: Address::repeat_byte(1),
            sellToken: Address::repeat_byte(2),
            buyToken: Address::repeat_byte(3),
            sellAmount: U256::from(sell),
            minBuyAmount: U256::from(minimum),
            validFrom: NOW,
            deadline: NOW,
            nonce: U256::ZERO,
            market: B256::ZERO,
            appData: B256::ZERO,
        }
    }

    fn terms(pricing: PricingRule, reserve: Quote) -> FillTerms {
        FillTerms { pricing, reserve, min_notional: U256::from(1), max_notional: U256::MAX }
    }

    fn claim(best: Quote, second: Quote) -> Claim {
        Claim { best: carry(best), second: carry(second), winner: 1 }
    }

    fn two() -> Price {
        U256::from(2) << 128
    }

    fn decide(intent: &Intent, claim: Claim, terms: &FillTerms) -> Result<U256, NoFill> {
        decide_fill(intent, Direction::SellsBase, claim, two(), terms, NOW)
    }

    #[test]
    fn a_slot_is_filled_at_the_rule_s_price_or_left_with_the_reason() {
        let order = intent(1_000_000, 1_999_000);
        let first = terms(PricingRule::FirstPrice, -2000);
        let second = terms(PricingRule::SecondPrice, -2000);
        assert_eq!(decide(&order, claim(100, NO_BID), &first), Ok(U256::from(2_000_200)));
        assert_eq!(decide(&order, claim(100, 50), &second), Ok(U256::from(2_000_100)));
        assert_eq!(
            decide(&order, claim(100, NO_BID), &second),
            Ok(U256::from(1_999_000)),
            "the trader's minimum"
        );
        assert_eq!(decide(&order, Claim::default(), &first), Err(NoFill::NoBid));
        assert_eq!(
            decide(&order, claim(-2001, NO_BID), &first),
            Err(NoFill::BelowReserve { best: -2001, reserve: -2000 })
        );
        assert_eq!(
            decide(&order, claim(-501, NO_BID), &first),
            Err(NoFill::LimitNotMet { due: U256::from(1_998_998), minimum: U256::from(1_999_000) })
        );
        assert_eq!(decide(&order, claim(-500, NO_BID), &first), Ok(U256::from(1_999_000)));
    }

    // covers: S10
    #[test]
    fn the_validity_window_includes_both_ends_at_the_fill() {
        let order = intent(1_000_000, 1);
        let at = |now| {
            decide_fill(
                &order,
                Direction::SellsBase,
                claim(0, NO_BID),
                two(),
                &terms(PricingRule::FirstPrice, 0),
                now,
            )
        };
        assert!(at(NOW).is_ok());
        assert_eq!(at(NOW - 1), Err(NoFill::NotYetValid));
        assert_eq!(at(NOW + 1), Err(NoFill::Expired));
    }

    #[test]
    fn sizes_outside_of_the_market_s_range_are_not_filled() {
        let mut narrow = terms(PricingRule::FirstPrice, 0);
        narrow.min_notional = U256::from(2_000_000);
        narrow.max_notional = U256::from(2_000_000);
        assert!(decide(&intent(1_000_000, 1), claim(0, NO_BID), &narrow).is_ok());
        for sell in [999_999u128, 1_000_001] {
            assert!(matches!(
                decide(&intent(sell, 1), claim(0, NO_BID), &narrow),
                Err(NoFill::SizeOutOfRange { .. })
            ));
        }
    }

    proptest! {
        // covers: C14
        #[test]
        fn a_fill_pays_between_the_minimum_and_the_winner_s_quote(
            sell in 1u128..1 << 90, price in 1u128..1 << 100, minimum in 1u128..1 << 90,
            best in -999_999i32..1_000_000, second in any::<i32>(), rule in any::<bool>(),
        ) {
            let rule = if rule { PricingRule::FirstPrice } else { PricingRule::SecondPrice };
            let (order, price) = (intent(sell, minimum), U256::from(price) << 64);
            let second = second.min(best);
            for direction in [Direction::SellsBase, Direction::SellsQuote] {
                if let Ok(paid) = decide_fill(&order, direction, claim(best, second), price, &terms(rule, -999_999), NOW) {
                    let offered = amount_out(direction, order.sellAmount, price, best).unwrap();
                    prop_assert!(paid >= order.minBuyAmount && paid <= offered);
                }
            }
        }
    }
}
