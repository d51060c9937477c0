//! Quotes in pips of improvement on the reference price.

use serde::{Deserialize, Serialize};

/// An integer number of pips (1e-6) of improvement on the reference price, in the trader's favour; or [`NO_BID`].
pub type Quote = i32;

/// The quote that stands for "no bid".
pub const NO_BID: Quote = i32::MIN;

/// Pips in one.
pub const PIPS: i64 = 1_000_000;

/// A quote of this many pips or fewer would pay nothing, and is no bid.
pub const MAX_NO_BID_PIPS: Quote = -1_000_000;

/// How the winner's payment follows from the two best quotes of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum PricingRule {
    /// The winner pays its own quote.
    FirstPrice = 0,
    /// The winner pays the highest of the second-best quote, the reserve and the trader's minimum, at most its own quote.
    SecondPrice = 1,
}
