//! From a quote in pips to an amount of tokens, in 256-bit arithmetic that rounds for the trader.

use alloy_primitives::{U256, U512};

use crate::{Direction, PIPS, Quote, quote::MAX_NO_BID_PIPS};

/// A price in raw quote-token units per raw base-token unit, times 2^128; below 2^200.
pub type Price = U256;

/// `ceil(a·b / c)` with a 512-bit product; `None` when `c` is zero or the result exceeds 256 bits.
pub fn mul_div_up(a: U256, b: U256, c: U256) -> Option<U256> {
    if c.is_zero() {
        return None;
    }
    let product: U512 = a.widening_mul(b);
    let divisor = U512::from(c);
    let (quotient, remainder) = product.div_rem(divisor);
    let rounded = if remainder.is_zero() { quotient } else { quotient + U512::from(1) };
    (rounded.bit_len() <= 256).then(|| rounded.to())
}

/// Tokens that a quote is worth to the trader who sells `sell` raw units at the reference price.
///
/// Sells base: `ceil(sell · ref·(10^6+q) / (2^128·10^6))`. Sells quote: `ceil(sell·(10^6+q) · 2^128 / (ref·10^6))`.
/// `None` for no bid, for `sell` or `reference` of 2^200 or more, a zero reference, or a result over 256 bits.
pub fn amount_out(direction: Direction, sell: U256, reference: Price, quote: Quote) -> Option<U256> {
    if quote <= MAX_NO_BID_PIPS || sell.bit_len() > 200 || reference.bit_len() > 200 {
        return None;
    }
    let pips = U256::from(PIPS);
    let factor = U256::from(u64::try_from(PIPS + i64::from(quote)).ok()?);
    let q128 = U256::from(1) << 128;
    match direction {
        Direction::SellsBase => mul_div_up(sell, reference * factor, q128 * pips),
        Direction::SellsQuote => mul_div_up(sell * factor, q128, reference * pips),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_reference_price_itself_pays_the_reference_amount() {
        let two = U256::from(2) << 128;
        assert_eq!(amount_out(Direction::SellsBase, U256::from(10), two, 0), Some(U256::from(20)));
        assert_eq!(amount_out(Direction::SellsQuote, U256::from(10), two, 0), Some(U256::from(5)));
        assert_eq!(amount_out(Direction::SellsQuote, U256::from(11), two, 0), Some(U256::from(6)));
        assert_eq!(amount_out(Direction::SellsBase, U256::from(10), two, MAX_NO_BID_PIPS), None);
    }

    proptest! {
        // covers: C14
        #[test]
        fn a_better_quote_never_pays_less(sell in 1u128.., price in 1u128.., q in -999_999i32..1_000_000, more in 0i32..1000) {
            for direction in [Direction::SellsBase, Direction::SellsQuote] {
                let pay = |q| amount_out(direction, U256::from(sell), U256::from(price) << 40, q).unwrap();
                prop_assert!(pay(q + more) >= pay(q));
            }
        }
    }
}
